"""Write results so that no file is ever half-written."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Optional, Union

from .errors import InputError

Paths = Mapping[str, Optional[Union[str, Path]]]  # flag -> path, None if the flag is not given


def writable_folder(folder: str | Path, flag: str = "--out") -> Path:
    """Create `folder` if necessary, and check that files can be written to it before any work is done.

    Args:
        folder: to create.
        flag: the flag that named it, for the error message.

    Returns:
        `folder` as a Path.

    Raises:
        InputError: the folder cannot be created or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{flag}: cannot write to {folder} ({error.strerror}); name another folder"
        ) from error
    return folder


def check_outputs(outputs: Paths, inputs: Paths) -> None:
    """Check, before any work is done, that no output would overwrite an input or another output.

    Files are the same if they are so through links, too. Devices such as /dev/null may occur several times.

    Args:
        outputs: flag -> file to write; None is skipped, as everywhere here.
        inputs: flag -> file to read.

    Raises:
        InputError: two flags name the same file.
    """
    named = [(flag, Path(path)) for flag, path in [*outputs.items(), *inputs.items()] if path is not None]
    num_outputs = sum(path is not None for path in outputs.values())
    for i, (flag, path) in enumerate(named[:num_outputs]):
        for other, taken in named[i + 1 :]:
            if _are_same(path, taken):
                raise InputError(f"{flag} and {other} are the same file, {path}; name another for {flag}")


def _are_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(path, other) and not stat.S_ISCHR(path.stat().st_mode)
    return os.path.realpath(path) == os.path.realpath(other)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write a file via a temporary file beside it, so that readers see either the old or the new content.

    Raises:
        InputError: the file cannot be written; its old content is left as it was.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content)
                file.close()
                # Temporary files can be read by their owner only; give this one a new file's usual mode.
                os.chmod(file.name, 0o666 & ~_umask())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another path"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
