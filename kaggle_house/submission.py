"""Build a submission from predictions, read one, and check it as Kaggle would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from .data import parse_rows, read_text

COMPETITION = "house-prices-advanced-regression-techniques"
UPLOAD = f"kaggle competitions submit -c {COMPETITION} -f {{path}} -m 'd2l_repro, {{recipe}}'"
MAX_SHOWN = 80  # characters of a header that a message shows
LEVELS = (0.8, 0.95)  # of the prediction intervals


def average_predictions(estimators: Sequence[RegressorMixin], houses: pd.DataFrame) -> np.ndarray:
    """Return the geometric mean of the estimators' prices, (houses,); the score compares logarithms."""
    logs = [np.log(np.clip(estimator.predict(houses), 1, None)) for estimator in estimators]
    return np.exp(np.mean(logs, axis=0))


def submission_frame(ids: ArrayLike, prices: ArrayLike) -> pd.DataFrame:
    """Return the two columns of a submission, Id and SalePrice, paired by position.

    pandas would align two Series by index instead, and so shuffle the prices.
    """
    return pd.DataFrame({"Id": np.asarray(ids), "SalePrice": np.asarray(prices)})


def intervals(prices: np.ndarray, true_prices: np.ndarray, out_of_fold: np.ndarray) -> dict[str, np.ndarray]:
    """Return prediction intervals from the quantiles of the out-of-fold errors of log prices.

    Args:
        prices: predictions to put intervals around, (houses,).
        true_prices: prices of the training rows, (rows,).
        out_of_fold: out-of-fold predictions of the training rows, (rows,).

    Returns:
        The bounds low_80, high_80, low_95 and high_95, (houses,) each.
    """
    errors = np.log(true_prices) - np.log(out_of_fold)
    bounds = {}
    for level in LEVELS:
        for side, q in (("low", (1 - level) / 2), ("high", (1 + level) / 2)):
            bounds[f"{side}_{100 * level:.0f}"] = prices * np.exp(np.quantile(errors, q))
    return bounds


def read_submission(path: str | Path) -> pd.DataFrame:
    """Read a submission file as strings, one row per house.

    Raises:
        InputError: the file cannot be read as CSV, or a row has more or fewer fields than the header.
    """
    # pandas would take additional columns for an index, and open archives and addresses by their names.
    header, rows = parse_rows(path, read_text(path))
    return pd.DataFrame([row.fields for row in rows], columns=header, dtype=object)


def find_errors(submission: pd.DataFrame, test_ids: ArrayLike) -> list[str]:
    """Return a line for each error that would get a submission rejected; an empty list if there is none.

    Args:
        submission: table as `read_submission` or `submission_frame` returns it.
        test_ids: the Ids of the test table, in order.
    """
    if list(submission.columns) != ["Id", "SalePrice"]:
        header = ",".join(map(str, submission.columns))
        return [f"the header must be Id,SalePrice, not {header[:MAX_SHOWN]!r}"]
    ids, prices = submission["Id"], submission["SalePrice"]
    return _id_errors(ids, np.asarray(test_ids)) + _price_errors(prices)


def _id_errors(texts, expected):
    ids = pd.to_numeric(texts, errors="coerce")
    errors = []
    if len(ids) != len(expected):
        errors.append(f"there must be {len(expected)} rows, not {len(ids)}")
    for row in np.flatnonzero(ids.isna())[:1]:
        errors.append(f"row {row + 1}: Id {texts.iloc[row]!r} is not a number")
    repeated = ids[ids.duplicated() & ids.notna()].unique()
    if len(repeated):
        errors.append(f"{len(repeated)} Ids occur more than once, such as {repeated[0]:g}")
    if len(ids) == len(expected) and not np.array_equal(ids, expected):
        shift = np.unique(ids - expected)
        if len(shift) == 1 and np.isfinite(shift[0]):
            errors.append(
                f"every Id differs by {shift[0]:+g} from the test table's; is it the index of a DataFrame?"
            )
        elif set(ids) == set(expected):
            errors.append("the Ids are in another order than in the test table")
    unknown = ids[ids.notna() & ~ids.isin(expected)]
    if len(unknown):
        errors.append(f"{len(unknown)} Ids are not in the test table, such as {unknown.iloc[0]:g}")
    return errors


def _price_errors(texts):
    prices = pd.to_numeric(texts, errors="coerce")
    checks = {
        "not a number": prices.isna(),
        "not finite": np.isinf(prices),
        "not positive": prices <= 0,
    }
    errors = []
    for problem, wrong in checks.items():
        rows = np.flatnonzero(wrong)
        if len(rows):
            example = f"{texts.iloc[rows[0]]!r} in row {rows[0] + 1}"
            errors.append(f"{len(rows)} prices are {problem}, such as {example}")
    return errors
