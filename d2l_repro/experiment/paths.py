"""Whether the implementations of a chapter's models take the same steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Callable

from ..data.loader import Data
from ..results.formatting import parity_row
from ..results.schema import Parity
from ..verify.parity import same_in_testing, same_path
from .model import Model
from .runs import Run, matching_pairs

PARITY_STEPS = 50  # over which the paths of two implementations are compared
QUICK_PARITY_STEPS = 6  # the same with --quick: as many catch every mistake of `d2l_repro.mistakes`

# Seeds the random numbers, and returns a run's data and its model before training.
Begin = Callable[[Run], tuple[Data, Model]]


def num_steps(quick: bool) -> int:
    """Return over how many steps paths are compared."""
    return QUICK_PARITY_STEPS if quick else PARITY_STEPS


def with_gluon(runs: Sequence[Run], begin: Begin, steps: int) -> Parity | None:
    """Compare each run from scratch with Gluon's that has the same settings; None if there are no such pairs.

    Args:
        runs: of a chapter.
        begin: run -> data and model.
        steps: to compare.
    """
    pairs: list[Any] = []
    for ours, theirs in matching_pairs(runs, "gluon"):
        if ours.compare_paths or ours.compare_testing:
            ours, theirs = ours.shortened(), theirs.shortened()
            # Equal seeds give both the same batches, and `same_path` the first model's parameters.
            (data, mine), (_, other) = begin(ours), begin(theirs)
            if ours.compare_paths:
                parity = same_path(mine, other, data.train_iter, ours.hp.batch_size, steps)
            else:
                parity = same_in_testing(mine, other, data.train_iter)
            pairs.append({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()})
    if not pairs:
        return None
    return {
        "steps": min((pair["steps"] for pair in pairs if pair["steps"]), default=0),
        "max_abs_diff": max(pair["max_abs_diff"] for pair in pairs),
        "pairs": pairs,
    }


def with_d2l(runs: Sequence[Run], begin: Begin, steps: int) -> list[dict]:
    """Return a row for each of d2l's classes: does it, from our parameters, follow our path?

    Args:
        runs: of a chapter.
        begin: run -> data and model.
        steps: to compare, at most.
    """
    rows = []
    for ours, theirs in matching_pairs(runs, "d2l"):
        (data, mine), (_, other) = begin(ours), begin(theirs)
        # d2l takes another step for a short batch: its mean loss divides by the batch's own size.
        full = (batch for batch in data.train_iter if len(batch[1]) == ours.hp.batch_size)
        batches = list(itertools.islice(full, steps))
        if batches:
            # With NumPy's semantics weights are only drawn in single precision: do it now.
            other.net(batches[0][0])
            size = ours.hp.batch_size
            parity = same_path(mine, other, batches, size, steps, short_batch=False)
            rows.append(parity_row({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()}))
    return rows
