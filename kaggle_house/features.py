"""A house's 79 columns -> an array of numbers: scikit-learn transformers, fitted on what they are shown
only."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .schema import FEATURES, NUMERIC, ORDINAL

# Left out, as numbers and as levels: MSSubClass repeats HouseStyle, BldgType and the age; the ages are made
# of YrSold.
UNUSED = ["MSSubClass", "MoSold", "YrSold"]
TAIL = 0.01  # share of houses at either end of a column that are moved to its quantile
MANY = 1.5  # skewness from which on a column is taken by its logarithm


class _Standardised:
    """Mean 0 and deviation 1 as learned; a column that was constant becomes 0."""

    def __init__(self, frame):
        self.mean, self.std = frame.mean(), frame.std()  # with n - 1, as pandas and so the book have it

    def __call__(self, frame):
        return ((frame - self.mean) / self.std.where(self.std > 0, np.inf)).fillna(0)


class _OneHot:
    """A column a level as learned, in alphabetical order; an unseen level has zeros in all of them."""

    def __init__(self, frame, missing):
        self.levels = {
            name: [*sorted(frame[name].dropna().unique()), *([np.nan] if missing else [])]
            for name in frame.columns
        }

    def names(self):
        return [f"{name}_{level}" for name, levels in self.levels.items() for level in levels]

    def __call__(self, frame):
        return np.column_stack(
            [
                frame[name].isna() if pd.isna(level) else frame[name] == level
                for name, levels in self.levels.items()
                for level in levels
            ]
        )


class _HouseFeatures(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        """Learn the statistics and levels of X, a frame with the 79 columns."""
        self._learn(X)
        numeric, categories = self._prepared(X)
        self.standardised_ = _Standardised(numeric)
        self.one_hot_ = _OneHot(categories, missing=self.MISSING_IS_A_LEVEL)
        self.feature_names_ = [*numeric.columns, *self.one_hot_.names()]
        return self

    def transform(self, X):
        """(houses, features), float32."""
        check_is_fitted(self)
        numeric, categories = self._prepared(X)
        return np.hstack([self._shaped(self.standardised_(numeric)), self.one_hot_(categories)]).astype(
            np.float32
        )

    def get_feature_names_out(self, input_features=None):
        """Name of each column of what `transform` gives."""
        check_is_fitted(self)
        return np.array(self.feature_names_, dtype=object)

    def _learn(self, X):
        pass

    def _shaped(self, numeric):
        return numeric


class BookFeatures(_HouseFeatures):
    """Section 3.16: numbers standardised and missing ones 0, texts one-hot with missing as a level of its
    own.

    Fitted on train and test together, as the book does, it gives 331 features.
    """

    MISSING_IS_A_LEVEL = True

    def _prepared(self, X):
        X = X[FEATURES]
        return X[[name for name in FEATURES if name in NUMERIC]], X[
            [name for name in FEATURES if name not in NUMERIC]
        ]


class EngineeredFeatures(_HouseFeatures):
    """Grades as numbers, totals and ages, skewed columns by their logarithm, without tails, standardised and
    clipped.

    Args:
        clip: bound of the standardised numbers; it keeps the few houses that are like no other from
            dominating.
    """

    MISSING_IS_A_LEVEL = False

    def __init__(self, clip=2.5):
        self.clip = clip

    def _learn(self, X):
        known = X[X["LotFrontage"].notna()]
        self.frontage_ = known.groupby("Neighborhood")["LotFrontage"].median()
        self.median_frontage_ = known["LotFrontage"].median() if len(known) else 0.0
        self.skewed_, self.bounds_ = [], (None, None)
        skewness = self._prepared(X)[0].skew()
        self.skewed_ = list(skewness.index[skewness.abs() > MANY])
        numeric = self._prepared(X)[0]
        self.bounds_ = numeric.quantile(TAIL), numeric.quantile(1 - TAIL)

    def _shaped(self, numeric):
        return numeric.clip(-self.clip, self.clip)

    def _prepared(self, X):
        numeric = self._numbers(X)
        numeric[self.skewed_] = np.log1p(numeric[self.skewed_].clip(lower=0))
        numeric = numeric.clip(*self.bounds_, axis=1)
        others = {*numeric.columns, *UNUSED}
        return numeric, X[[name for name in FEATURES if name not in others]]

    def _numbers(self, X):
        numeric = X[[name for name in FEATURES if name in NUMERIC and name not in UNUSED]].copy()
        for name, levels in ORDINAL.items():
            numeric[name] = X[name].map({level: i for i, level in enumerate(levels, 1)})
        frontage = X["Neighborhood"].map(self.frontage_).fillna(self.median_frontage_)
        numeric["LotFrontage"] = numeric["LotFrontage"].fillna(frontage)
        garage = numeric["GarageYrBlt"]
        numeric["GarageYrBlt"] = garage.where(garage <= X["YrSold"], X["YearBuilt"])
        return _with_totals(numeric.fillna(0), X["YrSold"])


def _with_totals(numeric, sold):
    """The numbers, and sums, ages and yes-or-no columns made of them."""
    n = numeric
    porches = ["WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch"]
    return n.assign(
        TotalArea=n["TotalBsmtSF"] + n["1stFlrSF"] + n["2ndFlrSF"],
        FinishedArea=n["GrLivArea"] + n["BsmtFinSF1"] + n["BsmtFinSF2"],
        TotalBaths=n["FullBath"] + n["BsmtFullBath"] + 0.5 * (n["HalfBath"] + n["BsmtHalfBath"]),
        PorchArea=n[porches].sum(axis=1),
        Age=(sold - n["YearBuilt"]).clip(lower=0),
        SinceRemodelled=(sold - n["YearRemodAdd"]).clip(lower=0),
        IsNew=(n["YearBuilt"] >= sold) * 1.0,
        Remodelled=(n["YearRemodAdd"] != n["YearBuilt"]) * 1.0,
        **{
            f"Has{name}": (n[name] > 0) * 1.0
            for name in (
                "PoolArea",
                "2ndFlrSF",
                "GarageArea",
                "TotalBsmtSF",
                "Fireplaces",
                "MasVnrArea",
                "WoodDeckSF",
            )
        },
    )
