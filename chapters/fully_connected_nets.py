"""Fully connected nets on CIFAR-10 with hand-derived gradients, from scratch and with Gluon.

A reader's article on modular nets with hand-derived gradients.

Each layer has a forward and a backward of its own (`d2l_repro/scratch/layers.py`), and a net of any depth is
made of them: {affine - [norm] - ReLU - [dropout]}, and affine at the end. It trains through the one loop,
which takes the gradients from the layers, and the parameters that were best on the validation set are the
ones that are tested. The last 1,000 of the training images are for validation, the first 1,000 of the test
images for the test.

Expect 0.51 to 0.53 on the validation set from two layers, and 0.51 to 0.52 on the test images. Five hidden
layers come to 0.44 to 0.5 in three passes, SGD last, and a little further with batch normalisation; dropout
holds them back. Three and five layers learn fifty images by heart.

The article's three questions. Which activation loses its gradient, and where? Sigmoid and tanh on large
inputs of either sign: on raw pixels 97 % of the first layer's, and none behind it; ReLU on all negative ones,
half of them in every layer; leaky ReLU nowhere. Which is more sensitive to the initial scale, three layers or
five? Five: at one learning rate they learn the fifty images from scales of 0.05 to 0.1, three layers from
0.02 to 0.2. Why do AdaGrad's updates become small, and do Adam's? AdaGrad divides by the root of a sum that
only grows: its steps shrink to a seventh in three passes, while Adam's, divided by an average, stay as long
as they were after the first hundred.
"""

from dataclasses import dataclass
from functools import lru_cache

from mxnet import nd

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.results import plot
from d2l_repro.results.result import shown
from d2l_repro.scratch import correct, normal
from d2l_repro.scratch.layers import (
    ACTIVATIONS,
    LOSSES,
    Activation,
    Affine,
    BatchNorm,
    CReLU,
    Dropout,
    FullyConnectedNet,
    LayerNorm,
)
from d2l_repro.settings import Count
from d2l_repro.train.parameters import book_arrays
from d2l_repro.verify.gradcheck import check_layer, check_loss

from ._layered import Sets, Setting, minibatches, parity, row, runs_of, tested, train

DEEP = (100,) * 5  # hidden layers
SCALES = (1e-3, 3e-3, 1e-2, 2e-2, 5e-2, 1e-1, 2e-1, 3e-1, 1.0)
LOST = 0.005  # derivatives below are called lost
RULES = {
    "sgd": 1e-2,
    "momentum": 5e-3,
    "adagrad": 5e-3,
    "rmsprop": 1e-4,
    "adam": 1.2e-3,
}  # name -> learning rate


@dataclass(frozen=True)
class HParams(settings.HParams):
    """How long each comparison trains."""

    num_epochs: Count = 10  # passes over the training set of the nets with two layers
    num_epochs_deep: Count = 30  # evaluations of the nets with five hidden layers
    steps_deep: Count = 50  # batches between two of these evaluations; 490 are a pass over the training set
    num_epochs_fifty: Count = 20  # passes over fifty images
    batch_size: Count = 100  # examples a step; 25 of the fifty


