"""The tables of docs/results.md: published numbers beside ours, reasons, paths and durations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from d2l_repro.language import sentences, tr
from d2l_repro.results import bands, printed
from d2l_repro.results.formatting import (
    PLATFORMS,
    RANGE,
    band_text,
    format_duration,
    format_number,
    in_words,
    published_text,
    verdict_text,
)
from d2l_repro.results.published import source_row
from d2l_repro.results.table_text import head_text
from d2l_repro.results.verdicts import Verdict, expected_false_alarms, tally, tally_text

from .common import markdown, rows_table
from .values import all_numbers, committed_values, published_rows


def values() -> str:
    """Return every published number beside ours, a line each."""
    lines = [
        (
            f"`{row['chapter']}`",
            row["run"],
            head_text(in_words(row["metric"])),
            published_text(row),
            "-" if row["ours"] is None else format_number(row["ours"], ".5g"),
            "-" if row["verdict"] == Verdict.NOT_RUN else interval_text(row["chapter"], row),
            verdict_text(row),
        )
        for row in all_numbers()
    ]
    head = map(head_text, ("chapter", "run", "metric", "published", "ours", "our seeds", "verdict"))
    counted = sentences([verdict_line(), run_line()])
    return f"{counted}\n\n{markdown(tuple(head), lines)}"


def interval_text(chapter: str, row: Mapping[str, Any]) -> str:
    """Return the interval of our seeds, and what decides on a number from the random data of macOS."""
    text = band_text(row)
    if row["stream"] != bands.MACOS:  # the committed run is on Linux
        return text
    key = (chapter, row["run"], row["metric"], row["stream"])
    if row["kind"] == "exact":
        exact = {bands.key_of(content): content["value"] for content in bands.committed()["exact"]}
        deciding = f"{exact[key]:.8g}" if key in exact else "-"
    else:
        band = bands.find(*key)
        half_unit = source_row(chapter, row)["precision"] / 2
        low, high = band.interval(half_unit) if band else (None, None)
        deciding = band_text({"low": low, "high": high})
    platform = PLATFORMS[row["stream"]]
    return tr("{text} ({platform}: {deciding})", text=text, platform=platform, deciding=deciding)


def verdict_line() -> str:
    """Return the sentence that counts the verdicts on all published numbers."""
    numbers = all_numbers()
    return tr(
        "{total} published numbers: {tally}. If all of them came from this program, {chance} would still be "
        "judged different by chance.",
        total=len(numbers),
        tally=tally_text(tally(row["verdict"] for row in numbers)),
        chance=f"{expected_false_alarms(numbers):.1f}",
    )


def run_line() -> str:
    """Return the sentence that says what the run was made with, and whether it agrees with our seeds."""
    chapters = committed_values()
    judged = [row for row in published_rows() if row["within"] is not None]
    dates = sorted({chapter["finished"][:10] for chapter in chapters.values()})
    environments = [chapter["environment"] for chapter in chapters.values()]
    mxnet, numpy, python = (
        tr(" and ").join(dict.fromkeys(environment[name] for environment in environments))
        for name in ("mxnet", "numpy", "python")
    )
    return tr(
        "Our values come from one run of each chapter ({date}, MXNet {mxnet}, NumPy {numpy}, Python "
        "{python}, seed {seeds}); {within} of the {judged} that have an interval lie within it.",
        date=tr(RANGE, low=dates[0], high=dates[-1]) if dates[1:] else dates[0],
        mxnet=mxnet,
        numpy=numpy,
        python=python,
        seeds=seeds_text(),
        judged=len(judged),
        within=sum(row["within"] for row in judged),
    )


def seeds_text() -> str:
    """Return the seeds of the first chapter, then those of each chapter that has others."""
    seeds = {name: chapter["seeds"] for name, chapter in committed_values().items()}
    first = next(iter(seeds.values()))
    others = [
        tr(" (`{name}`: {seeds})", name=name, seeds=", ".join(map(str, own)))
        for name, own in seeds.items()
        if own != first
    ]
    return ", ".join(map(str, first)) + "".join(others)


def reasons() -> str:
    """Return why numbers differ, and how to check it."""
    return rows_table(
        [
            {
                "reason": tr(reason.text),
                "how to check it": tr(reason.check),
                "verified": "yes" if reason.verified else "no",
            }
            for reason in printed.reasons().values()
        ]
    )


def paths() -> str:
    """Return the largest difference between the parameters from scratch and with Gluon, by chapter."""
    return rows_table(
        [
            {
                "chapter": f"`{name}`",
                "largest difference": difference(chapter),
                "same path": "yes" if chapter["same_path"] else f"**{tr('no')}**",
            }
            for name, chapter in committed_values().items()
            if chapter["parity"] is not None
        ]
    )


def difference(chapter: dict) -> str:
    """Return the largest difference of a chapter's parameters as text."""
    parity = chapter["parity"]
    return tr("not compared") if parity is None else f"{parity:.1e}" if parity else "0"


def durations() -> str:
    """Return how long each chapter took, on which processor and with how many threads."""
    return rows_table(
        [
            {
                "chapter": f"`{name}`",
                "time": format_duration(chapter["seconds"]),
                # records of earlier versions do not say it
                "processor": chapter["environment"].get("processor", "-"),
                "threads": str(chapter["environment"]["threads"]),
                "measured on": chapter["finished"][:10],
            }
            for name, chapter in committed_values().items()
        ]
    )


BLOCKS = {"values": values, "reasons": reasons, "paths": paths, "durations": durations}
