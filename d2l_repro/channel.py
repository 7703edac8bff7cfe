"""Exchange progress with a parent process that shows one bar for several chapters, and remember Ctrl-C."""

from __future__ import annotations

import os
import signal
from threading import Event

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


_interrupted = Event()


def remember_ctrl_c() -> None:
    """Make Ctrl-C set a flag as well as raise KeyboardInterrupt.

    If Ctrl-C arrives while one of MXNet's destructors runs, Python ignores the exception; `stop_if_asked`
    raises it again.
    """

    def handle(*_):
        _interrupted.set()
        raise KeyboardInterrupt

    _interrupted.clear()  # what an earlier chapter in this process was told is over
    signal.signal(signal.SIGINT, handle)


def stop_if_asked() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed since the last call."""
    if _interrupted.is_set():
        _interrupted.clear()
        raise KeyboardInterrupt
