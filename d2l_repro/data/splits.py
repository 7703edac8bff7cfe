"""Training, validation and test sets, in minibatches that are counted in epochs or in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable

import numpy as np
from mxnet import nd

from ..scratch import correct, correct_sign
from ..settings import Options
from .images import Images, load_images
from .loader import Data, Minibatches, Steps

NUM_VALID = 5000  # validation images of MNIST


@dataclass
class Splits:
    """Training, validation and test set, each (X, y).

    Attributes:
        train, valid, test: the sets.
        num_outputs: scores per example: one for each class, or a single one for two classes.
        is_correct: (scores, y) -> 1 or 0 for each example.
        title: name of the data in figures.
    """

    train: tuple[nd.NDArray, nd.NDArray]
    valid: tuple[nd.NDArray, nd.NDArray]
    test: tuple[nd.NDArray, nd.NDArray]
    num_outputs: int
    is_correct: Callable
    title: str


def minibatches(
    splits: Splits,
    batch_size: int,
    seed: int,
    name: str = "synthetic",
    num_train: int | None = None,
    steps: int | None = None,
    **options: Any,
) -> Data:
    """Return `Splits` as `Data` whose training set is reshuffled each time, unless it is a single batch.

    Args:
        splits: the sets.
        batch_size: examples per step.
        seed: determines the order.
        name: name of the data set.
        num_train: training examples to use, the first ones; all by default.
        steps: batches that the loop treats as an epoch; by default one pass over the training set.
        options: other fields of `Data`.
    """
    X, y = (array[:num_train] for array in splits.train)
    batches = Minibatches(X, y, batch_size, seed if batch_size < len(y) else None)
    return Data(name, Steps(batches, steps) if steps else batches, None, splits, **options)


def evaluation_plan(num_steps: int, num_evaluations: int) -> dict[str, int]:
    """Divide a number of steps into epochs of equal length, after each of which the model is evaluated.

    Args:
        num_steps: steps in total.
        num_evaluations: upper bound of the number of epochs.

    Returns:
        dict: `num_epochs`, and `steps` in each of them, whose product is `num_steps`.
    """
    num_epochs = max(n for n in range(1, min(num_evaluations, num_steps) + 1) if num_steps % n == 0)
    return {"num_epochs": num_epochs, "steps": num_steps // num_epochs}


def load_mnist(options: Options, batch_size: int, steps: int | None = None) -> Data:
    """Load MNIST, with the last 5,000 training images as validation set.

    If the data set is smaller, a sixth of its training images is used.

    Args:
        options: of which dataset, data_dir, quick and seed are used.
        batch_size: examples per step.
        steps: batches that the loop treats as an epoch; by default one pass over the training set.

    Returns:
        Data with X (batch, 1, 28, 28), from 0 to 1, and y (batch,).

    Raises:
        InputError: the data set cannot be found or read.
    """
    images = load_images("mnist", options.dataset, options.data_dir, options.quick)
    X, y = images.train
    num_train = len(y) - min(NUM_VALID, len(y) // 6)
    splits = Splits(
        (X[:num_train], y[:num_train]),
        (X[num_train:], y[num_train:]),
        images.test,
        len(images.class_names),
        correct,
        images.title,
    )
    return minibatches(
        splits,
        batch_size,
        options.seed,
        images.name,
        steps=steps,
        stand_in_for=images.stand_in_for,
        official=images.official,
    )


def load_centred(
    options: Options, batch_size: int, num_train: int | None = None, steps: int | None = None
) -> Data:
    """Load CIFAR-10 less its mean image, with its last 1,000 training images as validation set.

    A smaller set gives a sixth of its training images. The mean is that of the other training images.

    Args:
        options: with dataset, data_dir, quick and seed.
        batch_size: examples per step.
        num_train: training examples to use; all by default.
        steps: batches that the loop takes for an epoch; all there are by default.

    Returns:
        Data with X (batch, 3, 32, 32), (batch, 3, 16, 16) with `quick`, from -255 to 255, and y (batch,).

    Raises:
        InputError: the data set cannot be found or read.
    """
    images = load_images("cifar10", options.dataset, options.data_dir, options.quick)
    return minibatches(
        Splits(*_centred(images, options.quick), len(images.class_names), correct, images.title),
        batch_size,
        options.seed,
        images.name,
        num_train=num_train,
        steps=steps,
        stand_in_for=images.stand_in_for,
        official=images.official,
    )


@lru_cache(maxsize=1)  # a chapter's runs share the arrays
def _centred(images: Images, quick: bool) -> tuple:
    """Return training, validation and test set, each (X, y).

    If `quick`, they have every second pixel in both directions of the first images only.
    """
    images, every = (images.first(1000, 200), 2) if quick else (images, 1)
    num_train = len(images.train_labels) - min(1000, len(images.train_labels) // 6)
    (X, y), (X_test, y_test) = (
        (
            nd.array(pixels[:, :, ::every, ::every], dtype="uint8").astype("float32"),
            nd.array(labels, dtype="float32"),
        )
        for pixels, labels in (
            (images.train_images, images.train_labels),
            (images.test_images, images.test_labels),
        )
    )
    mean = X[:num_train].mean(axis=0, keepdims=True)
    X -= mean
    X_test -= mean
    return (X[:num_train], y[:num_train]), (X[num_train:], y[num_train:]), (X_test, y_test)


def split_points(
    points: nd.NDArray,
    classes: nd.NDArray,
    num_train: int,
    num_valid: int,
    title: str,
    is_correct: Callable = correct_sign,
    ones: Sequence[int] = (),
) -> Splits:
    """Split points of the plane in order: first the training set, then the validation set, then the test set.

    Args:
        points: (examples, 2).
        classes: (examples,), 0 or 1.
        num_train: size of the training set.
        num_valid: size of the validation set; the rest is the test set.
        title: name of the data in figures.
        is_correct: (scores, y) -> 1 or 0 for each example.
        ones: how many examples of class 1 the training set has, and how many the validation set; by default
            as it happens. With them, each set takes the first examples of either class that are left.

    Raises:
        ValueError: there are not as many examples of a class.
    """
    if ones:
        order = nd.array(_order_by_counts(classes.asnumpy(), (num_train, num_valid), ones), dtype="int32")
        points, classes = points.take(order), classes.take(order)
    num_known = num_train + num_valid
    parts = (slice(num_train), slice(num_train, num_known), slice(num_known, None))
    train, valid, test = ((points[part], classes[part]) for part in parts)
    return Splits(train, valid, test, 1, is_correct, title)


def _order_by_counts(classes: np.ndarray, sizes: Sequence[int], ones: Sequence[int]) -> np.ndarray:
    """Return indices of all examples, so that sets of these sizes, one after another, have so many ones."""
    left = {k: np.flatnonzero(classes == k) for k in (0, 1)}
    order = []
    for size, num_ones in zip(sizes, ones):
        for k, count in ((1, num_ones), (0, size - num_ones)):
            if not 0 <= count <= len(left[k]):
                raise ValueError(f"{count} examples of class {k} are asked for, but {len(left[k])} are left")
            order.append(left[k][:count])
            left[k] = left[k][count:]
    return np.concatenate([*order, *left.values()])
