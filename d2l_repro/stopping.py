"""End in time, with all that is finished, when a signal asks for it or the parent process is gone.

Ctrl-C, SIGTERM and SIGHUP all raise KeyboardInterrupt, so that what keeps finished epochs after one of them
does so after the others.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

PARENT = "D2L_REPRO_PARENT"  # environment variable with the process that those it starts are to end with
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEATED = 1.0  # seconds in which further signals are the same request: a terminal and a parent both send it
POLL = 0.25  # seconds between two looks whether the parent still exists
GRACE = 1.5  # seconds for saving what is finished after the parent has gone
AGAIN = 0.02  # seconds until a signal comes again that Python has ignored

_last = 0  # number of the last signal; 0 before any
_last_time = -REPEATED
_ignored = False  # whether Python has ignored the exception of the last request
_code: Any = None  # exit code of a command that a signal has ended
_last_code: Any = None  # exit code of the last command, however it ended


def last_signal() -> int:
    """Return the signal that asked this process to stop last; SIGINT if none did."""
    return _last or signal.SIGINT


def exit_code() -> int:
    """Return the exit code of a command that `last_signal` ended."""
    return 128 + last_signal()


def has_failed() -> bool:
    """Return whether the last command has failed, or was stopped."""
    return bool(_last_code)


def code_of_failure() -> int:
    """Return the exit code of the last command if it has failed; 1 if that is not known."""
    return _last_code if isinstance(_last_code, int) and _last_code else 1


def is_stopped(code: int) -> bool:
    """Return whether an exit code is that of a process that one of our signals ended."""
    return code in [end for number in SIGNALS for end in (128 + number, -number)]


def is_asked() -> bool:
    """Return whether a signal has asked the current command to stop."""
    return bool(_last)


def quit_at_once() -> None:
    """Let the signals end this process with one line, for a time in which there is nothing to save.

    While packages are imported, NumPy would turn KeyboardInterrupt into an ImportError.
    """
    for number in _handled_signals():
        signal.signal(number, _quit)
    atexit.register(_skip_teardown)  # before other packages register theirs, so that it runs after them


@contextmanager
def importing() -> Iterator[None]:
    """Let the signals end this process in this context as `quit_at_once` does, and then do what they did."""
    earlier = {number: signal.getsignal(number) for number in _handled_signals()}
    try:
        for number in earlier:
            signal.signal(number, _quit)
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def interruptible(at_once: bool = False) -> Iterator[None]:
    """Let the signals raise KeyboardInterrupt in this context, and processes started in it end with this one.

    Those that joblib has started are ended if the command fails.

    Args:
        at_once: let them end the process instead, as `quit_at_once` does.
    """
    global _last, _ignored, _last_time, _code, _last_code
    # Earlier commands in this process are over.
    _last, _ignored, _last_time, _code = 0, False, -REPEATED, None
    earlier = {number: signal.getsignal(number) for number in _handled_signals()}
    earlier_hook = sys.unraisablehook
    parent = os.environ.get(PARENT)
    os.environ[PARENT] = str(os.getpid())
    try:
        if at_once:
            quit_at_once()
        else:
            for number in earlier:
                signal.signal(number, _interrupt)
            sys.unraisablehook = partial(_send_again, earlier_hook)
        yield
    except SystemExit as end:
        if end.code:
            end_workers()
        _last_code = end.code
        if is_asked():
            _code = end.code
        raise
    finally:
        _ignored = False
        for number, handler in earlier.items():
            signal.signal(number, handler)
        sys.unraisablehook = earlier_hook
        if parent is None:
            os.environ.pop(PARENT, None)
        else:
            os.environ[PARENT] = parent


def end_with_parent() -> None:
    """If another command has started this process, let it end when that one does, even if it is killed."""
    text = os.environ.get(PARENT, "")
    if not text.isdecimal() or int(text) == os.getpid():
        return
    parent, command = os.getppid(), int(text)

    def watch() -> None:
        # The command may have gone before this process could ask who its parent is.
        while os.getppid() == parent and (parent == command or _exists(command)):
            time.sleep(POLL)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="end_with_parent").start()


def end_workers() -> None:
    """End the processes that joblib has started, which would otherwise finish their tasks first."""
    multiprocessing = sys.modules.get("multiprocessing")
    for process in multiprocessing.active_children() if multiprocessing else ():
        with suppress(OSError):
            os.kill(process.pid, signal.SIGKILL)


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    with suppress(OSError):  # a killed process exists until its own parent asks for its exit code
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
    return True


def _handled_signals() -> Iterator[signal.Signals]:
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            # nohup ignores SIGHUP for the commands that it starts.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                yield number


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _last, _ignored, _last_time
    now = time.monotonic()
    if now - _last_time < REPEATED and not _ignored:
        return
    _last, _ignored, _last_time = number, False, now
    raise KeyboardInterrupt


def _send_again(earlier_hook: Callable[[Any], None], unraisable: Any) -> None:
    """Send the last signal again if its KeyboardInterrupt was raised where Python ignores exceptions.

    Destructors are such places, and each of MXNet's arrays has one. That of an array whose construction was
    interrupted has nothing to free, and is ignored.
    """
    global _ignored
    if _last and issubclass(unraisable.exc_type, AttributeError):
        return
    if not (_last and issubclass(unraisable.exc_type, KeyboardInterrupt)):
        earlier_hook(unraisable)
        return
    _ignored = True

    def send() -> None:
        time.sleep(AGAIN)  # until the destructor is done
        if _ignored:
            os.kill(os.getpid(), _last)

    with suppress(RuntimeError):  # when Python itself ends, it starts no thread, and nothing is left to stop
        threading.Thread(target=send, daemon=True, name="send_again").start()


def _skip_teardown() -> None:
    """End now if a signal has ended the command: to unload MXNet takes a second or more."""
    if isinstance(_code, int):
        quit_with(_code)


def quit_with(code: int) -> NoReturn:
    """End the process now, without what Python and libraries do at the end."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _quit(number: int, frame: FrameType | None) -> None:
    with suppress(Exception):
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, b"d2l_repro: interrupted\n")
    os._exit(128 + number)
