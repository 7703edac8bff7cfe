"""The nets for house prices, and `GluonRegressor`, which makes scikit-learn estimators of them."""

import numpy as np
from mxnet import gluon, init, nd
from mxnet import random as mx_random
from mxnet.gluon import nn
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.chapter import Model
from d2l_repro.scratch import Adam, linreg, squared_loss
from d2l_repro.train import schedules
from d2l_repro.train.callbacks import Schedule
from d2l_repro.train.loop import train_ch3
from d2l_repro.train.parameters import book_arrays

WARM_UP = 0.05  # share of the steps over which the cosine schedule first rises


def linear_from_scratch(num_inputs, lr):
    """One linear layer, squared loss, Adam: section 3.16 with the book's own parts."""
    w = nd.random.uniform(-0.07, 0.07, shape=(num_inputs, 1))  # as Gluon's begin by default
    b = nd.zeros(1)
    params = [w, b]
    for param in params:
        param.attach_grad()
    return Model(lambda X: linreg(X, w, b), squared_loss, params, Adam(params, lr))


def linear_with_gluon(num_inputs, lr, wd=0.0):
    """The same from Gluon."""
    net = nn.HybridSequential()
    net.add(nn.Dense(1, in_units=num_inputs))
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    return Model(net, gluon.loss.L2Loss(), params, _adam(params, lr, wd))


def _adam(params, lr, wd):
    return gluon.Trainer(params, "adam", {"learning_rate": lr, "wd": wd}, kvstore=None)


class WideAndDeep(gluon.HybridBlock):
    """Several nets in one graph, each a linear layer plus a hidden layer of its own: (batch, inputs) ->
    (batch, nets).

    net_m(x) = x w_m + b_m + sum_h v_mh dropout(swish(x W_m + c_m))_h
    """

    def __init__(self, num_inputs, num_hiddens, num_nets, drop_prob):
        super().__init__()
        self.shape = (0, num_nets, num_hiddens)
        # Zeros: the L1 penalty would be slow to take away what any other beginning puts into useless columns.
        self.wide = nn.Dense(num_nets, weight_initializer=init.Zero(), in_units=num_inputs)
        # Glorot's bound for one net, however many share the layer
        bound = (6 / (num_inputs + num_hiddens)) ** 0.5
        self.hidden = nn.Dense(
            num_nets * num_hiddens, weight_initializer=init.Uniform(bound), in_units=num_inputs
        )
        self.swish, self.dropout = nn.Swish(), nn.Dropout(drop_prob)
        he = init.Normal((2 / num_hiddens) ** 0.5)
        self.v = self.params.get("v", shape=(1, num_nets, num_hiddens), init=he)

    def hybrid_forward(self, F, x, v):
        H = self.dropout(self.swish(self.hidden(x))).reshape(self.shape)  # (batch, nets, hiddens)
        return self.wide(x) + F.broadcast_mul(H, v).sum(axis=2)


class HuberOfEachNet(gluon.HybridBlock):
    """Sum over the nets of the Huber loss of each, so that none sees the others' gradients; one number an
    example."""

    def __init__(self, delta):
        super().__init__()
        self.delta = delta

    def hybrid_forward(self, F, y_hat, y):
        error = F.broadcast_sub(y_hat, y.reshape((-1, 1)))
        # e^2 / (2 delta) up to delta, |e| - delta / 2 beyond: an outlier pulls no harder than delta does
        loss = F.where(
            error.abs() > self.delta, error.abs() - self.delta / 2, error.square() / (2 * self.delta)
        )
        return loss.sum(axis=1)


def wide_and_deep(num_inputs, num_hiddens, num_nets, drop_prob, huber, lr, wd, l1):
    """Huber loss and Adam; `wd` holds the deep weights small, `l1` the wide ones sparse."""
    net = WideAndDeep(num_inputs, num_hiddens, num_nets, drop_prob)
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    for param in params.values():
        param.wd_mult = float(param is net.hidden.weight or param is net.v)
    penalty = (lambda: l1 * net.wide.weight.data().abs().sum()) if l1 else None
    return Model(net, HuberOfEachNet(huber), params, _adam(params, lr, wd), penalty)


