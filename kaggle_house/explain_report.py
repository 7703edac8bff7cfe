"""Report what `explain` has found: tables to print, figures, explain.json, and the model card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from d2l_repro.files import write_atomically
from d2l_repro.language import retell, tr
from d2l_repro.parallel import Where
from d2l_repro.results import card, plot
from d2l_repro.results.kfold import EXPLANATIONS
from d2l_repro.results.table_text import as_frame, frame_text, head_text

from .cv_report import CARD, GENERATED, generated_note, interval_text
from .explain import (
    CompleteRun,
    check_learning_curve,
    learning_curve,
    partial_dependence,
    permutation_importance,
)
from .model_card import format_card
from .unusual import in_language, largest_errors

FILE_NAME = "explain.json"
NUM_PANELS = 5  # columns whose partial dependence is drawn, the strongest
NUM_SHOWN = 20  # columns in the figure of importances
NUM_PRINTED = 10  # columns and houses in the tables


def explain(run: CompleteRun, permutations: int, with_learning_curve: bool, where: Where) -> dict[str, Any]:
    """Return the content of explain.json.

    Args:
        run: complete run of `kfold`.
        permutations: how often each column is shuffled.
        with_learning_curve: whether models of fewer houses are trained, too.
        where: to train for the learning curve.

    Raises:
        InputError: there are too few houses for the learning curve.
    """
    if with_learning_curve:
        check_learning_curve(run)  # before anything that takes long
    importance = permutation_importance(run, permutations)
    dependence = {name: partial_dependence(run, name) for name in importance["column"][:NUM_PANELS]}
    sizes = learning_curve(run, where) if with_learning_curve else pd.DataFrame()
    return {
        "importance": importance.to_dict("records"),
        "dependence": {
            name: {"values": values, "changes": changes.tolist()}
            for name, (values, changes) in dependence.items()
        },
        "learning_curve": sizes.to_dict("records"),
        "largest_errors": largest_errors(run.tables.train, np.exp(run.log_predictions())),
    }


def format_explanation(found: dict[str, Any], run: CompleteRun) -> str:
    """Return the text that `explain` prints."""
    importance = [
        {
            "column": row["column"],
            "importance": f"{row['importance']:.4f}",
            "95 % interval": interval_text(row),
        }
        for row in found["importance"][:NUM_PRINTED]
    ]
    parts = [
        retell(run.report["in_words"], card.IN_WORDS),
        tr("By how much the log rmse rises when a column is shuffled")
        + f"{generated_note(run.tables)}\n{frame_text(as_frame(importance))}",
        f"{tr('The largest errors, and what is unusual about these houses')}\n{_errors_text(found)}",
    ]
    sizes = _sizes(found)
    if len(sizes):
        means = sizes.groupby("number")[["houses", "recipe", "ridge"]].mean()
        means["houses"] = means["houses"].map("{:.0f}".format)
        title = tr("Log rmse after training on so many houses")
        parts.append(f"{title}\n{frame_text(means.rename(columns=head_text))}")
    return "\n\n".join(parts)


def _errors_text(found: dict[str, Any]) -> str:
    return "\n".join(
        tr(
            "Id {id}: ${predicted} predicted, ${price} paid ({error}); {unusual}",
            id=row["Id"],
            predicted=f"{row['predicted']:,.0f}",
            price=f"{row['price']:,.0f}",
            error=f"{row['error']:+.0%}",
            unusual=tr("; ").join(map(in_language, row["unusual"])) or tr("nothing in its columns is rare"),
        )
        for row in found["largest_errors"]
    )


def _sizes(found: dict[str, Any]) -> pd.DataFrame:
    """Return the learning curve, with the number of each size from 0."""
    table = pd.DataFrame(found["learning_curve"])
    if len(table):
        table["number"] = table.groupby("fold")["houses"].rank().astype(int) - 1
    return table


def draw_figures(found: dict[str, Any], run: CompleteRun) -> dict[str, Figure]:
    """Return the figures by name, those of EXPLANATIONS."""
    note = GENERATED if run.tables.name == "generated" else ""
    shown = found["importance"][:NUM_SHOWN]
    importances = {row["column"]: (row["importance"], row["low"], row["high"]) for row in shown}
    dependence = {
        name: (row["values"], np.array(row["changes"])) for name, row in found["dependence"].items()
    }
    importance, partial, houses = EXPLANATIONS
    figures = {
        importance: plot.importances(
            importances, "rise of the log rmse if the column is shuffled", f"Which columns matter{note}"
        ),
        partial: plot.dependences(dependence, "change of the price", f"What the strongest columns do{note}"),
    }
    sizes = _sizes(found)
    if len(sizes):
        scores = {
            name: sizes.pivot(index="fold", columns="number", values=name).to_numpy()
            for name in ("ridge", "recipe")
        }
        figures[houses] = plot.scores_by_size(
            sizes.groupby("number")["houses"].mean().tolist(),
            scores,
            "houses trained on",
            "log rmse of the validation houses",
            f"What more houses bring{note}",
        )
    return figures


def card_of(found: dict[str, Any], run: CompleteRun) -> str:
    """Return the model card with what `explain` has found."""
    strongest = ", ".join(
        f"{row['column']} ({row['importance']:.3f})" for row in found["importance"][:NUM_PANELS]
    )
    farthest = max(abs(row["error"]) for row in found["largest_errors"])
    rows: Sequence[Sequence[str]] = [
        *run.report["card"],
        ("Strongest columns", card.STRONGEST.format(columns=strongest)),
        ("Largest error", card.FARTHEST.format(share=f"{farthest:.0%}")),
    ]
    return format_card(rows, EXPLANATIONS if found["learning_curve"] else EXPLANATIONS[:-1])


def save(found: dict[str, Any], run: CompleteRun, folder: Path) -> None:
    """Write the figures, the model card and, last, explain.json."""
    plot.save(draw_figures(found, run), folder)
    write_atomically(folder / CARD, card_of(found, run))
    write_atomically(folder / FILE_NAME, json.dumps(found, indent=1, allow_nan=False) + "\n")


def remove(folder: Path) -> None:
    """Remove the explanation of an earlier run of `kfold` in a folder."""
    for name in (FILE_NAME, *(f"{figure}.{kind}" for figure in EXPLANATIONS for kind in ("svg", "png"))):
        (folder / name).unlink(missing_ok=True)
