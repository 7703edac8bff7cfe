"""Compare the article's optimizers with its formulas in NumPy, and show that plausible faults are noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import nd

from d2l_repro import scratch
from d2l_repro.train.callbacks import seed_everything

rng = np.random.default_rng(1)
START = rng.normal(size=(4, 3)).astype(np.float32)
GRADS = rng.normal(size=(40, 4, 3)).astype(np.float32)  # sums over a batch
BATCHES = [7] * 3 + [3]  # sizes of an epoch's batches
STEPS_PER_EPOCH = len(BATCHES)


def rmsprop(p, grad, n, s, lr, t, r, inside=False):
    g = grad + 2 * r * n * p
    s["s"] = 0.9 * s["s"] + 0.1 * g**2
    root = np.sqrt(s["s"] + 1e-7) if inside else np.sqrt(s["s"]) + 1e-7
    return p - lr * grad / n / root


def rmsprop_inside(*args):
    return rmsprop(*args, inside=True)


def adam(p, grad, n, s, lr, t, r, beta1=0.8, beta2=0.99):
    g = grad + 2 * r * n * p
    s["v"] = 0.9 * s["v"] + 0.1 * g
    s["s"] = 0.999 * s["s"] + 0.001 * g**2
    epoch = 1 + (t - 1) // STEPS_PER_EPOCH
    v, square = s["v"] / (1 - beta1**epoch), s["s"] / (1 - beta2**epoch)
    return p - lr * v / n / (np.sqrt(square) + 1e-7)


def adam_without_correction(*args):
    return adam(*args, beta1=0, beta2=0)


def shrinking_adam(*args):
    return 0.9 * adam(*args)


BETAS = {"beta1": 0.8, "beta2": 0.99, "steps_per_t": STEPS_PER_EPOCH}  # apart from rho1 and rho2
FORMULAS = {
    "rmsprop": (scratch.SummedRMSProp, {}, rmsprop),
    "rmsprop, epsilon inside": (scratch.SummedRMSProp, {"eps_inside_sqrt": True}, rmsprop_inside),
    "adam": (scratch.SummedAdam, BETAS, adam),
    "adam, no correction": (scratch.SummedAdam, {"beta1": 0.0, "beta2": 0.0}, adam_without_correction),
    "dropout of nothing": (scratch.ParameterDropoutAdam, {**BETAS, "drop": 0.0}, adam),
    "shrinking": (scratch.ParameterShrinkingAdam, {**BETAS, "factor": 0.9}, shrinking_adam),
}


def parameter(start=START):
    param = nd.array(start)
    param.attach_grad()
    return param


def batch_sizes():
    return [BATCHES[i % STEPS_PER_EPOCH] for i in range(len(GRADS))]


def follows(optimizer_cls, options, formula, lr, r):
    """Return whether an optimizer takes the steps of a formula, batches of unequal size included."""
    ours, p = parameter(), START.astype(float)
    optimizer = optimizer_cls([ours], lr, wd=r, **options)
    state = {name: np.zeros(START.shape) for name in optimizer.state_names}
    for t, (grad, n) in enumerate(zip(GRADS, batch_sizes()), 1):
        ours.grad[:] = nd.array(grad)
        optimizer.step(n)
        p = formula(p, grad.astype(float), n, state, lr, t, r)
    return np.allclose(ours.asnumpy(), p, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("r", [0.0, 0.1])
@pytest.mark.parametrize("lr", [0.01, 0.5])
@pytest.mark.parametrize("name", FORMULAS)
def test_summed_optimizer_follows_the_articles_formula(name, lr, r):
    optimizer_cls, options, formula = FORMULAS[name]
    assert follows(optimizer_cls, {**options, "l2_factor": 2.0}, formula, lr, r)


class DividesFirst(scratch.SummedAdam):
    """Divide the gradient before it is averaged."""

    def step(self, batch_size):
        for param in self.params:
            param.grad[:] /= batch_size
        super().step(1)


class DividesTwice(scratch.SummedAdam):
    def step(self, batch_size):
        for param in self.params:
            param.grad[:] /= batch_size
        super().step(batch_size)


class NeverDivides(scratch.SummedAdam):
    def direction(self, grad, g, v, s):
        return 7 * super().direction(grad, g, v, s)


class ForgetsTheBatchSizeInTheDecay(scratch.SummedAdam):
    def step(self, batch_size):
        wd, self.wd = self.wd, self.wd / batch_size
        super().step(batch_size)
        self.wd = wd


class DecaysInTheNumerator(scratch.SummedRMSProp):
    def direction(self, grad, g, s):
        return super().direction(g, g, s)


ARTICLE = {"l2_factor": 2.0}
FAULTS = {
    "divided before instead of afterwards": (DividesFirst, {**BETAS, **ARTICLE}, adam),
    "divided twice": (DividesTwice, {**BETAS, **ARTICLE}, adam),
    "not divided": (NeverDivides, {**BETAS, **ARTICLE}, adam),
    "the literature's adam": (scratch.Adam, ARTICLE, adam),
    "the literature's rmsprop": (scratch.RMSProp, ARTICLE, rmsprop),
    "t counts steps": (scratch.SummedAdam, {**BETAS, **ARTICLE, "steps_per_t": 1}, adam),
    "betas equal to rhos": (scratch.SummedAdam, {**ARTICLE, "steps_per_t": STEPS_PER_EPOCH}, adam),
    "penalty with its half": (scratch.SummedAdam, BETAS, adam),
    "decay without the batch size": (ForgetsTheBatchSizeInTheDecay, {**BETAS, **ARTICLE}, adam),
    "decay in rmsprop's numerator": (DecaysInTheNumerator, ARTICLE, rmsprop),
    "parameters not shrunk": (scratch.SummedAdam, {**BETAS, **ARTICLE}, shrinking_adam),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_with_the_formula_notices_a_fault(fault):
    assert not follows(*FAULTS[fault], lr=0.5, r=0.1)


@given(n=st.integers(1, 1000), lr=st.floats(0.01, 1))
@settings(max_examples=20, deadline=None)
def test_summed_adam_takes_the_literatures_steps_with_a_learning_rate_divided_by_the_batch_size(n, lr):
    summed, usual = parameter(), parameter()
    # The gradients' scale cancels, except beside epsilon.
    optimizers = scratch.SummedAdam([summed], n * lr, epsilon=1e-12), scratch.Adam([usual], lr, epsilon=1e-12)
    for grad in GRADS[:10]:
        for param, optimizer in zip((summed, usual), optimizers):
            param.grad[:] = nd.array(grad)
            optimizer.step(n)
    np.testing.assert_allclose(summed.asnumpy(), usual.asnumpy(), rtol=1e-3, atol=1e-4)


def test_summed_rmsprops_decay_shortens_steps_but_moves_nothing():
    still = parameter()
    optimizer = scratch.SummedRMSProp([still], 0.5, wd=0.1)
    optimizer.step(7)  # the gradient is 0
    np.testing.assert_array_equal(still.asnumpy(), START)
    paths = []
    for wd in (0.0, 1.0):
        param = parameter()
        param.grad[:] = 1
        scratch.SummedRMSProp([param], 0.5, wd=wd).step(7)
        paths.append(abs(param.asnumpy() - START))
    assert (paths[1][START > 0] < paths[0][START > 0]).all()


def test_parameter_dropout_sets_parameters_to_zero_and_rescales_the_others():
    seed_everything(0)
    param = parameter(np.ones(100_000))
    scratch.ParameterDropoutAdam([param], 0.1, drop=0.3).step(1)  # the gradient is 0
    values = param.asnumpy()
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(values[values != 0], 1 / 0.7, rtol=1e-6)


def test_parameter_dropout_keeps_the_mean_and_increases_the_mean_square():
    seed_everything(0)
    param = parameter(np.ones(400_000))
    optimizer = scratch.ParameterDropoutAdam([param], 0.1, drop=0.01)
    for _ in range(100):
        optimizer.step(1)
    values = param.asnumpy()
    assert values.mean() == pytest.approx(1, abs=0.01)
    assert (values**2).mean() == pytest.approx(0.99**-100, rel=0.02)


def test_parameter_shrinking_multiplies_after_the_step_where_adamw_does_before():
    shrunk, decayed, plain = parameter(), parameter(), parameter()
    lr, factor = 0.5, 0.9
    for param, optimizer in (
        (shrunk, scratch.ParameterShrinkingAdam([shrunk], lr, factor=factor)),
        (decayed, scratch.AdamW([decayed], lr, wd=(1 - factor) / lr)),
        (plain, scratch.SummedAdam([plain], lr)),
    ):
        param.grad[:] = nd.array(GRADS[0])
        optimizer.step(1)
    step = START - plain.asnumpy()
    np.testing.assert_allclose(shrunk.asnumpy(), factor * (START - step), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(decayed.asnumpy(), factor * START - step, rtol=1e-4, atol=1e-5)


def test_summed_optimizer_rejects_decoupled_decay():
    with pytest.raises(ValueError, match="AdamW"):
        scratch.SummedAdam([parameter()], 0.1, decoupled=True)
