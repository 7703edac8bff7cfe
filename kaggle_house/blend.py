"""Blend nets with a lasso, kernel regression and boosted trees, by weights that are fitted out-of-fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Lasso
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import KFold
from sklearn.svm import SVR
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from d2l_repro.errors import InputError
from d2l_repro.language import tr
from d2l_repro.results.history import History
from d2l_repro.train.arrays import check_finite

from .model import GluonRegressor, Predict
from .trees import Forest

NUM_FOLDS = 5  # the blend is the mean of what is fitted without one of them
NUM_TREES, DEPTH = 300, 4
GAMMA = 1e-3  # of the kernel exp(-gamma |x - x'|^2)
TOWARDS_EQUAL = 10.0  # how strongly the weights are drawn towards equal ones
MEMBERS = ("nets", "lasso", "kernel", "trees")


def _lasso() -> Lasso:
    return Lasso(4e-4, max_iter=3000, tol=1e-3)


def _support_vectors() -> SVR:
    return SVR(C=4.0, gamma=GAMMA, epsilon=0.012)


def _boosted_trees(seed: int) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(
        loss="huber",
        n_estimators=NUM_TREES,
        learning_rate=0.06,
        max_depth=DEPTH,
        min_samples_leaf=5,
        max_features=0.1,
        subsample=0.7,
        random_state=seed,
    )


class Blend(RegressorMixin, BaseEstimator):
    """Predict the weighted mean of four models' logarithms, as a scikit-learn regressor.

    The examples are split into folds, and the models fitted without each of them in turn. The weights are
    fitted to what the models predict for the fold that they have not seen. A prediction takes each model's
    mean over the folds.

    Args:
        net (GluonRegressor): The nets, of which fitted copies are made.
        random_state (int, RandomState or None): Seed of the folds, the nets and the trees.

    Attributes:
        weights_ (ndarray): One for each of MEMBERS, at least 0.
        out_of_fold_ (ndarray): Logarithms that models of the other folds predict, (examples, MEMBERS). Only
            `fit` sets it.
        history_ (History): One row per epoch of the nets, the mean over the folds.
    """

    def __init__(self, net: GluonRegressor, random_state: Any = None):
        self.net, self.random_state = net, random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, measure: Mapping[str, Callable[[Predict], float]] | None = None
    ) -> Blend:
        """Fit all models, and their weights.

        Args:
            X: (examples, features).
            y: (examples,), above 0.
            measure: as for `GluonRegressor.fit`; it measures the nets.
        """
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        _check(y)
        log_y = np.log(y)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        splits = KFold(NUM_FOLDS, shuffle=True, random_state=seed).split(X)
        nets, lassos, kernels, forests = [], [], [], []
        dual = np.zeros(len(y))
        predicted = np.empty((len(y), len(MEMBERS)))
        for fold, (rows, others) in enumerate(splits):
            net = clone(self.net).set_params(random_state=(seed + fold) % 2**31)
            nets.append(net.fit(X[rows], y[rows], measure))
            lassos.append(_lasso().fit(X[rows], log_y[rows]))
            kernels.append(_support_vectors().fit(X[rows], log_y[rows]))
            forests.append(_boosted_trees(seed).fit(X[rows], log_y[rows]))
            dual[rows[kernels[-1].support_]] += kernels[-1].dual_coef_[0] / NUM_FOLDS
            predicted[others, 0] = _log_predict(net, X[others])
            for i, models in enumerate((lassos, kernels, forests), 1):
                predicted[others, i] = models[-1].predict(X[others])
        self.nets_, self.forest_ = nets, Forest.average(forests)
        self.coef_ = np.mean([lasso.coef_ for lasso in lassos], axis=0)
        # Of models that are linear in them the mean has the mean coefficients.
        self.rows_, self.dual_ = X, dual
        self.intercepts_ = np.array(
            [np.mean([model.intercept_ for model in models]) for models in (lassos, kernels)]
        )
        self.out_of_fold_ = predicted
        self.weights_ = _fit_weights(predicted, log_y)
        self.history_ = _mean_history([net.history_ for net in nets])
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions, (examples,), for X, (examples, features)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        logs = [
            np.mean([_log_predict(net, X) for net in self.nets_], axis=0),
            X @ self.coef_ + self.intercepts_[0],
            rbf_kernel(X, self.rows_, GAMMA) @ self.dual_ + self.intercepts_[1],
            self.forest_.predict(X, DEPTH),
        ]
        return np.exp(np.column_stack(logs) @ self.weights_)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what `fit` has learned: arrays by name, and JSON values."""
        check_is_fitted(self)
        arrays = {name: getattr(self, f"{name}_") for name in _ARRAYS}
        arrays.update({f"trees_{name}": array for name, array in self.forest_.arrays().items()})
        nets = [net.state() for net in self.nets_]
        for i, (weights, _) in enumerate(nets):
            arrays.update({f"net{i}_{name}": array for name, array in weights.items()})
        return arrays, {"nets": [about for _, about in nets]}

    def restore(self, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any], num_inputs: int) -> None:
        """Learn what `state` returned.

        Args:
            arrays: by name, as from `state`; others are ignored.
            about: as from `state`.
            num_inputs: number of features.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: it was not returned by `state`, or has other
                features.
        """
        own = {name: arrays[name] for name in _ARRAYS}
        check_finite(own)
        num_rows = len(own["rows"])
        shapes = [(num_inputs,), (num_rows, num_inputs), (num_rows,), (2,), (len(MEMBERS),)]
        if not num_rows or [array.shape for array in own.values()] != shapes:
            raise ValueError("the blend has arrays of other shapes")
        if len(about["nets"]) != NUM_FOLDS:
            raise ValueError("the blend has another number of nets")
        forest = Forest.parse(_with_prefix("trees_", arrays), num_inputs)
        nets = [clone(self.net) for _ in about["nets"]]
        for i, (net, learned) in enumerate(zip(nets, about["nets"])):
            net.restore(_with_prefix(f"net{i}_", arrays), learned, num_inputs)
        history = _mean_history([net.history_ for net in nets])
        for name, array in own.items():
            setattr(self, f"{name}_", array)
        self.nets_, self.forest_, self.history_, self.n_features_in_ = nets, forest, history, num_inputs


