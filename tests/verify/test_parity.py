"""Test the comparison of paths: it must find every difference that matters, and no other."""

from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.model import Model
from d2l_repro.scratch import SGD, Adam, Momentum, cross_entropy, relu, softmax
from d2l_repro.train.parameters import book_arrays
from d2l_repro.verify.parity import same_in_testing, same_path
from d2l_repro.verify.walk import first_batches

rng = np.random.RandomState(0)
BATCHES = Minibatches(nd.array(rng.normal(size=(60, 4))), nd.array(rng.randint(0, 3, 60)), 16, seed=0)
SAME_ORDER = list(BATCHES)


class ScaledSGD(SGD):
    """SGD whose steps have a wrong factor, such as a wrong sign, which no learning rate can have."""

    factor = -1.0

    def step(self, batch_size):
        super().step(batch_size / self.factor)


def scratch_mlp(lr=0.5, activation=relu, penalty=0.0, hidden=4, frozen=None):
    W1, W2 = nd.random.normal(shape=(4, hidden)), nd.random.normal(shape=(hidden, 3))
    params = [W1, nd.zeros(hidden), W2, nd.zeros(3)]
    for param in params:
        param.attach_grad()

    def net(X):
        return softmax(nd.dot(activation(nd.dot(X, params[0]) + params[1]), params[2]) + params[3])

    optimizer_cls = SGD if lr >= 0 else ScaledSGD
    trainer = optimizer_cls([param for i, param in enumerate(params) if i != frozen], abs(lr))
    return Model(net, cross_entropy, params, trainer, penalty=lambda: penalty * (W1**2).sum())


def gluon_mlp(optimizer="sgd", hidden=4, **options):
    net = nn.HybridSequential()
    net.add(nn.Dense(hidden, activation="relu"), nn.Dense(3))
    net.initialize(init.Normal(1))
    trainer = gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": 0.5, **options}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), net.collect_params(), trainer)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(scratch_mlp, gluon_mlp), (gluon_mlp, scratch_mlp), (scratch_mlp, scratch_mlp), (gluon_mlp, gluon_mlp)],
)
def test_same_path_accepts_equal_models_in_either_order(ours, theirs):
    # 4 x 4: the hidden layer's matrix looks the same both ways
    parity = same_path(ours(), theirs(), BATCHES, 16)
    assert parity, parity
    assert parity.steps == 50
    assert (
        parity.max_abs_diff < 1e-12
    )  # lr 0.5 is a binary fraction: nothing is left but double precision's rounding
    assert parity.max_loss_diff < 1e-12
    assert str(parity).startswith("the same path: over 50 steps")


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        (lambda: scratch_mlp(lr=0.5001), 0),
        (lambda: scratch_mlp(activation=lambda x: nd.LeakyReLU(x, slope=0.001)), 0),
        (lambda: scratch_mlp(penalty=1e-4), 0),
        (lambda: scratch_mlp(frozen=3), 3),
    ],
    ids=["learning rate", "activation", "penalty", "a parameter left out"],
)
def test_same_path_finds_the_step_and_parameter_of_a_small_difference(model, parameter):
    parity = same_path(gluon_mlp(), model(), BATCHES, 16)
    assert not parity
    assert (parity.left_at["step"], parity.left_at["parameter"]) == (1, parameter)
    assert "not the same path: at step 1 parameter" in str(parity)


def test_same_path_finds_differences_in_adams_state():
    assert same_path(gluon_mlp("adam"), gluon_mlp("adam"), BATCHES, 16)
    assert not same_path(gluon_mlp("adam"), gluon_mlp("adam", beta1=0.91), BATCHES, 16)


def test_same_path_rejects_a_parameter_that_is_not_finite():
    broken = scratch_mlp(lr=-0.5)
    broken.trainer.factor = float("nan")
    assert not same_path(gluon_mlp(), broken, BATCHES, 16, steps=1)


def test_same_path_rejects_models_that_do_not_correspond():
    with pytest.raises(ValueError, match=r"do not correspond: shapes \[\(4, 4\).*\(4, 5\)"):
        same_path(scratch_mlp(), gluon_mlp(hidden=5), BATCHES, 16)
    with pytest.raises(ValueError, match="no batch"):
        same_path(scratch_mlp(), gluon_mlp(), [], 16)


@pytest.mark.parametrize(("lr", "batch_size"), [(0.3, 16), (0.7, 10), (2.1, 100)])
def test_same_path_ignores_that_gluon_keeps_rates_in_single_precision(lr, batch_size):
    assert same_path(scratch_mlp(lr), gluon_mlp(learning_rate=lr), BATCHES, batch_size).max_abs_diff < 1e-7


