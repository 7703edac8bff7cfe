"""Draw the structure of a net."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLORS, panels_of, styled, titled_figure

MAX_UNITS = 11  # of a layer that are drawn; larger layers show the first and the last ones


@styled
def network(layers: Sequence[tuple[str, int]], title: str) -> Figure:
    """Draw a fully connected net as textbooks do: a column of units for each layer, a line for each weight.

    Args:
        layers: what a layer is and its number of units, from the input to the output.
        title: title of the figure.
    """
    figure = titled_figure(title, max(5.0, 2.6 * len(layers)), 4.0)
    (ax,) = panels_of(figure, 1)
    ax.axis("off")
    columns = [unit_heights(units) for _, units in layers]
    for x, (lower, upper) in enumerate(zip(columns, columns[1:])):
        for start in lower:
            for end in upper:
                ax.plot((x, x + 1), (start, end), color="0.75", lw=0.6, zorder=1)
    for x, ((name, units), heights) in enumerate(zip(layers, columns)):
        _draw_layer(ax, x, f"{name}\n{units:,} {'unit' if units == 1 else 'units'}", heights, units)
    ax.set(xlim=(-0.5, len(layers) - 0.5), ylim=(-MAX_UNITS / 2 - 1.4, MAX_UNITS / 2))
    return figure


def unit_heights(units: int) -> list[float]:
    """Return the heights of the units of a layer, around 0; a gap in the middle stands for those left out."""
    shown = min(units, MAX_UNITS)
    heights = [shown / 2 - 0.5 - i for i in range(shown)]
    if units > MAX_UNITS:
        del heights[shown // 2]
    return heights


def _draw_layer(ax: Axes, x: int, label: str, heights: list[float], units: int) -> None:
    ax.scatter([x] * len(heights), heights, s=150, color=COLORS[0], edgecolor="white", zorder=2)
    if units > MAX_UNITS:
        ax.scatter([x] * 3, (-0.22, 0, 0.22), s=5, color="0.3", zorder=2)
    ax.text(x, -MAX_UNITS / 2 - 0.3, label, ha="center", va="top")