_ARRAYS = ("coef", "rows", "dual", "intercepts", "weights")


def _check(y: np.ndarray) -> None:
    if len(y) < NUM_FOLDS:
        raise InputError(
            tr(
                "a blend needs at least {count} houses to learn from, not {found}",
                count=NUM_FOLDS,
                found=len(y),
            )
        )
    if y.min() <= 0:
        raise InputError(
            tr("a blend learns logarithms; its targets must be above 0, not {value}", value=f"{y.min():g}")
        )


def _with_prefix(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _log_predict(net: GluonRegressor, X: np.ndarray) -> np.ndarray:
    return np.log(np.clip(net.predict(X), 1, None))


def _fit_weights(predicted: np.ndarray, log_y: np.ndarray) -> np.ndarray:
    """Return weights of at least 0 that minimize |P w - log y|^2 + TOWARDS_EQUAL |w - 1/n|^2.

    As the logarithms are far from 0, the weights add up to 1 all but exactly.

    Args:
        predicted: out-of-fold logarithms of each model, (examples, models).
        log_y: (examples,).
    """
    n = predicted.shape[1]
    penalty = TOWARDS_EQUAL**0.5
    A = np.vstack([predicted, penalty * np.eye(n)])
    b = np.concatenate([log_y, np.full(n, penalty / n)])
    return nnls(A, b)[0]


def _mean_history(histories: list[History]) -> History:
    return History(
        {
            name: value if name == "epoch" else float(np.mean([row[name] for row in rows]))
            for name, value in rows[0].items()
        }
        for rows in zip(*histories)
    )
