"""Lay text out by the columns that it takes in a terminal, where a Chinese character takes two."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator

# Where lines of Chinese do not break: before these marks, and after those.
CLOSING, OPENING = "，。、；：？！）》」』”’…", "（《「『“‘"
FILL = "\ue000"  # stands for the second column of a character, where a line does not break
STYLES = r"(?:\x1b\[[\d;]*m)*"  # of a terminal


def width(text: str) -> int:
    """Return the number of columns that a line of text takes."""
    return sum(1 + _is_wide(character) for character in text)


def padded(text: str, columns: int, on_left: bool = False) -> str:
    """Return a text with spaces at its end, or on its left, so that it takes that many columns."""
    spaces = " " * (columns - width(text))
    return spaces + text if on_left else text + spaces


def wrapped(text: str, columns: int, indent: str = "", further: str = "") -> str:
    """Return a text in lines of at most that many columns, except for words that are longer.

    Lines break at spaces, and in Chinese, which has none, before or after any character.

    Args:
        text: to break.
        columns: of a line.
        indent: of the first line.
        further: of the other lines.
    """
    if not any(map(_is_wide, text)):
        return textwrap.fill(
            text,
            columns,
            initial_indent=indent,
            subsequent_indent=further,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines = [indent]
    for piece in _pieces(text):
        if lines[-1].strip() and width(lines[-1] + piece.rstrip()) > columns:
            lines.append(further)
        lines[-1] += piece if lines[-1].strip() else piece.lstrip()
    return "\n".join(line.rstrip() for line in lines)


def balanced(text: str, columns: int) -> str:
    """Return a text in as few lines as `wrapped` needs, all about equally long: no word stands alone."""
    fewest = wrapped(text, columns).count("\n")
    narrower = range(-(-width(text) // (fewest + 1)), columns)
    lines = (wrapped(text, each) for each in narrower if fewest)
    return next((each for each in lines if each.count("\n") == fewest), wrapped(text, columns))


def spread_out(text: str) -> str:
    """Return a text with a character for each column, for programs that count characters.

    A space follows a wide character where a line may break, FILL where not; `drawn_together` removes both.
    """
    return "".join(
        character
        + (
            ""
            if not _is_wide(character)
            else " "
            if after and not after.isspace() and _may_break(character, after)
            else FILL
        )
        for character, after in zip(text, [*text[1:], ""])
    )


def unbroken(text: str) -> str:
    """Return a text as `spread_out` does, but so that no line breaks at its wide characters."""
    return "".join(character + FILL * _is_wide(character) for character in text)


def drawn_together(text: str) -> str:
    """Return a text as it was before `spread_out`; lines that have been filled up keep their width."""

    def without_space(match: re.Match[str]) -> str:
        return match[1] + match[2] + ("" if _is_wide(match[1]) else " ")

    return re.sub(f"(.)({STYLES}) ", without_space, text).replace(FILL, "")


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def _pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text between which lines may break."""
    piece = ""
    for character in text:
        if piece and _may_break(piece[-1], character):
            yield piece
            piece = ""
        piece += character
    yield piece


def _may_break(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return before.isspace() != after.isspace()
    return (_is_wide(before) or _is_wide(after)) and before not in OPENING and after not in CLOSING
