"""The command `d2l-repro`: run chapters, see what came of it, look after the data. It never imports MXNet
itself."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro

from ..errors import DONE, FAILED, INTERRUPTED, InputError, one_line_errors
from ..files import writable_folder
from ..results import report, summary
from ..results.catalogue import TEXTBOOK, entries, reproduced
from ..results.result import FILE_NAME, Result, duration, frame, published_row, shown
from ..settings import MAX_SEED, Bounds, Count, Seed, Settings
from .data import Data
from .runner import Task, run_tasks

PROG = "d2l-repro"


@dataclass(frozen=True)
class List:
    """List the chapters, the textbook's in its order: section of the book, how long a full run takes,
    data."""

    def __call__(self):
        times = {name: duration(made["seconds"]) for name, made in reproduced()["chapters"].items()}
        rows = [
            {
                "chapter": entry.name,
                "section": entry.section,
                "takes": times.get(entry.name, "?"),
                "title": entry.title.removesuffix(", from scratch and with Gluon"),
                "data": ", ".join(entry.datasets) or ("made up" if entry.trains else "none"),
            }
            for entry in entries().values()
        ]
        print(
            frame(rows).to_string(
                index=False,
                justify="left",
                formatters={name: f"{{:{max(len(row[name]) for row in rows)}}}".format for name in rows[0]},
            )
        )
        return DONE


@dataclass(frozen=True)
class Run(Settings):
    """Run chapters, each in a process of its own, and write a report of them.

    One that fails does not keep the others from running. Exit codes: 0 done; 1 a chapter failed or, with
    --strict, a value is outside its band; 2 usage; 130 interrupted.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional]  # chapters, or textbook, or all
    seed: Seed = 0  # of all random numbers; 0 gives the book's own data
    # run each chapter with so many, from --seed on: mean and deviation
    seeds: Annotated[int, Bounds(1, 1001)] = 1
    quick: bool = False  # less data and fewer epochs: a look in seconds, compared with nothing
    jobs: Count = 1  # processes at a time; times an epoch are only worth comparing with one
    # keep the finished results that an earlier run with the same settings has left in --out
    resume: bool = False
    strict: bool = False  # exit with 1 when a value is outside its published band
    out: Path = Path("runs")  # folder for results, one folder a chapter in it, and for report.html

    def __call__(self):
        if self.seed + self.seeds > MAX_SEED:
            raise InputError(f"--seeds: no seed may be {MAX_SEED} or more; take a smaller --seed or fewer")
        folder, names, begun = writable_folder(self.out), chosen(self.names), time.time()
        tasks = [
            self._task(folder, name, seed)
            for name in names
            for seed in range(self.seed, self.seed + self.seeds)
        ]
        kept = [task for task in tasks if self.resume and task.is_finished()]
        for task in kept:
            print(f"{task.label}: finished earlier, kept")
        codes, interrupted = run_tasks([task for task in tasks if task not in kept], self.jobs)
        fresh = [task for task in tasks if task in kept or _written_since(begun, task.folder / FILE_NAME)]
        summaries = [made for made in (_summary_of(name, fresh) for name in names) if made]
        print(f"\n{_overview(names, summaries)}")
        if self.seeds > 1 and any(made.metrics() for made in summaries):  # notes have none
            print(f"\n{_over_seeds(summaries)}")
        failed = [
            f"{task.label} (exit code {code})"
            for task, code in codes.items()
            if code not in (DONE, INTERRUPTED) or (code == DONE and task not in fresh)
        ]
        missing = [
            task.label for task in tasks if task not in kept and codes.get(task, INTERRUPTED) == INTERRUPTED
        ]
        if not interrupted:
            summary.drop_other_seeds(folder, [task.folder for task in tasks])
        self._report(
            [*(f"failed: {name}" for name in failed), *(f"not finished: {name}" for name in missing)]
        )
        if interrupted:
            return INTERRUPTED
        return FAILED if failed or (self.strict and _tell_outside(summaries)) else DONE

    def _report(self, problems):
        for problem in problems:
            print(f"{PROG}: {problem}", file=sys.stderr)
        try:
            found = summary.collect(self.out)
        except InputError:  # nothing has ever been finished there
            return
        found.problems += problems
        found.save(self.out)
        print(
            f"\nresults and figures: {self.out}\nreport: {report.write(found, self.out / report.FILE_NAME)}"
        )

    def _task(self, folder, name, seed):
        label = name if self.seeds == 1 else f"{name} (seed {seed})"
        return Task(name, seed, summary.seed_folder(folder, name, seed, self.seed), self.quick, label)


