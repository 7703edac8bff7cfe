"""Files of arrays and of plain data about them, read without pickle and without trust in what they claim."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_atomically
from ..results.history import History
from ..results.schema import shorten

ABOUT = "about"  # name of the JSON text among the arrays
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Any) -> None:
    """Write an npz file atomically.

    Args:
        path: of the file.
        arrays: name -> array.
        about: what else to keep, as JSON values.

    Raises:
        InputError: the file cannot be written.
    """
    file = io.BytesIO()
    contents: dict[str, Any] = {**arrays, ABOUT: np.array(json.dumps(about))}
    np.savez(file, **contents)
    write_atomically(path, file.getvalue())


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Return what `write_arrays` was given: the arrays, which cannot be written to, and the plain data.

    The memory that it takes is that of the file, whatever sizes the file claims.

    Raises:
        ValueError: the file is not readable as one of these; the message is a single line.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            # `write_arrays` compresses nothing. zipfile allocates what a member claims before it reads.
            sizes = [max(member.file_size, member.compress_size) for member in members]
            if sum(sizes) > os.path.getsize(path):
                raise ValueError("it claims to be larger than it is")
            arrays = {member.filename[: -len(".npy")]: _parse_array(file.read(member)) for member in members}
        return arrays, json.loads(arrays.pop(ABOUT).item())
    except Exception as error:  # zipfile, NumPy and json have many ways to fail on files that are not ours
        raise ValueError(one_line(error)) from error


def one_line(error: Exception) -> str:
    """Return an error's message in a line that can be shown, whatever it quotes from a file."""
    return shorten(str(error)) or type(error).__name__


def _parse_array(content: bytes) -> np.ndarray:
    """Return the array of an npy file. NumPy's own reader first allocates whatever the header asks for."""
    stream = io.BytesIO(content)
    shape, is_transposed, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    start = stream.tell()
    if dtype.kind not in "biufU" or math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError("an array's header does not fit its content")
    return np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if is_transposed else "C")


def check_finite(arrays: Mapping[Any, np.ndarray]) -> None:
    """Check that arrays hold finite floating-point numbers.

    Raises:
        ValueError: one does not.
    """
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ValueError(f"array {name} has values that are no finite numbers")


def parse_history(rows: Any) -> History:
    """Return the history whose rows were stored as JSON.

    Raises:
        ValueError: they are not the rows of consecutive epochs with a finite training loss.
    """
    if not isinstance(rows, list) or not rows:
        raise ValueError("its history has no epochs")
    for epoch, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(map(is_number, row.values())):
            raise ValueError(f"its history has values that are no numbers in epoch {epoch}")
        if row.get("epoch") != epoch or not math.isfinite(row.get("train_loss", math.nan)):
            raise ValueError(f"its history has no training loss of epoch {epoch}")
        if row.keys() != rows[0].keys():
            raise ValueError(f"its history has other columns in epoch {epoch} than before")
    return History(rows)


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a number, which Python's bool is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
