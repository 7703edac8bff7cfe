"""Draw initial weights as matrices of shape (inputs, outputs), like the book's."""

from __future__ import annotations

import math

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


def xavier(shape: tuple[int, int]) -> nd.NDArray:
    """Draw uniformly from +-sqrt(6 / (inputs + outputs)) (X. Glorot and Y. Bengio, 2010).

    The variance, 2 / (inputs + outputs), is a compromise: 1 / inputs would preserve the variance of the
    signal that passes forward through a linear layer, 1 / outputs that of the gradient that passes back.
    """
    bound = math.sqrt(6 / sum(shape))
    return nd.random.uniform(-bound, bound, shape=shape)


def kaiming(shape: tuple[int, int]) -> nd.NDArray:
    """Draw from a normal distribution with standard deviation sqrt(2 / inputs) (K. He et al., 2015).

    The factor 2 compensates for ReLU, which halves the mean square of its input.
    """
    return nd.random.normal(scale=math.sqrt(2 / shape[0]), shape=shape)
