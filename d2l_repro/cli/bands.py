"""Measure how every published metric scatters over seeds, for bands.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import tyro

from .. import installation, stopping
from ..errors import BROKEN, DONE, FAILED, USAGE, InputError
from ..files import check_outputs, locked_folder, write_atomically
from ..parallel.where import KEPT
from ..results import bands, printed
from ..results.bands import Band, Scatter
from ..results.catalogue import entries
from ..results.environment import environment
from ..results.result import FILE_NAME, Result
from ..results.run import RunResult
from ..results.scales import RANKED, SIBLINGS, is_ranked, scale_of, siblings
from ..settings import Bounds, Count, Settings
from .runner import Task, run_tasks, select_chapters, sharing_cores, starter


@dataclass(frozen=True)
class BandsCommand(Settings):
    """Run chapters with many seeds, and write the mean and scatter of every published metric.

    Seed 0, whose run is judged, is left out. Chapters whose values depend on MXNet's random stream are also
    run on the book's data of each platform, with other initial weights and another order for every seed. What
    is finished is kept: after Ctrl-C, run the same command again. Exit codes: 0 done; 1 a run failed; 2 usage
    error; 130 interrupted.
    """

    # chapters to run, or the groups textbook and all; see `d2l-repro list`
    names: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="CHAPTER [CHAPTER ...]", help_behavior_hint="(required)"),
    ]
    # number of seeds, counted from 1; fewer than 10 do only where variants share a standard deviation
    seeds: Annotated[int, Bounds(2, 1001)] = bands.MIN_RUNS
    impl: Literal["scratch", "gluon", "both"] = "both"  # implementations to train
    only: tuple[str, ...] = ()  # names of the variants to train; all by default
    jobs: Count = 1  # runs at a time
    # Dask cluster to use: its scheduler's address (tcp://HOST:8786) or file, or local, which starts one on
    # this machine with as many processes as --jobs says
    cluster: Optional[str] = None
    out: Path = Path("runs/bands")  # folder for the results of the runs
    # file to write; bands in it of chapters and runs that are not run now are kept
    file: Annotated[
        Optional[Path],
        tyro.conf.arg(metavar="PATH", help_behavior_hint=f"(default: {bands.FILE_NAME} in the folder)"),
    ] = None

    def __call__(self) -> int:
        installation.check_packages()
        names = select_chapters(self.names)
        alone = [name for name in names if name not in SIBLINGS]
        if alone and self.seeds < bands.MIN_RUNS:
            raise InputError(f"--seeds: a band of {alone[0]} needs {bands.MIN_RUNS} or more")
        with locked_folder(self.out) as folder:
            tasks = [task for name in names for task in self._tasks(folder, name)]
            path = self.file or folder / bands.FILE_NAME
            check_outputs({"--file": path}, {task.label: task.folder / FILE_NAME for task in tasks})
            old = bands.read(path) if path.is_file() else {"exact": [], "bands": []}
            return self._measure(names, tasks, path, old)

    def _measure(self, names: Sequence[str], tasks: Sequence[Task], path: Path, old: dict[str, Any]) -> int:
        missing = [task for task in tasks if not _is_measured(task)]
        if len(missing) < len(tasks):
            print(f"{len(tasks) - len(missing)} of {len(tasks)} runs finished earlier, kept")
        codes, interrupted = self._run(missing)
        if BROKEN in codes.values():  # the chapter has said why
            return USAGE
        failed = [task for task in tasks if not _is_measured(task)]
        if interrupted or failed:
            for task in failed:
                print(f"not finished: {task.label}")
            return stopping.exit_code() if interrupted else FAILED
        self._write(path, names, tasks, old)
        print(f"\nbands: {path}")
        return DONE

    def _run(self, tasks: Sequence[Task]) -> tuple[dict[Task, int], bool]:
        """Run the tasks; stop after the first if it shows that the published data are missing."""
        with starter(tasks, self.jobs, self.cluster, KEPT) as start:
            codes, interrupted = run_tasks(tasks[:1], 1, start)
            if interrupted or not tasks:
                return codes, interrupted
            if not _is_measured(tasks[0]):
                _check_data(tasks[0])
            others = tasks[1:] if self.cluster else sharing_cores(tasks[1:], self.jobs)
            more, interrupted = run_tasks(others, self.jobs, start)
        return {**codes, **more}, interrupted

    def _tasks(self, folder: Path, name: str) -> list[Task]:
        tasks = [self._seed(folder, name, seed) for seed in range(1, self.seeds + 1)]
        if entries()[name].depends_on_stream:
            tasks += [
                self._seed(folder, name, seed, stream)
                for stream in (bands.LINUX, bands.MACOS)
                for seed in range(self.seeds + 1)
            ]
        if any(chapter == name for chapter, _ in RANKED):
            home, many = folder / name / "trials", (("trials", bands.RANKED_RUNS),)
            label = f"{name} ({bands.RANKED_RUNS} trials)"
            tasks.append(self._task(home, name, 1, label=label, settings=many))
        return tasks

    def _seed(self, folder: Path, name: str, seed: int, stream: Any = None) -> Task:
        home = folder / name / (stream or bands.SEEDS) / f"seed_{seed}"
        label = f"{name} (seed {seed}{f', {stream}' if stream else ''})"
        return self._task(home, name, seed, label=label, stream=stream)

    def _task(self, home: Path, name: str, seed: int, **facts: Any) -> Task:
        return Task(name, seed, home, quick=False, only=self.only, impl=self.impl, **facts)

    def _write(self, path: Path, names: Sequence[str], tasks: Sequence[Task], old: dict[str, Any]) -> None:
        results = [Result.load(task.folder / FILE_NAME) for task in tasks]
        exact = [row for name in names for row in exact_values(name, results)]
        found = [asdict(band) for name in names for band in measured_bands(name, results)]
        text = bands.as_json(
            [Band(**row) for row in self._updated(old["bands"], found, names)],
            environment={name: environment()[name] for name in ("mxnet", "numpy", "python")},
            exact=self._updated(old["exact"], exact, names),
        )
        write_atomically(path, text)

    def _updated(
        self, old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], names: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return old rows with new ones in their places, and without those that nothing was measured of.

        Where --impl or --only leaves out runs of a chapter, the rows of those stay.
        """
        measured = {bands.key_of(row) for row in new}
        is_part = self.only or self.impl != "both"
        kept = [row for row in old if is_part or row["chapter"] not in names or bands.key_of(row) in measured]
        return bands.updated(kept, new)


