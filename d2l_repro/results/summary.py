"""Summaries: the results below a folder, and several seeds of a chapter taken together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from ..errors import InputError
from ..files import write_atomically
from ..language import mark, retell, tr
from .bands import SEEDS
from .catalogue import entries
from .formatting import format_number
from .kfold import FILE_NAME as KFOLD_FILE
from .kfold import KFold
from .noise import variance
from .published import compare_row, is_outside, numbers_of, published_key, source_row, stream_name
from .result import FILE_NAME, Result
from .schema import ParityPair, PublishedRow, printable, to_json
from .verdicts import Sample, Verdict, tally

SUMMARY = "summary.json"
STAND_IN = mark("{dataset} (stand-in)")


class Spread(TypedDict):
    """Values of several seeds: their mean and sample standard deviation, NaN where a value is not finite."""

    mean: float
    std: float
    values: list[float | None]


class SummaryRow(PublishedRow):
    """A row of `published.compare` over several seeds: `ours` is the mean."""

    std: float
    seeds: list[int]  # that have the value


@dataclass
class Summary:
    """Results of a chapter from one or several seeds, with the same settings and the same kind of data.

    Attributes:
        folder: folder of the first result, where its figures are.
        results: at least one.
    """

    folder: Path
    results: list[Result]

    @property
    def first(self) -> Result:
        """The result whose settings, curves and figures stand for all."""
        return self.results[0]

    @property
    def chapter(self) -> str:
        """Name of the chapter."""
        return self.first.chapter

    @property
    def seeds(self) -> list[int]:
        """Seeds of all results."""
        return [result.seed for result in self.results]

    @property
    def interrupted(self) -> list[int]:
        """Seeds of the results that were interrupted."""
        return [result.seed for result in self.results if result.interrupted]

    @property
    def errors(self) -> dict[str, str]:
        """Messages of failed runs by label, which names the seed where there are several."""
        return {
            f"{label} (seed {result.seed})" if len(self.results) > 1 else label: error
            for result in self.results
            for label, error in result.errors.items()
        }

    def metrics(self) -> dict[str, dict[str, Spread]]:
        """Return label of a run -> metric -> spread over the seeds that finished the run."""
        values: dict[str, dict[str, list]] = {}
        for result in self.results:
            for label, run in result.labelled().items():
                for name, value in run.metrics.items():
                    values.setdefault(label, {}).setdefault(name, []).append(value)
        return {
            label: {name: spread(numbers) for name, numbers in metrics.items()}
            for label, metrics in values.items()
        }

    def published(self) -> list[SummaryRow]:
        """Return the published values beside the mean of ours over the seeds.

        The mean agrees with our committed seeds when it lies in the interval for the mean of as many runs.
        """
        groups: dict[tuple, list[tuple[Result, PublishedRow]]] = {}
        for result in self.results:
            for row in result.published:
                groups.setdefault((row["run"], *published_key(row)), []).append((result, row))
        return [_over_seeds(self.chapter, group) for group in groups.values()]

    def numbers(self) -> list[dict[str, Any]]:
        """Return every published number of the chapter once, with its verdict."""
        return numbers_of(self.chapter, self.published())

    def mismatched_pair(self) -> ParityPair | None:
        """Return the first pair of a scratch and a Gluon run that do not follow the same path, or None."""
        pairs = (pair for result in self.results if result.parity for pair in result.parity["pairs"])
        return next((pair for pair in pairs if pair["left_at"]), None)

    def as_json(self) -> dict[str, Any]:
        """Return the chapter's part of summary.json."""
        first = self.first
        return {
            "dataset": first.dataset,
            "stand_in_for": first.stand_in_for,
            "quick": first.quick,
            "stream": first.stream,
            "changed": first.changed,
            "seeds": self.seeds,
            "finished": first.finished,
            "seconds": first.seconds,
            "metrics": self.metrics(),
            "published": self.published(),
            "verdicts": tally(row["verdict"] for row in self.numbers()),
            "parity": first.parity and first.parity["max_abs_diff"],
            "pairs": first.parity["pairs"] if first.parity else [],
            "same_path": self.mismatched_pair() is None,
            "errors": self.errors,
            "environment": first.environment,
        }

    def row(self) -> dict[str, str]:
        """Return the chapter's line in the overview that `d2l-repro run` prints last."""
        rows, numbers = self.published(), self.numbers()
        agree = sum(row["verdict"] == Verdict.AGREES for row in numbers)
        judged = [row for row in rows if row["within"] is not None]
        within = sum(not is_outside(row) for row in judged)
        return {
            "chapter": self.chapter,
            "data": data_text(self.first),
            "published numbers that agree": _share(agree, len(numbers)) if rows else "-",
            "this run, as our seeds": _share(within, len(judged)) if judged else "-",
            "scratch = Gluon": self._parity_text(),
            **({"statements that hold": self.first.statements()} if self.first.notes else {}),
        }

    def _parity_text(self) -> str:
        pair, parity = self.mismatched_pair(), self.first.parity
        if pair:
            return tr("NO: {name}", name=pair["ours"])
        return tr("within {number}", number=format_number(parity["max_abs_diff"], ".1g")) if parity else "-"


def _share(part: int, whole: int) -> str:
    return tr("{part} of {whole}", part=part, whole=whole)


def data_label(result: Result) -> str:
    """Return the name of the data in English, marked if they stand in for others."""
    return STAND_IN.format(dataset=result.dataset) if result.stand_in_for else result.dataset


def data_text(result: Result) -> str:
    """Return what `data_label` returns in the reader's language."""
    return retell(data_label(result), STAND_IN)


