"""How much memory does a chapter take? A process for each, as memory once taken is not all given back."""

from __future__ import annotations

import json
import subprocess

from ..cli.runner import module_command
from ..errors import DONE
from ..results.catalogue import TEXTBOOK, entries
from ..results.costs import Memory
from .runner import ContestantFailed


def measure(chapter: str, quick: bool) -> Memory:
    """Measure the memory of a chapter.

    Raises:
        ContestantFailed: its process failed; it has said why.
    """
    command = module_command("d2l_repro.bench.demand", f"d2l-repro bench: {chapter}")
    done = subprocess.run([*command, chapter, str(int(quick))], stdout=subprocess.PIPE, text=True)
    if done.returncode != DONE:
        raise ContestantFailed(f"memory, {chapter}")
    return Memory(chapter, quick, **json.loads(done.stdout))


def chapters(quick: bool) -> list[tuple[str, bool]]:
    """Return the chapters to measure: all with --quick, True, and those of the textbook without it, too."""
    return [(name, True) for name in entries()] + [(name, False) for name in TEXTBOOK if not quick]
