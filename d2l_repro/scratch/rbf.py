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
CENTRES = ("random", "k-means", "OLS", "learned")  # how centres are chosen


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
        how: one of `CENTRES`; learned centres begin at the random ones. For OLS, which needs labels, see
            `orthogonal_least_squares`.
        seed: of NumPy's numbers.

    Returns:
        (count, inputs).
    """
    if how != "k-means":
        return X[np.random.RandomState(seed).choice(len(X), count, replace=False)]
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=10, random_state=seed).fit(X).cluster_centers_


def orthogonal_least_squares(phi: np.ndarray, y: np.ndarray, count: int) -> list[int]:
    """Choose basis functions one by one, each so that it explains most of what is left of the labels.

    S. Chen, C. Cowan and P. Grant (1991). Every example is the centre of a candidate. After each choice, the
    other candidates are made orthogonal to it, so that what one of them explains can be read off without
    solving a least squares problem for each. The constant, the bias of the net, is taken first.

    Args:
        phi: outputs of the candidates, (examples, candidates).
        y: labels, (examples,).
        count: number of candidates to choose.

    Returns:
        Their column numbers, in the order of choice.

    Raises:
        ValueError: fewer candidates are linearly independent of each other and of the constant.
    """
    # orthogonal to the constant
    columns, residual = phi - phi.mean(axis=0), y - y.mean()
    smallest = 1e-12 * (columns**2).sum(axis=0).max()  # rounding errors of what was orthogonal already
    chosen: list[int] = []
    for _ in range(count):
        lengths = (columns**2).sum(axis=0)  # w'w of each column w
        independent = lengths > smallest
        if not independent.any():
            raise ValueError(f"only {len(chosen)} of {count} basis functions are linearly independent")
        # (w'y)^2 / w'w, by which the squared error falls if w is chosen
        gains = (columns.T @ residual) ** 2 / np.where(independent, lengths, np.inf)
        chosen.append(int(np.where(independent, gains, -1.0).argmax()))
        # w <- w - q q'w with the unit vector q: the step of Gram and Schmidt
        q = columns[:, chosen[-1]] / np.sqrt(lengths[chosen[-1]])
        residual = residual - q * (q @ residual)
        columns = columns - np.outer(q, q @ columns)
        columns[:, chosen[-1]] = 0.0
    return chosen


def initial_width(points: np.ndarray, multiple: float = 1.0, count: int | None = None) -> float:
    """Return a width for basis functions: a multiple of the mean spacing of their centres.

    Args:
        points: the centres, (centres, inputs), or examples that they lie among.
        multiple: of the spacing.
        count: number of centres; by default that of the points.
    """
    inputs = points.shape[1]
    count = count or len(points)
    largest = max(np.linalg.norm(points - c, axis=1).max() for c in points)
    # k centres in d dimensions: s = d_max / k^(1/d)
    return multiple * largest / count ** (1 / inputs)
