"""Train many runs in parallel, and test which differences between them exceed the noise between seeds."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Callable

from tqdm import tqdm

from .. import channel
from ..language import tr
from ..parallel import Where, computed
from ..results.claims import CONFIDENCE, confidence_interval
from ..results.run import RunResult


def in_processes(
    train: Callable[..., Any], tasks: Sequence[tuple], where: Where, verbose: bool, line: Callable[[Any], str]
) -> Iterator[Any]:
    """Train elsewhere, and yield what comes back, each result as soon as it is available.

    Args:
        train: called with each task's arguments.
        tasks: tuples of arguments.
        where: number of processes, or a cluster; with a single process this one trains.
        verbose: whether to print a line per run and, on a terminal, show a progress bar.
        line: (what `train` returned) -> its line; nothing is printed if it is empty.
    """
    reported = channel.is_reported()
    hidden = None if verbose and not reported else True
    with (
        closing(computed(train, tasks, where)) as results,
        tqdm(total=len(tasks), unit=tr("run"), leave=False, disable=hidden) as bar,
    ):
        for i, (_, run) in enumerate(results, 1):
            yield run
            bar.update()
            text = line(run) if verbose else ""
            if text:
                with tqdm.external_write_mode(file=sys.stdout):
                    print(text, flush=True)
            if verbose and reported:
                channel.report(i / len(tasks), text.partition(":")[0])


def over_seeds(runs: Iterable[RunResult], metric: str) -> dict[int, float]:
    """Return seed -> value of a metric, for those of a variant's runs that have it."""
    return {run.seed: run.metrics[metric] for run in runs if metric in run.metrics}


def paired_difference(
    values: Mapping[int, float], base: Mapping[int, float], confidence: float = CONFIDENCE
) -> tuple[float | None, float | None]:
    """Return the mean difference of two variants over the seeds they share, and its confidence interval.

    Runs with one seed see the same batches, so their difference is paired; the interval is Student's.

    Args:
        values: seed -> number, as `over_seeds` returns them.
        base: the same of the other variant.
        confidence: probability that the interval contains the true difference.

    Returns:
        mean, half the width of the interval; the latter is None with fewer than two seeds in common, and both
        are None without any.
    """
    differences = [values[seed] - base[seed] for seed in values if seed in base]
    if not differences:
        return None, None
    interval = confidence_interval(differences, confidence)
    half_width = None if interval is None else (interval[1] - interval[0]) / 2
    return statistics.fmean(differences), half_width
