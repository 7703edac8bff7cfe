"""Find published data files, or download and verify them."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import tempfile
import textwrap
import warnings
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path

import requests
from tqdm import TqdmWarning

from ..errors import InputError
from ..files import write_atomically

with warnings.catch_warnings():
    # In Jupyter without ipywidgets, its progress bars say that they are drawn as text: ours are anyway.
    warnings.simplefilter("ignore", TqdmWarning)
    import pooch

ENVIRONMENT = "D2L_REPRO_DATA"
TIMEOUT = (5, 30)  # seconds to wait for a connection, and for the next bytes


class DataUnavailable(InputError):
    """Raised when a published file is neither on this machine nor can be downloaded."""


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


def cache_dir() -> Path:
    """Return the folder for downloads, in the user's cache."""
    return Path(pooch.os_cache("d2l_repro"))


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
                raise InputError(f"{origin}: no such folder: {folder}")
            folders.append(Path(folder))
    return folders


def find(name: str, data_dir: str | Path | None = None) -> Path | None:
    """Return the path of a published file in the user's folders or the cache, or None; never download it.

    Args:
        name: `folder/file`, as in registry.txt.
        data_dir: folder to search first.
    """
    return _first_with([*data_dirs(data_dir), cache_dir()], name)


def _first_with(folders: Iterable[Path], name: str) -> Path | None:
    # Unlike Path.is_file, isfile returns False for a file in a folder that may not be searched.
    return next((folder / name for folder in folders if os.path.isfile(folder / name)), None)


def fetch(name: str, data_dir: str | Path | None = None) -> Path:
    """Return the path of a published file in the user's folders or in the cache; download it if necessary.

    Args:
        name: `folder/file`, as in registry.txt.
        data_dir: folder to search first.

    Raises:
        DataUnavailable: the file was not found and could not be downloaded; the message names the folders.
        InputError: a folder that the user has set does not exist.
    """
    path = _first_with(data_dirs(data_dir), name)
    if path:
        return path
    folders = ", ".join(str(folder) for folder in [*data_dirs(data_dir), cache_dir()])
    try:
        return _download(name)
    except (OSError, ValueError) as error:
        raise DataUnavailable(
            f"{name}: not found in {folders}, and the download failed ({_shorten(error)}); "
            f"put the published file there, connect to the internet, or use --dataset auto"
        ) from error


def is_published(path: str | Path, name: str, size: int | None = None) -> bool:
    """Return whether a file, or its first `size` bytes, is the published one byte for byte.

    Args:
        path: the file.
        name: name of the published file in registry.txt.
        size: bytes to compare; all by default.
    """
    checksum, _ = registry()[name]
    with open(path, "rb") as file:
        return _matches(file.read(-1 if size is None else size), checksum)


def _matches(content: bytes, checksum: str) -> bool:
    """Compare with a checksum of the form "HEX" (sha256) or "ALGORITHM:HEX"."""
    algorithm, _, digest = checksum.rpartition(":")
    return hashlib.new(algorithm or "sha256", content).hexdigest() == digest


def _download(name: str) -> Path:
    """Return the path of a file in the cache, downloaded from the first mirror that provides it if necessary.

    Raises:
        OSError, ValueError: no mirror provides the right file; the error is that of the last one.
    """
    _, mirrors = registry()[name]
    pooch.get_logger().setLevel("WARNING")
    for mirror in mirrors:
        try:
            return _download_from(mirror, name)
        except (requests.RequestException, OSError, ValueError) as error:
            failure = error
    raise failure


def _download_from(mirror: str, name: str) -> Path:
    checksum, _ = registry()[name]
    target = cache_dir() / name
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty())
    url, is_member, _ = mirror.partition("!")
    if is_member:
        if not (target.is_file() and is_published(target, name)):
            _download_archive(url, downloader)
        return target
    return Path(pooch.retrieve(url, checksum, target.name, target.parent, downloader=downloader))


def _download_archive(url: str, downloader: pooch.HTTPDownloader) -> None:
    """Download an archive, extract all files that the registry lists to the cache, and delete the archive.

    Raises:
        ValueError: it is not the published archive, or one of the files is not the published one.
    """
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        path = pooch.retrieve(url, None, "archive", folder, downloader=downloader)
        try:
            with tarfile.open(path, "r:gz") as archive:
                for name, member, size in _members(url):
                    _extract(archive, member, size, name, url)
        except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
            raise ValueError(f"{url} is not the published archive ({error})") from error


def _members(url: str) -> Iterator[tuple[str, str, int]]:
    """Yield the files that the registry lists for an archive.

    Yields:
        name in the registry, path in the archive, and the number of bytes to read from it (-1: all).
    """
    for name, (_, mirrors) in registry().items():
        for mirror in mirrors:
            archive, _, member = mirror.partition("!")
            if archive == url:
                member, _, size = member.partition("!")
                yield name, member, int(size or -1)


def _extract(archive: tarfile.TarFile, member: str, size: int, name: str, url: str) -> None:
    """Write the first `size` bytes of a file in an archive to the cache, if they are the published ones."""
    file = archive.extractfile(member) if archive.getmember(member).isreg() else None
    if file is None:
        raise ValueError(f"{member} in {url} is not a regular file")
    content = file.read(size)
    checksum, _ = registry()[name]
    if not _matches(content, checksum):
        raise ValueError(f"{member} in {url} is not the published file")
    target = cache_dir() / name
    target.parent.mkdir(exist_ok=True)
    write_atomically(target, content)


def _shorten(error: Exception) -> str:
    return textwrap.shorten(str(error), 160, placeholder=" ...")
