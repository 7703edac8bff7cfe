"""Read the competition's files, and check them by column name against the schema."""

from __future__ import annotations

import csv
import io
import logging
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Union

import pandas as pd

from d2l_repro.data import download
from d2l_repro.errors import InputError
from d2l_repro.language import listed, mark, tr

from .oddities import find_oddities
from .schema import CATEGORY, COLUMNS, NUMERIC, ORDINAL

MISSING = ("NA", "")
# What spreadsheets and pandas write for a missing value. As texts they would become levels of their own.
OTHERWISE_MISSING = {"N/A", "#N/A", "#NA", "NAN", "NULL", "NONE", "<NA>", "NIL", "-", "--", "?"}
MAX_SHOWN = 40  # characters of a cell that a message shows
MAX_NUMBER = 10**9  # of a feature; the variance of far larger ones would overflow
MAX_ID = 2**53  # whole numbers below it are exact as floats
MAX_NAMES_SHOWN = 5  # column names that one message lists
MAX_HEADER = 2**16  # bytes; the competition's header has about a thousand
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how such a file begins
SAVE_AGAIN = mark(
    "in a spreadsheet, save it as CSV UTF-8 (in Excel: File > Save As > CSV UTF-8, comma delimited)"
)

PathLike = Union[str, Path]
log = logging.getLogger(__name__)


class Row(NamedTuple):
    """A row of a CSV file."""

    line: int  # number of its last line in the file, from 1
    fields: list[str]


def read_table(path: PathLike, has_price: bool) -> pd.DataFrame:
    """Read and check one file.

    Args:
        path: CSV file with a header.
        has_price: whether the file must have SalePrice (training) or must not (test).

    Returns:
        Columns in the schema's order, whatever their order in the file. What is odd in a file that is not a
        published one is logged as a warning.

    Raises:
        InputError: the file is invalid; the message gives file, line and column of the first error.
    """
    return parse_table(path, read_content(path), has_price)


def parse_table(path: PathLike, content: bytes, has_price: bool) -> pd.DataFrame:
    """Return the table in the content of a file, as `read_table` does.

    Args:
        path: of the file, for messages.
        content: of the file.
        has_price: whether it must have SalePrice.
    """
    text = _decode(path, content)
    header, rows = parse_rows(path, text)
    header = [name.strip() for name in header]
    expected = COLUMNS if has_price else COLUMNS[:-1]
    _check_header(path, header, expected)
    frame = {}
    for name in expected:
        position = header.index(name)
        parse, dtype = (_parse_number, float) if name in NUMERIC else (_parse_text, object)
        parse, dtype = (_parse_id, "int64") if name == "Id" else (parse, dtype)
        values = [parse(path, row.line, name, row.fields[position].strip()) for row in rows]
        frame[name] = pd.Series(values, dtype=dtype)  # a text column may have only missing values
    _check_ids(path, frame["Id"], rows)
    table = pd.DataFrame(frame)
    if text[-1] not in "\r\n":
        _check_last_cell(path, table[header[-1]], rows[-1])
    if (
        download.published_name(content) is None
    ):  # the documentation lists the oddities of the published files
        for oddity in find_oddities(table, [row.line for row in rows]):
            log.warning(tr("{path}: {problem}", path=path, problem=oddity))
    return table


def read_text(path: PathLike) -> str:
    """Return the content of a UTF-8 text file that is not empty.

    Raises:
        InputError: it cannot be read as that.
    """
    return _decode(path, read_content(path))


