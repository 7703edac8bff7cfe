"""Vanishing gradients: their norm by layer, from scratch and with Gluon.

The second part of a reader's article on two moons, initialization and vanishing gradients.

New since two moons: a narrow net of five layers, 2-3-3-3-3-1, and a look at the gradients of a single step
on all examples. With weights as small as N(0, 0.01) and biases of 1, every layer shrinks the gradient on its
way back, and more so where the activation is flat. With biases of -8 no ReLU is ever on, and every gradient
but that w.r.t. the last bias is 0. With all weights 0 the units of a layer can never become different from
each other. Then the remedies: weights as large as N(0, 1), Xavier's or He's, batch normalization, Adam and,
against gradients that are too large, clipping.

Expect norms from 2e-11 in the first layer to 0.3 in the last with sigmoid, a factor of 230 to 730 per layer,
and from 1e-8 with ReLU: of the factor per layer, 5 is due to the sigmoid and the rest to the weights, which
is why N(0, 1) helps both. With biases of -8, a leaky ReLU's first layer gets a gradient of 3e-16. The article
calls that normal, though it is fifty thousand times smaller than the one it calls vanished; a slope of 0.3
makes it almost a million times larger. ELU, which the article recommends too, gets 3e-22, as it is flat at
-8.

If training continues, the nets with small weights stay at a loss of log 2. Batch normalization lets even the
sigmoids learn, up to an accuracy of 0.99; Xavier's weights give their first layer a gradient 25 to 50 million
times as large, and still their loss hardly falls in a thousand epochs. ReLU learns with He's weights, up to
0.99. Clipping limits a gradient with a norm of 30 to 90 to 1, but the weights from N(0, 5) that cause it
remain, and the nets end below 0.9. One of the article's mistakes is shown as well: it makes new nets but
keeps the optimizer, which still holds the parameters of the first. Its step moves nothing in the new net, and
repeats the last one in the old; Gluon's trainer refuses to take it. (0.01, 1 and 5 are standard deviations.)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Callable, Literal

import numpy as np
from matplotlib.figure import Figure
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import CONCLUSIONS
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_number
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import counterparts, normal, sigmoid_cross_entropy, xavier
from d2l_repro.scratch.layers import ACTIVATIONS, Activation, Affine, BatchNorm, Network, gradients_by_hand
from d2l_repro.settings import Count, NonNegative, Options, Positive
from d2l_repro.train.callbacks import Clip
from d2l_repro.train.parameters import book_arrays, parameters

from . import two_moons

LAYERS = range(1, 6)
NORMS = {**{f"norm_{i}": f"layer {i}" for i in LAYERS}, "norm_bias_5": "last bias"}  # metric -> column
UNCURED = "{}, no remedy"  # which the remedies are compared with
STEP_LR = 0.01  # learning rate of the article's single steps


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    sigma: Positive = 0.01  # standard deviation of the initial weights
    lr: Positive = 0.2  # learning rate of the runs that are trained further
    num_epochs: Count = 1000  # epochs of the runs that are trained further; an epoch is one step
    num_train: Count = 640  # training examples, which are one batch


@dataclass(frozen=True)
class Setting(HParams):
    """Settings of one run."""

    activation: Literal[tuple(ACTIVATIONS)] = "relu"  # after each layer but the last
    init: Literal["normal", "xavier", "kaiming", "zero", "half"] = "normal"  # of the weights
    bias: float = 1.0  # initial value of all biases
    slope: Positive = 0.01  # of leaky ReLU below 0
    ones: tuple[int, ...] = ()  # examples of class 1 in training and validation set; () for any number
    optimizer: Literal["sgd", "adam"] = "sgd"
    batch_norm: bool = False  # before each activation
    clip: NonNegative = 0.0  # largest norm of the gradient; 0 for no limit

    @property
    def batch_size(self) -> int:
        return self.num_train


def data(hp: Setting, options: Options) -> Data:
    """Return the two moons, X (batch, 2) and y (batch,), 0 or 1."""
    return two_moons.data(two_moons.Setting(num_train=hp.num_train, ones=hp.ones), options)


def initializer(hp: Setting) -> counterparts.InitializerPair:
    """Return how the weights are initialized."""
    equal = {"zero": counterparts.constant_pair(0.0), "half": counterparts.constant_pair(0.5)}
    return {**counterparts.INITIALIZERS, **equal, "normal": counterparts.normal_pair(hp.sigma)}[hp.init]


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build the net 2-3-3-3-3-1, whose gradients are computed by the layers' own `backward`."""
    weight = initializer(hp).from_scratch

    def hidden(inputs, first=False):  # (batch, inputs) -> (batch, 3)
        affine = Affine(weight((inputs, 3)), nd.full(3, hp.bias), first)
        norm = [BatchNorm(nd.ones(3), nd.zeros(3))] if hp.batch_norm else []
        slope = hp.slope if hp.activation == "leaky relu" else None
        return [affine, *norm, Activation(hp.activation, slope)]

    layers = [*hidden(2, first=True), *hidden(3), *hidden(3), *hidden(3)]
    layers += [Affine(weight((3, 1)), nd.full(1, hp.bias))]  # (batch, 1), the logit of class 1
    net = Network(layers)
    by_hand = gradients_by_hand(net, "logistic")
    trainer = counterparts.OPTIMIZERS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, sigmoid_cross_entropy, net.params, trainer, gradients=by_hand)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    bias = init.Constant(hp.bias)
    net = nn.HybridSequential()
    for _ in range(4):
        net.add(nn.Dense(3, bias_initializer=bias))
        if hp.batch_norm:
            net.add(nn.BatchNorm())
        is_leaky = hp.activation == "leaky relu"
        net.add(nn.LeakyReLU(hp.slope) if is_leaky else counterparts.GLUON_ACTIVATIONS[hp.activation]())
    net.add(nn.Dense(1, bias_initializer=bias))
    net.initialize(initializer(hp).with_gluon())
    net.hybridize()
    params = net.collect_params()
    trainer = counterparts.OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr)
    return Model(net, counterparts.LogisticLoss(), params, trainer)


