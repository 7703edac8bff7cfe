"""Compare every optimizer with its formula in NumPy, and with Gluon's from identical arrays."""

import itertools

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import autograd, gluon, nd

from d2l_repro import scratch
from d2l_repro.scratch.counterparts import OPTIMIZERS
from d2l_repro.scratch.optim import descent_path

rng = np.random.default_rng(0)
START = rng.normal(size=(4, 3)).astype(np.float32)
GRADS = rng.normal(size=(50, 4, 3)).astype(np.float32)  # sums over a batch
BATCH = 7
RTOL, ATOL = 2e-5, 2e-6  # fifty steps in single precision


def momentum(p, g, s, lr, t, rho=0.9):
    s["v"] = rho * s["v"] + lr * g
    return p - s["v"]


def average(p, g, s, lr, t, rho=0.9):
    s["v"] = rho * s["v"] + (1 - rho) * g
    return p - lr * s["v"]


def nesterov(p, g, s, lr, t, rho=0.9):
    s["v"] = rho * s["v"] + lr * g
    return p - rho * s["v"] - lr * g


def adagrad(p, g, s, lr, t):
    s["s"] = s["s"] + g**2
    return p - lr * g / np.sqrt(s["s"] + 1e-7)


def rmsprop(p, g, s, lr, t, rho=0.9):
    s["s"] = rho * s["s"] + (1 - rho) * g**2
    return p - lr * g / np.sqrt(s["s"] + 1e-8)


def rmsprop_outside(p, g, s, lr, t, rho=0.9):
    s["s"] = rho * s["s"] + (1 - rho) * g**2
    return p - lr * g / (np.sqrt(s["s"]) + 1e-8)


def adadelta(p, g, s, lr, t, rho=0.9):
    s["s"] = rho * s["s"] + (1 - rho) * g**2
    d = np.sqrt(s["x"] + 1e-5) / np.sqrt(s["s"] + 1e-5) * g
    s["x"] = rho * s["x"] + (1 - rho) * d**2
    return p - lr * d


def adam_averages(g, s):
    s["v"] = 0.9 * s["v"] + 0.1 * g
    s["s"] = 0.999 * s["s"] + 0.001 * g**2
    return s["v"], s["s"]


def adam(p, g, s, lr, t):
    v, u = adam_averages(g, s)
    return p - lr * v / (1 - 0.9**t) / (np.sqrt(u / (1 - 0.999**t)) + 1e-8 / np.sqrt(1 - 0.999**t))


def adam_without_correction(p, g, s, lr, t):
    v, u = adam_averages(g, s)
    return p - lr * v / (np.sqrt(u) + 1e-8)


