"""How much do several workers gain on this machine, and what does their exchange cost? No MXNet here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..processes import module_command
from ..results.environment import environment
from ..results.scaling import Costs, Record
from .runner import ContestantFailed, machine_of, take_turns

# Chapters whose nets are measured: other chapters have the same or similar ones, see docs/scaling.md
CHAPTERS = (
    "linear_regression",
    "softmax_regression",
    "mlp",
    "polynomial_fitting",
    "dropout",
    "house_prices",
    "lenet",
)
PARTS = (1, 2, 4, 8)  # workers of whose part of a batch a step is measured
# net -> batch sizes: with two workers 256 against 256 alone is strong scaling, 512 against 256 alone is weak
SHARED = {"mlp": (256, 512), "softmax_regression": (256, 512)}
STEPS, EPOCHS, EXCHANGES = 40, 4, 31
# from what hardly weighs to more than any chapter has but LeNet
EXCHANGED = ((1,), (1,) * 8, (10_000,) * 4, (200_704, 256, 2560, 10), (500_000,), (900_000,) * 2)
WORKERS = (0, 1, 2)  # of a job; 0 is a process alone


def hold(rounds: int) -> Record:
    """Measure in turns: the chapters' nets alone, and jobs of one and two workers.

    Args:
        rounds: of each job.

    Raises:
        ContestantFailed: a process ended; it has said why.
    """
    jobs = {str(number): partial(_run, "job", number) for number in WORKERS}
    found = take_turns({"costs": partial(_run, "costs", 0), **jobs}, rounds)
    costs = [_of_all_rounds(rows) for rows in zip(*found.pop("costs"))]
    return Record(
        machine_of(environment()),
        datetime.now().astimezone().isoformat(timespec="minutes"),
        costs,
        _collected(found, "exchanges"),
        _collected(found, "trainings"),
        {number: [answer["launch"] for answer in answers] for number, answers in found.items()},
    )


def _of_all_rounds(rows: Sequence[dict[str, Any]]) -> Costs:
    """Return a chapter's costs with the times of all rounds; each process has measured a few."""

    def joined(name: str) -> list[float]:
        return [value for row in rows for value in row[name]]

    by_part = [
        [value for times in each for value in times] for each in zip(*(row["seconds"] for row in rows))
    ]
    times = {"seconds": by_part, "gather": joined("gather"), "evaluation": joined("evaluation")}
    return Costs(**{**rows[0], **times})


def _run(what: str, workers: int) -> Any:
    """Return what a process alone (0 workers) or a job has measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        command = [
            *module_command("d2l_repro.bench.sharing", "d2l-repro bench"),
            str(path),
            what,
        ]
        if workers:
            launch = module_command("d2l_repro", "d2l-repro")
            command = [*launch, "launch", "-n", str(workers), "--", *command]
        start = time.perf_counter()
        done = subprocess.run(command, stdout=sys.stderr, env={**os.environ, "OMP_NUM_THREADS": "1"})
        seconds = time.perf_counter() - start
        if done.returncode or not path.is_file():
            raise ContestantFailed(f"scaling, {workers} workers")
        found = json.loads(path.read_text(encoding="utf-8"))
    return {**found, "launch": seconds - found["work"]} if what == "job" else found


def _collected(found: dict[str, list[Any]], what: str) -> list[dict[str, Any]]:
    """Return a row for each thing and number of workers, with the seconds of all rounds."""
    return [
        {**rows[0], "workers": int(number), "seconds": [row["seconds"] for row in rows]}
        for number, answers in found.items()
        for rows in zip(*(answer[what] for answer in answers))
    ]