def comparisons(hp):
    """Title -> {name: Setting}."""
    two = Setting(
        hidden=(100,), sigma=1e-3, lr=4e-4, lr_decay=0.95, num_epochs=hp.num_epochs, batch_size=hp.batch_size
    )
    fifty = Setting(num_train=50, batch_size=25, num_epochs=hp.num_epochs_fifty)
    three, five = (
        fifty.replace(hidden=(100,) * (depth - 1), lr=lr) for depth, lr in ((3, 1.5e-2), (5, 2e-3))
    )
    deep = Setting(
        hidden=DEEP,
        sigma=5e-2,
        num_epochs=hp.num_epochs_deep,
        steps=hp.steps_deep,
        batch_size=hp.batch_size,
        optimizer="adam",
        lr=RULES["adam"],
    )
    return {
        "Two layers": {
            "two-layer SGD": two,
            "two-layer autograd": two.replace(gradients="autograd"),
            "two-layer penalty": two.replace(reg=0.5),
            "two-layer SVM": two.replace(loss="svm", lr=1e-4),
        },
        "Fifty images": {
            "three-layer overfit 50": three.replace(sigma=1e-2),
            "five-layer overfit 50": five.replace(sigma=1e-1),
        },
        "Update rules": {
            name: deep.replace(optimizer=name, lr=lr, watch_steps=True) for name, lr in RULES.items()
        },
        "Normalisation and dropout": {
            "adam, batch norm": deep.replace(norm="batch"),
            "adam, layer norm": deep.replace(norm="layer"),
            "adam, dropout": deep.replace(drop_prob=0.2),
            "adam, batch norm and dropout": deep.replace(norm="batch", drop_prob=0.2),
        },
        "Initial scale": {
            f"{name} scale {scale:g}": net.replace(sigma=scale, lr=1e-3)
            for name, net in (("three-layer", three), ("five-layer", five))
            for scale in SCALES
        },
    }


def data(hp, options):
    """X (batch, 3, 32, 32), pixels from 0 to 255 less the mean image, and y (batch,)."""
    images = load_images("cifar10", options.dataset, options.data_dir, options.quick)
    sets = Sets(*centred(images), len(images.class_names), correct, images.title)
    return minibatches(
        sets, hp, options.seed, images.name, stand_in_for=images.stand_in_for, official=images.official
    )


