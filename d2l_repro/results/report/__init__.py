"""The report: results as one HTML page that needs no other file, no network and no script to be read.

`sections` says what is shown of each result, the templates how, and `words` has every word of the page. A
second page, the handout, fits on one sheet of paper.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ... import __version__
from ...files import write_atomically
from ...language import language, tr
from .. import caught
from ..bands import BAND_END
from ..claims import HOLDS, Claim
from ..formatting import (
    band_text,
    format_number,
    in_words,
    metric_name,
    published_text,
    spread_text,
    verdict_text,
)
from ..printed import not_compared
from ..summary import Collection, Summary
from ..table_text import head_text
from ..verdicts import Verdict, expected_false_alarms
from .outcome import tally_of
from .section import FAILED, NOT_COMPARED, STAND_IN, Section, badge, with_links
from .sections import sections
from .tables import Stylesheet, Table
from .words import inline_markup, words

FILE_NAME = "report.html"
HANDOUT = "-handout"  # what is added to the name of the page for the one to print
VERDICTS = (*(verdict.value for verdict in Verdict), FAILED, STAND_IN, HOLDS, NOT_COMPARED)
# Words beside the signs, so that nothing depends on colour or on a font that has them.
MARKS = {
    True: ("caught", "mark_caught"),
    False: ("missed", "mark_missed"),
    None: ("missed", "mark_unknown"),
}
BAND_WIDTH, BAND_MARGIN = 120, 8  # pixels of the picture of a band
PICTURE_END = 6.0  # standard normal deviates


def write(collection: Collection, path: str | Path) -> str | Path:
    """Write the page of a collection to `path`, its handout beside it, and return the path.

    Raises:
        InputError: a file cannot be written.
    """
    shown = sections(collection)
    write_atomically(path, _page(collection, shown))
    write_atomically(handout_path(path), _handout(collection, shown))
    return path


def handout_path(path: str | Path) -> Path:
    """Return where the handout of a page is written: report-handout.html beside report.html."""
    path = Path(path)
    return path.with_name(f"{path.stem}{HANDOUT}{path.suffix}")


def page(collection: Collection) -> str:
    """Return the page of a collection as HTML."""
    return _page(collection, sections(collection))


def handout(collection: Collection) -> str:
    """Return one page to print, with a line for each chapter."""
    return _handout(collection, sections(collection))


def _page(collection: Collection, shown: list[Section]) -> str:
    sheet = Stylesheet()
    numbers = [row for summary in collection.summaries if summary.published() for row in summary.numbers()]
    rows = [row for summary in collection.summaries for row in _published(summary)]
    judged = [row for row in rows if row["within"] is not None]
    body = _render(
        "body.html.jinja",
        sections=shown,
        classes=sheet.classes,
        rows=rows,
        mistakes=_mistakes([summary.chapter for summary in collection.summaries]),
        not_compared=Table.of(words.plain("not_compared_read"), not_compared()) if rows else None,
        problems=collection.problems,
        numbers=numbers,
        tally=tally_of(numbers),
        chance=f"{expected_false_alarms(numbers):.1f}",
        judged=judged,
        within=sum(row["within"] for row in judged),
        verdicts=VERDICTS,
        **_everywhere(shown),
    )
    script = _read("script.js")
    return _document(words.plain("title"), body, _style("style.css") + sheet.text(), script)


def _handout(collection: Collection, shown: list[Section]) -> str:
    body = _render(
        "handout.html.jinja",
        lines=[_line(section, summary) for section, summary in _with_summaries(shown, collection)],
        **_everywhere(shown),
    )
    return _document(words.plain("handout_title"), body, _style("handout.css"), "")


def _everywhere(shown: list[Section]) -> dict[str, Any]:
    """Return what both pages show."""
    return {
        "stand_ins": [section.stand_in for section in shown if section.stand_in],
        "finished": max((section.finished for section in shown), default=""),
        "version": __version__,
    }


def _with_summaries(shown: list[Section], collection: Collection) -> list[tuple[Section, Summary | None]]:
    summaries = {summary.chapter: summary for summary in collection.summaries}
    kfolds = {item.folder.name for item in collection.kfolds}
    return [(section, None if section.name in kfolds else summaries.get(section.name)) for section in shown]


def _line(section: Section, summary: Summary | None) -> dict[str, Any]:
    """Return the line of a section in the handout."""
    line = {"section": section, "path": "-", "agree": "-", "statements": "", **section.headline}
    if summary is None:
        return line
    numbers = summary.numbers() if summary.published() else []
    if numbers:
        agree = tally_of(numbers).get(Verdict.AGREES.value, 0)
        line["agree"] = words.plain("handout_of", agree=agree, count=len(numbers))
    if summary.mismatched_pair():
        line["path"] = words.plain("handout_no")
    elif summary.first.parity:
        line["path"] = format_number(summary.first.parity["max_abs_diff"], ".1g")
    if summary.first.notes:
        line["statements"] = summary.first.statements()
    return line


def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _style(name: str) -> str:
    """Return the style of a page, with what its language needs besides."""
    return _read(name) + ("" if language() == "en" else _read("chinese.css"))


def _document(title: str, body: str, style: str, script: str) -> str:
    """Return a page that may run its own style and script, and load nothing."""
    return _render(
        "page.html.jinja",
        title=title,
        body=Markup(body),
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
    )


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(words=words, text=words.plain, badge=badge)
    environment.filters.update(
        format_number=format_number,
        published_text=published_text,
        band_text=band_text,
        spread_text=spread_text,
        verdict_text=verdict_text,
        in_words=in_words,
        metric_name=metric_name,
        head_text=head_text,
        tr=tr,
        inline_markup=inline_markup,
        with_links=with_links,
    )
    return environment


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


def _hash(text: str) -> str:
    """Return the hash by which the page's Content-Security-Policy allows a style or a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _published(summary: Summary) -> list[dict[str, Any]]:
    """Return the chapter's published values with the pictures of their bands, those not run last."""
    rows = [
        *summary.published(),
        *(_not_run(row) for row in summary.numbers() if row["verdict"] == Verdict.NOT_RUN),
    ]
    return [
        {
            **row,
            "chapter": summary.chapter,
            "num_seeds": len(summary.seeds),
            "picture": _picture_of_claim(row) if row.get("interval") else _picture(row),
        }
        for row in rows
    ]