def train(model: Model, data: Data, hp: Setting, callbacks=()) -> History:
    """Train as on two moons, with clipped gradients if the setting says so."""
    learned = [param.source for param in parameters(model)]
    clip = [Clip(learned, hp.clip, hp.batch_size)] if hp.clip else []
    return two_moons.train_with_validation(model, data, hp, [*clip, *callbacks])


def variants(hp: HParams) -> dict[str, dict[str, Setting]]:
    """Return what is compared, title -> name -> setting: single steps, then longer training."""
    base = Setting(**vars(hp.replace(num_epochs=1, lr=STEP_LR)))
    unbiased = base.replace(bias=0.0)
    # With biases of -8 the article's gradients w.r.t. the last one are sigmoid(-8) less the share of class 1,
    # 327 and 321 of 640, and its validation accuracies are the shares of class 0.
    off, leaky = (base.replace(bias=-8.0, ones=ones) for ones in ((327, 76), (321, 72)))
    leaky = leaky.replace(activation="leaky relu")
    zero = unbiased.replace(activation="sigmoid", init="zero")
    large = unbiased.replace(activation="leaky relu", sigma=5.0)
    remedies = {"N(0, 1)": {"sigma": 1.0}, "xavier": {"init": "xavier"}, "he": {"init": "kaiming"}}
    remedies["batch norm"] = {"batch_norm": True}
    steps = {
        "Small weights": {name: base.replace(activation=name) for name in ACTIVATIONS},
        "Biases of -8": {
            "relu, bias -8": off,
            "leaky relu, bias -8": leaky,
            "leaky relu 0.1, bias -8": leaky.replace(slope=0.1),
            "leaky relu 0.3, bias -8": leaky.replace(slope=0.3),
            "elu, bias -8": leaky.replace(activation="elu"),
        },
        "Remedies": {
            f"{activation}, {name}": unbiased.replace(activation=activation, **remedy)
            for activation in ("sigmoid", "relu")
            for name, remedy in remedies.items()
        },
        "Large weights": {"N(0, 5)": large, "N(0, 5), clipped": large.replace(clip=1.0)},
    }
    by_name = {name: setting for table in steps.values() for name, setting in table.items()}
    trained = ["sigmoid", "relu", "leaky relu, bias -8", "leaky relu 0.3, bias -8", "elu, bias -8"]
    trained += ["relu, bias -8", "sigmoid, xavier", "sigmoid, batch norm", "relu, xavier", "relu, he"]
    trained += ["relu, batch norm", "N(0, 5)", "N(0, 5), clipped"]
    longer = {"num_epochs": hp.num_epochs, "lr": hp.lr}
    adam = {"num_epochs": hp.num_epochs, "optimizer": "adam"}
    return {
        **steps,
        "Equal units": {
            "zero": zero,
            "zero, trained": zero.replace(**longer),
            "half, trained": zero.replace(init="half", **longer),
        },
        "Trained": {
            **{f"{name}, trained": by_name[name].replace(**longer) for name in trained},
            **{f"{name}, Adam, trained": by_name[name].replace(**adam) for name in ("sigmoid", "relu")},
        },
    }


