"""XOR: a net of three units and everything that can be changed about it, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A hundred points of a square belong to class 1 where exactly one coordinate is positive, so no line
separates the two classes. A hidden layer of three units may learn this in 500 steps of 8 points. Then one
thing is changed at a time: activation, loss, batch, width, depth, learning rate, bias, optimizer.

With only three units, much depends on luck: four of ten runs separate the classes, with a test accuracy
above 0.9 (five seeds, scratch and Gluon). Expect this order, but not these digits: all ten succeed with
eight units and six with four; six or seven with Adam and RMSProp. With the whole training set as one batch,
five succeed in the same number of steps, but none with the same number of examples. None succeeds without
an activation, which leaves the accuracy at 0.57, nor with sigmoids in 500 steps, nor with two units.
Learning rates of 10 and more move the weights so far that every ReLU outputs 0.
"""

from dataclasses import dataclass
from typing import Literal, Optional

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import minibatches, split_points
from d2l_repro.data.synthetic import xor_points
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter, Run, runs_of
from d2l_repro.experiment.model import Model
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.scratch import correct_sign, normal, sigmoid_cross_entropy, squared_loss
from d2l_repro.scratch.counterparts import GLUON_ACTIVATIONS, OPTIMIZERS, LogisticLoss
from d2l_repro.scratch.layers import Activation, Affine, Network, gradients_by_hand
from d2l_repro.settings import Count, Options, Positive, Units
from d2l_repro.train import evaluate, train_ch3
from d2l_repro.train.callbacks import BestModel
from d2l_repro.train.parameters import state_arrays

NUM_VALID, NUM_TEST = 100, 1000


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_epochs: Count = 20  # evaluations during training
    steps: Count = 25  # batches between two evaluations
    batch_size: Count = 8  # examples per step
    lr: Positive = 0.5  # learning rate of SGD
    num_train: Count = 100  # training examples; there are 100 more for validation and 1000 for testing
    sigma: Positive = 1.0  # standard deviation of the initial weights


@dataclass(frozen=True)
class Setting(HParams):
    """Settings of one run; the defaults give the net 2-3-1."""

    num_hiddens1: Units = 3  # units of the hidden layer
    num_hiddens2: int = 0  # units of a second hidden layer; 0 for none
    activation: Optional[str] = "relu"  # of the hidden layers; None for none
    bias: bool = True  # whether the layers have one
    loss: Literal["logistic", "squared"] = "logistic"  # squared: of the probability, a sigmoid's output
    optimizer: str = "sgd"  # name in `OPTIMIZERS`


