"""Check the folders of a class, and show the results in one table."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jinja2 import Environment

from ..errors import InputError
from ..files import write_atomically
from ..settings import MAX_SEED
from . import wording
from .progress import Progress
from .report import Report
from .sandbox import Limits, check_file
from .texts import names, text_of

CSV, PAGE = "grades.csv", "grades.html"
TEMPLATE = """<!doctype html>
<html lang="{{ wording.HTML_LANG }}"><head><meta charset="utf-8"><title>{{ wording.CLASS_TITLE }}</title>
<style>
body { font-family: sans-serif; margin: 2em } table { border-collapse: collapse }
th, td { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top }
td.done { background: #dcf2dc } td.failed { background: #fbe3dc }
th.name { writing-mode: vertical-rl }
</style></head><body>
<h1>{{ wording.CLASS_TITLE }}</h1>
<p>{{ wording.CLASS_CELLS }}</p>
<table><tr><th>{{ wording.STUDENT }}</th><th>{{ wording.NUM_DONE }}</th>
{% for name in names %}<th class="name">{{ name }}</th>{% endfor %}</tr>
{% for student, reports in grades.items() %}<tr><td>{{ student }}</td>
<td>{{ reports.values() | select | list | length }}</td>
{% for name in names %}{% set report = reports.get(name) %}
<td class="{{ '' if report is none else 'done' if report else 'failed' }}">
{{- '' if report is none else report.passed ~ '/' ~ report.total }}</td>{% endfor %}</tr>
{% endfor %}</table>
{% for student, reports in grades.items() %}{% set failed = reports.values() | reject | list %}
{% if failed %}<h2>{{ student }}</h2><ul>{% for report in failed %}
<li><b>{{ report.head }}</b><br>{{ report.message }}
{% for note in report.notes %}<br>{{ note }}{% endfor %}</li>
{% endfor %}</ul>{% endif %}{% endfor %}
</body></html>
"""
Grades = Mapping[str, Mapping[str, Report]]  # student -> exercise -> what its check has found


def seed_of(student: str, seed: int) -> int:
    """Return the seed of a student's inputs, which depends on the name and on the seed of the class."""
    return zlib.crc32(f"{seed}/{student}".encode()) % MAX_SEED


def grade(
    folder: Path,
    jobs: int = 1,
    seed: int = 0,
    limits: Limits | None = None,
    on_report: Callable[[str, Report], None] = lambda student, report: None,
) -> dict[str, dict[str, Report]]:
    """Check all exercises in the folders of a class.

    Args:
        folder: with a folder for each student, whose files have the names of exercises.
        jobs: number of checks at a time.
        seed: of the class.
        limits: of each check.
        on_report: called with each student and report, in order.

    Raises:
        InputError: there is no such folder, or no exercise in it.
    """
    tasks = [(path.parent.name, path) for path in _files(folder)]
    if not tasks:
        raise InputError(wording.EMPTY_CLASS.format(folder=folder))

    def run(task: tuple[str, Path]) -> Report:
        student, path = task
        try:
            return check_file(path.stem, path, seed_of(student, seed), limits)
        except InputError as error:  # a file that is no text, for example
            titles = list(text_of(path.stem).steps)
            return Report(path.stem, len(titles), titles, message=str(error))

    grades: dict[str, dict[str, Report]] = {student: {} for student, _ in tasks}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for (student, _), report in zip(tasks, pool.map(run, tasks)):
                grades[student][report.name] = report
                on_report(student, report)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return grades


def _files(folder: Path) -> list[Path]:
    """Return the files of exercises, student by student, in the order of the exercises."""
    try:
        students = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(wording.NO_CLASS.format(folder=folder, error=error.strerror)) from error
    return [
        Progress(student).file_of(name)
        for student in students
        for name in names()
        if Progress(student).file_of(name).is_file()
    ]


def write(grades: Grades, out: Path) -> tuple[Path, Path]:
    """Write the grades as a table and as a page; return both files.

    Raises:
        InputError: they cannot be written.
    """
    write_atomically(out / CSV, table(grades))
    write_atomically(out / PAGE, page(grades))
    return out / CSV, out / PAGE


def table(grades: Grades) -> str:
    """Return a CSV table: a row for each student and exercise.

    Its columns have the same names in every language, as programs read them.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", "exercise", "passed", "steps", "done", "failed_step", "mistakes", "message"])
    for student, reports in grades.items():
        for name, report in reports.items():
            failed = "" if report or report.passed >= report.total else report.titles[report.passed]
            row: Sequence[object] = [
                _plain(student),
                name,
                report.passed,
                report.total,
                int(bool(report)),
                failed,
                "; ".join(report.mistakes),
                _plain(report.message),
            ]
            writer.writerow(row)
    return text.getvalue()


def _plain(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def page(grades: Grades) -> str:
    """Return an HTML page: a cell for each student and exercise, and below it what is wrong."""
    shown = [name for name in names() if any(name in reports for reports in grades.values())]
    template = Environment(autoescape=True).from_string(TEMPLATE)
    return template.render(names=shown, grades=grades, wording=wording)
