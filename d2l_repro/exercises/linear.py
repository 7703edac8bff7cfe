"""Exercises on linear regression (sections 3.1 to 3.3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mxnet import autograd, nd

from ..data.loader import data_iter
from ..scratch import linreg, sgd, squared_loss
from . import wording
from .checks import as_nd, gradient, observed, path, shapes, values
from .compare import Wrong, described
from .exercise import SHAPE, VALUES, Exercise, Seen
from .texts import phrase


def _linreg_cases(rng):
    for examples, inputs in ((4, 2), (1, 3), (7, 5)):
        yield {
            "X": rng.normal(size=(examples, inputs)),
            "w": rng.normal(size=(inputs, 1)),
            "b": rng.normal(size=1),
        }


LINREG = Exercise(
    "linreg",
    {"linreg": linreg},
    [
        shapes("linreg", _linreg_cases),
        values("linreg", _linreg_cases),
        gradient("linreg", _linreg_cases, ["w", "b"]),
    ],
    {
        "no bias": lambda X, w, b: nd.dot(X, w),
        "flat": lambda X, w, b: (nd.dot(X, w) + b).reshape(-1),
        "row": lambda X, w, b: nd.dot(w.T, X.T) + b,
        "minus": lambda X, w, b: nd.dot(X, w) - b,
        "no sum": lambda X, w, b: X * w.T + b,
    },
)


def _loss_cases(rng):
    for examples in (5, 1, 8):
        yield {"y_hat": rng.normal(size=(examples, 1)), "y": rng.normal(size=examples)}


SQUARED_LOSS = Exercise(
    "squared_loss",
    {"squared_loss": squared_loss},
    [
        shapes("squared_loss", _loss_cases),
        values("squared_loss", _loss_cases),
        gradient("squared_loss", _loss_cases, ["y_hat"]),
    ],
    {
        "every pair": lambda y_hat, y: (y_hat - y) ** 2 / 2,
        "no half": lambda y_hat, y: (y_hat - y.reshape(y_hat.shape)) ** 2,
        "mean": lambda y_hat, y: ((y_hat - y.reshape(y_hat.shape)) ** 2).mean() / 2,
        "absolute": lambda y_hat, y: (y_hat - y.reshape(y_hat.shape)).abs() / 2,
        "no square": lambda y_hat, y: (y_hat - y.reshape(y_hat.shape)) / 2,
    },
)


def _regression(rng, examples=16):
    """Return features, labels, and parameters with gradients attached."""
    X = rng.normal(size=(examples, 2))
    y = X @ np.array([2, -3.4]) + 4.2
    params = [as_nd(rng.normal(size=(2, 1))), as_nd(rng.normal(size=1))]
    for param in params:
        param.attach_grad()
    return as_nd(X), as_nd(y), params


def _state(params):
    return {"w": params[0], "b": params[1]}


def _sgd_path(batch_size, steps):
    def run(f, rng):
        X, y, params = _regression(rng, batch_size)
        yield _state(params)
        for _ in range(steps):
            with autograd.record():
                loss = squared_loss(linreg(X, *params), y)
            loss.backward()
            f.sgd(params, 0.1, batch_size)
            yield _state(params)

    return path(run)


def _climb(params, lr, batch_size):
    for param in params:
        param[:] = param + lr * param.grad / batch_size


def _rebind(params, lr, batch_size):
    for param in params:
        param = param - lr * param.grad / batch_size


def _sum_step(params, lr, batch_size):
    for param in params:
        param[:] = param - lr * param.grad


def _first_only(params, lr, batch_size):
    sgd(params[:1], lr, batch_size)


def _no_rate(params, lr, batch_size):
    sgd(params, 1.0, batch_size)


SGD = Exercise(
    "sgd",
    {"sgd": sgd},
    [_sgd_path(1, 1), _sgd_path(8, 1), _sgd_path(16, 50)],
    {
        "climbs": _climb,
        "rebinds": _rebind,
        "not divided": _sum_step,
        "first only": _first_only,
        "no rate": _no_rate,
    },
)


def _epoch(f, batch_size=4, examples=10):
    """Return the batches of an epoch as NumPy arrays; the first feature of an example is its number."""
    features = np.stack([np.arange(examples), np.arange(examples) ** 2, np.ones(examples)], axis=1)
    what = "data_iter(batch_size, features, labels)"
    batches = f.data_iter(batch_size, as_nd(features), as_nd(10.0 * np.arange(examples)))
    if not hasattr(batches, "__iter__"):
        raise Wrong(wording.NOT_ITERABLE.format(what=what, found=described(batches)))
    found = []
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise Wrong(phrase("data_iter", "no pair", call=what, found=described(batch)))
        if not all(isinstance(part, nd.NDArray) for part in batch):
            raise Wrong(phrase("data_iter", "no arrays", call=what, found=described(batch[0])))
        found.append([part.asnumpy() for part in batch])
        if len(found) > examples:
            raise Wrong(phrase("data_iter", "endless", call=what))
    return found


def _batch_sizes(f, rng) -> Iterator[Seen]:
    batches = _epoch(f)
    yield Seen(phrase("data_iter", "sizes"), [len(y) for _, y in batches])
    yield Seen(phrase("data_iter", "first X"), batches[0][0])
    yield Seen(phrase("data_iter", "first y"), batches[0][1])


def _contents(f, rng) -> Iterator[Seen]:
    numbers = np.concatenate([X[:, 0] for X, _ in _epoch(f)]).astype(int)
    counts = np.bincount(numbers, minlength=10)
    yield Seen(phrase("data_iter", "missing"), float((counts == 0).sum()))
    yield Seen(phrase("data_iter", "repeated"), float((counts > 1).sum()))


def _pairs(f, rng) -> Iterator[Seen]:
    X, y = (np.concatenate(parts) for parts in zip(*_epoch(f)))
    yield Seen(phrase("data_iter", "wrong labels"), float((10 * X[:, 0] != y).sum()))


def _orders(f, rng) -> Iterator[Seen]:
    first, second = ([int(i) for X, _ in _epoch(f, 8, 50) for i in X[:, 0]] for _ in range(2))
    yield Seen(phrase("data_iter", "in order"), float(first == sorted(first)))
    yield Seen(phrase("data_iter", "same order"), float(first == second))


def _shuffled(examples, generator=np.random):
    return generator.permutation(examples)


def _batches_of(indices, batch_size, features, labels, label_indices=None):
    label_indices = indices if label_indices is None else label_indices
    for i in range(0, len(indices), batch_size):
        yield (
            features[nd.array(indices[i : i + batch_size])],
            labels[nd.array(label_indices[i : i + batch_size])],
        )


def _in_order(batch_size, features, labels):
    return _batches_of(np.arange(len(features)), batch_size, features, labels)


def _drops_rest(batch_size, features, labels):
    indices = _shuffled(len(features))[: len(features) // batch_size * batch_size]
    return _batches_of(indices, batch_size, features, labels)


def _apart(batch_size, features, labels):
    n = len(features)
    return _batches_of(_shuffled(n), batch_size, features, labels, np.roll(_shuffled(n), 1))


def _same_each_epoch(batch_size, features, labels):
    indices = _shuffled(len(features), np.random.RandomState(0))
    return _batches_of(indices, batch_size, features, labels)


def _wraps_around(batch_size, features, labels):
    n = len(features)
    count = -(-n // batch_size) * batch_size
    return _batches_of(np.resize(_shuffled(n), count), batch_size, features, labels)


def _first_rows(batch_size, features, labels):
    for _ in range(0, len(features), batch_size):
        yield features[:batch_size], labels[:batch_size]


DATA_ITER = Exercise(
    "data_iter",
    {"data_iter": data_iter},
    [
        observed(SHAPE, lambda f, rng: list(_batch_sizes(f, rng))[1:]),
        observed(VALUES, _contents),
        observed(VALUES, lambda f, rng: list(_batch_sizes(f, rng))[:1]),
        observed(VALUES, _pairs),
        observed(VALUES, _orders),
    ],
    {
        "in order": _in_order,
        "drops the rest": _drops_rest,
        "apart": _apart,
        "same each epoch": _same_each_epoch,
        "wraps around": _wraps_around,
        "first rows": _first_rows,
    },
)


def mean_step(net, loss, X, y, params, lr):
    """Take one step of gradient descent on the mean loss of a batch, in place."""
    with autograd.record():
        # The mean has the factor 1 / |B| in it, and so has its gradient.
        mean = loss(net(X), y).mean()
    mean.backward()
    for param in params:
        # p <- p - lr g; to divide g by |B| once more would be a step that is |B| times too small
        param -= lr * param.grad


def _mean_path(batch_size, steps):
    def run(f, rng):
        X, y, params = _regression(rng, batch_size)
        yield _state(params)
        for _ in range(steps):
            f.mean_step(lambda X: linreg(X, *params), squared_loss, X, y, params, 0.1)
            yield _state(params)

    return path(run)


def _step_with(reduce, divide):
    def step(net, loss, X, y, params, lr):
        with autograd.record():
            value = reduce(loss(net(X), y))
        value.backward()
        sgd(params, lr, len(X) if divide else 1)

    return step


MEAN_STEP = Exercise(
    "mean_step",
    {"mean_step": mean_step},
    [_mean_path(1, 1), _mean_path(8, 1), _mean_path(16, 50)],
    {
        "divided twice": _step_with(lambda losses: losses.mean(), divide=True),
        "sum": _step_with(lambda losses: losses.sum(), divide=False),
        "climbs": _step_with(lambda losses: -losses.mean(), divide=False),
        "no step": lambda net, loss, X, y, params, lr: None,
    },
)

EXERCISES = (LINREG, SQUARED_LOSS, SGD, DATA_ITER, MEAN_STEP)