def parse_rows(path: PathLike, text: str) -> tuple[list[str], list[Row]]:
    """Return the header and the rows of CSV text, all rows as long as the header; `path` is for messages.

    Raises:
        InputError: the text is not that; the message gives file and line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header, *rows = [Row(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        text = tr(
            "{path}: line {line} is not valid CSV ({error})", path=path, line=reader.line_num, error=error
        )
        raise InputError(text) from error
    if not rows:
        raise InputError(tr("{path}: contains a header but no rows", path=path))
    for row in rows:
        if len(row.fields) != len(header.fields):
            raise InputError(
                tr(
                    "{path}: line {line} has {count} fields, but the header has {wanted}",
                    path=path,
                    line=row.line,
                    count=len(row.fields),
                    wanted=len(header.fields),
                )
            )
    return header.fields, rows


def read_content(path: PathLike) -> bytes:
    """Return the content of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        text = tr("{path}: cannot be read ({error})", path=path, error=error.strerror)
        raise InputError(text) from error


def _decode(path: PathLike, content: bytes) -> str:
    """Return the text of a file that is not empty."""
    if content.startswith(b"PK\3\4"):
        raise InputError(
            tr(
                "{path}: is an archive or an Excel workbook; extract it, or {remedy}",
                path=path,
                remedy=tr(SAVE_AGAIN),
            )
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith(UTF_16):
            problem = mark("{path}: is UTF-16 text (line {line}, byte {position}); {remedy}")
        else:
            problem = mark("{path}: is not UTF-8 text (line {line}, byte {position}); {remedy}")
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            tr(problem, path=path, line=line, position=error.start, remedy=tr(SAVE_AGAIN))
        ) from error
    if not text.strip():
        raise InputError(tr("{path}: is empty", path=path))
    if "\0" in text:
        raise InputError(
            tr(
                "{path}: has characters of value 0, as UTF-16 text does; {remedy}",
                path=path,
                remedy=tr(SAVE_AGAIN),
            )
        )
    return text


def _check_last_cell(path: PathLike, cells: pd.Series, row: Row) -> None:
    """Check the last cell of a file that does not end with a newline, and so may be cut off.

    What is left of a level is mostly none of them, what is left of a price is mostly lower than any other.
    Lines that have fields missing have been refused before.
    """
    cell, name = cells.iloc[-1], cells.name
    if name == "SalePrice":
        is_whole = len(cells) == 1 or cell >= cells.iloc[:-1].min()
    else:
        is_whole = name in NUMERIC or cell in ORDINAL.get(name, CATEGORY.get(name, ())) or pd.isna(cell)
    if not is_whole or row.fields[-1] == "":
        raise _cell_error(
            path,
            row.line,
            name,
            tr(
                "{value} ends the file without a newline, and may be cut off; download it again, or add the "
                "newline if it is complete",
                value=_shown(row.fields[-1]),
            ),
        )
    log.warning(
        tr(
            "{path}: line {line} does not end with a newline; if {name} {value} is not all of it, download "
            "the file again",
            path=path,
            line=row.line,
            name=name,
            value=repr(row.fields[-1]),
        )
    )


