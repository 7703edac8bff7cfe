"""Read what was published: the numbers in published.csv, and in reasons.csv why some of them must differ."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from .run import run_label

KINDS = ("exact", "draw", "conclusion")


@lru_cache
def published_values() -> list[dict[str, Any]]:
    """Return the rows of published.csv.

    Each is a dict: chapter, run, metric; value, None for a conclusion without a number; precision, one unit
    of its last printed digit; kind, one of `KINDS`; stream, the platform whose random stream the data come
    from, if they depend on it; examples, for an accuracy, the number of examples; claim, for a conclusion;
    reason, a name in reasons.csv, where values must differ; source and note.
    """
    text = resources.files(__package__).joinpath("published.csv").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    for row in rows:
        row["value"] = float(row["value"]) if row["value"] else None
        row["precision"] = float(row["precision"] or 0)
        row["examples"] = int(row["examples"] or 0)
    return rows


def not_compared() -> list[dict[str, str]]:
    """Return what else the sources print and draw, and why it is no row: source, what, why."""
    text = resources.files(__package__).joinpath("not_compared.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def labels(run: str) -> tuple[str, ...]:
    """Return the labels of our runs that a published row is about: both implementations' if it names none."""
    return (
        (run,)
        if run.split()[0] in ("scratch", "gluon", "data")
        else (
            run_label("scratch", run),
            run_label("gluon", run),
        )
    )


def printed_numbers(chapter: str, stream: str | None = None) -> dict[str, dict[str, list[float]]]:
    """Return label of our run -> metric -> what was published of it, more than once if sources differ.

    Args:
        chapter: its name.
        stream: leave out what was published of data from another random stream than this.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for row in published_values():
        is_other = stream is not None and row["stream"] not in ("", stream)
        if row["chapter"] == chapter and row["value"] is not None and not is_other:
            for label in labels(row["run"]):
                found.setdefault(label, {}).setdefault(row["metric"], []).append(row["value"])
    return found


@dataclass(frozen=True)
class Reason:
    """Why a published number must differ from ours.

    Attributes:
        low, high: what it predicts of our mean minus the published number; otherwise it explains nothing.
        balance: accuracies of the same run on two parts of the same images: on all images it must agree.
        verified: whether it has been tested, and not only fits.
        text: the reason.
        check: how to check it.
    """

    low: float
    high: float
    balance: tuple[str, ...]
    verified: bool
    text: str
    check: str

    def predicts(self, difference: float) -> bool:
        """Return whether our mean minus the published number is as predicted."""
        return self.low <= difference <= self.high


@lru_cache
def reasons() -> dict[str, Reason]:
    """Return the reasons of reasons.csv by name."""
    text = resources.files(__package__).joinpath("reasons.csv").read_text(encoding="utf-8")
    return {
        row["reason"]: Reason(
            float(row["low"]),
            float(row["high"]),
            tuple(row["balance"].split()),
            row["verified"] == "yes",
            row["text"],
            row["check"],
        )
        for row in csv.DictReader(text.splitlines())
    }
