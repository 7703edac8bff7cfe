"""Find the mistake with which our model takes a reader's steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.loader import Data
from ..experiment.model import Model
from ..verify.parity import Parity, compare
from ..verify.walk import Walk, first_batches, pair
from .mistake import Lesson, Mistake, lesson_of


@dataclass(frozen=True)
class Diagnosis:
    """What a reader's net does differently; true if it follows our path.

    Attributes:
        parity: the comparison with our model as it is.
        mistakes: those with which our model takes the reader's steps; more than one if the steps do not tell
            them apart.
        starts: those with which our model would have the reader's initial parameters.
        tried: number of mistakes that were tried.
    """

    parity: Parity
    mistakes: Sequence[Mistake]
    starts: Sequence[Mistake]
    tried: int

    def __bool__(self) -> bool:
        return bool(self.parity)

    def __str__(self) -> str:
        lines = [str(self.parity)]
        if self.mistakes:
            lines.append(f"Your steps are those of a net {_listed(self.mistakes)}.")
        elif not self.parity:
            lines.append(f"None of the {self.tried} mistakes that were tried gives your steps.")
        if self.starts:
            lines.append(f"Your initial parameters are those of a net {_listed(self.starts)}.")
        return "\n".join(lines)


def _listed(mistakes: Sequence[Mistake]) -> str:
    return ", or of one ".join(mistake.what for mistake in mistakes)


def diagnose(
    chapter: str,
    theirs: Model,
    data: Data,
    hp: Any = None,
    steps: int = 50,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Diagnosis:
    """Compare a reader's net with ours, and try the chapter's mistakes if it takes other steps.

    Like `same_path`, it trains the reader's net, from our parameters and in double precision: pass one that
    was built for the purpose. Our model is built again for every mistake.

    Args:
        chapter: name of a chapter in `CHAPTERS`.
        theirs: the reader's net; without a trainer it is trained by SGD, at its `lr` or ours.
        data: the chapter's data; their `train_iter` yields the batches.
        hp: settings of our model, by default those of the chapter.
        steps: number of batches to train on.
        tolerance: as for `same_path`.
        seed: of MXNet's random stream, which is seeded before every step, so that two nets with dropout draw
            the same masks if they draw them in the same way.

    Raises:
        InputError: the chapter has no mistakes.
        ValueError: the nets' parameters do not correspond; the message says how.
    """
    lesson = lesson_of(chapter)
    hp = lesson.hp if hp is None else hp
    batches = first_batches(data.train_iter, steps, batch_size=hp.batch_size)
    ours, reader = pair(lesson.from_scratch(hp, data), theirs, batches, hp.batch_size, seed=seed)
    ours.record()
    reader.record()
    tried = [mistake for mistake in lesson.mistakes if mistake.model and mistake.applies_to(hp)]
    found, starts = [], []
    for mistake in tried:
        walk = _walk_with(mistake, lesson, hp, data, ours)
        if _begins_like(walk, ours, reader):
            starts.append(mistake)
        walk.begin_like(ours)
        if compare(walk, reader, tolerance, stop=True):
            found.append(mistake)
    parity = compare(ours, reader, tolerance)
    return Diagnosis(parity, [] if parity else found, starts, len(tried))


def _walk_with(mistake: Mistake, lesson: Lesson, hp: Any, data: Data, ours: Walk) -> Walk:
    model = mistake.put_into(lesson.from_scratch(hp, data), hp)
    return Walk(model, ours.batches, ours.batch_size, ours.dtype, seed=ours.seed)


def _begins_like(walk: Walk, ours: Walk, reader: Walk) -> bool:
    """Return whether a mistake fixes initial parameters that ours draws, and the reader's are the same."""
    fixed = [
        (mine, other)
        for mine, our, other in zip(walk.start, ours.start, reader.own_start)
        if np.ptp(mine) == 0 and np.ptp(our) > 0
    ]
    return bool(fixed) and all(np.array_equal(mine, other) for mine, other in fixed)
