"""How each published metric scatters over our seeds: the intervals that values are judged by.

The numbers in bands.json are written by `d2l-repro bands`, and by nothing else.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import InputError
from .claims import mean_interval
from .noise import t_quantile, variance
from .scales import Scale, is_bimodal, is_ranked, limits, scale_of
from .schema import read_json

FILE_NAME = "bands.json"
CONFIDENCE = 0.99  # that one more run of the same program lies in its interval
END = (1 + CONFIDENCE) / 2  # probability of less than the interval's upper end
BAND_END = 2.576  # standard normal deviates, where an interval of that confidence ends
MIN_RUNS = 10  # with fewer there is no band, unless siblings share their standard deviation
ALL = 0.95  # share of the scale of a metric from which on an interval tells nothing
MIN_FREEDOM = 5  # degrees of freedom of a standard deviation that is shared
UNLIKE = 1e-3  # Bartlett's p-value below which siblings do not scatter alike, and share nothing
TOGETHER = 0.01  # p-value below which siblings move together with the seed
RANKED_RUNS = 199  # of which one more lies outside all of them once in a hundred times

# What the runs of a band have in common: nothing but the settings, or the book's own data, as MXNet's random
# stream gives them on a platform.
SEEDS, LINUX, MACOS = "seeds", "linux", "macos"


@dataclass(frozen=True)
class Band:
    """Mean and standard deviation of a metric over seeds, on the scale that is declared for it.

    Attributes:
        chapter, run, metric: what was measured; `run` is the label of our run.
        stream: SEEDS, or the platform whose stream the data come from.
        dataset: name of the data set.
        n: number of runs that the mean is over.
        mean, std: mean and sample standard deviation on the scale.
        freedom: degrees of freedom of `std`: n - 1, or more if siblings share it.
        examples: for an accuracy, the number of examples that it is a share of.
        ends: smallest and largest value of runs that are judged by ranks.
    """

    chapter: str
    run: str
    metric: str
    stream: str
    dataset: str
    n: int
    mean: float
    std: float
    freedom: int
    examples: int = 0
    ends: tuple[float, float] | None = None

    @property
    def scale(self) -> Scale:
        """The scale of `mean` and `std`."""
        return scale_of(self.metric, self.examples)

    @property
    def center(self) -> float:
        """The mean as a value of the metric."""
        return self.scale.back(self.mean)

    def _error(self, runs: int) -> float:
        """Return the standard deviation of the difference between our mean and that of other runs."""
        # s sqrt(1/m + 1/n), with s no smaller than what the metric can resolve
        return max(self.std, self.scale.resolution(self.mean)) * math.sqrt(1 / runs + 1 / self.n)

    def interval(self, half_unit: float = 0.0, runs: int = 1) -> tuple[float, float]:
        """Return the interval in which one more run lies, as values of the metric.

        Args:
            half_unit: half a unit of the last digit of a printed value, by which the interval is widened.
            runs: number of runs whose mean is to lie in it.
        """
        if self.ends:  # one more of n + 1 runs is the smallest or the largest with probability 2 / (n + 1)
            return self.ends[0] - half_unit, self.ends[1] + half_unit
        # mean -+ t(0.995, freedom) s sqrt(1 + 1/n)
        half_width = _quantile(self.freedom) * self._error(runs)
        low, high = (self.scale.back(self.mean + sign * half_width) for sign in (-1, 1))
        return low - half_unit, high + half_unit

    def is_telling(self, half_unit: float = 0.0) -> bool:
        """Return whether the interval leaves out enough of what the metric can be for a value to differ."""
        ends = limits(self.metric)
        if ends is None:
            return True
        least, most = map(self.scale.to, ends)
        low, high = (self.scale.to(min(max(end, ends[0]), ends[1])) for end in self.interval(half_unit))
        return high - low < ALL * (most - least)

    def contains(self, values: Sequence[float], half_unit: float = 0.0) -> bool:
        """Return whether one value, or the mean of several, lies in the interval."""
        mean = self.mean_of(values)
        low, high = self.interval(half_unit, len(values))
        return math.isfinite(mean) and low <= mean <= high

    def mean_of(self, values: Sequence[float]) -> float:
        """Return the mean of values on the scale, as a value; NaN if one has no place on it."""
        places = [self.scale.to(value) for value in values]
        mean = statistics.fmean(places)
        return values[0] if len(values) == 1 and math.isfinite(mean) else self.scale.back(mean)

    def t_value(self, values: Sequence[float], half_unit: float = 0.0) -> float:
        """Return by how many standard errors values lie above our mean, negative below.

        A printed value is moved towards our mean by the half unit that it was rounded by at most.
        """
        value = self.mean_of(values)
        if not math.isfinite(value):
            return math.inf
        nearest = min(max(self.center, value - half_unit), value + half_unit)
        distance = self.scale.to(nearest) - self.mean
        if self.ends:
            # As far as the quantile at the end of the ranks, which cannot tell how far beyond it a value is.
            end = self.scale.to(self.ends[distance > 0]) - self.mean
            quantile = _quantile(self.freedom)
            return math.copysign(quantile * min(distance / end, 1.05), distance)
        return distance / self._error(len(values))

    def z_value(self, values: Sequence[float], half_unit: float = 0.0) -> float:
        """Return `t_value` as the standard normal deviate that is as improbable."""
        from scipy.special import ndtri

        t = self.t_value(values, half_unit)
        probability = max(tail(abs(t), self.freedom), 1e-300)  # of which the deviate is still finite
        return math.copysign(-float(ndtri(probability)), t)

    def confidence_interval(self) -> tuple[float, float]:
        """Return the interval for the true mean that decides on a conclusion."""
        return mean_interval(self.mean, self.std, self.n, freedom=self.freedom)

    def around(self, values: Sequence[float], dataset: str) -> Band:
        """Return the band of runs on other data: their own mean, with the scatter of these.

        Args:
            values: of at least one run on the other data.
            dataset: name of those data.
        """
        mean = statistics.fmean(self.scale.to(value) for value in values)
        return replace(self, dataset=dataset, n=len(values), mean=mean)


def tail(t: float, freedom: float) -> float:
    """Return the probability that Student's t is larger."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


