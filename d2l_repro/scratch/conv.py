"""Convolution and pooling as layers with hand-derived gradients, for images (batch, channels, height,
width)."""

import numpy as np
from mxnet import nd

from .layers import Layer


def corr2d(X, K):
    """The two-dimensional cross-correlation of an array with a kernel (section 5.1); autograd can record it.

    Args:
        X: (height, width).
        K: kernel, (h, w), neither higher nor wider than X.

    Returns:
        (height - h + 1, width - w + 1).

    Raises:
        ValueError: the kernel does not fit into X.
    """
    height, width = (x - k + 1 for x, k in zip(X.shape, K.shape))
    if min(height, width) < 1:
        raise ValueError(
            f"a kernel of {K.shape[0]} x {K.shape[1]} does not fit into {X.shape[0]} x {X.shape[1]}"
        )
    # Y_ij = sum over a, b of K_ab X_(i+a)(j+b): X moved by every place of the kernel, weighed with what
    # stands there
    return nd.add_n(*(K[a, b] * X[a : a + height, b : b + width] for a, b in np.ndindex(K.shape)))


class Conv2D(Layer):
    """Y_o = sum over i of W_oi * X_i, + b_o, with so many zeros around X that Y is as high and wide ("same"
    padding).

    As in every such library, * is the cross-correlation. It becomes one product of matrices: of the weights,
    a row an output channel, and of the windows of X that they are laid on, a column a pixel.

    Args:
        W: weights, (outputs, inputs, k, k) with an odd k.
        b: bias, (outputs,).
        first: whether the layer is a net's first, whose gradient by its input nobody asks for.
    """

    def __init__(self, W, b, first=False):
        self.W, self.b, self.first = W, b, first
        self.params, self.weights = [W, b], [W]
        self.window = {"kernel": W.shape[2:], "pad": [k // 2 for k in W.shape[2:]]}

    def forward(self, X):  # (batch, inputs, height, width)
        self.shape = X.shape
        self.columns = _channels_first(nd.im2col(X, **self.window))  # (inputs k k, batch height width)
        # Y = W columns + b
        Y = nd.dot(self.W.reshape((len(self.W), -1)), self.columns) + self.b.reshape((-1, 1))
        return Y.reshape((len(Y), len(X), *X.shape[2:])).transpose(
            (1, 0, 2, 3)
        )  # (batch, outputs, height, width)

    def backward(self, dY):
        dY = _channels_first(dY)  # (outputs, batch height width)
        # dW = dY columns', db = the sum of dY's columns, dcolumns = W' dY
        self.W.grad[:] = nd.dot(dY, self.columns, transpose_b=True).reshape(self.W.shape)
        # as a product with ones: several times as fast as `sum`
        self.b.grad[:] = nd.dot(dY, nd.ones(dY.shape[1], dtype=dY.dtype))
        if self.first:
            return None
        dcolumns = nd.dot(self.W.reshape((len(self.W), -1)), dY, transpose_a=True)
        # A pixel is in as many windows as the kernel has elements: its gradient is the sum of theirs.
        dcolumns = dcolumns.reshape((len(dcolumns), self.shape[0], -1)).transpose((1, 0, 2))
        return nd.col2im(dcolumns, output_size=self.shape[2:], **self.window)


def _channels_first(X):
    """(batch, channels, ...) -> (channels, batch ...)."""
    return X.reshape((*X.shape[:2], -1)).transpose((1, 0, 2)).reshape((X.shape[1], -1))


CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]  # row and column of each pixel of a window


class MaxPool2D(Layer):
    """The largest pixel of each window of 2 x 2, channel by channel; height and width have to be even."""

    def forward(self, X):  # (batch, channels, height, width)
        self.shape = X.shape
        self.corners = [X[:, :, i::2, j::2] for i, j in CORNERS]
        self.above, self.below = nd.maximum(*self.corners[:2]), nd.maximum(*self.corners[2:])
        return nd.maximum(self.above, self.below)  # (batch, channels, height / 2, width / 2)

    def backward(self, dY):
        # The gradient goes to the pixel that won: of equal ones to the first, as in Gluon. The blank margins
        # of images are full of equal ones.
        to_above = (self.above >= self.below) * dY
        corners = []
        for (left, right), dy in zip((self.corners[:2], self.corners[2:]), (to_above, dY - to_above)):
            to_left = (left >= right) * dy
            corners += [to_left, dy - to_left]
        # not `empty`, which takes its memory at once, for each of the many batches that Python is ahead of
        # the engine
        dX = nd.zeros(self.shape, dtype=dY.dtype)
        for (i, j), corner in zip(CORNERS, corners):
            dX[:, :, i::2, j::2] = corner
        return dX
