"""Define the nets for house prices, and `GluonRegressor`, which makes a scikit-learn estimator of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from mxnet import gluon, nd
from mxnet import random as mx_random
from mxnet.gluon import nn
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from d2l_repro.errors import InputError
from d2l_repro.experiment.model import Model
from d2l_repro.language import mark, tr
from d2l_repro.results.history import History
from d2l_repro.scratch import Adam, linreg, squared_loss
from d2l_repro.train import schedules
from d2l_repro.train.arrays import check_finite, is_number, parse_history
from d2l_repro.train.callbacks import Schedule, kept_random_state
from d2l_repro.train.loop import train_ch3
from d2l_repro.train.parameters import book_arrays

from .settings import NetSettings
from .side_by_side import Histories, LinearsFromScratch, LinearsWithGluon, SideBySide
from .wide_and_deep import SummedHuberLoss, WideAndDeep

WARM_UP = 0.05  # share of the steps over which the cosine schedule first rises
Predict = Callable[[np.ndarray], np.ndarray]  # (examples, features) -> (examples,)


@dataclass(frozen=True)
class _RegressorSettings(NetSettings):
    impl: Literal["gluon", "scratch"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.impl == "scratch" and (self.num_hiddens or self.wd):
            raise InputError(
                tr(
                    "impl='scratch' has only a linear layer without weight decay, as the recipe book; choose "
                    "num_hiddens=0 and wd=0, or impl='gluon'"
                )
            )


def linear_from_scratch(num_inputs: int, lr: float) -> Model:
    """Build one linear layer with squared loss and Adam from the book's own parts (section 3.16)."""
    w = nd.random.uniform(-0.07, 0.07, shape=(num_inputs, 1))  # Gluon's default initializer
    b = nd.zeros(1)
    params = [w, b]
    for param in params:
        param.attach_grad()
    return Model(lambda X: linreg(X, w, b), squared_loss, params, Adam(params, lr))


def linear_with_gluon(num_inputs: int, lr: float, wd: float = 0.0) -> Model:
    """Build one linear layer with squared loss and Adam from Gluon's parts."""
    net = nn.HybridSequential()
    net.add(nn.Dense(1, in_units=num_inputs))
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    return Model(net, gluon.loss.L2Loss(), params, _adam(params, lr, wd))


def _adam(params, lr, wd):
    return gluon.Trainer(params, "adam", {"learning_rate": lr, "wd": wd}, kvstore=None)


def wide_and_deep(
    num_inputs: int,
    num_hiddens: int,
    num_nets: int,
    drop_prob: float,
    huber: float,
    lr: float,
    wd: float,
    l1: float,
) -> Model:
    """Build `WideAndDeep` with Huber loss and Adam.

    `wd` is the weight decay of the deep weights, `l1` the penalty that makes the wide weights sparse.
    """
    net = WideAndDeep(num_inputs, num_hiddens, num_nets, drop_prob)
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    for param in params.values():
        param.wd_mult = float(param is net.hidden.weight or param is net.v)
    penalty = (lambda: l1 * net.wide.weight.data().abs().sum()) if l1 else None
    return Model(net, SummedHuberLoss(huber), params, _adam(params, lr, wd), penalty)


