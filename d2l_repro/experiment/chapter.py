"""A chapter: models that are built, trained, compared and shown the same way in all of them."""

import dataclasses
import itertools
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Optional

from ..data.loader import Data
from ..errors import InputError
from ..results import published
from ..results.history import History
from ..results.result import Result, parity_row
from ..scratch import correct
from ..settings import HParams, Options
from ..train.callbacks import Progress, seed_everything
from ..train.checkpoint import Checkpoint, SeedEachEpoch
from ..train.loop import TrainingDiverged, TrainingInterrupted
from ..train.parameters import parameters
from ..verify.parity import same_path
from . import seeds

log = logging.getLogger(__name__)
NOT_NOTED = Result.dataset  # of a result before the first run has its data
STEPS = 50  # over which paths are compared


@dataclass
class Model:
    """A net with all that the loop needs to train it.

    `params` are in the book's order, [W1, b1, W2, b2]: the NDArrays of a net from scratch, or what a Gluon
    net's `collect_params()` gives. The other fields are arguments of `train_ch3`.
    """

    net: Callable
    loss: Callable
    params: Any
    trainer: Any
    penalty: Optional[Callable] = None
    gradients: Optional[Callable] = None
    accuracy: Callable = correct  # (y_hat, y) -> 1 or 0 an example; of a net that tells classes


@dataclass(frozen=True)
class Run:
    """One model to train: a label, which begins with the implementation, how to build it, and its
    settings."""

    label: str
    build: Callable[..., Model]  # HParams, and Data where the chapter needs them -> Model
    hp: HParams

    @property
    def impl(self):
        return self.label.split()[0]

    @property
    def variant(self):
        return self.label.partition(" ")[2]


def runs_of(builders, variants):
    """Every variant in every implementation.

    Args:
        builders: implementation -> function HParams -> Model.
        variants: name -> HParams; an empty name is left out of the labels.
    """
    return [
        Run(f"{impl} {name}".strip(), build, hp)
        for name, hp in variants.items()
        for impl, build in builders.items()
    ]


def _twins(runs, impl):
    """Pairs of a run from scratch and the one of another implementation that has the same settings."""
    others = [run for run in runs if run.impl == impl]
    for ours in runs:
        theirs = next((run for run in others if ours.impl == "scratch" and run.hp == ours.hp), None)
        if theirs:
            others.remove(theirs)  # two variants may happen to have the same settings
            yield ours, theirs


