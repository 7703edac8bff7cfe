"""Radial basis functions: the hidden layer for NDArrays and as a Gluon block, and its initial values."""

from __future__ import annotations

import numpy as np
from mxnet import gluon, nd

# Name -> function of the squared distances r2 (batch, centres) and squared widths s2 (centres,); F is `nd`,
# or the F that a hybrid_forward receives.
BASES = {
    # exp(-r^2 / (2 s^2))
    "gaussian": lambda F, r2, s2: F.exp(-F.broadcast_div(r2, 2 * s2)),
    # 1 / (1 + exp(r^2 / s^2)), whose power would overflow far from the centre
    "reflected sigmoid": lambda F, r2, s2: F.sigmoid(-F.broadcast_div(r2, s2)),
    # 1 / sqrt(r^2 + s^2)
    "inverse multiquadric": lambda F, r2, s2: F.rsqrt(F.broadcast_add(r2, s2)),
}
CENTRES = ("random", "k-means", "learned")  # how centres are chosen


def rbf(X: nd.NDArray, centres: nd.NDArray, log_width: nd.NDArray, basis: str) -> nd.NDArray:
    """Compute the basis functions of every example.

    Args:
        X: (batch, inputs).
        centres: (centres, inputs).
        log_width: logarithm of each function's width, (centres,).
        basis: name in `BASES`.

    Returns:
        (batch, centres).
    """
    # r^2 = |x - c|^2 for every example x and centre c
    r2 = ((X.expand_dims(1) - centres.expand_dims(0)) ** 2).sum(axis=2)
    return BASES[basis](nd, r2, (2 * log_width).exp())


class RBF(gluon.HybridBlock):
    """Compute `rbf` as a Gluon block; centres and widths that are not learned have no gradient."""

    def __init__(self, centres: nd.NDArray, log_width: nd.NDArray, basis: str, learned: bool):
        super().__init__()
        self.basis = basis
        options = {"init": "zeros", "grad_req": "write" if learned else "null"}
        with self.name_scope():
            self.centres = self.params.get("centres", shape=centres.shape, **options)
            self.log_width = self.params.get("log_width", shape=log_width.shape, **options)
        self.initialize()
        self.centres.set_data(centres)
        self.log_width.set_data(log_width)

    def hybrid_forward(self, F, X, centres, log_width):
        r2 = F.sum(F.broadcast_sub(F.expand_dims(X, 1), F.expand_dims(centres, 0)) ** 2, axis=2)
        return BASES[self.basis](F, r2, F.exp(2 * log_width))


def initial_centres(X: np.ndarray, count: int, how: str, seed: int) -> np.ndarray:
    """Return `count` random examples, or the means of k-means, without drawing from MXNet's random stream.

    Args:
        X: examples, (examples, inputs).
        count: number of centres.
        how: one of `CENTRES`; learned centres begin at the random ones.
        seed: of NumPy's numbers.

    Returns:
        (count, inputs).
    """
    if how != "k-means":
        return X[np.random.RandomState(seed).choice(len(X), count, replace=False)]
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=10, random_state=seed).fit(X).cluster_centers_


def initial_width(centres: np.ndarray, multiple: float = 1.0) -> float:
    """Return a width for basis functions at centres (centres, inputs): a multiple of their mean spacing."""
    count, inputs = centres.shape
    largest = max(np.linalg.norm(centres - c, axis=1).max() for c in centres)
    # k centres in d dimensions: s = d_max / k^(1/d)
    return multiple * largest / count ** (1 / inputs)
