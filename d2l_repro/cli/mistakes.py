"""Show which proofs catch which mistakes. The measuring itself, which needs MXNet, is another process."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro

from .. import installation
from ..columns import padded, width, wrapped
from ..language import listed, mark, tr
from ..processes import run_module
from ..results.caught import NO_MISTAKE, PROOFS, Measured, Table
from ..results.table_text import aligned, shortened
from ..settings import Count, Seed, Settings
from .runner import chapters_of

MARKS = {True: mark("yes"), False: "-", None: "?"}


@dataclass(frozen=True)
class MistakesOptions(Settings):
    """Which mistakes to measure, and where the table goes."""

    # chapters whose mistakes to measure, or the groups textbook and all; all that have some by default
    names: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[CHAPTER ...]", help_behavior_hint="(default: all)"),
    ] = ()
    jobs: Count = 1  # mistakes to measure at a time
    # Dask cluster to use: its scheduler's address (tcp://HOST:8786) or file, or local, which starts one on
    # this machine with as many processes as --jobs says
    cluster: Optional[str] = None
    seed: Seed = 0  # seed of all random numbers
    out: Path = Path("runs/mistakes")  # folder for mistakes.json, mistakes.csv and the picture
    resume: bool = False  # keep what an earlier run with the same seed has left in --out
    # folder that contains fashion_mnist/, ...; searched before $D2L_REPRO_DATA
    data_dir: Optional[Path] = None
    write: bool = False  # also replace the table that the package brings, d2l_repro/results/mistakes.json


@dataclass(frozen=True)
class MistakesCommand(MistakesOptions):
    """Put plausible mistakes into the chapters' models, and show which proofs catch which.

    The proofs are the gradient check, parity over 50 steps, and each published value. Models from scratch are
    trained with the mistake in them, in the chapter's own settings. Exit codes: 0 done; 2 usage error, or
    published data are missing; 130 interrupted.
    """

    def __call__(self) -> int:
        installation.check_packages()
        return run_module("d2l_repro.mistakes", "d2l-repro mistakes", [*self._flags(), *self.chapters])

    @property
    def chapters(self) -> list[str]:
        """The chapters that the names stand for; none for all that have mistakes."""
        return [] if "all" in self.names else chapters_of(self.names, ())

    def _flags(self) -> list[str]:
        flags = [f"--jobs={self.jobs}", f"--seed={self.seed}", f"--out={self.out}"]
        flags += [f"--cluster={self.cluster}"] if self.cluster is not None else []
        flags += [f"--data-dir={self.data_dir}"] if self.data_dir else []
        return flags + [f"--{name}" for name in ("resume", "write") if getattr(self, name)]


def table_text(table: Table) -> str:
    """Return a table for each chapter: a row for each mistake, a column for each proof."""
    return "\n\n".join(text for chapter in table.chapters for text in _chapter(table, table.of(chapter)))


def _chapter(table: Table, measured: Sequence[Measured]) -> Iterator[str]:
    marks = [table.marks(row) for row in measured]
    rows = list(dict.fromkeys(name for row in marks for name in row if name not in PROOFS))
    numbers = {name: str(i) for i, name in enumerate(rows, 1)}
    heads = {name: name.removesuffix(" check") for name in PROOFS}
    heads.update(numbers)
    lines = [
        {
            "mistake": row.mistake,
            **{heads[name]: tr(MARKS[found[name]]) if name in found else "" for name in [*PROOFS, *rows]},
        }
        for row, found in zip(measured, marks)
    ]
    yield "\n".join([f"{measured[0].chapter}", *_described(lines, measured), *_legend(numbers)])


def _described(lines: Sequence[dict[str, str]], measured: Sequence[Measured]) -> Iterator[str]:
    """Yield the lines of a table with what each mistake is at the end, as far as there is space."""
    columns = min(shutil.get_terminal_size((110, 24)).columns, 110)
    table = aligned(lines).splitlines()
    longest = max(map(width, table))
    texts = [
        "",
        *("" if row.mistake == NO_MISTAKE else tr("a net {what}", what=tr(row.what)) for row in measured),
    ]
    space = columns - longest - 4
    for line, text in zip(table, texts):
        short = shortened(text, space) if space > 20 else ""
        yield f"  {padded(line, longest)}  {short}".rstrip()


def _legend(numbers: dict[str, str]) -> Iterator[str]:
    if numbers:
        text = tr("published: {names}", names=listed(f"{i} {name}" for name, i in numbers.items()))
        yield wrapped(text, 108, "  ", "    ")


def summary_text(table: Table) -> str:
    """Return one sentence: how many mistakes are caught, and by what."""
    mistakes = list(table.mistakes())
    missed = [f"{row.chapter}, {row.mistake}" for row in mistakes if not any(table.marks(row).values())]
    caught = len(mistakes) - len(missed)
    text = tr("{caught} of {count} mistakes are caught", caught=caught, count=len(mistakes))
    return tr("{text}; by nothing: {names}", text=text, names=tr("; ").join(missed)) if missed else text
