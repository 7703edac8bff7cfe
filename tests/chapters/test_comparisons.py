"""The chapters of a reader's article: comparisons as tables of settings."""

import functools
import itertools

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet import nd

from chapters import _classifiers, data_preprocessing, initialization, optimizers
from chapters._classifiers import INITS, OPTIMIZERS, Setting
from d2l_repro import scratch
from d2l_repro.experiment.chapter import Run, seed_everything
from d2l_repro.results import plot, published
from d2l_repro.results.history import History
from d2l_repro.settings import Options
from d2l_repro.train.loop import train_ch3

CHAPTERS = {
    chapter.name: chapter
    for chapter in (module.chapter for module in (optimizers, data_preprocessing, initialization))
}
TABLES = {
    "optimizers": optimizers,
    "data_preprocessing": data_preprocessing,
    "initialization": initialization,
}


@functools.lru_cache
def quick(name):
    """A quick run of a chapter on the embedded digits."""
    return CHAPTERS[name].run(quick=True, dataset="digits")


@pytest.fixture(params=CHAPTERS)
def result(request):
    return quick(request.param)


def test_every_row_is_trained_from_scratch_and_with_gluon_where_gluon_has_it(result):
    tables = TABLES[result.chapter].comparisons(TABLES[result.chapter].HParams())
    rows = {name: hp for table in tables.values() for name, hp in table.items()}
    assert {f"scratch {name}" for name in rows} <= result.runs.keys()
    for name, hp in rows.items():
        assert (f"gluon {name}" in result.runs) == _classifiers._in_gluon(hp)
    assert result.errors == {}
    assert len(result.tables) == len(tables)


def test_scratch_and_gluon_go_one_way(result):
    assert [pair["ours"] for pair in result.parity["pairs"] if pair["left_at"]] == []
    tables = TABLES[result.chapter].comparisons(TABLES[result.chapter].HParams())
    rows = [Run(f"scratch {name}", None, hp) for table in tables.values() for name, hp in table.items()]
    assert [pair["ours"] for pair in result.parity["pairs"]] == [
        run.label for run in rows if _classifiers._in_gluon(run.hp) and CHAPTERS[result.chapter].parity(run)
    ]


def test_a_comparison_has_a_line_a_row_in_its_figure(result):
    for title, table in TABLES[result.chapter].comparisons(TABLES[result.chapter].HParams()).items():
        figure = result.figures[f"{title.lower().replace(' ', '_')}_scratch"]
        assert [ax.get_ylabel() for ax in figure.axes] == [
            "training loss",
            "training accuracy",
            "test accuracy",
        ]
        for ax, column in zip(figure.axes, ("train_loss", "train_acc", "test_acc")):
            drawn = [list(line.get_ydata()) for line in ax.get_lines()]
            assert drawn == [result.runs[f"scratch {name}"]["history"][column] for name in table]
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert [label.removesuffix(" (diverged at once)") for label in labels] == list(table)
        styles = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].get_lines()}
        assert len(styles) == len(table)


def test_the_rows_are_what_their_names_say():
    rows = {
        name: hp
        for table in optimizers.comparisons(optimizers.HParams()).values()
        for name, hp in table.items()
    }
    assert (rows["lr=0.1"].lr, rows["lr=0.2"].lr) == (0.1, 0.2)
    assert rows["lr=0.1"].replace(lr=0.2) == rows["lr=0.2"]
    assert (rows["adam lr=0.001"].lr, rows["adam lr=0.1"].lr) == (0.001, 0.1)
    assert rows["rho=0.9, decay"].replace(optimizer="momentum 0.99, average") == rows["rho=0.99, decay"]
    assert rows["rho=0.9, decay"].replace(l2_factor=2) == rows["rho=0.9, decay without half"]
    assert rows["mlp momentum best"].net == "mlp"
    assert all(rows[name].optimizer == name for name in OPTIMIZERS if name in rows)


@pytest.mark.parametrize("name", ["nesterov", "adagrad", "adadelta"])
def test_where_gluon_decays_otherwise_it_is_no_counterpart(name):
    assert _classifiers._in_gluon(Setting(optimizer=name))
    assert not _classifiers._in_gluon(Setting(optimizer=name, wd=0.1))


def test_nothing_is_compared_with_published_values_in_a_quick_run(result):
    assert result.published == []


def test_raw_bytes_diverge_from_scratch_swing_with_gluon_and_are_no_failure():
    result = quick("data_preprocessing")
    assert "diverged" in result.runs["scratch bytes"]
    assert result.runs["scratch bytes, softmax in the loss"]["history"][-1]["train_loss"] > 100
    assert result.runs["gluon bytes"]["history"][-1]["train_loss"] > 100
    assert "Diverged, as this chapter shows" in str(result)
    assert result.errors == {}


def test_on_bytes_with_everything_scaled_the_weights_take_the_step_they_take_on_floats():
    tables = data_preprocessing.comparisons(data_preprocessing.HParams())["Pixels"]
    weights, steps = [], []
    for name, scale in (("floats", 1), ("bytes, all scaled", 255)):
        seed_everything(0)
        data = _classifiers.data(tables[name], Options(dataset="digits"))
        model = _classifiers.from_scratch(tables[name], data)
        before = model.params[0].asnumpy().copy()
        train_ch3(model.net, [next(iter(data.train_iter))], None, model.loss, 1, 256, trainer=model.trainer)
        weights.append(scale * before)
        steps.append(scale * (model.params[0].asnumpy() - before))
    np.testing.assert_allclose(weights[1], weights[0], rtol=1e-4)
    np.testing.assert_allclose(steps[1], steps[0], rtol=1e-3, atol=1e-3 * abs(steps[0]).max())


