"""A learner's folder: the files that exercises were started in, and what has been reached."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import InputError
from ..files import writable_folder, write_atomically
from ..settings import MAX_SEED
from . import wording
from .report import Report
from .texts import names, template_of, text_of

FILE_NAME = "progress.json"


@dataclass
class Entry:
    """What has been reached in one exercise.

    Attributes:
        checks: that were made.
        passed: steps that the last check passed.
        total: number of steps.
        done: whether any check has passed all of them.
        hints: that were shown.
        solution: whether ours was shown before it was done.
    """

    checks: int = 0
    passed: int = 0
    total: int = 0
    done: bool = False
    hints: int = 0
    solution: bool = False


@dataclass
class Progress:
    """The progress that a folder keeps.

    Attributes:
        folder: of a learner.
        seed: of the inputs of all checks, so that learners may have different ones.
        entries: exercise -> what has been reached.
    """

    folder: Path
    seed: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Progress:
        """Return the progress in a folder, which is none if it has no file of it.

        Raises:
            InputError: the file cannot be read.
        """
        path = folder / FILE_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            entries = {name: Entry(**entry) for name, entry in content["exercises"].items()}
            seed = int(content["seed"])
        except FileNotFoundError:
            return cls(folder)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(wording.NO_PROGRESS.format(path=path, error=error)) from error
        if not 0 <= seed < MAX_SEED:
            raise InputError(wording.BAD_SEED.format(path=path, seed=seed, limit=MAX_SEED))
        return cls(folder, seed, entries)

    def entry(self, name: str) -> Entry:
        """Return what has been reached in an exercise."""
        return self.entries.setdefault(name, Entry(total=len(text_of(name).steps)))

    def save(self) -> None:
        """Write the file.

        Raises:
            InputError: it cannot be written.
        """
        writable_folder(self.folder, "--dir")
        content = {
            "seed": self.seed,
            "exercises": {name: asdict(entry) for name, entry in self.entries.items()},
        }
        write_atomically(self.folder / FILE_NAME, json.dumps(content, indent=1) + "\n")

    def record(self, report: Report) -> None:
        """Record what a check has found."""
        entry = self.entry(report.name)
        entry.checks += 1
        entry.passed, entry.total = report.passed, report.total
        entry.done = entry.done or bool(report)

    def file_of(self, name: str) -> Path:
        """Return the file that an exercise is done in."""
        return self.folder / f"{name}.py"

    def start(self, name: str) -> Path:
        """Write the file of an exercise.

        Raises:
            InputError: the exercise is unknown, or its file is there already.
        """
        content, path = template_of(name), self.file_of(name)
        if path.exists():
            raise InputError(wording.IS_THERE.format(path=path))
        writable_folder(self.folder, "--dir")
        write_atomically(path, content)
        self.entry(name)
        self.save()
        return path

    def started(self) -> list[str]:
        """Return the exercises whose file is there, the one that was saved last first."""
        found = [name for name in names() if self.file_of(name).is_file()]
        return sorted(found, key=lambda name: self.file_of(name).stat().st_mtime, reverse=True)
