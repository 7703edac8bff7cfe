"""Published values, and how ours compare with them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from .claims import HOLDS, UNDECIDED, Claim, confidence_interval
from .run import run_label
from .schema import PublishedRow


@lru_cache
def published_values() -> list[dict[str, Any]]:
    """Return the rows of published.csv.

    Each is a dict: chapter, run, metric, value, the band from low to high, source, note. A row that is a
    conclusion has a claim, whose limits are its band; the others have none.
    """
    text = resources.files(__package__).joinpath("published.csv").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = list(csv.DictReader(text.splitlines()))
    for row in rows:
        claim = row.pop("claim")
        if claim:
            row["claim"] = claim
            row["low"], row["high"] = Claim(claim).limits
        row.update({name: float(row[name]) for name in ("value", "low", "high")})
    return rows


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


def compare(chapter: str, metrics: Mapping[str, Mapping[str, float]]) -> list[PublishedRow]:
    """Compare our values with the published ones of a chapter.

    Args:
        chapter: name of the chapter.
        metrics: label of a run -> its metrics, name -> number.

    Returns:
        One row for each published value and run of ours with that metric. A published row that names no
        implementation ("cubic") is compared with both ("scratch cubic" and "gluon cubic").
    """
    return [
        _compare_row(row, label, metrics[label][row["metric"]])
        for row in published_values()
        if row["chapter"] == chapter
        for label in dict.fromkeys((row["run"], *labels(row["run"])))
        if row["metric"] in metrics.get(label, {})
    ]


def _compare_row(row: dict[str, Any], label: str, ours: float) -> PublishedRow:
    found: PublishedRow = {
        "run": label,
        "metric": row["metric"],
        "value": row["value"],
        "low": row["low"],
        "high": row["high"],
        "ours": ours,
        "within": row["low"] <= ours <= row["high"],
        "source": row["source"],
        "note": row["note"],
    }
    if "claim" in row:
        found["claim"] = row["claim"]
        judge_claim(found, [ours])
    return found


def judge_claim(row: PublishedRow, differences: Sequence[float | None]) -> None:
    """Put into the row of a conclusion what our differences, one per seed, say about it."""
    row["interval"] = confidence_interval(differences)
    row["verdict"] = Claim(row["claim"]).verdict(row["interval"])
    row["within"] = row["verdict"] == HOLDS


def is_undecided(row: Mapping[str, Any]) -> bool:
    """Return whether the row is a conclusion on which our seeds do not decide."""
    return row.get("verdict") == UNDECIDED


def is_outside(row: Mapping[str, Any]) -> bool:
    """Return whether our value is outside its band, or the conclusion does not hold."""
    return not row["within"] and not is_undecided(row)
