"""Run a chapter: build, train, compare and show its models, in the same way for all chapters."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, Callable

from ..data.loader import Data
from ..data.streams import stream_of
from ..distributed import workers
from ..errors import InputError
from ..kept import Kept
from ..language import listed, tr, trn
from ..parallel import Where
from ..results.environment import package_versions
from ..results.formatting import parity_row
from ..results.history import History, epoch_line
from ..results.result import Result, check_replaceable
from ..results.run import RunResult, Status, run_label
from ..results.schema import Parity
from ..settings import HParams, Options, check_dataset
from ..suggestions import choice
from ..train.callbacks import Progress, kept_random_state, seed_everything
from ..train.checkpoint import Checkpoint, SeedEachEpoch
from ..train.loop import Callback, TrainingDiverged, TrainingInterrupted
from ..train.parameters import parameters
from ..verify.parity import same_in_testing, same_path
from . import second_edition, seeds
from .model import Model
from .saved import check_classifies, save_classifier

log = logging.getLogger(__name__)
PARITY_STEPS = 50  # over which the paths of two implementations are compared
RUNS = "runs.jsonl"  # file in a study's folder with the runs that are finished
QUICK_PARITY_STEPS = 6  # the same with --quick: as many catch every mistake of `d2l_repro.mistakes`

Builder = Callable[[Any, Data], Model]  # (hp, data) -> Model


@dataclass(frozen=True)
class Run:
    """One model to train: its names, how to build it, and its settings.

    Attributes:
        impl: "scratch", "gluon" or "d2l".
        variant: row of a comparison; empty where a chapter trains a single model.
        build: (hp, data) -> Model.
        hp: settings; a run from scratch and one with Gluon that have equal settings are a matching pair.
        compare_paths: whether to check that both runs of a matching pair take the same steps.
        compare_testing: whether to check, where that is not possible as the nets draw random masks, that both
            have the same outputs in testing.
        may_diverge: whether the run is meant to show how training fails.
        parity_hp: settings for the comparison of paths, if it would take too long with `hp`.
        on_request: whether to train only if --impl or --only asks for it; the path is compared anyway.
    """

    impl: str
    variant: str
    build: Builder
    hp: Any
    compare_paths: bool = True
    compare_testing: bool = False
    may_diverge: bool = False
    parity_hp: Any | None = None
    on_request: bool = False

    @property
    def label(self) -> str:
        return run_label(self.impl, self.variant)

    def shortened(self) -> Run:
        """Return the run with the settings for the comparison of paths."""
        return self if self.parity_hp is None else dataclasses.replace(self, hp=self.parity_hp)


def runs_of(builders: Mapping[str, Builder], variants: Mapping[str, Any], **facts: Any) -> list[Run]:
    """Return a Run for every variant in every implementation.

    Args:
        builders: implementation -> builder.
        variants: name -> settings; the name is empty where a chapter trains a single model.
        facts: other fields of the runs.
    """
    return [
        Run(impl, name, build, hp, **facts)
        for name, hp in variants.items()
        for impl, build in builders.items()
    ]


def matching_pairs(runs: list[Run], impl: str) -> Iterator[tuple[Run, Run]]:
    """Yield each run from scratch with the first of another implementation that has the same settings."""
    others = [run for run in runs if run.impl == impl]
    for ours in runs:
        theirs = next((run for run in others if ours.impl == "scratch" and run.hp == ours.hp), None)
        if theirs:
            others.remove(theirs)  # two variants may happen to have the same settings
            yield ours, theirs


def _to_train(runs: list[Run], options: Options, progress: bool) -> list[Run]:
    """Return the runs without those that wait for a request; say how many those are if `progress`."""
    if options.impl != "both" or options.only:
        return runs
    trained = [run for run in runs if not run.on_request]
    if progress and len(trained) < len(runs):
        print(
            trn(
                "{count} run is trained only if --impl or --only asks for it; its path is compared",
                "{count} runs are trained only if --impl or --only asks for them; their paths are compared",
                len(runs) - len(trained),
            )
        )
    return trained


def _parity_steps(options: Options) -> int:
    return min(PARITY_STEPS, QUICK_PARITY_STEPS) if options.quick else PARITY_STEPS


def _no_data(hp: Any, options: Options) -> Data:
    raise NotImplementedError("a chapter with runs needs `data`")


def _no_training(*args: Any) -> History:
    raise NotImplementedError("a chapter with runs needs `train`")


class Execution(Enum):
    """How a chapter's runs are trained."""

    SEQUENTIAL = "one after the other"
    IN_PROCESSES = "in parallel processes"  # or on a cluster; `show` gets their numbers but no models
    # for plain SGD on batches in a fixed order
    RESUMABLE = "one after the other, with a checkpoint per epoch"


