"""What the page shows of a cross-validation of house prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from .. import card, kfold
from ..formatting import (
    band_text,
    environment_text,
    format_duration,
    format_number,
    in_words,
    metric_name,
    published_text,
    verdict_text,
)
from ..table_text import head_text
from .figures import read_figure
from .section import STAND_IN, Section, badge, stand_in, stand_in_alarms, worst_verdict
from .tables import Table
from .words import words


def of_kfold(item: kfold.KFold) -> Section:
    """Return a cross-validation's section."""
    content, name = item.content, item.folder.name
    options, mean, std = content["options"], content["mean"], content["std"]
    first_repeat = [fold for fold in content["folds"] if fold["repeat"] == content["folds"][0]["repeat"]]
    original = content.get("stand_in_for")
    compared = item.published()
    return Section(
        name=name,
        title=words("kfold_title", folds=len(first_repeat), impl=options["impl"]),
        source=words("kfold_source", folder=name),
        verdict=STAND_IN if original else worst_verdict(compared),
        alarms=stand_in_alarms(content["dataset"], original),
        result=_result_of_folds(content, compared),
        headline={
            "variant": "",
            "metric": words.plain("handout_kfold", folds=len(first_repeat)),
            "scratch": "-",
            "gluon": "-",
            "published": " / ".join(
                published_text(row) for row in compared if row["metric"] == "valid_log_rmse"
            ),
            options["impl"]: f"{mean['valid']:.4f} ± {std['valid']:.1g}",
        },
        figures=[read_figure(item.folder / f"{figure}.svg") for figure in item.figures],
        tables=_tables_of_folds(content, compared),
        facts={
            **{key: str(value) for key, value in {**content["settings"], **options}.items()},
            words.plain("fact_data"): content["dataset"],
            **environment_text(content.get("environment", {})),
        },
        stand_in=stand_in(name, content["dataset"], original),
    )


def _result_of_folds(content: Mapping[str, Any], compared: Sequence[Mapping[str, Any]]) -> list[Markup]:
    valid, std = f"{content['mean']['valid']:.4f}", f"{content['std']['valid']:.1g}"
    sentences = [words("kfold_result", valid=valid, std=std, out_of_fold=f"{content['out_of_fold']:.4f}")]
    if content["options"]["repeats"] > 1:
        sentences.append(words("kfold_repeats", repeats=content["options"]["repeats"]))
    baselines = {name: f"{scores['valid']:.4f}" for name, scores in content["baselines"].items()}
    if {"ridge", "mean"} <= set(baselines):
        sentences.append(words("kfold_against", ridge=baselines["ridge"], mean=baselines["mean"]))
    meaning = content.get("meaning", {})
    if {"recipe", "ridge", "mean"} <= set(meaning):
        half = {name: f"{scores['half']:.1%}" for name, scores in meaning.items()}
        nine_tenths = f"{meaning['recipe']['nine_tenths']:.0%}"
        sentences.append(
            words(
                "kfold_words",
                half=half["recipe"],
                nine_tenths=nine_tenths,
                ridge=half["ridge"],
                mean=half["mean"],
            )
        )
    if compared:
        values = Markup(", ").join(
            Markup("{} {} {}").format(
                metric_name(row["metric"]), published_text(row), badge(row["verdict"], verdict_text(row))
            )
            for row in compared
        )
        sentences.append(words("kfold_published", values=values))
    clipped = sum(fold["clipped"] for fold in content["folds"])
    return [*sentences, *([words("kfold_clipped", count=clipped)] if clipped else [])]


def _tables_of_folds(content: Mapping[str, Any], compared: Sequence[Mapping[str, Any]]) -> list[Table]:
    def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
        return Table(words.plain(caption), [words.plain(f"column_{name}") for name in head], rows)

    folds = [
        [
            fold["repeat"],
            fold["fold"],
            f"{fold['train']:.5f}",
            f"{fold['valid']:.5f}",
            format_duration(fold["seconds"]),
        ]
        for fold in content["folds"]
    ]
    mean, std = content["mean"], content["std"]
    baselines = [
        [words.plain("kfold_recipe"), f"{mean['valid']:.5f}", f"{std['valid']:.4f}", "", ""],
        *(
            [
                name,
                f"{scores['valid']:.5f}",
                f"{scores['std']:.4f}",
                f"{scores['difference']:+.4f}",
                f"{scores['difference_std']:.4f}",
            ]
            for name, scores in content["baselines"].items()
        ),
    ]
    tables = [
        table("kfold_folds", ("repeat", "fold", "train", "valid", "seconds"), folds),
        table("kfold_baselines", ("model", "valid", "std", "difference", "difference_std"), baselines),
    ]
    if content.get("meaning"):
        head = ("model", "score", "interval", "half", "nine_tenths")
        tables.append(table("kfold_meaning", head, list(map(_meaning_row, content["meaning"].items()))))
    if content.get("card"):
        tables.append(table("kfold_card", ("about", "statement"), card.in_language(content["card"])))
    if compared:
        rows = [
            [
                head_text(in_words(row["metric"])),
                published_text(row),
                format_number(row["ours"], ".5g"),
                band_text(row),
                badge(row["verdict"], verdict_text(row)),
            ]
            for row in compared
        ]
        head = ("metric", "published", "ours", "our_seeds", "verdict")
        tables.append(table("kfold_published_table", head, rows))
    return tables


def _meaning_row(item: tuple[str, Mapping[str, float]]) -> list[str]:
    name, scores = item
    low, high = f"{scores['low']:.4f}", f"{scores['high']:.4f}"
    return [
        words.plain("kfold_recipe") if name == "recipe" else name,
        f"{scores['score']:.5f}",
        words.plain("kfold_interval", low=low, high=high),
        f"{scores['half']:.1%}",
        f"{scores['nine_tenths']:.1%}",
    ]
