"""Three initializations of softmax regression and an MLP, from scratch and with Gluon.

A reader's article on hand-written optimizers in MXNet.

Initial weights are drawn from N(0, 0.01) as in the book, where 0.01 is the standard deviation, from X. Glorot
and Y. Bengio's uniform distribution, or from K. He's normal one. The loss of a single layer has one minimum,
so it hardly matters where training starts. With one hidden layer it makes little difference.

Expect test accuracies within a tenth of a point of each other for one layer, and within a point for the MLP,
where the book's initialization comes last. The article finds little difference for one layer, without a
number; its conclusion is tested with a margin of 0.8 points, which the article calls no big difference in
another comparison of the same layer. K. He's initialization ends 0.1 points below the book's.
"""

from dataclasses import dataclass

from mxnet import gluon, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import add_differences
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.scratch import SGD, relu, softmax_cross_entropy
from d2l_repro.scratch.counterparts import INITIALIZERS, normal_pair
from d2l_repro.settings import Count, Positive
from d2l_repro.train import train_ch3

from . import softmax_regression
from .softmax_regression import NUM_INPUTS, NUM_OUTPUTS, data

NUM_HIDDENS = 256  # units of the MLP's hidden layer
INITIALIZATIONS = {"normal": normal_pair(0.01), **INITIALIZERS}
NAMES = {"normal": "N(0, 0.01)", "xavier": "Xavier", "kaiming": "He"}  # in figures
LABELS = {f"{net} {init}": name for net in ("softmax", "mlp") for init, name in NAMES.items()}
# The article's conclusion, on one layer: name -> (a run, the run to subtract, what is compared)
CONCLUSIONS = {"kaiming_minus_normal": ("softmax kaiming", "softmax normal", "test_acc")}


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The textbook's settings, as the article does not state its own."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr_softmax: Positive = 0.1  # learning rate of softmax regression
    lr_mlp: Positive = 0.5  # learning rate of the MLP


@dataclass(frozen=True)
class Setting(settings.Settings):
    """A row of a comparison."""

    init: str  # name in INITIALIZATIONS
    lr: Positive  # learning rate of SGD
    num_epochs: Count
    batch_size: Count


def softmax_from_scratch(hp: Setting, data) -> Model:
    """Build softmax regression: one linear layer, and a loss that contains the softmax."""
    draw_weights = INITIALIZATIONS[hp.init].from_scratch
    W, b = draw_weights((NUM_INPUTS, NUM_OUTPUTS)), nd.zeros(NUM_OUTPUTS)
    params = [W, b]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        return nd.dot(X.reshape((-1, NUM_INPUTS)), W) + b  # (batch, 10)

    return Model(net, softmax_cross_entropy, params, SGD(params, hp.lr))


def mlp_from_scratch(hp: Setting, data) -> Model:
    """Build the MLP 784-256-10, with ReLU between its two layers."""
    draw_weights = INITIALIZATIONS[hp.init].from_scratch
    W1, b1 = draw_weights((NUM_INPUTS, NUM_HIDDENS)), nd.zeros(NUM_HIDDENS)
    W2, b2 = draw_weights((NUM_HIDDENS, NUM_OUTPUTS)), nd.zeros(NUM_OUTPUTS)
    params = [W1, b1, W2, b2]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        H = relu(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1)  # (batch, 256)
        return nd.dot(H, W2) + b2  # (batch, 10)

    return Model(net, softmax_cross_entropy, params, SGD(params, hp.lr))


def softmax_with_gluon(hp: Setting, data) -> Model:
    """Build softmax regression from Gluon's layer, loss and optimizer."""
    net = nn.HybridSequential()
    net.add(nn.Dense(NUM_OUTPUTS))
    return gluon_model(net, hp)


def mlp_with_gluon(hp: Setting, data) -> Model:
    """Build the MLP from Gluon's layers, loss and optimizer."""
    net = nn.HybridSequential()
    net.add(nn.Dense(NUM_HIDDENS, activation="relu"), nn.Dense(NUM_OUTPUTS))
    return gluon_model(net, hp)


def gluon_model(net, hp: Setting) -> Model:
    """Initialize a Gluon net, and add its loss and trainer."""
    net.initialize(INITIALIZATIONS[hp.init].with_gluon())
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model, data, hp: Setting, callbacks=()):
    """Call `train_ch3` as the book does, for any net and implementation."""
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


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs of every comparison."""
    softmax = {"scratch": softmax_from_scratch, "gluon": softmax_with_gluon}
    mlp = {"scratch": mlp_from_scratch, "gluon": mlp_with_gluon}

    def variants(net, lr):
        return {f"{net} {init}": Setting(init, lr, hp.num_epochs, hp.batch_size) for init in INITIALIZATIONS}

    return {
        "Softmax regression": runs_of(softmax, variants("softmax", hp.lr_softmax)),
        "MLP": runs_of(mlp, variants("mlp", hp.lr_mlp)),
    }


def show(result, data):
    """Add a figure and a table for each net, and the difference on which the article's conclusion rests."""
    tables = comparisons(HParams(**result.settings))
    columns = ("train_loss", "train_acc", "test_acc")
    comparison.draw(result, tables, f"on {data.source.title}", columns, words=NAMES)
    comparison.tabulate(result, tables, comparison.accuracy_row)
    add_differences(result, CONCLUSIONS)


chapter = Chapter(
    name="initialization",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    show=show,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
