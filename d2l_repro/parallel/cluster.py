"""Compute on a Dask cluster: connect, check that its workers fit, and hand them functions and chapters."""

from __future__ import annotations

import logging
import os
import pickle
import pydoc
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from .. import channel, compat, stopping
from ..data import download
from ..errors import InputError, WorkFailed
from ..language import VARIABLE, language, listed, tr
from . import data_files, worker
from .child import describe
from .connection import CONNECTING, LOCAL, client_of, local_cluster, scheduler_of
from .process import ChildDied
from .supply import Supply
from .where import ANEW, Where
from .worker import GOVERNED, Terms

STARTING = 120.0  # seconds to wait for the first worker of a cluster that the command starts itself
PATIENCE = 60.0  # seconds to wait for a worker after the last one has gone
LOOK = 1.0  # seconds between two looks whether the scheduler and workers are still there
ANSWERING = 180.0  # seconds in which all workers say what they are like
TELLING = 10.0  # seconds in which a worker takes notice of something
RETRIES = 2  # of a task whose process was killed, by the system for example
log = logging.getLogger(__name__)


class ClusterLost(WorkFailed):
    """Raised when the scheduler or all workers have gone in the middle of the work."""


@contextmanager
def connect(where: Where) -> Iterator[Cluster]:
    """Connect to a cluster whose workers fit, or start one.

    Args:
        where: the cluster, and the data sets, of which workers get the files that this machine has.

    Raises:
        InputError: the package `distributed` is missing, there is no such cluster, or a worker does not fit.
        WorkFailed: a worker does not answer, or cannot write a data file.
    """
    place, files = where.cluster or LOCAL, {}
    for dataset in where.datasets:
        files.update(download.files_of(dataset, where.data_dir))
    with ExitStack() as stack:
        address = stack.enter_context(local_cluster(where.jobs)) if place == LOCAL else place
        client = stack.enter_context(client_of(scheduler_of(address), place))
        cluster = Cluster(client, place, files, where.again)
        cluster.check_workers()
        try:
            yield cluster
        finally:
            cluster.release()


