"""What an exercise consists of: our functions, the steps of its check, and the mistakes that are known."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable

import numpy as np

from . import texts

# The kinds of steps, from simple to hard. A step of SHAPE compares shapes only.
SHAPE, VALUES, GRADIENT, PATH, TRAINED = "shape", "values", "gradient", "path", "trained"
Functions = Mapping[str, Callable]


@dataclass(frozen=True)
class Seen:
    """Something that was observed of a function: a value that it returned or changed.

    Attributes:
        label: what a message calls it.
        value: an array of any library, a number, or a list of numbers.
        before: the value before the step that led to it, if only the change is of interest.
        given: name -> array whose rows led to the rows of the value.
        tolerance: largest absolute difference that is ignored; by default it is relative to the right values.
        part: its name among several that one call returned or one step changed.
        group: number of that call or step.
    """

    label: str
    value: Any
    before: np.ndarray | None = None
    given: Mapping[str, np.ndarray] = field(default_factory=dict)
    tolerance: float | None = None
    part: str = ""
    group: int = 0


Observe = Callable[[SimpleNamespace, np.random.RandomState], Iterable[Seen]]


@dataclass(frozen=True)
class Step:
    """A step of a check.

    Attributes:
        kind: one of the kinds above.
        observe: (functions, random numbers) -> what is seen of them. It is called with a learner's
            functions, with ours, and with those that have a mistake, and draws the same inputs each time.
        rtol: difference that is ignored, relative to the largest right value.
    """

    kind: str
    observe: Observe
    rtol: float = 1e-4


@dataclass(frozen=True)
class Exercise:
    """An exercise. Its texts, with a title for each step and a sentence for each mistake, are in `texts`.

    Attributes:
        name: of the exercise, and of the file that a learner fills in.
        solution: our functions, under the names that the learner's must have.
        steps: of the check, from simple to hard.
        mistakes: key of its sentence -> the function that makes it, in place of the first of ours, or several
            by name.
    """

    name: str
    solution: Functions
    steps: Sequence[Step]
    mistakes: Mapping[str, Callable | Functions]

    def with_mistake(self, key: str) -> dict[str, Callable]:
        """Return our functions with a mistake in them."""
        wrong = self.mistakes[key]
        first = next(iter(self.solution))
        return {**self.solution, **(wrong if isinstance(wrong, Mapping) else {first: wrong})}


def exercise_of(name: str) -> Exercise:
    """Return an exercise.

    Raises:
        InputError: there is none of this name.
    """
    module = importlib.import_module(f".{texts.module_of(name)}", __package__)
    return next(exercise for exercise in module.EXERCISES if exercise.name == name)
