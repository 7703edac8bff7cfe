"""A study: runs in processes, several seeds, what is beyond their noise; the chapter mnist_regularization."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mxnet import gluon, nd
from mxnet.gluon import nn
from scipy import stats

from chapters import linear_regression, mnist_regularization
from chapters._layered import counted_in_steps
from chapters.mnist_regularization import BASELINE, HParams, compared, line
from d2l_repro.cli.runner import Task
from d2l_repro.errors import InputError
from d2l_repro.experiment import seeds
from d2l_repro.results.published import published_values
from d2l_repro.results.result import Result
from d2l_repro.scratch import SGD, linreg, squared_loss
from d2l_repro.train.callbacks import MovingAverage
from d2l_repro.train.loop import Callback, train_ch3

SMALL = HParams(steps=4, num_evaluations=2, num_hiddens=8)
ARTICLE = {"baseline": 0.9843, "no regularizer": 0.9831}
FEW = (BASELINE, "L1 1e-4")


def run(hp=SMALL, **options):
    return mnist_regularization.run(hp, quick=True, dataset="digits", **options)


def metrics(result):
    return {label: made["metrics"] for label, made in result.runs.items()}


@pytest.fixture(scope="module")
def two_seeds():
    return run(only=FEW, seeds=2, jobs=2)


def test_numbers_depend_neither_on_the_number_of_processes_nor_on_what_else_is_trained(two_seeds):
    assert metrics(run(only=FEW, seeds=2, jobs=1)) == metrics(two_seeds)
    assert metrics(run(only=FEW[1:], impl="gluon", seed=1, jobs=1)) == {
        "gluon L1 1e-4": metrics(two_seeds)["gluon L1 1e-4, seed 1"]
    }


def test_every_seed_of_every_variant_is_kept_and_the_first_has_the_labels_of_a_single_one(two_seeds):
    labels = [f"{impl} {name}" for name in FEW for impl in ("scratch", "gluon")]
    assert list(two_seeds.runs) == [*labels, *(f"{label}, seed 1" for label in labels)]
    assert len({tuple(made.values()) for made in metrics(two_seeds).values()}) == len(two_seeds.runs)
    assert [pair["ours"] for pair in two_seeds.parity["pairs"]] == [f"scratch {name}" for name in FEW]


def test_the_table_has_mean_deviation_and_what_lies_between_variant_and_baseline(two_seeds):
    for impl in ("scratch", "gluon"):
        base, other = two_seeds.tables[f"Test accuracy of the variants, {impl}"]
        accuracies = [metrics(two_seeds)[f"{impl} L1 1e-4{end}"]["test_acc"] for end in ("", ", seed 1")]
        assert other["ours"] == f"{np.mean(accuracies):.4f}"
        assert other["deviation"] == f"{np.std(accuracies, ddof=1):.4f}"
        assert other["published"] == other["the article's conclusion"] == "-"  # which are of another data set
        assert base["ours - baseline, points"] == "-"
        assert " ± " in other["ours - baseline, points"]
        assert f"variants_{impl}" in two_seeds.figures


def with_accuracies(**accuracies):
    """Runs as a result has them, a seed each."""
    runs = {}
    for name, values in accuracies.items():
        for seed, value in enumerate(values):
            label = f"gluon {name.replace('_', ' ')}"
            runs[seeds.seed_label(label, seed) if seed else label] = {"metrics": {"test_acc": value}}
    return runs


@pytest.mark.parametrize(
    ("values", "conclusion"),
    [
        ((0.981, 0.980, 0.982), "holds"),  # the article's is below its baseline, too
        ((0.987, 0.986, 0.988), "the opposite holds"),
        ((0.987, 0.980, 0.985), "not beyond the noise of the seeds"),
    ],
)
def test_a_conclusion_of_the_article_is_held_against_the_noise_of_the_seeds(values, conclusion):
    runs = with_accuracies(baseline=(0.984, 0.983, 0.985), no_regularizer=values)
    row = compared(runs, "gluon", "no regularizer", ARTICLE)
    assert line("no regularizer", row)["the article's conclusion"] == conclusion


def test_one_seed_allows_no_conclusion_and_a_variant_without_published_value_has_none_to_test():
    single = compared(
        with_accuracies(baseline=(0.984,), no_regularizer=(0.981,)), "gluon", "no regularizer", ARTICLE
    )
    assert single["difference"] == pytest.approx(-0.003)
    assert (single["half_width"], line("", single)["the article's conclusion"]) == (None, "-")
    ours = compared(with_accuracies(baseline=(0.984, 0.985), tanh=(0.981, 0.981)), "gluon", "tanh", ARTICLE)
    assert line("", ours)["the article's conclusion"] == "-"


def test_a_seed_that_diverged_counts_neither_here_nor_in_the_baseline():
    runs = with_accuracies(baseline=(0.98, 0.90, 0.98), tanh=(0.97, 0.0, 0.96))
    runs["gluon tanh, seed 1"]["metrics"] = {}
    assert seeds.over_seeds(runs, "gluon tanh", "test_acc") == {None: 0.97, 2: 0.96}
    assert compared(runs, "gluon", "tanh", ARTICLE)["difference"] == pytest.approx(-0.015)
    runs["gluon tanh"]["metrics"] = runs["gluon tanh, seed 2"]["metrics"] = {}
    assert line("tanh", compared(runs, "gluon", "tanh", ARTICLE))["ours"] == "not finite"


@given(st.lists(st.tuples(st.floats(0.9, 1), st.floats(0.9, 1)), min_size=2, max_size=8))
def test_a_difference_and_its_interval_are_those_of_students_test_of_pairs(pairs):
    assume(np.ptp([ours - base for ours, base in pairs]) > 1e-6)
    ours, base = (dict(enumerate(column)) for column in zip(*pairs))
    mean, half_width = seeds.difference(ours, base)
    low, high = stats.ttest_rel(list(ours.values()), list(base.values())).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high), abs=1e-12)


@given(st.integers(1, 40000), st.integers(1, 60))
def test_a_study_takes_just_the_steps_it_is_asked_for(steps, most):
    made = counted_in_steps(steps, most)
    assert made["num_epochs"] * made["steps"] == steps
    assert 1 <= made["num_epochs"] <= most


def test_every_published_variant_is_there_under_its_name_and_no_two_are_the_same():
    settings = [
        made for table in mnist_regularization.comparisons(HParams()).values() for made in table.items()
    ]
    names = [name for name, _ in settings]
    assert {row["run"] for row in published_values() if row["chapter"] == "mnist_regularization"} <= set(
        names
    )
    assert len(settings) == 28
    assert len({hp for _, hp in settings}) == len(settings) == len(set(names))


def test_a_variant_that_is_not_there_is_one_line_and_so_is_a_chapter_that_is_no_study():
    with pytest.raises(
        InputError, match="--only: mnist_regularization has no variant 'L2 1e-9'; take from baseline, "
    ):
        run(only=("L2 1e-9",))
    for options in ({"seeds": 2}, {"only": ("",)}):
        with pytest.raises(InputError, match="linear_regression is not a study"):
            linear_regression.run(**options)


@pytest.mark.parametrize("only", [[], ["baseline"]])
def test_a_part_of_a_study_is_not_taken_for_the_whole(tmp_path, only):
    Result("mnist_regularization", 0, {}, only=only).save(tmp_path)
    assert Task("mnist_regularization", 0, tmp_path, False, "").is_finished() == (not only)


class Kept(Callback):
    """The parameters after each step."""

    def __init__(self, array):
        self.array, self.values = array, []

    def after_step(self, loop):
        self.values.append(self.array.asnumpy())


def test_a_moving_average_is_that_of_its_formula_and_leaves_the_parameters_alone():
    w, b = nd.array([[1.0], [2.0]]), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()
    X, y = nd.random.normal(shape=(40, 2)), nd.random.normal(shape=40)
    average, kept, first = MovingAverage([w, b], 0.5), Kept(w), w.asnumpy()
    train_ch3(
        lambda X: linreg(X, w, b),
        [(X[:20], y[:20]), (X[20:], y[20:])],
        None,
        squared_loss,
        10,
        20,
        trainer=SGD([w, b], 0.1),
        metrics={},
        callbacks=[average, kept],
    )
    expected = first
    for t, value in enumerate(kept.values, 1):
        d = min(0.5, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * value
    with average.applied():
        np.testing.assert_allclose(w.asnumpy(), expected, rtol=1e-5)
    np.testing.assert_array_equal(w.asnumpy(), kept.values[-1])
    assert np.abs(expected - kept.values[-1]).max() > 1e-4
    average.apply()
    np.testing.assert_allclose(w.asnumpy(), expected, rtol=1e-5)


def test_a_moving_average_waits_for_a_gluon_net_to_have_its_parameters():
    net = nn.Dense(1)
    net.initialize()
    average = MovingAverage(net.collect_params().values(), 0.9)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    train_ch3(
        net,
        [(nd.ones((4, 3)), nd.ones(4))],
        None,
        gluon.loss.L2Loss(),
        1,
        4,
        trainer=trainer,
        metrics={},
        callbacks=[average],
    )
    assert [array.shape for array in average.averages] == [(1, 3), (1,)]


@pytest.mark.slow
def test_the_baseline_at_the_articles_scale_is_in_its_band(real_data):
    result = mnist_regularization.run(only=(BASELINE,), impl="gluon", data_dir=real_data)
    assert [row["run"] for row in result.published] == ["gluon baseline"]
    assert result.outside == []
