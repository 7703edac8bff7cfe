"""Refuse what `train_ch3` would silently train on: losses of wrong shapes, labels that are no classes, ...

Nothing here waits for the engine inside an epoch: shapes are known before values are.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Callable, TypeVar

import numpy as np
from mxnet import MXNetError, nd

Compute = Callable[[Any, Any], Any]  # of two arrays
Gradients = TypeVar("Gradients", bound=Compute)


def check_numbers(num_epochs: int, batch_size: float, trainer: Any) -> None:
    """Check the numbers that `train_ch3` is called with.

    Raises:
        ValueError: one is out of range.
    """
    if not isinstance(num_epochs, Integral) or num_epochs < 1:
        raise ValueError(f"num_epochs must be a whole number of at least 1, not {num_epochs}")
    if not isinstance(batch_size, Real) or not 0 < batch_size < math.inf:
        raise ValueError(f"batch_size must be a number above 0, not {batch_size}")
    if getattr(trainer, "learning_rate", 0) < 0:  # nan, for an optimizer that has none, is not
        raise ValueError(f"the learning rate must be at least 0, not {trainer.learning_rate}")


def checked_gradients(gradients: Gradients) -> Gradients:
    """Return `gradients`, (X, y) -> y_hat, losses, which also refuses losses that are not one per example.

    A loss whose shape was right once is not asked again.
    """
    passed = False

    def checked(X: nd.NDArray, y: nd.NDArray) -> tuple[Any, nd.NDArray]:
        nonlocal passed
        try:
            y_hat, losses = gradients(X, y)
        except MXNetError as error:
            raise explained(error, X, y) from error
        if not passed:
            check_one_per_example("the loss", losses, y_hat, y)
            passed = len(y) > 1
        return y_hat, losses

    return checked  # type: ignore[return-value]


def checked_metric(name: str, metric: Compute) -> Compute:
    """Return `metric`, (y_hat, y) -> values, which refuses to return anything but numbers per example."""
    passed = False

    def checked(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
        nonlocal passed
        values = metric(y_hat, y)
        if not passed:
            check_one_per_example(f"metric {name!r}", values, y_hat, y)
            passed = len(y) > 1
        return values

    return checked


def check_one_per_example(what: str, values: nd.NDArray, y_hat: nd.NDArray, y: nd.NDArray) -> None:
    """Check the shape of losses or of a metric.

    Several numbers per example are right too: a language model has one for every word.

    Raises:
        ValueError: there is one number for several examples, or one for every pair of them.
    """
    n = y.shape[0]
    if n == 1 or not isinstance(values, nd.NDArray):
        return
    if values.size == 1:
        raise ValueError(
            f"{what} returned a single number for {n} examples; return one number per example: train_ch3 "
            "divides by batch_size itself"
        )
    if values.shape == (n, n) and y.size == n and y_hat.shape != (n, n):
        raise ValueError(
            f"{what} returned {values.shape} for y_hat {y_hat.shape} and y {y.shape}: every prediction was "
            f"combined with every label; give both the same shape first, y.reshape(y_hat.shape)"
        )


class Labels:
    """Count, in the first epoch, the labels that are no classes of the net."""

    def __init__(self) -> None:
        self.num_classes, self._done = 0, False
        self._wrong: Any = 0  # an NDArray as soon as there are labels

    def counted(self, accuracy: Compute) -> Compute:
        """Return `accuracy`, (y_hat, y) -> values, which also counts until `check` is called."""

        def counting(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
            if not self._done and len(y_hat.shape) == 2 and y_hat.shape[1] > 1:
                self.num_classes = y_hat.shape[1]
                y = y.astype("float32", copy=False)
                self._wrong = self._wrong + (y != y.round().clip(0, self.num_classes - 1)).sum()
            return accuracy(y_hat, y)

        return counting

    def check(self) -> None:
        """Wait for the count, once.

        Raises:
            ValueError: there were such labels.
        """
        wrong = 0 if self._done or not self.num_classes else int(self._wrong.asscalar())
        self._done = True
        if wrong:
            raise ValueError(
                f"{wrong} labels of the first epoch are no classes: a net with {self.num_classes} outputs "
                f"needs whole numbers from 0 to {self.num_classes - 1}; number the classes from 0, or pass "
                "metrics={} if the labels are not classes"
            )


def explained(error: MXNetError, X: nd.NDArray, y: nd.NDArray) -> Exception:
    """Return an error that names the batch's types if they are a likely reason, and else the error itself."""
    if np.float64 not in (X.dtype, y.dtype):
        return error
    types = [np.dtype(array.dtype).name for array in (X, y)]
    return ValueError(
        f"the net and its loss cannot be computed from X in {types[0]} and y in {types[1]}; convert the "
        'batches to the parameters\' type, such as X.astype("float32")'
    )
