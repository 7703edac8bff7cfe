"""Build a submission from predictions, read one, and check it as Kaggle would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from d2l_repro.language import mark, tr

from .reading import parse_rows, read_text

COMPETITION = "house-prices-advanced-regression-techniques"
UPLOAD = f"kaggle competitions submit -c {COMPETITION} -f {{path}} -m {{message}}"
MAX_SHOWN = 80  # characters of a header that a message shows
LEVELS = (0.8, 0.95)  # of the prediction intervals
PRICE_RANGE = (34_900, 755_000)  # lowest and highest price of the published training file, in US dollars
# If all prices are below these, they are in another unit: logarithms are about 12, thousands of dollars 180.
MAX_LOG, MAX_THOUSANDS = 100, 1000


def average_predictions(estimators: Sequence[RegressorMixin], houses: pd.DataFrame) -> np.ndarray:
    """Return the geometric mean of the estimators' prices, (houses,); the score compares logarithms."""
    logs = [np.log(np.clip(estimator.predict(houses), 1, None)) for estimator in estimators]
    return np.exp(np.mean(logs, axis=0))


def submission_frame(ids: ArrayLike, prices: ArrayLike) -> pd.DataFrame:
    """Return the two columns of a submission, Id and SalePrice, paired by position.

    pandas would align two Series by index instead, and so shuffle the prices. The index is the line of each
    row in the file.
    """
    frame = pd.DataFrame({"Id": np.asarray(ids), "SalePrice": np.asarray(prices)})
    frame.index += 2
    return frame


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
    """Read a submission file as strings, one row per house; the index is the line of each in the file.

    Raises:
        InputError: the file cannot be read as CSV, or a row has more or fewer fields than the header.
    """
    # pandas would take additional columns for an index, and open archives and addresses by their names.
    header, rows = parse_rows(path, read_text(path))
    lines = [row.line for row in rows]
    return pd.DataFrame([row.fields for row in rows], lines, header, dtype=object)


def find_errors(submission: pd.DataFrame, test_ids: ArrayLike) -> list[str]:
    """Return a line for each error that would get a submission rejected; an empty list if there is none.

    Args:
        submission: table as `read_submission` or `submission_frame` returns it.
        test_ids: the Ids of the test table, in order.
    """
    if list(submission.columns) != ["Id", "SalePrice"]:
        header = ",".join(map(str, submission.columns))
        return [tr("the header must be Id,SalePrice, not {header}", header=repr(header[:MAX_SHOWN]))]
    ids, prices = submission["Id"], submission["SalePrice"]
    return _id_errors(ids, np.asarray(test_ids)) + _price_errors(prices)


def _id_errors(texts, expected):
    ids = pd.to_numeric(texts, errors="coerce")
    errors = []
    if len(ids) != len(expected):
        errors.append(tr("there must be {wanted} rows, not {count}", wanted=len(expected), count=len(ids)))
    for row in np.flatnonzero(ids.isna())[:1]:
        errors.append(
            tr(
                "line {line}, column Id: {id} is not a number",
                line=texts.index[row],
                id=repr(texts.iloc[row]),
            )
        )
    repeated = ids[ids.duplicated() & ids.notna()].unique()
    if len(repeated):
        errors.append(
            tr("{count} Ids occur more than once, such as {id}", count=len(repeated), id=f"{repeated[0]:g}")
        )
    if len(ids) == len(expected) and not np.array_equal(ids, expected):
        shift = np.unique(ids - expected)
        if len(shift) == 1 and np.isfinite(shift[0]):
            errors.append(
                tr(
                    "every Id differs by {shift} from the test table's; is it the index of a DataFrame?",
                    shift=f"{shift[0]:+g}",
                )
            )
        elif set(ids) == set(expected):
            errors.append(tr("the Ids are in another order than in the test table"))
    unknown = ids[ids.notna() & ~ids.isin(expected)]
    if len(unknown):
        errors.append(
            tr(
                "{count} Ids are not in the test table, such as {id}",
                count=len(unknown),
                id=f"{unknown.iloc[0]:g}",
            )
        )
    return errors


def _price_errors(texts):
    prices = pd.to_numeric(texts, errors="coerce")
    checks = {
        mark("{count} prices are not a number, such as {example}"): prices.isna(),
        mark("{count} prices are not finite, such as {example}"): np.isinf(prices),
        mark("{count} prices are not positive, such as {example}"): prices <= 0,
    }
    errors = []
    for problem, wrong in checks.items():
        rows = np.flatnonzero(wrong)
        if len(rows):
            errors.append(tr(problem, count=len(rows), example=_example(texts, rows)))
    return errors


def find_wrong_unit(submission: pd.DataFrame) -> list[str]:
    """Return a line if all prices of a submission without errors are logarithms, or thousands of dollars."""
    texts = submission["SalePrice"]
    highest = pd.to_numeric(texts).max()
    if highest < MAX_LOG:
        return [
            tr(
                "all prices are below {limit}, such as {example}: forgot exp? Write np.exp(prices)",
                limit=MAX_LOG,
                example=_example(texts, [0]),
            )
        ]
    if highest < MAX_THOUSANDS:
        return [
            tr(
                "all prices are below {limit}, such as {example}: write dollars, not thousands of them",
                limit=f"{MAX_THOUSANDS:,}",
                example=_example(texts, [0]),
            )
        ]
    return []


def _example(texts, rows):
    value = texts.iloc[rows[0]]
    text = value if isinstance(value, float) else repr(value)
    return tr("{value} in line {line}", value=text, line=texts.index[rows[0]])


def find_suspicions(submission: pd.DataFrame, lowest: float, highest: float) -> list[str]:
    """Return a line for each thing that is valid in a submission without errors, but hardly meant.

    Args:
        submission: table in which `find_errors` finds none.
        lowest: of the training prices, US dollars.
        highest: of the training prices, US dollars.
    """
    texts = submission["SalePrice"]
    prices = pd.to_numeric(texts)
    found = []
    if len(prices) > 1 and prices.min() == prices.max():
        price = f"{prices.iloc[0]:g}"
        found.append(tr("column SalePrice: all prices are {price}, whatever the house", price=price))
    beyond = np.flatnonzero((prices < lowest) | (prices > highest))
    if len(beyond):
        found.append(
            tr(
                "column SalePrice: {count} of {total} prices are beyond those of the training file, {lowest} "
                "to {highest}, such as {example}",
                count=len(beyond),
                total=len(prices),
                lowest=f"{lowest:,.0f}",
                highest=f"{highest:,.0f}",
                example=_example(texts, beyond),
            )
        )
    return found