def _not_run(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a published number that no run of ours was compared with."""
    return {**row, "low": None, "high": None, "std": 0.0, "seeds": [], "z": None, "z_ours": None}


def _mistakes(chapters: list[str]) -> list[dict[str, Any]]:
    """Return a matrix for each chapter that has mistakes: a row for each, a column for each proof."""
    table = caught.committed()
    return [_matrix(chapter, table) for chapter in chapters if chapter in table.chapters]


def _matrix(chapter: str, table: caught.Table) -> dict[str, Any]:
    mistakes = [row for row in table.of(chapter) if row.mistake != caught.NO_MISTAKE]
    marks = [table.marks(row) for row in mistakes]
    proofs = list(dict.fromkeys(name for found in marks for name in found))
    counts = [sum(found.get(name) is True for found in marks) for name in proofs]
    rows = [
        [tr(row.what), *(_mark(found[name]) if name in found else "" for name in proofs)]
        for row, found in zip(mistakes, marks)
    ]
    shown_counts = [
        words.plain("cannot_tell") if not count and name not in caught.PROOFS else count
        for name, count in zip(proofs, counts)
    ]
    caught_by_any = sum(any(found.values()) for found in marks)
    caption = words.plain("mistakes_of", chapter=chapter, caught=caught_by_any, count=len(rows))
    head = [words.plain("mistakes_net"), *map(_proof_text, proofs)]
    return {"table": Table(caption, head, rows), "counts": [words.plain("mistakes_caught"), *shown_counts]}


def _proof_text(name: str) -> str:
    """Return the name of a proof: one of `caught.PROOFS`, or the run and the metric of a published value."""
    if name in caught.PROOFS:
        return tr(name)
    run, _, metric = name.rpartition(" ")
    return f"{in_words(run)} {head_text(in_words(metric))}"


def _mark(caught_it: bool | None) -> Markup:
    name, key = MARKS[caught_it]
    return Markup('<span class="mark {}">{}</span>').format(name, words.plain(key))


def _picture(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the horizontal positions, in pixels, of the band of our seeds and what lies in it."""
    if row["z"] is None and row["z_ours"] is None:
        return None

    def position(z: float | None) -> float | None:
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