@dataclass(frozen=True)
class Chapter:
    """What a chapter module is made of; `run` does the rest.

    One that trains nothing has neither `data` nor `runs` nor `train`, and its `show` is handed None for the
    data.
    """

    name: str
    doc: str  # the module's docstring
    show: Callable[[Result, Optional[Data]], None]  # adds tables, figures and notes
    HParams: type = HParams
    quick: dict = field(default_factory=dict)  # settings that --quick changes
    data: Optional[Callable[[HParams, Options], Data]] = None
    runs: Optional[Callable[[HParams], list]] = None  # -> Runs
    # -> Runs of d2l's own classes, for --impl d2l; see `witness`
    d2l: Optional[Callable[[HParams], list]] = None
    train: Optional[Callable[..., History]] = None  # (model, data, hp, callbacks), calls train_ch3
    metrics: Callable[..., dict] = lambda model, data, history: {}  # beside the last epoch's numbers
    needs_data: bool = False  # are the runs' builders handed the data too, as second argument?
    parity: Callable[[Run], bool] = lambda run: True  # can the run be compared with its twin, batch by batch?
    parity_hp: Callable[[HParams], HParams] = lambda hp: (
        hp
    )  # settings to compare with, where its own take too long
    may_diverge: Callable[[Run], bool] = lambda run: False  # is the run there to show how training fails?
    datasets: tuple = ()  # names that --dataset offers, the default first; none where data are made up
    comparable: tuple = ("synthetic",)  # data that the published values hold for
    words: bool = False  # is there a loss for every word, so that progress is told as perplexity?
    # are its runs trained in several processes? Then show gets their numbers, but no models
    study: bool = False
    # is a checkpoint kept after each epoch? For plain SGD on batches in a fixed order
    resumable: bool = False

    def defaults(self, quick=False):
        """The chapter's HParams: the book's values, or shrunk to a look of seconds."""
        return self.HParams(**(self.quick if quick else {}))

    def run(self, hp=None, *, progress=False, folder=None, resume=False, **options):
        """Train every run of the chapter, compare, draw.

        Every run begins with the same seed, so it sees the same data and the same first random numbers
        whichever other runs there are.

        Args:
            hp: the chapter's HParams; the book's values by default.
            progress: whether to print the epochs, and a bar on a terminal.
            folder: for the checkpoints of a resumable chapter; none are kept without.
            resume: whether to go on after the last epoch that checkpoints in `folder` have.
            options: the fields of `settings.Options` (impl, seed, quick, dataset, data_dir; a study's only,
                seeds and jobs).

        Returns:
            Result. After Ctrl-C it has what was finished; a run that diverged has an "error".

        Raises:
            InputError: a setting, a data file or a folder is not usable.
        """
        options = Options(**options)
        self._check(options)
        own = self.defaults(options.quick)
        hp = own if hp is None else hp
        result = Result(
            self.name,
            options.seed,
            dataclasses.asdict(hp),
            impl=options.impl,
            only=list(options.only),
            quick=options.quick,
        )
        result.changed = {name: value for name, value in vars(own).items() if value != getattr(hp, name)}
        begun = time.perf_counter()
        runs = self._chosen(hp, options)
        data = None
        try:
            if self.study and runs:
                data = self._train_in_processes(runs, options, result, progress)
            else:
                for i, run in enumerate(runs):
                    callbacks = (
                        [Progress(run.label, before=i / len(runs), share=1 / len(runs), words=self.words)]
                        if progress
                        else []
                    )
                    data = self._train(run, options, result, callbacks, folder, resume)
            result.parity = self._parity(runs, options)
            seed_everything(options.seed)  # so that what is drawn there does not depend on the runs before
            self.show(result, data)
            result.tables.update(self._d2l_follows(runs, options))
        except KeyboardInterrupt:
            result.interrupted = True
        else:
            if runs and self.is_comparable(result, data):
                result.published = published.compare(
                    self.name, {k: run["metrics"] for k, run in result.runs.items()}
                )
        result.seconds = time.perf_counter() - begun
        result.finished = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return result

    def _check(self, options):
        if self.runs is None and options.impl != "both":
            raise InputError(
                f"--impl: {self.name} trains nothing, so it has no implementations; leave it out"
            )
        if self.runs and self.d2l is None and options.impl == "d2l":
            raise InputError(
                f"--impl: d2l has no class that {self.name} could train; take scratch, gluon or both"
            )
        if options.dataset not in ("auto", *self.datasets):
            raise InputError(
                f"--dataset: {self.name} knows no {options.dataset!r}; "
                f"take {', '.join(('auto', *self.datasets))}"
            )
        if not self.study and (options.only or options.seeds > 1):
            raise InputError(
                f"--only, --seeds: {self.name} is no study of variants; for several seeds there is "
                f"d2l-repro run {self.name} --seeds {options.seeds}"
            )

    def _chosen(self, hp, options):
        """The runs that were asked for."""
        if self.runs is None:
            return []
        runs = self.runs(hp)
        runs = (
            [*runs, *self.d2l(hp)]
            if options.impl == "d2l"
            else [run for run in runs if options.impl in ("both", run.impl)]
        )
        names = dict.fromkeys(run.variant for run in runs)
        for name in options.only:
            if name not in names:
                raise InputError(f"--only: {self.name} has no variant {name!r}; take from {', '.join(names)}")
        return [run for run in runs if not options.only or run.variant in options.only]

    def main(self, argv=None):
        """The chapter's command line, `python -m chapters.NAME`."""
        from ..cli.chapter import run_chapter

        run_chapter(self, argv)

    def _begin(self, run, options):
        seed_everything(options.seed)
        data = self.data(run.hp, options)
        return data, run.build(run.hp, data) if self.needs_data else run.build(run.hp)

    def _train(self, run, options, result, callbacks, folder, resume):
        data, model = self._begin(run, options)
        if result.dataset == NOT_NOTED:
            self._note_data(data, result)
        if self.resumable:
            callbacks = [*self._checkpoints(run, options, data, model, folder, resume), *callbacks]
        try:
            history = self.train(model, data, run.hp, callbacks)
        except (TrainingDiverged, TrainingInterrupted) as error:
            kind = "diverged" if isinstance(error, TrainingDiverged) and self.may_diverge(run) else "error"
            result.runs[run.label] = {"history": error.history, "metrics": {}, kind: str(error)}
            if isinstance(error, TrainingInterrupted):
                raise
        else:
            result.add(run.label, history, self.metrics(model, data, history))
            result.models[run.label] = model
        return data

    def _train_in_processes(self, runs, options, result, progress):
        """Every run with every seed, each as it would be alone."""
        data, _ = self._begin(runs[0], options)
        self._note_data(data, result)
        for run, entry in seeds.in_processes(
            self._entry, seeds.repeated(runs, options), options.jobs, progress
        ):
            result.runs[run.label] = entry
        return data

    def _entry(self, run, options):
        """What a result has of a run."""
        result = Result(self.name, options.seed, {}, dataset="noted")  # by the process that asks
        self._train(run, options, result, [], None, False)
        return result.runs[run.label]

    def _checkpoints(self, run, options, data, model, folder, resume):
        """Callbacks; seeds also where nothing is kept, as numbers must not depend on that."""
        kept = []
        if folder is not None:
            made = {
                "label": run.label,
                "seed": options.seed,
                "dataset": data.name,
                "quick": options.quick,
                **dataclasses.asdict(run.hp),
            }
            path = Path(folder, f"checkpoint_{run.label.replace(' ', '_')}.npz")
            kept.append(Checkpoint(path, parameters(model), made, resume))
        return [*kept, SeedEachEpoch(options.seed)]

    def _note_data(self, data, result):
        result.dataset, result.stand_in_for = data.name, data.stand_in_for
        if data.stand_in_for:
            log.warning(
                "%s: %s is neither on this machine nor to be downloaded; embedded data (%s) stand in for it, "
                "and nothing is compared with published values",
                self.name,
                data.stand_in_for,
                data.name,
            )
        if not data.official:
            log.warning(
                "%s: the files of %s are not the published ones; nothing is compared with published values",
                self.name,
                data.name,
            )

    def _parity(self, runs, options):
        pairs = []
        for ours, theirs in _twins(runs, "gluon"):
            if self.parity(ours):
                ours, theirs = (dataclasses.replace(run, hp=self.parity_hp(run.hp)) for run in (ours, theirs))
                # From equal seeds the two see equal batches; the first model's parameters are the second's.
                (data, mine), (_, other) = self._begin(ours, options), self._begin(theirs, options)
                parity = same_path(mine, other, data.train_iter, ours.hp.batch_size, STEPS)
                pairs.append({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()})
        if not pairs:
            return None
        return {
            "steps": min(pair["steps"] for pair in pairs),
            "max_abs_diff": max(pair["max_abs_diff"] for pair in pairs),
            "pairs": pairs,
        }

    def _d2l_follows(self, runs, options):
        """Table, if there is a pair for it: does d2l's class, from our parameters, follow the path of
        ours?"""
        rows = []
        for ours, theirs in _twins(runs, "d2l"):
            (data, mine), (_, other) = self._begin(ours, options), self._begin(theirs, options)
            # Of a short batch d2l takes another step: its mean loss divides by the batch's own size.
            full = list(
                itertools.islice((b for b in data.train_iter if len(b[1]) == ours.hp.batch_size), STEPS)
            )
            if full:
                other.net(
                    full[0][0]
                )  # with NumPy's semantics weights are only drawn in single precision: do it now
                parity = same_path(mine, other, full, ours.hp.batch_size, STEPS)
                rows.append(parity_row({"ours": ours.label, "theirs": theirs.label, **parity.as_dict()}))
        return {"On full batches, does d2l follow the same path?": rows} if rows else {}

    def is_comparable(self, result, data):
        """May a result be held against published values? Not with other settings, and not on other data."""
        return (
            not (result.changed or result.quick)
            and data.official
            and data.stand_in_for is None
            and data.name in self.comparable
        )
