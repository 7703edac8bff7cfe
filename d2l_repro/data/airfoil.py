"""NASA's measurements of the noise of airfoils, the table of the book's optimization chapter."""

import math
from dataclasses import dataclass
from typing import Optional

import numpy as np

from ..errors import InputError
from . import download
from .synthetic import airfoil_table

AIRFOIL = "misc/airfoil_self_noise.dat"
COLUMNS = 6  # frequency, angle, chord, velocity, thickness of the boundary layer, sound level


@dataclass(frozen=True, eq=False)
class Airfoil:
    """The table in memory."""

    rows: np.ndarray  # (examples, 6), float64, as measured; the last column is what is predicted
    stand_in_for: Optional[str] = None  # the published table that a generated one replaces


def load_airfoil(data_dir=None):
    """The table, found or downloaded by `download.fetch`, or a generated one where it is nowhere to be had.

    Args:
        data_dir: a folder that holds `misc/`; searched first.

    Raises:
        InputError: the file is there, but is no such table.
    """
    try:
        path = download.fetch(AIRFOIL, data_dir)
    except download.DataUnavailable:
        return Airfoil(airfoil_table(), stand_in_for="airfoil_self_noise")
    return Airfoil(read_airfoil(path))


def read_airfoil(path):
    """The rows of a file with six numbers a line, separated by blanks or tabs.

    Returns:
        NumPy array (examples, 6), float64.

    Raises:
        InputError: the file cannot be read or is empty, or a line is not six finite numbers.
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); replace it with the published file") from error
    rows = [_numbers(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{path}: is empty; replace it with the published file")
    return np.array(rows)


def _numbers(line, place):
    try:
        numbers = [float(field) for field in line.split()]
    except ValueError as error:
        raise InputError(f"{place}: {error}; replace the file with the published one") from None
    if len(numbers) != COLUMNS or not all(map(math.isfinite, numbers)):
        raise InputError(f"{place}: is not {COLUMNS} finite numbers; replace the file with the published one")
    return numbers