@dataclass(frozen=True)
class Chapter:
    """What a chapter module consists of; `run` does the rest.

    A chapter that trains nothing has neither `data` nor `runs` nor `train`, and its `show` gets None for the
    data.

    Attributes:
        name: the module's name.
        doc: the module's docstring.
        show: (result, data) -> None; adds tables, figures and notes to the result.
        HParams: class of the settings, with the book's values as defaults.
        quick: settings that --quick changes.
        data: (hp, options) -> Data.
        runs: (hp) -> list of Run, those of d2l 1.0's own classes included.
        train: (model, data, hp, callbacks) -> History; calls `train_ch3`.
        metrics: (model, data, history) -> numbers to keep beside the last epoch's.
        datasets: names that --dataset offers, the default first; none for synthetic data.
        comparable: data sets that the published values were measured on.
        execution: how the runs are trained.
        depends_on_stream: whether published values depend on MXNet's random stream; offers --stream.
    """

    name: str
    doc: str
    show: Callable[[Result, Data | None], None]
    HParams: type = HParams
    quick: dict[str, Any] = field(default_factory=dict)
    data: Callable[[Any, Options], Data] = _no_data
    runs: Callable[[Any], list[Run]] | None = None
    train: Callable[..., History] = _no_training
    metrics: Callable[..., dict] = lambda model, data, history: {}
    datasets: tuple[str, ...] = ()
    comparable: tuple[str, ...] = ("synthetic",)
    execution: Execution = Execution.SEQUENTIAL
    depends_on_stream: bool = False

    def defaults(self, quick: bool = False) -> Any:
        """Return the chapter's HParams: the book's values, or those for a run of a few seconds."""
        return self.HParams(**(self.quick if quick else {}))

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that the runs have, in order; a single empty name where there is but one model."""
        return tuple(dict.fromkeys(run.variant for run in self.runs(self.defaults()))) if self.runs else ()

    @property
    def implementations(self) -> tuple[str, ...]:
        """The implementations that the chapter's runs have, in order."""
        return tuple(dict.fromkeys(run.impl for run in self.runs(self.defaults()))) if self.runs else ()

    @kept_random_state()
    def run(
        self,
        hp: Any = None,
        *,
        progress: bool = False,
        folder: str | Path | None = None,
        resume: bool = False,
        save: str | Path | None = None,
        **asked: Any,
    ) -> Result:
        """Train every run of the chapter, compare the runs, and draw the figures.

        Every run begins with the same seed, so it sees the same data and the same first random numbers
        whichever other runs there are. Workers of a job share each batch; all but the first return when
        training is over, with neither a comparison nor figures.

        Args:
            hp: the chapter's HParams; the book's values by default.
            progress: whether to print the epochs, and a bar on a terminal.
            folder: where the result will be saved, and a resumable chapter keeps its checkpoints.
            resume: whether to continue after the last epoch that has a checkpoint in `folder`; for a study,
                with the runs that are kept there.
            save: file for the model of the first run, with which `d2l-repro predict` classifies pictures.
            asked: the fields of `settings.Options`: impl, seed, quick, dataset, data_dir; only for one
                with several variants; seeds, jobs and cluster for one whose runs are trained in processes;
                stream for one that depends on it.

        Returns:
            Result. After Ctrl-C or another signal to stop it has what was finished; a run that diverged says
                so in its status.

        Raises:
            InputError: a setting, a data file or a folder is not usable, or what `folder` holds is worth more
                than the new result; see `check_replaceable`.
        """
        options = self._options(asked)
        hp = self._settings(hp, options)
        self._check_shared(options)
        selected = self._selected_runs(hp, options)
        result = self._new_result(hp, options)
        if folder is not None:
            check_replaceable(folder, result.quick)
        runs = _to_train(selected, options, progress)
        start, data = time.perf_counter(), None
        try:
            with stream_of(options.stream):
                if self.execution is Execution.IN_PROCESSES and runs:
                    data = self._train_in_processes(runs, options, result, progress, folder, resume)
                else:
                    for i, run in enumerate(runs):
                        data, model = self._begin(run, options)
                        if i == 0:
                            self._record_data(data, result, folder, save)
                        callbacks = self._checkpoints(run, options, data, model, folder, resume)
                        if progress:
                            callbacks.append(Progress(run.label, before=i / len(runs), share=1 / len(runs)))
                        result.runs.append(self._train(run, data, model, options.seed, callbacks))
                        if result.runs[-1].status is Status.INTERRUPTED:
                            raise KeyboardInterrupt
                        self._save_first(save, run, hp, data, model, result)
                self._compare_and_show(selected, options, result, data)
        except KeyboardInterrupt:
            result.interrupted = True
        else:
            if runs and self.is_comparable(result, data):
                result.compare()
        result.seconds = time.perf_counter() - start
        result.finished = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return result

    @kept_random_state()
    def train_run(self, run: Run, **asked: Any) -> RunResult:
        """Train one run as `run` trains all of them, with the same numbers; compare and draw nothing.

        Args:
            run: one of `runs`, or another with a builder and settings of this chapter.
            asked: seed, quick, dataset, data_dir and stream, as for `run`.

        Returns:
            The run's record, with the trained model.

        Raises:
            InputError: as for `run`.
        """
        options = self._options(asked)
        self._check(options)
        self._check_shared(options)
        with stream_of(options.stream):
            data, model = self._begin(run, options)
            callbacks = self._checkpoints(run, options, data, model, folder=None, resume=False)
            return self._train(run, data, model, options.seed, callbacks)

    def _options(self, asked: Mapping[str, Any]) -> Options:
        for name in asked:
            if name in {field.name for field in dataclasses.fields(self.HParams)}:
                raise InputError(
                    tr(
                        "{name} is one of the chapter's settings; pass {chapter}.HParams({name}=...)",
                        name=name,
                        chapter=self.name,
                    )
                )
        known = [field.name for field in dataclasses.fields(Options)]
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise InputError(
                tr(
                    "{function} has no argument {name}; choose from {names}",
                    function=f"{self.name}.run",
                    name=repr(unknown[0]),
                    names=listed(known),
                )
            )
        return Options(**asked)

    def _settings(self, hp: Any, options: Options) -> Any:
        if hp is None:
            return self.defaults(options.quick)
        if not isinstance(hp, self.HParams):
            given = f"{type(hp).__module__}.{type(hp).__qualname__}"
            raise InputError(
                tr("{name}.run needs {name}.HParams(...), not {given}", name=self.name, given=given)
            )
        return hp

    def _compare_and_show(self, runs: list[Run], options: Options, result: Result, data: Data | None) -> None:
        if not workers.leave():
            return
        result.parity = self._parity(runs, options)
        seed_everything(options.seed, options.stream)  # what `show` draws does not depend on the runs before
        self.show(result, data)
        result.tables.update(self._d2l_path_table(runs, options))

    def is_comparable(self, result: Result, data: Data | None) -> bool:
        """Return whether published values apply: to the chapter's own settings, on the published data."""
        return (
            data is not None
            and not (result.changed or result.quick)
            and data.official
            and data.stand_in_for is None
            and data.name in self.comparable
        )

    def _new_result(self, hp: Any, options: Options) -> Result:
        own = self.defaults(options.quick)
        return Result(
            self.name,
            options.seed,
            dataclasses.asdict(hp),
            impl=options.impl,
            only=list(options.only),
            quick=options.quick,
            stream=options.stream,
            changed={name: value for name, value in vars(own).items() if value != getattr(hp, name)},
        )

    def _selected_runs(self, hp: Any, options: Options) -> list[Run]:
        """Return the runs that the options request."""
        self._check(options)
        if self.runs is None:
            return []
        wanted = {"both": ("scratch", "gluon"), "d2l": ("scratch", "gluon", "d2l")}
        runs = [run for run in self.runs(hp) if run.impl in wanted.get(options.impl, (options.impl,))]
        names = dict.fromkeys(run.variant for run in runs)
        for name in options.only:
            if name not in names:
                advice = choice(name, names)
                raise InputError(
                    tr("--only: unknown variant {name}; {advice}", name=repr(name), advice=advice)
                )
        return [run for run in runs if not options.only or run.variant in options.only]

    def _check(self, options: Options) -> None:
        if self.runs is None and options.impl != "both":
            raise InputError(
                tr(
                    "--impl: {chapter} trains nothing, so it has no implementations; leave --impl out",
                    chapter=self.name,
                )
            )
        if self.runs and options.impl == "d2l":
            if "d2l" not in self.implementations:
                raise InputError(
                    tr(
                        "--impl: d2l has no class for {chapter}; choose scratch, gluon or both",
                        chapter=self.name,
                    )
                )
            second_edition.package()  # now, not after other runs have been trained
        self._check_stream(options)
        check_dataset(self.name, options.dataset, self.datasets)
        if self.execution is not Execution.IN_PROCESSES and options.seeds > 1:
            raise InputError(
                tr(
                    "--seeds: {chapter} is not a study; to repeat all of it with several seeds, use "
                    "{command}",
                    chapter=self.name,
                    command=f"d2l-repro run {self.name} --seeds {options.seeds}",
                )
            )
        if self.execution is not Execution.IN_PROCESSES and options.cluster is not None:
            raise InputError(
                tr(
                    "--cluster: {chapter} is not a study; to run all of it on a cluster, use {command}",
                    chapter=self.name,
                    command=f"d2l-repro run {self.name} --cluster {options.cluster}",
                )
            )

    def _check_shared(self, options: Options) -> None:
        """In a worker, check that several can train the chapter's runs, each batch divided among them."""
        if workers.join() is None:
            return
        reason = None
        if self.runs is None:
            reason = tr("it trains nothing")
        elif self.execution is Execution.IN_PROCESSES:
            reason = tr("its runs are trained side by side; use --jobs")
        elif self.execution is Execution.RESUMABLE:
            reason = tr("its net carries a state from batch to batch")
        elif options.impl == "d2l":
            reason = tr("d2l's loss is the mean over a batch, of which each worker has a part")
        if reason:
            raise InputError(
                tr("{chapter} cannot be shared among workers: {reason}", chapter=self.name, reason=reason)
            )

    def _check_stream(self, options: Options) -> None:
        if options.stream and not self.depends_on_stream:
            raise InputError(
                tr(
                    "--stream: no published value of {chapter} depends on the random stream; leave it out",
                    chapter=self.name,
                )
            )
        if options.stream and options.impl == "d2l":
            raise InputError(
                tr(
                    "--stream: d2l's class draws its weights from a stream of its own; choose --impl "
                    "scratch, gluon or both"
                )
            )

    def _begin(self, run: Run, options: Options) -> tuple[Data, Model]:
        seed_everything(options.seed, options.stream)
        data = self.data(run.hp, options)
        if options.stream and options.seed:  # the book's data, and one of many trainings on them
            seed_everything(options.seed)
        return data, run.build(run.hp, data)

    def _train(self, run: Run, data: Data, model: Model, seed: int, callbacks: list[Callback]) -> RunResult:
        names = (run.impl, run.variant, seed)
        try:
            with workers.share_batches():
                history = self.train(model, data, run.hp, callbacks)
        except TrainingDiverged as error:
            status = Status.DIVERGED if run.may_diverge else Status.FAILED
            return RunResult(*names, error.history, status=status, message=error.message)
        except TrainingInterrupted as error:
            return RunResult(*names, error.history, status=Status.INTERRUPTED, message=str(error))
        metrics = {**history.last_numbers(), **self.metrics(model, data, history)}
        return RunResult(*names, history, metrics, model=model)

    def _train_in_processes(
        self,
        runs: list[Run],
        options: Options,
        result: Result,
        progress: bool,
        folder: str | Path | None,
        resume: bool,
    ) -> Data:
        """Train every run with every seed, each as it would be alone, except those that are kept."""
        data, _ = self._begin(runs[0], options)
        self._record_data(data, result, folder)
        kept = Kept(Path(folder, RUNS) if folder is not None else None, self._identity(result), resume)
        where = Where(options.jobs, options.cluster, self.datasets_of(options), options.data_dir)
        if options.cluster is not None:  # which has the data in a folder of its own
            options = options.replace(data_dir=None)
        tasks = {
            run_label(run.impl, run.variant, seed): (run, options.replace(seed=seed))
            for seed in range(options.seed, options.seed + options.seeds)
            for run in runs
        }
        done = {
            label: RunResult.from_json(label, kept.results[label], options.seed)
            for label in tasks
            if label in kept.results
        }
        missing = [task for label, task in tasks.items() if label not in done]
        if progress and done:
            print(tr("{count} of {total} runs finished earlier, kept", count=len(done), total=len(tasks)))

        def line(run: RunResult) -> str:
            return f"{result.label(run)}: {epoch_line(run.history[-1])}" if run.history else ""

        try:
            for finished in seeds.in_processes(self._train_alone, missing, where, progress, line):
                label = run_label(finished.impl, finished.variant, finished.seed)
                done[label] = finished
                if finished.status is Status.INTERRUPTED:
                    raise KeyboardInterrupt
                kept.add(label, finished.as_json())
        finally:
            result.runs += [done[label] for label in tasks if label in done]
        return data

    def _train_alone(self, run: Run, options: Options) -> RunResult:
        """Train one run; its record has no model, which could not be sent to another process."""
        data, model = self._begin(run, options)
        return dataclasses.replace(self._train(run, data, model, options.seed, []), model=None)

    def datasets_of(self, options: Options) -> tuple[str, ...]:
        """Return the name of the data set that options ask for; empty for synthetic data."""
        return self.datasets[:1] if options.dataset == "auto" else (options.dataset,)

    def _identity(self, result: Result) -> dict[str, Any]:
        """Return what the numbers of a study's runs depend on, beside implementation, variant and seed."""
        names = ("chapter", "settings", "dataset", "stand_in_for", "quick", "stream")
        return {**{name: getattr(result, name) for name in names}, "packages": package_versions()}

    def _checkpoints(
        self,
        run: Run,
        options: Options,
        data: Data,
        model: Model,
        folder: str | Path | None,
        resume: bool,
    ) -> list[Callback]:
        """Return a resumable chapter's callbacks. It seeds each epoch even if it keeps no checkpoint."""
        if self.execution is not Execution.RESUMABLE:
            return []
        kept = []
        if folder is not None:
            identity = {
                "label": run.label,
                "seed": options.seed,
                "dataset": data.name,
                "quick": options.quick,
                **dataclasses.asdict(run.hp),
            }
            path = Path(folder, f"checkpoint_{run.label.replace(' ', '_')}.npz")
            kept.append(Checkpoint(path, parameters(model), identity, resume))
        return [*kept, SeedEachEpoch(options.seed)]

    def _save_first(
        self, save: str | Path | None, run: Run, hp: Any, data: Data, model: Model, result: Result
    ) -> None:
        """Write the model of the first run, if that is asked for and the run has succeeded."""
        if save is not None and len(result.runs) == 1 and result.runs[0].status is Status.DONE:
            save_classifier(save, self.name, run, hp, model, data)

    def _record_data(
        self, data: Data, result: Result, folder: str | Path | None, save: str | Path | None = None
    ) -> None:
        if save is not None:
            check_classifies(self.name, data)
        result.dataset, result.stand_in_for = data.name, data.stand_in_for
        if folder is not None:
            check_replaceable(folder, result.quick, data.stand_in_for)
        if data.stand_in_for:
            log.warning(
                tr(
                    "{chapter}: {original} is neither on this machine nor can it be downloaded; embedded "
                    "data ({dataset}) stand in for it, and nothing is compared with published values",
                    chapter=self.name,
                    original=data.stand_in_for,
                    dataset=data.name,
                )
            )
        if not data.official:
            log.warning(
                tr(
                    "{chapter}: the files of {dataset} are not the published ones; nothing is compared with "
                    "published values",
                    chapter=self.name,
                    dataset=data.name,
                )
            )

    def _parity(self, runs: list[Run], options: Options) -> Parity | None:
        pairs: list[Any] = []
        steps = _parity_steps(options)
        for ours, theirs in matching_pairs(runs, "gluon"):
            if ours.compare_paths or ours.compare_testing:
                ours, theirs = ours.shortened(), theirs.shortened()
                # Equal seeds give both the same batches, and `same_path` the first model's parameters.
                (data, mine), (_, other) = self._begin(ours, options), self._begin(theirs, options)
                if ours.compare_paths:
                    parity = same_path(mine, other, data.train_iter, ours.hp.batch_size, steps)
                else:
                    parity = same_in_testing(mine, other, data.train_iter)
                pairs.append({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()})
        if not pairs:
            return None
        return {
            "steps": min((pair["steps"] for pair in pairs if pair["steps"]), default=0),
            "max_abs_diff": max(pair["max_abs_diff"] for pair in pairs),
            "pairs": pairs,
        }

    def _d2l_path_table(self, runs: list[Run], options: Options) -> dict[str, list[dict]]:
        """Return a table: does d2l's class, from our parameters, follow our path?"""
        rows, steps = [], _parity_steps(options)
        for ours, theirs in matching_pairs(runs, "d2l"):
            (data, mine), (_, other) = self._begin(ours, options), self._begin(theirs, options)
            # d2l takes another step for a short batch: its mean loss divides by the batch's own size.
            full = (batch for batch in data.train_iter if len(batch[1]) == ours.hp.batch_size)
            batches = list(itertools.islice(full, steps))
            if batches:
                # With NumPy's semantics weights are only drawn in single precision: do it now.
                other.net(batches[0][0])
                size = ours.hp.batch_size
                parity = same_path(mine, other, batches, size, steps, short_batch=False)
                rows.append(parity_row({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()}))
        return {"On full batches, does d2l follow the same path?": rows} if rows else {}
