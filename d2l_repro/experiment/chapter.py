"""Run a chapter: build, train, compare and show its models, in the same way for all chapters."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ..data.loader import Data
from ..data.streams import stream_of
from ..distributed import workers
from ..errors import InputError
from ..kept import Kept
from ..language import listed, tr, trn
from ..parallel import Where
from ..parallel.where import ANEW, RESUME
from ..results.environment import package_versions
from ..results.history import epoch_line
from ..results.result import Result, check_replaceable
from ..results.run import RunResult, Status, run_label
from ..settings import Options
from ..suggestions import choice
from ..train.callbacks import Progress, kept_random_state, seed_everything
from ..train.checkpoint import Checkpoint, SeedEachEpoch
from ..train.loop import Callback, TrainingDiverged, TrainingInterrupted
from ..train.parameters import parameters
from . import paths, seeds
from .description import Description, Execution
from .model import Model
from .runs import Run
from .saved import check_classifies, save_classifier

log = logging.getLogger(__name__)
RUNS = "runs.jsonl"  # file in a study's folder with the runs that are finished


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


@dataclass(frozen=True)
class Chapter(Description):
    """A chapter: what it declares, and how it is run."""

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
        self.check_shared(options)
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
        self.check(options)
        self.check_shared(options)
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
        steps = paths.num_steps(options.quick)
        begin = partial(self._begin, options=options)
        result.parity = paths.with_gluon(runs, begin, steps)
        seed_everything(options.seed, options.stream)  # what `show` draws does not depend on the runs before
        self.show(result, data)
        rows = paths.with_d2l(runs, begin, steps)
        if rows:
            result.tables["On full batches, does d2l follow the same path?"] = rows

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
        self.check(options)
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
        again = ANEW if folder is None else RESUME
        where = Where(options.jobs, options.cluster, self.datasets_of(options), options.data_dir, again)
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
