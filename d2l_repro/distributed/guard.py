"""Run one process of a job, on any machine, and end it with the launcher.

The launcher writes lines of JSON to this program's stdin: what to run, later signals to pass on, and, to
other machines, every few seconds that it is still there. The process is ended when stdin ends, by intention
or because the launcher is gone, and when such lines stay away: nothing else tells that a cable was cut.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..compat import CORES, cores
from ..errors import FAILED, USAGE, InputError, error_line
from ..language import tr
from ..stopping import PARENT
from .hosts import own_address

BEAT = 10.0  # seconds between two signs of life to other machines
SILENCE = 60.0  # seconds without one after which the connection is taken for lost
GRACE = 1.5  # seconds for saving what is finished
PR_SET_PDEATHSIG = 1  # from Linux' <sys/prctl.h>
PROG = "d2l_repro.distributed.guard"


def main() -> int:
    """Run what stdin asks for, and return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the launcher decides, by stdin
    line = sys.stdin.readline()
    if not line:
        return USAGE
    order = json.loads(line)
    try:
        process = start(order)
    except InputError as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(tr("cannot start {program} ({error})", program=order["command"][0], error=error))
    threading.Thread(target=obey, args=(process, order["silence"]), daemon=True).start()
    code = process.wait()
    kill_group(process, signal.SIGKILL)  # what it has started and left behind
    if order["socket"]:
        Path(order["socket"]).unlink(missing_ok=True)  # which a killed process leaves
    return 128 - code if code < 0 else code


def refuse(text: str) -> int:
    """Say why nothing is started, and return the exit code."""
    print(error_line(PROG, text), file=sys.stderr, flush=True)
    return USAGE


def start(order: Mapping[str, Any]) -> subprocess.Popen:
    """Start a process that ends with this one.

    Args:
        order: `command`, `folder`, `environment` (to add to this one's), `share` (processes that use the
            cores of this machine), `socket` (file that it listens on, or ""), `towards` (otherwise, an
            address in whose network it is to listen), `machine` (name of the one that has that address),
            `private` (whether nobody else may open the files that it creates) and `silence` (see `obey`).

    Raises:
        InputError: it could not find the others, or the world might find it.
        OSError: the command cannot be started.
    """
    environment = {**os.environ, **order["environment"], PARENT: str(os.getpid())}
    environment[CORES] = str(max(1, cores() // order["share"]))
    if order["towards"]:
        environment["DMLC_NODE_HOST"] = own_address(order["towards"], order["machine"])
    return subprocess.Popen(
        order["command"],
        stdin=subprocess.DEVNULL,
        cwd=order["folder"],
        env=environment,
        start_new_session=True,
        preexec_fn=functools.partial(_prepare, order["private"], os.getpid()),  # no other thread runs yet
    )


def obey(process: subprocess.Popen, silence: float | None) -> None:
    """Pass signals on, and end the process when stdin ends or nothing more is heard.

    Args:
        process: to end.
        silence: seconds after which the launcher is taken for gone, None for never.
    """
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    with suppress(queue.Empty):
        for line in iter(functools.partial(lines.get, timeout=silence), ""):
            order = json.loads(line)
            if "signal" in order:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, order["signal"])
    kill_group(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    kill_group(process, signal.SIGKILL)


def _listen(lines: queue.Queue[str]) -> None:
    """Put the lines of stdin into a queue, and an empty one when it ends."""
    for line in sys.stdin:
        lines.put(line)
    lines.put("")


def kill_group(process: subprocess.Popen, number: int) -> None:
    """Send a signal to a process, and to all that it has started, unless they have ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _prepare(private: bool, guard: int) -> None:
    """In the new process: take the signals as usual, and end when the guard is killed."""
    if private:
        os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":  # elsewhere `stopping.end_with_parent` sees to it, within a second
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # killed before
            os._exit(FAILED)


if __name__ == "__main__":
    sys.exit(main())
