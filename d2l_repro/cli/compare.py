"""`d2l-repro compare`: two sides' results, value by value."""

import math
import shutil
import sys
import textwrap
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro

from ..columns import wrapped
from ..errors import DONE, FAILED, USAGE, error_line
from ..files import check_outputs, write_atomically
from ..language import listed, mark, retell, tr
from ..results.compare import compare
from ..results.differences import ChapterComparison, Comparison, Difference, Parting, Value
from ..results.environment_effects import effect
from ..results.formatting import format_number, in_words
from ..results.noise import Number, Verdict, in_common, is_within_rounding, worst
from ..results.result import FILE_NAME
from ..results.schema import to_json
from ..results.sources import read
from ..results.summary import STAND_IN, Spread, spread
from ..results.table_text import aligned, head_text
from ..settings import Settings

PROG = "d2l-repro"
NAMES = {  # in tables
    Verdict.SAME: mark("same"),
    Verdict.ROUNDING: mark("rounding"),
    Verdict.NOISE: mark("noise"),
    Verdict.DIFFERENT: mark("different"),
}
# What comparisons record in English.
WARNINGS = (
    mark("no seed is in both: A has {ours}, B has {theirs}"),
    mark("{side} was interrupted (seed {seeds})"),
    mark("{side}: {label} failed: {message}"),
)
ONE_SIDED = (
    mark("seed {name}"),
    mark("metric {run}: {name}"),
    mark("history {run}: {name}"),
    mark("parity of {name}"),
    mark("statement {name}"),
    mark("run {name}"),
)
STATUSES = (mark("done"), mark("diverged"), mark("failed"), mark("interrupted"))
MAX_ROWS = 12  # of a chapter's tables, unless --all is given
MAX_NAMES = 5  # of what only one side has
ENOUGH_SEEDS, WIDE = 5, 0.1  # fewer seeds that allow a larger relative difference deserve a remark


@dataclass(frozen=True)
class CompareCommand(Settings):
    """Compare two results, or two folders of results, value by value.

    A and B may come from other machines, from other versions, or from before and after a change. Each is a
    result.json, a folder that `run` or a chapter wrote, a summary.json, or the word "reproduced" for the run
    that the README shows. Each metric, and each column of a history, gets one of these verdicts:

    same digits: equal in every bit.

    rounding: at most 1e-4 apart, relative to the larger value, as with other threads or processors. An
    accuracy may also differ by three examples if everything else in the run agrees.

    within noise: a side has several seeds, and the means are no further apart than other seeds would put
    them, by Welch's interval or, for a single seed beside several, the prediction interval. The confidence is
    99 % for all values of a chapter together.

    different: everything else. With one seed on each side it takes more seeds (`run --seeds 5`) to tell noise
    from a change.

    Times never count. Exit codes: 0 nothing is different; 1 something is; 2 usage error, or a file that
    cannot be read.
    """

    a: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="A")]  # one side's results
    b: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="B")]  # the other side's
    all: bool = False  # list every value and every history, also those with the same digits
    # file for the comparison as data
    json: Annotated[
        Optional[Path], tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: none is written)")
    ] = None

    def __call__(self) -> int:
        check_outputs({"--json": self.json}, {str(path): path for path in _files_of(self.a, self.b)})
        sides = [read(path) for path in (self.a, self.b)]
        found = compare(*sides)
        print("\n\n".join(_sections(found, f"A: {self.a}\nB: {self.b}", self.all)))
        if self.json:
            write_atomically(self.json, to_json(found.as_json()))
            print(f"\n{tr('comparison: {path}', path=self.json)}")
        problems = [problem for side in sides for problem in side.problems]
        for problem in problems:
            print(error_line(PROG, problem), file=sys.stderr)
        if problems:
            return USAGE
        return FAILED if found.verdict is Verdict.DIFFERENT else DONE


def _files_of(*sides: Path) -> Iterator[Path]:
    """Yield the files that are read of each side."""
    for side in sides:
        yield from side.rglob(FILE_NAME) if side.is_dir() else [side]


