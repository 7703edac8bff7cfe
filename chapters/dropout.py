"""Dropout in a multilayer perceptron on Fashion-MNIST, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 3.13.

New since the multilayer perceptron: a second hidden layer, and activations that are dropped at random during
training, few near the input and more near the output. Those that remain are scaled up, so that a layer's
expectation does not change and testing needs no correction. Beside the book's net there is one without
dropout and one with the two probabilities exchanged.

Expect a training accuracy of about 0.85 after five epochs, lower than without dropout. Five epochs are too
few to see the overfitting that dropout is meant to prevent.
"""

from dataclasses import dataclass, replace

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, cross_entropy, dropout, relu, softmax
from d2l_repro.settings import Count, Positive, Probability, Units
from d2l_repro.train import train_ch3

from . import softmax_regression
from .softmax_regression import NUM_INPUTS, NUM_OUTPUTS, data

OVERFIT = 1.0  # points by which the training accuracy is above that of a test if a net is called overfitted
NAMES = {"": "as in the book", "exchanged": "probabilities exchanged"}  # of the variants in figures


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of dropout."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr: Positive = 0.5  # learning rate of SGD
    num_hiddens1: Units = 256  # units of the first hidden layer
    num_hiddens2: Units = 256  # units of the second hidden layer
    drop_prob1: Probability = 0.2  # probability of dropping a unit of the first hidden layer
    drop_prob2: Probability = 0.5  # probability of dropping a unit of the second hidden layer
    sigma: Positive = 0.01  # standard deviation of the initial weights


def from_scratch(hp, data):
    """Build the net with dropout after each hidden layer; `dropout` knows whether the net is in training."""
    W1 = nd.random.normal(scale=hp.sigma, shape=(NUM_INPUTS, hp.num_hiddens1))
    b1 = nd.zeros(hp.num_hiddens1)
    W2 = nd.random.normal(scale=hp.sigma, shape=(hp.num_hiddens1, hp.num_hiddens2))
    b2 = nd.zeros(hp.num_hiddens2)
    W3 = nd.random.normal(scale=hp.sigma, shape=(hp.num_hiddens2, NUM_OUTPUTS))
    b3 = nd.zeros(NUM_OUTPUTS)
    params = [W1, b1, W2, b2, W3, b3]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        H1 = relu(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1)  # (batch, num_hiddens1)
        H1 = dropout(H1, hp.drop_prob1)
        H2 = relu(nd.dot(H1, W2) + b2)  # (batch, num_hiddens2)
        H2 = dropout(H2, hp.drop_prob2)
        return softmax(nd.dot(H2, W3) + b3)  # (batch, 10)

    return Model(net, cross_entropy, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build the same from Gluon, where dropout is a layer."""
    net = nn.HybridSequential()
    net.add(
        nn.Dense(hp.num_hiddens1, activation="relu"),
        nn.Dropout(hp.drop_prob1),
        nn.Dense(hp.num_hiddens2, activation="relu"),
        nn.Dropout(hp.drop_prob2),
        nn.Dense(NUM_OUTPUTS),
    )
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does; dropout needs nothing of its own here."""
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


def runs(hp):
    """Return the variants: the book's net, no dropout, and the two probabilities exchanged."""
    variants = {
        "": hp,
        "no dropout": hp.replace(drop_prob1=0.0, drop_prob2=0.0),
        "exchanged": hp.replace(drop_prob1=hp.drop_prob2, drop_prob2=hp.drop_prob1),
    }
    # The implementations draw different masks, so their paths are compared where nothing is dropped.
    return [
        replace(run, compare_paths=run.hp.drop_prob1 == run.hp.drop_prob2 == 0, compare_testing=True)
        for run in runs_of({"scratch": from_scratch, "gluon": with_gluon}, variants)
    ]


def show(result, data):
    """Show training curves of the book's net and of the variants, and the gaps between training and test."""
    book = {run.impl: run for run in result.select(variant="")}
    result.figures["training_curves"] = plot.training_curves(
        book,
        f"Dropout on {data.source.title}: {{test_acc:.1%}} of the test images right",
        published=result.printed(),
    )
    for impl in book:
        variants = {run.variant: run for run in result.select(impl)}
        result.figures[f"variants_{impl}"] = draw_gaps(variants, plot.IMPLS[impl])
    result.tables["What dropout changes"] = [
        {
            "run": label,
            **{name: f"{run.metrics[name]:.4f}" for name in ("train_acc", "test_acc")},
            "gap": f"{run.metrics['train_acc'] - run.metrics['test_acc']:+.4f}",
        }
        for label, run in result.labelled().items()
        if run.metrics
    ]


def draw_gaps(variants, impl):
    """Draw by how many points the training accuracy is above the test accuracy, a line for each variant."""
    gaps = {}
    for variant, run in variants.items():
        name = NAMES.get(variant, variant)
        gaps[name] = (
            run.history["epoch"],
            [100 * (row["train_acc"] - row["test_acc"]) for row in run.history],
        )
    ends = {name: gap[-1] for name, (_, gap) in gaps.items() if gap}
    title = f"Training less test accuracy, {impl}"
    if ends:
        overfit = [name for name, gap in ends.items() if gap > OVERFIT]
        who = ", ".join(overfit) or "no net"
        title += f": at the end at most {max(ends.values()):+.1f} points, {who} overfits"
    return plot.lines(gaps, "epoch", "training less test accuracy, points", title)


chapter = Chapter(
    name="dropout",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=runs,
    train=train,
    show=show,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
