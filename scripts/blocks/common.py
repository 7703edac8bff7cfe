"""What blocks of several documents need: folders, languages, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from d2l_repro.language import language, set_language
from d2l_repro.results.table_text import cell_text, head_text

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures"


@contextmanager
def reader_of(name: str) -> Iterator[None]:
    """Write for a reader of a language, one of LANGUAGES, for a while."""
    before = language()
    set_language(name)
    try:
        yield
    finally:
        set_language(before)


def figure_name(name: str) -> str:
    """Return the name of a figure's file, NAME.svg or, for a reader of Chinese, NAME.zh.svg."""
    return f"{name}.svg" if language() == "en" else f"{name}.zh.svg"


def markdown(head: tuple, rows: list) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def rows_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a Markdown table in the reader's language."""
    lines = [tuple(cell_text(cell, head) for head, cell in row.items()) for row in rows]
    return markdown(tuple(map(head_text, rows[0])), lines)
