"""Radial basis functions: three bases, four ways to choose centres, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A hidden unit does not weight its inputs but measures their distance from a centre of its own:
y_hat = phi(|X - c|) W + b. phi falls with the distance, as a Gaussian, a reflected sigmoid or an inverse
multiquadric. The centres may stay fixed: at random training examples, at the means that k-means finds, or at
the examples that orthogonal least squares (OLS) picks one by one for how much of the labels each explains. Or
they start at those same random examples and are learned together with the widths. Each net has eight units,
and learns a curve, y = sin x + x / 3, or to tell two moons apart.

Expect the choice of centres to matter more than the basis. On the moons, learned centres reach a test
accuracy of 0.995 or 1 with every basis and with each of eight seeds. Those of k-means reach 0.93 to 1, random
ones 0.855 to 1: by test loss k-means is better in 17 of these 24 pairs, and a lucky choice beats it. On the
curve k-means beats random centres in 23 of 24 pairs, and learned ones beat k-means in 18: a centre that
started on the wrong side of a hill stays there (seed 0), and half of the inverse multiquadrics end up worse.

OLS is the only choice that looks at the labels before training. On the curve, the best weights leave half as
much loss with its centres as with those of k-means, and less in each of 24 pairs (three bases, eight seeds).

A perceptron with as many parameters as a net with learned centres is trained beside them. The article says
that networks of radial basis functions learn better, as they do not start at random, and that few of their
parameters move an output. On the curve, the perceptron's loss is larger than that of Gaussians with learned
centres for each of seeds 0 to 4, with k-means centres for four of them and with random ones for two; on the
moons it is the smallest of all for four. And if the widths equal the centres' spacing, one parameter moves 40
to 90 percent of the outputs; in the perceptron it moves about half of them.

With fixed centres, finding the best weights for the curve is a least squares problem. With evenly spaced
centres, 2000 steps come within 20 percent of its loss; crowded ones make it ill-conditioned, and the loss may
be twice it.
"""

import math
from collections import namedtuple
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches, Steps
from d2l_repro.data.synthetic import hilly_curve, hilly_points, two_moons
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_number
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import Momentum, correct_sign, linreg, sigmoid_cross_entropy, squared_loss
from d2l_repro.scratch.rbf import (
    BASES,
    CENTRES,
    RBF,
    initial_centres,
    initial_width,
    orthogonal_least_squares,
    rbf,
)
from d2l_repro.settings import Bounds, Count, Positive, Probability
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import Parameter, parameters

WIDTHS = (0.5, 1.0, 2.0)  # that are drawn
BASES_TITLE = "Three bases of width 1: the farther from its centre, the less a unit answers"
TITLES = {"sine": "A curve", "moons": "Two moons"}  # of the tasks
NUM_TRAIN = {"sine": 160, "moons": 640}  # training examples, all of them in every batch
# The examples, and a net's initial centres (centres, inputs) and logarithms of widths (centres,).
Source = namedtuple("Source", "train test centres log_width")
SCORES = {"sine": ("loss",), "moons": ("loss", "acc")}  # what is measured of training and test examples


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article does not state its settings; these are ours."""

    # hidden units, each with a centre
    num_centres: Annotated[int, Bounds(2, min(NUM_TRAIN.values()) + 1)] = 8
    width: Positive = 1.0  # of the basis functions at the start, as a multiple of the centres' mean spacing
    num_epochs: Count = 100  # evaluations during training
    steps: Count = 20  # full-batch steps between two evaluations
    lr_sine: Positive = 0.3  # learning rate on the curve; a larger one moves learned widths too far
    lr_moons: Positive = 1.0  # learning rate on the moons
    momentum: Probability = 0.9  # of SGD; without it, ill-conditioned bases take ten times as many steps
    sigma: Positive = 0.01  # standard deviation of the initial weights
    noise: Positive = 0.1  # standard deviation, of the curve's labels and of the moons' points


@dataclass(frozen=True)
class Setting(HParams):
    """One net on one task."""

    task: Literal[tuple(NUM_TRAIN)] = "sine"
    basis: Literal[tuple(BASES)] = "gaussian"
    centres: Literal[CENTRES] = "random"
    mlp: bool = False  # whether the hidden units are those of a multilayer perceptron instead
    batch_size = property(lambda hp: NUM_TRAIN[hp.task])
    lr = property(lambda hp: hp.lr_sine if hp.task == "sine" else hp.lr_moons)


def points(task, noise, seed):
    """Return training and test set, each X (examples, inputs) and y (examples,)."""
    count = NUM_TRAIN[task]
    if task == "sine":
        return hilly_points(count, noise, seed)
    X, y = two_moons(1000, noise, seed)
    # The chapter two_moons validates on the examples in between.
    return (X[:count], y[:count]), (X[800:], y[800:])


def data(hp, options):
    """Return all training examples in one batch, without drawing from MXNet's random stream."""
    train_set, test_set = points(hp.task, hp.noise, options.seed)
    X, y = (array.asnumpy() for array in train_set)
    if hp.centres == "OLS":
        # The width must be known before the centres are: that of as many evenly among the examples.
        width = initial_width(X, hp.width, hp.num_centres)
        centres = X[chosen_examples(X, y, hp.num_centres, hp.basis, width)]
    else:
        centres = initial_centres(X, hp.num_centres, hp.centres, options.seed)
        width = initial_width(centres, hp.width)
    log_width = nd.full(hp.num_centres, math.log(width))
    source = Source(train_set, test_set, nd.array(centres), log_width)
    return Data("synthetic", Steps(Minibatches(*train_set, hp.batch_size), hp.steps), source=source)


