"""Test convolutions, normalized channels and residual blocks against Gluon and central differences."""

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

from d2l_repro.scratch import xavier
from d2l_repro.scratch.conv import Conv2D, GlobalAvgPool2D
from d2l_repro.scratch.layers import Activation, BatchNorm, Residual
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.verify.gradcheck import check_layer

rng = np.random.RandomState(0)


@pytest.fixture(autouse=True)
def from_the_start():
    """Seed every test, so that its numbers do not depend on the tests before it."""
    rng.seed(0)
    seed_everything(0)


def array(*shape):
    return nd.array(rng.normal(size=shape), dtype="float64")


LAYERS = {
    "no padding": (lambda: Conv2D(array(3, 2, 3, 3), array(3), padding=0), (2, 2, 5, 4)),
    "stride 2, even": (lambda: Conv2D(array(3, 2, 3, 3), array(3), stride=2), (2, 2, 4, 6)),
    "stride 2, odd": (lambda: Conv2D(array(3, 2, 3, 3), array(3), stride=2), (2, 2, 5, 3)),
    "1 x 1, stride 2": (lambda: Conv2D(array(3, 2, 1, 1), array(3), stride=2), (2, 2, 5, 4)),
    "global average": (GlobalAvgPool2D, (2, 3, 4, 2)),
    "batch norm": (lambda: BatchNorm(array(2), array(2)), (3, 2, 2, 3)),
    "residual": (
        lambda: Residual(
            [
                BatchNorm(array(2), array(2)),
                Conv2D(array(3, 2, 3, 3), array(3), stride=2),
                Activation("tanh"),
            ],
            Conv2D(array(3, 2, 1, 1), array(3), stride=2),
        ),
        (2, 2, 4, 2),
    ),
}
GLUONS = {
    "no padding": lambda: nn.Conv2D(3, 3),
    "stride 2, even": lambda: nn.Conv2D(3, 3, strides=2, padding=1),
    "stride 2, odd": lambda: nn.Conv2D(3, 3, strides=2, padding=1),
    "1 x 1, stride 2": lambda: nn.Conv2D(3, 1, strides=2),
    "batch norm": nn.BatchNorm,
}


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_gradients_equal_central_differences_and_autograd(name, train):
    build, shape = LAYERS[name]
    errors = check_layer(build(), array(*shape), train)
    assert errors["central differences"] < 1e-6
    assert errors["autograd"] < 1e-11


@pytest.mark.parametrize("name", GLUONS)
def test_layer_output_equals_gluons_in_training(name):
    build, shape = LAYERS[name]
    layer, theirs, X = build(), GLUONS[name](), array(*shape)
    theirs.initialize()
    theirs.cast("float64")
    theirs(X)
    learned = [param for param in theirs.collect_params().values() if param.grad_req != "null"]
    for param, ours in zip(learned, layer.params):
        param.set_data(ours)
    with autograd.train_mode():
        np.testing.assert_allclose(layer.forward(X).asnumpy(), theirs(X).asnumpy(), rtol=1e-9, atol=1e-11)


def test_batch_norm_of_images_has_gluons_running_statistics_and_uses_them_in_testing():
    layer, theirs = BatchNorm(nd.ones(3), nd.zeros(3)), nn.BatchNorm()
    theirs.initialize()
    for _ in range(4):
        X = nd.array(3 + 2 * rng.normal(size=(5, 3, 4, 2)))
        with autograd.record():
            Y = theirs(X)
        Y.backward()  # in which MXNet moves its averages
        with autograd.train_mode():
            layer.forward(X)
    for ours, name in zip(layer.running, ("running_mean", "running_var")):
        np.testing.assert_allclose(ours[0].asnumpy(), getattr(theirs, name).data().asnumpy(), rtol=1e-5)
    np.testing.assert_allclose(layer.forward(X).asnumpy(), theirs(X).asnumpy(), rtol=1e-4, atol=1e-5)


def test_xavier_counts_every_pixel_of_a_kernel_as_gluon_does():
    for shape in ((20, 30), (8, 6, 5, 5)):
        theirs = nn.Conv2D(8, 5, in_channels=6) if len(shape) == 4 else nn.Dense(20, in_units=30)
        theirs.initialize("xavier")
        ours, weights = xavier(shape).asnumpy(), theirs.weight.data().asnumpy()
        assert np.abs(ours).max() == pytest.approx(np.abs(weights).max(), rel=0.02)
        assert ours.std() == pytest.approx(weights.std(), rel=0.1)
