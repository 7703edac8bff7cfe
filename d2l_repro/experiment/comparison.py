"""Compare runs: the dict of a chapter's comparisons, and the tables and figures of their results.

The dict maps each title to a list of `chapter.Run`. A comparison gets one more row by one more Run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Callable

import numpy as np
from mxnet import nd

from ..data.loader import Data
from ..data.splits import Splits
from ..results import plot
from ..results.history import History
from ..results.result import Result
from ..results.run import RunResult
from ..train.loop import evaluate_all
from .chapter import Run
from .model import Model

Comparisons = Mapping[str, Iterable[Run]]  # title -> runs
TableRow = Callable[[str, RunResult, Any], dict]  # (label, finished run, settings) -> a row of a table


def all_runs(comparisons: Comparisons) -> list[Run]:
    """Return the runs of all comparisons in order.

    Raises:
        ValueError: two runs have the same label.
    """
    runs = [run for table in comparisons.values() for run in table]
    labels = [run.label for run in runs]
    duplicates = sorted({label for label in labels if labels.count(label) > 1})
    if duplicates:
        raise ValueError(f"two runs of the comparisons are called {', '.join(duplicates)}")
    return runs


def finished(result: Result, runs: Iterable[Run], impl: str) -> dict[str, RunResult]:
    """Return variant -> result of the runs that were trained with one implementation."""
    found = {run.variant: result.find(impl, run.variant) for run in runs if run.impl == impl}
    return {variant: run for variant, run in found.items() if run is not None}


def figure_name(title: str, impl: str) -> str:
    """Return the file name of a comparison's figure."""
    return f"{title.lower().replace(' ', '_')}_{impl}"


def tabulate(result: Result, comparisons: Comparisons, row: TableRow) -> None:
    """Add a table for each comparison to the result, with a row for each run that was trained."""
    for title, runs in comparisons.items():
        trained = [(run, result.find(run.impl, run.variant)) for run in runs]
        result.tables[title] = [
            row(run.label, record, run.hp) for run, record in trained if record is not None
        ]


def draw(
    result: Result,
    comparisons: Comparisons,
    where: str,
    columns: Sequence[str],
    chance: float | None = None,
    words: Mapping[str, str] | None = None,
) -> None:
    """Add a figure for each comparison and implementation to the result.

    Args:
        result: gets the figures.
        comparisons: title -> runs.
        where: end of each figure's title, such as "on two moons".
        columns: columns of the histories to draw, each in its own panel.
        chance: accuracy of guessing.
        words: variants, or what is left of them without the word all begin with -> how figures call them.
    """
    for title, runs in comparisons.items():
        runs = list(runs)
        # Where a chapter counts steps, the number of batches that make an epoch of the loop.
        every: set[Any] = {getattr(run.hp, "steps", None) for run in runs}
        xlabel, steps = "evaluation" if len(every) > 1 else "epoch", 1
        if len(every) == 1 and None not in every:
            xlabel, (steps,) = "step", every
        for impl in ("scratch", "gluon"):
            curves = finished(result, runs, impl)
            if len(curves) > 1:
                short = without_common_word(curves)
                names = {variant: (words or {}).get(name, name) for variant, name in short.items()}
                seeds = {names[variant]: result.select(impl, variant) for variant in curves}
                printed = {names[name]: result.printed().get(run.name, {}) for name, run in curves.items()}
                curves = {names[variant]: run for variant, run in curves.items()}
                result.figures[figure_name(title, impl)] = plot.comparison(
                    curves,
                    f"{title} {where}, {plot.IMPLS[impl]}",
                    columns,
                    xlabel,
                    printed,
                    seeds,
                    chance,
                    steps,
                )


def without_common_word(names: Collection[str]) -> dict[str, str]:
    """Return names -> names without the word that all of them begin with, if there is one."""
    words = {name.partition(" ")[0] for name in names}
    is_common = len(words) == 1 and len(names) > 1 and all(" " in name for name in names)
    return {name: name.partition(" ")[2] if is_common else name for name in names}