def chosen_examples(X: np.ndarray, y: np.ndarray, count: int, basis: str, width: float) -> list[int]:
    """Return the numbers of the examples that OLS makes centres.

    Args:
        X: examples, (examples, inputs).
        y: labels, (examples,).
        count: number of centres.
        basis: name in `BASES`.
        width: of every basis function.
    """
    candidates = nd.array(X, dtype="float64")
    log_width = nd.full(len(X), math.log(width), dtype="float64")
    phi = rbf(candidates, candidates, log_width, basis).asnumpy()  # (examples, candidates)
    return orthogonal_least_squares(phi, y.astype("float64"), count)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build distances, basis and a linear layer; widths are learned as logarithms, to stay positive."""
    hidden = [data.source.centres, data.source.log_width]
    W, b = nd.random.normal(scale=hp.sigma, shape=(hp.num_centres, 1)), nd.zeros(1)
    params = [*(hidden if hp.centres == "learned" else []), W, b]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, inputs)
        centres, log_width = (array.astype(X.dtype, copy=False) for array in hidden)
        return linreg(rbf(X, centres, log_width, hp.basis), W, b)  # (batch, 1)

    net.hidden = hidden
    loss = squared_loss if hp.task == "sine" else sigmoid_cross_entropy
    return Model(net, loss, params, Momentum(params, hp.lr, rho=hp.momentum))


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    net = nn.HybridSequential()
    net.add(RBF(data.source.centres, data.source.log_width, hp.basis, hp.centres == "learned"), nn.Dense(1))
    net.hidden = [net[0].centres, net[0].log_width]
    return gluon_model(net, hp)


def gluon_model(net: nn.HybridSequential, hp: Setting) -> Model:
    """Initialize the dense layers of a Gluon net, and add its loss and trainer."""
    for layer in net:
        if isinstance(layer, nn.Dense):
            layer.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr, "momentum": hp.momentum}, kvstore=None)
    loss = gluon.loss.L2Loss() if hp.task == "sine" else gluon.loss.SigmoidBinaryCrossEntropyLoss()
    return Model(net, loss, params, trainer)


def mlp_from_scratch(hp: Setting, data: Data) -> Model:
    """Build a perceptron with as many hidden units: as many parameters as with learned centres."""
    num_inputs = data.source.centres.shape[1]
    W1, b1 = nd.random.normal(scale=1, shape=(num_inputs, hp.num_centres)), nd.zeros(hp.num_centres)
    W2, b2 = nd.random.normal(scale=hp.sigma, shape=(hp.num_centres, 1)), nd.zeros(1)
    params = [W1, b1, W2, b2]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, inputs) -> (batch, 1)
        return linreg(nd.tanh(linreg(X, W1, b1)), W2, b2)

    loss = squared_loss if hp.task == "sine" else sigmoid_cross_entropy
    return Model(net, loss, params, Momentum(params, hp.lr, rho=hp.momentum))


def mlp_with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same perceptron from Gluon."""
    net = nn.HybridSequential()
    net.add(nn.Dense(hp.num_centres, activation="tanh", weight_initializer=init.Normal(1)), nn.Dense(1))
    return gluon_model(net, hp)


