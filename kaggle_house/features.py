"""Turn the 79 columns of a house into numbers, with a scikit-learn transformer.

`book_features` makes the columns of section 3.16, `engineered_features` those of the tuned recipe, and
`extended_features` those of the blend. Columns are selected by name, because the dtype of a column without
any value says nothing. What a transformer has learned is plain data, which `state` returns as JSON values and
`restore` reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from d2l_repro.train.arrays import is_number

from .schema import FEATURES, NUMERIC, ORDINAL

# Not engineered features: MSSubClass repeats HouseStyle, BldgType and the age; the ages contain YrSold.
UNUSED = ["MSSubClass", "MoSold", "YrSold"]
TAIL = 0.01  # share of houses at either end of a column that are moved to its quantile
MAX_SKEWNESS = 1.5  # a column with more skewness than this is replaced by its logarithm
PORCHES = ["WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch"]
FLAGGED = ["PoolArea", "2ndFlrSF", "GarageArea", "TotalBsmtSF", "Fireplaces", "MasVnrArea", "WoodDeckSF"]
AREAS = ["GrLivArea", "TotalArea", "LotArea", "1stFlrSF"]  # whose logarithms are columns, too
GRADES = ["ExterQual", "KitchenQual", "BsmtQual", "HeatingQC", "FireplaceQu", "GarageQual"]  # that are summed
NUMBERS = [name for name in FEATURES if name in NUMERIC]


def book_features() -> HouseFeatures:
    """Return a transformer that makes the book's columns: standardized numbers, then one-hot levels.

    Missing is a level of its own. Fitted on training and test rows together, as in the book, there are 331.

    Returns:
        Unfitted transformer, DataFrame with the 79 columns -> (houses, features), float32.
    """
    levels = OneHotLevels([name for name in FEATURES if name not in NUMERIC], missing=True)
    return HouseFeatures([SampleStandardizer()], levels, NUMBERS)


def engineered_features(clip: float = 2.5) -> HouseFeatures:
    """Return a transformer that makes the tuned recipe's columns.

    Numbers, grades, totals and ages are standardized, skewed ones as logarithms; other levels are one-hot.

    Args:
        clip: bound of the standardized numbers, so that the few houses unlike all others do not dominate.

    Returns:
        Unfitted transformer, DataFrame with the 79 columns -> (houses, features), float32.
    """
    numbers = [HouseNumbers(), SkewedToLogs(), TailClipper(), SampleStandardizer()]
    levels = OneHotLevels([name for name in FEATURES if name not in {*NUMERIC, *ORDINAL}])
    return HouseFeatures(numbers, levels, FEATURES, clip)


def extended_features(clip: float = 2.5) -> HouseFeatures:
    """Return a transformer that makes the blend's columns: engineered ones, and those of `MoreHouseNumbers`.

    Args:
        clip: as for `engineered_features`.

    Returns:
        Unfitted transformer, DataFrame with the 79 columns -> (houses, features), float32.
    """
    features = engineered_features(clip)
    features.numbers[0] = MoreHouseNumbers()
    return features


BUILDERS = {"book": book_features, "engineered": engineered_features, "extended": extended_features}


class HouseTransformer(TransformerMixin, BaseEstimator):
    """Base class of what learns from houses; `learned` names the attributes that `fit` sets."""

    learned: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, Any]:
        """Return what was learned, as JSON values."""
        values = {name: getattr(self, name) for name in self.learned}
        return {
            name: value.to_dict() if isinstance(value, pd.Series) else value for name, value in values.items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Learn what `state` returned.

        Raises:
            KeyError, TypeError, ValueError: it was not returned by `state`.
        """
        for name in self.learned:
            setattr(self, name, _PARSERS[name](state[name]))