def adam_by_epoch(p, g, s, lr, t):
    return adam(p, g, s, lr, (t + 9) // 10)


def adamax(p, g, s, lr, t):
    s["v"] = 0.9 * s["v"] + 0.1 * g
    s["u"] = np.maximum(0.999 * s["u"], abs(g))
    return p - lr / (1 - 0.9**t) * s["v"] / (s["u"] + 1e-30)


def nadam(p, g, s, lr, t):
    v, u = adam_averages(g, s)
    m = [0.9 * (1 - 0.96 ** (0.004 * i) / 2) for i in range(1, t + 2)]
    d = (1 - m[-2]) * g / (1 - np.prod(m[:-1])) + m[-1] * v / (1 - np.prod(m))
    return p - lr * d / (np.sqrt(u / (1 - 0.999**t)) + 1e-8)


def sgd(p, g, s, lr, t):
    return p - lr * g


FORMULAS = {
    "sgd": (scratch.SGD, {}, sgd),
    "velocity": (scratch.Momentum, {}, momentum),
    "average": (scratch.Momentum, {"average": True}, average),
    "nesterov": (scratch.Nesterov, {}, nesterov),
    "adagrad": (scratch.AdaGrad, {}, adagrad),
    "rmsprop": (scratch.RMSProp, {}, rmsprop),
    "rmsprop outside": (scratch.RMSProp, {"eps_inside_sqrt": False}, rmsprop_outside),
    "adadelta": (scratch.AdaDelta, {}, adadelta),
    "adam": (scratch.Adam, {}, adam),
    "adam without correction": (scratch.Adam, {"correct_bias": False}, adam_without_correction),
    "adam, t the epoch": (scratch.Adam, {"steps_per_t": 10}, adam_by_epoch),
    "adamax": (scratch.Adamax, {}, adamax),
    "nadam": (scratch.Nadam, {}, nadam),
}


def run(optimizer, param, steps):
    """Return the parameter after `steps` steps along GRADS."""
    for grad in GRADS[:steps]:
        param.grad[:] = nd.array(grad)
        optimizer.step(BATCH)
    return param.asnumpy()


def parameter():
    param = nd.array(START)
    param.attach_grad()
    return param


@pytest.mark.parametrize("decay", ["none", "l2", "l2 without half", "decoupled"])
@pytest.mark.parametrize(("lr", "steps"), itertools.product((0.01, 0.5), (1, 50)))
@pytest.mark.parametrize("name", FORMULAS)
def test_optimizer_follows_its_formula(name, lr, steps, decay):
    optimizer_cls, options, formula = FORMULAS[name]
    wd = 0.0 if decay == "none" else 0.1
    factor = 2.0 if decay == "l2 without half" else 1.0
    ours = parameter()
    optimizer = optimizer_cls([ours], lr, wd=wd, decoupled=decay == "decoupled", l2_factor=factor, **options)
    p, state = START.astype(float), {name: np.zeros(START.shape) for name in optimizer_cls.state_names}
    for t, grad in enumerate(GRADS[:steps].astype(float), 1):
        g = grad / BATCH + (factor * wd * p if decay.startswith("l2") else 0)
        p = formula(p - (lr * wd * p if decay == "decoupled" else 0), g, state, lr, t)
    np.testing.assert_allclose(run(optimizer, ours, steps), p, rtol=RTOL, atol=ATOL)
    assert optimizer.state.keys() == state.keys()
    for name, (array,) in optimizer.state.items():
        np.testing.assert_allclose(array.asnumpy(), state[name], rtol=RTOL, atol=ATOL)


# In AdaGrad and AdaDelta, Gluon decays the parameter itself instead of its gradient; in AdaDelta without a
# learning rate.
GLUON = {
    "sgd": (scratch.SGD, {}, "sgd", {}),
    "momentum 0.9": (scratch.Momentum, {"rho": 0.9}, "sgd", {"momentum": 0.9}),
    "momentum 0.99": (scratch.Momentum, {"rho": 0.99}, "sgd", {"momentum": 0.99}),
    "nesterov 0.9": (scratch.Nesterov, {"rho": 0.9}, "nag", {"momentum": 0.9}),
    "nesterov 0.5": (scratch.Nesterov, {"rho": 0.5}, "nag", {"momentum": 0.5}),
    "adagrad": (scratch.AdaGrad, {"decoupled": True}, "adagrad", {}),
    "rmsprop": (scratch.RMSProp, {}, "rmsprop", {"gamma1": 0.9}),
    "adadelta": (scratch.AdaDelta, {"decoupled": True}, "adadelta", {}),
    "adam": (scratch.Adam, {}, "adam", {}),
    "adamax": (scratch.Adamax, {}, "adamax", {}),
    "nadam": (scratch.Nadam, {}, "nadam", {}),
}


# Gluon's NAG with weight decay is different: see the next test.
@pytest.mark.parametrize(
    ("name", "wd"),
    [(name, wd) for name in GLUON for wd in (0.0, 0.1) if not (name.startswith("nesterov") and wd)],
)
@pytest.mark.parametrize(("lr", "steps"), itertools.product((0.01, 0.5), (1, 50)))
def test_optimizer_follows_the_same_path_as_gluons(name, lr, steps, wd):
    optimizer_cls, options, theirs, their_options = GLUON[name]
    lr = 1.0 if name == "adadelta" else lr
    ours = parameter()
    optimizer = optimizer_cls([ours], lr, wd=wd, **options)
    other = nd.array(START)
    their_optimizer = mx.optimizer.create(
        theirs, learning_rate=lr, wd=wd, rescale_grad=1 / BATCH, **their_options
    )
    updater = mx.optimizer.get_updater(their_optimizer)  # what gluon.Trainer.step calls
    for grad in GRADS[:steps]:
        updater(0, nd.array(grad), other)
    # Gluon keeps beta2 in single precision, so 1 - beta2 has a relative error of 5e-5.
    rtol = 2e-4 if name == "adam" else RTOL
    np.testing.assert_allclose(run(optimizer, ours, steps), other.asnumpy(), rtol=rtol, atol=rtol / 10)
    states = updater.states[0]
    states = [array for array in (states if isinstance(states, tuple) else (states,)) if array is not None]
    for (array,), other_array in zip(optimizer.state.values(), states):
        # The velocity in Gluon's SGD and NAG has the opposite sign.
        sign = -1 if "momentum" in their_options else 1
        np.testing.assert_allclose(array.asnumpy(), sign * other_array.asnumpy(), rtol=rtol, atol=rtol / 10)
    assert len(states) == len(optimizer.state)


def test_nesterov_with_decay_differs_from_gluons_nag():
    """Gluon's operator updates the parameter, then decays the velocity by the value just written."""
    lr, rho, wd, p, v = 0.5, 0.9, 0.1, START.astype(float), np.zeros(START.shape)
    theirs, state = nd.array(START), nd.zeros(START.shape)
    for grad in GRADS[:20]:
        nd.nag_mom_update(theirs, nd.array(grad), state, out=theirs, lr=lr, momentum=rho, wd=wd)
        p = p + rho**2 * v - (1 + rho) * lr * (grad + wd * p)
        v = rho * v - lr * (grad + wd * p)  # here p should still be the old one
    np.testing.assert_allclose(theirs.asnumpy(), p, rtol=1e-4, atol=1e-4)


def two_parameters(ours, theirs):
    """Return where our optimizer and Gluon's take two parameters whose gradients are GRADS and 0."""
    params, others = [parameter(), parameter()], [nd.array(START), nd.array(START)]
    optimizer, updater = ours(params, 0.01), mx.optimizer.get_updater(mx.optimizer.create(theirs))
    updater.optimizer.set_learning_rate(0.01)
    for grad in GRADS[:5]:
        for i, g in enumerate((grad, np.zeros_like(grad))):
            params[i].grad[:] = nd.array(g)
            updater(i, nd.array(g), others[i])
        optimizer.step(1)
    return [param.asnumpy() for param in params], [param.asnumpy() for param in others]


def test_nadam_of_gluon_counts_its_schedule_once_for_every_parameter():
    ours, theirs = two_parameters(scratch.Nadam, "nadam")
    assert abs(ours[0] - theirs[0]).max() > 1e-3
    np.testing.assert_array_equal(ours[1], START)


def test_adamax_leaves_a_parameter_without_a_gradient_alone_where_gluons_is_not_a_number():
    ours, theirs = two_parameters(scratch.Adamax, "adamax")
    np.testing.assert_allclose(ours[0], theirs[0], rtol=RTOL, atol=ATOL)
    np.testing.assert_array_equal(ours[1], START)
    assert np.isnan(theirs[1]).all()


@pytest.mark.parametrize("steps", [1, 50])
def test_adamw_follows_the_same_path_as_mxnets_operator(steps):
    ours, lr, wd = parameter(), 0.01, 0.1
    weight, mean, var = nd.array(START), nd.zeros(START.shape), nd.zeros(START.shape)
    for t, grad in enumerate(GRADS[:steps], 1):
        corrected = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        # The operator does not multiply its decay by lr.
        nd.contrib.adamw_update(
            weight,
            nd.array(grad),
            mean,
            var,
            nd.array([1 / BATCH]),
            lr=corrected,
            eta=1,
            wd=lr * wd,
            epsilon=1e-8,
            out=weight,
        )
    np.testing.assert_allclose(
        run(scratch.AdamW([ours], lr, wd=wd), ours, steps), weight.asnumpy(), rtol=2e-4, atol=2e-5
    )


def test_adamw_decays_by_a_hundredth_by_default_as_its_authors_did():
    assert scratch.AdamW([parameter()], 0.1).wd == 0.01


@given(rho=st.floats(0.01, 0.98), lr=st.floats(1e-3, 1))
@settings(max_examples=20, deadline=None)
def test_momentum_average_with_a_larger_constant_learning_rate_follows_the_velocity(rho, lr):
    velocity, average = parameter(), parameter()
    expected = run(scratch.Momentum([velocity], lr, rho=rho), velocity, 20)
    np.testing.assert_allclose(
        run(scratch.Momentum([average], lr / (1 - rho), rho=rho, average=True), average, 20),
        expected,
        rtol=1e-4,
        atol=1e-4,
    )


def test_momentum_velocity_contains_old_learning_rates_and_the_average_does_not():
    for average, stops_at_once in ((True, True), (False, False)):
        param = parameter()
        optimizer = scratch.Momentum([param], 0.1, average=average)
        before = run(optimizer, param, 5).copy()
        optimizer.set_learning_rate(0.0)
        optimizer.step(BATCH)
        assert np.array_equal(param.asnumpy(), before) == stops_at_once


@pytest.mark.parametrize("optimizer_cls", [scratch.SGD, scratch.AdaDelta, scratch.SummedAdam])
def test_optimizer_has_the_three_names_of_gluons_trainer(optimizer_cls):
    param = parameter()
    optimizer = optimizer_cls([param], 0.5)
    assert optimizer.learning_rate == 0.5
    optimizer.set_learning_rate(0.0)
    param.grad[:] = 1
    optimizer.step(1)
    np.testing.assert_array_equal(param.asnumpy(), START)


def test_optimizer_rejects_l2_factor_with_decoupled_decay():
    with pytest.raises(ValueError, match="l2_factor"):
        scratch.AdamW([parameter()], 0.1, l2_factor=2)


def test_optimizer_names_a_parameter_without_a_gradient():
    with pytest.raises(ValueError, match=r"parameter 1 .*attach_grad"):
        scratch.Adam([parameter(), nd.ones(1)], 0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_pair_names_ours_and_one_that_gluon_knows_or_none(name):
    pair = OPTIMIZERS[name]
    assert issubclass(pair.optimizer_cls, scratch.optim.Optimizer)
    assert pair.gluon_name is None or mx.optimizer.create(pair.gluon_name, **pair.gluon_options)


WITH_GLUON = [name for name, pair in OPTIMIZERS.items() if pair.gluon_name]


def walk_of_pair(name, wd):
    """Return where an optimizer from scratch and Gluon's take the same parameter in some steps."""
    pair = OPTIMIZERS[name]
    ours, theirs = nd.array(START), gluon.Parameter("p", shape=START.shape)
    theirs.initialize()
    theirs.set_data(nd.array(START))
    ours.attach_grad()
    # Gluon's AdaDelta has no learning rate.
    lr = 1.0 if name == "adadelta" else 0.05
    optimizers = pair.from_scratch([ours], lr, wd=wd), pair.with_gluon([theirs], lr, wd)
    for grad in GRADS[:5]:
        with autograd.record():  # the gradient of sum(grad * p) is grad
            losses = [(nd.array(grad) * p).sum() for p in (ours, theirs.data())]
        autograd.backward(losses)
        for optimizer in optimizers:
            optimizer.step(BATCH)
    return ours.asnumpy(), theirs.data().asnumpy()


@pytest.mark.parametrize("name", WITH_GLUON)
def test_optimizer_pair_takes_the_same_steps_where_it_says_so(name):
    np.testing.assert_allclose(*walk_of_pair(name, 0.0), rtol=1e-4, atol=1e-5)
    assert OPTIMIZERS[name].has_counterpart()
    decayed = np.allclose(*walk_of_pair(name, 0.3), rtol=1e-4, atol=1e-5)
    assert decayed == OPTIMIZERS[name].decays_alike == OPTIMIZERS[name].has_counterpart(0.3)
    assert not OPTIMIZERS[name].has_counterpart(0.3, l2_factor=2)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("rmsprop", "rmsprop, epsilon outside"),
        ("summed rmsprop, epsilon inside", "summed rmsprop"),
        ("adam", "adam, no correction"),
        ("summed adam", "summed adam, no correction"),
        ("momentum", "momentum, average"),
    ],
)
def test_optimizers_of_two_names_take_other_steps(name, other):
    found = []
    for pair in (OPTIMIZERS[name], OPTIMIZERS[other]):
        param = nd.zeros(1)
        param.attach_grad()
        optimizer = pair.from_scratch([param], 0.1)
        for _ in range(2):
            param.grad[:] = 1e-4  # so small that epsilon counts
            optimizer.step(1)
        found.append(param.asscalar())
    assert found[0] != pytest.approx(found[1], rel=1e-3)


def test_descent_path_follows_the_formula_of_its_optimizer():
    points = descent_path(lambda x1, x2: 0.1 * x1**2 + 2 * x2**2, (-5.0, -2.0), scratch.SGD, 0.4)
    steps = np.arange(21)[:, None]
    np.testing.assert_allclose(
        points, [-5, -2] * (1 - 0.4 * np.array([0.2, 4.0])) ** steps, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("optimizer_cls", ["SGD", "Momentum", "AdaGrad", "AdaDelta", "Adam", "AdamW"])
@pytest.mark.parametrize("lr", [-0.1, np.nan, np.inf, 1e38, "0.1", None])
def test_optimizers_refuse_a_learning_rate_that_cannot_be_right(optimizer_cls, lr):
    optimizer_cls = getattr(scratch, optimizer_cls)
    param = nd.zeros(2)
    param.attach_grad()
    with pytest.raises(ValueError, match="the learning rate must be a number from 0"):
        optimizer_cls([param], lr)
    optimizer = optimizer_cls([param], 0.1)
    with pytest.raises(ValueError, match="the learning rate must be a number from 0"):
        optimizer.set_learning_rate(lr)
    assert optimizer.learning_rate == 0.1
