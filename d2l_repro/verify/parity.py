"""Do two models follow the same path when they are trained?

From the same initial parameters and on the same batches, an implementation from scratch and one with Gluon
must take the same steps, and then have the same outputs in testing. To check a net of your own, put it into a
`Model`, as our chapters do, and call `same_path`:

    parity = same_path(softmax_regression.from_scratch(hp, data), mine, data.train_iter, batch_size=256)
    print(parity)     # the same path, or the step and the parameter at which mine departs, and how it differs

`walk` says why both are trained in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import numpy as np

from ..train.checks import check_batch_size
from ..train.loop import Batches
from . import clues
from .walk import Values, Walk, first_batches, pair


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
            None; also clue, how their steps differ in words, and ratio, how many times ours their update of
            every parameter was, None if it was no multiple. Where only the outputs in testing differ, it has
            the number of steps, diff, and testing, which is True.
        max_testing_diff: difference of a batch's mean loss in testing mode, after the last step.
    """

    steps: int
    max_abs_diff: float
    max_loss_diff: float
    tolerance: float
    dtype: str
    left_at: dict[str, Any] | None = None
    max_testing_diff: float = 0.0

    def __bool__(self) -> bool:
        return self.left_at is None

    def __str__(self) -> str:
        if self and not self.steps:
            return (
                f"the same outputs in testing, up to {self.max_testing_diff:.1e} (limit {self.tolerance:g})"
            )
        if self:
            return (
                f"the same path: over {self.steps} steps no parameter differs by more than "
                f"{self.max_abs_diff:.1e} (limit {self.tolerance:g})"
            )
        at = self.left_at or {}
        if at.get("testing"):
            same = f"the same {self.steps} steps" if self.steps else "the same parameters"
            return (
                f"{same}, but other outputs in testing: the mean loss of a batch differs by {at['diff']:.1e} "
                f"(limit {self.tolerance:g}). {self.clue}"
            )
        where = "at step {step} parameter {parameter} ({name}) differs by {diff:.1e}".format(**at)
        clue = f". {self.clue}" if self.clue else ""
        return f"not the same path: {where} (limit {self.tolerance:g}){clue}"

    @property
    def clue(self) -> str:
        """How the models' steps differ, in words; empty if they follow the same path."""
        return (self.left_at or {}).get("clue", "")

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
    short_batch: bool = True,
) -> Parity:
    """Start `theirs` from the parameters of `ours`, train both on the same batches, and compare every step.

    One of the batches is a short one, and after the last step the outputs in testing mode are compared too,
    by the mean loss of the first batch.

    Both models are trained by `train_ch3`, and their parameters converted to `dtype`: pass models built for
    the purpose. A Gluon Dense layer stores the transpose of the book's matrix; it is compared as the book
    writes it. Turn dropout off, since the two would draw different masks.

    Args:
        ours: an `experiment.model.Model`.
        theirs: another with the same number of parameters, of the same shapes, in the same order. Without a
            trainer it is trained by SGD from scratch, with its `lr` or else with our learning rate.
        batches: yields (X, y); iterated over again as often as `steps` needs.
        batch_size: what the trainers' `step` is called with.
        steps: number of batches to train on.
        tolerance: largest difference of a parameter that still counts as the same path: absolute, or relative
            to the largest value for parameters with values beyond 1.
        dtype: "float32" for a net with an operator that supports nothing else; then use a tolerance of 1e-4.
        short_batch: whether to cut the last batch in half if all have `batch_size` examples. It is not cut
            for a net that carries a state from batch to batch, which has a row for each example.

    Raises:
        ValueError: the models' parameters do not correspond or are the same arrays, `batches` is empty,
            neither model has a learning rate, or `batch_size` or `tolerance` is out of range.
    """
    check_batch_size(batch_size)
    _check_tolerance(tolerance)
    short_below = batch_size if short_batch and not hasattr(ours.net, "begin_state") else None
    found = first_batches(batches, steps, short_below)
    return compare(*pair(ours, theirs, found, batch_size, dtype), tolerance)


def same_in_testing(
    ours: Any, theirs: Any, batches: Batches, tolerance: float = 1e-6, dtype: str = "float64"
) -> Parity:
    """Compare only the outputs in testing mode: of nets that draw random masks in training.

    Args:
        ours: as for `same_path`; both models are converted to `dtype`.
        theirs: as for `same_path`; gets the parameters of `ours`.
        batches: as for `same_path`; the first one is used.
        tolerance: as for `same_path`, of the mean loss.
        dtype: as for `same_path`.

    Returns:
        A Parity of 0 steps.

    Raises:
        ValueError: the models' parameters do not correspond or are the same arrays, `batches` is empty, or
            `tolerance` is out of range.
    """
    _check_tolerance(tolerance)
    walks = pair(ours, theirs, first_batches(batches, 1), 1, dtype)
    parity = Parity(0, 0.0, 0.0, tolerance, dtype)
    _compare_testing(parity, *walks)
    return parity