class HouseFeatures(HouseTransformer):
    """Make two kinds of columns: standardized numbers, then one-hot levels.

    Args:
        numbers: transformers that are applied one after the other; the last is a SampleStandardizer.
        levels: transformer that makes the other columns.
        columns: what the first of `numbers` is given.
        clip: bound of the standardized numbers.
    """

    def __init__(
        self,
        numbers: Sequence[HouseTransformer],
        levels: OneHotLevels,
        columns: Sequence[str],
        clip: float = np.inf,
    ):
        self.numbers, self.levels, self.columns, self.clip = numbers, levels, columns, clip

    def fit(self, X: pd.DataFrame, y: object = None) -> HouseFeatures:
        """Learn from X, a DataFrame with the 79 columns."""
        self.levels.fit(X)
        numbers = X[self.columns]
        for transformer in self.numbers:
            numbers = transformer.fit(numbers).transform(numbers)
        self.names_ = [*numbers.columns, *self.levels.names()]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the features of X, a DataFrame with the 79 columns."""
        check_is_fitted(self)
        numbers = X[self.columns]
        for transformer in self.numbers:
            numbers = transformer.transform(numbers)
        # What is missing after standardizing becomes 0, the mean.
        numbers = np.clip(numbers.fillna(0).to_numpy(), -self.clip, self.clip)
        return np.hstack([numbers, self.levels.transform(X)])

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the columns that `transform` makes."""
        check_is_fitted(self)
        return np.array(self.names_, dtype=object)

    def state(self) -> dict[str, Any]:
        return {
            "numbers": [transformer.state() for transformer in self.numbers],
            "levels": self.levels.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.levels.restore(state["levels"])
        house = pd.DataFrame({name: pd.Series([np.nan], dtype=_dtype(name)) for name in FEATURES})
        numbers = house[self.columns]
        if len(state["numbers"]) != len(self.numbers):
            raise ValueError("the features have other transformers")
        for transformer, learned in zip(self.numbers, state["numbers"]):
            transformer.restore(learned)
            columns = list(numbers.columns)
            numbers = transformer.transform(numbers)
        if not columns == list(self.numbers[-1].mean_.index) == list(self.numbers[-1].std_.index):
            raise ValueError("the features have other columns")
        self.names_ = [*numbers.columns, *self.levels.names()]


def _dtype(name: str) -> type:
    return float if name in NUMERIC else object


class OneHotLevels(HouseTransformer):
    """Make a column of 0 and 1 for each level that `fit` meets; other levels have 0 in all of them.

    Args:
        columns: to encode.
        missing: whether missing is one more level of every column, seen or not, as with pandas'
            `dummy_na=True`.
    """

    learned = ("levels_",)

    def __init__(self, columns: Sequence[str], missing: bool = False):
        self.columns, self.missing = columns, missing

    def fit(self, X: pd.DataFrame, y: object = None) -> OneHotLevels:
        """Learn the levels of X."""
        self.levels_ = {name: sorted(set(X[name].dropna())) for name in self.columns}
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the columns, (houses, levels), float32."""
        parts = []
        for name in self.columns:
            levels = self.levels_[name]
            numbers = pd.Index(levels, dtype=object).get_indexer(X[name])  # -1 for any other level
            parts.append(numbers[:, np.newaxis] == np.arange(len(levels)))
            if self.missing:
                parts.append(X[name].isna().to_numpy()[:, np.newaxis])
        return np.hstack(parts).astype(np.float32)

    def names(self) -> list[str]:
        """Return the names of the columns: that of the original column, and the level."""
        extra = ["nan"] if self.missing else []
        return [f"{name}_{level}" for name in self.columns for level in (*self.levels_[name], *extra)]


class SampleStandardizer(HouseTransformer):
    """Scale columns to mean 0 and standard deviation 1; a column that was constant becomes 0.

    The standard deviation divides by n - 1, as in pandas and so in the book; StandardScaler's divides by n.
    """

    learned = ("mean_", "std_")

    def fit(self, X: pd.DataFrame, y: object = None) -> SampleStandardizer:
        """Learn mean and standard deviation of each column, missing values aside."""
        self.mean_, self.std_ = X.mean(), X.std()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X scaled, in single precision; missing values stay missing."""
        return ((X - self.mean_) / self.std_.where(self.std_ > 0, np.inf)).astype(np.float32)


class SkewedToLogs(HouseTransformer):
    """Replace x by log(1 + x) in the columns whose skewness is beyond MAX_SKEWNESS."""

    learned = ("skewed_",)

    def fit(self, X: pd.DataFrame, y: object = None) -> SkewedToLogs:
        """Learn which columns are skewed."""
        self.skewed_ = list(X.columns[X.skew().abs() > MAX_SKEWNESS])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X with logarithms in the skewed columns."""
        X = X.copy()
        X[self.skewed_] = np.log1p(X[self.skewed_].clip(lower=0))
        return X


class TailClipper(HouseTransformer):
    """Move the values in either TAIL of a column to its quantile."""

    learned = ("low_", "high_")

    def fit(self, X: pd.DataFrame, y: object = None) -> TailClipper:
        """Learn the quantiles."""
        self.low_, self.high_ = X.quantile(TAIL), X.quantile(1 - TAIL)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X clipped to the quantiles."""
        values = np.clip(X.to_numpy(), self.low_.to_numpy(), self.high_.to_numpy())
        return pd.DataFrame(values, X.index, X.columns)


class HouseNumbers(HouseTransformer):
    """Describe a house by numbers only: no value missing, grades as 1, 2, ..., and totals and ages added."""

    learned = ("frontage_", "median_frontage_")

    def fit(self, X: pd.DataFrame, y: object = None) -> HouseNumbers:
        """Learn the median LotFrontage of every neighborhood, and of all houses."""
        known = X[X["LotFrontage"].notna()]
        self.frontage_ = known.groupby("Neighborhood")["LotFrontage"].median()
        self.median_frontage_ = float(known["LotFrontage"].median()) if len(known) else 0.0
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the numbers of X, a DataFrame with the 79 columns."""
        numbers = X[[name for name in FEATURES if name in NUMERIC and name not in UNUSED]].copy()
        for name, levels in ORDINAL.items():
            numbers[name] = X[name].map({level: grade for grade, level in enumerate(levels, 1)})
        frontage = X["Neighborhood"].map(self.frontage_).fillna(self.median_frontage_)
        numbers["LotFrontage"] = numbers["LotFrontage"].fillna(frontage)
        garage = numbers["GarageYrBlt"]
        numbers["GarageYrBlt"] = garage.where(garage <= X["YrSold"], X["YearBuilt"])  # the file has a 2207
        return _add_totals(numbers.fillna(0), X["YrSold"])


class MoreHouseNumbers(HouseNumbers):
    """Add logarithms of areas, sums and squares of grades, and what the neighborhood is like."""

    learned = (*HouseNumbers.learned, "area_", "quality_", "age_")

    def fit(self, X: pd.DataFrame, y: object = None) -> MoreHouseNumbers:
        """Learn also the mean total area, quality and age of every neighborhood."""
        super().fit(X)
        numbers = super().transform(X)
        means = numbers.groupby(X["Neighborhood"])[["TotalArea", "OverallQual", "Age"]].mean()
        self.area_, self.quality_, self.age_ = (means[name] for name in means)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the numbers of X, a DataFrame with the 79 columns."""
        n = super().transform(X)
        means = {"Area": self.area_, "Quality": self.quality_, "Age": self.age_}
        return n.assign(
            **{f"Log{name}": np.log1p(n[name].clip(lower=0)) for name in AREAS},
            Quality=n[GRADES].sum(axis=1),
            OverallTimesKitchen=n["OverallQual"] * n["KitchenQual"],
            OverallQualSquared=n["OverallQual"] ** 2,
            OverallCondSquared=n["OverallCond"] ** 2,
            **{
                f"{name}Around": X["Neighborhood"].map(mean).fillna(mean.mean())
                for name, mean in means.items()
            },
        )


def _add_totals(numbers: pd.DataFrame, year_sold: pd.Series) -> pd.DataFrame:
    """Add sums, ages, and columns of 0 and 1 computed from the others."""
    n = numbers
    return n.assign(
        TotalArea=n["TotalBsmtSF"] + n["1stFlrSF"] + n["2ndFlrSF"],
        FinishedArea=n["GrLivArea"] + n["BsmtFinSF1"] + n["BsmtFinSF2"],
        TotalBaths=n["FullBath"] + n["BsmtFullBath"] + 0.5 * (n["HalfBath"] + n["BsmtHalfBath"]),
        PorchArea=n[PORCHES].sum(axis=1),
        Age=(year_sold - n["YearBuilt"]).clip(lower=0),
        SinceRemodelled=(year_sold - n["YearRemodAdd"]).clip(lower=0),
        IsNew=(n["YearBuilt"] >= year_sold) * 1.0,
        Remodelled=(n["YearRemodAdd"] != n["YearBuilt"]) * 1.0,
        **{f"Has{name}": (n[name] > 0) * 1.0 for name in FLAGGED},
    )


def _parse_numbers(values: Any) -> pd.Series:
    if not isinstance(values, dict) or not all(map(is_number, values.values())):
        raise ValueError("the features have values that are no numbers")
    if any(map(math.isinf, values.values())):  # nan is what a column without values has
        raise ValueError("the features have values that are not finite")
    return pd.Series(values, dtype=float)


def _parse_number(value: Any) -> float:
    return float(_parse_numbers({"": value}).iloc[0])


def _parse_names(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("the features have names that are no texts")
    return values


def _parse_levels(values: Any) -> dict[str, list[str]]:
    levels = {name: _parse_names(texts) for name, texts in values.items()}
    if any(len(set(texts)) < len(texts) for texts in levels.values()):
        raise ValueError("the features have a level twice")
    return levels


_PARSERS = {
    **dict.fromkeys(
        ("mean_", "std_", "low_", "high_", "frontage_", "area_", "quality_", "age_"), _parse_numbers
    ),
    "median_frontage_": _parse_number,
    "skewed_": _parse_names,
    "levels_": _parse_levels,
}
