"""Test the comparison of paths: it must find every difference that matters, and no other."""

import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.chapter import Model
from d2l_repro.scratch import SGD, Adam, Momentum, cross_entropy, relu, softmax
from d2l_repro.train.parameters import book_arrays
from d2l_repro.verify.parity import same_path

rng = np.random.RandomState(0)
BATCHES = Minibatches(nd.array(rng.normal(size=(60, 4))), nd.array(rng.randint(0, 3, 60)), 16, seed=0)


def scratch_mlp(lr=0.5, activation=relu, penalty=0.0, hidden=4, frozen=None):
    W1, W2 = nd.random.normal(shape=(4, hidden)), nd.random.normal(shape=(hidden, 3))
    params = [W1, nd.zeros(hidden), W2, nd.zeros(3)]
    for param in params:
        param.attach_grad()

    def net(X):
        return softmax(nd.dot(activation(nd.dot(X, params[0]) + params[1]), params[2]) + params[3])

    trainer = SGD([param for i, param in enumerate(params) if i != frozen], lr)
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
    broken = scratch_mlp()
    broken.trainer.set_learning_rate(float("nan"))
    assert not same_path(gluon_mlp(), broken, BATCHES, 16, steps=1)


def test_same_path_rejects_models_that_do_not_correspond():
    with pytest.raises(ValueError, match=r"do not correspond: shapes \[\(4, 4\).*\(4, 5\)"):
        same_path(scratch_mlp(), gluon_mlp(hidden=5), BATCHES, 16)
    with pytest.raises(ValueError, match="no batch"):
        same_path(scratch_mlp(), gluon_mlp(), [], 16)


@pytest.mark.parametrize(("lr", "batch_size"), [(0.3, 16), (0.7, 10), (2.1, 100)])
def test_same_path_ignores_that_gluon_keeps_rates_in_single_precision(lr, batch_size):
    assert same_path(scratch_mlp(lr), gluon_mlp(learning_rate=lr), BATCHES, batch_size).max_abs_diff < 1e-7


def test_same_path_accepts_batches_of_numpy_arrays():
    batches = [tuple(array.asnumpy() for array in batch) for batch in BATCHES]
    assert same_path(scratch_mlp(), gluon_mlp(), batches, 16)


def test_same_path_repeats_the_batches_for_more_steps_than_an_epoch():
    assert same_path(scratch_mlp(), gluon_mlp(), BATCHES, 16, steps=9).steps == 9


def test_same_path_compares_in_single_precision_on_request():
    parity = same_path(scratch_mlp(), gluon_mlp(), BATCHES, 16, steps=3, dtype="float32", tolerance=1e-4)
    assert 1e-12 < parity.max_abs_diff < 1e-4


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
