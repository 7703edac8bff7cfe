"""Train once what several runs of a chapter begin with."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Callable

import numpy as np

from ..train.callbacks import kept_random_state, seed_everything

Arrays = Sequence[np.ndarray]

_learned: dict[Hashable, Arrays] = {}
KEPT = 4  # results; older ones are forgotten


def learned_once(key: Hashable, train: Callable[[], Arrays], seed: int) -> Arrays:
    """Return what `train` returns, trained only once in a process.

    Whichever run asks first, the random numbers are the same in `train` and in the run itself.

    Args:
        key: all that the result depends on.
        train: () -> arrays, such as the parameters of some layers.
        seed: of the random numbers in `train`.
    """
    if key not in _learned:
        with kept_random_state():
            seed_everything(seed)
            _learned[key] = train()
        while len(_learned) > KEPT:
            del _learned[next(iter(_learned))]
    return _learned[key]
