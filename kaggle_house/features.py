"""Turn the 79 columns of a house into numbers, with scikit-learn transformers.

`book_features` makes the columns of section 3.16, `engineered_features` those of the tuned recipe. Columns
are selected by name, because the dtype of a column without any value says nothing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.utils.validation import check_is_fitted, validate_data

from .schema import FEATURES, NUMERIC, ORDINAL

# Not engineered features: MSSubClass repeats HouseStyle, BldgType and the age; the ages contain YrSold.
UNUSED = ["MSSubClass", "MoSold", "YrSold"]
TAIL = 0.01  # share of houses at either end of a column that are moved to its quantile
MAX_SKEWNESS = 1.5  # a column with more skewness than this is replaced by its logarithm
PORCHES = ["WoodDeckSF", "OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch"]
FLAGGED = ["PoolArea", "2ndFlrSF", "GarageArea", "TotalBsmtSF", "Fireplaces", "MasVnrArea", "WoodDeckSF"]


def book_features() -> ColumnTransformer:
    """Return a transformer that makes the book's columns: standardized numbers, then one-hot levels.

    Missing is a level of its own. Fitted on training and test rows together, as in the book, there are 331.

    Returns:
        Unfitted transformer, DataFrame with the 79 columns -> (houses, features), float32.
    """
    numbers = make_pipeline(
        SampleStandardizer(), SimpleImputer(strategy="constant", fill_value=0, keep_empty_features=True)
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, [name for name in FEATURES if name in NUMERIC]),
            ("levels", _one_hot(OneHotWithMissing), [name for name in FEATURES if name not in NUMERIC]),
        ],
        verbose_feature_names_out=False,
    )


def engineered_features(clip: float = 2.5) -> ColumnTransformer:
    """Return a transformer that makes the tuned recipe's columns.

    Numbers, grades, totals and ages are standardized, skewed ones as logarithms; other levels are one-hot.

    Args:
        clip: bound of the standardized numbers, so that the few houses unlike all others do not dominate.

    Returns:
        Unfitted transformer, DataFrame with the 79 columns -> (houses, features), float32.
    """
    numbers = make_pipeline(
        HouseNumbers(),
        SkewedToLogs(),
        TailClipper(),
        SampleStandardizer(),
        FunctionTransformer(np.clip, kw_args={"a_min": -clip, "a_max": clip}, feature_names_out="one-to-one"),
    )
    # OneHotEncoder gives missing values a column as well; the selection leaves it out.
    levels = make_pipeline(
        _one_hot(OneHotEncoder).set_output(transform="pandas"),
        ColumnTransformer([("known", "passthrough", _known_levels)], verbose_feature_names_out=False),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, FEATURES),
            ("levels", levels, [name for name in FEATURES if name not in {*NUMERIC, *ORDINAL}]),
        ],
        verbose_feature_names_out=False,
    )


def _known_levels(one_hot: pd.DataFrame) -> list[str]:
    """Return the columns of all levels but missing."""
    return [name for name in one_hot.columns if not name.endswith("_nan")]


def _one_hot(encoder_cls: type[OneHotEncoder]) -> OneHotEncoder:
    """Return an encoder that gives an unseen level zeros in all columns."""
    return encoder_cls(handle_unknown="ignore", sparse_output=False, dtype=np.float32)


class OneHotWithMissing(OneHotEncoder):
    """Encode missing as one more level of every column, seen or not, as pandas' `dummy_na=True` does.

    OneHotEncoder gives missing a column only where `fit` meets it; the book's 331 columns have it everywhere.
    """

    def fit(self, X: pd.DataFrame, y: object = None) -> OneHotWithMissing:
        """Learn the levels of X, with missing as one more."""
        return super().fit(X.reset_index(drop=True).reindex(range(len(X) + 1)))  # the last row is missing


class SampleStandardizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale columns to mean 0 and standard deviation 1; a column that was constant becomes 0.

    The standard deviation divides by n - 1, as in pandas and so in the book; StandardScaler's divides by n.
    """

    def fit(self, X: pd.DataFrame, y: object = None) -> SampleStandardizer:
        """Learn mean and standard deviation of each column, missing values aside."""
        validate_data(self, X, skip_check_array=True)  # keeps the columns' names
        self.mean_, self.std_ = X.mean(), X.std()
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X scaled, in single precision; missing values stay missing."""
        check_is_fitted(self)
        return ((X - self.mean_) / self.std_.where(self.std_ > 0, np.inf)).astype(np.float32)


class SkewedToLogs(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Replace x by log(1 + x) in the columns whose skewness is beyond MAX_SKEWNESS."""

    def fit(self, X: pd.DataFrame, y: object = None) -> SkewedToLogs:
        """Learn which columns are skewed."""
        validate_data(self, X, skip_check_array=True)  # keeps the columns' names
        self.skewed_ = list(X.columns[X.skew().abs() > MAX_SKEWNESS])
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X with logarithms in the skewed columns."""
        check_is_fitted(self)
        X = X.copy()
        X[self.skewed_] = np.log1p(X[self.skewed_].clip(lower=0))
        return X


class TailClipper(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Move the values in either TAIL of a column to its quantile."""

    def fit(self, X: pd.DataFrame, y: object = None) -> TailClipper:
        """Learn the quantiles."""
        validate_data(self, X, skip_check_array=True)  # keeps the columns' names
        self.low_, self.high_ = X.quantile(TAIL), X.quantile(1 - TAIL)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return X clipped to the quantiles."""
        check_is_fitted(self)
        values = np.clip(X.to_numpy(), self.low_.to_numpy(), self.high_.to_numpy())
        return pd.DataFrame(values, X.index, X.columns)


class HouseNumbers(TransformerMixin, BaseEstimator):
    """Describe a house by numbers only: no value missing, grades as 1, 2, ..., and totals and ages added."""

    def fit(self, X: pd.DataFrame, y: object = None) -> HouseNumbers:
        """Learn the median LotFrontage of every neighborhood, and of all houses."""
        known = X[X["LotFrontage"].notna()]
        self.frontage_ = known.groupby("Neighborhood")["LotFrontage"].median()
        self.median_frontage_ = known["LotFrontage"].median() if len(known) else 0.0
        self.feature_names_ = self.transform(X.head(1)).columns.to_numpy(dtype=object)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the numbers of X, a DataFrame with the 79 columns."""
        check_is_fitted(self, "frontage_")
        numbers = X[[name for name in FEATURES if name in NUMERIC and name not in UNUSED]].copy()
        for name, levels in ORDINAL.items():
            numbers[name] = X[name].map({level: grade for grade, level in enumerate(levels, 1)})
        frontage = X["Neighborhood"].map(self.frontage_).fillna(self.median_frontage_)
        numbers["LotFrontage"] = numbers["LotFrontage"].fillna(frontage)
        garage = numbers["GarageYrBlt"]
        numbers["GarageYrBlt"] = garage.where(garage <= X["YrSold"], X["YearBuilt"])  # the file has a 2207
        return _add_totals(numbers.fillna(0), X["YrSold"])

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the columns that `transform` makes."""
        check_is_fitted(self)
        return self.feature_names_


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
