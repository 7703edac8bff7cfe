"""Verdicts on published numbers: does what was printed agree with our seeds, and if not, do we know why?

A verdict is about the published number and the seeds whose scatter is committed in bands.json. Whether the
run at hand agrees with those seeds is a question of its own; its answer is called `within`.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ..language import mark, tr, trn
from . import bands
from .bands import Band
from .claims import FAILS, HOLDS, Claim
from .noise import Number
from .printed import Reason, labels, published_values, reasons
from .scales import SINGLE_PRECISION, is_bimodal


class Verdict(str, Enum):
    """What can be said of a published number."""

    AGREES = mark("agrees")
    EXPLAINED = mark("differs, explained")
    # the explanation cannot be tested with what is here
    NOT_VERIFIED = mark("differs, explained, not verified")
    UNEXPLAINED = mark("differs, unexplained")
    # our seeds do not decide on a conclusion, lie in two places, or nearly anywhere
    UNDECIDED = mark("cannot tell")
    NO_BAND = mark("no band yet")
    NOT_RUN = mark("not run")

    def __str__(self) -> str:
        return self.value


JUDGED = (Verdict.AGREES, Verdict.EXPLAINED, Verdict.NOT_VERIFIED, Verdict.UNEXPLAINED)
ERROR = 1 - bands.CONFIDENCE  # share of true values that differ by chance


@dataclass(frozen=True)
class Sample:
    """Values of one metric that a published number is compared with.

    Attributes:
        values: one for each seed; None where result.json has null.
        stream: bands.SEEDS, or the platform whose random stream the data come from.
        dataset: name of the data set.
    """

    values: Sequence[Number]
    stream: str = bands.SEEDS
    dataset: str = ""

    @property
    def numbers(self) -> list[float]:
        """The values, NaN where there is none."""
        return [math.nan if value is None else value for value in self.values]


@dataclass(frozen=True)
class Judgement:
    """What comes out for one published number and one run.

    Attributes:
        verdict: on the published number.
        z: that number as a standard normal deviate among runs of ours, positive above their mean.
        p: probability of a larger deviation; of a conclusion, that it holds after all.
        interval: in which the run at hand should lie; None without a band.
        within: whether it does.
        z_ours: as `z`, of the run at hand.
        claimed: for a conclusion, the confidence interval for the difference over our seeds.
        reason: for a number that differs, why.
    """

    verdict: Verdict
    z: float | None = None
    p: float | None = None
    interval: tuple[float, float] | None = None
    within: bool | None = None
    z_ours: float | None = None
    claimed: tuple[float, float] | None = None
    reason: Reason | None = None


def judge(row: Mapping[str, Any], label: str, sample: Sample) -> Judgement:
    """Judge a published number and the run at hand by our seeds.

    Args:
        row: of `published.published_values`.
        label: of our run that the row is about.
        sample: values of that run.
    """
    if row["kind"] == "exact":
        return _judge_exact(row, label, sample)
    measured = _find(row, label, row["stream"] or bands.SEEDS, sample)
    theirs = _on_data_of(sample, measured)
    ours = _find(row, label, sample.stream, sample)
    if theirs is None:
        two_places = is_bimodal(row["chapter"], label, row["metric"])
        verdict = Verdict.UNDECIDED if two_places else Verdict.NO_BAND
        return Judgement(verdict, **_of_run(ours, sample))
    if row["kind"] == "conclusion":
        return _judge_claim(row, theirs, sample)
    half_unit = row["precision"] / 2
    if not theirs.is_telling(half_unit):
        return Judgement(Verdict.UNDECIDED, **_of_run(ours, sample))
    z = theirs.z_value([row["value"]], half_unit)
    if theirs.contains([row["value"]], half_unit):
        verdict, reason = Verdict.AGREES, None
    elif theirs is measured:
        verdict, reason = _explain(row, label, theirs)
    else:  # a reason is about the data of our seeds
        verdict, reason = Verdict.UNEXPLAINED, None
    return Judgement(verdict, z, p_value(z), reason=reason, **_of_run(ours, sample))


def _find(row: Mapping[str, Any], label: str, stream: str, sample: Sample) -> Band | None:
    """Return the band of a stream, or that of the seeds where the chapter has none of its own for it.

    Where a number is about either implementation and one alone was run with many seeds, its band judges both:
    they take the same steps.
    """
    for run in (label, *(other for other in labels(row["run"]) if other != label)):
        key = (row["chapter"], run, row["metric"])
        band = bands.find(*key, stream) or (bands.find(*key) if stream == sample.stream else None)
        if band is not None:
            return band
    return None


def _on_data_of(sample: Sample, band: Band | None) -> Band | None:
    """Return the band that applies to the data of the run at hand.

    On other data than our seeds', such as the first partition of Fashion-MNIST, that run is the mean, and our
    seeds give the scatter.
    """
    if band is None or sample.dataset in ("", band.dataset):
        return band
    finite = all(math.isfinite(band.scale.to(value)) for value in sample.numbers)
    return band.around(sample.numbers, sample.dataset) if finite else None


def _of_run(band: Band | None, sample: Sample) -> dict[str, Any]:
    """Return the part of a judgement that is about the run at hand."""
    if band is None or sample.dataset not in ("", band.dataset):
        return {}
    numbers = sample.numbers
    return {
        "interval": band.interval(runs=len(numbers)),
        "within": band.contains(numbers),
        "z_ours": band.z_value(numbers),
    }


def exact_interval(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return what an exact number allows: its last printed digit, and the rounding of single precision."""
    slack = row["precision"] / 2 + SINGLE_PRECISION * abs(row["value"])
    return row["value"] - slack, row["value"] + slack


