"""What a model has learned: which columns matter, what they do, and what more examples would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import COLORS, legend_below, panels_of, styled, titled_figure

MAX_LEVEL = 9  # characters of a level under an axis


@styled
def importances(rows: Mapping[str, tuple[float, float, float]], xlabel: str, title: str) -> Figure:
    """Draw values with their intervals, a line each.

    Args:
        rows: name -> (value, low, high), the first on top.
        xlabel: what the values are.
        title: title of the figure.
    """
    figure = titled_figure(title, 5.6, 1.1 + 0.21 * len(rows))
    (ax,) = panels_of(figure, 1)
    for y, (value, low, high) in enumerate(rows.values()):
        ax.plot([low, high], [y, y], color=COLORS[5], lw=4, solid_capstyle="butt")
        ax.plot(value, y, "o", color=COLORS[0])
    ax.axvline(0, color="black", lw=1)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel=xlabel)
    ax.grid(axis="y", lw=0.4)
    return figure


@styled
def dependences(panels: Mapping[str, tuple[Sequence[Any], np.ndarray]], ylabel: str, title: str) -> Figure:
    """Draw how a prediction changes with one column at a time, a panel each.

    Args:
        panels: name of the column -> its values, numbers or levels, and the change of the logarithm of the
            prediction, (folds, values).
        ylabel: what changes.
        title: title of the figure.
    """
    figure = titled_figure(title, 2.35 * len(panels), 3.0)
    axes = panels_of(figure, len(panels), sharey=True)
    for ax, (name, (values, changes)) in zip(axes, panels.items()):
        are_numbers = not isinstance(values[0], str)
        x = values if are_numbers else range(len(values))
        style = {} if are_numbers else {"ls": "", "marker": "."}
        for i, fold in enumerate(np.expm1(changes)):
            ax.plot(x, fold, color=COLORS[5], lw=0.8, label=None if i else "each fold", **style)
        mean = np.expm1(changes.mean(axis=0))
        ax.plot(x, mean, color=COLORS[0], label="mean", marker="o", ls="-" if are_numbers else "")
        ax.locator_params(axis="x", nbins=4)
        if not are_numbers:
            ax.set_xticks(x, [value[:MAX_LEVEL] for value in values], rotation=90)
        ax.axhline(0, color="black", lw=0.8)
        ax.set_xlabel(name)
    axes[0].set_ylabel(ylabel)
    axes[0].yaxis.set_major_formatter(
        lambda value, _: f"{value:+.0%}".replace("-", "\N{MINUS SIGN}") if value else "0"
    )
    legend_below(figure, axes[0])
    return figure


@styled
def scores_by_size(
    sizes: Sequence[float], scores: Mapping[str, np.ndarray], xlabel: str, ylabel: str, title: str
) -> Figure:
    """Draw how scores fall with the number of examples: the mean of the folds, and each of them.

    Args:
        sizes: numbers of examples, (sizes,).
        scores: name of the model -> its scores, (folds, sizes).
        xlabel: what there is a number of.
        ylabel: what the scores are.
        title: title of the figure.
    """
    figure = titled_figure(title, 5.2, 3.6)
    (ax,) = panels_of(figure, 1)
    for (name, values), color in zip(scores.items(), COLORS):
        ax.plot(sizes, values.T, ".", color=color, alpha=0.35)
        ax.plot(sizes, values.mean(axis=0), "o-", color=color, label=name)
    ax.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    ax.minorticks_off()
    legend_below(figure, ax)
    return figure
