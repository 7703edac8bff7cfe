"""Explain what cross-validated models have learned: from columns, from more houses, and where they fail.

Every house is predicted by the model that was not fitted on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from d2l_repro.errors import InputError
from d2l_repro.language import tr
from d2l_repro.parallel import Where
from d2l_repro.results.kfold import KFold
from d2l_repro.train.arrays import one_line

from . import kfold
from .data import Tables
from .fold_store import load_estimators
from .folds import Fold, FoldOptions, split
from .recipes import Recipe
from .schema import FEATURES, NUMERIC, ORDINAL
from .scores import LEVEL, resampled_means

AT_ONCE = 10  # columns that are permuted in one prediction; more need more memory
SHARES = (0.1, 0.2, 0.4, 0.7)  # of a fold's training houses, for the learning curve; all are known already
MIN_HOUSES = 5  # that a model of the learning curve is trained on; a blend needs as many
QUANTILES = np.linspace(0.05, 0.95, 13)  # of a column, whose values a number is set to
MIN_SHARE = 0.01  # of the houses that have a level which a column is set to
MISSING = "none"  # how a missing level is named


@dataclass(frozen=True)
class CompleteRun:
    """The first repeat of a complete run of `kfold`, with the models of its folds."""

    report: dict[str, Any]  # content of kfold.json
    recipe: Recipe
    options: FoldOptions
    tables: Tables
    folds: list[Fold]
    estimators: list[Pipeline]

    @classmethod
    def load(cls, folder: Path, tables: Tables) -> CompleteRun:
        """Read a run of `kfold` on these tables.

        Raises:
            InputError: there is no complete run, it is damaged, or it has other houses.
        """
        estimators = load_estimators(folder)
        report = KFold.load(folder / "kfold.json").content
        again = tr("run `kfold --out {folder}` again", folder=folder)
        if report.get("data_hash") != tables.digest():
            raise InputError(
                tr(
                    "--models: {folder} has models of other houses than these ({name}); name the same files "
                    "as for `kfold`, or {remedy}",
                    folder=folder,
                    name=tables.name,
                    remedy=again,
                )
            )
        try:
            _ = report["card"], report["in_words"], report["folds"][0]["baselines"]["ridge"]
            recipe, options = Recipe(**report["settings"]), FoldOptions.recorded(report["options"])
            folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
        except (KeyError, TypeError, InputError) as error:
            raise InputError(
                tr(
                    "{path}: was written by an earlier version ({error}); {remedy}",
                    path=folder / "kfold.json",
                    error=one_line(error),
                    remedy=again,
                )
            ) from error
        if len(folds) != len(estimators):
            raise InputError(
                tr(
                    "{path}: has another number of folds than its options; {remedy}",
                    path=folder / "kfold.json",
                    remedy=again,
                )
            )
        first = [fold for fold in folds if fold.repeat == 0]
        return cls(report, recipe, options, tables, first, estimators[: len(first)])

    def log_predictions(self) -> np.ndarray:
        """Return the logarithms of the out-of-fold prices, (rows,)."""
        logs = np.empty(len(self.tables.train))
        for fold, estimator in zip(self.folds, self.estimators):
            logs[fold.valid_rows] = _log_predict(estimator, self.tables.train.iloc[fold.valid_rows])
        return logs


def _log_predict(estimator: Pipeline, houses: pd.DataFrame) -> np.ndarray:
    return np.log(np.clip(estimator.predict(houses), 1, None))


def permutation_importance(run: CompleteRun, permutations: int) -> pd.DataFrame:
    """Return by how much the log rmse of all houses rises when a column is shuffled among a fold's houses.

    Args:
        run: with the models.
        permutations: how often each column is shuffled; the squared errors are averaged over them.

    Returns:
        A row for each of the 79 columns, the strongest first: column, importance, low, high (95 % interval
        over houses drawn with replacement).
    """
    log_prices = np.log(run.tables.train["SalePrice"].to_numpy())
    squares = np.empty((len(log_prices), 1 + len(FEATURES)))  # of the errors: as they are, then by column
    squares[:, 0] = (run.log_predictions() - log_prices) ** 2
    for fold, estimator in zip(run.folds, run.estimators):
        rng = np.random.RandomState(fold.seed)
        rows = fold.valid_rows
        orders = np.array([rng.permutation(len(rows)) for _ in range(permutations)])
        houses = run.tables.train.iloc[rows]
        for start in range(0, len(FEATURES), AT_ONCE):
            columns = FEATURES[start : start + AT_ONCE]
            logs = _log_predict(estimator, _shuffled(houses, columns, orders))
            errors = logs.reshape(len(columns), permutations, len(rows)) - log_prices[rows]
            squares[rows, 1 + start : 1 + start + len(columns)] = (errors**2).mean(axis=1).T
    scores = np.sqrt(squares.mean(axis=0))
    drawn = np.sqrt(resampled_means(squares))
    low, high = np.quantile(drawn[:, 1:] - drawn[:, :1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    table = pd.DataFrame({"column": FEATURES, "importance": scores[1:] - scores[0], "low": low, "high": high})
    return table.sort_values("importance", ascending=False, kind="stable").reset_index(drop=True)


def _shuffled(houses: pd.DataFrame, columns: Sequence[str], orders: np.ndarray) -> pd.DataFrame:
    """Return the houses once for each column and order, with that column in that order."""
    permutations, n = orders.shape
    rows = np.tile(np.arange(n), len(columns) * permutations)
    table = houses.iloc[rows].reset_index(drop=True)
    for i, name in enumerate(columns):
        values, block = houses[name].to_numpy(), slice(i * permutations * n, (i + 1) * permutations * n)
        changed = values[rows]
        changed[block] = values[orders.ravel()]
        table[name] = changed
    return table


def partial_dependence(run: CompleteRun, column: str) -> tuple[list[Any], np.ndarray]:
    """Return how predicted prices change when a column of all houses is set to one value.

    Returns:
        The values, numbers or names of levels, and the mean change of the log price, (folds, values), from
        what is predicted of the houses as they are.
    """
    values = _values_of(run.tables.train[column])
    changes = []
    for fold, estimator in zip(run.folds, run.estimators):
        houses = run.tables.train.iloc[fold.valid_rows]
        repeated = pd.concat([houses] * len(values), ignore_index=True)
        cells = [np.nan if value == MISSING else value for value in values]
        cells_of_all = pd.Series(cells, dtype=houses[column].dtype).repeat(len(houses))
        repeated[column] = cells_of_all.reset_index(drop=True)
        logs = _log_predict(estimator, repeated).reshape(len(values), len(houses))
        changes.append((logs - _log_predict(estimator, houses)).mean(axis=1))
    return values, np.array(changes)


def _values_of(cells: pd.Series) -> list[Any]:
    """Return numbers in order, or the frequent levels: from worst to best, or the most frequent first."""
    if cells.name in NUMERIC:
        known = cells.dropna()
        return sorted({float(value) for value in known.quantile(QUANTILES, interpolation="nearest")})
    shares = cells.fillna(MISSING).value_counts(normalize=True)
    frequent = [level for level, share in shares.items() if share >= MIN_SHARE]
    order = [MISSING, *ORDINAL.get(cells.name, ())]
    return sorted(frequent, key=order.index) if cells.name in ORDINAL else frequent


def check_learning_curve(run: CompleteRun) -> None:
    """Check that the smallest models of the learning curve have enough houses to learn from.

    Raises:
        InputError: they have not.
    """
    fewest = min(round(SHARES[0] * len(fold.train_rows)) for fold in run.folds)
    if fewest < MIN_HOUSES:
        k = len(run.folds)
        raise InputError(
            tr(
                "--learning-curve: its smallest models would learn from {fewest} houses, {share} of what a "
                "fold trains on; leave it out with --no-learning-curve, or run `kfold` on at least {needed} "
                "houses",
                fewest=fewest,
                share=f"{SHARES[0]:.0%}",
                needed=math.ceil(MIN_HOUSES / SHARES[0] * k / (k - 1)),
            )
        )


def learning_curve(run: CompleteRun, where: Where) -> pd.DataFrame:
    """Return the scores of models that are fitted on some of each fold's training houses.

    The houses are drawn at random, and each larger number of them has those of the smaller one.

    Args:
        run: whose recipe and folds are taken; its own scores are those on all houses.
        where: to train.

    Returns:
        A row for each fold and number: houses, fold, recipe, ridge (log rmse of the validation houses).
    """
    orders = [np.random.RandomState(fold.seed).permutation(fold.train_rows) for fold in run.folds]
    parts = [
        replace(fold, train_rows=np.sort(order[: round(share * len(order))]))
        for share in SHARES  # the outer loop, as folds of equal size can be trained side by side
        for fold, order in zip(run.folds, orders)
    ]
    found = dict(kfold.run_folds(run.recipe, run.tables, parts, run.options.impl, where))
    results = [found[i] for i in range(len(parts))]
    # The scores of the folds themselves are those on all houses.
    pairs = [*zip(parts, results), *zip(run.folds, run.report["folds"])]
    rows = [
        (len(part.train_rows), part.number, scores["valid"], scores["baselines"]["ridge"])
        for part, scores in pairs
    ]
    return pd.DataFrame(rows, columns=["houses", "fold", "recipe", "ridge"])
