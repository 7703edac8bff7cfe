"""Test the chapters on optimizers, preprocessing and initialization: their comparisons as tables of runs."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet import nd

from chapters import data_preprocessing, initialization, optimizers
from chapters.initialization import INITIALIZATIONS
from d2l_repro.experiment import comparison
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot, published
from d2l_repro.results.history import History
from d2l_repro.results.plot.comparisons import FEW
from d2l_repro.results.run import Status
from d2l_repro.scratch import softmax_cross_entropy
from d2l_repro.scratch.counterparts import OPTIMIZERS
from d2l_repro.settings import Options
from d2l_repro.train import train_ch3
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.loop import Loop

MODULES = {module.chapter.name: module for module in (optimizers, data_preprocessing, initialization)}
COLUMNS = {"train_loss": "training loss", "train_acc": "training accuracy", "test_acc": "test accuracy"}


@functools.lru_cache
def quick(name):
    """Return the result of a quick run on the embedded digits."""
    return MODULES[name].chapter.run(quick=True, dataset="digits")


@pytest.fixture(params=MODULES)
def result(request):
    return quick(request.param)


def tables_of(name):
    return MODULES[name].comparisons(MODULES[name].chapter.defaults(quick=True))


def runs_from_scratch(name):
    return [run for run in comparison.all_runs(tables_of(name)) if run.impl == "scratch"]


def has_counterpart(run):
    """Return whether Gluon takes the same steps as the run, which it always does outside of `optimizers`."""
    hp = run.hp
    return not isinstance(hp, optimizers.Setting) or OPTIMIZERS[hp.optimizer].has_counterpart(
        hp.wd, hp.l2_factor
    )


def test_comparisons_train_every_row_from_scratch_and_with_gluon_where_gluon_has_it(result):
    for run in runs_from_scratch(result.chapter):
        assert result.find("scratch", run.variant)
        assert bool(result.find("gluon", run.variant)) == has_counterpart(run)
    trained = [(run.impl, run.variant) for run in result.runs if run.variant != "conclusions"]
    assert trained == [(run.impl, run.variant) for run in comparison.all_runs(tables_of(result.chapter))]
    assert result.errors == {}
    own = ["Training accuracy before and after the step"] if result.chapter == "optimizers" else []
    assert list(result.tables) == [*tables_of(result.chapter), *own]


def test_runs_from_scratch_and_with_gluon_follow_the_same_path(result):
    assert [pair["ours"] for pair in result.parity["pairs"] if pair["left_at"]] == []
    assert [pair["ours"] for pair in result.parity["pairs"]] == [
        run.label for run in runs_from_scratch(result.chapter) if has_counterpart(run) and run.compare_paths
    ]


def test_runs_compare_no_paths_where_gluon_keeps_single_precision_or_bytes_overshoot():
    excluded = {run.variant for name in MODULES for run in runs_from_scratch(name) if not run.compare_paths}
    on_bytes = {variant for variant in excluded if variant.startswith("article")}
    assert excluded - on_bytes == {"adagrad", "rmsprop", "adadelta", "bytes", "bytes, softmax in the loss"}
    assert len(on_bytes) == 6
    assert all(variant.endswith(", bytes") for variant in on_bytes)


def test_draw_gives_each_row_a_line_or_a_rank_and_a_panel(result):
    for title, runs in tables_of(result.chapter).items():
        figure = result.figures[comparison.figure_name(title, "scratch")]
        found = {run.variant: result.find("scratch", run.variant) for run in runs if run.impl == "scratch"}
        words = {
            "optimizers": optimizers.NAMES,
            "data_preprocessing": data_preprocessing.words(),
            "initialization": initialization.NAMES,
        }
        words = words.get(result.chapter, {})
        short = comparison.without_common_word(found)
        names = {variant: words.get(name, name) for variant, name in short.items()}
        trained = {names[variant]: run for variant, run in found.items()}
        if len(trained) <= FEW and max(len(run.history) for run in trained.values()) >= 3:
            assert [ax.get_ylabel() for ax in figure.axes] == list(COLUMNS.values())
            for ax, column in zip(figure.axes, COLUMNS):
                drawn = {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}
                assert drawn == {variant: run.history[column] for variant, run in trained.items()}
            names = [text.get_text().removesuffix(": diverged at once") for text in figure.axes[-1].texts]
            assert sorted(names) == sorted(trained)
            styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].get_lines()}
            assert len(styles) == len(trained)
        else:
            dots, each = figure.axes[: len(COLUMNS)], figure.axes[len(COLUMNS) :]
            if not each:  # so few epochs make no curves
                assert max(len(run.history) for run in trained.values()) <= 3
            ranked = [
                label.get_text().removesuffix(": diverged at once") for label in dots[0].get_yticklabels()
            ]
            assert sorted(ranked) == sorted(trained)
            for ax, column in zip(dots, COLUMNS):
                ends = {ranked[int(y)]: x for x, y in ax.get_lines()[0].get_xydata()}
                assert ends == {name: run.history[-1][column] for name, run in trained.items() if run.history}
            values = [end[0] for end in dots[-1].get_lines()[0].get_xydata()]
            assert values == sorted(values, reverse=True)
            for ax, name in zip(each, ranked):
                in_front = ax.get_lines()[-1]
                assert (ax.get_title(), in_front.get_label()) == (name, name)
                assert list(in_front.get_ydata()) == trained[name].history["test_acc"]


def test_comparisons_have_the_settings_that_their_rows_are_named_after():
    runs = {run.variant: run for run in runs_from_scratch("optimizers")}
    rows = {variant: run.hp for variant, run in runs.items()}
    assert (rows["lr=0.1"].lr, rows["lr=0.2"].lr) == (0.1, 0.2)
    assert rows["lr=0.1"].replace(lr=0.2) == rows["lr=0.2"]
    assert (rows["adam lr=0.001"].lr, rows["adam lr=0.1"].lr) == (0.001, 0.1)
    assert rows["rho=0.9, decay"].replace(optimizer="momentum 0.99, average") == rows["rho=0.99, decay"]
    assert rows["rho=0.9, decay"].replace(l2_factor=2) == rows["rho=0.9, decay without half"]
    assert runs["mlp momentum best"].build is optimizers.mlp_from_scratch
    assert (rows["summed adam lr=0.001"].lr, rows["summed adam lr=0.1"].lr) == (0.001, 0.1)
    assert [rows[name].optimizer for name in OPTIMIZERS if name in rows] == [
        name for name in OPTIMIZERS if name != optimizers.SLOW_AVERAGE
    ]


def test_optimizers_of_the_article_have_its_constant_learning_rate_and_its_penalty_without_half():
    rows = {run.variant: run.hp for run in runs_from_scratch("optimizers")}
    summed = [hp for hp in rows.values() if hp.optimizer.startswith("summed")]
    assert len(summed) == 8
    assert {(hp.schedule, hp.wd, hp.l2_factor) for hp in summed} == {("constant", 1e-4, 2)}


def test_momentum_and_the_articles_adam_are_compared_after_equal_epochs_with_equal_decay():
    rows = {run.variant: run.hp for run in runs_from_scratch("optimizers")}
    momentum, adam = rows["softmax momentum best"], rows["summed adam lr=0.1"]
    assert momentum.num_epochs == adam.num_epochs
    assert momentum.wd * momentum.l2_factor == adam.wd * adam.l2_factor
    assert (momentum.schedule, momentum.lr, adam.lr) == ("cosine", 0.2, 0.1)


def test_adam_of_the_article_counts_epochs_in_its_bias_correction():
    hp = optimizers.Setting(2, 256, "summed adam")
    data = optimizers.data(hp, Options(dataset="digits"))
    trainer = optimizers.softmax_from_scratch(hp, data).trainer
    assert trainer.steps_per_t == len(data.train_iter) > 1


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_training_accuracy_after_the_step_is_that_of_the_batch_just_learned(impl):
    hp = optimizers.Setting(1, 256, lr=5.0, after_step=True)
    data = optimizers.data(hp, Options(dataset="digits", quick=True))
    data = dataclasses.replace(data, train_iter=[next(iter(data.train_iter))])
    builders = {"scratch": optimizers.softmax_from_scratch, "gluon": optimizers.softmax_with_gluon}
    seed_everything(0)
    model = builders[impl](hp, data)
    (row,) = optimizers.train(model, data, hp)
    ((X, y),) = data.train_iter
    assert row["train_acc_after"] == pytest.approx(float((model.net(X).argmax(1) == y).mean().asscalar()))
    assert row["train_acc_after"] > row["train_acc"] + 0.05
    assert row["train_acc_after"] - 1 / len(y) - 1e-6 <= row["train_acc_cut"] <= row["train_acc_after"] + 1e-6


def test_accuracy_after_step_cuts_as_int_does():
    """31 of 96 correct are a mean below 31 / 96 in single precision."""
    y_hat, y = nd.array([[1, 0]] * 96), nd.array([0] * 31 + [1] * 65)
    assert int(float(np.float32(31 / 96)) * 96) == 30
    callback = optimizers.AccuracyAfterStep(Model(lambda X: X, softmax_cross_entropy, [], None))
    callback.X, callback.y = y_hat, y
    loop = Loop(1, 1, None, History([{}]))
    callback.after_step(loop)
    callback.after_epoch(loop)
    assert loop.history[-1]["train_acc_cut"] == 30 / 96
    assert loop.running("train_acc_after") == pytest.approx(31 / 96)


@pytest.mark.parametrize("name", ["nesterov", "adagrad", "adadelta"])
def test_has_counterpart_is_false_where_gluon_decays_weights_differently(name):
    variants = {"plain": optimizers.Setting(1, 1, name), "decay": optimizers.Setting(1, 1, name, wd=0.1)}
    runs = optimizers.rows({"scratch": None, "gluon": None}, variants)
    assert [run.label for run in runs] == ["scratch plain", "gluon plain", "scratch decay"]


def test_run_quick_compares_nothing_with_published_values(result):
    assert result.published == []


def test_data_preprocessing_of_raw_bytes_diverges_without_counting_as_a_failure():
    result = quick("data_preprocessing")
    assert result.find("scratch", "bytes").status is Status.DIVERGED
    assert result.find("scratch", "bytes, softmax in the loss").history[-1]["train_loss"] > 100
    assert result.find("gluon", "bytes").history[-1]["train_loss"] > 100
    assert "Diverged, as this chapter shows" in str(result)
    assert result.tables["Pixels"][2] == {
        "run": "scratch bytes",
        **dict.fromkeys(("train loss", "train acc", "test acc", "gap", "best test acc"), "-"),
        "test accuracy reached": "diverged in epoch 1",
    }
    assert result.errors == {}


def test_data_preprocessing_of_scaled_bytes_takes_the_same_steps_as_floats():
    runs = {run.variant: run for run in runs_from_scratch("data_preprocessing")}
    weights, steps = [], []
    for name, scale in (("floats", 1), ("bytes, all scaled", 255)):
        seed_everything(0)
        data = data_preprocessing.data(runs[name].hp, Options(dataset="digits"))
        model = runs[name].build(runs[name].hp, data)
        before = model.params[0].asnumpy().copy()
        train_ch3(model.net, [next(iter(data.train_iter))], None, model.loss, 1, 256, trainer=model.trainer)
        weights.append(scale * before)
        steps.append(scale * (model.params[0].asnumpy() - before))
    np.testing.assert_allclose(weights[1], weights[0], rtol=1e-4)
    np.testing.assert_allclose(steps[1], steps[0], rtol=1e-3, atol=1e-3 * abs(steps[0]).max())


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_conclusions_of_optimizers_are_differences_of_its_runs(impl):
    result = quick("optimizers")

    def metric(variant, name):
        return result.find(impl, variant).metrics[name]

    softmax, mlp = "softmax momentum best", "mlp momentum best"
    expected = {
        "lr_difference": metric("lr=0.2", "test_acc") - metric("lr=0.1", "test_acc"),
        "mlp_minus_softmax": metric(mlp, "test_acc") - metric(softmax, "test_acc"),
        "mlp_gap_minus_softmax_gap": metric(mlp, "gap") - metric(softmax, "gap"),
        "rho_gap": metric("rho=0.9, decay", "gap") - metric("rho=0.99, decay", "gap"),
    }
    if impl == "scratch":  # Gluon has no Adam of the summed gradient
        adam = metric("summed adam lr=0.1", "test_acc")
        expected["momentum_minus_adam"] = metric(softmax, "test_acc") - adam
    assert metric(softmax, "gap") == metric(softmax, "train_acc") - metric(softmax, "test_acc")
    assert result.find(impl, "conclusions").metrics == expected


@pytest.mark.parametrize("name", MODULES)
def test_every_published_conclusion_is_taken(name):
    rows = [row for row in published.published_values() if row["claim"] and row["chapter"] == name]
    assert {row["metric"] for row in rows} <= MODULES[name].CONCLUSIONS.keys()


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
@pytest.mark.parametrize("name", ["data_preprocessing", "initialization"])
def test_conclusions_are_differences_of_two_runs(name, impl):
    found = quick(name).find(impl, "conclusions").metrics
    assert found.keys() == MODULES[name].CONCLUSIONS.keys()
    for conclusion, (variant, base, metric) in MODULES[name].CONCLUSIONS.items():
        one, other = (quick(name).find(impl, run).metrics[metric] for run in (variant, base))
        assert found[conclusion] == one - other


def test_data_preprocessing_of_bytes_has_a_far_larger_loss():
    metrics = quick("data_preprocessing").find("scratch", "conclusions").metrics
    assert metrics["loss_bytes_minus_floats"] > 10


def test_swing_is_the_mean_change_of_the_first_epochs():
    history = History({"test_acc": acc} for acc in (0.5, 0.7, 0.6, 0.6, 0.8, 0.1))
    metrics = data_preprocessing.swing(None, None, history)
    assert metrics == {"swing": pytest.approx((0.2 + 0.1 + 0 + 0.2) / 4)}
    assert data_preprocessing.swing(None, None, History(history[:1])) == {}


def test_data_preprocessing_trains_each_of_the_articles_optimizers_on_bytes_and_floats_alike():
    runs = {run.variant: run for run in runs_from_scratch("data_preprocessing") if "article" in run.variant}
    floats = [variant for variant in runs if variant.endswith(", floats")]
    assert [runs[variant].hp.optimizer for variant in floats] == [
        "momentum, average",
        "sgd",
        "summed rmsprop",
        "summed adam, no correction",
        "summed adam",
        "summed adam, parameter dropout",
    ]
    for variant in floats:
        raw = runs[variant.replace("floats", "bytes")].hp
        assert raw == runs[variant].hp.replace(pixels="bytes")


def test_data_preprocessing_has_the_articles_schedules_and_penalty():
    runs = {run.variant: run.hp for run in runs_from_scratch("data_preprocessing")}
    momentum, adam = runs["article momentum, bytes"], runs["article adam, bytes"]
    assert (momentum.schedule, adam.schedule, adam.lr) == ("cosine", "constant", 0.1)
    assert momentum.wd * momentum.l2_factor == adam.wd * adam.l2_factor > 0


def test_all_runs_rejects_two_rows_of_the_same_name():
    one, two = (runs_of({"scratch": None}, {"a": hp}) for hp in (0.1, 0.2))
    with pytest.raises(ValueError, match="two runs of the comparisons are called scratch a"):
        comparison.all_runs({"one": one, "two": two})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.floats(0, 1))
def test_when_reached_adds_up_the_epochs_until_then(accuracies, target):
    history = History({"epoch": i, "test_acc": acc, "seconds": 1.0} for i, acc in enumerate(accuracies, 1))
    text = comparison.when_reached(history, target)
    first = next((i for i, acc in enumerate(accuracies, 1) if acc >= target), None)
    assert text.endswith("never" if first is None else f"in epoch {first}, {first}.0 s")


@pytest.mark.parametrize(
    ("build", "factor"), [(optimizers.softmax_from_scratch, 1.0), (optimizers.softmax_with_gluon, 0.1)]
)
def test_optimizers_train_sets_the_learning_rate_of_every_epoch_in_both_implementations(build, factor):
    hp = optimizers.Setting(4, 256, "momentum, average", lr=0.2)
    data = optimizers.data(hp, Options(dataset="digits", quick=True))
    model = build(hp, data)
    optimizers.train(model, data, hp)
    # the last epoch's: lr / 2 (1 + cos(3 / 4 pi))
    assert model.trainer.learning_rate == pytest.approx(factor * 0.1 * (1 + np.cos(0.75 * np.pi)))


@pytest.mark.parametrize(("name", "shape"), itertools.product(INITIALIZATIONS, [(784, 256), (300, 300)]))
def test_initializations_have_the_distributions_of_their_names_as_gluons_have(name, shape):
    seed_everything(0)
    ours = INITIALIZATIONS[name].from_scratch(shape).asnumpy()
    theirs = nd.zeros(shape[::-1])  # Gluon keeps the transpose
    INITIALIZATIONS[name].with_gluon()._init_weight("weight", theirs)
    std = {"normal": 0.01, "xavier": np.sqrt(2 / sum(shape)), "kaiming": np.sqrt(2 / shape[0])}[name]
    for weights in (ours, theirs.asnumpy()):
        assert weights.mean() == pytest.approx(0, abs=5 * std / np.sqrt(weights.size))
        assert weights.std() == pytest.approx(std, rel=0.02)
        kurtosis = ((weights / weights.std()) ** 4).mean()
        assert kurtosis == pytest.approx(1.8 if name == "xavier" else 3, rel=0.05)  # uniform, normal
    if name == "xavier":
        assert abs(ours).max() <= np.sqrt(6 / sum(shape))


def test_surfaces_are_descended_by_every_optimizer_and_adaptive_ones_leave_the_saddle():
    (valley, _, down), (saddle, _, over) = optimizers.surfaces().values()
    for name, points in down.items():
        assert valley(*points[-1]) < 0.9 * valley(*points[0]), name  # AdaDelta's first steps are tiny
    for name in ("adagrad", "rmsprop", "adam"):
        assert saddle(*over[name][-1]) < 0, name


def test_title_of_the_surfaces_says_which_optimizers_leave_the_saddle():
    title = optimizers.draw_surfaces().get_label()
    assert title.startswith("20 steps of each optimizer: AdaGrad, RMSProp, Adam leave the saddle, SGD")


def test_descents_name_a_path_that_hardly_leaves_the_start_there():
    paths = {"slow": np.array([[0.5, 0.5], [0.51, 0.5]]), "fast": np.array([[0.5, 0.5], [0.0, 0.9]])}
    (ax,) = plot.descents({"f": (lambda x1, x2: x1 * x2, ((-1, 1), (-1, 1)), paths)}, "t").axes
    assert [text.get_text() for text in ax.texts] == ["fast", "start, slow", "saddle point"]


def test_descents_draw_the_points():
    points = np.array([[0.0, 0.0], [1.0, 0.5]])
    figure = plot.descents({"f": (lambda x1, x2: x1 * x2, ((-1, 1), (-1, 1)), {"sgd": points})}, "t")
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), points)
    assert [text.get_text() for text in ax.texts] == ["sgd", "start", "saddle point"]
    assert ax.texts[0].xy == pytest.approx((1.0, 0.5))  # named at its end


def test_descents_keep_every_path_inside_the_frame_and_mark_a_minimum():
    points = np.array([[0.0, 0.0], [9.0, -7.0]])
    figure = plot.descents({"f": (lambda x1, x2: x1**2 + x2**2, ((-1, 1), (-1, 1)), {"sgd": points})}, "t")
    (ax,) = figure.axes
    assert ax.get_xlim()[1] > 9
    assert ax.get_ylim()[0] < -7
    assert ax.texts[-1].get_text() == "minimum"
