"""Figures of the plane: what a model predicts for each of its points, and paths down a surface over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .labels import label_ends
from .style import (
    COLORS,
    MARKERS,
    best_columns,
    legend_below,
    line_style,
    panels_of,
    readable,
    styled,
    titled_figure,
    wrapped_title,
)

NOISE = 2.0  # standard deviations of a lead, by which a model is ahead of all others if the title names it
STAYS = 0.05  # of the frame, that a path leads away from a start that it hardly leaves
PLACES = ((0, 12), (0, -20), (0, 30), (0, -38), (0, 55), (0, -60))  # of a word, in points
REGIONS = ("#fdf0d2", "#8fc0e4")  # of class 0, of class 1: a light and a dark one, for prints in grey
Range = tuple[float, float]  # low, high
Score = Callable[[np.ndarray], np.ndarray]  # points (n, 2) -> scores (n,), above 0 for class 1
Sets = Mapping[str, tuple[np.ndarray, np.ndarray]]  # name -> (points (n, 2), classes (n,))


@styled
def decision_regions(
    panels: Mapping[str, Score],
    sets: Sets,
    title: str,
    marks: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    square: Range | None = None,
    columns: int = 3,
) -> Figure:
    """Draw which class a model gives to each point of the plane, a panel per model.

    The test points lie on top, and the share of them that the model classifies correctly stands above. The
    figure's title ends with the best model, unless another is about as good.

    Args:
        panels: name -> function from points (n, 2) to scores (n,), above 0 for class 1, all NumPy arrays.
        sets: name -> (points (n, 2), classes (n,)), NumPy arrays; the last one is drawn.
        title: beginning of the figure's title.
        marks: name -> {name of a panel: points (n, 2) to highlight in it}.
        square: range of both coordinates; by default as much of the plane as the points need.
        columns: about how many panels stand side by side: as many as leave the fewest places empty.
    """
    marks = marks or {}
    columns = best_columns(len(panels), columns)
    rows = -(-len(panels) // columns)
    part, (points, classes) = list(sets.items())[-1]
    right = {name: (score(points) > 0) == (classes > 0) for name, score in panels.items()}
    shares = {name: np.mean(each) for name, each in right.items()}
    best = max(shares, key=lambda name: shares[name])
    if len(shares) > 1 and all(_is_ahead(right[best], each) for name, each in right.items() if name != best):
        title = f"{title}: {best} is right most often"
    titles = {name: wrapped_title(name, 1.8) for name in panels}
    num_lines = 1 + max(text.count("\n") for text in titles.values())
    shown = [each for each, _ in sets.values()]
    shown += [places for by_panel in marks.values() for places in by_panel.values()]
    grid = _grid_around(shown) if square is None else _grid(*(2 * [square]))
    shape = np.ptp(grid[1]) / np.ptp(grid[0])  # height of a panel by its width
    height = (min(1.85 * shape, 3.0) + 0.2 + 0.15 * num_lines) * rows + 1.0
    figure = titled_figure(title, max(4.0, 2.1 * columns + 0.4), height)
    axes = panels_of(figure, columns, rows, sharex=True, sharey=True)
    for ax, (name, score) in zip(axes, panels.items()):
        _draw_regions(ax, grid, score)
        for k, (marker, color) in enumerate((("o", COLORS[1]), ("^", COLORS[0]))):
            where = points[classes == k].T
            ax.plot(*where, marker, ms=2.5, mew=0, color=readable(color), label=f"{part} points of class {k}")
        ax.set_title(f"{titles[name]}\n{shares[name]:.1%} correct")
        ax.set_aspect("equal")
        ax.grid(visible=False)
        for marker, (label, by_panel) in zip("PX*", marks.items()):
            ax.plot(*by_panel[name].T, marker, ms=8, color="black", mec="white", label=label)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    for ax in axes:
        ax.tick_params(bottom=False)  # there is a title right below
    for ax in axes[: len(panels)][-columns:]:  # the lowest of each column, also above an empty place
        ax.tick_params(bottom=True, labelbottom=True)
    legend_below(figure, axes[0], markerscale=2)
    return figure


def _is_ahead(right: np.ndarray, other: np.ndarray) -> bool:
    """Return whether one model is right so much more often that chance does not explain it.

    Only points tell that one model has right and the other has not; by chance each does as often.
    """
    wins, losses = np.sum(right & ~other), np.sum(other & ~right)
    return bool(wins - losses > NOISE * np.sqrt(wins + losses))


def _grid_around(point_sets: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates x1 and x2, each (150, 150), of a grid that covers all points with a margin."""
    points = np.concatenate(list(point_sets))
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    return _grid(*zip(low, high))


