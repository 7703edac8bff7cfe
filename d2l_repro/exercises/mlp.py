"""Exercises on the multilayer perceptron (sections 3.8 to 3.10 and 3.14)."""

from __future__ import annotations

import numpy as np
from mxnet import nd

from ..scratch import relu, softmax
from .checks import as_nd, gradient, path, shapes, values
from .compare import as_array
from .exercise import GRADIENT, Exercise
from .texts import phrase


def _relu_cases(rng):
    yield {"X": np.array([[-2.0, -0.5, 0.5], [3.0, -1.0, 2.0]])}
    yield {"X": rng.normal(size=(3, 2, 4))}
    yield {"X": np.array([-1e30, 1e30, 0.0])}


def _away_from_zero(rng):
    X = rng.normal(size=(4, 3))
    yield {"X": X + 0.1 * np.sign(X)}


RELU = Exercise(
    "relu",
    {"relu": relu},
    [shapes("relu", _relu_cases), values("relu", _relu_cases), gradient("relu", _away_from_zero, ["X"])],
    {
        "absolute": lambda X: X.abs(),
        "smaller": lambda X: nd.minimum(X, 0),
        "mask": lambda X: X > 0,
        "at least 1": lambda X: nd.maximum(X, 1),
        "leaky": lambda X: nd.LeakyReLU(X, slope=0.01),
        "one number": lambda X: nd.maximum(X.max(), 0),
    },
)


def mlp_forward(X, W1, b1, W2, b2):
    """Return the output of a perceptron with one hidden layer."""
    # H = relu(X W1 + b1), with an image flattened into a row
    H = relu(nd.dot(X.reshape((len(X), -1)), W1) + b1)
    # O = H W2 + b2, the logits; no activation here, as they may be negative
    return nd.dot(H, W2) + b2


def _weights(rng, inputs, hiddens, outputs):
    return {
        "W1": rng.normal(size=(inputs, hiddens)),
        "b1": rng.normal(size=hiddens),
        "W2": rng.normal(size=(hiddens, outputs)),
        "b2": rng.normal(size=outputs),
    }


def _forward_cases(rng):
    for examples, inputs, hiddens, outputs in ((4, 3, 5, 2), (1, 2, 3, 3), (6, 4, 4, 4)):
        yield {"X": rng.normal(size=(examples, inputs)), **_weights(rng, inputs, hiddens, outputs)}


def _image_cases(rng):
    yield {"X": rng.normal(size=(5, 1, 2, 3)), **_weights(rng, 6, 4, 3)}


WEIGHTS = ("W1", "b1", "W2", "b2")


def _linear(X, W, b):
    return nd.dot(X.reshape((len(X), -1)), W) + b


MLP_FORWARD = Exercise(
    "mlp_forward",
    {"mlp_forward": mlp_forward},
    [
        shapes("mlp_forward", _forward_cases),
        values("mlp_forward", _forward_cases),
        values("mlp_forward", _image_cases),
        gradient("mlp_forward", _forward_cases, WEIGHTS),
    ],
    {
        "no activation": lambda X, W1, b1, W2, b2: _linear(_linear(X, W1, b1), W2, b2),
        "activated output": lambda X, W1, b1, W2, b2: relu(mlp_forward(X, W1, b1, W2, b2)),
        "bias after": lambda X, W1, b1, W2, b2: _linear(relu(_linear(X, W1, 0 * b1)) + b1, W2, b2),
        "no b1": lambda X, W1, b1, W2, b2: mlp_forward(X, W1, 0 * b1, W2, b2),
        "no b2": lambda X, W1, b1, W2, b2: mlp_forward(X, W1, b1, W2, 0 * b2),
        "sigmoid": lambda X, W1, b1, W2, b2: _linear(_linear(X, W1, b1).sigmoid(), W2, b2),
        "not flattened": lambda X, W1, b1, W2, b2: nd.dot(relu(nd.dot(X, W1) + b1), W2) + b2,
        "softmax": lambda X, W1, b1, W2, b2: softmax(mlp_forward(X, W1, b1, W2, b2)),
    },
)


def mlp_backward(X, y, W1, b1, W2, b2):
    """Return the gradients of the mean cross-entropy w.r.t. all parameters, by the chain rule."""
    H = relu(nd.dot(X, W1) + b1)
    logits = nd.dot(H, W2) + b2
    # dO = (softmax(O) - one-hot(y)) / |B|, as the loss is the mean over the batch
    dO = (softmax(logits) - nd.one_hot(y, logits.shape[1])) / len(X)
    # O = H W2 + b2: dW2 = H' dO, db2 = sum of the rows of dO, dH = dO W2'
    dW2, db2 = nd.dot(H.T, dO), dO.sum(axis=0)
    # H = relu(Z): dZ = dH where Z > 0, and 0 elsewhere
    dZ = nd.dot(dO, W2.T) * (H > 0)
    # Z = X W1 + b1
    return nd.dot(X.T, dZ), dZ.sum(axis=0), dW2, db2


