"""Hold contests of speed; `d2l-repro bench` starts this."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import tyro

from ..cli.bench import BenchOptions
from ..cli.main import PROG
from ..errors import DONE, FAILED, one_line_errors
from ..files import locked_folder, write_atomically
from ..language import listed, tr, trn
from ..results import speed
from ..results.bench_words import contestant_text, in_language
from ..results.speed import LIMIT, Measured, Record
from ..results.table_text import aligned
from . import contests, runner, studying


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit with 0 done, 1 a contestant failed, 2 usage, 130 interrupted."""
    with one_line_errors(f"{PROG} bench"):
        config = (tyro.conf.FlagCreatePairsOff,)
        options = tyro.cli(BenchOptions, args=argv, prog=f"{PROG} bench", config=config)
        studies, names = studying.split(options.names)
        selected = contests.select(names, options.against, studying.NAMES) if names else []
        with locked_folder(options.out) as folder:
            sys.exit(_run(options, selected, studies, folder))


def _run(
    options: BenchOptions, selected: Sequence[contests.Contest], studies: Sequence[str], folder: Path
) -> int:
    if selected:
        _say_who_is_missing(options.against)
    steps = [
        *(partial(_hold, contest, options, folder) for contest in selected),
        *(partial(studying.hold, name, options, folder) for name in studies),
    ]
    failed, written = [], {}  # committed file -> path of the record for it
    for step in steps:
        try:
            written.update(step())
        except runner.ContestantFailed as error:
            failed.append(tr("{contestant} failed", contestant=error))
    for line in failed:
        print(f"{PROG} bench: {line}", file=sys.stderr)
    for name, path in written.items():
        print(tr("record: {path}", path=path))
        if options.write:
            _write_committed(name, path)
    return FAILED if failed else DONE


def _hold(contest: contests.Contest, options: BenchOptions, folder: Path) -> dict[str, Path]:
    measured, environment = runner.hold(contest, options.rounds, options.quick)
    return {speed.FILE_NAME: _keep(measured, environment, folder)}


def _say_who_is_missing(against: str) -> None:
    missing = [key for key in contests.OTHERS if not contests.is_installed(key)]
    if missing and against == "available":
        print(tr("not installed, so left out: {names}", names=listed(missing)))


def _keep(measured: Measured, environment: dict[str, Any], folder: Path) -> Path:
    """Print a contest and what has changed since the last record of this machine, and replace that."""
    machine = runner.machine_of(environment)
    path = runner.record_path(folder, machine, measured.quick)
    earlier = speed.load(path).contests if path.is_file() else {}
    print(f"\n{contest_text(measured)}")
    if measured.name in earlier:
        lines = speed.changes(earlier[measured.name], measured)
        print("\n".join(map(str, lines)) or tr("no change from the last record beyond the noise"), flush=True)
        measured = measured.replacing(earlier[measured.name])
    known = {**earlier, measured.name: measured}
    Record(machine, {name: known[name] for name in contests.CONTESTS if name in known}).save(path)
    return path


def contest_text(contest: Measured) -> str:
    """Return a contest as a table with a line of explanation, and its limit operator by operator."""
    rows = [
        {
            "contestant": contestant_text(row["contestant"]),
            in_language(f"time per {contest.unit}"): row["time"],
            f"/ {contestant_text(contest.reference or '')}": row["ratio"],
            f"/ {contestant_text(LIMIT)}": row["limit"],
        }
        for row in speed.table(Record({}, {contest.name: contest}))
    ]
    title = tr(
        "{contest}: {title}; {threads}",
        contest=contest.name,
        title=in_language(contest.title),
        threads=trn("{count} thread", "{count} threads", contest.threads),
    )
    lines = [title, aligned(rows)]
    if contest.operators:
        total = sum(row["count"] * row["seconds"] for row in contest.operators)
        parts = [
            {
                "operator": in_language(row["operator"]),
                "fastest kernel": in_language(row["kernel"]),
                "share of the limit": f"{row['count'] * row['seconds'] / total:.0%}",
            }
            for row in sorted(contest.operators, key=lambda row: -row["count"] * row["seconds"])[:6]
        ]
        lines.append(aligned(parts))
    lines += filter(None, [speed.goal_text(contest)])
    return "\n".join(lines)


def _write_committed(name: str, path: Path) -> None:
    committed = Path(speed.__file__).with_name(name)
    write_atomically(committed, path.read_bytes())
    print(tr("written: {path}", path=committed))


if __name__ == "__main__":
    main()
