"""Results -> one HTML page that needs nothing else: no other file, no network, no script to be read."""

import base64
import functools
import hashlib
import html
import math
import re
import statistics
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ... import __version__
from ...files import write_atomically
from ..catalogue import Entry, entries
from ..history import is_shown
from ..published import labels, published_values
from ..result import cells, duration, parity_row, shown
from ..summary import data_shown

FILE_NAME = "report.html"
# a chapter's verdicts
WITHIN, OUTSIDE, FAILED, HOLDS, NOT_COMPARED = "within", "outside", "failed", "holds", "not compared"
BAR = 120  # width of the picture of a band


def write(collection, path):
    """Write the page of a `summary.Collection` to `path`, and return the path.

    Raises:
        InputError: it cannot be written.
    """
    write_atomically(path, page(collection))
    return path


def page(collection):
    """The page as text."""
    chapters = [_chapter(summary) for summary in collection.summaries]
    rows = [row for chapter in chapters for row in chapter["published"]]
    style, script = (
        resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js")
    )
    return _template().render(
        chapters=chapters,
        rows=rows,
        problems=collection.problems,
        version=__version__,
        compared=[row for row in rows if row["verdict"] != NOT_COMPARED],
        verdicts=(WITHIN, OUTSIDE, FAILED, HOLDS, NOT_COMPARED),
        finished=max((chapter["finished"] for chapter in chapters), default=""),
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
    )


@functools.lru_cache  # compiling takes ten times as long as rendering
def _template():
    """The compiled template of the page."""
    environment = Environment(
        loader=PackageLoader(__name__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(marked=marked, shown=shown)
    return environment.get_template("page.html.jinja")


def marked(text):
    """`*emphasis*` and `` `code` `` of a docstring as HTML, everything else escaped."""

    def element(match):
        return f"<code>{match[1]}</code>" if match[1] else f"<em>{match[2]}</em>"

    return Markup(re.sub(r"`([^`]+)`|\*(\w[^*]*)\*", element, str(escape(text))))


def _hash(text):
    """What the page's Content-Security-Policy allows a style or a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _chapter(summary):
    """What the template shows of a chapter."""
    first, errors = summary.first, summary.errors
    entry = entries().get(summary.chapter, Entry(summary.chapter, summary.chapter, "", (), ()))
    compared = summary.published()
    if errors or summary.interrupted:
        verdict = FAILED
    elif compared:
        verdict = WITHIN if all(row["within"] for row in compared) else OUTSIDE
    else:
        verdict = HOLDS if first.notes else NOT_COMPARED
    return {
        "name": summary.chapter,
        "entry": entry,
        "verdict": verdict,
        "errors": errors,
        "published": [
            _published(summary, row) for row in compared + _not_compared(summary.chapter, compared)
        ],
        "interrupted": summary.interrupted,
        "diverged": _diverged(summary),
        "remark": first.remark(),
        "notes": {title: cells(note) for title, note in first.notes.items()},
        "data": data_shown(first),
        "dataset": first.dataset,
        "stand_in_for": first.stand_in_for,
        "seeds": summary.seeds,
        "quick": first.quick,
        "took": duration(first.seconds),
        "finished": first.finished,
        "settings": first.settings,
        "changed": first.changed,
        "runs": _runs(summary),
        "histories": _histories(first),
        "tables": first.tables,
        "parity": [parity_row(pair) for pair in first.parity["pairs"]] if first.parity else [],
        "parted": summary.parted(),
        "figures": [_figure(summary.folder / f"{name}.svg") for name in first.figures],
        "environment": first.environment,
    }


def _not_compared(chapter, compared):
    """The published values of a chapter beside which nothing of ours stands, of either implementation."""
    done = {(row["run"], row["metric"]) for row in compared}
    return [
        {**row, "run": run, "ours": None, "std": 0.0, "seeds": [], "within": None}
        for row in published_values()
        if row["chapter"] == chapter
        for run in labels(row["run"])
        if (run, row["metric"]) not in done
    ]


def _published(summary, row):
    """A published row with its verdict and the picture of its band: places in pixels of the ends and the
    values."""
    ours = row["ours"] if row["ours"] is not None and math.isfinite(row["ours"]) else None
    reach = [] if ours is None else [ours - row["std"], ours + row["std"]]
    points = [row[name] for name in ("low", "high", "value")] + reach
    low, width = min(points), (max(points) - min(points)) or 1.0

    def at(value):
        return round(8 + (BAR - 16) * (value - low) / width, 1)

    picture = {
        **{name: at(row[name]) for name in ("low", "high", "value")},
        "ours": None if ours is None else at(ours),
        "reach": [at(end) for end in reach],
    }
    verdict = {True: WITHIN, False: OUTSIDE, None: NOT_COMPARED}[row["within"]]
    return {
        **row,
        "chapter": summary.chapter,
        "of": len(summary.seeds),
        "verdict": verdict,
        "picture": picture,
    }


def _runs(summary):
    """A row a run: its metrics (mean and deviation over the seeds) and the time an epoch."""
    metrics = summary.metrics()
    names = list(dict.fromkeys(name for made in metrics.values() for name in made))
    rows = []
    for label, made in metrics.items():
        row = {"run": label, **{name.replace("_", " "): _over_seeds(made.get(name)) for name in names}}
        history = summary.first.runs.get(label, {}).get("history", ())
        seconds = [epoch["seconds"] for epoch in history if epoch.get("seconds") is not None]
        name = "time an epoch" if len(summary.seeds) == 1 else f"time an epoch (seed {summary.seeds[0]})"
        row[name] = duration(statistics.median(seconds)) if seconds else "-"
        rows.append(row)
    return rows


def _over_seeds(over):
    if over is None:
        return "-"
    mean = shown(over["mean"], ".5g")
    return f"{mean} ± {shown(over['std'], '.1g')}" if len(over["values"]) > 1 else mean


def _diverged(summary):
    """Label -> how, of the runs that are there to diverge."""
    return {label: run["diverged"] for label, run in summary.first.runs.items() if run.get("diverged")}


def _histories(result):
    """Label -> header and rows of its epochs, about twenty of them."""
    tables = {}
    for label, run in result.runs.items():
        history = run["history"]
        rows = [row for i, row in enumerate(history, 1) if is_shown(i, len(history))]
        if rows:
            tables[label] = [
                {
                    name.replace("_", " "): value if name == "epoch" else shown(value, ".5g")
                    for name, value in row.items()
                }
                for row in rows
            ]
    return tables


def _figure(path):
    """A figure's file as a data address (None where it is lost), and its title as the text that stands for
    it."""
    if not path.is_file():
        return {"name": path.stem, "title": path.stem.replace("_", " "), "source": None}
    content = path.read_bytes()
    title = re.search("<dc:title>(.*?)</dc:title>", content.decode(errors="replace"), flags=re.DOTALL)
    return {
        "name": path.stem,
        "title": html.unescape(title[1]) if title else path.stem.replace("_", " "),
        "source": "data:image/svg+xml;base64," + base64.b64encode(content).decode(),
    }
