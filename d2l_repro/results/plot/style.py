"""The style all figures share, and how they become files."""

from __future__ import annotations

import functools
import io
import textwrap
from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Callable, TypeVar, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogFormatterMathtext, LogLocator, MaxNLocator, NullFormatter, NullLocator

from ...columns import balanced
from ...files import write_atomically
from . import chinese

# The palette of Okabe and Ito, which colour-blind readers can tell apart. In this order, dark and light
# colours alternate, for prints in grey.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^Dv"  # of the points of lines
SMALL = 8.5  # points, 11 pixels of a browser: no text of a figure is smaller
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.5,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.titlesize": 11,
    "font.size": 9,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "savefig.dpi": 160,
    "svg.hashsalt": "d2l_repro",  # equal figures give equal files
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
}
TITLE_WIDTH = 12  # characters of a title that have room on an inch
TITLE_LINE = 0.18  # inches of a line of it
PANEL_TITLE_WIDTH = 13  # the same of the title of a panel
FEW_POINTS = 3  # of a line that is hardly seen without marks
FEW_TIMES = 4  # between the ends of an axis
CONTRAST = 4.5  # between text and its ground, which WCAG demands
NEAR_CHANCE = 0.1  # of accuracies, to what guessing gives
ROUND = (1, 2, 5, 10)  # steps between ticks, times a power of ten

F = TypeVar("F", bound=Callable[..., Any])


def styled(function: F) -> F:
    """Make a function draw in the shared style, and leave matplotlib's own settings unchanged."""

    @functools.wraps(function)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with mpl.rc_context({**STYLE, "font.family": chinese.families(mpl.rcParams["font.family"])}):
            return function(*args, **kwargs)

    return cast(F, drawn)


@styled
def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as the content of an "svg" or "png" file.

    The figure is laid out the first time, and stays so.
    """
    _lay_out(figure)
    file = io.BytesIO()
    # The title becomes the alternative text of the report. Without a date, equal figures give equal files.
    title = chinese.title_text(figure.get_label())
    # `figure.savefig` would draw the figure once more beforehand, to lay it out.
    if kind == "svg":
        FigureCanvasSVG(figure).print_svg(file, metadata={"Title": title, "Date": None})
    else:
        dpi = figure.dpi
        figure.dpi = mpl.rcParams["savefig.dpi"]
        FigureCanvasAgg(figure).print_png(file, metadata={"Title": title})
        figure.dpi = dpi
    return file.getvalue()


def _lay_out(figure: Figure) -> None:
    """Place panels, titles and legends where none overlaps another, once and for all files of a figure.

    Matplotlib would do so for each file, and draw the figure once more to find out: more than half of the
    time that a file takes.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        chinese.translate(figure, _columns(figure.get_figwidth()))
        engine.execute(figure)
        figure.set_layout_engine("none")


def save(figures: Mapping[str, Figure], folder: str | Path, kinds: Sequence[str] = ("svg", "png")) -> None:
    """Write each figure, by its name, as NAME.svg and NAME.png, or as one of both.

    Raises:
        InputError: a file cannot be written.
    """
    for name, figure in figures.items():
        for kind in kinds:
            write_atomically(Path(folder) / f"{name}.{kind}", render(figure, kind))


def titled_figure(title: str, width: float, height: float) -> Figure:
    """Return an empty figure of that size, in inches, and higher if the title takes more than one line."""
    shown = balanced(title, _columns(width))
    figure = Figure(figsize=(width, height + TITLE_LINE * shown.count("\n")), label=title)
    figure.suptitle(shown)
    return figure


def _columns(width: float) -> int:
    """Return how many characters of a title have room on so many inches."""
    return int(TITLE_WIDTH * width)


def panels_of(figure: Figure | SubFigure, columns: int, rows: int = 1, **options: Any) -> list[Axes]:
    """Divide a figure into panels, row by row, with ticks at round numbers."""
    axes = list(figure.subplots(rows, columns, squeeze=False, **options).ravel())
    for ax in axes:
        ax.locator_params(nbins=6, steps=ROUND)
        ax.locator_params(axis="y", min_n_ticks=3)  # along the x axis there may be no room for them
    return axes


