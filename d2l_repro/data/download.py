"""Find published data files, or download and verify them."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
import textwrap
import time
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import ModuleType

from ..errors import InputError
from ..files import write_atomically
from ..language import listed, mark, tr

ENVIRONMENT = "D2L_REPRO_DATA"
# Environment variable of processes on a cluster: all files that the command has found are in that folder.
COMPLETE = "D2L_REPRO_DATA_COMPLETE"
MAX_FILE = 2**26  # bytes; the largest published file has 31 MB
STALE = 600  # seconds after which a temporary file cannot belong to a download that still runs
# Files of data sets whose name is not that of a folder in the registry.
FILES_OF = {"fr_en": ["misc/fr-en-small.txt"], "time_machine": ["misc/timemachine.txt"]}
# Files that users may have instead of those in the registry.
USERS_NAMES = {
    "kaggle_house": ("kaggle_house/train.csv", "kaggle_house/test.csv"),
    "cifar10": ("cifar10/test_batch.bin",),
}
REPLACE = mark("replace it with the published file")
KINDS = {  # what can stand where a file should be
    stat.S_IFDIR: mark("a folder"),
    stat.S_IFIFO: mark("a pipe"),
    stat.S_IFSOCK: mark("a socket"),
    stat.S_IFCHR: mark("a device"),
    stat.S_IFBLK: mark("a device"),
}


class DataUnavailable(InputError):
    """Raised when a published file is neither on this machine nor can be downloaded.

    If the user has named a folder for the data, an InputError that is none of these is raised instead, so
    that stand-in data never replace what that folder lacks.

    Attributes:
        cause (str): Why it is not available, and where it was looked for.
    """

    cause: str = ""


@lru_cache
def registry() -> dict[str, tuple[str, list[str]]]:
    """Return name -> (checksum, mirrors) of the published files that registry.txt lists."""
    text = resources.files(__package__).joinpath("registry.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: (checksum, mirrors) for name, checksum, *mirrors in rows}


def data_sets() -> dict[str, list[str]]:
    """Return data set -> names of its files in the registry."""
    files: dict[str, list[str]] = {}
    for name in registry():
        files.setdefault(name.split("/")[0], []).append(name)
    return files


def files_of(dataset: str, data_dir: str | Path | None = None) -> dict[str, Path]:
    """Return name -> path of the files that loading a data set would read; download those that are missing.

    Args:
        dataset: its name; one that is embedded or drawn has no files.
        data_dir: folder to search first.

    Raises:
        InputError: as for `fetch`, except that files that cannot be had are left out: stand-in data take
            their place.
    """
    names = FILES_OF.get(dataset) or data_sets().get(dataset, [])
    own = {name: find(name, data_dir) for name in USERS_NAMES.get(dataset, ())}
    found = {name: path for name, path in own.items() if path}
    with suppress(DataUnavailable):
        if dataset != "kaggle_house" or len(found) < len(own):
            found.update({name: fetch(name, data_dir) for name in names})
    return found


def cache_dir() -> Path:
    """Return the folder for downloads, in the user's cache."""
    return Path(_pooch().os_cache("d2l_repro"))


def _pooch() -> ModuleType:
    """Import pooch where it is needed: it takes longer than all that `d2l-repro --help` imports besides."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # In Jupyter without ipywidgets, its progress bars say that they are drawn as text: ours are anyway.
        warnings.simplefilter("ignore", TqdmWarning)
        import pooch
    return pooch


def data_dirs(data_dir: str | Path | None = None) -> list[Path]:
    """Return the user's own data folders in search order: `data_dir`, then $D2L_REPRO_DATA.

    Raises:
        InputError: one of them is set but does not exist.
    """
    candidates = {"--data-dir": data_dir, ENVIRONMENT: os.environ.get(ENVIRONMENT)}
    folders = []
    for origin, folder in candidates.items():
        if folder:
            if not Path(folder).is_dir():
                raise InputError(tr("{flag}: no such folder: {folder}", flag=origin, folder=folder))
            folders.append(Path(folder))
    return folders


def find(name: str, data_dir: str | Path | None = None) -> Path | None:
    """Return the path of a published file in the user's folders or the cache, or None; never download it.

    Args:
        name: `folder/file`, as in registry.txt.
        data_dir: folder to search first.

    Raises:
        InputError: a folder that the user has set does not exist, or something else stands in the file's
            place.
    """
    return _first_with([*data_dirs(data_dir), *_readable_cache()], name)


def _readable_cache() -> list[Path]:
    """Return the cache, or nothing if it does not exist or may not be searched."""
    return [cache_dir()] if not os.environ.get(COMPLETE) and os.access(cache_dir(), os.X_OK) else []


def _first_with(folders: Iterable[Path], name: str) -> Path | None:
    return next((folder / name for folder in folders if is_file(folder / name)), None)


def is_file(path: str | Path) -> bool:
    """Return whether there is a file; False if there is nothing.

    Raises:
        InputError: something else is there (a folder, a pipe, a link to nothing), or its folder may not be
            searched.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(path):
            raise file_error(path, tr("is a link to a file that does not exist")) from None
        return False
    except OSError as error:
        raise InputError(
            tr(
                "{path}: cannot be read ({error}); correct its permissions or name another folder",
                path=path,
                error=error.strerror,
            )
        ) from error
    if kind != stat.S_IFREG:
        what = tr(KINDS.get(kind, mark("something else")))
        raise file_error(path, tr("is {what}, not a file", what=what))
    return True


