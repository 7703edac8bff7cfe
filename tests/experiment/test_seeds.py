"""Test several seeds of one variant, differences beyond their noise, and the moving average."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mxnet import gluon, nd
from mxnet.gluon import nn
from scipy import stats

from chapters import linear_regression
from d2l_repro.cli.runner import Task
from d2l_repro.data.splits import evaluation_plan
from d2l_repro.errors import InputError
from d2l_repro.experiment import seeds
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import SGD, linreg, squared_loss
from d2l_repro.train.callbacks import MovingAverage
from d2l_repro.train.loop import Callback, train_ch3


def test_over_seeds_leaves_out_seeds_that_diverged():
    runs = [
        RunResult("gluon", "tanh", seed, metrics={"test_acc": value} if value else {})
        for seed, value in ((3, 0.97), (4, None), (5, 0.96))
    ]
    assert seeds.over_seeds(runs, "test_acc") == {3: 0.97, 5: 0.96}


def test_paired_difference_uses_the_seeds_that_both_have():
    mean, half_width = seeds.paired_difference({0: 0.97, 2: 0.96}, {0: 0.98, 1: 0.90, 2: 0.98})
    assert mean == pytest.approx(-0.015)
    assert half_width > 0
    assert seeds.paired_difference({0: 0.97}, {0: 0.98, 1: 0.9}) == (pytest.approx(-0.01), None)
    assert seeds.paired_difference({0: 0.97}, {1: 0.9}) == (None, None)


@given(st.lists(st.tuples(st.floats(0.9, 1), st.floats(0.9, 1)), min_size=2, max_size=8))
def test_paired_difference_equals_students_paired_test(pairs):
    assume(np.ptp([ours - base for ours, base in pairs]) > 1e-6)
    ours, base = (dict(enumerate(column)) for column in zip(*pairs))
    mean, half_width = seeds.paired_difference(ours, base)
    low, high = stats.ttest_rel(list(ours.values()), list(base.values())).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high), abs=1e-12)


@given(st.integers(1, 40000), st.integers(1, 60))
def test_evaluation_plan_takes_exactly_the_requested_steps(steps, most):
    plan = evaluation_plan(steps, most)
    assert plan["num_epochs"] * plan["steps"] == steps
    assert 1 <= plan["num_epochs"] <= most


def test_run_rejects_seeds_for_a_chapter_that_is_not_a_study():
    with pytest.raises(InputError, match="linear_regression is not a study"):
        linear_regression.run(seeds=2)


@pytest.mark.parametrize("only", [[], ["baseline"]])
def test_is_finished_rejects_a_result_with_only_some_variants(tmp_path, only):
    Result("mnist_regularization", 0, {}, dataset="mnist", only=only).save(tmp_path)
    assert Task("mnist_regularization", 0, tmp_path, False, "").is_finished() == (not only)
    asked = Task("mnist_regularization", 0, tmp_path, False, "", only=("baseline",))
    assert asked.is_finished() == bool(only)
    assert asked.command[-2:] == ["--only", "baseline"]


def test_is_finished_rejects_a_result_of_other_data_or_without_its_figures(tmp_path):
    task = Task("softmax_regression", 0, tmp_path, False, "")
    Result("softmax_regression", 0, {}, dataset="mnist").save(tmp_path)
    assert not task.is_finished()
    result = Result("softmax_regression", 0, {}, dataset="fashion_mnist")
    result.save(tmp_path)
    assert task.is_finished()
    result.figures["curves"] = None
    result.save(tmp_path)
    assert not task.is_finished()


class Recorder(Callback):
    """Keep a parameter's values after each step."""

    def __init__(self, array):
        self.array, self.values = array, []

    def after_step(self, loop):
        self.values.append(self.array.asnumpy())


def test_moving_average_equals_its_formula_and_leaves_the_parameters_alone():
    w, b = nd.array([[1.0], [2.0]]), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()
    X, y = nd.random.normal(shape=(40, 2)), nd.random.normal(shape=40)
    average, recorder, first = MovingAverage([w, b], 0.5), Recorder(w), w.asnumpy()
    train_ch3(
        lambda X: linreg(X, w, b),
        [(X[:20], y[:20]), (X[20:], y[20:])],
        None,
        squared_loss,
        10,
        20,
        trainer=SGD([w, b], 0.1),
        metrics={},
        callbacks=[average, recorder],
    )
    expected = first
    for t, value in enumerate(recorder.values, 1):
        d = min(0.5, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * value
    with average.applied():
        np.testing.assert_allclose(w.asnumpy(), expected, rtol=1e-5)
    np.testing.assert_array_equal(w.asnumpy(), recorder.values[-1])
    assert np.abs(expected - recorder.values[-1]).max() > 1e-4
    average.apply()
    np.testing.assert_allclose(w.asnumpy(), expected, rtol=1e-5)


def test_moving_average_waits_until_a_gluon_net_has_its_parameters():
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
