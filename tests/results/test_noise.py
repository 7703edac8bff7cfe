"""Judging two sides' numbers: rounding, the noise between seeds, and single examples."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from d2l_repro.results.noise import (
    ROUNDING,
    Verdict,
    accuracy_slack,
    allowed_by_seeds,
    judge,
    relative_difference,
    worst,
)

numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
sides = st.dictionaries(st.integers(0, 4), numbers, min_size=1)


def by_seed(*values, first=0):
    return dict(enumerate(values, first))


@given(sides)
def test_judge_finds_a_side_the_same_as_itself(side):
    assert judge(side, side).verdict is Verdict.SAME


@given(sides, sides)
@example({0: 0.0, 1: 0.0, 2: 1.0}, {0: 0.0, 1: 0.0, 2: 5e163})
def test_judge_treats_both_sides_alike(a, b):
    assert judge(a, b) == judge(b, a)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_relative_difference_is_between_zero_and_two(a, b):
    assert 0 <= relative_difference(a, b) <= 2


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (0.5, 0.5, Verdict.SAME),
        (0.5, math.nextafter(0.5, 1), Verdict.ROUNDING),
        (1.0, 1.0 + 0.9 * ROUNDING, Verdict.ROUNDING),
        (1.0, 1.0 + 1.1 * ROUNDING, Verdict.DIFFERENT),
        (1e-9, 2e-9, Verdict.DIFFERENT),
        (0.0, 1e-300, Verdict.DIFFERENT),
        (1e308, -1e308, Verdict.DIFFERENT),
        (None, None, Verdict.SAME),
        (None, 1.0, Verdict.DIFFERENT),
    ],
)
def test_judge_of_one_seed_knows_only_rounding(a, b, verdict):
    found = judge({0: a}, {0: b})
    assert found.verdict is verdict
    assert not found.by_seeds


def test_judge_compares_values_of_the_same_seed_before_their_means():
    assert judge(by_seed(1.0, 2.0), {1: 2.0, 7: 9.0}).verdict is Verdict.SAME
    assert judge(by_seed(1.0, 2.0), {1: 2.0, 7: 9.0}).difference == 0
    assert judge(by_seed(1.0, 2.0), by_seed(1.00001, 2.0)).verdict is Verdict.ROUNDING
    assert judge(by_seed(1.0, 1.1, 0.9), by_seed(1.05, 1.02, 0.97)).verdict is Verdict.NOISE


def test_judge_calls_equal_values_of_other_seeds_the_same():
    assert judge(by_seed(1.0, 1.0), by_seed(1.0, 1.0, first=5)).verdict is Verdict.SAME
    assert judge(by_seed(1.0, 1.0), by_seed(1.1, 1.1, first=5)).verdict is Verdict.DIFFERENT
    assert judge(by_seed(1.0, None), by_seed(1.0, None, first=5)).verdict is Verdict.DIFFERENT


def test_allowed_by_seeds_is_half_of_welchs_interval():
    generator = np.random.default_rng(0)
    a, b = generator.normal(1.0, 0.1, 5), generator.normal(1.1, 0.3, 8)
    # With the test's p-value as error, the interval just reaches the difference of the means.
    error = stats.ttest_ind(a, b, equal_var=False).pvalue
    difference = relative_difference(a.mean(), b.mean())
    assert allowed_by_seeds(list(a), list(b), error) == pytest.approx(difference)


def test_allowed_by_seeds_of_one_value_is_half_of_the_prediction_interval():
    many = [1.0, 1.2, 0.9, 1.1]
    half = stats.t.ppf(0.995, 3) * np.std(many, ddof=1) * math.sqrt(1 + 1 / 4)
    for a, b in (([1.3], many), (many, [1.3])):
        assert allowed_by_seeds(a, b, 0.01) == pytest.approx(half / 1.3)


def test_allowed_by_seeds_needs_several_seeds_and_finite_values():
    assert allowed_by_seeds([1.0], [2.0], 0.01) is None
    assert allowed_by_seeds([1.0, None], [2.0, 3.0], 0.01) is None
    assert allowed_by_seeds([1.0, 1.0], [2.0], 0.01) == 0


def test_judge_rarely_calls_two_draws_of_one_distribution_different():
    draws = np.random.default_rng(1).normal(1.0, 0.1, (2000, 2, 5))
    verdicts = [judge(by_seed(*a), by_seed(*b, first=5), error=0.05).verdict for a, b in draws.tolist()]
    assert verdicts.count(Verdict.DIFFERENT) / len(verdicts) == pytest.approx(0.05, abs=0.02)


def test_accuracy_slack_is_a_few_examples_of_the_data_set():
    accuracies = [k / 10_000 for k in (8617, 8545, 8573, 8517)]
    slack = accuracy_slack([*accuracies, None])
    assert 3 / 10_000 < slack < 4 / 10_000
    assert judge({0: 0.8617}, {0: 0.8614}, slack=slack).verdict is Verdict.ROUNDING
    assert judge({0: 0.8617}, {0: 0.8613}, slack=slack).verdict is Verdict.DIFFERENT


@pytest.mark.parametrize(
    "accuracies",
    [[], [0.86, 0.88], [0.5, 0.6, 0.7, 0.8], [0.1234567890123, 0.86, 0.87, 0.88, 0.8899]],
    ids=["none", "too few", "small data set", "no quotients"],
)
def test_accuracy_slack_is_zero_where_the_number_of_examples_is_unknown(accuracies):
    assert accuracy_slack(accuracies) == 0


def test_worst_orders_the_verdicts():
    assert worst([]) is Verdict.SAME
    assert worst([Verdict.NOISE, Verdict.DIFFERENT, Verdict.SAME]) is Verdict.DIFFERENT
    assert worst([Verdict.ROUNDING, Verdict.SAME]) is Verdict.ROUNDING
