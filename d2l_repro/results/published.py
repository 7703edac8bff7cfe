"""Published values, and how ours stand beside them."""

import csv
from functools import lru_cache
from importlib import resources


@lru_cache
def published_values():
    """The rows of published.csv as dicts: chapter, run, metric, value, the band low to high, source, note."""
    text = resources.files(__package__).joinpath("published.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    for row in rows:
        row.update({name: float(row[name]) for name in ("value", "low", "high")})
    return rows


def labels(run):
    """Labels of our runs that a published row's `run` stands for: both implementations' where it names
    none."""
    return (run,) if run.split()[0] in ("scratch", "gluon", "data") else (f"scratch {run}", f"gluon {run}")


def compare(chapter, metrics):
    """Every published value of a chapter that we have one to put beside.

    Args:
        chapter: name of the chapter.
        metrics: label of a run -> its metrics, name -> number.

    Returns:
        A dict a row: run, metric, value, low, high, ours, within, source, note. A published row that names no
        implementation ("cubic") stands beside both ("scratch cubic" and "gluon cubic").
    """
    return [
        {
            "run": label,
            "metric": row["metric"],
            "value": row["value"],
            "low": row["low"],
            "high": row["high"],
            "ours": metrics[label][row["metric"]],
            "within": row["low"] <= metrics[label][row["metric"]] <= row["high"],
            "source": row["source"],
            "note": row["note"],
        }
        for row in published_values()
        if row["chapter"] == chapter
        for label in dict.fromkeys((row["run"], *labels(row["run"])))
        if row["metric"] in metrics.get(label, {})
    ]