def _grid(range1: Range, range2: Range) -> tuple[np.ndarray, np.ndarray]:
    x1, x2 = np.meshgrid(*(np.linspace(*ends, 150) for ends in (range1, range2)))
    return x1, x2


def _draw_regions(ax: Axes, grid: tuple[np.ndarray, np.ndarray], score: Score) -> None:
    x1, x2 = grid
    scores = score(np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(x1.shape)
    if not scores.min() < 0:  # classes or shares: between 0 and the rest no border can be interpolated
        scores = np.where(scores > 0, 1.0, -1.0)
    ends = min(-1.0, scores.min()), max(1.0, scores.max())
    ax.contourf(x1, x2, scores, levels=[ends[0], 0, ends[1]], colors=REGIONS)
    if 0 < np.mean(scores > 0) < 1:  # there is a border
        ax.contour(x1, x2, scores, levels=[0], colors="#333333", linewidths=0.9)


def _free_place(ax: Axes, points: np.ndarray) -> tuple[int, int]:
    """Return where beside 0, in points, a word has fewest points of paths below it."""
    from_centre = (ax.transData.transform(points) - ax.transData.transform((0, 0))) * 72 / ax.figure.dpi

    def hidden(place: tuple[int, int]) -> int:
        return int(np.sum(np.all(np.abs(from_centre - place - (0, 4)) < (36, 10), axis=1)))

    return min(PLACES, key=hidden)


@styled
def descents(
    panels: Mapping[str, tuple[Callable[..., Any], tuple[Range, Range], Mapping[str, np.ndarray]]], title: str
) -> Figure:
    """Draw paths over the contour lines of surfaces of two variables, one panel per surface.

    Each path is named at its end, or at the start if it hardly leaves that; the start and, if there is one,
    the minimum at 0 are marked.

    Args:
        panels: name -> (f, (range of x1, range of x2), {name: points (steps, 2)}); f takes arrays. The ranges
            grow as far as the paths lead.
        title: title of the figure.
    """
    figure = titled_figure(title, 5.2 * len(panels), 4.2)
    axes = panels_of(figure, len(panels))
    paper = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 1}
    beside: dict[str, Any] = {"textcoords": "offset points", "zorder": 5, "bbox": paper}
    for ax, (name, (f, ranges, paths)) in zip(axes, panels.items()):
        every = np.concatenate(list(paths.values()))
        ends = [
            (min(low, a - 0.05 * (high - low)), max(high, b + 0.05 * (high - low)))
            for (low, high), a, b in zip(ranges, every.min(axis=0), every.max(axis=0))
        ]
        x1, x2 = np.meshgrid(*(np.linspace(low, high, 120) for low, high in ends))
        heights = f(x1, x2)
        ax.contourf(x1, x2, heights, levels=18, cmap="Greys_r", alpha=0.2)
        ax.contour(x1, x2, heights, levels=18, colors="#cccccc", linewidths=0.6)
        ax.set(
            title=f"{name}, the lower the darker", xlabel="$x_1$", ylabel="$x_2$", xlim=ends[0], ylim=ends[1]
        )
        named, staying, start = [], [], every[0]
        for i, (label, points) in enumerate(paths.items()):
            style = line_style(i)
            ax.plot(*points.T, **style, marker=MARKERS[i % len(MARKERS)], ms=2.5, lw=1.2, label=label)
            if np.all(np.abs(points[-1] - start) < STAYS * np.ptp(ends, axis=1)):
                staying.append(label)
            else:
                named.append((label, *points.T, style["color"]))
        label_ends(ax, named)
        ax.plot(*start, "ks", ms=6)
        falls = np.mean([points[-1, 1] for points in paths.values()]) < start[1]
        # where no path leads
        ax.annotate(", ".join(["start", *staying]), start, (-4, 8 if falls else -14), **beside)
        around = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        is_minimum = f(0.0, 0.0) < np.min(f(0.1 * np.cos(around), 0.1 * np.sin(around)))
        ax.plot(0, 0, "k*" if is_minimum else "kX", ms=9, mec="white", zorder=4)
        centre = "minimum" if is_minimum else "saddle point"
        lead = {"arrowstyle": "-", "lw": 0.6, "color": "black", "shrinkA": 0, "shrinkB": 4}
        ax.annotate(centre, (0, 0), _free_place(ax, every), arrowprops=lead, ha="center", **beside)
    return figure