def train(model: Model, data: Data, hp: Setting, callbacks=()):
    """Train, scoring all training and all test examples after each epoch."""
    scores = {"loss": model.loss, "acc": correct_sign}
    measure = {
        f"{part}_{name}": lambda X=X, y=y, score=scores[name]: score(model.net(X), y).mean()
        for name in SCORES[hp.task]
        for part, (X, y) in (("train", data.source.train), ("test", data.source.test))
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
        callbacks=callbacks,
    )


def variants(hp: HParams) -> dict[str, Setting]:
    """Return every basis with every choice of centres, on the curve and on the moons."""
    return {
        f"{task} {basis} {centres}": Setting(**asdict(hp), task=task, basis=basis, centres=centres)
        for task in NUM_TRAIN
        for basis in BASES
        for centres in CENTRES
    }


def runs(hp: HParams) -> list[Run]:
    """Return the nets of radial basis functions, and for each task a perceptron to compare them with."""
    mlps = {f"{task} mlp": Setting(**asdict(hp), task=task, mlp=True) for task in NUM_TRAIN}
    return [
        *runs_of({"scratch": from_scratch, "gluon": with_gluon}, variants(hp)),
        *runs_of({"scratch": mlp_from_scratch, "gluon": mlp_with_gluon}, mlps),
    ]


def hidden(run: RunResult) -> list[np.ndarray]:
    """Return a net's centres (centres, inputs) and logarithms of widths (centres,)."""
    return [Parameter(array).get() for array in run.model.net.hidden]


def predict(run: RunResult, X: np.ndarray) -> np.ndarray:
    """Return a net's outputs, (batch, inputs) -> (batch,)."""
    return run.model.net(nd.array(X))[:, 0].asnumpy()


def least_squares(run, basis, examples):
    """Return the smallest loss on the examples that any W and b reach with the net's centres and widths."""
    X, y = (array.astype("float64") for array in examples)
    phi = rbf(X, *(nd.array(array, dtype="float64") for array in hidden(run)), basis).asnumpy()
    # min |phi W + b - y|^2 / 2n, a linear problem in W and b
    design, y = np.column_stack([phi, np.ones(len(phi))]), y.asnumpy()
    weights, *_ = np.linalg.lstsq(design, y, rcond=None)
    return ((design @ weights - y) ** 2).mean().item() / 2


def moved_share(model: Model, X: nd.NDArray, change: float = 0.1, least: float = 0.1) -> float:
    """Return which share of the outputs a change of one parameter moves, on average over all of them.

    Args:
        model: with learned parameters only.
        X: examples, (batch, inputs).
        change: what is added to each parameter in turn.
        least: of the largest move that a parameter causes; outputs that move less do not count.
    """
    before, shares = model.net(X).asnumpy(), []
    for param in parameters(model):
        values = param.get()
        for place in np.ndindex(values.shape):
            changed = values.copy()
            changed[place] += change
            param.set(changed)
            moves = np.abs(model.net(X).asnumpy() - before)
            shares.append((moves > least * moves.max()).mean())
        param.set(values)
    return float(np.mean(shares))


