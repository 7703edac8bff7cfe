"""Notice when a learner saves a file, and have a process ready that checks it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from .progress import Progress
from .sandbox import Checker

POLL = 0.2  # seconds between two looks at the files


def watch(folder: Path, files: Mapping[Path, str] | None = None) -> Iterator[tuple[str, Path, Checker]]:
    """Yield each exercise whose file is saved, with a process that has imported MXNet; it never ends.

    Args:
        folder: whose exercises to watch, also those that are started later.
        files: those to watch instead, file -> exercise.
    """
    seen = _times(_files(folder, files))
    while True:
        with Checker() as checker:
            saved: list[Path] = []
            while not saved:
                time.sleep(POLL)
                times = _times(_files(folder, files))
                saved = [path for path in times if path in seen and times[path] != seen[path]]
                seen = {**times, **{path: seen[path] for path in saved}}
            path = saved[0]
            seen[path] = times[path]
            yield _files(folder, files)[path], path, checker


def _files(folder: Path, files: Mapping[Path, str] | None) -> Mapping[Path, str]:
    if files is not None:
        return files
    progress = Progress(folder)
    return {progress.file_of(name): name for name in progress.started()}


def _times(files: Mapping[Path, str]) -> dict[Path, tuple[int, int]]:
    """Return when each file was saved, and its size."""
    times = {}
    for path in files:
        with suppress(OSError):  # some editors remove a file before they write it anew
            status = path.stat()
            times[path] = (status.st_mtime_ns, status.st_size)
    return times
