"""NASA's measurements of airfoil noise, the data set of the book's chapter on optimization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..language import tr
from . import download
from .synthetic import airfoil_table

AIRFOIL = "misc/airfoil_self_noise.dat"
MAX_SIZE, MAX_LINES = 120_000, 3000  # the published file has 59,984 bytes in 1,503 lines
COLUMNS = 6  # frequency, angle, chord, velocity, thickness of the boundary layer, sound level


@dataclass(frozen=True, eq=False)
class Airfoil:
    """The table in memory."""

    rows: np.ndarray  # (examples, 6), float64, not scaled; the last column is the label
    stand_in_for: str | None = None  # the published table that a generated one replaces


def load_airfoil(data_dir: str | Path | None = None) -> Airfoil:
    """Load the table, or generate a stand-in if it is neither on this machine nor can be downloaded.

    Args:
        data_dir: folder that contains `misc/`; searched first.

    Raises:
        InputError: the file exists but cannot be read as this table.
    """
    try:
        path = download.fetch(AIRFOIL, data_dir)
    except download.DataUnavailable:
        return Airfoil(airfoil_table(), stand_in_for="airfoil_self_noise")
    return Airfoil(read_airfoil(path))


def read_airfoil(path: Path) -> np.ndarray:
    """Read a file with six numbers in each line, separated by spaces or tabs.

    Returns:
        NumPy array (examples, 6), float64.

    Raises:
        InputError: the file cannot be read or is empty, or a line does not consist of six finite numbers.
    """
    try:
        lines = download.read(path, MAX_SIZE).decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise download.file_error(path, tr("cannot be read ({error})", error=error)) from error
    if len(lines) > MAX_LINES:
        raise download.file_error(path, tr("contains more than {count} lines", count=f"{MAX_LINES:,}"))
    rows = [_parse_line(line, download.place_of(path, i)) for i, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise download.file_error(path, tr("is empty"))
    return np.array(rows)


def _parse_line(line: str, place: str) -> list[float]:
    try:
        numbers = [float(field.replace("_", "?")) for field in line.split()]  # float() accepts 1_000
    except ValueError as error:
        raise download.line_error(place, download.shorten(error)) from None
    if len(numbers) != COLUMNS or not all(map(math.isfinite, numbers)):
        raise download.line_error(place, tr("expected {count} finite numbers", count=COLUMNS))
    return numbers
