"""Fully connected nets on CIFAR-10 with hand-derived gradients, from scratch and with Gluon.

A reader's article on modular nets with hand-derived gradients.

Each layer has its own forward and backward (`d2l_repro/scratch/layers.py`); a net of any depth is built from
them: {affine - [norm] - ReLU - [dropout]}, and affine at the end. The parameters that were best on the
validation set, the last 1,000 training images, are tested on the first 1,000 test images.

Expect accuracies of 0.51 to 0.53 in validation and of 0.51 to 0.52 in testing from two layers. Five hidden
layers reach 0.42 to 0.48 in two passes, with SGD last; batch normalization adds two points, and dropout costs
six. Of its last net, trained on 4,000 images, the article says that both together would add ten points in
validation; over ten seeds they add 2.0 (0.5 to 3.5) from scratch and 2.8 (1.6 to 3.9) with Gluon.

The article's three questions. Which activation loses its gradient, and where? Sigmoid and tanh on large
inputs of either sign: on raw pixels, 97 % of the gradients are lost in the first layer and none behind it;
ReLU on all negative inputs, half of them in every layer; leaky ReLU nowhere. Which is more sensitive to the
initial scale, three layers or five? Five: at one learning rate they memorize the fifty images from scales of
0.05 to 0.1, three layers from 0.02 to 0.2. Why do AdaGrad's updates become small, and do Adam's? AdaGrad
divides by the root of a sum that only grows: its steps shrink to a tenth in two passes; Adam's keep theirs
after a hundred.

The article adds that such steps suit convex functions and get stuck in a local minimum of others. On a
surface with two minima AdaGrad does stay in the worse one, at learning rates up to 0.3, but so do small steps
of SGD and Adam: what leads out is momentum, or a large step. And it finds learning rate and scale by raising
them while the loss falls, which a table of both shows.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Optional

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import load_centred
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import add_differences
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import correct, layers, normal
from d2l_repro.scratch.counterparts import GLUON_ACTIVATIONS, OPTIMIZERS
from d2l_repro.scratch.layers import ACTIVATIONS, Activation, Affine, Dropout, Network
from d2l_repro.scratch.optim import descent_path
from d2l_repro.settings import Bounds, Count, NonNegative, Positive, Probability
from d2l_repro.train import schedules, train_ch3
from d2l_repro.train.callbacks import BestModel, Schedule, StepLosses, StepSizes
from d2l_repro.train.loop import measures_of
from d2l_repro.train.parameters import book_arrays, parameters, state_arrays
from d2l_repro.verify.gradcheck import gradient_table
from d2l_repro.verify.lost_gradients import show_lost_gradients

DEEP = (100,) * 5  # hidden layers
NUM_SMALL = 4000  # training images of the article's last net
SCALES = (1e-3, 3e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 3e-1, 1.0)
GRID = (
    (1e-4, 1e-3, 5e-3, 1.5e-2, 5e-2),
    (1e-4, 1e-3, 1e-2, 5e-2),
)  # learning rates and scales, raised in steps
RULES = {"sgd": 1e-2, "momentum": 5e-3, "adagrad": 5e-3, "rmsprop": 1e-4, "adam": 1.2e-3}  # learning rates
# The article's conclusions: name -> (a run, the run to subtract, what is compared)
CONCLUSIONS = {
    "norm_and_dropout_gain": ("last, batch norm and dropout", "last", "valid_acc"),
    "three_layers_minus_five": ("three-layer overfit 50", "five-layer overfit 50", "valid_acc"),
}
NORMS = {"batch": (layers.BatchNorm, nn.BatchNorm), "layer": (layers.LayerNorm, nn.LayerNorm)}


@dataclass(frozen=True)
class HParams(settings.HParams):
    """How long each comparison trains."""

    num_epochs: Count = 10  # passes over the training set of the nets with two layers
    num_epochs_deep: Count = 20  # evaluations of the nets with five hidden layers
    steps_deep: Count = 50  # batches between two of these evaluations; 490 are a pass over the training set
    num_epochs_fifty: Count = 20  # passes over fifty images
    batch_size: Count = 100  # examples per step; 25 of the fifty
    print_every: Annotated[int, Bounds(0)] = 0  # steps between printed losses of a batch; 0 prints none
    every: Count = 1  # of the initial scales and learning rates, try the first and then every so-manyth


@dataclass(frozen=True)
class Setting(settings.HParams):
    """One row of a comparison."""

    num_epochs: Count
    batch_size: Count
    sigma: Positive  # standard deviation of the initial weights
    lr: Positive  # learning rate of the first epoch
    lr_decay: Positive = 1.0  # factor of the learning rate after every epoch
    hidden: tuple[int, ...] = (100,)  # units of each hidden layer
    optimizer: Literal[tuple(RULES)] = "sgd"
    activation: Literal[tuple(ACTIVATIONS)] = "relu"
    loss: Literal["softmax", "svm"] = "softmax"
    reg: NonNegative = 0.0  # factor of the penalty |W|^2 / 2
    norm: Literal["none", "batch", "layer"] = "none"  # before each activation
    drop_prob: Probability = 0.0  # after each activation
    num_train: Optional[int] = None  # training examples; all by default
    steps: Optional[int] = None  # batches between two evaluations; a pass over the training set by default
    watch_steps: bool = False  # whether the history gets the mean length of a step, of every tenth one
    print_every: Annotated[int, Bounds(0)] = 0  # steps between two printed losses of a batch


def two_layers(hp: Setting, data: Data) -> Model:
    """Build affine - ReLU - affine."""
    (num_hiddens,), num_inputs, num_outputs = hp.hidden, data.source.train[0][0].size, data.source.num_outputs
    W1, b1 = normal((num_inputs, num_hiddens), hp.sigma), nd.zeros(num_hiddens)
    W2, b2 = normal((num_hiddens, num_outputs), hp.sigma), nd.zeros(num_outputs)
    return by_hand(Network([Affine(W1, b1, first=True), Activation("relu"), Affine(W2, b2)]), hp)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build {affine - [norm] - activation - [dropout]} for every hidden layer, and affine at the end."""
    sizes, net = [data.source.train[0][0].size, *hp.hidden, data.source.num_outputs], []
    for inputs, units in zip(sizes, hp.hidden):
        net.append(Affine(normal((inputs, units), hp.sigma), nd.zeros(units), first=not net))
        if hp.norm != "none":
            net.append(NORMS[hp.norm][0](nd.ones(units), nd.zeros(units)))
        net.append(Activation(hp.activation))
        if hp.drop_prob:
            net.append(Dropout(hp.drop_prob))
    net.append(Affine(normal(tuple(sizes[-2:]), hp.sigma), nd.zeros(sizes[-1])))
    return by_hand(Network(net), hp)


