"""Read what a command line has to know of a chapter from its source: importing it would import MXNet."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from ..results.catalogue import Entry, entries, folder, parse_module
from ..settings import HParams
from .flags import Outline


@lru_cache
def read_outline(name: str) -> Outline:
    """Return the outline of a chapter.

    Args:
        name: of a chapter in the catalogue.

    Raises:
        InputError: a module in the folder of the chapters is not valid Python.
    """
    entry = entries()[name]
    try:
        return _outline(entry, _settings(name))
    except Exception:
        # Its settings need more of the module than is read here, so the module itself is asked.
        from .chapter import outline_of

        return outline_of(import_module(f"chapters.{name}").chapter)


def _outline(entry: Entry, settings: type) -> Outline:
    return Outline(
        entry.name,
        ast.get_docstring(parse_module(entry.name), clean=False) or "",
        settings,
        entry.quick,
        entry.datasets,
        trains=entry.trains,
        compares=entry.compares,
        with_d2l=entry.with_d2l,
        in_processes=entry.execution == "IN_PROCESSES",
        resumable=entry.execution == "RESUMABLE",
        depends_on_stream=entry.depends_on_stream,
    )


def _settings(name: str) -> type:
    """Return a chapter's class HParams, made by those statements of the module that it needs.

    They are compiled from the module's own tree, so that the comments on the fields, the help of the flags,
    are found in the module's file.
    """
    tree = parse_module(name)
    needed = _needed("HParams", tree)
    if not needed:
        return HParams
    path = folder() / f"{name}.py"
    module = ModuleType(f"d2l_repro.cli.outline.{name}")
    module.__file__, module.__package__ = str(path), "chapters"
    sys.modules[module.__name__] = module  # where `inspect` and dataclasses look for it
    body = ast.Module([node for node in tree.body if node in needed], [])
    exec(compile(body, str(path), "exec", dont_inherit=True), module.__dict__)
    return module.__dict__["HParams"]


def _needed(name: str, tree: ast.Module) -> set[ast.stmt]:
    """Return the statements that define a name of a module, and all names that they use in turn."""
    defined = {bound: node for node in tree.body for bound in _bound(node)}
    needed: set[ast.stmt] = set()
    names = [name]
    while names:
        node = defined.get(names.pop())
        if node is not None and node not in needed:
            needed.add(node)
            names += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return needed


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
