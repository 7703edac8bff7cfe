"""Which parts of a text belong to which minibatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import COLORS, counted, legend_below, panels_of, styled, titled_figure


@styled
def sampling(ways: Mapping[str, Sequence[np.ndarray]], title: str) -> Figure:
    """Draw where in a text the rows of each minibatch lie, one panel for each way of sampling.

    Where a row goes on in the next batch at the place at which it has ended, a line leads there: a state can
    be carried over.

    Args:
        ways: name -> batches in their order, each with the positions in the text, (rows, steps).
        title: title of the figure.
    """
    height = max(map(len, ways.values()))
    figure = titled_figure(title, 4.2 * len(ways), 1.5 + 0.3 * height)
    axes = panels_of(figure, len(ways), sharex=True, sharey=True)
    for ax, (name, batches) in zip(axes, ways.items()):
        ends: list[float] = []
        for number, rows in enumerate(batches, 1):
            for row, positions in enumerate(rows):
                start, width, color = positions[0], len(positions), COLORS[row % len(COLORS)]
                label = f"row {row + 1}" if number == 1 else None
                ax.barh(number, width, left=start, height=0.6, color=color, label=label)
                if ends and ends[row] == start:
                    ax.plot([start, start], [number - 0.7, number - 0.3], color=color)
            ends = [positions[-1] + 1 for positions in rows]
        ax.set(title=name, xlabel="position in the text", ylabel="batch")
        counted(ax.yaxis)
    axes[0].invert_yaxis()
    legend_below(figure, axes[0])
    return figure
