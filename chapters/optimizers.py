"""Optimizers compared on softmax regression and an MLP, from scratch and with Gluon.

A reader's article on hand-written optimizers in MXNet, with the optimizers of sections 7.2 to 7.8 of *Dive
into Deep Learning*.

SGD, momentum in two conventions, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam and its variants train one linear
layer on Fashion-MNIST; then learning rates, momentum, weight decay and two nets are compared. Each comparison
is a table of settings in `comparisons`: another row is another line there.

Where the article differs from the literature, a row shows what that changes. Momentum as an average of the
gradient goes the way of a velocity with a tenth of its learning rate (Gluon has the velocity only; it stands
in for the average). A penalty without its half decays twice as strongly: training accuracy 0.862 in place of
0.864. Adam whose t counts epochs steps at about a sixth of its learning rate, and ends a point lower; without
any correction of its bias it ends a little higher than with it. What the article calls AdamW, and says it is
not, is here `random adam`, which drops half of every update and ends half a point lower.

Gluon's AdaDelta knows no learning rate and so no schedule: at the end it still jumps about where ours has
settled.

Expect 0.83 to 0.85 on the test set for the one layer, and 0.89 to 0.90 for the MLP. The article's 0.859 is
not reached by one layer here: in all these runs, and in a hundred epochs besides, it stayed below 0.85. Nor
is the article's gap of 0.3 points between training and test, of which most is probably the data: the test set
of the first partition was easier. Momentum is not ahead of Adam, and the gaps with rho 0.9 and 0.99, of which
the article finds the first wider, differ by a tenth of a point.
"""

from dataclasses import dataclass

from mxnet import autograd, nd

from d2l_repro import settings
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.results import plot
from d2l_repro.results.history import History
from d2l_repro.settings import Count

from . import softmax_regression
from ._classifiers import OPTIMIZERS, SCHEDULES, SINGLE_PRECISION, Setting, data, runs_of, train
from ._classifiers import show as show_comparisons

AVERAGE = "momentum, average"  # the article's convention


@dataclass(frozen=True)
class HParams(settings.HParams):
    """How long each comparison trains."""

    num_epochs: Count = 20  # passes over the training set of each setting
    num_epochs_long: Count = 30  # the same where Adam's learning rates and where two nets are compared
    batch_size: Count = 256  # examples a step


def comparisons(hp):
    """Title -> {name: Setting}."""
    base = Setting(num_epochs=hp.num_epochs, batch_size=hp.batch_size)
    long = base.replace(num_epochs=hp.num_epochs_long)
    rates = {"sgd": 0.2, "momentum": 0.02, AVERAGE: 0.2, "nesterov": 0.02, "adagrad": 0.02, "adadelta": 1.0}
    wd = {"wd": 5e-4}
    slow = "momentum 0.99, average"
    return {
        "Optimizers": {
            name: base.replace(optimizer=name, lr=rates.get(name, 0.001), wd=0.01 if name == "adamw" else 0.0)
            for name in OPTIMIZERS
            if name != slow
        },
        "Learning rate of Adam": {
            "adam lr=0.001": long.replace(optimizer="adam", lr=0.001, wd=1e-4),
            "adam lr=0.1": long.replace(optimizer="adam", lr=0.1, wd=1e-4),
        },
        "Momentum and weight decay": {
            "rho=0.9": base.replace(optimizer=AVERAGE, lr=0.5),
            "rho=0.99": base.replace(optimizer=slow, lr=0.5),
            "rho=0.9, decay": base.replace(optimizer=AVERAGE, lr=0.5, **wd),
            "rho=0.99, decay": base.replace(optimizer=slow, lr=0.5, **wd),
            "rho=0.9, decay without half": base.replace(optimizer=AVERAGE, lr=0.5, l2_factor=2, **wd),
        },
        "Initial learning rate": {
            "lr=0.1": base.replace(optimizer=AVERAGE, lr=0.1),
            "lr=0.2": base.replace(optimizer=AVERAGE, lr=0.2),
        },
        "Schedules": {name: base.replace(optimizer=AVERAGE, lr=0.5, schedule=name) for name in SCHEDULES},
        "Nets": {
            "softmax momentum best": long.replace(optimizer=AVERAGE, lr=0.5, wd=2e-4),
            "mlp momentum best": long.replace(optimizer=AVERAGE, lr=1.0, wd=2e-4, net="mlp", target=0.88),
        },
    }


