"""The competition's two files, read and checked against the schema by column name."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import pandas as pd

from d2l_repro.data import download
from d2l_repro.errors import InputError

from .generated import generated_tables
from .schema import COLUMNS, NUMERIC, ORDINAL

FOLDER = "kaggle_house"
PUBLISHED = ("kaggle_house_pred_train.csv", "kaggle_house_pred_test.csv")  # as the book's data hub calls them
KAGGLES = ("train.csv", "test.csv")
MISSING = ("NA", "")


@dataclass(frozen=True)
class Tables:
    """Both files as frames: Id, the 79 features in the schema's order, and, in train, SalePrice (US dollars).

    Numbers are floats and texts objects; what is missing is nan.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    name: str = "kaggle_house"
    official: bool = True  # are these the published files, byte for byte?
    stand_in_for: Optional[str] = None


def load_tables(train=None, test=None, data_dir=None, dataset="auto"):
    """The two tables.

    Args:
        train, test: paths of CSV files; both or neither. Without them the files are looked for under the data
            hub's names and Kaggle's own in `kaggle_house/` of the data folders, or downloaded.
        data_dir: searched first.
        dataset: "kaggle_house"; "generated"; or "auto", which takes generated tables where the files cannot
            be had.

    Returns:
        Tables.

    Raises:
        InputError: a file is missing or faulty; the message names file, line and column.
    """
    if (train is None) != (test is None):
        raise InputError("--train and --test belong together: give both or neither")
    if dataset not in ("auto", "kaggle_house", "generated"):
        raise InputError(f"--dataset: {dataset!r} is none of auto, kaggle_house, generated")
    if dataset == "generated" and train is None:
        return Tables(*generated_tables(), name="generated")
    try:
        paths = (Path(train), Path(test)) if train else _find(data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        return Tables(*generated_tables(), name="generated", stand_in_for="kaggle_house")
    official = all(
        download.is_published(path, f"{FOLDER}/{name}")
        for path, name in zip(paths, PUBLISHED)
        if path.is_file()
    )
    return Tables(read_table(paths[0], priced=True), read_table(paths[1], priced=False), official=official)


def _find(data_dir):
    for folder in download.data_dirs(data_dir):
        paths = [folder / FOLDER / name for name in KAGGLES]
        if all(path.is_file() for path in paths):
            return paths
    return [download.fetch(f"{FOLDER}/{name}", data_dir) for name in PUBLISHED]


def read_table(path, priced):
    """One file, checked.

    Args:
        path: of a CSV file with a header.
        priced: whether it is to have SalePrice (train) or not (test).

    Returns:
        DataFrame in the schema's order of columns, whatever the file's.

    Raises:
        InputError: with file, line and column of the first fault.
    """
    header, rows = _read_rows(path)
    expected = COLUMNS if priced else COLUMNS[:-1]
    _check_header(path, header, expected)
    frame = {}
    for name in expected:
        at = header.index(name)
        read = _number if name in NUMERIC else _text
        frame[name] = [read(path, line, name, fields[at].strip()) for line, fields in rows]
    _check_ids(path, frame["Id"], rows)
    return pd.DataFrame({**frame, "Id": [int(i) for i in frame["Id"]]})


def _read_rows(path):
    """The header, and the line number and fields of every row."""
    try:
        content = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no UTF-8 text (byte {error.start})") from error
    if not content.strip():
        raise InputError(f"{path}: is empty")
    if content[-1] not in "\r\n":
        raise InputError(
            f"{path}: its last line has no end, as if the file were cut off; "
            "fetch it again, or end the line if it is whole"
        )
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        header, *rows = [(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is no CSV ({error})") from error
    if not rows:
        raise InputError(f"{path}: has a header and no rows")
    for line, fields in rows:
        if len(fields) != len(header[1]):
            raise InputError(
                f"{path}: line {line} has {len(fields)} fields where the header has {len(header[1])}"
            )
    return [name.strip() for name in header[1]], rows


def _check_header(path, header, expected):
    faults = {
        "lacks the column": [name for name in expected if name not in header],
        "has a column that is not the competition's,": [name for name in header if name not in expected],
        "has twice the column": sorted({name for name in header if header.count(name) > 1}),
    }
    if faults["has a column that is not the competition's,"] == ["SalePrice"]:
        raise InputError(f"{path}: has SalePrice, which a test file has not: is it the training file?")
    for fault, names in faults.items():
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise InputError(f"{path}: {fault} {', '.join(map(repr, names[:5]))}{more}")


def _number(path, line, name, field):
    if field in MISSING:
        if name in ("Id", "SalePrice"):
            raise InputError(f"{path}: line {line}, column {name}: is missing")
        return math.nan
    try:
        value = float(field.replace("_", "?"))  # float() reads 1_000 as a thousand; nobody else does
    except ValueError:
        raise InputError(f"{path}: line {line}, column {name}: {field!r} is not a number") from None
    if not math.isfinite(value) or value < 0 or (name == "SalePrice" and value == 0):
        raise InputError(
            f"{path}: line {line}, column {name}: {field} cannot be, it has to be finite and positive"
        )
    return value


def _text(path, line, name, field):
    if field in MISSING:
        return math.nan
    if field not in ORDINAL.get(name, (field,)):
        raise InputError(
            f"{path}: line {line}, column {name}: {field!r} is none of {', '.join(ORDINAL[name])}, NA"
        )
    return field


def _check_ids(path, ids, rows):
    first = {}
    for (line, _), value in zip(rows, ids):
        if value != int(value):
            raise InputError(f"{path}: line {line}, column Id: {value} is not a whole number")
        if value in first:
            raise InputError(
                f"{path}: line {line}, column Id: {int(value)} stands already in line {first[value]}"
            )
        first[value] = line
