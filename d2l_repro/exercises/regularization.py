"""Exercises on overfitting, weight decay and dropout (sections 3.11 to 3.13)."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from mxnet import autograd, nd

from ..scratch import dropout, l2_penalty
from .checks import as_nd, call, observed, shapes, values
from .compare import as_array
from .exercise import GRADIENT, VALUES, Exercise, Seen
from .texts import phrase


def polynomial_features(x, degree):
    """Return the powers of x from 1 to `degree`, a column for each."""
    # column i holds x^i; there is no x^0, as the bias of a linear model does the same
    return nd.concat(*[x.reshape((-1, 1)) ** i for i in range(1, degree + 1)], dim=1)


def _powers(exponents):
    return lambda x, degree: nd.concat(*[x.reshape((-1, 1)) ** i for i in exponents(degree)], dim=1)


def _feature_cases(rng):
    for examples, degree in ((4, 3), (3, 3), (1, 1), (6, 5)):
        yield {"x": rng.uniform(-2, 2, size=(examples, 1)), "degree": degree}


POLYNOMIAL_FEATURES = Exercise(
    "polynomial_features",
    {"polynomial_features": polynomial_features},
    [shapes("polynomial_features", _feature_cases), values("polynomial_features", _feature_cases)],
    {
        "from 0": _powers(lambda degree: range(degree)),
        "one too many": _powers(lambda degree: range(degree + 1)),
        "one too few": _powers(lambda degree: range(1, degree) if degree > 1 else [1]),
        "reversed": _powers(lambda degree: range(degree, 0, -1)),
        "rows": lambda x, degree: polynomial_features(x, degree).T,
        "multiples": lambda x, degree: nd.concat(*[x * i for i in range(1, degree + 1)], dim=1),
    },
)


def training_loss(x, y, degree):
    """Return the mean of half the squared errors of the polynomial that fits best."""
    # columns 1, x, ..., x^degree; least squares finds their best combination
    columns = np.vander(x, degree + 1, increasing=True)
    coefficients = np.linalg.lstsq(columns, y, rcond=None)[0]
    return ((columns @ coefficients - y) ** 2).mean() / 2


def _fit(first=0, last=0, scale=1.0):
    def training_loss(x, y, degree):
        columns = np.stack([x**i for i in range(first, degree + 1 + last)], axis=1)
        coefficients = np.linalg.lstsq(columns, y, rcond=None)[0]
        return ((columns @ coefficients - y) ** 2).mean() / 2 * scale

    return training_loss


def _curves(*sizes):
    def cases(rng):
        for examples, degree in sizes:
            x = np.linspace(-1, 1, examples)
            yield {
                "x": x,
                "y": 5 + 1.2 * x - 3.4 * x**2 + 5.6 * x**3 + rng.normal(size=examples),
                "degree": degree,
            }

    return cases


TRAINING_LOSS = Exercise(
    "training_loss",
    {"training_loss": training_loss},
    [
        values("training_loss", _curves((20, 1), (20, 3)), arrays=deepcopy),
        values("training_loss", _curves((4, 3), (6, 5)), arrays=deepcopy, rtol=1e-4),
    ],
    {
        "no constant": _fit(first=1),
        "no half": _fit(scale=2.0),
        "degree too low": _fit(last=-1),
        "degree too high": _fit(last=1),
        "sum": lambda x, y, degree: training_loss(x, y, degree) * len(x),
        "root": lambda x, y, degree: np.sqrt(2 * training_loss(x, y, degree)),
    },
)


def l2_gradient(w):
    """Return the gradient of `l2_penalty` w.r.t. w, which thanks to the half is w itself."""
    # d/dw_i of w_i^2 / 2 is w_i
    return w.copy()


def _weight_cases(rng):
    for shape in ((5, 1), (3, 4), (2,)):
        yield {"w": rng.normal(size=shape)}


L2_PENALTY = Exercise(
    "l2_penalty",
    {"l2_penalty": l2_penalty, "l2_gradient": l2_gradient},
    [
        values("l2_penalty", _weight_cases),
        shapes("l2_gradient", _weight_cases),
        values("l2_gradient", _weight_cases, kind=GRADIENT),
    ],
    {
        "no half": lambda w: (w**2).sum(),
        "norm": lambda w: w.norm(),
        "l1": lambda w: w.abs().sum(),
        "mean": lambda w: (w**2).mean() / 2,
        "twice": {"l2_gradient": lambda w: 2 * w},
        "half": {"l2_gradient": lambda w: w / 2},
        "signs": {"l2_gradient": lambda w: w.sign()},
        "unit": {"l2_gradient": lambda w: w / w.norm()},
    },
)


def _call(drop_prob, mode="training"):
    return phrase("dropout", mode, call=f"dropout(X, {drop_prob})")


def _in_training(f, X, drop_prob):
    with autograd.train_mode():
        return as_array(call(f.dropout, as_nd(X), drop_prob), _call("drop_prob"))


def _training_shape(f, rng):
    X = rng.uniform(1, 2, size=(4, 5))
    yield Seen(_call("drop_prob"), _in_training(f, X, 0.5))


def _testing(f, rng):
    X = rng.uniform(1, 2, size=(50, 40))
    with autograd.predict_mode():
        result = call(f.dropout, as_nd(X), 0.4)
    Y = as_array(result, _call(0.4, "testing"))
    yield Seen(phrase("dropout", "zeros in testing"), float((Y == 0).mean()), tolerance=0.08)
    yield from _factors(phrase("dropout", "factors in testing"), X, Y)


def _share(f, rng):
    Y, again = (_in_training(f, np.ones((200, 100)), 0.3) for _ in range(2))
    yield Seen(phrase("dropout", "zeros"), float((Y == 0).mean()), tolerance=0.03)
    yield Seen(phrase("dropout", "rows"), float(len(np.unique(Y, axis=0))))
    yield Seen(phrase("dropout", "masks"), 2.0 - np.array_equal(Y, again))


def _scale(f, rng):
    X = rng.uniform(1, 2, size=(50, 40))
    Y = _in_training(f, X, 0.3)
    yield from _factors(phrase("dropout", "factors"), X, Y)


def _factors(label, X, Y):
    """Yield what kept elements were multiplied by, which does not depend on how a mask is drawn."""
    yield Seen("dropout(X, drop_prob)", Y * 0)  # its shape
    if Y.shape != X.shape:
        return
    ratios = (Y / X.astype("float32"))[Y != 0]
    yield Seen(
        label, [float(ratios.min()), float(ratios.max())] if ratios.size else [0.0, 0.0], tolerance=1e-3
    )


def _ends(f, rng):
    X = rng.normal(size=(3, 4))
    for drop_prob in (0, 1):
        yield Seen(_call(drop_prob), _in_training(f, X, drop_prob))


def _drop(keep=lambda p: 1 - p, scale=lambda keep: 1 / keep, testing=lambda X, p: X, shape=lambda X: X.shape):
    def dropout(X, drop_prob):
        if not autograd.is_training():
            return testing(X, drop_prob)
        mask = nd.random.uniform(0, 1, shape(X)) < keep(drop_prob)
        return nd.broadcast_mul(X, mask) * (scale(keep(drop_prob)) if keep(drop_prob) else np.nan)

    return dropout


def _same_mask(X, drop_prob):
    if not autograd.is_training() or drop_prob == 1:
        return X * (not autograd.is_training())
    mask = np.random.RandomState(0).uniform(size=X.shape) < 1 - drop_prob
    return X * nd.array(mask) / (1 - drop_prob)


DROPOUT = Exercise(
    "dropout",
    {"dropout": dropout},
    [
        observed("shape", _training_shape),
        observed(VALUES, _testing),
        observed(VALUES, _share),
        observed(VALUES, _scale),
        observed(VALUES, _ends),
    ],
    {
        "not scaled": _drop(scale=lambda keep: 1.0),
        "by drop_prob": _drop(scale=lambda keep: 1 / (1 - keep) if keep < 1 else 1.0),
        "exchanged": _drop(keep=lambda p: p),
        "in testing": _drop(testing=lambda X, p: X * (nd.random.uniform(0, 1, X.shape) < 1 - p) / (1 - p)),
        "scaled in testing": _drop(testing=lambda X, p: X * (1 - p)),
        "one mask": _drop(shape=lambda X: (1, *X.shape[1:])),
        "whole rows": _drop(shape=lambda X: (len(X), *(1 for _ in X.shape[1:]))),
        "same mask": _same_mask,
        "never": lambda X, drop_prob: X,
        "nan at 1": _drop(),
    },
)
EXERCISES = (POLYNOMIAL_FEATURES, TRAINING_LOSS, L2_PENALTY, DROPOUT)
