"""The command d2l-repro, and the script that finds a Python."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_repro import cli
from d2l_repro.result import Result

ROOT = Path(__file__).parents[1]


def main(*argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(list(argv))
    return exit.value.code


def test_list_names_every_chapter(capsys):
    assert main("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("linear_regression")
    assert len(lines) == len(list((ROOT / "chapters").glob("[!_]*.py")))


def test_run_gives_each_chapter_a_folder_and_an_overview(tmp_path, capfd):
    assert main("run", "linear_regression", "weight_decay", "--quick", "--seed", "3", "--out", str(tmp_path)) == 0
    for name in ("linear_regression", "weight_decay"):
        assert Result.load(tmp_path / name / "result.json").seed == 3
    out = capfd.readouterr().out
    assert "[2/2] weight_decay" in out
    assert "scratch = Gluon" in out


def test_a_failing_chapter_does_not_stop_the_others_and_is_named(tmp_path, capfd):
    (tmp_path / "linear_regression").write_text("a file where the folder should be")
    assert main("run", "linear_regression", "weight_decay", "--quick", "--out", str(tmp_path)) == 1
    assert (tmp_path / "weight_decay" / "result.json").is_file()
    assert "failed: linear_regression (exit code 2)" in capfd.readouterr().err


def test_what_a_crashed_chapter_left_earlier_is_not_shown_as_its_result(tmp_path, monkeypatch, capfd):
    assert main("run", "linear_regression", "--quick", "--out", str(tmp_path)) == 0
    monkeypatch.setattr(cli, "_run_chapter", lambda command: 1)
    assert main("run", "linear_regression", "--out", str(tmp_path)) == 1
    assert "linear_regression    -" in capfd.readouterr().out


def test_ctrl_c_stops_the_chapter_that_runs_keeps_what_it_finished_and_starts_no_other(tmp_path):
    code = ("from d2l_repro import cli; cli.main(['run', 'polynomial_fitting', 'linear_regression', "
            f"'--out', {str(tmp_path)!r}])")
    process = subprocess.Popen([sys.executable, "-u", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.PIPE, start_new_session=True)
    for line in process.stdout:
        if line.startswith("gluon cubic epoch 1,"):
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and to the chapter
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    result = Result.load(tmp_path / "polynomial_fitting" / "result.json")
    assert result.interrupted
    assert len(result.runs["scratch cubic"]["history"]) == 100
    assert not (tmp_path / "linear_regression").exists()


def test_a_parted_pair_is_told_in_the_overview(tmp_path):
    result = Result("mlp", 0, {}, parity={"steps": 50, "max_abs_diff": 2.0, "pairs": [
        {"ours": "scratch", "theirs": "gluon", "left_at": {"step": 3}}]})
    (tmp_path / "mlp").mkdir()
    result.save(tmp_path / "mlp")
    assert "NO: scratch" in cli._overview(tmp_path, ["mlp"], 0)


def test_a_seed_out_of_range_is_refused_once(capsys):
    assert main("run", "textbook", "--seed", "-1") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("names", [["cats"], []])
def test_an_unknown_chapter_is_one_line_and_exit_code_2(names, tmp_path, capsys):
    assert main("run", *names, "--out", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert "take textbook, all, or of linear_regression" in error
    assert error.count("\n") == 1


def test_textbook_means_the_books_chapters_once_each():
    assert cli._chosen(["mlp", "textbook"]) == ["mlp", *(name for name in cli.TEXTBOOK if name != "mlp")]


def find_python(*args):
    return subprocess.run(["sh", str(ROOT / "scripts" / "find_python.sh"), *args], capture_output=True, text=True)


def test_a_usable_python_is_found():
    found = find_python()
    assert found.returncode == 0
    version = subprocess.run([found.stdout.strip(), "-c", "import sys; print(sys.version_info[:2])"],
                             capture_output=True, text=True).stdout
    assert version.strip() in ("(3, 9)", "(3, 10)", "(3, 11)", "(3, 12)")
    assert find_python(sys.executable).stdout.strip() == sys.executable


def test_a_missing_or_broken_python_is_named_with_the_remedy(tmp_path):
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    for python in (str(broken), "no-such-python"):
        answer = find_python(python)
        assert answer.returncode == 1
        assert python in answer.stderr
        assert "make PYTHON=" in answer.stderr
        assert answer.stdout == ""
