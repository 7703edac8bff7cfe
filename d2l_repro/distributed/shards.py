"""Each worker's part of the batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import length_hint
from typing import Any, Callable

from mxnet import nd

from ..errors import InputError
from ..language import tr

Pair = tuple[nd.NDArray, nd.NDArray]  # X and y
Pairs = Callable[[Any], Iterable[Pair]]


def own_part(length: int, number: int, count: int) -> slice:
    """Return the rows of a batch that belong to a worker. All parts in order are the batch.

    Args:
        length: examples in the batch.
        number: of the worker, from 0.
        count: number of workers.
    """
    return slice(length * number // count, length * (number + 1) // count)


class Shards:
    """Iterate over a worker's part of each batch, in the order in which one process would see the batches.

    Args:
        batches: of all workers, (X, y); has a length.
        number: of this worker, from 0.
        count: number of workers.
        pairs: batches -> the same as pairs of NDArrays.

    Attributes:
        whole: the batch that the last part is of.

    Raises:
        InputError: `batches` has no length, or a batch cannot be divided; while iterating, if it shows there.
    """

    def __init__(self, batches: Any, number: int, count: int, pairs: Pairs = iter):
        self.batches, self.number, self.count, self.pairs = batches, number, count, pairs
        self.whole: Pair | None = None
        self._size = 0  # of a full batch
        if not length_hint(batches):
            raise InputError(
                tr(
                    "the training data have no length, so that workers cannot agree on the number of "
                    "batches; pass a list or one of our loaders"
                )
            )
        loader = _loader(batches)
        if hasattr(loader, "batch_size") and hasattr(loader, "y"):
            size, rest = min(loader.batch_size, len(loader.y)), len(loader.y) % loader.batch_size
            self._check(size)
            self._check(rest or size)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Pair]:
        for X, y in self.pairs(self.batches):
            if len(X) != len(y):
                raise InputError(
                    tr(
                        "a batch has {rows} rows in X and {labels} in y; workers divide batches by rows",
                        rows=len(X),
                        labels=len(y),
                    )
                )
            self._check(len(y))
            self.whole = X, y
            yield self.own(X, y)

    def own(self, X: nd.NDArray, y: nd.NDArray) -> Pair:
        """Return this worker's part of a batch."""
        rows = own_part(len(y), self.number, self.count)
        return X[rows], y[rows]

    def _check(self, size: int) -> None:
        """Check that a batch, full or the short last one, can be divided."""
        self._size = max(size, self._size)
        if size == self._size and size % self.count:
            raise InputError(
                tr(
                    "batches of {size} examples cannot be divided equally among {count} workers; choose a "
                    "batch size that is a multiple of {count}, or another number of workers",
                    size=size,
                    count=self.count,
                )
            )
        if size < self.count:
            raise InputError(
                tr(
                    "the last batch of an epoch has {size} examples, so that of {count} workers some would "
                    "take fewer steps than others, and wait for ever; choose another batch size",
                    size=size,
                    count=self.count,
                )
            )


def _loader(batches: Any) -> Any:
    """Return the loader inside those that count or transform its batches."""
    while hasattr(batches, "batches"):
        batches = batches.batches
    return batches
