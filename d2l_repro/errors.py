"""Exit codes of the commands, and errors in what the user provided."""

from __future__ import annotations

import errno
import os
import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from . import channel, installation, stopping
from .language import tr

DONE, FAILED, USAGE = 0, 1, 2  # for those of signals see stopping.exit_code
TRACEBACK = "D2L_REPRO_TRACEBACK"  # environment variable that asks for the traceback of an unexpected error
BROKEN = 3  # USAGE, to a parent process: a package cannot be imported, so no chapter will run


class InputError(ValueError):
    """Raised for an error in the user's input: a setting, a file, a folder.

    The message is a single line that also says what to do about it.
    """


class WorkFailed(Exception):
    """Raised when right input came to nothing all the same, as when a cluster is lost.

    The message is like that of an InputError.
    """


@contextmanager
def one_line_errors(prog: str, importing: bool = False) -> Iterator[None]:
    """Exit without a traceback when anything goes wrong or the command is stopped.

    Ctrl-C, SIGTERM and SIGHUP lead to the exit codes 130, 143 and 129, a closed pipe and WorkFailed to 1, and
    every other error to 2, with one line on stderr. Processes that joblib has started are ended.

    Args:
        prog: name of the command, with which the line begins.
        importing: whether there is nothing to save yet, so that a signal may end the process at once.
    """
    _replace_closed_streams()
    with stopping.interruptible(at_once=importing):
        try:
            try:
                yield
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # here, where an error can still be reported
        except (Exception, KeyboardInterrupt) as error:
            code = _report(prog, error)
            _drop_output()
            raise SystemExit(code) from None


def error_line(prog: str, text: object) -> str:
    """Return the line that says what went wrong.

    Args:
        prog: name of the command.
        text: what went wrong, and what to do about it.
    """
    return tr("{prog}: error: {text}", prog=prog, text=text)


def _replace_closed_streams() -> None:
    """Give a process that was started without stdout or stderr something to print to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _report(prog: str, error: BaseException) -> int:
    """Print the line about an error, and return the exit code."""
    # What was being done when the signal came may have turned it into another error.
    if isinstance(error, KeyboardInterrupt) or stopping.is_asked():
        _print(tr("{prog}: interrupted", prog=prog))
        return stopping.exit_code()
    if isinstance(error, BrokenPipeError):  # the program that read our output, such as `head`, has exited
        return FAILED
    if isinstance(error, (InputError, WorkFailed)):
        _print(error_line(prog, error))
        return USAGE if isinstance(error, InputError) else FAILED
    line = installation.explain(error)
    if line is not None:
        _print(error_line(prog, line))
        return BROKEN if channel.is_reported() else USAGE
    # What writes files names them in an InputError; what is left is stdout.
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        text = tr("cannot write to standard output ({error}); free some space", error=error.strerror)
        _print(error_line(prog, text))
        return USAGE
    if os.environ.get(TRACEBACK):
        traceback.print_exception(type(error), error, error.__traceback__)
    text = textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")
    advice = tr("{error} (to see where it happened, set {variable}=1)", error=text, variable=TRACEBACK)
    _print(error_line(prog, advice))
    return USAGE


def _print(line: str) -> None:
    # Names of files and keys may contain what a terminal obeys.
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _drop_output() -> None:
    """Drop what stdout's buffer still holds if it cannot be written, so that Python does not try at exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
