"""Show the source of our functions; `d2l-repro exercise solution` starts this."""

from __future__ import annotations

import inspect
import sys

from . import wording
from .exercise import exercise_of


def solution_of(name: str) -> str:
    """Return the source of our functions of an exercise, with the module that each is in.

    Raises:
        InputError: there is no exercise of this name.
    """
    functions = exercise_of(name).solution
    parts = []
    for key, function in functions.items():
        origin = wording.SOURCE.format(name=key, module=function.__module__)
        if function.__name__ != key:
            origin += wording.CALLED.format(name=function.__name__)
        parts.append(f"# {origin}\n{inspect.getsource(function).rstrip()}")
    return "\n\n\n".join(parts)


if __name__ == "__main__":
    print(solution_of(sys.argv[1]))