def _check_tolerance(tolerance: float) -> None:
    if not isinstance(tolerance, Real) or not 0 <= tolerance < math.inf:  # nan is not
        raise ValueError(f"tolerance must be a number from 0, and finite, not {tolerance}")


def compare(ours: Walk, theirs: Walk, tolerance: float = 1e-6, stop: bool = False) -> Parity:
    """Compare two walks that have the same start, step by step.

    Args:
        ours: a walk; its parameters are the measure.
        theirs: another.
        tolerance: as for `same_path`.
        stop: whether to stop where they are first too far apart.
    """
    parity = Parity(len(ours.batches), 0.0, 0.0, tolerance, ours.dtype)
    names = [other or mine for mine, other in zip(ours.names, theirs.names)]
    before, clue = (ours.start, ours.start), None
    previous: list[np.ndarray | None] = [None] * len(names)
    for number, (mine, other) in enumerate(zip(ours, theirs), 1):
        parity.max_loss_diff = max(parity.max_loss_diff, abs(mine.loss - other.loss))
        _compare_values(parity, number, mine.values, other.values, names)
        if clue is None:
            batch = clues.Batch(
                number, len(ours.batches[number - 1][1]), ours.batch_size, (mine.loss, other.loss)
            )
            updates = _updates(names, before, (mine.values, other.values), previous)
            clue = _clue(parity, updates, batch)
            previous = [update.ours for update in updates]
        if parity.left_at and "clue" not in parity.left_at:
            parity.left_at["clue"], parity.left_at["ratio"] = clue or ("", None)
        if stop and not parity:
            break
        before = mine.values, other.values
    if parity:
        _compare_testing(parity, ours, theirs)
    return parity


def _compare_testing(parity: Parity, ours: Walk, theirs: Walk) -> None:
    """Record how far the outputs in testing mode are apart, by the mean loss of a batch."""
    loss, other = ours.testing_loss(), theirs.testing_loss()
    parity.max_testing_diff = diff = _distance(np.array(loss), np.array(other))
    if diff > parity.tolerance * max(1, abs(loss)):
        parity.left_at = {"step": parity.steps, "testing": True, "diff": diff}
        parity.left_at.update(clue=clues.IN_TESTING, ratio=None)


def _compare_values(
    parity: Parity, number: int, ours: list[np.ndarray], theirs: list[np.ndarray], names: list[str]
) -> None:
    """Record how far the parameters are apart after a step."""
    for i, (value, other) in enumerate(zip(ours, theirs)):
        diff = _distance(value, other)
        parity.max_abs_diff = max(parity.max_abs_diff, diff)
        if parity.left_at is not None or diff <= parity.tolerance:
            continue
        # Weights in the thousands cannot agree as closely as weights around 1.
        if diff > parity.tolerance * max(1, clues.size(value)):
            name = names[i] or "from scratch"
            parity.left_at = {"step": number, "parameter": i, "name": name, "diff": diff}


def _updates(
    names: list[str],
    before: tuple[Values, Values],
    after: tuple[Values, Values],
    previous: Sequence[np.ndarray | None],
) -> list[clues.Update]:
    """Return how each parameter changed in a step, in both models."""
    with np.errstate(invalid="ignore", over="ignore"):
        return [
            clues.Update(clues.parameter_label(i, name), start, mine - start, other - their_start, last)
            for i, (name, start, their_start, mine, other, last) in enumerate(
                zip(names, *before, *after, previous)
            )
        ]


def _clue(parity: Parity, updates: list[clues.Update], batch: clues.Batch) -> tuple[str, float | None] | None:
    """Return what can be said of a step, or None if both models took the same one.

    The first step that differs says more than the one by which the parameters are too far apart: up to it,
    the parameters were equal.
    """
    rtol = clues.RTOL.get(parity.dtype, clues.RTOL["float32"])
    with np.errstate(invalid="ignore", over="ignore"):
        if parity and not clues.differ(updates, rtol):
            return None
        return clues.describe_step(updates, batch, rtol)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest absolute difference; infinite if either has a NaN or infinity."""
    with np.errstate(invalid="ignore"):
        diff = clues.size(a - b)
    return diff if math.isfinite(diff) else math.inf
