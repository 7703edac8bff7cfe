"""Draw what a full run reproduces, chapter by chapter: the picture that the READMEs begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...columns import balanced, wrapped
from ...language import listed, tr
from ..formatting import in_words
from ..published import numbers_of
from ..table_text import head_text
from ..verdicts import Verdict
from .intervals import AXIS_END, BAND, BAND_END, on_axis
from .style import COLORS, SMALL, readable, styled

Chapters = Mapping[str, Mapping[str, Any]]
Places = Mapping[str, float]  # of each chapter on the y axis

DIFFER = (Verdict.EXPLAINED, Verdict.NOT_VERIFIED, Verdict.UNEXPLAINED)
LIMIT = 1e-6  # largest difference that `same_path` accepts
# Ends of the axis of differences: where those of 0 are, and arrows for those beyond it
LOWEST, HIGHEST = 1e-18, 1e-5
GREY, BROWN = "#555555", "#8a3a00"
GROUPS = (  # of published values: marker, style, verdicts
    ("|", {"color": COLORS[2], "ms": 10, "mew": 1.5}, (Verdict.AGREES,)),
    ("^", {"color": COLORS[1], "ms": 6}, (Verdict.EXPLAINED, Verdict.NOT_VERIFIED)),
    ("x", {"color": COLORS[4], "ms": 6, "mew": 1.5}, (Verdict.UNEXPLAINED,)),
)


@styled
def overview(chapters: Chapters, numbers: Sequence[Mapping[str, Any]], narrow: bool = False) -> Figure:
    """Draw values among those of our seeds, and how far the two paths are apart, a line for each chapter.

    All words are in the reader's language.

    Args:
        chapters: the committed values, name -> its "published" rows and its "parity".
        numbers: every published number once, with its verdict.
        narrow: whether the two panels stand above each other, for phones.
    """
    chapters = {name: c for name, c in chapters.items() if c["published"] or c["parity"] is not None}
    width = 34 if narrow else 60
    outliers = {
        name: _outliers(numbers_of(name, c["published"]), c["published"], width)
        for name, c in chapters.items()
    }
    places, height = {}, 0.0
    for name in chapters:
        places[name] = height
        height += 1 + 0.7 * len(outliers[name])
    inches = 0.22 * height
    size = (3.7, inches + 0.22 * len(chapters) + 2.2) if narrow else (8.65, inches + 1.3)
    figure = Figure(figsize=size, label=tr("Published values and ours, by chapter"))
    shape: dict[str, Any] = (
        {"nrows": 2, "height_ratios": (height, len(chapters))}
        if narrow
        else {"ncols": 2, "width_ratios": (1.5, 1), "sharey": True}
    )
    left, right = figure.subplots(**shape)
    beside = {name: float(i) for i, name in enumerate(chapters)} if narrow else places
    for ax, rows in ((left, places), (right, beside)):
        ax.set_yticks(list(rows.values()), rows)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim((len(chapters) if rows is beside and narrow else height) - 0.4, -0.7)
    if not narrow:
        right.tick_params(axis="y", labelleft=False)
    columns = 24 if narrow else 60
    _draw_values(left, chapters, places, outliers)
    agree, differ = _counts(numbers)
    left.set_title(
        balanced(tr("{agree} of {count} published numbers agree", agree=agree, count=agree + differ), columns)
    )
    left.set_xlabel(wrapped(tr("standard deviations from the mean of our seeds"), columns))
    _draw_differences(right, chapters, beside)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=1 if narrow else 3)
    return figure


def _counts(numbers: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many numbers agree, and how many differ."""
    verdicts = [row["verdict"] for row in numbers]
    return verdicts.count(Verdict.AGREES), sum(verdict in DIFFER for verdict in verdicts)


def _outliers(
    numbers: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], width: int
) -> list[str]:
    """Return lines that name the published numbers of a chapter that differ.

    Args:
        numbers: of the chapter, as they are counted: each once, beside the run from scratch if there is one.
        rows: the same beside each run. What differs only there is marked as Gluon's.
        width: characters of a line.
    """
    counted, others = _differing(numbers), _differing(rows)
    found = {run: listed(metrics) for run, metrics in counted.items()}
    for run, metrics in others.items():
        beyond = [metric for metric in metrics if metric not in counted.get(run, [])]
        if beyond:
            found[tr("{run} ({impl})", run=run, impl="Gluon") if run else "Gluon"] = listed(beyond)
    named = tr("; ").join(
        tr("{what}: {metric}", what=run, metric=metrics) if run else metrics for run, metrics in found.items()
    )
    return wrapped(tr("differ: {names}", names=named), width).split("\n") if found else []


