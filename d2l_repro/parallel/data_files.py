"""The data files of a worker: those that it has, and those that commands send to it."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ..data import download

PREFIX = "d2l_repro-"  # of the names of temporary folders
received: dict[str, Path] = {}  # digest -> file that a command has sent


class Unable(Exception):
    """Raised where the system refuses what a task needs, as a full disk does.

    Its arguments are the worker's address and what is wrong there.
    """


def digest_of(content: bytes) -> str:
    """Return the sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def paths_of(files: Sequence[tuple[str, str, str]]) -> dict[str, Path | None]:
    """Return name -> path of each data file on this machine, None if it is not here with the same content.

    Args:
        files: as in `worker.Terms`.
    """
    return {
        name: next((place for place in _places(name, path, digest) if _digest(place) == digest), None)
        for name, path, digest in files
    }


def _places(name: str, path: str, digest: str) -> Iterator[Path]:
    yield Path(path)  # on the same machine, or in a shared file system
    if digest in received:
        yield received[digest]
    with suppress(ValueError):  # a folder that is set does not exist
        found = download.find(name)
        if found:
            yield found


def _digest(path: Path) -> str:
    try:
        return digest_of(path.read_bytes())
    except OSError:
        return ""


def keep(content: bytes) -> str:
    """Write a file that a command sends to this worker; return why it cannot be written, or nothing."""
    try:
        path = Path(temporary_folder(), digest_of(content))
        path.write_bytes(content)
    except OSError as error:
        return str(error)
    received[path.name] = path
    return ""


def temporary_folder() -> str:
    """Create a folder that is deleted when this worker ends."""
    folder = tempfile.mkdtemp(prefix=PREFIX)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
