"""Check functions step by step, and say what is wrong with the first step that fails."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import mxnet as mx
import numpy as np
from mxnet.base import MXNetError

from . import wording
from .compare import Wrong, difference, equal
from .exercise import Exercise, Seen, Step, exercise_of
from .report import Report, place
from .texts import Text, text_of

Stop = (SystemExit, KeyboardInterrupt)
# In MXNet's errors that refuse to change in place what autograd follows.
IN_PLACE = ("already in a computational graph", "Inplace operations")


def warm_up() -> None:
    """Start MXNet's engine, which prints a line."""
    mx.nd.zeros(1).asnumpy()


def check_functions(
    name: str,
    functions: Mapping[str, Callable],
    seed: int = 0,
    file: str = "",
    on_step: Callable[[int], None] = lambda passed: None,
) -> Report:
    """Check the functions of an exercise, up to the first step that fails.

    Args:
        name: of the exercise.
        functions: a learner's, by name.
        seed: of the inputs.
        file: that the functions are in, for messages.
        on_step: called with the number of steps that have been passed, before each step.

    Raises:
        InputError: there is no exercise of this name.
    """
    exercise, text = exercise_of(name), text_of(name)
    start = time.perf_counter()
    report = Report(name, len(exercise.steps), list(text.steps))
    missing = [key for key in exercise.solution if not callable(functions.get(key))]
    if missing:
        report.message = wording.MISSING.format(file=file or wording.THIS, name=missing[0])
        return report
    for i, step in enumerate(exercise.steps):
        on_step(i)
        report.message, report.mistakes = check_step(exercise, text, step, functions, seed, file)
        report.seconds = time.perf_counter() - start
        if report.message:
            return report
        report.passed += 1
    return report


def check_step(
    exercise: Exercise, text: Text, step: Step, functions: Mapping[str, Callable], seed: int, file: str
) -> tuple[str, list[str]]:
    """Return what is wrong, and the keys of the mistakes that give what was seen; "" if nothing is."""
    right = _look(step, exercise.solution, seed)
    try:
        seen = _look(step, functions, seed)
    except Wrong as error:
        return str(error), []
    except BaseException as error:
        message = explain(error, functions, file)
        found = [key for key in exercise.mistakes if _raises(exercise, key, step, error, seed)]
        return wording.GAP.join([message, *(text.mistakes[key] for key in found[:1])]), found
    wrong = difference(seen, right, step)
    if not wrong:
        return "", []
    found = [key for key in exercise.mistakes if _gives(exercise, key, step, seen, right, seed)]
    if len(found) > 1:
        found = _narrowed(found, exercise, step, functions, seed)
    why = wording.OR.join(text.mistakes[key] for key in found[:2])
    if not why and wording.OPPOSITE not in wrong:  # which says enough
        why = wording.UNKNOWN.format(count=len(exercise.mistakes))
    return wording.GAP.join(filter(None, [wrong, why])), found


def _look(step: Step, functions: Mapping[str, Callable], seed: int) -> list[Seen]:
    """Return what is seen of functions; whatever they draw, they draw from the same seed."""
    mx.random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (which learners' functions may draw from)
    random.seed(seed)
    return list(step.observe(SimpleNamespace(**functions), np.random.RandomState(seed)))


def _gives(exercise: Exercise, key: str, step: Step, seen: list[Seen], right: list[Seen], seed: int) -> bool:
    """Return whether our functions with a mistake give what was seen, and not what is right."""
    try:
        wrong = _look(step, exercise.with_mistake(key), seed)
    except Exception:  # a mistake may be made only on some inputs, and fail on others
        return False
    return equal(seen, wrong, step) and not equal(wrong, right, step)


def _raises(exercise: Exercise, key: str, step: Step, error: BaseException, seed: int) -> bool:
    """Return whether our functions with a mistake raise the same error, with the same message."""
    if isinstance(error, NotImplementedError):
        return False
    try:
        _look(step, exercise.with_mistake(key), seed)
    except Exception as other:
        return not isinstance(other, Wrong) and one_line(other) == one_line(error)
    return False


def _narrowed(
    found: list[str], exercise: Exercise, step: Step, functions: Mapping[str, Callable], seed: int
) -> list[str]:
    """Return those of the mistakes found that give what is seen in the other steps, too; all if none does."""
    for other in exercise.steps:
        if other is step or len(found) < 2:
            continue
        try:
            seen = _look(other, functions, seed)
        except Exception:  # which the learner's functions may raise in later steps
            continue
        found = [key for key in found if _equals(exercise, key, other, seen, seed)] or found
    return found


def _equals(exercise: Exercise, key: str, step: Step, seen: list[Seen], seed: int) -> bool:
    try:
        return equal(seen, _look(step, exercise.with_mistake(key), seed), step)
    except Exception:
        return False


def explain(error: BaseException, functions: Mapping[str, Callable], file: str) -> str:
    """Say what a learner's function has raised, and in which line.

    Raises:
        BaseException: the error itself, if it asks for the end of the check.
    """
    if isinstance(error, Stop) or hasattr(error, "ends_check"):
        raise error
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if isinstance(error, MemoryError) or "Failed to allocate" in str(error):
        raise MemoryError from error
    if not frames:  # a notebook's, or none at all
        code = {
            function.__code__.co_filename for function in functions.values() if hasattr(function, "__code__")
        }
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in code]
    frame = frames[-1] if frames else None
    name, number = (frame.name, frame.lineno) if frame else (next(iter(functions)), None)
    if isinstance(error, NotImplementedError):
        return wording.UNFINISHED.format(name=name, where=place(number))
    where = place(number, frame.line if frame else "")
    if any(text in str(error) for text in IN_PLACE):
        return wording.IN_PLACE.format(function=name, where=where)
    return wording.RAISED.format(function=name, error=one_line(error), where=where)


def one_line(error: BaseException) -> str:
    """Return an error as type and message, without MXNet's stack of C++ functions."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, MXNetError):
        lines = [line.partition("MXNetError: ")[2] for line in lines if "MXNetError: " in line] or lines
    text = lines[0] if lines else ""
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
