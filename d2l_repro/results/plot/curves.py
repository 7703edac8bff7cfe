"""Curves: losses and accuracies by epoch, and other lines over a common axis."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from ..history import History
from ..run import RunResult
from .labels import label_ends
from .style import (
    COLORS,
    FEW_POINTS,
    MARKERS,
    ROUND,
    best_columns,
    counted,
    few_points,
    line_style,
    logarithmic,
    mark_chance,
    panels_of,
    styled,
    titled_figure,
    widen,
    wrapped_title,
)

PANELS = {"loss": "_loss", "accuracy": "_acc", "log rmse": "_log_rmse"}  # y label -> ending of its columns
ERRORS = ("loss", "mse", "perplexity")  # endings of columns of which small values are good
LEAD = 0.01  # in accuracy, or as a share of the error, by which a run that ends best is ahead of all others
SPREAD = 0.2  # of the distance between the best and the worst error: the same
FEW = 4  # lines that can be told apart in one panel
FEWEST = 3  # points that make a curve
IMPLS = {"scratch": "from scratch", "gluon": "with Gluon", "d2l": "d2l 1.0"}
MARKS = {"gluon": "o", "d2l": "+"}  # of a run that is drawn upon the one from scratch
PUBLISHED: dict[str, Any] = {"marker": "x", "ms": 7, "mew": 1.3}
BESIDE = 7  # points
RANKED_WIDTH = 8.3  # inches of a figure of many runs
PER_ROW = 4  # panels of single runs, or one more or less
SIDE_BY_SIDE = 2  # panels of lines; more could not be read on a page that makes them as wide as it is
ALONE = 4.2  # inches of panels above each other
LEAST_SPAN = 0.02  # of an axis of accuracies, so that small differences look small
TICK = 0.5  # inches of a panel that a number below it may take
LETTER = 0.07  # inches of a letter in the names at the ends of lines
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
    _explain(figure, drawn, _has_any(published, chain(*panels.values())))
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
                ax.plot(x[-1], value, color=color, ls="", zorder=4, transform=_beside(ax), **PUBLISHED)
            lines.append({"variant": variant, "part": part, "impl": run.impl, "x": x, "y": y, "color": color})
    return lines


def _beside(ax: Axes) -> Transform:
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


def _has_any(published: Published | None, columns: Iterable[str]) -> bool:
    """Return whether there is a published value of any of the columns."""
    columns = set(columns)
    return any(columns & values.keys() for values in (published or {}).values())


def _explain(figure: Figure, runs: Mapping[str, RunResult], published: bool) -> None:
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
def comparison(
    runs: Mapping[str, RunResult],
    title: str,
    columns: Sequence[str] = ("train_loss", "train_acc", "test_acc"),
    xlabel: str = "epoch",
    published: Published | None = None,
    seeds: Mapping[str, Sequence[RunResult]] | None = None,
    chance: float | None = None,
    every: int = 1,
    winner: bool = True,
    has_curves: bool = True,
    accent: Collection[str] = (),
    side_by_side: int = SIDE_BY_SIDE,
) -> Figure:
    """Draw the runs of one comparison by the columns of their histories; the title names a clear winner.

    A few runs are lines in a panel for each column, two panels side by side. More of them, and those of one
    or two rows, are ranked by the last column: a dot for each run's last value in each column, and below,
    unless the histories are very short, a small panel for each run with its last column in front of those of
    all others.

    Args:
        runs: name -> run.
        title: beginning of the figure's title.
        columns: names as in the history.
        xlabel: what the x axis counts.
        published: name -> column -> published values of its last row.
        seeds: name -> the run and those of other seeds, for dots; by default the run alone.
        chance: accuracy of guessing, marked where a run comes near it.
        every: what the x axis counts between two rows of a history, such as steps.
        winner: whether the title ends with the run that is clearly best, or is complete as it is.
        has_curves: whether ranked runs have their curves below.
        accent: names of the ranked runs that the title is about.
        side_by_side: panels of lines in a row, of which the last has their names; one if lines that have one
            name in a panel have two in another.
    """
    seeds = seeds or {name: [run] for name, run in runs.items()}
    title += _first_place(seeds, columns[-1]) if winner else ""
    longest = max((len(run.history) for run in runs.values()), default=0)
    if len(runs) > FEW or longest < FEWEST:
        has_curves = has_curves and longest > FEW_POINTS
        return _ranked(
            runs, title, columns, xlabel, published or {}, seeds, chance, every, has_curves, accent
        )
    room = LETTER * max(map(len, runs), default=0)
    side_by_side = min(side_by_side, len(columns))
    rows = -(-len(columns) // side_by_side)
    panels_width = max(2.9 * side_by_side, ALONE if rows > 1 else 0)
    figure = titled_figure(title, 0.6 + panels_width + room, 0.4 + 2.6 * rows)
    axes = panels_of(figure, side_by_side, rows)
    for ax in axes[len(columns) :]:
        ax.remove()
    for i_panel, (ax, column) in enumerate(zip(axes, columns), 1):
        lines = []
        for i, (name, run) in enumerate(runs.items()):
            history, style = run.history, line_style(i)
            x, y = _counts(history, every), history[column]
            ax.plot(x, y, **style, **few_points(x), label=name)
            lines.append((name if history else f"{name}: diverged at once", x, y, style["color"]))
            for value in (published or {}).get(name, {}).get(column, ()) if history else ():
                ax.plot(x[-1], value, color="black", ls="", zorder=4, transform=_beside(ax), **PUBLISHED)
        ax.set(xlabel=xlabel, ylabel=_in_words(column))
        counted(ax.xaxis)
        _scale(ax, column, runs)
        if column.endswith("_acc"):
            mark_chance(ax, chance, [row[column] for run in runs.values() for row in run.history])
        if i_panel % side_by_side == 0 or i_panel == len(columns):
            for label in label_ends(ax, lines):
                label.set_in_layout(i_panel % side_by_side == 0)  # else there is an empty place for it
    _explain(figure, {}, _has_any(published, columns))
    return figure


def _scale(ax: Axes, column: str, runs: Mapping[str, RunResult]) -> None:
    """Make the axis of a loss logarithmic if it spans more than two powers of ten."""
    values = [row[column] for run in runs.values() for row in run.history]
    if column.endswith("loss") and values and 0 < 100 * min(values) < max(values):
        logarithmic(ax)


def _ranked(
    runs: Mapping[str, RunResult],
    title: str,
    columns: Sequence[str],
    xlabel: str,
    published: Published,
    seeds: Mapping[str, Sequence[RunResult]],
    chance: float | None,
    every: int,
    has_curves: bool,
    accent: Collection[str],
) -> Figure:
    """Draw runs ranked by the mean of their last values, and each one's curve, if wanted."""
    num_columns = best_columns(len(runs), PER_ROW)
    rows = -(-len(runs) // num_columns)
    titles = {name: wrapped_title(name, (RANKED_WIDTH - 0.7) / num_columns) for name in runs}
    num_lines = 1 + max(text.count("\n") for text in titles.values())
    heights = [0.9 + 0.2 * len(runs), 0.4 + (1.0 + 0.15 * num_lines) * rows]
    figure = titled_figure(title, RANKED_WIDTH, (sum(heights) if has_curves else heights[0]) + 0.3)
    above, *below = figure.subfigures(2, 1, height_ratios=heights) if has_curves else [figure]
    last = columns[-1]
    order = sorted(runs, key=lambda name: _rank(seeds[name], last))
    axes = panels_of(above, len(columns), sharey=True)
    names = [name if runs[name].history else f"{name}: diverged at once" for name in order]
    room = (RANKED_WIDTH - LETTER * max(map(len, names)) - 0.3) / len(columns)
    for ax, column in zip(axes, columns):
        ax.locator_params(axis="x", nbins=max(2, min(6, int(room / TICK))))
        by_row = [(_ends(seeds[name], column), y) for y, name in enumerate(order)]
        ends = [(value, y) for values, y in by_row for value in values]
        if ends:
            label = "each seed" if len(ends) > len(order) else "ours"
            ax.plot(
                *zip(*ends), "o", color=COLORS[0], alpha=0.6 if len(ends) > len(order) else 1, label=label
            )
        if len(ends) > len(order):
            means = [(statistics.fmean(values), y) for values, y in by_row if values]
            ax.plot(*zip(*means), "|", color=COLORS[0], ms=11, mew=1.5, label="mean")
        chosen = [(value, y) for value, y in ends if order[y] in accent]
        if chosen:
            ax.plot(*zip(*chosen), "D", color=COLORS[4], ms=7)
        marks = [(v, y) for y, name in enumerate(order) for v in published.get(name, {}).get(column, ())]
        if marks:
            ax.plot(*zip(*marks), color="black", ls="", label="published", **PUBLISHED)
        values = [value for value, _ in ends]
        if column.endswith("loss") and values and 0 < 100 * min(values) < max(values):
            logarithmic(ax, "x")
        if column.endswith("_acc"):
            mark_chance(ax, chance, values, upright=True)
            widen(ax, LEAST_SPAN)
        ax.set(xlabel=f"{_in_words(column)}\nat the end")
    above.align_xlabels(axes)  # below powers of ten they would stand lower
    axes[0].set_yticks(range(len(order)), names)
    axes[0].set_ylim(len(order) - 0.5, -0.5)
    if len(axes[-1].get_legend_handles_labels()[1]) > 1:
        axes[-1].legend(framealpha=0.8, frameon=True)
    for part in below:
        _draw_each(panels_of(part, num_columns, rows), num_columns, runs, titles, order, last, every)
        part.supxlabel(xlabel, fontsize="medium")
        part.supylabel(_in_words(last), fontsize="medium")
    return figure


def first_place(runs: Iterable[RunResult], column: str) -> str:
    """Return which variant ends best, on the mean, as the end of a title; empty if another is about as good.

    Args:
        runs: of several variants, in any implementation.
        column: of their histories.
    """
    by_variant: dict[str, list[RunResult]] = {}
    for run in runs:
        by_variant.setdefault(run.variant, []).append(run)
    return _first_place(by_variant, column)


def _first_place(seeds: Mapping[str, Sequence[RunResult]], column: str) -> str:
    """Return which run ends best, on the mean, as the end of a title.

    It is empty if another is about as good, or if the best one or the next still moves by more than its lead.
    """
    ranks = sorted((_rank(runs, column), name) for name, runs in seeds.items())
    finite = [rank for rank, _ in ranks if math.isfinite(rank)]
    is_error = column.endswith(ERRORS)
    if len(ranks) < 2 or not finite:
        return ""
    lead = ranks[1][0] - ranks[0][0]
    if any(lead < _unrest(seeds[name], column) for _, name in ranks[:2]):
        return ""
    if lead == 0 or lead < (max(SPREAD * (finite[-1] - finite[0]), LEAD * finite[0]) if is_error else LEAD):
        return ""
    value, best = abs(ranks[0][0]), ranks[0][1]
    which = "lowest" if is_error else "highest"
    quoted = f"\N{LEFT DOUBLE QUOTATION MARK}{best}\N{RIGHT DOUBLE QUOTATION MARK}"
    return f": {quoted} ends with the {which} {_in_words(column)}, {value:.4g}"


def _unrest(runs: Sequence[RunResult], column: str) -> float:
    """Return how far the mean of several seeds may be from where it stood a little before.

    That is the range of the last tenth of an average run, and the less the more seeds there are.
    """
    ranges = []
    for run in runs:
        last = run.history[column][-(len(run.history) // 10 + 1) :] if run.history else [0.0]
        ranges.append(max(last) - min(last))
    return statistics.fmean(ranges) / math.sqrt(len(ranges))


def _ends(runs: Sequence[RunResult], column: str) -> list[float]:
    """Return the last value of each run that has one."""
    return [float(run.history[-1][column]) for run in runs if run.history]


def _rank(runs: Sequence[RunResult], column: str) -> float:
    """Return a number that is the smaller the better runs of several seeds end; infinity if one does not."""
    ends = _ends(runs, column)
    if not ends or not all(map(math.isfinite, ends)):
        return math.inf
    return statistics.fmean(ends) * (1 if column.endswith(ERRORS) else -1)


def _draw_each(
    axes: Sequence[Axes],
    num_columns: int,
    runs: Mapping[str, RunResult],
    titles: Mapping[str, str],
    order: Sequence[str],
    column: str,
    every: int,
) -> None:
    """Draw each run's curve in a panel of its own, in front of the grey ones of all others."""
    curves = {name: (_counts(runs[name].history, every), runs[name].history[column]) for name in order}
    points = [np.column_stack(curve) for curve in curves.values()]
    # Ticks stand only at the left and below: each takes as long to draw as a curve.
    for i, (ax, name) in enumerate(zip(axes, order)):
        ax.add_collection(LineCollection(points, colors="#cccccc", linewidths=0.8))
        x, y = curves[name]
        ax.plot(x, y, color=COLORS[0], label=name, **few_points(x))
        ax.set_title(titles[name], fontsize="medium")
        ax.autoscale_view()
        _scale(ax, column, runs)
        ax.grid(visible=False)
        if i % num_columns:
            ax.yaxis.set_major_locator(NullLocator())
        elif ax.get_yscale() == "linear":
            ax.yaxis.set_major_locator(MaxNLocator(3, steps=ROUND))
        if i + num_columns < len(order):
            ax.xaxis.set_major_locator(NullLocator())
        else:
            counted(ax.xaxis)
        ax.yaxis.set_minor_locator(NullLocator())
    for ax in axes[len(order) :]:
        ax.set_axis_off()


def _counts(history: History, every: int) -> list[float]:
    """Return what is counted at each row of a history, such as steps."""
    return [every * epoch for epoch in history["epoch"]]


WORDS = {
    "train": "training",
    "valid": "validation",
    "acc": "accuracy",
    "bleu": "BLEU",
    "mse": "mean squared error",
    "ones": "share of ones",
}
COLUMNS = {  # of which the words alone say too little
    "batch_loss": "batch loss + penalty",
    "one_sided_loss": "one-sided loss",
    "train_bleu": "BLEU of learned sentences",
    "new_bleu": "BLEU of new sentences",
}


def _in_words(column: str) -> str:
    """Return the name of a column in full, `test_acc` as "test accuracy"."""
    return COLUMNS.get(column) or " ".join(WORDS.get(word, word) for word in column.split("_"))


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
