"""Compare what was seen of a learner's functions with what is right, and say how it differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mxnet import nd

from ..verify.clues import factor, format_factor
from . import wording
from .exercise import SHAPE, Seen, Step


class Wrong(Exception):
    """Raised with a sentence for a learner when what a function returned is no array or lacks a part."""


def as_array(value: Any, what: str) -> np.ndarray:
    """Return an array of any library, a number or a list of numbers as a NumPy array.

    Raises:
        Wrong: it is something else.
    """
    if value is None:
        raise Wrong(wording.NOTHING.format(what=what))
    if isinstance(value, nd.NDArray):  # those of mx.np, too
        return value.asnumpy()
    try:
        parts = [as_array(part, what) for part in value] if isinstance(value, (list, tuple)) else value
        array = np.asarray(parts)
    except (ValueError, TypeError):
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise Wrong(wording.TYPE.format(what=what, found=described(value), expected=wording.ARRAY))
    return array


def described(value: Any) -> str:
    """Return the type of a value, with its article where there are some, as in "a str"."""
    name = type(value).__name__
    article = wording.AN if name[0] in "aeiouAEIOU" or name[:2] == "ND" else wording.A
    return article.format(type=name)


def _fits(found: np.ndarray, right: np.ndarray) -> bool:
    """Return whether the shapes agree; all that holds one number does where a number is right."""
    return found.shape == right.shape or (right.size == found.size == 1 and right.ndim <= 1)


def _unequal(found: np.ndarray, right: np.ndarray, seen: Seen, rtol: float) -> np.ndarray:
    """Return for each element whether it differs, in the shape of `right`."""
    found, right = found.astype(float).reshape(right.shape), right.astype(float)
    if seen.tolerance is None:
        scale = np.abs(right if seen.before is None else right - seen.before)
        finite = scale[np.isfinite(scale)]
        limit = rtol * max(finite.max() if finite.size else 0.0, 1e-6)
        # A change is known no better than the value it is added to is rounded.
        limit += 0 if seen.before is None else 1e-6 * np.abs(seen.before).max(initial=0)
    else:
        limit = seen.tolerance
    with np.errstate(invalid="ignore"):
        same = (np.abs(found - right) <= limit) | (found == right) | (np.isnan(found) & np.isnan(right))
    return ~same


def equal(found: Sequence[Seen], right: Sequence[Seen], step: Step) -> bool:
    """Return whether two sequences of what was seen agree in all values, and in all shapes."""
    if len(found) != len(right):
        return False
    for mine, other in zip(found, right):
        try:
            a, b = as_array(mine.value, mine.label), as_array(other.value, other.label)
        except Wrong:
            return False
        if not _fits(a, b) or (b.size and _unequal(a, b, other, step.rtol).any()):
            return False
    return True


def difference(found: Sequence[Seen], right: Sequence[Seen], step: Step) -> str | None:
    """Say in a few sentences what differs first; None if nothing does.

    Args:
        found: what was seen of the learner's functions.
        right: what was seen of ours, on the same inputs.
        step: of the check.
    """
    for i, (mine, other) in enumerate(zip(found, right)):
        try:
            array = as_array(mine.value, other.label)
        except Wrong as error:
            return str(error)
        expected = as_array(other.value, other.label)
        if not _fits(array, expected):
            return wording.GAP.join(_shape(other.label, array, expected))
        if step.kind == SHAPE or not expected.size:
            continue
        unequal = _unequal(array, expected, other, step.rtol)
        if unequal.any():
            found_values = array.astype(float).reshape(expected.shape)
            sentences = _values(other, found_values, expected, unequal)
            return wording.GAP.join([*sentences, *_other_parts(found, right, step, i)])
    if len(found) < len(right):
        return wording.FEWER.format(what=right[len(found)].label)
    return None


def _other_parts(found: Sequence[Seen], right: Sequence[Seen], step: Step, wrong: int) -> Iterator[str]:
    """Say which others are right of what the same call returned or the same step changed."""
    others = [
        (mine, other)
        for i, (mine, other) in enumerate(zip(found, right))
        if i != wrong and other.part and other.group == right[wrong].group
    ]
    agreeing = [other.part for mine, other in others if equal([mine], [other], step)]
    if agreeing:
        yield wording.OTHERS_RIGHT.format(names=wording.COMMA.join(agreeing))
    elif others:
        names = [right[wrong].part, *(other.part for _, other in others)]
        yield wording.NONE_RIGHT.format(names=wording.COMMA.join(names))


def _shape(what: str, found: np.ndarray, right: np.ndarray) -> Iterator[str]:
    yield wording.SHAPE.format(what=what, found=found.shape, expected=right.shape)
    if found.shape == right.shape[::-1] and found.shape != right.shape:
        yield wording.TRANSPOSED
    elif found.size == right.size:
        yield wording.ELEMENTS


def _values(seen: Seen, found: np.ndarray, right: np.ndarray, unequal: np.ndarray) -> Iterator[str]:
    """Say where values differ first, and whether they are a multiple of the right ones."""
    right = right.astype(float)
    index = tuple(int(i) for i in np.argwhere(unequal)[0])
    numbers = {
        "what": seen.label,
        "value": _short(found[index]),
        "right": _short(right[index]),
        "index": list(index),
        "count": int(unequal.sum()),
        "total": unequal.size,
    }
    if right.size == 1:
        yield wording.NUMBER_DIFFERS.format(**numbers)
    elif not math.isfinite(found[index]):
        yield wording.NOT_FINITE.format(**numbers)
    else:
        yield wording.DIFFERS.format(**numbers)
    if seen.before is not None:
        yield _update(found - seen.before, right - seen.before, index)
    elif right.size > 1:
        yield from _pattern(found, right)
    given = {
        name: rows for name, rows in seen.given.items() if index and rows.ndim and len(rows) == len(right)
    }
    if given:
        rows = ", ".join(f"{name}[{index[0]}] = {short_row(rows[index[0]])}" for name, rows in given.items())
        yield wording.GIVEN.format(names=rows)


def _pattern(found: np.ndarray, right: np.ndarray) -> Iterator[str]:
    if not (np.isfinite(found).all() and np.isfinite(right).all()):
        return
    tolerance = 1e-3 * float(np.abs(found).max())
    ratio = factor(found, right, tolerance)
    offset = float((found - right).mean())
    if ratio is not None and np.abs(right).max() > 0:
        yield wording.RATIO.format(ratio=format_factor(ratio))
    elif np.abs(found - right - offset).max() <= 1e-3 * abs(offset):
        yield wording.OFFSET.format(offset=f"{offset:.4g}")
    elif found.ndim == 2 and found.shape[0] == found.shape[1] and np.allclose(found.T, right, rtol=1e-3):
        yield wording.TRANSPOSED


def _update(found: np.ndarray, right: np.ndarray, index: tuple[int, ...]) -> str:
    """Say how a change differs from the right one."""
    # Both are differences of rounded numbers.
    size = float(np.abs(right).max())
    ratio = factor(found, right, 1e-3 * max(float(np.abs(found).max()), size)) if size else None
    if not np.abs(found).max() and size:
        return wording.NO_UPDATE
    if ratio is not None and abs(ratio + 1) < 1e-3:
        return wording.OPPOSITE
    if ratio is not None and math.isfinite(ratio):
        return wording.UPDATE_RATIO.format(ratio=format_factor(ratio))
    return wording.UPDATE.format(value=_short(found[index]), right=_short(right[index]))


def _short(number: float) -> str:
    return f"{number:.6g}"


def short_row(row: Any) -> str:
    """Return the first numbers of a row."""
    numbers = np.ravel(row)
    shown = ", ".join(f"{number:.4g}" for number in numbers[:6])
    return f"[{shown}{', ...' if numbers.size > 6 else ''}]" if np.ndim(row) else shown
