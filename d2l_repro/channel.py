"""Exchange progress with a parent process that shows one bar for several chapters."""

from __future__ import annotations

import os

VARIABLE = "D2L_REPRO_PROGRESS"  # environment variable that the parent process sets to receive progress
MARK = "\x1e"  # first character of the lines on stdout that are meant for the parent process


def is_reported() -> bool:
    """Return whether a parent process wants to receive progress."""
    return VARIABLE in os.environ


def report(share: float, doing: str) -> None:
    """Send the share of the work that is done, from 0 to 1, and a description of the current work."""
    print(f"{MARK}{share:.4f}\t{doing}", flush=True)


def read(line: str) -> tuple[float, str] | None:
    """Parse a line that a chapter printed.

    Returns:
        the share of the work done and the description, as given to `report`; None for any other line.
    """
    if not line.startswith(MARK):
        return None
    share, _, doing = line[len(MARK) :].rstrip("\n").partition("\t")
    return float(share), doing
