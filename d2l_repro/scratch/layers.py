"""Layers with hand-derived gradients, and nets made of them.

A layer's `forward` keeps what its `backward` needs. `backward` receives the gradient of the loss w.r.t. the
layer's output, stores the gradient w.r.t. each parameter in the parameter's `.grad`, and returns the gradient
w.r.t. the layer's input. This is the chain rule, with one factor for each layer. The loss is the sum over the
batch, as a trainer's `step(batch_size)` divides by the batch size.

A net of these layers is trained by `train_ch3(..., gradients=gradients_by_hand(...))`. Since `forward`
consists of MXNet's operators, autograd can record it too, which is one way to check the derivations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable

from mxnet import autograd, nd

from ..distributed.job import num_sharing
from .functional import (
    dropout,
    hinge_loss,
    relu,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    squared_loss,
)


class Layer:
    """Base class of the layers.

    Attributes:
        params: the parameters that are learned.
        weights: those of `params` that a penalty acts on.
        running: statistics that are carried over from batch to batch and have no gradient.
    """

    params: Sequence[nd.NDArray] = ()
    weights: Sequence[nd.NDArray] = ()
    running: Sequence[nd.NDArray] = ()

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        """Return the layer's output for a batch."""
        raise NotImplementedError

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        """Store the gradients w.r.t. the parameters and return the gradient w.r.t. the layer's input.

        Args:
            dY: gradient of the loss w.r.t. the output of the last `forward`, in its shape.

        Returns:
            gradient in the shape of the input; None if the layer is declared the first of a net.
        """
        raise NotImplementedError


class Affine(Layer):
    """Compute Y = X W + b.

    Args:
        W: weights, (inputs, outputs).
        b: bias, (outputs,), or None for a layer without bias.
        first: whether this is the first layer of the net, so that no gradient w.r.t. its input is needed.
            That saves a third of the work.
    """

    def __init__(self, W: nd.NDArray, b: nd.NDArray | None = None, first: bool = False):
        self.W, self.b, self.first = W, b, first
        self.weights = [W]
        self.params = [W] if b is None else [W, b]

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, ...)
        self.shape = X.shape
        self.X = X if len(self.shape) == 2 else X.reshape((len(X), -1))
        Y = nd.dot(self.X, self.W)
        return Y if self.b is None else Y + self.b  # (batch, outputs)

    def backward(self, dY: nd.NDArray) -> nd.NDArray | None:
        # dW = X' dY, db = sum of the rows of dY, dX = dY W'
        nd.dot(self.X, dY, transpose_a=True, out=self.W.grad)
        if self.b is not None:
            nd.sum(dY, axis=0, out=self.b.grad)
        if self.first:
            return None
        dX = nd.dot(dY, self.W, transpose_b=True)
        return dX if len(self.shape) == 2 else dX.reshape(self.shape)


# SELU preserves mean 0 and variance 1 with these numbers (G. Klambauer et al., 2017).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def leaky_relu(slope: float) -> tuple[Callable, Callable]:
    """Return leaky ReLU, x above 0 and slope x below (A. Maas et al., 2013), as `ACTIVATIONS` has it."""
    return lambda x: nd.where(x > 0, x, slope * x), lambda x, y: slope + (1 - slope) * (x > 0)


# Name -> the function f(x), and its derivative as a function of x and y = f(x), which is often simpler.
ACTIVATIONS = {
    "relu": (relu, lambda x, y: x > 0),
    "leaky relu": leaky_relu(0.01),
    "relu6": (lambda x: nd.minimum(relu(x), 6), lambda x, y: (x > 0) * (x < 6)),
    "elu": (lambda x: relu(x) + nd.minimum(x, 0).exp() - 1, lambda x, y: nd.minimum(x, 0).exp()),
    "selu": (
        lambda x: SELU_SCALE * (relu(x) + SELU_ALPHA * (nd.minimum(x, 0).exp() - 1)),
        lambda x, y: SELU_SCALE * ((x > 0) + (x <= 0) * SELU_ALPHA * nd.minimum(x, 0).exp()),
    ),
    "softplus": (lambda x: nd.Activation(x, "softrelu"), lambda x, y: nd.sigmoid(x)),
    "sigmoid": (nd.sigmoid, lambda x, y: y * (1 - y)),
    "tanh": (nd.tanh, lambda x, y: 1 - y * y),
}


class Activation(Layer):
    """Apply an activation function to each element.

    Args:
        name: key of `ACTIVATIONS`.
        slope: of a leaky ReLU below 0; by default that of `ACTIVATIONS`.
    """

    def __init__(self, name: str, slope: float | None = None):
        self.function, self.derivative = ACTIVATIONS[name] if slope is None else leaky_relu(slope)

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        self.X, self.Y = X, self.function(X)
        return self.Y

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        # dX = f'(X) dY
        return self.derivative(self.X, self.Y) * dY


