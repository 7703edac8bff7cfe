"""The style all figures share, and how they become files."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, TypeVar, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ...files import write_atomically

# The palette of Okabe and Ito, which colour-blind readers can tell apart. In this order, dark and light
# colours alternate, for prints in grey.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.size": 10,
    "grid.color": "#dddddd",
    "savefig.dpi": 160,
    "svg.hashsalt": "d2l_repro",  # equal figures give equal files
}

F = TypeVar("F", bound=Callable[..., Any])


def styled(function: F) -> F:
    """Make a function draw in the shared style, and leave matplotlib's own settings unchanged."""

    @functools.wraps(function)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with mpl.rc_context(STYLE):
            return function(*args, **kwargs)

    return cast(F, drawn)


@styled
def render(figure: Figure, kind: str) -> bytes:
    """Return a figure as the content of an "svg" or "png" file."""
    file = io.BytesIO()
    # The title becomes the alternative text of the report. Without a date, equal figures give equal files.
    metadata = {"Title": figure.get_label(), **({"Date": None} if kind == "svg" else {})}
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()


def save(figures: Mapping[str, Figure], folder: str | Path) -> None:
    """Write each figure, by its name, as NAME.svg and NAME.png.

    Raises:
        InputError: a file cannot be written.
    """
    for name, figure in figures.items():
        for kind in ("svg", "png"):
            write_atomically(Path(folder) / f"{name}.{kind}", render(figure, kind))


def titled_figure(title: str, width: float, height: float) -> Figure:
    """Return an empty figure of that size, in inches."""
    figure = Figure(figsize=(width, height), label=title)
    figure.suptitle(title)
    return figure


def panels_of(figure: Figure, columns: int, rows: int = 1, **options: Any) -> list[Axes]:
    """Divide a figure into panels, row by row."""
    return list(figure.subplots(rows, columns, squeeze=False, **options).ravel())


def legend_beside(figure: Figure, ax: Axes, **options: Any) -> None:
    """Put the legend of one panel to the right of all panels."""
    handles_and_labels = ax.get_legend_handles_labels()
    figure.legend(*handles_and_labels, loc="outside right center", frameon=False, fontsize="small", **options)


def line_style(i: int) -> dict[str, str]:
    """Return colour and dashes of the i-th line: together they repeat later than the palette does."""
    return {"color": COLORS[i % len(COLORS)], "ls": ("-", "--", ":")[i // len(COLORS) % 3]}


def readable(color: str) -> tuple[float, ...]:
    """Return the colour darkened for text: the light ones of the palette are too faint for it on white."""
    return tuple(0.68 * part for part in mpl.colors.to_rgb(color))


def logarithmic(ax: Axes) -> None:
    """Make the y axis logarithmic, with numbers on it even where it spans less than two powers of ten."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,), numticks=9))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
