"""Test the functions from scratch against formulas in NumPy, central differences, and Gluon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mxnet import autograd, gluon, nd

from d2l_repro import scratch
from d2l_repro.verify.gradcheck import central_differences

LOGITS = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.floats(-1e4, 1e4, width=32)
)
rng = np.random.RandomState(0)


def numpy_softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@given(LOGITS)
def test_softmax_is_the_formula_for_logits_of_any_size(x):
    p = scratch.softmax(nd.array(x)).asnumpy()
    np.testing.assert_allclose(p, numpy_softmax(x), rtol=1e-4, atol=1e-30)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_naive_softmax_overflows_where_softmax_does_not():
    x = nd.array([[1000.0, 0.0]])
    assert np.isnan(scratch.naive_softmax(x).asnumpy()).any()
    np.testing.assert_array_equal(scratch.softmax(x).asnumpy(), [[1, 0]])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: scratch.softmax(x) ** 2,
        lambda x: scratch.cross_entropy(scratch.softmax(x), nd.array([0, 2, 1, 2], dtype="float64")),
        lambda x: scratch.softmax_cross_entropy(x, nd.array([0, 2, 1, 2], dtype="float64")),
        lambda x: scratch.squared_loss(x, nd.array(np.arange(12.0), dtype="float64")),
        lambda x: scratch.relu(x) ** 2,
        scratch.l2_penalty,
        lambda x: scratch.linreg(
            x, nd.array([[1.0], [-2], [3]], dtype="float64"), nd.array([0.5], dtype="float64")
        ),
    ],
    ids=["softmax", "cross_entropy", "softmax_cross_entropy", "squared_loss", "relu", "l2_penalty", "linreg"],
)
def test_functions_have_the_gradients_of_central_differences(function):
    x = nd.array(rng.normal(size=(4, 3)), dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = function(x)
    y.backward()
    tried = central_differences(lambda: function(x).sum(), x)
    np.testing.assert_allclose(x.grad.asnumpy(), tried, rtol=1e-6, atol=1e-8)


def test_squared_loss_accepts_labels_of_either_shape_and_equals_gluons():
    y_hat, y = nd.array(rng.normal(size=(5, 1))), nd.array(rng.normal(size=5))
    ours = scratch.squared_loss(y_hat, y)
    assert ours.shape == (5, 1)  # a column and a row would broadcast to 5 x 5
    np.testing.assert_allclose(ours.asnumpy()[:, 0], gluon.loss.L2Loss()(y_hat, y).asnumpy(), rtol=1e-6)


def test_cross_entropy_of_softmax_equals_gluons_joint_loss():
    logits, y = nd.array(rng.normal(scale=3, size=(20, 10))), nd.array(rng.randint(0, 10, 20))
    ours = scratch.cross_entropy(scratch.softmax(logits), y)
    np.testing.assert_allclose(
        ours.asnumpy(), gluon.loss.SoftmaxCrossEntropyLoss()(logits, y).asnumpy(), atol=1e-5
    )


def test_correct_and_accuracy_count_the_largest_score():
    y_hat = nd.array([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    for y in (nd.array([0, 2]), nd.array([0, 2], dtype="int32"), nd.array([[0], [2]])):
        np.testing.assert_array_equal(scratch.correct(y_hat, y).asnumpy(), [0, 1])
        assert scratch.accuracy(y_hat, y) == 0.5
    assert isinstance(scratch.accuracy(y_hat, y), float)
    assert scratch.accuracy(y_hat.astype("float64"), y) == 0.5


def test_dropout_is_active_in_training_only():
    X = nd.ones((3, 4))
    assert scratch.dropout(X, 0.5) is X
    with autograd.record(train_mode=False):
        assert scratch.dropout(X, 0.5) is X
    with autograd.record():
        assert scratch.dropout(X, 0.0) is X
        assert scratch.dropout(X, 1.0).sum().asscalar() == 0


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_dropout_keeps_the_expectation(p):
    with autograd.train_mode():
        kept = scratch.dropout(nd.ones(200_000), p).asnumpy()
    np.testing.assert_allclose(np.unique(kept), [0, 1 / (1 - p)], rtol=1e-6)
    # the share of dropped elements is binomial: five standard deviations
    assert abs((kept == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / kept.size)
    assert abs(kept.mean() - 1) < 5 * np.sqrt(p / (1 - p) / kept.size)


def test_dropout_without_scaling_is_as_consistent_if_predictions_are_scaled_instead():
    # Ours scales by 1 / (1 - p) in training. Left unscaled, activations have 1 - p times their expectation,
    # which prediction must then have, too: in either convention the two expectations agree.
    p, x = 0.3, nd.ones(200_000)
    with autograd.train_mode():
        unscaled = scratch.dropout(x, p) * (1 - p)
    prediction = x * (1 - p)
    error = np.sqrt(p * (1 - p) / x.size)
    assert abs(unscaled.mean().asscalar() - prediction.mean().asscalar()) < 5 * error


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_dropout_rejects_invalid_probabilities(p):
    with pytest.raises(ValueError, match="probability"):
        scratch.dropout(nd.ones(3), p)
