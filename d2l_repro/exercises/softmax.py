"""Exercises on softmax regression (sections 3.4 to 3.7)."""

from __future__ import annotations

import numpy as np
from mxnet import nd

from ..scratch import accuracy, cross_entropy, naive_softmax, softmax, softmax_cross_entropy
from .checks import as_nd, call, gradient, observed, shapes, values
from .exercise import VALUES, Exercise, Seen
from .texts import phrase


def largest_logit(dtype):
    """Return the largest whole number whose exponential is finite in a type of floating-point numbers."""
    # exp(x) is finite as long as x <= log(largest number of the type)
    return int(np.log(np.finfo(dtype).max))


def _logit_cases(*dtypes):
    return lambda rng: [{"dtype": dtype} for dtype in dtypes]


LARGEST_LOGIT = Exercise(
    "largest_logit",
    {"largest_logit": largest_logit},
    [
        values("largest_logit", _logit_cases("float32")),
        values("largest_logit", _logit_cases("float32", "float64", "float16")),
    ],
    {
        "one more": lambda dtype: largest_logit(dtype) + 1,
        "one type": lambda dtype: largest_logit("float32"),
        "Python's": lambda dtype: largest_logit("float64"),
        "the number": lambda dtype: float(np.finfo(dtype).max),
    },
)


def _softmax_cases(rng):
    for shape in ((3, 3), (2, 5), (1, 4), (6, 2)):
        yield {"X": rng.normal(size=shape) * 2}


def _large_logits(rng):
    yield {"X": np.array([[1000.0, 1001.0, 999.0], [0.0, 1.0, 2.0]])}
    yield {"X": np.array([[-1000.0, -1001.0, -1000.5], [500.0, 0.0, -500.0]])}


SOFTMAX = Exercise(
    "softmax",
    {"softmax": softmax},
    [
        shapes("softmax", _softmax_cases),
        values("softmax", _softmax_cases),
        values("softmax", _large_logits),
        gradient("softmax", _softmax_cases, ["X"]),
    ],
    {
        "overflow": naive_softmax,
        "axis": lambda X: softmax(X.T).T,
        "no keepdims": lambda X: X.exp() / X.exp().sum(axis=1),
        "everything": lambda X: X.exp() / X.exp().sum(),
        "one max": lambda X: naive_softmax(X - X.max()),
        "not divided": lambda X: X.exp(),
        "log": lambda X: softmax(X).log(),
        "clipped": lambda X: naive_softmax(X.clip(-50, 50)),
    },
)


def _entropy_cases(rng):
    for examples, classes in ((4, 3), (1, 5), (6, 2)):
        y_hat = rng.dirichlet(np.ones(classes), size=examples)
        yield {"y_hat": y_hat, "y": rng.randint(classes, size=examples)}


def _small_probabilities(rng):
    yield {"y_hat": np.array([[1e-20, 1.0, 1e-3], [1.0, 0.0, 0.0]]), "y": np.array([0, 0])}


CROSS_ENTROPY = Exercise(
    "cross_entropy",
    {"cross_entropy": cross_entropy},
    [
        shapes("cross_entropy", _entropy_cases),
        values("cross_entropy", _entropy_cases),
        values("cross_entropy", _small_probabilities),
        gradient("cross_entropy", _entropy_cases, ["y_hat"]),
    ],
    {
        "sign": lambda y_hat, y: nd.pick(y_hat, y).log(),
        "no log": lambda y_hat, y: -nd.pick(y_hat, y),
        "mean": lambda y_hat, y: cross_entropy(y_hat, y).mean(),
        "column": lambda y_hat, y: cross_entropy(y_hat, y).reshape((-1, 1)),
        "all classes": lambda y_hat, y: -y_hat.log().sum(axis=1),
        "every example": lambda y_hat, y: -nd.take(y_hat, y, axis=1).log(),
        "base 2": lambda y_hat, y: -nd.pick(y_hat, y).log2(),
    },
)


def _logits_cases(rng):
    for examples, classes in ((4, 3), (1, 5), (6, 2)):
        yield {"logits": rng.normal(size=(examples, classes)) * 3, "y": rng.randint(classes, size=examples)}


