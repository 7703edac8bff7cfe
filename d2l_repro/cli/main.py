"""Run chapters, report and compare their results, manage the data. It imports MXNet to predict only."""

import atexit
import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, Optional

import tyro

from .. import installation, stopping
from ..distributed.job import refuse_workers
from ..errors import BROKEN, DONE, FAILED, USAGE, InputError, error_line, one_line_errors
from ..files import check_outputs, locked_folder
from ..language import mark, tr
from ..results import kfold, summary, verdicts
from ..results.catalogue import Entry, entries, reproduced
from ..results.formatting import (
    band_text,
    format_duration,
    format_number,
    published_row,
    published_text,
    section_text,
    verdict_text,
)
from ..results.result import FILE_NAME, Result, check_replaceable
from ..results.table_text import aligned, as_frame, frame_text
from ..settings import MAX_SEED, Bounds, Count, Seed, Settings, Stream, choose_language
from .flags import parse_command
from .passing import with_flags_of_chapters
from .runner import (
    Task,
    check_streams,
    default_folder,
    run_tasks,
    select_chapters,
    sharing_cores,
    starter,
)

PROG = "d2l-repro"


@dataclass(frozen=True)
class ListCommand:
    """List the chapters with their section of the book, the time of a full run, and their data sets."""

    def __call__(self) -> int:
        times = {
            name: format_duration(chapter["seconds"]) for name, chapter in reproduced()["chapters"].items()
        }
        rows = [_list_row(entry, times.get(entry.name, "?")) for entry in entries().values()]
        print(aligned(rows))
        return DONE


def _list_row(entry: Entry, takes: str) -> dict[str, str]:
    return {
        "chapter": entry.name,
        "section": section_text(entry.section),
        "takes": takes,
        "title": tr(entry.title).removesuffix(tr(", from scratch and with Gluon")),
        "data": ", ".join(entry.datasets) or (tr("synthetic") if entry.trains else tr("none")),
    }