def _sections(found: Comparison, head: str, everything: bool) -> Iterator[str]:
    """Yield the parts of the output, the short ones first."""
    yield head
    names = list(map(tr, NAMES.values()))
    yield aligned([_overview_row(chapter) for chapter in found.chapters], right=names)
    only = [*_only("A", found.only_a), *_only("B", found.only_b)]
    if only:
        yield "\n".join(only)
    for chapter in found.chapters:
        parts = list(_chapter_parts(chapter, everything))
        if parts:
            yield "\n\n".join([f"{chapter.chapter}: {_verdict(chapter)}", *parts])
    yield _environments(found)
    for text in _advice(found):
        yield _wrapped(text, indent="")


def _overview_row(chapter: ChapterComparison) -> dict[str, str]:
    counts = {tr(name): str(chapter.counts[verdict] or "-") for verdict, name in NAMES.items()}
    return {"chapter": chapter.chapter, "verdict": _verdict(chapter), **counts}


def _verdict(chapter: ChapterComparison) -> str:
    return tr(chapter.verdict.value) if chapter.values else tr("no value in both")


def _chapter_parts(chapter: ChapterComparison, everything: bool) -> Iterator[str]:
    """Yield the remarks, the table of values and the table of histories, as far as there are any."""
    remarks = [_wrapped(line) for line in _remarks(chapter)]
    if remarks:
        yield "\n".join(remarks)
    order = {run: i for i, run in enumerate(dict.fromkeys(value.run for value in chapter.values))}
    in_other_table = {one.run for one in chapter.partings}
    values = [value for value in chapter.values if everything or _is_news(value, in_other_table)]
    values.sort(key=lambda value: order[value.run])  # parity beside the run's other values
    yield from _table([_value_row(value) for value in values], everything)
    verdicts = _history_verdicts(chapter)
    partings = chapter.partings if everything else _earliest(chapter.partings)
    several = len({parting.seed for parting in chapter.partings}) > 1
    yield from _table([_parting_row(one, verdicts[one.run], several) for one in partings], everything)


def _remarks(chapter: ChapterComparison) -> Iterator[str]:
    """Yield why the two sides cannot be expected to have the same values, and what one side lacks."""
    if chapter.settings:
        yield tr("not comparable, other settings (A / B): {settings}", settings=_pairs(chapter.settings))
    for warning in chapter.warnings:
        yield retell(warning, *WARNINGS)
    yield from _only("A", chapter.only_a)
    yield from _only("B", chapter.only_b)


def _only(side: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    text = listed(retell(name, *ONE_SIDED) for name in names[:MAX_NAMES])
    if len(names) > MAX_NAMES:
        text = tr("{names}, and {count} more", names=text, count=len(names) - MAX_NAMES)
    return [tr("only in {side}: {names}", side=side, names=text)]


def _pairs(differences: Iterable[Difference]) -> str:
    return listed(
        f"{item.name} {retell(item.a, STAND_IN)} / {retell(item.b, STAND_IN)}" for item in differences
    )


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 120)


def _wrapped(text: str, indent: str = "  ") -> str:
    return wrapped(text, _width(), indent, 2 * indent)


def _table(rows: Sequence[dict[str, str]], everything: bool) -> Iterator[str]:
    """Yield an indented table, shortened to its worst rows; nothing without rows."""
    if not rows:
        return
    shown, note = rows, ""
    if len(rows) > MAX_ROWS and not everything:
        order = list(map(tr, reversed(NAMES.values())))
        shown = sorted(rows, key=lambda row: order.index(row["verdict"]))[:MAX_ROWS]
        note = f"\n{tr('... and {count} more; --all lists them', count=len(rows) - MAX_ROWS)}"
    # A column in which no row has anything says nothing.
    names = [name for name in rows[0] if any(row[name] for row in shown)]
    yield textwrap.indent(_by_run([{name: row[name] for name in names} for row in shown]) + note, "  ")


