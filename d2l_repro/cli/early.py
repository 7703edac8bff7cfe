"""Answer `python -m chapters.NAME` before the chapter imports MXNet, where that is possible."""

from __future__ import annotations

import sys
from typing import Any

PACKAGE = "chapters."


class EarlyAnswers:
    """An import hook that finds nothing, but is asked for the module of `python -m` before all others.

    It ends the process if the chapter does not exist, or if only its help is asked for.
    """

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if sys.argv[:1] == ["-m"] and fullname.startswith(PACKAGE):
            answer(fullname[len(PACKAGE) :], sys.argv[1:])


def answer(name: str, argv: list[str]) -> None:
    """Exit with a chapter's help, or with the names of the chapters; return if neither is asked for.

    Args:
        name: of the module in the package of the chapters.
        argv: its flags.
    """
    from ..results.catalogue import folder

    is_there = (folder() / f"{name}.py").is_file()
    if is_there and not {"-h", "--help"} & set(argv):
        return
    from ..errors import one_line_errors
    from ..settings import choose_language

    prog = f"python -m {PACKAGE}{name}"
    with one_line_errors(prog if is_there else f"python -m {PACKAGE[:-1]}", importing=True):
        argv = choose_language(argv)
        if is_there:
            _print_help(name, argv, prog)
        else:
            from .runner import check_chapters

            check_chapters([] if name == "__main__" else [name])


def _print_help(name: str, argv: list[str], prog: str) -> None:
    from ..errors import InputError
    from .flags import parse
    from .outline import read_outline

    try:
        outline = read_outline(name)
    except (InputError, KeyError):  # it, or another one, is no chapter: running it will show that
        return
    parse(outline, argv, prog)
