"""Test how mistakes are measured, on small settings; and that the committed table is what they declare."""

import subprocess
import sys

import pytest

from chapters import linear_regression, polynomial_fitting, weight_decay
from d2l_repro.errors import InputError
from d2l_repro.mistakes import CHAPTERS, lesson_of
from d2l_repro.mistakes import __main__ as command
from d2l_repro.mistakes.table import RIGHT, measure, mistakes_of
from d2l_repro.results import caught
from d2l_repro.results.caught import NO_MISTAKE, load


@pytest.fixture(scope="module")
def linear():
    """Return a function: name of a mistake -> what comes of it in linear regression."""
    return lambda name: measure("linear_regression", name)


def test_measure_takes_the_chapters_own_values(linear):
    metrics = linear_regression.run(impl="scratch").labelled()["scratch"].metrics
    values = linear(NO_MISTAKE).values
    assert values["scratch"] == {name: metrics[name] for name in ("train_loss", "epoch1_loss")}
    assert values["gluon"] == values["scratch"]  # the row about Gluon means the same
    assert "data" not in values


def test_measure_puts_the_mistake_into_the_model_that_is_trained(linear):
    found = linear("no half")
    assert found.proofs == ("parity",)
    assert found.what == "whose squared loss lacks its half"
    assert found.values["scratch"]["epoch1_loss"] != linear(NO_MISTAKE).values["scratch"]["epoch1_loss"]


def test_measure_puts_the_mistake_into_the_data(linear):
    found = linear("labels of others")
    assert found.proofs == ()
    assert found.values["scratch"]["train_loss"] > 1


def test_measure_has_no_number_where_training_diverges():
    hp = polynomial_fitting.HParams(lr=10.0, num_epochs=3)
    assert measure("polynomial_fitting", hp=hp).values["linear"] == {"train_loss": None, "test_loss": None}


def test_measure_finds_the_matching_pair_of_a_row_about_gluon():
    hp = weight_decay.HParams(num_epochs=1)
    values = measure("weight_decay", "no penalty", hp=hp).values
    assert values["gluon wd=3"] == values["scratch lambda=3"]
    assert values["scratch lambda=0"] == measure("weight_decay", hp=hp).values["scratch lambda=0"]


def test_measure_gives_the_models_the_seed():
    hp = linear_regression.HParams(num_epochs=1)
    one, other = (measure("linear_regression", seed=seed, hp=hp).values for seed in (0, 1))
    assert one != other


def test_measure_refuses_stand_in_data(offline):
    with pytest.raises(InputError, match=r"^the files of fashion_mnist are missing.*--data-dir"):
        measure("softmax_regression")


def test_mistakes_of_begins_with_none():
    for chapter in CHAPTERS:
        assert mistakes_of(chapter)[0] is RIGHT


def main(*argv):
    with pytest.raises(SystemExit) as stopped:
        command.main(argv)
    return stopped.value.code


@pytest.fixture
def few(monkeypatch):
    """Leave two mistakes of two chapters, so that the command is done in seconds."""
    monkeypatch.setattr(command, "CHAPTERS", ("linear_regression", "weight_decay"))
    monkeypatch.setattr(command, "mistakes_of", lambda chapter: mistakes_of(chapter)[:2])


def test_command_writes_table_csv_and_picture(tmp_path, few, capsys):
    assert main("linear_regression", f"--out={tmp_path}") == 0
    out = capsys.readouterr().out
    assert "1 of 1 mistakes are caught" in out
    table = load(tmp_path / "mistakes.json")
    assert [row.mistake for row in table.measured] == [NO_MISTAKE, "never steps"]
    head, *rows = (tmp_path / "mistakes.csv").read_text(encoding="utf-8").splitlines()
    assert head == "chapter,mistake,what,proof,caught"
    assert "linear_regression,never steps,whose optimizer never steps,parity,yes" in rows
    assert {path.name for path in tmp_path.iterdir()} == {
        "mistakes.json",
        "mistakes.csv",
        "mistakes.svg",
        "mistakes.png",
    }


def test_command_keeps_what_is_finished_on_ctrl_c_and_resumes(tmp_path, few, monkeypatch, capsys):
    def interrupted(train, tasks, *rest):
        yield train(*tasks[0])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(command, "in_processes", interrupted)
        assert main("linear_regression", f"--out={tmp_path}") == 130
    assert "--resume" in capsys.readouterr().err
    assert main("linear_regression", f"--out={tmp_path}", "--resume") == 0
    out = capsys.readouterr().out
    assert "linear_regression, never steps: caught by parity" in out
    assert "linear_regression, none:" not in out
    assert main(f"--out={tmp_path}", "--resume", "--seed=1") == 2
    assert "has seed 0; use --seed 0" in capsys.readouterr().err


def test_command_refuses_chapters_without_mistakes(tmp_path, capsys):
    assert main("lenet", f"--out={tmp_path}") == 2
    assert "no mistakes of 'lenet' are known; choose from linear_regression" in capsys.readouterr().err


def test_command_replaces_only_what_it_measured_in_the_packages_table(tmp_path, few, monkeypatch):
    package = tmp_path / "package.json"
    caught.Table(0, [measure("weight_decay")]).save(package)
    monkeypatch.setattr(command, "COMMITTED", package)
    monkeypatch.setattr(caught, "committed", lambda: load(package))
    assert main("linear_regression", f"--out={tmp_path}", "--write") == 0
    assert caught.committed().chapters == ["linear_regression", "weight_decay"]


def test_mistakes_command_starts_the_measuring(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "d2l_repro", "mistakes", "lenet", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("d2l-repro mistakes: error: no mistakes of 'lenet' are known")


COMMITTED = caught.committed()
DECLARED = [
    pytest.param(chapter, mistake, id=f"{chapter}, {mistake.name}")
    for chapter in COMMITTED.chapters
    for mistake in lesson_of(chapter).mistakes
]


@pytest.mark.skipif(not COMMITTED.measured, reason="no table is committed")
def test_committed_table_has_every_mistake():
    names = [(row.chapter, row.mistake, row.what, row.kind) for row in COMMITTED.mistakes()]
    assert names == [
        (chapter, mistake.name, mistake.what, mistake.kind)
        for chapter in CHAPTERS
        for mistake in lesson_of(chapter).mistakes
    ]


@pytest.mark.parametrize(("chapter", "mistake"), DECLARED)
def test_mistake_is_caught_by_all_that_it_declares(chapter, mistake):
    (row,) = (row for row in COMMITTED.of(chapter) if row.mistake == mistake.name)
    marks = COMMITTED.marks(row)
    assert tuple(name for name in caught.PROOFS if marks[name]) == mistake.caught_by
    # a value that has no band yet can neither catch nor miss it
    assert [row for row in mistake.rows if marks[" ".join(row)] is False] == []
    assert [row for row in mistake.missed if marks[" ".join(row)]] == []
    assert any(marks.values())


@pytest.mark.slow
@pytest.mark.skipif("weight_decay" not in COMMITTED.chapters, reason="no table is committed")
def test_committed_table_of_weight_decay_is_what_its_mistakes_give():
    for row in COMMITTED.of("weight_decay"):
        again = measure("weight_decay", row.mistake, COMMITTED.seed)
        assert list(again.proofs) == list(row.proofs)
        for run, metrics in row.values.items():
            assert again.values[run] == pytest.approx(metrics, rel=1e-4)
