"""Polynomial fitting, underfitting and overfitting, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 3.11.

New since linear regression: a test set. The labels follow a polynomial of degree three. Given all three
powers of x, the model learns it. Given x alone it cannot, and both losses stay high: underfitting. Given only
two examples it fits those and not the rule, so the training loss is low and the test loss high: overfitting.

Expect test losses of about 0.01, 160 and 100 in the three cases. With some seeds, 2 for instance, the two
examples lie so far out that training diverges; the run then says so.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.synthetic import polynomial_data
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, linreg, squared_loss
from d2l_repro.settings import Bounds, Count, Options, Positive
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import book_arrays

TRUE_W, TRUE_B = (1.2, -3.4, 5.6), 5
NUM_TRAIN, NUM_TEST = 100, 100  # examples
GIVEN = {
    "cubic": "all powers of x",
    "linear": "x alone",
    "two examples": "two examples",
}  # variant -> in titles
APART = 10  # times that a loss is larger than another if it is called so


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of polynomial fitting."""

    num_epochs: Count = 100  # passes over the training examples
    batch_size: Count = 10  # examples per step, at most as many as there are
    lr: Positive = 0.01  # learning rate of SGD
    degree: Annotated[int, Bounds(1, len(TRUE_W) + 1)] = 3  # highest power of x that the model is given
    num_train: Annotated[int, Bounds(1, NUM_TRAIN + 1)] = NUM_TRAIN  # training examples to use, of 100
    noise: Positive = 0.1  # standard deviation of the labels' noise


def data(hp, options):
    """Draw powers of x, (batch, degree), and y, (batch,), from the same 200 examples for every variant."""
    features, labels = polynomial_data(TRUE_W, TRUE_B, NUM_TRAIN + NUM_TEST, hp.noise)
    features = features[:, : hp.degree]
    train_set = features[: hp.num_train], labels[: hp.num_train]
    test_set = features[NUM_TRAIN:], labels[NUM_TRAIN:]
    return Data(
        "synthetic", Minibatches(*train_set, hp.batch_size, options.seed), source=(train_set, test_set)
    )


def from_scratch(hp, data):
    """Build linear regression on the powers of x, with weights that start as Gluon's do by default."""
    w = nd.random.uniform(-0.07, 0.07, shape=(hp.degree, 1))
    b = nd.zeros(1)
    params = [w, b]
    for param in params:
        param.attach_grad()
    return Model(lambda X: linreg(X, w, b), squared_loss, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build the same from Gluon's parts."""
    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.L2Loss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """Train without a metric, measuring the loss over the whole training and test set after each epoch."""
    measure = {
        name: lambda X=X, y=y: model.loss(model.net(X), y).mean()
        for name, (X, y) in zip(("train_loss", "test_loss"), data.source)
    }
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        measure=measure,
        gradients=model.gradients,
        callbacks=callbacks,
    )


def runs(hp):
    """Return the variants: all powers of x (cubic), x alone (linear), and the first two examples only."""
    variants = {
        "cubic": hp,
        "linear": hp.replace(degree=1),
        "two examples": hp.replace(num_train=min(2, hp.num_train)),
    }
    return runs_of(
        {"scratch": from_scratch, "gluon": with_gluon},
        {name: v.replace(batch_size=min(v.batch_size, v.num_train)) for name, v in variants.items()},
    )


def show(result, last_data):
    """Show what each case learned, its training and test loss by epoch, and the learned weights."""
    options = Options(seed=result.seed, stream=result.stream)
    (X, y), test_set = data(HParams(**result.settings), options).source  # the last data are two examples
    for name, given in GIVEN.items():
        runs = {run.impl: run for run in result.select(variant=name)}
        count = 2 if name == "two examples" else len(X)
        beside = partial(draw_fits, runs, (X[:count], y[:count]), test_set)
        result.figures[name.replace(" ", "_")] = plot.training_curves(
            runs,
            fit_title(given, runs.values(), result.settings["noise"]),
            log=True,
            published=printed_of(result, runs.values()),
            beside=beside,
        )
    powers = ("x", "x^2", "x^3")
    rows = [{"run": "true", **dict(zip(powers, TRUE_W)), "b": TRUE_B}]
    for label, model in result.models.items():
        w, b = book_arrays(model)
        weights = [f"{value:.4f}" for value in w[:, 0].tolist()] + ["-"] * (len(powers) - len(w))
        rows.append({"run": label, **dict(zip(powers, weights)), "b": f"{b.item():.4f}"})
    result.tables["True and learned weights"] = rows


def fit_title(given, runs, noise):
    """Return the title of a figure: whether the first run that was trained fits, and its losses.

    A test loss far above that in training is called overfitting, else a training loss far above that of the
    noise, sigma^2 / 2, underfitting.

    Args:
        given: what the model is given.
        runs: of all implementations.
        noise: standard deviation sigma of the labels' noise.
    """
    last = next((run.history[-1] for run in runs if run.history), None)
    if last is None:
        return f"Given {given}"
    train_loss, test_loss, alone = last["train_loss"], last["test_loss"], noise**2 / 2
    fit = "Good fit" if train_loss <= APART * alone else "Underfitting"
    if not test_loss <= APART * train_loss:
        fit = "Overfitting"
    losses = "a loss of {train_loss:.3g} in training, {test_loss:.3g} in test"
    return f"{fit} given {given}: {losses}, {alone:.2g} from noise alone"


def printed_of(result, runs):
    """Return the published values of runs that share a variant, by their implementations."""
    return {run.impl: result.printed()[run.name] for run in runs if run.name in result.printed()}


def draw_fits(runs, train_set, test_set, ax):
    """Draw the examples, the true polynomial, and what the runs learned of it."""
    examples = {
        name: (X[:, 0].asnumpy(), y.asnumpy())
        for name, (X, y) in (("training examples", train_set), ("test examples", test_set))
    }
    every = np.concatenate([x for x, _ in examples.values()])
    x = np.linspace(every.min(), every.max(), 121)
    fits = {}
    for impl, run in runs.items():
        if run.model:
            w, b = book_arrays(run.model)
            fits[impl] = polynomial(w[:, 0], b.item(), x)
    plot.draw_fit(ax, examples, x, polynomial(TRUE_W, TRUE_B, x), fits)


def polynomial(w, b, x):
    """Return w[0] x + w[1] x^2 + ... + b."""
    return sum(w_i * x**i for i, w_i in enumerate(w, 1)) + b


chapter = Chapter(
    name="polynomial_fitting",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 10},
    data=data,
    runs=runs,
    train=train,
    show=show,
    depends_on_stream=True,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
