"""A disk that fills, memory that is used up, and a reader of stdout that stops."""

import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from d2l_repro.cli import chapter as command
from d2l_repro.errors import InputError
from d2l_repro.files import locked_folder, write_atomically
from d2l_repro.results import report, summary
from d2l_repro.results.result import Result
from d2l_repro.train.checkpoint import Checkpoint
from d2l_repro.train.loop import Loop

ROOT = Path(__file__).parents[2]


@contextmanager
def limited(kind, size):
    """Lower a limit of this process for a time."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def disk_of(size):
    """Let no file grow beyond `size` bytes: writing then fails, much as on a full disk."""
    return limited(resource.RLIMIT_FSIZE, size)


def drawn():
    result = Result("mlp", 0, {})
    result.add("scratch", "", {"test_acc": 0.75})
    figure = Figure()
    figure.add_subplot().plot(range(1000))
    result.figures["curve"] = figure
    return result


def test_result_is_on_the_disk_and_printed_when_the_disk_fills_at_the_first_figure(tmp_path, capsys):
    result = drawn()
    with disk_of(4000), pytest.raises(InputError, match=r"curve\.svg: cannot be written \(File too large\)"):
        command._save_and_print(result, tmp_path)
    assert os.listdir(tmp_path) == ["result.json"]
    assert Result.load(tmp_path / "result.json").find("scratch").metrics == {"test_acc": 0.75}
    assert "Published values are not compared" in capsys.readouterr().out


def test_tables_are_printed_when_the_disk_is_full_and_the_earlier_result_stays(tmp_path, capsys):
    command._save_and_print(drawn(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    with disk_of(100), pytest.raises(InputError, match=r"result\.json: cannot be written"):
        command._save_and_print(drawn(), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert "Published values are not compared" in capsys.readouterr().out


def test_locked_folder_says_that_the_disk_is_full_before_any_work_is_done(tmp_path):
    refused = pytest.raises(InputError, match=r"--out: cannot lock .* \(File too large\)")
    with disk_of(0), refused, locked_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


class Parameter:
    """A parameter that a checkpoint can hold."""

    def get(self):
        return [1.0] * 1000


WRITERS = {
    "summary.json": lambda folder: summary.collect(folder).save(folder),
    "report.html": lambda folder: report.write(summary.collect(folder), folder / "report.html"),
    "a.npz": lambda folder: Checkpoint(folder / "a.npz", [Parameter()], {}).after_epoch(Loop(1, 1, None)),
    "a.csv": lambda folder: write_atomically(folder / "a.csv", "x" * 1000),
}


@pytest.mark.parametrize("name", WRITERS)
def test_writers_leave_the_old_file_when_the_disk_is_full(name, tmp_path):
    drawn().save(tmp_path)
    (tmp_path / name).write_text("old")
    with disk_of(100), pytest.raises(InputError, match=f"{name}: cannot be written .* free some space"):
        WRITERS[name](tmp_path)
    assert (tmp_path / name).read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def run(code, stdout=None):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=stdout, stderr=subprocess.PIPE)


LISTS = "from d2l_repro.__main__ import main; import sys; sys.argv = ['d2l-repro', 'list']; main()"


def test_command_says_in_one_line_that_its_output_cannot_be_written():
    with open("/dev/full", "w") as full:
        ended = run(LISTS, stdout=full)
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        "d2l-repro: error: cannot write to standard output (No space left on device)"
    )
    assert ended.stderr.count("\n") == 1


def test_command_is_quiet_when_its_reader_stops():
    reader, writer = os.pipe()
    os.close(reader)
    ended = run(LISTS, stdout=writer)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_command_says_in_one_line_that_memory_is_used_up():
    code = (
        "import resource\n"
        "from d2l_repro.errors import one_line_errors\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))\n"
        "with one_line_errors('prog'):\n"
        "    bytearray(2**30)\n"
    )
    ended = run(code)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert ended.stderr.startswith("prog: error: out of memory; ")
