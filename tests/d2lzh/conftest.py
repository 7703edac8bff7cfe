"""Programs in the style of the book's first edition, one or more for each section that a CPU can run."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from d2l_repro.data import characters, download
from d2l_repro.train.callbacks import seed_everything

ROOT = Path(__file__).parents[2]
LINE = r"epoch (\d+), loss (\d+\.\d{4}), train acc (\d\.\d{3}), test acc (\d\.\d{3})"
TIME = r", time \d+\.\d sec"
FONTS = mpl.get_cachedir()  # of this machine: with an empty home folder, each process would search for fonts


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch, tmp_path):
    """Give each test fresh seeds, figures and settings, and an empty home folder instead of Gluon's files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", FONTS)
    seed_everything(0)
    random.seed(0)
    characters._load.cache_clear()
    with d2l.plt.rc_context():
        yield
    d2l.plt.close("all")
    characters._load.cache_clear()


@pytest.fixture
def fashion(small_fashion, monkeypatch):
    """Set $D2L_REPRO_DATA to a small Fashion-MNIST."""
    monkeypatch.setenv(download.ENVIRONMENT, str(small_fashion))
    return small_fashion


@pytest.fixture
def printed_epochs(capsys):
    """Return a function that returns loss, training and test accuracy of each epoch that has been printed.

    With a device, the lines have to be those from chapter 5 on, which begin with it and end with the time.
    """

    def read(device=None):
        lines = capsys.readouterr().out.splitlines()
        if device:
            assert lines.pop(0) == f"training on {device}"
        found = [re.fullmatch(LINE + (TIME if device else ""), line) for line in lines]
        assert [int(match[1]) for match in found] == list(range(1, len(lines) + 1))
        return [tuple(map(float, match.groups()[1:])) for match in found]

    return read


@pytest.fixture(scope="session")
def run_program():
    """Return a function that runs a program in a folder as readers do: in a new process, with no display."""

    def run(code, folder):
        known = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND", "OMP_NUM_THREADS")
        }
        done = subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", code],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**known, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
        return done

    return run