@dataclass(frozen=True)
class Scatter:
    """A standard deviation on a metric's scale, with its degrees of freedom."""

    std: float
    freedom: int


def shared_scatter(samples: Sequence[Sequence[float]]) -> Scatter | None:
    """Return the standard deviation that siblings share.

    It is None if it has too few degrees of freedom, or if Bartlett's test says that the siblings do not
    scatter alike, or if they go up and down together from seed to seed: then they are no draws of their own.

    Args:
        samples: for each sibling its values on the scale, two or more, of the same seeds in the same order.
    """
    from scipy.stats import bartlett

    freedom = sum(len(sample) - 1 for sample in samples)
    if freedom < MIN_FREEDOM or not all(map(math.isfinite, chain(*samples))):
        return None
    scattered = [sample for sample in samples if variance(sample) > 0]
    if len(scattered) > 1 and bartlett(*scattered).pvalue < UNLIKE:
        return None
    if p_of_common_effect(samples) < TOGETHER:
        return None
    # s^2 = sum (n_i - 1) s_i^2 / sum (n_i - 1)
    squares = sum((len(sample) - 1) * variance(sample) for sample in samples)
    return Scatter(math.sqrt(squares / freedom), freedom)


def p_of_common_effect(samples: Sequence[Sequence[float]]) -> float:
    """Return the p-value of an effect of the seed on all siblings: the F-test of a two-way layout.

    It is 0 if the siblings have not the same number of seeds, as nothing can be said then.
    """
    from scipy.special import fdtrc

    seeds, siblings = len(samples[0]), len(samples)
    if any(len(sample) != seeds for sample in samples):
        return 0.0
    deviations = [[value - statistics.fmean(sample) for value in sample] for sample in samples]
    effects = [statistics.fmean(column) for column in zip(*deviations)]
    # F = siblings sum e_j^2 / sum (d_ij - e_j)^2 (siblings - 1), with seeds - 1 and their product as freedoms
    common = siblings * sum(effect**2 for effect in effects)
    rest = sum((d - effect) ** 2 for row in deviations for d, effect in zip(row, effects))
    if rest == 0.0:
        return 1.0 if common == 0.0 else 0.0
    return float(fdtrc(seeds - 1, (siblings - 1) * (seeds - 1), common * (siblings - 1) / rest))


