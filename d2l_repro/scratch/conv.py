"""Convolution and pooling layers with hand-derived gradients, for images (batch, channels, height, width)."""

from __future__ import annotations

import numpy as np
from mxnet import nd

from .layers import Layer


def corr2d(X: nd.NDArray, K: nd.NDArray) -> nd.NDArray:
    """Return the two-dimensional cross-correlation of an array with a kernel (section 5.1).

    It consists of MXNet's operators, so that autograd can record it.

    Args:
        X: (height, width).
        K: kernel, (h, w), neither higher nor wider than X.

    Returns:
        (height - h + 1, width - w + 1).

    Raises:
        ValueError: the kernel is larger than X.
    """
    height, width = (x - k + 1 for x, k in zip(X.shape, K.shape))
    if min(height, width) < 1:
        raise ValueError(
            f"a kernel of {K.shape[0]} x {K.shape[1]} does not fit into {X.shape[0]} x {X.shape[1]}"
        )
    # Y_ij = sum over a, b of K_ab X_(i+a)(j+b): a sum of shifted copies of X, weighted by the kernel
    return nd.add_n(*(K[a, b] * X[a : a + height, b : b + width] for a, b in np.ndindex(K.shape)))


class Conv2D(Layer):
    """Convolve images: Y_o = sum over i of W_oi * X_i, + b_o.

    As in all such libraries, * is the cross-correlation. It is computed as one product of two matrices: the
    weights, one row for each output channel, and the windows of X under the kernel, one column for each pixel
    of Y.

    Args:
        W: weights, (outputs, inputs, k, k).
        b: bias, (outputs,).
        first: whether this is the first layer of the net, so that no gradient w.r.t. its input is needed.
        padding: zeros on each side of the image; by default as many as make Y as high and as wide as X, for
            an odd k and a stride of 1.
        stride: pixels from one window to the next; 2 halves height and width.
    """

    def __init__(
        self, W: nd.NDArray, b: nd.NDArray, first: bool = False, padding: int | None = None, stride: int = 1
    ):
        self.W, self.b, self.first = W, b, first
        self.params, self.weights = [W, b], [W]
        pad = W.shape[2] // 2 if padding is None else padding
        self.window = {"kernel": W.shape[2:], "pad": (pad, pad), "stride": (stride, stride)}

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, inputs, height, width)
        self.shape = X.shape
        self.columns = _channels_first(nd.im2col(X, **self.window))  # (inputs k k, batch height width)
        # Y = W columns + b
        Y = nd.dot(self.W.reshape((len(self.W), -1)), self.columns) + self.b.reshape((-1, 1))
        (k, _), (pad, _), (stride, _) = self.window.values()
        Y = Y.reshape((len(Y), len(X), *((size + 2 * pad - k) // stride + 1 for size in X.shape[2:])))
        return Y.transpose((1, 0, 2, 3))  # (batch, outputs, height, width)

    def backward(self, dY: nd.NDArray) -> nd.NDArray | None:
        dY = _channels_first(dY)  # (outputs, batch height width)
        # dW = dY columns', db = sum of the columns of dY, dcolumns = W' dY
        nd.dot(dY, self.columns, transpose_b=True, out=self.W.grad.reshape((len(self.W), -1)))
        # A product with ones is several times as fast as `sum`.
        nd.dot(dY, nd.ones(dY.shape[1], dtype=dY.dtype), out=self.b.grad)
        if self.first:
            return None
        dcolumns = nd.dot(self.W.reshape((len(self.W), -1)), dY, transpose_a=True)
        # A pixel belongs to several windows; its gradient is the sum over them.
        dcolumns = dcolumns.reshape((len(dcolumns), self.shape[0], -1)).transpose((1, 0, 2))
        return nd.col2im(dcolumns, output_size=self.shape[2:], **self.window)


def _channels_first(X: nd.NDArray) -> nd.NDArray:
    """Rearrange (batch, channels, ...) into (channels, batch ...)."""
    return X.reshape((*X.shape[:2], -1)).transpose((1, 0, 2)).reshape((X.shape[1], -1))


CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # row and column of each pixel in a window


class MaxPool2D(Layer):
    """Replace each 2 x 2 window of each channel by its largest pixel; height and width must be even."""

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, channels, height, width)
        self.shape = X.shape
        self.corners = [X[:, :, i::2, j::2] for i, j in CORNERS]
        self.above, self.below = nd.maximum(*self.corners[:2]), nd.maximum(*self.corners[2:])
        return nd.maximum(self.above, self.below)  # (batch, channels, height / 2, width / 2)

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        # The gradient goes to the largest pixel. If there are several, it goes to the first, as in Gluon;
        # this happens often, as the margins of images are blank.
        to_above = (self.above >= self.below) * dY
        to_below = dY - to_above
        gradients = []
        for (left, right), dy in ((self.corners[:2], to_above), (self.corners[2:], to_below)):
            to_left = (left >= right) * dy
            gradients += [to_left, dy - to_left]
        # Not `nd.empty`: it allocates its memory at once, and Python is many batches ahead of the engine.
        dX = nd.zeros(self.shape, dtype=dY.dtype)
        for (i, j), gradient in zip(CORNERS, gradients):
            dX[:, :, i::2, j::2] = gradient
        return dX


class GlobalAvgPool2D(Layer):
    """Replace each channel by the mean of its pixels (section 5.9)."""

    def forward(self, X: nd.NDArray) -> nd.NDArray:  # (batch, channels, height, width)
        self.shape = X.shape
        return X.mean(axis=(2, 3))  # (batch, channels)

    def backward(self, dY: nd.NDArray) -> nd.NDArray:
        # Every pixel has the same share in the mean.
        height, width = self.shape[2:]
        return (dY / (height * width)).reshape((0, 0, 1, 1)).broadcast_to(self.shape)
