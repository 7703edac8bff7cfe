"""Refuse what `train_ch3` would silently train on: losses of wrong shapes, labels that are no classes, ...

Nothing here waits for the engine inside an epoch: shapes are known before values are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Callable, TypeVar

import numpy as np
from mxnet import MXNetError, gluon, nd

from ..language import tr

Compute = Callable[[Any, Any], Any]  # of two arrays
Gradients = TypeVar("Gradients", bound=Compute)


HOOKS = ("before_training", "before_step", "after_step", "after_epoch")  # of a callback


def check_call(
    loss: Any, metrics: Mapping[str, Any], measure: Mapping[str, Any], callbacks: list[Any]
) -> None:
    """Check what `train_ch3` is to call, and the names that go into the history.

    Raises:
        ValueError: a class stands for an object, a callback is none, or a name is taken.
    """
    if isinstance(loss, type):
        raise ValueError(
            tr("the loss is the class {name}; pass an object of it, {name}()", name=loss.__name__)
        )
    for callback in callbacks:
        if isinstance(callback, type) or not all(hasattr(callback, hook) for hook in HOOKS):
            raise ValueError(
                tr("callbacks must be objects derived from Callback, not {value}", value=repr(callback))
            )
    if "loss" in metrics:
        raise ValueError(tr("a metric cannot be called 'loss': train_loss is the mean of the loss itself"))
    for name in ("epoch", "seconds"):
        if name in measure:
            raise ValueError(
                tr(
                    "a measure cannot be called {name}: the history has a column of that name",
                    name=repr(name),
                )
            )


def as_callbacks(callbacks: Any) -> list[Any]:
    """Return `callbacks` as a list, whatever kind of iterable they are.

    Raises:
        ValueError: they are no iterable, but perhaps a single callback.
    """
    if isinstance(callbacks, type) or not hasattr(callbacks, "__iter__"):
        raise ValueError(tr("callbacks must be a list, [callback], not {value}", value=repr(callbacks)))
    return list(callbacks)


def as_pair(batch: Any) -> tuple[Any, Any]:
    """Return X and y of a batch.

    Raises:
        ValueError: it is no pair. An array of two rows is none either.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    what = type(batch).__name__
    if isinstance(batch, (tuple, list)):
        what = tr("{type} of {length}", type=what, length=len(batch))
    if hasattr(batch, "label"):
        what = tr("{type}; pass (batch.data[0], batch.label[0])", type=what)
    raise ValueError(
        tr(
            "the data must yield pairs (X, y), but yielded a {type}; for a single batch pass [(X, y)]",
            type=what,
        )
    )


def check_batch_size(batch_size: float) -> None:
    """Check what trainers divide by.

    Raises:
        ValueError: it is no number above 0.
    """
    if not isinstance(batch_size, Real) or not 0 < batch_size < math.inf:
        raise ValueError(tr("batch_size must be a number above 0, not {value}", value=batch_size))


def check_numbers(num_epochs: int, batch_size: float, trainer: Any) -> None:
    """Check the numbers that `train_ch3` is called with.

    Raises:
        ValueError: one is out of range.
    """
    check_batch_size(batch_size)
    if not isinstance(num_epochs, Integral) or num_epochs < 1:
        raise ValueError(tr("num_epochs must be a whole number of at least 1, not {value}", value=num_epochs))
    if getattr(trainer, "learning_rate", 0) < 0:  # nan, for an optimizer that has none, is not
        raise ValueError(tr("the learning rate must be at least 0, not {value}", value=trainer.learning_rate))


def check_params(params: Iterable[nd.NDArray]) -> list[nd.NDArray]:
    """Return the parameters for SGD from scratch as a list.

    Raises:
        ValueError: there are none.
    """
    params = list(params)
    if not params:
        raise ValueError(tr("there are no parameters to train: params is empty"))
    return params


def check_not_added(trainer: Any) -> None:
    """Check that a gluon.Trainer's gradients are those of one batch.

    Raises:
        ValueError: a parameter's grad_req is "add".
    """
    for param in trainer._params if isinstance(trainer, gluon.Trainer) else ():  # there is no public way
        if param.grad_req == "add":
            raise ValueError(
                tr(
                    "parameter {name} has grad_req='add', so that the gradients of all batches would add up; "
                    "set it to 'write'",
                    name=param.name,
                )
            )


def checked_gradients(gradients: Gradients, params: Sequence[nd.NDArray] = ()) -> Gradients:
    """Return `gradients`, (X, y) -> y_hat, losses, which also refuses losses that are not one per example.

    A loss whose shape was right once is not asked again.

    Args:
        gradients: of autograd.
        params: all must get a gradient from the first batch.
    """
    passed = False
    for param in params:
        param._fresh_grad = False  # MXNet sets it going back through a graph; gluon.Trainer asks it too

    def checked(X: nd.NDArray, y: nd.NDArray) -> tuple[Any, nd.NDArray]:
        nonlocal passed
        try:
            y_hat, losses = gradients(X, y)
        except MXNetError as error:
            raise explained(error, X, y) from error
        if not passed:
            check_one_per_example(tr("the loss"), losses, y_hat, y)
            _check_fresh(params)
            passed = len(y) > 1
        return y_hat, losses

    return checked  # type: ignore[return-value]


