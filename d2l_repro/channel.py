"""How far a chapter is, told to the process that runs it and draws one bar for several chapters; and when to
stop."""

import os
import signal
from threading import Event

VARIABLE = "D2L_REPRO_PROGRESS"  # set by that process
MARK = "\x1e"  # begins a line on stdout that is for that process, not for a reader


def is_reported():
    """Is there a process that wants to be told?"""
    return VARIABLE in os.environ


def report(share, doing):
    """Say what share of the work is done, from 0 to 1, and what is being done."""
    print(f"{MARK}{share:.4f}\t{doing}", flush=True)


def read(line):
    """(share, doing) if `report` printed the line, else None."""
    if not line.startswith(MARK):
        return None
    share, _, doing = line[len(MARK) :].rstrip("\n").partition("\t")
    return float(share), doing


_stop = Event()


def remember_ctrl_c():
    """From now on Ctrl-C is remembered too: raised inside a destructor of MXNet's, Python would swallow
    it."""

    def handle(*_):
        _stop.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)


def stop_if_asked():
    """Raise KeyboardInterrupt if Ctrl-C came, once."""
    if _stop.is_set():
        _stop.clear()
        raise KeyboardInterrupt
