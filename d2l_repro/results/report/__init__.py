"""The report: results as one HTML page that needs no other file, no network and no script to be read."""

from __future__ import annotations

import base64
import hashlib
import html
import math
import re
import statistics
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from ... import __version__
from ...files import write_atomically
from .. import caught
from ..catalogue import Entry, entries
from ..claims import FAILS, HOLDS, UNDECIDED
from ..formatting import (
    band_text,
    environment_text,
    format_duration,
    format_number,
    in_words,
    note_sections,
    parity_row,
    spread_text,
)
from ..history import is_shown
from ..published import is_outside, is_undecided, labels, published_values
from ..result import Result
from ..summary import Collection, Spread, Summary, data_label

FILE_NAME = "report.html"
WITHIN, OUTSIDE, FAILED, NOT_COMPARED = "within", "outside", "failed", "not compared"
VERDICTS = (WITHIN, OUTSIDE, FAILED, HOLDS, FAILS, UNDECIDED, NOT_COMPARED)
# Words beside the signs, so that nothing depends on colour or on a font that has them.
MARKS = {
    True: ("caught", "✓ caught"),
    False: ("missed", "✗ missed"),
    None: ("missed", "? cannot say"),
}
BAND_WIDTH, BAND_MARGIN = 120, 8  # pixels of the picture of a band


def write(collection: Collection, path: str | Path) -> str | Path:
    """Write the page of a collection to `path`, and return the path.

    Raises:
        InputError: the file cannot be written.
    """
    write_atomically(path, page(collection))
    return path


def page(collection: Collection) -> str:
    """Return the page of a collection as HTML."""
    chapters = [_chapter(summary) for summary in collection.summaries]
    rows = [row for chapter in chapters for row in chapter["published"]]
    style, script = (
        resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js")
    )
    return _template().render(
        chapters=chapters,
        rows=rows,
        mistakes=_mistakes([summary.chapter for summary in collection.summaries]),
        problems=collection.problems,
        version=__version__,
        compared=[row for row in rows if row["verdict"] != NOT_COMPARED],
        undecided=sum(map(is_undecided, rows)),
        verdicts=VERDICTS,
        finished=max((chapter["finished"] for chapter in chapters), default=""),
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
    )


@lru_cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        inline_markup=inline_markup, format_number=format_number, band_text=band_text, spread_text=spread_text
    )
    return environment.get_template("page.html.jinja")


def inline_markup(text: str) -> Markup:
    """Return a docstring's `*emphasis*` and `` `code` `` as HTML, with everything else escaped."""

    def element(match):
        return f"<code>{match[1]}</code>" if match[1] else f"<em>{match[2]}</em>"

    return Markup(re.sub(r"`([^`]+)`|\*(\w[^*]*)\*", element, str(escape(text))))


def _hash(text: str) -> str:
    """Return the hash by which the page's Content-Security-Policy allows a style or a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _chapter(summary: Summary) -> dict[str, Any]:
    """Return what the template shows of a chapter."""
    first, compared = summary.first, summary.published()
    rows = compared + _not_compared(summary.chapter, compared)
    return {
        "name": summary.chapter,
        "entry": entries().get(summary.chapter, Entry(summary.chapter, summary.chapter)),
        "verdict": _verdict(summary, compared),
        "errors": summary.errors,
        "published": [_published(summary, row) for row in rows],
        "interrupted": summary.interrupted,
        "diverged": first.diverged,
        "remark": first.remark(),
        "notes": {title: note_sections(note) for title, note in first.notes.items()},
        "data": data_label(first),
        "dataset": first.dataset,
        "stand_in_for": first.stand_in_for,
        "seeds": summary.seeds,
        "quick": first.quick,
        "took": format_duration(first.seconds),
        "finished": first.finished,
        "settings": first.settings,
        "changed": first.changed,
        "runs": _runs(summary),
        "histories": _histories(first),
        "tables": first.tables,
        "parity": [parity_row(pair) for pair in first.parity["pairs"]] if first.parity else [],
        "mismatched_pair": summary.mismatched_pair(),
        "figures": [_figure(summary.folder / f"{name}.svg") for name in first.figures],
        "environment": environment_text(first.environment),
    }


def _verdict(summary: Summary, compared: list) -> str:
    if summary.errors or summary.interrupted:
        return FAILED
    if compared:
        decided = [row for row in compared if not is_undecided(row)]
        return OUTSIDE if any(map(is_outside, decided)) else WITHIN if decided else UNDECIDED
    return HOLDS if summary.first.notes else NOT_COMPARED


def _not_compared(chapter: str, compared: list) -> list[dict[str, Any]]:
    """Return the published values of a chapter that no run of ours was compared with."""
    done = {(row["run"], row["metric"]) for row in compared}
    return [
        {**row, "run": run, "ours": None, "std": 0.0, "seeds": [], "within": None}
        for row in published_values()
        if row["chapter"] == chapter
        for run in labels(row["run"])
        if (run, row["metric"]) not in done
    ]


def _published(summary: Summary, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a published row with its verdict and the picture of its band."""
    return {
        **row,
        "chapter": summary.chapter,
        "num_seeds": len(summary.seeds),
        "verdict": row.get("verdict", {True: WITHIN, False: OUTSIDE, None: NOT_COMPARED}[row["within"]]),
        "picture": _picture(row),
    }


