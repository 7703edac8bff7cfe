"""Test what is said of two updates, and of two lists of shapes, on arrays."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from d2l_repro.verify.clues import Batch, Update, describe_shapes, describe_step, differ, format_factor

ORDINARY = st.just(0.0) | st.floats(1e-3, 10) | st.floats(-10, -1e-3)
# Not all zeros.
ARRAYS = arrays(float, (3, 2), elements=ORDINARY).map(lambda a: a if a.any() else a + 1)
FACTORS = st.floats(1.001, 1e4) | st.floats(1e-3, 0.999) | st.floats(-1e4, -1e-3)
BATCH = Batch(1, 16, 16, (0.5, 0.5))


@given(ARRAYS, ARRAYS, FACTORS)
def test_describe_step_returns_the_factor_of_any_update(value, update, factor):
    updates = [Update("parameter 0", value, update, factor * update)]
    assert differ(updates, 1e-5)
    text, ratio = describe_step(updates, BATCH, 1e-5)
    assert ratio == pytest.approx(factor, rel=1e-9)
    assert "direction" in text


@pytest.mark.parametrize("scale", [1e-150, 1e150, 1e290])
@given(update=ARRAYS, factor=FACTORS)
def test_describe_step_returns_the_factor_of_updates_of_any_size(scale, update, factor):
    ours = scale * update
    _, ratio = describe_step([Update("w", 0 * ours, ours, factor * ours)], BATCH, 1e-5)
    assert ratio == pytest.approx(factor, rel=1e-9)
    text, _ = describe_step([Update("w", 0 * ours, ours, scale * (update + 20))], BATCH, 1e-5)
    assert "nan" not in text


@given(ARRAYS, ARRAYS)
def test_differ_accepts_equal_updates_and_rounding(value, update):
    other = update * (1 + 1e-12)
    assert not differ([Update("parameter 0", value, update, other)], 1e-5)
    # A parameter that hardly moves is judged by the largest update of the step.
    tiny = Update("parameter 1", value, 0 * value, np.full(value.shape, 1e-20))
    assert not differ([Update("parameter 0", value, update, other), tiny], 1e-5)


# Large enough for the decay to be noticed beside any of the updates.
LARGE_VALUES = arrays(float, (3, 2), elements=st.floats(1, 10) | st.floats(-10, -1))


@given(LARGE_VALUES, ARRAYS, st.floats(0.01, 1))
def test_describe_step_finds_any_weight_decay(value, update, decay):
    theirs = update - decay * value
    updates = [Update("w", value, update, theirs), Update("b", value, update, update)]
    text, ratio = describe_step(updates, BATCH, 1e-5)
    assert ratio is None
    # Where value and update are parallel, theirs is a multiple of ours, or no update at all.
    assert (
        f"in w is {-decay:.3g} times the value itself" in text or "moves w by" in text or "not move w" in text
    )


@given(st.floats(-1e6, 1e6).filter(lambda c: c and abs(c - 1) > 1e-6))
def test_format_factor_does_not_say_1_for_another_number(factor):
    assert float(format_factor(factor)) == pytest.approx(factor, rel=0.06)
    assert factor == 1 or format_factor(factor) != "1"


def test_describe_step_says_in_which_direction_a_parameter_moves_instead():
    ours, theirs = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    text, ratio = describe_step([Update("w", np.array([5.0, 7.0]), ours, theirs)], BATCH, 1e-5)
    assert (text, ratio) == ("Theirs moves w in another direction (cosine 0.71).", None)
    text, _ = describe_step([Update("w", ours, 0 * ours, theirs)], BATCH, 1e-5)
    assert text == "Theirs moves w, ours does not."


def test_describe_step_says_between_which_directions_parameters_move():
    value, ours = np.array([5.0, 7.0]), np.array([1.0, 0.0])
    theirs = {"a": np.array([1.0, 1.0]), "b": np.array([0.0, 1.0]), "c": np.array([-1.0, 1.0])}
    updates = [Update(name, value, ours, update) for name, update in theirs.items()]
    text, _ = describe_step(updates, BATCH, 1e-5)
    assert text.endswith("in another direction (cosine -0.71 to 0.71).")


def test_describe_step_leaves_directions_out_where_the_losses_differ():
    ours, theirs = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    batch = Batch(1, 16, 16, (0.5, math.nan))
    text, _ = describe_step([Update("w", np.array([5.0, 7.0]), ours, theirs)], batch, 1e-5)
    assert text.startswith("Before the step their mean loss is nan, ours 0.5")
    assert "cosine" not in text


SHAPE = st.sampled_from([(3, 4), (4, 3), (4,), (3,), (4, 4), (2, 3, 3, 1)])
SHAPES = st.lists(SHAPE, min_size=1, max_size=6)


@given(SHAPES, SHAPES)
def test_describe_shapes_says_something_of_any_two_lists_that_differ(ours, theirs):
    if ours != theirs:
        assert describe_shapes(ours, theirs, [""] * len(theirs))


@given(st.lists(SHAPE, min_size=2, max_size=6), st.data())
def test_describe_shapes_finds_a_shape_that_was_left_out(ours, data):
    gone = data.draw(st.integers(0, len(ours) - 1))
    text = describe_shapes(ours, ours[:gone] + ours[gone + 1 :], [""] * (len(ours) - 1))
    assert f"{ours[gone]}, is missing" in text or "transposed" in text