def test_conclusions_are_differences_of_the_runs():
    result = quick("optimizers")
    metrics = {
        name: result.runs[f"scratch {name}"]["metrics"]
        for name in (
            "momentum, average",
            "adam",
            "lr=0.1",
            "lr=0.2",
            "mlp momentum best",
            "softmax momentum best",
        )
    }
    made = result.runs["scratch conclusions"]["metrics"]
    assert (
        made["momentum_minus_adam"] == metrics["momentum, average"]["test_acc"] - metrics["adam"]["test_acc"]
    )
    assert made["lr_difference"] == abs(metrics["lr=0.1"]["test_acc"] - metrics["lr=0.2"]["test_acc"])
    mlp, softmax = metrics["mlp momentum best"], metrics["softmax momentum best"]
    assert made["mlp_gap"] == mlp["train_acc"] - mlp["test_acc"]
    assert made["softmax_gap"] == softmax["train_acc"] - softmax["test_acc"]
    rows = {row["metric"] for row in published.published_values() if row["run"] == "conclusions"}
    assert rows == made.keys()


def test_two_rows_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two rows of the comparisons are called a"):
        _classifiers.runs_of({"one": {"a": Setting()}, "two": {"a": Setting(lr=1.0)}})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.floats(0, 1))
def test_the_time_to_an_accuracy_is_that_of_all_epochs_until_then(accuracies, target):
    history = History({"epoch": i, "test_acc": acc, "seconds": 1.0} for i, acc in enumerate(accuracies, 1))
    said = _classifiers.reached(history, target)
    first = next((i for i, acc in enumerate(accuracies, 1) if acc >= target), None)
    assert said.endswith("never" if first is None else f"in epoch {first}, {first}.0 s")


def test_the_schedule_sets_the_rate_epoch_by_epoch_for_both_implementations():
    hp = Setting(optimizer="momentum, average", lr=0.2, num_epochs=4)
    data = _classifiers.data(hp, Options(dataset="digits", quick=True))
    for build, factor in ((_classifiers.from_scratch, 1.0), (_classifiers.with_gluon, 0.1)):
        model = build(hp, data)
        _classifiers.train(model, data, hp)
        # the last epoch's: lr / 2 (1 + cos(3 / 4 pi))
        assert model.trainer.learning_rate == pytest.approx(factor * 0.1 * (1 + np.cos(0.75 * np.pi)))


@pytest.mark.parametrize(("name", "shape"), itertools.product(INITS, [(784, 256), (300, 300)]))
def test_initial_weights_have_their_distribution_and_gluons(name, shape):
    seed_everything(0)
    hp = Setting(init=name)
    ours = INITS[name][0](hp)(shape).asnumpy()
    theirs = nd.zeros(shape[::-1])  # Gluon keeps the transpose
    INITS[name][1](hp)._init_weight("weight", theirs)
    std = {"normal": 0.01, "xavier": np.sqrt(2 / sum(shape)), "kaiming": np.sqrt(2 / shape[0])}[name]
    for weights in (ours, theirs.asnumpy()):
        assert weights.mean() == pytest.approx(0, abs=5 * std / np.sqrt(weights.size))
        assert weights.std() == pytest.approx(std, rel=0.02)
        kurtosis = ((weights / weights.std()) ** 4).mean()
        assert kurtosis == pytest.approx(1.8 if name == "xavier" else 3, rel=0.05)  # uniform, normal
    if name == "xavier":
        assert abs(ours).max() <= np.sqrt(6 / sum(shape))


def test_a_path_down_the_valley_is_that_of_its_formula():
    points = optimizers.path(lambda x1, x2: 0.1 * x1**2 + 2 * x2**2, "sgd", 0.4, (-5.0, -2.0))
    steps = np.arange(21)[:, None]
    np.testing.assert_allclose(
        points, [-5, -2] * (1 - 0.4 * np.array([0.2, 4.0])) ** steps, rtol=1e-4, atol=1e-5
    )


def test_every_optimizer_gets_down_the_valley_and_adaptive_ones_leave_the_saddle():
    (valley, _, down), (saddle, _, over) = optimizers.surfaces().values()
    for name, points in down.items():
        assert valley(*points[-1]) < 0.9 * valley(*points[0]), name  # AdaDelta's first steps are tiny
    for name in ("adagrad", "rmsprop", "adam"):
        assert saddle(*over[name][-1]) < 0, name


def test_descents_draw_the_points():
    points = np.array([[0.0, 0.0], [1.0, 0.5]])
    figure = plot.descents({"f": (lambda x1, x2: x1 * x2, ((-1, 1), (-1, 1)), {"sgd": points})}, "t")
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_array_equal(line.get_xydata(), points)


def test_every_optimizers_name_is_one_that_gluon_knows_or_none():
    for kind, _, gluons in OPTIMIZERS.values():
        assert issubclass(kind, scratch.optim.Optimizer)
        assert gluons is None or mx.optimizer.create(gluons[0], **gluons[1])
