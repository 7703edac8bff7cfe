"""Train a model step by step in double precision, so that every step can be compared with another model's.

In single precision the answer would depend on luck: sooner or later rounding moves a pre-activation across
ReLU's corner, and a learning rate like the MLP's 0.5 amplifies that. There two correct implementations differ
by 1e-4 after 27 steps and by 1e-1 after 50; in double precision by 1e-13. Gluon's fused optimizers keep the
learning rate, 1 / batch_size, momentum and the like in single precision whatever the precision of the
parameters, so all models use those numbers rounded to single precision.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..scratch import SGD
from ..train.loop import Batches, Gradients, TrainingDiverged, as_nd, gradients_by_autograd, train_ch3
from ..train.parameters import Parameter, parameters
from . import clues

Values = list[np.ndarray]  # of all parameters


@dataclass
class Step:
    """A step of a walk: the batch's mean loss before it, and the parameters after it."""

    loss: float
    values: Values


@dataclass
class Walk:
    """A model on its way through some batches: an iterable of its steps, which can be taken once.

    Attributes:
        model: an `experiment.model.Model`, converted and trained in place.
        batches: from `first_batches`.
        batch_size: what the trainer's `step` is called with.
        dtype: precision.
        lr: learning rate of a model that has neither a trainer nor an `lr`.
        seed: if not None, MXNet's random stream is seeded with it plus the number of the step before every
            step, so that two walks draw the same masks if they draw them alike.
        start: the parameters at the beginning.
        own_start: those that the model brought.
    """

    model: Any
    batches: list[tuple[np.ndarray, ...]]
    batch_size: float
    dtype: str = "float64"
    lr: float | None = None
    seed: int | None = None
    steps: list[Step] | None = field(default=None, init=False)

    def __post_init__(self):
        if self.model.trainer is not None:
            _round_constants(self.model.trainer)
        cast(self.model, self.dtype)
        self._infer_shapes()
        self.parameters = parameters(self.model)
        self.trainer = self.model.trainer or self._sgd()
        self.start = self.own_start = self.values()

    def _infer_shapes(self) -> None:
        """Show the net its first X, from which a Gluon layer infers its weight's shape."""
        try:
            self.model.net(self.batch(0)[0])
        except mx.MXNetError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"the net cannot be computed in {self.dtype} ({reason}): every array that it uses must be "
                'among its params; or compare with dtype="float32"'
            ) from error

    def _sgd(self) -> SGD:
        """Return the optimizer with which the loop trains a model that brings none."""
        lr = self.lr if self.model.lr is None else self.model.lr
        if lr is None:
            raise ValueError(
                "neither model has a trainer or an lr: pass Model(net, loss, params, None, lr=0.1)"
            )
        return SGD([param.array for param in self.parameters], float(np.float32(lr)))

    def values(self) -> Values:
        """Return the parameters as they are now."""
        # Contiguous, as they are gone through many times: a transpose would be several times as slow.
        return [np.ascontiguousarray(param.get()) for param in self.parameters]

    def begin_like(self, other: Walk) -> None:
        """Start from another walk's parameters.

        Raises:
            ValueError: the parameters do not correspond.
        """
        _check_shapes(other, self.parameters)
        for param, value in zip(self.parameters, other.start):
            param.set(value)
        self.start = other.start

    def batch(self, i: int) -> tuple[nd.NDArray, ...]:
        """Return a batch in the precision of the walk."""
        return tuple(nd.array(array, dtype=self.dtype) for array in self.batches[i])

    @property
    def names(self) -> list[str]:
        """Gluon's names of the parameters; empty from scratch."""
        return [param.name for param in self.parameters]

    def record(self) -> None:
        """Take all steps now, and keep them: from here on they can be iterated over again and again."""
        self.steps = list(self)

    def testing_loss(self) -> float:
        """Return the mean loss of the first batch in testing mode, with the parameters as they are.

        It makes the outputs of two nets comparable, even if one of them leaves softmax to the loss.
        """
        if self.seed is not None:
            mx.random.seed(self.seed)
        X, y = self.batch(0)
        return self.model.loss(self.model.net(X), y).mean().asnumpy().item()

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps) if self.steps is not None else self._walk()

    def _walk(self) -> Iterator[Step]:
        # What Gluon makes of 1 / batch_size in single precision.
        rounded = 1 / float(np.float32(1 / self.batch_size))
        # Once, not at every step: this is where a hybridized net is traced together with its loss.
        gradients = gradients_of(self.model, rounded)
        for number in range(1, len(self.batches) + 1):
            if self.seed is not None:
                mx.random.seed(self.seed + number)
            loss = _train_on(self.model, self.trainer, gradients, self.batch(number - 1), rounded)
            yield Step(loss, self.values())


