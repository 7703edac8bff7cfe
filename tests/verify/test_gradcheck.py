"""Test the check of a whole model's gradients; tests/scratch/test_layers.py tests those of layers."""

from dataclasses import replace

import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.experiment.model import Model
from d2l_repro.scratch import SGD, l2_penalty, linreg, squared_loss
from d2l_repro.scratch.layers import Activation
from d2l_repro.verify.gradcheck import central_differences, check_layer, check_model

rng = np.random.RandomState(0)
X, y = nd.array(rng.normal(size=(6, 3))), nd.array(rng.normal(size=6))


def regression(wd=0.0):
    w, b = nd.array(np.random.RandomState(1).normal(size=(3, 1))), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()
    penalty = (lambda: wd * l2_penalty(w)) if wd else None
    return Model(lambda X: linreg(X, w, b), squared_loss, [w, b], SGD([w, b], 0.1), penalty)


def by_hand(model, factor=1.0):
    """Return the model with gradients in place of autograd's, those of the weights times a factor."""
    w, b = model.params

    def gradients(X, y):
        with autograd.train_mode():
            error = model.net(X) - y.reshape((-1, 1))
        w.grad[:] = factor * nd.dot(X, error, transpose_a=True)
        b.grad[:] = error.sum()
        return error, model.loss(error, 0 * y)

    return replace(model, gradients=gradients)


def test_check_model_accepts_right_gradients_of_autograd_by_hand_and_with_penalty():
    assert check_model(regression(), X, y, 4) < 1e-8
    assert check_model(regression(wd=3.0), X, y, 4) < 1e-8
    assert check_model(by_hand(regression()), X, y, 4) < 1e-8


def test_check_model_accepts_losses_of_large_numbers():
    assert check_model(regression(), X, 2e6 * y, 4) < 1e-6


@pytest.mark.parametrize("factor", [-1, 0, 0.999, 2])
def test_check_model_finds_a_wrong_factor(factor):
    assert check_model(by_hand(regression(), factor), X, y, 4) > 1e-4


def test_check_model_finds_a_penalty_that_hand_derived_gradients_leave_out():
    assert check_model(by_hand(regression(wd=3.0)), X, y, 4) > 1e-3


def test_check_model_accepts_gluon_and_a_relu_at_its_corner():
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dense(1))
    net.initialize(init.Zero())  # every pre-activation is exactly 0
    params = net.collect_params()
    assert check_model(Model(net, gluon.loss.L2Loss(), params), X, y, 6) < 1e-6


class WrongInTraining(Activation):
    def backward(self, dY):
        return (2 if autograd.is_training() else 1) * super().backward(dY)


def test_check_layer_looks_at_training_mode_unless_told_otherwise():
    layer, X = WrongInTraining("tanh"), nd.random.normal(shape=(4, 3), dtype="float64")
    assert min(check_layer(layer, X).values()) > 0.4
    assert max(check_layer(layer, X, train=False).values()) < 1e-6


def test_central_differences_can_be_taken_of_some_elements():
    x = nd.array([[1.0, 2.0], [3.0, 4.0]], dtype="float64")
    gradient = central_differences(lambda: (x**2).sum(), x, indices=[(1, 0)])
    np.testing.assert_allclose(gradient, [[0, 0], [6, 0]], rtol=1e-8)
