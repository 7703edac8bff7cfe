"""Curves: losses and accuracies by epoch, and other lines over a common axis."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from ..history import History
from ..run import RunResult
from .labels import label_ends
from .style import (
    COLORS,
    MARKERS,
    counted,
    few_points,
    line_style,
    logarithmic,
    mark_chance,
    panels_of,
    styled,
    titled_figure,
)

PANELS = {"loss": "_loss", "accuracy": "_acc", "log rmse": "_log_rmse"}  # y label -> ending of its columns
IMPLS = {"scratch": "from scratch", "gluon": "with Gluon", "d2l": "d2l 1.0"}
MARKS = {"gluon": "o", "d2l": "+"}  # of a run that is drawn upon the one from scratch
PUBLISHED: dict[str, Any] = {"marker": "x", "ms": 7, "mew": 1.3}
BESIDE = 7  # points
LETTER = 0.07  # inches of a letter in the names at the ends of lines
WORDS = {
    "train": "training",
    "valid": "validation",
    "acc": "accuracy",
    "bleu": "BLEU",
    "mse": "mean squared error",
    "ones": "share of ones",
}
Curve = tuple[Sequence[float], Sequence[float]]  # x, y
Published = Mapping[str, Mapping[str, Sequence[float]]]  # label -> column -> published values


@styled
def training_curves(
    runs: Mapping[str, RunResult],
    title: str,
    log: bool = False,
    published: Published | None = None,
    beside: Callable[[Axes], None] | None = None,
) -> Figure:
    """Draw loss, accuracy and log rmse by epoch, one panel for each that the runs have.

    Training is drawn solid, anything else dashed. Where a variant was trained by several implementations,
    the first is a line and the others are marks, so that all are visible where they coincide. Colours tell
    variants apart, or if there is one only, training and test.

    Args:
        runs: label -> run.
        title: what the figure shows. `{test_acc:.1%}` stands for the last value of a column of the first run,
            whose implementation is named if others end elsewhere; without any epoch, it ends at its colon.
        log: whether losses have a logarithmic axis.
        published: label -> column -> published values of its last epoch.
        beside: draws one more panel, on the left.
    """
    drawn = {label: run for label, run in runs.items() if run.history}
    panels = _panels([run.history for run in drawn.values()])
    num_panels = len(panels) + (beside is not None)
    title = _with_last_values(title, list(drawn.values()))
    longest = max((len(_variant(label, run)) for label, run in drawn.items()), default=0)
    room = LETTER * max(0, longest - 10) * len(panels)
    figure = titled_figure(title, max(4.8, 4.2 * num_panels) + room, 3.3)
    axes = panels_of(figure, num_panels)
    if beside is not None:
        beside(axes.pop(0))
    for ax, (ylabel, columns) in zip(axes, panels.items()):
        lines = _draw_runs(ax, drawn, columns, published or {})
        ax.set(xlabel="epoch", ylabel=ylabel)
        if log and ylabel != "accuracy":
            logarithmic(ax)
        counted(ax.xaxis)
        label_ends(ax, [(line["name"], line["x"], line["y"], line["color"]) for line in _named(lines)])
    explain(figure, drawn, has_any(published, chain(*panels.values())))
    return figure


def _with_last_values(title: str, runs: Sequence[RunResult]) -> str:
    """Return a title with values of the first run, and whose they are if implementations differ in them."""
    if not runs:
        return title.partition(":")[0]
    first = title.format(**runs[0].history[-1])
    same_variant = [run for run in runs if run.variant == runs[0].variant]
    differ = any(title.format(**run.history[-1]) != first for run in same_variant)
    return f"{first}, {IMPLS.get(runs[0].impl, runs[0].impl)}" if differ else first


def _panels(histories: Sequence[History]) -> dict[str, list[str]]:
    """Return y label -> columns of each panel; a single empty panel if there is nothing to draw."""
    names = dict.fromkeys(name for history in histories for name in history[0])
    panels = {ylabel: [name for name in names if name.endswith(ending)] for ylabel, ending in PANELS.items()}
    return {ylabel: columns for ylabel, columns in panels.items() if columns} or {"no epoch was finished": []}


def _draw_runs(
    ax: Axes, runs: Mapping[str, RunResult], columns: Sequence[str], published: Published
) -> list[dict[str, Any]]:
    """Draw a line per run and column; return variant, part, implementation, x, y and colour of each."""
    variants = list(dict.fromkeys(_variant(label, run) for label, run in runs.items()))
    by_variant: dict[str, list[str]] = {}
    lines = []
    for label, run in runs.items():
        variant, history = _variant(label, run), run.history
        impls = by_variant.setdefault(variant, [])
        impls.append(run.impl)
        for i, column in enumerate(column for column in columns if column in history[0]):
            part = column.partition("_")[0]
            color = COLORS[(variants.index(variant) if len(variants) > 1 else i) % len(COLORS)]
            style: dict[str, Any] = {"ls": "-" if part == "train" else "--"}
            if len(impls) > 1:
                every = max(1, len(history) // 12)
                style = {"ls": "", "marker": MARKS.get(run.impl, "s"), "mfc": "white", "markevery": every}
                if few_points(history):  # the marks of the first run show inside
                    style.update(mfc="none", ms=8)
            else:
                style.update(few_points(history))
            x, y = history["epoch"], history[column]
            ax.plot(x, y, color=color, label=f"{label} {part}", **style)
            for value in published.get(label, {}).get(column, ()):
                ax.plot(x[-1], value, color=color, ls="", zorder=4, transform=beside_end(ax), **PUBLISHED)
            lines.append({"variant": variant, "part": part, "impl": run.impl, "x": x, "y": y, "color": color})
    return lines


def beside_end(ax: Axes) -> Transform:
    """Return where to draw what stands beside the end of a line, so that it hides neither that nor marks."""
    return ax.transData + ScaledTranslation(BESIDE / 72, 0, ax.figure.dpi_scale_trans)


def _variant(label: str, run: RunResult) -> str:
    """Return a label without its implementation."""
    return label[len(run.impl) :].strip() if label.startswith(run.impl) else label


def _named(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return lines with the names of their labels: one for implementations that end at the same value.

    A variant that was trained with another implementation than the first line's, and with no other, says so.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        groups.setdefault((line["variant"], line["part"]), []).append(line)
    values = [value for line in lines for value in line["y"] if math.isfinite(value)]
    close = 0.02 * (max(values) - min(values)) if values else 0
    named = []
    first = lines[0]["impl"] if lines else ""
    for (variant, part), group in groups.items():
        name = ", ".join(filter(None, (variant, WORDS.get(part, part))))
        apart = [line for line in group[1:] if not abs(line["y"][-1] - group[0]["y"][-1]) <= close]
        alone = [group[0], *apart] if len(apart) == len(group) - 1 else group if apart else group[:1]
        for line in alone:
            of_another = len(group) == 1 and line["impl"] != first
            suffix = f", {IMPLS.get(line['impl'], line['impl'])}" if len(alone) > 1 or of_another else ""
            named.append({**line, "name": name + suffix})
    return named


def has_any(published: Published | None, columns: Iterable[str]) -> bool:
    """Return whether there is a published value of any of the columns."""
    columns = set(columns)
    return any(columns & values.keys() for values in (published or {}).values())


def explain(figure: Figure, runs: Mapping[str, RunResult], published: bool) -> None:
    """Say below the panels what the marks are, if there are any."""
    by_variant: dict[str, list[str]] = {}
    for label, run in runs.items():
        by_variant.setdefault(_variant(label, run), []).append(run.impl)
    # an implementation that a variant was trained with alone is a line, too
    impls = list(dict.fromkeys(chain(*(impls for impls in by_variant.values() if len(impls) > 1))))
    colors = {line.get_color() for ax in figure.axes for line in ax.get_lines()}
    color = colors.pop() if len(colors) == 1 else "black"
    marks: dict[str, Any] = {"color": color, "ls": ""}
    handles = []
    if len(impls) > 1:
        handles = [Line2D([], [], color=color, label=IMPLS.get(impls[0], impls[0]))]
        handles += [
            Line2D([], [], **marks, marker=MARKS.get(impl, "s"), mfc="white", label=IMPLS.get(impl, impl))
            for impl in impls[1:]
        ]
    if published:
        handles.append(Line2D([], [], **marks, **PUBLISHED, label="published"))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


@styled
def fold_curves(histories: Mapping[str, History], title: str, each: str = "fold") -> Figure:
    """Draw the log rmse of several folds or repeats by epoch: each thin and grey, their mean in colour.

    Args:
        histories: name -> history with log rmse of training and validation.
        title: title of the figure.
        each: what there is a thin line of.
    """
    figure = titled_figure(title, 5.6, 3.6)
    (ax,) = panels_of(figure, 1)
    named = []
    columns = [name for name in next(iter(histories.values()))[0] if name.endswith("_log_rmse")]
    for color, ls, column in zip(COLORS, ("-", "--"), columns):
        for history in histories.values():
            thin = {"color": color, "ls": ls, "lw": 0.9, "alpha": 0.6, "ms": 2.5}
            ax.plot(history["epoch"], history[column], **thin, **few_points(history))
        mean = [statistics.fmean(values) for values in zip(*(h[column] for h in histories.values()))]
        epochs = next(iter(histories.values()))["epoch"][: len(mean)]
        name = f"{WORDS[column.partition('_')[0]]}: {mean[-1]:.4f}"
        ax.plot(epochs, mean, color=color, ls=ls, label=name, **few_points(mean))
        named.append((name, epochs, mean, color))
    means = f", mean of {len(histories)} {each}s; each {each} thin" if len(histories) > 1 else ""
    ax.set(xlabel="epoch", ylabel=f"log rmse{means}")
    logarithmic(ax)
    counted(ax.xaxis)
    label_ends(ax, named)
    return figure


@styled
def lines(
    curves: Mapping[str, Curve],
    xlabel: str,
    ylabel: str,
    title: str,
    logx: bool = False,
    logy: bool = False,
    backward: bool = False,
    chance: float | None = None,
    failed: Mapping[str, Sequence[float]] | None = None,
    points: Mapping[str, Curve] | None = None,
) -> Figure:
    """Draw lines, with their points and their names, in one pair of axes.

    Args:
        curves: name -> (x, y).
        xlabel: what x is.
        ylabel: what y is.
        title: title of the figure.
        logx: whether the x axis is logarithmic.
        logy: whether the y axis is logarithmic.
        backward: whether x falls from left to right, as the layers do on the way of a gradient, so that the
            names stand at the first points.
        chance: y that guessing gives, marked if any line comes near it.
        failed: name -> x at which a run diverged, for crosses at the lower edge.
        points: name of a line -> (x, y) of points that are drawn in its colour without being joined.
    """
    figure = titled_figure(title, 6.4, max(3.4, 0.9 + 0.2 * len(curves)))
    (ax,) = panels_of(figure, 1)
    named = []
    for i, (name, (x, y)) in enumerate(curves.items()):
        style = line_style(i)
        mark = MARKERS[i % len(MARKERS)]
        ax.plot(x, y, **style, marker=mark if len(x) <= 20 else None, ms=3.5, label=name)
        if points and name in points:
            ax.plot(*points[name], mark, color=style["color"], mfc="none", ms=5, mew=1)
        named.append((name, x, y, style["color"]))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if logx:
        logarithmic(ax, "x")
    if logy:
        logarithmic(ax)
    values = sorted({float(value) for x, _ in curves.values() for value in x})
    if all(value.is_integer() for value in values):
        if logx and len(values) <= 10:
            # Few numbers, such as 1, 5, 20, are more telling than powers of ten.
            ax.set_xticks(values, [f"{value:g}" for value in values])
            ax.xaxis.set_minor_locator(NullLocator())
        elif not logx:
            counted(ax.xaxis)
    if backward:
        ax.xaxis.set_inverted(True)
    mark_chance(ax, chance, chain(*(y for _, y in curves.values())))
    label_ends(ax, named, first=backward)
    diverged = [(x, color) for name, _, _, color in named for x in (failed or {}).get(name, ())]
    for i, (place_x, color) in enumerate(diverged):
        place: dict[str, Any] = {"xy": (place_x, 0.05 + 0.07 * i), "xycoords": ax.get_xaxis_transform()}
        ax.plot(*place["xy"], "x", color=color, ms=7, mew=2, transform=place["xycoords"], clip_on=False)
        ax.annotate("diverged", **place, xytext=(-7, 0), textcoords="offset points", ha="right", va="center")
    return figure