def show(result, last_data):
    """Show the bases, what the nets learned and with which centres, their training, and their scores."""
    r = np.linspace(0, 5, 201)
    phi = {name: (r, basis(nd, nd.array(r**2), nd.ones(1)).asnumpy()) for name, basis in BASES.items()}
    result.figures["bases"] = plot.lines(phi, "distance from the centre", "output", BASES_TITLE)
    result.figures["widths"] = draw_widths()
    settings_of = {run.variant: run.hp for run in runs(HParams(**result.settings))}
    trained = [(run, settings_of[run.variant]) for run in result.runs if run.model]
    impl = "gluon" if result.impl == "gluon" else "scratch"  # with both, a pair's curves would coincide
    for task, title in TITLES.items():
        sets = points(task, result.settings["noise"], result.seed)
        rows = [row(result.label(run), run, hp, sets[0]) for run, hp in trained if hp.task == task]
        result.tables[title] = sorted(rows, key=lambda row: float(row["test loss"]))
        found = [(run, hp) for run, hp in trained if (run.impl, hp.task) == (impl, task)]
        nets = {(hp.basis, hp.centres): run for run, hp in found if not hp.mlp}
        if nets:
            result.figures[task] = (fits if task == "sine" else regions)(nets, sets, title)
        if found:
            columns = [f"{part}_{name}" for name in SCORES[task] for part in ("train", "test")]
            curves = {run.variant.removeprefix(f"{task} "): run for run, _ in found}
            unit = f"epoch of {result.settings['steps']} steps"
            result.figures[f"{task}_training"] = plot.comparison(curves, f"{title}: training", columns, unit)


def draw_widths():
    """Draw each basis with several widths, relative to its value at the centre."""
    r, panels = np.linspace(0, 5, 201), {}
    for name, basis in BASES.items():
        curves = {width: basis(nd, nd.array(r**2), nd.full(1, width**2)).asnumpy() for width in WIDTHS}
        panels[name] = r, {f"width {width:g}": values / values[0] for width, values in curves.items()}
    title = "The smaller its width, the fewer inputs a unit answers"
    return plot.functions(
        panels, "distance from the centre", title, ylabel="output, relative to that at the centre"
    )


def row(label, run, hp, examples):
    """Return a net's row in the table of its task."""
    ends = ["-"] if hp.mlp else [f"{width:.2f}" for width in np.sort(np.exp(hidden(run)[1]))[[0, -1]]]
    best = {"least squares": None if hp.mlp else least_squares(run, hp.basis, examples)}
    losses = {"train_loss": None, **(best if hp.task == "sine" else {}), **run.metrics}
    return {
        "run": label,
        "centres": "-" if hp.mlp else len(hidden(run)[1]),
        "width": " to ".join(dict.fromkeys(ends)),
        **{
            name.replace("_", " "): "-" if value is None else format_number(value, ".4f")
            for name, value in losses.items()
        },
        "moved by a parameter": f"{100 * moved_share(run.model, examples[0]):.0f}%",
    }


def fits(runs, sets, title):
    """Draw a panel for each net: examples, curve, what it learned, and the centres of its bases below."""
    x, (X, y) = np.linspace(-6, 6, 241), sets[0]
    panels, losses = {}, {}
    for name, run in zip(short_names(runs), runs.values()):
        losses[name] = run.metrics["test_loss"]
        panels[f"{name}\ntest loss {losses[name]:.2g}"] = predict(run, x[:, None]), hidden(run)[0][:, 0]
    best, worst = min(losses, key=losses.get), max(losses, key=losses.get)
    title = f"{title}, learned as a sum of bases whose centres stand below"
    if best != worst:
        title += f": a test loss of {losses[best]:.2g} ({best}) to {losses[worst]:.2g} ({worst})"
    return plot.sums_of_bases(panels, x, hilly_curve(x), (X[:, 0].asnumpy(), y.asnumpy()), title)


def regions(runs, sets, title):
    """Draw a panel for each net with its decision regions, the examples and its centres."""
    sets = {part: (X.asnumpy(), y.asnumpy()) for part, (X, y) in zip(("train", "test"), sets)}
    named = dict(zip(short_names(runs), runs.values()))
    nets = {name: partial(predict, run) for name, run in named.items()}
    centres = {name: hidden(run)[0] for name, run in named.items()}
    return plot.decision_regions(nets, sets, title, {"centres": centres})


def short_names(runs):
    """Return the names of nets, (basis, centres), without a basis that all of them have."""
    are_alike = len({basis for basis, _ in runs}) == 1
    return [how if are_alike else f"{basis}, {how}" for basis, how in runs]


chapter = Chapter(
    name="rbf_network",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2, "steps": 10},
    data=data,
    runs=runs,
    train=train,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
