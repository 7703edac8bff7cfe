"""Is a gradient right? Central differences and autograd, to hold beside one that was derived by hand."""

import mxnet as mx
import numpy as np
from mxnet import autograd, nd


def central_differences(f, array, h=1e-5):
    """The gradient of f by `array`, found by trying: (f(a + h) - f(a - h)) / 2h for each element a.

    Args:
        f: () -> NDArray of one number, which depends on `array`.
        array: NDArray in double precision, changed in place and left as it was. In single precision rounding
            would be as large as what is looked for.
        h: how far each element is moved. The error grows with h^2 from one side, with rounding / h from the
            other.

    Returns:
        NumPy array of the shape of `array`.

    Raises:
        ValueError: `array` is not in double precision.
    """
    if array.dtype != np.float64:
        raise ValueError(f"central differences need float64, not {np.dtype(array.dtype).name}")
    values = array.asnumpy()
    gradient = np.zeros_like(values)
    for index in np.ndindex(values.shape):
        sides = []
        for step in (h, -h):
            moved = values.copy()
            moved[index] += step
            array[:] = moved
            sides.append(f().asscalar())
        gradient[index] = (sides[0] - sides[1]) / (2 * h)
    array[:] = values
    return gradient


def relative_error(a, b):
    """Largest difference of two arrays over the largest absolute value in them; 0 where both are 0."""
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0


def check_layer(layer, X, train=True, seed=0):
    """How far a layer's `backward` is from two other ways to the same gradients, of a sum with random
    weights.

    Args:
        layer: a `scratch.layers.Layer` with parameters in double precision.
        X: input in double precision, (batch, ...).
        train: whether in training mode.
        seed: of whatever the layer draws, which is the same each time.

    Returns:
        dict: the largest relative errors over input and parameters, against "central differences" and
            "autograd".
    """

    def f():
        mx.random.seed(seed)
        return (layer.forward(X) * dY).sum()

    arrays = [X, *layer.params]
    for array in arrays:
        array.attach_grad()
    dY = nd.random.normal(shape=layer.forward(X).shape, dtype="float64")
    with autograd.train_mode() if train else autograd.predict_mode():
        f()
        by_hand = [layer.backward(dY).asnumpy(), *(param.grad.asnumpy() for param in layer.params)]
        by_trying = [central_differences(f, array) for array in arrays]
    with autograd.record(train_mode=train):
        y = f()
    y.backward()
    by_autograd = [array.grad.asnumpy() for array in arrays]
    return {
        name: max(map(relative_error, by_hand, others))
        for name, others in (("central differences", by_trying), ("autograd", by_autograd))
    }


def check_loss(losses_of, gradient_of, scores, y):
    """The same of a loss: `gradient_of(scores, y)` is to be the gradient of the sum of `losses_of(scores,
    y)`.

    Args:
        losses_of, gradient_of: as in `scratch.layers.LOSSES`.
        scores: in double precision, (batch, classes).
        y: classes, (batch,).
    """
    by_hand = gradient_of(scores, y).asnumpy()
    by_trying = central_differences(lambda: losses_of(scores, y).sum(), scores)
    scores.attach_grad()
    with autograd.record():
        total = losses_of(scores, y).sum()
    total.backward()
    return {
        "central differences": relative_error(by_hand, by_trying),
        "autograd": relative_error(by_hand, scores.grad.asnumpy()),
    }
