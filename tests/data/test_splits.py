"""Test how points are split into training, validation and test set."""

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.data.splits import split_points

POINTS = nd.array(np.arange(40).reshape(20, 2))
CLASSES = nd.array([0, 1] * 10)


def split(**options):
    splits = split_points(POINTS, CLASSES, 10, 6, "points", **options)
    return [tuple(array.asnumpy() for array in part) for part in (splits.train, splits.valid, splits.test)]


def test_split_points_keeps_the_order():
    np.testing.assert_array_equal(np.concatenate([X for X, _ in split()]), POINTS.asnumpy())
    assert [len(y) for _, y in split()] == [10, 6, 4]


def test_split_points_gives_each_set_the_number_of_ones_that_is_asked_for():
    parts = split(ones=(7, 1))
    assert [(len(y), y.sum()) for _, y in parts] == [(10, 7), (6, 1), (4, 2)]
    points = np.concatenate([X for X, _ in parts])
    assert sorted(points[:, 0]) == sorted(POINTS.asnumpy()[:, 0])
    for X, y in parts:  # each example keeps its class
        np.testing.assert_array_equal(X[:, 0] / 2 % 2, y)


@pytest.mark.parametrize("ones", [(11, 0), (10, 1), (0, 0)])
def test_split_points_refuses_more_examples_of_a_class_than_there_are(ones):
    with pytest.raises(ValueError, match="are asked for"):
        split(ones=ones)
