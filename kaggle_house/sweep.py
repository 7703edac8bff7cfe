"""Search randomly around a recipe's settings, with scikit-learn's own search on the recipe's own pipeline."""

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import loguniform
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV

from d2l_repro.errors import InputError
from d2l_repro.language import tr
from d2l_repro.settings import HUGE, TINY
from d2l_repro.train.loop import TrainingDiverged

from .data import Tables
from .folds import FoldOptions, split
from .model import GluonRegressor
from .recipes import Recipe, log_rmse
from .settings import SweepOptions


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


def sweep(recipe: Recipe, tables: Tables, options: FoldOptions, search: SweepOptions) -> pd.DataFrame:
    """Score the recipe and `search.trials` settings around it on the same folds.

    Features are fitted on the training rows of each fold, whatever the recipe's `statistics`.

    Returns:
        Best first: valid (mean log rmse), std, trial (0 is the recipe itself), and the settings. A trial
        that diverges is scored nan and comes last.

    Raises:
        InputError: the options do not fit the data or ask for another backend.
    """
    if options.backend != "loky":
        raise InputError(tr("--backend: a sweep runs in joblib's own processes; choose loky"))
    if recipe.blend:
        raise InputError(
            tr("--blend: a sweep of it would take hours; sweep its nets, with --no-blend or --recipe tuned")
        )
    folds = [
        (fold.train_rows, fold.valid_rows)
        for fold in split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    ]
    estimator = recipe.estimator(options.seed, options.impl)
    estimator.set_params(net=TrialNet(**estimator["net"].get_params()))

    def score_trials(space: dict[str, Any], num_trials: int, first_trial: int) -> pd.DataFrame:
        """Score settings drawn from a space, and number them from `first_trial` on."""
        found = RandomizedSearchCV(
            estimator,
            space,
            n_iter=num_trials,
            scoring=make_scorer(log_rmse, greater_is_better=False),
            cv=folds,
            refit=False,
            n_jobs=options.jobs,
            random_state=options.seed,
            error_score="raise",
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "One or more of the test scores are non-finite")
            found.fit(tables.train, tables.train["SalePrice"])
        return _trial_table(found.cv_results_, first_trial)

    space = search_space(recipe)
    own_settings = {name: [estimator.get_params()[name]] for name in space}
    trials = pd.concat([score_trials(own_settings, 1, 0), score_trials(space, search.trials, 1)])
    return trials.sort_values("valid", kind="stable").reset_index(drop=True)


def _trial_table(cv_results, first_trial):
    """Return scikit-learn's results with one row per trial, in the order of the trials."""
    prefix = "param_net__"
    settings = {
        name[len(prefix) :]: list(values) for name, values in cv_results.items() if name.startswith(prefix)
    }
    valid = -cv_results["mean_test_score"]
    trial = first_trial + np.arange(len(valid))
    return pd.DataFrame({"valid": valid, "std": cv_results["std_test_score"], "trial": trial, **settings})