def draw_decision_regions(
    result: Result,
    runs: Iterable[Run],
    splits: Splits,
    name: str = "regions",
    square: tuple[float, float] | None = None,
    columns: int = 3,
    every_point: bool = False,
) -> None:
    """Add a figure for each implementation to the result: which class each net assigns to which points.

    Args:
        result: gets the figures NAME_scratch and NAME_gluon.
        runs: runs to draw, one panel for each; those without a model are left out.
        splits: the points that the nets were trained, validated and tested on; the last are drawn.
        name: of the figures.
        square: range of both coordinates; by default as much of the plane as the points need.
        columns: number of panels side by side.
        every_point: whether the points of all three sets are drawn, not only those that nets are tested on.
    """
    runs = list(runs)
    sets = {
        part: tuple(array.asnumpy() for array in getattr(splits, part)) for part in ("train", "valid", "test")
    }
    if every_point:
        sets = {"all": tuple(np.concatenate(arrays) for arrays in zip(*sets.values()))}
    for impl in ("scratch", "gluon"):
        trained = finished(result, runs, impl)
        nets = {variant: _scores(run.model.net) for variant, run in trained.items() if run.model is not None}
        if nets:
            title = f"Where nets see which class of {splits.title}, {plot.IMPLS[impl]}"
            result.figures[f"{name}_{impl}"] = plot.decision_regions(
                nets, sets, title, square=square, columns=columns
            )


def _scores(net: Callable) -> Callable:
    """Return the net as a function of NumPy arrays, points (n, 2) -> scores (n,)."""
    return lambda points: net(nd.array(points)).asnumpy().ravel()


def best_epoch_metrics(model: Model, data: Data, history: History) -> dict[str, float]:
    """Return the scores of the epoch with the best validation accuracy, whose parameters are tested.

    Args:
        model: the model, with the parameters of that epoch.
        data: data whose `source` is a `data.splits.Splits`.
        history: history of the training, with a column valid_acc.

    Returns:
        best_epoch, best_valid_acc, test_loss and test_acc.
    """
    best = max(history, key=lambda row: row["valid_acc"])
    scores = {"test_loss": model.loss, "test_acc": data.source.is_correct}
    return {
        "best_epoch": best["epoch"],
        "best_valid_acc": best["valid_acc"],
        **evaluate_all([data.source.test], model.net, scores),
    }


def best_epoch_row(label: str, run: RunResult, hp: Any) -> dict[str, str]:
    """Return a run's row of a table: its last epoch, then the one with the best validation accuracy."""
    formats = {
        "train_loss": ".4g",
        "train_acc": ".4f",
        "valid_acc": ".4f",
        "best_epoch": "d",
        "best_valid_acc": ".4f",
        "test_loss": ".4f",
        "test_acc": ".4f",
    }
    numbers = {
        name.replace("_", " "): format(run.metrics[name], form) if run.metrics else "-"
        for name, form in formats.items()
    }
    return {"run": label, **numbers}


def accuracy_row(label: str, run: RunResult, hp: Any, target: float = 0.82) -> dict[str, str]:
    """Return a run's row of a table: its last epoch, and when it reached a test accuracy.

    Args:
        label: the run's label.
        run: a run with train_loss, train_acc and test_acc in its history.
        hp: the run's settings.
        target: the test accuracy to reach.
    """
    if not run.history:
        columns = ("train loss", "train acc", "test acc", "gap", "best test acc")
        return {"run": label, **dict.fromkeys(columns, "-"), "test accuracy reached": "diverged in epoch 1"}
    last = run.history[-1]
    return {
        "run": label,
        "train loss": f"{last['train_loss']:.4g}",
        "train acc": f"{last['train_acc']:.4f}",
        "test acc": f"{last['test_acc']:.4f}",
        "gap": f"{100 * (last['train_acc'] - last['test_acc']):.1f} points",
        "best test acc": f"{max(run.history['test_acc']):.4f}",
        "test accuracy reached": when_reached(run.history, target),
    }


def when_reached(history: History, target: float) -> str:
    """Return the first epoch with a test accuracy of `target`, and how long training took until then."""
    seconds = 0.0
    for epoch in history:
        seconds += epoch["seconds"]
        if epoch["test_acc"] >= target:
            return f"{100 * target:g}% in epoch {epoch['epoch']}, {seconds:.1f} s"
    return f"{100 * target:g}% never"
