"""Compare results value by value: two machines, two versions, with and without a change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ..errors import InputError
from ..language import listed, tr
from .differences import ChapterComparison, Comparison, Difference, Parting, Value, split
from .environment_effects import environment_differences
from .history import History
from .noise import (
    CONFIDENCE,
    Judgement,
    Number,
    Verdict,
    accuracy_slack,
    is_within_rounding,
    judge,
    relative_difference,
    worst,
)
from .result import Result
from .run import RunResult, Status
from .schema import ParityPair, Statement
from .summary import Collection, Summary, data_label

BySeed = dict[int, Number]
Runs = Mapping[int, RunResult]  # seed -> run, for the runs of one name
NOT_COMPARED = ("epoch", "seconds")


def compare(a: Collection, b: Collection) -> Comparison:
    """Compare two collections, as `sources.read` returns them.

    Raises:
        InputError: they have no chapter, or no value of any chapter, in common.
    """
    first, second = ({summary.chapter: summary for summary in side.summaries} for side in (a, b))
    common, only_a, only_b = split(first, second)
    if not common:
        ours, theirs = (listed(names) or tr("none") for names in (only_a, only_b))
        raise InputError(
            tr(
                "no chapter is in both: A has {ours}, B has {theirs}; name results of the same chapters",
                ours=ours,
                theirs=theirs,
            )
        )
    found = Comparison([compare_chapter(first[name], second[name]) for name in common], only_a, only_b)
    if not any(found.values):
        raise InputError(tr("no run is in both; name results with the same --impl and the same variants"))
    return found


def compare_chapter(a: Summary, b: Summary) -> ChapterComparison:
    """Compare two summaries of the same chapter."""
    found = ChapterComparison(
        a.chapter,
        warnings=[*_failures("A", a), *_failures("B", b)],
        settings=_settings(a.first, b.first),
        environment=environment_differences(a.results, b.results),
    )
    _compare_runs(found, _runs(a), _runs(b))
    _compare_parity(found, _parity(a), _parity(b))
    _compare_notes(found, _statements(a.first), _statements(b.first))
    with_histories = _has_histories(a), _has_histories(b)
    if with_histories == (True, False):  # B is a summary.json, which leaves things out
        found.only_a.clear()
    if with_histories == (False, True):
        found.only_b.clear()
    _compare_seeds(found, _seeds(a), _seeds(b))
    return found


def _has_histories(summary: Summary) -> bool:
    return any(run.history for result in summary.results for run in result.runs)


def _compare_seeds(found: ChapterComparison, a: Sequence[int], b: Sequence[int]) -> None:
    if split(a, b)[0]:
        found.note_one_sided("seed", a, b)
    else:
        found.warnings.append(f"no seed is in both: A has {_enumerate(a)}, B has {_enumerate(b)}")


def _failures(side: str, summary: Summary) -> Iterator[str]:
    if summary.interrupted:
        yield f"{side} was interrupted (seed {_enumerate(summary.interrupted)})"
    for label, message in summary.errors.items():
        yield f"{side}: {label} failed: {message}"


def _seeds(summary: Summary) -> list[int]:
    """Return the seeds of all runs; a study has several in one result."""
    return sorted({*summary.seeds, *(run.seed for result in summary.results for run in result.runs)})


def _enumerate(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _settings(a: Result, b: Result) -> list[Difference]:
    """Return what makes two results different experiments: kind of run, data and hyper-parameters."""
    values = [
        ("quick", "yes" if a.quick else "no", "yes" if b.quick else "no"),
        ("stream", a.stream or "-", b.stream or "-"),
        ("data", data_label(a), data_label(b)),
    ]
    names = [*a.settings, *b.settings] if a.settings and b.settings else [*a.changed, *b.changed]
    values += [(name, _setting(name, a, b), _setting(name, b, a)) for name in dict.fromkeys(names)]
    return [Difference(name, one, other) for name, one, other in values if one != other]


def _setting(name: str, result: Result, other: Result) -> str:
    """Return a setting of a result, even if it comes from a summary.json, which only has what was changed."""
    if result.settings:
        return str(result.settings.get(name, "-"))
    return "changed" if name in result.changed else str(other.changed[name])


# Runs


def _runs(summary: Summary) -> dict[str, dict[int, RunResult]]:
    """Return name -> seed -> run; a study has runs of several seeds in one result."""
    found: dict[str, dict[int, RunResult]] = {}
    for result in summary.results:
        for run in result.runs:
            found.setdefault(run.name, {}).setdefault(run.seed, run)
    return found


@dataclass(frozen=True)
class _Series:
    """A quantity of a run on both sides: a single point without epoch, or one for each epoch in common."""

    run: str
    name: str
    points: list[tuple[int | None, BySeed, BySeed]]

    @property
    def is_accuracy(self) -> bool:
        return self.name.endswith("acc")

    def numbers(self) -> Iterable[Number]:
        return (number for _, a, b in self.points for number in (*a.values(), *b.values()))


def _compare_runs(found: ChapterComparison, a: Mapping[str, Runs], b: Mapping[str, Runs]) -> None:
    names = found.note_one_sided("run", a, b)
    series = {name: _series(found, name, a[name], b[name]) for name in names}
    everything = [one for of_run in series.values() for one in of_run]
    # The probability of a false alarm is that of the whole chapter, shared out among its values (Bonferroni).
    error = (1 - CONFIDENCE) / max(1, len(everything))
    slack = _accuracy_slack(everything)
    for name in names:
        allowed = slack if _others_agree(series[name], error) else {}
        found.values += _status(name, a[name], b[name])
        found.values += [_judge(one, error, allowed.get(one.name, 0.0)) for one in series[name]]
        found.partings += _partings(name, a[name], b[name], allowed)


def _accuracy_slack(series: Iterable[_Series]) -> dict[str, float]:
    """Return how far the accuracies of each name may differ, given all of a chapter."""
    accuracies: dict[str, list[Number]] = {}
    for one in series:
        if one.is_accuracy:
            accuracies.setdefault(one.name, []).extend(one.numbers())
    return {name: accuracy_slack(numbers) for name, numbers in accuracies.items()}


def _others_agree(series: Sequence[_Series], error: float) -> bool:
    """Return whether all quantities of a run but its accuracies agree within rounding."""
    verdicts = [_judge(one, error).verdict for one in series if not one.is_accuracy]
    return worst(verdicts) in (Verdict.SAME, Verdict.ROUNDING)


def _judge(series: _Series, error: float, slack: float = 0.0) -> Value:
    """Judge all points of a series; it is as different as the worst of them."""
    share = error / len(series.points)
    judged = [
        Value(series.run, series.name, a, b, judge(a, b, share, slack), epoch)
        for epoch, a, b in series.points
    ]
    verdict = worst(value.verdict for value in judged)
    return max(
        (value for value in judged if value.verdict is verdict),
        key=lambda value: value.judgement.difference or 0.0,
    )


def _status(name: str, a: Runs, b: Runs) -> list[Value]:
    """Return how the runs ended, if any did not end as usual."""
    ours, theirs = ({seed: run.status.value for seed, run in side.items()} for side in (a, b))
    if {*ours.values(), *theirs.values()} == {Status.DONE.value}:
        return []
    shared = [ours[seed] == theirs[seed] for seed in ours if seed in theirs]
    same = all(shared) if shared else {*ours.values()} == {*theirs.values()}
    return [_outcome(name, "status", ours, theirs, Verdict.SAME if same else Verdict.DIFFERENT)]


def _outcome(run: str, name: str, a: dict, b: dict, verdict: Verdict) -> Value:
    """Return a value that is not judged as a number."""
    return Value(run, name, a, b, Judgement(verdict, difference=None, allowed=None))


def _series(found: ChapterComparison, run: str, a: Runs, b: Runs) -> list[_Series]:
    """Return all quantities of a run that both sides have, and record those that one side lacks."""
    ours, theirs = _metrics(a), _metrics(b)
    names = found.note_one_sided(f"metric {run}:", ours, theirs)
    series = [_Series(run, name, [(None, ours[name], theirs[name])]) for name in names]
    return series + _columns(found, run, a, b)


def _columns(found: ChapterComparison, run: str, a: Runs, b: Runs) -> list[_Series]:
    ours, theirs = _histories(a), _histories(b)
    if not (ours and theirs):  # a summary.json has no histories
        return []
    series = []
    for name in found.note_one_sided(f"history {run}:", ours, theirs):
        one, other = ours[name], theirs[name]
        points = [(epoch, one[epoch], other[epoch]) for epoch in one if epoch in other]
        series += [_Series(run, name, list(points))] if points else []
    lengths, others = _lengths(a), _lengths(b)
    same_length = judge(lengths, others).verdict is Verdict.SAME
    return series if same_length else [*series, _Series(run, "epochs", [(None, lengths, others)])]


def _lengths(runs: Runs) -> BySeed:
    return {seed: float(len(run.history)) for seed, run in runs.items()}


def _metrics(runs: Runs) -> dict[str, BySeed]:
    """Return metric -> seed -> value."""
    found: dict[str, BySeed] = {}
    for seed, run in runs.items():
        for name, value in _comparable(run.metrics).items():
            found.setdefault(name, {})[seed] = value
    return found


def _histories(runs: Runs) -> dict[str, dict[int, BySeed]]:
    """Return column -> epoch -> seed -> value."""
    found: dict[str, dict[int, BySeed]] = {}
    for seed, run in runs.items():
        for epoch, row in _epochs(run.history).items():
            for name, value in row.items():
                found.setdefault(name, {}).setdefault(epoch, {})[seed] = value
    return found


def _epochs(history: History) -> dict[int, dict[str, Number]]:
    """Return epoch -> column -> value."""
    return {row.get("epoch", position): _comparable(row) for position, row in enumerate(history, 1)}


def _comparable(numbers: Mapping[str, Number]) -> dict[str, Number]:
    """Return the numbers without times, with None for those that are not finite."""
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in numbers.items()
        if name not in NOT_COMPARED
    }


def _partings(name: str, a: Runs, b: Runs, slack: Mapping[str, float]) -> list[Parting]:
    pairs = {seed: (a[seed], b[seed]) for seed in a if seed in b}
    if not pairs and len(a) == len(b) == 1:
        pairs = {seed: (a[seed], other) for seed in a for other in b.values()}
    found = (_parting(name, seed, one.history, other.history, slack) for seed, (one, other) in pairs.items())
    return [parting for parting in found if parting]


def _parting(run: str, seed: int, a: History, b: History, slack: Mapping[str, float]) -> Parting | None:
    ours, theirs = _epochs(a), _epochs(b)
    differences = [
        (epoch, name, value, theirs[epoch][name])
        for epoch, row in ours.items()
        if epoch in theirs
        for name, value in sorted(row.items(), key=lambda item: item[0] != "train_loss")
        if name in theirs[epoch] and value != theirs[epoch][name]
    ]
    if not differences:
        return None
    beyond = (
        epoch
        for epoch, name, one, other in differences
        if not is_within_rounding(one, other, slack.get(name, 0.0))
    )
    epoch, column, one, other = differences[0]
    return Parting(run, seed, epoch, column, one, other, relative_difference(one, other), next(beyond, None))


# Parity and notes


def _parity(summary: Summary) -> dict[str, dict[int, ParityPair]]:
    """Return the names of two runs -> seed -> how they compare."""
    found: dict[str, dict[int, ParityPair]] = {}
    for result in summary.results:
        for pair in result.parity["pairs"] if result.parity else []:
            found.setdefault(f"{pair['ours']} and {pair['theirs']}", {})[result.seed] = pair
    return found


def _compare_parity(
    found: ChapterComparison,
    a: Mapping[str, Mapping[int, ParityPair]],
    b: Mapping[str, Mapping[int, ParityPair]],
) -> None:
    for name in found.note_one_sided("parity of", a, b):
        verdict = _parity_verdict(a[name], b[name])
        run = next(iter(a[name].values()))["ours"]
        ours, theirs = ({seed: pair["max_abs_diff"] for seed, pair in side[name].items()} for side in (a, b))
        found.values.append(_outcome(run, "parity", ours, theirs, verdict))


def _parity_verdict(a: Mapping[int, ParityPair], b: Mapping[int, ParityPair]) -> Verdict:
    """Judge the largest difference of a pair: while both follow the same path, it is rounding itself."""
    pairs = [(a[seed], b[seed]) for seed in a if seed in b] or list(product(a.values(), b.values()))
    if all(one["max_abs_diff"] == other["max_abs_diff"] for one, other in pairs):
        return Verdict.SAME
    left = any(pair["left_at"] for both in pairs for pair in both)
    return Verdict.DIFFERENT if left else Verdict.ROUNDING


def _statements(result: Result) -> dict[tuple[str, str], Statement]:
    """Return (title of the note, code) -> statement; code that a note repeats is numbered."""
    found: dict[tuple[str, str], Statement] = {}
    for title, note in result.notes.items():
        seen: Counter[str] = Counter()
        for statement in note["statements"]:
            code = statement["code"]
            seen[code] += 1
            if code:
                found[title, code if seen[code] == 1 else f"{code}  # {seen[code]}"] = statement
    return found


def _compare_notes(
    found: ChapterComparison, a: Mapping[tuple[str, str], Statement], b: Mapping[tuple[str, str], Statement]
) -> None:
    """Compare what statements print; other text is noise if it is what the note expects on both sides."""
    ours, theirs = ({f"{title}: {code}": key for key in side for title, code in [key]} for side in (a, b))
    for name in found.note_one_sided("statement", ours, theirs):
        one, other = a[ours[name]], b[theirs[name]]
        same, hold = one["output"] == other["output"], one["holds"] and other["holds"]
        verdict = Verdict.SAME if same else Verdict.NOISE if hold else Verdict.DIFFERENT
        found.values.append(_outcome(*ours[name], {0: one["output"]}, {0: other["output"]}, verdict))