def _by_run(rows: Sequence[dict[str, str]]) -> str:
    """Return a table with each run's name once: in its first row or, where space is short, above it."""
    runs = [row["run"] for row in rows]
    first = [i == 0 or run != runs[i - 1] for i, run in enumerate(runs)]
    wide = aligned([{**row, "run": row["run"] if new else ""} for row, new in zip(rows, first)])
    if max(map(len, wide.splitlines())) + 2 <= _width():
        return wide
    head, *lines = aligned([{name: row[name] for name in row if name != "run"} for row in rows]).splitlines()
    texts = [f"{run}\n  {line}" if new else f"  {line}" for run, new, line in zip(runs, first, lines)]
    return "\n".join([f"  {head}", *texts])


# Values


def _is_news(value: Value, in_other_table: Container[str]) -> bool:
    """Return whether a value is worth a row: a metric that is not the same, a history without other row."""
    if value.epoch is None:
        return value.verdict is not Verdict.SAME
    return value.verdict is Verdict.DIFFERENT and value.run not in in_other_table


def _value_row(value: Value) -> dict[str, str]:
    judgement = value.judgement
    is_number = judgement.allowed is not None
    a, b = _numbers(value) if is_number else _outcomes(value)
    is_shown_in_words = is_number or value.name in ("parity", "status")
    name = _shortened(head_text(in_words(value.name)) if is_shown_in_words else value.name)
    return {
        "run": textwrap.shorten(value.run, 40, placeholder=" ..."),
        "value": name if value.epoch is None else tr("{name}, epoch {epoch}", name=name, epoch=value.epoch),
        "A": a,
        "B": b,
        "rel. diff.": _difference(judgement.difference) if is_number else "",
        "allowed": _difference(judgement.allowed) if judgement.by_seeds else "",
        "verdict": tr(NAMES[value.verdict]),
    }


def _numbers(value: Value) -> tuple[str, str]:
    """Return both sides' values or, of several seeds, their mean and standard deviation."""
    by_seeds = value.judgement.by_seeds
    sides = (value.a, value.b) if by_seeds else in_common(value.a, value.b)
    one, other = (spread(list(side.values())) for side in sides)
    a, b = _apart(one["mean"], other["mean"], digits=5 if by_seeds else 6)
    return a + _plus_minus(one), b + _plus_minus(other)


def _plus_minus(over: Spread) -> str:
    several = len(over["values"]) > 1 and math.isfinite(over["std"])
    return f" ± {over['std']:.2g}" if several else ""


