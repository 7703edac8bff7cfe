"""Read single files from zip archives, which are not trusted, without extracting anything to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..language import tr
from . import download

MAX_RATIO = 50  # of uncompressed to compressed bytes; that of text is about 3


@contextmanager
def open_archive(content: bytes, path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip archive that is a file's content; what is wrong with it becomes an InputError.

    Args:
        content: of the file.
        path: of the file, for messages.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield archive
    # zipfile raises any of these for damaged headers.
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        OverflowError,
    ) as error:
        problem = tr("cannot be read ({error})", error=download.shorten(error))
        raise download.file_error(path, problem) from error


def read_member(archive: zipfile.ZipFile, names: Sequence[str], max_size: int) -> bytes:
    """Return the content of a file in an archive, if what the archive declares about it is plausible.

    Args:
        archive: as `open_archive` yields it.
        names: the names that the file may have; exactly one of them must be there, once.
        max_size: bytes that the file may have.

    Raises:
        ValueError: the file is missing, duplicate, too large, encrypted or compressed by an unusual method.
    """
    found = [info for info in archive.infolist() if info.filename in names]
    if len(found) != 1:
        raise ValueError(f"it contains {len(found) or 'no'} files named {' or '.join(names)}")
    info = found[0]
    if info.flag_bits & 1:
        raise ValueError(f"{info.filename} is encrypted")
    # With the other methods, Python decompresses a whole block at once, however large it turns out to be.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is compressed by a method other than deflate")
    if info.file_size > min(max_size, MAX_RATIO * info.compress_size):
        raise ValueError(
            f"{info.filename} would expand from {info.compress_size:,} to {info.file_size:,} bytes"
        )
    with archive.open(info) as file:
        # One byte more than declared: zipfile verifies the checksum when the end of the file is reached.
        return file.read(info.file_size + 1)
