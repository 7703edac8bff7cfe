"""A multilayer perceptron on Fashion-MNIST, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, sections 3.8 to 3.10.

New since softmax regression: a hidden layer with a nonlinear activation between two linear maps. Without the
activation, the two maps would amount to one. Data and loss are those of softmax regression.

Expect a training accuracy of 0.86 to 0.87 after five epochs, three points above softmax regression.
"""

from dataclasses import dataclass

from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, cross_entropy, relu, softmax
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train import train_ch3

from . import softmax_regression
from .softmax_regression import NUM_INPUTS, NUM_OUTPUTS, data

ACTIVATIONS_TITLE = "Far from 0, sigmoid and tanh have hardly any gradient, and ReLU has all of it or none"


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of the multilayer perceptron."""

    num_epochs: Count = 5  # passes over the training set; the authors also printed 10
    batch_size: Count = 256  # examples per step
    lr: Positive = 0.5  # learning rate of SGD
    num_hiddens: Units = 256  # units of the hidden layer
    sigma: Positive = 0.01  # standard deviation of the initial weights


def from_scratch(hp, data):
    """Build section 3.9: two layers with ReLU between them."""
    W1 = nd.random.normal(scale=hp.sigma, shape=(NUM_INPUTS, hp.num_hiddens))
    b1 = nd.zeros(hp.num_hiddens)
    W2 = nd.random.normal(scale=hp.sigma, shape=(hp.num_hiddens, NUM_OUTPUTS))
    b2 = nd.zeros(NUM_OUTPUTS)
    params = [W1, b1, W2, b2]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        H = relu(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1)  # (batch, num_hiddens)
        return softmax(nd.dot(H, W2) + b2)  # (batch, 10)

    return Model(net, cross_entropy, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build section 3.10: the same from Gluon's parts."""
    net = nn.HybridSequential()
    net.add(nn.Dense(hp.num_hiddens, activation="relu"), nn.Dense(NUM_OUTPUTS))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does, for either implementation."""
    return train_ch3(
        model.net,
        data.train_iter,
        data.test_iter,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        callbacks=callbacks,
    )


def show(result, data):
    """Show the training curves, and three activations with their gradients."""
    result.figures["training_curves"] = plot.training_curves(
        result.labelled(),
        f"MLP on {data.source.title}: {{test_acc:.1%}} of the test images right after {{epoch:.0f}} epochs",
        published=result.printed(),
    )
    result.figures["activations"] = plot.functions(activations(), "x", ACTIVATIONS_TITLE)


def activations():
    """Return title -> x and the values of an activation and its gradient, on [-8, 8) (section 3.8)."""
    panels = {}
    for name, activation in {"ReLU": relu, "sigmoid": nd.sigmoid, "tanh": nd.tanh}.items():
        x = nd.arange(-8, 8, 0.1)
        x.attach_grad()
        with autograd.record():
            y = activation(x)
        y.backward()
        panels[name] = (x.asnumpy(), {name: y.asnumpy(), "gradient": x.grad.asnumpy()})
    return panels


chapter = Chapter(
    name="mlp",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: runs_of({"scratch": from_scratch, "gluon": with_gluon}, {"": hp}),
    train=train,
    show=show,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
