"""The process in which a worker calls functions: one like those that commands start themselves."""

from __future__ import annotations

import hashlib
import pickle
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cloudpickle

from .. import installation
from ..results.environment import processor, versions_in_workers

IDLE = 60.0  # seconds without work after which the process ends
PACKAGES = ("chapters", "d2l_repro", "kaggle_house")  # whose sources must be the same everywhere


def serve(descriptor: int, main: str) -> None:
    """Answer what comes through a pipe, until that is closed or nothing has come for a minute.

    A request is a tuple: ("describe",); ("keep", key, pickle) with an object that later calls use; ("call",
    key, pickle) with a function and its arguments, which follow those kept under the key. The answer is
    whether the call succeeded and, pickled, what it returned or raised.

    Args:
        descriptor: of this end of the pipe.
        main: name of the module that the command runs; empty if it is none of a chapter.
    """
    pipe = Connection(descriptor)
    kept: dict[str, tuple] = {}
    if main:
        import_module(main)  # before MXNet: its first line may decide about threads and memory
    while pipe.poll(IDLE):
        try:
            request, *content = pipe.recv()
        except EOFError:
            return
        try:
            if request == "describe":
                answer: Any = describe()
            elif request == "keep":
                answer = kept[content[0]] = pickle.loads(content[1])
                answer = None
            else:
                function, arguments = pickle.loads(content[1])
                answer = function(*kept.get(content[0], ()), *arguments)
            reply = True, cloudpickle.dumps(answer)
        except Exception as error:
            reply = False, _pickled(error)
        pipe.send(reply)


def _pickled(error: Exception) -> bytes:
    """Return an error as a pickle that can be loaded; of some, only the text can."""
    try:
        content = cloudpickle.dumps(error)
        pickle.loads(content)
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return content


def describe() -> dict[str, str]:
    """Return what decides about the digits of a result, and whether anything can be computed at all.

    Returns:
        `python`, `sources` (digest of this project's files), the version of each package that can change a
        digit, `processor`, and `problem`: what is missing and how to get it, or empty.
    """
    try:
        installation.check_packages()
        problem = ""
    except ImportError as error:
        problem = str(error)
    return {
        **versions_in_workers(),
        "sources": sources(),
        "processor": processor(),
        "problem": problem,
    }


@cache
def sources() -> str:
    """Return a digest of this project's Python files."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
            for path in sorted(folder.rglob("*.py")):
                digest.update(f"{package}/{path.relative_to(folder)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