def by_hand(net: Network, hp: Setting) -> Model:
    """Return the net with its loss, an optimizer, and the layers' own gradients of the loss + reg/2 |W|^2."""
    gradients = layers.gradients_by_hand(net, hp.loss, hp.reg, hp.batch_size)
    trainer = OPTIMIZERS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, layers.LOSSES[hp.loss][0], net.params, trainer, gradients=gradients)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same, of any depth, from Gluon, which has no hinge loss of several classes."""
    net = nn.HybridSequential()
    for units in hp.hidden:
        net.add(nn.Dense(units))
        if hp.norm != "none":
            net.add(NORMS[hp.norm][1]())
        net.add(GLUON_ACTIVATIONS[hp.activation]())
        if hp.drop_prob:
            net.add(nn.Dropout(hp.drop_prob))
    net.add(nn.Dense(data.source.num_outputs))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    net.collect_params(".*bias").setattr("wd_mult", 0)
    params = net.collect_params()
    trainer = OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr, wd=hp.reg)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model: Model, data: Data, hp: Setting, callbacks=()):
    """Train, scoring the validation set after each epoch; restore the model that was best there."""
    lr = schedules.by_epoch(schedules.exponential(hp.lr, hp.lr_decay), len(data.train_iter))
    steps = [StepSizes(parameters(model), every=10)] if hp.watch_steps else []
    losses = StepLosses(print_every=hp.print_every)
    best = BestModel(state_arrays(model))
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        gradients=model.gradients,
        measure=measures_of("valid", [data.source.valid], model.net, {"loss": model.loss, "acc": correct}),
        callbacks=[Schedule(lr), *steps, losses, best, *callbacks],
    )
    best.restore()
    model.step_losses = losses.losses
    return history


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs of every comparison.

    Paths are compared if no masks are drawn and Gluon keeps its state in double precision.
    """
    two = Setting(hp.num_epochs, hp.batch_size, sigma=1e-3, lr=4e-4, lr_decay=0.95)
    three = Setting(hp.num_epochs_fifty, 25, sigma=1e-2, lr=1e-3, hidden=(100,) * 2, num_train=50)
    five = three.replace(hidden=(100,) * 4)
    deep = Setting(hp.num_epochs_deep, hp.batch_size, sigma=5e-2, lr=1, hidden=DEEP, steps=hp.steps_deep)
    rules = {name: deep.replace(optimizer=name, lr=lr, watch_steps=True) for name, lr in RULES.items()}
    adam = rules["adam"].replace(watch_steps=False)
    last = adam.replace(num_epochs=hp.num_epochs, steps=None, num_train=NUM_SMALL)
    tried, (rates, sigmas) = SCALES[:: hp.every], grid_of(hp)
    scales = {f"three-layer scale {scale:g}": three.replace(sigma=scale) for scale in tried}
    scales.update({f"five-layer scale {scale:g}": five.replace(sigma=scale) for scale in tried})
    grid = {
        f"three-layer lr {lr:g} scale {scale:g}": three.replace(lr=lr, sigma=scale)
        for lr in rates
        for scale in sigmas
    }
    small, both = {"scratch": two_layers, "gluon": with_gluon}, {"scratch": from_scratch, "gluon": with_gluon}
    by_autograd = {"scratch": lambda hp, data: replace(two_layers(hp, data), gradients=None)}

    def pair(name, hp):
        alike = OPTIMIZERS[hp.optimizer].state_in_double and not hp.drop_prob
        return runs_of(both, {name: hp}, compare_paths=alike, compare_testing=hp.drop_prob > 0)

    return {
        "Two layers": [
            *runs_of(small, {"two-layer SGD": two.replace(print_every=hp.print_every)}),
            *runs_of(by_autograd, {"two-layer autograd": two}, compare_paths=False),
            *runs_of(small, {"two-layer penalty": two.replace(reg=0.5)}),
            *runs_of({"scratch": two_layers}, {"two-layer SVM": two.replace(loss="svm", lr=1e-4)}),
        ],
        "Fifty images": [
            *pair("three-layer overfit 50", three.replace(lr=1.5e-2)),
            *pair("five-layer overfit 50", five.replace(sigma=1e-1, lr=2e-3)),
        ],
        "Update rules": [run for name, rule in rules.items() for run in pair(name, rule)],
        "Normalisation and dropout": [
            *pair("adam, batch norm", adam.replace(norm="batch")),
            *pair("adam, layer norm", adam.replace(norm="layer")),
            *pair("adam, dropout", adam.replace(drop_prob=0.2)),
            *pair("adam, batch norm and dropout", adam.replace(norm="batch", drop_prob=0.2)),
        ],
        "Last net of the article": [
            *pair("last", last),
            *pair("last, batch norm", last.replace(norm="batch")),
            *pair("last, batch norm and dropout", last.replace(norm="batch", drop_prob=0.2)),
        ],
        "Initial scale": runs_of(both, scales, compare_paths=False, may_diverge=True),
        "Learning rate and scale": runs_of(
            {"scratch": from_scratch}, grid, compare_paths=False, may_diverge=True
        ),
    }


