"""What is wrong with a command line, in one line; tyro draws a box of several."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, get_args, get_origin, get_type_hints

from ..errors import InputError
from ..language import FLAG, listed, tr
from ..suggestions import choice, closest_flag

UNBROKEN = "100000"  # columns of a terminal in which tyro breaks no line
FRAME = re.compile("^(│ |  )| │$")
RULE = re.compile(r" ?╰?(─+|-+)╯?")
# What Python says of a word that is no number; of a flag that may also have none, tyro says more before it.
NO_INTEGER = re.compile(r"invalid literal for int\(\) with base 10: (.+)")
NO_FLOAT = re.compile(r"could not convert string to float: (.+)")


@contextmanager
def in_one_line(argv: Sequence[str], prog: str, arguments: Any = None) -> Iterator[None]:
    """Have tyro parse in the `with` block, and raise what it says of a command line that it refuses.

    Args:
        argv: what it parses.
        prog: name of the command.
        arguments: dataclass whose fields are the flags, if there is one; its attribute `hints`, if it has
            one, says of flags that are not among them why they cannot be given.

    Raises:
        InputError: the command line is refused.
    """
    box = io.StringIO()
    lists = {f"--{name}" for name, hint in _fields(arguments) if get_origin(hint) is tuple}
    for flag, value in zip(argv, [*argv[1:], "--"]):
        if flag in lists and value.startswith("--"):  # to tyro, this is an empty list
            raise _refused(tr("{flag}: its value is missing", flag=flag), prog)
    try:
        with _terminal_of(UNBROKEN), redirect_stderr(box):
            yield
    except SystemExit as end:
        if not end.code:
            raise
        raise _refused(_Refusal(box.getvalue(), argv, arguments).text(), prog) from None
    sys.stderr.write(box.getvalue())


def _refused(text: str, prog: str) -> InputError:
    return InputError(tr("{text} (see {prog} --help)", text=text, prog=prog))


@contextmanager
def _terminal_of(columns: str) -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = columns
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


class _Refusal:
    """What tyro says of a command line that it refuses.

    Args:
        box: as it prints it: a title and lines in a frame; a rule, or the frame, ends the message itself.
        argv: the command line.
        arguments: see `in_one_line`.
    """

    def __init__(self, box: str, argv: Sequence[str], arguments: Any):
        lines = [FRAME.sub("", line).rstrip() for line in box.splitlines()]
        rules = [i for i, line in enumerate(lines) if RULE.fullmatch(line)]
        begin = 2 if 1 in rules else 1  # below the title, which has a rule in a frame of ASCII characters
        end = next((i for i in rules if i > begin), len(lines))
        self.lines, self.others = lines[begin:end], lines[end:]
        self.argv, self.arguments = argv, arguments

    def text(self) -> str:
        """Return it in one line and the reader's language: the word or flag, and what is wrong with it."""
        said = " ".join(line.strip() for line in self.lines)
        for pattern, method in (
            (r"Unrecognized options: (.+)", self._unknown),
            (r"Error parsing (.+?): (.+)", self._bad_value),
            (r"invalid choice '(.*)' for argument '(.+?)'\. Expected one of \((.+?),?\)\.", self._bad_choice),
            (r"Missing value for argument '(.+?)'\..*", self._no_value),
            (r"Missing from .+?: .*", self._missing),
            (r"Expected one of \{(.+)\}\.", self._no_command),
        ):
            match = re.fullmatch(pattern, said)
            if match:
                return method(*match.groups())
        return said

    def _unknown(self, tokens: str) -> str:
        found = tokens.split(", ")
        for word in self.argv:
            flag, equals, value = word.partition("=")
            if equals and flag.startswith("-") and value == found[0]:
                return tr("{flag}: takes no value", flag=flag)
            if word in found:
                break
        else:
            flag = found[0]
        if flag.startswith("-"):
            return self._unknown_flag(flag)
        commands = [line.partition("subcommands: ")[2] for line in self.others if "subcommands: " in line]
        if commands:
            names = commands[0].split(", ")
            return tr("unknown command '{word}'; {choice}", word=flag, choice=choice(flag, names))
        return tr("'{word}': one word too many", word=flag)

    def _unknown_flag(self, flag: str) -> str:
        reason = getattr(self.arguments, "hints", {}).get(flag.lstrip("-").replace("_", "-"))
        if reason:
            return f"{flag}: {reason}"
        meant = closest_flag(flag, [*flags_of(self.arguments), FLAG[2:]])
        if meant:
            return tr("{flag}: no such flag; did you mean --{meant}?", flag=flag, meant=meant)
        return tr("{flag}: no such flag", flag=flag)

    def _bad_value(self, name: str, error: str) -> str:
        if error.startswith("--"):  # a check of ours, which names the flag; the name is of a class
            return error
        flag = _flag_in(name)
        no_integer, no_float = NO_INTEGER.search(error), NO_FLOAT.search(error)
        if no_integer:
            return tr("{flag}: {value} is not a whole number", flag=flag, value=no_integer[1])
        if no_float:
            return tr("{flag}: {value} is not a number", flag=flag, value=no_float[1])
        return f"{flag}: {error}"

    def _bad_choice(self, value: str, name: str, choices: str) -> str:
        meant = choice(value, [name.strip().strip("'") for name in choices.split(",")])
        return tr("{flag}: unknown value '{value}'; {choice}", flag=_flag_in(name), value=value, choice=meant)

    def _no_value(self, name: str) -> str:
        return tr("{flag}: its value is missing", flag=_flag_in(name))

    def _missing(self) -> str:
        names = [line.strip() for line in self.lines if re.match(r" {4}\S", line)]
        return tr("missing: {names}", names=listed(names))

    def _no_command(self, names: str) -> str:
        return tr("no command given; choose from {names}", names=names)


def _flag_in(name: str) -> str:
    """Return the longest flag in tyro's name of one: "-n/--workers", "('--seed',)"."""
    return max(re.findall(r"--?\w[\w-]*", name), key=len, default=name)


def flags_of(arguments: Any) -> Iterator[str]:
    """Yield the names of a dataclass's flags, and of those in its fields, without dashes before them."""
    for name, _ in _fields(arguments):
        yield name


def _fields(arguments: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the type of each flag."""
    if not (isinstance(arguments, type) and dataclasses.is_dataclass(arguments)):
        return
    hints: Mapping[str, Any] = get_type_hints(arguments)
    for item in dataclasses.fields(arguments):
        hint = hints[item.name]
        classes = [cls for cls in (hint, *get_args(hint)) if dataclasses.is_dataclass(cls)]
        for cls in classes:
            yield from _fields(cls)
        if not classes:
            # Of a setting that is on by default, only the flag that switches it off exists.
            yield ("no-" if item.default is True else "") + item.name.replace("_", "-"), hint
