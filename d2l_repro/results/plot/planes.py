"""Figures of the plane: what a model predicts for each of its points, and paths down a surface over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLORS, legend_beside, line_style, panels_of, readable, styled, titled_figure

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
) -> Figure:
    """Draw which class a model gives to each point of the plane, a panel per model, with the examples on top.

    Args:
        panels: name -> function from points (n, 2) to scores (n,), above 0 for class 1, all NumPy arrays.
        sets: name -> (points (n, 2), classes (n,)), NumPy arrays; each set has its own marker.
        title: title of the figure.
        marks: name -> {name of a panel: points (n, 2) to highlight in it}.
        square: range of both coordinates; by default as much of the plane as the points need.
    """
    marks = marks or {}
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = titled_figure(title, 3.4 * columns + 1.2, 2.9 * rows + 0.4)
    drawn = [points for points, _ in sets.values()]
    drawn += [points for by_panel in marks.values() for points in by_panel.values()]
    grid = _grid_around(drawn) if square is None else _grid(*(2 * [square]))
    axes = panels_of(figure, columns, rows)
    for ax, (name, score) in zip(axes, panels.items()):
        _draw_regions(ax, grid, score)
        _draw_examples(ax, sets)
        ax.set(title=name)
        for marker, (label, by_panel) in zip("PX*", marks.items()):
            ax.plot(*by_panel[name].T, marker, ms=8, color="black", mec="white", label=label)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    legend_beside(figure, axes[0])
    return figure


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
    ax.contourf(x1, x2, scores > 0, levels=[-0.5, 0.5, 1.5], colors=[COLORS[1], COLORS[5]], alpha=0.35)


def _draw_examples(ax: Axes, sets: Sets) -> None:
    for marker, (label, (points, classes)) in zip("ox^", sets.items()):
        for k, color in ((0, COLORS[1]), (1, COLORS[0])):
            ax.scatter(
                *points[classes == k].T,
                s=9,
                marker=marker,
                lw=0.7,
                color=readable(color),
                label=f"{label}, class {k}",
            )


@styled
def descents(
    panels: Mapping[str, tuple[Callable[..., Any], tuple[Range, Range], Mapping[str, np.ndarray]]], title: str
) -> Figure:
    """Draw paths over the contour lines of surfaces of two variables, one panel per surface.

    Args:
        panels: name -> (f, (range of x1, range of x2), {name: points (steps, 2)}); f takes arrays.
        title: title of the figure.
    """
    figure = titled_figure(title, 5.6 * len(panels), 4.4)
    axes = panels_of(figure, len(panels))
    for ax, (name, (f, ranges, paths)) in zip(axes, panels.items()):
        x1, x2 = np.meshgrid(*(np.linspace(low, high, 120) for low, high in ranges))
        ax.contour(x1, x2, f(x1, x2), levels=18, colors="#bbbbbb", linewidths=0.7)
        for i, (label, points) in enumerate(paths.items()):
            ax.plot(*points.T, **line_style(i), marker="o", ms=2.5, lw=1.2, label=label)
        ax.set(title=name, xlabel="x1", ylabel="x2", xlim=ranges[0], ylim=ranges[1])
    legend_beside(figure, axes[0])
    return figure
