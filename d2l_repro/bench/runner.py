"""Hold a contest: one process per contestant, and rounds in which they take turns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from .. import compat
from ..processes import module_command
from ..results import speed
from ..results.environment import installed_version
from ..results.speed import LIMIT
from .contests import Contest, Contestant

WORKER = "d2l_repro.bench.worker"
QUICK_STEPS = 5  # of a round in a trial
T = TypeVar("T")


class ContestantFailed(RuntimeError):
    """Raised when the process of a contestant ends; it has said why."""


class Worker:
    """A process that answers each line with one of JSON; as a context, it ends with it.

    Args:
        module: what it runs, which calls `worker.serve`.
        name: of the contestant, for messages.
        arguments: of the module.
        environment: variables to set.
    """

    def __init__(
        self, module: str, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ):
        self.name = name
        self.process = subprocess.Popen(
            [*module_command(module, f"d2l-repro bench: {name}"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the command, which ends all contestants
            env={**os.environ, **(environment or {})},
        )
        self.about: dict[str, Any] = {}

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # and the processes of a loader
        self.process.communicate()  # without further input it ends by itself

    def wait_until_ready(self) -> None:
        """Wait until the contestant is built and has trained for a round."""
        self.about = self._answer()

    def __call__(self) -> Any:
        """Return what one more round of the contestant gives."""
        assert self.process.stdin is not None
        try:
            print("", file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise ContestantFailed(self.name) from None
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ContestantFailed(self.name)
        return json.loads(line)


def take_turns(contestants: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Let each contestant do one round after the other: A B A B.

    Whatever slows the machine down for a while slows all of them.

    Returns:
        Name -> what each of its rounds gave.
    """
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            found[name].append(contestant())
    return found


def hold(contest: Contest, rounds: int, quick: bool) -> tuple[speed.Measured, dict[str, Any]]:
    """Measure a contest.

    Args:
        contest: with the contestants that take part.
        rounds: of every contestant.
        quick: whether a round has few steps, to try that all of it works.

    Returns:
        The times per unit, and the environment of the first contestant.

    Raises:
        ContestantFailed: one of the processes ended; it has said why.
    """
    steps = min(contest.steps, QUICK_STEPS) if quick else contest.steps
    entrants = dict(contest.contestants)
    if contest.limit:
        entrants[LIMIT] = Contestant("kernels:measure")
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name, entrant in entrants.items():  # one at a time, so that warming up is not disturbed
            arguments = [contest.name, name, str(steps)]
            worker = Worker(WORKER, f"{contest.name}, {name}", arguments, entrant.environment)
            workers[name] = stack.enter_context(worker)
            workers[name].wait_until_ready()
        measured = take_turns(workers, rounds)
    about = {name: worker.about for name, worker in workers.items()}
    environment = next(iter(about.values()))["environment"]
    result = speed.Measured(
        contest.name,
        contest.title,
        contest.unit,
        datetime.now().astimezone().isoformat(timespec="minutes"),
        quick,
        environment["threads"],
        {
            name: [seconds * contest.per_unit for seconds in found]
            for name, found in measured.items()
            if name != LIMIT
        },
        {name: found["kernels"] for name, found in about.items()},
    )
    if contest.limit:
        counts = {str(operator): operator.count * contest.per_unit for operator in contest.limit()}
        totals, rows = speed.limit(measured[LIMIT], counts)
        result = replace(result, seconds={**result.seconds, LIMIT: totals}, operators=rows)
    return result, environment


def machine_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an environment that tells machines apart."""
    names = ("processor", "platform")
    torch = installed_version("torch")  # which no number of ours depends on
    packages = {
        "python": environment["python"],
        **environment["packages"],
        **({"torch": torch} if torch else {}),
    }
    return {**{name: environment[name] for name in names}, "cores": compat.cores(), "packages": packages}


def record_path(folder: Path, machine: Mapping[str, Any], quick: bool, what: str = "") -> Path:
    """Return the file for the record of a machine, or of a trial on it.

    Args:
        folder: of all records.
        machine: as `machine_of` returns it.
        quick: whether it was only a trial.
        what: "costs" for what is kept in a file of its own.
    """
    name = "-".join(filter(None, (speed.machine_key(machine), what, "quick" if quick else "")))
    return folder / f"{name}.json"
