"""How fast is it, beside others and beside what the processor could do? Measured times, compared and kept."""

from __future__ import annotations

import hashlib
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import InputError
from ..files import write_atomically
from ..language import mark, tr
from .bench_words import contestant_text
from .formatting import format_duration
from .schema import read_json, shorten, to_json

AnyRecord = TypeVar("AnyRecord")

FILE_NAME = "performance.json"  # the record that the documents show
OURS = ("scratch", "Gluon")  # names of contestants whose ratios are asked for
PYTORCH, LIMIT = "PyTorch", "limit"
GOALS = {"mlp": 1.3, "lenet": 1.3, "language_model": 1.3}  # largest ratio to the limit that is aimed at
# contest -> largest ratios to PyTorch that are aimed at, by contestant
ASKED = {
    "linear_regression": {"Gluon": 2.0, "scratch": 4.0},
    "softmax_regression": {"Gluon": 0.5, "scratch": 0.9},
    "mlp": {"Gluon": 0.8, "scratch": 1.5},
    "dropout": {"Gluon": 0.8, "scratch": 1.2},
    "two_layers": {"scratch": 1.2},
    "house_prices": {"Gluon": 1.0, "scratch": 1.7},
    "lenet": {"Gluon": 0.75, "scratch": 2.0},
    "language_model": {"Gluon": 0.8, "scratch": 1.6},
}
VERSIONS = ("python", "mxnet", "numpy", "torch")  # with others, times are those of another machine
CHANGED = 0.02  # quartiles of one minute lie closer together than those of two days: less is never a change


class Spread(NamedTuple):
    """Median and quartiles of a few numbers."""

    low: float
    median: float
    high: float

    def text(self, spec: str = ".2f", unit: str = "") -> str:
        """Return "1.20 (1.15 to 1.31)", and the unit if there is one."""
        low, median, high = (format(value, spec) for value in self)
        if unit:
            return tr("{median} ({low} to {high}) {unit}", median=median, low=low, high=high, unit=unit)
        return tr("{median} ({low} to {high})", median=median, low=low, high=high)


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles; of one value, that value three times."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def ratio(a: Sequence[float], b: Sequence[float]) -> Spread:
    """Return the ratio of the medians, and the quartiles of the ratios round by round.

    Contestants take turns, so the i-th values of both were measured one after the other: what slows the
    machine down for a while changes both, and their ratio little.

    Args:
        a: seconds, one for each round.
        b: seconds of another contestant in the same rounds.
    """
    by_round = spread([x / y for x, y in zip(a, b)])
    # a / b = median(a) / median(b)
    middle = statistics.median(a) / statistics.median(b)
    return Spread(min(by_round.low, middle), middle, max(by_round.high, middle))


@dataclass(frozen=True)
class Measured:
    """What was measured of one contest.

    Attributes:
        name: of the contest.
        title: what is done, in words.
        unit: what takes the seconds, "epoch" or "step".
        finished: date and time.
        quick: whether this was only a trial.
        threads: of every contestant.
        seconds: contestant -> seconds per unit, one for each round.
        kernels: contestant -> what computes its products.
        operators: the rows of `limit`, for whose sum the limit stands in `seconds`; empty without a limit.
        before: `finished` and `seconds` of the measurement that this one replaces; empty without one.
    """

    name: str
    title: str
    unit: str
    finished: str
    quick: bool
    threads: int
    seconds: Mapping[str, Sequence[float]]
    kernels: Mapping[str, str]
    operators: Sequence[Mapping[str, Any]] = field(default_factory=list)
    before: Mapping[str, Any] = field(default_factory=dict)

    def replacing(self, old: Measured) -> Measured:
        """Return this measurement with the times of an earlier one, if the contest is the same."""
        if not self.is_like(old):
            return self
        return replace(self, before={"finished": old.finished, "seconds": old.seconds})

    def is_like(self, other: Measured) -> bool:
        """Return whether another measurement was made in the same way."""
        return (self.unit, self.quick, self.threads) == (other.unit, other.quick, other.threads)

    def earlier(self) -> Measured | None:
        """Return the measurement that this one replaces; None without one."""
        return replace(self, **self.before, before={}) if self.before else None

    @property
    def reference(self) -> str | None:
        """The contestant that others are divided by: PyTorch, or else the first; None if it is alone."""
        others = [name for name in self.seconds if name != LIMIT]
        if PYTORCH in others:
            return PYTORCH
        return others[0] if len(others) > 1 else None

    def ratios(self, to: str | None) -> dict[str, Spread]:
        """Return contestant -> its ratio to another one, without those of that one and of the limit."""
        if to is None or to not in self.seconds:
            return {}
        return {
            name: ratio(seconds, self.seconds[to])
            for name, seconds in self.seconds.items()
            if name not in (to, LIMIT)
        }


