"""Where sources were published: addresses.csv, for links."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib import resources


@lru_cache
def addresses() -> dict[str, str]:
    """Return the text that names a source -> its address; "section 3.4" is one of the book.

    A source without a row, such as an article whose address is not known, is no link.
    """
    text = resources.files(__package__).joinpath("addresses.csv").read_text(encoding="utf-8")
    return {row["text"]: row["address"] for row in csv.DictReader(text.splitlines())}


@lru_cache
def _pattern() -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in addresses() if not name.startswith("section "))
    english, chinese = r"\bsections? ([\d.]*\d)(?: to [\d.]*\d)?", r"第 ([\d.]*\d)(?: 至 [\d.]*\d)? 节"
    return re.compile(f"{names}|{english}|{chinese}")


def linked(text: str) -> list[tuple[str, str | None]]:
    """Return text in pieces, each with the address that it leads to, or None."""
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for match in _pattern().finditer(text):
        section = match[1] or match[2]
        address = addresses().get(f"section {section}" if section else match[0])
        if address:
            pieces += [(text[end : match.start()], None), (match[0], address)]
            end = match.end()
    return [*pieces, (text[end:], None)]
