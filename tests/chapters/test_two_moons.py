"""Test the chapter on two moons with short runs: its nets, with gradients by hand and by autograd."""

import functools

import numpy as np
import pytest

from chapters import two_moons
from d2l_repro.experiment.comparison import all_runs
from d2l_repro.results import plot
from d2l_repro.results.published import labels, published_values
from d2l_repro.results.verdicts import exact_interval
from d2l_repro.scratch import orthogonal
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters

HP = two_moons.HParams(num_epochs=6, trials=2)
SOME = ("1 hidden lr=0.2", "2 hidden lr=5", "zero")
BUILDERS = pytest.mark.parametrize("build", [two_moons.from_scratch, two_moons.with_gluon])


@functools.lru_cache
def result(impl="both"):
    return two_moons.run(HP, quick=True, impl=impl, only=() if impl == "both" else SOME)


def test_comparisons_train_every_net_from_scratch_and_with_gluon():
    assert result().errors == {}
    trained = [run.name for run in result().runs if run.seed == 0]
    labels = [run.label for run in all_runs(two_moons.comparisons(HP))]
    assert trained == [*labels, "scratch conclusions"]
    variants = {impl: {run.variant for run in result().select(impl)} for impl in ("scratch", "gluon")}
    only_ours = {two_moons.BY_AUTOGRAD, "nadam lr=0.1", "conclusions"}
    assert variants["scratch"] - variants["gluon"] == only_ours


@pytest.mark.parametrize("widths", [(5,), (5, 3), (), (10, 10), (5, 5, 5)])
@BUILDERS
def test_builders_give_the_nets_their_numbers_of_units(build, widths):
    hp = two_moons.Setting(widths=widths)
    data = two_moons.data(hp, Options())
    model = build(hp, data)
    model.net(data.source.train[0])  # from which Gluon takes the number of inputs
    shapes = [param.get().shape for param in parameters(model)]
    units = (2, *widths, 1)
    assert shapes == [shape for n, m in zip(units, units[1:]) for shape in ((n, m), (m,))]


@BUILDERS
def test_initial_weights_are_drawn_as_named(build):
    weights = {}
    for name in ("normal", "uniform", "zero", "orthogonal"):
        seed_everything(0)
        hp = two_moons.Setting(init=name, widths=(4000,))
        data = two_moons.data(hp, Options())
        model = build(hp, data)
        model.net(data.source.train[0])
        weights[name] = parameters(model)[0].get()
    assert weights["normal"].std() == pytest.approx(1, abs=0.03)
    assert abs(weights["uniform"]).max() == pytest.approx(1, abs=0.01)
    assert weights["uniform"].std() == pytest.approx(3**-0.5, abs=0.02)
    assert not weights["zero"].any()
    np.testing.assert_allclose(weights["orthogonal"] @ weights["orthogonal"].T, np.eye(2), atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 5), (5, 1), (3, 3), (4, 5, 2), (4, 2, 5)])
def test_orthogonal_matrices_have_orthonormal_rows_or_columns_and_differ(shape):
    W = orthogonal(shape).asnumpy().reshape((-1, *shape[-2:]))
    tall = shape[-2] >= shape[-1]
    gram = [one.T @ one if tall else one @ one.T for one in W]
    np.testing.assert_allclose(gram, [np.eye(min(shape[-2:]))] * len(W), atol=1e-6)
    assert len({one.tobytes() for one in W}) == len(W)


def test_orthogonal_matrices_have_no_preferred_direction():
    W = orthogonal((2000, 3, 3)).asnumpy()
    np.testing.assert_allclose(W.mean(axis=0), np.zeros((3, 3)), atol=5 / np.sqrt(3 * 2000))
    np.testing.assert_allclose((W**2).mean(axis=0), np.full((3, 3), 1 / 3), atol=0.04)


