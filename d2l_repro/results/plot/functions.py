"""Functions of one variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import (
    COLORS,
    best_columns,
    legend_below,
    legend_beside,
    panels_of,
    styled,
    titled_figure,
    wrapped_title,
)

Values = Sequence[float]
Points = Mapping[str, tuple[Values, Values]]  # name -> (x, y)

LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ".o^sD"
SEEN = 0.01  # of the height of a panel, by which two lines can be told apart


@styled
def functions(
    panels: Mapping[str, tuple[Values, Mapping[str, Values]]],
    xlabel: str,
    title: str,
    points: Mapping[str, Points] | None = None,
    width: float = 3.2,
    ylabel: str = "",
) -> Figure:
    """Draw functions of one variable, one panel each.

    Args:
        panels: title -> (x, {name: values at x}).
        xlabel: what x is.
        title: title of the figure.
        points: title of a panel -> {name: (x, y)}, drawn in the colour of the line of that name, or in grey.
            If given, even as an empty dict, one legend stands beside all panels instead of one in each.
        width: width of a panel in inches.
        ylabel: what y is, if it is the same in all panels, which then share their axis.
    """
    legend_in_panels = points is None
    figure = titled_figure(title, width * len(panels) + (0 if legend_in_panels else 1.8), 3.0)
    axes = panels_of(figure, len(panels), sharey=bool(ylabel))
    axes[0].set_ylabel(ylabel)
    for ax, (name, (x, curves)) in zip(axes, panels.items()):
        _draw_panel(ax, x, curves, (points or {}).get(name, {}))
        ax.set(title=wrapped_title(name, width - 0.3), xlabel=xlabel)
        if legend_in_panels:
            ax.legend()
    if not legend_in_panels:  # the points leave no room for it in the panels
        legend_beside(figure, axes[-1])
    return figure


def _draw_panel(ax: Axes, x: Values, curves: Mapping[str, Values], points: Points) -> None:
    colors = {}
    for style, (name, values) in zip(cycle(LINE_STYLES), curves.items()):
        colors[name] = ax.plot(x, values, linestyle=style, label=name)[0].get_color()
    for marker, (name, place) in zip(cycle(MARKERS), points.items()):
        color = colors.get(name, "#aaaaaa")
        label = None if name in colors else name
        ax.plot(*place, marker, ms=4, color=color, zorder=1, label=label)


@styled
def sums_of_bases(
    panels: Mapping[str, tuple[Values, Values]],
    x: Values,
    truth: Values,
    examples: tuple[Values, Values],
    title: str,
) -> Figure:
    """Draw what nets of bases learned of a function, a panel each, with the centres of the bases below.

    Args:
        panels: title -> (values of the learned function at x, centres).
        x: where the functions are drawn.
        truth: values of the true function at x.
        examples: (x, y).
        title: title of the figure.
    """
    columns = best_columns(len(panels), 4 if len(panels) > 4 else 2)
    rows = -(-len(panels) // columns)
    figure = titled_figure(title, 2.9 * columns if columns < 3 else 2.2 * columns, 2.1 * rows + 0.8)
    axes = panels_of(figure, columns, rows, sharex=True, sharey=True)
    for ax, (name, (values, centres)) in zip(axes, panels.items()):
        ax.plot(*examples, ".", ms=3, color="#aaaaaa", label="examples", zorder=1)
        ax.plot(x, truth, "--", color="black", lw=1.2, label="true function", zorder=2)
        ax.plot(x, values, color=COLORS[0], lw=2, label="learned", zorder=3)
        place = {"transform": ax.get_xaxis_transform(), "clip_on": False, "zorder": 4}
        ax.plot(centres, [0] * len(centres), "^", color=COLORS[4], ms=6, label="centres", **place)
        ax.set_title(wrapped_title(name, 2.4))
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    legend_below(figure, axes[0])
    return figure


@styled
def draw_fit(
    ax: Axes,
    examples: Mapping[str, tuple[Values, Values]],
    x: Values,
    truth: Values,
    fits: Mapping[str, Values],
) -> None:
    """Draw examples, the function that they come from, and what was learned of it.

    Args:
        ax: panel to draw in.
        examples: name -> (x, y); the first are filled dots, the others rings.
        x: where the functions are drawn.
        truth: values of the true function at x.
        fits: name -> values of the learned functions at x; the first is a broad line, others are
            marks if they differ from it.
    """
    for i, (name, points) in enumerate(examples.items()):
        # rings lie on top where dots of the same place would hide them
        ring: dict[str, Any] = {"mfc": "none", "mew": 0.9, "ms": 5.5} if i else {}
        color = COLORS[4] if i else "#555555"
        ax.plot(*points, "o", color=color, label=name, zorder=3.1 if i else 3, **ring)
    ax.plot(x, truth, "--", color="black", label="true function", zorder=2.5)
    low, high = ax.get_ylim()
    first = next(iter(fits.values()), ())
    for i, values in enumerate(fits.values()):
        # the true function shows upon the first; another that is the same would only hide the examples
        style = (
            {"ls": "", "marker": "o+"[min(i, 2) - 1], "mfc": "white", "markevery": 12} if i else {"lw": 3.5}
        )
        if not i or np.max(np.abs(np.subtract(values, first))) > SEEN * (high - low):
            ax.plot(x, values, color=COLORS[5], label=None if i else "learned", zorder=2, **style)
    ax.set(xlabel="x", ylabel="y", ylim=(low, high))
    ax.legend()
