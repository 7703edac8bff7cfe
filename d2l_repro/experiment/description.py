"""What a chapter declares of itself, and which options it can be run with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable

from ..data.loader import Data
from ..distributed import workers
from ..errors import InputError
from ..language import tr
from ..results.history import History
from ..results.result import Result
from ..settings import HParams, Options, check_dataset
from . import second_edition
from .runs import Run


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
class Description:
    """What a chapter module consists of.

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

    def datasets_of(self, options: Options) -> tuple[str, ...]:
        """Return the name of the data set that options ask for; empty for synthetic data."""
        return self.datasets[:1] if options.dataset == "auto" else (options.dataset,)

    def is_comparable(self, result: Result, data: Data | None) -> bool:
        """Return whether published values apply: to the chapter's own settings, on the published data."""
        return (
            data is not None
            and not (result.changed or result.quick)
            and data.official
            and data.stand_in_for is None
            and data.name in self.comparable
        )

    def check(self, options: Options) -> None:
        """Check that the chapter has what the options ask for.

        Raises:
            InputError: it has not.
        """
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

    def check_shared(self, options: Options) -> None:
        """In a worker, check that several can train the chapter's runs, each batch divided among them.

        Raises:
            InputError: they cannot.
        """
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