def _judge_exact(row: Mapping[str, Any], label: str, sample: Sample) -> Judgement:
    """Judge a number that is known to all its digits, given the random stream that the data come from."""
    low, high = exact_interval(row)
    applies = row["stream"] in ("", sample.stream)
    committed = sample.numbers if applies else _committed_value(row, label)
    agrees = all(low <= value <= high for value in committed)
    verdict, p = (Verdict.AGREES, 1.0) if agrees else (Verdict.UNEXPLAINED, 0.0)
    judged = Judgement(verdict, p=p) if committed else Judgement(Verdict.NOT_RUN)
    if applies:
        return replace(judged, interval=(low, high), within=agrees)
    return replace(judged, **_of_run(_find(row, label, sample.stream, sample), sample))


def _committed_value(row: Mapping[str, Any], label: str) -> list[float]:
    """Return our own value for an exact number of another random stream, as a list of one or none."""
    key = {"chapter": row["chapter"], "run": label, "metric": row["metric"], "stream": row["stream"]}
    return [
        content["value"]
        for content in bands.committed()["exact"]
        if {name: content[name] for name in key} == key
    ]


def _judge_claim(row: Mapping[str, Any], band: Band, sample: Sample) -> Judgement:
    """Judge a conclusion by the confidence interval for the difference over our seeds."""
    claim = Claim(row["claim"])
    interval = band.confidence_interval()
    known = {HOLDS: Verdict.AGREES, FAILS: Verdict.UNEXPLAINED}
    verdict = known.get(claim.verdict(interval), Verdict.UNDECIDED)
    reason = reasons().get(row["reason"]) if verdict is Verdict.UNEXPLAINED else None
    if reason and reason.predicts(band.center - (row["value"] or 0.0)):
        verdict = Verdict.EXPLAINED if reason.verified else Verdict.NOT_VERIFIED
    p = _p_of_claim(claim, band)
    return Judgement(verdict, p=p, claimed=interval, reason=reason, **_of_run(band, sample))


def _p_of_claim(claim: Claim, band: Band) -> float:
    """Return the probability of a mean as far outside the claim as ours, if the truth lay at its end."""
    low, high = claim.limits
    error = band.std / math.sqrt(band.n) or math.ulp(1.0)
    outside = max(low - band.mean, band.mean - high)
    return bands.tail(outside / error, band.freedom) if outside > 0 else 1.0


def _explain(row: Mapping[str, Any], label: str, band: Band) -> tuple[Verdict, Reason | None]:
    """Return the verdict on a number that differs: explained only if all that the reason predicts is true."""
    reason = reasons().get(row["reason"])
    if reason is None or not reason.predicts(band.center - row["value"]):
        return Verdict.UNEXPLAINED, None
    if reason.balance and not _balances(row, label, reason.balance):
        return Verdict.UNEXPLAINED, None
    return (Verdict.EXPLAINED if reason.verified else Verdict.NOT_VERIFIED), reason


def _balances(row: Mapping[str, Any], label: str, metrics: Sequence[str]) -> bool:
    """Return whether the accuracy on the images of several sets together is the same in print and of ours."""
    difference, allowed, examples = 0.0, 0.0, 0
    for metric in metrics:
        other, band = _sibling(row, metric), bands.find(row["chapter"], label, metric)
        if other is None or band is None:
            return False
        low, high = band.interval(other["precision"] / 2)
        difference += band.examples * (band.center - other["value"])
        allowed += band.examples * (high - low) / 2
        examples += band.examples
    return abs(difference) / examples <= allowed / examples


