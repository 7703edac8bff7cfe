"""The whole training loop of section 3.6, and what symmetric weights do to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from mxnet import autograd, nd

from ..data import download
from ..data.images import load_digits, load_images
from ..scratch import accuracy, cross_entropy, sgd, softmax
from . import wording
from .checks import as_nd, observed, parts_of
from .compare import Wrong, described
from .exercise import PATH, TRAINED, VALUES, Exercise, Seen
from .softmax import evaluate
from .texts import phrase

PUBLISHED = "fashion_mnist"


def train_ch3(net, train_iter, test_iter, loss, num_epochs, batch_size, params, lr):
    """Train a net by minibatch SGD; return train loss, train accuracy and test accuracy of each epoch."""
    history = []
    for _ in range(num_epochs):
        total_loss = correct = examples = 0
        for X, y in train_iter:
            with autograd.record():
                y_hat = net(X)
                losses = loss(y_hat, y)
            losses.backward()
            # p <- p - lr / |B| * grad
            for param in params:
                param -= lr * param.grad / batch_size
            # Of this batch as the net was before its step: y_hat is there already.
            total_loss += losses.sum().asscalar()
            correct += accuracy(y_hat, y) * len(y)
            examples += len(y)
        history.append((total_loss / examples, correct / examples, evaluate(net, test_iter)))
    return history


def _train(
    batches=lambda train_iter: train_iter,
    steps=True,
    backward=lambda losses: losses.backward(),
    divide=True,
    mean_of_means=False,
    after=False,
    tests_on=lambda train, test: test,
    epochs=lambda n: n,
    sum_loss=False,
):
    """Return a training loop with mistakes in it."""

    def train_ch3(net, train_iter, test_iter, loss, num_epochs, batch_size, params, lr):
        history, train_iter = [], batches(train_iter)
        for _ in range(epochs(num_epochs)):
            rows = []
            for X, y in train_iter:
                with autograd.record():
                    y_hat = net(X)
                    losses = loss(y_hat, y)
                backward(losses)
                if steps:
                    sgd(params, lr, batch_size if divide else 1)
                y_hat = net(X) if after else y_hat
                rows.append((losses.sum().asscalar(), accuracy(y_hat, y) * len(y), len(y)))
            sums = np.sum(rows, axis=0)
            train_loss = sums[0] if sum_loss else sums[0] / sums[2]
            train_acc = sums[1] / sums[2]
            if mean_of_means:
                train_loss, train_acc = np.mean([(a / n, b / n) for a, b, n in rows], axis=0)
            history.append((train_loss, train_acc, evaluate(net, tests_on(train_iter, test_iter))))
        return history

    return train_ch3


def _backward_mean(losses):
    with autograd.record():
        mean = losses.mean()
    mean.backward()


@lru_cache(maxsize=1)
def _images():
    """Return training and test images as rows, and their classes: of Fashion-MNIST if it is there."""
    files = download.data_sets()[PUBLISHED]
    images = load_images(PUBLISHED) if all(download.find(name) for name in files) else load_digits()
    few = images.first(1200, 300)
    return [(X.reshape((len(X), -1)), y.astype("float32")) for X, y in (few.train, few.test)]


def _batches(X, y, batch_size):
    return [(X[i : i + batch_size], y[i : i + batch_size]) for i in range(0, len(X), batch_size)]


class _Shuffled:
    """Batches in another order at every pass, the same for every answer."""

    def __init__(self, X, y, batch_size):
        self.X, self.y, self.batch_size = X, y, batch_size
        self.passes = 0

    def __iter__(self):
        order = nd.array(np.random.RandomState(self.passes).permutation(len(self.X)))
        self.passes += 1
        yield from _batches(self.X.take(order), self.y.take(order), self.batch_size)


def _blobs(rng, examples):
    """Return points of three classes around three centres."""
    y = rng.randint(3, size=examples)
    X = rng.normal(size=(examples, 2)) + np.array([[2, 0], [-1, 2], [-1, -2]])[y]
    return as_nd(X), as_nd(y)


RETURNS = ("train loss", "train accuracy", "test accuracy")  # keys of phrases


def _run(f, train, test, params, batch_size, num_epochs, lr) -> Iterator[Seen]:
    """Train softmax regression; yield the numbers of each epoch, and the parameters at the end."""
    for param in params:
        param.attach_grad()

    def net(X):
        return softmax(nd.dot(X, params[0]) + params[1])

    history = f.train_ch3(net, train, test, cross_entropy, num_epochs, batch_size, params, lr)
    if not isinstance(history, (list, tuple)):
        what = phrase("train_ch3", "result")
        raise Wrong(wording.NOT_ITERABLE.format(what=what, found=described(history)))
    for name, param in zip(("W", "b"), params):
        after = "after epochs" if num_epochs > 1 else "after an epoch"
        yield Seen(phrase("train_ch3", after, name=name, number=num_epochs), param.copy())
    yield Seen(phrase("train_ch3", "epochs"), float(len(history)))
    for i, row in enumerate(history, 1):
        names = [phrase("train_ch3", key) for key in RETURNS]
        parts = parts_of(row, names, phrase("train_ch3", "row", number=i))
        for name, value in zip(names, parts):
            yield Seen(phrase("train_ch3", "number", name=name, number=i), value)


def _training(examples, num_epochs):
    def observe(f, rng):
        train, test = _Shuffled(*_blobs(rng, examples), 8), _batches(*_blobs(rng, 30), 8)
        params = [as_nd(rng.normal(size=(2, 3))), as_nd(np.zeros(3))]
        yield from _run(f, train, test, params, 8, num_epochs, 0.1)

    return observe


def _on_images(f, rng):
    train, test = (_batches(*part, 64) for part in _images())
    inputs = train[0][0].shape[1]
    params = [as_nd(rng.normal(scale=0.01, size=(inputs, 10))), as_nd(np.zeros(10))]
    yield from _run(f, train, test, params, 64, 5, 0.1)


TRAIN_CH3 = Exercise(
    "train_ch3",
    {"train_ch3": train_ch3},
    [
        observed(VALUES, _training(8, 1), rtol=1e-3),
        observed(VALUES, _training(24, 1), rtol=1e-3),
        observed(VALUES, _training(28, 1), rtol=1e-3),
        observed(PATH, _training(112, 4), rtol=1e-3),
        observed(TRAINED, _on_images, rtol=5e-3),
    ],
    {
        "no steps": _train(steps=False),
        "kept batches": _train(batches=list),
        "mean": _train(backward=_backward_mean),
        "not divided": _train(divide=False),
        "mean of means": _train(mean_of_means=True),
        "after the step": _train(after=True),
        "tests on training data": _train(tests_on=lambda train, test: train),
        "one epoch": _train(epochs=lambda n: 1),
        "sum": _train(sum_loss=True),
    },
)


def distinct_units(W1, b1, W2, b2, X, y, lr, steps):
    """Train a perceptron by gradient descent; return how many of its hidden units differ at the end."""
    params = [W1, b1, W2, b2]
    for param in params:
        param.attach_grad()
    for _ in range(steps):
        with autograd.record():
            H = nd.maximum(nd.dot(X, W1) + b1, 0)
            mean = cross_entropy(softmax(nd.dot(H, W2) + b2), y).mean()
        mean.backward()
        sgd(params, lr, 1)
    # a unit is its column of W1, its bias and its row of W2; equal ones have equal gradients, for ever
    units = nd.concat(W1, b1.reshape((1, -1)), W2.T, dim=0).T.asnumpy()
    return len(np.unique(units.round(5), axis=0))


def _units(hiddens, distinct, steps):
    """Return a step with several hidden units that begin as copies of `distinct` ones."""

    def observe(f, rng):
        X, y = _blobs(rng, 30)
        columns = np.arange(hiddens) % distinct
        W1, W2 = rng.normal(size=(2, distinct))[:, columns], rng.normal(size=(distinct, 3))[columns]
        params = [as_nd(array) for array in (W1, np.zeros(hiddens), W2, np.zeros(3))]
        what = phrase("distinct_units", "call", hiddens=hiddens, distinct=distinct, steps=steps)
        yield Seen(what, f.distinct_units(*params, X, y, 0.1, steps))

    return observed(VALUES, observe)


def _grown_units(f, rng):
    """Yield counts that neither the first weights nor those of one layer give."""
    X, y = _blobs(rng, 30)
    # From next to nothing, all of them 0 when rounded, weights grow apart.
    for what, W1, W2, steps in (
        ("tiny", 1e-6 * rng.normal(size=(2, 6)), 1e-6 * rng.normal(size=(6, 3)), 100),
        ("outputs differ", rng.normal(size=(2, 1)).repeat(6, axis=1), rng.normal(size=(6, 3)), 0),
    ):
        params = [as_nd(array) for array in (W1, np.zeros(6), W2, np.zeros(3))]
        yield Seen(phrase("distinct_units", what), f.distinct_units(*params, X, y, 0.5, steps))


DISTINCT_UNITS = Exercise(
    "distinct_units",
    {"distinct_units": distinct_units},
    [_units(6, 6, 0), _units(6, 1, 20), _units(8, 3, 50), observed(VALUES, _grown_units)],
    {
        "all units": lambda W1, *rest: W1.shape[1],
        "inputs": lambda W1, *rest: len(np.unique(W1.asnumpy(), axis=0)),
        "elements": lambda W1, *rest: W1.size,
        "pairs": lambda *arguments: distinct_units(*arguments) - 1,
        "untrained": lambda W1, b1, W2, b2, X, y, lr, steps: distinct_units(W1, b1, W2, b2, X, y, lr, 0),
        "columns of W1": lambda W1, *rest: (
            distinct_units(W1, *rest) and len(np.unique(W1.asnumpy().round(5).T, axis=0))
        ),
    },
)
EXERCISES = (TRAIN_CH3, DISTINCT_UNITS)