@dataclass(frozen=True)
class RunCommand(Settings):
    """Run chapters, each in its own process, and write a report on them.

    If one fails, the others still run. Exit codes: 0 done; 1 a chapter failed or, with --strict, a value
    differs by more than chance allows; 2 usage error; 130 interrupted, 143 and 129 after SIGTERM and SIGHUP.
    """

    # chapters to run, or the groups textbook and all; see `d2l-repro list`
    names: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="CHAPTER [CHAPTER ...]", help_behavior_hint="(required)"),
    ]
    seed: Seed = 0  # seed of all random numbers; 0 gives the book's own synthetic data
    # number of seeds to run each chapter with, counted from --seed: gives mean and standard deviation
    seeds: Annotated[int, Bounds(1, 1001)] = 1
    quick: bool = False  # finish in seconds: less data, fewer epochs, no comparison with published values
    # use the book's own data, as MXNet draws them on that platform; with seed 0 the initial weights, too, are
    # the book's. For chapters whose published values depend on it
    stream: Optional[Stream] = None
    jobs: Count = 1  # chapters to run at a time; measured times are comparable only with 1
    # Dask cluster to use: its scheduler's address (tcp://HOST:8786) or file, or local, which starts one on
    # this machine with as many processes as --jobs says
    cluster: Optional[str] = None
    # keep the finished results that an earlier run with the same settings has left in --out
    resume: bool = False
    strict: bool = False  # exit with code 1 if a value differs by more than chance allows
    # print every line of the chapters on a terminal too, where else a bar shows how far they are
    verbose: bool = False
    # folder for the results, a subfolder per chapter, and for report.html
    out: Annotated[
        Optional[Path],
        tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: runs)"),
    ] = None

    def __call__(self, passed: Callable[[str], dict[str, Any]] = lambda name: {}) -> int:
        """Run the chapters; `passed` gives the fields of a chapter's tasks that its own flags decide."""
        if self.seed + self.seeds > MAX_SEED:
            raise InputError(
                tr(
                    "--seeds: seeds must be below {limit}; use a smaller --seed or fewer seeds",
                    limit=MAX_SEED,
                )
            )
        installation.check_packages()
        names = select_chapters(self.names)
        if self.stream:
            check_streams(names)
        flags = {name: passed(name) for name in names}
        with locked_folder(self.out or default_folder(self.quick, names)) as folder:
            return self._run(folder, names, self._tasks(folder, flags))

    def _run(self, folder: Path, names: Sequence[str], tasks: Sequence[Task]) -> int:
        start = time.time()
        kept = [task for task in tasks if self.resume and task.is_finished()]
        for task in tasks:
            if task in kept:
                print(tr("{task}: finished earlier, kept", task=task.label))
            else:
                check_replaceable(task.folder, self.quick)
        missing = [task for task in tasks if task not in kept]
        if self.jobs > 1 or self.cluster:
            # The longest first: begun last, it would run alone at the end.
            full = reproduced()["chapters"]
            missing.sort(key=lambda task: full.get(task.chapter, {}).get("seconds", 0.0), reverse=True)
        with starter(missing, self.jobs, self.cluster) as start_one:
            codes, interrupted = run_tasks(missing, self.jobs, start_one)
        if BROKEN in codes.values():  # the chapter has said why
            return USAGE
        written = [task for task in tasks if task in kept or _written_since(start, task.folder / FILE_NAME)]
        summaries = [item for item in (_summarize(name, written) for name in names) if item]
        self._print_tables(names, summaries)
        stopped = [task for task in tasks if task not in kept and stopping.is_stopped(codes.get(task, -2))]
        failed = [
            tr("failed: {task} (exit code {code})", task=task.label, code=code)
            + _what_is_shown(task, written)
            for task, code in codes.items()
            if task not in stopped and (code != DONE or task not in written)
        ]
        unfinished = [
            tr("not finished: {task}", task=task.label) + _what_is_shown(task, written) for task in stopped
        ]
        self._report(folder, tasks, [*failed, *unfinished])
        if interrupted:
            return stopping.exit_code()
        return FAILED if failed or (self.strict and _print_failures(summaries)) else DONE

    def _tasks(self, folder: Path, passed: dict[str, dict[str, Any]]) -> list[Task]:
        tasks = [
            Task(
                name,
                seed,
                summary.seed_folder(folder, name, seed, self.seed),
                self.quick,
                name if self.seeds == 1 else tr("{name} (seed {seed})", name=name, seed=seed),
                self.stream,
                quiet=not self.verbose and sys.stdout.isatty() and sys.stderr.isatty(),
                **passed[name],
            )
            for name in passed
            for seed in range(self.seed, self.seed + self.seeds)
        ]
        return tasks if self.cluster else sharing_cores(tasks, self.jobs)

    def _print_tables(self, names: Sequence[str], summaries: Sequence[summary.Summary]) -> None:
        print(f"\n{_overview(names, summaries)}\n\n{verdict_line(summaries)}")
        if self.seeds > 1 and any(item.metrics() for item in summaries):  # notes have no metrics
            print(f"\n{_over_seeds(summaries)}")

    def _report(self, folder: Path, tasks: Sequence[Task], problems: Sequence[str]) -> None:
        for problem in problems:
            print(f"{PROG}: {problem}", file=sys.stderr)
        try:
            collection = summary.collect(folder, [task.folder for task in tasks])
        except InputError:  # nothing has ever been finished there
            return
        collection.problems += problems
        collection.save(folder)
        from ..results import report  # Jinja takes as long to import as all that --help needs

        page = report.write(collection, folder / report.FILE_NAME)
        print(f"\n{tr('results and figures: {folder}', folder=folder)}")
        print(tr("report: {page}", page=page))


@dataclass(frozen=True)
class ReportCommand(Settings):
    """Rebuild the report from existing results: one HTML page, figures included, and a handout to print."""

    folder: Annotated[Path, tyro.conf.Positional] = Path("runs")  # where `run` or a chapter wrote its results
    # file to write; the handout, one page to print, lies beside it as PATH-handout.html
    out: Annotated[
        Optional[Path],
        tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: report.html in the folder)"),
    ] = None

    def __call__(self) -> int:
        with without_collector():
            return self._write()

    def _write(self) -> int:
        from ..results import report  # see `_report`

        out = self.out or self.folder / report.FILE_NAME
        if out.suffix == ".json":
            raise InputError(
                tr("--out: {path} would overwrite results with a page; name an .html file", path=out)
            )
        collection = summary.collect(self.folder)
        outputs = {"--out": out, tr("the handout beside --out"): report.handout_path(out)}
        check_outputs(outputs, _shown_files(collection))
        for problem in collection.problems:
            print(error_line(PROG, problem), file=sys.stderr)
        if self.out is None:
            collection.save(self.folder)
        print(tr("report: {page}", page=report.write(collection, out)))
        return FAILED if collection.problems else DONE


def _shown_files(collection: summary.Collection) -> dict[str, Path]:
    """Return the files that a report is made of, each under its own name."""
    folders = [item.folder for item in collection.summaries] + [item.folder for item in collection.kfolds]
    patterns = (FILE_NAME, kfold.FILE_NAME, "*.svg", "*.png")
    return {str(path): path for folder in folders for pattern in patterns for path in folder.rglob(pattern)}


