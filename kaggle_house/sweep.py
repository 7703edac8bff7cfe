"""Random search over a recipe's settings, with scikit-learn's own search on the recipe's own pipeline."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV

from d2l_repro.errors import InputError
from d2l_repro.settings import Count, Settings

from . import kfold
from .recipes import log_rmse


@dataclass(frozen=True)
class SweepOptions(Settings):
    """How far it looks."""

    trials: Count = 20  # settings to try, beside the recipe's own


def around(recipe):
    """Distributions around a recipe's own values, for the settings that matter to it."""
    ranges = {
        "lr": loguniform(recipe.lr / 4, recipe.lr * 4),
        "num_epochs": sorted({max(1, recipe.num_epochs * share // 4) for share in (2, 3, 4, 6, 8)}),
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
    return {f"net__{name}": values for name, values in ranges.items()}


def sweep(recipe, tables, options, search):
    """Score the recipe and `search.trials` settings around it in the same folds.

    Features are fitted on the training rows of each fold, whatever the recipe's `statistics` say.

    Returns:
        DataFrame, best first: valid (mean log rmse), std, trial (0 is the recipe itself), and the settings.
    """
    if options.backend != "loky":
        raise InputError("--backend: a sweep runs on joblib's own processes; leave it out")
    folds = [
        (fold.train_rows, fold.valid_rows)
        for fold in kfold.split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    ]
    scorer = make_scorer(log_rmse, greater_is_better=False)
    estimator = recipe.estimator(options.seed, options.impl)
    own = {name: [estimator.get_params()[name]] for name in around(recipe)}
    tables_of = []
    for distributions, trials, first in ((own, 1, 0), (around(recipe), search.trials, 1)):
        found = RandomizedSearchCV(
            estimator,
            distributions,
            n_iter=trials,
            scoring=scorer,
            cv=folds,
            refit=False,
            n_jobs=options.jobs,
            random_state=options.seed,
            error_score="raise",
        )
        found.fit(tables.train, tables.train["SalePrice"])
        tables_of.append(_ranked(found.cv_results_, first))
    return pd.concat(tables_of).sort_values("valid", kind="stable").reset_index(drop=True)


def _ranked(results, first):
    settings = {
        name[len("param_net__") :]: list(values)
        for name, values in results.items()
        if name.startswith("param_net__")
    }
    valid = -results["mean_test_score"]
    return pd.DataFrame(
        {"valid": valid, "std": results["std_test_score"], "trial": first + np.arange(len(valid)), **settings}
    )
