"""Test the XOR chapter with short runs: a net of three units, and its variants."""

import functools

import pytest
from mxnet import nd

from chapters import xor
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.experiment.comparison import all_runs
from d2l_repro.results import plot
from d2l_repro.settings import Options
from d2l_repro.train.parameters import parameters

HP = xor.HParams(num_epochs=2, steps=10)
TABLE = "Every variant, the best first"


@functools.lru_cache
def result():
    return xor.run(HP, quick=True)


def test_comparisons_train_every_variant_from_scratch_and_with_gluon():
    assert result().errors == {}
    assert [run.name for run in result().runs] == [run.label for run in all_runs(xor.comparisons(HP))]
    variants = [{run.variant for run in result().select(impl)} for impl in ("scratch", "gluon")]
    assert variants[0] == variants[1]
    assert len(variants[0]) == 23


CHANGES = [
    ({}, [(2, 3), (3,), (3, 1), (1,)]),
    ({"num_hiddens1": 8}, [(2, 8), (8,), (8, 1), (1,)]),
    ({"num_hiddens2": 2}, [(2, 3), (3,), (3, 2), (2,), (2, 1), (1,)]),
    ({"bias": False}, [(2, 3), (3, 1)]),
    ({"activation": None, "num_hiddens2": 2}, [(2, 3), (3,), (3, 2), (2,), (2, 1), (1,)]),
]


@pytest.mark.parametrize(("changes", "shapes"), CHANGES)
@pytest.mark.parametrize("build", [xor.from_scratch, xor.with_gluon])
def test_builders_build_the_net_of_the_setting(build, changes, shapes):
    hp = xor.Setting(**changes)
    data = xor.data(hp, Options())
    model = build(hp, data)
    model.net(data.source.train[0])  # from which Gluon takes the number of inputs
    assert [param.get().shape for param in parameters(model)] == shapes


@pytest.mark.parametrize("build", [xor.from_scratch, xor.with_gluon])
def test_net_is_linear_without_activation_and_a_probability_with_squared_loss(build):
    data = xor.data(xor.Setting(), Options())
    X, Z = data.source.test[0][:100], data.source.test[0][100:200]
    linear = build(xor.Setting(activation=None), data).net
    assert (linear((X + Z) / 2) - (linear(X) + linear(Z)) / 2).abs().max().asscalar() < 1e-5
    logits = build(xor.Setting(), data).net
    assert (logits((X + Z) / 2) - (logits(X) + logits(Z)) / 2).abs().max().asscalar() > 1e-2
    y_hat = build(xor.Setting(loss="squared"), data).net(X)
    assert y_hat.min().asscalar() > 0
    assert y_hat.max().asscalar() < 1


def test_is_correct_compares_probabilities_with_one_half_and_logits_with_zero():
    y = nd.array([1, 0])
    squared, logistic = (xor.data(xor.Setting(loss=loss), Options()) for loss in ("squared", "logistic"))
    assert squared.source.is_correct(nd.array([[0.6], [0.4]]), y).asnumpy().tolist() == [1, 1]
    assert logistic.source.is_correct(nd.array([[0.6], [0.4]]), y).asnumpy().tolist() == [1, 0]


def test_implementations_follow_the_same_path_where_gluon_keeps_double_precision():
    pairs = result().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    compared = {pair["ours"] for pair in pairs}
    others = {run.variant for run in result().select("scratch") if run.name not in compared}
    assert others == {"adagrad", "rmsprop", "adadelta"}


def test_comparisons_let_only_large_learning_rates_diverge():
    runs = all_runs(xor.comparisons(HP))
    assert {run.variant for run in runs if run.may_diverge} == {"lr=100", "lr=1000"}


def test_run_quick_leaves_figures():
    for figure in result().figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    names = ("every_variant", "regions")
    assert result().figures.keys() == {f"{name}_{impl}" for name in names for impl in ("scratch", "gluon")}


def test_show_puts_the_best_variant_first():
    accuracies = [float(row["test acc"]) for row in result().tables[TABLE] if row["test acc"] != "-"]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(result().tables[TABLE]) == len(result().runs)


def test_xor_points_cannot_be_separated_by_a_line():
    data = xor.data(xor.Setting(), Options())
    seed_everything(0)
    lines = nd.random.normal(shape=(200, 3))
    X, y = data.source.test
    sides = nd.dot(lines[:, :2], X.T) + lines[:, 2:] > 0
    assert (sides == y.reshape((1, -1))).mean(axis=1).max().asscalar() < 0.8


def test_variants_all_at_once_take_as_many_examples_as_they_say():
    tables = xor.variants(xor.HParams())
    base, alike = tables["Activation"]["three units, ReLU"], tables["Batch"]["all at once, as many examples"]
    assert base.num_epochs * base.steps * base.batch_size == 4000
    assert alike.num_epochs * alike.steps * alike.batch_size == 4000
    assert [len(y) for _, y in xor.data(base, Options()).train_iter].count(8) == 24
    assert [len(y) for _, y in xor.data(alike, Options()).train_iter] == [100, 100]
