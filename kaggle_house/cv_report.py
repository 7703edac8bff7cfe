"""Report a cross-validation: tables to print, figures, and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from d2l_repro.files import write_atomically
from d2l_repro.language import mark, retell, tr
from d2l_repro.results import plot, published
from d2l_repro.results.card import IN_WORDS
from d2l_repro.results.environment import environment
from d2l_repro.results.formatting import published_row
from d2l_repro.results.history import History
from d2l_repro.results.run import run_label
from d2l_repro.results.table_text import as_frame, frame_text

from . import kfold, submission
from .data import Tables
from .folds import Fold, FoldOptions, FoldResult
from .model_card import card_rows, format_card
from .recipes import ARTICLE, BOOK, REPEATS, Recipe, closest_recipe
from .scores import in_words

GENERATED = mark(" (generated houses, not the competition's)")
OUT_OF_FOLD = "oof.csv"  # file of the out-of-fold predictions
CARD = "model_card.md"
# Recipes with published scores -> the run that they are published as.
PUBLISHED_RUNS = {
    BOOK: ("book", REPEATS["book"]),
    ARTICLE: ("article 10 epochs", REPEATS["article"]),
    ARTICLE.replace(num_epochs=20): ("article 20 epochs", REPEATS["article"]),
}


def generated_note(tables: Tables) -> str:
    """Return the remark that every output on generated houses carries; empty for others."""
    return tr(GENERATED) if tables.name == "generated" else ""


def build_report(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    recipe: Recipe,
    options: FoldOptions,
    tables: Tables,
) -> dict[str, Any]:
    """Return the content of kfold.json."""
    report = kfold.summarize(results, folds, recipe, options, tables)
    report = {
        **report,
        "recipe": closest_recipe(recipe),
        "in_words": in_words(report["meaning"]),
        "published": _compare_with_published(report, recipe, options, tables),
        "environment": environment(),
    }
    return {**report, "card": card_rows(report, tables)}


def _compare_with_published(report, recipe, options, tables):
    """Return the rows of `published.compare`; none unless recipe, folds and files are the published ones."""
    # These options change neither the folds nor, beyond noise, what is measured on them.
    free = ("seed", "impl", "jobs", "cluster")
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
        f"{tr('Log rmse of every fold')}{generated_note(tables)}\n{_fold_table(report)}",
        tr(
            "train {train} +- {train_std}, valid {valid} +- {valid_std}, all rows out-of-fold {out_of_fold}",
            train=f"{mean['train']:.6f}",
            train_std=f"{std['train']:.4f}",
            valid=f"{mean['valid']:.6f}",
            valid_std=f"{std['valid']:.4f}",
            out_of_fold=f"{report['out_of_fold']:.6f}",
        ),
        f"{tr('Compared with the baselines, fold by fold')}\n{_baseline_table(report)}",
        f"{tr('All houses out-of-fold')}\n{_meaning_table(report)}",
        retell(report["in_words"], IN_WORDS),
    ]
    clipped = sum(fold["clipped"] for fold in report["folds"])
    if clipped:
        parts.append(tr("{count} predictions below 1 dollar were scored as 1 dollar.", count=clipped))
    if report["published"]:
        table = [published_row(row) for row in report["published"]]
        parts.append(f"{tr('Published and reproduced')}\n{_table(table)}")
    return "\n\n".join(parts)


def _table(rows):
    return frame_text(as_frame(rows))


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


def _meaning_table(report):
    return _table(
        {
            "model": name,
            "log rmse": f"{scores['score']:.6f}",
            "95 % interval": interval_text(scores),
            "half within": f"{scores['half']:.1%}",
            "nine of ten within": f"{scores['nine_tenths']:.1%}",
        }
        for name, scores in report["meaning"].items()
    )


def interval_text(scores: Mapping[str, float]) -> str:
    """Return an interval, with ends "low" and "high", as tables show it."""
    return tr("{low} to {high}", low=f"{scores['low']:.4f}", high=f"{scores['high']:.4f}")


def draw_figures(
    results: Sequence[FoldResult], folds: Sequence[Fold], options: FoldOptions, tables: Tables
) -> dict[str, Figure]:
    """Return figures by name: learning curves, predicted and true prices, residuals, and several repeats."""
    note = GENERATED if tables.name == "generated" else ""
    prices = tables.train["SalePrice"].to_numpy()
    predicted = kfold.out_of_fold(results, folds, len(prices))
    log_errors = np.log(predicted) - np.log(prices)
    first_repeat = [
        (f"fold {result['fold']}", _scores(result["history"])) for result in results if result["repeat"] == 0
    ]
    figures = {
        "learning_curves": plot.fold_curves(dict(first_repeat), f"Learning curves of the folds{note}"),
        "predicted_against_true": plot.predicted_against_true(
            prices,
            predicted,
            f"Houses predicted by models that did not see them{note}",
            "price",
            tables.train["Id"].tolist(),
        ),
        "residuals": plot.residuals(log_errors, f"How far off predictions are{note}", "houses"),
    }
    if options.repeats > 1:
        repeats = [(f"repeat {i + 1}", _mean_history(results, i)) for i in range(options.repeats)]
        title = f"Mean over the folds by repeat{note}"
        figures["trials"] = plot.fold_curves(dict(repeats), title, "repeat")
    return figures


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
    """Write the figures, oof.csv, the model card and, last, kfold.json."""
    plot.save(draw_figures(results, folds, options, tables), folder)
    write_atomically(folder / OUT_OF_FOLD, _out_of_fold_table(results, folds, tables).to_csv(index=False))
    write_atomically(folder / CARD, format_card(report["card"]))
    write_atomically(folder / "kfold.json", json.dumps(report, indent=1, allow_nan=False) + "\n")


def _out_of_fold_table(results, folds, tables):
    """Return the predictions with true prices, and the fold of each row, a column for each repeat."""
    predicted = kfold.out_of_fold(results, folds, len(tables.train))
    frame = submission.submission_frame(tables.train["Id"], predicted)
    frame["true_price"] = tables.train["SalePrice"].to_numpy()
    for fold in folds:
        name = f"fold_{fold.repeat}" if fold.repeat else "fold"
        if name not in frame:
            frame[name] = 0
        frame.iloc[fold.valid_rows, frame.columns.get_loc(name)] = fold.number
    return frame
