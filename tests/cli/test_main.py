"""Test the command d2l-repro, and the script that finds a Python."""

import contextlib
import dataclasses
import fcntl
import importlib
import inspect
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import types
from pathlib import Path

import numpy as np
import pytest

from d2l_repro import compat
from d2l_repro.cli import chapter as command
from d2l_repro.cli import main as cli
from d2l_repro.cli import runner
from d2l_repro.cli.chapter import outline_of
from d2l_repro.cli.mistakes import MistakesCommand
from d2l_repro.cli.outline import read_outline
from d2l_repro.cli.runner import Task
from d2l_repro.errors import InputError
from d2l_repro.files import locked_folder
from d2l_repro.processes import python_command
from d2l_repro.results import catalogue, published
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult

ROOT = Path(__file__).parents[2]


def main(*argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(list(argv))
    return exit.value.code


def test_list_names_every_chapter_with_section_time_and_data(capsys):
    assert main("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["chapter", "section", "takes", "title", "data"]
    assert " ".join(lines[2].split()).startswith("softmax_regression 3.4 to 3.7 ")
    data = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert (data["weight_decay"], data["gluon_blocks"]) == ("synthetic", "none")
    assert lines[2].split("  ")[-1].strip() == "fashion_mnist, fashion_mnist_2017, mnist, digits"
    assert len(lines) == 1 + len(list((ROOT / "chapters").glob("[!_]*.py")))


def test_catalogue_agrees_with_the_chapters():
    assert tuple(catalogue.entries())[: len(catalogue.TEXTBOOK)] == catalogue.TEXTBOOK
    for name, entry in catalogue.entries().items():
        chapter = importlib.import_module(f"chapters.{name}").chapter
        assert (entry.name, entry.datasets) == (chapter.name, chapter.datasets)
        assert chapter.doc.startswith(entry.title)
        assert len(entry.title) < 100
        assert facts(read_outline(name)) == facts(outline_of(chapter))


def facts(outline):
    """Return what an outline says, without the class of the settings, which is made twice."""
    settings = [(field.name, field.type, field.default) for field in dataclasses.fields(outline.settings)]
    doc = inspect.cleandoc(outline.doc)
    return settings, outline.settings.__doc__, dataclasses.replace(outline, settings=None, doc=doc)


HELP = {
    "d2l-repro": ["--help"],
    **{
        f"d2l-repro {command}": [*command.split(), "--help"]
        for command in ("run", "report", "compare", "data", "data verify", "predict")
    },
    **{f"d2l-repro run {names}": ["run", *names.split(), "--help"] for names in ("mlp", "lenet xor", "all")},
}


@pytest.fixture(scope="module")
def help_without_mxnet():
    """Return exit code and text of each command's --help where MXNet cannot be imported."""
    code = f"""
import contextlib, io, json, sys
sys.modules["mxnet"] = None
from d2l_repro.cli import main
said = {{}}
for name, argv in {HELP!r}.items():
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            main.main(argv)
        except SystemExit as end:
            said[name] = end.code, text.getvalue()
json.dump(said, sys.stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", HELP)
def test_help_explains_the_commands_without_importing_mxnet(command, help_without_mxnet):
    code, text = help_without_mxnet[command]
    assert code == 0
    assert f"usage: {command.partition(' run ')[0]} " in text


@pytest.fixture(scope="module")
def two_chapters(tmp_path_factory):
    """Run two chapters quickly with seed 3 and a terminal as stderr.

    Returns:
        The folder of the results, the exit code, what was printed, and what was drawn on the terminal.
    """
    folder = tmp_path_factory.mktemp("two_chapters")
    argv = ["run", "linear_regression", "weight_decay", "--quick", "--seed", "3", "--out", str(folder)]
    code = f"from d2l_repro.cli import main; main.main({argv!r})"
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))  # rows and columns
    with tempfile.TemporaryFile("w+") as out:
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=out, stderr=follower) as process:
            os.close(follower)
            drawn = b""
            with contextlib.suppress(OSError):  # how Linux says that the other end was closed
                while True:
                    drawn += os.read(leader, 4096)
        os.close(leader)
        out.seek(0)
        return types.SimpleNamespace(
            folder=folder, exit_code=process.returncode, printed=out.read(), drawn=drawn
        )


@pytest.fixture
def finished(two_chapters, tmp_path):
    """Copy the folder with the results of `two_chapters`."""
    return Path(shutil.copytree(two_chapters.folder, tmp_path / "finished"))


def test_run_gives_each_chapter_a_folder_an_overview_and_a_report(two_chapters):
    folder, out = two_chapters.folder, two_chapters.printed
    assert two_chapters.exit_code == 0
    for name in ("linear_regression", "weight_decay"):
        result = Result.load(folder / name / "result.json")
        assert (result.seed, result.quick, result.changed) == (3, True, {})
        assert result.seconds > 0
    assert "[2/2] weight_decay" in out
    assert "scratch = Gluon" in out
    assert out.endswith(f"report: {folder / 'report.html'}\n")
    assert "\x1e" not in out
    assert json.loads((folder / "summary.json").read_text())["chapters"].keys() == {
        "linear_regression",
        "weight_decay",
    }


def test_run_with_several_seeds_at_a_time_gives_what_each_seed_gives_alone(two_chapters, tmp_path, capfd):
    argv = ["--quick", "--seed", "2", "--seeds", "2", "--jobs", "2", "--out", str(tmp_path)]
    assert main("run", "linear_regression", *argv) == 0
    folder = tmp_path / "linear_regression"
    metrics = [
        Result.load(path / "result.json").find("gluon").metrics for path in (folder, folder / "seed_3")
    ]
    alone = Result.load(two_chapters.folder / "linear_regression" / "result.json")
    assert metrics[1] == alone.find("gluon").metrics
    summary = json.loads((tmp_path / "summary.json").read_text())["chapters"]["linear_regression"]
    losses = [metric["train_loss"] for metric in metrics]
    assert summary["seeds"] == [2, 3]
    assert summary["metrics"]["gluon"]["train_loss"] == {
        "mean": pytest.approx(np.mean(losses)),
        "std": pytest.approx(np.std(losses, ddof=1)),
        "values": losses,
    }
    out, err = capfd.readouterr()
    assert "[2/2] linear_regression (seed 3)" in out
    assert out.count("gluon epoch 1, ") == 2
    assert err == ""  # no bar where stderr is not a terminal


def test_run_names_a_failing_chapter_and_runs_the_others(tmp_path, capfd):
    (tmp_path / "linear_regression").write_text("a file where the folder should be")
    assert main("run", "linear_regression", "weight_decay", "--quick", "--out", str(tmp_path)) == 1
    assert (tmp_path / "weight_decay" / "result.json").is_file()
    assert "failed: linear_regression (exit code 2)" in capfd.readouterr().err
    assert "failed: linear_regression (exit code 2)" in (tmp_path / "report.html").read_text()


def test_processes_import_nothing_from_the_current_folder(tmp_path):
    (tmp_path / "tyro.py").write_text("open('ran', 'w')")
    subprocess.run(python_command("import tyro; tyro.cli"), cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tyro.py"]


def test_run_resume_keeps_what_is_finished_and_runs_the_rest(finished, capfd):
    kept, interrupted = (finished / name / "result.json" for name in ("linear_regression", "weight_decay"))
    interrupted.write_text(interrupted.read_text().replace('"interrupted": false', '"interrupted": true'))
    before = kept.read_bytes()
    argv = ["--quick", "--seed", "3", "--out", str(finished), "--resume"]
    assert main("run", "linear_regression", "weight_decay", *argv) == 0
    assert kept.read_bytes() == before
    assert not Result.load(interrupted).interrupted
    assert "linear_regression: finished earlier, kept" in capfd.readouterr().out


@pytest.mark.parametrize(("seed", "quick", "own"), [(3, True, True), (4, True, False), (3, False, False)])
def test_run_resume_repeats_a_chapter_whose_result_has_other_settings(two_chapters, seed, quick, own):
    task = Task("weight_decay", seed, two_chapters.folder / "weight_decay", quick, "")
    assert task.is_finished() == own
    assert not dataclasses.replace(task, stream="macos").is_finished()


def test_run_strict_fails_when_a_published_number_is_far_from_our_seeds(tmp_path, monkeypatch, capfd):
    result = Result("linear_regression", 0, {}, dataset="synthetic")
    result.add("scratch", "", {"train_loss": 5.05e-5})
    result.compare()
    row = next(row for row in published.published_values() if row["metric"] == "train_loss")

    def fake(tasks, jobs, start):
        tasks[0].folder.mkdir(parents=True)
        result.save(tasks[0].folder)
        return dict.fromkeys(tasks, 0), False

    monkeypatch.setattr(cli, "run_tasks", fake)
    assert main("run", "linear_regression", "--strict", "--out", str(tmp_path / "a")) == 0
    monkeypatch.setitem(row, "value", 1.0)
    assert main("run", "linear_regression", "--out", str(tmp_path / "b")) == 0
    assert main("run", "linear_regression", "--strict", "--out", str(tmp_path / "c")) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(
        "d2l-repro: linear_regression, scratch, train_loss: published 1, differs, unexplained (Linux); "
        "this run 5.05e-05, our seeds "
    )


@pytest.mark.parametrize(
    ("names", "jobs", "expected"),
    [
        (["mlp", "mnist_regularization"], 1, []),
        (["mlp", "mnist_regularization"], 8, ["--jobs", "2"]),
        (["mlp", "dropout", "mnist_regularization"], 8, ["--jobs", "1"]),
        (["mnist_regularization"], 8, []),
    ],
)
def test_run_gives_a_study_its_share_of_the_cores(tmp_path, monkeypatch, names, jobs, expected):
    started = {}

    def fake(tasks, jobs, start):
        started.update({task.chapter: task.flags[2:] for task in tasks})
        return dict.fromkeys(tasks, 1), False

    monkeypatch.setattr(cli, "run_tasks", fake)
    monkeypatch.setattr(compat, "cores", lambda: 4)
    main("run", *names, "--jobs", str(jobs), "--out", str(tmp_path))
    assert started.pop("mnist_regularization") == expected
    assert set(map(tuple, started.values())) <= {()}


def test_run_does_not_show_what_a_crashed_chapter_left_earlier_as_its_result(finished, monkeypatch, capfd):
    monkeypatch.setattr(cli, "run_tasks", lambda tasks, jobs, start: (dict.fromkeys(tasks, 1), False))
    assert main("run", "linear_regression", "--out", str(finished)) == 1
    assert "          chapter\nlinear_regression\n" in capfd.readouterr().out


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.parent != folder and path.is_file()}


def test_run_that_fails_or_has_fewer_seeds_deletes_nothing_and_says_what_is_shown(
    finished, monkeypatch, capfd
):
    home = finished / "linear_regression"
    for seed in (4, 5):
        shutil.copytree(finished / "weight_decay", home / f"seed_{seed}")
        path = home / f"seed_{seed}" / "result.json"
        content = json.loads((home / "result.json").read_text())
        path.write_text(json.dumps({**content, "seed": seed}))
        (home / f"seed_{seed}" / "notes.txt").write_text("of a stranger")
    before = contents(finished)
    monkeypatch.setattr(cli, "run_tasks", lambda tasks, jobs, start: (dict.fromkeys(tasks, 1), False))
    argv = ["--quick", "--seed", "3", "--out", str(finished)]
    assert main("run", "linear_regression", *argv) == 1
    assert contents(finished) == before
    line = "failed: linear_regression (exit code 1); the report shows the result of an earlier run"
    assert line in capfd.readouterr().err
    assert line in (finished / "report.html").read_text()
    seeds = json.loads((finished / "summary.json").read_text())["chapters"]["linear_regression"]["seeds"]
    assert seeds == [3]


def test_run_refuses_to_replace_full_results_by_quick_ones_before_it_starts(finished, monkeypatch, capsys):
    path = finished / "weight_decay" / "result.json"
    path.write_text(path.read_text().replace('"quick": true', '"quick": false'))
    before = contents(finished)
    monkeypatch.setattr(cli, "run_tasks", None)
    assert main("run", "linear_regression", "weight_decay", "--quick", "--out", str(finished)) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"{path.parent} has the results of a full run, which --quick would replace" in err
    assert contents(finished) == before


def test_quick_run_goes_elsewhere_by_default_if_it_would_replace_full_results(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert runner.default_folder(True, ["mlp"]) == Path("runs")
    Path("runs", "mlp").mkdir(parents=True)
    Result("mlp", 0, {}).save("runs/mlp")
    assert runner.default_folder(False, ["dropout", "mlp"]) == Path("runs")
    assert capsys.readouterr().err == ""
    assert runner.default_folder(True, ["dropout", "mlp"]) == Path("runs", "quick")
    assert "those of this quick one go to runs/quick" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["run", "mlp"], ["bands", "mlp"], ["mistakes"], ["bench"]])
def test_commands_refuse_a_folder_that_another_one_writes_to(argv, tmp_path, capfd):
    with locked_folder(tmp_path):
        assert main(*argv, "--out", str(tmp_path)) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"--out: {tmp_path} is being written to by another command" in err


def test_run_draws_a_bar_over_chapters_and_epochs_on_a_terminal(two_chapters):
    assert two_chapters.exit_code == 0
    assert "gluon epoch 1, " in two_chapters.printed
    assert b"of 2 [" in two_chapters.drawn
    assert b"weight_decay: " in two_chapters.drawn


def test_run_interrupted_keeps_what_is_finished_and_starts_no_other_chapter(tmp_path):
    code = (
        "from d2l_repro.cli import main; main.main(['run', 'polynomial_fitting', 'linear_regression', "
        f"'--out', {str(tmp_path)!r}])"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    for line in process.stdout:
        if line.startswith("gluon cubic epoch 1,"):
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and to the chapter
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    result = Result.load(tmp_path / "polynomial_fitting" / "result.json")
    assert result.interrupted
    assert len(result.find("scratch", "cubic").history) == 100
    assert not (tmp_path / "linear_regression").exists()


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("delay", [0, 0.7])
def test_run_interrupted_during_imports_exits_as_interrupted(tmp_path, jobs, delay):
    # Python imports this first: it leaves a file for every process that has begun.
    begun = "import os, pathlib\npathlib.Path(__file__).with_name(f'{os.getpid()}.begun').touch()\n"
    (tmp_path / "sitecustomize.py").write_text(begun)
    argv = ["run", "mlp", "dropout", "--jobs", str(jobs), "--out", str(tmp_path / "runs")]
    code = f"from d2l_repro.cli import main; main.main({argv!r})"
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    while len(list(tmp_path.glob("*.begun"))) < 1 + jobs:  # the command's own, and the chapters'
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "failed" not in err


def test_save_does_not_replace_a_finished_result_by_an_interrupted_one(tmp_path, capsys):
    whole, broken = Result("mlp", 0, {}), Result("mlp", 0, {}, interrupted=True)
    for result in (whole, broken):
        history = History([{"epoch": 1, "train_loss": 1.0, "seconds": 1.0}])
        result.runs.append(RunResult("scratch", "", 0, history))
    empty = Result("mlp", 0, {}, interrupted=True, runs=[RunResult("scratch", "", 0)])
    path = tmp_path / "result.json"
    command._save_and_print(empty, tmp_path)
    assert not path.exists()
    command._save_and_print(broken, tmp_path)
    assert Result.load(path).interrupted
    command._save_and_print(whole, tmp_path)
    before = path.read_bytes()
    capsys.readouterr()
    command._save_and_print(broken, tmp_path)
    assert path.read_bytes() == before
    assert "the earlier results in" in capsys.readouterr().out


def test_command_ends_quietly_when_its_pipe_is_closed():
    command = f'{sys.executable} -c \'from d2l_repro.cli import main; main.main(["data", "status"])\' | true'
    ended = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "mlp", "--seed", "2147483647", "--seeds", "2"],
        ["run", "mlp", "--seeds", "1000000000"],
        ["run", "linear_regression", "mlp", "--stream", "macos"],
        ["report", ".", "--out", "runs/mlp/result.json"],
    ],
)
def test_command_rejects_unusable_arguments_before_it_does_anything(argv, capsys):
    assert main(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert argv[-2] in err


def test_list_leaves_out_modules_that_are_no_chapters_and_names_broken_ones(tmp_path, monkeypatch):
    for path in (ROOT / "chapters").glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "helper.py").write_text("x = 1")
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    monkeypatch.setattr(catalogue, "entries", catalogue.entries.__wrapped__)
    assert "helper" not in catalogue.entries()
    (tmp_path / "own.py").write_text("NAMES = ('a',)\nchapter = Chapter(name='own', datasets=NAMES)")
    assert catalogue.entries()["own"].datasets == ("see --help",)
    (tmp_path / "own.py").write_text("def")
    with pytest.raises(InputError, match=r"own\.py: cannot be read as Python"):
        catalogue.entries()


def test_run_rejects_a_seed_out_of_range_once(capsys):
    assert main("run", "textbook", "--seed", "-1") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("names", [["cats"], []])
def test_run_reports_an_unknown_chapter_in_one_line_with_exit_code_2(names, tmp_path, capsys):
    assert main("run", *names, "--out", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert "choose from textbook, all, linear_regression" in error
    assert error.count("\n") == 1


def test_run_textbook_means_each_of_the_books_chapters_once():
    assert cli.select_chapters(["mlp", "textbook"]) == [
        "mlp",
        *(name for name in catalogue.TEXTBOOK if name != "mlp"),
    ]


def find_python(*args):
    return subprocess.run(
        ["sh", str(ROOT / "scripts" / "find_python.sh"), *args], capture_output=True, text=True
    )


def test_python_script_finds_a_usable_python():
    found = find_python()
    assert found.returncode == 0
    version = subprocess.run(
        [found.stdout.strip(), "-c", "import sys; print(sys.version_info >= (3, 9))"],
        capture_output=True,
        text=True,
    ).stdout
    assert version == "True\n"
    assert find_python(sys.executable).stdout.strip() == sys.executable


@pytest.mark.parametrize(
    ("described", "answer"),
    [
        ("3.8 x86_64", "is Python 3.8, which is too old"),
        ("2.7 x86_64", "is Python 2.7, which is too old"),
        ("3.12 arm64", "is for Apple silicon, for which MXNet has no wheel"),
    ],
)
def test_python_script_refuses_an_unsupported_python_in_one_line(described, answer, tmp_path):
    python = fake_python(tmp_path, described)
    found = find_python(python)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(f"{python} {answer}")
    assert "needed is Python 3.9 or later" in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(("described", "warned"), [("3.13 x86_64", False), ("3.14 x86_64", True)])
def test_python_script_warns_of_pythons_that_are_not_tested(described, warned, tmp_path):
    python = fake_python(tmp_path, described)
    found = find_python(python)
    assert (found.returncode, found.stdout) == (0, f"{python}\n")
    assert ("newer than those tested" in found.stderr) is warned


def fake_python(folder, described):
    """Write a command that describes itself as another Python."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\necho '{described}'\n")
    path.chmod(0o755)
    return str(path)


def test_python_script_names_a_missing_or_broken_python_and_the_remedy(tmp_path):
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    for python in (str(broken), "no-such-python"):
        answer = find_python(python)
        assert answer.returncode == 1
        assert python in answer.stderr
        assert "make PYTHON=" in answer.stderr
        assert answer.stdout == ""


@pytest.mark.parametrize(
    ("names", "chapters"),
    [
        (("textbook", "optimizers"), [*catalogue.TEXTBOOK, "optimizers"]),
        (("all", "mlp"), []),
        (("mlp", "mlp"), ["mlp"]),
    ],
)
def test_mistakes_are_those_of_chapters_or_groups(names, chapters):
    assert MistakesCommand(names=names).chapters == chapters
