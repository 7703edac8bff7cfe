"""Write results so that no file is ever half-written, and none is overwritten by mistake."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, Optional, Union, cast

from .errors import InputError
from .language import tr

Paths = Mapping[str, Optional[Union[str, Path]]]  # flag -> path, None if the flag is not given
TEMPORARY, SUFFIX = ".d2l_repro-", ".tmp"  # how the names of temporary files begin and end
OPEN_FILES = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")  # this process's, by path
LOCK = ".d2l_repro.lock"  # file in a folder that a command writes results to


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
            tr(
                "{flag}: cannot write to {folder} ({error}); name another folder",
                flag=flag,
                folder=folder,
                error=error.strerror,
            )
        ) from error
    return folder


def check_outputs(outputs: Paths, inputs: Paths) -> None:
    """Check, before any work is done, that the outputs can be written and overwrite no input nor each other.

    Folders of outputs are created. Files are the same if they are so through links, too. Devices such as
    /dev/null may occur several times.

    Args:
        outputs: flag -> file to write; None is skipped, as everywhere here.
        inputs: flag -> file to read.

    Raises:
        InputError: two flags name the same file, or an output cannot be written.
    """
    named = [(flag, Path(path)) for flag, path in [*outputs.items(), *inputs.items()] if path is not None]
    num_outputs = sum(path is not None for path in outputs.values())
    for i, (flag, path) in enumerate(named[:num_outputs]):
        for other, taken in named[i + 1 :]:
            if _are_same(path, taken):
                raise InputError(
                    tr(
                        "{flag} and {other} are the same file, {path}; name another for {flag}",
                        flag=flag,
                        other=other,
                        path=path,
                    )
                )
        if path.is_dir():
            raise InputError(tr("{flag}: {path} is a folder; name a file in it", flag=flag, path=path))
        if not is_special(path):
            writable_folder(Path(os.path.realpath(path)).parent, flag)


def _are_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samefile(path, other) and not stat.S_ISCHR(path.stat().st_mode)
    return os.path.realpath(path) == os.path.realpath(other)


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write a file via a temporary file beside it, so that readers see either the old or the new content.

    A link stays, and the file that it leads to is replaced; that file keeps its mode. A device or a pipe is
    written to.

    Raises:
        InputError: the file cannot be written; its old content is left as it was.
    """
    content = content.encode() if isinstance(content, str) else content
    try:
        if is_special(path):
            # To append, as /dev/stdout may be a file that others write to as well.
            with open(path, "ab", opener=_open_at_once) as device:
                os.set_blocking(device.fileno(), True)
                device.write(content)
        else:
            with replacing(path) as file:
                file.write(content)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise InputError(
            tr(
                "{path}: cannot be written ({error}); free some space or choose another path",
                path=path,
                error=getattr(error, "strerror", None) or error,
            )
        ) from error


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces `path` at the end of the context, or vanishes after an error.

    Raises:
        OSError: the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=TEMPORARY, suffix=SUFFIX, delete=False
    ) as file:
        try:
            _lock(file.fileno())  # tells `sweep` that somebody is still writing
            yield cast(BinaryIO, file)
            file.flush()
            # Temporary files can be read by their owner only.
            os.chmod(file.name, _mode(target))
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes have left in a folder and those directly below it."""
    for path in [*folder.glob(f"{TEMPORARY}*{SUFFIX}"), *folder.glob(f"*/{TEMPORARY}*{SUFFIX}")]:
        with suppress(OSError), open(path, "rb") as file:
            # A file that has only just been created may not be locked yet.
            if time.time() - os.fstat(file.fileno()).st_mtime > 1 and _lock(file.fileno()):
                path.unlink()


@contextmanager
def locked_folder(folder: str | Path, flag: str = "--out", wait: float = 0) -> Iterator[Path]:
    """Create `folder` if necessary, and keep other commands from writing to it until the context ends.

    The lock vanishes with its process, however that ends. What killed processes have left is removed.

    Args:
        folder: to write results to.
        flag: the flag that named it, for the error message.
        wait: seconds to wait for another command.

    Yields:
        `folder` as a Path.

    Raises:
        InputError: another command writes to the folder, or it cannot be created or written to.
    """
    folder = writable_folder(folder, flag)
    path = folder / LOCK
    deadline = time.monotonic() + wait
    try:
        while (file := _open_locked(path)) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if file is None:
            raise InputError(
                tr(
                    "{flag}: {folder} is being written to by another command{owner}; wait for that, or name "
                    "another folder",
                    flag=flag,
                    folder=folder,
                    owner=_owner(path),
                )
            )
    except OSError as error:
        raise InputError(
            tr(
                "{flag}: cannot lock {folder} ({error}); name another folder",
                flag=flag,
                folder=folder,
                error=error.strerror,
            )
        ) from error
    with file:
        sweep(folder)
        try:
            yield folder
        finally:
            with suppress(OSError):
                path.unlink()


def _open_locked(path: Path) -> IO[str] | None:
    """Return the locked file, or None if another process has locked it."""
    while True:
        with ExitStack() as stack:
            file = stack.enter_context(open(path, "a", encoding="utf-8", opener=_open_at_once))
            if not _lock(file.fileno()):
                return None
            # The owner may have removed it at its end, after we had opened it.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    file.truncate(0)
                    stack.callback(path.unlink)  # if even this number does not fit on the disk
                    print(os.getpid(), file=file, flush=True)
                    stack.pop_all()
                    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody reads is an error, not something to wait for."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def _owner(path: Path) -> str:
    with suppress(OSError, ValueError):
        return tr(" (process {number})", number=int(path.read_text(encoding="utf-8")))
    return ""


def _lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


def is_special(path: str | Path) -> bool:
    """Return whether a path is a device, a pipe, or one of this process's open files, such as /dev/stdout."""
    with suppress(OSError):
        mode = os.stat(path).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or os.path.abspath(path).startswith(OPEN_FILES)
    return False


def _mode(path: Path) -> int:
    """Return the mode of a file, or that of any new one."""
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
