"""What chapters there are. Their sources are read, not imported: that would import MXNet, which takes
seconds."""

import ast
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError

TEXTBOOK = (
    "linear_regression",
    "softmax_regression",
    "mlp",
    "polynomial_fitting",
    "weight_decay",
    "dropout",
    "house_prices",
)


@dataclass(frozen=True)
class Entry:
    """A chapter, as its source tells it."""

    name: str
    title: str  # the docstring's first line
    source: str  # its second paragraph: where in the book, or in which article
    about: tuple  # the other paragraphs
    datasets: tuple  # names that --dataset offers; none where data are made up
    trains: bool = True  # or has it only notes?

    @property
    def section(self):
        """Numbers of the book's sections, "3.4 to 3.7"; "article" for what is not from the book."""
        found = re.search(r"sections? ([\d.]*\d(?: to [\d.]*\d)?)", self.source)
        return found[1] if found else "article"


def folder() -> Path:
    """Return the folder that holds the chapters' modules, without importing any of them."""
    return Path(find_spec("chapters").submodule_search_locations[0])


@lru_cache
def entries():
    """Name -> Entry of every chapter; the textbook's first, in its order."""
    modules = {path.stem for path in folder().glob("[!_]*.py") if _chapter_call(path.stem)}
    return {name: _entry(name) for name in [*TEXTBOOK, *sorted(modules - set(TEXTBOOK))]}


def _entry(name):
    doc = ast.get_docstring(_source(name)) or name
    title, *others = (" ".join(paragraph.split()) for paragraph in doc.split("\n\n"))
    return Entry(
        name,
        title.rstrip("."),
        "".join(others[:1]),
        tuple(others[1:]),
        _datasets(name),
        any(keyword.arg == "runs" for keyword in _chapter_call(name).keywords),
    )


def _source(name):
    path = folder() / f"{name}.py"
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as Python ({error}); mend it or take it out of the folder"
        ) from error


def _chapter_call(name):
    """Return the call `Chapter(...)` or `notebook_chapter(...)` of a module, None if it is no chapter."""
    return next(
        (
            node
            for node in ast.walk(_source(name))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Chapter", "notebook_chapter")
        ),
        None,
    )


def _datasets(name):
    """The argument `datasets` of the module's Chapter: names, or those of another,
    `softmax_regression.chapter`."""
    value = next(
        (keyword.value for keyword in _chapter_call(name).keywords if keyword.arg == "datasets"),
        ast.Tuple([]),
    )
    if isinstance(value, ast.Attribute):
        return _datasets(ast.unparse(value).partition(".")[0])
    try:
        return tuple(ast.literal_eval(value))
    except ValueError:
        return ("see --help",)


@lru_cache
def reproduced():
    """The summary of the full run that the README shows: `Summary.as_json` of each chapter, without its
    metrics."""
    return json.loads(resources.files(__package__).joinpath("reproduced.json").read_text(encoding="utf-8"))
