"""Tests of what scores mean, against errors whose answers are known."""

import numpy as np
import pytest

from kaggle_house import scores

RNG = np.random.RandomState(0)


def test_meaning_of_errors_that_are_all_the_same_is_exact():
    found = scores.meaning(np.log([1.1, 1.1, 1.1]))
    assert found == pytest.approx(
        {**dict.fromkeys(("score", "low", "high"), np.log(1.1)), "half": 0.1, "nine_tenths": 0.1}
    )


def test_meaning_says_within_what_half_and_nine_tenths_of_the_houses_are():
    found = scores.meaning(np.log(1 + np.arange(101) / 100))  # off by 0 to 100 %
    assert found["half"] == pytest.approx(0.5)
    assert found["nine_tenths"] == pytest.approx(0.9)


def test_meaning_has_intervals_that_cover_the_score_of_all_possible_houses():
    """Of many samples of houses, 95 in 100 have an interval with the true score, 0.1, in it."""
    covered = []
    for _ in range(100):
        found = scores.meaning(0.1 * RNG.normal(size=100))
        covered.append(found["low"] <= 0.1 <= found["high"])
    assert 0.88 <= np.mean(covered) <= 0.99


def test_difference_interval_compares_house_by_house():
    errors = 0.1 * RNG.normal(size=500)
    assert scores.difference_interval(errors, errors) == (0, 0)
    low, high = scores.difference_interval(errors, 1.1 * errors)  # each house is 10 % farther off
    assert -0.012 < low <= high < -0.008
    unrelated = scores.difference_interval(errors, RNG.permutation(1.1 * errors))
    assert unrelated[1] - unrelated[0] > 4 * (high - low)


def test_in_words_compares_with_the_baselines():
    meanings = {
        name: {"half": half, "nine_tenths": 0.2}
        for name, half in (("recipe", 0.071), ("ridge", 0.083), ("mean", 0.31))
    }
    assert scores.in_words(meanings) == (
        "Half of the houses are predicted within 7.1 % of their price, nine of ten within 20 %; ridge "
        "regression predicts half of them within 8.3 %, and the mean price is within 31.0 % of half of the "
        "prices."
    )