def foreign_header(path: PathLike) -> str:
    """Return why a file is not one of the competition's; empty if at least half of its columns are there.

    Files in the encodings and with the separators of spreadsheets count as well: reading them says how to
    save them again.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_HEADER)
    except OSError as error:
        return tr("cannot be read ({error})", error=error.strerror)
    encoding = "utf-16" if content.startswith(UTF_16) else "latin-1"
    header = content.decode(encoding, "replace").lstrip("\xef\xbb\xbf").split("\n", 1)[0]
    names = [name.strip(' "\r\0') for name in re.split(r"[,;|\t]", header.replace("\0", ""))]
    if 2 * len({*names} & {*COLUMNS}) >= len(COLUMNS):
        return ""
    shown = _shown(", ".join(names[:MAX_NAMES_SHOWN]))
    return tr("its columns are not the competition's ({names})", names=shown)


def _check_header(path: PathLike, header: list[str], expected: list[str]) -> None:
    counts = Counter(header)
    missing = [name for name in expected if name not in counts]
    unknown = [name for name in counts if name not in expected]
    duplicate = sorted(name for name, count in counts.items() if count > 1)
    for separator in ";\t|":
        if len(header) == 1 and separator in header[0]:
            raise InputError(
                tr(
                    "{path}: columns are separated by {separator}; save it with commas: Excel takes what the "
                    "system's regional settings have for the list separator, LibreOffice asks for it",
                    path=path,
                    separator=repr(separator),
                )
            )
    if unknown == ["SalePrice"] and not missing:
        raise InputError(
            tr("{path}: has a column SalePrice, unlike a test file; is it the training file?", path=path)
        )
    for problem, names in (
        (mark("{path}: missing column {names}"), missing),
        (mark("{path}: unknown column {names}"), unknown),
        (mark("{path}: duplicate column {names}"), duplicate),
    ):
        if names:
            shown = listed(map(_shown, names[:MAX_NAMES_SHOWN]))
            more = len(names) - MAX_NAMES_SHOWN
            if more > 0:
                shown = tr("{names} and {count} more", names=shown, count=more)
            raise InputError(tr(problem, path=path, names=shown))


def _parse_number(path: PathLike, line: int, name: str, field: str) -> float:
    if field in MISSING and name != "SalePrice":
        return math.nan
    value = _as_number(path, line, name, field)
    if name == "SalePrice":
        is_allowed, allowed = 0 < value < math.inf, tr("finite and above 0")
    else:
        is_allowed = 0 <= value <= MAX_NUMBER
        allowed = tr("at least 0 and at most {number}", number=f"{MAX_NUMBER:,}")
    if not is_allowed:
        problem = tr("must be {allowed}, not {value}", allowed=allowed, value=field[:MAX_SHOWN])
        raise _cell_error(path, line, name, problem)
    return value


def _as_number(path: PathLike, line: int, name: str, field: str) -> float:
    if field in MISSING:
        raise _cell_error(path, line, name, tr("value is missing"))
    try:
        return float(field.replace("_", "?"))  # float() would read 1_000 as a thousand
    except ValueError:
        problem = tr("{value} is not a number", value=_shown(field))
        if set(field) & set(", \xa0'"):
            problem += tr("; write it without spaces or commas, such as 1234.5")
        raise _cell_error(path, line, name, problem) from None


def _parse_id(path: PathLike, line: int, name: str, field: str) -> int:
    value = _as_number(path, line, name, field)
    # Beyond MAX_ID, or with more digits than a float has, another Id may be the same float.
    if not 0 <= value < MAX_ID or Decimal(field) != int(value):
        problem = tr(
            "must be a whole number below {limit}, not {value}", limit=f"{MAX_ID:,}", value=field[:MAX_SHOWN]
        )
        raise _cell_error(path, line, name, problem)
    return int(value)


def _parse_text(path: PathLike, line: int, name: str, field: str) -> str | float:
    if field in MISSING:
        return math.nan
    if name in ORDINAL and field not in ORDINAL[name]:
        problem = tr(
            "unknown level {value}; choose from {names}",
            value=_shown(field),
            names=listed([*ORDINAL[name], "NA"]),
        )
        raise _cell_error(path, line, name, problem)
    if field.upper() in OTHERWISE_MISSING and field not in CATEGORY.get(name, ()):
        problem = tr("{value} is not a level; if it is missing, write NA", value=_shown(field))
        raise _cell_error(path, line, name, problem)
    if field.startswith("="):
        raise _cell_error(path, line, name, tr("{value} is a formula; write its value", value=_shown(field)))
    return field


def _shown(field: str) -> str:
    return repr(field if len(field) <= MAX_SHOWN else f"{field[:MAX_SHOWN]}...")


def _cell_error(path: PathLike, line: int, name: str, problem: str) -> InputError:
    return InputError(
        tr("{path}: line {line}, column {name}: {problem}", path=path, line=line, name=name, problem=problem)
    )


def _check_ids(path: PathLike, ids: Iterable[int], rows: list[Row]) -> None:
    lines: dict[int, int] = {}  # Id -> line
    for row, value in zip(rows, ids):
        if value in lines:
            problem = tr("{value} already occurs in line {line}", value=value, line=lines[value])
            raise _cell_error(path, row.line, "Id", problem)
        lines[value] = row.line
