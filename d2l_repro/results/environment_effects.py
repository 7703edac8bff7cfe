"""Which entries of two results' environments differ, and which of them can move a digit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..language import mark
from .differences import Difference, split
from .result import Result

# Pattern of an entry's name -> how it can change results, empty if it cannot. The likeliest cause comes
# first, and the first pattern that matches counts.
EFFECTS = {
    "thread": mark("other numbers of threads add in another order"),
    "openblas|blas|kernel|core.?type|processor|cpu|machine|onednn": mark("other kernels round differently"),
    "mxnet|d2l": mark("other code computes the results"),
    "platform|system|libc": mark(
        "other systems draw other random numbers, other C libraries round differently"
    ),
    "numpy|scipy|scikit|sklearn|pandas": mark("prepare data, and compute some of the metrics"),
    "python": mark("unlikely to change results by itself"),
    "matplotlib|tyro|tqdm|joblib|jinja|requests|pooch|fastjsonschema|setuptools|pip": "",
}


def effect(name: str) -> str | None:
    """Return how an entry of the environment can change results.

    Args:
        name: of the entry, "threads" or "packages.numpy".

    Returns:
        A phrase, empty if the entry has no effect, None if that is not known.
    """
    position = _position(name)
    return list(EFFECTS.values())[position] if position < len(EFFECTS) else None


def _position(name: str) -> int:
    """Return the position of an entry among the EFFECTS; it is behind the last if it is unknown."""
    matches = (i for i, pattern in enumerate(EFFECTS) if re.search(pattern, name.lower()))
    return next(matches, len(EFFECTS))


def environment_differences(a: Iterable[Result], b: Iterable[Result]) -> list[Difference]:
    """Return the entries that both sides recorded and that differ, the likeliest to change results first.

    What one side did not record, an earlier version for instance, says nothing about its machine.
    """
    ours, theirs = _recorded(a), _recorded(b)
    names = [name for name in split(ours, theirs)[0] if ours[name] != theirs[name]]
    shown = sorted((name for name in names if not _is_repeated(name, names)), key=_position)
    return [Difference(name, ours[name], theirs[name]) for name in shown]


def _is_repeated(name: str, names: Iterable[str]) -> bool:
    """Return whether a package's version also stands at the top, as those of NumPy and MXNet do."""
    return name.startswith("packages.") and name.split(".", 1)[1] in names


def _recorded(results: Iterable[Result]) -> dict[str, str]:
    """Return name -> value, or all values where the seeds ran in different environments."""
    found: dict[str, dict[str, None]] = {}
    for result in results:
        for name, value in _flat(result.environment).items():
            found.setdefault(name, {})[value] = None
    return {name: " or ".join(sorted(values)) for name, values in found.items()}


def _flat(environment: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the entries of nested dicts under names such as "packages.numpy"."""
    found = {}
    for name, value in environment.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = str(value)
    return found
