"""Results that are kept one by one, whatever comes between."""

import errno
import json
import os

import numpy as np
import pytest

from d2l_repro.errors import InputError
from d2l_repro.kept import Kept

IDENTITY = {"chapter": "mlp", "settings": {"lr": 0.1, "sizes": (1, 2)}}
VALUES = {"a": 0.1 + 0.2, "b": {"loss": float("nan"), "epochs": [1, 2]}, "c": np.float32(0.1)}


def filled(path):
    kept = Kept(path, IDENTITY)
    for key, value in VALUES.items():
        kept.add(key, value)
    return kept


def test_kept_returns_the_same_numbers(tmp_path):
    filled(tmp_path / "kept")
    found = Kept(tmp_path / "kept", IDENTITY, resume=True).results
    assert found["a"] == 0.1 + 0.2
    assert np.isnan(found["b"]["loss"])
    assert np.float32(found["c"]) == np.float32(0.1)


def test_kept_begins_anew_without_resume_and_sets_aside_what_was_there(tmp_path, caplog):
    path, earlier = tmp_path / "runs.jsonl", tmp_path / "runs.earlier.jsonl"
    filled(path)
    before = path.read_bytes()
    for _ in range(2):  # the second time there is nothing to set aside
        assert Kept(path, IDENTITY).results == {}
    assert Kept(path, IDENTITY, resume=True).results == {}
    assert earlier.read_bytes() == before
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: begun anew; the 3 results that were there are in {earlier.name}; to go on with them, give "
        "it its old name and repeat the command with --resume"
    ]
    filled(path)
    Kept(path, IDENTITY)
    assert earlier.read_bytes() == before  # what was set aside first stays
    assert (tmp_path / "runs.earlier2.jsonl").read_bytes() == before


@pytest.mark.parametrize("resume", [True, False])
def test_kept_loses_nothing_when_the_file_cannot_be_replaced(tmp_path, monkeypatch, resume):
    filled(tmp_path / "kept")
    before = (tmp_path / "kept").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(InputError, match=r"cannot be written \(No space left"):
            Kept(tmp_path / "kept", IDENTITY, resume=resume)
    [left] = tmp_path.iterdir()
    assert left.read_bytes() == before


def test_kept_without_a_file_keeps_nothing():
    kept = Kept(None, IDENTITY, resume=True)
    kept.add("a", 1)
    assert kept.results == {"a": 1}


def test_kept_drops_only_what_was_cut_off(tmp_path):
    path = tmp_path / "kept"
    filled(path)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        if size < ends[0]:
            with pytest.raises(InputError, match="other settings"):
                Kept(path, IDENTITY, resume=True)
            continue
        kept = Kept(path, IDENTITY, resume=True)
        assert len(kept.results) == sum(end <= size for end in ends) - 1
        kept.add("later", 1)
        assert "later" in Kept(path, IDENTITY, resume=True).results


def test_kept_ignores_what_is_damaged(tmp_path):
    path = tmp_path / "kept"
    filled(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for damage in (b"[1]\n", b"\xff\n", b"{}\n", b"[[], 1]\n"):
        path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
        assert list(Kept(path, IDENTITY, resume=True).results) == ["a"]


def test_kept_refuses_what_belongs_to_other_settings(tmp_path):
    path = tmp_path / "kept"
    filled(path)
    before = path.read_bytes()
    other = {**IDENTITY, "settings": {"lr": 0.2, "sizes": (1, 2)}}
    with pytest.raises(InputError, match=r"written with other settings \(settings\); leave --resume"):
        Kept(path, other, resume=True)
    assert path.read_bytes() == before


def test_kept_says_that_a_file_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written \(Is a directory\)"):
        Kept(tmp_path, IDENTITY)
    kept = filled(tmp_path / "kept")
    (tmp_path / "kept").unlink()
    (tmp_path / "kept").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        kept.add("d", 1)
    assert json.loads(json.dumps(kept.results["a"])) == 0.1 + 0.2