def last_batch(batches, steps, batch_size=16):
    return len(first_batches(batches, steps, batch_size=batch_size)[-1][1])


def test_first_batches_cuts_the_last_batch_in_half_unless_a_short_one_is_among_them():
    assert last_batch(BATCHES, 3) == 8
    assert last_batch(BATCHES, 4) == 12  # 60 = 3 * 16 + 12
    assert last_batch(BATCHES, 5) == 16
    assert last_batch(BATCHES, 1) == 16  # a single batch stays whole
    assert last_batch([(nd.ones((1, 4)), nd.ones(1))], 3, batch_size=1) == 1
    assert last_batch(BATCHES, 3, batch_size=None) == 16


@pytest.mark.parametrize(("steps", "short"), [(3, 3), (5, 4)])
def test_same_path_sees_a_short_batch_that_is_divided_by_its_own_size(steps, short):
    wrong = scratch_mlp()
    loss, wrong.loss = wrong.loss, lambda y_hat, y: 16 / len(y) * loss(y_hat, y)
    parity = same_path(gluon_mlp(), wrong, BATCHES, 16, steps)
    assert parity.left_at["step"] == short
    assert "is the gradient of this batch divided by its own" in parity.clue


def test_same_path_leaves_all_batches_whole_on_request():
    wrong = scratch_mlp()
    loss, wrong.loss = wrong.loss, lambda y_hat, y: 16 / len(y) * loss(y_hat, y)
    assert same_path(gluon_mlp(), wrong, BATCHES, 16, 3, short_batch=False)


def twice_in_testing(net):
    return lambda X: net(X) if autograd.is_training() else net(2 * X)


def test_same_path_compares_the_outputs_in_testing():
    theirs = scratch_mlp()
    theirs.net = twice_in_testing(theirs.net)
    parity = same_path(gluon_mlp(), theirs, BATCHES, 16)
    assert not parity
    assert parity.max_abs_diff < 1e-12
    assert parity.left_at["testing"]
    assert str(parity).startswith(
        "the same 50 steps, but other outputs in testing: the mean loss of a batch differs by "
    )
    assert parity.clue.endswith("such as dropout or a batch's own statistics?")


def test_same_in_testing_compares_nets_that_draw_masks():
    def dropping(always):
        model = scratch_mlp()
        net = model.net
        mode = "always" if always else "training"
        model.net = lambda X: net(nd.Dropout(X, p=0.5, mode=mode))
        return model

    parity = same_in_testing(dropping(False), dropping(False), BATCHES)
    assert parity
    assert str(parity) == "the same outputs in testing, up to 0.0e+00 (limit 1e-06)"
    assert same_in_testing(dropping(False), gluon_mlp(), BATCHES)
    parity = same_in_testing(dropping(False), dropping(True), BATCHES)
    assert not parity
    assert str(parity).startswith("the same parameters, but other outputs in testing")


def test_same_path_accepts_batches_of_numpy_arrays():
    batches = [tuple(array.asnumpy() for array in batch) for batch in BATCHES]
    assert same_path(scratch_mlp(), gluon_mlp(), batches, 16)


def test_same_path_repeats_the_batches_for_more_steps_than_an_epoch():
    assert same_path(scratch_mlp(), gluon_mlp(), BATCHES, 16, steps=9).steps == 9


def test_same_path_compares_in_single_precision_on_request():
    parity = same_path(scratch_mlp(), gluon_mlp(), BATCHES, 16, steps=3, dtype="float32", tolerance=1e-4)
    assert 1e-12 < parity.max_abs_diff < 1e-4


def test_same_path_finds_a_tenth_of_a_step_in_single_precision():
    options = {"dtype": "float32", "tolerance": 1e-4, "steps": 3}
    parity = same_path(scratch_mlp(), scratch_mlp(lr=0.55), BATCHES, 16, **options)
    assert parity.clue.startswith("Every update is 1.10 times ours")


def test_same_path_measures_how_far_apart_the_models_are_at_the_end():
    mx.random.seed(0)
    parity = same_path(scratch_mlp(), scratch_mlp(lr=0.5001), SAME_ORDER, 16)
    assert parity.max_abs_diff > 2 * parity.left_at["diff"]


def left_at(tolerance, **options):
    """Return where a model leaves the path of another that is the same in each call."""
    mx.random.seed(0)
    return same_path(scratch_mlp(), scratch_mlp(**options), SAME_ORDER, 16, tolerance=tolerance).left_at