def limit(
    measured: Sequence[Mapping[str, Mapping[str, float]]], counts: Mapping[str, float]
) -> tuple[list[float], list[dict[str, Any]]]:
    """Add up operators, each at the kernel that was the fastest over all rounds.

    Args:
        measured: for each round, operator -> kernel -> seconds.
        counts: operator -> how often a unit needs it.

    Returns:
        Seconds per unit, one for each round, and a row per operator: operator, count, kernel, seconds (the
        median of one call), and others (kernel -> how many times as long it takes).
    """
    rows: list[dict[str, Any]] = []
    for operator, count in counts.items():
        medians = {
            kernel: statistics.median(found[operator][kernel] for found in measured)
            for kernel in measured[0][operator]
        }
        kernel = min(medians, key=lambda name: medians[name])
        seconds = medians.pop(kernel)
        others = {name: median / seconds for name, median in medians.items()}
        facts = {"kernel": kernel, "seconds": seconds, "others": others}
        rows.append({"operator": operator, "count": count, **facts})
    # limit = sum over operators of count * seconds
    totals = [sum(row["count"] * found[row["operator"]][row["kernel"]] for row in rows) for found in measured]
    return totals, rows


@dataclass(frozen=True)
class Change:
    """A contestant that takes longer or shorter than in the last record, by more than the noise."""

    contest: str
    contestant: str
    before: Spread
    after: Spread
    is_machine: bool  # whether all contestants of the contest changed in this direction

    def __str__(self) -> str:
        percent = 100 * (self.after.median / self.before.median - 1)
        template = (
            mark(
                "{contest}, {contestant}: {percent} % slower than in the last record, {after} after {before}"
            )
            if percent > 0
            else mark(
                "{contest}, {contestant}: {percent} % faster than in the last record, {after} after {before}"
            )
        )
        text = tr(
            template,
            contest=self.contest,
            contestant=contestant_text(self.contestant),
            percent=f"{abs(percent):.0f}",
            after=format_duration(self.after.median),
            before=format_duration(self.before.median),
        )
        others = tr("; so do all others here: rather the machine than the program")
        return text + others if self.is_machine else text


def changes(old: Measured, new: Measured) -> list[Change]:
    """Return which contestants have changed by more than the noise, if the contest is the same.

    Two measurements differ by more than noise if neither's middle half of the rounds overlaps the other's.
    """
    if not new.is_like(old):
        return []
    pairs = {
        name: (spread(old.seconds[name]), spread(new.seconds[name]))
        for name in new.seconds
        if name in old.seconds
    }
    signs = {name: _direction(*pair) for name, pair in pairs.items()}
    is_machine = len(signs) > 1 and len(set(signs.values())) == 1
    return [Change(new.name, name, *pairs[name], is_machine) for name, sign in signs.items() if sign]


def _direction(before: Spread, after: Spread) -> int:
    """Return 1 if `after` is slower, -1 if it is faster, 0 if it is neither by more than the noise."""
    if after.low > before.high * (1 + CHANGED):
        return 1
    return -1 if after.high * (1 + CHANGED) < before.low else 0


# Records


