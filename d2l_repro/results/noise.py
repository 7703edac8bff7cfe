"""Tell a difference between two sets of numbers from rounding, and from the noise between seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Optional

from ..language import mark

Number = Optional[float]  # None where result.json has null: NaN or infinity

# Single precision has seven digits. Training with other threads or kernels loses some of them; MXNet's own
# results agree to about four.
ROUNDING = 1e-4
CONFIDENCE = 0.99  # that no value of a chapter is called different when only the seeds differ
EXAMPLES = 3  # that may change sides of a decision boundary through rounding


class Verdict(str, Enum):
    """How two values compare, from the best to the worst."""

    SAME = mark("same digits")
    ROUNDING = mark("rounding")
    NOISE = mark("within noise")
    DIFFERENT = mark("different")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of the verdicts; same digits if there are none."""
    return max(verdicts, key=list(Verdict).index, default=Verdict.SAME)


@dataclass(frozen=True)
class Judgement:
    """How the values of two sides compare.

    Attributes:
        verdict: how they compare.
        difference: of the means, relative to the larger one; None where a value is not finite. Only seeds
            in common count where those agree.
        allowed: the largest such difference that would not count as different; None for what is no number.
        by_seeds: whether `allowed` comes from the spread over seeds.
    """

    verdict: Verdict
    difference: Number
    allowed: Number = ROUNDING
    by_seeds: bool = False


def relative_difference(a: Number, b: Number) -> Number:
    """Return |a - b| / max(|a|, |b|), 0 for equal numbers; None where one is not finite."""
    if a == b:
        return 0.0
    if a is None or b is None or not (math.isfinite(a) and math.isfinite(b)):
        return None
    scale = max(abs(a), abs(b))
    return abs(a / scale - b / scale)  # divided first: the difference of large numbers may overflow


def _all_finite(values: Collection[Number]) -> list[float] | None:
    """Return the values if all of them are finite numbers, else None."""
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    return numbers if len(numbers) == len(values) else None


def judge(
    a: Mapping[int, Number], b: Mapping[int, Number], error: float = 1 - CONFIDENCE, slack: float = 0.0
) -> Judgement:
    """Compare the values of a quantity on two sides.

    Values of the same seed are compared with each other. If they differ by more than rounding, or no seed is
    on both sides, the means are compared, provided that a side has several seeds.

    Args:
        a: seed -> value, at least one.
        b: the same of the other side.
        error: probability of calling sides different that differ only by their seeds.
        slack: absolute difference that counts as rounding.
    """
    verdict = worst(_judge_pair(x, y, slack) for x, y in _pairs(a, b))
    if verdict in (Verdict.SAME, Verdict.ROUNDING):
        return Judgement(verdict, _difference_of_means(*in_common(a, b)))
    difference = _difference_of_means(a, b)
    allowed = allowed_by_seeds(list(a.values()), list(b.values()), error)
    if allowed is None or difference is None:
        return Judgement(Verdict.DIFFERENT, difference)
    allowed = max(allowed, ROUNDING)
    verdict = Verdict.NOISE if difference <= allowed else Verdict.DIFFERENT
    return Judgement(verdict, difference, allowed, by_seeds=True)


def in_common(
    a: Mapping[int, Number], b: Mapping[int, Number]
) -> tuple[Mapping[int, Number], Mapping[int, Number]]:
    """Return both sides with the seeds that both have, or as they are if they share none."""
    seeds = [seed for seed in a if seed in b]
    return ({seed: a[seed] for seed in seeds}, {seed: b[seed] for seed in seeds}) if seeds else (a, b)


def _difference_of_means(a: Mapping[int, Number], b: Mapping[int, Number]) -> Number:
    return relative_difference(_mean(a.values()), _mean(b.values()))


def _judge_pair(a: Number, b: Number, slack: float) -> Verdict:
    if a == b:
        return Verdict.SAME
    return Verdict.ROUNDING if is_within_rounding(a, b, slack) else Verdict.DIFFERENT


