"""The tables of docs/sources.md: every item of the readers' articles, and where it is shown."""

from __future__ import annotations

import csv
import re
from collections import Counter

from d2l_repro.results.catalogue import entries
from d2l_repro.results.verdicts import tally, tally_text

from .common import ROOT, markdown
from .values import all_numbers

SOURCES = ROOT / "docs" / "sources.csv"
# The articles by the number that begins each item's id, as published.csv and the chapters name them.
ARTICLES = {
    "000": "reader's article on hand-written optimizers in MXNet",
    "001": "reader's article on modular nets with hand-derived gradients",
    "002": "reader's notes on MXNet",
    "003": "reader's article on two moons, initialisation and vanishing gradients",
    "004": "reader's article on TensorFlow experiments (XOR, MNIST, PTB)",
}
STATUSES = ("there", "deviates", "missing", "impossible")  # of an item of an article
FOLDED = 120  # characters of printed numbers beyond which a table hides them behind their count


def sources() -> str:
    """Return the statuses of each article's items, the verdicts on its numbers, and then every item."""
    items = items_of_sources()
    of = {article: [item for item in items if item["article"] == article] for article in ARTICLES}
    counts = {article: Counter(item["status"] for item in of[article]) for article in of}
    total = sum(counts.values(), Counter())
    verdicts = {article: verdicts_of(article) for article in of}
    rows = [
        (
            article,
            ARTICLES[article],
            *counts_text(counts[article]),
            tally_text(tally(verdicts[article])) or "-",
        )
        for article in of
    ]
    everything = tally_text(tally(verdict for found in verdicts.values() for verdict in found))
    rows.append(("", "all", *counts_text(total), everything))
    return "\n\n".join(
        [
            markdown(("article", "title", *STATUSES, "items", "verdicts on its numbers"), rows),
            *(article_section(article, of[article], counts[article]) for article in of),
        ]
    )


def items_of_sources() -> list[dict[str, str]]:
    """Return the rows of docs/sources.csv, an item of an article each."""
    with SOURCES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def verdicts_of(article: str) -> list[str]:
    """Return the verdict on each published number of an article that is compared with a run."""
    return [row["verdict"] for row in all_numbers() if row["source"].startswith(ARTICLES[article])]


def counts_text(counts: Counter) -> list[str]:
    """Return the number of items of each status, and of all."""
    return [str(counts[status]) for status in STATUSES] + [str(sum(counts.values()))]


def article_section(article: str, items: list[dict[str, str]], counts: Counter) -> str:
    """Return a heading, a paragraph and the table of an article's items."""
    title = ARTICLES[article]
    places = {place.partition(":")[0] for item in items for place in item["where"].split("; ")}
    modules = ", ".join(f"`{name}`" for name in entries() if name in places)
    counted = ", ".join(f"{status} {counts[status]}" for status in STATUSES)
    rows = [
        (
            item["id"],
            in_cell(item["item"]),
            printed_text(item["printed"]),
            item["status"],
            place_text(item["where"], item["why"]),
        )
        for item in items
    ]
    return "\n\n".join(
        [
            f"### {article}: {title}",
            f"A {title}; its items are shown in {modules}. Of the {len(items)}: {counted}.",
            markdown(("id", "item", "printed", "status", "where, and why it differs"), rows),
        ]
    )


def printed_text(printed: str) -> str:
    """Return printed numbers for a table; a long list is folded, with nothing left out."""
    if len(printed) <= FOLDED:
        return in_cell(printed)
    count = len(re.findall(r"-?\d+(?:\.\d*)?(?:e-?\d+)?", printed))
    return f"<details><summary>{count} numbers</summary>{in_cell(printed)}</details>"


def place_text(where: str, why: str) -> str:
    """Return where an item is shown, modules and files as code, and why it differs or cannot be shown."""
    places = [place.partition(": ") for place in where.split("; ") if place]
    shown = "; ".join(f"`{name}`{colon}{in_cell(rest)}" for name, colon, rest in places)
    return ". ".join(filter(None, (shown, in_cell(why))))


def in_cell(text: str) -> str:
    """Return text for a cell of a Markdown table, without what Markdown would read as markup."""
    return re.sub(r"([|*\[\]])", r"\\\1", text).replace("<", "&lt;")


BLOCKS = {"sources": sources}
