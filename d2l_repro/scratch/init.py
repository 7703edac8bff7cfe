"""Draw initial weights as matrices of shape (inputs, outputs), like the book's."""

from __future__ import annotations

import math

import numpy as np
from mxnet import nd


def normal(shape: tuple[int, ...], sigma: float = 0.01) -> nd.NDArray:
    """Draw from a normal distribution with standard deviation `sigma`; the default is the book's."""
    return nd.random.normal(scale=sigma, shape=shape)


def truncated_normal(shape: tuple[int, ...], sigma: float) -> nd.NDArray:
    """Draw from a normal distribution without its tails, which end at two standard deviations.

    As TensorFlow's initializer of this name does. The standard deviation of what is left is 0.88 sigma.
    """
    # The quantile of N(0, 1) at p is sqrt(2) erfinv(2 p - 1); p is uniform between Phi(-2) and Phi(2).
    end = math.erf(2 / math.sqrt(2))
    return sigma * math.sqrt(2) * nd.erfinv(nd.random.uniform(-end, end, shape=shape))


def xavier(shape: tuple[int, ...]) -> nd.NDArray:
    """Draw uniformly from +-sqrt(6 / (inputs + outputs)) (X. Glorot and Y. Bengio, 2010).

    For a convolution, (outputs, inputs, height, width), each pixel of the kernel counts as an input and as an
    output.

    The variance, 2 / (inputs + outputs), is a compromise: 1 / inputs would preserve the variance of the
    signal that passes forward through a linear layer, 1 / outputs that of the gradient that passes back.
    """
    bound = math.sqrt(6 / (sum(shape[:2]) * math.prod(shape[2:])))
    return nd.random.uniform(-bound, bound, shape=shape)


def kaiming(shape: tuple[int, int]) -> nd.NDArray:
    """Draw from a normal distribution with standard deviation sqrt(2 / inputs) (K. He et al., 2015).

    The factor 2 compensates for ReLU, which halves the mean square of its input.
    """
    return nd.random.normal(scale=math.sqrt(2 / shape[0]), shape=shape)


def orthogonal(shape: tuple[int, ...]) -> nd.NDArray:
    """Draw matrices with orthonormal rows or columns, whichever are fewer (A. Saxe et al., 2014).

    A linear layer of as many outputs as inputs then changes no length, neither of the signal that passes
    forward nor of the gradient that passes back.

    Args:
        shape: (..., inputs, outputs); the axes before are of independent matrices.
    """
    low, high = sorted(shape[-2:])
    # A = Q R with A from N(0, 1). Q is uniformly distributed if R has a positive diagonal, for which the
    # signs of the columns are exchanged.
    A = nd.random.normal(shape=(*shape[:-2], high, low)).asnumpy().astype(np.float64)
    pairs = [np.linalg.qr(one) for one in A.reshape((-1, high, low))]
    Q = np.stack([Q * np.sign(np.diag(R)) for Q, R in pairs]).reshape(A.shape)
    return nd.array(Q if shape[-2] == high else Q.swapaxes(-1, -2))
