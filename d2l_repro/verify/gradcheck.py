"""Check hand-derived gradients against central differences and autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import autograd, nd

from ..results.formatting import format_number
from ..scratch import layers
from ..scratch.layers import Layer
from ..train.callbacks import kept_random_state
from ..train.parameters import Parameter, parameters
from .walk import cast, gradients_of


def central_differences(
    f: Callable[[], nd.NDArray],
    array: nd.NDArray,
    h: float = 1e-5,
    indices: Iterable[tuple[int, ...]] | None = None,
) -> np.ndarray:
    """Return the numerical gradient of f w.r.t. `array`: (f(a + h) - f(a - h)) / 2h for each element a.

    Args:
        f: () -> NDArray with one number, which depends on `array`.
        array: in double precision, changed in place and restored. In single precision the rounding error
            would be as large as the errors to be found.
        h: how far each element is moved. The error grows with h^2 on one side, with rounding / h on the
            other.
        indices: elements to differentiate by; all by default. Elsewhere the gradient is left at 0.

    Returns:
        The gradient, in the shape of `array`.

    Raises:
        ValueError: `array` is not in double precision.
    """
    if array.dtype != np.float64:
        raise ValueError(f"central differences need float64, not {np.dtype(array.dtype).name}")
    values = array.asnumpy()
    gradient = np.zeros_like(values)
    for index in np.ndindex(values.shape) if indices is None else indices:
        sides = []
        for step in (h, -h):
            moved = values.copy()
            moved[index] += step
            array[:] = moved
            sides.append(f().asscalar())
        gradient[index] = (sides[0] - sides[1]) / (2 * h)
    array[:] = values
    return gradient


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference of two arrays over their largest absolute value; 0 where both are 0."""
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0


def _repeatable(f: Callable[[], nd.NDArray], seed: int) -> Callable[[], nd.NDArray]:
    """Call f, and return it as a function that draws the same random numbers at each call.

    If f draws none, it is returned as it is: to seed MXNet takes longer than a small layer.
    """

    def seeded() -> nd.NDArray:
        mx.random.seed(seed)
        return f()

    seeded()
    following = nd.random.uniform().asscalar()
    mx.random.seed(seed)
    return f if nd.random.uniform().asscalar() == following else seeded


@kept_random_state()
def check_layer(layer: Layer, X: nd.NDArray, train: bool = True, seed: int = 0) -> dict[str, float]:
    """Compare a layer's `backward` with two other ways to the gradients of a weighted sum of its outputs.

    Args:
        layer: with parameters in double precision.
        X: input in double precision, (batch, ...).
        train: whether in training mode.
        seed: of what the layer draws, the same at each call.

    Returns:
        The largest relative errors over input and parameters, against "central differences" and "autograd".
    """
    params: list[nd.NDArray] = list(layer.params)
    arrays = [X, *params]
    for array in arrays:
        array.attach_grad()
    dY = nd.random.normal(shape=layer.forward(X).shape, dtype="float64")
    with autograd.train_mode() if train else autograd.predict_mode():
        f = _repeatable(lambda: (layer.forward(X) * dY).sum(), seed)
        by_hand = [layer.backward(dY).asnumpy(), *(param.grad.asnumpy() for param in params)]
        numerical = [central_differences(f, array) for array in arrays]
    with autograd.record(train_mode=train):
        y = f()
    y.backward()
    automatic = [array.grad.asnumpy() for array in arrays]
    return {
        name: max(map(relative_error, by_hand, others))
        for name, others in (("central differences", numerical), ("autograd", automatic))
    }


def check_loss(
    losses_of: Callable[[nd.NDArray, nd.NDArray], nd.NDArray],
    gradient_of: Callable[[nd.NDArray, nd.NDArray], nd.NDArray],
    scores: nd.NDArray,
    y: nd.NDArray,
) -> dict[str, float]:
    """Compare a loss's hand-derived gradient with central differences and autograd.

    Args:
        losses_of: (scores, y) -> one loss an example, as in `scratch.layers.LOSSES`.
        gradient_of: (scores, y) -> gradient of the sum of these losses w.r.t. the scores.
        scores: in double precision, (batch, classes).
        y: classes, (batch,).

    Returns:
        The relative errors, against "central differences" and "autograd".
    """
    by_hand = gradient_of(scores, y).asnumpy()
    numerical = central_differences(lambda: losses_of(scores, y).sum(), scores)
    scores.attach_grad()
    with autograd.record():
        total = losses_of(scores, y).sum()
    total.backward()
    return {
        "central differences": relative_error(by_hand, numerical),
        "autograd": relative_error(by_hand, scores.grad.asnumpy()),
    }


