"""Values on a line each: of several seeds, and in the bands of published values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..bands import BAND_END
from ..formatting import in_words
from ..table_text import head_text
from .style import COLORS, legend_below, mark_chance, panels_of, styled, titled_figure, widen

DOT = 0.006  # width of a dot, as a share of the range of all values
ROW = 0.7  # of the distance between two rows, that dots of a row may take
STEP = 0.22  # of it, between dots above each other
LOW, HIGH = 0.21, 0.45  # inches of a row, and of one with many dots above each other
DOT_INCHES = 0.045  # of a dot
Rows = Mapping[str, tuple[Sequence[float], Optional[float]]]  # name -> (values, published value)


@styled
def intervals(
    rows: Rows,
    xlabel: str,
    title: str,
    base: str | None = None,
    each: str = "seed",
    chance: float | None = None,
    least: float = 0.0,
    accent: tuple[str, Callable[[float], bool]] | None = None,
) -> Figure:
    """Draw the values of several seeds, a line per run: a dot per value, their mean, and the published value.

    The legend has what there is: a mean if there are several values, and "ours" beside published ones.

    Args:
        rows: name -> (values, published value or None).
        xlabel: what the values are.
        title: title of the figure.
        base: name of the row whose mean and range are drawn through all rows.
        each: what there is a value of.
        chance: what guessing gives, marked if any value is near it.
        least: length of the axis, so that small differences look small.
        accent: name of the values that the title is about, and whether a value is one of them.
    """
    tallest = max((len(stack) for values, _ in rows.values() for stack in _stacks(values, rows)), default=1)
    row_height = min(HIGH, max(LOW, tallest * DOT_INCHES / ROW))
    figure = titled_figure(title, 7.0, 1.2 + row_height * len(rows))
    (ax,) = panels_of(figure, 1)
    base_values = rows[base][0] if base is not None and base in rows else []
    if base_values:
        ax.axvspan(min(base_values), max(base_values), color=COLORS[5], alpha=0.25, lw=0)
        ax.axvline(_mean(base_values), color=COLORS[5], lw=1)
    _draw_rows(ax, rows, each, accent)
    mark_chance(ax, chance, [value for values, _ in rows.values() for value in values], upright=True)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel=xlabel)
    widen(ax, least)
    ax.grid(axis="y", lw=0.4)
    if ax.get_legend_handles_labels()[1]:
        legend_below(figure, ax)
    return figure


def _draw_rows(ax: Axes, rows: Rows, each: str, accent: tuple[str, Callable[[float], bool]] | None) -> None:
    numbered = list(enumerate(rows.values()))
    dots = [dot for i, (values, _) in numbered for dot in zip(values, _stacked(values, i, rows))]
    name, is_chosen = accent or ("", lambda value: False)
    chosen = [dot for dot in dots if is_chosen(dot[0])]
    values = [dot for dot in dots if not is_chosen(dot[0])]
    are_several = any(len(values) > 1 for values, _ in rows.values())
    means = [(_mean(values), i) for i, (values, _) in numbered if values and are_several]
    published = [(value, i) for i, (_, value) in numbered if value is not None]
    ours = "ours" if published else ""
    each_value, mean = (", ".join(filter(None, (ours, word))) for word in (f"each {each}", "mean"))
    for points, marker, style in (
        (
            values,
            "o",
            {"color": COLORS[0], "ms": 3, "label": each_value if are_several else ours, "alpha": 0.6},
        ),
        (chosen, "D", {"color": COLORS[4], "ms": 3, "label": name, "alpha": 0.8}),
        (means, "|", {"color": COLORS[0], "ms": 11, "label": mean, "alpha": 1}),
        (published, "x", {"color": "black", "ms": 6, "label": "published", "alpha": 1}),
    ):
        if points:
            ax.plot(*zip(*points), marker, **style)


def _stacks(values: Sequence[float], rows: Rows) -> list[list[int]]:
    """Return the dots of a row in groups that would hide each other, as indices of the values."""
    every = [value for values, _ in rows.values() for value in values]
    wide = DOT * (max(every) - min(every))
    stacks: list[list[int]] = []
    for i in sorted(range(len(values)), key=values.__getitem__):
        if stacks and values[i] - values[stacks[-1][0]] <= wide:
            stacks[-1].append(i)
        else:
            stacks.append([i])
    return stacks


def _stacked(values: Sequence[float], place: int, rows: Rows) -> list[float]:
    """Return the heights of dots in a row, above each other where they would hide each other."""
    heights = [float(place)] * len(values)
    for stack in _stacks(values, rows):
        step = min(STEP, ROW / len(stack))
        for k, i in enumerate(stack):
            heights[i] += step * (k - (len(stack) - 1) / 2)
    return heights


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


BAND = "where 99 of 100 runs lie"
# Standard normal deviates at the end of the axis, where all that lies beyond it is drawn.
AXIS_END = 8.0


def on_axis(z: float) -> float:
    """Return a deviate, or the end of the axis that it lies beyond."""
    return max(-AXIS_END, min(AXIS_END, z))


@styled
def bands(rows: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Draw where the published values and ours lie among the runs of our seeds, a line each.

    Args:
        rows: as `published.compare` returns them, each with a z and its "chapter" too.
        title: title of the figure.
    """
    figure = titled_figure(title, 8.3, 2 + 0.18 * len(rows))
    (ax,) = panels_of(figure, 1)
    _draw_bands(ax, rows)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel="standard deviations from the mean of our seeds")
    ax.set_xlim(-AXIS_END - 0.5, AXIS_END + 0.5)
    ax.grid(axis="y", lw=0.4)
    ax.tick_params(top=True, labeltop=True)  # the lower end is pages away
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, borderaxespad=2.5)
    return figure


def _draw_bands(ax: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    ax.axvspan(-BAND_END, BAND_END, color=COLORS[5], alpha=0.25, lw=0, label=BAND)
    for name, marker, style in (
        ("z", "|", {"color": "black", "ms": 9, "label": "published"}),
        ("z_ours", "o", {"color": COLORS[0], "ms": 4.5, "label": "ours"}),
    ):
        points = [(on_axis(row[name]), y) for y, row in enumerate(rows) if row[name] is not None]
        if points:
            ax.plot(*zip(*points), marker, **style)
    labels = [f"{row['chapter']}, {row['run']}, {head_text(in_words(row['metric']))}" for row in rows]
    ax.set_yticks(range(len(rows)), labels)
