"""Measure which proofs catch which mistakes; `d2l-repro mistakes` starts this."""

from __future__ import annotations

import csv
import io
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import tyro

from .. import stopping
from ..cli.main import PROG
from ..cli.mistakes import MistakesOptions, summary_text, table_text
from ..errors import DONE, InputError, one_line_errors
from ..experiment.seeds import in_processes
from ..files import locked_folder, write_atomically
from ..language import listed, tr
from ..parallel import Where
from ..parallel.where import RESUME
from ..results import caught, plot
from ..results.catalogue import entries
from ..results.caught import Measured, Table
from .mistake import CHAPTERS, lesson_of
from .table import measure, mistakes_of

COMMITTED = Path(caught.__file__).with_name(caught.FILE_NAME)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit with 0 done, 1 the cluster was lost, 2 usage, 130 interrupted."""
    with one_line_errors(f"{PROG} mistakes"):
        config = (tyro.conf.FlagCreatePairsOff,)
        options = tyro.cli(MistakesOptions, args=argv, prog=f"{PROG} mistakes", config=config)
        with locked_folder(options.out) as folder:
            sys.exit(_run(options, folder))


def _run(options: MistakesOptions, folder: Path) -> int:
    chapters = options.names or CHAPTERS
    for chapter in chapters:
        lesson_of(chapter)  # now, not after others have been measured
    known = _earlier(folder, options.seed) if options.resume else {}
    order = [(chapter, mistake.name) for chapter in chapters for mistake in mistakes_of(chapter)]
    where = Where(options.jobs, options.cluster, _datasets(chapters), options.data_dir, RESUME)
    data_dir = options.data_dir if options.cluster is None else None  # workers have the data in their own
    tasks = [(*names, options.seed, data_dir) for names in order if names not in known]
    # Of a process that was replaced as its memory had grown; its task is done again.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
    interrupted = False
    try:
        for measured in in_processes(measure, tasks, where, True, _line):
            known[measured.chapter, measured.mistake] = measured
            _ordered(known, options.seed).save(folder / caught.FILE_NAME)
    except KeyboardInterrupt:
        interrupted = True
    table = _ordered(known, options.seed)
    if table.measured:
        _show(table, folder, order)
    if interrupted:
        print(tr("interrupted; to keep what is finished, repeat the command with --resume"), file=sys.stderr)
        return stopping.exit_code()
    if options.write:
        _write_committed(table)
    return DONE


def _datasets(chapters: Sequence[str]) -> list[str]:
    """Return the data sets that the chapters are measured on."""
    return sorted({name for chapter in chapters for name in entries()[chapter].datasets[:1]})


def _earlier(folder: Path, seed: int) -> dict[tuple[str, str], Measured]:
    """Return what an earlier run with the same seed has left in the folder, for mistakes that still exist."""
    path = folder / caught.FILE_NAME
    if not path.is_file():
        return {}
    table = caught.load(path)
    if table.seed != seed:
        raise InputError(
            tr(
                "--resume: {path} has seed {seed}; use --seed {seed}, or another --out",
                path=path,
                seed=table.seed,
            )
        )
    return {(row.chapter, row.mistake): row for row in table.measured}


def _ordered(known: dict[tuple[str, str], Measured], seed: int) -> Table:
    """Return the table in the order of the chapters, without mistakes that no longer exist."""
    order = [(chapter, mistake.name) for chapter in CHAPTERS for mistake in mistakes_of(chapter)]
    return Table(seed, [known[names] for names in order if names in known])


def _line(measured: Measured) -> str:
    found = [name for name, mark in measured.marks().items() if mark]
    return tr(
        "{chapter}, {mistake}: caught by {proofs}",
        chapter=measured.chapter,
        mistake=measured.mistake,
        proofs=listed(found) or tr("nothing"),
    )


def _show(table: Table, folder: Path, order: Sequence[tuple[str, str]]) -> None:
    """Print the requested part of the table, and write all of it as JSON, CSV and a picture."""
    table.save(folder / caught.FILE_NAME)
    rows, text = table.flat(), io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(folder / "mistakes.csv", text.getvalue())
    if any(table.mistakes()):
        plot.save({"mistakes": plot.mistakes_matrix(table)}, folder)
    shown = Table(table.seed, [row for row in table.measured if (row.chapter, row.mistake) in order])
    print(f"\n{table_text(shown)}\n\n{summary_text(shown)}")
    print(tr("table and picture: {folder}", folder=folder))


def _write_committed(table: Table) -> None:
    """Replace the chapters that were measured in the package's own table."""
    known = {(row.chapter, row.mistake): row for row in caught.committed().measured}
    known.update({(row.chapter, row.mistake): row for row in table.measured})
    _ordered(known, table.seed).save(COMMITTED)
    print(tr("written: {path}", path=COMMITTED))


if __name__ == "__main__":
    main()