class GluonRegressor(RegressorMixin, BaseEstimator):
    """Train a net with `train_ch3`, as a scikit-learn regressor.

    Args:
        num_hiddens (int): Hidden units of each net beside its linear layer; 0 for one linear layer with
            squared loss.
        num_nets (int): Nets trained side by side from different initial weights; their mean predicts.
        drop_prob (float): Probability of dropping a hidden unit in training.
        huber (float): Error, in standard deviations of the target, beyond which the loss is absolute instead
            of squared.
        l1 (float): L1 penalty on the weights of the linear layer, in nets with hidden units.
        wd (float): Weight decay of the other weights.
        lr (float): Learning rate of Adam.
        schedule ("constant" or "cosine"): "cosine" raises the learning rate from 0 over the first 5 % of the
            steps, then lowers it to 0.
        num_epochs (int): Passes over the data.
        batch_size (int): Examples per step.
        log_target (bool): Whether the net learns log(y); predictions are transformed back.
        standardise_target (bool): Whether the target is standardized; predictions are transformed back.
        impl ("gluon" or "scratch"): Implementation; "scratch" has the linear layer only, without decay.
        random_state (int, RandomState or None): Seed of the initial weights, the order of the examples, and
            dropout.

    Attributes:
        history_ (History): One row per epoch.
        weights_ (list of ndarray): Parameters in the book's layout. `predict` needs nothing else, so a fitted
            regressor can be pickled.
    """

    def __init__(
        self,
        num_hiddens: int = 64,
        num_nets: int = 1,
        drop_prob: float = 0.0,
        huber: float = 1.0,
        l1: float = 0.0,
        wd: float = 0.0,
        lr: float = 0.01,
        schedule: Literal["constant", "cosine"] = "cosine",
        num_epochs: int = 60,
        batch_size: int = 32,
        log_target: bool = False,
        standardise_target: bool = True,
        impl: Literal["gluon", "scratch"] = "gluon",
        random_state: Any = None,
    ):
        self.num_hiddens, self.num_nets, self.drop_prob = num_hiddens, num_nets, drop_prob
        self.huber, self.l1, self.wd, self.lr, self.schedule = huber, l1, wd, lr, schedule
        self.num_epochs, self.batch_size = num_epochs, batch_size
        self.log_target, self.standardise_target = log_target, standardise_target
        self.impl, self.random_state = impl, random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        measure: Mapping[str, Callable[[Predict], float]] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> GluonRegressor:
        """Train from newly initialized weights.

        Args:
            X: (examples, features).
            y: (examples,).
            measure: name -> function called after each epoch with the current `predict`; its result becomes a
                column of `history_`.
            callbacks: callbacks of `train_ch3`.

        Raises:
            InputError: a setting is out of range or means nothing to the net, `log_target` is set and a
                target is not above 0, or the targets' variance is beyond double precision. Like any error in
                training, it leaves the estimator as it was.
        """
        fit_side_by_side([self], [(X, y)], [measure or {}], callbacks)
        return self

    @contextmanager
    def _unchanged_by_errors(self) -> Iterator[None]:
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    def _prepare(self, X, y):
        """Return X and what the net learns, as NDArrays, and the seed."""
        self._check_settings()
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        target = self._scale_target(y)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return nd.array(X), nd.array(target), seed

    def _check_settings(self) -> None:
        _RegressorSettings(**{field.name: getattr(self, field.name) for field in fields(_RegressorSettings)})

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what `fit` has learned: arrays by name, and JSON values."""
        check_is_fitted(self)
        about = {"mean": float(self.mean_), "scale": float(self.scale_), "history": list(self.history_)}
        return {f"weights_{i}": array for i, array in enumerate(self.weights_)}, about

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
        self._check_settings()
        shapes = self._shapes(num_inputs)
        weights = {name: arrays[name] for name in (f"weights_{i}" for i in range(len(shapes)))}
        check_finite(weights)
        if [array.shape for array in weights.values()] != shapes:
            raise ValueError("the net has weights of other shapes")
        if not (is_number(about["mean"]) and is_number(about["scale"])):
            raise ValueError("the target's mean and scale are not numbers")
        mean, scale = float(about["mean"]), float(about["scale"])
        if not (math.isfinite(mean) and 0 < scale < math.inf):
            raise ValueError("the target's mean and scale are not finite, or the scale is not above 0")
        self.mean_, self.scale_, self.log_target_ = mean, scale, self.log_target
        self.history_: History = parse_history(about["history"])
        self.weights_, self.n_features_in_ = list(weights.values()), num_inputs

    def _shapes(self, num_inputs: int) -> list[tuple[int, ...]]:
        """Return the shapes of the weights, in the order of `book_arrays`."""
        m, h = self.num_nets, self.num_hiddens
        if not h:
            return [(num_inputs, 1), (1,)]
        return [(1, m, h), (num_inputs, m), (m,), (num_inputs, m * h), (m * h,)]

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions, (examples,), for X, (examples, features)."""
        check_is_fitted(self)
        return self._predict(validate_data(self, X, reset=False, dtype=np.float64))

    def _scale_target(self, y):
        """Return what the net learns, and remember how to undo it."""
        if self.log_target and y.min() <= 0:
            row = int(np.argmin(y))
            raise InputError(
                tr("log_target needs targets above 0, but y[{row}] is {value}", row=row, value=f"{y[row]:g}")
            )
        target = np.log(y) if self.log_target else y.astype(np.float64)
        self.mean_, self.scale_, self.log_target_ = 0.0, 1.0, self.log_target
        if self.standardise_target:
            _check_variance(target)
            self.mean_, self.scale_ = target.mean(), target.std() or 1.0
        return (target - self.mean_) / self.scale_

    def _cosine_schedule(self, steps_per_epoch):
        num_steps = self.num_epochs * steps_per_epoch
        warm_up_steps = round(WARM_UP * num_steps)
        cosine = schedules.cosine(self.lr, num_steps - warm_up_steps)
        return Schedule(schedules.warm_up(warm_up_steps, cosine))

    def _build(self, num_inputs, seeds) -> Model:
        """Return the model of one seed, or the linear layers of several side by side."""
        models = [self._build_alone(num_inputs, seed) for seed in seeds]
        if len(models) == 1:
            return models[0]
        if self.impl == "scratch":
            net: Any = LinearsFromScratch(models)
            return replace(models[0], net=net, params=net.params, trainer=Adam(net.params, self.lr))
        net = LinearsWithGluon(models)
        net.hybridize()
        params = net.collect_params()
        return replace(models[0], net=net, params=params, trainer=_adam(params, self.lr, self.wd))

    def _build_alone(self, num_inputs, seed) -> Model:
        mx_random.seed(seed)
        if self.impl == "scratch":
            return linear_from_scratch(num_inputs, self.lr)
        if not self.num_hiddens:
            return linear_with_gluon(num_inputs, self.lr, self.wd)
        return wide_and_deep(
            num_inputs,
            self.num_hiddens,
            self.num_nets,
            self.drop_prob,
            self.huber,
            self.lr,
            self.wd,
            self.l1,
        )

    def _predict(self, X):
        # Repeats the nets' formulas in double precision and without MXNet, so that predictions depend neither
        # on the batch nor on the machine.
        with np.errstate(over="ignore"):  # an infinite exp makes swish 0, as it should be
            return self._output(X)

    def _output(self, X):
        if len(self.weights_) == 2:
            w, b = self.weights_
            output = X @ w.astype(np.float64) + b
        else:
            v, w, b, W, c = (array.astype(np.float64) for array in self.weights_)
            Z = X @ W + c
            H = (Z / (1 + np.exp(-Z))).reshape(len(X), *v.shape[1:])  # (examples, nets, hiddens)
            output = X @ w + b + (H * v).sum(axis=2)
        target = output.mean(axis=1) * self.scale_ + self.mean_
        return np.exp(target) if self.log_target_ else target


