"""Published data files: where they are looked for, and how they are downloaded and verified."""
import os
import sys
import textwrap
from functools import lru_cache
from importlib import resources
from pathlib import Path

import pooch
import requests

from ..errors import InputError

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
    """Path of a published file in a folder of the user's or in the cache, or None; arguments as of `fetch`."""
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


def is_published(path, name):
    """Is the file at `path` byte for byte the published one of that name?"""
    checksum, _ = registry()[name]
    algorithm, _, digest = checksum.rpartition(":")
    return pooch.file_hash(str(path), alg=algorithm or "sha256") == digest


def _download(name):
    """From the cache, or else from the first mirror that has the right file. OSError or ValueError when none does."""
    checksum, mirrors = registry()[name]
    target = cache_dir() / name
    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=sys.stderr.isatty())
    for mirror in mirrors:
        try:
            return Path(pooch.retrieve(mirror, checksum, target.name, target.parent, downloader=downloader))
        except (requests.RequestException, OSError, ValueError) as error:
            failure = error
    raise failure


def _short(error):
    return textwrap.shorten(str(error), 160, placeholder=" ...")
