"""Comparisons of several runs: their curves, or the place of each beside the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ..history import History
from ..run import RunResult
from .curves import LETTER, PUBLISHED, WORDS, Published, beside_end, explain, has_any
from .labels import label_ends
from .style import (
    COLORS,
    FEW_POINTS,
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

ERRORS = ("loss", "mse", "perplexity")  # endings of columns of which small values are good
LEAD = 0.01  # in accuracy, or as a share of the error, by which a run that ends best is ahead of all others
SPREAD = 0.2  # of the distance between the best and the worst error: the same
FEW = 4  # lines that can be told apart in one panel
FEWEST = 3  # points that make a curve
RANKED_WIDTH = 8.3  # inches of a figure of many runs
PER_ROW = 4  # panels of single runs, or one more or less
SIDE_BY_SIDE = 2  # panels of lines; more could not be read on a page that makes them as wide as it is
ALONE = 4.2  # inches of panels above each other
LEAST_SPAN = 0.02  # of an axis of accuracies, so that small differences look small
TICK = 0.5  # inches of a panel that a number below it may take
COLUMNS = {  # of which the words alone say too little
    "batch_loss": "batch loss + penalty",
    "one_sided_loss": "one-sided loss",
    "train_bleu": "BLEU of learned sentences",
    "new_bleu": "BLEU of new sentences",
}


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
                ax.plot(x[-1], value, color="black", ls="", zorder=4, transform=beside_end(ax), **PUBLISHED)
        ax.set(xlabel=xlabel, ylabel=_in_words(column))
        counted(ax.xaxis)
        _scale(ax, column, runs)
        if column.endswith("_acc"):
            mark_chance(ax, chance, [row[column] for run in runs.values() for row in run.history])
        if i_panel % side_by_side == 0 or i_panel == len(columns):
            for label in label_ends(ax, lines):
                label.set_in_layout(i_panel % side_by_side == 0)  # else there is an empty place for it
    explain(figure, {}, has_any(published, columns))
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


def _in_words(column: str) -> str:
    """Return the name of a column in full, `test_acc` as "test accuracy"."""
    return COLUMNS.get(column) or " ".join(WORDS.get(word, word) for word in column.split("_"))
