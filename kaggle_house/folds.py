"""The folds of a cross-validation: which rows to fit on and to score, and what comes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold

from d2l_repro.errors import InputError
from d2l_repro.language import tr

from .settings import FoldOptions

# Models to compare with, which learn the logarithm of the price.
BASELINES: dict[str, Callable[[], RegressorMixin]] = {
    "mean": DummyRegressor,
    "ridge": lambda: RidgeCV(np.logspace(-1, 3, 20)),
}
MAX_STRATA = 10  # classes of prices that stratified folds are balanced over

FoldResult = dict[str, Any]  # what `kfold.run_fold` returns
SCORES = ("train", "valid", "clipped", "seconds")  # the numbers in it


@dataclass(frozen=True)
class Fold:
    """Rows of the training table to fit on and to score."""

    repeat: int  # from 0
    number: int  # from 1
    train_rows: np.ndarray
    valid_rows: np.ndarray
    seed: int  # seed of the fold's net

    def __str__(self) -> str:
        return tr("fold {fold} of repeat {repeat}", fold=self.number, repeat=self.repeat)


def split(prices: np.ndarray, options: FoldOptions, shuffle: bool) -> list[Fold]:
    """Split the rows into the folds of every repeat.

    Args:
        prices: (rows,); needed for stratification.
        options: number of folds and repeats, seed.
        shuffle: False for contiguous slices of the table, as in the book.

    Raises:
        InputError: there are more folds than rows, or stratified folds are to be contiguous.
    """
    if options.k > len(prices):
        raise InputError(
            tr("--k: cannot make {k} folds of {rows} rows; choose fewer", k=options.k, rows=len(prices))
        )
    if options.stratify and not shuffle:
        raise InputError(tr("--stratify: contiguous folds cannot be stratified; add --shuffle"))
    splitter_cls = StratifiedKFold if options.stratify else KFold
    strata = _strata(prices, options.k)
    folds = []
    for repeat in range(options.repeats):
        seed = options.seed + repeat
        splitter = splitter_cls(options.k, shuffle=shuffle, random_state=seed if shuffle else None)
        for number, (train_rows, valid_rows) in enumerate(splitter.split(prices, strata), 1):
            folds.append(Fold(repeat, number, train_rows, valid_rows, seed))
    return folds


def _strata(prices, k):
    """Return a class per row, (rows,): tenths of the sorted prices, or fewer where rows are few."""
    count = max(1, min(MAX_STRATA, len(prices) // k))
    ranks = np.argsort(np.argsort(prices, kind="stable"), kind="stable")
    return ranks * count // len(prices)