class GluonRegressor(RegressorMixin, BaseEstimator):
    """A net trained by `train_ch3`, as a scikit-learn regressor.

    Parameters
    ----------
    num_hiddens : int
        Hidden units of each net beside its linear layer; 0 for one linear layer with squared loss.
    num_nets : int
        Nets trained side by side from different initial weights; their mean predicts.
    drop_prob : float
        Probability of dropping a hidden unit in training.
    huber : float
        Where the loss turns from squared to absolute, in deviations of the target.
    l1, wd : float
        Penalty on the linear weights (of nets with hidden units), weight decay on the others.
    lr : float
        Learning rate of Adam.
    schedule : {"constant", "cosine"}
        The learning rate stays, or rises over 5 % of the steps and falls to 0.
    num_epochs, batch_size : int
        Passes over the data, examples a step.
    log_target, standardise_target : bool
        Whether the net learns the logarithm of y, and whether standardised; predictions are turned back.
    impl : {"gluon", "scratch"}
        Who computes; from scratch there is the linear layer only.
    random_state : int, RandomState or None
        Of the initial weights, the order of the examples, and dropout.

    Attributes
    ----------
    history_ : History
        A row an epoch.
    weights_ : list of ndarray The parameters in the book's layout; all that `predict` needs, so that a fitted
        regressor can be pickled.
    """

    def __init__(
        self,
        num_hiddens=64,
        num_nets=1,
        drop_prob=0.0,
        huber=1.0,
        l1=0.0,
        wd=0.0,
        lr=0.01,
        schedule="cosine",
        num_epochs=60,
        batch_size=32,
        log_target=False,
        standardise_target=True,
        impl="gluon",
        random_state=None,
    ):
        self.num_hiddens, self.num_nets, self.drop_prob = num_hiddens, num_nets, drop_prob
        self.huber, self.l1, self.wd, self.lr, self.schedule = huber, l1, wd, lr, schedule
        self.num_epochs, self.batch_size = num_epochs, batch_size
        self.log_target, self.standardise_target = log_target, standardise_target
        self.impl, self.random_state = impl, random_state

    def fit(self, X, y, measure=None, callbacks=()):
        """Train from the start.

        Parameters ---------- X : array (examples, features) y : array (examples,) measure : dict, optional
        name -> function (predict) -> number, called after each epoch; `predict` is array -> predictions as
        now.
        callbacks : sequence of train.Callback
        """
        X, y = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        target = np.log(y) if self.log_target else y.astype(np.float64)
        self.mean_, self.scale_ = (
            (target.mean(), target.std() or 1.0) if self.standardise_target else (0.0, 1.0)
        )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        mx_random.seed(seed)
        model = self._model(X.shape[1])
        batches = Minibatches(
            nd.array(X), nd.array((target - self.mean_) / self.scale_), min(self.batch_size, len(y)), seed
        )
        if self.schedule == "cosine":
            num_steps = self.num_epochs * len(batches)
            rising = round(WARM_UP * num_steps)
            schedule = schedules.warm_up(rising, schedules.cosine(self.lr, num_steps - rising))
            callbacks = [Schedule(schedule), *callbacks]

        def predict(A):
            self.weights_ = book_arrays(model)
            return self._predict(A)

        self.history_ = train_ch3(
            model.net,
            batches,
            None,
            model.loss,
            self.num_epochs,
            batches.batch_size,
            trainer=model.trainer,
            metrics={},
            penalty=model.penalty,
            callbacks=callbacks,
            measure={name: lambda f=function: f(predict) for name, function in (measure or {}).items()},
        )
        self.weights_ = book_arrays(model)
        return self

    def predict(self, X):
        """Predictions (examples,) for X (examples, features)."""
        check_is_fitted(self)
        return self._predict(validate_data(self, X, reset=False, dtype=np.float64))

    def _model(self, num_inputs):
        if self.num_hiddens and self.impl == "gluon":
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
        if self.num_hiddens or (self.impl == "scratch" and self.wd):
            raise ValueError(
                "from scratch there is a linear layer without weight decay only: "
                "num_hiddens=0 and wd=0, or impl='gluon'"
            )
        if self.impl == "scratch":
            return linear_from_scratch(num_inputs, self.lr)
        return linear_with_gluon(num_inputs, self.lr, self.wd)

    def _predict(self, X):
        # The nets' formulas once more, in double precision and without MXNet: the same whatever the batch,
        # anywhere.
        if len(self.weights_) == 2:
            w, b = self.weights_
            output = X @ w.astype(np.float64) + b
        else:
            v, w, b, W, c = (array.astype(np.float64) for array in self.weights_)
            Z = X @ W + c
            H = (Z / (1 + np.exp(-Z))).reshape(len(X), *v.shape[1:])  # (examples, nets, hiddens)
            output = X @ w + b + (H * v).sum(axis=2)
        target = output.mean(axis=1) * self.scale_ + self.mean_
        return np.exp(target) if self.log_target else target
