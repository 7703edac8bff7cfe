"""Tables of the page: which columns hold numbers, and how a wide one stacks on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...language import language, tr
from ..formatting import RANGE
from ..table_text import cell_text, head_text

MAX_COLUMNS = 60  # of a table; the widest of ours has 20
PHONE = 42  # characters that a row may have on a phone
SHORT = 8  # rows that a table may have without being folded
NUMBER = r"[<≤≥>]?\s?[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"


@dataclass
class Table:
    """A table of text; a cell may be HTML, if it is Markup.

    Attributes:
        caption: what it shows.
        head: names of the columns.
        rows: each with a cell for every column.
        folded: whether it is folded, however short it is; a long one always is.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    folded: bool = False

    @classmethod
    def of(cls, caption: str, rows: Iterable[Mapping[str, Any]], folded: bool = False) -> Table:
        """Return the table of rows that have the columns of the first one, or none of them.

        Heads and cells that tables of this project have are shown in the reader's language.
        """
        rows = list(rows)
        head = list(rows[0])[:MAX_COLUMNS]
        told = cell_text if language() != "en" else _as_it_is
        cells = [[told(row.get(name, ""), name) for name in head] for row in rows]
        return cls(caption, [head_text(name) for name in head], cells, folded)

    @property
    def is_folded(self) -> bool:
        """Whether a reader has to unfold it."""
        return self.folded or self.is_long

    @property
    def is_long(self) -> bool:
        """Whether it is too long to stand between pictures."""
        return len(self.rows) > SHORT

    @property
    def is_wide(self) -> bool:
        """Whether a phone shows its rows as cards."""
        return self._width() > PHONE

    @property
    def numeric(self) -> list[int]:
        """Columns, counted from 1, that hold numbers and nothing else."""
        numbers = _numbers(language())
        return [
            i
            for i, cells in enumerate(zip(*self.rows), 1)
            if any(map(str, cells)) and all(_is_number(cell, numbers) for cell in cells)
        ]

    def _width(self) -> int:
        """Return the characters of a row, where only spaces may break a line."""
        columns = zip(self.head, *self.rows)
        return sum(
            2 + max(max(map(len, str(cell).split()), default=0) for cell in cells) for cells in columns
        )


def _as_it_is(cell: Any, head: str) -> Any:
    """Return a cell as it is, as `cell_text` would after asking for the language each time."""
    return cell


def _is_number(cell: Any, numbers: re.Pattern[str]) -> bool:
    return isinstance(cell, (int, float)) or numbers.fullmatch(str(cell)) is not None


@lru_cache
def _numbers(language: str) -> re.Pattern[str]:
    """Return what a cell of numbers may be, in that language, which is the reader's."""
    to, missing = tr(RANGE, low="", high="").strip(), cell_text("not finite", "")
    return re.compile(rf"(?:{NUMBER}(?: (?:±|{to}|/) {NUMBER})*(?: ?(?:ms|s|min|%))?|-|{missing}|)")


class Stylesheet:
    """The part of the style that depends on the tables: it keeps their cells free of attributes."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, ...], str] = {}
        self._numeric: set[int] = set()

    def classes(self, table: Table) -> str:
        """Return the classes of a table."""
        names = [f"n{i}" for i in table.numeric]
        self._numeric.update(table.numeric)
        if table.is_wide:
            names += ["stack", self._heads.setdefault(tuple(table.head), f"h{len(self._heads)}")]
        return " ".join(names)

    def text(self) -> str:
        """Return the rules for all tables whose classes were asked for."""
        numeric = ",".join(f".n{i} tr>:nth-child({i})" for i in sorted(self._numeric))
        labels = "".join(
            f'.{name} tr>:nth-child({i})::before{{content:"{_css_text(column)}"}}'
            for head, name in self._heads.items()
            for i, column in enumerate(head, 1)
        )
        right = f"{numeric}{{text-align:right;white-space:nowrap}}\n" if numeric else ""
        return f"{right}@media screen and (max-width:46rem){{{labels}}}\n" if labels else right


def _css_text(text: str) -> str:
    """Return text for a CSS string, with all but letters and digits escaped: nothing ends it early."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in str(text))
