"""What a command says and returns when it cannot go on."""

import os
import sys
from contextlib import contextmanager

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class InputError(ValueError):
    """A fault in what the user gave: a setting, a file, a folder. Its text is one line with the remedy."""


@contextmanager
def one_line_errors(prog):
    """Turn an `InputError` into one line on stderr and exit code 2, Ctrl-C into exit code 130, a closed pipe
    into 1.

    Args:
        prog: the command's name, which begins the line.
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
        # Whoever read our output, `head` say, has gone; what is left in the buffer has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
