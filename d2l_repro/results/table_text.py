"""Tables of results as text: heads in the reader's language, and columns aligned by what a terminal shows."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..columns import padded, width
from ..language import language, retell, tr
from .formatting import metric_name
from .table_words import CELLS, COMPARISONS, HEADS, HEADS_WITH_VALUES, TITLES

if TYPE_CHECKING:
    import pandas as pd

NAMES = (
    "chapter",
    "run",
    "runs",
    "variant",
    "impl",
)  # heads of columns whose cells are names, the same everywhere


def head_text(name: str) -> str:
    """Return the head of a column in the reader's language; a metric's is "test acc" in English."""
    if language() == "en":
        return name
    if name in HEADS:
        return tr(name)
    before, colon, after = name.partition(": ")
    if colon:
        return tr("{what}: {metric}", what=head_text(before), metric=head_text(after))
    if name.startswith("published "):
        return tr("published {metric}", metric=head_text(name[len("published ") :]))
    told = retell(name, *HEADS_WITH_VALUES, parts=HEADS)
    return metric_name(name.replace(" ", "_")) if told == name else told


def title_text(title: str) -> str:
    """Return the title of a table in the reader's language, if that is known."""
    return retell(title, *TITLES, *COMPARISONS, parts=(*TITLES, *COMPARISONS, *HEADS))


def cell_text(cell: Any, head: str) -> Any:
    """Return a cell in the reader's language if it is text that tables of this project have."""
    return retell(cell, *CELLS) if isinstance(cell, str) and head not in NAMES else cell


def shortened(text: str, columns: int) -> str:
    """Return a text that takes no more than that many columns, with dots in place of what is left out."""
    if language() == "en":
        return textwrap.shorten(text, columns, placeholder=" ...")
    if width(text) <= columns:
        return text
    while width(text) > columns - 2:
        text = text[:-1]
    return f"{text}\u2026"


def aligned(rows: Sequence[Mapping[str, str]], right: Collection[str] = ()) -> str:
    """Return rows as a table of text, with columns aligned on the left.

    Args:
        rows: at least one, all with the same columns.
        right: columns to align on the right.
    """
    heads = {name: head_text(name) for name in rows[0]}
    widths = {name: max(width(heads[name]), *(width(row[name]) for row in rows)) for name in heads}
    lines = (
        [padded(cell, widths[name], name in right) for name, cell in row.items()] for row in [heads, *rows]
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


def as_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a pandas table; imports pandas, which takes a while, only when there is one to show."""
    import pandas as pd

    frame = pd.DataFrame([{name: cell_text(cell, name) for name, cell in row.items()} for row in rows])
    frame.columns = [head_text(name) for name in frame.columns]
    return frame


def frame_text(frame: pd.DataFrame) -> str:
    """Return a pandas table as text."""
    import pandas as pd

    with pd.option_context("display.unicode.east_asian_width", language() != "en"):
        return frame.to_string(index=False)
