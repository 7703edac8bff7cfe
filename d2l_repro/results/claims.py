"""Test what a source concludes: whether a difference, over several seeds, is what it says."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..language import mark
from .noise import t_quantile, variance

HOLDS, FAILS, UNDECIDED = mark("holds"), "does not hold", mark("cannot tell")
CONFIDENCE = 0.95  # of the interval that decides

Interval = tuple[float, float]


@dataclass(frozen=True)
class Claim:
    """What a source says of a difference: that it lies between two limits, both excluded.

    Attributes:
        text: "above 0", or "within 0.008" for a difference of less than 0.008 either way.
    """

    text: str

    @property
    def limits(self) -> Interval:
        """The ends of the claim."""
        kind, _, number = self.text.partition(" ")
        if kind == "above":
            return float(number), math.inf
        if kind == "within":
            return -float(number), float(number)
        raise ValueError(f"unknown claim {self.text!r}; write 'above NUMBER' or 'within NUMBER'")

    def verdict(self, interval: Interval | None) -> str:
        """Judge the claim by a confidence interval for the difference, None where there is none.

        It holds where the whole interval lies within the limits, and does not where none of it does. For
        "within", a mere lack of significance therefore proves nothing: the interval must be narrow enough.
        """
        if interval is None:
            return UNDECIDED
        (low, high), (lower, upper) = self.limits, interval
        if low < lower and upper < high:
            return HOLDS
        return FAILS if upper <= low or lower >= high else UNDECIDED


def confidence_interval(values: Sequence[float | None], confidence: float = CONFIDENCE) -> Interval | None:
    """Return Student's confidence interval for the mean; None for fewer than two values, or one not finite.

    Args:
        values: one per seed; for a paired comparison, the differences.
        confidence: probability that the interval contains the true mean.
    """
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if len(numbers) < max(2, len(values)):
        return None
    return mean_interval(statistics.fmean(numbers), math.sqrt(variance(numbers)), len(numbers), confidence)


def mean_interval(
    mean: float, std: float, n: int, confidence: float = CONFIDENCE, freedom: int | None = None
) -> Interval:
    """Return Student's confidence interval for the true mean of n values.

    Args:
        mean: of the values.
        std: their sample standard deviation.
        n: their number, at least two.
        confidence: probability that the interval contains the true mean.
        freedom: degrees of freedom of the deviation; n - 1 if these values alone show it.
    """
    # mean -+ t s / sqrt(n), with t the quantile of Student's distribution
    half_width = t_quantile(n - 1 if freedom is None else freedom, (1 + confidence) / 2) * std / math.sqrt(n)
    return mean - half_width, mean + half_width