def is_within_rounding(a: Number, b: Number, slack: float = 0.0) -> bool:
    """Return whether two numbers differ by no more than rounding, or by no more than `slack`."""
    if a is None or b is None:
        return a is b
    difference = relative_difference(a, b)
    return difference is not None and (difference <= ROUNDING or abs(a - b) <= slack)


def _pairs(a: Mapping[int, Number], b: Mapping[int, Number]) -> list[tuple[Number, Number]]:
    """Return the values of each seed in common; without any, the extremes of one side with the other's."""
    shared = [(a[seed], b[seed]) for seed in a if seed in b]
    return shared or list(product(_extremes(a.values()), _extremes(b.values())))


def _extremes(values: Iterable[Number]) -> tuple[Number, Number]:
    ordered = sorted(values, key=lambda value: math.inf if value is None else value)
    return ordered[0], ordered[-1]


def _mean(values: Collection[Number]) -> Number:
    numbers = _all_finite(values)
    if numbers is None:
        return None
    scale = max(map(abs, numbers)) or 1.0
    return scale * statistics.fmean(number / scale for number in numbers)


def allowed_by_seeds(a: Sequence[Number], b: Sequence[Number], error: float) -> float | None:
    """Return how far two means may lie apart if the sides differ only by their seeds.

    With several values on each side this is half of Welch's confidence interval for the difference of the
    means; with one value on a side, half of the prediction interval for one more value of the other.

    Args:
        a: values of one side, one per seed.
        b: values of the other.
        error: probability that the means lie further apart by chance.

    Returns:
        Half the width relative to the larger mean, as `relative_difference` is; None where a value is not
        finite or both sides have a single one.
    """
    ours, theirs = _all_finite(a), _all_finite(b)
    if len(a) == len(b) == 1 or ours is None or theirs is None:
        return None
    scale = max(map(abs, [*ours, *theirs])) or 1.0
    one, other = ([value / scale for value in values] for values in (ours, theirs))
    squared_error, freedom = _variance_of_difference(one, other)
    mean = max(abs(statistics.fmean(one)), abs(statistics.fmean(other)))
    if squared_error == 0 or mean == 0:
        return 0.0 if squared_error == 0 else math.inf
    return -t_quantile(freedom, error / 2) * math.sqrt(squared_error) / mean


def _variance_of_difference(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """Return the variance of the difference of the means, and the degrees of freedom of its estimate."""
    if min(len(a), len(b)) == 1:
        many = max(a, b, key=len)
        return variance(many) * (1 + 1 / len(many)), len(many) - 1
    # s^2 / n of each side; the degrees of freedom are those of Welch and Satterthwaite
    one, other = (variance(values) / len(values) for values in (a, b))
    squares = one**2 / (len(a) - 1) + other**2 / (len(b) - 1)
    return one + other, (one + other) ** 2 / squares if squares else 1.0


@lru_cache(maxsize=1024)
def t_quantile(freedom: float, probability: float) -> float:
    """Return the quantile of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def variance(values: Sequence[float]) -> float:
    """Return the sample variance of at least two values."""
    # `statistics.variance` of Python 3.9 fails where a sum of tiny squares underflows.
    mean = statistics.fmean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def accuracy_slack(accuracies: Iterable[Number]) -> float:
    """Return how far an accuracy moves when a few examples change sides.

    The number of examples is the least common denominator of the accuracies; there is no slack where fewer
    than a hundred examples, or fewer than four different accuracies, leave it in doubt.

    Args:
        accuracies: all accuracies on one data set.
    """
    finite = {value for value in accuracies if value is not None and math.isfinite(value)}
    parts = [Fraction(value).limit_denominator(100_000) for value in finite]
    if len(parts) < 4 or any(float(part) != value for part, value in zip(parts, finite)):
        return 0.0
    examples = math.lcm(*(part.denominator for part in parts))
    # Half an example more, since a difference of two quotients is rounded.
    return (EXAMPLES + 0.5) / examples if 100 <= examples <= 100_000 else 0.0
