"""Progress, watching, and grades, with checks that are not run."""

import csv
import io
import os

import pytest

from d2l_repro.errors import InputError
from d2l_repro.exercises import grade, texts, watch
from d2l_repro.exercises.progress import FILE_NAME, Progress
from d2l_repro.exercises.report import Report


def report_of(name, passed, message="", **options):
    titles = list(texts.text_of(name).steps)
    return Report(name, len(titles), titles, passed, message, **options)


def test_progress_is_kept_in_the_folder(tmp_path):
    progress = Progress.load(tmp_path / "new")
    path = progress.start("relu")
    assert "raise NotImplementedError" in path.read_text()
    progress.record(report_of("relu", 1, "wrong"))
    progress.record(report_of("relu", 3))
    progress.record(report_of("relu", 0, "wrong again"))
    progress.save()
    entry = Progress.load(tmp_path / "new").entries["relu"]
    assert (entry.checks, entry.passed, entry.total, entry.done) == (3, 0, 3, True)


def test_start_leaves_work_alone(tmp_path):
    progress = Progress.load(tmp_path)
    progress.start("relu").write_text("my work")
    with pytest.raises(InputError, match="is there already"):
        progress.start("relu")
    assert progress.file_of("relu").read_text() == "my work"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"seed": 0}',
        '{"seed": 0, "exercises": {"relu": {"x": 1}}}',
        '{"seed": -1, "exercises": {}}',
    ],
)
def test_damaged_progress_is_one_line(content, tmp_path):
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(InputError, match=FILE_NAME):
        Progress.load(tmp_path)


def test_started_has_the_file_saved_last_first(tmp_path):
    progress = Progress.load(tmp_path)
    for i, name in enumerate(("softmax", "relu", "linreg")):
        os.utime(progress.start(name), (i, i))
    (tmp_path / "other.py").write_text("")
    assert progress.started() == ["linreg", "relu", "softmax"]


class FakeChecker:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


def test_watch_notices_saves_and_new_exercises(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "Checker", FakeChecker)
    monkeypatch.setattr(watch, "POLL", 0.001)
    progress = Progress.load(tmp_path)
    relu = progress.start("relu")
    saves = []

    def sleep(seconds):
        if saves:
            saves.pop(0)()

    monkeypatch.setattr(watch.time, "sleep", sleep)
    found = watch.watch(tmp_path)
    saves += [lambda: None, lambda: relu.write_text("longer than it was, and saved")]
    assert next(found)[:2] == ("relu", relu)
    saves += [lambda: progress.start("linreg"), lambda: progress.file_of("linreg").write_text("saved")]
    assert next(found)[:2] == ("linreg", tmp_path / "linreg.py")


def make_class(folder):
    for student, names in {"=ada": ["relu", "softmax"], "ben": ["relu"]}.items():
        progress = Progress.load(folder / student)
        for name in names:
            progress.start(name)
    (folder / "empty").mkdir()


def test_grade_checks_every_student_with_a_seed_of_their_own(tmp_path, monkeypatch):
    make_class(tmp_path)
    seeds = {}

    def check_file(name, path, seed, limits):
        seeds[path.parent.name, name] = seed
        if path.parent.name == "ben":
            raise InputError("ben/relu.py: is no UTF-8 text")
        return report_of(name, 3) if name == "relu" else report_of(name, 1, "<wrong>", mistakes=["axis"])

    monkeypatch.setattr(grade, "check_file", check_file)
    grades = grade.grade(tmp_path, jobs=2, seed=5)
    assert seeds["=ada", "relu"] == seeds["=ada", "softmax"] != seeds["ben", "relu"]
    rows = list(csv.DictReader(io.StringIO(grade.table(grades))))
    assert [(row["student"], row["exercise"], row["passed"], row["done"]) for row in rows] == [
        ("'=ada", "softmax", "1", "0"),
        ("'=ada", "relu", "3", "1"),
        ("ben", "relu", "0", "0"),
    ]
    assert (rows[0]["failed_step"], rows[0]["mistakes"]) == ("values", "axis")
    page = grade.page(grades)
    assert "&lt;wrong&gt;" in page
    assert 'class="done">3/3</td>' in page
    assert "is no UTF-8 text" in page
    files = grade.write(grades, tmp_path)
    assert [path.name for path in files] == ["grades.csv", "grades.html"]


def test_grade_of_an_empty_class_is_an_input_error(tmp_path):
    for folder, message in ((tmp_path, "no exercises found"), (tmp_path / "nothing", "cannot be read")):
        with pytest.raises(InputError, match=message):
            grade.grade(folder)
