"""Files and folders that results are written to."""

import os
import stat

import pytest

from d2l_repro import files
from d2l_repro.errors import InputError


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
