"""The help of commands in the reader's language: tyro's, with comments and docstrings from the catalogue.

What stands above a class of flags is its docstring, and the help of a flag is the comment on its field, in
English. Who asks for help gets that of a copy of the class, which has both in the reader's language, and says
"PATH" and "none" of a flag that may be None. What tyro adds, such as "usage", stays as it is.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import tyro

from ..columns import drawn_together, spread_out, unbroken, wrapped
from ..language import language, tr
from .refusals import in_one_line

HELP = {"-h", "--help"}
WIDTH = 100  # columns of the text above the flags, as in English

Translate = Callable[[str], str]


def cli(cls: Any, argv: Sequence[str], prog: str, default: Any = None, **options: Any) -> Any:
    """Parse flags as `tyro.cli` does, with the help in the reader's language and errors in one line.

    Args:
        cls: dataclass whose fields become flags.
        argv: the flags.
        prog: name of the command.
        default: instance whose values are the defaults, None for those of the class.
        options: others of `tyro.cli`.

    Raises:
        InputError: the flags are refused.
    """
    if not HELP & set(argv):
        with in_one_line(argv, prog, cls):
            return tyro.cli(cls, args=argv, default=default, prog=prog, **options)
    with _wide_characters():
        told = default and _copied(default, _told)
        return tyro.cli(in_language(cls, _told), args=argv, default=told, prog=prog, **_described(options))


def subcommands_cli(commands: Mapping[str, Any], argv: Sequence[str], prog: str, **options: Any) -> Any:
    """Parse the name of a command and its flags, as `cli` parses flags."""
    if not HELP & set(argv):
        with in_one_line(argv, prog):
            return tyro.extras.subcommand_cli_from_dict(dict(commands), args=argv, prog=prog, **options)
    with _wide_characters():
        told = {name: in_language(command, _told) for name, command in commands.items()}
        return tyro.extras.subcommand_cli_from_dict(told, args=argv, prog=prog, **_described(options))


def _told(text: str) -> str:
    return spread_out(tr(text))


def _described(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with the description spread out; who gives one has it in the reader's language."""
    return {name: spread_out(value) if name == "description" else value for name, value in options.items()}


# Classes


@cache
def in_language(cls: Any, translate: Translate) -> Any:
    """Return a copy of a dataclass, and of those that its fields have, with help and docstrings translated.

    Args:
        cls: dataclass; of another type, or a union of dataclasses, the same with those copied.
        translate: English text -> text.
    """
    if get_origin(cls) is Union:
        return Union[tuple(in_language(part, translate) for part in get_args(cls))]
    if not (inspect.isclass(cls) and dataclasses.is_dataclass(cls)):
        return cls
    comments, hints = field_comments(cls), get_type_hints(cls, include_extras=True)
    fields = []
    for field in dataclasses.fields(cls):
        hint, inner = hints[field.name], in_language(hints[field.name], translate)
        if inner == hint:
            inner = Annotated[hint, _argument(comments.get(field.name), hint, translate)]
        fields.append((field.name, inner, _default(field, translate)))
    doc = "\n\n".join(map(translate, paragraphs(cls.__doc__ or "")))
    namespace = {"__doc__": doc, "__module__": cls.__module__}
    parameters: Any = inspect.getattr_static(cls, "__dataclass_params__")
    frozen = parameters.frozen  # as a class has to be whose base is
    return dataclasses.make_dataclass(cls.__name__, fields, bases=(cls,), frozen=frozen, namespace=namespace)


def _argument(comment: str | None, hint: Any, translate: Translate) -> Any:
    """Return what tells tyro a flag's help, its value and how to speak of its default."""
    given = [part for part in getattr(hint, "__metadata__", ()) if hasattr(part, "help_behavior_hint")]
    text = next((part.help for part in given if part.help), comment)
    behaviour = next((part.help_behavior_hint for part in given if part.help_behavior_hint), None)
    return tyro.conf.arg(
        metavar=next((part.metavar for part in given if part.metavar), None) or _value_or_none(hint),
        help=translate(text) if text else None,
        help_behavior_hint=translate(behaviour) if isinstance(behaviour, str) else _default_hint,
    )


