"""Vanishing gradients: their norm by layer, from scratch and with Gluon.

A reader's article on two moons, initialisation and vanishing gradients.

New since two moons: a narrow net of five layers, 2-3-3-3-3-1, and a look at the gradients of a single step on
all examples. With weights as small as N(0, 0.01) and biases of 1 every layer on the way back takes its share,
more where the activation is flat. With biases of -8 no ReLU is ever on, and all gradients but the last bias's
are 0. With all weights 0 the units of a layer can never become different from each other. Then the remedies:
weights as large as Xavier's or He's, batch normalisation, and, against gradients that are too large,
clipping.

Expect norms from 2e-11 at the first layer to 0.3 at the last with sigmoid, a factor of 240 to 720 a layer,
and from 1e-8 with ReLU. Trained on, the nets with small weights stay at a loss of log 2. Batch normalisation
lets even the sigmoids learn, to 0.99; Xavier's weights give their first layer a gradient 25 to 50 million
times as large, and still their loss hardly falls in a thousand epochs. ReLU learns with He's weights, to
0.99. Clipping bounds a gradient with a norm of 30 to 90 by 1, but the weights of N(0, 5) that cause it stay,
and the nets end below 0.9. (0.01 and 5 are standard deviations.)
"""

from dataclasses import dataclass

import numpy as np

from d2l_repro import settings
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.results import plot
from d2l_repro.results.result import shown
from d2l_repro.scratch import normal, xavier
from d2l_repro.settings import Count, Positive
from d2l_repro.train.parameters import parameters

from . import _layered, two_moons
from ._layered import parity, runs_of, train

HIDDEN = (3, 3, 3, 3)


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    sigma: Positive = 0.01  # standard deviation of the initial weights
    lr: Positive = 0.2  # learning rate of SGD
    num_epochs: Count = 1000  # passes over the training set where it is trained on; one step is one pass
    num_train: Count = 640  # training examples, which are one batch


def comparisons(hp):
    """Title -> {name: Setting}."""
    base = two_moons.Setting(
        hidden=HIDDEN,
        loss="logistic",
        sigma=hp.sigma,
        lr=hp.lr,
        bias=1.0,
        num_epochs=1,
        num_train=hp.num_train,
        batch_size=hp.num_train,
    )
    sound = base.replace(bias=0.0)
    zero = sound.replace(activation="sigmoid", init="zero")
    large = sound.replace(activation="leaky relu", sigma=5.0)
    steps = {
        "Small weights": {name: base.replace(activation=name) for name in _layered.ACTIVATIONS},
        "Biases of -8": {
            f"{name}, bias -8": base.replace(activation=name, bias=-8.0) for name in ("relu", "leaky relu")
        },
        "Remedies": {
            f"{activation}, {name}": sound.replace(activation=activation, **remedy)
            for activation in ("sigmoid", "relu")
            for name, remedy in (
                ("xavier", {"init": "xavier"}),
                ("he", {"init": "kaiming"}),
                ("batch norm", {"norm": "batch"}),
            )
        },
        "Large weights": {"N(0, 5)": large, "N(0, 5), clipped": large.replace(clip=1.0)},
    }
    trained = (
        "sigmoid",
        "relu",
        "leaky relu, bias -8",
        "relu, bias -8",
        "sigmoid, xavier",
        "sigmoid, batch norm",
        "relu, xavier",
        "relu, he",
        "relu, batch norm",
        "N(0, 5)",
        "N(0, 5), clipped",
    )
    all_steps = {name: hp for table in steps.values() for name, hp in table.items()}
    return {
        **steps,
        "Equal units": {
            "zero": zero,
            "zero, trained": zero.replace(num_epochs=hp.num_epochs),
            "half, trained": zero.replace(init="half", num_epochs=hp.num_epochs),
        },
        "Trained": {
            f"{name}, trained": all_steps[name].replace(num_epochs=hp.num_epochs) for name in trained
        },
    }


def gradient_norms(model, data, history):
    """The norm of the last step's gradient of the mean loss, by each layer's weights and by the last bias;
    and how far the units of a hidden layer are from each other in the net that is tested.
    """
    params = parameters(model)
    weights, last_bias = [p for p in params if len(p.array.shape) == 2], params[-1]
    batch_size = len(data.train_iter.y)
    norms = {f"norm_{i}": p.grad.norm().asscalar().item() / batch_size for i, p in enumerate(weights, 1)}
    apart = max(np.ptp(p.get(), axis=1).max() for p in weights[:-1])
    return {
        **norms,
        "norm_last_bias": last_bias.grad.norm().asscalar().item() / batch_size,
        "units_apart": float(apart),
        **_layered.tested(model, data, history),
    }


def show(result, data):
    """Norms by layer as figures and tables, what training comes to, and the samples that weights are drawn
    from."""
    tables = comparisons(HParams(**result.settings))
    trained = {"Trained": tables.pop("Trained")}
    comparison.tabulate(result, tables, norms_row)
    comparison.tabulate(result, trained, _layered.row)
    comparison.draw(result, trained, "on two moons", ("train_loss", "train_acc", "valid_acc"))
    del tables["Equal units"]  # whose norms are 0
    for title, table in tables.items():
        for impl in ("scratch", "gluon"):
            runs = comparison.of(impl, table, result.runs)
            curves = dict(by_layer(name, run.metrics) for name, run in runs.items() if run.metrics)
            if curves:
                result.figures[comparison.figure_name(title, impl)] = plot.lines(
                    curves,
                    "layer",
                    "norm of the gradient",
                    f"{title}: gradients of one step, {impl}",
                    logy=True,
                )
    samples = {
        "normal, 0.01": normal((10000,)),
        "uniform, Xavier for 100 + 100": xavier((100, 100)).reshape((-1,)),
    }
    result.figures["samples"] = plot.histogram(
        {name: array.asnumpy() for name, array in samples.items()}, "10,000 initial weights", "weights"
    )


def by_layer(name, metrics):
    """A run's name in the figure, and layers and norms; a norm of 0 has no place on a logarithmic axis."""
    layers = range(1, len(HIDDEN) + 2)
    norms = [metrics[f"norm_{i}"] for i in layers]
    return name if any(norms) else f"{name} (all 0)", (layers, [norm or np.nan for norm in norms])


def norms_row(label, run, hp):
    """A run's line in the table of its comparison."""
    columns = {f"norm_{i}": f"layer {i}" for i in range(1, len(HIDDEN) + 2)}
    columns["norm_last_bias"] = "last bias"
    return {
        "run": label,
        **{title: shown(run.metrics.get(name), ".1e") for name, title in columns.items()},
        "units apart": shown(run.metrics.get("units_apart"), ".1e"),
        "train loss": shown(run.metrics.get("train_loss"), ".4f"),
    }


chapter = Chapter(
    name="vanishing_gradients",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 50},
    data=two_moons.data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    metrics=gradient_norms,
    show=show,
    # Weights this small have next to no variance, so that each normalisation multiplies rounding by 300, and
    # a unit that is off for all examples becomes 0, where ReLU has its corner. Large weights multiply what is
    # lost in Gluon's slope of leaky ReLU, which is kept in single precision.
    parity=lambda run: (
        parity(run) and (run.hp.norm, run.hp.activation) != ("batch", "relu") and run.hp.sigma < 1
    ),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
