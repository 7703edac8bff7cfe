"""Test learning-rate schedules, for trainers from scratch and from Gluon."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet import gluon, nd

from d2l_repro import scratch
from d2l_repro.train import schedules
from d2l_repro.train.callbacks import Schedule
from d2l_repro.train.loop import Loop

rates = st.floats(1e-4, 10)


@given(rates, st.integers(1, 1000))
def test_cosine_falls_from_the_learning_rate_through_half_of_it_to_zero(lr, num_steps):
    schedule = schedules.cosine(lr, num_steps)
    values = [schedule(step) for step in range(num_steps + 2)]
    assert values[0] == lr
    assert schedule(num_steps / 2) == pytest.approx(lr / 2)
    assert values[-2:] == pytest.approx([0, 0], abs=1e-12)
    assert values == sorted(values, reverse=True)


def test_cosine_follows_its_formula():
    assert schedules.cosine(0.2, 10)(3) == pytest.approx(0.1 * (1 + math.cos(0.3 * math.pi)))


@given(rates, st.floats(0.1, 0.99), st.integers(0, 50))
def test_exponential_shrinks_by_its_factor_at_every_step(lr, factor, step):
    schedule = schedules.exponential(lr, factor)
    assert schedule(step + 1) == pytest.approx(factor * schedule(step))
    assert schedule(0) == lr


def test_stepwise_changes_at_its_milestones():
    schedule = schedules.stepwise(1.0, 0.1, (3, 5))
    assert [schedule(step) for step in range(7)] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01])


@given(rates, st.integers(0, 20))
def test_warm_up_rises_linearly_to_where_the_next_schedule_begins(lr, num_steps):
    schedule = schedules.warm_up(num_steps, schedules.exponential(lr, 0.5))
    values = [schedule(step) for step in range(num_steps + 1)]
    assert values == pytest.approx([lr * (step + 1) / (num_steps + 1) for step in range(num_steps + 1)])
    assert schedule(num_steps + 1) == pytest.approx(lr / 2)


def test_by_epoch_is_constant_within_each_epoch():
    schedule = schedules.by_epoch(schedules.exponential(1.0, 0.5), 3)
    assert [schedule(step) for step in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_schedule_sets_the_learning_rate_before_each_step_of_either_trainer():
    w = gluon.Parameter("w", shape=(1,))
    w.initialize()
    x = nd.zeros(1)
    x.attach_grad()
    for trainer in (gluon.Trainer([w], "sgd", kvstore=None), scratch.SGD([x], 0.0)):
        loop = Loop(1, 2, trainer)
        for step, lr in enumerate((1.0, 0.5, 0.25)):
            loop.step = step
            Schedule(schedules.exponential(1.0, 0.5)).before_step(loop)
            assert trainer.learning_rate == lr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("step", [1, 1, 0.1, 0.01, 0.01]),
        ("exponential", [1, 0.8, 0.64, 0.512, 0.4096]),
        ("cosine", [(1 + math.cos(math.pi * t / 5)) / 2 for t in range(5)]),
        ("warm-up", [1 / 2, *[(1 + math.cos(math.pi * t / 4)) / 2 for t in range(4)]]),
    ],
)
def test_schedules_by_name_cover_all_epochs(name, expected):
    schedule = schedules.SCHEDULES[name](1.0, 5)
    assert [schedule(epoch) for epoch in range(5)] == pytest.approx(expected)
