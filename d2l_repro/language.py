"""The language that the reader reads: English, or Chinese.

`--lang` decides, then the environment variable D2L_REPRO_LANG, then the locale.

Code has every message in English, in a call of `tr` or `trn` or, where it is needed only later, of `mark`.
`make catalogue` collects them in locale/zh/LC_MESSAGES/d2l_repro.po, where the Chinese stands beside them,
and compiles that file, which is read only if the language is Chinese. Numbers, names of runs and metrics, and
all that other programs read are the same in every language.

Pythons that are too old for this project have to be able to read this file; see installation.py.
"""

import os
import re
from functools import cache
from typing import Iterable  # noqa: UP035  (of old Pythons, too)

LANGUAGES = ("en", "zh")
VARIABLE = "D2L_REPRO_LANG"
FLAG = "--lang"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
DOMAIN = "d2l_repro"  # name of the catalogue


def language() -> str:
    """Return the language of what is printed and written: one of LANGUAGES."""
    chosen = os.environ.get(VARIABLE)
    if chosen in LANGUAGES:
        return chosen
    # of POSIX's variables the first that is set decides
    found = filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")))
    return "zh" if next(found, "").startswith("zh") else "en"


def set_language(name: str) -> None:
    """Choose the language of this process, and of those that it starts.

    Args:
        name: one of LANGUAGES.
    """
    os.environ[VARIABLE] = name


def without_flag(argv: "list[str]") -> "tuple[list[str], str | None]":
    """Return arguments of a command without `--lang NAME`, and that name, None if it is not given."""
    rest, name = [], None
    words = iter(argv)
    for word in words:
        if word == FLAG:
            name = next(words, "")
        elif word.startswith(FLAG + "="):
            name = word[len(FLAG) + 1 :]
        else:
            rest.append(word)
    return rest, name


def heed(argv: "list[str]") -> None:
    """Choose the language that `--lang` names, if that is one of LANGUAGES."""
    _, name = without_flag(argv)
    if name in LANGUAGES:
        set_language(name)


def tr(message: str, **values: object) -> str:
    """Return a message in the reader's language, with values in place of the names in braces.

    Args:
        message: in English; without values, braces stand for themselves.
        values: what to write for each name.
    """
    text = _catalogue().gettext(message) if message and language() != "en" else message
    return text.format(**values) if values else text


def trn(one: str, many: str, count: int, **values: object) -> str:
    """Return the message for one thing or for several, in the reader's language.

    Args:
        one: in English, for a single thing.
        many: in English, for any other number.
        count: how many there are, which the messages may name as {count}.
        values: as for `tr`.
    """
    text = _catalogue().ngettext(one, many, count) if language() != "en" else one if count == 1 else many
    return text.format(count=count, **values)


def mark(message: str) -> str:
    """Return an English message as it is, after telling the catalogue of it: `tr` looks it up later."""
    return message


def retell(text: str, *templates: str, parts: "Iterable[str]" = ()) -> str:
    """Return in the reader's language what was recorded in English, in a result.json for example.

    Args:
        text: any text; one that none of the messages fits is returned as it is.
        templates: messages that the text may be, with values in place of the names in braces.
        parts: messages that the values may be, and the values in those.
    """
    if language() == "en":
        return text
    parts = tuple(parts)
    for template in templates:
        match = re.fullmatch(_pattern(template), text, re.DOTALL)
        if match:
            values = match.groupdict().items()
            return tr(template, **{name: retell(value, *parts, parts=parts) for name, value in values})
    return text


def listed(items: "Iterable[object]") -> str:
    """Return items as text, with commas between them."""
    return tr(", ").join(map(str, items))


def sentences(texts: "Iterable[str]") -> str:
    """Return sentences one after the other; Chinese has no spaces between them."""
    return (" " if language() == "en" else "").join(filter(None, texts))


@cache
def _pattern(template: str) -> str:
    parts = re.split(r"\{(\w+)\}", template)
    names = [f"(?P<{name}>.+?)" for name in parts[1::2]]
    return "".join(re.escape(text) + name for text, name in zip(parts[::2], [*names, ""]))


@cache
def _catalogue():  # type: ignore[no-untyped-def]
    """Return the Chinese messages; English needs neither them nor gettext."""
    import gettext

    return gettext.translation(DOMAIN, FOLDER, ["zh"])