def _apart(a: Number, b: Number, digits: int = 6) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to tell them apart, and no fewer than `digits`."""
    for precision in range(digits, 17, 3):
        texts = format_number(a, f".{precision}g"), format_number(b, f".{precision}g")
        if a == b or texts[0] != texts[1]:
            return texts
    return format_number(a, ".17g"), format_number(b, ".17g")


def _outcomes(value: Value) -> tuple[str, str]:
    """Return what is no number of its own: parity of the first seed that differs, or all outcomes."""
    if value.name == "parity":
        seeds = [seed for seed in value.a if seed in value.b and value.a[seed] != value.b[seed]]
        a, b = (side[seeds[0]] if seeds else next(iter(side.values())) for side in (value.a, value.b))
        return _apart(a, b, digits=2)
    a, b = (
        ", ".join(dict.fromkeys(_shortened(retell(outcome, *STATUSES)) for outcome in side.values()))
        for side in (value.a, value.b)
    )
    return a, b


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 28, placeholder=" ...")


def _difference(number: Number) -> str:
    return "-" if number is None else format(number, ".1e") if number else "0"


# Histories


def _history_verdicts(chapter: ChapterComparison) -> dict[str, Verdict]:
    """Return run -> the worst verdict of any column of its history."""
    columns: dict[str, list[Verdict]] = {}
    for value in chapter.values:
        if value.epoch is not None:
            columns.setdefault(value.run, []).append(value.verdict)
    return {run: worst(verdicts) for run, verdicts in columns.items()}


def _earliest(partings: Iterable[Parting]) -> list[Parting]:
    """Return one parting for each run: the seed that goes beyond rounding first, or else differs first."""
    found: dict[str, Parting] = {}
    for one in sorted(partings, key=lambda one: (one.beyond_rounding or math.inf, one.epoch)):
        found.setdefault(one.run, one)
    order = list(dict.fromkeys(one.run for one in partings))
    return [found[run] for run in order]


def _parting_row(one: Parting, verdict: Verdict, several_seeds: bool) -> dict[str, str]:
    a, b = _apart(one.a, one.b)
    return {
        "run": one.run,
        "seed": str(one.seed) if several_seeds else "",
        "parts in epoch": f"{one.epoch}{tr(', ')}{head_text(in_words(one.column))}",
        "A": a,
        "B": b,
        "rel. diff.": _difference(one.difference),
        "> 1e-4 from": tr("epoch {epoch}", epoch=one.beyond_rounding) if one.beyond_rounding else "-",
        "verdict": tr(NAMES[verdict]),
    }


# Environments and advice


def _environments(found: Comparison) -> str:
    """Return the entries that differ, one line for each effect that they can have."""
    chapters: dict[Difference, list[str]] = {}
    for chapter in found.chapters:
        for difference in chapter.environment:
            chapters.setdefault(difference, []).append(chapter.chapter)
    if not chapters:
        return tr("The recorded environments are the same.")
    head, moved = tr("Environments differ (A / B):"), found.verdict is not Verdict.SAME
    if not moved:
        head = tr("Environments differ (A / B), without changing any of these results:")
    groups: dict[str, list[str]] = {}
    for difference, names in chapters.items():
        entry = _entry(difference)
        if len(names) < len(found.chapters):
            entry = tr("{entry} in {chapters}", entry=entry, chapters=listed(names))
        groups.setdefault(_effect(difference) if moved else "", []).append(entry)
    return "\n".join([head, *(_wrapped(f"{listed(entries)}{text}") for text, entries in groups.items())])


def _entry(difference: Difference) -> str:
    return f"{difference.name.replace('packages.', '', 1)} {difference.a} / {difference.b}"


def _effect(difference: Difference) -> str:
    text = effect(difference.name)
    return "" if text is None else tr(": {effect}", effect=tr(text) if text else tr("changes no results"))


def _advice(found: Comparison) -> Iterator[str]:
    """Yield what differences like these usually mean, and what to do next."""
    if any(one.beyond_rounding and is_within_rounding(one.a, one.b) for one in _all_partings(found)):
        yield tr(
            "Histories that first differ by rounding only and part later are what other threads, kernels or "
            "versions lead to: every step of training amplifies the difference."
        )
    if _are_few(found):
        yield tr(
            "With fewer than {count} seeds on a side only large differences stand out, as the column "
            "`allowed` shows. More seeds make the comparison sharper.",
            count=ENOUGH_SEEDS,
        )
    unclear = [
        chapter.chapter
        for chapter in found.chapters
        if not chapter.settings and any(value.needs_seeds for value in chapter.values)
    ]
    if unclear:
        yield tr(
            "With one seed on each side, a change cannot be told from noise. Run `d2l-repro run {chapters} "
            "--seeds 5` on both sides, and compare again.",
            chapters=" ".join(unclear),
        )


def _are_few(found: Comparison) -> bool:
    """Return whether so few seeds were used that even large differences count as noise."""
    return any(
        value.verdict is Verdict.NOISE
        and value.judgement.by_seeds
        and (value.judgement.allowed or 0) > WIDE
        and min(len(value.a), len(value.b)) < ENOUGH_SEEDS
        for value in found.values
    )


def _all_partings(found: Comparison) -> Iterator[Parting]:
    return (one for chapter in found.chapters for one in chapter.partings)
