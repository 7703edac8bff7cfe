"""The table of docs/first_steps.md."""

from __future__ import annotations

from d2l_repro.results import sources
from d2l_repro.results.catalogue import TEXTBOOK
from d2l_repro.results.table_text import aligned

from .common import reader_of
from .values import VALUES


def overview() -> str:
    """Return the table that a run of the textbook prints last, in English if nothing else is asked for."""
    with reader_of("en"):
        rows = {summary.chapter: summary.row() for summary in sources.read(VALUES).summaries}
        return f"```\n{aligned([rows[name] for name in TEXTBOOK])}\n```"


BLOCKS = {"overview": overview}
