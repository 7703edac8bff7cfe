"""Update the catalogue of messages in Chinese, d2l_repro/locale/zh/LC_MESSAGES/d2l_repro.po, and compile it.

Messages come from the calls of `tr`, `trn` and `mark` in the code, from the docstrings of the chapters, and
from the texts of mistakes and reasons. What is new stands in the catalogue without Chinese, what the code no
longer has leaves it, and all else stays.

python scripts/catalogue.py            update both files, and say which messages lack their Chinese
python scripts/catalogue.py --check    exit with 1 if a file is not up to date, or Chinese is missing
"""

from __future__ import annotations

import ast
import inspect
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from d2l_repro.cli import flags, helptext, passing
from d2l_repro.cli import main as commands
from d2l_repro.cli.outline import read_outline
from d2l_repro.errors import DONE, FAILED, one_line_errors
from d2l_repro.files import write_atomically
from d2l_repro.language import DOMAIN, FOLDER
from d2l_repro.results import caught
from d2l_repro.results.catalogue import entries
from d2l_repro.results.printed import reasons
from kaggle_house import cli as house

ROOT = Path(__file__).parents[1]
PACKAGES = ("chapters", "d2l_repro", "kaggle_house", "scripts")
FUNCTIONS = {"tr": 1, "mark": 1, "trn": 2}  # name -> how many of the first arguments are messages
PO, MO = (Path(FOLDER, "zh", "LC_MESSAGES", f"{DOMAIN}{suffix}") for suffix in (".po", ".mo"))


class Catalogue(Catalog):
    """Messages and their Chinese. Without dates and versions of tools, equal ones give equal files."""

    header_comment = "# What is said in English, and in Chinese; `make catalogue` keeps this file up to date."
    mime_headers = (  # type: ignore[assignment]
        ("Language", "zh_CN"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
        ("Plural-Forms", "nplurals=1; plural=0;"),
    )


def main(argv: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    catalog = updated()
    content = {PO: as_po(catalog), MO: as_mo(catalog)}
    stale = [path for path in content if not path.is_file() or path.read_bytes() != content[path]]
    if argv != ["--check"]:
        for path in stale:
            write_atomically(path, content[path])
        stale = []
    lacking = untranslated(catalog)
    for path in stale:
        print(f"{path.relative_to(ROOT)}: not up to date; run: make catalogue", file=sys.stderr)
    for message in lacking:
        print(f"{PO.relative_to(ROOT)}: no Chinese of {message!r}", file=sys.stderr)
    return FAILED if stale or lacking else DONE


def messages() -> Iterator[tuple[str | tuple[str, ...], str]]:
    """Yield every message, one of `trn` as a pair, with the file that has it."""
    for name in PACKAGES:
        for path in sorted((ROOT / name).rglob("*.py")):
            for message in messages_in(path.read_text(encoding="utf-8")):
                yield message, str(path.relative_to(ROOT))
    for entry in entries().values():
        for text in filter(None, (entry.title, entry.source, *entry.about)):
            yield text, f"chapters/{entry.name}.py"
    yield from texts_of_help()
    for row in caught.committed().mistakes():
        yield row.what, "d2l_repro/results/mistakes.json"
    for reason in reasons().values():
        yield from ((text, "d2l_repro/results/reasons.csv") for text in (reason.text, reason.check))


def texts_of_help() -> Iterator[tuple[str, str]]:
    """Yield what stands in the help of commands: docstrings, and comments on the fields that become flags."""
    chapters = [read_outline(name) for name in entries()]
    classes = [*commands.COMMANDS.values(), passing.PassedOutput, *house.COMMANDS.values()]
    classes += [flags.DataOptions, flags.StreamOptions, passing.ImplOption, passing.OnlyOption]
    classes += [cls for each in chapters for cls in (each.settings, each.run_options, each.output_options)]
    found: dict[str, str] = {}
    for cls in classes:

        def noted(text: str, path: str = inspect.getsourcefile(cls)) -> str:
            found.setdefault(text, str(Path(path).resolve().relative_to(ROOT)))
            return text

        helptext.in_language(cls, noted)
    yield from found.items()


def messages_in(source: str) -> Iterator[str | tuple[str, ...]]:
    """Yield the messages that are written out in the calls of a module, those in f-strings included."""
    if not re.search(rf"\b({'|'.join(FUNCTIONS)})\(", source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            texts = [
                arg.value
                for arg in node.args[: FUNCTIONS[node.func.id]]
                if isinstance(arg, ast.Constant) and arg.value
            ]
            if len(texts) == FUNCTIONS[node.func.id]:
                yield texts[0] if len(texts) == 1 else tuple(texts)


def updated() -> Catalogue:
    """Return the messages of the code, each with the Chinese that the committed catalogue has for it."""
    with PO.open("rb") as file:
        known = read_po(file)
    catalog = Catalogue(locale="zh", fuzzy=False)
    for message, path in messages():
        names = [message] if isinstance(message, str) else message
        old = known.get(names[0])
        catalog.add(message, old.string if old else "", locations=[(path, 0)])
    return catalog


def untranslated(catalog: Catalog) -> list[str]:
    """Return the messages without Chinese."""
    return [message.id for message in catalog if message.id and not all(_forms(message.string))]


def _forms(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string


def as_po(catalog: Catalog) -> bytes:
    """Return the catalogue as the file that is edited."""
    file = io.BytesIO()
    write_po(file, catalog, width=110, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return the catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


if __name__ == "__main__":
    with one_line_errors("scripts/catalogue.py"):
        sys.exit(main(sys.argv[1:]))
