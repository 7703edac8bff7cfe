"""A submission: made from the fold models or from a refit, checked, and written in one piece."""

import numpy as np
import pandas as pd

from d2l_repro.errors import InputError

COMPETITION = "house-prices-advanced-regression-techniques"
UPLOAD = f"kaggle competitions submit -c {COMPETITION} -f {{path}} -m 'd2l_repro, {{recipe}}'"
LEVELS = (0.8, 0.95)  # of the prediction intervals


def average(estimators, houses):
    """Prices (houses,) as the geometric mean of the estimators': the score looks at logarithms."""
    logs = [np.log(np.clip(estimator.predict(houses), 1, None)) for estimator in estimators]
    return np.exp(np.mean(logs, axis=0))


def as_frame(ids, prices):
    """The submission's two columns. Arrays, never Series: those would be aligned on their index and
    shuffled."""
    return pd.DataFrame({"Id": np.asarray(ids), "SalePrice": np.asarray(prices)})


def intervals(prices, true, out_of_fold):
    """Prediction intervals from the quantiles of the out-of-fold errors of log prices.

    Args:
        prices: predictions to put intervals around, (houses,).
        true, out_of_fold: prices of the training rows and their out-of-fold predictions.

    Returns:
        name -> bound, (houses,): low_80, high_80, low_95, high_95.
    """
    errors = np.log(true) - np.log(out_of_fold)
    bounds = {}
    for level in LEVELS:
        for side, q in (("low", (1 - level) / 2), ("high", (1 + level) / 2)):
            bounds[f"{side}_{100 * level:.0f}"] = prices * np.exp(np.quantile(errors, q))
    return bounds


def read(path):
    """A submission file as texts, one row a house.

    Raises:
        InputError: the file cannot be read as CSV.
    """
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: cannot be read ({error})") from error


def faults(submission, test_ids):
    """Everything that keeps a submission from being accepted, a line each; none if it is fine.

    Args:
        submission: DataFrame as `read` gives it, or as `as_frame`.
        test_ids: the Ids of the test table, in order.
    """
    if list(submission.columns) != ["Id", "SalePrice"]:
        return [f"the header is {','.join(map(str, submission.columns))}, not Id,SalePrice"]
    ids, prices = (pd.to_numeric(submission[name], errors="coerce") for name in ("Id", "SalePrice"))
    return _id_faults(ids, submission["Id"], np.asarray(test_ids)) + _price_faults(
        prices, submission["SalePrice"]
    )


def _id_faults(ids, texts, expected):
    found = []
    if len(ids) != len(expected):
        found.append(f"there are {len(ids)} rows, not {len(expected)}")
    for row in np.flatnonzero(ids.isna())[:1]:
        found.append(f"row {row + 1}: Id {texts.iloc[row]!r} is not a number")
    repeated = ids[ids.duplicated() & ids.notna()].unique()
    if len(repeated):
        found.append(f"{len(repeated)} Ids stand there twice, such as {repeated[0]:g}")
    if len(ids) == len(expected) and not np.array_equal(ids, expected):
        shift = np.unique(ids - expected)
        if len(shift) == 1:
            found.append(
                f"every Id is {shift[0]:+g} from the test table's: an index was written in its place?"
            )
        elif set(ids) == set(expected):
            found.append("the Ids are the test table's, but in another order")
    wrong = ids[ids.notna() & ~ids.isin(expected)]
    if len(wrong):
        found.append(f"{len(wrong)} Ids are not in the test table, such as {wrong.iloc[0]:g}")
    return found


def _price_faults(prices, texts):
    found = []
    tests = {
        "is not a number": prices.isna(),
        "is not finite": np.isinf(prices),
        "is not positive": prices <= 0,
    }
    for fault, rows in tests.items():
        if rows.any():
            row = int(np.flatnonzero(rows)[0])
            found.append(
                f"{int(rows.sum())} prices: one {fault}, such as {texts.iloc[row]!r} in row {row + 1}"
            )
    return found
