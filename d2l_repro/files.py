"""Writing results so that nothing is ever half-written."""

import os
import tempfile
from pathlib import Path

from .errors import InputError


def writable_folder(folder, flag="--out"):
    """Make `folder` if it is not there, and see that it can be written to before any work is done for it.

    Raises:
        InputError: it cannot be made or written to.
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


def write_atomically(path, content):
    """Write text or bytes to a temporary file beside `path` and rename it: readers see the old or the new,
    whole.

    Raises:
        InputError: it cannot be written; what was there before still is.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content)
                file.close()
                # Temporary files are made for their owner only; a result has the rights of any other new
                # file.
                os.chmod(file.name, 0o666 & ~_umask())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); make room or name another"
        ) from error


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
