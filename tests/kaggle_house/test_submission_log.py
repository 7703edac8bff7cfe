"""Tests of the log of submissions, on entries and on a command that trains almost nothing."""

import hashlib
import json
import threading

import numpy as np
import pandas as pd
import pytest

from d2l_repro.errors import InputError
from d2l_repro.files import locked_folder
from kaggle_house import cli, submission_log
from kaggle_house.folds import FoldOptions
from kaggle_house.generated import generated_tables
from kaggle_house.recipes import BOOK
from kaggle_house.scores import leaderboard_noise

REPORT = {
    "data_hash": "0" * 64, "mean": {"valid": 0.17}, "std": {"valid": 0.01}, "out_of_fold": 0.1705,
    "noise": 0.006,
}  # fmt: skip


def main(*argv):
    """Run the command line, and return its exit code."""
    with pytest.raises(SystemExit) as exit_info:
        cli.main([str(value) for value in argv])
    return exit_info.value.code


def entry(path, content="Id,SalePrice\n1,2\n"):
    path.write_text(content)
    return submission_log.new_entry(path, content, "book", BOOK, FoldOptions(jobs=2), "refit", REPORT)


@pytest.fixture
def log(tmp_path):
    """Return a log with two submissions, a.csv and b.csv."""
    path = tmp_path / "submissions.csv"
    submission_log.append(path, entry(tmp_path / "a.csv"))
    submission_log.append(path, entry(tmp_path / "b.csv", "Id,SalePrice\n1,3\n"))
    return path


def test_submit_logs_what_it_has_written_and_with_what(tmp_path, capsys):
    train, test = generated_tables()
    for frame, name in ((train.head(60), "train.csv"), (test.head(20), "test.csv")):
        frame.to_csv(tmp_path / name, index=False, na_rep="NA")
    files = ["--train", tmp_path / "train.csv", "--test", tmp_path / "test.csv"]
    command = ["submit", *files, "--recipe", "book", "--num-epochs", 2, "--k", 2]
    for out in ("a.csv", "b.csv"):
        assert main(*command, "--out", tmp_path / out) == 0
    table = pd.read_csv(tmp_path / "submissions.csv")
    assert table["file"].tolist() == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    digest = hashlib.sha256((tmp_path / "b.csv").read_bytes()).hexdigest()
    assert table["sha256"].iloc[1] == digest
    settings = json.loads(table["settings"].iloc[0])
    assert (settings["num_epochs"], settings["k"], settings["lr"]) == (2, 2, BOOK.lr)
    assert "jobs" not in settings
    assert f"valid {table['cv'].iloc[0]:.6f}" in capsys.readouterr().out
    for flags, message in (
        (["--out", tmp_path / "submissions.csv"], "is a result of another command"),
        (["--out", tmp_path / "c.csv", "--log", tmp_path / "c.csv"], "--log and --out are the same file"),
        (["--out", tmp_path / "c.csv", "--log", tmp_path / "train.csv"], "are the same file"),
        (["--out", tmp_path / "c.csv", "--log", tmp_path / "b.csv"], "b.csv: is not a log of submissions"),
    ):
        assert main(*command, *flags) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "c.csv").exists()


def test_record_score_finds_the_submission_by_its_content(log, tmp_path):
    assert submission_log.record_score(log, 0.18)["file"].endswith("b.csv")
    (tmp_path / "a.csv").rename(tmp_path / "uploaded.csv")
    submission_log.record_score(log, 0.19, tmp_path / "uploaded.csv")
    assert [found["score"] for found in submission_log.read_log(log)] == [0.19, 0.18]
    (tmp_path / "uploaded.csv").write_text("Id,SalePrice\n1,4\n")
    with pytest.raises(InputError, match=r"uploaded\.csv: .*submissions\.csv has no submission with this"):
        submission_log.record_score(log, 0.1, tmp_path / "uploaded.csv")


def test_log_command_shows_the_scores_and_draws_them(log, tmp_path, capsys):
    assert main("log", "--log", log) == 0
    assert not (tmp_path / "submissions.svg").exists()  # there is nothing to draw yet
    assert main("log", "--log", log, "--score", "0.1803") == 0
    out = capsys.readouterr().out
    assert "b.csv, of 20" in out
    assert "+0.0103" in out
    assert (tmp_path / "submissions.svg").stat().st_size > 1000
    for flags, message in (
        (["--score", "12,03"], "--score: '12,03' is not a number"),
        (["--score", "0"], "--score: must be above 0 and below 100"),
        (["--score", "nan"], "not nan"),
        (["--submission", tmp_path / "a.csv"], "unless there is a --score"),
        (["--log", tmp_path / "none.csv"], "no such log; run `submit` first"),
        (["--log", tmp_path / "none.csv", "--score", "0.1"], "has no submission yet; run `submit` first"),
    ):
        assert main("log", *(() if "--log" in flags else ("--log", log)), *flags) == 2
        assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.parametrize(
    ("column", "value"), [("cv", "good"), ("cv", ""), ("noise", "-1"), ("score", "nan"), ("score", "inf")]
)
def test_read_log_reports_line_and_column_of_what_is_no_score(log, column, value):
    table = pd.read_csv(log, dtype=str, keep_default_na=False)
    table.loc[1, column] = value
    table.to_csv(log, index=False)
    before = log.read_bytes()
    with pytest.raises(
        InputError, match=rf"submissions\.csv: line 3, column {column}: '{value}' is not a score"
    ):
        submission_log.record_score(log, 0.1)
    assert log.read_bytes() == before


def test_append_waits_for_another_command_and_loses_no_entry(log, tmp_path):
    with locked_folder(tmp_path):
        threads = [
            threading.Thread(target=submission_log.append, args=(log, entry(tmp_path / f"{i}.csv", str(i))))
            for i in range(3)
        ]
        for thread in threads:
            thread.start()
        assert len(submission_log.read_log(log)) == 2
    for thread in threads:
        thread.join()
    assert len(submission_log.read_log(log)) == 5


def test_leaderboard_noise_is_that_of_randomly_drawn_houses():
    errors = 0.1 * np.random.RandomState(0).standard_t(5, 1460)
    rng = np.random.RandomState(1)
    scores = [np.sqrt(np.mean(rng.choice(errors, 730) ** 2)) for _ in range(4000)]
    assert leaderboard_noise(errors) == pytest.approx(np.std(scores), rel=0.05)


def test_draw_bands_the_noise_around_equality(log):
    submission_log.record_score(log, 0.18)
    figure = submission_log.draw(submission_log.read_log(log))
    (ax,) = figure.axes
    (band,) = ax.collections
    heights = np.ptp(band.get_paths()[0].vertices[:, 1] - band.get_paths()[0].vertices[:, 0])
    assert heights == pytest.approx(2 * 1.96 * REPORT["noise"])
    points = next(line for line in ax.lines if line.get_label() == "book")
    assert (points.get_xdata()[0], points.get_ydata()[0]) == (0.17, 0.18)
