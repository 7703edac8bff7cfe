"""Draw what the model of several workers says of the chapters' nets."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..workers_model import Model
from .style import COLORS, legend_beside, logarithmic, panels_of, styled, titled_figure

MARKS = ("o", "s", "D", "^", "v", "P", "X")
MOST = 64  # workers


@styled
def workers_curves(models: Sequence[Model], title: str) -> Figure:
    """Return a figure of nets on one network: communication per computation, and speed-up, by workers.

    Args:
        models: of the nets, all on the same network.
        title: of the figure.
    """
    figure = titled_figure(title, 8.2, 3.9)
    left, right = panels_of(figure, 2)
    for i, model in enumerate(models):
        found = [model.estimate(number) for number in model.net.numbers() if number <= MOST]
        style = {"color": COLORS[i % len(COLORS)], "marker": MARKS[i % len(MARKS)], "ms": 4, "lw": 1}
        several = [one for one in found if one.workers > 1]
        ratios = [one.communication / one.computation for one in several]
        left.plot([one.workers for one in several], ratios, label=model.net.name, **style)
        right.plot([one.workers for one in found], [one.speedup for one in found], **style)
    for ax in (left, right):
        ax.axhline(1, color="black", ls="--", lw=1)
        ax.set_xlabel("workers")
        for axis in "xy":
            logarithmic(ax, axis)
    left.set_ylabel("communication / computation")
    right.set_ylabel("speed-up of an epoch")
    legend_beside(figure, left)
    return figure