@kept_random_state()
def fit_side_by_side(
    regressors: Sequence[GluonRegressor],
    data: Sequence[tuple[ArrayLike, ArrayLike]],
    measures: Sequence[Mapping[str, Callable[[Predict], float]]],
    callbacks: Sequence[Any] = (),
) -> None:
    """Fit regressors at once, each to its own examples; each takes the steps that it takes alone.

    Args:
        regressors: with the same settings, but for `random_state`; nets with hidden units one at a time.
        data: X and y of each, with the same number of examples and features.
        measures: of each, as for `GluonRegressor.fit`, with the same names.
        callbacks: as for `GluonRegressor.fit`; the history that they see has the means over the regressors.

    Raises:
        InputError: as for `GluonRegressor.fit`. Like any error in training, it leaves all regressors as they
            were.
        TrainingDiverged: the training of one of them does, of whichever.
    """
    first = regressors[0]
    with ExitStack() as stack:
        for regressor in regressors:
            stack.enter_context(regressor._unchanged_by_errors())
        prepared = [regressor._prepare(X, y) for regressor, (X, y) in zip(regressors, data)]
        seeds = [seed for _, _, seed in prepared]
        model = first._build(prepared[0][0].shape[1], seeds)
        sets = [(X, target) for X, target, _ in prepared]
        batches = SideBySide(sets, min(first.batch_size, len(sets[0][1])), seeds)
        if first.schedule == "cosine":
            callbacks = [first._cosine_schedule(len(batches)), *callbacks]

        def keep_weights() -> None:
            arrays = book_arrays(model)
            for i, regressor in enumerate(regressors):
                regressor.weights_ = arrays if len(regressors) == 1 else [array[i] for array in arrays]

        def measured(i: int, function: Callable[[Predict], float]) -> float:
            def predict(X: np.ndarray) -> np.ndarray:
                keep_weights()
                return regressors[i]._predict(X)

            return function(predict)

        histories = Histories(
            [{name: partial(measured, i, f) for name, f in m.items()} for i, m in enumerate(measures)]
        )
        train_ch3(
            model.net,
            batches,
            None,
            model.loss,
            first.num_epochs,
            batches.batch_size // len(sets),
            trainer=model.trainer,
            metrics={},
            penalty=model.penalty,
            callbacks=[*callbacks, histories],  # the last one sees what the others add to a row
            measure=histories.measure,
        )
        keep_weights()
        for regressor, history in zip(regressors, histories.histories):
            regressor.history_ = history


def _check_variance(target):
    """Check that double precision can hold the variance of a target, of which the scale is the root."""
    with np.errstate(over="ignore", invalid="ignore"):
        variance = target.var()
    is_lost = variance < np.finfo(np.float64).tiny and target.min() < target.max()
    if is_lost or not np.isfinite(variance):
        problem = (
            mark("y: its values, such as {value}, are too small to be standardized; use another unit")
            if is_lost
            else mark("y: its values, such as {value}, are too large to be standardized; use another unit")
        )
        raise InputError(tr(problem, value=f"{target[0]:g}"))
