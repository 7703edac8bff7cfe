"""Linear regression on synthetic data, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, sections 3.1 to 3.3.

The smallest chapter that has everything: data, a model, a loss, an optimizer and the training loop. The data
are drawn from known weights, so what the model learns can be compared with the truth.

Expect a loss of 0.00005 after three epochs. That is half the variance of the noise: nothing is left to learn.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.synthetic import linear_data
from d2l_repro.experiment import second_edition
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, linreg, squared_loss
from d2l_repro.settings import Count, Positive
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import book_arrays

TRUE_W, TRUE_B = (2, -3.4), 4.2


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of linear regression."""

    num_epochs: Count = 3  # passes over the examples
    batch_size: Count = 10  # examples per step
    lr: Positive = 0.03  # learning rate of SGD
    num_examples: Count = 1000  # synthetic examples to draw
    noise: Positive = 0.01  # standard deviation of the labels' noise
    sigma: Positive = 0.01  # standard deviation of the initial weights


def data(hp, options):
    """Draw features X (batch, 2) and labels y (batch,) as the book does."""
    features, labels = linear_data(TRUE_W, TRUE_B, hp.num_examples, hp.noise)
    return Data(
        "synthetic", Minibatches(features, labels, hp.batch_size, options.seed), source=(features, labels)
    )


def from_scratch(hp, data):
    """Build section 3.2: parameters, model, loss and optimizer, all from scratch."""
    w = nd.random.normal(scale=hp.sigma, shape=(len(TRUE_W), 1))
    b = nd.zeros(1)
    params = [w, b]
    for param in params:
        param.attach_grad()
    return Model(lambda X: linreg(X, w, b), squared_loss, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build section 3.3: the same from Gluon's parts."""
    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.L2Loss(), params, trainer)


def with_d2l(hp, data):
    """Build the second edition's class, section 3.5, with its own initial weights, loss and optimizer."""
    return second_edition.model(lambda d2l: d2l.LinearRegression(hp.lr))


def train(model, data, hp, callbacks=()):
    """Train without a metric, measuring the loss over all examples after each epoch, as the book does."""
    features, labels = data.source
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        gradients=model.gradients,
        callbacks=callbacks,
        measure={"train_loss": lambda: model.loss(model.net(features), labels).mean()},
    )


def learned_weights(model, data, history):
    """Return the learned weights, and the loss after the first epoch, which the authors printed."""
    w, b = book_arrays(model)
    return {"epoch1_loss": history[0]["train_loss"], "w[0]": w[0].item(), "w[1]": w[1].item(), "b": b.item()}


def closed_form(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the weights (d,) and the bias with the smallest mean loss over the examples X (n, d), y (n,).

    Where the loss is smallest, its gradient is zero: these are the normal equations.
    """
    ones = np.ones((len(X), 1))
    X = np.hstack([X, ones]).astype("float64")
    # X^T X w = X^T y
    solution = np.linalg.solve(X.T @ X, X.T @ y)
    return solution[:-1], solution[-1].item()


def one_by_one(a: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Add two vectors (n,) element by element."""
    c = nd.zeros(len(a))
    for i in range(len(a)):
        c[i] = a[i] + b[i]
    return c


def seconds_to_add(add: Callable[[nd.NDArray, nd.NDArray], nd.NDArray], n: int = 1000) -> float:
    """Return how long a function takes to add two vectors of n ones."""
    a, b = nd.ones(n), nd.ones(n)
    add(a, b).wait_to_read()  # the first call may be slower
    start = time.perf_counter()
    add(a, b).wait_to_read()
    return time.perf_counter() - start


def show(result, data):
    """Show the data, the loss by epoch, true and learned weights, and the time each implementation took.

    Beside them: the weights of the closed form, which SGD approaches, and the time that it takes to add two
    vectors one element at a time.
    """
    features, labels = (array.asnumpy() for array in data.source)
    w, b = closed_form(features, labels)
    best = ((features @ w + b - labels) ** 2 / 2).mean().item()
    exact = {"w[0]": w[0].item(), "w[1]": w[1].item(), "b": b}
    result.add("closed form", metrics={"train_loss": best, **exact})
    if result.seed == 0 or result.stream:  # the printed label belongs to MXNet's seed 0
        result.add("data", metrics={"first_label": labels[0].item()})
    result.figures["data"] = plot.scatter(
        {f"$x_{i}$": (x, labels) for i, x in enumerate(features.T)},
        "$y$",
        rf"The data: $y = {TRUE_W[0]}\,x_0 - {-TRUE_W[1]}\,x_1 + {TRUE_B}$ + noise",
    )
    noise = result.settings["noise"]
    result.figures["training_curves"] = plot.training_curves(
        result.labelled(),
        # the noise alone gives sigma^2 / 2
        f"Linear regression: the loss falls to {{train_loss:.2g}}, noise alone gives {noise**2 / 2:.2g}",
        log=True,
        published=result.printed(),
    )
    trained = {run.impl: run for run in result.runs if run.history}
    result.tables["True and learned weights"] = [
        {
            "weight": name,
            "true": true,
            **{label: f"{run.metrics[name]:.5f}" for label, run in trained.items()},
            "closed form": f"{exact[name]:.5f}",
        }
        for name, true in (("w[0]", TRUE_W[0]), ("w[1]", TRUE_W[1]), ("b", TRUE_B))
    ]
    result.tables["Time to train and measure"] = [
        {"run": label, "seconds": round(sum(run.history["seconds"]), 3)} for label, run in trained.items()
    ]
    result.tables["Time to add two vectors of 1,000 elements"] = [
        {"how": "one element at a time", "seconds": round(seconds_to_add(one_by_one), 6)},
        {"how": "a + b", "seconds": round(seconds_to_add(nd.add), 6)},
    ]
    if result.impl == "d2l":
        result.tables[second_edition.EDITIONS] = editions(HParams(**result.settings))


def editions(hp):
    """Return a table of the differences between the first edition and the second, d2l 1.0."""

    def own(argument):
        return second_edition.default("SyntheticRegressionData", argument)

    return second_edition.editions(
        hp.num_examples,
        hp.batch_size,
        {
            "net": ("linreg; Dense(1)", "LinearRegression: Dense(1)", "LinearRegression: Dense(1)"),
            "initial weights": (
                f"normal, std {hp.sigma:g}",
                "normal, std 0.01",
                "normal, std 0.01",
            ),
            "learning rate of SGD": (hp.lr, hp.lr, "0.03 (section 3.5)"),
            "batch size": (hp.batch_size, hp.batch_size, own("batch_size")),
            "epochs": (hp.num_epochs, hp.num_epochs, "3 (section 3.5)"),
            "examples": (
                hp.num_examples,
                hp.num_examples,
                f"{own('num_train')}, and {own('num_val')} for validation",
            ),
        },
    )


chapter = Chapter(
    name="linear_regression",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1},
    data=data,
    runs=lambda hp: runs_of({"scratch": from_scratch, "gluon": with_gluon, "d2l": with_d2l}, {"": hp}),
    train=train,
    metrics=learned_weights,
    show=show,
    depends_on_stream=True,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
