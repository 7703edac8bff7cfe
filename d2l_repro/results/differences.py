"""The comparison of two sides' results as records; `compare` makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .noise import Judgement, Number, Verdict, worst


@dataclass(frozen=True)
class Value:
    """A number, or another outcome, on both sides.

    Attributes:
        run: name of the run; the pair of runs for parity, the title of a note for its statements.
        name: of the metric, or of the history's column.
        a: seed -> value.
        b: the same of the other side.
        judgement: how they compare.
        epoch: where the difference is largest, if the value is a column of the history.
    """

    run: str
    name: str
    a: dict[int, Any]
    b: dict[int, Any]
    judgement: Judgement
    epoch: int | None = None

    @property
    def verdict(self) -> Verdict:
        """How the two sides compare."""
        return self.judgement.verdict

    @property
    def needs_seeds(self) -> bool:
        """Whether it takes several seeds to know if the difference is more than noise."""
        numeric = self.judgement.allowed is not None
        return numeric and self.verdict is Verdict.DIFFERENT and not self.judgement.by_seeds


@dataclass(frozen=True)
class Parting:
    """The first epoch in which the histories of two runs differ.

    Attributes:
        run: name of the run.
        seed: seed of the run; side A's if the sides have different ones.
        epoch: first epoch with any difference.
        column: the training loss if it differs there, else the first column that does.
        a: its value on one side.
        b: its value on the other.
        difference: relative to the larger of the two; None where one is not finite.
        beyond_rounding: first epoch with a difference beyond rounding, None if there is none.
    """

    run: str
    seed: int
    epoch: int
    column: str
    a: Number
    b: Number
    difference: Number
    beyond_rounding: int | None


@dataclass(frozen=True)
class Difference:
    """A setting, or an entry of the environment, that is not the same on both sides."""

    name: str
    a: str
    b: str


@dataclass
class ChapterComparison:
    """Two sides' results of a chapter.

    Attributes:
        chapter: its name.
        values: metrics and columns of histories, parity, statements of notes.
        partings: runs whose histories differ, in order.
        warnings: why the sides are not expected to have the same values, and what failed.
        settings: those that differ.
        only_a: what side B lacks.
        only_b: what side A lacks.
        environment: entries that both sides recorded and that differ.
    """

    chapter: str
    values: list[Value] = field(default_factory=list)
    partings: list[Parting] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settings: list[Difference] = field(default_factory=list)
    only_a: list[str] = field(default_factory=list)
    only_b: list[str] = field(default_factory=list)
    environment: list[Difference] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any value."""
        return worst(value.verdict for value in self.values)

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of values with each verdict."""
        counted = Counter(value.verdict for value in self.values)
        return {verdict: counted[verdict] for verdict in Verdict}

    def note_one_sided(self, kind: str, a: Iterable[Any], b: Iterable[Any]) -> list[Any]:
        """Record what one side lacks, and return what both have."""
        common, only_a, only_b = split(a, b)
        self.only_a += [f"{kind} {name}" for name in only_a]
        self.only_b += [f"{kind} {name}" for name in only_b]
        return common

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as dicts, lists, strings and numbers."""
        return {
            "verdict": self.verdict.value,
            "counts": {verdict.value: count for verdict, count in self.counts.items()},
            "warnings": self.warnings,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "settings": [vars(item) for item in self.settings],
            "environment": [vars(item) for item in self.environment],
            "histories": [vars(item) for item in self.partings],
            "values": [_value_as_json(value) for value in self.values],
        }


def _value_as_json(value: Value) -> dict[str, Any]:
    fields = {name: item for name, item in vars(value).items() if name != "judgement"}
    return {**fields, **vars(value.judgement), "verdict": value.verdict.value}


@dataclass
class Comparison:
    """Two sides' results, chapter by chapter."""

    chapters: list[ChapterComparison]
    only_a: list[str] = field(default_factory=list)  # chapters that side B lacks
    only_b: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any chapter."""
        return worst(chapter.verdict for chapter in self.chapters)

    @property
    def values(self) -> Iterator[Value]:
        """The values of all chapters."""
        return (value for chapter in self.chapters for value in chapter.values)

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as dicts, lists, strings and numbers."""
        return {
            "verdict": self.verdict.value,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "chapters": {chapter.chapter: chapter.as_json() for chapter in self.chapters},
        }


def split(a: Iterable[Any], b: Iterable[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return what is in both, only in a and only in b, each in its own order."""
    ours, theirs = dict.fromkeys(a), dict.fromkeys(b)
    return (
        [item for item in ours if item in theirs],
        [item for item in ours if item not in theirs],
        [item for item in theirs if item not in ours],
    )
