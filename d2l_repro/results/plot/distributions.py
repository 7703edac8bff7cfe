"""How values are distributed, and how they depend on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from .style import COLORS, SMALL, legend_below, logarithmic, panels_of, readable, styled, titled_figure

PERCENT = (-0.4, -0.2, -0.1, 0, 0.1, 0.2, 0.4, 0.7)  # ticks; the outermost are where the axis ends


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
def predicted_against_true(
    true: np.ndarray,
    predicted: np.ndarray,
    title: str,
    unit: str,
    names: Sequence[object] = (),
    named: int = 5,
) -> Figure:
    """Draw predictions over true values, both on logarithmic axes, and the diagonal where they are equal.

    Args:
        true: true values, shape (n,), of US dollars.
        predicted: predictions, shape (n,).
        title: title of the figure.
        unit: what the values are, "price".
        names: of the values, shown beside the predictions that are farthest off.
        named: how many of them.
    """
    figure = titled_figure(title, 5.2, 4.6)
    (ax,) = panels_of(figure, 1)
    ax.scatter(true, predicted, s=5, alpha=0.4)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    ax.axline((ends[0], ends[0]), (ends[1], ends[1]), color="black", lw=1)
    ax.annotate("equal", (ends[1], ends[1]), (-4, 0), textcoords="offset points", ha="right", va="bottom")
    order = np.argsort(-np.abs(np.log(predicted) - np.log(true)))
    far = order[: named if len(names) else 0]
    for i in sorted(far, key=lambda i: predicted[i]):
        ax.plot(true[i], predicted[i], "o", ms=4, color=COLORS[4])
        ax.annotate(
            f"Id {names[i]}",
            (true[i], predicted[i]),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=readable(COLORS[4]),
        )
    ax.set(xscale="log", yscale="log", xlabel=f"true {unit}", ylabel=f"predicted {unit}")
    ticks = [value for power in (3, 4, 5, 6) for value in (10**power, 2 * 10**power, 5 * 10**power)]
    shown = [value for value in ticks if ends[0] / 1.5 < value < ends[1] * 1.5]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(shown))
        axis.set_major_formatter(lambda value, _: f"${value / 1000:g}k")
        axis.set_minor_locator(NullLocator())
    return figure


@styled
def residuals(log_errors: np.ndarray, title: str, ylabel: str, bins: int = 60) -> Figure:
    """Draw how often predictions are how far off, with the shares within 10 % and 20 %.

    Args:
        log_errors: logarithms of predicted over true values, shape (n,).
        title: title of the figure.
        ylabel: what is counted.
        bins: number of bars.
    """
    figure = titled_figure(title, 6.4, 3.4)
    (ax,) = panels_of(figure, 1)
    percent = np.expm1(log_errors)
    ends = np.log1p((PERCENT[0], PERCENT[-1]))
    ax.hist(np.clip(log_errors, *ends), bins=bins, color=COLORS[5])
    for bound, color in ((0.1, COLORS[0]), (0.2, COLORS[4])):
        share = np.mean(np.abs(percent) <= bound)
        name = f"{share:.0%} of the {ylabel} within ±{bound:.0%}"
        for i, end in enumerate((-bound, bound)):
            ax.axvline(np.log1p(end), color=color, lw=1, ls="--", label=None if i else name)
    beyond = int(np.sum((log_errors < ends[0]) | (log_errors > ends[1])))
    if beyond:
        ax.plot([], [], " ", label=f"{beyond} farther off, in the outermost bars")
    ax.set_xticks(
        np.log1p(PERCENT),
        [f"{tick:+.0%}".replace("-", "\N{MINUS SIGN}") if tick else "0" for tick in PERCENT],
    )
    ax.set(xlabel="predicted price, compared with the true one (logarithmic axis)", ylabel=ylabel)
    legend_below(figure, ax, ncols=2)  # the panel is full of lines
    return figure


@styled
def histogram(
    panels: Mapping[str, np.ndarray],
    title: str,
    ylabel: str,
    bins: int = 60,
    density: bool = False,
    xlabel: str | None = None,
    logx: bool = False,
    spread: bool = False,
) -> Figure:
    """Draw how often values occur, with their mean marked, one panel each.

    Panels stand side by side, each over its own axis, or above each other over one that all share.

    Args:
        panels: what the values are -> values.
        title: title of the figure.
        ylabel: what is counted.
        bins: number of bars.
        density: whether the bars' areas add up to 1, in place of counts.
        xlabel: what the values of all panels are; then these share their axes, to be compared.
        logx: whether the axis that they share is logarithmic.
        spread: whether the standard deviation is marked, around the mean, in place of the mean.
    """
    if xlabel is None:
        figure = titled_figure(title, 1.2 + 3.2 * len(panels), 3.2)
        axes = panels_of(figure, len(panels))
        edges: Any = bins
    else:
        figure = titled_figure(title, 5.6, 0.7 + 1.5 * len(panels))
        axes = panels_of(figure, 1, len(panels), sharex=True, sharey=True)
        every = np.concatenate(list(panels.values()))
        edges = (np.geomspace if logx else np.linspace)(every.min(), every.max(), bins + 1)
    for ax, (name, values) in zip(axes, panels.items()):
        ax.hist(values, bins=edges, density=density)
        mean, std = values.mean(), values.std()
        for place in (mean - std, mean + std) if spread else (mean,):
            ax.axvline(place, color=COLORS[4], ls="--")
        number, what = (std, "standard deviation") if spread else (mean, "mean")
        ax.annotate(
            f"{what} {number:.4g}" if abs(number) >= 1 else f"{what} {number:.3f}".replace("-0.000", "0.000"),
            (mean, 1),
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            color=readable(COLORS[4]),
            fontsize=SMALL,
        )
        if xlabel is None:
            ax.set_xlabel(name)
        else:
            ax.set_title(name, loc="left")
    if xlabel is None:
        axes[0].set_ylabel(ylabel)
    else:
        if logx:
            logarithmic(axes[-1], "x")
        axes[-1].set_xlabel(xlabel)
        figure.supylabel(ylabel, fontsize="medium")
    return figure


@styled
def returned_scores(
    points: Mapping[str, Sequence[tuple[float, float]]], noise: float, band: str, title: str
) -> Figure:
    """Draw returned over cross-validated scores, and the band in which they are equal but for noise.

    Args:
        points: name of a model -> (cross-validated, returned) of each submission.
        noise: standard deviation of a returned score.
        band: what the band is, for the legend.
        title: title of the figure.
    """
    figure = titled_figure(title, 5.2, 4.4)
    (ax,) = panels_of(figure, 1)
    for (name, pairs), color in zip(points.items(), COLORS * (1 + len(points) // len(COLORS))):
        ax.plot(*zip(*pairs), "o", ms=5, color=color, label=name, zorder=3)
    values = [value for pairs in points.values() for pair in pairs for value in pair]
    margin = 3 * noise
    ends = np.array([min(values) - margin, max(values) + margin])
    ax.plot(ends, ends, color="black", lw=1, label="equal")
    ax.fill_between(
        ends, ends - 1.96 * noise, ends + 1.96 * noise, color=COLORS[5], alpha=0.25, lw=0, label=band
    )
    ax.set(xlim=ends, ylim=ends, xlabel="cross-validated log rmse", ylabel="returned log rmse")
    legend_below(figure, ax)
    return figure
