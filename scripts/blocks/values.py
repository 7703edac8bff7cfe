"""The committed values of a full run, and the published numbers beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from d2l_repro.errors import InputError
from d2l_repro.files import write_atomically
from d2l_repro.results.catalogue import TEXTBOOK, entries
from d2l_repro.results.printed import published_values
from d2l_repro.results.published import compare, numbers_of, stream_name
from d2l_repro.results.verdicts import tally

from .common import ROOT

VALUES = ROOT / "d2l_repro" / "results" / "reproduced.json"


def commit_values(path: Path) -> None:
    """Make the summary of a full run the committed values.

    Raises:
        InputError: the file is missing, or a chapter was not run in full on the published data.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; create it with: d2l-repro run textbook --out {path.parent}")
    try:
        chapters = json.loads(path.read_text(encoding="utf-8"))["chapters"]
        incomplete = [
            name
            for name in chapters
            if name in TEXTBOOK and (not chapters[name]["published"] or chapters[name]["errors"])
        ]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a summary of runs ({error!r}); run the chapters again") from error
    if incomplete:
        raise InputError(f"{path}: no full run on the published data of {', '.join(incomplete)}")
    values = {
        # Of several seeds, "compare" needs the value of each.
        name: {key: value for key, value in chapter.items() if key != "metrics" or len(chapter["seeds"]) > 1}
        for name, chapter in {**committed_values(), **chapters}.items()
    }
    order = {name: values[name] for name in entries() if name in values}
    content = {"chapters": {name: judged_anew(name, chapter) for name, chapter in order.items()}}
    write_atomically(VALUES, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def judged_anew(name: str, chapter: dict[str, Any]) -> dict[str, Any]:
    """Return a chapter's part of summary.json with the verdicts of today's bands, and how many there are."""
    rows = rejudged(name, chapter)
    return {
        **chapter,
        "published": rows,
        "verdicts": tally(row["verdict"] for row in numbers_of(name, rows)),
    }


def rejudged(name: str, chapter: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the published rows of a chapter as today's bands judge them."""
    old = {(row["run"], row["metric"]): row for row in chapter["published"]}
    metrics: dict[str, dict[str, float]] = {}
    for run, metric in old:
        metrics.setdefault(run, {})[metric] = old[run, metric]["ours"]
    seeds = chapter["seeds"]
    stream = stream_name(seeds[0], chapter.get("stream")) if len(seeds) == 1 else "seeds"
    rows = compare(name, metrics, stream, chapter["dataset"])
    return [{**row, **{key: old[row["run"], row["metric"]][key] for key in ("std", "seeds")}} for row in rows]


def committed_values() -> dict[str, dict]:
    """Return the committed values: chapter -> its part of summary.json, without the metrics."""
    return json.loads(VALUES.read_text(encoding="utf-8"))["chapters"]


def published_rows() -> list[dict[str, Any]]:
    """Return the published rows of all committed chapters, each with its chapter."""
    values = committed_values()
    return [{"chapter": name, **row} for name in values for row in values[name]["published"]]


def all_numbers() -> list[dict[str, Any]]:
    """Return every published number of the project once, with its verdict."""
    chapters = committed_values()
    names = dict.fromkeys(row["chapter"] for row in published_values())
    return [
        row
        for name in names
        for row in numbers_of(name, chapters[name]["published"] if name in chapters else [])
    ]
