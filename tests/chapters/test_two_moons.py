"""Test the chapter on two moons with short runs: its nets, with gradients by hand and by autograd."""

import functools

import numpy as np
import pytest

from chapters import two_moons
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.experiment.comparison import all_runs
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.settings import Options
from d2l_repro.train.parameters import parameters

HP = two_moons.HParams(num_epochs=20)


@functools.lru_cache
def result(impl="both"):
    return two_moons.run(HP, quick=True, impl=impl)


def test_comparisons_train_every_net_from_scratch_and_with_gluon():
    assert result().errors == {}
    assert [run.name for run in result().runs] == [run.label for run in all_runs(two_moons.comparisons(HP))]
    variants = {impl: {run.variant for run in result().select(impl)} for impl in ("scratch", "gluon")}
    assert len(variants["gluon"]) == 8
    assert variants["scratch"] - variants["gluon"] == {two_moons.BY_AUTOGRAD}


@pytest.mark.parametrize(("num_hidden_layers", "units"), [(1, [2, 5, 1]), (2, [2, 5, 3, 1])])
@pytest.mark.parametrize("build", [two_moons.from_scratch, two_moons.with_gluon])
def test_builders_give_the_nets_the_articles_numbers_of_units(build, num_hidden_layers, units):
    hp = two_moons.Setting(num_hidden_layers=num_hidden_layers)
    data = two_moons.data(hp, Options())
    model = build(hp, data)
    model.net(data.source.train[0])  # from which Gluon takes the number of inputs
    shapes = [param.get().shape for param in parameters(model)]
    assert shapes == [shape for n, m in zip(units, units[1:]) for shape in ((n, m), (m,))]


def test_implementations_follow_the_same_path():
    pairs = result().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    assert len(pairs) == 8


def test_published_values_each_have_a_run_and_metric_of_ours():
    rows = [row for row in published_values() if row["chapter"] == "two_moons"]
    assert rows
    for row in rows:
        for impl in ("scratch", "gluon"):
            assert row["metric"] in result().find(impl, row["run"]).metrics


def test_run_quick_leaves_figures():
    for figure in result().figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    nets = ("one_hidden_layer", "two_hidden_layers", "regions")
    assert result().figures.keys() == {f"{net}_{impl}" for net in nets for impl in ("scratch", "gluon")}


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_run_of_one_implementation_gives_the_same_numbers(impl):
    assert result(impl).errors == {}
    assert {run.impl for run in result(impl).runs} == {impl}
    for run in result(impl).runs:
        assert run.metrics == result().find(impl, run.variant).metrics


def test_gradients_by_hand_and_by_autograd_lead_to_the_same_parameters():
    by_hand, by_autograd = result().tables["Gradients by hand and by autograd"]
    assert (by_hand["run"], by_autograd["run"]) == (
        "scratch 1 hidden lr=0.2",
        "scratch 1 hidden lr=0.2, autograd",
    )
    assert float(by_hand["parameters differ by"]) < 1e-5
    assert by_autograd["parameters differ by"] == by_hand["parameters differ by"]


def test_compare_gradients_needs_the_runs_from_scratch():
    assert result("gluon").tables["Gradients by hand and by autograd"] == []


def test_train_restores_the_best_epoch_in_every_implementation():
    hp = two_moons.Setting(num_epochs=3, lr=5.0)
    for build in (two_moons.from_scratch, two_moons.with_gluon):
        seed_everything(0)
        data = two_moons.data(hp, Options())
        model = build(hp, data)
        history = two_moons.train(model, data, hp)
        X, y = data.source.valid
        accuracy = data.source.is_correct(model.net(X), y).mean().asscalar()
        assert accuracy == pytest.approx(max(row["valid_acc"] for row in history))


def test_data_are_split_as_in_the_article():
    data = two_moons.data(two_moons.HParams(), Options())
    parts = (data.source.train, data.source.valid, data.source.test)
    assert [len(y) for _, y in parts] == [640, 160, 200]
    points = np.concatenate([X.asnumpy() for X, _ in parts])
    assert len(np.unique(points, axis=0)) == 1000
    assert [len(y) for _, y in data.train_iter] == [640]
