"""`d2l-repro exercise`: start exercises, check them, and show hints and solutions.

It never imports MXNet; the processes that check do.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro

from ..columns import wrapped
from ..errors import DONE, FAILED, InputError
from ..exercises import grade as grading
from ..exercises import sandbox, texts, wording
from ..exercises.progress import Entry, Progress
from ..exercises.report import Report
from ..exercises.watch import watch
from ..files import writable_folder
from ..processes import module_command
from ..results.table_text import aligned
from ..settings import Count, Seed, Settings

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
OptionalName = Annotated[
    Optional[str],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="[NAME|FILE]", help_behavior_hint="(default: the one saved last)"),
]
WIDTH = 100


@dataclass(frozen=True)
class FolderOptions(Settings):
    """The option that all these commands share."""

    dir: Path = Path("exercises")  # folder of your files and your progress


@dataclass(frozen=True)
class List(FolderOptions):
    """List the exercises in order, with your progress."""

    def __call__(self) -> int:
        progress = Progress.load(self.dir)
        rows = [
            {
                "": str(i),
                wording.EXERCISE: name,
                wording.SECTION: texts.text_of(name).section,
                wording.TITLE: texts.text_of(name).title,
                wording.PROGRESS: _state(progress.entries.get(name)),
            }
            for i, name in enumerate(texts.names(), 1)
        ]
        print(aligned(rows))
        done = sum(entry.done for entry in progress.entries.values())
        print(f"\n{wording.DONE_OF.format(done=done, total=len(rows), folder=self.dir)}")
        return DONE


def _state(entry: Optional[Entry]) -> str:
    if entry is None:
        return ""
    if entry.done:
        return wording.SOLUTION_SEEN if entry.solution else wording.DONE
    if not entry.checks:
        return wording.STARTED
    return wording.PASSED_OF.format(passed=entry.passed, total=entry.total)


@dataclass(frozen=True)
class Start(FolderOptions):
    """Write the file of an exercise: the task, the formula, and functions to fill in."""

    name: Name = (
        ""  # exercise to start; see `d2l-repro exercise list`. By default the first that is not started
    )
    seed: Optional[Seed] = None  # seed of the inputs of all checks in the folder; 0 for a new one

    def __call__(self) -> int:
        progress = Progress.load(self.dir)
        if self.seed is not None:
            progress.seed = self.seed
        name = self.name or next((name for name in texts.names() if not progress.file_of(name).exists()), "")
        if not name:
            raise InputError(wording.ALL_STARTED.format(folder=self.dir))
        path = progress.start(name)
        print(wording.START.format(file=path, title=texts.text_of(name).title))
        return DONE


@dataclass(frozen=True)
class Check(FolderOptions):
    """Check an exercise step by step, and say what is wrong with the first step that fails.

    Your file runs in a process of its own, with limits on time and memory. These are against accidents, not
    against hostile code: check only files that you would run. Exit codes: 0 passed; 1 a step failed; 2 usage
    error; 130 interrupted.
    """

    name: OptionalName = None  # exercise, or its file
    seconds: float = 20.0  # computing time after which the check is ended
    megabytes: float = 1024.0  # memory beyond MXNet's own at which it is ended

    def __call__(self) -> int:
        name, path, progress = _find(self.name, self.dir)
        report = sandbox.check_file(name, path, progress.seed, _limits(self.seconds, self.megabytes))
        progress.entry(name).done |= bool(report)
        print(_text(report, progress), flush=True)
        _record(report, path)
        return DONE if report else FAILED


def _limits(seconds: float, megabytes: float) -> sandbox.Limits:
    if not 0.1 <= seconds <= 3600:
        raise InputError(wording.BAD_SECONDS.format(number=seconds))
    if not 16 <= megabytes <= 10**6:
        raise InputError(wording.BAD_MEGABYTES.format(number=megabytes))
    return sandbox.Limits(seconds, megabytes=megabytes)


def _find(name: Optional[str], folder: Path) -> tuple[str, Path, Progress]:
    """Return an exercise, its file, and the progress of its folder.

    Args:
        name: of the exercise, or its file; by default the one in the folder that was saved last.
        folder: of a learner, for all but a file.
    """
    if name is None:
        progress = Progress.load(folder)
        started = progress.started()
        if not started:
            raise InputError(wording.NONE_STARTED.format(folder=folder))
        return started[0], progress.file_of(started[0]), progress
    if name.endswith(".py"):
        path = Path(name)
        texts.text_of(path.stem)
        return path.stem, path, Progress.load(path.parent)
    texts.text_of(name)
    progress = Progress.load(folder)
    return name, progress.file_of(name), progress


def _record(report: Report, path: Path) -> None:
    """Record a report in the folder of the file, whose progress may have changed during the check."""
    progress = Progress.load(path.parent)
    progress.record(report)
    progress.save()


def _text(report: Report, progress: Progress) -> str:
    """Return a report for a terminal, with what to do next."""
    lines = [
        f"  {wording.OK if i < report.passed else wording.NO if i == report.passed else wording.OPEN}{title}"
        for i, title in enumerate(report.titles)
    ]
    paragraphs = [wrapped(text, WIDTH) for text in (report.message, *report.notes)]
    text = "\n".join([report.head, *lines, *filter(None, paragraphs)])
    if not report:
        return text
    names = texts.names()
    order = names[names.index(report.name) :] + names
    following = next((name for name in order if not progress.entry(name).done), None)
    advice = wording.NEXT.format(name=following) if following else wording.ALL_DONE
    return f"{text}\n{advice}"


@dataclass(frozen=True)
class Watch(FolderOptions):
    """Check at each save, until Ctrl-C. A process waits with MXNet imported, so that answers come at once."""

    name: OptionalName = None  # exercise, or its file; by default all that are started in the folder
    seconds: float = 20.0  # computing time after which a check is ended
    megabytes: float = 1024.0  # memory beyond MXNet's own at which it is ended

    def __call__(self) -> int:
        limits = _limits(self.seconds, self.megabytes)
        if self.name:
            name, path, _ = _find(self.name, self.dir)
            files = {path: name}
        else:
            files = None
        print(wording.WATCHING.format(what=self.name or self.dir), flush=True)
        for name, path, checker in watch(self.dir, files):
            progress = Progress.load(path.parent)
            try:
                report = checker.check(name, path, progress.seed, limits)
            except InputError as error:
                print(f"{error}\n", flush=True)
                continue
            progress.entry(name).done |= bool(report)
            print(f"{_text(report, progress)}\n", flush=True)
            _record(report, path)
        return DONE


@dataclass(frozen=True)
class Hint(FolderOptions):
    """Show a hint on an exercise; each time one that says more."""

    name: Name = tyro.MISSING  # exercise

    def __call__(self) -> int:
        hints = texts.text_of(self.name).hints
        progress = Progress.load(self.dir)
        entry = progress.entry(self.name)
        entry.hints = min(entry.hints + 1, len(hints))
        for i, hint in enumerate(hints[: entry.hints], 1):
            print(wrapped(wording.HINT.format(number=i, total=len(hints), hint=hint), WIDTH))
        if entry.hints == len(hints):
            print(wording.LAST_HINT.format(name=self.name))
        progress.save()
        return DONE


@dataclass(frozen=True)
class Solution(FolderOptions):
    """Show our solution, with a commentary."""

    name: Name = tyro.MISSING  # exercise

    def __call__(self) -> int:
        commentary = texts.text_of(self.name).commentary
        command = module_command("d2l_repro.exercises.source", "d2l-repro exercise solution")
        code = subprocess.run([*command, self.name]).returncode
        if code:
            return code
        print(f"\n{wrapped(commentary, WIDTH)}")
        progress = Progress.load(self.dir)
        entry = progress.entry(self.name)
        entry.solution = entry.solution or not entry.done
        progress.save()
        return DONE


@dataclass(frozen=True)
class Grade(Settings):
    """Check the folders of a class, and write one table: grades.csv and grades.html.

    The files of students run as your user, with limits against accidents, not against hostile code.
    """

    class_dir: Annotated[Path, tyro.conf.Positional]  # folder with a folder for each student
    jobs: Count = 1  # checks at a time
    seed: Seed = 0  # from which, with the folder's name, the seed of each student's inputs is derived
    seconds: float = 20.0  # computing time after which a check is ended
    megabytes: float = 1024.0  # memory beyond MXNet's own at which it is ended
    # folder for both files
    out: Annotated[
        Optional[Path], tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: the folder of the class)")
    ] = None

    def __call__(self) -> int:
        limits = _limits(self.seconds, self.megabytes)
        out = writable_folder(self.out or self.class_dir) if self.class_dir.is_dir() else self.class_dir
        grades = grading.grade(
            self.class_dir,
            self.jobs,
            self.seed,
            limits,
            lambda student, report: print(
                wording.GRADED.format(student=student, head=report.head), flush=True
            ),
        )
        for path in grading.write(grades, out):
            print(path)
        return DONE


@dataclass(frozen=True)
class ExerciseCommand:
    """Do exercises with a checker that says where you went wrong."""

    action: Union[List, Start, Check, Watch, Hint, Solution, Grade]

    def __call__(self) -> int:
        return self.action()
