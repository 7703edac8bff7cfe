"""Search randomly around a recipe's settings, with its own pipeline on its own folds."""

from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import joblib
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import ParameterSampler
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from d2l_repro.errors import InputError
from d2l_repro.kept import Kept
from d2l_repro.language import tr
from d2l_repro.parallel import Where, computed
from d2l_repro.parallel.where import ANEW, RESUME
from d2l_repro.results.environment import package_versions
from d2l_repro.settings import HUGE, TINY
from d2l_repro.train.loop import TrainingDiverged

from .data import Tables
from .folds import Fold, FoldOptions, split
from .model import GluonRegressor
from .recipes import Recipe, log_rmse
from .settings import SweepOptions

SCORES = "scores.jsonl"  # file in the folder with the scores that are computed


class TrialNet(GluonRegressor):
    """Predict nan if training diverges, so that a sweep loses one trial only."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> "TrialNet":
        """Train; see `GluonRegressor.fit`."""
        self.diverged_ = False
        try:
            super().fit(X, y)
        except TrainingDiverged:
            self.diverged_ = True
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions, (examples,), for X, (examples, features)."""
        return np.full(len(X), np.nan) if self.diverged_ else super().predict(X)


def search_space(recipe: Recipe) -> dict[str, Any]:
    """Return, for the settings that matter to a recipe, distributions or values to draw from.

    Those of lr, num_epochs and batch_size are around the recipe's own. All values are legal.
    """
    # Rounding must not take the ends out of the legal range.
    lowest, highest = max(recipe.lr / 4, 1.01 * TINY), min(recipe.lr * 4, 0.99 * HUGE)
    ranges = {
        "lr": loguniform(lowest, highest),
        "num_epochs": sorted({max(1, recipe.num_epochs * quarters // 4) for quarters in (2, 3, 4, 6, 8)}),
        "batch_size": [max(1, recipe.batch_size // 2), recipe.batch_size, recipe.batch_size * 2],
    }
    if recipe.num_hiddens:
        ranges.update(
            num_hiddens=[32, 64, 128, 256],
            drop_prob=[0.0, 0.1, 0.2, 0.4],
            huber=[0.1, 0.3, 1.0],
            l1=loguniform(1e-4, 1e-2),
            wd=loguniform(1e-3, 1e-1),
        )
    return {
        f"net__{name}": _legal(recipe, name, values) if isinstance(values, list) else values
        for name, values in ranges.items()
    }


def _legal(recipe, name, values):
    """Return the values that a recipe's setting may have beside its others, or its own if there is none."""

    def is_legal(value):
        with suppress(InputError):
            return bool(recipe.replace(**{name: value}))
        return False

    return [value for value in values if is_legal(value)] or [getattr(recipe, name)]


def sweep(
    recipe: Recipe,
    tables: Tables,
    options: FoldOptions,
    search: SweepOptions,
    folder: Optional[Path] = None,
    resume: bool = False,
    progress: bool = False,
) -> pd.DataFrame:
    """Score the recipe and `search.trials` settings around it on the same folds.

    Features are fitted on the training rows of each fold, whatever the recipe's `statistics`. The settings
    are those that scikit-learn's `RandomizedSearchCV` would draw.

    Args:
        recipe: settings to start from.
        tables: training and test table.
        options: how to split, and where to compute.
        search: how many settings to draw.
        folder: folder in which scores are kept as soon as they are available; None keeps nothing.
        resume: reuse scores there that belong to the same recipe, folds and data.
        progress: show a progress bar over the fits, on a terminal.

    Returns:
        Best first: valid (mean log rmse), std, trial (0 is the recipe itself), and the settings. A trial
        that diverges is scored nan and comes last.

    Raises:
        InputError: the options do not fit the data, or the cluster cannot be used.
    """
    if recipe.blend:
        raise InputError(
            tr("--blend: a sweep of it would take hours; sweep its nets, with --no-blend or --recipe tuned")
        )
    folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    estimator = recipe.estimator(options.seed, options.impl)
    estimator.set_params(net=TrialNet(**estimator["net"].get_params()))
    space = search_space(recipe)
    own = {name: estimator.get_params()[name] for name in space}
    trials = [own, *ParameterSampler(space, search.trials, random_state=options.seed)]
    # Two equal trials are fitted once.
    tasks = {_key(trial, fold): (trial, fold) for trial in trials for fold in folds}
    kept = Kept(folder and folder / SCORES, _identity(recipe, tables, options), resume)
    missing = {key: task for key, task in tasks.items() if key not in kept.results}
    where = Where(options.jobs, options.cluster, again=ANEW if folder is None else RESUME)
    found = computed(_score, list(missing.values()), where, (estimator, tables.train))
    names, hidden = list(missing), None if progress else True
    with (
        closing(found),
        tqdm(total=len(tasks), initial=len(tasks) - len(missing), unit=tr("fit"), disable=hidden) as bar,
    ):
        for i, score in found:
            kept.add(names[i], score)
            bar.update()
    # (trials, folds)
    scores = np.array([[kept.results[_key(trial, fold)] for fold in folds] for trial in trials])
    columns = {"valid": scores.mean(axis=1), "std": scores.std(axis=1), "trial": range(len(trials))}
    table = pd.DataFrame(columns)
    for name in space:
        table[name[len("net__") :]] = [trial[name] for trial in trials]
    return table.sort_values("valid", kind="stable").reset_index(drop=True)


def _key(trial: dict[str, Any], fold: Fold) -> str:
    return f"{joblib.hash(trial)}-{fold.repeat}-{fold.number}"


def _score(estimator: Pipeline, houses: pd.DataFrame, trial: dict[str, Any], fold: Fold) -> float:
    """Return the log rmse of a trial's settings on the validation rows of a fold."""
    train, valid = houses.iloc[fold.train_rows], houses.iloc[fold.valid_rows]
    model = clone(estimator).set_params(**trial)
    model.fit(train, train["SalePrice"])
    return float(log_rmse(valid["SalePrice"], model.predict(valid)))


def _identity(recipe: Recipe, tables: Tables, options: FoldOptions) -> dict[str, Any]:
    """Return what a trial's score depends on beside its settings."""
    places = {name: value for name, value in asdict(options).items() if name not in ("jobs", "cluster")}
    return {
        "recipe": asdict(recipe),
        "folds": places,
        "data": tables.digest(),
        "packages": package_versions(),
    }
