"""Test the XOR chapter with short runs: a net of three units, and its variants."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from mxnet import nd

from chapters import xor
from d2l_repro.experiment.comparison import all_runs
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.results.run import RunResult
from d2l_repro.results.scales import SINGLE_PRECISION
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters

HP = xor.HParams(num_epochs=2, steps=5)
TABLE = "Every variant, the best first"


@functools.lru_cache
def result():
    return xor.run(HP, quick=True)


def test_comparisons_train_every_variant_from_scratch_and_with_gluon():
    assert result().errors == {}
    added = ["data", "scratch conclusions", "gluon conclusions"]
    assert [run.name for run in result().runs] == [
        *(run.label for run in all_runs(xor.comparisons(HP))),
        *added,
    ]
    variants = [{run.variant for run in result().select(impl)} for impl in ("scratch", "gluon")]
    assert variants[0] == variants[1]


CHANGES = [
    ({}, [(2, 3), (3,), (3, 1), (1,)]),
    ({"hidden": (8,)}, [(2, 8), (8,), (8, 1), (1,)]),
    ({"hidden": (3, 2)}, [(2, 3), (3,), (3, 2), (2,), (2, 1), (1,)]),
    ({"bias": False}, [(2, 3), (3, 1)]),
    ({"activation": None, "hidden": (3, 2)}, [(2, 3), (3,), (3, 2), (2,), (2, 1), (1,)]),
    ({"task": "quadratic", "hidden": (10,)}, [(1, 10), (10,), (10, 1), (1,)]),
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


def test_implementations_follow_the_same_path():
    pairs = result().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    assert {pair["ours"] for pair in pairs} == {f"scratch {name}" for name in xor.COMPARED}


def clipped_log(p):
    return np.log(np.clip(p, np.float32(1e-10), 1))


def test_one_sided_loss_is_the_cross_entropy_without_its_second_half():
    p, y = np.array([0.5, 0.1, 0, 1, 2, 0.3, 0.9]), np.array([1, 1, 1, 1, 1, 0, 0])
    expected = [np.log(2), np.log(10), -np.log(1e-10), 0, 0, 0, 0]
    arrays = nd.array(p, dtype="float64").expand_dims(1), nd.array(y, dtype="float64")
    for loss in (xor.one_sided_cross_entropy, xor.OneSidedLoss()):
        np.testing.assert_allclose(
            loss(*arrays).asnumpy(), expected, rtol=1e-8
        )  # MXNet keeps the clip in single


def test_one_sided_gradient_equals_central_differences_and_is_0_beyond_the_clip():
    p = nd.array([[0.5], [0.01], [0.999], [-3], [1.5], [1e-12], [0.5]], dtype="float64")
    y = nd.array([1, 1, 1, 1, 1, 1, 0], dtype="float64")
    eps = 1e-13
    ends = [xor.one_sided_cross_entropy(p + sign * eps, y).asnumpy() for sign in (1, -1)]
    by_hand = xor.one_sided_gradient(p, y).asnumpy()[:, 0]
    np.testing.assert_allclose(by_hand, (ends[0] - ends[1]) / (2 * eps), rtol=1e-2)
    assert by_hand[3:].tolist() == [0, 0, 0, 0]


def test_clipped_loss_of_36_is_the_number_that_the_article_prints():
    assert xor.clipped_loss(36) == pytest.approx(8.289306640625, rel=SINGLE_PRECISION)
    assert xor.clipped_loss(0) == 0


def test_one_sided_loss_teaches_the_net_to_answer_1_and_the_whole_does_not():
    tables = xor.variants(xor.HParams())
    last = {}
    for title, kind in (("One-sided loss", xor.ONE_SIDED), ("Whole cross-entropy", xor.WHOLE)):
        setting = tables[title][f"{kind} {xor.CONTROL}"]
        seed_everything(0)
        data = xor.data(setting, Options())
        model = xor.with_gluon(setting, data)
        last[kind] = xor.train(model, data, setting)[-1]
        assert ("best_epoch" in xor.metrics(model, data, [last[kind]])) == (kind == xor.WHOLE)
    zeros = 1 - data.source.train[1].mean().asscalar()
    assert last[xor.ONE_SIDED]["one_sided_loss"] < 1e-3
    assert last[xor.ONE_SIDED]["ones"] == 1
    assert last[xor.ONE_SIDED]["mse"] == pytest.approx(zeros, abs=0.01)
    assert last[xor.WHOLE]["mse"] == pytest.approx(0.25, abs=0.02)


def test_metrics_are_those_of_the_steps_that_the_article_prints():
    setting = xor.Setting(loss="one-sided", num_epochs=4)
    data = xor.data(setting, Options())
    model = xor.from_scratch(setting, data)
    history = xor.train(model, data, setting)
    found = xor.metrics(model, data, history)
    assert found["step_50_loss"] == history[1]["one_sided_loss"]
    assert found["step_100_mse"] == history[3]["mse"]
    assert found.keys() == {"step_50_loss", "step_50_mse", "step_100_loss", "step_100_mse", "test_acc"}
    X, y = (array.asnumpy() for array in data.source.train)
    p = model.net(nd.array(X)).asnumpy()[:, 0]
    assert history[-1]["one_sided_loss"] == pytest.approx(-(y * clipped_log(p)).mean(), rel=1e-5)
    assert history[-1]["mse"] == pytest.approx(((p - y) ** 2).mean(), rel=1e-5)
    assert history[-1]["ones"] == pytest.approx((p > 0.5).mean())


def test_every_published_value_has_a_run_and_a_metric_of_ours():
    labels = {run.label: run for run in all_runs(xor.comparisons(xor.HParams()))}
    conclusions = {*xor.DIFFERENCES, *xor.ZEROS, *xor.FACTORS}
    for row in published_values():
        if row["chapter"] == "xor" and row["run"] not in ("data", "conclusions"):
            assert f"scratch {row['run']}" in labels
            step = int(row["metric"].split("_")[1])
            assert step in (0, *xor.PRINTED_STEPS)
        elif row["chapter"] == "xor":
            assert row["metric"] in {"loss_of_36_clipped", *conclusions}


def test_comparisons_let_only_large_learning_rates_diverge():
    runs = all_runs(xor.comparisons(HP))
    assert {run.variant for run in runs if run.may_diverge} == {
        *(f"lr={lr}" for lr in (10, 100, 1000)),
        *(f"{kind} 3-2 lr={lr}" for kind in (xor.ONE_SIDED, xor.WHOLE) for lr in (10, 100, 1000)),
    }


def test_run_quick_leaves_figures():
    for figure in result().figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    names = ("one-sided_loss", "whole_cross-entropy", "every_variant", "quadratic", "regions")
    assert result().figures.keys() == {f"{name}_{impl}" for name in names for impl in ("scratch", "gluon")}


def test_show_puts_the_best_variant_first():
    accuracies = [float(row["test acc"]) for row in result().tables[TABLE] if row["test acc"] != "-"]
    assert accuracies == sorted(accuracies, reverse=True)
    kinds = (xor.ONE_SIDED, xor.WHOLE, "quadratic", "conclusions", "data")
    others = [
        run
        for run in result().runs
        if run.variant.partition(" ")[0].rstrip(",") in kinds or run.impl == "data"
    ]
    assert len(result().tables[TABLE]) == len(result().runs) - len(others)


def test_show_puts_both_losses_of_each_net_in_one_row():
    rows = result().tables[xor.PAIRED]
    nets = xor.article_variants(HP)
    assert [row["net"] for row in rows] == [f"{impl} {net}" for impl in ("scratch", "gluon") for net in nets]
    last = result().find("gluon", f"{xor.ONE_SIDED} hidden 4").history[-1]
    row = next(row for row in rows if row["net"] == "gluon hidden 4")
    assert row["one-sided: mse"] == f"{last['mse']:.3f}"
    assert {row["run"]: row["examples"] for row in result().tables[xor.QUADRATIC]}[
        "gluon quadratic, batch 1"
    ] == HP.num_epochs * HP.steps


def test_each_hidden_activation_stands_beside_the_losses_that_the_article_prints():
    assert result().tables[xor.ACTIVATIONS] == []  # after so few steps there is nothing to compare
    printed = 0.0029369213
    losses = {"step_400_loss": 4 * printed, "step_450_loss": 3 * printed, "step_500_loss": 2 * printed}
    runs = [
        RunResult("gluon", f"{xor.ONE_SIDED} {name}", 0, metrics=losses)
        for name in ("sigmoid", "tanh", "linear output")
    ]
    article, *ours = xor.activation_rows(SimpleNamespace(runs=runs))
    assert (article["net"], article["step 500 loss"], article["times the article's"]) == (
        "the article",
        "2.94e-03",
        "1.00",
    )
    assert [row["net"] for row in ours] == ["gluon one-sided sigmoid", "gluon one-sided tanh"]
    assert {row["times the article's"] for row in ours} == {"2.00"}


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