def spread(values: Sequence[float | None]) -> Spread:
    """Return the mean and the sample standard deviation (0 of a single value) of the values."""
    mean = std = math.nan
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if len(numbers) == len(values):
        with suppress(OverflowError):  # the sum of large numbers
            std = math.sqrt(variance(numbers)) if len(numbers) > 1 else 0.0
            mean = statistics.fmean(numbers)
    return {"mean": mean, "std": std, "values": list(values)}


def _over_seeds(chapter: str, group: list[tuple[Result, PublishedRow]]) -> SummaryRow:
    """Return one row for a published value and ours of several results."""
    row, values = group[0][1], [row["ours"] for _, row in group]
    if len(group) > 1:
        sample = _sample([result for result, _ in group], values)
        row = compare_row(source_row(chapter, row), row["run"], sample)
    ours = spread(values)
    return {
        **row,
        "ours": ours["mean"] if len(group) > 1 else row["ours"],
        "std": ours["std"],
        "seeds": [result.seed for result, _ in group],
    }


def _sample(results: Sequence[Result], values: Sequence[float | None]) -> Sample:
    """Return the values of several seeds with the stream that they share."""
    streams = {stream_name(result.seed, result.stream) for result in results}
    return Sample(values, streams.pop() if len(streams) == 1 else SEEDS, results[0].dataset)


@dataclass
class Collection:
    """All results of a folder, and one line for each problem: what is missing, and why.

    Cross-validations of house prices lie beside the chapters' folders, or alone.
    """

    summaries: list[Summary]
    problems: list[str] = field(default_factory=list)
    kfolds: list[KFold] = field(default_factory=list)

    def save(self, folder: str | Path) -> None:
        """Write summary.json: every chapter's numbers, for other programs."""
        content = {summary.chapter: summary.as_json() for summary in self.summaries}
        write_atomically(Path(folder) / SUMMARY, to_json({"chapters": content}))


def collect(folder: str | Path, asked: Iterable[Path] | None = None) -> Collection:
    """Read all results in `folder`, in the order of the catalogue, and cross-validations of house prices.

    A file that is not a readable result, and a folder whose chapter another folder has too, are problems of
    the collection.

    Args:
        folder: as `d2l-repro run --out` or a chapter's `--out` left it: a chapter's own, or one with a folder
            per chapter.
        asked: folders of the results of a run; other seeds of its chapters, which earlier runs may have left,
            are not read. By default all are.

    Raises:
        InputError: there is no result at all.
    """
    folder, collection = Path(folder), Collection([])
    seeds = None if asked is None else set(asked)
    for home in _result_folders(folder):
        summary = _summarize(home, seeds, collection.problems)
        if summary:
            _add_unless_known(summary, collection)
        if _is_there(home / KFOLD_FILE):
            try:
                collection.kfolds.append(KFold.load(home / KFOLD_FILE))
            except InputError as error:
                collection.problems.append(str(error))
    if not (collection.summaries or collection.kfolds or collection.problems):
        raise InputError(
            tr(
                "{folder}: no results there; run a chapter first: d2l-repro run mlp --out {folder}",
                folder=folder,
            )
        )
    order = {name: i for i, name in enumerate(entries())}
    collection.summaries.sort(key=lambda summary: order.get(summary.chapter, len(order)))
    return collection


def _result_folders(folder: Path) -> list[Path]:
    """Return the folder itself and those in it; first the ones that are named after a chapter."""
    inner = [path for path in folder.glob("*") if not path.name.startswith("seed_")]
    return [folder, *sorted(inner, key=lambda path: (path.name not in entries(), path.name))]


def _summarize(home: Path, asked: set[Path] | None, problems: list[str]) -> Summary | None:
    """Return the summary of a folder and its further seeds, or None if it has no readable result."""
    results = {}
    for path in [home / FILE_NAME, *sorted(home.glob(f"seed_*/{FILE_NAME}"))]:
        is_asked = asked is None or home not in asked or path.parent in asked
        if is_asked and _is_there(path):
            try:
                results[path] = Result.load(path)
            except InputError as error:
                problems.append(str(error))
    if not results:
        return None
    path, first = next(iter(results.items()))
    return Summary(path.parent, [first, *_other_seeds(first, results.values())])


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # its folder may not be searched, as reading it will say
        return True


def _add_unless_known(summary: Summary, collection: Collection) -> None:
    same_chapter = [known for known in collection.summaries if known.chapter == summary.chapter]
    if same_chapter:
        collection.problems.append(
            printable(
                tr(
                    "{folder}: left out because {other} has results of {chapter} too; make a report of that "
                    "folder alone",
                    folder=summary.folder,
                    other=same_chapter[0].folder,
                    chapter=summary.chapter,
                )
            )
        )
    else:
        collection.summaries.append(summary)


def _other_seeds(first: Result, results: Iterable[Result]) -> list[Result]:
    """Return the results that differ from `first` only in their seed, sorted by it.

    An earlier run may have left others, with other settings.
    """
    names = ("chapter", "settings", "quick", "impl", "only", "stream", "dataset", "stand_in_for")

    def setup(result):
        return [getattr(result, name) for name in names]

    by_seed = {result.seed: result for result in results if setup(result) == setup(first)}
    return [by_seed[seed] for seed in sorted(by_seed) if seed != first.seed]


def seed_folder(folder: str | Path, chapter: str, seed: int, first: int) -> Path:
    """Return the folder of a result: the chapter's own for the first seed, one inside it for any other."""
    return Path(folder) / chapter if seed == first else Path(folder) / chapter / f"seed_{seed}"