class Cluster:
    """A cluster that is connected to.

    Args:
        client: a `distributed.Client`.
        place: how the user has named the cluster.
        files: name in the registry -> path of the data files that tasks may read.
        again: as in `Where`.
    """

    def __init__(self, client: Any, place: str, files: Mapping[str, Path], again: str = ANEW):
        self.client, self.place, self.again = client, place, again
        digests = [
            (name, str(path.resolve()), data_files.digest_of(path.read_bytes()))
            for name, path in files.items()
        ]
        self._ours = describe()
        versions = {name: text for name, text in self._ours.items() if name not in worker.NO_VERSIONS}
        self.terms = Terms(_environment(), _main_module(), tuple(digests), tuple(sorted(versions.items())))
        self._sent: dict[str, Any] = {}  # digest -> future of the bytes
        self._supply = Supply(self.ask, files, self._unable)
        self._no_workers_since = 0.0

    def check_workers(self) -> None:
        """Check that there are workers and that all fit; send the data files that some of them lack.

        Raises:
            InputError: a worker lacks this project, a package or memory, or has another version of it; the
                message names the worker and the remedy.
            WorkFailed: a worker does not answer, or cannot write a data file.
        """
        if self.terms.files:
            self.client.subscribe_topic(self.terms.topic, self._supply.hear)
        deadline = time.monotonic() + (STARTING if self.place == LOCAL else CONNECTING)
        while not self.client.nthreads():
            if time.monotonic() > deadline:
                raise InputError(
                    tr(
                        "--cluster: the scheduler at {place} has no workers; start some with `dask worker`",
                        place=self.place,
                    )
                )
            time.sleep(0.1)
        # Found by its name: a worker without this project could not load a function of it.
        found = self.ask(pydoc.locate, f"{worker.__name__}.__name__")
        for address, name in found.items():
            if name != worker.__name__:
                raise _refusal(address, tr("cannot import this version of d2l_repro"))
        reports = self.ask(worker.prepare, self.terms)
        for address, report in reports.items():
            problem = _problem(report, self._ours)
            if problem:
                raise _refusal(address, problem)
        others = {report["processor"] for report in reports.values()} - {self._ours["processor"]}
        if others:
            log.warning(
                tr(
                    "--cluster: some workers have other processors than this machine ({names}), where the "
                    "last digits can differ",
                    names=listed(sorted(others)),
                )
            )
        self._supply.send({address: report["missing"] for address, report in reports.items()})

    def ask(
        self, function: Callable[..., Any], *arguments: Any, workers: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Call a function on some workers, all by default, and return address -> what it returned or raised.

        Workers that go meanwhile are left out.

        Raises:
            WorkFailed: a worker does not answer.
        """
        import distributed
        from distributed.comm import CommClosedError

        try:
            answers = self.client.run(
                function, *arguments, workers=workers, on_error="return", callback_timeout=ANSWERING
            )
        except distributed.TimeoutError as error:
            raise WorkFailed(
                tr(
                    "--cluster: a worker of {place} has not answered for {seconds} s; end it, and {again}",
                    place=self.place,
                    seconds=f"{ANSWERING:.0f}",
                    again=tr(self.again),
                )
            ) from error
        return {place: answer for place, answer in answers.items() if not isinstance(answer, CommClosedError)}

    def _send(self, content: bytes) -> Any:
        """Return a future of bytes, which reach each worker that needs them once.

        They are the result of a task, which the scheduler can repeat: what is scattered is gone with the
        workers that hold it.
        """
        key = data_files.digest_of(content)
        if key not in self._sent:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the task is large
                self._sent[key] = self.client.submit(bytes, content, key=f"d2l_repro-{key}-{uuid.uuid4()}")
        return self._sent[key]

    def submit(self, function: Callable[..., Any], terms: Terms, *arguments: Any) -> Any:
        """Let a worker call a function of `worker`, and return the future of what it returns."""
        key = f"d2l_repro.{function.__name__}-{uuid.uuid4()}"
        return self.client.submit(function, terms, *arguments, key=key, pure=False, retries=RETRIES)

    def compute(
        self, function: Callable[..., Any], tasks: Sequence[tuple], common: tuple = ()
    ) -> Iterator[tuple[int, Any]]:
        """Call a function on the workers, and yield index and result of each task as soon as it is available.

        Args:
            function: called with the common arguments and a task's; what it raises is raised here.
            tasks: tuples of arguments.
            common: arguments of all calls, which reach each worker once.

        Raises:
            WorkFailed: the scheduler or all workers have gone, or a task has ended the processes that ran it,
                time and again.
            InputError: a worker that has joined later does not fit.
        """
        import cloudpickle

        done: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        shared = cloudpickle.dumps(common) if common else b""
        key = data_files.digest_of(shared) if common else ""
        blob = self._send(shared) if common else None
        futures: list[Any] = []
        terms = replace(self.terms, environment=_with_fixed_threads(self.terms.environment))
        try:
            for i, task in enumerate(tasks):
                request = cloudpickle.dumps((function, task))
                futures.append(self.submit(worker.call, terms, request, key, blob))
                futures[-1].add_done_callback(partial(_put, done, i))
            for _ in tasks:
                i, future = self._next(done)
                succeeded, answer = self.result(future)
                future.release()
                value = pickle.loads(answer)
                if not succeeded:
                    raise value
                yield i, value
        finally:
            if self.client.status == "running":
                with suppress(Exception):
                    self.client.cancel(futures)

    def _next(self, done: SimpleQueue[tuple[int, Any]]) -> tuple[int, Any]:
        while True:
            try:
                return done.get(timeout=LOOK)
            except Empty:
                self.check_connection()

    def check_connection(self) -> None:
        """Raise WorkFailed if the scheduler has gone, workers have for a minute, or one cannot get data."""
        now = time.monotonic()
        if self.client.status != "running":
            raise self.lost()
        if self._supply.failure:
            raise self._supply.failure
        import distributed

        try:
            workers = self.client.nthreads()
        except (OSError, distributed.TimeoutError) as error:
            raise self.lost() from error
        if workers:
            self._no_workers_since = 0.0
        elif not self._no_workers_since:
            self._no_workers_since = now
        elif now - self._no_workers_since > PATIENCE:
            raise ClusterLost(
                tr(
                    "--cluster: the scheduler at {place} has had no workers for {seconds} s; start some, and "
                    "{again}",
                    place=self.place,
                    seconds=f"{PATIENCE:.0f}",
                    again=tr(self.again),
                )
            )

    def lost(self) -> ClusterLost:
        """Return the error of a scheduler that has gone."""
        return ClusterLost(
            tr(
                "--cluster: the connection to the scheduler at {place} is lost; start it again, and {again}",
                place=self.place,
                again=tr(self.again),
            )
        )

    def _unable(self, address: str, problem: str) -> WorkFailed:
        return WorkFailed(
            tr(
                "--cluster: worker {worker}: {problem}; mend that, or end this worker, and {again}",
                worker=address,
                problem=problem,
                again=tr(self.again),
            )
        )

    def result(self, future: Any) -> Any:
        """Return what a finished future holds; if the worker that held it has died, it is computed again.

        Raises:
            ClusterLost: the scheduler or all workers have gone, and the future with them.
            WorkFailed: the task has ended the processes or workers that ran it, or one of these is unable to.
            InputError: a worker that has joined later does not fit.
        """
        import distributed

        try:
            while True:
                try:
                    return future.result(timeout=PATIENCE)
                except distributed.TimeoutError:
                    self.check_connection()
        except ChildDied as error:
            raise WorkFailed(
                tr(
                    "--cluster: a task ended its process {count} times (exit code {code}; -9 can mean that "
                    "memory was used up); give the workers more, or start fewer on a machine",
                    count=RETRIES + 1,
                    code=error,
                )
            ) from error
        except (worker.Unfit, ImportError) as error:
            raise InputError(
                tr(
                    "--cluster: a worker that has joined later does not fit ({problem}); end it, and {again}",
                    problem=download.shorten(error),
                    again=tr(self.again),
                )
            ) from error
        except data_files.Unable as error:
            raise self._unable(*error.args) from error
        except distributed.KilledWorker as error:
            raise WorkFailed(
                tr("--cluster: too many workers died while they ran the same task ({error})", error=error)
            ) from error
        except (distributed.CancelledError, OSError) as error:  # OSError: of the connection
            raise self.lost() from error

    def release(self) -> None:
        """Let the workers forget what they were sent, and end the processes that wait for more."""
        if self.client.status == "running":
            with suppress(Exception):
                self.client.cancel(list(self._sent.values()))
                self.client.run(worker.stop_all, on_error="ignore", callback_timeout=TELLING)


def _refusal(address: str, problem: str) -> InputError:
    return InputError(
        tr(
            "--cluster: worker {worker}: {problem}; install the same versions there as here, and start the "
            "worker again",
            worker=address,
            problem=problem,
        )
    )


def _problem(report: Any, ours: Mapping[str, str]) -> str:
    """Return what is wrong with a worker, empty if nothing is.

    Args:
        report: as `worker.prepare` returned it, or what that raised.
        ours: what `describe` says here.
    """
    if isinstance(report, Exception):
        return f"{type(report).__name__}: {download.shorten(report)}"
    if report["differing"] and not report["problem"]:
        name = report["differing"][0]
        return tr(
            "has other versions of {names} ({name}: {theirs} there, {ours} here)",
            names=listed(report["differing"]),
            name=name,
            theirs=report.get(name, "-"),
            ours=ours.get(name, "-"),
        )
    return report["problem"]


def _put(done: SimpleQueue[tuple[int, Any]], i: int, future: Any) -> None:
    done.put((i, future))


def _environment() -> tuple[tuple[str, str], ...]:
    """Return the environment variables of processes that are to compute what this one would."""
    own = (stopping.PARENT, channel.VARIABLE, download.ENVIRONMENT)
    settings = {name: value for name, value in os.environ.items() if GOVERNED.match(name) and name not in own}
    settings[VARIABLE] = language()
    settings[compat.CORES] = str(compat.cores())
    return tuple(sorted(settings.items()))


def _with_fixed_threads(environment: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return variables with which MXNet has as many threads as here, whichever module is imported first."""
    settings = {name: value for name, value in environment if name != compat.OWN_THREADS}
    return tuple(sorted({**settings, "OMP_NUM_THREADS": str(compat.threads())}.items()))


def _main_module() -> str:
    """Return the name of the chapter that this process runs, or "" if it runs something else."""
    name = getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "")
    return name if name.startswith("chapters.") else ""
