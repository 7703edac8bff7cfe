"""Test the flags of chapters: what reads, passes on, and explains them."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_repro.cli import main as cli
from d2l_repro.cli.flags import parse
from d2l_repro.cli.outline import read_outline
from d2l_repro.cli.runner import Board, Task
from d2l_repro.errors import InputError
from d2l_repro.results.result import Result
from d2l_repro.suggestions import closest
from kaggle_house import cli as kaggle

ROOT = Path(__file__).parents[2]


def main(*argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(list(argv))
    return exit.value.code


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Return the tasks that `run` would start."""
    tasks = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "run_tasks", lambda found, jobs, start: (tasks.extend(found), ({}, False))[1])
    return tasks


def flags_of(task):
    """Return the flags after those that every task has."""
    return task.command[task.command.index("--seed") + 2 :]


def test_run_passes_the_flags_of_a_chapter_on(started):
    argv = ["--num-epochs", "3", "--impl", "gluon", "--dataset", "mnist", "--data-dir", "there", "--show"]
    main("run", "mlp", *argv)
    (task,) = started
    assert sorted(flags_of(task)) == sorted(argv)
    assert (task.settings, task.impl, task.dataset) == ((("num_epochs", 3),), "gluon", "mnist")


def test_run_passes_nothing_on_if_nothing_is_changed(started):
    main("run", "mlp", "optimizers")
    assert [flags_of(task) for task in started] == [[], []]


def test_run_gives_every_chapter_the_flags_that_all_of_them_have(started):
    main("run", "mlp", "optimizers", "--num-epochs", "7", "--quick", "--impl", "scratch")
    assert [task.chapter for task in started] == ["mlp", "optimizers"]
    for task in started:
        assert flags_of(task) == ["--quick", "--impl", "scratch", "--num-epochs", "7"]


def test_run_begins_with_the_longest_of_several_chapters_at_a_time(started):
    main("run", "xor", "lenet", "mlp")
    assert [task.chapter for task in started] == ["xor", "lenet", "mlp"]
    started.clear()
    main("run", "xor", "lenet", "mlp", "--seeds", "2", "--jobs", "2")
    assert [task.chapter for task in started] == ["lenet", "lenet", "xor", "xor", "mlp", "mlp"]
    assert [task.seed for task in started] == [0, 1] * 3


def test_run_passes_only_on_where_all_chapters_compare_several_models(started, capsys):
    main("run", "optimizers", "dropout", "--only", "adam", "no dropout")
    assert [task.only for task in started] == [("adam", "no dropout")] * 2
    assert main("run", "optimizers", "mlp", "--only", "adam") == 2
    assert "--only: mlp has no such flag; run optimizers without mlp" in capsys.readouterr().err


def test_run_wants_the_chapters_before_the_flags(started, capsys):
    assert main("run", "--lr", "0.2", "mlp") == 0
    assert [task.settings for task in started] == [(("lr", 0.2),)]
    assert main("run", "mlp", "--lr", "0.2", "--stream", "linux", "dropout") == 2


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["run", "mlp", "--learning-rate", "1"], "--learning-rate: no such flag; did you mean --lr? (see d2"),
        (["run", "mlp", "--epochs=3"], "--epochs: no such flag; did you mean --num-epochs?"),
        (["run", "mlp", "--reusme"], "--reusme: no such flag; did you mean --resume?"),
        (
            ["run", "mlp", "xor", "--num-hiddens", "1"],
            "--num-hiddens: xor has no such flag; run mlp without xor",
        ),
        (["report", "--ot", "x.html"], "--ot: no such flag; did you mean --out? (see d2l-repro report"),
        (["rn", "mlp"], "unknown command 'rn'; did you mean run? choose from list, run,"),
        (["run", "softmx"], "unknown chapter 'softmx'; did you mean softmax_regression? choose from"),
        (["run", "mlp", "--dataset", "fashon"], "cannot use 'fashon'; did you mean fashion_mnist? choose"),
        (["data", "status", "fashion-mist"], "unknown data set 'fashion-mist'; did you mean fashion_mnist?"),
    ],
)
def test_commands_say_what_a_misspelt_name_may_mean(argv, line, started, capsys):
    assert main(*argv) == 2
    assert started == []
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert line in err


def test_flags_that_nothing_resembles_are_only_said_not_to_exist(started, capsys):
    assert main("run", "mlp", "--zzz") == 2
    assert capsys.readouterr().err == "d2l-repro: error: --zzz: no such flag (see d2l-repro run --help)\n"


def test_parse_suggests_a_chapters_own_flags():
    with pytest.raises(InputError, match=r"--bs: no such flag; did you mean --batch-size\?"):
        parse(read_outline("mlp"), ["--bs", "3", "--no-quick"], "python -m chapters.mlp")


@pytest.mark.parametrize(
    ("command", "argv", "flag"),
    [
        (cli, ["run"], "--stream {linux,macos,windows}"),
        (cli, ["mistakes"], "--cluster STR"),
        (cli, ["data", "fetch"], "--data-dir PATH"),
        (kaggle, ["submit"], "--intervals PATH"),
    ],
)
def test_help_speaks_of_values_and_not_of_types(command, argv, flag, capsys):
    with pytest.raises(SystemExit) as exit:
        command.main([*argv, "--help"])
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert exit.value.code == 0
    assert flag in out
    assert "(default: none)" in out
    assert "None" not in out
    assert "(default: )" not in out


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("softmax", "softmax_regression"),
        ("lenett", "lenet"),
        ("Two-Moons", "two_moons"),
        ("regresion", "softmax_regression"),
        ("moby dick", None),
        ("", None),
    ],
)
def test_closest_compares_whole_names_and_their_parts(word, name):
    assert closest(word, ["lenet", "softmax_regression", "two_moons"]) == name


