"""Curves: losses and accuracies by epoch, and other lines over a common axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ..history import History
from ..run import RunResult
from .style import COLORS, legend_beside, line_style, logarithmic, panels_of, readable, styled, titled_figure

LABEL_GAP = 0.055  # least distance between two labels at line ends, as a share of the height of the axes
PANELS = {"loss": "_loss", "accuracy": "_acc", "log rmse": "_log_rmse"}  # y label -> ending of its columns
Curve = tuple[Sequence[float], Sequence[float]]  # x, y


@styled
def training_curves(runs: Mapping[str, RunResult], title: str, log: bool = False) -> Figure:
    """Draw loss, accuracy and log rmse by epoch, one panel for each that the runs have.

    Colours and widths tell runs apart, so that two or three that coincide are all visible. Training is drawn
    solid, anything else dashed.

    Args:
        runs: label -> run.
        title: title of the figure.
        log: whether losses have a logarithmic axis.
    """
    histories = {label: run.history for label, run in runs.items() if run.history}
    panels = _panels(histories)
    figure = titled_figure(title, 4.6 * len(panels), 3.4)
    for ax, (ylabel, columns) in zip(panels_of(figure, len(panels)), panels.items()):
        ends = _draw_histories(ax, histories, columns)
        ax.set(xlabel="epoch", ylabel=ylabel)
        if log and ylabel != "accuracy":
            logarithmic(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        _label_ends(ax, ends)
    return figure


def _panels(histories: Mapping[str, History]) -> dict[str, list[str]]:
    """Return y label -> columns of each panel; a single empty panel if there is nothing to draw."""
    names = dict.fromkeys(name for history in histories.values() for name in history[0])
    panels = {ylabel: [name for name in names if name.endswith(ending)] for ylabel, ending in PANELS.items()}
    return {ylabel: columns for ylabel, columns in panels.items() if columns} or {"no epoch was finished": []}


def _draw_histories(
    ax: Axes, histories: Mapping[str, History], columns: Sequence[str]
) -> dict[str, tuple[float, str]]:
    """Draw a line per run and column; return label -> (last value, colour) of each line."""
    ends = {}
    for i, (label, history) in enumerate(histories.items()):
        style = _run_style(i, len(histories))
        for column in columns:
            part = column.partition("_")[0]
            name = f"{label} {part}"
            ax.plot(
                history["epoch"],
                history[column],
                **style,
                ls="-" if part == "train" else "--",
                marker=_marker(history),
                label=name,
            )
            ends[name] = (history[column][-1], style["color"])
    return ends


def _run_style(i: int, num_runs: int) -> dict[str, Any]:
    """Return the style of the i-th of several runs, of which the first ones lie beneath the others."""
    wide = {0: (), 1: (), 3: (6.5, 3.6)}.get(num_runs, (4.5,))
    return {
        "color": COLORS[i % len(COLORS)],
        "lw": wide[i] if i < len(wide) else 1.6,
        "alpha": 0.5 if i == 0 and wide else 1,
    }


def _marker(history: History) -> str | None:
    """Return the mark of a line's points: one point alone makes no line."""
    return "o" if len(history) == 1 else None


def _label_ends(ax: Axes, ends: Mapping[str, tuple[float, str]]) -> None:
    """Write each line's name beside its right end, moved up or down as far as names would overlap."""
    finite = [(value, name, color) for name, (value, color) in ends.items() if math.isfinite(value)]
    finite.sort(key=lambda end: end[0])
    heights = _label_heights(ax, [value for value, _, _ in finite])
    for (_, name, color), height in zip(finite, heights):
        ax.annotate(
            name,
            (1, height),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            color=readable(color),
            va="center",
            fontsize="small",
            annotation_clip=False,
        )


def _label_heights(ax: Axes, values: Sequence[float]) -> list[float]:
    """Return where, from 0 to 1 of the axes, labels of ascending values stand without overlapping."""
    ax.autoscale_view()
    to_axes = ax.transData + ax.transAxes.inverted()
    heights = [to_axes.transform((1, value))[1] for value in values]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + LABEL_GAP)
    for i in range(len(heights)):
        labels_above = len(heights) - 1 - i
        heights[i] = min(heights[i], 1 - labels_above * LABEL_GAP)
    return heights


@styled
def comparison(
    runs: Mapping[str, RunResult],
    title: str,
    columns: Sequence[str] = ("train_loss", "train_acc", "test_acc"),
    xlabel: str = "epoch",
) -> Figure:
    """Draw the runs of one comparison, a panel for each column of their histories, a line for each run.

    Args:
        runs: name -> run.
        title: title of the figure.
        columns: names as in the history.
        xlabel: what the loop counted.
    """
    figure = titled_figure(title, 2.2 + 3.1 * len(columns), _height_beside_legend(len(runs)))
    axes = panels_of(figure, len(columns))
    for ax, column in zip(axes, columns):
        for i, (name, run) in enumerate(runs.items()):
            history = run.history
            label = name if history else f"{name} (diverged at once)"
            ax.plot(
                history["epoch"],
                history[column],
                **line_style(i),
                lw=1.4,
                marker=_marker(history),
                label=label,
            )
        ax.set(xlabel=xlabel, ylabel=_in_words(column))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        values = [row[column] for run in runs.values() for row in run.history]
        if column.endswith("loss") and values and 0 < 100 * min(values) < max(values):
            logarithmic(ax)
    legend_beside(figure, axes[0], handlelength=3)
    return figure


def _height_beside_legend(num_lines: int) -> float:
    """Return the height, in inches, of a figure whose legend has that many lines."""
    return max(3.6, 0.9 + 0.21 * num_lines)


def _in_words(column: str) -> str:
    """Return the name of a column in full, `test_acc` as "test accuracy"."""
    words = {"train": "training", "valid": "validation", "acc": "accuracy"}
    return " ".join(words.get(word, word) for word in column.split("_"))


@styled
def lines(
    curves: Mapping[str, Curve], xlabel: str, ylabel: str, title: str, logx: bool = False, logy: bool = False
) -> Figure:
    """Draw lines, with their points, in one pair of axes.

    Args:
        curves: name -> (x, y).
        xlabel: what x is.
        ylabel: what y is.
        title: title of the figure.
        logx: whether the x axis is logarithmic.
        logy: whether the y axis is logarithmic.
    """
    figure = titled_figure(title, 7.0, _height_beside_legend(len(curves)))
    (ax,) = panels_of(figure, 1)
    for i, (name, (x, y)) in enumerate(curves.items()):
        lines_above = max(0, len(curves) - 1 - i)
        ax.plot(
            x,
            y,
            **line_style(i),
            marker="o" if len(x) <= 20 else None,
            ms=3.5,
            lw=1.4 + 0.5 * lines_above,  # so that all are visible where lines coincide
            label=name,
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if logx else "linear")
    if logy:
        logarithmic(ax)
    values = sorted({float(value) for x, _ in curves.values() for value in x})
    if all(value.is_integer() for value in values):
        if logx and len(values) <= 10:
            # Few numbers, such as 1, 5, 20, are more telling than powers of ten.
            ax.set_xticks(values, [f"{value:g}" for value in values])
            ax.xaxis.set_minor_locator(NullLocator())
        elif not logx:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_beside(figure, ax, handlelength=3)
    return figure