def data(hp: Setting, options: Options) -> Data:
    """Return X (batch, 2) and y (batch,), 0 or 1, in batches that are counted in steps."""
    points, classes = xor_points(hp.num_train + NUM_VALID + NUM_TEST)

    def is_correct(y_hat, y):  # a logit is above 0 where a probability is above 1/2
        return correct_sign(y_hat, y, threshold=0.5 if hp.loss == "squared" else 0.0)

    splits = split_points(points, classes, hp.num_train, NUM_VALID, "XOR", is_correct)
    return minibatches(splits, hp.batch_size, options.seed, steps=hp.steps)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build the net 2-3-1, affine - ReLU - affine, with the changes that the setting makes to it."""

    def affine(inputs, outputs, first=False):
        return Affine(normal((inputs, outputs), hp.sigma), nd.zeros(outputs) if hp.bias else None, first)

    def hidden(inputs, units, first=False):
        activation = [Activation(hp.activation)] if hp.activation else []
        return [affine(inputs, units, first), *activation]

    layers = hidden(2, hp.num_hiddens1, first=True)  # (batch, 3)
    if hp.num_hiddens2:
        layers += hidden(hp.num_hiddens1, hp.num_hiddens2)
    layers += [affine(hp.num_hiddens2 or hp.num_hiddens1, 1)]  # (batch, 1), the logit of class 1
    if hp.loss == "squared":
        layers += [Activation("sigmoid")]  # (batch, 1), the probability of class 1
    net = Network(layers)
    loss = squared_loss if hp.loss == "squared" else sigmoid_cross_entropy
    trainer = OPTIMIZERS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, loss, net.params, trainer, gradients=gradients_by_hand(net, hp.loss))


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    net = nn.HybridSequential()
    for units in filter(None, (hp.num_hiddens1, hp.num_hiddens2)):
        net.add(nn.Dense(units, use_bias=hp.bias))
        if hp.activation:
            net.add(GLUON_ACTIVATIONS[hp.activation]())
    net.add(nn.Dense(1, use_bias=hp.bias))
    if hp.loss == "squared":
        net.add(nn.Activation("sigmoid"))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    loss = gluon.loss.L2Loss() if hp.loss == "squared" else LogisticLoss()
    return Model(net, loss, params, OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr))


def train(model: Model, data: Data, hp: Setting, callbacks=()) -> History:
    """Train, measuring loss and accuracy on the validation set after each epoch; keep the best parameters."""
    is_correct, valid = data.source.is_correct, [data.source.valid]
    best = BestModel(state_arrays(model), metric="valid_acc")
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={"acc": is_correct},
        gradients=model.gradients,
        measure={
            "valid_loss": lambda: evaluate(valid, model.net, model.loss),
            "valid_acc": lambda: evaluate(valid, model.net, is_correct),
        },
        callbacks=[best, *callbacks],
    )
    best.restore()
    return history


def variants(hp: HParams) -> dict[str, dict[str, Setting]]:
    """Return what is compared, title -> name -> setting: one thing is changed at a time."""
    base = Setting(**vars(hp.replace(batch_size=min(hp.batch_size, hp.num_train))))
    whole = base.replace(batch_size=hp.num_train)
    as_many_examples = max(1, base.steps * base.batch_size // hp.num_train)
    rates = {
        "momentum": 0.05,
        "nesterov": 0.05,
        "adagrad": 0.5,
        "rmsprop": 0.05,
        "adadelta": 1.0,
        "adam": 0.05,
    }
    return {
        "Activation": {
            "three units, ReLU": base,
            "no activation": base.replace(activation=None),
            "sigmoid": base.replace(activation="sigmoid"),
            "tanh": base.replace(activation="tanh"),
        },
        "Loss": {"squared loss": base.replace(loss="squared")},
        "Batch": {
            "all at once, as many examples": whole.replace(steps=as_many_examples),
            "all at once, as many steps": whole,
        },
        "Width and depth": {
            "hidden 2": base.replace(num_hiddens1=2),
            "hidden 4": base.replace(num_hiddens1=4),
            "hidden 8": base.replace(num_hiddens1=8),
            "hidden 3-2": base.replace(num_hiddens1=3, num_hiddens2=2),
            "hidden 2-2": base.replace(num_hiddens1=2, num_hiddens2=2),
        },
        "Learning rate": {f"lr={lr:g}": base.replace(lr=lr) for lr in (1.0, 10.0, 100.0, 1000.0)},
        "Bias": {"no bias": base.replace(bias=False)},
        "Optimizer": {name: base.replace(optimizer=name, lr=lr) for name, lr in rates.items()},
    }


def runs_with(name: str, hp: Setting) -> list[Run]:
    """Return the runs with one setting."""
    same_precision = OPTIMIZERS[hp.optimizer].state_in_double
    both = {"scratch": from_scratch, "gluon": with_gluon}
    return runs_of(both, {name: hp}, compare_paths=same_precision, may_diverge=hp.lr >= 100)


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs of every comparison."""
    return {
        title: [run for name, setting in table.items() for run in runs_with(name, setting)]
        for title, table in variants(hp).items()
    }


def show(result: Result, data: Data) -> None:
    """Add a table of all variants, the best first, curves and decision regions."""
    runs = comparison.all_runs(comparisons(HParams(**result.settings)))
    title = "Every variant, the best first"
    comparison.tabulate(result, {title: runs}, comparison.best_epoch_row)
    metrics = {label: run.metrics for label, run in result.labelled().items()}
    result.tables[title].sort(
        key=lambda row: (-metrics[row["run"]].get("test_acc", 0), metrics[row["run"]].get("test_loss", 0))
    )
    comparison.draw(result, {"Every variant": runs}, "on XOR", ("train_loss", "valid_acc"))
    comparison.draw_decision_regions(result, runs, data.source)


chapter = Chapter(
    name="xor",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 4},
    data=data,
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=comparison.best_epoch_metrics,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
