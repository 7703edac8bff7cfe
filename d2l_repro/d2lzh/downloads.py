"""Find the large data sets of chapters 9 and 10, or download them to where the book stores them."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..data import download
from ..data.transfer import receive
from ..errors import InputError
from ..language import tr

DATA_DIR = "../data"  # the book's own folder, beside that of the program
MAX_SIZE = 2**32  # bytes; the largest archive has 2 GB
CHUNK = 2**20


def find_path(name: str, data_dir: str = DATA_DIR) -> Path | None:
    """Return the path of a file or folder in `data_dir` or $D2L_REPRO_DATA, or None if it is in neither."""
    folders = [Path(data_dir), *download.data_dirs()]
    return next((folder / name for folder in folders if (folder / name).exists()), None)


def fetch_file(name: str, url: str, sha1: str, data_dir: str = DATA_DIR) -> Path:
    """Return the path of a file; download it to `data_dir` if `find_path` does not find it.

    Raises:
        InputError: it could not be downloaded.
    """
    found, target = find_path(name, data_dir), Path(data_dir, name)
    if found:
        return found
    with _downloaded(target, url, sha1, data_dir) as path:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    return target


def fetch_folder(name: str, url: str, sha1: str, data_dir: str = DATA_DIR) -> Path:
    """Return the path of a folder; download its archive and extract it to `data_dir` if it is not found.

    Args:
        name: of the folder, as in the archive.
        url: of the archive, a tar file.
        sha1: checksum of the archive.
        data_dir: where to look first, and to write to.

    Raises:
        InputError: the archive could not be downloaded.
    """
    found, target = find_path(name, data_dir), Path(data_dir, name)
    if found:
        return found
    with _downloaded(target, url, sha1, data_dir) as path:
        extracted = path.parent / "extracted"
        # Python 3.9 has not had filters from its beginning; what has this checksum is harmless anyway.
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        with tarfile.open(path) as archive:
            archive.extractall(extracted, **safely)
        target.parent.mkdir(parents=True, exist_ok=True)
        (extracted / name).replace(target)
    return target


@contextmanager
def _downloaded(target: Path, url: str, sha1: str, data_dir: str) -> Iterator[Path]:
    """Download a file to a temporary folder within a `with` block.

    Raises:
        InputError: that failed, or the block did.
    """
    try:
        os.makedirs(data_dir, exist_ok=True)
        # On the same disk, so that what is complete can be renamed into place.
        with tempfile.TemporaryDirectory(dir=data_dir) as folder:
            path = Path(folder, "download")
            receive(url, str(path), max_size=MAX_SIZE)
            if _sha1(path) != sha1:
                raise ValueError(f"{url} is not the published file")
            yield path
    except (OSError, ValueError, EOFError, tarfile.TarError, zlib.error) as error:
        raise InputError(
            tr(
                "{target}: not found, and the download failed ({error}); put it there or in ${variable}, or "
                "connect to the internet",
                target=target,
                error=download.shorten(error),
                variable=download.ENVIRONMENT,
            )
        ) from error


def _sha1(path: Path) -> str:
    digest = hashlib.sha1()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
