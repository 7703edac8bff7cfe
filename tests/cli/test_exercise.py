"""`d2l-repro exercise`, with checks that are not run; tests/exercises runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_repro.cli.main import main
from d2l_repro.columns import width
from d2l_repro.exercises import sandbox, texts
from d2l_repro.exercises.progress import Progress
from d2l_repro.exercises.report import Report
from d2l_repro.language import VARIABLE


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run_command(*argv):
        with pytest.raises(SystemExit) as exit_:
            main(["exercise", *argv])
        return (exit_.value.code, *capsys.readouterr())

    return run_command


@pytest.fixture
def checks(monkeypatch):
    """Let checks pass two steps; return the list of what is checked."""
    checked = []

    def check_file(name, path, seed, limits):
        sandbox.read_source(path)
        checked.append((name, str(path), seed))
        titles = list(texts.text_of(name).steps)
        passed = len(titles) if "right" in path.read_text() else 1
        return Report(name, len(titles), titles, passed, "" if passed > 1 else "It is wrong. Look there.")

    monkeypatch.setattr(sandbox, "check_file", check_file)
    return checked


def test_a_learner_starts_fails_passes_and_goes_on(run, checks):
    code, out, _ = run("start")
    assert (code, out.splitlines()[0]) == (0, "exercises/linreg.py: The model of a linear regression")
    code, out, _ = run("check")
    assert code == 1
    assert out.splitlines() == [
        "linreg: step 2 of 3, values: failed",
        "  ok  shape",
        "  no  values",
        "      gradients of w and b",
        "It is wrong. Look there.",
    ]
    assert re.search(r"1 +linreg .* 1 of 3 steps\n", run("list")[1])
    Path("exercises/linreg.py").write_text("right")
    code, out, _ = run("check", "exercises/linreg.py")
    assert code == 0
    assert out.endswith("next: d2l-repro exercise start squared_loss\n")
    code, out, _ = run("list")
    assert re.search(r"1 +linreg .* done\n", out)
    assert out.endswith("1 of 33 done in exercises\n")
    assert checks == [("linreg", "exercises/linreg.py", 0)] * 2


def test_hints_say_more_each_time(run):
    for number in (1, 2, 3, 3):
        code, out, _ = run("hint", "softmax")
        assert (code, out.count(" of 3: ")) == (0, number)
    assert "exercise solution softmax" in out


def test_seed_is_kept_in_the_folder(run, checks):
    run("start", "relu", "--seed", "7", "--dir", "mine")
    run("check", "relu", "--dir", "mine")
    assert checks == [("relu", "mine/relu.py", 7)]


def test_commands_speak_chinese(run, checks, monkeypatch):
    monkeypatch.setenv(VARIABLE, "zh")
    code, out, _ = run("start")
    assert (code, out.splitlines()[0]) == (0, "exercises/linreg.py：线性回归的模型")
    assert run("check")[1].splitlines()[:4] == [
        "linreg：第 2/3 步（数值）未通过",
        "  通过  形状",
        "  未过  数值",
        "        关于 w 和 b 的梯度",
    ]
    head, *rows = run("list")[1].splitlines()[:34]
    assert {width(row[: row.index(texts.text_of(row.split()[1]).title)]) for row in rows} == {
        width(head[: head.index("标题")])
    }
    assert rows[0].endswith("  1/3 步")
    assert run("hint", "softmax")[1].startswith("1/3：每一行有自己的和")
    code, _, err = run("check", "nonsense")
    assert (code, err.count("\n")) == (2, 1)
    assert "没有名为 'nonsense' 的练习" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["check"], "no exercise is started in exercises"),
        (["check", "relu"], "exercises/relu.py: cannot be read"),
        (["check", "nonsense"], "unknown exercise 'nonsense'"),
        (["check", "elsewhere/nonsense.py"], "unknown exercise 'nonsense'"),
        (["check", "relu", "--seconds", "0"], "--seconds must be from 0.1 to 3600"),
        (["check", "relu", "--megabytes", "1"], "--megabytes must be from 16"),
        (["start", "nonsense"], "unknown exercise 'nonsense'"),
        (["hint", "nonsense"], "unknown exercise 'nonsense'"),
        (["solution", "nonsense"], "unknown exercise 'nonsense'"),
        (["grade", "nothing"], "nothing: cannot be read"),
    ],
)
def test_input_errors_are_one_line(argv, message, run, checks):
    code, out, err = run(*argv)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_all_but_checks_work_without_mxnet(tmp_path):
    program = """
import sys
sys.modules["mxnet"] = None
from d2l_repro.cli.main import main
for argv in (["list"], ["start", "softmax"], ["hint", "softmax"]):
    try:
        main(["exercise", *argv])
    except SystemExit as end:
        assert not end.code
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "exercises" / "softmax.py").is_file()


def test_solution_shows_the_code_with_a_commentary(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "d2l_repro", "exercise", "solution", "softmax"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "def softmax(X: nd.NDArray)" in done.stdout
    assert "After the shift the largest term is exp(0) = 1" in done.stdout.replace("\n", " ")
    assert Progress.load(tmp_path / "exercises").entries["softmax"].solution