def grid_of(hp: HParams) -> list[tuple[float, ...]]:
    """Return the learning rates and the scales that are tried together."""
    return [values[:: hp.every] for values in GRID]


def show(result, data):
    """Show a table and a figure for each comparison, and answer the article's three questions."""
    tables, title, (X, _) = comparisons(HParams(**result.settings)), data.source.title, data.source.valid
    del tables["Learning rate and scale"]  # has a table of another form
    comparison.tabulate(result, tables, comparison.best_epoch_row)
    show_grid(result)
    del tables["Initial scale"]  # has a figure of its own
    tables["Normalisation and dropout"] += [run for run in tables["Update rules"] if run.variant == "adam"]
    comparison.draw(result, tables, f"on {title}", ("train_loss", "train_acc", "valid_acc"))
    result.tables["Gradients by hand: largest relative error against"] = gradient_table()
    add_differences(result, CONCLUSIONS)
    for run in result.select(variant="two-layer SGD"):
        if run.model:
            units = plot.as_images(book_arrays(run.model)[0].T[:20], X.shape[1:])
            epochs = result.settings["num_epochs"]
            what = f"Weights of twenty hidden units as images, epoch {epochs}, {plot.IMPLS[run.impl]}"
            result.figures[f"weights_{run.impl}"] = plot.image_row(units, [""] * 20, what)
    draw_step_losses(result, "loss_by_step", "two-layer SGD", "Two layers")
    draw_step_losses(result, "last_loss_by_step", "last", "Last net of the article")
    show_answers(result, data, X, f"on {title}")
    show_minima(result)
    for impl in dict.fromkeys(run.impl for run in result.runs):
        found = {run.variant: run for run in result.select(impl)}
        learned = {}
        for net in ("three-layer", "five-layer"):
            runs = {scale: found.get(f"{net} scale {scale:g}") for scale in SCALES}
            if any(runs.values()):
                learned[net] = {
                    scale: run.metrics.get("train_acc", math.nan) for scale, run in runs.items() if run
                }
        if learned:
            result.figures[f"initial_scale_{impl}"] = draw_scales(learned, f", {plot.IMPLS[impl]}")
        histories = {name: found[name].history for name in RULES if name in found and found[name].history}
        if histories:
            sizes = {name: history[-1]["step_size"] for name, history in histories.items()}
            most, least = max(sizes, key=sizes.get), min(sizes, key=sizes.get)
            result.figures[f"step_sizes_{impl}"] = plot.lines(
                {name: (history["epoch"], history["step_size"]) for name, history in histories.items()},
                f"evaluation, every {result.settings['steps_deep']} steps",
                "mean length of a step",
                f"How far a step moves the parameters: in the end most by {most}, least by {least}, "
                f"{plot.IMPLS[impl]}",
                logy=True,
            )


