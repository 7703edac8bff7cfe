"""Names that stand at the ends of lines, in place of a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from .style import SMALL, readable

TOGETHER = 0.01  # of the height of a panel, by which lines that have one name for all are apart
SEVERAL = "#333333"  # the colour of that name
LINE_HEIGHT = 1.3  # of labels above each other, in font sizes
End = tuple[str, Sequence[float], Sequence[float], str]  # name, x, y, colour of a line


def label_ends(ax: Axes, lines: Sequence[End], first: bool = False) -> list[Annotation]:
    """Write each line's name beside its end, moved up or down as far as names would overlap.

    A thin line leads from the name to the end. Lines that coincide are named together. Names of lines with no
    finite value stand above the others.

    Args:
        ax: panel, with everything drawn and its scales set.
        lines: name, x, y and colour of each line.
        first: whether the end on the right is the first point of each line instead of the last.

    Returns:
        The labels of the lines that have an end, from the lowest to the highest.
    """
    ax.autoscale_view()
    ends, without = [], []
    for name, x, y, color in _joined(ax, lines):
        finite = [(a, b) for a, b in zip(x, y) if math.isfinite(b)]
        if finite:
            ends.append((finite[0 if first else -1], name, color))
        else:
            without.append((name, color))
    to_axes = ax.transData + ax.transAxes.inverted()
    placed = sorted((to_axes.transform(end)[1], i) for i, (end, _, _) in enumerate(ends))
    heights = spread([height for height, _ in placed], label_gap(ax))
    labels = [
        _write(ax, ends[i][1], ends[i][2], height, ends[i][0]) for (_, i), height in zip(placed, heights)
    ]
    top = max([1.0, *(height + label_gap(ax) for height in heights)])
    for i, (name, color) in enumerate(without):
        _write(ax, name, color, top + i * label_gap(ax))
    return labels


def _joined(ax: Axes, lines: Sequence[End]) -> list[End]:
    """Return lines, those that coincide from end to end as one with all their names."""
    to_axes = ax.transData + ax.transAxes.inverted()
    groups: list[tuple[np.ndarray, list[End]]] = []
    for line in lines:
        points = np.column_stack((line[1], line[2])).astype(float)
        points = to_axes.transform(points[np.isfinite(points[:, 1])])
        for other, group in groups:
            if points.size and other.shape == points.shape and np.abs(points - other).max() < TOGETHER:
                group.append(line)
                break
        else:
            groups.append((points, [line]))
    joined = []
    for _, group in groups:
        names = [name for name, *_ in group]
        name = ("; " if any(", " in each for each in names) else ", ").join(names)
        _, x, y, color = group[0]
        joined.append((name, x, y, color if len(group) == 1 else SEVERAL))
    return joined


def label_gap(ax: Axes) -> float:
    """Return the least distance between two labels, as a share of the height of a panel."""
    # Titles and labels of the axes will take about a sixth of the height that the panel has before layout.
    return LINE_HEIGHT * SMALL / (ax.bbox.height / ax.figure.dpi * 72 * 0.85)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return ascending heights, moved as little as needed, that are at least `gap` apart, around 0 to 1."""
    clusters: list[list[float]] = []  # [sum of the wanted lowest positions, members]
    for height in heights:
        clusters.append([height, 1.0])
        # A cluster is as wide as its members; two that overlap become one, around the mean of both.
        while len(clusters) > 1:
            (low, few), (high, more) = clusters[-2:]
            if high / more - low / few >= few * gap:
                break
            clusters[-2:] = [[low + high - more * few * gap, few + more]]
    places = [total / count + i * gap for total, count in clusters for i in range(int(count))]
    if places and places[0] < 0:
        places = [max(place, i * gap) for i, place in enumerate(places)]
    for i in range(len(places)):
        above = len(places) - 1 - i
        places[i] = min(places[i], max(1.0, (len(places) - 1) * gap) - above * gap)
    return places


def _write(
    ax: Axes,
    name: str,
    color: str,
    height: float,
    end: tuple[float, float] | None = None,
) -> Annotation:
    lead = {"arrowstyle": "-", "lw": 0.6, "color": color, "shrinkA": 1, "shrinkB": 2}
    lead["relpos"] = (0, 0.5)
    return ax.annotate(
        name,
        (1.0, height) if end is None else end,
        xycoords="axes fraction" if end is None else "data",
        xytext=(1.03, height),
        textcoords="axes fraction",
        color=readable(color),
        ha="left",
        va="center",
        fontsize=SMALL,
        annotation_clip=False,
        arrowprops=None if end is None else lead,
    )
