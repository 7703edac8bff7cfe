"""Test additive attention against its formula in NumPy, central differences and its mask."""

import numpy as np
import pytest
from mxnet import autograd, nd

from d2l_repro.scratch import additive_attention
from d2l_repro.verify.gradcheck import central_differences, relative_error

STEPS, BATCH, HIDDENS, ATTENTION = 5, 3, 4, 2
rng = np.random.RandomState(0)


def drawn(*shape):
    return nd.array(rng.normal(size=shape), dtype="float64")


@pytest.fixture
def inputs():
    """Return query, states, mask, W and v; the mask has rows of 5, 3 and 1 steps."""
    mask = nd.array(np.arange(STEPS) < np.array([[5], [3], [1]]), dtype="float64")
    return [
        drawn(BATCH, HIDDENS),
        drawn(STEPS, BATCH, HIDDENS),
        mask,
        drawn(2 * HIDDENS, ATTENTION),
        drawn(ATTENTION, 1),
    ]


def in_numpy(query, states, mask, W, v):
    """Return context and weights, one sentence after the other, over its own steps only."""
    contexts, weights = [], np.zeros((len(query), len(states)))
    for i, row in enumerate(mask.astype(bool)):
        own = states[row, i]
        both = np.concatenate([own, np.tile(query[i], (len(own), 1))], axis=1)
        scores = (np.tanh(both @ W) @ v)[:, 0]
        alpha = np.exp(scores) / np.exp(scores).sum()
        weights[i, row] = alpha
        contexts.append(alpha @ own)
    return np.stack(contexts), weights


def test_additive_attention_equals_its_formula(inputs):
    for ours, theirs in zip(additive_attention(*inputs), in_numpy(*(array.asnumpy() for array in inputs))):
        np.testing.assert_allclose(ours.asnumpy(), theirs, rtol=1e-12, atol=1e-300)


def test_additive_attention_has_the_gradients_of_central_differences(inputs):
    query, states, mask, W, v = inputs
    weighted = drawn(BATCH, HIDDENS), drawn(BATCH, STEPS)

    def value():
        context, weights = additive_attention(query, states, mask, W, v)
        return (context * weighted[0]).sum() + (weights * weighted[1]).sum()

    for array in (query, states, W, v):
        array.attach_grad()
    with autograd.record():
        total = value()
    total.backward()
    for array in (query, states, W, v):
        assert relative_error(array.grad.asnumpy(), central_differences(value, array)) < 1e-7


def test_additive_attention_ignores_masked_steps_however_large_they_are(inputs):
    query, states, mask, W, v = inputs
    context, weights = additive_attention(*inputs)
    assert (weights.asnumpy()[mask.asnumpy() == 0] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=1).asnumpy(), 1, rtol=1e-12)
    hidden = 1 - mask.T.expand_dims(2)  # (steps, batch, 1)
    other, _ = additive_attention(query, states + 1e6 * hidden, mask, W, v)
    np.testing.assert_array_equal(other.asnumpy(), context.asnumpy())


def test_additive_attention_of_equal_scores_is_the_mean(inputs):
    query, states, _, W, v = inputs
    context, weights = additive_attention(query, states, nd.ones_like(inputs[2]), W, 0 * v)
    np.testing.assert_allclose(weights.asnumpy(), 1 / STEPS, rtol=1e-12)
    np.testing.assert_allclose(context.asnumpy(), states.mean(axis=0).asnumpy(), rtol=1e-12)
