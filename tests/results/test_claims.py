"""Test conclusions against intervals, and intervals against an independent implementation."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from d2l_repro.results.claims import FAILS, HOLDS, UNDECIDED, Claim, confidence_interval


@pytest.mark.parametrize(
    ("claim", "interval", "verdict"),
    [
        ("above 0", (0.001, 0.02), HOLDS),
        ("above 0", (0.4, 1.2), HOLDS),  # an interval knows nothing of the largest possible difference
        ("above 0", (-0.001, 0.02), UNDECIDED),
        ("above 0", (-0.02, -0.001), FAILS),
        ("above 0", (0.0, 0.0), FAILS),  # no difference at all
        ("above 0", None, UNDECIDED),
        ("within 0.008", (-0.001, 0.007), HOLDS),
        ("within 0.008", (0.0, 0.0), HOLDS),
        ("within 0.008", (-0.02, 0.02), UNDECIDED),  # not significant, and yet no proof that it is small
        ("within 0.008", (0.007, 0.009), UNDECIDED),
        ("within 0.008", (0.009, 0.011), FAILS),
        ("within 0.008", (-0.011, -0.009), FAILS),
        ("within 0.008", None, UNDECIDED),
    ],
)
def test_claim_holds_where_the_whole_interval_lies_within_it(claim, interval, verdict):
    assert Claim(claim).verdict(interval) == verdict


@pytest.mark.parametrize("text", ["", "above", "below 0", "within a hair"])
def test_claim_rejects_what_it_cannot_read(text):
    with pytest.raises(ValueError, match=r"claim|float"):
        Claim(text).limits  # noqa: B018


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9))
def test_confidence_interval_is_that_of_students_test(values):
    assume(np.ptp(values) > 1e-6)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert confidence_interval(values) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("values", [[], [0.1], [0.1, math.nan], [0.1, None]])
def test_confidence_interval_needs_two_values_all_of_them_finite(values):
    assert confidence_interval(values) is None


def test_a_claim_of_no_difference_is_rarely_said_to_hold_above_0():
    differences = np.random.default_rng(0).normal(0, 0.002, (4000, 5))
    verdicts = [Claim("above 0").verdict(confidence_interval(list(row))) for row in differences]
    assert verdicts.count(HOLDS) / 4000 == pytest.approx(0.025, abs=0.01)
    assert verdicts.count(FAILS) / 4000 == pytest.approx(0.025, abs=0.01)