def draw_step_losses(result, name, variant, title):
    """Add a figure, if a net was trained: the loss of every batch, by implementation."""
    losses = {
        run.impl: (range(1, len(run.model.step_losses) + 1), run.model.step_losses)
        for run in result.select(variant=variant)
        if run.model
    }
    if losses:
        _, of_first = next(iter(losses.values()))
        title = f"{title}: the loss of a batch falls from {of_first[0]:.2g} to {of_first[-1]:.2g}"
        result.figures[name] = plot.lines(losses, "step", "mean loss of the batch", title)


def draw_scales(learned, ending=""):
    """Draw how many of the fifty images nets learn from each initial scale.

    Args:
        learned: name of a net, as in "three-layer" -> {scale: training accuracy, NaN if training diverged}.
        ending: of the figure's title.
    """
    named = {net.replace("-layer", " layers"): by_scale for net, by_scale in learned.items()}
    all_from = {}
    for net, by_scale in named.items():
        scales = [f"{scale:g}" for scale, acc in by_scale.items() if acc == 1]
        all_from[net] = "\N{EN DASH}".join(dict.fromkeys([*scales[:1], *scales[-1:]]))
    title = "Fifty images learned from each initial scale"
    if len(named) == 2 and all(all_from.values()):
        three, five = all_from.values()
        title = (
            f"All fifty images are learned from weights of std {three} with three layers, {five} with five"
        )
    return plot.lines(
        {net: (list(by_scale), list(by_scale.values())) for net, by_scale in named.items()},
        "standard deviation of the initial weights",
        "training accuracy",
        title + ending,
        logx=True,
        failed={
            net: [scale for scale, acc in by_scale.items() if math.isnan(acc)]
            for net, by_scale in named.items()
        },
    )


def show_grid(result):
    """Show the losses by which a learning rate and a scale are found, raised step by step."""
    rows, (rates, scales) = [], grid_of(HParams(**result.settings))
    for lr in rates:
        runs = [result.find("scratch", f"three-layer lr {lr:g} scale {scale:g}") for scale in scales]
        if all(runs):
            cells = [
                f"{run.metrics['train_loss']:.2g}, {100 * run.metrics['train_acc']:.0f}%"
                if run.metrics
                else "diverged"
                for run in runs
            ]
            columns = [f"scale {scale:g}" for scale in scales]
            rows.append({"learning rate": f"{lr:g}", **dict(zip(columns, cells))})
    if rows:
        result.tables["Learning rate and scale: last training loss and accuracy on fifty images"] = rows