def test_trials_compare_initial_weights_and_optimizers():
    tables = result().tables
    weights = tables["Initial weights at a learning rate of 1: 2 nets of each kind"]
    assert [row["net"] for row in weights] == ["N(0, 1)", "U(-1, 1)", "orthogonal", "N(0, 0.45)"]
    rules = tables["Optimizers: 2 nets of each kind"]
    assert len(rules) == sum(map(len, two_moons.RULES.values()))
    assert len({row["median train loss"] for row in rules}) == len(rules)


def test_implementations_follow_the_same_path():
    pairs = result().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    runs = all_runs(two_moons.comparisons(HP))
    compared = [run for run in runs if run.compare_paths and run.impl == "gluon"]
    assert len(pairs) == len(compared)
    kinds = {(run.hp.widths, run.hp.init, run.hp.lr) for run in compared}
    # Those that are not compared take the steps of others.
    for run in all_runs(two_moons.comparisons(HP)):
        kind = (run.hp.widths, run.hp.init, run.hp.lr)
        assert kind in kinds or run.hp.init == "zero" or run.hp.optimizer in ("adagrad", "adadelta", "nadam")


def test_published_values_each_have_a_run_and_metric_of_ours():
    runs = {run.label: run for run in all_runs(two_moons.comparisons(two_moons.HParams()))}
    rows = [row for row in published_values() if row["chapter"] == "two_moons"]
    assert len(rows) > 50
    for row in rows:
        epochs = [int(part) for part in row["metric"].split("_") if part.isdigit()][:1]
        if "conclusions" in row["run"]:
            assert row["metric"] in two_moons.CLAIMS
        elif row["metric"].startswith("after_"):
            (k,) = epochs
            assert k in two_moons.LOGGED
            assert all(k < runs[label].hp.num_epochs for label in labels(row["run"]))
        else:
            variant = row["run"].removeprefix("scratch ").replace("2000 epochs", "4 epochs")
            assert row["metric"] in result().find("scratch", variant).metrics


def test_run_quick_leaves_figures():
    for name in ("one_hidden_layer_gluon", "samples", "trials", "search", "training_losses"):
        assert plot.render(result().figures[name], "png").startswith(b"\x89PNG")
    compared = ("one_hidden_layer", "two_hidden_layers", "initial_weights", "depth_and_width", "optimizers")
    regions = ("regions", "regions_all_points", "other_regions")
    drawn = {
        f"{name}_{impl}" for name in (*compared, "all_weights_0", *regions) for impl in ("scratch", "gluon")
    }
    assert result().figures.keys() == {*drawn, "samples", "trials", "search", "training_losses"}


def test_regions_cover_the_square_of_the_article():
    ax = result().figures["regions_scratch"].axes[0]
    assert ax.get_xlim() == pytest.approx((-np.pi, np.pi))
    assert ax.get_ylim() == pytest.approx((-np.pi, np.pi))


def test_every_point_is_drawn_with_the_regions_of_the_articles_two_nets():
    axes = result().figures["regions_all_points_scratch"].axes
    assert [ax.get_title().split("\n")[0] for ax in axes] == ["1 hidden lr=0.2", "2 hidden lr=0.2"]
    for ax in axes:
        points = {line.get_label(): len(line.get_xdata()) for line in ax.get_lines()}
        assert points.keys() == {"all points of class 0", "all points of class 1"}
        assert sum(points.values()) == two_moons.NUM_TRAIN + two_moons.NUM_VALID + two_moons.NUM_TEST


def test_losses_and_accuracies_are_drawn_in_training_and_validation():
    for name in ("one_hidden_layer_gluon", "all_weights_0_scratch"):
        labels = [ax.get_ylabel() for ax in result().figures[name].axes]
        assert labels == ["training loss", "validation loss", "training accuracy", "validation accuracy"]


