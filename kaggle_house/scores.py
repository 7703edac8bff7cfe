"""Say what a score means, and how certain it is.

All functions take errors of log prices, log predicted - log true, of houses that the models did not see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from d2l_repro.results.card import IN_WORDS

LEADERBOARD = 730  # houses of the test file that the public leaderboard is computed on: half of 1,459
RESAMPLES = 2000  # of the houses, for an interval
LEVEL = 0.95  # of the intervals


def leaderboard_noise(log_errors: np.ndarray, houses: int = LEADERBOARD) -> float:
    """Return the standard deviation of a log rmse over randomly drawn houses.

    Args:
        log_errors: whose distribution the houses are drawn from, (rows,).
        houses: how many.
    """
    squares = np.square(log_errors)
    if not squares.any():
        return 0.0
    # sd(sqrt(m)) = sd(m) / (2 sqrt(m)), with the mean square m of n houses: sd(m) = sd(squares) / sqrt(n)
    return float(squares.std() / math.sqrt(houses) / (2 * math.sqrt(squares.mean())))


def resampled_means(values: np.ndarray) -> np.ndarray:
    """Return the means of `values`, (rows, columns), over houses drawn with replacement.

    Every call draws the same houses, so that means of different calls can be compared in pairs.

    Returns:
        (RESAMPLES, columns).
    """
    n, rng, means = len(values), np.random.RandomState(0), []
    at_once = 100
    for _ in range(RESAMPLES // at_once):
        drawn = rng.randint(n, size=(at_once, n)) + n * np.arange(at_once)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=at_once * n).reshape(at_once, n)
        means.append(counts.astype(np.float64) @ values / n)
    return np.vstack(means)


def interval_of(draws: np.ndarray) -> tuple[float, float]:
    """Return the ends of the interval that holds LEVEL of the draws, (draws,)."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def meaning(log_errors: np.ndarray) -> dict[str, float]:
    """Return a model's log rmse with its interval, and how far off half and nine tenths of the houses are.

    Returns:
        score, low and high (95 % over houses drawn with replacement); half and nine_tenths (share of the true
        price within which half and nine tenths of the predictions are).
    """
    low, high = interval_of(np.sqrt(resampled_means(np.square(log_errors)[:, np.newaxis])[:, 0]))
    half, nine_tenths = np.quantile(np.abs(np.expm1(log_errors)), [0.5, 0.9])
    return {
        "score": float(np.sqrt(np.mean(np.square(log_errors)))),
        "low": low,
        "high": high,
        "half": float(half),
        "nine_tenths": float(nine_tenths),
    }


def difference_interval(log_errors: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a model's log rmse minus another's, house by house on the same houses."""
    squares = np.square(np.column_stack([log_errors, others]))
    ours, theirs = np.sqrt(resampled_means(squares)).T
    return interval_of(ours - theirs)


def in_words(meanings: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a sentence, IN_WORDS, on what the recipe's score means, beside those of the baselines.

    Args:
        meanings: "recipe", "ridge" and "mean" -> as from `meaning`.
    """
    half = {name: f"{100 * scores['half']:.1f} %" for name, scores in meanings.items()}
    return IN_WORDS.format(
        half=half["recipe"],
        nine_tenths=f"{100 * meanings['recipe']['nine_tenths']:.0f} %",
        ridge=half["ridge"],
        mean=half["mean"],
    )