@lru_cache(maxsize=1)  # the runs share the arrays
def centred(images):
    """Training, validation and test set, each (X, y): the last 1,000 training images, or a sixth, are for
    validation.

    The mean of the other training images is taken from all.
    """
    num_train = len(images.train_labels) - min(1000, len(images.train_labels) // 6)
    (X, y), (X_test, y_test) = (
        (nd.array(pixels, dtype="uint8").astype("float32"), nd.array(labels, dtype="float32"))
        for pixels, labels in (
            (images.train_images, images.train_labels),
            (images.test_images, images.test_labels),
        )
    )
    mean = X[:num_train].mean(axis=0, keepdims=True)
    X -= mean
    X_test -= mean
    return (X[:num_train], y[:num_train]), (X[num_train:], y[num_train:]), (X_test, y_test)


def show(result, data):
    """A table and a figure for each comparison, and the article's three questions."""
    tables = comparisons(HParams(**result.settings))
    comparison.tabulate(result, tables, row)
    del tables["Initial scale"]  # has a figure of its own
    tables["Normalisation and dropout"]["adam"] = tables["Update rules"][
        "adam"
    ]  # to be seen beside the others
    comparison.draw(result, tables, f"on {data.source.title}", ("train_loss", "train_acc", "valid_acc"))
    result.tables["Gradients by hand: largest relative error against"] = checks()
    for impl in ("scratch", "gluon"):
        if f"{impl} two-layer SGD" in result.models:
            result.figures[f"weights_{impl}"] = plot.image_row(
                templates(result.models[f"{impl} two-layer SGD"], data.source.train[0][0].shape),
                [""] * 20,
                f"What twenty hidden units look for, {impl}",
            )
    result.figures["which_activation_loses_its_gradient"] = plot.lines(
        lost_gradients(data),
        "hidden layer",
        f"share of derivatives below {LOST}",
        f"Which activation loses its gradient, on {data.source.title}",
    )
    result.tables["For which inputs an activation loses its gradient"] = [
        {"activation": name, f"derivative below {LOST}": where_lost(name)} for name in ACTIVATIONS
    ]
    for impl in ("scratch", "gluon"):
        runs = {
            label.partition(" ")[2]: run for label, run in result.labelled().items() if label.startswith(impl)
        }
        if not runs:
            continue
        result.figures[f"initial_scale_{impl}"] = plot.lines(
            learned_by_scale(runs),
            "standard deviation of the initial weights",
            "training accuracy, 0 if diverged",
            f"Fifty images learned from each initial scale, {impl}",
            logx=True,
        )
        steps = {name: runs[name]["history"] for name in RULES if runs[name]["history"]}
        result.figures[f"step_sizes_{impl}"] = plot.lines(
            {name: (history["epoch"], history["step_size"]) for name, history in steps.items()},
            f"{result.settings['steps_deep']} steps",
            "mean length of a step",
            f"How far each rule moves the parameters, {impl}",
            logy=True,
        )


def checks():
    """A row for each layer and loss: how far its gradients are from central differences and from autograd."""

    def array(*shape):
        return nd.random.normal(shape=shape, dtype="float64")

    layers = {
        "affine": Affine(array(4, 3), array(3)),
        **{name: Activation(name) for name in ACTIVATIONS},
        "batch norm": BatchNorm(array(4), array(4)),
        "layer norm": LayerNorm(array(4), array(4)),
        "crelu": CReLU(),
        "dropout": Dropout(0.3),
    }
    made = {
        f"{name}, {mode}": check_layer(layer, array(6, 4), train=mode == "training")
        for name, layer in layers.items()
        for mode in ("training", "testing")
    }
    y = nd.array([0, 1, 1, 0], dtype="float64")
    made.update(
        {
            f"{name} loss": check_loss(*loss, array(4, 1 if name in ("logistic", "squared") else 3), y)
            for name, loss in LOSSES.items()
        }
    )
    return [
        {"layer": name, **{way: shown(error, ".1e") for way, error in errors.items()}}
        for name, errors in made.items()
    ]


def templates(model, shape):
    """The weights of a net's first twenty hidden units as images, (height, width, channels) from 0 to 1."""
    W, *_ = book_arrays(model)
    images = W.T[:20].reshape(-1, *shape).transpose(0, 2, 3, 1)
    low, high = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return (images - low) / (high - low)


def lost_gradients(data):
    """Activation -> hidden layers, and the share of derivatives close to 0 in each when the net begins."""
    X, _ = data.source.valid
    shares = {}
    for name in ACTIVATIONS:
        net = FullyConnectedNet(
            [X[0].size, *DEEP, data.source.num_outputs], lambda shape: normal(shape, 5e-2), name
        )
        net(X)
        layers = [layer for layer in net.layers if isinstance(layer, Activation)]
        lost = [(layer.derivative(layer.X, layer.Y).abs() < LOST).mean().asscalar() for layer in layers]
        shares[name] = range(1, len(lost) + 1), lost
    return shares


def where_lost(name):
    """The inputs from -10 to 10 for which an activation's derivative is close to 0, in words."""
    x = nd.arange(-1000, 1001) / 100
    function, derivative = ACTIVATIONS[name]
    lost = (derivative(x, function(x)).abs() < LOST).asnumpy().astype(bool)
    x = x.asnumpy()
    below, above = x[lost & (x <= 0)], x[lost & (x > 0)]
    said = [
        *([f"x <= {below.max():g}"] if below.size else []),
        *([f"x >= {above.min():g}"] if above.size else []),
    ]
    return " and ".join(said) or "nowhere"


def learned_by_scale(runs):
    """Net -> initial scales, and the training accuracy at the end; 0 for a run that diverged."""
    return {
        name: (SCALES, [runs[f"{name} scale {scale:g}"].metrics.get("train_acc", 0) for scale in SCALES])
        for name in ("three-layer", "five-layer")
    }


chapter = Chapter(
    name="fully_connected_nets",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1, "num_epochs_deep": 2, "steps_deep": 5, "num_epochs_fifty": 2},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    metrics=tested,
    show=show,
    parity=lambda run: (
        parity(run) and "scale" not in run.label
    ),  # the fifty images are, where nothing diverges
    may_diverge=lambda run: "scale" in run.label,
    datasets=("cifar10", "colour_digits"),
    comparable=("cifar10",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
