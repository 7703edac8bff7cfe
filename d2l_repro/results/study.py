"""Read the runs of the study on MNIST: core-hours of training, committed as the numbers they ended with.

study.csv has a line for each run: implementation, variant, seed, how it ended, number of the environment in
which it was trained, and its metrics. study.json has the environments, from 1 on: processor, and versions of
Python and the packages. Both are written by `python scripts/study.py`, which adds the runs of a folder of the
study, and by nothing else.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from .run import RunResult, Status

FILE_NAME = "study.csv"
ENVIRONMENTS = "study.json"
FACTS = ("impl", "variant", "seed", "status", "environment")

Key = tuple[str, str, int]


def key_of(run: RunResult) -> Key:
    """Return what tells a run of the study from the others."""
    return run.impl, run.variant, run.seed


@lru_cache
def committed() -> tuple[RunResult, ...]:
    """Return the runs of study.csv, which have metrics but no history."""
    return tuple(read(_text(FILE_NAME)))


def committed_origins() -> dict[Key, int]:
    """Return the number of the environment of each run of study.csv."""
    return {
        (row["impl"], row["variant"], int(row["seed"])): int(row["environment"])
        for row in csv.DictReader(_text(FILE_NAME).splitlines())
    }


def committed_environments() -> list[dict[str, Any]]:
    """Return study.json."""
    return json.loads(_text(ENVIRONMENTS))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


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


def as_csv(runs: Iterable[RunResult], origins: Mapping[Key, int]) -> str:
    """Return the text of study.csv: runs by seed, and within a seed in the order in which they are given.

    Args:
        runs: all of them.
        origins: number of the environment of each.
    """
    ordered = sorted(runs, key=lambda run: run.seed)
    metrics = list(dict.fromkeys(name for run in ordered for name in run.metrics))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*FACTS, *metrics])
    for run in ordered:
        values = (f"{run.metrics[name]:.8g}" if name in run.metrics else "" for name in metrics)
        writer.writerow([run.impl, run.variant, run.seed, run.status.value, origins[key_of(run)], *values])
    return file.getvalue()
