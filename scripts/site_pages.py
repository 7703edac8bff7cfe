"""Write the pages of the documentation site that no document holds: commands, result.json, the last run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from blocks.results import verdict_line

import kaggle_house.cli
from d2l_repro import language
from d2l_repro.cli import flags, main
from d2l_repro.cli.outline import read_outline
from d2l_repro.language import tr
from d2l_repro.results import report, sources
from d2l_repro.results.catalogue import entries
from d2l_repro.results.formatting import format_duration

SCHEMA = "result.schema.json"
WIDTH = "200"  # characters of a line of help
SECTION = re.compile(r"^ (\S.*)\n -+$", re.MULTILINE)  # of a help text
LAST_RUN = """# The last full run

Each chapter's last full run on published data, until {date}. {verdicts} The [results](results.md) list each
number.

- [The report]({report}): chapter by chapter, every published value, and the table of mistakes. The code of
  `d2l-repro run` makes it from the committed numbers, so that it has no curves and no other figures of its
  own: `make reproduce` draws those.
- [The handout]({handout}): one page to print.

"""
LAST_RUN_CHINESE = """# 最近一次完整运行

各章在公布的数据上最近一次完整运行，截至 {date}。{verdicts}每个数值见[完整的结果](results.md)。

- [报告]({report})：逐章的结果、全部公布值和错误清单。它由 `d2l-repro run` 的代码根据已提交的数值生成，\
因此没有曲线和其他插图；`make reproduce` 会画出它们。
- [讲义]({handout})：可打印的一页。

"""
OPTION = re.compile(r"^(\S.*?)(?:  +|\n(?= ))(.*(?:\n +.*)*)", re.MULTILINE)  # of a section: flag, meaning


def commands() -> str:
    """Return the page of all commands but the chapters', with the text of their --help."""
    return "\n\n".join(
        [
            "# Commands",
            "What each command prints with `--help`. The chapters' flags have [their own page](chapters.md).",
            *_with_subcommands("d2l-repro", main.main),
            *_with_subcommands("python -m kaggle_house", kaggle_house.cli.main),
        ]
    )


def chapters() -> str:
    """Return the page of the chapters' flags."""
    pages = [
        "# Flags of the chapters",
        "`python -m chapters.NAME` takes these, and so does `d2l-repro run NAME`.",
    ]
    for entry in entries().values():
        outline = read_outline(entry.name)
        prog = f"python -m chapters.{entry.name}"
        text = _help(lambda argv, outline=outline, prog=prog: flags.parse(outline, argv, prog), [])
        pages += [f"## `{entry.name}`", f"{entry.title}. {entry.source}", *_options(text)]
    return "\n\n".join(pages)


def _with_subcommands(prog: str, command: Callable[[list[str]], Any], *argv: str) -> Iterator[str]:
    """Yield the sections of a command and, below them, of those that it is divided into."""
    text = _help(command, argv)
    usage, _, rest = text.partition("\n\n")
    yield f"##{'#' if argv else ''} `{' '.join((prog, *argv))}`"
    yield SECTION.split(rest)[0].strip()
    names = re.search(r"\{([\w,]+)\}$", usage) if "\n subcommands\n" in text else None
    if names:
        for name in names[1].split(","):
            yield from _with_subcommands(prog, command, *argv, name)
    else:
        yield f"```\n{' '.join(usage.split()).removeprefix('usage: ')}\n```"
        yield from _options(text)


