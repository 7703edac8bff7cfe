"""Exit codes of the commands, and errors in what the user provided."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import channel, installation

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
BROKEN = 3  # USAGE, to a parent process: a package cannot be imported, so no chapter will run


class InputError(ValueError):
    """Raised for an error in the user's input: a setting, a file, a folder.

    The message is a single line that also says what to do about it.
    """


@contextmanager
def one_line_errors(prog: str) -> Iterator[None]:
    """Exit without a traceback when the user's input is wrong or the command is stopped.

    An `InputError` and a package that cannot be imported become one line on stderr and exit code 2, Ctrl-C
    exit code 130, and a closed pipe exit code 1.

    Args:
        prog: name of the command, with which the line begins.
    """
    try:
        yield
    except InputError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        raise SystemExit(USAGE) from None
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The program that read our output, such as `head`, has exited. Without a place to go, what is left in
        # the buffer would cause another error when Python flushes it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
    except Exception as error:
        line = installation.explain(error)
        if line is None:
            raise
        print(f"{prog}: error: {line}", file=sys.stderr)
        raise SystemExit(BROKEN if channel.is_reported() else USAGE) from None
