"""Find the examples that a model gets wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable

import numpy as np
from mxnet import nd

CHUNK = 256  # images at a time


def misclassified(
    probabilities: Callable[[nd.NDArray], nd.NDArray],
    batches: Iterable[tuple[nd.NDArray, nd.NDArray]],
    names: Sequence[str],
    count: int,
) -> list[tuple[np.ndarray, str]]:
    """Return the first misclassified images, each with the true class above the predicted one.

    Both have the probability that the model gives them.

    Args:
        probabilities: images (batch, 1, height, width) -> (batch, classes).
        batches: images and classes (batch,).
        names: of the classes.
        count: images to return, if there are as many.

    Returns:
        (image (height, width), text) of each.
    """
    found: list[tuple[np.ndarray, str]] = []
    for X, y in batches:
        for start in range(0, len(X), CHUNK):
            images, true = X[start : start + CHUNK], y[start : start + CHUNK].asnumpy().astype(int)
            shares = probabilities(images).asnumpy()
            predicted = shares.argmax(axis=1)
            for i in np.flatnonzero(predicted != true):
                lines = (f"{names[k]}: {shares[i, k]:.0%}" for k in (true[i], predicted[i]))
                found.append((images[i.item(), 0].asnumpy(), "\n".join(lines)))
                if len(found) == count:
                    return found
    return found
