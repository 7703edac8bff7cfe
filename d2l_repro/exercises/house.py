"""Exercises on the house prices: folds, the error of a logarithm, features (section 3.16)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
from mxnet import nd

from . import wording
from .checks import observed, shapes, values
from .compare import Wrong, as_array, described
from .exercise import VALUES, Exercise, Seen
from .texts import phrase


def k_fold(n, k):
    """Return k pairs of the indices to train on and to validate on."""
    # cut 0 ... n - 1 into k pieces whose sizes differ by at most 1; each validates once
    folds = np.array_split(np.arange(n), k)
    return [(np.concatenate([*folds[:i], *folds[i + 1 :]]), folds[i]) for i in range(k)]


def _pairs(f, n, k):
    """Return the pairs of a function as lists of numbers."""
    pairs, call = f.k_fold(n, k), f"k_fold({n}, {k})"
    if not hasattr(pairs, "__iter__"):
        raise Wrong(wording.NOT_ITERABLE.format(what=call, found=described(pairs)))
    found = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise Wrong(phrase("k_fold", "no pair", call=call, found=described(pair)))
        indices = (as_array(part, phrase("k_fold", "indices")) for part in pair)
        found.append([list(part.ravel().astype(int)) for part in indices])
        if len(found) > n:
            raise Wrong(phrase("k_fold", "endless", call=call, number=n))
    return found


def _folds(n, k):
    def observe(f, rng) -> Iterator[Seen]:
        def number(key, value):
            return Seen(phrase("k_fold", key, call=f"k_fold({n}, {k})"), float(value))

        pairs = _pairs(f, n, k)
        yield number("pairs", len(pairs))
        counts = np.bincount([i for _, valid in pairs for i in valid if 0 <= i < n], minlength=n)
        yield number("never", (counts == 0).sum())
        yield number("more than once", (counts > 1).sum())
        yield number("both", sum(len(set(train) & set(valid)) for train, valid in pairs))
        yield number("neither", sum(n - len(set(train) | set(valid)) for train, valid in pairs))
        sizes = [len(valid) for _, valid in pairs] or [0]
        yield number("uneven", max(0, max(sizes) - min(sizes) - 1))

    return observed(VALUES, observe)


def _equal_folds(n, k):
    size = n // k
    return [
        ([j for j in range(size * k) if j // size != i], list(range(i * size, (i + 1) * size)))
        for i in range(k)
    ]


def _rest_in_last(n, k):
    size = n // k
    ends = [*[(i + 1) * size for i in range(k - 1)], n]
    return [
        ([j for j in range(n) if not i * size <= j < end], list(range(i * size, end)))
        for i, end in enumerate(ends)
    ]


def _fold_pairs(train):
    """Return a k_fold whose training part is `train` of all indices and of those to validate on."""

    def function(n, k):
        return [
            (train(np.arange(n), valid, k_fold(n, k)[i - 1][1]), valid)
            for i, (_, valid) in enumerate(k_fold(n, k))
        ]

    return function


K_FOLD = Exercise(
    "k_fold",
    {"k_fold": k_fold},
    [_folds(12, 3), _folds(14, 4), _folds(5, 5)],
    {
        "rest left out": _equal_folds,
        "rest in last": _rest_in_last,
        "trains on all": _fold_pairs(lambda every, valid, other: every),
        "trains on one": _fold_pairs(lambda every, valid, other: other),
        "exchanged": lambda n, k: [(valid, train) for train, valid in k_fold(n, k)],
        "one too few": lambda n, k: k_fold(n, k)[1:],
    },
)


def log_rmse(predictions, labels):
    """Return the root mean squared error of the logarithms, of predictions below 1 taken as 1."""
    # sqrt(mean((log max(y_hat, 1) - log y)^2))
    difference = nd.maximum(predictions, 1).log() - labels.reshape(predictions.shape).log()
    return (difference**2).mean().sqrt().asscalar()


def _rmse(change=lambda p, y: (nd.maximum(p, 1).log(), y.log()), finish=lambda d: (d**2).mean().sqrt()):
    def log_rmse(predictions, labels):
        a, b = change(predictions, labels.reshape(predictions.shape))
        return finish(a - b).asscalar()

    return log_rmse


def _prices(rng):
    for examples in (6, 1, 20):
        labels = rng.uniform(50, 500, size=examples)
        yield {
            "predictions": (labels * rng.uniform(0.6, 1.5, size=examples)).reshape(-1, 1),
            "labels": labels,
        }


def _bad_predictions(rng):
    yield {
        "predictions": np.array([[200.0], [-30.0], [0.0], [0.5]]),
        "labels": np.array([180.0, 20.0, 3.0, 2.0]),
    }


LOG_RMSE = Exercise(
    "log_rmse",
    {"log_rmse": log_rmse},
    [values("log_rmse", _prices), values("log_rmse", _bad_predictions)],
    {
        "no root": _rmse(finish=lambda d: (d**2).mean()),
        "no log": _rmse(change=lambda p, y: (p, y)),
        "half": _rmse(finish=lambda d: ((d**2) / 2).mean().sqrt()),
        "sum": _rmse(finish=lambda d: (d**2).sum().sqrt()),
        "base 10": _rmse(finish=lambda d: (d**2).mean().sqrt() / float(np.log(10))),
        "absolute": _rmse(finish=lambda d: d.abs().mean()),
        "every pair": lambda p, y: (
            ((nd.maximum(p, 1).log() - y.reshape((1, -1)).log()) ** 2).mean().sqrt().asscalar()
        ),
        "not clipped": _rmse(change=lambda p, y: (p.log(), y.log())),
        "clipped at 0": _rmse(change=lambda p, y: (nd.maximum(p, 0).log(), y.log())),
    },
)


def standardize(train, test):
    """Return both tables with mean 0 and standard deviation 1 in `train`, missing values replaced by 0."""
    mean, std = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    # A column that never changes has a standard deviation of 0; dividing by 1 leaves it at 0.
    std = np.where(std > 0, std, 1)
    # x <- (x - mean) / std by the statistics of train; 0 is then the mean, so it stands for a missing value
    return tuple(np.nan_to_num((table - mean) / std) for table in (train, test))


def _standardize(of=lambda train, test: train, fill=np.nan_to_num, guard=True, ddof=0, axis=0, center=True):
    def standardize(train, test):
        sample = of(train, test)
        mean, std = np.nanmean(sample, axis=axis), np.nanstd(sample, axis=axis, ddof=ddof)
        with np.errstate(all="ignore"):
            std = np.where(std > 0, std, 1) if guard else std
            return tuple(fill((table - mean * center) / std) for table in (train, test))

    return standardize


def _fill_missing_only(table):
    """Fill what is missing, as nan_to_num does, and leave infinite values."""
    return np.where(np.isnan(table), 0, table)


def _own_statistics(train, test):
    return standardize(train, train)[0], standardize(test, test)[0]


def _fill_first(train, test):
    return standardize(np.nan_to_num(train), np.nan_to_num(test))


def _mean_first(train, test):
    """Fill missing values by the mean, so that they make the standard deviation smaller."""
    filled = np.where(np.isnan(train), np.nanmean(train, axis=0), train)
    mean, std = filled.mean(axis=0), filled.std(axis=0)
    return tuple(np.nan_to_num((table - mean) / np.where(std > 0, std, 1)) for table in (train, test))


def _tables(rng, missing=False, constant=False):
    train, test = (rng.normal(3, 2, size=(n, 4)) + i for i, n in enumerate((8, 6)))
    if missing:
        train[1, 2] = train[4, 0] = test[2, 2] = test[0, 3] = np.nan
    if constant:
        train[:, 1] = 7.0
        test[:, 1] = [7.0, 7.0, 8.0, 7.0, 7.0, 6.0]
    return {"train": train, "test": test}


TABLES = ("train", "test")
STANDARDIZE = Exercise(
    "standardize",
    {"standardize": standardize},
    [
        shapes("standardize", lambda rng: [_tables(rng)], TABLES, arrays=deepcopy),
        values("standardize", lambda rng: [_tables(rng)], TABLES, arrays=deepcopy),
        values("standardize", lambda rng: [_tables(rng, missing=True)], TABLES, arrays=deepcopy),
        values("standardize", lambda rng: [_tables(rng, True, constant=True)], TABLES, arrays=deepcopy),
    ],
    {
        "leaks": _standardize(of=lambda train, test: np.concatenate([train, test])),
        "own statistics": _own_statistics,
        "n - 1": _standardize(ddof=1),
        "not centred": _standardize(center=False),
        "whole table": _standardize(axis=None),
        "filled first": _fill_first,
        "mean first": _mean_first,
        "not filled": _standardize(fill=lambda table: table),
        "constant": _standardize(guard=False, fill=_fill_missing_only),
    },
)
EXERCISES = (K_FOLD, LOG_RMSE, STANDARDIZE)
