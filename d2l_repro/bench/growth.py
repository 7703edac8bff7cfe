"""How does time grow with examples, width, depth, folds and seeds? Nothing here imports MXNet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Callable

from ..results.costs import Growth
from ..results.speed import LIMIT, limit
from . import operators
from .operators import Operators
from .runner import Worker, take_turns

OURS = "ours"  # name of the worker that measures both implementations
FASHION = 60_000  # images
BATCH = 256
NUM_INPUTS, NUM_HIDDENS, NUM_OUTPUTS = 784, 256, 10
HOUSE_EPOCHS = 20
SEED_CHAPTER = "linear_regression"


@dataclass(frozen=True)
class Sweep:
    """Some work at several sizes.

    Attributes:
        name: on the command line of its worker.
        title: what is done, in words.
        axis: what grows.
        unit: what times are given for.
        sizes: in rising order.
        quick: sizes of a trial.
        limit: size -> operators of a step; None where no net's shapes say what there is to do.
        steps: size -> steps of a unit; the short last batch of an epoch counts by its share.
        work: contestant -> (size) -> how much there is to do, where there is no limit.
        is_long: whether a round takes minutes: then there is one, and nothing warms up.
    """

    name: str
    title: str
    axis: str
    unit: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    limit: Callable[[int], Operators] | None = None
    steps: Callable[[int], float] = lambda size: 1
    work: Mapping[str, Callable[[int], float]] = field(default_factory=dict)
    is_long: bool = False


def _operators_of_many(count: int) -> Operators:
    return operators.classifier(BATCH, (NUM_INPUTS, NUM_HIDDENS, NUM_OUTPUTS), count)


def _operators_of_wide(width: int) -> Operators:
    return operators.classifier(BATCH, (NUM_INPUTS, width, NUM_OUTPUTS), FASHION)


def _operators_of_deep(depth: int) -> Operators:
    return operators.classifier(BATCH, (NUM_INPUTS, *[NUM_HIDDENS] * depth, NUM_OUTPUTS), FASHION)


def _in_turns(jobs: int, seeds: int) -> float:
    return math.ceil(seeds / jobs)


SWEEPS = {
    sweep.name: sweep
    for sweep in (
        Sweep(
            "examples",
            "multilayer perceptron, an epoch in batches of 256, images of Fashion-MNIST over and over",
            "training examples",
            "epoch",
            (6_000, 20_000, 60_000, 200_000, 600_000),
            (600, 6_000),
            _operators_of_many,
            steps=lambda count: count / BATCH,
        ),
        Sweep(
            "width",
            "multilayer perceptron, a step of 256 images",
            "hidden units",
            "step",
            (64, 128, 256, 512, 1024, 2048, 4096),
            (64, 256),
            _operators_of_wide,
        ),
        Sweep(
            "depth",
            "hidden layers of 256 units with ReLU, a step of 256 images",
            "hidden layers",
            "step",
            (1, 2, 4, 8, 16),
            (1, 2),
            _operators_of_deep,
        ),
        Sweep(
            "folds",
            f"the book's recipe for house prices, {HOUSE_EPOCHS} epochs in each fold",
            "folds",
            "cross-validation",
            (2, 3, 5, 10, 20),
            (2, 3),
            # each of k folds trains on (k - 1) / k of the houses
            work=dict.fromkeys(("Gluon", "scratch"), lambda k: k - 1),
        ),
        Sweep(
            "seeds",
            f"d2l-repro run {SEED_CHAPTER} --quick with several seeds, in one process and in two at a time",
            "seeds",
            "command",
            (1, 2, 5, 10, 20),
            (1, 2),
            work={f"--jobs {jobs}": partial(_in_turns, jobs) for jobs in (1, 2)},
            is_long=True,
        ),
    )
}


def hold(sweep: Sweep, rounds: int, quick: bool) -> tuple[Growth, dict[str, Any]]:
    """Measure a sweep: in every round, every contestant does its work at every size.

    Args:
        sweep: to measure.
        rounds: of every contestant.
        quick: whether only the sizes of a trial are measured.

    Returns:
        The times per unit, and the environment of what was measured.

    Raises:
        ContestantFailed: a process ended; it has said why.
    """
    sizes = sweep.quick if quick else sweep.sizes
    names = [OURS, *([LIMIT] if sweep.limit else [])]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_worker(sweep, name, sizes)) for name in names}
        for worker in workers.values():
            worker.wait_until_ready()
        measured = take_turns(workers, 1 if sweep.is_long else rounds)
    about = workers[OURS].about["environment"]
    return Growth(
        sweep.name,
        sweep.title,
        sweep.axis,
        sweep.unit,
        datetime.now().astimezone().isoformat(timespec="minutes"),
        quick,
        about["threads"],
        sizes,
        {**_by_size(measured[OURS]), **_limits(sweep, sizes, measured.get(LIMIT, []))},
        {name: [work(size) for size in sizes] for name, work in sweep.work.items()},
    ), about


def _worker(sweep: Sweep, name: str, sizes: Sequence[int]) -> Worker:
    return Worker("d2l_repro.bench.growing", f"{sweep.name}, {name}", [sweep.name, name, *map(str, sizes)])


def _by_size(rounds: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, list[list[float]]]:
    """Return contestant -> for each size, its seconds in each round."""
    return {name: [list(found) for found in zip(*(times[name] for times in rounds))] for name in rounds[0]}


def _limits(sweep: Sweep, sizes: Sequence[int], measured: Sequence[Any]) -> dict[str, list[list[float]]]:
    """Return the limit at each size, one for each round, from what its operators took."""
    if not sweep.limit:
        return {}
    found = []
    for size in sizes:
        counts = {str(operator): operator.count * sweep.steps(size) for operator in sweep.limit(size)}
        found.append(limit(measured, counts)[0])
    return {LIMIT: found}
