"""Files and folders that results are written to."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_repro import files
from d2l_repro.errors import InputError
from d2l_repro.results.result import Result

ROOT = Path(__file__).parents[1]


def test_write_atomically_replaces_the_file_or_leaves_it_alone(tmp_path, monkeypatch):
    path = tmp_path / "submission.csv"
    files.write_atomically(path, "old")
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(InputError, match=r"submission\.csv: cannot be written \(disk full\)"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["submission.csv"]


def test_write_atomically_gives_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    files.write_atomically(tmp_path / "ours", b"x")
    ours, plain = ((tmp_path / name).stat().st_mode for name in ("ours", "plain"))
    assert stat.S_IMODE(ours) == stat.S_IMODE(plain)


def test_writable_folder_names_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out: cannot write to .*file.* name another folder"):
        files.writable_folder(tmp_path / "file" / "runs")
    assert files.writable_folder(tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("outputs", "inputs"),
    [
        ({"--out": "train.csv"}, {"--train": "train.csv"}),
        ({"--out": "hard.csv"}, {"--train": "train.csv"}),
        ({"--out": "soft.csv"}, {"--test": None, "--train": "train.csv"}),
        ({"--out": "new.csv", "--intervals": "folder/../new.csv"}, {}),
        ({"--out": "dangling.csv", "--intervals": "new.csv"}, {}),
    ],
)
def test_check_outputs_finds_two_names_of_one_file(outputs, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "train.csv").write_text("Id")
    os.link("train.csv", "hard.csv")
    os.symlink("train.csv", "soft.csv")
    os.symlink("new.csv", "dangling.csv")
    with pytest.raises(InputError, match=r"--out and --\w+ are the same file, .*; name another for --out"):
        files.check_outputs(outputs, inputs)


def test_check_outputs_accepts_different_files_and_a_device_twice(tmp_path):
    files.check_outputs(
        {"--out": tmp_path / "a", "--intervals": None}, {"--train": tmp_path / "b", "--test": tmp_path / "b"}
    )
    files.check_outputs({"--out": os.devnull, "--intervals": os.devnull}, {"--train": os.devnull})


def test_write_atomically_writes_to_devices_and_pipes_and_keeps_links_and_modes(tmp_path):
    files.write_atomically(os.devnull, "x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    files.write_atomically(tmp_path / "pipe", "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    files.write_atomically(link, "new")
    assert (link.is_symlink(), target.read_text()) == (True, "new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_check_outputs_names_an_output_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"--out: .* is a folder; name a file in it"):
        files.check_outputs({"--out": tmp_path}, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out: cannot write to .*file"):
        files.check_outputs({"--out": tmp_path / "file" / "a.csv"}, {})
    files.check_outputs({"--out": tmp_path / "new" / "a.csv"}, {})
    assert (tmp_path / "new").is_dir()


def test_locked_folder_is_locked_until_the_end_and_leaves_no_file(tmp_path):
    with files.locked_folder(tmp_path) as folder:
        pattern = rf"--out: .* is being written to by another command \(process {os.getpid()}\); wait"
        with pytest.raises(InputError, match=pattern), files.locked_folder(tmp_path):
            pass
        with files.locked_folder(folder / "inside"):
            pass
    with files.locked_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == ["inside"]
    assert os.listdir(tmp_path / "inside") == []


def test_locked_folder_is_free_and_swept_after_its_process_was_killed(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from d2l_repro.files import locked_folder, replacing\n"
        "with locked_folder(sys.argv[1]) as folder, replacing(folder / 'a.csv') as file:\n"
        "    file.write(b'half of it')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    (leftover,) = tmp_path.glob(".d2l_repro-*.tmp")
    assert (tmp_path / files.LOCK).exists()
    os.utime(leftover, (0, 0))
    with files.replacing(tmp_path / "b.csv") as file:  # what somebody is still writing stays
        os.utime(file.name, (0, 0))
        with files.locked_folder(tmp_path):
            assert not leftover.exists()
        file.write(b"all")
    assert os.listdir(tmp_path) == ["b.csv"]


def test_pipe_that_nobody_reads_is_an_error_instead_of_a_wait(tmp_path):
    os.mkfifo(tmp_path / "result.json")
    with pytest.raises(InputError, match="cannot be written"):
        files.write_atomically(tmp_path / "result.json", "{}")
    os.mkfifo(tmp_path / files.LOCK)
    with pytest.raises(InputError, match="cannot lock"), files.locked_folder(tmp_path):
        pass
    with pytest.raises(InputError, match="it is no file"):
        Result.load(tmp_path / "result.json")
