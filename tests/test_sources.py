"""The list of what the articles contain: its form, and that what it names exists."""

import csv
import importlib
import re
from pathlib import Path

import pytest
from blocks.sources import ARTICLES

from d2l_repro.results.catalogue import entries, reproduced
from d2l_repro.results.printed import published_values
from d2l_repro.results.verdicts import JUDGED, Verdict

ROOT = Path(__file__).parents[1]
COLUMNS = ["id", "article", "lines", "kind", "item", "printed", "status", "where", "why"]
KINDS = {"experiment", "figure", "number", "claim", "facility", "mistake", "question"}
STATUSES = {"there", "deviates", "missing", "impossible"}
# Figures, tables and metrics that chapters share are named here.
SHARED = (
    "d2l_repro/experiment/comparison.py",
    "d2l_repro/experiment/conclusions.py",
    "d2l_repro/train/callbacks.py",
    "d2l_repro/verify/lost_gradients.py",
)
PUBLISHED = {(row["chapter"], row["run"], row["metric"]) for row in published_values()}
DIFFERENT = {*JUDGED, Verdict.UNDECIDED} - {Verdict.AGREES}


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


ITEMS = list(csv.DictReader(read("docs/sources.csv").splitlines()))


def test_items_have_consecutive_ids_article_by_article():
    assert list(ITEMS[0]) == COLUMNS
    expected, number = [], {}
    for item in ITEMS:
        number[item["article"]] = number.get(item["article"], 0) + 1
        expected.append(f"{item['article']}-{number[item['article']]:02d}")
    assert [item["id"] for item in ITEMS] == expected
    assert list(number) == sorted(number)


def test_items_are_complete_and_say_why_they_are_not_shown_as_printed():
    for item in ITEMS:
        assert item["kind"] in KINDS, item
        assert item["status"] in STATUSES, item
        assert re.fullmatch(r"\d+(-\d+)?(, \d+(-\d+)?)*", item["lines"]), item
        assert item["item"], item
        assert item["where"] or item["status"] in ("missing", "impossible"), item
        assert bool(item["why"]) == (item["status"] in ("deviates", "impossible")), item


def test_numbers_and_claims_that_differ_from_our_seeds_are_not_listed_as_shown():
    items = [item for item in ITEMS if item["kind"] in ("number", "claim") and item["status"] == "there"]
    assert {item["id"]: rows for item in items if (rows := rows_that_differ(item))} == {}


def test_rows_that_differ_are_found_by_article_run_and_metric():
    item = {"article": "000", "where": "optimizers: table A; optimizers: softmax momentum best / test_acc"}
    assert rows_that_differ(item) == [
        ("optimizers", f"{impl} softmax momentum best", "test_acc") for impl in ("scratch", "gluon")
    ]
    assert rows_that_differ({**item, "article": "002"}) == []


def rows_that_differ(item):
    """Return the rows of an item's article, for either implementation, that differ from our seeds."""
    places = [place.partition(": ") for place in item["where"].split("; ")]
    return [
        (chapter, row["run"], row["metric"])
        for chapter, _, rest in places
        if chapter in entries()
        for row in reproduced()["chapters"][chapter]["published"]
        if rest in (f"{run} / {row['metric']}" for run in (row["run"], row["run"].partition(" ")[2]))
        and row["source"].startswith(ARTICLES[item["article"]])
        and row["verdict"] in DIFFERENT
    ]


def test_items_are_of_the_articles_that_published_values_and_chapters_name():
    assert set(ARTICLES) == {item["article"] for item in ITEMS}
    named = [row["source"] for row in published_values()] + [
        entry.source.removeprefix("A ") for entry in entries().values()
    ]
    assert [title for title in ARTICLES.values() if not any(name.startswith(title) for name in named)] == []


def test_document_loses_no_printed_number():
    document = read("docs/sources.md")
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in document.splitlines()}
    for item in ITEMS:
        line = lines[item["id"]].replace("\\", "").replace("&lt;", "<")
        assert item["printed"] in line
        assert f"| {item['status']} | " in line


def test_items_name_what_exists():
    places = dict.fromkeys(place for item in ITEMS for place in item["where"].split("; ") if place)
    assert {place: fault for place in places if (fault := fault_of(place))} == {}


@pytest.mark.parametrize(
    "place",
    [
        "no_chapter",
        "no_chapter: figure images",
        "mlp: gluon",
        "mlp: gluon / no_metric",
        "xor: no such run / test_acc",
        "softmax_regression: figure no_images",
        "softmax_regression: table No table",
        "gluon_blocks: note No note",
        "linear_regression: --no-flag",
        "tests/test_nothing.py",
        "tests/test_sources.py: test_nothing_" + "of_this_name",
    ],
)
def test_fault_of_finds_what_does_not_exist(place):
    assert fault_of(place)


def fault_of(place):
    """Return what is wrong with a reference of the column `where`, None if what it names exists."""
    path = re.fullmatch(r"([\w/]+\.(?:py|md))(?:: (.+))?", place)
    if path:
        return fault_of_file(path[1], path[2])
    chapter, _, rest = place.partition(": ")
    if chapter not in entries():
        return "no such chapter"
    if rest in ("", "docstring"):
        return None
    source = read(f"chapters/{chapter}.py")
    kind, _, name = rest.partition(" ")
    if kind in ("figure", "table"):
        shared = "".join(map(read, SHARED))
        return None if as_file_name(name) in as_file_name(source + shared) else f"no such {kind}"
    if kind == "note":
        return None if f"# ## {name}\n" in source else "no such note"
    if kind.startswith("--"):
        field = kind[2:].replace("-", "_")
        return None if re.search(rf"^    {field}: ", source, re.MULTILINE) else "no such flag"
    run, slash, metric = rest.rpartition(" / ")
    if not slash:
        return "neither figure, table, note, flag nor run / metric"
    return None if (chapter, run, metric) in PUBLISHED else fault_of_run(chapter, run, metric, source)


def fault_of_file(path, name):
    if not (ROOT / path).is_file():
        return "no such file"
    return None if not name or re.search(rf"\b{re.escape(name)}\b", read(path)) else "not in the file"


def as_file_name(text):
    """Return a title as the name of its figure's file."""
    return text.lower().replace(" ", "_")


def fault_of_run(chapter, run, metric, source):
    module = importlib.import_module(f"chapters.{chapter}").chapter
    if run not in {name for one in module.runs(module.HParams()) for name in (one.label, one.variant)}:
        return "no such run"
    # A chapter may number its metrics: norm_1 is f"norm_{i}".
    names = (metric, re.sub(r"\d+$", "{i}", metric))
    shared = source + "".join(map(read, SHARED))
    return None if any(f'"{name}"' in shared for name in names) else "no such metric"