def show(result, data):
    """A figure and a table for each comparison, the article's conclusions, and the paths over two
    surfaces."""
    show_comparisons(result, comparisons(HParams(**result.settings)), f"on {data.source.title}")
    for impl in ("scratch", "gluon"):
        add_conclusions(result, impl)
    result.figures["surfaces"] = plot.descents(surfaces(), "Twenty steps of each optimizer")


def add_conclusions(result, impl):
    """Add the run `IMPL conclusions`: what the article concludes, as numbers of ours, in shares of the test
    set."""
    runs = {
        label.partition(" ")[2]: run.metrics
        for label, run in result.labelled().items()
        if label.startswith(impl)
    }
    needed = (AVERAGE, "adam", "lr=0.1", "lr=0.2", "softmax momentum best", "mlp momentum best")
    if not all(runs.get(name) for name in needed):
        return
    gaps = {
        net: runs[f"{net} momentum best"]["train_acc"] - runs[f"{net} momentum best"]["test_acc"]
        for net in ("softmax", "mlp")
    }
    result.add(
        f"{impl} conclusions",
        History(),
        {
            "momentum_minus_adam": runs[AVERAGE]["test_acc"] - runs["adam"]["test_acc"],
            "lr_difference": abs(runs["lr=0.1"]["test_acc"] - runs["lr=0.2"]["test_acc"]),
            "softmax_gap": gaps["softmax"],
            "mlp_gap": gaps["mlp"],
            "mlp_gap_minus_softmax_gap": gaps["mlp"] - gaps["softmax"],
        },
    )


def surfaces():
    """Name -> (f, ranges, paths) of a long valley and of a saddle, as `plot.descents` takes them."""
    rates = {
        "sgd": 0.4,
        "momentum": 0.1,
        "nesterov": 0.1,
        "adagrad": 1.0,
        "rmsprop": 0.3,
        "adadelta": 1.0,
        "adam": 0.5,
    }
    valley, saddle = (lambda x1, x2: 0.1 * x1**2 + 2 * x2**2), (lambda x1, x2: 0.1 * x1**2 - 0.1 * x2**2)
    return {
        "A valley: 0.1 x1^2 + 2 x2^2": (
            valley,
            ((-5.5, 2.5), (-3, 3)),
            {name: path(valley, name, lr, (-5.0, -2.0)) for name, lr in rates.items()},
        ),
        "A saddle: 0.1 x1^2 - 0.1 x2^2": (
            saddle,
            ((-5.5, 2.5), (-3, 3)),
            {name: path(saddle, name, lr, (-5.0, -0.05)) for name, lr in rates.items()},
        ),
    }


def path(f, optimizer, lr, start, steps=20):
    """The points (steps + 1, 2) that an optimizer from scratch goes through, down from `start`."""
    kind, options, _ = OPTIMIZERS[optimizer]
    x = nd.array(start)
    x.attach_grad()
    trainer = kind([x], lr, **options)
    points = [x.copy()]
    for _ in range(steps):
        with autograd.record():
            height = f(x[0], x[1])
        height.backward()
        trainer.step(1)
        points.append(x.copy())
    return nd.stack(*points).asnumpy()


chapter = Chapter(
    name="optimizers",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2, "num_epochs_long": 3},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    show=show,
    parity=lambda run: run.hp.optimizer not in SINGLE_PRECISION,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
