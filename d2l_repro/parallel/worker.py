"""What runs on the workers of a cluster: they hand functions and chapters to processes of our own.

A worker may have any number of threads and any settings in its environment; what computes is a process with
the settings of the command's. It also ends when the worker does, or when the command has gone.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .. import channel, stopping
from ..data import download
from ..processes import module_command
from .process import POLL, Child, Unwanted

# Environment variables that decide about numbers, speed and messages: the command's hold, not the worker's.
GOVERNED = re.compile(
    r"(OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|VECLIB|NUMEXPR|MXNET|DNNL|ONEDNN|MALLOC|D2L_REPRO|DMLC)_"
)
REPORTS = 0.2  # seconds between two reports of a chapter's progress
NO_VERSIONS = {"processor", "problem"}  # what `child.describe` says beside versions
PREFIX = "d2l_repro-"  # of the names of temporary folders
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
        return hashlib.sha256(repr(self).encode()).hexdigest()


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


def prepare(terms: Terms) -> dict[str, Any]:
    """Return what this worker is like.

    Returns:
        The items of `child.describe`, `differing`: names of what has other versions here, and `missing`:
        names of the data files that are not here.

    Raises:
        ChildDied: no process can be started here.
    """
    child = Child(_environment(terms, ""), "")
    try:
        _, answer = child.ask("describe")
    finally:
        child.end()
    found, wanted = pickle.loads(answer), dict(terms.versions)
    names = sorted({*found, *wanted} - NO_VERSIONS)
    differing = [name for name in names if found.get(name) != wanted.get(name)]
    if not differing and not found["problem"]:
        _fitting.add(terms.versions)
    missing = [name for name, path in _paths(terms).items() if not path]
    return {**found, "differing": differing, "missing": missing}


def _check(terms: Terms) -> None:
    """Raise Unfit if this worker, which may have joined after the others were asked, has other versions."""
    if terms.versions not in _fitting:
        report = prepare(terms)
        if terms.versions not in _fitting:
            raise Unfit(report["problem"] or ", ".join(report["differing"]))


def _paths(terms: Terms) -> dict[str, Path | None]:
    """Return name -> path of each data file on this machine, None if it is not here with the same content."""
    return {
        name: next((place for place in _places(name, path) if _digest(place) == digest), None)
        for name, path, digest in terms.files
    }


def _places(name: str, path: str) -> Iterator[Path]:
    yield Path(path)  # on the same machine, or in a shared file system
    with suppress(ValueError):  # a folder that is set does not exist
        found = download.find(name)
        if found:
            yield found


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


_folders: dict[str, str] = {}  # key of terms -> folder with their data files


def _data_folder(terms: Terms, contents: Sequence[bytes]) -> str:
    """Return a folder with the data files of the terms: links to those that are here, and those sent.

    Raises:
        Unfit: a file is neither here nor was it sent, or this worker has other versions.
    """
    _check(terms)
    with _lock:
        if terms.key not in _folders:
            paths = _paths(terms)
            sent = {hashlib.sha256(content).hexdigest(): content for content in contents}
            missing = [name for name, _, digest in terms.files if not paths[name] and digest not in sent]
            if missing:
                raise Unfit(missing[0])
            folder = tempfile.mkdtemp(prefix=PREFIX)
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            for name, _, digest in terms.files:
                target, here = Path(folder, name), paths[name]
                target.parent.mkdir(exist_ok=True)
                if here:
                    target.symlink_to(here.resolve())
                else:
                    target.write_bytes(sent[digest])
            _folders[terms.key] = folder
        return _folders[terms.key]


def call(terms: Terms, request: bytes, key: str, common: Any, *contents: bytes) -> tuple[bool, bytes]:
    """Call a function in a process of its own.

    Args:
        terms: of the command.
        request: pickled function and arguments.
        key: of the arguments that precede them and are the same in all calls; empty if there are none.
        common: these, pickled.
        contents: of the data files that were sent.

    Returns:
        Whether it succeeded and, pickled, what it returned or raised.

    Raises:
        ChildDied, Unfit, Unwanted: as their names say.
    """
    folder = _data_folder(terms, contents)
    is_wanted = _task()[1]
    with _child(terms, folder) as child:
        if key and key not in child.kept:
            child.ask("keep", key, common)
            child.kept.add(key)
        return child.ask("call", key, request, is_wanted=is_wanted)


def _task() -> tuple[Any, Callable[[], bool]]:
    """Return the worker, and a function that says whether the command still wants the current task."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return worker, is_wanted


def run_chapter(
    terms: Terms, identifier: str, topic: str, chapter: str, argv: Sequence[str], *contents: bytes
) -> tuple[int, str, str, dict[str, bytes]]:
    """Run a chapter in a folder of its own, and report its progress.

    Args:
        terms: of the command.
        identifier: of the run, for `pass_on` and the reports.
        topic: of the events that report the progress: (identifier, line as `channel.report` prints it).
        chapter: its name.
        argv: its flags, all but --out.
        contents: of the data files that were sent.

    Returns:
        Exit code, what it printed to stdout and to stderr, and name -> content of the files it has written.
    """
    folder = _data_folder(terms, contents)
    worker, is_wanted = _task()
    environment = {**_environment(terms, folder), channel.VARIABLE: "1"}
    with tempfile.TemporaryDirectory(prefix=PREFIX) as place, tempfile.TemporaryFile("w+") as errors:
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
            env=environment,
        ) as process:
            _running[identifier] = process
            lines: list[str] = []
            report = partial(worker.log_event, topic)
            reader = threading.Thread(target=_read, args=(process, lines, identifier, report), daemon=True)
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


def _read(process: Any, lines: list[str], identifier: str, report: Callable[[Any], None]) -> None:
    last = 0.0
    for line in process.stdout:
        if channel.read(line) is None:
            lines.append(line)
        elif time.monotonic() - last > REPORTS:
            last = time.monotonic()
            report((identifier, line))


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
