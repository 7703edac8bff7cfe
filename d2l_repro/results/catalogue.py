"""The catalogue of chapters, read from their sources: importing them would import MXNet."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..language import tr

TEXTBOOK = (
    "linear_regression",
    "softmax_regression",
    "mlp",
    "polynomial_fitting",
    "weight_decay",
    "dropout",
    "house_prices",
)
CONSTRUCTORS = ("Chapter", "notebook_chapter")


@dataclass(frozen=True)
class Entry:
    """What the source of a chapter says about it.

    Attributes:
        name: of the module.
        title: first line of its docstring, without the full stop.
        source: second paragraph of its docstring: where in the book, or in which article.
        about: the other paragraphs.
        datasets: names that --dataset offers; empty where all data are synthetic.
        trains: False for a chapter of notes.
        depends_on_stream: whether it offers --stream.
        quick: settings that --quick changes.
        execution: name of the member of `experiment.description.Execution`.
    """

    name: str
    title: str
    source: str = ""
    about: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    trains: bool = True
    depends_on_stream: bool = False
    quick: dict[str, Any] = field(default_factory=dict)
    execution: str = "SEQUENTIAL"

    # The next two look at every node of the source, so only for the chapters that are asked about.

    @cached_property
    def compares(self) -> bool:
        """Whether it has several variants."""
        return self.trains and not _has_one_variant(parse_module(self.name))

    @cached_property
    def with_d2l(self) -> bool:
        """Whether one of its builders is a class of d2l 1.0."""
        return self.trains and any("d2l" in _keys(node) for node in ast.walk(parse_module(self.name)))

    @property
    def section(self) -> str:
        """Numbers of the book's sections, "3.4 to 3.7", or "article" if the source is not the book."""
        numbers = re.search(r"sections? ([\d.]*\d(?: to [\d.]*\d)?)", self.source)
        return numbers[1] if numbers else "article"


def folder() -> Path:
    """Return the folder that holds the chapters' modules, without importing any of them.

    Raises:
        InputError: the package `chapters` is not installed.
    """
    spec = find_spec("chapters")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(tr("the package chapters is not beside d2l_repro; install the project again"))
    return Path(spec.submodule_search_locations[0])


@lru_cache
def entries() -> dict[str, Entry]:
    """Return all chapters by name, the textbook's first and in its order.

    Raises:
        InputError: a module in the folder is not valid Python.
    """
    names = (path.stem for path in folder().glob("[!_]*.py"))
    modules = {name for name in names if _chapter_call(parse_module(name))}
    return {name: _entry(name) for name in [*TEXTBOOK, *sorted(modules - set(TEXTBOOK))]}


@lru_cache
def reproduced() -> dict[str, Any]:
    """Return the summary of the full run that the README shows.

    It is as summary.json, but only chapters with several seeds have metrics.
    """
    return json.loads(resources.files(__package__).joinpath("reproduced.json").read_text(encoding="utf-8"))


def _entry(name: str) -> Entry:
    tree = parse_module(name)
    title, *others = (
        " ".join(paragraph.split()) for paragraph in (ast.get_docstring(tree) or name).split("\n\n")
    )
    arguments = _arguments(tree)
    return Entry(
        name=name,
        title=title.rstrip("."),
        source="".join(others[:1]),
        about=tuple(others[1:]),
        datasets=_datasets(arguments),
        trains="runs" in arguments,
        depends_on_stream="depends_on_stream" in arguments,
        quick=ast.literal_eval(arguments.get("quick", ast.Dict([], []))),
        execution=ast.unparse(arguments.get("execution", ast.Name("SEQUENTIAL"))).rpartition(".")[2],
    )


def _has_one_variant(tree: ast.Module) -> bool:
    """Return whether a chapter's only call of `runs_of` has a single variant written out."""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "runs_of"
    ]
    if len(calls) != 1 or not isinstance(calls[0].args[-1], ast.Dict):
        return False
    keys = calls[0].args[-1].keys
    return len(keys) == 1 and isinstance(keys[0], (ast.Constant, ast.JoinedStr))  # no name, as in a loop


def _keys(node: ast.AST) -> list[Any]:
    """Return the keys of a dict that is written out: their values, or None for what has to be computed."""
    return [getattr(key, "value", None) for key in node.keys] if isinstance(node, ast.Dict) else []


def parse_module(name: str) -> ast.Module:
    """Return the syntax tree of a chapter's module.

    Raises:
        InputError: it is not valid Python.
    """
    path = folder() / f"{name}.py"
    try:
        return _tree(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise InputError(
            tr(
                "{path}: cannot be read as Python ({error}); correct it or remove it from the folder",
                path=path,
                error=error,
            )
        ) from error


@lru_cache(maxsize=64)
def _tree(source: str) -> ast.Module:
    return ast.parse(source)


def _chapter_call(tree: ast.Module) -> ast.Call | None:
    """Return the call `Chapter(...)` or `notebook_chapter(...)` of a module, None if it is no chapter."""
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    calls = (node for value in assigned for node in ast.walk(value) if isinstance(node, ast.Call))
    return next((call for call in calls if getattr(call.func, "id", "") in CONSTRUCTORS), None)


def _arguments(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the keyword arguments of that call."""
    call = _chapter_call(tree)
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg} if call else {}


def _datasets(arguments: dict[str, ast.expr]) -> tuple[str, ...]:
    """Return the argument `datasets` of a Chapter.

    It may be another chapter's: for `softmax_regression.chapter.datasets` that module is read in turn.
    """
    value = arguments.get("datasets", ast.Tuple([]))
    if isinstance(value, ast.Attribute):
        other = ast.unparse(value).partition(".")[0]
        return _datasets(_arguments(parse_module(other)))
    try:
        return tuple(ast.literal_eval(value))
    except ValueError:
        return ("see --help",)
