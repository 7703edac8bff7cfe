"""The results below a folder, several seeds of a chapter taken together, and what they say of the published
values."""

import math
import shutil
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..files import write_atomically
from .catalogue import entries
from .result import FILE_NAME, Result, dumped, shown

SUMMARY = "summary.json"


def seed_folder(folder, chapter, seed, first):
    """Where a chapter's result of a seed is kept: the first seed's in the chapter's own folder, others in
    it."""
    return Path(folder) / chapter if seed == first else Path(folder) / chapter / f"seed_{seed}"


@dataclass
class Summary:
    """A chapter's results of one or several seeds, made with the same settings on the same kind of data."""

    folder: Path  # of the first, where its figures are
    results: list

    @property
    def first(self):
        """The result whose settings, curves and figures stand for all."""
        return self.results[0]

    @property
    def chapter(self):
        return self.first.chapter

    @property
    def seeds(self):
        return [result.seed for result in self.results]

    @property
    def interrupted(self):
        """Seeds of the results that were interrupted."""
        return [result.seed for result in self.results if result.interrupted]

    @property
    def errors(self):
        """What went wrong, by run; told with its seed where there are several."""
        return {
            f"{label} (seed {result.seed})" if len(self.results) > 1 else label: error
            for result in self.results
            for label, error in result.errors.items()
        }

    def metrics(self):
        """Label of a run -> metric -> `spread` over the seeds that finished the run."""
        values = {}
        for result in self.results:
            for label, run in result.labelled().items():
                for name, value in run.metrics.items():
                    values.setdefault(label, {}).setdefault(name, []).append(value)
        return {
            label: {name: spread(numbers) for name, numbers in metrics.items()}
            for label, metrics in values.items()
        }

    def published(self):
        """The rows of `published.compare` with `ours` the mean, `std`, the `seeds` that count, and the
        verdict.

        A value is within its band when the band and mean +- one standard deviation have a number in common.
        With one seed that is: when it lies in the band.
        """
        rows = {}
        for result in self.results:
            for row in result.published:
                rows.setdefault((row["run"], row["metric"]), (row, []))[1].append((result.seed, row["ours"]))
        made = []
        for row, numbers in rows.values():
            over = spread([value for _, value in numbers])
            made.append(
                {
                    **row,
                    "ours": over["mean"],
                    "std": over["std"],
                    "seeds": [seed for seed, _ in numbers],
                    "within": _overlap(row, over),
                }
            )
        return made

    def parted(self):
        """The first pair of a scratch and a Gluon run that did not follow the same path, if there is one."""
        pairs = (pair for result in self.results if result.parity for pair in result.parity["pairs"])
        return next((pair for pair in pairs if pair["left_at"]), None)

    def as_json(self):
        """The chapter's part of summary.json."""
        first = self.first
        return {
            "dataset": first.dataset,
            "stand_in_for": first.stand_in_for,
            "quick": first.quick,
            "changed": first.changed,
            "seeds": self.seeds,
            "finished": first.finished,
            "seconds": first.seconds,
            "metrics": self.metrics(),
            "published": self.published(),
            "parity": first.parity and first.parity["max_abs_diff"],
            "same_path": self.parted() is None,
            "errors": self.errors,
            "environment": first.environment,
        }

    def row(self):
        """The chapter's line in the overview that `d2l-repro run` ends with."""
        rows, parted, parity = self.published(), self.parted(), self.first.parity
        within = sum(row["within"] for row in rows)
        paths = f"within {shown(parity['max_abs_diff'], '.1g')}" if parity else "-"
        return {
            "chapter": self.chapter,
            "data": data_shown(self.first),
            "published values within their bands": f"{within} of {len(rows)}" if rows else "-",
            "scratch = Gluon": f"NO: {parted['ours']}" if parted else paths,
            **({"statements that hold": self.first.statements()} if self.first.notes else {}),
        }


def data_shown(result):
    """The data's name, with a mark where they stand in for others."""
    return f"{result.dataset} (stand-in)" if result.stand_in_for else result.dataset


def spread(values):
    """Mean and standard deviation (of the sample; 0 of a single value), and the values themselves."""
    finite = all(value is not None and math.isfinite(value) for value in values)
    return {
        "mean": statistics.fmean(values) if finite else math.nan,
        "std": (statistics.stdev(values) if len(values) > 1 else 0.0) if finite else math.nan,
        "values": values,
    }


def _overlap(row, over):
    return over["mean"] - over["std"] <= row["high"] and over["mean"] + over["std"] >= row["low"]


def drop_other_seeds(folder, folders):
    """Remove what an earlier run left of other seeds of the same chapters: what is there now takes its place.

    Args:
        folder: of all results.
        folders: of the results that are there to stay.
    """
    for chapter in {Path(one).relative_to(folder).parts[0] for one in folders}:
        for other in Path(folder, chapter).glob("seed_*"):
            if other not in folders and (other / FILE_NAME).is_file():
                shutil.rmtree(other)


def outside(summaries):
    """(chapter, row) of each value that is not within its band."""
    return [(made.chapter, row) for made in summaries for row in made.published() if not row["within"]]


@dataclass
class Collection:
    """All that a folder holds."""

    summaries: list
    problems: list = field(default_factory=list)  # one line each: what is missing from the summaries, and why

    def save(self, folder):
        """Write summary.json: every chapter's numbers, for other programs."""
        content = {summary.chapter: summary.as_json() for summary in self.summaries}
        write_atomically(Path(folder) / SUMMARY, dumped({"chapters": content}))


def collect(folder):
    """Read the results in `folder` (a chapter's own, or one folder a chapter), in the order of the catalogue.

    Args:
        folder: as `d2l-repro run --out` or a chapter's `--out` left it.

    Returns:
        Collection; a file that is no readable result is one of its problems.

    Raises:
        InputError: there is no result at all.
    """
    folder, found = Path(folder), Collection([])
    # Of two folders with results of one chapter the one that is named after it comes first.
    homes = sorted(folder.glob("*"), key=lambda path: (path.name not in entries(), path.name))
    for home in [folder, *(path for path in homes if not path.name.startswith("seed_"))]:
        paths = [home / FILE_NAME, *sorted(home.glob(f"seed_*/{FILE_NAME}"))]
        results = {path: _load(path, found.problems) for path in paths if path.is_file()}
        results = {path: result for path, result in results.items() if result}
        if results:
            path, first = next(iter(results.items()))
            summary = Summary(path.parent, [first, *_same_but_for_seed(first, results.values())])
            twin = next((other for other in found.summaries if other.chapter == summary.chapter), None)
            if twin:
                found.problems.append(
                    f"{summary.folder}: left out, because {twin.folder} has results of "
                    f"{summary.chapter} too; make a report of that folder alone"
                )
            else:
                found.summaries.append(summary)
    if not found.summaries and not found.problems:
        raise InputError(f"{folder}: no results there; run a chapter first: d2l-repro run mlp --out {folder}")
    order = list(entries())
    found.summaries.sort(key=lambda made: order.index(made.chapter) if made.chapter in order else len(order))
    return found


def _load(path, problems):
    try:
        return Result.load(path)
    except InputError as error:
        problems.append(str(error))
        return None


def _same_but_for_seed(first, results):
    """Those made as `first` was but for the seed; an earlier run may have left others, with other
    settings."""

    def made(result):
        return [
            getattr(result, name)
            for name in ("chapter", "settings", "quick", "impl", "only", "dataset", "stand_in_for")
        ]

    alike = {result.seed: result for result in results if made(result) == made(first)}
    return [alike[seed] for seed in sorted(alike) if seed != first.seed]
