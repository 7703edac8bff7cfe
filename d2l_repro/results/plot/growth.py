"""Draw how the time of some work grows with its size."""

from __future__ import annotations

from matplotlib.figure import Figure

from ..costs import Growth
from ..speed import LIMIT
from .style import COLORS, logarithmic, panels_of, styled, titled_figure

MARKS = ("o", "s", "D")


@styled
def growth_curve(sweep: Growth) -> Figure:
    """Return a figure of times against sizes, both logarithmic, with what theory says as dashed lines.

    Marks are medians, and bars reach from quartile to quartile. The power of the size with which a time grows
    is in the legend, beside that of theory.
    """
    figure = titled_figure(f"How the time of one {sweep.unit} grows with {sweep.axis}", 5.2, 3.4)
    (ax,) = panels_of(figure, 1)
    for name, color, mark in zip(sweep.contestants, (COLORS[2], COLORS[0]), MARKS):
        middle = sweep.medians(name)
        measured, theory = sweep.exponents(name).median, sweep.theory_exponent(name)
        label = f"{name}: power {measured:.2f} (in theory {theory:.2f})"
        ax.plot(sweep.sizes, middle, marker=mark, color=color, label=label)
        for size, spread in zip(sweep.sizes, sweep.spreads(name)):
            ax.plot([size, size], [spread.low, spread.high], color=color, lw=3, alpha=0.4)
        if LIMIT not in sweep.seconds:
            ax.plot(sweep.sizes, sweep.theory(name), color=color, ls="--", lw=1)
    if LIMIT in sweep.seconds:
        ax.plot(sweep.sizes, sweep.medians(LIMIT), color="black", ls="--", lw=1, label="sum of the operators")
    else:
        ax.plot([], [], color="black", ls="--", lw=1, label="theory, scaled to the largest size")
    ax.set(xlabel=sweep.axis, ylabel=f"seconds per {sweep.unit}")
    for axis in "xy":
        logarithmic(ax, axis)
    ax.legend()
    return figure
