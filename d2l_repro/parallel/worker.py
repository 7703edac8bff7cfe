"""What runs on the workers of a cluster: they hand functions and chapters to processes of our own.

A worker may have any number of threads and any settings in its environment; what computes is a process with
the settings of the command's. It also ends when the worker does, or when the command has gone.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import channel, stopping
from ..data import download
from ..processes import module_command
from . import data_files
from .data_files import PREFIX, Unable, digest_of, received
from .process import POLL, Child, ChildDied, Unwanted

# Environment variables that decide about numbers, speed and messages: the command's hold, not the worker's.
GOVERNED = re.compile(
    r"(OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|VECLIB|NUMEXPR|MXNET|DNNL|ONEDNN|MALLOC|D2L_REPRO|DMLC)_"
)
REPORTS = 0.2  # seconds between two reports of a chapter's progress
DESCRIBING = 120.0  # seconds in which a new process describes itself
AWAITING = 600.0  # seconds in which the command sends a data file
ASKING = 60.0  # seconds after which it is asked again
NO_VERSIONS = {"processor", "problem"}  # what `child.describe` says beside versions
OUT = "\x1fOUT\x1f"  # stands for the folder of --out in what a chapter has printed


class Unfit(Exception):
    """Raised on a worker that joined later and does not fit; its argument names what differs or lacks."""


@dataclass(frozen=True)
class Terms:
    """What a command demands of the workers.

    Attributes:
        environment: variables of the processes that compute.
        main: module that the command runs, which functions may come from.
        files: name in `download.registry`, path where the command runs, and sha256 of each data file.
        versions: of what decides about digits, as `child.describe` returns them there.
    """

    environment: tuple[tuple[str, str], ...]
    main: str
    files: tuple[tuple[str, str, str], ...]
    versions: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        return digest_of(repr(self).encode())

    @property
    def topic(self) -> str:
        """Topic of the events (address of a worker, names of the data files that it lacks)."""
        return f"d2l_repro-files-{digest_of(repr(self.files).encode())}"


_lock = threading.Lock()
_fitting: set[tuple[tuple[str, str], ...]] = set()  # versions that are also those of this worker
_idle: list[Child] = []
_running: dict[str, subprocess.Popen] = {}  # identifier -> process of a chapter


@contextmanager
def _child(terms: Terms, folder: str) -> Iterator[Child]:
    """Lend a process with the right environment: an idle one, or a new one."""
    environment = _environment(terms, folder)
    with _lock:
        for child in [child for child in _idle if not child.is_alive]:
            _idle.remove(child)
        fitting = [child for child in _idle if (child.environment, child.main) == (environment, terms.main)]
        for child in fitting[:1]:
            _idle.remove(child)
    child = fitting[0] if fitting else Child(environment, terms.main)
    try:
        yield child
    except BaseException:
        child.end()
        raise
    with _lock:
        _idle.append(child)


def _environment(terms: Terms, folder: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not GOVERNED.match(name)}
    data = {download.ENVIRONMENT: folder, download.COMPLETE: "1"}
    return {**own, **dict(terms.environment), **data, stopping.PARENT: str(os.getpid())}


async def prepare(terms: Terms) -> dict[str, Any]:
    """Return what this worker is like, which goes on with its other work meanwhile.

    Returns:
        The items of `child.describe`, `differing`: names of what has other versions here, and `missing`:
        names of the data files that are not here.

    Raises:
        ChildDied: no process can be started here.
    """
    return await asyncio.to_thread(_prepare, terms)


def _prepare(terms: Terms) -> dict[str, Any]:
    child, deadline = Child(_environment(terms, ""), ""), time.monotonic() + DESCRIBING
    try:
        succeeded, answer = child.ask("describe", is_wanted=lambda: time.monotonic() < deadline)
    except Unwanted as error:
        raise ChildDied(f"no answer in {DESCRIBING:.0f} s") from error
    finally:
        child.end()
    found, wanted = pickle.loads(answer), dict(terms.versions)
    if not succeeded:
        raise found
    names = sorted({*found, *wanted} - NO_VERSIONS)
    differing = [name for name in names if found.get(name) != wanted.get(name)]
    if not differing and not found["problem"]:
        _fitting.add(terms.versions)
    return {**found, "differing": differing, "missing": _missing(data_files.paths_of(terms.files))}


def _check(terms: Terms) -> None:
    """Raise Unfit if this worker, which may have joined after the others were asked, has other versions."""
    if terms.versions not in _fitting:
        report = _prepare(terms)
        if terms.versions not in _fitting:
            raise Unfit(report["problem"] or ", ".join(report["differing"]))


def _missing(paths: Mapping[str, Path | None]) -> list[str]:
    return [name for name, path in paths.items() if not path]


_folders: dict[str, str] = {}  # key of terms -> folder with their data files
_asked: dict[str, float] = {}  # topic -> when the command was asked for the data files that are not here


def _data_folder(terms: Terms, worker: Any, is_wanted: Callable[[], bool]) -> str:
    """Return a folder with links to the data files of the terms; ask the command for those not here.

    Args:
        terms: of the command.
        worker: this one.
        is_wanted: whether the command still wants the task.

    Raises:
        Unfit: a file is not here and does not come, or this worker has other versions.
        Unwanted: the command has gone, or has cancelled the task.
    """
    _check(terms)
    with _lock:
        if terms.key in _folders:
            return _folders[terms.key]
    paths, deadline = data_files.paths_of(terms.files), time.monotonic() + AWAITING
    digests = {name: digest for name, _, digest in terms.files}
    while not all(paths[name] or digest in received for name, digest in digests.items()):
        if not is_wanted():
            raise Unwanted
        if time.monotonic() > deadline:
            raise Unfit(_missing(paths)[0])
        with _lock:
            is_due = time.monotonic() > _asked.get(terms.topic, float("-inf")) + ASKING
            if is_due:
                _asked[terms.topic] = time.monotonic()
        if is_due:
            worker.log_event(terms.topic, (worker.address, _missing(paths)))
        time.sleep(POLL)
    with _lock:
        if terms.key not in _folders:
            folder = data_files.temporary_folder()
            for name, digest in digests.items():
                target = Path(folder, name)
                target.parent.mkdir(exist_ok=True)
                target.symlink_to((paths[name] or received[digest]).resolve())
            _folders[terms.key] = folder
        return _folders[terms.key]


def call(terms: Terms, request: bytes, key: str, common: Any) -> tuple[bool, bytes]:
    """Call a function in a process of its own.

    Args:
        terms: of the command.
        request: pickled function and arguments.
        key: of the arguments that precede them and are the same in all calls; empty if there are none.
        common: these, pickled.

    Returns:
        Whether it succeeded and, pickled, what it returned or raised.

    Raises:
        ChildDied, Unable, Unfit, Unwanted: as their names say.
    """
    with _task() as (worker, is_wanted), _child(terms, _data_folder(terms, worker, is_wanted)) as child:
        if key and key not in child.kept:
            succeeded, answer = child.ask("keep", key, common, is_wanted=is_wanted)
            if not succeeded:
                return succeeded, answer
            child.kept.add(key)
        return child.ask("call", key, request, is_wanted=is_wanted)


@contextmanager
def _task() -> Iterator[tuple[Any, Callable[[], bool]]]:
    """Yield the worker, and a function that says whether the command still wants the current task."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    try:
        yield worker, is_wanted
    except OSError as error:
        raise Unable(worker.address, download.shorten(error)) from error


