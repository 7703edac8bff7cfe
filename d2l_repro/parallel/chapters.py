"""A chapter that runs on a cluster, used like a process that runs here."""

from __future__ import annotations

import signal
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from ..data.download import shorten
from ..errors import FAILED, InputError, WorkFailed, error_line
from ..files import writable_folder, write_atomically
from . import worker
from .cluster import LOOK, TELLING, Cluster


class RemoteChapter:
    """What `subprocess.Popen` is for a chapter in a process of its own here.

    Args:
        cluster: to run it on.
        topic: of the events that report its progress.
        chapter: its name.
        argv: its flags, all but --out.
        folder: for its results, which are written there when it has ended.
    """

    def __init__(self, cluster: Cluster, topic: str, chapter: str, argv: Sequence[str], folder: Path):
        self.identifier = str(uuid.uuid4())
        self.begun: float | None = None  # `time.monotonic` when a worker began to run it
        self._cluster, self._chapter, self._folder = cluster, chapter, folder
        self._arguments = cluster.terms, self.identifier, topic, chapter, argv
        self._future: Any = None
        self._worker = ""  # address of the worker that runs it
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._over = Event()
        self._error: InputError | WorkFailed | None = None
        self._result: tuple[int, list[str]] | None = None  # of `_end`

    def start(self) -> None:
        """Hand it to the cluster."""
        self._future = self._cluster.submit(worker.run_chapter, *self._arguments)
        self._future.add_done_callback(lambda _: self._tell_end())

    def heard(self, address: str, line: str) -> None:
        """Take a line that reports progress; with an empty one a worker begins to run it."""
        if line:
            self._lines.put(line)
        else:
            self._worker, self.begun = address, time.monotonic()

    def fail(self, error: InputError | WorkFailed) -> None:
        """End with an error of the cluster, unless it has ended."""
        if not self._over.is_set():
            self._error = error
            self._tell_end()
            self._cancel()

    def _cancel(self) -> None:
        with suppress(Exception):  # of a scheduler that has gone
            self._future.cancel()

    def _tell_end(self) -> None:
        self._over.set()
        self._lines.put(None)

    @property
    def stdout(self) -> Iterator[str]:
        """Lines as the chapter prints them: progress at once, all others when it has ended."""
        yield from iter(self._lines.get, None)
        yield from self._end()[1]

    def wait(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return self._end()[0]

    def send_signal(self, number: int) -> None:
        """Send a signal to the chapter, without waiting for its worker.

        A chapter that no worker has begun to run, or whose worker does not answer, is cancelled.
        """
        if self._worker:
            Thread(target=self._pass_on, args=(number,), daemon=True).start()
        elif not self._over.is_set():
            self._cancel()

    def _pass_on(self, number: int) -> None:
        reached: dict[str, bool] = {}
        with suppress(Exception):  # a time-out, or of a scheduler that has gone
            reached = self._cluster.client.run(
                worker.pass_on,
                self.identifier,
                number,
                workers=[self._worker],
                on_error="ignore",
                callback_timeout=TELLING,
            )
        # Where it does not run any more, its result is on the way, unless it waits to be run again elsewhere.
        if not any(reached.values()) and not self._over.wait(TELLING if reached else 0):
            self._cancel()

    def _end(self) -> tuple[int, list[str]]:
        """Wait until it has ended, and write the files once; return exit code, and lines for `stdout`."""
        self._over.wait()
        if self._result is None:
            self._result = self._fetch()
        return self._result

    def _fetch(self) -> tuple[int, list[str]]:
        try:
            if self._error:
                raise self._error
            return self._written()
        except (InputError, WorkFailed) as error:
            text = str(error)
        except Exception as error:  # what came back cannot be unpickled, for example
            text = f"{type(error).__name__}: {shorten(error)}"
        return FAILED, [error_line(self._chapter, text) + "\n"]

    def _written(self) -> tuple[int, list[str]]:
        if self._future.cancelled() and self._cluster.client.status == "running":
            return -signal.SIGTERM, []  # by `send_signal`
        code, text, said, files = self._cluster.result(self._future)
        self._future.release()
        for name, content in files.items():
            path = self._folder / name
            write_atomically(writable_folder(path.parent) / path.name, content)
        print(said.replace(worker.OUT, str(self._folder)), end="", file=sys.stderr)
        return code, text.replace(worker.OUT, str(self._folder)).splitlines(keepends=True)

    def __enter__(self) -> RemoteChapter:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            self._cancel()
        else:
            self.wait()


class Chapters:
    """Start chapters on a cluster, and hear of their progress; see `hearing`."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self.topic = f"d2l_repro-{uuid.uuid4()}"
        self._started: dict[str, RemoteChapter] = {}
        self._error: InputError | WorkFailed | None = None  # of the cluster

    def start(self, chapter: str, argv: Sequence[str], folder: Path) -> RemoteChapter:
        """Start a chapter; for the arguments see `RemoteChapter`."""
        remote = RemoteChapter(self.cluster, self.topic, chapter, argv, folder)
        self._started[remote.identifier] = remote
        if self._error is None:
            with suppress(Exception):  # of a scheduler that has gone
                remote.start()
                return remote
        remote.fail(self._error or self.cluster.lost())
        return remote

    def hear(self, event: Any) -> None:
        _, (identifier, address, line) = event
        if identifier in self._started:
            self._started[identifier].heard(address, line)

    def watch(self, over: Event) -> None:
        """Look from time to time whether the scheduler and workers are still there, until it is over."""
        while not over.wait(LOOK):
            try:
                self.cluster.check_connection()
            except (InputError, WorkFailed) as error:
                self._error = error
                for remote in tuple(self._started.values()):
                    remote.fail(error)
                return


@contextmanager
def hearing(cluster: Cluster) -> Iterator[Chapters]:
    """Yield `Chapters` that hear of the progress of those they have started, and of the cluster's end."""
    chapters, over = Chapters(cluster), Event()
    cluster.client.subscribe_topic(chapters.topic, chapters.hear)
    watching = Thread(target=chapters.watch, args=(over,), daemon=True)
    watching.start()
    try:
        yield chapters
    finally:
        over.set()
        watching.join()
        if cluster.client.status == "running":
            with suppress(Exception):
                cluster.client.unsubscribe_topic(chapters.topic)
