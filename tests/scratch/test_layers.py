"""Test hand-derived gradients against central differences, autograd and Gluon, and nets in the loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches
from d2l_repro.scratch import SGD, correct_sign, normal
from d2l_repro.scratch.counterparts import GLUON_ACTIVATIONS, OPTIMIZERS, LogisticLoss
from d2l_repro.scratch.layers import (
    ACTIVATIONS,
    LOSSES,
    Activation,
    Affine,
    BatchNorm,
    CReLU,
    Dropout,
    LayerNorm,
    Network,
    Residual,
    gradients_by_hand,
)
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.loop import train_ch3
from d2l_repro.verify.gradcheck import central_differences, check_layer, check_loss, relative_error

rng = np.random.RandomState(0)


@pytest.fixture(autouse=True)
def from_the_start():
    """Seed every test, so that its numbers do not depend on the tests before it."""
    rng.seed(0)
    seed_everything(0)


def array(*shape):
    return nd.array(rng.normal(size=shape), dtype="float64")


def fully_connected(sizes, sigma=1.0, norm=None):
    """Return a net {affine - [norm] - ReLU} x L - affine."""
    layers = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        if i > 0:
            layers += [norm(nd.ones(inputs), nd.zeros(inputs))] if norm else []
            layers.append(Activation("relu"))
        layers.append(Affine(normal((inputs, outputs), sigma), nd.zeros(outputs), first=i == 0))
    return Network(layers)


LAYERS = {
    "affine": lambda: Affine(array(4, 3), array(3)),
    "affine, no bias": lambda: Affine(array(4, 3)),
    **{name: lambda name=name: Activation(name) for name in ACTIVATIONS},
    "batch norm": lambda: BatchNorm(array(4), array(4)),
    "layer norm": lambda: LayerNorm(array(4), array(4)),
    "residual": lambda: Residual([Affine(array(4, 3), array(3)), Activation("tanh"), Affine(array(3, 4))]),
    "residual, with a layer": lambda: Residual(
        [Affine(array(4, 3)), Activation("tanh")], Affine(array(4, 3))
    ),
    "crelu": CReLU,
    "dropout": lambda: Dropout(0.3),
}
GLUON_LOSSES = {  # it has no hinge loss of several classes
    "softmax": gluon.loss.SoftmaxCrossEntropyLoss,
    "logistic": LogisticLoss,
    "squared": gluon.loss.L2Loss,
}
GLUONS = {
    "affine": lambda: nn.Dense(3),
    "affine, no bias": lambda: nn.Dense(3, use_bias=False),
    **GLUON_ACTIVATIONS,
    "batch norm": nn.BatchNorm,
    "layer norm": nn.LayerNorm,
}


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_gradients_equal_central_differences_and_autograd(name, train):
    layer = LAYERS[name]()
    layer.running and layer.running[0].__setitem__(
        slice(None), 0.5
    )  # averages that are not those of the batch
    errors = check_layer(layer, array(6, 4), train)
    assert errors["central differences"] < 1e-7
    assert errors["autograd"] < 1e-12


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", GLUONS)
def test_layer_output_and_gradients_equal_gluons(name, train):
    layer, theirs, X = LAYERS[name](), GLUONS[name](), array(6, 4)
    X[0] = nd.array([5.5, 6.5, 7.5, -8.0])  # on both sides of where relu6 ends
    theirs.initialize()
    theirs.cast("float64")
    theirs(X)
    learned = [param for param in theirs.collect_params().values() if param.grad_req != "null"]
    for param, ours in zip(learned, layer.params):
        param.set_data(ours.T if ours.ndim == 2 else ours)
        ours.attach_grad()
    X.attach_grad()
    with autograd.record(train_mode=train):
        Y = theirs(X)
    dY = array(*Y.shape)
    Y.backward(dY, train_mode=train)
    rtol = 2e-6 if name in ("leaky relu", "selu") else 1e-9  # Gluon keeps their numbers in single precision
    with autograd.train_mode() if train else autograd.predict_mode():
        np.testing.assert_allclose(layer.forward(X).asnumpy(), Y.asnumpy(), rtol=rtol, atol=1e-12)
        np.testing.assert_allclose(layer.backward(dY).asnumpy(), X.grad.asnumpy(), rtol=rtol, atol=1e-12)
    for param, ours in zip(learned, layer.params):
        theirs_grad = param.grad().asnumpy()
        np.testing.assert_allclose(
            ours.grad.asnumpy(),
            theirs_grad.T if theirs_grad.ndim == 2 else theirs_grad,
            rtol=1e-9,
            atol=1e-12,
        )


def test_selu_has_the_gradient_of_its_formula_unlike_gluons():
    X = nd.array([-3, -1, -0.1], dtype="float64")
    X.attach_grad()
    with autograd.record():
        Y = nn.SELU()(X)
    Y.backward()
    true = central_differences(lambda: nn.SELU()(X).sum(), X)
    assert np.abs(X.grad.asnumpy() - true).min() > 0.005
    layer = Activation("selu")
    layer.forward(X)
    np.testing.assert_allclose(layer.backward(nd.ones_like(X)).asnumpy(), true, rtol=1e-6)


def test_dropout_passes_the_same_gradient_as_gluons_with_the_same_mask():
    layer, X = Dropout(0.3), array(50, 40)
    X.attach_grad()
    with autograd.record():
        Y = nn.Dropout(0.3)(X)
    dY = array(50, 40)
    Y.backward(dY)
    layer.mask = Y / X
    np.testing.assert_allclose(layer.backward(dY).asnumpy(), X.grad.asnumpy(), rtol=1e-6, atol=1e-7)
    with autograd.train_mode():
        kept = (layer.forward(X) != 0).mean().asscalar()
    assert kept == pytest.approx(0.7, abs=5 * np.sqrt(0.3 * 0.7 / X.size))
    assert (layer.forward(X) == X).asnumpy().all()


def test_batch_norm_has_gluons_running_statistics_and_uses_them_in_testing_only():
    layer, theirs = BatchNorm(nd.ones(4), nd.zeros(4)), nn.BatchNorm()
    theirs.initialize()
    for _ in range(5):
        X = nd.array(3 + 2 * rng.normal(size=(20, 4)))
        with autograd.record():
            Y = theirs(X)
        Y.backward()  # in which MXNet moves its averages
        with autograd.train_mode():
            np.testing.assert_allclose(layer.forward(X).asnumpy(), Y.asnumpy(), rtol=1e-4, atol=1e-5)
    for ours, name in zip(layer.running, ("running_mean", "running_var")):
        np.testing.assert_allclose(ours[0].asnumpy(), getattr(theirs, name).data().asnumpy(), rtol=1e-5)
    before = [average.asnumpy() for average in layer.running]
    np.testing.assert_allclose(layer.forward(X).asnumpy(), theirs(X).asnumpy(), rtol=1e-4, atol=1e-5)
    for average, value in zip(layer.running, before):
        np.testing.assert_array_equal(average.asnumpy(), value)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [1, 30])
def test_loss_gradients_equal_central_differences_autograd_and_gluons(name, size):
    losses_of, gradient_of = LOSSES[name]
    classes = 2 if name in ("logistic", "squared") else 4
    scores = size * array(8, 1 if classes == 2 else classes)
    y = nd.array(rng.randint(0, classes, 8), dtype="float64")
    errors = check_loss(losses_of, gradient_of, scores, y)
    assert errors["central differences"] < 1e-7
    assert errors["autograd"] < 1e-12
    if name in GLUON_LOSSES:
        scores.attach_grad()
        with autograd.record():
            losses = GLUON_LOSSES[name]()(scores, y)
        losses.backward()
        assert relative_error(gradient_of(scores, y).asnumpy(), scores.grad.asnumpy()) < 1e-12
        assert losses.sum().asscalar() == pytest.approx(losses_of(scores, y).sum().asscalar(), rel=1e-12)


@pytest.mark.parametrize("wrong", ["X", "W", "b"])
def test_check_layer_and_check_loss_find_any_wrong_gradient(wrong):
    class Wrong(Affine):
        def backward(self, dY):
            dX = super().backward(dY)
            if wrong == "X":
                dX[0, 0] += 0.01
            else:
                getattr(self, wrong).grad[0] += 0.01
            return dX

    errors = check_layer(Wrong(array(4, 3), array(3)), array(6, 4))
    assert min(errors.values()) > 1e-4
    losses_of, gradient_of = LOSSES["softmax"]
    y = nd.array([0, 1, 2, 0], dtype="float64")
    errors = check_loss(losses_of, lambda scores, y: 1.01 * gradient_of(scores, y), array(4, 3), y)
    assert min(errors.values()) > 1e-3


def test_logistic_loss_has_the_right_gradient_at_0_unlike_gluons():
    gradients = {}
    for name, loss in (
        ("ours", LOSSES["logistic"][0]),
        ("Gluon block", LogisticLoss()),
        ("gluon", gluon.loss.SigmoidBinaryCrossEntropyLoss()),
    ):
        scores, y = nd.zeros((2, 1)), nd.array([0, 1])
        scores.attach_grad()
        with autograd.record():
            losses = loss(scores, y)
        losses.backward()
        gradients[name] = scores.grad.asnumpy().ravel().tolist()
    assert gradients["ours"] == gradients["Gluon block"] == [0.5, -0.5]
    assert gradients["gluon"] == [0, -1]


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3), st.integers(0, 2))
def test_hinge_loss_equals_its_formula(scores, y):
    losses_of, _ = LOSSES["svm"]
    expected = sum(max(0, score - scores[y] + 1) for j, score in enumerate(scores) if j != y)
    assert losses_of(nd.array([scores], dtype="float64"), nd.array([y])).asscalar() == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_gradients_by_hand_equal_autograd_at_any_depth_including_the_penalty(depth, norm):
    seed_everything(0)
    net = fully_connected([6, *[5] * (depth - 1), 3], norm=norm)
    X, y = nd.random.normal(shape=(7, 6)), nd.array(rng.randint(0, 3, 7))  # a short last batch
    _, losses = gradients_by_hand(net, "softmax", reg=0.1, batch_size=10)(X, y)
    by_hand = [param.grad.asnumpy().copy() for param in net.params]
    with autograd.record():
        total = LOSSES["softmax"][0](net(X), y).sum() + 10 * 0.1 / 2 * nd.add_n(
            *[(W**2).sum() for W in net.weights]
        )
    total.backward()
    for ours, param in zip(by_hand, net.params):
        # The gradient of a bias before a normalization is 0 up to rounding.
        np.testing.assert_allclose(ours, param.grad.asnumpy(), rtol=1e-3, atol=2e-5)
    assert len(net.weights) == depth
    assert losses.shape == (7,)


def test_affine_computes_no_input_gradient_in_the_first_layer():
    net = fully_connected([4, 5, 3])
    net(array(6, 4).astype("float32"))
    assert net.layers[0].backward(nd.ones((6, 5))) is None


def test_gradients_by_hand_train_like_autograd_in_the_loop():
    X, y = nd.array(rng.normal(size=(90, 6))), nd.array(rng.randint(0, 3, 90))
    nets = []
    for by_hand in (True, False):
        seed_everything(0)
        net = fully_connected([6, 8, 3])
        train_ch3(
            net,
            Minibatches(X, y, 32, 0),
            None,
            LOSSES["softmax"][0],
            5,
            32,
            trainer=SGD(net.params, 0.5),
            gradients=gradients_by_hand(net, "softmax") if by_hand else None,
        )
        nets.append(net)
    for a, b in zip(*(net.params for net in nets)):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-5)


def test_central_differences_leave_the_array_and_refuse_single_precision():
    x = array(3, 2)
    before = x.asnumpy()
    np.testing.assert_allclose(
        central_differences(lambda: (x**3).sum(), x), 3 * before**2, rtol=1e-8, atol=1e-9
    )
    np.testing.assert_array_equal(x.asnumpy(), before)
    with pytest.raises(ValueError, match="need float64, not float32"):
        central_differences(lambda: x.sum(), nd.ones(2))


def test_correct_sign_counts_a_probability_from_one_half_on():
    y_hat, y = nd.array([[0.2], [0.4], [0.6], [0.9]]), nd.array([0, 1, 1, 0])
    assert correct_sign(y_hat, y, threshold=0.5).asnumpy().tolist() == [1, 0, 1, 0]
    assert correct_sign(y_hat - 0.5, y).asnumpy().tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_trains_a_net_of_layers(name):
    X, y = nd.random.normal(shape=(60, 4)), nd.arange(60) % 3
    batches = Minibatches(X + 3 * nd.one_hot(y, 4), y, 16, seed=0)
    net = fully_connected([4, 8, 3], sigma=0.5)
    optimizer = OPTIMIZERS[name].from_scratch(net.params, 0.01)
    history = train_ch3(
        net,
        batches,
        None,
        LOSSES["softmax"][0],
        12,
        16,
        trainer=optimizer,
        gradients=gradients_by_hand(net, "softmax"),
    )
    assert history[-1]["train_loss"] < history[0]["train_loss"] - 0.05


def test_network_can_be_built_from_any_layers():
    net = Network([Affine(nd.ones((2, 1)), first=True), Activation("sigmoid")])
    assert net(nd.zeros((3, 2))).asnumpy().ravel().tolist() == [0.5, 0.5, 0.5]


def test_residual_has_the_arrays_of_its_layers_and_of_its_shortcut():
    inner, norm, shortcut = Affine(array(4, 3), array(3)), BatchNorm(array(3), array(3)), Affine(array(4, 3))
    residual = Residual([inner, norm], shortcut)
    net = Network([residual])
    for name in ("params", "weights", "running"):
        arrays = [array for layer in (inner, norm, shortcut) for array in getattr(layer, name)]
        assert list(map(id, getattr(net, name))) == list(map(id, arrays))


def test_residual_whose_layers_give_zero_is_the_identity_and_lets_the_whole_gradient_pass():
    layer = Residual([Affine(nd.zeros((4, 4), dtype="float64"))])
    layer.params[0].attach_grad()
    X, dY = array(6, 4), array(6, 4)
    np.testing.assert_array_equal(layer.forward(X).asnumpy(), X.asnumpy())
    np.testing.assert_array_equal(layer.backward(dY).asnumpy(), dY.asnumpy())