def measure(
    chapter: str,
    run: str,
    metric: str,
    values: Sequence[float],
    examples: int = 0,
    shared: Scatter | None = None,
    **facts: Any,
) -> Band | None:
    """Return the band of values, one per seed; None if there are too few, or no band can describe them.

    Args:
        chapter: name of the chapter.
        run: label of our run.
        metric: name of the metric.
        values: one for each seed.
        examples: for an accuracy, the number of examples that it is a share of.
        shared: the standard deviation of siblings, where there are too few values for one of their own.
        facts: stream and dataset.
    """
    scale = scale_of(metric, examples)
    places = [scale.to(value) for value in values]
    scatter = shared
    if len(places) >= MIN_RUNS:
        scatter = Scatter(math.sqrt(variance(places)), len(places) - 1)
    if scatter is None or not places or not all(map(math.isfinite, places)):
        return None
    if is_bimodal(chapter, run, metric):
        return None
    ranked = is_ranked(chapter, run)
    if ranked and len(places) < RANKED_RUNS:
        return None
    return Band(
        chapter,
        run,
        metric,
        n=len(places),
        mean=statistics.fmean(places),
        std=scatter.std,
        freedom=scatter.freedom,
        examples=examples,
        ends=(min(values), max(values)) if ranked else None,
        **facts,
    )


@lru_cache
def committed() -> dict[str, Any]:
    """Return the content of bands.json: `environment`, `quantiles`, `exact` and `bands`.

    See `as_json`, which writes them.
    """
    return json.loads(resources.files(__package__).joinpath(FILE_NAME).read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Any]:
    """Return the content of a file of bands.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        content = read_json(path)
        for row in content["bands"]:
            Band(**row)
        for row in content["exact"]:
            [row[name] for name in ("chapter", "metric", "stream", "run", "value")]
        return {"exact": list(content["exact"]), "bands": list(content["bands"])}
    except (ValueError, TypeError, LookupError) as error:
        raise InputError(
            f"{path}: not a file of bands ({error!r}); remove it, or name another --file"
        ) from error


def _quantile(freedom: int) -> float:
    """Return t(0.995, freedom), if possible the committed one: SciPy is a tenth of the time of a report."""
    known = committed().get("quantiles", {}).get(str(freedom))
    return t_quantile(freedom, END) if known is None else known


@lru_cache
def _by_key() -> dict[tuple[str, str, str, str], Band]:
    bands = [Band(**content) for content in committed()["bands"]]
    return {(band.chapter, band.run, band.metric, band.stream): band for band in bands}


def find(chapter: str, run: str, metric: str, stream: str = SEEDS) -> Band | None:
    """Return the committed band of a run's metric, or None if there is none.

    Args:
        chapter: name of the chapter.
        run: label of our run, "scratch cubic".
        metric: name of the metric.
        stream: SEEDS, or a platform. A band of a platform that is missing is none of the seeds' either.
    """
    return _by_key().get((chapter, run, metric, stream))


def key_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells a row of a file of bands from the others."""
    return tuple(row[name] for name in ("chapter", "run", "metric", "stream"))


def updated(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a file of bands, new ones in the places of old ones and the others at the end."""
    found = {key_of(row): row for row in new}
    return [found.pop(key_of(row), row) for row in old] + list(found.values())


def as_json(bands: Sequence[Band], environment: Any, exact: Sequence[Any]) -> str:
    """Return the content of bands.json, a line per band, with Student's quantiles for their intervals.

    Args:
        bands: all bands.
        environment: versions that the runs were made with.
        exact: values for the numbers that are known exactly on a platform's random stream.
    """

    def lines(rows):
        return ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)

    # A quantile that is committed stays: versions of SciPy differ in its tenth digit.
    quantiles = {str(n): _quantile(n) for n in sorted({band.freedom for band in bands})}
    return (
        f'{{\n "environment": {json.dumps(environment)},\n "quantiles": {json.dumps(quantiles)},\n'
        f' "exact": [\n  {lines(exact)}\n ],\n'
        f' "bands": [\n  {lines(map(asdict, bands))}\n ]\n}}\n'
    )