def _huge_logits(rng):
    yield {"logits": np.array([[1000.0, 0.0, -1000.0], [0.0, 200.0, 100.0]]), "y": np.array([2, 0])}
    yield {"logits": np.array([[-500.0, -510.0], [3.0, 3.0]]), "y": np.array([0, 1])}


LOGITS_LOSS = Exercise(
    "logits_loss",
    {"logits_loss": softmax_cross_entropy},
    [
        shapes("logits_loss", _logits_cases),
        values("logits_loss", _logits_cases),
        values("logits_loss", _huge_logits),
        gradient("logits_loss", _logits_cases, ["logits"]),
    ],
    {
        "log of zero": lambda logits, y: cross_entropy(softmax(logits), y),
        "overflow": lambda logits, y: logits.exp().sum(axis=1).log() - logits.pick(y),
        "half shifted": lambda logits, y: (
            (logits - logits.max(axis=1, keepdims=True)).exp().sum(axis=1).log() - logits.pick(y)
        ),
        "sign": lambda logits, y: -softmax_cross_entropy(logits, y),
        "mean": lambda logits, y: softmax_cross_entropy(logits, y).mean(),
        "no softmax": lambda logits, y: -logits.pick(y),
    },
)


def _accuracy_cases(*shapes):
    def cases(rng):
        for examples, classes in shapes:
            y_hat = rng.normal(size=(examples, classes))
            y = rng.randint(classes, size=examples)
            # Two of three are right; otherwise it would be close to chance.
            right = rng.uniform(size=examples) < 2 / 3
            yield {"y_hat": y_hat, "y": np.where(right, y_hat.argmax(axis=1), y)}

    return cases


ACCURACY = Exercise(
    "accuracy",
    {"accuracy": accuracy},
    [
        values("accuracy", _accuracy_cases((20, 20), (9, 9), (12, 12))),
        values("accuracy", _accuracy_cases((40, 3), (1, 4), (100, 10))),
    ],
    {
        "axis": lambda y_hat, y: (y_hat.argmax(axis=0) == y[: y_hat.shape[1]]).mean().asscalar(),
        "count": lambda y_hat, y: accuracy(y_hat, y) * len(y),
        "errors": lambda y_hat, y: 1 - accuracy(y_hat, y),
        "smallest": lambda y_hat, y: accuracy(-y_hat, y),
        "classes": lambda y_hat, y: accuracy(y_hat, y) * len(y) / y_hat.shape[1],
    },
)


def evaluate(net, data_iter):
    """Return the share of the examples in all batches for which `net` scores the true class highest."""
    correct = examples = 0
    for X, y in data_iter:
        # Count before dividing, as the last batch may be shorter than the others.
        correct += accuracy(net(X), y) * len(y)
        examples += len(y)
    return correct / examples


def _evaluation(*sizes):
    def observe(f, rng):
        batches = []
        for i, size in enumerate(sizes):
            X = rng.normal(size=(size, 4))
            # The batches are right to different degrees, so that to weight them wrongly shows.
            right = np.arange(size) < max(1, size * (i + 1) // (len(sizes) + 1))
            y = np.where(right, X.argmax(axis=1), (X.argmax(axis=1) + 1) % 4)
            batches.append((as_nd(X), as_nd(y)))
        yield Seen(
            phrase("evaluate", "call", sizes=", ".join(map(str, sizes))),
            call(f.evaluate, lambda X: X * 1, batches),
        )

    return observed(VALUES, observe)


def _batch_accuracies(net, data_iter):
    return [accuracy(net(X), y) for X, y in data_iter]


EVALUATE = Exercise(
    "evaluate",
    {"evaluate": evaluate},
    [_evaluation(12), _evaluation(10, 10, 10), _evaluation(16, 16, 4)],
    {
        "mean of means": lambda net, data_iter: float(np.mean(_batch_accuracies(net, data_iter))),
        "first batch": lambda net, data_iter: _batch_accuracies(net, data_iter)[0],
        "last batch": lambda net, data_iter: _batch_accuracies(net, data_iter)[-1],
        "count": lambda net, data_iter: evaluate(net, data_iter) * sum(len(y) for _, y in data_iter),
        "sum of means": lambda net, data_iter: float(np.sum(_batch_accuracies(net, data_iter))),
    },
)

EXERCISES = (LARGEST_LOGIT, SOFTMAX, CROSS_ENTROPY, LOGITS_LOSS, ACCURACY, EVALUATE)
