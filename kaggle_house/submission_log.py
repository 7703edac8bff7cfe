"""Keep a log of submissions: what was submitted, its cross-validated score, and the one that Kaggle returned.

The log is a CSV file, one line per submission, which a spreadsheet can open.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from d2l_repro.errors import InputError
from d2l_repro.files import locked_folder, write_atomically
from d2l_repro.language import tr
from d2l_repro.results import plot

from .folds import FoldOptions
from .reading import parse_rows, read_content, read_text
from .recipes import Recipe
from .scores import LEADERBOARD

WAIT = 10  # seconds for another command that writes to the same folder
NUMBERS = ("cv", "cv_std", "out_of_fold", "noise", "score")
COLUMNS = ("time", "file", "sha256", "recipe", "method", "settings", "data", *NUMBERS)
MAX_SCORE = 100  # no log rmse of prices is larger

Entry = dict[str, Any]  # by column: numbers are floats, `score` is None until Kaggle has answered


def new_entry(
    path: Path, content: str, recipe: str, settings: Recipe, options: FoldOptions, method: str, report: Any
) -> Entry:
    """Return the log's entry of a submission.

    Args:
        path: of the submission.
        content: of the submission.
        recipe: its name.
        settings: of the recipe.
        options: of the folds.
        method: how the models were combined, "average" or "refit".
        report: content of kfold.json.
    """
    folds = {name: value for name, value in asdict(options).items() if name not in ("jobs", "cluster")}
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "file": str(path),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "recipe": recipe,
        "method": method,
        "settings": json.dumps({**asdict(settings), **folds}),
        "data": report["data_hash"],
        "cv": report["mean"]["valid"],
        "cv_std": report["std"]["valid"],
        "out_of_fold": report["out_of_fold"],
        "noise": report["noise"],
        "score": None,
    }


def read_log(path: Path) -> list[Entry]:
    """Return the entries of a log; none if there is no file.

    Raises:
        InputError: it is not a log; the message gives line and column.
    """
    if not path.exists():
        return []
    header, rows = parse_rows(path, read_text(path))
    if tuple(header) != COLUMNS:
        raise InputError(tr("{path}: is not a log of submissions; name another file with --log", path=path))
    return [_parse_entry(path, row.line, dict(zip(COLUMNS, row.fields))) for row in rows]


def _parse_entry(path: Path, line: int, fields: Mapping[str, str]) -> Entry:
    entry: Entry = dict(fields)
    for name in NUMBERS:
        if name == "score" and not fields[name]:
            entry[name] = None
            continue
        try:
            entry[name] = float(fields[name])
            if not 0 <= entry[name] < MAX_SCORE:
                raise ValueError
        except ValueError:
            raise InputError(
                tr(
                    "{path}: line {line}, column {name}: {value} is not a score; correct it, or name another "
                    "file with --log",
                    path=path,
                    line=line,
                    name=name,
                    value=repr(fields[name][:40]),
                )
            ) from None
    return entry


def append(path: Path, entry: Entry) -> None:
    """Add an entry to a log, which is created if there is none.

    Raises:
        InputError: the file is not a log, or cannot be written.
    """
    _change(path, lambda entries: entries.append(entry))


def record_score(path: Path, score: float, submission: Path | None = None) -> Entry:
    """Record the score that Kaggle returned, and return the entry of its submission.

    Args:
        path: of the log.
        score: log rmse of the leaderboard.
        submission: file that was uploaded; the last entry's by default.

    Raises:
        InputError: the score is none, or the file is not a log, cannot be written, or does not have the
            submission.
    """
    if not 0 < score < MAX_SCORE:
        raise InputError(
            tr(
                "--score: must be above 0 and below {limit}, as a log rmse is, not {score}",
                limit=MAX_SCORE,
                score=f"{score:g}",
            )
        )
    digest = submission and hashlib.sha256(read_content(submission)).hexdigest()
    changed: list[Entry] = []

    def record(entries: list[Entry]) -> None:
        found = [entry for entry in entries if digest in (None, entry["sha256"])]
        if not entries:
            raise InputError(
                tr("{path}: has no submission yet; run `submit` first, or name its log with --log", path=path)
            )
        if not found:
            raise InputError(
                tr(
                    "{submission}: {path} has no submission with this content; name the file that `submit` "
                    "wrote",
                    submission=submission,
                    path=path,
                )
            )
        found[-1]["score"] = score
        changed.append(found[-1])

    _change(path, record)
    return changed[0]


def _change(path: Path, change: Callable[[list[Entry]], None]) -> None:
    """Read a log, change its entries in place, and write it, while no other command does the same."""
    with locked_folder(path.parent, "--log", WAIT):
        entries = read_log(path)
        change(entries)
        file = io.StringIO()
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(entries)  # None is written as an empty field
        write_atomically(path, file.getvalue())


def format_log(entries: Sequence[Entry]) -> list[dict[str, str]]:
    """Return the rows of the table that `log` prints."""
    return [
        {
            "time": entry["time"],
            "file": entry["file"],
            "recipe": entry["recipe"],
            "cross-validated": f"{entry['cv']:.5f}",
            "returned": "" if entry["score"] is None else f"{entry['score']:.5f}",
            "difference": "" if entry["score"] is None else f"{entry['score'] - entry['cv']:+.4f}",
            "noise": f"{entry['noise']:.4f}",
        }
        for entry in entries
    ]


def draw(entries: Sequence[Entry]) -> Figure:
    """Draw the returned scores over the cross-validated ones, with the noise of the leaderboard.

    Args:
        entries: at least one with a score.
    """
    scored = [entry for entry in entries if entry["score"] is not None]
    points: dict[str, list[tuple[float, float]]] = {}
    for entry in scored:
        points.setdefault(entry["recipe"], []).append((entry["cv"], entry["score"]))
    noise = float(np.median([entry["noise"] for entry in scored]))
    title = f"Cross-validated and returned scores of {len(scored)} submissions"
    return plot.returned_scores(points, noise, f"noise of {LEADERBOARD} houses, 95 %", title)
