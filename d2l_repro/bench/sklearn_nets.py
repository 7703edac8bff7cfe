"""scikit-learn's contestants."""

from __future__ import annotations

from typing import Any, Callable

from sklearn.linear_model import SGDRegressor
from sklearn.neural_network import MLPClassifier

from . import inputs


def linear(steps: int) -> Callable[[], Any]:
    """Build linear regression by SGD, which scikit-learn takes one example at a time, in compiled code."""
    X, y = inputs.line(steps, 10)
    net = SGDRegressor(penalty=None, learning_rate="constant", eta0=0.03, random_state=0)
    return lambda: net.partial_fit(X, y)


def images(chapter: str, steps: int) -> Callable[[], Any]:
    """Build a net on Fashion-MNIST; without hidden layers it is softmax regression."""
    pixels, labels = inputs.fashion(256 * steps)
    X = pixels.reshape(-1, 784).astype("float32") / 255
    hidden, lr = ((), 0.1) if chapter == "softmax_regression" else ((256,), 0.5)
    options = {"batch_size": 256, "learning_rate_init": lr, "momentum": 0.0, "alpha": 0.0, "random_state": 0}
    net = MLPClassifier(hidden, solver="sgd", **options)
    return lambda: net.partial_fit(X, labels, classes=range(10))