def bowl(x1, x2):
    """Return the height of a convex surface."""
    return x1**2 / 2 + x2**2


def two_valleys(x1, x2):
    """Return the height of a surface with two minima, the better one at x1 = -1.06, the other at 0.93."""
    return (x1**2 - 1) ** 2 + x1 / 2 + x2**2


def show_minima(result):
    """Show paths on a convex surface and on one with two minima, and how often the worse one is left."""
    ways = {"sgd": 0.03, "adagrad": 0.3, "adam": 0.3}
    panels = {
        name: (
            f,
            ((-2.2, 2.2), (-1.2, 1.2)),
            {
                way: descent_path(f, (2.0, 1.0), OPTIMIZERS[way].from_scratch, lr, 60)
                for way, lr in ways.items()
            },
        )
        for name, f in (("Convex", bowl), ("Two minima", two_valleys))
    }
    result.figures["minima"] = plot.descents(
        panels, "Sixty steps: of two minima, Adam alone reaches the better one"
    )
    starts = np.stack([np.linspace(0.4, 2, 33), np.ones(33)])  # all on the side of the worse minimum
    rates, steps = (0.03, 0.1, 0.3, 1.0), 60 if result.quick else 200
    result.tables["Of 33 starts at the worse of two minima, how many end in the better one"] = [
        {"optimizer": way, **{f"lr {lr:g}": num_escaped(way, lr, starts, steps) for lr in rates}}
        for way in ("sgd", "momentum", "adagrad", "adam")
    ]


def num_escaped(way: str, lr: float, starts: np.ndarray, steps: int) -> str:
    """Return how many of `starts` (2, number) an optimizer leads to the better of the two minima."""
    ends = descent_path(two_valleys, starts, OPTIMIZERS[way].from_scratch, lr, steps)[-1]
    return str((ends[0] < 0).sum()) if np.isfinite(ends).all() else "diverged"


def show_answers(result, data, X, where):
    """Show what answers the article's questions: lost gradients, the signal by layer, and Adam's factors."""
    deep = Setting(num_epochs=1, batch_size=1, sigma=5e-2, lr=1, hidden=DEEP)
    nets = {name: from_scratch(deep.replace(activation=name), data).net for name in ACTIVATIONS}
    show_lost_gradients(result, nets, X, where)
    scaled = {sigma: from_scratch(deep.replace(sigma=sigma), data).net for sigma in (1e-2, 5e-2, 1e-1, 2e-1)}
    result.figures["signal_by_layer"] = plot.lines(
        {
            f"scale {sigma:g}": (range(1, len(DEEP) + 1), signal_sizes(net, X))
            for sigma, net in scaled.items()
        },
        "hidden layer",
        "standard deviation of the outputs",
        "Each layer multiplies the signal by the same factor: the larger the initial weights, the larger",
        logy=True,
    )
    t = np.unique(np.geomspace(1, 10_000, 60).round())
    result.figures["bias_correction"] = plot.lines(
        {rf"$1 / (1 - {beta}^t)$": (t, 1 / (1 - beta**t)) for beta in (0.9, 0.999)},
        "step t",
        "factor",
        "Adam's bias corrections tend to 1: they do not make averages shrink",
        logx=True,
        logy=True,
    )


def signal_sizes(net: Network, X: nd.NDArray) -> list[float]:
    """Return the standard deviation of every hidden layer's outputs."""
    net(X)
    outputs = [layer.Y.asnumpy() for layer in net.layers if isinstance(layer, Activation)]
    return [output.std().item() for output in outputs]


chapter = Chapter(
    name="fully_connected_nets",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1, "num_epochs_deep": 2, "steps_deep": 3, "num_epochs_fifty": 1, "every": 3},
    data=lambda hp, options: load_centred(options, hp.batch_size, hp.num_train, hp.steps),
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=comparison.best_epoch_metrics,
    show=show,
    datasets=("cifar10", "colour_digits"),
    comparable=("cifar10",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