@dataclass(frozen=True)
class Record:
    """The last measurement of each contest on a machine.

    Attributes:
        machine: processor, cores, platform, and `packages`, name -> version.
        contests: name -> contest, in the order in which they are shown.
    """

    machine: Mapping[str, Any]
    contests: Mapping[str, Measured]

    def save(self, path: str | Path) -> None:
        """Write the record as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        contests = [vars(contest) for contest in self.contests.values()]
        write_atomically(path, to_json({"machine": dict(self.machine), "contests": contests}))


def load(path: Any) -> Record:
    """Read a record, as `read_record` does."""
    return read_record(path, "times", _record_of)


def read_record(path: Any, kind: str, record_of: Callable[[Any], AnyRecord]) -> AnyRecord:
    """Read a record that a benchmark has written.

    Args:
        path: a Path, or a file of a package.
        kind: what it is a record of.
        record_of: content of the file -> the record; it raises what comes to it if the content is wrong.

    Raises:
        InputError: the file is missing or has no record.
    """
    try:
        return record_of(read_json(path))
    except (TypeError, LookupError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{path}: no record of {kind} ({shorten(str(error))}); delete it") from error


def _record_of(content: Any) -> Record:
    contests = [Measured(**contest) for contest in content["contests"]]
    for contest in contests:
        for found in filter(None, (contest, contest.earlier())):
            if not all(map(spread, found.seconds.values())):
                raise ValueError(f"{contest.name} has no times")
    return Record(dict(content["machine"]), {contest.name: contest for contest in contests})


def committed() -> Record:
    """Return the record that the documents show."""
    return load(resources.files(__package__) / FILE_NAME)


def machine_key(machine: Mapping[str, Any]) -> str:
    """Return the name of a machine's file: processor, cores, and a digest of platform and versions."""
    packages = machine["packages"]
    versions = " ".join(f"{name} {packages.get(name)}" for name in VERSIONS) + machine["platform"]
    digest = hashlib.sha256(versions.encode()).hexdigest()[:8]
    text = f"{machine['processor']} {machine['cores']} cores {digest}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


# Tables


def table(record: Record) -> list[dict[str, str]]:
    """Return a row per contestant: seconds per unit, ratio to PyTorch, and distance to the limit."""
    return [row for contest in record.contests.values() for row in _rows(contest)]


def _rows(contest: Measured) -> Iterator[dict[str, str]]:
    beside, beyond = contest.ratios(contest.reference), contest.ratios(LIMIT)
    for name, seconds in contest.seconds.items():
        yield {
            "contest": contest.name,
            "contestant": name,
            "time": duration_text(spread(seconds)),
            "per": contest.unit,
            "ratio": beside[name].text() if name in beside else "1" if name == contest.reference else "",
            "to": contest.reference or "" if name in beside else "",
            "limit": beyond[name].text() if name in beyond and name in (*OURS, PYTORCH) else "",
        }


def asked_rows(record: Record) -> list[dict[str, str]]:
    """Return a row per ratio to PyTorch that is aimed at: is it reached, in the run before, too?"""
    rows = []
    for name, asked in ASKED.items():
        contest = record.contests.get(name)
        if contest is None or contest.quick:
            continue
        found, earlier = contest.ratios(PYTORCH), contest.earlier()
        before = earlier.ratios(PYTORCH) if earlier else {}
        for contestant, largest in asked.items():
            if contestant in found:
                runs = [ratios[contestant] for ratios in (found, before) if contestant in ratios]
                rows.append(
                    {
                        "contest": name,
                        "contestant": contestant,
                        "aimed at": f"{largest:g}",
                        "measured": runs[0].text(),
                        "the run before": runs[1].text() if len(runs) > 1 else "-",
                        "reached": _verdict(runs, largest),
                    }
                )
    return rows


def _verdict(runs: Sequence[Spread], largest: float) -> str:
    """Return whether medians reach a goal; it is missed within the noise if a quartile reaches it."""
    reached = sum(run.median <= largest for run in runs)
    if reached:
        return tr("yes") if reached == len(runs) else tr("in one of two runs")
    return tr("within the noise") if any(run.low <= largest for run in runs) else tr("no")


def duration_text(seconds: Spread) -> str:
    """Return median and quartiles in the unit that suits the median."""
    factor, unit = next(
        (factor, unit)
        for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs"))
        if seconds.median * factor >= 1 or unit == "µs"
    )
    return Spread(*(value * factor for value in seconds)).text(".3g", unit)


def goal_text(contest: Measured) -> str | None:
    """Return whether a contest reaches its goal; None without a goal or a limit, and of a trial."""
    found = {name: value for name, value in contest.ratios(LIMIT).items() if name in OURS}
    if contest.quick or contest.name not in GOALS or not found:
        return None
    best = min(found, key=lambda name: found[name].median)
    template = (
        mark("{contest}: {contestant} takes {ratio} times the limit and reaches the goal of {goal}")
        if found[best].median <= GOALS[contest.name]
        else mark("{contest}: {contestant} takes {ratio} times the limit and misses the goal of {goal}")
    )
    return tr(
        template,
        contest=contest.name,
        contestant=contestant_text(best),
        ratio=f"{found[best].median:.2f}",
        goal=f"{GOALS[contest.name]:g}",
    )
