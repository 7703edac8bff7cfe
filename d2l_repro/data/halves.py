"""Split a data set of images into halves by class, and draw a few labeled images of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from mxnet import nd

from .images import Images

Examples = tuple[nd.NDArray, nd.NDArray]  # X (examples, channels, height, width), from 0 to 1; y (examples,)


@dataclass(frozen=True, eq=False)
class Half:
    """Images of some of the classes, which are numbered from 0.

    Attributes:
        train: training images and their classes.
        test: test images and their classes.
        num_classes: number of classes.
    """

    train: Examples
    test: Examples
    num_classes: int

    def draw(self, num_labels: int, seed: int | tuple[int, ...]) -> Examples:
        """Draw as many training images of each class; all of a class that has no more.

        Args:
            num_labels: images of each class.
            seed: determines which. With the same seed, a larger draw contains a smaller one.
        """
        rng = np.random.RandomState(seed)
        X, y = self.train
        labels = y.asnumpy()
        members = [np.flatnonzero(labels == k) for k in range(self.num_classes)]
        chosen = np.concatenate([rng.permutation(of_class)[:num_labels] for of_class in members])
        rows = nd.array(chosen, dtype="int32")
        return X.take(rows), y.take(rows)


@lru_cache(maxsize=1)  # the runs of a chapter share the arrays
def halves(images: Images) -> tuple[Half, Half]:
    """Return the first half of a data set's classes, and the others."""
    num_first = len(images.class_names) // 2
    return _half(images, 0, num_first), _half(images, num_first, len(images.class_names))


def _half(images: Images, low: int, high: int) -> Half:
    """Return the classes from `low` to below `high`."""
    parts = []
    for X, y in (images.train, images.test):
        labels = y.asnumpy()
        chosen = np.flatnonzero((low <= labels) & (labels < high))
        parts.append((X.take(nd.array(chosen, dtype="int32")), nd.array(labels[chosen] - low)))
    return Half(*parts, num_classes=high - low)
