"""Start commands as a user does, and look at what they leave behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def time_to_end():
    """Return the seconds after a signal in which everything must have ended; more if the cores are shared."""
    return 2.0 * max(1.0, os.getloadavg()[0] / os.cpu_count())


def _take_signals():
    """Take SIGHUP as usual: nohup, under which these tests may run, ignores it for all that it starts."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Command:
    """A command in a session of its own, whose processes can be found even if their parent is gone."""

    def __init__(self, *argv, **environment):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, argv)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_take_signals,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **environment},
        )

    def wait_until(self, condition):
        """Wait for a condition that the running command is to fulfil."""
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)

    def end(self):
        """Wait until it ends by itself; return the exit code, stdout and stderr."""
        out, err = self.process.communicate(timeout=600)
        return self.process.returncode, out, err

    def stop(self, number):
        """Send a signal to the command alone; return its exit code, stderr, and the processes left behind."""
        self.process.send_signal(number)
        deadline = time.monotonic() + time_to_end()
        while processes_of(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        left = processes_of(self.process.pid)
        if left:
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait(), self.process.communicate()[1], left


def processes_of(session):
    """Return number -> command line of the processes of a session that still run."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
            state, _, _, its_session = text.rpartition(")")[2].split()[:4]
            if int(its_session) == session and state not in "ZX":
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):  # it has just ended
            continue
    return found


@pytest.fixture
def start():
    """Return the class `Command`; what is still running at the end of the test is killed."""
    started = []

    def start(*argv, **environment):
        started.append(Command(*argv, **environment))
        return started[-1]

    yield start
    for command in started:
        for number in processes_of(command.process.pid):
            os.kill(number, signal.SIGKILL)
        command.process.communicate()
