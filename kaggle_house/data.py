"""Find the competition's two files, wherever people have them, and load them."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from d2l_repro.data import download
from d2l_repro.errors import InputError
from d2l_repro.language import listed, tr

from .generated import generated_tables
from .reading import PathLike, foreign_header, parse_table, read_content

FOLDER = "kaggle_house"
HUB_NAMES = ("kaggle_house_pred_train.csv", "kaggle_house_pred_test.csv")  # names in the book's data hub
KAGGLE_NAMES = ("train.csv", "test.csv")
DATASETS = ("auto", "kaggle_house", "generated")
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # so that what is derived from tables can be kept
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
    unavailable: str = ""  # why it was not, with the places that were searched
    files: dict[str, Path] = field(default_factory=dict)  # "the training table" and "the test table" -> path

    def digest(self) -> str:
        """Return a hash of all cells and the names of their columns, the same in every process."""
        digest = hashlib.sha256()
        for table in (self.train, self.test):
            digest.update(repr(list(table.columns)).encode())
            digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
        return digest.hexdigest()


def load_tables(
    train: PathLike | None = None,
    test: PathLike | None = None,
    data_dir: PathLike | None = None,
    dataset: str = "auto",
) -> Tables:
    """Load the two tables, and warn of what is odd in files that are not the published ones.

    Args:
        train: path of a CSV file. Without it the files are looked for, under Kaggle's names and the book's,
            in `data_dir`, the current folder and $D2L_REPRO_DATA, and in their folders `kaggle_house/`, and
            else downloaded. Files of other competitions are passed over with a warning.
        test: path of the other; give both or neither.
        data_dir: data folder to search first.
        dataset: "kaggle_house", "generated", or "auto", which falls back to generated tables where the files
            are neither found nor reachable.

    Raises:
        InputError: a file is missing or invalid; the message gives file, line and column.
    """
    if (train is None) != (test is None):
        raise InputError(tr("--train and --test belong together: give both or neither"))
    if dataset not in DATASETS:
        raise InputError(
            tr(
                "--dataset: unknown data set {name}; choose from {names}",
                name=repr(dataset),
                names=listed(DATASETS),
            )
        )
    if train is not None and (data_dir is not None or dataset == "generated"):
        flag = "--dataset generated" if dataset == "generated" else "--data-dir"
        raise InputError(tr("{flag}: without meaning beside --train and --test; leave it out", flag=flag))
    if dataset == "generated":
        return Tables(*generated_tables(), name="generated")
    try:
        paths = (Path(train), Path(test)) if train else _find_files(data_dir)
    except download.DataUnavailable as error:
        if dataset != "auto":
            raise
        return Tables(
            *generated_tables(), name="generated", stand_in_for="kaggle_house", unavailable=error.cause
        )
    # Read once, as a pipe can be: what is parsed is what is compared with the published files.
    contents = [read_content(path) for path in paths]
    official = [*map(download.published_name, contents)] == [f"{FOLDER}/{name}" for name in HUB_NAMES]
    tables = [parse_table(*file) for file in zip(paths, contents, (True, False))]
    return Tables(
        *tables,
        official=official,
        files=dict(zip((tr("the training table"), tr("the test table")), paths)),
    )


def _find_files(data_dir: PathLike | None) -> list[Path]:
    """Return the paths of the training and the test file; see `load_tables` for where they can be.

    Raises:
        DataUnavailable: they are nowhere, and cannot be downloaded.
        InputError: `data_dir` has been given and does not have them, or something else is in their place.
    """
    folders = download.data_dirs(data_dir)
    searched = [Path(), *folders]
    if data_dir is not None:
        searched.insert(0, searched.pop(1))
    for folder in searched:
        # A folder for this competition has no files of others.
        own = [] if folder == Path() else [folder / FOLDER]
        for place in (*own, folder):
            for names in (KAGGLE_NAMES, HUB_NAMES):
                paths = [place / name for name in names]
                if _are_usable(paths, is_own=place in own):
                    return paths
    train, test = KAGGLE_NAMES
    also = tr(
        ", nor {train} and {test} in {folders} (`python -m kaggle_house` also takes them from --train and "
        "--test)",
        train=train,
        test=test,
        folders=listed(map(_name, searched)),
    )
    return [download.fetch(f"{FOLDER}/{name}", data_dir, also) for name in HUB_NAMES]


def _name(folder: Path) -> str:
    return tr("the current folder") if folder == Path() else str(folder)


def _are_usable(paths: list[Path], is_own: bool) -> bool:
    """Return whether both files are there and the competition's; if they only look like it, say why not."""
    found = [os.path.isfile(path) for path in paths]
    if not any(found) or (is_own and not all(found)):
        return False
    if not all(found):
        here, missing = paths if found[0] else paths[::-1]
        log.warning(tr("{path}: passed over, as there is no {name} beside it", path=here, name=missing.name))
        return False
    foreign = {} if is_own else {path: foreign_header(path) for path in paths}
    for path, reason in foreign.items():
        if reason:
            log.warning(tr("{path}: passed over, as {reason}", path=path, reason=reason))
            return False
    return True
