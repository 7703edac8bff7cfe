"""Test GRUs from scratch against formulas in NumPy, gluon.rnn, and central differences."""

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import rnn

from d2l_repro.scratch import gru, gru_cell, gru_parameters, gru_reset_first
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.gradcheck import central_differences, relative_error

STEPS, BATCH, INPUTS, HIDDENS = 5, 3, 4, 2
rng = np.random.RandomState(0)


def drawn(*shape):
    return nd.array(rng.normal(size=shape), dtype="float64")


@pytest.fixture
def arrays():
    """Return X, H and the four parameters in double precision, with gradients."""
    params = [
        param.astype("float64") for param in gru_parameters(INPUTS, HIDDENS, lambda shape: drawn(*shape))
    ]
    for bias in params[2:]:
        bias[:] = drawn(3 * HIDDENS)
    found = [drawn(STEPS, BATCH, INPUTS), drawn(BATCH, HIDDENS), *params]
    for array in found:
        array.attach_grad()
    return found


def in_numpy(X, H, W_x, W_h, b_x, b_h):
    """Return the outputs, each gate with its own weights."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(W_x, 3, axis=1), np.split(W_h, 3, axis=1)
    (b_xr, b_xz, b_xn), (b_hr, b_hz, b_hn) = np.split(b_x, 3), np.split(b_h, 3)
    outputs = []
    for x in X:
        r = sigmoid(x @ x_r + b_xr + H @ h_r + b_hr)
        z = sigmoid(x @ x_z + b_xz + H @ h_z + b_hz)
        n = np.tanh(x @ x_n + b_xn + r * (H @ h_n + b_hn))
        H = z * H + (1 - z) * n
        outputs.append(H)
    return np.stack(outputs)


def test_gru_equals_its_formulas(arrays):
    expected = in_numpy(*(array.asnumpy() for array in arrays))
    np.testing.assert_allclose(gru(*arrays).asnumpy(), expected, rtol=1e-12)


def test_gru_equals_its_cell_step_by_step_and_can_be_split_anywhere(arrays):
    X, H, *params = arrays
    outputs = gru(X, H, *params)
    for x, output in zip(X, outputs):
        H = gru_cell(x, H, *params)
        np.testing.assert_allclose(H.asnumpy(), output.asnumpy(), rtol=1e-12)
    later = gru(X[4:], outputs[3], *params)  # a single step
    np.testing.assert_allclose(later.asnumpy(), outputs[4:].asnumpy(), rtol=1e-12)


def test_gru_keeps_its_state_where_the_update_gate_is_open(arrays):
    X, H, W_x, W_h, b_x, b_h = arrays
    b_x[HIDDENS : 2 * HIDDENS] = 1e3  # z = 1
    outputs = gru(X, H, W_x, W_h, b_x, b_h)
    np.testing.assert_array_equal(outputs[-1].asnumpy(), H.asnumpy())


def test_gru_has_gluons_outputs_and_gradients(arrays):
    X, H, *params = arrays
    weights = drawn(STEPS, BATCH, HIDDENS)
    with autograd.record():
        ours = (gru(*arrays) * weights).sum()
    ours.backward()
    gradients = [array.grad.copy() for array in arrays]
    theirs = rnn.GRU(HIDDENS, input_size=INPUTS)
    theirs.initialize()
    theirs.cast("float64")
    learned = parameters(type("AModel", (), {"net": theirs, "params": theirs.collect_params()}))
    assert [param.transposed for param in learned] == [True, True, False, False]
    for param, array in zip(learned, params):
        param.set(array.asnumpy())
    with autograd.record():
        outputs, _ = theirs(X, [H.expand_dims(0)])
        value = (outputs * weights).sum()
    value.backward()
    assert ours.asscalar() == pytest.approx(value.asscalar(), rel=1e-12)
    for array, gradient in zip((X, H), gradients):
        assert relative_error(gradient.asnumpy(), array.grad.asnumpy()) < 1e-12
    for gradient, other in zip(gradients[2:], learned):
        theirs_grad = other.grad.asnumpy()
        assert relative_error(gradient.asnumpy(), theirs_grad.T if other.transposed else theirs_grad) < 1e-12


def test_gru_has_the_gradients_of_central_differences(arrays):
    weights = drawn(STEPS, BATCH, HIDDENS)

    def value():
        return (gru(*arrays) * weights).sum()

    with autograd.record():
        total = value()
    total.backward()
    for array in arrays:
        assert relative_error(array.grad.asnumpy(), central_differences(value, array)) < 1e-7


def test_gru_reset_first_equals_the_formulas_of_section_6_7(arrays):
    X, H, W_x, W_h, b = (array.asnumpy() for array in arrays[:5])
    (x_r, x_z, x_n), (h_r, h_z, h_n), (b_r, b_z, b_n) = (
        np.split(array, 3, axis=-1) for array in (W_x, W_h, b)
    )
    for x, ours in zip(X, gru_reset_first(*arrays[:5])):
        r, z = (1 / (1 + np.exp(-(x @ w + H @ u + c))) for w, u, c in ((x_r, h_r, b_r), (x_z, h_z, b_z)))
        H = z * H + (1 - z) * np.tanh(x @ x_n + (r * H) @ h_n + b_n)
        np.testing.assert_allclose(ours.asnumpy(), H, rtol=1e-12)


def test_gru_reset_first_gradients_equal_central_differences(arrays):
    weights = drawn(STEPS, BATCH, HIDDENS)

    def f():
        return (gru_reset_first(*arrays[:5]) * weights).sum()

    with autograd.record():
        loss = f()
    loss.backward()
    for array in arrays[:5]:
        assert relative_error(array.grad.asnumpy(), central_differences(f, array)) < 1e-7


def test_both_kinds_of_reset_gate_are_the_same_while_the_gate_is_open_or_the_state_is_zero(arrays):
    X, H, W_x, W_h, b, _ = arrays
    b[:HIDDENS] = 100  # r = 1
    np.testing.assert_allclose(
        gru_reset_first(X, H, W_x, W_h, b).asnumpy(), gru(X, H, W_x, W_h, b, 0 * b).asnumpy(), rtol=1e-12
    )
    b[:HIDDENS] = 0
    one, zero = X[:1], 0 * H
    np.testing.assert_allclose(
        gru_reset_first(one, zero, W_x, W_h, b).asnumpy(), gru(one, zero, W_x, W_h, b, 0 * b).asnumpy()
    )
