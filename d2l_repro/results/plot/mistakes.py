"""Draw which proofs catch which mistakes."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...columns import balanced
from ...language import tr
from ..caught import NO_MISTAKE, PROOFS, Measured, Table
from ..formatting import in_words
from ..table_text import head_text
from .style import COLORS, panels_of, styled, titled_figure

ROW = 0.21  # inches of a mistake
HEAD, UPRIGHT = 1.0, 2.0  # of the space around a chapter's mistakes, by the direction of the columns' names
FEW = 9  # columns whose names have room side by side
MARKS = {  # filled, hollow and a dash: to be told apart without colour
    True: {"marker": "o", "color": COLORS[0], "markersize": 8},
    False: {"marker": "o", "color": "#999999", "markersize": 6, "fillstyle": "none"},
    None: {"marker": "_", "color": "#999999", "markersize": 7},
}


@styled
def mistakes_matrix(table: Table) -> Figure:
    """Return a figure with a panel for each chapter: a row for each mistake, a column for each proof.

    A filled circle means that the proof catches the mistake, an empty one that it does not, a dash that it
    cannot say. The columns are gradient check, parity, and the published values by number.

    Args:
        table: with at least one mistake.
    """
    chapters = [[row for row in table.of(name) if row.mistake != NO_MISTAKE] for name in table.chapters]
    chapters = [rows for rows in chapters if rows]
    marks = [[table.marks(row) for row in rows] for rows in chapters]
    heights = [
        len(rows) * ROW + (HEAD if len(_columns(each)) <= FEW else UPRIGHT)
        for rows, each in zip(chapters, marks)
    ]
    caught = sum(any(mark is True for mark in row.values()) for each in marks for row in each)
    title = f"{caught} of {sum(map(len, chapters))} mistakes (rows) are caught (filled) by a proof (columns)"
    figure = titled_figure(title, 8.6, sum(heights) + 0.6)
    panels = panels_of(figure, 1, len(chapters), gridspec_kw={"height_ratios": heights})
    for ax, rows, each in zip(panels, chapters, marks):
        _draw_chapter(ax, rows, each)
    return figure


def _draw_chapter(ax: Axes, rows: list[Measured], marks: list[dict[str, bool | None]]) -> None:
    columns = _columns(marks)
    upright = len(columns) > FEW
    names = [
        tr("gradients"),
        tr("parity"),
        *(_short(name, 24 if upright else 11) for name in columns[len(PROOFS) :]),
    ]
    for y, row in enumerate(marks):
        for name, mark in row.items():
            ax.plot(columns.index(name), y, linestyle="", **MARKS[mark])
    ax.set_title(rows[0].chapter, loc="left")
    ax.set_xticks(range(len(columns)), names, rotation=90 if upright else 0)
    ax.tick_params(axis="x", length=0)
    ax.set_yticks(range(len(rows)), [row.mistake for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(-0.5, max(len(columns), FEW) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def _columns(marks: list[dict[str, bool | None]]) -> list[str]:
    """Return the proofs that a chapter has: gradient check, parity, and the published values by number."""
    return [*PROOFS, *dict.fromkeys(name for row in marks for name in row if name not in PROOFS)]


def _short(name: str, width: int) -> str:
    """Return a published value's name on lines of `width` characters."""
    run, _, metric = name.rpartition(" ")
    return "\n".join([*textwrap.wrap(run, width), balanced(head_text(in_words(metric)), width)])
