"""What `d2l-repro bench` measures beside contests: how time grows, memory, and what workers gain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..cli.bench import BenchOptions
from ..language import tr
from ..results import costs
from ..results import scaling as scaled
from ..results.bench_words import in_language
from ..results.costs import Growth, Memory, Record
from ..results.environment import environment
from ..results.table_text import aligned
from . import contests, growth, memory, runner, scaling

GROWTH, MEMORY, SCALING = "growth", "memory", "scaling"
NAMES = (GROWTH, *growth.SWEEPS, MEMORY, SCALING)  # on the command line; the first stands for all sweeps


def split(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the studies that names stand for, each once, and the other names; without names, all of both."""
    names = names or (*contests.CONTESTS, GROWTH, MEMORY, SCALING)
    sweeps = [name for name in growth.SWEEPS if name in names or GROWTH in names]
    studies = sweeps + [name for name in (MEMORY, SCALING) if name in names]
    return studies, [name for name in names if name not in NAMES]


def hold(name: str, options: BenchOptions, folder: Path) -> dict[str, Path]:
    """Measure, print and keep a study.

    Args:
        name: a sweep, `MEMORY` or `SCALING`.
        options: of the command.
        folder: of the records.

    Returns:
        The committed file that shows such a study -> the record.

    Raises:
        ContestantFailed: a process failed; it has said why.
    """
    if name == SCALING:
        return _scaling(options, folder)
    found: Growth | list[Memory]
    failed: list[str] = []
    if name == MEMORY:
        found, about = _memory(options.quick, failed), environment()
        print(f"\n{aligned(costs.memory_rows(found))}", flush=True)
    else:
        found, about = growth.hold(growth.SWEEPS[name], options.rounds, options.quick)
        title = tr("{what}: {title}", what=name, title=in_language(found.title))
        print(f"\n{title}\n{aligned(costs.growth_rows(found))}\n{found.text()}", flush=True)
    machine = runner.machine_of(about)
    path = runner.record_path(folder, machine, options.quick, "costs")
    known = costs.load(path) if path.is_file() else Record(machine, {}, [])
    known.updated(machine, found).save(path)
    if failed:  # the others are kept
        raise runner.ContestantFailed(", ".join(failed))
    return {costs.FILE_NAME: path}


def _scaling(options: BenchOptions, folder: Path) -> dict[str, Path]:
    record = scaling.hold(1 if options.quick else options.rounds)
    print(f"\n{aligned(scaled.training_rows(record))}", flush=True)
    path = runner.record_path(folder, record.machine, options.quick, SCALING)
    record.save(path)
    return {scaled.FILE_NAME: path}


def _memory(quick: bool, failed: list[str]) -> list[Memory]:
    """Return the memory of each chapter, and add the names of those that fail to a list."""
    found = []
    for chapter, is_quick in memory.chapters(quick):
        try:
            found.append(memory.measure(chapter, is_quick))
        except runner.ContestantFailed as error:
            failed.append(str(error))
    return found