def runs_with(name: str, hp: Setting) -> list[Run]:
    """Return the runs with one setting."""
    # With weights this small, activations have next to no variance, so each batch normalization multiplies
    # rounding errors by 300, and a unit that is off for all examples becomes 0, where ReLU has its corner.
    # Large weights multiply the error in Gluon's slope of leaky ReLU, which it keeps in single precision.
    paths_agree = not (hp.batch_norm and hp.activation == "relu") and hp.sigma <= 1
    # Longer training begins with the path of the single step of the same name.
    is_new = name == "half, trained" or hp.optimizer == "adam" or not name.endswith(", trained")
    builders = {"scratch": from_scratch, "gluon": with_gluon}
    return runs_of(builders, {name: hp}, compare_paths=paths_agree and is_new)


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs."""
    return {
        title: [run for name, setting in table.items() for run in runs_with(name, setting)]
        for title, table in variants(hp).items()
    }


def gradient_norms(model: Model, data: Data, history: History) -> dict[str, float]:
    """Return the scores of the best epoch, and the norms of the last step's gradient of the mean loss.

    The norms are taken w.r.t. the weights of each layer, norm_1 to norm_5, and its biases, norm_bias_1 to
    norm_bias_5. units_apart is how far the units of a hidden layer are from each other in the net that is
    tested.
    """
    params, batch_size = parameters(model), len(data.train_iter.y)
    weights = [i for i, param in enumerate(params) if len(param.array.shape) == 2]
    named = {"norm": weights, "norm_bias": [i + 1 for i in weights]}  # each layer's biases follow its weights
    norms = {
        f"{name}_{layer}": params[i].grad.norm().asscalar().item() / batch_size
        for name, places in named.items()
        for layer, i in zip(LAYERS, places)
    }
    weights = [params[i] for i in weights]
    apart = max(np.ptp(param.get(), axis=1).max() for param in weights[:-1])
    best = comparison.best_epoch_metrics(model, data, history)
    return {**norms, "units_apart": float(apart), **best}


def show(result: Result, data: Data) -> None:
    """Add tables and figures of the norms by layer and of training, and histograms of initial weights."""
    tables = comparisons(HParams(**result.settings))
    trained = {"Trained": tables.pop("Trained")}
    comparison.tabulate(result, tables, norms_row)
    comparison.tabulate(result, trained, comparison.best_epoch_row)
    comparison.draw(
        result, trained, "on two moons", ("train_loss", "train_acc", "valid_acc"), two_moons.CHANCE
    )
    del tables["Equal units"]  # whose norms are 0
    for title, runs in tables.items():
        for impl in ("scratch", "gluon"):
            draw_norms(result, title, runs, impl)
    samples = {"normal, 0.01": normal((10000,)), "uniform, Xavier for 100 + 100": xavier((100, 100))}
    samples = {name: array.asnumpy().ravel() for name, array in samples.items()}
    result.figures["samples"] = plot.histogram(samples, "10,000 initial weights", "weights")
    add_derivatives(result)
    add_conclusions(result)
    result.tables["An optimizer that holds the parameters of an earlier net"] = [
        earlier_optimizer_row(impl, build, HParams(**result.settings), data)
        for impl, build in (("scratch", from_scratch), ("gluon", with_gluon))
    ]


def add_derivatives(result: Result) -> None:
    """Add a figure of the sigmoid and its derivative, and the derivative's largest value.

    From scratch the derivative is y (1 - y); with Gluon autograd takes it.
    """
    x = nd.arange(-800, 801) / 100
    x.attach_grad()
    with autograd.record():
        y = nd.sigmoid(x)
    y.backward()
    derivatives = {"scratch": ACTIVATIONS["sigmoid"][1](x, y), "gluon": x.grad}
    for impl, derivative in derivatives.items():
        if result.select(impl):
            result.add(impl, "sigmoid derivative", {"largest": derivative.max().asscalar().item()})
    curves = {"sigmoid": y.asnumpy(), "its derivative": x.grad.asnumpy()}
    panels = {"": (x.asnumpy(), curves)}
    result.figures["sigmoid"] = plot.functions(
        panels, "x", "The sigmoid passes on at most a quarter of the gradient", width=5.0
    )


def earlier_optimizer_row(impl: str, build: Callable, hp: HParams, data: Data) -> dict[str, str]:
    """Return what a step moves if a new net is trained with the optimizer of the net before it.

    The article does so with ReLU and leaky ReLU. It prints the gradients of the one step, which are right.
    """
    hp = Setting(**vars(hp.replace(num_epochs=1)))
    earlier, new = build(hp, data), build(hp, data)
    train(earlier, data, hp)
    new.net(data.source.train[0])  # from which Gluon takes the number of inputs
    before, said = [book_arrays(model) for model in (earlier, new)], "nothing"
    try:
        train(replace(new, trainer=earlier.trainer), data, hp)
    except UserWarning as warning:  # Gluon raises it
        said = str(warning).split(" on context")[0] + " ..."
    moved = [
        max(np.abs(now - start).max() for now, start in zip(book_arrays(model), arrays))
        for model, arrays in zip((earlier, new), before)
    ]
    return {
        "run": impl,
        "earlier net moves": f"{moved[0]:.2g}",
        "new net moves": f"{moved[1]:.2g}",
        "said": said,
    }


# The article's conclusions: name -> (a run, the run to compare with), by the first layer's gradient
CLAIMS = {
    "relu_over_sigmoid": ("relu", "sigmoid"),
    "leaky_relu_over_sigmoid": ("leaky relu, bias -8", "sigmoid"),
    "slope_0.3_over_0.01": ("leaky relu 0.3, bias -8", "leaky relu, bias -8"),
}


def add_conclusions(result: Result) -> None:
    """Add by how many powers of ten the first layer's gradient of one run is larger than another's."""
    for impl in dict.fromkeys(run.impl for run in result.runs):
        found = {}
        for name, variants in CLAIMS.items():
            norms = [run.metrics.get("norm_1") for run in (result.find(impl, one) for one in variants) if run]
            if len(norms) == 2 and all(norms):
                found[name] = math.log10(norms[0] / norms[1])
        if found:
            result.add(impl, CONCLUSIONS, found)


def draw_norms(result: Result, title: str, runs: list[Run], impl: str) -> None:
    """Add a figure of the norms by layer, a curve for each run."""
    found = comparison.finished(result, runs, impl)
    if title == "Remedies":
        found.update({UNCURED.format(run.variant): run for run in result.select(impl, "sigmoid")})
    norms = norms_of(found)
    if norms:
        result.figures[comparison.figure_name(title, impl)] = norms_figure(
            f"{title}, {plot.IMPLS[impl]}", norms
        )


def norms_of(runs: Mapping[str, RunResult]) -> dict[str, list[float]]:
    """Return variant -> norms of the gradient w.r.t. the weights of each layer, the first layer first."""
    return {name: [run.metrics[f"norm_{i}"] for i in LAYERS] for name, run in runs.items() if run.metrics}


def norms_figure(title: str, norms: Mapping[str, list[float]]) -> Figure:
    """Draw norms by layer, from the last to the first; the title says how much of them is left there."""
    short = {name: name.replace(", bias -8", "") for name in norms}  # which the title says
    curves = {
        short[name] if any(values) else f"{short[name]} (all 0)": (
            LAYERS,
            [value or np.nan for value in values],
        )
        for name, values in norms.items()  # a logarithmic axis has no place for 0
    }
    return plot.lines(
        curves,
        "layer, in the order of the backward pass",
        "norm of the gradient w.r.t. the weights",
        norms_title(title, norms),
        logy=True,
        backward=True,
    )


def norms_title(title: str, norms: Mapping[str, list[float]]) -> str:
    """Return a title that says what is left in layer 1 of the gradient in layer 5, by which runs."""
    shares = {name: values[0] / values[-1] for name, values in norms.items() if all(values)}
    if not shares:
        return f"{title}: all gradients are 0"
    clipped = [(values, norms.get(f"{name}, clipped")) for name, values in norms.items()]
    factors = [one / other for each, cut in clipped if cut and all(cut) for one, other in zip(each, cut)]
    if factors:
        return f"{title}: clipping makes the gradient of each layer {np.mean(factors):.2g} times smaller"
    uncured = [share for name, share in shares.items() if name == UNCURED.format("sigmoid")]
    ends = sorted(share for name, share in shares.items() if name != UNCURED.format("sigmoid"))
    low, high = (f"{float(f'{ends[i]:.1g}'):g}" for i in (0, -1))
    text = f"{title}: in layer 1 the gradient is {low} to {high} times that in layer 5"
    if uncured:
        return f"{text}, without remedy {uncured[0]:.1g}"
    dead = [name.partition(",")[0] for name, values in norms.items() if not any(values)]
    return f"{text}, with {', '.join(dead)} it is 0" if dead else text


def norms_row(label: str, run: RunResult, hp: Setting) -> dict[str, str]:
    """Return a run's row of a table."""
    return {
        "run": label,
        **{column: format_number(run.metrics.get(name), ".1e") for name, column in NORMS.items()},
        "units apart": format_number(run.metrics.get("units_apart"), ".1e"),
        "train loss": format_number(run.metrics.get("train_loss"), ".4f"),
    }


chapter = Chapter(
    name="vanishing_gradients",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 20},
    data=data,
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=gradient_norms,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