@dataclass(frozen=True)
class Report(Settings):
    """Write one HTML page of all results in a folder, figures included."""

    folder: Annotated[Path, tyro.conf.Positional] = Path("runs")  # as `run` or a chapter left it
    out: Optional[Path] = None  # file to write (else report.html in the folder)

    def __call__(self):
        out = self.out or self.folder / report.FILE_NAME
        if out.suffix == ".json":
            raise InputError(
                f"--out: {out} is no place for a page, results have that ending; name a .html file"
            )
        found = summary.collect(self.folder)
        for problem in found.problems:
            print(f"{PROG}: error: {problem}", file=sys.stderr)
        if self.out is None:
            found.save(self.folder)
        print(f"report: {report.write(found, out)}")
        return FAILED if found.problems else DONE


def main(argv=None):
    """Entry point; exits with 0 done, 1 failed, 2 usage, 130 interrupted."""
    with one_line_errors(PROG):
        commands = {"list": List, "run": Run, "report": Report, "data": Data}
        config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
        command = tyro.extras.subcommand_cli_from_dict(
            commands, prog=PROG, args=argv, config=config, description=__doc__.split(" It ")[0]
        )
        sys.exit(command())


def chosen(names):
    """The chapters that `names` mean, each once, in the order given.

    Raises:
        InputError: there is no such chapter, or no name.
    """
    known = entries()
    groups = {"textbook": TEXTBOOK, "all": tuple(known)}
    found = dict.fromkeys(chapter for name in names for chapter in groups.get(name, (name,)))
    unknown = [name for name in found if name not in known]
    if unknown or not found:
        raise InputError(
            f"no chapter is called {', '.join(unknown) or 'nothing'}: "
            f"take textbook, all, or of {', '.join(known)}"
        )
    return list(found)


def _written_since(begun, path):
    """Is there a file not older than `begun`? A chapter that crashed may have left an older one."""
    return path.is_file() and path.stat().st_mtime >= begun


def _summary_of(name, tasks):
    """The Summary of a chapter's tasks, or None without any."""
    folders = [task.folder for task in tasks if task.chapter == name]
    return (
        summary.Summary(folders[0], [Result.load(folder / FILE_NAME) for folder in folders])
        if folders
        else None
    )


def _overview(names, summaries):
    rows = {made.chapter: made.row() for made in summaries}
    return frame([rows.get(name, {"chapter": name}) for name in names]).fillna("-").to_string(index=False)


def _over_seeds(summaries):
    """Mean and standard deviation of every number of every run, and what that says of the published
    values."""
    rows = []
    for made in summaries:
        bands = {(row["run"], row["metric"]): row for row in made.published()}
        for run, metrics in made.metrics().items():
            for metric, over in metrics.items():
                row = {
                    "chapter": made.chapter,
                    "run": run,
                    "metric": metric,
                    "seeds": len(over["values"]),
                    "mean": shown(over["mean"]),
                    "std": shown(over["std"], ".2g"),
                }
                if (run, metric) in bands:
                    band = published_row(bands[run, metric])
                    row.update({name: band[name] for name in ("published", "band", "within")})
                rows.append(row)
    return frame(rows).fillna("").to_string(index=False)


def _tell_outside(summaries):
    found = summary.outside(summaries)
    for chapter, row in found:
        print(
            f"{PROG}: outside its band: {chapter}, {row['run']}, {row['metric']}: {shown(row['ours'])}, "
            f"published {row['value']:g} ({row['low']:g} to {row['high']:g})",
            file=sys.stderr,
        )
    return bool(found)
