"""Read the runs of the study on MNIST: core-hours of training, committed as the numbers they ended with.

study.csv has a line for each run: implementation, variant, seed, how it ended, and its metrics. It is
written by `python scripts/study.py`, which adds the runs of a folder of the study, and by nothing else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

from .run import RunResult, Status

FILE_NAME = "study.csv"
FACTS = ("impl", "variant", "seed", "status")


@lru_cache
def committed() -> tuple[RunResult, ...]:
    """Return the runs of study.csv, which have metrics but no history."""
    return tuple(read(resources.files(__package__).joinpath(FILE_NAME).read_text(encoding="utf-8")))


def read(text: str) -> list[RunResult]:
    """Return the runs of a text that `as_csv` made.

    Raises:
        ValueError: a line is none of a run.
    """
    return [
        RunResult(
            row["impl"],
            row["variant"],
            int(row["seed"]),
            status=Status(row["status"]),
            metrics={name: float(value) for name, value in row.items() if name not in FACTS and value},
        )
        for row in csv.DictReader(text.splitlines())
    ]


def as_csv(runs: Iterable[RunResult]) -> str:
    """Return the text of study.csv: runs by seed, and within a seed in the order in which they are given."""
    ordered = sorted(runs, key=lambda run: run.seed)
    metrics = list(dict.fromkeys(name for run in ordered for name in run.metrics))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*FACTS, *metrics])
    for run in ordered:
        values = (f"{run.metrics[name]:.8g}" if name in run.metrics else "" for name in metrics)
        writer.writerow([run.impl, run.variant, run.seed, run.status.value, *values])
    return file.getvalue()
