"""Do two models follow the same path when they are trained?

From the same initial parameters and on the same batches, an implementation from scratch and one with Gluon
must take the same steps. To check a net of your own, put it into a `Model`, as our chapters do, and call
`same_path`:

    parity = same_path(softmax_regression.from_scratch(hp, data), mine, data.train_iter, batch_size=256)
    print(parity)     # the same path, or the step and the parameter at which mine departs

Both are trained in double precision. In single precision the answer would depend on luck: sooner or later
rounding moves a pre-activation across ReLU's corner, and a learning rate like the MLP's 0.5 amplifies that.
There two correct implementations differ by 1e-4 after 27 steps and by 1e-1 after 50; in double precision by
1e-13. Gluon's fused optimizers keep the learning rate, 1 / batch_size, momentum and the like in single
precision whatever the precision of the parameters, so both models use those numbers rounded to single
precision.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from mxnet import gluon, nd

from ..train.loop import Batches, Gradients, TrainingDiverged, as_nd, gradients_by_autograd, train_ch3
from ..train.parameters import Parameter, parameters


@dataclass
class Parity:
    """How far two models were apart while they were trained side by side; true if they stayed together.

    Attributes:
        steps: compared.
        max_abs_diff: largest difference of any parameter after any step.
        max_loss_diff: largest difference of a batch's mean loss, taken before its step.
        tolerance: largest difference of a parameter that still counts as the same path.
        dtype: precision of the comparison.
        left_at: step (from 1), parameter (from 0), name and diff where they first were too far apart, or
            None.
    """

    steps: int
    max_abs_diff: float
    max_loss_diff: float
    tolerance: float
    dtype: str
    left_at: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        return self.left_at is None

    def __str__(self) -> str:
        if self:
            return (
                f"the same path: over {self.steps} steps no parameter differs by more than "
                f"{self.max_abs_diff:.1e} (limit {self.tolerance:g})"
            )
        at = self.left_at or {}
        where = "at step {step} parameter {parameter} ({name}) differs by {diff:.1e}".format(**at)
        return f"not the same path: {where} (limit {self.tolerance:g})"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as result.json keeps them."""
        return asdict(self)


def same_path(
    ours: Any,
    theirs: Any,
    batches: Batches,
    batch_size: int,
    steps: int = 50,
    tolerance: float = 1e-6,
    dtype: str = "float64",
) -> Parity:
    """Start `theirs` from the parameters of `ours`, train both on the same batches, and compare every step.

    Both models are trained by `train_ch3`, and their parameters converted to `dtype`: pass models built for
    the purpose. A Gluon Dense layer stores the transpose of the book's matrix; it is compared as the book
    writes it. Turn dropout off, since the two would draw different masks.

    Args:
        ours: an `experiment.model.Model`.
        theirs: another with the same number of parameters, of the same shapes, in the same order.
        batches: yields (X, y); iterated over again as often as `steps` needs.
        batch_size: what the trainers' `step` is called with.
        steps: number of batches to train on.
        tolerance: largest difference of a parameter that still counts as the same path: absolute, or relative
            to the largest value for parameters with values beyond 1.
        dtype: "float32" for a net with an operator that supports nothing else; then use a tolerance of 1e-4.

    Raises:
        ValueError: the models' parameters do not correspond, or `batches` is empty.
    """
    batches = [
        tuple(as_nd(array).astype(dtype) for array in batch)
        for batch in itertools.islice(_repeat(batches), max(1, steps))
    ]
    # What Gluon makes of 1 / batch_size in single precision.
    rounded = 1 / float(np.float32(1 / batch_size))
    for model in (ours, theirs):
        _round_constants(model.trainer)
        _cast(model, dtype)
        model.net(batches[0][0])  # a Gluon layer infers its weight's shape from the first X it sees
    pairs = _paired(ours, theirs)
    for mine, other in pairs:
        other.set(mine.get())
    parity = Parity(len(batches), 0.0, 0.0, tolerance, dtype)
    # Once, not at every step: this is where a hybridized net is traced together with its loss.
    trained = [(model, _gradients(model, rounded)) for model in (ours, theirs)]
    for step, batch in enumerate(batches, 1):
        losses = [_train_on(model, gradients, batch, rounded) for model, gradients in trained]
        parity.max_loss_diff = max(parity.max_loss_diff, abs(losses[0] - losses[1]))
        _compare(parity, step, pairs)
    return parity


def _compare(parity: Parity, step: int, pairs: list[tuple[Parameter, Parameter]]) -> None:
    """Record how far the parameters are apart after a step."""
    for i, (mine, other) in enumerate(pairs):
        value = mine.get()
        diff = _distance(value, other.get())
        parity.max_abs_diff = max(parity.max_abs_diff, diff)
        # Weights in the thousands cannot agree as closely as weights around 1.
        if diff > parity.tolerance * max(1, np.abs(value).max()) and parity.left_at is None:
            name = other.name or mine.name or "from scratch"
            parity.left_at = {"step": step, "parameter": i, "name": name, "diff": diff}


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest absolute difference; infinite if either has a NaN or infinity."""
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.abs(a - b), nan=np.inf, posinf=np.inf).max())


def _round_constants(trainer: Any) -> None:
    """Round learning rate, momentum, decay and the like to single precision."""
    trainer.set_learning_rate(float(np.float32(trainer.learning_rate)))
    optimizer = getattr(trainer, "optimizer", trainer)
    for name, value in getattr(optimizer, "__dict__", {}).items():
        if isinstance(value, float):
            setattr(optimizer, name, float(np.float32(value)))


def _cast(model: Any, dtype: str) -> None:
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


def _gradients(model: Any, batch_size: float) -> Gradients:
    return model.gradients or gradients_by_autograd(model.net, model.loss, model.penalty, batch_size)


def _train_on(
    model: Any, gradients: Gradients, batch: tuple[nd.NDArray, nd.NDArray], batch_size: float
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
            trainer=model.trainer,
            metrics={},
            gradients=gradients,
        )
    except TrainingDiverged:
        return math.nan  # the step was taken; the parameters show what came of it
    return history[0]["train_loss"]


def _paired(ours: Any, theirs: Any) -> list[tuple[Parameter, Parameter]]:
    mine, others = parameters(ours), parameters(theirs)
    shapes, other_shapes = ([param.get().shape for param in params] for params in (mine, others))
    if shapes != other_shapes:
        raise ValueError(
            f"the models' parameters do not correspond: shapes {shapes} and {other_shapes} "
            "(a Dense weight is given as the book writes it, (inputs, outputs))"
        )
    return list(zip(mine, others))