class CReLU(Layer):
    """Concatenate the ReLUs of x and of -x (W. Shang et al., 2016): twice as many outputs as inputs."""

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, units)
        self.X = X
        return relu(nd.concat(X, -X, dim=1))  # (batch, 2 units)

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        # dX = (x > 0) dY+ - (x < 0) dY-, where dY+ and dY- are the two halves of dY
        units = self.X.shape[1]
        return (self.X > 0) * dY[:, :units] - (self.X < 0) * dY[:, units:]


class _Norm(Layer):
    """Compute Y = gamma (X - mean) / sqrt(var + epsilon) + beta, with mean and variance over some axes."""

    def __init__(self, gamma: nd.NDArray, beta: nd.NDArray, epsilon: float = 1e-5):
        self.gamma, self.beta, self.epsilon = gamma, beta, epsilon
        self.params = [gamma, beta]

    def axes(self, X: nd.NDArray) -> tuple[int, ...]:
        """Return the axes of X over which mean and variance are taken."""
        raise NotImplementedError

    def statistics(self, X: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        """Return mean and variance of X over `axes`."""
        mean = _mean(X, self.axes(X))
        return mean, _mean((X - mean) ** 2, self.axes(X))

    def normalize(self, X: nd.NDArray, mean: nd.NDArray, var: nd.NDArray) -> nd.NDArray:
        """Return Y, and keep X^ = (X - mean) / std for `backward`."""
        self.std = (var + self.epsilon).sqrt()
        self.X_hat = (X - mean) / self.std
        return self.scale(X) * self.X_hat + self.beta.reshape(_per_channel(X))

    def scale(self, X: nd.NDArray) -> nd.NDArray:
        """Return gamma in a shape that is broadcast to that of X."""
        return self.gamma.reshape(_per_channel(X))

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, units), or (batch, channels, height, width)
        return self.normalize(X, *self.statistics(X))

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        # dgamma and dbeta are the sums of dY X^ and of dY over the batch, and over all pixels of a channel.
        all_but_channels = tuple(axis for axis in range(dY.ndim) if axis != 1)
        nd.sum(dY * self.X_hat, axis=all_but_channels, out=self.gamma.grad)
        nd.sum(dY, axis=all_but_channels, out=self.beta.grad)
        # With dX^ = gamma dY: dX = (dX^ - mean(dX^) - X^ mean(X^ dX^)) / std. The second and third terms
        # arise because mean and std depend on X too.
        dX_hat = self.scale(dY) * dY
        shift = _mean(dX_hat, self.axes(dY))
        stretch = _mean(self.X_hat * dX_hat, self.axes(dY))
        return (dX_hat - shift - self.X_hat * stretch) / self.std


def _mean(X: nd.NDArray, axes: tuple[int, ...]) -> nd.NDArray:
    return X.mean(axis=axes, keepdims=True)


def _per_channel(X: nd.NDArray) -> tuple[int, ...]:
    """Return the shape of one number for each unit or channel of X, the second axis."""
    return (1, -1, *(1 for _ in X.shape[2:]))


class LayerNorm(_Norm):
    """Normalize each example over its units (J. Ba, J. Kiros and G. Hinton, 2016).

    It does the same in training and testing.

    Args:
        gamma: scale, (units,).
        beta: shift, (units,).
        epsilon: added to the variance, so that the quotient is finite.
    """

    def axes(self, X: nd.NDArray) -> tuple[int, ...]:
        return (1,)


class BatchNorm(_Norm):
    """Normalize each unit over the batch (section 5.10; S. Ioffe and C. Szegedy, 2015).

    Of images, (batch, channels, height, width), each channel is normalized over the batch and its pixels.

    In testing, that is outside of `autograd.train_mode()`, running averages of mean and variance are used,
    which are updated in training.

    Args:
        gamma: scale, (units,) or (channels,).
        beta: shift, of the same shape.
        epsilon: added to the variance, so that the quotient is finite.
        momentum: weight of the old running averages when a batch updates them.
    """

    def __init__(self, gamma: nd.NDArray, beta: nd.NDArray, epsilon: float = 1e-5, momentum: float = 0.9):
        super().__init__(gamma, beta, epsilon)
        self.momentum = momentum
        self.running = [nd.zeros((1, gamma.size)), nd.ones((1, gamma.size))]  # mean, variance
        self.training = False

    def axes(self, X: nd.NDArray) -> tuple[int, ...]:
        return tuple(axis for axis in range(X.ndim) if axis != 1)

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        self.training = autograd.is_training()
        if not self.training:
            averages = (array.astype(X.dtype, copy=False) for array in self.running)
            return self.normalize(X, *(average.reshape(_per_channel(X)) for average in averages))
        statistics = self.statistics(X)
        with autograd.pause():
            for average, new in zip(self.running, statistics):
                # average <- momentum average + (1 - momentum) new
                average *= self.momentum
                average += (1 - self.momentum) * new.reshape((1, -1)).astype(average.dtype, copy=False)
        return self.normalize(X, *statistics)

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        dX = super().backward(dY)
        return dX if self.training else self.scale(dY) * dY / self.std


def _arrays(layers: Iterable[Layer]) -> list[list[nd.NDArray]]:
    """Return the parameters, the weights and the running statistics of layers."""
    layers = list(layers)
    return [
        [array for layer in layers for array in getattr(layer, name)]
        for name in ("params", "weights", "running")
    ]