def _check_fresh(params: Sequence[nd.NDArray]) -> None:
    for i, param in enumerate(params):
        if not param._fresh_grad:
            raise ValueError(
                tr(
                    "parameter {number}, of shape {shape}, got no gradient from the loss: the net does not "
                    "use it, or uses another array than the one in params",
                    number=i,
                    shape=param.shape,
                )
            )


def checked_metric(name: str, metric: Compute) -> Compute:
    """Return `metric`, (y_hat, y) -> values, which refuses to return anything but numbers per example."""
    passed = False

    def checked(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
        nonlocal passed
        values = metric(y_hat, y)
        check_is_array(tr("metric {name}", name=repr(name)), values)
        if not passed:
            check_one_per_example(tr("metric {name}", name=repr(name)), values, y_hat, y)
            passed = len(y) > 1
        return values

    return checked


def check_is_array(what: str, values: Any) -> None:
    """Check that a loss, a penalty or a metric returned an NDArray.

    Raises:
        ValueError: it returned something else.
    """
    if not isinstance(values, nd.NDArray):
        raise ValueError(
            tr(
                "{what} returned a {type}; return an NDArray, computed by MXNet's functions and without "
                "asscalar or asnumpy",
                what=what,
                type=type(values).__name__,
            )
        )


def check_one_per_example(what: str, values: Any, y_hat: Any, y: nd.NDArray) -> None:
    """Check the shape of losses, of a metric or of a score.

    Several numbers per example are right too: a language model has one for every word.

    Args:
        what: was called.
        values: it returned, an NDArray or a NumPy array.
        y_hat: predictions; what is no array is not checked.
        y: labels.

    Raises:
        ValueError: `values` is no array; or there is one number for several examples, for every pair of them,
            or for every output instead of every example.
    """
    n = y.shape[0]
    if not hasattr(values, "shape"):
        raise ValueError(
            tr(
                "{what} returned a {type} for {n} examples; return an array with one number per example",
                what=what,
                type=type(values).__name__,
                n=n,
            )
        )
    if n == 1:
        return
    if values.size == 1:
        raise ValueError(
            tr(
                "{what} returned a single number for {n} examples; return one number per example: train_ch3 "
                "divides by batch_size itself",
                what=what,
                n=n,
            )
        )
    returned = tr(
        "{what} returned {shape} for y_hat {y_hat} and y {y}",
        what=what,
        shape=values.shape,
        y_hat=getattr(y_hat, "shape", ""),
        y=y.shape,
    )
    if y.size == n and [size for size in values.shape if size != 1] == [n, n]:
        raise ValueError(
            tr(
                "{returned}: every prediction was combined with every label; give both the same shape first, "
                "y.reshape(y_hat.shape)",
                returned=returned,
            )
        )
    if getattr(y_hat, "size", 0) == n < y.size and values.shape == y.shape:
        raise ValueError(
            tr(
                "{returned}: the one prediction of an example was combined with all of its labels; give the "
                "net as many outputs as there are labels",
                returned=returned,
            )
        )
    if not _has_examples(values.shape, getattr(y_hat, "shape", ()), y):
        raise ValueError(
            tr(
                "{returned}: these are no numbers per example; take the mean over axis 1, not 0",
                returned=returned,
            )
        )


def _has_examples(shape: tuple[int, ...], y_hat: tuple[int, ...], y: nd.NDArray) -> bool:
    if shape[0] == y.shape[0] or math.prod(shape) % y.size == 0:  # there, or one per word in a single row
        return True
    # Sequences whose time comes first have their examples in axis 1.
    return len(y_hat) > 2 and len(y.shape) > 1 and shape[0] == y.shape[1]


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
                tr(
                    "{wrong} labels of the first epoch are no classes: a net with {outputs} outputs needs "
                    "whole numbers from 0 to {last}; number the classes from 0, or pass metrics={{}} if the "
                    "labels are not classes",
                    wrong=wrong,
                    outputs=self.num_classes,
                    last=self.num_classes - 1,
                )
            )


def explained(error: MXNetError, X: nd.NDArray, y: nd.NDArray) -> Exception:
    """Return an error that says what MXNet's own means, if that is known, and else the error itself."""
    if "not in a computational graph" in str(error):
        return ValueError(tr("the loss or the penalty depends on no parameter that has a gradient attached"))
    mismatch = re.search(r"expected (float|u?int)\d+, got (\w+)", str(error))
    if not mismatch and np.float64 not in (X.dtype, y.dtype):
        return error
    types = [np.dtype(array.dtype).name for array in (X, y)]
    wanted, reason = (mismatch[2], f" (MXNet: {mismatch[0]})") if mismatch else ("float32", "")
    return ValueError(
        tr(
            "the net and its loss cannot be computed from X in {x_type} and y in {y_type}; convert the "
            'batches to the parameters\' type, such as nd.array(X, dtype="{wanted}"){reason}',
            x_type=types[0],
            y_type=types[1],
            wanted=wanted,
            reason=reason,
        )
    )
