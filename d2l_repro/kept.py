"""Keep results one by one in a file, so that an interrupted command resumes with those that are finished."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import write_atomically
from .language import listed, tr

log = logging.getLogger(__name__)


class Kept:
    """Results in a file of JSON lines: the first says what they belong to, each other one holds a result.

    Each line is written at once, so a killed command loses no finished result; a line that was cut off is
    ignored.

    Args:
        path: of the file; None keeps nothing.
        identity: what the results depend on, as JSON values.
        resume: whether to begin with the results in the file, if there is one. Else it is begun anew, and one
            with results is renamed, as they may have taken hours.

    Raises:
        InputError: the file belongs to something else, or cannot be read or written.
    """

    def __init__(self, path: Path | None, identity: dict[str, Any], resume: bool = False):
        self.path = path
        self.results: dict[str, Any] = {}
        if path is None:
            return
        try:
            lines = list(_parsed(path.read_bytes())) if path.is_file() else []
            if resume and path.is_file():
                _check(path, lines[:1], json.loads(json.dumps(identity)))
                self.results = dict(lines[1:])
            elif lines[1:]:
                _set_aside(path, len(lines) - 1)
        except OSError as error:
            raise _unusable(path, error) from error
        # without what was cut off
        write_atomically(path, b"".join(_line(value) for value in (identity, *self.results.items())))

    def add(self, key: str, value: Any) -> None:
        """Keep a result, a JSON value, under its key."""
        self.results[key] = value
        if self.path is not None:
            try:
                with open(self.path, "ab") as file:
                    file.write(_line((key, value)))
            except OSError as error:
                raise _unusable(self.path, error) from error


def _set_aside(path: Path, count: int) -> None:
    """Rename a file with results."""
    ends = itertools.chain(["earlier"], (f"earlier{number}" for number in itertools.count(2)))
    names = (path.with_name(f"{path.stem}.{end}{path.suffix}") for end in ends)
    other = next(name for name in names if not name.exists())
    path.replace(other)
    log.warning(
        tr(
            "{path}: begun anew; the {count} results that were there are in {other}; to go on with them, "
            "give it its old name and repeat the command with --resume",
            path=path,
            count=count,
            other=other.name,
        )
    )


def _line(value: Any) -> bytes:
    return json.dumps(value, default=lambda number: number.item()).encode() + b"\n"  # of NumPy


def _parsed(content: bytes) -> Iterator[Any]:
    """Yield the values of all whole lines up to the first that is damaged."""
    for i, line in enumerate(content.split(b"\n")[:-1]):
        try:
            value = json.loads(line)
            if i and not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)):
                return
        except ValueError:
            return
        yield value


def _check(path: Path, first: list[Any], ours: dict[str, Any]) -> None:
    theirs = first[0] if first and isinstance(first[0], dict) else {}
    different = [name for name in ours if ours[name] != theirs.get(name)]
    if different:
        raise InputError(
            tr(
                "{path}: was written with other settings ({names}); leave --resume out, or name another "
                "--out",
                path=path,
                names=listed(different),
            )
        )


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(
        tr(
            "{path}: cannot be written ({error}); free some space or choose another path",
            path=path,
            error=error.strerror or error,
        )
    )
