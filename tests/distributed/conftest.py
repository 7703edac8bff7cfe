"""Start programs in jobs of workers, and look at what they leave behind."""

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = [sys.executable, "-m", "d2l_repro", "launch"]


def environment(**others):
    """Return the environment of a command: one thread, as with one the digits are always the same."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **others}


def run(*argv, timeout=900, **others):
    """Run a command to its end; return its exit code, stdout and stderr."""
    done = subprocess.run(
        [*map(str, argv)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env=environment(**others),
    )
    return done.returncode, done.stdout, done.stderr


def running(mark):
    """Return the processes that still run and whose command line has a mark: number -> command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            command = (folder / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):  # it has just ended
            continue
        if mark in command and state not in "ZX" and int(folder.name) != os.getpid():
            found[int(folder.name)] = command
    return found


def wait_until(condition, seconds=60):
    """Wait for a condition, on shared cores longer; return whether it came true."""
    deadline = time.monotonic() + seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def launch(*argv, timeout=900, **others):
    """Run `d2l-repro launch` to its end; return its exit code, stdout and stderr."""
    return run(*LAUNCH, *argv, timeout=timeout, **others)


def start(*argv):
    """Start `d2l-repro launch`, and return the process, whose stdout and stderr can be read."""
    return subprocess.Popen(
        [*LAUNCH, *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )


@pytest.fixture(scope="session")
def jobs():
    """Return the functions of this module and of sockets.py, and the folder of the workers' programs."""
    sockets = runpy.run_path(str(Path(__file__).parent / "sockets.py"))
    return SimpleNamespace(
        processes=sockets["processes"],
        listening=sockets["listening"],
        run=run,
        launch=launch,
        environment=environment,
        running=running,
        wait_until=wait_until,
        folder=Path(__file__).parent,
        start=start,
    )