def _is_measured(task: Task) -> bool:
    """Return whether a task is finished; a run in it that has diverged has no value, and so no band."""
    return task.is_finished(despite_errors=True)


def _check_data(task: Task) -> None:
    """Raise an InputError if a run had to use stand-in data."""
    path = task.folder / FILE_NAME
    if path.is_file() and Result.load(path).stand_in_for:
        raise InputError(
            f"{task.label}: bands need the published data, which are neither on this machine nor reachable; "
            "set $D2L_REPRO_DATA to their folder"
        )


def measured_bands(chapter: str, results: Sequence[Result]) -> list[Band]:
    """Return the bands of a chapter's published metrics, one for each label of ours and random stream.

    Args:
        chapter: name of the chapter.
        results: of all its seeds and streams, and perhaps of other chapters.

    Raises:
        InputError: results of one chapter are of different data.
    """
    found = []
    for stream in (bands.SEEDS, bands.LINUX, bands.MACOS):
        runs = [
            result
            for result in results
            # seed 0 of a stream is the book's own run, which is judged
            if result.chapter == chapter and (result.stream or bands.SEEDS) == stream and result.seed
        ]
        usual = [result for result in runs if not result.changed]
        many = [result for result in runs if result.changed]
        datasets = {result.dataset for result in runs}
        if len(datasets) > 1 or any(result.stand_in_for for result in runs):
            raise InputError(f"{chapter}: bands need the published data; its runs used {', '.join(datasets)}")
        values = {
            (label, row["metric"], row["examples"]): _values(
                many if is_ranked(chapter, label) else usual, label, row["metric"]
            )
            for label, row in _measured_rows(chapter)
        }
        shared = _shared_scatters(chapter, values)
        for (label, metric, examples), numbers in values.items():
            facts = {"stream": stream, "dataset": next(iter(datasets), "")}
            scatter = shared.get(siblings(chapter, label, metric))
            band = bands.measure(chapter, label, metric, numbers, examples, scatter, **facts)
            if band is not None:
                found.append(band)
    return found


def _values(results: Sequence[Result], label: str, metric: str) -> list[float]:
    """Return a metric of the runs of a label, other seeds in the same result included."""
    return [run.metrics[metric] for run in _runs(results, label) if metric in run.metrics]


def _shared_scatters(
    chapter: str, values: Mapping[tuple[str, str, int], Sequence[float]]
) -> dict[tuple[str, ...], Optional[Scatter]]:
    """Return the standard deviation of each group of siblings, None where there is none to share.

    A sibling counts once, with the last of its values if several were printed in the course of its training.

    Args:
        chapter: name of the chapter.
        values: (label, metric, examples) -> one for each seed.
    """
    samples: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for (label, metric, examples), numbers in values.items():
        scale, key = scale_of(metric, examples), siblings(chapter, label, metric)
        # from scratch and with Gluon, a variant takes the same path with a seed: it is one sibling, not two
        variant = label.split(" ", 1)[-1]
        group = samples.setdefault(key, {}) if key and len(numbers) > 1 else {}
        if not metric.startswith("step_") or variant not in group:
            group[variant] = [float(scale.to(number)) for number in numbers]
    return {key: bands.shared_scatter(list(group.values())) for key, group in samples.items()}


def _measured_rows(chapter: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (label of our run, published row) for every metric that has a band, each once."""
    rows = [row for row in printed.published_values() if row["chapter"] == chapter]
    found = {(label, row["metric"]): (label, row) for row in rows for label in printed.labels(row["run"])}
    return list(found.values())


def _runs(results: Sequence[Result], label: str) -> list[RunResult]:
    """Return the runs of a label, those with other seeds in the same result included."""
    return [run for result in results for run in result.runs if run.name == label]


def exact_values(chapter: str, results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return our values for the numbers that are known exactly on a platform's random stream."""
    names = ("chapter", "metric", "stream")
    return [
        {**{name: row[name] for name in names}, "run": label, "value": run.metrics[row["metric"]]}
        for row in printed.published_values()
        if row["chapter"] == chapter and row["kind"] == "exact" and row["stream"]
        for result in results
        if (result.chapter, result.stream, result.seed) == (chapter, row["stream"], 0)
        for label in printed.labels(row["run"])
        for run in _runs([result], label)
    ]
