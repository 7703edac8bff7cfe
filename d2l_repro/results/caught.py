"""Which mistakes do the proofs catch? The table of mistakes, as a command measures it and reports read it.

A published value whose interval no mistake leaves proves nothing: it "cannot tell".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Callable

from ..errors import InputError
from ..files import write_atomically
from ..language import mark, tr
from . import bands
from .printed import labels, published_values
from .schema import read_json, shorten, to_json
from .verdicts import exact_interval

FILE_NAME = "mistakes.json"
NO_MISTAKE = "none"  # name of the row of a chapter's model as it is
PROOFS = (mark("gradient check"), mark("parity"))  # that need no published value
Interval = tuple[float, float]
Values = Mapping[str, Mapping[str, Any]]  # published run -> metric -> number, or None if training failed


@dataclass(frozen=True)
class Measured:
    """A mistake, and what came of it.

    Attributes:
        chapter: whose model has the mistake.
        mistake: its name, or `NO_MISTAKE`.
        what: completes "a net ...".
        kind: of mistakes that are variants of each other.
        proofs: those of `PROOFS` that catch it.
        values: of the published rows that it can change, by published run and metric; None if training
            diverged.
    """

    chapter: str
    mistake: str
    what: str
    kind: str
    proofs: Sequence[str]
    values: Values

    def marks(self, interval_of: Callable[..., Interval | None] | None = None) -> dict[str, bool | None]:
        """Return whether each proof catches the mistake, by name: `PROOFS`, then "RUN METRIC".

        None stands for a published value without an interval. Values that the mistake cannot change are left
        out. `Table.marks` also knows of the model without mistake.

        Args:
            interval_of: as for `caught`.
        """
        found: dict[str, bool | None] = {name: name in self.proofs for name in PROOFS}
        for row in rows_of(self.chapter):
            run, metric = row["run"], row["metric"]
            if metric in self.values.get(run, {}):
                found[f"{run} {metric}"] = caught(row, self.values[run][metric], interval_of)
        return found


@dataclass(frozen=True)
class Table:
    """All mistakes that were measured with one seed, in the order of the chapters."""

    seed: int
    measured: Sequence[Measured]

    def of(self, chapter: str) -> list[Measured]:
        """Return the rows of a chapter, the one without mistake first."""
        return [row for row in self.measured if row.chapter == chapter]

    def marks(self, row: Measured) -> dict[str, bool | None]:
        """Return a row's marks; None also where a published value rejects the model without mistake, too."""
        right = next((r.marks() for r in self.of(row.chapter) if r.mistake == NO_MISTAKE), {})
        if row.mistake == NO_MISTAKE:
            return right
        return {name: None if right.get(name) else mark for name, mark in row.marks().items()}

    @property
    def chapters(self) -> list[str]:
        """Names of the chapters in order."""
        return list(dict.fromkeys(row.chapter for row in self.measured))

    def mistakes(self) -> Iterator[Measured]:
        """Yield the rows that have a mistake."""
        return (row for row in self.measured if row.mistake != NO_MISTAKE)

    def save(self, path: str | Path) -> None:
        """Write the table as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        write_atomically(path, to_json({"seed": self.seed, "mistakes": [asdict(m) for m in self.measured]}))

    def flat(self) -> list[dict[str, Any]]:
        """Return a row for each mistake and proof, as mistakes.csv has them."""
        return [
            {
                "chapter": row.chapter,
                "mistake": row.mistake,
                "what": row.what,
                "proof": proof,
                "caught": {True: "yes", False: "no", None: "cannot say"}[mark],
            }
            for row in self.measured
            for proof, mark in self.marks(row).items()
        ]


def load(path: str | Path) -> Table:
    """Read the file of a table, wherever it comes from.

    Raises:
        InputError: it is none.
    """
    try:
        content = read_json(path)
        rows = [Measured(**row) for row in content["mistakes"]]
        if type(content["seed"]) is not int or not all(map(_is_sound, rows)):
            raise ValueError("a value has another type than it should")
        return Table(content["seed"], rows)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            tr(
                "{path}: not a table of mistakes ({error}); remove it and measure it again",
                path=path,
                error=shorten(str(error)),
            )
        ) from None


def _is_sound(row: Measured) -> bool:
    """Return whether every value of a row that was read has its type."""
    texts = (row.chapter, row.mistake, row.what, row.kind)
    if not all(isinstance(text, str) for text in texts) or not isinstance(row.proofs, list):
        return False
    runs: list[Any] = list(row.values.values()) if isinstance(row.values, dict) else [None]
    if not all(isinstance(run, dict) for run in runs):
        return False
    values = [value for run in runs for value in run.values()]
    return all(proof in PROOFS for proof in row.proofs) and all(
        value is None or type(value) in (int, float) for value in values
    )


@lru_cache
def committed() -> Table:
    """Return the table that belongs to this version."""
    path = resources.files(__package__).joinpath(FILE_NAME)
    with resources.as_file(path) as file:
        return load(file) if file.is_file() else Table(0, [])


def rows_of(chapter: str) -> list[dict[str, Any]]:
    """Return the published rows of a chapter; of the rows for several platforms only the first."""
    rows = [row for row in published_values() if row["chapter"] == chapter]
    return list({(row["run"], row["metric"]): row for row in reversed(rows)}.values())[::-1]


def interval(row: Mapping[str, Any]) -> Interval | None:
    """Return the interval in which a published row accepts the value of a run with seed 0; None without one.

    A number that was printed on another platform is asked about our runs on the data of Linux, where it would
    have another value but the same scatter.
    """
    if row["kind"] == "exact" and row["stream"] in ("", bands.LINUX):
        return exact_interval(row)
    key = (row["chapter"], labels(row["run"])[0], row["metric"])
    band = bands.find(*key, bands.LINUX) or bands.find(*key)
    return band.interval(row["precision"] / 2) if band else None


def caught(
    row: Mapping[str, Any], value: float | None, interval_of: Callable[..., Interval | None] | None = None
) -> bool | None:
    """Return whether a published row catches a value: whether that lies outside its interval.

    Args:
        row: from `published_values`.
        value: of the metric; None or not finite if training failed, which every row catches.
        interval_of: (row) -> its interval or None; by default `interval`.

    Returns:
        None if the row has no interval.
    """
    limits = (interval_of or interval)(row)
    if limits is None:
        return None
    return value is None or not math.isfinite(value) or not limits[0] <= value <= limits[1]


def catches(chapter: str, run: str, metric: str, table: Table | None = None) -> int | None:
    """Return how many mistakes a published value catches; None if that was not measured or it cannot say.

    Args:
        chapter: name of the chapter.
        run: a published run, or the label of one of ours.
        metric: name of the metric.
        table: by default the committed one.
    """
    measured = (table or committed()).of(chapter)
    row = next((row for row in rows_of(chapter) if row["metric"] == metric and _is_about(row, run)), None)
    if row is None:
        return None
    found = {
        one.mistake: caught(row, one.values[row["run"]][metric])
        for one in measured
        if metric in one.values.get(row["run"], {})
    }
    right = found.pop(NO_MISTAKE, False)
    if right or not found or None in found.values():
        return None
    return sum(map(bool, found.values()))


def _is_about(row: Mapping[str, Any], run: str) -> bool:
    return run in (row["run"], *labels(row["run"]))