def pair(
    ours: Any,
    theirs: Any,
    batches: list[tuple[np.ndarray, ...]],
    batch_size: float,
    dtype: str = "float64",
    seed: int | None = None,
) -> tuple[Walk, Walk]:
    """Return the walks of two models over the same batches, from the parameters of `ours`.

    Args:
        ours: as for `same_path`.
        theirs: as for `same_path`.
        batches: from `first_batches`.
        batch_size: as for `same_path`.
        dtype: as for `same_path`.
        seed: as for `Walk`.

    Raises:
        ValueError: the models' parameters do not correspond, or are the same arrays.
    """
    sources = {id(param.source) for param in parameters(ours)}
    if any(id(param.source) in sources for param in parameters(theirs)):
        raise ValueError("both models have the same parameters: build the second one anew, to be trained too")
    rates = _learning_rate(ours), _learning_rate(theirs)
    mine = Walk(ours, batches, batch_size, dtype, rates[1], seed)
    known = parameters(theirs)
    if not any(isinstance(param.source, gluon.Parameter) for param in known):
        # Now, as a net does not run if only some of its arrays were converted to `dtype`.
        _check_shapes(mine, known)
    other = Walk(theirs, batches, batch_size, dtype, rates[0], seed)
    other.begin_like(mine)
    return mine, other


def first_batches(
    batches: Batches, steps: int, batch_size: float | None = None
) -> list[tuple[np.ndarray, ...]]:
    """Return copies of as many batches as there are steps, which a walk converts when it takes them.

    Args:
        batches: as for `same_path`.
        steps: as for `same_path`.
        batch_size: if given, one of several batches is a short one: where none has fewer examples than this,
            the last is cut in half. The epoch's own short batch may come much later.

    Raises:
        ValueError: `batches` is empty.
    """
    found = [
        # In NumPy: between the loader's own arrays, copies by MXNet would leave as much memory unused.
        tuple(as_nd(array).asnumpy() for array in batch)
        for batch in itertools.islice(_repeat(batches), max(1, steps))
    ]
    if batch_size is not None and len(found) > 1 and min(len(y) for _, y in found) >= batch_size:
        half = max(1, len(found[-1][1]) // 2)
        found[-1] = tuple(array[:half] for array in found[-1])
    return found


def _round_constants(trainer: Any) -> None:
    """Round learning rate, momentum, decay and the like to single precision."""
    trainer.set_learning_rate(float(np.float32(trainer.learning_rate)))
    optimizer = getattr(trainer, "optimizer", trainer)
    for name, value in getattr(optimizer, "__dict__", {}).items():
        if isinstance(value, float):
            setattr(optimizer, name, float(np.float32(value)))


def cast(model: Any, dtype: str) -> None:
    """Convert a model to another precision in place."""
    for param in parameters(model):
        param.cast(dtype)
    if isinstance(model.net, gluon.Block):
        model.net.cast(dtype)  # which also discards a traced graph


def _repeat(batches: Batches) -> Iterator[tuple[Any, Any]]:
    while True:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if not count:
            raise ValueError("no batch to compare the models on")


def gradients_of(model: Any, batch_size: float) -> Gradients:
    """Return the gradients that the loop trains a model by: its own, or autograd's."""
    return model.gradients or gradients_by_autograd(model.net, model.loss, model.penalty, batch_size)


def _train_on(
    model: Any, trainer: Any, gradients: Gradients, batch: tuple[nd.NDArray, ...], batch_size: float
) -> float:
    """Take one step of the one loop, and return the batch's mean loss."""
    try:
        history = train_ch3(
            model.net,
            [batch],
            None,
            model.loss,
            1,
            batch_size,
            trainer=trainer,
            metrics={},
            gradients=gradients,
        )
    except TrainingDiverged:
        return math.nan  # the step was taken; the parameters show what came of it
    return history[0]["train_loss"]


def _learning_rate(model: Any) -> float | None:
    """Return the learning rate that a model brings, or None."""
    return model.lr if model.trainer is None else model.trainer.learning_rate


def _check_shapes(walk: Walk, params: list[Parameter]) -> None:
    ours, theirs = [value.shape for value in walk.start], [param.get().shape for param in params]
    if ours != theirs:
        names = [param.name for param in params]
        raise ValueError(
            f"the models' parameters do not correspond: shapes {ours} and {theirs} "
            f"(a Dense weight is given as the book writes it, (inputs, outputs)): "
            f"{clues.describe_shapes(ours, theirs, names)}"
        )
