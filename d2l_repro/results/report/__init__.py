"""The report: results as one HTML page that needs no other file, no network and no script to be read."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import stat
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
from ..bands import BAND_END
from ..catalogue import Entry, entries
from ..claims import HOLDS, Claim
from ..formatting import (
    band_text,
    environment_text,
    format_duration,
    format_number,
    in_words,
    note_sections,
    parity_row,
    published_text,
    spread_text,
    verdict_text,
)
from ..history import is_shown
from ..printed import not_compared
from ..result import Result
from ..schema import printable
from ..summary import Collection, Spread, Summary, data_label
from ..verdicts import Verdict, common_shift, expected_false_alarms, tally

FILE_NAME = "report.html"
FAILED, NOT_COMPARED = "failed", "not compared"
VERDICTS = (*(verdict.value for verdict in Verdict), FAILED, HOLDS, NOT_COMPARED)
# What a chapter shows of its numbers' verdicts: the first of these that any of them has.
WORST_FIRST = (
    Verdict.UNEXPLAINED,
    Verdict.NOT_VERIFIED,
    Verdict.EXPLAINED,
    Verdict.UNDECIDED,
    Verdict.AGREES,
    Verdict.NO_BAND,
)
# Words beside the signs, so that nothing depends on colour or on a font that has them.
MARKS = {
    True: ("caught", "✓ caught"),
    False: ("missed", "✗ missed"),
    None: ("missed", "? cannot say"),
}
BAND_WIDTH, BAND_MARGIN = 120, 8  # pixels of the picture of a band
PICTURE_END = 6.0  # standard normal deviates
MAX_FIGURE, MAX_TITLE = 2**24, 500  # bytes
SVG_HEAD = 4096  # bytes in which an SVG image names itself
TITLE_START, TITLE_END = b"<dc:title>", b"</dc:title>"
MAX_COLUMNS = 60  # of a table; the widest of ours has 20


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
    numbers = [row for summary in collection.summaries if summary.published() for row in summary.numbers()]
    judged = [row for row in rows if row["within"] is not None]
    style, script = (
        resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js")
    )
    return _template().render(
        chapters=chapters,
        rows=rows,
        mistakes=_mistakes([summary.chapter for summary in collection.summaries]),
        not_compared=not_compared() if rows else [],
        problems=collection.problems,
        version=__version__,
        numbers=numbers,
        tally=tally(row["verdict"] for row in numbers),
        chance=expected_false_alarms(numbers),
        judged=judged,
        within=sum(row["within"] for row in judged),
        verdicts=VERDICTS,
        finished=max((chapter["finished"] for chapter in chapters), default=""),
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
        max_columns=MAX_COLUMNS,
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
        inline_markup=inline_markup,
        format_number=format_number,
        published_text=published_text,
        band_text=band_text,
        spread_text=spread_text,
        verdict_text=verdict_text,
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
    rows = [*compared, *(_not_run(row) for row in summary.numbers() if row["verdict"] == Verdict.NOT_RUN)]
    return {
        "name": summary.chapter,
        "entry": entries().get(summary.chapter, Entry(summary.chapter, summary.chapter)),
        "verdict": _verdict(summary, compared),
        "errors": summary.errors,
        "published": [_published(summary, row) for row in rows],
        "interrupted": summary.interrupted,
        "diverged": first.diverged,
        "remark": first.remark(),
        "shift": common_shift(compared),
        "notes": {title: note_sections(note) for title, note in first.notes.items()},
        "data": data_label(first),
        "dataset": first.dataset,
        "stand_in_for": first.stand_in_for,
        "seeds": summary.seeds,
        "quick": first.quick,
        "stream": first.stream,
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
        verdicts = [row["verdict"] for row in compared]
        return next((str(worst) for worst in WORST_FIRST if worst in verdicts), NOT_COMPARED)
    return HOLDS if summary.first.notes else NOT_COMPARED


def _not_run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a published number that no run of ours was compared with."""
    return {**row, "low": None, "high": None, "std": 0.0, "seeds": [], "z": None, "z_ours": None}


def _published(summary: Summary, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a published row with the picture of its band."""
    return {
        **row,
        "chapter": summary.chapter,
        "num_seeds": len(summary.seeds),
        "picture": _picture_of_claim(row) if row.get("interval") else _picture(row),
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


def _picture(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the horizontal positions, in pixels, of the band of our seeds and what lies in it."""
    if row["z"] is None and row["z_ours"] is None:
        return None

    def position(z):
        shown = None if z is None else max(-PICTURE_END, min(PICTURE_END, z))
        return None if shown is None else _pixels(shown, -PICTURE_END, PICTURE_END)

    return {
        "low": position(-BAND_END),
        "high": position(BAND_END),
        "value": position(row["z"]),
        "ours": position(row["z_ours"]),
        "reach": [],
    }


def _picture_of_claim(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the positions of what a conclusion claims, and of the interval for the difference."""
    (low, high), reach = Claim(row["claim"]).limits, row["interval"]
    value = row["value"] or max(map(abs, reach))
    # the claim may reach far, up to a difference of 1
    points = [max(low, -2 * value), min(high, 2 * value), value, *reach]
    ends = min(points), max(points)
    return {
        "low": _pixels(points[0], *ends),
        "high": _pixels(points[1], *ends),
        "value": None if row["value"] is None else _pixels(value, *ends),
        "ours": None,
        "reach": [_pixels(end, *ends) for end in reach],
    }


def _pixels(value: float, left: float, right: float) -> float:
    return round(BAND_MARGIN + (BAND_WIDTH - 2 * BAND_MARGIN) * (value - left) / ((right - left) or 1.0), 1)


def _runs(summary: Summary) -> list[dict[str, str]]:
    """Return a row per run: mean and standard deviation of its metrics, and the time per epoch."""
    all_metrics, first = summary.metrics(), summary.first.labelled()
    names = list(dict.fromkeys(name for metrics in all_metrics.values() for name in metrics))[:MAX_COLUMNS]
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
    """Return a figure's title, for the alternative text, and its file as a data URL, None if there is none.

    Returns:
        name, title, source, and `problem`: in the last two one is None.
    """
    figure = {"name": path.stem, "title": in_words(path.stem), "source": None, "problem": None}
    try:
        content = _read_svg(path)
    except OSError:
        return {**figure, "problem": "is missing from the folder of the result: run the chapter again"}
    except ValueError as error:
        return {**figure, "problem": f"is not shown: {error}"}
    start, end = content.find(TITLE_START), content.find(TITLE_END)
    if 0 <= start < end:
        title = content[start + len(TITLE_START) : end][:MAX_TITLE].decode(errors="replace")
        figure["title"] = printable(html.unescape(title))
    return {**figure, "source": "data:image/svg+xml;base64," + base64.b64encode(content).decode()}


def _read_svg(path: Path) -> bytes:
    """Return the content of a figure's file.

    Raises:
        OSError: there is no such file.
        ValueError: it is a link, which may lead to any file, no SVG image, or too large for a page.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a link or no file")
    if status.st_size > MAX_FIGURE:
        raise ValueError(f"it has more than {MAX_FIGURE:,} bytes")
    with path.open("rb") as file:
        content = file.read(MAX_FIGURE)
    if b"<svg" not in content[:SVG_HEAD]:
        raise ValueError("it is no SVG image")
    return content