def run_module(*argv):
    """Run `python -m` where importing MXNet ends in an error."""
    code = (
        "import sys, runpy; sys.modules['mxnet'] = None; "
        f"sys.argv = ['-m', *{list(argv[1:])!r}]; runpy._run_module_as_main({argv[0]!r})"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_modules_of_chapters_answer_without_mxnet_where_it_is_not_needed():
    done = run_module("chapters.softmax_regresion", "--help")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "unknown chapter 'softmax_regresion'; did you mean softmax_regression?" in done.stderr
    done = run_module("chapters.mlp", "--quick", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: python -m chapters.mlp " in done.stdout
    assert "units of the hidden layer (default: 256)" in " ".join(done.stdout.replace("│", " ").split())
    assert "(default: 2)" in done.stdout  # epochs of a quick run


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a TOML file and returns its path."""

    def write(text):
        (tmp_path / "settings.toml").write_text(text)
        return str(tmp_path / "settings.toml")

    return write


def settings_of(name, *argv):
    return dataclasses.asdict(parse(read_outline(name), argv, "chapter").settings)


def test_config_changes_settings_and_flags_win(config):
    path = config("num-epochs = 9\nlr = 1  # a whole number where any will do\n")
    own = dataclasses.asdict(read_outline("mlp").defaults())
    assert settings_of("mlp", "--config", path) == {**own, "num_epochs": 9, "lr": 1.0}
    assert settings_of("mlp", f"--config={path}", "--lr", "0.2")["lr"] == 0.2
    assert settings_of("mlp", "--quick", "--config", path)["num_epochs"] == 9


def test_run_passes_the_settings_of_a_config_on(started, config):
    main("run", "mlp", "dropout", "--config", config("num_epochs = 9\nlr = 0.1"), "--lr", "0.2")
    assert [dict(task.settings) for task in started] == [{"num_epochs": 9, "lr": 0.2}] * 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "learning_rate = 1",
            "learning_rate: no setting of chapters.mlp; did you mean lr? choose from num_ep",
        ),
        ("lr = '0.1'", "lr: must be a number, not '0.1'; correct the line"),
        ("lr = true", "lr: must be a number, not True"),
        ("num_epochs = 1.5", "num_epochs: must be a whole number, not 1.5"),
        ("num_epochs = 0", "num-epochs: must be at least 1 and below 10,000,001, not 0"),
        ("lr = nan", "lr: must be at least 1e-18"),
        ("num_epochs = 1\nnum-epochs = 2", "num-epochs: is there twice; remove one of the lines"),
        ("[mlp]\nlr = 1", "mlp: tables have no meaning here"),
        ("lr = ", "is not valid TOML ("),
        ("'\\u001b[2J' = 1", "no setting of chapters.mlp"),
        ("x" * 70_000, "is larger than 65,536 bytes"),
    ],
)
def test_config_that_does_not_fit_is_refused_in_a_line_with_file_and_key(
    text, problem, config, started, capsys
):
    path = config(text)
    assert main("run", "mlp", "--config", path) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert path in err
    assert problem in err
    assert "\x1b" not in err


def test_config_that_cannot_be_read_is_refused(tmp_path, started, capsys):
    assert main("run", "mlp", "--config", str(tmp_path)) == 2
    assert f"--config: {tmp_path} cannot be read (" in capsys.readouterr().err


class Process:
    """A process that has printed lines and ended."""

    def __init__(self, lines, code):
        self.stdout, self.code = lines, code

    def wait(self):
        return self.code


@pytest.mark.parametrize(("quiet", "code"), [(True, 0), (True, 1), (False, 0)])
def test_run_on_a_terminal_shows_one_line_of_a_chapter_that_succeeds(quiet, code, tmp_path, capsys):
    task = Task("mlp", 0, tmp_path, False, "mlp", quiet=quiet)
    Board([task], 1).follow(task, Process(["scratch epoch 1, loss 2\n", "\x1e0.5\tepoch 1\n"], code))
    out = capsys.readouterr().out
    assert ("scratch epoch 1, loss 2\n" in out) is (not quiet or code == 1)
    assert out.strip().startswith("[1/1] mlp: ") is (quiet and code == 0)
    assert "\x1e" not in out


@pytest.mark.parametrize(
    ("terminals", "verbose", "quiet"), [(2, [], True), (2, ["--verbose"], False), (1, [], False)]
)
def test_run_is_quiet_on_a_terminal_unless_verbose(terminals, verbose, quiet, started, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminals > 1, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminals > 0, raising=False)
    main("run", "mlp", *verbose)
    assert [task.quiet for task in started] == [quiet]


def test_resume_keeps_only_results_on_the_data_set_that_is_asked_for(tmp_path):
    result = Result("mlp", 0, {"num_epochs": 3}, dataset="mnist", changed={"num_epochs": 5})
    result.save(tmp_path)
    task = Task("mlp", 0, tmp_path, False, "mlp", settings=(("num_epochs", 3),), dataset="mnist")
    assert task.is_finished()
    assert not dataclasses.replace(task, dataset="auto").is_finished()
    assert not dataclasses.replace(task, settings=()).is_finished()