def read(path: str | Path, max_size: int = MAX_FILE) -> bytes:
    """Return the content of a data file, read once: what is parsed is what `published_name` is asked about.

    Args:
        path: the file.
        max_size: bytes that it may have.

    Raises:
        InputError: the file is not there, is no regular file, is too large or cannot be read.
    """
    if not is_file(path):
        raise InputError(tr("{path}: no such file; put the published file there", path=path))
    content = _read_first(path, max_size + 1)
    if len(content) > max_size:
        raise file_error(path, tr("is larger than {size} bytes", size=f"{max_size:,}"))
    return content


def _read_first(path: str | Path, size: int) -> bytes:
    """Return the first `size` bytes of a file, or all if it has fewer."""
    try:
        with open(path, "rb") as file:
            # `read` allocates what it is asked for.
            return file.read(min(size, os.fstat(file.fileno()).st_size + 1))
    except OSError as error:
        raise file_error(path, tr("cannot be read ({error})", error=error.strerror)) from error


def file_error(path: object, problem: str) -> InputError:
    """Return the error of a file that is not as it was published, with the remedy.

    Args:
        path: of the file, and perhaps the line.
        problem: what is wrong with it, "is empty".
    """
    return InputError(tr("{path}: {problem}; {remedy}", path=path, problem=problem, remedy=tr(REPLACE)))


def place_of(path: object, number: int) -> str:
    """Return how messages name a line of a file."""
    return tr("{path}, line {number}", path=path, number=number)


def line_error(place: str, problem: str) -> InputError:
    """Return the error of a line, named by `place_of`, that is not as it was published, with the remedy."""
    return InputError(
        tr("{place}: {problem}; replace the file with the published one", place=place, problem=problem)
    )


def fetch(name: str, data_dir: str | Path | None = None, also: str = "") -> Path:
    """Return the path of a published file in the user's folders or in the cache; download it if necessary.

    Args:
        name: `folder/file`, as in registry.txt.
        data_dir: folder to search first.
        also: where else the caller has looked, for the message.

    Raises:
        DataUnavailable: the file was not found and could not be downloaded; the message names the folders.
        InputError: a folder that the user has set does not exist; `data_dir` is set, but the file is neither
            there nor anywhere else; something else stands in the file's place; or the file in the cache is
            not the published one, and cannot be downloaded again.
    """
    path = _first_with(data_dirs(data_dir), name)
    if path:
        return path
    cached = _first_with(_readable_cache(), name)
    if cached and is_published(cached, name):
        return cached
    try:
        return _download(name)
    except (OSError, ValueError) as error:
        if cached:
            raise InputError(
                tr(
                    "{path}: is not the published file, and the download failed ({error}); put the published "
                    "file there, or connect to the internet",
                    path=cached,
                    error=shorten(error),
                )
            ) from error
        cause = tr(
            "{name}: not found in {folders}{also}, and the download failed ({error})",
            name=name,
            folders=listed([*data_dirs(data_dir), cache_dir()]),
            also=also,
            error=shorten(error),
        )
        if data_dir:
            raise InputError(
                tr(
                    "{where}; put the published file there, connect to the internet, or leave out --data-dir",
                    where=cause,
                )
            ) from error
        unavailable = DataUnavailable(
            tr(
                "{where}; put the published file there, connect to the internet, or use --dataset auto",
                where=cause,
            )
        )
        unavailable.cause = cause
        raise unavailable from error


def is_published(path: str | Path, name: str, size: int | None = None) -> bool:
    """Return whether a file, or its first `size` bytes, is the published one byte for byte.

    Args:
        path: the file.
        name: name of the published file in registry.txt.
        size: bytes to compare; all by default.

    Raises:
        InputError: the file cannot be read.
    """
    checksum, _ = registry()[name]
    # No published file is larger, so with one byte more a larger file is none of them.
    return _matches(_read_first(path, MAX_FILE + 1 if size is None else size), checksum)


