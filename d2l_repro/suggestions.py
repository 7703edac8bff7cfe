"""Say what a misspelt name may have been meant to be: a chapter, a data set, a flag."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from .language import listed, tr

ALIKE = 0.65  # share of equal characters from which on two names are taken for each other
# What other programs call a flag.
SYNONYMS = {
    "learning-rate": ("lr",),
    "step-size": ("lr",),
    "epochs": ("num-epochs", "steps"),
    "epoch": ("num-epochs", "steps"),
    "n-epochs": ("num-epochs", "steps"),
    "max-epochs": ("num-epochs", "steps"),
    "batch": ("batch-size",),
    "bs": ("batch-size",),
    "hidden": ("num-hiddens",),
    "hidden-size": ("num-hiddens",),
    "hidden-units": ("num-hiddens",),
    "weight-decay": ("wd", "reg"),
    "l2": ("wd", "reg"),
    "dropout": ("drop-prob", "drop-prob1"),
    "std": ("sigma",),
    "backend": ("impl",),
    "implementation": ("impl",),
    "data": ("dataset", "data-dir"),
    "random-seed": ("seed",),
    "output": ("out",),
    "output-dir": ("out",),
    "fast": ("quick",),
    "workers": ("jobs",),
}


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a word, or one of whose parts is; None if none is like it."""
    word = _normal(word)
    best, found = ALIKE, None
    for name in known:
        normal = _normal(name)
        # A part that matches is worth a little less than a whole name that does.
        parts = [0.95 * _likeness(word, part) for part in normal.split("-") if len(part) > 3]
        likeness = max([_likeness(word, normal), *parts])
        if likeness > best:
            best, found = likeness, name
    return found


def closest_flag(word: str, known: Iterable[str]) -> str | None:
    """Return the flag, without dashes, that a word may stand for: by what others call it, or how it looks."""
    known = list(known)
    by_meaning = [name for name in SYNONYMS.get(_normal(word), ()) if name in known]
    return by_meaning[0] if by_meaning else closest(word, known)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean NAME? ", to go into a message; empty if no name is like the word."""
    name = closest(word, known)
    return tr("did you mean {name}? ", name=name) if name else ""


def choice(word: str, known: Iterable[str]) -> str:
    """Return what to do about a word that is no known name: "did you mean NAME? choose from ..."."""
    known = list(known)
    return did_you_mean(word, known) + tr("choose from {names}", names=listed(known))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").strip("-")


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()
