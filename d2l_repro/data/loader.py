"""Minibatches of arrays in memory: one permutation per epoch, one gather per batch, no Python per example."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Callable

import numpy as np
from mxnet import nd

Batch = tuple[nd.NDArray, nd.NDArray]  # X and y

# X is put in order once per epoch if it has at most this many elements. A larger X would no longer be in the
# processor's cache when its batches are used, so it is gathered batch by batch.
GATHERED_AT_ONCE = 2**20


class Minibatches:
    """Iterate over (X, y) in minibatches, in a new order each time.

    Args:
        X: features, (examples, ...).
        y: labels, (examples, ...).
        batch_size: examples per batch; the last batch has the remaining ones.
        seed: determines the order. Two loaders with the same seed yield the same batches, epoch by epoch.
            None keeps the order of the examples, as is usual for a test set.

    Raises:
        ValueError: X and y differ in the number of examples, or `batch_size` is no whole number above 0.
    """

    def __init__(self, X: nd.NDArray, y: nd.NDArray, batch_size: int, seed: int | None = None):
        _check(X, y, batch_size)
        self.X, self.y, self.batch_size = X, y, batch_size
        self._rng = None if seed is None else np.random.RandomState(seed)

    def __len__(self) -> int:
        return -(-len(self.y) // self.batch_size)

    def order(self) -> np.ndarray | None:
        """Return the order of the examples in the next epoch, or None for that of the arrays."""
        return None if self._rng is None else self._rng.permutation(len(self.y))

    def __iter__(self) -> Iterator[Batch]:
        X, y = self.X, self.y
        order = self.order()
        if order is not None:
            order = nd.array(order, dtype="int32")
            y = y.take(order)
            if X.size <= GATHERED_AT_ONCE:
                X, order = X.take(order), None
        for i in range(0, len(y), self.batch_size):
            batch = slice(i, i + self.batch_size)
            yield X[batch] if order is None else X.take(order[batch]), y[batch]


def _check(X: nd.NDArray, y: nd.NDArray, batch_size: int) -> None:
    if len(X) != len(y):
        raise ValueError(f"{len(X)} examples, but {len(y)} labels")
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1, not {batch_size}")


def data_iter(batch_size: int, features: nd.NDArray, labels: nd.NDArray) -> Iterator[Batch]:
    """Iterate once over the examples in minibatches, in random order (section 3.2).

    The order is drawn from Python's `random`.

    Args:
        batch_size: examples per batch; the last batch has the remaining ones.
        features: (examples, ...).
        labels: (examples, ...).

    Yields:
        X (batch, ...) and y (batch, ...).

    Raises:
        ValueError: as for `Minibatches`.
    """
    _check(features, labels, batch_size)
    order = list(range(len(features)))
    random.shuffle(order)
    for first in range(0, len(order), batch_size):
        batch = nd.array(order[first : first + batch_size], dtype="int32")
        yield features.take(batch), labels.take(batch)


class Mapped:
    """Transform the minibatches of another loader one at a time; all of them might not fit into memory.

    Args:
        batches: a loader, which yields (X, y) and has a length.
        function: (X, y) -> transformed (X, y).
    """

    def __init__(self, batches: Any, function: Callable[[nd.NDArray, nd.NDArray], Batch]):
        self.batches, self.function = batches, function

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return itertools.starmap(self.function, self.batches)


class Steps:
    """Count minibatches in steps instead of epochs: each iteration yields the next `steps` batches.

    Args:
        batches: loader, which is restarted whenever it ends, also in the middle of an iteration.
        steps: batches between two evaluations, which `train_ch3` treats as an epoch.
    """

    def __init__(self, batches: Iterable[Batch], steps: int):
        self.batches, self.steps = batches, steps
        self._endless = itertools.chain.from_iterable(itertools.repeat(batches))

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        return itertools.islice(self._endless, self.steps)


@dataclass
class Data:
    """What a chapter trains on, and where it comes from."""

    name: str  # name of the data set, or "synthetic"
    train_iter: Any
    test_iter: Any = None
    source: Any = None  # what the chapter's figures and measures need, such as the arrays or the images
    stand_in_for: str | None = None  # the published data set that this stand-in data replaces
    official: bool = True  # whether the files are the published ones, byte for byte