def run_chapter(
    terms: Terms, identifier: str, topic: str, chapter: str, argv: Sequence[str]
) -> tuple[int, str, str, dict[str, bytes]]:
    """Run a chapter in a folder of its own, and report its progress.

    Args:
        terms: of the command.
        identifier: of the run, for `pass_on` and the reports.
        topic: of the events that report the progress: (identifier, this worker's address, line as
            `channel.report` prints it); with an empty line when the chapter begins.
        chapter: its name.
        argv: its flags, all but --out.

    Returns:
        Exit code, what it printed to stdout and to stderr, and name -> content of the files it has written.

    Raises:
        Unable, Unfit, Unwanted: as their names say.
    """
    with (
        _task() as (worker, is_wanted),
        tempfile.TemporaryDirectory(prefix=PREFIX) as place,
        tempfile.TemporaryFile("w+") as errors,
    ):
        environment = _environment(terms, _data_folder(terms, worker, is_wanted))
        out = Path(place, "out")
        command = [*module_command(f"chapters.{chapter}", chapter), *argv, "--out", str(out)]
        with subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env={**environment, channel.VARIABLE: "1"},
        ) as process:
            _running[identifier] = process
            lines: list[str] = []

            def report(line: str) -> None:
                worker.log_event(topic, (identifier, worker.address, line))

            report("")
            reader = threading.Thread(target=_read, args=(process, lines, report), daemon=True)
            reader.start()
            try:
                while process.poll() is None:
                    if not is_wanted():
                        raise Unwanted
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(POLL)
            finally:
                process.kill()
                del _running[identifier]
            reader.join()
        errors.seek(0)
        paths = [path for path in out.rglob("*") if path.is_file()]
        files = {str(path.relative_to(out)): path.read_bytes() for path in paths}
        text, said = ("".join(lines).replace(str(out), OUT), errors.read().replace(str(out), OUT))
        return process.returncode, text, said, files


def _read(process: Any, lines: list[str], report: Callable[[str], None]) -> None:
    last = 0.0
    for line in process.stdout:
        if channel.read(line) is None:
            lines.append(line)
        elif time.monotonic() - last > REPORTS:
            last = time.monotonic()
            report(line)


def pass_on(identifier: str, number: int) -> bool:
    """Send a signal to the process of a chapter; return whether that runs here."""
    process = _running.get(identifier)
    if process:
        process.send_signal(number)
    return process is not None


def stop_all() -> None:
    """End the idle processes, at the end of a command."""
    with _lock:
        while _idle:
            _idle.pop().end()