def test_same_path_allows_parameters_below_1_no_more_than_the_tolerance():
    first = left_at(1e-6, frozen=3)["diff"]  # of a bias, which starts at 0
    assert left_at(0.6 * first, frozen=3)["step"] == 1
    assert left_at(1.1 * first, frozen=3)["step"] > 1


def test_same_path_describes_the_first_step_that_differs_not_the_one_that_is_too_far():
    later = left_at(8e-6, lr=0.5 * (1 + 3e-5))
    assert later["step"] > 1
    assert later["ratio"] == pytest.approx(1 + 3e-5, abs=1e-6)


def test_book_arrays_returns_the_books_layout():
    model = gluon_mlp(hidden=7)
    model.net(nd.ones((1, 4)))
    assert [array.shape for array in book_arrays(model)] == [(4, 7), (7,), (7, 3), (3,)]
    np.testing.assert_array_equal(book_arrays(model)[0], model.net[0].weight.data().asnumpy().T)


@pytest.mark.parametrize("batch_size", [10, 8])
@pytest.mark.parametrize(
    ("ours", "name", "options", "limit"),
    [(Momentum, "sgd", {"momentum": 0.9}, 1e-12), (Adam, "adam", {}, 1e-7)],
)
def test_same_path_holds_for_momentum_and_adam_to_the_last_digits(ours, name, options, limit, batch_size):
    mine, other = scratch_mlp(), gluon_mlp(name, **{**options, "learning_rate": 0.1})
    mine.trainer = ours(mine.params, 0.1)
    assert same_path(mine, other, BATCHES, batch_size, steps=20).max_abs_diff < limit


def clue(theirs, ours=None, **options):
    """Return what same_path says of how two models' steps differ, after where they do."""
    parity = same_path(ours or gluon_mlp(), theirs, BATCHES, 16, **options)
    where, _, clue = str(parity).partition("(limit 1e-06). ")
    assert where.startswith("not the same path: at step ")
    assert clue == parity.clue == parity.left_at["clue"]
    return clue


@settings(max_examples=25)
@given(st.floats(0.01, 100).filter(lambda factor: abs(factor - 1) > 1e-3), st.sampled_from([1, -1]))
def test_same_path_diagnoses_a_scaled_learning_rate_with_its_factor(factor, sign):
    parity = same_path(scratch_mlp(lr=0.1), scratch_mlp(lr=sign * 0.1 * factor), BATCHES, 16, steps=2)
    assert parity.left_at["ratio"] == pytest.approx(sign * factor, rel=1e-5)
    assert ("opposite" if sign < 0 else "same") + " direction" in parity.clue


def test_same_path_says_how_a_whole_step_differs():
    assert clue(scratch_mlp(lr=1.0)) == (
        "Every update is 2.00 times ours in the same direction: learning rate or batch size?"
    )
    assert "1.0002 times ours" in clue(scratch_mlp(lr=0.5001))
    assert clue(scratch_mlp(lr=-0.5)).startswith("Every update is ours in the opposite direction")
    assert clue(scratch_mlp(lr=0.0)).startswith("Theirs takes no step at all")
    assert "is the gradient not divided by the batch size, 16?" in clue(scratch_mlp(lr=8.0))
    mean = replace(scratch_mlp(), loss=lambda y_hat, y: cross_entropy(y_hat, y).mean())
    assert (
        "0.0625 times ours in the same direction: is the gradient divided by the batch size, 16, twice"
        in (clue(mean))
    )


def test_same_path_tells_a_factor_of_the_loss_from_one_of_the_step():
    twice = replace(scratch_mlp(), loss=lambda y_hat, y: 2 * cross_entropy(y_hat, y))
    assert clue(twice).startswith("Their loss and every update are 2.00 times ours")
    own = replace(scratch_mlp(), loss=lambda y_hat, y: 16 / len(y) * cross_entropy(y_hat, y))
    assert clue(own).startswith("Until step 4 the updates agree.")
    assert clue(own).endswith("divided by its own 12 examples, not by 16?")


def test_same_path_says_that_the_net_or_the_loss_differs_before_the_step():
    assert "the net or the loss computes something else" in clue(scratch_mlp(activation=nd.tanh))
    theirs, ours = (replace(scratch_mlp(), loss=lambda y_hat, y: y_hat.sum(axis=1) / 0) for _ in range(2))
    assert "Their parameters are no longer finite." in clue(theirs)
    assert "Our parameters are no longer finite." in clue(gluon_mlp(), ours)


