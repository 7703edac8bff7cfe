"""Our hand-written gradients against central differences of the functions they belong to, in NumPy."""

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.exercises.layers import batch_norm_backward
from d2l_repro.exercises.mlp import mlp_backward
from d2l_repro.exercises.regularization import l2_gradient


def numerical(f, arrays, which, h=1e-6):
    """Return (f(a + h) - f(a - h)) / 2h for each element of one of the arrays."""
    gradient = np.zeros_like(arrays[which])
    for index in np.ndindex(gradient.shape):
        sides = []
        for step in (h, -h):
            moved = [array.copy() for array in arrays]
            moved[which][index] += step
            sides.append(f(*moved))
        gradient[index] = (sides[0] - sides[1]) / (2 * h)
    return gradient


def agree(found, f, arrays, places):
    for gradient, which in zip(found, places):
        expected = numerical(f, arrays, which)
        assert gradient.asnumpy() == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_mlp_backward():
    rng, y = np.random.RandomState(0), np.array([0, 1, 1, 0, 1])
    arrays = [rng.normal(size=shape) for shape in ((5, 3), (3, 4), 4, (4, 2), 2)]

    def loss(X, W1, b1, W2, b2):
        logits = np.maximum(X @ W1 + b1, 0) @ W2 + b2
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(5), y])

    X, *params = map(nd.array, arrays)
    agree(mlp_backward(X, nd.array(y), *params), loss, arrays, range(1, 5))


def test_batch_norm_backward():
    rng = np.random.RandomState(1)
    dY, arrays = rng.normal(size=(6, 3)), [rng.normal(size=(6, 3)), rng.normal(size=3), rng.normal(size=3)]

    def weighted(X, gamma, beta):
        return (dY * (gamma * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 0.1) + beta)).sum()

    found = batch_norm_backward(nd.array(dY), nd.array(arrays[0]), nd.array(arrays[1]), 0.1)
    agree(found, weighted, arrays, range(3))


def test_l2_gradient():
    arrays = [np.random.RandomState(2).normal(size=(3, 2))]
    agree([l2_gradient(nd.array(arrays[0]))], lambda w: (w**2).sum() / 2, arrays, [0])
