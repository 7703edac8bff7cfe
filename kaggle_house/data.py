"""Find the competition's two files, read them, and check them by column name against the schema."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Union

import pandas as pd

from d2l_repro.data import download
from d2l_repro.errors import InputError

from .generated import generated_tables
from .schema import CATEGORY, COLUMNS, NUMERIC, ORDINAL

FOLDER = "kaggle_house"
HUB_NAMES = ("kaggle_house_pred_train.csv", "kaggle_house_pred_test.csv")  # names in the book's data hub
KAGGLE_NAMES = ("train.csv", "test.csv")
DATASETS = ("auto", "kaggle_house", "generated")
MISSING = ("NA", "")
# What spreadsheets and pandas write for a missing value. As texts they would become levels of their own.
OTHERWISE_MISSING = {"N/A", "#N/A", "#NA", "NAN", "NULL", "NONE", "<NA>", "NIL", "-", "--", "?"}
MAX_SHOWN = 40  # characters of a cell that a message shows
MAX_NUMBER = 10**9  # of a feature; the variance of far larger ones would overflow
MAX_ID = 2**53  # whole numbers below it are exact as floats
MAX_NAMES_SHOWN = 5  # column names that one message lists

PathLike = Union[str, Path]


@dataclass(frozen=True)
class Tables:
    """The training and the test table, with columns in the schema's order.

    Both have Id and the 79 features; only `train` has SalePrice (US dollars). Numbers are floats, texts are
    strings, and missing values are nan.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    name: str = "kaggle_house"
    official: bool = True  # whether these are the published files, byte for byte
    stand_in_for: str | None = None  # the data set that was not available, if these took its place
    files: dict[str, Path] = field(default_factory=dict)  # "the training table" and "the test table" -> path

    def digest(self) -> str:
        """Return a hash of all cells and the names of their columns, the same in every process."""
        digest = hashlib.sha256()
        for table in (self.train, self.test):
            digest.update(repr(list(table.columns)).encode())
            digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
        return digest.hexdigest()


class Row(NamedTuple):
    """A row of a CSV file."""

    line: int  # number of its last line in the file, from 1
    fields: list[str]


def load_tables(
    train: PathLike | None = None,
    test: PathLike | None = None,
    data_dir: PathLike | None = None,
    dataset: str = "auto",
) -> Tables:
    """Load the two tables.

    Args:
        train: path of a CSV file. Without it the files are looked for in `kaggle_house/` of the data folders,
            under the data hub's names and Kaggle's own, and else downloaded.
        test: path of the other; give both or neither.
        data_dir: data folder to search first.
        dataset: "kaggle_house", "generated", or "auto", which falls back to generated tables where the files
            are neither found nor reachable.

    Raises:
        InputError: a file is missing or invalid; the message gives file, line and column.
    """
    if (train is None) != (test is None):
        raise InputError("--train and --test belong together: give both or neither")
    if dataset not in DATASETS:
        raise InputError(f"--dataset: unknown data set {dataset!r}; choose from {', '.join(DATASETS)}")
    if train is not None and (data_dir is not None or dataset == "generated"):
        flag = "--dataset generated" if dataset == "generated" else "--data-dir"
        raise InputError(f"{flag}: without meaning beside --train and --test; leave it out")
    if dataset == "generated":
        return Tables(*generated_tables(), name="generated")
    try:
        paths = (Path(train), Path(test)) if train else _find_files(data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        return Tables(*generated_tables(), name="generated", stand_in_for="kaggle_house")
    # Read once, as a pipe can be: what is parsed is what is compared with the published files.
    contents = [_read_content(path) for path in paths]
    return Tables(
        _parse_table(paths[0], contents[0], has_price=True),
        _parse_table(paths[1], contents[1], has_price=False),
        official=[*map(download.published_name, contents)] == [f"{FOLDER}/{name}" for name in HUB_NAMES],
        files=dict(zip(("the training table", "the test table"), paths)),
    )


def _find_files(data_dir: PathLike | None) -> list[Path]:
    for folder in download.data_dirs(data_dir):
        paths = [folder / FOLDER / name for name in KAGGLE_NAMES]
        if all(path.is_file() for path in paths):
            return paths
    return [download.fetch(f"{FOLDER}/{name}", data_dir) for name in HUB_NAMES]


def read_table(path: PathLike, has_price: bool) -> pd.DataFrame:
    """Read and check one file.

    Args:
        path: CSV file with a header.
        has_price: whether the file must have SalePrice (training) or must not (test).

    Returns:
        Columns in the schema's order, whatever their order in the file.

    Raises:
        InputError: the file is invalid; the message gives file, line and column of the first error.
    """
    return _parse_table(path, _read_content(path), has_price)


def _parse_table(path: PathLike, content: bytes, has_price: bool) -> pd.DataFrame:
    """Return the table in the content of a file; `path` is for messages."""
    text = _decode(path, content)
    _check_end(path, text)
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
    return pd.DataFrame(frame)


def read_text(path: PathLike) -> str:
    """Return the content of a UTF-8 text file that is not empty.

    Raises:
        InputError: it cannot be read as that.
    """
    return _decode(path, _read_content(path))


def parse_rows(path: PathLike, text: str) -> tuple[list[str], list[Row]]:
    """Return the header and the rows of CSV text, all rows as long as the header; `path` is for messages.

    Raises:
        InputError: the text is not that; the message gives file and line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header, *rows = [Row(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not valid CSV ({error})") from error
    if not rows:
        raise InputError(f"{path}: contains a header but no rows")
    for row in rows:
        if len(row.fields) != len(header.fields):
            raise InputError(
                f"{path}: line {row.line} has {len(row.fields)} fields, but the header has "
                f"{len(header.fields)}"
            )
    return header.fields, rows


def _read_content(path: PathLike) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _decode(path: PathLike, content: bytes) -> str:
    """Return the text of a file that is not empty."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 text (byte {error.start}); in a spreadsheet, save it as CSV UTF-8"
        ) from error
    if not text.strip():
        raise InputError(f"{path}: is empty")
    return text


