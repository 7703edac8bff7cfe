"""Report a cross-validation: tables to print, figures, and files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from d2l_repro.files import write_atomically
from d2l_repro.results import plot, published
from d2l_repro.results.environment import environment
from d2l_repro.results.formatting import published_row
from d2l_repro.results.history import History
from d2l_repro.results.run import RunResult, run_label

from . import kfold, submission
from .data import Tables
from .kfold import Fold, FoldOptions, FoldResult
from .recipes import ARTICLE, BOOK, REPEATS, Recipe

OUT_OF_FOLD = "oof.csv"  # file of the out-of-fold predictions
# Recipes with published scores -> the run that they are published as.
PUBLISHED_RUNS = {
    BOOK: ("book", REPEATS["book"]),
    ARTICLE: ("article 10 epochs", REPEATS["article"]),
    ARTICLE.replace(num_epochs=20): ("article 20 epochs", REPEATS["article"]),
}


def generated_note(tables: Tables) -> str:
    """Return the remark that every output on generated houses carries; empty for others."""
    return " (generated houses, not the competition's)" if tables.name == "generated" else ""


def build_report(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    recipe: Recipe,
    options: FoldOptions,
    tables: Tables,
) -> dict[str, Any]:
    """Return the content of kfold.json."""
    report = kfold.summarize(results, folds, recipe, options, tables)
    comparison = _compare_with_published(report, recipe, options, tables)
    return {**report, "published": comparison, "environment": environment()}


def _compare_with_published(report, recipe, options, tables):
    """Return the rows of `published.compare`; none unless recipe, folds and files are the published ones."""
    # These options change neither the folds nor, beyond noise, what is measured on them.
    free = ("seed", "impl", "jobs", "backend")
    run, repeats = PUBLISHED_RUNS.get(recipe, ("", 0))
    published_options = FoldOptions(repeats=repeats or 1, **{name: getattr(options, name) for name in free})
    if not run or not tables.official or tables.name != "kaggle_house" or options != published_options:
        return []
    metrics = {f"{name}_log_rmse": report["mean"][name] for name in ("train", "valid")}
    return published.compare("house_prices", {run_label(options.impl, run): metrics}, dataset=tables.name)


def format_report(report: dict[str, Any], tables: Tables) -> str:
    """Return the text that commands print: folds, means beside the baselines, and published values."""
    mean, std = report["mean"], report["std"]
    parts = [
        f"Log rmse of every fold{generated_note(tables)}\n{_fold_table(report)}",
        f"train {mean['train']:.6f} +- {std['train']:.4f}, valid {mean['valid']:.6f} +- {std['valid']:.4f}, "
        f"all rows out-of-fold {report['out_of_fold']:.6f}",
        f"Compared with the baselines, fold by fold\n{_baseline_table(report)}",
    ]
    clipped = sum(fold["clipped"] for fold in report["folds"])
    if clipped:
        parts.append(f"{clipped} predictions below 1 dollar were scored as 1 dollar.")
    if report["published"]:
        table = [published_row(row) for row in report["published"]]
        parts.append(f"Published and reproduced\n{_table(table)}")
    return "\n\n".join(parts)


def _table(rows):
    return pd.DataFrame(rows).to_string(index=False)


def _fold_table(report):
    return _table(
        {
            "repeat": fold["repeat"],
            "fold": fold["fold"],
            "train": f"{fold['train']:.6f}",
            "valid": f"{fold['valid']:.6f}",
            "seconds": f"{fold['seconds']:.1f}",
        }
        for fold in report["folds"]
    )


def _baseline_table(report):
    recipe = {"valid": report["mean"]["valid"], "std": report["std"]["valid"]}
    rows = []
    for name, scores in {"recipe": recipe, **report["baselines"]}.items():
        row = {"model": name, "valid": f"{scores['valid']:.6f}", "std": f"{scores['std']:.4f}"}
        row["recipe - model"] = f"{scores['difference']:+.4f}" if "difference" in scores else ""
        row["std of difference"] = f"{scores['difference_std']:.4f}" if "difference" in scores else ""
        rows.append(row)
    return _table(rows)


def draw_figures(
    results: Sequence[FoldResult], folds: Sequence[Fold], options: FoldOptions, tables: Tables
) -> dict[str, Figure]:
    """Return figures by name: learning curves, predicted and true prices, residuals, and several repeats."""
    note = generated_note(tables)
    prices = tables.train["SalePrice"].to_numpy()
    predicted = kfold.out_of_fold(results, folds, len(prices))
    log_errors = np.log(predicted) - np.log(prices)
    first_repeat = [
        (f"fold {result['fold']}", _scores(result["history"])) for result in results if result["repeat"] == 0
    ]
    figures = {
        "learning_curves": plot.training_curves(
            _as_runs(first_repeat, options), f"Learning curves by fold{note}", log=True
        ),
        "predicted_against_true": plot.predicted_against_true(
            prices, predicted, f"Out-of-fold predictions{note}", "price (US dollars)"
        ),
        "residuals": plot.histogram(
            {"predicted - true log price": log_errors}, f"Out-of-fold residuals{note}", "houses"
        ),
    }
    if options.repeats > 1:
        repeats = [(f"repeat {i + 1}", _mean_history(results, i)) for i in range(options.repeats)]
        figures["trials"] = plot.training_curves(
            _as_runs(repeats, options), f"Mean over the folds by repeat{note}", log=True
        )
    return figures


def _as_runs(curves: Sequence[tuple[str, History]], options: FoldOptions) -> dict[str, RunResult]:
    return {name: RunResult(options.impl, name, options.seed, history) for name, history in curves}


def _scores(history):
    return History(
        {name: value for name, value in row.items() if name == "epoch" or name.endswith("log_rmse")}
        for row in history
    )


def _mean_history(results, repeat):
    histories = [_scores(result["history"]) for result in results if result["repeat"] == repeat]
    return History(
        {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in zip(*histories)
    )


def save_report(
    folder: Path,
    report: dict[str, Any],
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    options: FoldOptions,
    tables: Tables,
) -> None:
    """Write the figures, oof.csv and, last, kfold.json."""
    plot.save(draw_figures(results, folds, options, tables), folder)
    predicted = kfold.out_of_fold(results, folds, len(tables.train))
    frame = submission.submission_frame(tables.train["Id"], predicted)
    write_atomically(folder / OUT_OF_FOLD, frame.to_csv(index=False))
    write_atomically(folder / "kfold.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
