"""Turn notebooks into chapters: scripts in jupytext's percent format whose outputs are checked.

A `# %% [markdown]` cell that starts with `## Title` begins a note. Comments between statements are prose,
like the text of a markdown cell. The output of a statement, which is what it prints followed by its value,
is given after `# ->` on its last line or on the lines below it:

    x = nd.arange(3)
    x.shape  # -> (3,)
    x
    # -> [0. 1. 2.]
    #    <NDArray 3 @cpu(0)>

Further lines are indented by at least four spaces. As in a doctest, `...` matches anything; runs of
whitespace, line ends among them, match each other. What NumPy 2 shows as `np.float32(6.0)` matches `6.0`, as
NumPy 1 shows it. A statement without such a comment must show nothing. For statements that are meant to fail
there is `raises`. A figure that a note gives a name is a figure of the result, under that name.

Code cells before the first note prepare the namespace of each note. A cell tagged `active-py` belongs to the
script only: in a notebook jupytext turns it into a raw cell.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx
from matplotlib.figure import Figure

from ..train.callbacks import seed_everything
from .chapter import Chapter

ARROW, CONTINUATION = "# ->", "#    "
CHECKS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NUMPY_2_SCALAR = re.compile(r"\bnp\.(?:(True|False)_|(?:bool|u?int|float|complex)\d*_?\(([^()]*)\))")


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a note."""

    prose: str  # what is said before it
    code: str
    expected: str  # output
    node: ast.stmt | None  # None for prose at the end of a note


def notebook_chapter(path: str) -> Chapter:
    """Return the chapter that runs the notes of a percent script, each as if alone in a new session.

    No note depends on another: each begins with the random numbers of the seed, with Gluon's count of layer
    names at 0, and with a fresh namespace.

    Args:
        path: the script, `__file__` in its own `active-py` cell. Its docstring is the chapter's, the file's
            name the chapter's name.
    """
    source = Path(path).read_text(encoding="utf-8")
    setup, notes = read_notebook(source)

    def show(result, data):
        for title, statements in notes.items():
            namespace = {"__name__": "__main__"}
            exec(setup, namespace)
            seed_everything(result.seed)
            with mx.name.NameManager():
                result.notes[title] = run_note(statements, namespace)
            drawn = {name: value for name, value in namespace.items() if isinstance(value, Figure)}
            result.figures.update(drawn)

    return Chapter(name=Path(path).stem, doc=ast.get_docstring(ast.parse(source)) or "", show=show)


def read_notebook(source: str) -> tuple[str, dict[str, list[Statement]]]:
    """Split a percent script into the code that prepares every note, and title -> statements of each note."""
    _, *parts = re.split(r"^# %%(.*)\n", source, flags=re.MULTILINE)
    cells = zip(parts[::2], parts[1::2])
    text = "\n".join(body for header, body in cells if "active-py" not in header)
    setup, *parts = re.split(r"^# ## (.*)\n", text, flags=re.MULTILINE)
    return setup, {title: read_statements(body) for title, body in zip(parts[::2], parts[1::2])}


def read_statements(source: str) -> list[Statement]:
    """Split a note into its statements, each with the prose before it and the output that it must have."""
    lines, row, statements = source.splitlines(), 0, []
    for node in ast.parse(source).body:
        start = min(part.lineno for part in (node, *getattr(node, "decorator_list", []))) - 1
        prose = _uncommented(lines[row:start])
        code, expected, row = _code_and_output(lines, start, node)
        statements.append(Statement(prose, code, expected, node))
    remark = _uncommented(lines[row:])
    return [*statements, Statement(remark, "", "", None)] if remark else statements


def run_note(statements: list[Statement], namespace: dict[str, Any]) -> dict[str, Any]:
    """Run the statements of a note and compare what they show with what is expected.

    Args:
        statements: from `read_statements`.
        namespace: the global names that the statements see and change.

    Returns:
        dict: "statements", a list of dicts with the "text" before a statement, its "code" and "output", and
        whether the output "holds", that is, matches the expected one. "error", if there is one, describes the
        first mismatch in one line.
    """
    note: dict[str, Any] = {"statements": []}
    for statement in statements:
        output = _run(statement.node, namespace) if statement.node else ""
        as_in_numpy_1 = NUMPY_2_SCALAR.sub(lambda match: match[1] or match[2], output)
        holds = doctest.OutputChecker().check_output(statement.expected, as_in_numpy_1, CHECKS)
        note["statements"].append(
            {"text": statement.prose, "code": statement.code, "output": output, "holds": holds}
        )
        if not holds:
            code, got, expected = map(_in_one_line, (statement.code, output, statement.expected))
            note.setdefault("error", f"{code} gave {got} instead of {expected}")
    return note


@dataclass
class CaughtError:
    """What `raises` caught; shown as the last line of a traceback would be."""

    text: str = "no exception"

    def __repr__(self):
        return self.text


@contextlib.contextmanager
def raises() -> Iterator[CaughtError]:
    """Catch the exception of a statement that is meant to fail, so that it can be shown afterwards.

    with raises() as error:
        1 / 0
    error  # -> ZeroDivisionError: division by zero
    """
    caught = CaughtError()
    try:
        yield caught
    except Exception as error:
        caught.text = _last_line(error)


def _code_and_output(lines, start, node):
    """Return a statement's code and expected output, and the row of the first line after them."""
    row = node.end_lineno
    last = lines[row - 1].encode()  # the parser counts columns in bytes
    code, comment = last[: node.end_col_offset].decode(), last[node.end_col_offset :].decode().strip()
    if comment.startswith(ARROW):
        expected = [comment[len(ARROW) :]]
    elif row < len(lines) and lines[row].startswith(ARROW):
        code, expected, row = last.decode(), [lines[row][len(ARROW) :]], row + 1
    else:
        return "\n".join(lines[start:row]), "", row
    code = "\n".join([*lines[start : node.end_lineno - 1], code])
    while row < len(lines) and lines[row].startswith(CONTINUATION):
        expected.append(lines[row][len(CONTINUATION) :])
        row += 1
    return code, "\n".join(expected), row


def _uncommented(lines):
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines).strip()


def _run(node, namespace):
    """Return what a statement prints, followed by its value or the last line of its exception."""
    printed, hook = io.StringIO(), sys.displayhook
    # A notebook's own hook shows values elsewhere.
    sys.displayhook = lambda value: None if value is None else print(repr(value))
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(ast.Interactive([node]), "<note>", "single", dont_inherit=True), namespace)
    except Exception as error:
        printed.write(_last_line(error))
    finally:
        sys.displayhook = hook
    return printed.getvalue().lstrip("\n").rstrip()  # MXNet's arrays begin with an empty line


def _last_line(error):
    name = type(error).__name__
    message = str(error).strip().splitlines() or [""]
    return f"{name}: {message[-1].removeprefix(f'{name}: ')}"


def _in_one_line(text):
    return f"`{' '.join(text.split())}`" if text.strip() else "no output"
