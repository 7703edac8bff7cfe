"""Halves of a data set by class, and draws of a few labeled images."""

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.data.halves import Half, halves
from d2l_repro.data.images import Images

LABELS = np.array([0, 3, 1, 2, 4, 3, 3, 0, 2, 4, 4, 1], np.uint8)
PIXELS = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None], (12, 28, 28))
IMAGES = Images("x", "x", tuple("abcde"), PIXELS, LABELS, PIXELS[:5], LABELS[:5])


def rows(X):
    """Return which of the images these are."""
    return (X[:, 0, 0, 0] * 255).round().asnumpy().astype(int)


def test_halves_have_all_images_of_their_classes_numbered_from_0():
    first, second = halves(IMAGES)
    assert (first.num_classes, second.num_classes) == (2, 3)
    for half, low in ((first, 0), (second, 2)):
        for (X, y), labels in ((half.train, LABELS), (half.test, LABELS[:5])):
            np.testing.assert_array_equal(labels[rows(X)], y.asnumpy() + low)
    assert sorted([*rows(first.train[0]), *rows(second.train[0])]) == list(range(12))


@pytest.mark.parametrize(("num_labels", "counts"), [(1, [1, 1, 1]), (2, [2, 2, 2]), (9, [2, 3, 3])])
def test_draw_takes_as_many_of_each_class_as_there_are(num_labels, counts):
    _, second = halves(IMAGES)
    X, y = second.draw(num_labels, seed=3)
    assert np.bincount(y.asnumpy().astype(int)).tolist() == counts
    assert len(set(rows(X))) == len(y)
    np.testing.assert_array_equal(LABELS[rows(X)], y.asnumpy() + 2)


def test_draw_depends_on_the_seed_and_contains_smaller_draws():
    half = Half((nd.arange(40).reshape((40, 1, 1, 1)) / 255, nd.arange(40) % 2), (None, None), 2)
    draws = {seed: set(rows(half.draw(5, seed)[0])) for seed in (0, (0, 1), (0, 2))}
    assert len(set(map(frozenset, draws.values()))) == 3
    assert set(rows(half.draw(2, (0, 1))[0])) < draws[0, 1]
    assert set(rows(half.draw(5, (0, 1))[0])) == draws[0, 1]