class _Commands(Mapping[str, type]):
    """The commands by name, in the order of the help.

    The module of one is imported when it is asked for: to import all of them takes as long as to run some.
    """

    HERE: ClassVar[dict[str, type]] = {"list": ListCommand, "run": RunCommand, "report": ReportCommand}
    NAMES = (
        *("list", "run", "launch", "scaling", "report", "compare", "mistakes", "exercise", "predict"),
        *("data", "bands", "bench", "doctor"),
    )

    def __getitem__(self, name: str) -> type:
        if name not in self.NAMES:
            raise KeyError(name)
        return self.HERE.get(name) or getattr(
            import_module(f".{name}", __package__), f"{name.capitalize()}Command"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.NAMES)

    def __len__(self) -> int:
        return len(self.NAMES)


COMMANDS = _Commands()
DESCRIPTION = mark("Run chapters, report and compare their results, manage the data.")


def main(argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run the command, and exit with 0 done, 1 failed, 2 usage, 130 interrupted."""
    with one_line_errors(PROG):
        argv = choose_language(sys.argv[1:] if argv is None else argv)
        commands: Mapping[str, type] = COMMANDS
        if argv[:1] == ["run"]:
            commands = {"run": with_flags_of_chapters(RunCommand, argv[1:])}
        config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
        refuse_workers(PROG)
        command = parse_command(commands, argv, PROG, DESCRIPTION, config)
        sys.exit(command())


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python from searching for garbage, of which a report makes little, here and when Python ends.

    It would look at all results, rows and figures again and again: a fifth of the time of a report.
    """
    gc.disable()
    try:
        yield
    finally:
        atexit.register(gc.freeze)  # not now, as garbage of whoever called this would stay for ever
        gc.enable()


def _what_is_shown(task: Task, written: Sequence[Task]) -> str:
    """Return what to add to a line about a task that was not finished."""
    is_earlier = task not in written and (task.folder / FILE_NAME).is_file()
    return tr("; the report shows the result of an earlier run") if is_earlier else ""


def _written_since(start: float, path: Path) -> bool:
    """Return whether the file is at least as new as `start`; a crashed chapter may have left an older one."""
    return path.is_file() and path.stat().st_mtime >= start


def _summarize(name: str, tasks: Sequence[Task]) -> Optional[summary.Summary]:
    folders = [task.folder for task in tasks if task.chapter == name]
    if not folders:
        return None
    return summary.Summary(folders[0], [Result.load(folder / FILE_NAME) for folder in folders])


def _overview(names: Sequence[str], summaries: Sequence[summary.Summary]) -> str:
    rows = {item.chapter: item.row() for item in summaries}
    return frame_text(as_frame([rows.get(name, {"chapter": name}) for name in names]).fillna("-"))


def _over_seeds(summaries: Sequence[summary.Summary]) -> str:
    """Return a table of every metric over the seeds, with the published values beside it."""
    rows = []
    for item in summaries:
        bands = {(row["run"], row["metric"]): row for row in item.published()}
        for run, metrics in item.metrics().items():
            for metric, over in metrics.items():
                row = {
                    "chapter": item.chapter,
                    "run": run,
                    "metric": metric,
                    "seeds": len(over["values"]),
                    "mean": format_number(over["mean"]),
                    "std": format_number(over["std"], ".2g"),
                }
                if (run, metric) in bands:
                    band = published_row(bands[run, metric])
                    row.update({name: band[name] for name in ("published", "our seeds", "verdict")})
                rows.append(row)
    return frame_text(as_frame(rows).fillna(""))


def verdict_line(summaries: Sequence[summary.Summary]) -> str:
    """Return how often each verdict was given on the published numbers of the chapters that were run."""
    rows = [row for item in summaries if item.published() for row in item.numbers()]
    if not rows:
        return tr("No published number was compared.")
    return tr(
        "{count} published numbers: {counts}. By chance {chance} would differ.",
        count=len(rows),
        counts=verdicts.tally_text(verdicts.tally(row["verdict"] for row in rows)),
        chance=f"{verdicts.expected_false_alarms(rows):.1f}",
    )


def _print_failures(summaries: Sequence[summary.Summary]) -> bool:
    rows = [{"chapter": item.chapter, **row} for item in summaries for row in item.published()]
    failed = verdicts.failures(rows)
    for row in failed:
        text = tr(
            "{chapter}, {run}, {metric}: published {published}, {verdict}; this run {ours}, our seeds {band}",
            chapter=row["chapter"],
            run=row["run"],
            metric=row["metric"],
            published=published_text(row),
            verdict=verdict_text(row),
            ours=format_number(row["ours"]),
            band=band_text(row),
        )
        print(f"{PROG}: {text}", file=sys.stderr)
    return bool(failed)