def _backward(mask=True, at_zero=False, one_hot=True, divide=True, sign=1, mask_dO=False, mean_bias=False):
    """Return a backward pass with mistakes in it."""

    def mlp_backward(X, y, W1, b1, W2, b2):
        H = relu(nd.dot(X, W1) + b1)
        logits = nd.dot(H, W2) + b2
        dO = sign * (softmax(logits) - (nd.one_hot(y, logits.shape[1]) if one_hot else 0))
        dO = dO / len(X) if divide else dO
        dO = dO * (logits > 0) if mask_dO else dO
        dZ = nd.dot(dO, W2.T) * ((H >= 0) & (nd.dot(X, W1) + b1 >= 0) if at_zero else (H > 0) if mask else 1)
        sums = [array.mean(axis=0) if mean_bias else array.sum(axis=0) for array in (dZ, dO)]
        return nd.dot(X.T, dZ), sums[0], nd.dot(H.T, dO), sums[1]

    return mlp_backward


def _backward_cases(rng):
    for examples, inputs, hiddens, outputs in ((6, 3, 5, 2), (3, 2, 4, 3)):
        X, y = rng.normal(size=(examples, inputs)), rng.randint(outputs, size=examples)
        yield {"X": X, "y": y, **_weights(rng, inputs, hiddens, outputs)}
    X[0] = 0  # an example for which Z is exactly 0 where the bias is, too
    weights = _weights(rng, inputs, hiddens, outputs)
    yield {"X": X, "y": y, **weights, "b1": np.zeros(hiddens)}


GRADIENTS = ("dW1", "db1", "dW2", "db2")


def _train_by_hand(f, rng):
    """Yield the parameters on the way to the solution of exclusive or."""
    X, y = as_nd(np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])), as_nd(np.array([0, 1, 1, 0]))
    params = {name: as_nd(value) for name, value in _weights(rng, 2, 8, 2).items()}
    yield params
    for _ in range(50):
        for param, grad in zip(params.values(), f.mlp_backward(X, y, *params.values())):
            param[:] = param - 0.1 * as_nd(as_array(grad, phrase("mlp_backward", "gradient")))
        yield params


MLP_BACKWARD = Exercise(
    "mlp_backward",
    {"mlp_backward": mlp_backward},
    [
        shapes("mlp_backward", _backward_cases, GRADIENTS),
        values("mlp_backward", _backward_cases, GRADIENTS, GRADIENT, rtol=1e-3),
        path(_train_by_hand),
    ],
    {
        "no mask": _backward(mask=False),
        "at zero": _backward(at_zero=True),
        "no one-hot": _backward(one_hot=False),
        "sum": _backward(divide=False),
        "sign": _backward(sign=-1),
        "masked output": _backward(mask_dO=True),
        "mean of biases": _backward(mean_bias=True),
    },
)


def collapse(W1, b1, W2, b2):
    """Return weights and bias of the one linear layer that two linear layers amount to."""
    # (X W1 + b1) W2 + b2 = X (W1 W2) + (b1 W2 + b2)
    return nd.dot(W1, W2), nd.dot(b1, W2) + b2


def _layers(*sizes):
    return lambda rng: [_weights(rng, *size) for size in sizes]


COLLAPSE = Exercise(
    "collapse",
    {"collapse": collapse},
    [
        shapes("collapse", _layers((3, 3, 3)), ("W", "b")),
        values("collapse", _layers((3, 3, 3)), ("W", "b")),
        values("collapse", _layers((4, 5, 2)), ("W", "b")),
    ],
    {
        "b1 not multiplied": lambda W1, b1, W2, b2: (nd.dot(W1, W2), b1 + b2),
        "no b1": lambda W1, b1, W2, b2: (nd.dot(W1, W2), b2),
        "no b2": lambda W1, b1, W2, b2: (nd.dot(W1, W2), nd.dot(b1, W2)),
        "order": lambda W1, b1, W2, b2: (nd.dot(W2, W1), nd.dot(b1, W2) + b2),
    },
)
EXERCISES = (RELU, MLP_FORWARD, MLP_BACKWARD, COLLAPSE)