def widen(ax: Axes, span: float) -> None:
    """Make the x axis of a panel at least so long, around what it shows."""
    low, high = ax.get_xlim()
    margin = (span - (high - low)) / 2
    if margin > 0:
        ax.set_xlim(low - margin, high + margin)


def best_columns(count: int, most: int) -> int:
    """Return how many panels stand side by side, about `most`: so many that few places are empty."""
    if count <= most:
        return max(1, count)
    return min(
        range(most + 1, max(1, most - 2), -1), key=lambda columns: (-count % columns, -(-count // columns))
    )


def wrapped_title(title: str, width: float) -> str:
    """Return the title of a panel, broken into lines that have room on so many inches."""
    return "\n".join(
        textwrap.fill(line, max(1, int(PANEL_TITLE_WIDTH * width))) for line in title.split("\n")
    )


def few_points(x: Sized) -> dict[str, Any]:
    """Return the style of a line through so few points that it needs marks to be seen."""
    return {"marker": "o"} if len(x) <= FEW_POINTS else {}


def mark_chance(ax: Axes, chance: float | None, values: Iterable[float], upright: bool = False) -> None:
    """Draw a line where guessing would be, if any value comes near it.

    Args:
        ax: panel.
        chance: accuracy of guessing, None for what is no accuracy.
        values: what the panel shows.
        upright: whether the values are along the x axis.
    """
    if chance is None or not any(value < chance + NEAR_CHANCE for value in values):
        return
    options: dict[str, Any] = {"color": "#555555", "lw": 1, "ls": ":", "zorder": 0.9}
    place: dict[str, Any] = {"textcoords": "offset points", "xytext": (0, 2), "ha": "center"}
    if upright:
        ax.axvline(chance, **options)
        place.update(xy=(chance, 1), xycoords=("data", "axes fraction"))
    else:
        ax.axhline(chance, **options)
        place.update(xy=(0.5, chance), xycoords=("axes fraction", "data"))
        place["bbox"] = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.5}  # lines may run there
    ax.annotate("chance", color="#555555", fontsize=SMALL, **place)


def legend_beside(figure: Figure, ax: Axes, **options: Any) -> None:
    """Put the legend of one panel to the right of all panels."""
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", **options)


def legend_below(figure: Figure, ax: Axes, **options: Any) -> None:
    """Put the legend of one panel below all panels, in a row if no number of columns is given."""
    handles, labels = ax.get_legend_handles_labels()
    options = {"ncols": len(labels), **options}
    figure.legend(handles, labels, loc="outside lower center", **options)


def line_style(i: int) -> dict[str, str]:
    """Return colour and dashes of the i-th line: neighbours differ in both, also for prints in grey."""
    return {"color": COLORS[i % len(COLORS)], "ls": DASHES[i % len(DASHES)]}


def readable(color: str) -> tuple[float, ...]:
    """Return the colour for text on white: a light one of the palette darkened as far as it has to be."""
    parts = mpl.colors.to_rgb(color)
    while _contrast_to_white(parts) < CONTRAST:
        parts = tuple(0.97 * part for part in parts)
    return parts


def _contrast_to_white(parts: Sequence[float]) -> float:
    """Return the contrast between a colour and white as WCAG defines it, from 1 to 21."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear)) + 0.05)


def counted(axis: Axis) -> None:
    """Put the ticks of an axis at whole numbers, such as epochs, even if it shows only one."""
    axis.set_major_locator(MaxNLocator(6, integer=True, steps=ROUND, min_n_ticks=1))


def logarithmic(ax: Axes, name: str = "y") -> None:
    """Make an axis logarithmic: 0.2, 0.5, 1 if it spans less than two powers of ten, else a tick at powers.

    If its ends are but a few times apart, it has even ticks, of which 1, 2 and 5 would be too few. Numbers
    far from 1 are written as powers of ten.

    Args:
        ax: panel, with everything drawn.
        name: "x" or "y".
    """
    ax.set(**{f"{name}scale": "log"})
    axis: Axis = getattr(ax, f"{name}axis")
    low, high = getattr(ax, f"get_{name}lim")()
    if high < FEW_TIMES * low:
        axis.set_major_locator(MaxNLocator(5, steps=ROUND))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,), numticks=9))
    axis.set_major_formatter("{x:g}" if low > 5e-4 and high < 2e5 else LogFormatterMathtext())
    axis.set_minor_formatter(NullFormatter())
