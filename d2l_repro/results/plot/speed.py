"""Draw how long training takes beside other packages and the limit of the processor."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...language import tr
from ..speed import LIMIT, OURS, PYTORCH, Measured, Record, Spread
from .style import COLORS, panels_of, styled, titled_figure

SHOWN = {OURS[0]: (COLORS[0], "o"), OURS[1]: (COLORS[2], "s"), PYTORCH: (COLORS[4], "D")}


@styled
def speeds(record: Record) -> Figure:
    """Return a figure with a line per contest: ratios to PyTorch on the left, to the limit on the right.

    A mark is the ratio of the medians, a line reaches from quartile to quartile.

    Args:
        record: with at least one contest.
    """
    measured = list(record.contests.values())
    # without PyTorch and limits, an empty line is better than no figure
    contests = [
        contest for contest in measured if contest.ratios(PYTORCH) or contest.ratios(LIMIT)
    ] or measured
    figure = titled_figure(
        "Time to train, as a multiple of PyTorch's and of the sum of the fastest kernels",
        8.6,
        1.6 + 0.32 * len(contests),
    )
    left, right = panels_of(figure, 2, sharey=True)
    for ax, to, label in (
        (left, PYTORCH, "PyTorch's time = 1"),
        (right, LIMIT, "sum of the fastest kernels known = 1"),
    ):
        for y, contest in enumerate(contests):
            _draw_contest(ax, y, contest, to)
        ax.axvline(1, color="black", lw=1)
        ax.set(xlabel=label, ylim=(len(contests) - 0.4, -0.6))
        ax.set_xlim(0, 1.05 * ax.get_xlim()[1])
    left.set_yticks(range(len(contests)), [contest.name for contest in contests])
    handles_and_labels = [ax.get_legend_handles_labels() for ax in (left, right)]
    known = {label: handle for pair in handles_and_labels for handle, label in zip(*pair)}
    title = "medians; lines from quartile to quartile"
    figure.legend(known.values(), known, loc="outside lower center", ncols=3, title=title)
    return figure


def _draw_contest(ax: Axes, y: int, contest: Measured, to: str) -> None:
    for i, (name, found) in enumerate(contest.ratios(to).items()):
        if name in SHOWN:
            color, marker = SHOWN[name]
            _draw_spread(ax, y + 0.2 * (i % 3 - 1), found, color, marker, name)


def _draw_spread(ax: Axes, y: float, found: Spread, color: str, marker: str, label: str) -> None:
    ax.plot([found.low, found.high], [y, y], color=color, lw=2)
    ax.plot(found.median, y, marker, color=color, ms=5, ls="", label=tr(label))