def _help(command: Callable[[list[str]], Any], argv: Any) -> str:
    """Return what a command prints with --help, without spaces at the ends of lines."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        command([*argv, "--help"])
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines())


def _options(text: str) -> Iterator[str]:
    """Yield the sections of a help text, each with a table of its options."""
    _, *found = SECTION.split(text)
    for title, options in zip(found[::2], found[1::2]):
        *about, lines = re.split(r"^-+\n", textwrap.dedent(options), flags=re.MULTILINE)
        rows = [[flag, " ".join(meaning.split())] for flag, meaning in OPTION.findall(lines)]
        rows = [row for row in rows if row[0] != "-h, --help"]
        if rows:
            yield f"**{title[0].upper()}{title[1:]}.** {' '.join(about).strip()}"
            table = [f"| `{flag}` | {meaning} |".replace("{None}|", "") for flag, meaning in rows]
            yield "\n".join(["| option | what it does |", "| --- | --- |", *table])


def result_json() -> str:
    """Return the page about result.json, with a table for each object of its JSON Schema."""
    schema = json.loads(resources.files(sources.__package__).joinpath(SCHEMA).read_text(encoding="utf-8"))
    return "\n\n".join(
        [
            "# result.json",
            f"{schema['description']} [How it works](../how_it_works.md) says more about the most "
            f"important ones; other programs can check files with the [JSON Schema]({SCHEMA}).",
            *_objects(schema, schema["definitions"]),
        ]
    )


def _objects(node: Mapping[str, Any], known: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield a table of an object's keys, and then the sections of the objects in it."""
    required, inner = node.get("required", ()), []
    rows = ["| key | type | what it is |", "| --- | --- | --- |"]
    for key, value in node["properties"].items():
        kind, below, holder = _kind(value, known)
        about = value.get("description", "") + ("" if key in required else " *Optional.*")
        rows.append(f"| `{key}` | {kind} | {about.strip()} |".replace("\n", " "))
        if holder:
            inner.append((f"{path}{key}{below}", holder))
    if path:
        yield f"## `{path.rstrip('.')}`"
    yield "\n".join(rows)
    for name, holder in inner:
        yield from _objects(holder, known, f"{name}.")


def _kind(value: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any] | None]:
    """Return the type of a value in words, what leads to the objects in it, and their schema, if any.

    Args:
        value: its schema.
        known: the schemas that others refer to, by name.
    """
    value = {**known.get(value.get("$ref", "").rpartition("/")[2], {}), **value}
    if "enum" in value:
        return ", ".join(f"`{json.dumps(item)}`" for item in value["enum"]), "", None
    kinds = value["type"] if isinstance(value["type"], list) else [value["type"]]
    items = value.get("items", value.get("additionalProperties"))
    if not isinstance(items, dict):
        return " or ".join(kinds), "", value if "properties" in value else None
    kind, further, holder = _kind(items, known)
    kinds = [f"{name} ({kind})" if name in ("array", "object") else name for name in kinds]
    return " or ".join(kinds), ("[]" if "items" in value else ".NAME") + further, holder


def last_run(folder: Path) -> str:
    """Write the report of the committed full run to a folder, and return the page that leads to it.

    The report is made by the same code as that of `d2l-repro run`, of the numbers that are committed. Curves,
    figures, histories and settings are not among them. Page and report are in the reader's language.
    """
    collection = sources.read(sources.REPRODUCED)
    page = folder / report.FILE_NAME
    report.write(collection, page)
    rows = [{**item.row(), "time": format_duration(item.first.seconds)} for item in collection.summaries]
    head = list(dict.fromkeys(name for row in rows for name in row))
    table = ["| " + " | ".join(map(tr, head)) + " |", "| --- " * len(head) + "|"]
    table += ["| " + " | ".join(str(row.get(name, "")) for name in head) + " |" for row in rows]
    is_english = language.language() == "en"
    text = (LAST_RUN if is_english else LAST_RUN_CHINESE).format(
        date=max(item.first.finished for item in collection.summaries)[:10],
        report=page.name,
        handout=report.handout_path(page).name,
        verdicts=verdict_line(),
    )
    return text + "\n".join(table) + "\n"


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def write_reference(folder: Path) -> None:
    """Write the generated pages of the reference, which are in English, whatever the locale is."""
    reference = folder / "reference"
    with environment(**{"COLUMNS": WIDTH, language.VARIABLE: "en"}):
        pages = {"commands": commands(), "chapters": chapters(), "result_json": result_json()}
    for name, text in pages.items():
        (reference / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")
    schema = resources.files(sources.__package__).joinpath(SCHEMA).read_text(encoding="utf-8")
    (reference / SCHEMA).write_text(schema, encoding="utf-8")


def write_last_run(folder: Path, name: str) -> None:
    """Write the page, the report and the handout of the last run in a language."""
    with environment(**{language.VARIABLE: name}):
        (folder / "last_run.md").write_text(last_run(folder), encoding="utf-8")
