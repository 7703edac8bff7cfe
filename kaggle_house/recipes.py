"""Define the recipes: every setting that is fixed before a model sees a house, one block per recipe.

The command line imports this module for its flags, so whatever builds and fits models is imported only where
it is used.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .settings import NetSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from .data import Tables
    from .features import HouseFeatures
    from .folds import Fold


@dataclass(frozen=True)
class Recipe(NetSettings):
    """Settings of the recipe."""

    # columns to use: the book's, engineered ones, or an extended set of those
    features: Literal["book", "engineered", "extended"]
    # rows that the features are fitted on; the book fits them on all rows, the test file included
    statistics: Literal["all rows", "training rows"]
    shuffle: bool  # draw the folds at random; --no-shuffle, or --contiguous, takes slices of the file
    # average the nets with a lasso, kernel regression and boosted trees, with weights fitted out-of-fold
    blend: bool

    def estimator(self, seed: int = 0, impl: Literal["gluon", "scratch"] = "gluon") -> Pipeline:
        """Return an unfitted pipeline, DataFrame with the 79 columns -> prices in US dollars."""
        from sklearn.pipeline import Pipeline

        from .blend import Blend
        from .features import BUILDERS
        from .model import GluonRegressor

        net_settings = {
            name: value
            for name, value in asdict(self).items()
            if name not in ("features", "statistics", "shuffle", "blend")
        }
        net = GluonRegressor(**net_settings, impl=impl, random_state=seed)
        model = Blend(net, random_state=seed) if self.blend else net
        return Pipeline([("features", BUILDERS[self.features]()), ("net", model)])


# The textbook's, section 3.16: one linear layer that predicts the price itself; folds are slices of the file.
BOOK = Recipe(
    features="book",
    statistics="all rows",
    shuffle=False,
    blend=False,
    log_target=False,
    standardise_target=False,
    num_hiddens=0,
    num_nets=1,
    drop_prob=0.0,
    huber=1.0,
    l1=0.0,
    wd=0.0,
    lr=5.0,
    schedule="constant",
    num_epochs=100,
    batch_size=64,
)

# A reader's article. It states: standardized label, one Dense layer, Adam with lr 0.1, 10 epochs (and 20).
# It does not state the batch size, nor whether the label is the price or its logarithm. Of the settings
# tried, log prices with six steps per epoch, the last on a short batch, come nearest to its four printed
# means. At this learning rate nothing has converged: results differ more between seeds than between the two
# numbers of epochs, so it is run with several seeds.
ARTICLE = Recipe(
    features="book",
    statistics="all rows",
    shuffle=False,
    blend=False,
    log_target=True,
    standardise_target=True,
    num_hiddens=0,
    num_nets=1,
    drop_prob=0.0,
    huber=1.0,
    l1=0.0,
    wd=0.0,
    lr=0.1,
    schedule="constant",
    num_epochs=10,
    batch_size=224,
)

# The nets alone: it learns nothing from rows that are scored, nor from the test file. It was developed on
# KFold(5, shuffle=True, random_state=0 to 3), so other splits judge it better.
TUNED = Recipe(
    features="engineered",
    statistics="training rows",
    shuffle=True,
    blend=False,
    log_target=True,
    standardise_target=True,
    num_hiddens=64,
    num_nets=2,
    drop_prob=0.1,
    huber=0.3,
    l1=1e-3,
    wd=0.015,
    lr=3e-3,
    schedule="cosine",
    num_epochs=30,
    batch_size=32,
)

# The one to submit: the tuned nets with three other models. It was developed on four fifths of the houses,
# `development_tables`, and KFold(5, shuffle=True, random_state=0 to 3) of them.
BLEND = TUNED.replace(features="extended", blend=True)

RECIPES = {"book": BOOK, "article": ARTICLE, "tuned": TUNED, "blend": BLEND}
REPEATS = {"book": 1, "article": 4, "tuned": 1, "blend": 1}  # default number of repeats of a recipe's folds


def closest_recipe(recipe: Recipe) -> str:
    """Return the name of the recipe that has the most settings in common with this one."""
    settings = asdict(recipe)
    return max(
        RECIPES, key=lambda name: sum(value == settings[key] for key, value in asdict(RECIPES[name]).items())
    )


def log_rmse(y: ArrayLike, y_hat: ArrayLike) -> float:
    """Return the competition's score, the root mean squared difference of log prices.

    Predictions below 1 dollar count as 1 dollar.
    """
    return float(np.sqrt(np.mean((np.log(np.clip(y_hat, 1, None)) - np.log(y)) ** 2)))


def fit_recipe(
    recipe: Recipe,
    tables: Tables,
    rows: np.ndarray,
    valid_rows: Sequence[int] = (),
    seed: int = 0,
    impl: Literal["gluon", "scratch"] = "gluon",
) -> Pipeline:
    """Fit the recipe's pipeline on some rows of the training table.

    Args:
        recipe: the settings.
        tables: training and test table.
        rows: indices of the rows to train on.
        valid_rows: indices of rows to score after each epoch, as the training rows are.
        seed: seed of the net.
        impl: implementation of the net.

    Returns:
        The fitted pipeline. The `history_` of its last step has the columns train_log_rmse and, with
        `valid_rows`, valid_log_rmse.
    """
    estimator, X, y, measure = _prepare(recipe, tables, rows, valid_rows, seed, impl)
    estimator["net"].fit(X, y, measure=measure)
    return estimator


def fit_side_by_side(
    recipe: Recipe, tables: Tables, folds: Sequence[Fold], impl: Literal["gluon", "scratch"] = "gluon"
) -> list[Pipeline]:
    """Fit the recipe's pipeline on each fold, as `fit_recipe` does, with the nets of all folds in one graph.

    Args:
        recipe: the settings, of a net without hidden units.
        tables: training and test table.
        folds: all with the same number of rows to train on.
        impl: implementation of the nets.
    """
    from . import model

    prepared = [_prepare(recipe, tables, fold.train_rows, fold.valid_rows, fold.seed, impl) for fold in folds]
    estimators, Xs, ys, measures = zip(*prepared)
    model.fit_side_by_side([estimator["net"] for estimator in estimators], [*zip(Xs, ys)], measures)
    return list(estimators)


def _prepare(
    recipe: Recipe,
    tables: Tables,
    rows: np.ndarray,
    valid_rows: Sequence[int],
    seed: int,
    impl: Literal["gluon", "scratch"],
) -> tuple[Pipeline, np.ndarray, np.ndarray, dict[str, Any]]:
    """Return a pipeline whose features are fitted, and for its net the examples, X and y, and `measure`."""
    estimator = recipe.estimator(seed, impl)
    prices = tables.train["SalePrice"].to_numpy()
    if recipe.statistics == "all rows":
        features, X = _features_of_all(tables, recipe.features)
        estimator.set_params(features=copy.deepcopy(features))
    else:
        X = estimator["features"].fit(tables.train.iloc[rows]).transform(tables.train)
    X_train, X_valid = (X[part].astype(np.float64) for part in (rows, np.asarray(valid_rows, int)))
    measure = {"train_log_rmse": lambda predict: log_rmse(prices[rows], predict(X_train))}
    if len(valid_rows):
        measure["valid_log_rmse"] = lambda predict: log_rmse(prices[valid_rows], predict(X_valid))
    return estimator, X_train, prices[rows], measure


@lru_cache(maxsize=1)
def _features_of_all(tables: Tables, name: str) -> tuple[HouseFeatures, np.ndarray]:
    """Return features fitted on all rows, and the training table in them: the same in all folds."""
    import pandas as pd

    from .features import BUILDERS

    features = BUILDERS[name]().fit(pd.concat([tables.train, tables.test]))
    return features, features.transform(tables.train)
