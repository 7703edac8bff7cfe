"""Do two models follow the same path when they are trained?

From the same initial parameters and on the same batches, an implementation from scratch and one with Gluon
have to take the same steps. To check a net of your own, put it into a `Model`, like ours, and ask
`same_path`:

    parity = same_path(softmax_regression.from_scratch(hp), mine, train_iter, batch_size=256)
    print(parity)     # the same path, or the step and the parameter where mine leaves it

It is asked in double precision. In single precision the answer would depend on luck: sooner or later rounding
puts one pre-activation on the other side of ReLU's corner, and a learning rate like the MLP's 0.5 amplifies
that; there two correct implementations are 1e-4 apart after 27 steps and 1e-1 after 50, where in double
precision it is 1e-13. Gluon's fused optimizers keep the learning rate, 1 / batch_size, momentum and their
like in single precision whatever the parameters are in, so both models are given those numbers as single
precision has them.
"""

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Optional

import numpy as np
from mxnet import gluon

from ..train.loop import TrainingDiverged, as_nd, gradients_by_autograd, train_ch3
from ..train.parameters import parameters


@dataclass
class Parity:
    """How far two models were apart while they were trained side by side."""

    steps: int
    max_abs_diff: float  # of any parameter after any step
    max_loss_diff: float  # of the mean loss of any batch, taken before its step
    tolerance: float
    dtype: str
    # step (from 1), parameter (from 0), name, diff where they first are too far apart
    left_at: Optional[dict] = None

    def __bool__(self):
        return self.left_at is None

    def __str__(self):
        if self:
            return (
                f"the same path: over {self.steps} steps no parameter differs by more than "
                f"{self.max_abs_diff:.1e} (limit {self.tolerance:g})"
            )
        return (
            "not the same path: at step {step} parameter {parameter} ({name}) differs by {diff:.1e}".format(
                **self.left_at
            )
            + f" (limit {self.tolerance:g})"
        )

    as_dict = asdict


def same_path(ours, theirs, batches, batch_size, steps=50, tolerance=1e-6, dtype="float64"):
    """Start `theirs` from the parameters of `ours`, train both on the same batches, and compare after each
    step.

    Both are trained, by `train_ch3`, and their parameters turned to `dtype`: hand in models made for the
    purpose. A Gluon Dense layer keeps the transpose of the book's matrix; it is compared as the book writes
    it. Dropout has to be off, for the two would draw other masks.

    Args:
        ours, theirs: `Model`s with as many parameters of the same shapes, in the same order.
        batches: gives (X, y); gone through anew as often as `steps` needs.
        batch_size: handed to the trainers' `step`.
        steps: how many batches to train on.
        tolerance: largest difference of a parameter that still is the same path: absolute, or for parameters
            with values beyond 1, as a share of the largest.
        dtype: "float32" for a net with an operator that knows no other; then give a tolerance of 1e-4.

    Returns:
        Parity; true when no parameter left the tolerance.

    Raises:
        ValueError: the models' parameters do not correspond, or `batches` is empty.
    """
    batches = [
        tuple(as_nd(array).astype(dtype) for array in batch)
        for batch in itertools.islice(_repeated(batches), max(1, steps))
    ]
    batch_size = 1 / float(np.float32(1 / batch_size))
    for model in (ours, theirs):
        _round_constants(model.trainer)
        _turn_to(model, dtype)
        model.net(batches[0][0])  # a Gluon layer learns its weight's shape from the first X it sees
    pairs = _paired(ours, theirs)
    for mine, other in pairs:
        other.set(mine.get())
    parity = Parity(len(batches), 0.0, 0.0, tolerance, dtype)
    # Not in each step: whenever they are made, a hybridized net is traced together with its loss.
    trained = [
        (model, model.gradients or gradients_by_autograd(model.net, model.loss, model.penalty, batch_size))
        for model in (ours, theirs)
    ]
    for step, batch in enumerate(batches, 1):
        losses = [_train_on(model, gradients, batch, batch_size) for model, gradients in trained]
        parity.max_loss_diff = max(parity.max_loss_diff, abs(losses[0] - losses[1]))
        for i, (mine, other) in enumerate(pairs):
            value = mine.get()
            diff = _distance(value, other.get())
            parity.max_abs_diff = max(parity.max_abs_diff, diff)
            # Weights in the thousands cannot be as near to each other as weights of about 1.
            if diff > tolerance * max(1, np.abs(value).max()) and parity.left_at is None:
                name = other.name or mine.name or "from scratch"
                parity.left_at = {"step": step, "parameter": i, "name": name, "diff": diff}
    return parity


def _distance(a, b):
    """Largest absolute difference; infinite where either is no number."""
    with np.errstate(invalid="ignore"):
        return float(np.nan_to_num(np.abs(a - b), nan=np.inf, posinf=np.inf).max())


def _round_constants(trainer):
    """Learning rate, momentum, decay, ... as single precision has them."""
    trainer.set_learning_rate(float(np.float32(trainer.learning_rate)))
    optimizer = getattr(trainer, "optimizer", trainer)
    for name, value in getattr(optimizer, "__dict__", {}).items():
        if isinstance(value, float):
            setattr(optimizer, name, float(np.float32(value)))


def _turn_to(model, dtype):
    for param in parameters(model):
        param.cast(dtype)
    if isinstance(model.net, gluon.Block):
        model.net.cast(dtype)  # a traced graph has to be traced anew


def _repeated(batches):
    while True:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if not count:
            raise ValueError("no batch to compare the models on")


def _train_on(model, gradients, batch, batch_size):
    """One step of the one loop; the batch's mean loss."""
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
        return math.nan  # the step was taken; the parameters tell
    return history[0]["train_loss"]


def _paired(ours, theirs):
    mine, others = parameters(ours), parameters(theirs)
    shapes, other_shapes = ([param.get().shape for param in params] for params in (mine, others))
    if shapes != other_shapes:
        raise ValueError(
            f"the models' parameters do not correspond: shapes {shapes} and {other_shapes} "
            "(a Dense weight is given as the book writes it, (inputs, outputs))"
        )
    return list(zip(mine, others))