def test_log_every_prints_the_losses_and_best_scores_of_the_first_net_only(capsys):
    runs = all_runs(two_moons.comparisons(HP.replace(log_every=2)))
    assert {run.variant for run in runs if run.hp.log_every} == {two_moons.BY_HAND}
    run = next(run for run in runs if run.label == f"scratch {two_moons.BY_HAND}")
    data = two_moons.data(run.hp, Options())
    seed_everything(0)
    two_moons.train(two_moons.from_scratch(run.hp, data), data, run.hp)
    lines = capsys.readouterr().out.splitlines()
    assert sum("the best so far" in line for line in lines) >= 1
    assert [line.split(",")[0] for line in lines if "train loss" in line] == ["epoch 1", "epoch 3", "epoch 5"]


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_a_start_from_zero_follows_from_the_class_counts(impl):
    """One step's arithmetic, for a training set with 326 of 640 examples of class 1."""
    run = result().find(impl, "zero")
    share, lr = 326 / 640, 0.2
    assert run.history[0]["train_loss"] == pytest.approx(np.log(2), abs=2e-7)
    b, v, c = 0.0, 0.0, 0.0  # output bias, output weight, hidden bias
    for row in run.history[:2]:
        p = 1 / (1 + np.exp(-(b + 5 * v / 2)))
        b, v, c = b - lr * (p - share), v - lr * (p - share) / 2, c - lr * (p - share) * v / 4
        assert row["output_b"] == pytest.approx(b, rel=2e-4)
        assert row["output_w"] == pytest.approx(v, rel=2e-4)
        assert row["hidden_b"] == pytest.approx(c, rel=2e-4)
    assert run.metrics["best_valid_acc"] == 82 / 160
    trained = result().find(impl, "zero, trained")
    assert max(trained.history["units_apart"]) == max(run.history["units_apart"]) == 0
    assert trained.history[-1]["hidden_w1"] != 0


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_exact_published_values_come_out(impl):
    exact = [row for row in published_values() if row["chapter"] == "two_moons" and row["kind"] == "exact"]
    assert {row["run"] for row in exact} == {"zero"}
    metrics = result().find(impl, "zero").metrics
    for row in exact:
        low, high = exact_interval(row)
        assert low <= metrics[row["metric"]] <= high, row


def test_equal_units_stay_equal_and_yet_find_a_straight_line():
    hp = two_moons.Setting(init="zero", lr=5.0, num_epochs=60, ones=(326, 82))
    data = two_moons.data(hp, Options())
    model = two_moons.with_gluon(hp, data)
    history = two_moons.train(model, data, hp)
    assert max(history["units_apart"]) == 0
    assert history[-1]["valid_acc"] > 0.8


def test_trials_become_runs_only_if_their_number_is_asked_for():
    usual = two_moons.chapter.defaults(quick=True)
    names = ("1 hidden lr=5",)
    asked = two_moons.run(usual.replace(num_epochs=3, trials=4), quick=True, only=names, impl="scratch")
    runs = asked.select("scratch", "1 hidden lr=5")
    assert len({run.seed for run in runs}) == len(runs) == 4
    assert len({run.metrics["test_loss"] for run in runs}) == 4
    one = two_moons.run(usual.replace(trials=1), quick=True, only=names, impl="scratch")
    assert len(one.runs) == 1
    assert "trials" not in one.figures


def test_rules_of_thumb_are_those_of_the_article():
    assert two_moons.rules(()) == two_moons.rules((5,)) == two_moons.rules((5, 3)) == "-"
    assert [two_moons.rules((units,)) for units in (1, 2, 3)] == ["1, 3", "1, 2, 3", "3"]


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_run_of_one_implementation_gives_the_same_numbers(impl):
    assert result(impl).errors == {}
    assert {run.impl for run in result(impl).runs} == {impl}
    for variant in SOME:
        assert result(impl).find(impl, variant).metrics == result().find(impl, variant).metrics


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
    data = two_moons.data(two_moons.Setting(), Options())
    parts = (data.source.train, data.source.valid, data.source.test)
    assert [len(y) for _, y in parts] == [640, 160, 200]
    points = np.concatenate([X.asnumpy() for X, _ in parts])
    assert len(np.unique(points, axis=0)) == 1000
    assert [len(y) for _, y in data.train_iter] == [640]
