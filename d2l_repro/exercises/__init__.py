"""Exercises with a checker that knows where you went wrong.

In Jupyter: `from d2l_repro.exercises import check; check("softmax", softmax)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["check"]


def check(name: str, *functions: Callable, seed: int = 0) -> Any:
    """Check functions of your own, here and now: without a time limit, and not in a process of their own.

    Args:
        name: of an exercise, such as "softmax".
        functions: those that it asks for. A single one may have any name; of several, the names count.
        seed: of the inputs.

    Returns:
        A `report.Report`, which Jupyter shows below the cell.

    Raises:
        InputError: there is no exercise of this name.
    """
    from ..train.callbacks import kept_random_state  # which imports MXNet, as do the following
    from .checker import check_functions
    from .exercise import exercise_of

    solution = exercise_of(name).solution
    named = {function.__name__: function for function in functions}
    if len(solution) == len(functions) == 1:
        named = {next(iter(solution)): functions[0]}
    with kept_random_state():
        return check_functions(name, named, seed)