@kept_random_state()
def check_model(
    model: Any, X: nd.NDArray, y: nd.NDArray, batch_size: float, elements: int = 10, seed: int = 0
) -> float:
    """Compare the gradients that a model is trained by with central differences of its loss and penalty.

    They are compared near the model's parameters, not at them. A bias of 0 may put a ReLU exactly at its
    corner, where there is no derivative; and a wrong gradient may be right where a parameter is 0 or 1.

    Args:
        model: an `experiment.model.Model`, which is converted to double precision and changed.
        X: inputs of a batch.
        y: labels of the batch.
        batch_size: what the trainer divides by, and the penalty is multiplied by.
        elements: of each parameter to compare, drawn at random; a net has too many to try all.
        seed: of what the model draws, the same at each call.

    Returns:
        The largest difference, over the largest gradient.
    """
    cast(model, "float64")
    X, y = X.astype("float64"), y.astype("float64")
    model.net(X)  # a Gluon layer infers its weight's shape from the first X it sees
    rng = np.random.RandomState(seed)
    for param in parameters(model):
        param.set(param.get() + 0.01 * rng.normal(size=param.get().shape))

    def training_loss() -> nd.NDArray:
        with autograd.train_mode():
            total = model.loss(model.net(X), y).sum()
            return total + batch_size * model.penalty() if model.penalty else total

    objective = _repeatable(training_loss, seed)
    # The rounding error of a large loss, such as one in squared dollars, takes a larger step to vanish in.
    h = 1e-5 * max(1.0, 1e-6 * abs(objective().asscalar())) ** (1 / 3)
    mx.random.seed(seed)
    gradients_of(model, batch_size)(X, y)
    pairs = [
        _some_elements(objective, param, rng.permutation(param.array.size)[:elements], h)
        for param in parameters(model)
    ]
    return relative_error(*map(np.concatenate, zip(*pairs)))


def _some_elements(
    objective: Callable[[], nd.NDArray], param: Parameter, elements: np.ndarray, h: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the given gradients w.r.t. some elements of a parameter, and the numerical ones."""
    given = param.grad.asnumpy().copy()
    indices = list(zip(*np.unravel_index(elements, given.shape)))
    numerical = central_differences(objective, param.array, h, indices)
    return np.array([given[i] for i in indices]), np.array([numerical[i] for i in indices])


def gradient_table() -> list[dict[str, str]]:
    """Return a row for each layer and loss: the errors of its gradients as `check_layer` has them.

    Layers are checked in training and in testing mode; what they are given is drawn from MXNet's stream.
    """

    def array(*shape):
        return nd.random.normal(shape=shape, dtype="float64")

    checked = {
        "affine": layers.Affine(array(4, 3), array(3)),
        **{name: layers.Activation(name) for name in layers.ACTIVATIONS},
        "batch norm": layers.BatchNorm(array(4), array(4)),
        "layer norm": layers.LayerNorm(array(4), array(4)),
        "crelu": layers.CReLU(),
        "dropout": layers.Dropout(0.3),
    }
    errors = {
        f"{name}, {mode}": check_layer(layer, array(6, 4), train=mode == "training")
        for name, layer in checked.items()
        for mode in ("training", "testing")
    }
    y = nd.array([0, 1, 1, 0], dtype="float64")
    for name, loss in layers.LOSSES.items():
        scores = array(4, 1 if name in ("logistic", "squared") else 3)
        errors[f"{name} loss"] = check_loss(*loss, scores, y)
    return [
        {"layer": name, **{way: format_number(error, ".1e") for way, error in by_way.items()}}
        for name, by_way in errors.items()
    ]
