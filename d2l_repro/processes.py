"""The commands of processes that this project starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from . import stopping


def python_command(code: str) -> list[str]:
    """Return the command of a Python process that runs `code` and imports from the same places as this one.

    By itself, `python -c` would import from the current folder first, whatever lies there.
    """
    return [sys.executable, "-c", f"import sys\nsys.path[:] = {sys.path!r}\n{code}"]


def module_command(name: str, prog: str) -> list[str]:
    """Return the command of a process that runs a module as `python -m` does.

    Args:
        name: of the module.
        prog: name of the command, for its messages; a signal ends it with one line from the first import on.
    """
    # Ctrl-C just ends the process until our own handlers are there.
    return python_command(
        "import runpy, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "from d2l_repro.errors import one_line_errors\n"
        f"with one_line_errors({prog!r}, importing=True):\n"
        f"    runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    )


def run_module(name: str, prog: str, argv: Sequence[str]) -> int:
    """Run a module in a process of its own, pass signals on to it, and return its exit code.

    Args:
        name: of the module.
        prog: as for `module_command`.
        argv: its arguments.
    """
    with subprocess.Popen([*module_command(name, prog), *argv]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the process saves what is finished
                process.send_signal(stopping.last_signal())
