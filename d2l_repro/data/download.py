"""Published data files: where they are looked for, and how they are downloaded and verified."""

import hashlib
import os
import sys
import tarfile
import tempfile
import textwrap
import zlib
from functools import lru_cache
from importlib import resources
from pathlib import Path

import pooch
import requests

from ..errors import InputError
from ..files import write_atomically

ENVIRONMENT = "D2L_REPRO_DATA"
TIMEOUT = (5, 30)  # seconds to wait for a connection, and for the next bytes


class DataUnavailable(InputError):
    """A published file is neither on this machine nor to be downloaded."""


@lru_cache
def registry():
    """Name -> (checksum, mirrors) of every published file we know, from registry.txt."""
    text = resources.files(__package__).joinpath("registry.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {name: (checksum, mirrors) for name, checksum, *mirrors in rows}


def cache_dir():
    """The user's cache, where downloads go."""
    return Path(pooch.os_cache("d2l_repro"))


def data_dirs(data_dir=None):
    """The folders of the user's own that are searched, first to last: `data_dir`, then $D2L_REPRO_DATA.

    Raises:
        InputError: one of them is given and does not exist.
    """
    given = {"--data-dir": data_dir, ENVIRONMENT: os.environ.get(ENVIRONMENT)}
    folders = []
    for origin, folder in given.items():
        if folder:
            if not Path(folder).is_dir():
                raise InputError(f"{origin}: no such folder: {folder}")
            folders.append(Path(folder))
    return folders


def find(name, data_dir=None):
    """Path of a published file in a folder of the user's or in the cache, or None; arguments as of
    `fetch`."""
    return _in([*data_dirs(data_dir), cache_dir()], name)


def _in(folders, name):
    # isfile is False, not an error, where the folder may not be searched
    return next((folder / name for folder in folders if os.path.isfile(folder / name)), None)


def fetch(name, data_dir=None):
    """Path of a published file: in a folder of the user's, in the cache, or downloaded to the cache.

    Args:
        name: as in registry.txt, `folder/file`.
        data_dir: searched first.

    Raises:
        DataUnavailable: it is nowhere to be had; the message says where it was looked for.
    """
    path = _in(data_dirs(data_dir), name)
    if path:
        return path
    places = ", ".join(str(folder) for folder in [*data_dirs(data_dir), cache_dir()])
    try:
        return _download(name)
    except (OSError, ValueError) as error:
        raise DataUnavailable(
            f"{name}: not found in {places}, and the download failed ({_short(error)}); "
            f"put the published file there, or go online, or take --dataset auto"
        ) from error


def is_published(path, name, size=None):
    """Is the file at `path`, or its first `size` bytes, byte for byte the published one of that name?"""
    checksum, _ = registry()[name]
    with open(path, "rb") as file:
        return _digest(file.read(-1 if size is None else size), checksum) == checksum


def _digest(content, checksum):
    """The checksum of `content`, of the kind and in the form of the one that is given."""
    algorithm, colon, _ = checksum.rpartition(":")
    return algorithm + colon + hashlib.new(algorithm or "sha256", content).hexdigest()


def _download(name):
    """From the cache, or else from the first mirror that has the right file. OSError or ValueError when none
    does."""
    checksum, mirrors = registry()[name]
    target = cache_dir() / name
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty())
    for mirror in mirrors:
        try:
            if "!" in mirror:
                if not (target.is_file() and is_published(target, name)):
                    _unpack(mirror.partition("!")[0], downloader)
                return target
            return Path(pooch.retrieve(mirror, checksum, target.name, target.parent, downloader=downloader))
        except (requests.RequestException, OSError, ValueError) as error:
            failure = error
    raise failure


def _unpack(url, downloader):
    """Download an archive, put every file of it that the registry knows into the cache, and let go of the
    archive."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        path = pooch.retrieve(url, None, "archive", folder, downloader=downloader)
        try:
            with tarfile.open(path, "r:gz") as archive:
                for name, member, size in _members(url):
                    if not archive.getmember(member).isreg():
                        raise ValueError(f"{member} in {url} is no file")
                    content = archive.extractfile(member).read(size)
                    checksum, _ = registry()[name]
                    if _digest(content, checksum) != checksum:
                        raise ValueError(f"{member} in {url} is not the published file")
                    (cache_dir() / name).parent.mkdir(exist_ok=True)
                    write_atomically(cache_dir() / name, content)
        except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
            raise ValueError(f"{url} is not the published archive ({error})") from error


def _members(url):
    """Name, file in the archive, and how many of its bytes (-1: all), of every file that is taken out of
    it."""
    for name, (_, mirrors) in registry().items():
        for mirror in mirrors:
            archive, _, member = mirror.partition("!")
            if archive == url:
                member, _, size = member.partition("!")
                yield name, member, int(size or -1)


def _short(error):
    return textwrap.shorten(str(error), 160, placeholder=" ...")
