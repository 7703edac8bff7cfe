"""Write a model card: what a cross-validated model was made from, how good it is, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from d2l_repro import __version__
from d2l_repro.language import tr
from d2l_repro.results import card

from .data import Tables
from .recipes import RECIPES


def card_rows(report: Mapping[str, Any], tables: Tables) -> card.Rows:
    """Return the rows of a model card, what they are about and what they say, in English.

    Args:
        report: content of kfold.json, without the card.
        tables: the houses.
    """
    scores = report["meaning"]["recipe"]
    official = card.OFFICIAL if tables.official else card.OTHERS
    return [
        ("Made for", card.FOR),
        ("Must not be used for", card.NOT_FOR),
        (
            "Data",
            card.HOUSES.format(
                houses=f"{len(tables.train):,}",
                others=f"{len(tables.test):,}",
                data=card.GENERATED if tables.name == "generated" else official,
                data_hash=report["data_hash"][:16],
            ),
        ),
        ("Recipe", _recipe(report)),
        ("Folds", _folds(report)),
        (
            "Log rmse out-of-fold",
            card.SCORE.format(
                score=f"{scores['score']:.4f}",
                low=f"{scores['low']:.4f}",
                high=f"{scores['high']:.4f}",
                mean=f"{report['mean']['valid']:.4f}",
                std=f"{report['std']['valid']:.4f}",
            ),
        ),
        *(
            (
                card.MINUS.format(baseline=card.BASELINES[name]),
                card.DIFFERENCE.format(
                    difference=f"{row['difference']:+.4f}",
                    low=f"{row['difference_low']:+.4f}",
                    high=f"{row['difference_high']:+.4f}",
                ),
            )
            for name, row in report["baselines"].items()
        ),
        ("In words", report["in_words"]),
        ("Leaderboard", card.NOISE.format(noise=f"{report['noise']:.4f}")),
        ("Made with", f"d2l_repro {__version__}, MXNet {report['environment'].get('mxnet')}"),
    ]


def _recipe(report: Mapping[str, Any]) -> str:
    name = report["recipe"]
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in report["settings"].items())
    if asdict(RECIPES[name]) == report["settings"]:
        return f"{name}: {settings}"
    return card.CHANGED_RECIPE.format(recipe=name, settings=settings)


def _folds(report: Mapping[str, Any]) -> str:
    options = report["options"]
    kind = "random" if report["settings"]["shuffle"] else "contiguous"
    return (card.REPEATED_FOLDS if options["repeats"] > 1 else card.FOLDS).format(
        k=options["k"],
        kind="stratified" if options["stratify"] else kind,
        repeats=options["repeats"],
        seed=options["seed"],
    )


def format_card(rows: Sequence[Sequence[str]], figures: Sequence[str] = ()) -> str:
    """Return a model card as Markdown, in the reader's language.

    Args:
        rows: as `card_rows` returns them.
        figures: names of SVG files beside the card.
    """
    told = (tr("**{name}**: {text}", name=name, text=text) for name, text in card.in_language(rows))
    parts = [f"# {tr('Model card: house prices')}", *told]
    parts += [f"![{figure.replace('_', ' ')}]({figure}.svg)" for figure in figures]
    return "\n\n".join(parts) + "\n"