def _differing(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the metrics that differ by run, each once for both implementations."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] in DIFFER:
            impl, _, variant = row["run"].partition(" ")
            metrics = found.setdefault(variant if impl in ("scratch", "gluon") else row["run"], [])
            metric = head_text(in_words(row["metric"]))
            if metric not in metrics:
                metrics.append(metric)
    return found


def _draw_values(ax: Axes, chapters: Chapters, places: Places, outliers: Mapping[str, list[str]]) -> None:
    """Draw every published value, and ours, among the runs of our seeds; name what differs."""
    ax.axvspan(-BAND_END, BAND_END, color=COLORS[5], alpha=0.25, lw=0, label=tr(BAND))
    rows = [
        (places[name], row)
        for name, chapter in chapters.items()
        for row in chapter["published"]
        if row["z"] is not None
    ]
    for marker, style, verdicts in GROUPS:
        points = [(on_axis(row["z"]), y) for y, row in rows if row["verdict"] in verdicts]
        if points:
            label = tr("published, {verdict}", verdict=tr(verdicts[0].value))
            ax.plot(*zip(*points), marker, **style, label=label)
    ours = [(on_axis(row["z_ours"]), y) for y, row in rows if row["z_ours"] is not None]
    ax.plot(*zip(*ours), "o", color=COLORS[0], ms=3.5, alpha=0.7, mew=0, label=tr("ours, seed 0"))
    for name, lines in outliers.items():
        text = "\n".join(lines)
        ax.text(-AXIS_END, places[name] + 0.55, text, va="top", color=BROWN, fontsize=SMALL)
    beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center"}
    for name, chapter in chapters.items():
        numbers = numbers_of(name, chapter["published"])
        agree, differ = _counts(numbers)
        text = tr("{agree} of {count}", agree=agree, count=agree + differ)
        text = text if agree + differ else tr(Verdict.NO_BAND.value) if numbers else "-"
        ax.annotate(text, (1.02, places[name]), **beside)
        if agree + differ and not any(row["z"] is not None for row in chapter["published"]):
            note = {"va": "center", "fontsize": SMALL, "color": GREY}
            ax.text(-AXIS_END, places[name], tr("conclusions only"), **note)
    ax.annotate(tr("agree"), (1.02, 1.01), xycoords="axes fraction", va="bottom")
    ax.set_xlim(-AXIS_END - 0.5, AXIS_END + 0.5)
    ax.grid(visible=False)


def _draw_differences(ax: Axes, chapters: Chapters, places: Places) -> None:
    """Draw the largest difference between the parameters of two implementations, on a logarithmic axis."""
    for name, chapter in chapters.items():
        parity, y = chapter["parity"], places[name]
        if parity is None:
            note = {"textcoords": "offset points", "va": "center", "fontsize": SMALL, "color": GREY}
            ax.annotate(tr("not compared"), (LOWEST, y), (3, 0), **note)
        else:
            shown = min(max(parity, LOWEST), HIGHEST)
            ax.plot([LOWEST, shown], [y, y], color=COLORS[2], lw=1)
            ax.plot(shown, y, ">" if parity > HIGHEST else "o", color=COLORS[2], ms=5, clip_on=False)
    ax.axvline(LIMIT, color=COLORS[4], lw=1.2)
    beside: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "center"}
    ax.annotate(tr("limit"), (LIMIT, 0), (-6, 0), color=readable(COLORS[4]), **beside)
    ax.set(xscale="log", xlim=(LOWEST, HIGHEST), xlabel=tr("largest difference of a parameter"))
    ax.set_xticks([LOWEST, 1e-14, 1e-10, 1e-6], ["0", "$10^{-14}$", "$10^{-10}$", "$10^{-6}$"])
    ax.minorticks_off()
    apart = [chapter["parity"] for chapter in chapters.values() if chapter["parity"] is not None]
    same = max(apart) < LIMIT
    ax.set(title=tr("Scratch and Gluon: the same steps") if same else tr("Scratch and Gluon part"))
