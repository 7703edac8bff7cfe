"""A chapter that runs on a cluster, used like a process that runs here."""

from __future__ import annotations

import signal
import sys
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from ..errors import FAILED, InputError, error_line
from ..files import writable_folder, write_atomically
from . import worker
from .cluster import LOOK, Cluster


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
        self._cluster, self._chapter, self._folder = cluster, chapter, folder
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._code: Future[int] = Future()
        self._error: InputError | None = None
        self._future = cluster.submit(
            worker.run_chapter, cluster.terms, self.identifier, topic, chapter, argv
        )
        self._future.add_done_callback(self._end)

    def heard(self, line: str) -> None:
        """Take a line that reports progress."""
        self._lines.put(line)

    def fail(self, error: InputError) -> None:
        """End with an error of the cluster, unless it has ended."""
        if not self._future.done():
            self._error = error
            self._future.cancel()

    @property
    def stdout(self) -> Iterator[str]:
        """Lines as the chapter prints them: progress at once, all others when it has ended."""
        return iter(self._lines.get, None)

    def wait(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return self._code.result()

    def send_signal(self, number: int) -> None:
        """Send a signal to the chapter; one that no worker has begun to run is cancelled."""
        with suppress(Exception):  # of a scheduler that has gone
            reached = self._cluster.client.run(worker.pass_on, self.identifier, number, on_error="ignore")
            if not any(reached.values()) and not self._future.done():
                self._future.cancel()

    def _end(self, future: Any) -> None:
        """Write the files, and tell `stdout` and `wait` of the end."""
        code = FAILED
        try:
            if self._error:
                raise self._error
            if future.cancelled() and self._cluster.client.status == "running":
                code = -signal.SIGTERM  # by `send_signal`
            else:
                code, text, said, files = self._cluster.result(future)
                for name, content in files.items():
                    path = self._folder / name
                    write_atomically(writable_folder(path.parent) / path.name, content)
                for line in text.replace(worker.OUT, str(self._folder)).splitlines(keepends=True):
                    self._lines.put(line)
                print(said.replace(worker.OUT, str(self._folder)), end="", file=sys.stderr)
        except InputError as error:
            self._lines.put(error_line(self._chapter, error) + "\n")
        finally:
            self._lines.put(None)
            self._code.set_result(code)

    def __enter__(self) -> RemoteChapter:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            with suppress(Exception):
                self._future.cancel()
        else:
            self.wait()


class Chapters:
    """Start chapters on a cluster, and hear of their progress; see `hearing`."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self.topic = f"d2l_repro-{uuid.uuid4()}"
        self._started: dict[str, RemoteChapter] = {}

    def start(self, chapter: str, argv: Sequence[str], folder: Path) -> RemoteChapter:
        """Start a chapter; for the arguments see `RemoteChapter`."""
        remote = RemoteChapter(self.cluster, self.topic, chapter, argv, folder)
        self._started[remote.identifier] = remote
        return remote

    def hear(self, event: Any) -> None:
        _, (identifier, line) = event
        if identifier in self._started:
            self._started[identifier].heard(line)

    def watch(self, over: Event) -> None:
        """Look from time to time whether the scheduler and workers are still there, until it is over."""
        while not over.wait(LOOK):
            try:
                self.cluster.check_connection()
            except InputError as error:
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