def _sibling(row: Mapping[str, Any], metric: str) -> Mapping[str, Any] | None:
    """Return the row of another metric of the same published run."""
    same = ("chapter", "run", "stream")
    return next(
        (
            other
            for other in published_values()
            if other["metric"] == metric and all(other[name] == row[name] for name in same)
        ),
        None,
    )


def tally(verdicts: Iterable[str]) -> dict[str, int]:
    """Return how often each verdict occurs, in the order of `Verdict`, without those that do not."""
    counts = Counter(str(verdict) for verdict in verdicts)
    return {verdict.value: counts[verdict.value] for verdict in Verdict if counts[verdict.value]}


def tally_text(counts: Mapping[str, int]) -> str:
    """Return the counts of `tally` in words: "5 agree; 1 differs, explained"."""
    return tr("; ").join(counted(name, count) for name, count in counts.items())


def counted(verdict: str, count: int) -> str:
    """Return how many numbers have a verdict: "1 agrees" or "2 agree"."""
    texts = {
        Verdict.AGREES: trn("{count} agrees", "{count} agree", count),
        Verdict.EXPLAINED: trn("{count} differs, explained", "{count} differ, explained", count),
        Verdict.NOT_VERIFIED: trn(
            "{count} differs, explained, not verified", "{count} differ, explained, not verified", count
        ),
        Verdict.UNEXPLAINED: trn("{count} differs, unexplained", "{count} differ, unexplained", count),
        Verdict.UNDECIDED: tr("{count} cannot tell", count=count),
        Verdict.NO_BAND: tr("{count} no band yet", count=count),
        Verdict.NOT_RUN: tr("{count} not run", count=count),
    }
    return texts[Verdict(verdict)]


def expected_false_alarms(rows: Iterable[Mapping[str, Any]]) -> float:
    """Return how many rows would differ by chance if every published number came from our program."""
    tested = [row for row in rows if row["verdict"] in JUDGED and row["kind"] == "draw"]
    return ERROR * len(tested)


def holm(p_values: Sequence[float], error: float = ERROR) -> list[bool]:
    """Return which p-values are significant after Holm's correction (S. Holm, 1979).

    Args:
        p_values: one for each test.
        error: probability of calling any significant if all deviations are chance.
    """
    significant = [False] * len(p_values)
    # the smallest p is compared with error / m, the next with error / (m - 1), and so on
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[i] > error / (len(p_values) - rank):
            break
        significant[i] = True
    return significant


def most_by_chance(tests: int, error: float = ERROR) -> int:
    """Return how many of `tests` may differ before that is more than chance allows (99 %)."""
    from scipy.special import bdtr

    return next(k for k in range(tests + 1) if bdtr(k, tests, error) >= bands.CONFIDENCE)


def failures(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows for which `--strict` fails.

    These are rows whose published number, without an explanation, or whose run at hand is significantly off
    after Holm's correction over all rows; and all that are off, if those are more than chance allows.
    """
    tests = [(row, row["p"]) for row in rows if row["p"] is not None and row["verdict"] not in _WITH_REASON]
    tests += [(row, p_value(row["z_ours"])) for row in rows if row["z_ours"] is not None]
    p_values = [p for _, p in tests]
    failed = [row for (row, _), significant in zip(tests, holm(p_values)) if significant]
    off = [row for row, p in tests if p < ERROR]
    if len(off) > most_by_chance(len(tests)):
        failed += off
    return list({id(row): row for row in failed}.values())


_WITH_REASON = (Verdict.EXPLAINED, Verdict.NOT_VERIFIED)


def common_shift(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the probability that the published numbers of a chapter all deviate to one side by chance.

    Numbers of one run hang together, so that each run counts once, with the mean of its z-values; better
    results than ours count as positive.

    Args:
        rows: of one chapter, as `published.compare` returns them.
    """
    by_run: dict[str, list[float]] = {}
    for row in rows:
        if row["z"] is not None:
            better = 1 if row["metric"].endswith("_acc") else -1
            by_run.setdefault(row["run"], []).append(better * row["z"])
    if len(by_run) < 2:
        return None
    total = sum(map(statistics.fmean, by_run.values())) / math.sqrt(len(by_run))
    return p_value(total)


def p_value(z: float) -> float:
    """Return the probability that a standard normal number lies further from 0."""
    return math.erfc(abs(z) / math.sqrt(2))