class Residual(Layer):
    """Add the input, or what a shortcut makes of it, to the output of some layers (section 5.11).

    Args:
        layers: from the input to what is added.
        shortcut: applied to the input, such as a 1 x 1 convolution where the channels change; the input
            itself by default.
    """

    def __init__(self, layers: Sequence[Layer], shortcut: Layer | None = None):
        self.layers, self.shortcut = layers, shortcut
        self.params, self.weights, self.running = _arrays([*layers, *([shortcut] if shortcut else [])])

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        Y = X
        for layer in self.layers:
            Y = layer.forward(Y)
        return Y + (self.shortcut.forward(X) if self.shortcut else X)

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        dX = dY
        for layer in reversed(self.layers):
            dX = layer.backward(dX)
        # The gradient goes both ways: through the layers and, undiminished, past them.
        return dX + (self.shortcut.backward(dY) if self.shortcut else dY)


class Dropout(Layer):
    """Apply inverted dropout in training only (section 3.13); gradients are multiplied by the same mask.

    Args:
        drop_prob: probability of dropping an element.
    """

    def __init__(self, drop_prob: float):
        self.drop_prob = drop_prob

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        self.mask = dropout(X.ones_like(), self.drop_prob)
        return X * self.mask

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        return dY * self.mask


class Network:
    """Apply layers one after another: X -> output of the last layer.

    It attaches a gradient to every parameter.

    Args:
        layers: from the input to the output.

    Attributes:
        params, weights, running: those of all layers, as lists.
    """

    def __init__(self, layers: Iterable[Layer]):
        self.layers = list(layers)
        self.params, self.weights, self.running = _arrays(self.layers)
        for param in self.params:
            param.attach_grad()

    def __call__(self, X: nd.NDArray) -> nd.NDArray:
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, dY: nd.NDArray) -> None:
        """Store the gradient w.r.t. every parameter in its `.grad`.

        Args:
            dY: gradient of the loss w.r.t. the output, in its shape.
        """
        for layer in reversed(self.layers):
            if dY is None:  # only layers without parameters are left
                break
            dY = layer.backward(dY)


ArrayFunction = Callable[[nd.NDArray, nd.NDArray], nd.NDArray]
# Name -> (scores, y) -> losses of the examples, and (scores, y) -> gradient of their sum w.r.t. the scores.
LOSSES: dict[str, tuple[ArrayFunction, ArrayFunction]] = {
    "softmax": (softmax_cross_entropy, lambda scores, y: softmax(scores) - _one_hot(y, scores)),
    "svm": (hinge_loss, lambda scores, y: _hinge_gradient(scores, y)),
    "logistic": (sigmoid_cross_entropy, lambda scores, y: nd.sigmoid(scores) - y.reshape(scores.shape)),
    "squared": (squared_loss, lambda scores, y: scores - y.reshape(scores.shape)),
}


def _one_hot(y: nd.NDArray, scores: nd.NDArray) -> nd.NDArray:
    return nd.one_hot(y, scores.shape[1], dtype=scores.dtype)


def _hinge_gradient(scores: nd.NDArray, y: nd.NDArray, margin: float = 1.0) -> nd.NDArray:
    # 1 for every class that violates the margin, minus their number for the true class, 0 elsewhere
    is_true = _one_hot(y, scores)
    violates = (scores - scores.pick(y).expand_dims(1) + margin > 0) * (1 - is_true)
    return violates - is_true * violates.sum(axis=1, keepdims=True)


def gradients_by_hand(
    net: Network,
    loss: str | tuple[ArrayFunction, ArrayFunction],
    reg: float = 0.0,
    batch_size: int = 1,
    l1: float = 0.0,
) -> Callable[[nd.NDArray, nd.NDArray], tuple[nd.NDArray, nd.NDArray]]:
    """Return `gradients` for `train_ch3`, which the layers' `backward` compute instead of autograd.

    Args:
        net: the net to train.
        loss: key of `LOSSES`, or a pair of functions as its values are.
        reg: factor of the penalty |W|^2 / 2 for each weight matrix, which is added to the mean loss.
        batch_size: by which the trainer divides the gradients.
        l1: factor of the penalty |W|, the sum of the absolute values, which is added likewise.

    Returns:
        (X, y) -> scores, losses; it stores the gradient w.r.t. every parameter in its `.grad`.
    """
    losses_of, gradient_of = LOSSES[loss] if isinstance(loss, str) else loss

    def gradients(X: nd.NDArray, y: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        with autograd.train_mode():
            scores = net(X)
            net.backward(gradient_of(scores, y))
        if reg:
            for W in net.weights:
                grad = W.grad
                # d/dW of |B| reg/2 |W|^2 is |B| reg W
                grad += batch_size / num_sharing() * reg * W
        if l1:
            for W in net.weights:
                grad = W.grad
                # d/dW of |B| l1 |W| is |B| l1 sign(W); MXNet's own sign takes three times as long
                grad += (batch_size / num_sharing() * l1) * ((W > 0) - (W < 0))
        return scores, losses_of(scores, y)

    return gradients
