"""Published values, and how ours compare with them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from . import bands, caught
from .printed import labels, published_values
from .schema import PublishedRow
from .verdicts import Sample, Verdict, judge

__all__ = ["compare", "labels", "published_values"]


def stream_name(seed: int, stream: str | None = None) -> str:
    """Return which random stream the data of a run come from, as bands name it.

    Args:
        seed: seed of the run. Seed 0 is the one with which MXNet starts, so its stream is the book's.
        stream: platform whose stream was asked for, if any.
    """
    native = bands.MACOS if sys.platform == "darwin" else bands.LINUX
    return stream or (native if seed == 0 else bands.SEEDS)


def compare(
    chapter: str,
    metrics: Mapping[str, Mapping[str, float]],
    stream: str = bands.SEEDS,
    dataset: str = "",
) -> list[PublishedRow]:
    """Compare our values with the published ones of a chapter.

    Args:
        chapter: name of the chapter.
        metrics: label of a run -> its metrics, name -> number.
        stream: random stream that the data come from, as `stream_name` returns it.
        dataset: name of the data set.

    Returns:
        One row for each published value and run of ours with that metric. A published row that names no
        implementation ("cubic") is compared with both ("scratch cubic" and "gluon cubic").
    """
    return [
        compare_row(row, label, Sample([metrics[label][row["metric"]]], stream, dataset))
        for row in published_values()
        if row["chapter"] == chapter
        for label in dict.fromkeys((row["run"], *labels(row["run"])))
        if row["metric"] in metrics.get(label, {})
    ]


def compare_row(row: Mapping[str, Any], label: str, sample: Sample) -> PublishedRow:
    """Return a published value beside ours, with all that our seeds say about both.

    Args:
        row: of `published_values`.
        label: label of our run.
        sample: our values, of one seed or several.
    """
    judged = judge(row, label, sample)
    low, high = judged.interval or (None, None)
    found: PublishedRow = {
        "run": label,
        "metric": row["metric"],
        "value": row["value"],
        "low": low,
        "high": high,
        "ours": _mean(sample),
        "within": judged.within,
        "source": row["source"],
        "note": row["note"],
        "kind": row["kind"],
        "stream": row["stream"],
        "verdict": str(judged.verdict),
        "p": judged.p,
        "z": judged.z,
        "z_ours": judged.z_ours,
        "catches": caught.catches(row["chapter"], row["run"], row["metric"]),
    }
    if judged.reason:
        found["reason"], found["check"] = judged.reason.text, judged.reason.check
    if row["claim"]:
        found["claim"], found["interval"] = row["claim"], judged.claimed
    return found


def _mean(sample: Sample) -> float:
    numbers = sample.numbers
    return sum(numbers) / len(numbers)


def published_key(row: Mapping[str, Any]) -> tuple[str, str, float | None]:
    """Return what tells the rows of one run of ours apart: two platforms have two values of a metric."""
    return row["metric"], row["stream"], row["value"]


def source_row(chapter: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of published.csv that a row of ours is about."""
    return next(
        other
        for other in published_values()
        if other["chapter"] == chapter
        and published_key(other) == published_key(row)
        and row["run"] in (other["run"], *labels(other["run"]))
    )


def is_outside(row: Mapping[str, Any]) -> bool:
    """Return whether the run at hand does not agree with our seeds."""
    return row["within"] is False


def numbers_of(chapter: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every published number of a chapter once, with its verdict.

    Args:
        chapter: name of the chapter.
        rows: as `compare` returns them.

    Returns:
        For each row of published.csv the first of `rows` that is about it, or the row itself as "not run".
    """
    found = []
    for row in published_values():
        if row["chapter"] == chapter:
            about = (one for one in rows if published_key(one) == published_key(row))
            wanted = (row["run"], *labels(row["run"]))
            first = next((one for one in about if one["run"] in wanted), None)
            unknown = {**row, "verdict": str(Verdict.NOT_RUN), "ours": None, "within": None}
            found.append({**(first or unknown), "chapter": chapter})
    return found
