"""How much memory does a chapter take? Peaks of processes that run it, beside what it must hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..cli.runner import Task, module_command, python_command
from ..errors import DONE
from ..results.catalogue import TEXTBOOK, entries
from ..results.costs import Memory
from .runner import ContestantFailed

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of the peak that the system tells


def peak(command: Sequence[str], name: str) -> int:
    """Return the peak of the resident memory of a process, or of one that it has started, in bytes.

    Args:
        command: of the process; what it prints is dropped.
        name: for messages.

    Raises:
        ContestantFailed: it failed; it has said why.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != DONE:
        raise ContestantFailed(name)
    return usage.ru_maxrss * UNIT


def imported(chapter: str) -> int:
    """Return the peak of a process that imports what a chapter's command does, and ends."""
    return peak(python_command(f"import d2l_repro.cli.chapter, chapters.{chapter}"), f"importing {chapter}")


def run_peak(chapter: str, quick: bool) -> int:
    """Return the peak of a process that runs a chapter."""
    with tempfile.TemporaryDirectory() as folder:
        return peak(Task(chapter, 0, Path(folder), quick, chapter).command, chapter)


def demanded(chapter: str, quick: bool) -> dict[str, int]:
    """Return part -> bytes that a chapter must hold.

    Raises:
        ContestantFailed: its process failed; it has said why.
    """
    command = module_command("d2l_repro.bench.demand", f"d2l-repro bench: {chapter}")
    done = subprocess.run([*command, chapter, str(int(quick))], stdout=subprocess.PIPE, text=True)
    if done.returncode != DONE:
        raise ContestantFailed(f"memory, {chapter}")
    return json.loads(done.stdout)


def measure(chapter: str, quick: bool) -> Memory:
    """Measure the memory of a chapter.

    Raises:
        ContestantFailed: one of the processes failed; it has said why.
    """
    return Memory(chapter, quick, imported(chapter), run_peak(chapter, quick), demanded(chapter, quick))


def chapters(quick: bool) -> list[tuple[str, bool]]:
    """Return the chapters to measure: all with --quick, True, and those of the textbook without it, too."""
    return [(name, True) for name in entries()] + [(name, False) for name in TEXTBOOK if not quick]
