"""Fully connected nets on CIFAR-10 with hand-derived gradients, from scratch and with Gluon.

A reader's article on modular nets with hand-derived gradients.
"""
from dataclasses import dataclass
from functools import lru_cache

from mxnet import nd

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment import Chapter
from d2l_repro.scratch import correct
from d2l_repro.settings import Count

from . import _comparisons
from ._layered import Sets, Setting, minibatches, parity, row, runs_of, tested, tolerance, train

SCALES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
RULES = {"sgd": 1e-3, "momentum": 5e-4, "adagrad": 5e-3, "rmsprop": 1e-4, "adam": 1.2e-3}  # name -> learning rate


@dataclass(frozen=True)
class HParams(settings.HParams):
    """How long each comparison trains."""

    num_epochs: Count = 10  # passes over the training set of the nets with two layers
    num_epochs_deep: Count = 5  # the same of the nets with five hidden layers
    num_epochs_fifty: Count = 20  # passes over fifty images
    batch_size: Count = 100  # examples a step; 25 of the fifty


def comparisons(hp):
    """Title -> {name: Setting}."""
    two = Setting(hidden=(100,), sigma=1e-3, lr=4e-4, lr_decay=0.95, num_epochs=hp.num_epochs, batch_size=hp.batch_size)
    fifty = Setting(num_train=50, batch_size=25, num_epochs=hp.num_epochs_fifty)
    three, five = (fifty.replace(hidden=(100,) * (depth - 1), lr=lr) for depth, lr in ((3, 1.5e-2), (5, 2e-3)))
    deep = Setting(hidden=(100,) * 5, sigma=5e-2, num_epochs=hp.num_epochs_deep, batch_size=hp.batch_size,
                   optimizer="adam", lr=RULES["adam"])
    return {
        "Two layers": {"two-layer SGD": two, "two-layer autograd": two.replace(gradients="autograd"),
                       "two-layer penalty": two.replace(reg=0.5),
                       "two-layer SVM": two.replace(loss="svm", lr=1e-4)},
        "Fifty images": {"three-layer overfit 50": three.replace(sigma=1e-2),
                         "five-layer overfit 50": five.replace(sigma=1e-1)},
        "Update rules": {name: deep.replace(optimizer=name, lr=lr, watch_steps=True) for name, lr in RULES.items()},
        "Normalisation and dropout": {
            "adam, batch norm": deep.replace(norm="batch"), "adam, layer norm": deep.replace(norm="layer"),
            "adam, dropout": deep.replace(drop_prob=0.2),
            "adam, batch norm and dropout": deep.replace(norm="batch", drop_prob=0.2)},
        "Initial scale": {f"{name} scale {scale:g}": net.replace(sigma=scale)
                          for name, net in (("three-layer", three), ("five-layer", five)) for scale in SCALES},
    }


def data(hp, options):
    """X (batch, 3, 32, 32), pixels from 0 to 255 less the mean image, and y (batch,)."""
    images = load_images("cifar10", options.dataset, options.data_dir, options.quick)
    sets = Sets(*centred(images), len(images.class_names), correct, images.title)
    return minibatches(sets, hp, options.seed, images.name, stand_in_for=images.stand_in_for, official=images.official)


@lru_cache(maxsize=1)  # the runs share the arrays
def centred(images):
    """Training, validation and test set, each (X, y): the last 1,000 training images, or a sixth, are for validation.

    The mean of the other training images is taken from all.
    """
    num_train = len(images.train_labels) - min(1000, len(images.train_labels) // 6)
    (X, y), (X_test, y_test) = ((nd.array(pixels, dtype="uint8").astype("float32"), nd.array(labels, dtype="float32"))
                                for pixels, labels in ((images.train_images, images.train_labels),
                                                       (images.test_images, images.test_labels)))
    mean = X[:num_train].mean(axis=0, keepdims=True)
    X -= mean
    X_test -= mean
    return (X[:num_train], y[:num_train]), (X[num_train:], y[num_train:]), (X_test, y_test)


def show(result, data):
    tables = comparisons(HParams(**result.settings))
    _comparisons.tabulate(result, tables, row)
    _comparisons.draw(result, tables, f"on {data.source.title}", ("train_loss", "train_acc", "valid_acc"))


chapter = Chapter(
    name="fully_connected_nets",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2, "num_epochs_deep": 1},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    metrics=tested,
    show=show,
    needs_data=True,
    parity=parity,
    tolerance=tolerance,
    may_diverge=lambda run: run.hp.num_train is not None,
    datasets=("cifar10", "colour_digits"),
    comparable=("cifar10",),
)
run = chapter.run

if __name__ == "__main__":
    chapter.main()
