"""How values are distributed, and how they depend on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import COLORS, panels_of, styled, titled_figure


@styled
def scatter(panels: Mapping[str, tuple[Sequence[float], Sequence[float]]], ylabel: str, title: str) -> Figure:
    """Draw points, one panel for each x against the same y.

    Args:
        panels: name of x -> (x, y).
        ylabel: what y is.
        title: title of the figure.
    """
    figure = titled_figure(title, 3.8 * len(panels), 3.2)
    axes = panels_of(figure, len(panels), sharey=True)
    for ax, (xlabel, (x, y)) in zip(axes, panels.items()):
        ax.scatter(x, y, s=4, alpha=0.6)
        ax.set_xlabel(xlabel)
    axes[0].set_ylabel(ylabel)
    return figure


@styled
def predicted_against_true(true: np.ndarray, predicted: np.ndarray, title: str, unit: str) -> Figure:
    """Draw predictions over true values, both on logarithmic axes, and the diagonal where they are equal.

    Args:
        true: true values, shape (n,).
        predicted: predictions, shape (n,).
        title: title of the figure.
        unit: what the values are, "price (US dollars)".
    """
    figure = titled_figure(title, 4.4, 4.0)
    (ax,) = panels_of(figure, 1)
    ax.scatter(true, predicted, s=5, alpha=0.4)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    ax.plot(ends, ends, color="black", lw=1)
    ax.set(xscale="log", yscale="log", xlabel=f"true {unit}", ylabel=f"predicted {unit}")
    return figure


@styled
def histogram(
    panels: Mapping[str, np.ndarray], title: str, ylabel: str, bins: int = 60, density: bool = False
) -> Figure:
    """Draw how often values occur, with their mean marked, one panel each.

    Args:
        panels: what the values are -> values.
        title: title of the figure.
        ylabel: what is counted.
        bins: number of bars.
        density: whether the bars' areas add up to 1, in place of counts.
    """
    figure = titled_figure(title, 1.2 + 3.2 * len(panels), 3.2)
    axes = panels_of(figure, len(panels))
    for ax, (xlabel, values) in zip(axes, panels.items()):
        ax.hist(values, bins=bins, density=density)
        ax.axvline(values.mean(), color=COLORS[4], ls="--", label=f"mean {values.mean():+.3f}")
        ax.set_xlabel(xlabel)
        ax.legend(frameon=False, fontsize="small")
    axes[0].set_ylabel(ylabel)
    return figure