def published_name(content: bytes | memoryview) -> str | None:
    """Return the name in registry.txt of the published file with this content, or None if there is none."""
    digests: dict[str, str] = {}
    for name, (checksum, _) in registry().items():
        algorithm, digest = _algorithm(checksum)
        if algorithm not in digests:
            digests[algorithm] = hashlib.new(algorithm, content).hexdigest()
        if digests[algorithm] == digest:
            return name
    return None


def _algorithm(checksum: str) -> tuple[str, str]:
    """Split a checksum of the form "HEX" (sha256) or "ALGORITHM:HEX" into algorithm and digest."""
    algorithm, _, digest = checksum.rpartition(":")
    return algorithm or "sha256", digest


def _matches(content: bytes, checksum: str) -> bool:
    algorithm, digest = _algorithm(checksum)
    return hashlib.new(algorithm, content).hexdigest() == digest


def _download(name: str) -> Path:
    """Download a file to the cache, from the first mirror that provides it, and return its path.

    Raises:
        OSError, ValueError: no mirror provides the right file; the error is that of the last one.
    """
    if os.environ.get(COMPLETE):
        raise ValueError("the command that asked for it did not have it either")
    _, mirrors = registry()[name]
    _pooch().get_logger().setLevel("WARNING")
    for mirror in mirrors:
        try:
            return _download_from(mirror, name)
        except (OSError, ValueError) as error:
            failure = error
    raise failure


def _download_from(mirror: str, name: str) -> Path:
    from .transfer import receive

    checksum, _ = registry()[name]
    target = cache_dir() / name
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale_files(cache_dir(), target.parent)
    url, is_member, _ = mirror.partition("!")
    if is_member:
        _download_archive(url)
        return target
    return Path(_pooch().retrieve(url, checksum, target.name, target.parent, downloader=receive))


def _remove_stale_files(*folders: Path) -> None:
    """Remove temporary files that downloads left when they were killed.

    Other processes may be downloading to the same folders, but those write to their files all the time.
    """
    for folder in folders:
        for path in [*folder.glob("tmp*"), *folder.glob(".*.*")]:
            with suppress(OSError):  # another process may be removing it too
                if path.is_file() and time.time() - path.stat().st_mtime > STALE:
                    path.unlink()


def _download_archive(url: str) -> None:
    """Download an archive, extract all files that the registry lists to the cache, and delete the archive.

    Raises:
        ValueError: it is not the published archive, or one of the files is not the published one.
    """
    from .transfer import receive

    descriptor, path = tempfile.mkstemp(dir=cache_dir())  # "tmp...", which `_remove_stale_files` knows
    os.close(descriptor)
    try:
        receive(url, path)
        _extract_all(path, url)
    # What these libraries raise for damaged archives.
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{url} is not the published archive ({error})") from error
    finally:
        os.unlink(path)


def _extract_all(path: str, url: str) -> None:
    """Write the files that the registry lists for an archive to the cache."""
    from .transfer import LimitedGzip

    wanted = {member: (name, size) for name, member, size in _members(url)}
    with LimitedGzip(path) as content, tarfile.open(fileobj=content, mode="r|") as archive:
        for member in archive:
            if member.name in wanted:
                _extract(archive, member, url, *wanted.pop(member.name))
            if not wanted:
                return
    raise ValueError(f"{url} is not the published archive ({', '.join(wanted)} is missing)")


def _members(url: str) -> Iterator[tuple[str, str, int]]:
    """Yield the files that the registry lists for an archive.

    Yields:
        name in the registry, path in the archive, and the number of bytes to read from it.
    """
    for name, (_, mirrors) in registry().items():
        for mirror in mirrors:
            archive, _, member = mirror.partition("!")
            if archive == url:
                member, _, size = member.partition("!")
                yield name, member, int(size or MAX_FILE)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, url: str, name: str, size: int) -> None:
    """Write the first `size` bytes of a file in an archive to the cache, if they are the published ones."""
    file = archive.extractfile(member) if member.isreg() else None
    if file is None:
        raise ValueError(f"{member.name} in {url} is not a regular file")
    content = file.read(size)
    checksum, _ = registry()[name]
    if not _matches(content, checksum):
        raise ValueError(f"{member.name} in {url} is not the published file")
    target = cache_dir() / name
    target.parent.mkdir(exist_ok=True)
    write_atomically(target, content)


def shorten(error: Exception) -> str:
    """Return an error's message as one short line."""
    return textwrap.shorten(str(error), 160, placeholder=" ...")