def _check_end(path: PathLike, text: str) -> None:
    if text[-1] not in "\r\n":
        raise InputError(
            f"{path}: the last line does not end with a newline, so the file may be cut off; "
            "download it again, or add the newline if it is complete"
        )


def _check_header(path: PathLike, header: list[str], expected: list[str]) -> None:
    counts = Counter(header)
    missing = [name for name in expected if name not in counts]
    unknown = [name for name in counts if name not in expected]
    duplicate = sorted(name for name, count in counts.items() if count > 1)
    for separator in ";\t|":
        if len(header) == 1 and separator in header[0]:
            raise InputError(f"{path}: columns are separated by {separator!r}; save it with commas")
    if unknown == ["SalePrice"] and not missing:
        raise InputError(f"{path}: has a column SalePrice, unlike a test file; is it the training file?")
    for problem, names in (
        ("missing column", missing),
        ("unknown column", unknown),
        ("duplicate column", duplicate),
    ):
        if names:
            listed = ", ".join(map(_shown, names[:MAX_NAMES_SHOWN]))
            more = len(names) - MAX_NAMES_SHOWN
            raise InputError(f"{path}: {problem} {listed}" + (f" and {more} more" if more > 0 else ""))


def _parse_number(path: PathLike, line: int, name: str, field: str) -> float:
    if field in MISSING and name != "SalePrice":
        return math.nan
    value = _as_number(path, line, name, field)
    if name == "SalePrice":
        is_allowed, allowed = 0 < value < math.inf, "finite and above 0"
    else:
        is_allowed, allowed = 0 <= value <= MAX_NUMBER, f"at least 0 and at most {MAX_NUMBER:,}"
    if not is_allowed:
        raise _cell_error(path, line, name, f"must be {allowed}, not {field[:MAX_SHOWN]}")
    return value


def _as_number(path: PathLike, line: int, name: str, field: str) -> float:
    if field in MISSING:
        raise _cell_error(path, line, name, "value is missing")
    try:
        return float(field.replace("_", "?"))  # float() would read 1_000 as a thousand
    except ValueError:
        hint = "; write it without spaces or commas, such as 1234.5" if set(field) & set(", \xa0'") else ""
        raise _cell_error(path, line, name, f"{_shown(field)} is not a number{hint}") from None


def _parse_id(path: PathLike, line: int, name: str, field: str) -> int:
    value = _as_number(path, line, name, field)
    # Beyond MAX_ID, or with more digits than a float has, another Id may be the same float.
    if not 0 <= value < MAX_ID or Decimal(field) != int(value):
        raise _cell_error(
            path, line, name, f"must be a whole number below {MAX_ID:,}, not {field[:MAX_SHOWN]}"
        )
    return int(value)


def _parse_text(path: PathLike, line: int, name: str, field: str) -> str | float:
    if field in MISSING:
        return math.nan
    if name in ORDINAL and field not in ORDINAL[name]:
        levels = ", ".join(ORDINAL[name])
        raise _cell_error(path, line, name, f"unknown level {_shown(field)}; choose from {levels}, NA")
    if field.upper() in OTHERWISE_MISSING and field not in CATEGORY.get(name, ()):
        raise _cell_error(path, line, name, f"{_shown(field)} is not a level; if it is missing, write NA")
    if field.startswith("="):
        raise _cell_error(path, line, name, f"{_shown(field)} is a formula; write its value")
    return field


def _shown(field: str) -> str:
    return repr(field if len(field) <= MAX_SHOWN else f"{field[:MAX_SHOWN]}...")


def _cell_error(path: PathLike, line: int, name: str, problem: str) -> InputError:
    return InputError(f"{path}: line {line}, column {name}: {problem}")


def _check_ids(path: PathLike, ids: Iterable[int], rows: list[Row]) -> None:
    lines: dict[int, int] = {}  # Id -> line
    for row, value in zip(rows, ids):
        if value in lines:
            raise _cell_error(path, row.line, "Id", f"{value} already occurs in line {lines[value]}")
        lines[value] = row.line
