"""Synthetic data: that of chapter 3, points of the plane in two classes, a table like the airfoil data.

Except for the curve, the two moons and the airfoil table, data is drawn from MXNet's own random stream, that
of chapter 3 in the book's order. MXNet 1.x starts with seed 0, so that after `mx.random.seed(0)` these are
the numbers that the author printed on Linux; `streams` has those of macOS and Windows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mxnet import nd


def linear_data(
    w: Sequence[float], b: float, num_examples: int, noise: float = 0.01
) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw y = X w + b + N(0, noise^2) with standard normal X (section 3.2).

    Args:
        w: true weights, one for each input.
        b: true bias.
        num_examples: rows to draw.
        noise: standard deviation of the noise in the labels.

    Returns:
        features (num_examples, len(w)) and labels (num_examples,).
    """
    features = nd.random.normal(scale=1, shape=(num_examples, len(w)))
    labels = nd.dot(features, nd.array(w)) + b
    return features, labels + nd.random.normal(scale=noise, shape=labels.shape)


def polynomial_data(
    w: Sequence[float], b: float, num_examples: int, noise: float = 0.1
) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw y = w1 x + w2 x^2 + ... + b + N(0, noise^2) with standard normal x (section 3.11).

    Args:
        w: true coefficients w1, w2, ...
        b: true constant.
        num_examples: rows to draw.
        noise: standard deviation of the noise in the labels.

    Returns:
        powers of x from the first on, (num_examples, len(w)), and labels (num_examples,).
    """
    x = nd.random.normal(shape=(num_examples, 1))
    features = nd.concat(*[nd.power(x, i + 1) for i in range(len(w))], dim=1)
    labels = nd.dot(features, nd.array(w)) + b
    return features, labels + nd.random.normal(scale=noise, shape=labels.shape)


def hilly_curve(x: np.ndarray) -> np.ndarray:
    """Return sin x + x / 3."""
    return np.sin(x) + x / 3


def hilly_points(num_examples: int, noise: float, seed: int) -> tuple[tuple[nd.NDArray, nd.NDArray], ...]:
    """Draw noisy examples of `hilly_curve` from -6 to 6, and take the curve itself on a grid to test on.

    Args:
        num_examples: training examples.
        noise: standard deviation of the noise in their labels.
        seed: of NumPy's random numbers.

    Returns:
        Training and test set, each X (examples, 1) and y (examples,).
    """
    rng = np.random.RandomState(seed)
    x, grid = rng.uniform(-6, 6, num_examples), np.linspace(-6, 6, 241)
    y = hilly_curve(x) + rng.normal(0, noise, num_examples)
    sets = ((x, y), (grid, hilly_curve(grid)))
    return tuple((nd.array(X).expand_dims(1), nd.array(labels)) for X, labels in sets)


def two_moons(num_examples: int, noise: float, seed: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw points of two interlocking half circles with scikit-learn's `make_moons`, in random order.

    Args:
        num_examples: points to draw.
        noise: standard deviation of the noise in both coordinates.
        seed: determines noise and order.

    Returns:
        points (num_examples, 2) and classes 0 or 1, (num_examples,).
    """
    from sklearn.datasets import make_moons

    points, classes = make_moons(num_examples, noise=noise, random_state=seed)
    return nd.array(points), nd.array(classes)


def xor_points(num_examples: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw points of the square [-1, 1]^2, in class 1 if exactly one of their coordinates is positive.

    Returns:
        points (num_examples, 2) and classes 0 or 1, (num_examples,).
    """
    points = nd.random.uniform(-1, 1, shape=(num_examples, 2))
    return points, (points[:, 0] > 0) != (points[:, 1] > 0)


def quadratic_points(num_examples: int, noise: float = 0.05) -> tuple[nd.NDArray, nd.NDArray]:
    """Draw y = x^2 + N(0, noise^2) with x from -1 to 1.

    Args:
        num_examples: points to draw.
        noise: standard deviation of the noise in the labels.

    Returns:
        x (num_examples, 1) and y (num_examples,).
    """
    x = nd.random.uniform(-1, 1, shape=(num_examples, 1))
    return x, x[:, 0] ** 2 + nd.random.normal(scale=noise, shape=num_examples)


def airfoil_table(num_examples: int = 1503, seed: int = 0) -> np.ndarray:
    """Draw a synthetic table in the form of NASA's measurements of airfoil noise.

    The columns have the ranges of the original, and a linear regression explains about as much of the last
    one.

    Args:
        num_examples: rows to draw.
        seed: determines all numbers.

    Returns:
        NumPy array (num_examples, 6): frequency (Hz), angle (degrees), chord (m), velocity (m/s), thickness
        of the boundary layer (m), sound level (dB).
    """
    rng = np.random.RandomState(seed)
    frequency = rng.choice(np.round(1000 * 2.0 ** (np.arange(-7, 13) / 3)), num_examples)
    angle = rng.uniform(0, 22, num_examples)
    chord = rng.choice([0.03, 0.05, 0.1, 0.15, 0.23, 0.3], num_examples)
    velocity = rng.choice([32, 40, 56, 71], num_examples)
    thickness = 0.0004 + 0.002 * rng.rand(num_examples) * (1 + angle)
    level = (
        132
        - 0.0007 * frequency
        - 0.3 * angle
        - 20 * chord
        + 0.1 * velocity
        - 100 * thickness
        + rng.normal(0, 5, num_examples)
    )
    return np.stack([frequency, angle, chord, velocity, thickness, level], axis=1)
