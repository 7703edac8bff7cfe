"""Initial weights, as matrices (inputs, outputs) like the book's."""

import math

from mxnet import nd


def normal(shape, sigma=0.01):
    """Normal with standard deviation `sigma`: the book's, whatever the size of the layer."""
    return nd.random.normal(scale=sigma, shape=shape)


def xavier(shape):
    """Uniform in +-sqrt(6 / (inputs + outputs)) (X. Glorot and Y. Bengio, 2010).

    Its variance, 2 / (inputs + outputs), is between the one that keeps the size of what goes forward through
    a linear layer and the one that keeps the size of what comes back.
    """
    bound = math.sqrt(6 / sum(shape))
    return nd.random.uniform(-bound, bound, shape=shape)


def kaiming(shape):
    """Normal with standard deviation sqrt(2 / inputs) (K. He et al., 2015): ReLU halves the mean square, so
    twice."""
    return nd.random.normal(scale=math.sqrt(2 / shape[0]), shape=shape)
