"""Minibatches of arrays held in memory: a permutation an epoch and a gather a batch, no Python an example."""

import itertools
import random
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from mxnet import nd

# Elements up to which X is put in order once an epoch. A large X would not stay in the processor's cache
# until its batches are used, and is gathered batch by batch.
GATHERED_AT_ONCE = 2**20


class Minibatches:
    """Goes over (X, y) in minibatches, in a new order each time.

    Args:
        X: features, NDArray, (examples, ...).
        y: labels, NDArray, (examples, ...).
        batch_size: examples a batch; the last batch has what is left.
        seed: of the order. Two loaders with one seed give the same batches, epoch by epoch. None keeps the
            examples in their own order, as a test set needs no other.
    """

    def __init__(self, X, y, batch_size, seed=None):
        if len(X) != len(y):
            raise ValueError(f"{len(X)} examples, but {len(y)} labels")
        self.X, self.y, self.batch_size = X, y, batch_size
        self._rng = None if seed is None else np.random.RandomState(seed)

    def __len__(self):
        return -(-len(self.y) // self.batch_size)

    def __iter__(self):
        X, y = self.X, self.y
        order = None
        if self._rng is not None:
            order = nd.array(self._rng.permutation(len(y)), dtype="int32")
            y = y.take(order)
            if X.size <= GATHERED_AT_ONCE:
                X, order = X.take(order), None
        for i in range(0, len(y), self.batch_size):
            batch = slice(i, i + self.batch_size)
            yield X[batch] if order is None else X.take(order[batch]), y[batch]


def data_iter(batch_size, features, labels):
    """Go once over the examples in minibatches, in an order of Python's `random` (section 3.2).

    Args:
        batch_size: examples a batch; the last has what is left.
        features: (examples, ...).
        labels: (examples, ...).

    Yields:
        X (batch, ...) and y (batch, ...).

    Raises:
        ValueError: there are not as many labels as examples.
    """
    if len(features) != len(labels):
        raise ValueError(f"{len(features)} examples, but {len(labels)} labels")
    order = list(range(len(features)))
    random.shuffle(order)
    for first in range(0, len(order), batch_size):
        batch = nd.array(order[first : first + batch_size], dtype="int32")
        yield features.take(batch), labels.take(batch)


class Mapped:
    """Minibatches of another loader, changed when their turn comes: changed all at once they might not fit in
    memory.

    Args:
        batches: gives (X, y).
        function: (X, y) -> what stands for them.
    """

    def __init__(self, batches, function):
        self.batches, self.function = batches, function

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return itertools.starmap(self.function, self.batches)


class Steps:
    """Minibatches counted in steps, for a study that is: each time it is gone over, it goes on for `steps`
    batches.

    Args:
        batches: gone through anew whenever it ends, in the midst of the steps as it comes.
        steps: batches between two evaluations, which `train_ch3` then calls an epoch.
    """

    def __init__(self, batches, steps):
        self.steps = steps
        self._endless = itertools.chain.from_iterable(itertools.repeat(batches))

    def __len__(self):
        return self.steps

    def __iter__(self):
        return itertools.islice(self._endless, self.steps)


@dataclass
class Data:
    """What a chapter trains on, and where it comes from."""

    name: str  # of the data set, or "synthetic"
    train_iter: Any
    test_iter: Any = None
    source: Any = None  # whatever the chapter's figures and measures need: the arrays, the images
    stand_in_for: Optional[str] = None  # the published set that these embedded data replace
    official: bool = True  # are these the published files, byte for byte?