def _mistakes(chapters: list[str]) -> list[dict[str, Any]]:
    """Return a matrix for each chapter that has mistakes: a row for each, a column for each proof."""
    table = caught.committed()
    return [_matrix(chapter, table) for chapter in chapters if chapter in table.chapters]


def _matrix(chapter: str, table: caught.Table) -> dict[str, Any]:
    mistakes = [row for row in table.of(chapter) if row.mistake != caught.NO_MISTAKE]
    marks = [table.marks(row) for row in mistakes]
    proofs = list(dict.fromkeys(name for found in marks for name in found))
    counts = [sum(found.get(name) is True for found in marks) for name in proofs]
    return {
        "chapter": chapter,
        "proofs": proofs,
        "caught": sum(any(found.values()) for found in marks),
        "rows": [
            {"what": row.what, "marks": [MARKS[found[name]] if name in found else None for name in proofs]}
            for row, found in zip(mistakes, marks)
        ],
        "counts": [
            "cannot tell" if not count and name not in caught.PROOFS else count
            for name, count in zip(proofs, counts)
        ],
    }


def _picture(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the horizontal positions, in pixels, of all that the picture of a band shows."""
    ours = row["ours"] if row["ours"] is not None and math.isfinite(row["ours"]) else None
    reach = [] if ours is None else row.get("interval") or [ours - row["std"], ours + row["std"]]
    points = [row["low"], row["high"], row["value"], *reach]
    if "claim" in row:  # which may reach far: up to a difference of 1
        points[:2] = [max(row["low"], -2 * row["value"]), min(row["high"], 2 * row["value"])]
    left, width = min(points), (max(points) - min(points)) or 1.0

    def position(value):
        return round(BAND_MARGIN + (BAND_WIDTH - 2 * BAND_MARGIN) * (value - left) / width, 1)

    return {
        "low": position(points[0]),
        "high": position(points[1]),
        "value": position(row["value"]),
        "ours": None if ours is None else position(ours),
        "reach": [position(end) for end in reach],
    }


def _runs(summary: Summary) -> list[dict[str, str]]:
    """Return a row per run: mean and standard deviation of its metrics, and the time per epoch."""
    all_metrics, first = summary.metrics(), summary.first.labelled()
    names = list(dict.fromkeys(name for metrics in all_metrics.values() for name in metrics))
    time = "time per epoch" if len(summary.seeds) == 1 else f"time per epoch (seed {summary.seeds[0]})"
    return [
        {
            "run": label,
            **{in_words(name): _mean_and_std(metrics.get(name)) for name in names},
            time: _time_per_epoch(first[label].history if label in first else []),
        }
        for label, metrics in all_metrics.items()
    ]


def _mean_and_std(numbers: Spread | None) -> str:
    if numbers is None:
        return "-"
    mean = format_number(numbers["mean"], ".5g")
    return f"{mean} ± {format_number(numbers['std'], '.1g')}" if len(numbers["values"]) > 1 else mean


def _time_per_epoch(history: list[dict[str, Any]]) -> str:
    seconds = [row["seconds"] for row in history if row.get("seconds") is not None]
    return format_duration(statistics.median(seconds)) if seconds else "-"


def _histories(result: Result) -> dict[str, list[dict[str, Any]]]:
    """Return label -> rows of about twenty of the run's epochs."""
    tables = {}
    for label, run in result.labelled().items():
        shown = [row for i, row in enumerate(run.history, 1) if is_shown(i, len(run.history))]
        if shown:
            tables[label] = [_epoch_row(row) for row in shown]
    return tables


def _epoch_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        in_words(name): value if name == "epoch" else format_number(value, ".5g")
        for name, value in row.items()
    }


def _figure(path: Path) -> dict[str, Any]:
    """Return a figure's title, for the alternative text, and its file as a data URL, None if missing."""
    if not path.is_file():
        return {"name": path.stem, "title": in_words(path.stem), "source": None}
    content = path.read_bytes()
    title = re.search("<dc:title>(.*?)</dc:title>", content.decode(errors="replace"), flags=re.DOTALL)
    return {
        "name": path.stem,
        "title": html.unescape(title[1]) if title else in_words(path.stem),
        "source": "data:image/svg+xml;base64," + base64.b64encode(content).decode(),
    }
