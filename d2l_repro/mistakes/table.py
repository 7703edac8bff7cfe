"""Measure which proofs catch a mistake, in the chapter's own settings and on its own data.

The models from scratch that published values are about are trained with the mistake in them, by the
chapter's own machinery; its metrics are the values that the intervals are asked about.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..experiment.chapter import Chapter
from ..experiment.description import Execution
from ..experiment.runs import Run, matching_pairs
from ..language import tr
from ..results.caught import NO_MISTAKE, Measured, rows_of
from ..results.result import Result
from ..results.run import Status, run_label
from ..settings import Options
from . import proofs
from .mistake import Lesson, Mistake, lesson_of

RIGHT = replace(proofs.NO_MISTAKE, name=NO_MISTAKE)
IMPLEMENTATIONS = ("scratch", "gluon")


@dataclass(frozen=True)
class Source:
    """Where a published row gets its value: a label and a metric, and the variants that must be trained."""

    run: str  # of the published row
    metric: str
    label: str
    variants: tuple[str, ...]


def mistakes_of(chapter: str) -> list[Mistake]:
    """Return the mistakes of a chapter after the one that is none.

    Raises:
        InputError: the chapter has no mistakes.
    """
    return [RIGHT, *lesson_of(chapter).mistakes]


def measure(
    chapter: str, name: str = NO_MISTAKE, seed: int = 0, data_dir: Path | None = None, hp: Any = None
) -> Measured:
    """Put a mistake into a chapter's models, and see what gradient check, parity and training make of it.

    Args:
        chapter: name of a chapter that has mistakes.
        name: of the mistake.
        seed: of all random numbers.
        data_dir: as for a chapter's run.
        hp: settings of the chapter, by default the published ones.

    Raises:
        InputError: the published data are missing.
    """
    module = importlib.import_module(f"chapters.{chapter}").chapter
    lesson, options = lesson_of(chapter), Options(seed=seed, data_dir=data_dir, impl="scratch")
    mistake = next(mistake for mistake in mistakes_of(chapter) if mistake.name == name)
    data = module.data(lesson.hp, options)
    if data.stand_in_for:
        raise InputError(
            tr(
                "the files of {original} are missing, without which nothing is compared with published "
                "values; give their folder with --data-dir, or download them: d2l-repro data download",
                original=data.stand_in_for,
            )
        )
    found = proofs.caught_by(lesson, data, mistake)
    values = _values(module, lesson, mistake, options, module.defaults() if hp is None else hp)
    return Measured(chapter, mistake.name, mistake.what, mistake.kind, found, values)


def _values(
    chapter: Chapter, lesson: Lesson, mistake: Mistake, options: Options, hp: Any
) -> dict[str, dict[str, float | None]]:
    """Return the values of the published rows that the mistake can change, by run and metric."""
    runs = {run.variant: run for run in chapter.runs(hp) if run.impl == "scratch"} if chapter.runs else {}
    touched = {name for name, run in runs.items() if mistake.applies_to(run.hp)}
    sources = [source for source in _sources(chapter, lesson, hp) if touched.intersection(source.variants)]
    if not sources:
        return {}
    needed = {name for source in sources for name in source.variants}
    result = _train(chapter, lesson, mistake, [runs[name] for name in runs if name in needed], options, hp)
    values: dict[str, dict[str, float | None]] = {}
    for source in sources:
        values.setdefault(source.run, {})[source.metric] = _value(result, source)
    return values


def _sources(chapter: Chapter, lesson: Lesson, hp: Any) -> Iterable[Source]:
    """Yield the published rows that a run from scratch has a value for.

    A row about Gluon is asked about the run from scratch of the same settings, which means the same.
    """
    runs = chapter.runs(hp) if chapter.runs else []
    pairs = {theirs.label: ours.label for ours, theirs in matching_pairs(runs, "gluon")}
    variants = {run.label: run.variant for run in runs if run.impl == "scratch"}
    for row in rows_of(chapter.name):
        run, metric = row["run"], row["metric"]
        impl, _, rest = run.partition(" ")
        name = rest if impl in IMPLEMENTATIONS else run
        label = pairs.get(run, run_label("scratch", name))
        if label in variants:
            yield Source(run, metric, label, (variants[label],))
        elif name in lesson.derived_from:
            needs = lesson.derived_from[name]
            yield Source(run, metric, label, tuple(needs.get(metric, needs.get("", ()))))


def _train(
    chapter: Chapter, lesson: Lesson, mistake: Mistake, runs: list[Run], options: Options, hp: Any
) -> Result:
    """Train runs of a chapter with a mistake in those that it can be made in."""

    def build(run: Run) -> Any:
        if not mistake.applies_to(run.hp):
            return run.build
        return lambda hp, data: mistake.put_into(run.build(hp, data), hp)

    def data(hp: Any, options: Options) -> Any:
        right = chapter.data(hp, options)
        return mistake.data(right) if mistake.data else right

    wrong = replace(
        chapter,
        data=data,
        runs=lambda hp: [replace(run, build=build(run), compare_paths=False) for run in runs],
        show=lambda result, data: lesson.derived(result),
        execution=Execution.SEQUENTIAL if chapter.execution is Execution.IN_PROCESSES else chapter.execution,
    )
    result = wrong.run(hp, impl="scratch", seed=options.seed, data_dir=options.data_dir)
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _value(result: Result, source: Source) -> float | None:
    """Return a row's value, or None if one of the runs that it needs came to no end."""
    runs = [result.find("scratch", variant) for variant in source.variants]
    if any(run is None or run.status is not Status.DONE for run in runs):
        return None
    found = result.labelled().get(source.label)
    return found.metrics.get(source.metric) if found else None
