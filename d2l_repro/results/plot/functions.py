"""Functions of one variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import legend_beside, panels_of, styled, titled_figure

Values = Sequence[float]
Points = Mapping[str, tuple[Values, Values]]  # name -> (x, y)

LINE_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ".o^sD"


@styled
def functions(
    panels: Mapping[str, tuple[Values, Mapping[str, Values]]],
    xlabel: str,
    title: str,
    points: Mapping[str, Points] | None = None,
    width: float = 3.2,
) -> Figure:
    """Draw functions of one variable, one panel each.

    Args:
        panels: title -> (x, {name: values at x}).
        xlabel: what x is.
        title: title of the figure.
        points: title of a panel -> {name: (x, y)}, drawn in the colour of the line of that name, or in grey.
            If given, even as an empty dict, one legend stands beside all panels instead of one in each.
        width: width of a panel in inches.
    """
    legend_in_panels = points is None
    figure = titled_figure(title, width * len(panels) + (0 if legend_in_panels else 1.8), 3.0)
    axes = panels_of(figure, len(panels))
    for ax, (name, (x, curves)) in zip(axes, panels.items()):
        _draw_panel(ax, x, curves, (points or {}).get(name, {}))
        ax.set(title=name, xlabel=xlabel)
        if legend_in_panels:
            ax.legend(frameon=False, fontsize="small")
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