def test_same_path_names_the_parameters_whose_updates_differ_and_those_that_agree():
    text = clue(scratch_mlp(frozen=3), scratch_mlp())
    assert text == (
        "Theirs does not move parameter 3: given to the trainer, and used by the net? "
        "Theirs moves parameter 0, parameter 1 and parameter 2 as ours does."
    )
    text = clue(scratch_mlp(penalty=0.1), scratch_mlp())
    assert text.startswith("The difference in parameter 0 is -0.1 times the value itself: weight decay")
    fast = scratch_mlp()
    fast.trainer.step = lambda size: (
        SGD(fast.params[:2], 0.5).step(size),
        SGD(fast.params[2:], 2).step(size),
    )
    text = clue(fast, scratch_mlp())
    assert text.startswith(
        "Theirs moves parameter 2 and parameter 3 by 4.00 times our step. Theirs moves par"
    )


def test_same_path_says_what_is_kept_from_step_to_step():
    mine = scratch_mlp()
    mine.trainer = Momentum(mine.params, 0.5)
    assert clue(mine) == (
        "Until step 2 the updates agree. Theirs moves every parameter by 0.90 times the previous step more: "
        "momentum, or gradients that add up?"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda params: params[:1] + params[2:], r"our parameter 1, \(4,\), is missing: a bias\?"),
        (lambda params: [*params, nd.ones(2)], r"parameter 4, \(2,\), is one that ours lacks"),
        (lambda params: params[2:] + params[:2], "the same shapes in another order"),
        (lambda params: [*params[:2], params[2].T, params[3]], r"parameter 2 is transposed: \(3, 4\), ours"),
        (
            lambda params: [*params[:3], params[3].reshape((1, 3))],
            r"parameter 3 has the right number of elements in another shape: \(1, 3\), ours \(3,\)",
        ),
    ],
    ids=["missing", "additional", "order", "transposed", "shape"],
)
def test_same_path_says_which_parameter_does_not_correspond(change, message):
    theirs = scratch_mlp()
    theirs.params = change(theirs.params)
    with pytest.raises(ValueError, match=f"do not correspond: shapes .*{message}"):
        same_path(gluon_mlp(), theirs, BATCHES, 16)


def test_same_path_names_gluons_parameter_that_does_not_correspond():
    with pytest.raises(
        ValueError, match=r"parameter 2 \(dense\d+_weight\) has shape \(5, 3\), ours \(4, 3\)"
    ):
        same_path(scratch_mlp(), gluon_mlp(hidden=5), BATCHES, 16)


def test_same_path_asks_for_an_array_of_the_net_that_is_not_among_its_params():
    theirs, constant = scratch_mlp(), nd.ones(3)
    net = theirs.net
    theirs.net = lambda X: net(X) * constant  # stays in single precision
    with pytest.raises(ValueError, match="every array that it uses must be among its params"):
        same_path(scratch_mlp(), theirs, BATCHES, 16)


@pytest.mark.parametrize("build", [scratch_mlp, gluon_mlp])
def test_same_path_trains_a_model_without_trainer_as_the_loop_does(build):
    assert same_path(gluon_mlp(), replace(build(), trainer=None), BATCHES, 16).max_abs_diff < 1e-12
    assert same_path(replace(build(), trainer=None), gluon_mlp(), BATCHES, 16)
    assert same_path(scratch_mlp(lr=0.3), replace(build(), trainer=None, lr=0.3), BATCHES, 16)
    parity = same_path(gluon_mlp(), replace(build(), trainer=None, lr=0.1), BATCHES, 16)
    assert parity.left_at["ratio"] == pytest.approx(0.2)
    with pytest.raises(ValueError, match="neither model has a trainer or an lr"):
        same_path(replace(scratch_mlp(), trainer=None), replace(build(), trainer=None), BATCHES, 16)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *[({"tolerance": value}, "tolerance must be") for value in (np.nan, np.inf, -1e-9, "1e-6", None)],
        *[({"batch_size": value}, "batch_size must be a number above 0") for value in (0, -1, None, "16")],
    ],
)
def test_same_path_refuses_numbers_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        same_path(scratch_mlp(), gluon_mlp(), BATCHES, **{"batch_size": 16, **changes})
    if "tolerance" in changes:
        with pytest.raises(ValueError, match=message):
            same_in_testing(scratch_mlp(), gluon_mlp(), BATCHES, **changes)


@pytest.mark.parametrize("build", [scratch_mlp, gluon_mlp])
def test_same_path_refuses_to_compare_a_model_with_itself(build):
    model = build()
    for other in (model, replace(model, net=lambda X: model.net(X))):
        with pytest.raises(ValueError, match="both models have the same parameters"):
            same_path(model, other, BATCHES, 16)