def _value_or_none(hint: Any) -> str | None:
    """Return what to call the value of a flag that may also be None, "PATH"; None for other flags."""
    kinds = get_args(_bare(hint))
    if len(kinds) != 2 or type(None) not in kinds:
        return None
    kind = _bare(next(kind for kind in kinds if kind is not type(None)))
    if get_origin(kind) is Literal:
        return "{" + ",".join(get_args(kind)) + "}"
    return kind.__name__.upper()


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _default_hint(value: str) -> str:
    if not value:  # no names, of which the help says what that means
        return ""
    if value == "None":
        return unbroken(tr("(default: none)"))
    before, after = tr("(default: {value})").split("{value}")
    return f"{unbroken(before)}{value}{unbroken(after)}"


def _default(field: dataclasses.Field, translate: Translate) -> Any:
    """Return a field with the same default, which is one of the copied class if it is a dataclass."""
    if field.default is not dataclasses.MISSING:
        return dataclasses.field(default=_copied(field.default, translate))
    factory = field.default_factory
    if factory is dataclasses.MISSING:
        return dataclasses.field()
    return dataclasses.field(default_factory=lambda: _copied(factory(), translate))


def _copied(value: Any, translate: Translate) -> Any:
    """Return a dataclass's instance as one of the copied class, any other value as it is."""
    if not dataclasses.is_dataclass(value):
        return value
    values = {name: _copied(inner, translate) for name, inner in vars(value).items()}
    cls: Any = type(value)
    return in_language(cls, translate)(**values)


def chapter_text(doc: str) -> str:
    """Return the docstring of a chapter in the reader's language."""
    if language() == "en":
        return doc
    title, *others = paragraphs(doc)
    texts = map(tr, [title.rstrip("."), *others])  # the catalogue has titles without full stop
    return "\n\n".join(wrapped(text, WIDTH) for text in texts)


def paragraphs(doc: str) -> list[str]:
    """Return the paragraphs of a docstring, each in one line, without those about attributes or arguments."""
    texts = [" ".join(text.split()) for text in inspect.cleandoc(doc).split("\n\n")]
    return [text for text in texts if text and not re.match(r"\w+\(|(Args|Attributes|Raises):", text)]


def field_comments(cls: type) -> dict[str, str]:
    """Return the comments on the fields of a dataclass, inherited ones included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        path = inspect.getsourcefile(base) if base.__module__ != "builtins" else None
        found.update(_comments_in(path).get(base.__name__, {}) if path else {})
    return found


@lru_cache(maxsize=64)
def _comments_in(path: str) -> dict[str, dict[str, str]]:
    """Return class -> field -> its comment, which stands behind it on its first line, or above it."""
    source = Path(path).read_text(encoding="utf-8")
    lines = source.splitlines()
    return {
        node.name: {
            item.target.id: comment
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            for comment in [_comment_at(lines, item)]
            if comment
        }
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
    }


def _comment_at(lines: Sequence[str], node: ast.AnnAssign) -> str:
    end = node.end_col_offset if node.end_lineno == node.lineno else len(lines[node.lineno - 1])
    behind = lines[node.lineno - 1].encode()[end:].decode().strip()
    if behind.startswith("#"):
        return behind[1:].strip()
    above: list[str] = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line.strip()[1:].strip())
    return " ".join(above)


@contextmanager
def _wide_characters() -> Iterator[None]:
    """Draw what is printed in the `with` block together."""

    class Stream(io.TextIOBase):
        encoding = sys.stdout.encoding

        def write(self, text: str) -> int:
            return stdout.write(drawn_together(text))

        def isatty(self) -> bool:
            return stdout.isatty()

    stdout = sys.stdout
    with redirect_stdout(Stream()):
        yield
