"""Read results from wherever they are: a file, a folder, a summary, or the run that the README shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..language import tr
from .catalogue import reproduced
from .result import FILE_NAME, Result
from .schema import read_json, shorten
from .summary import Collection, Summary, collect

MAX_SEEDS = 1001  # that `d2l-repro run` accepts
REPRODUCED = "reproduced"  # stands for the run that the README shows


def read(path: str | Path) -> Collection:
    """Read results from wherever they are.

    Args:
        path: a folder as for `collect`; a result.json; a summary.json, which has numbers but neither
            histories nor settings nor figures; or "reproduced", the run that the README shows.

    Raises:
        InputError: there is no result, or the file is neither.
    """
    path = Path(path)
    if str(path) == REPRODUCED and not path.exists():
        return Collection(_from_summary(reproduced(), path))
    if path.is_dir():
        return collect(path)
    if not path.exists():
        raise InputError(
            tr("{path}: no such file or folder; name a result.json, or a folder of results", path=path)
        )
    if path.name == FILE_NAME:
        return Collection([Summary(path.parent, [Result.load(path)])])
    try:
        content = read_json(path)
    except ValueError as error:
        raise InputError(
            tr(
                "{path}: not a readable result or summary ({error}); name another file",
                path=path,
                error=shorten(str(error)),
            )
        ) from error
    if isinstance(content, dict) and "chapters" not in content:
        return Collection([Summary(path.parent, [Result.load(path)])])
    return Collection(_from_summary(content, path))


def _from_summary(content: Any, path: Path) -> list[Summary]:
    try:
        return [Summary(path, _results_of(name, chapter)) for name, chapter in content["chapters"].items()]
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise InputError(
            tr(
                "{path}: not a summary of results ({error}); name a folder of results",
                path=path,
                error=shorten(repr(error)),
            )
        ) from error


def _results_of(name: str, chapter: Mapping[str, Any]) -> list[Result]:
    """Return a result per seed of a chapter's part of summary.json, without histories and settings."""
    if not 1 <= len(chapter["seeds"]) <= MAX_SEEDS:
        raise ValueError(f"{name} has {len(chapter['seeds'])} seeds, not 1 to {MAX_SEEDS}")
    known = ("dataset", "stand_in_for", "quick", "changed", "finished", "seconds", "environment")
    facts = {key: chapter[key] for key in known if key in chapter}
    facts["stream"] = chapter.get("stream")  # which earlier versions did not have
    is_single = len(chapter["seeds"]) == 1
    apart = chapter.get("parity") if chapter.get("same_path") else None
    missing: dict[str, Any] = {
        "settings": {},
        "parity": None
        if apart is None
        else {"steps": 0, "max_abs_diff": apart, "pairs": chapter.get("pairs", [])},
        "published": chapter["published"] if is_single else [],  # of several seeds it has the mean
        "tables": {},
        "interrupted": False,
        "figures": [],
    }
    return [
        Result.from_json({**missing, **facts, "chapter": name, "seed": seed, "runs": runs})
        for seed, runs in zip(chapter["seeds"], _runs_by_seed(chapter))
    ]


def _runs_by_seed(chapter: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return label -> run for each seed, as result.json has them.

    Left out are metrics that not every seed has: the file does not say which ones do. The one in this
    package has only the numbers with a published value beside them.
    """
    found: list[dict[str, Any]] = [{} for _ in chapter["seeds"]]
    for label, metrics in chapter.get("metrics", {}).items():
        for metric, over in metrics.items():
            if len(over["values"]) == len(found):
                for runs, value in zip(found, over["values"]):
                    _add_metric(runs, label, metric, value)
    for row in chapter["published"] if len(found) == 1 else []:
        _add_metric(found[0], row["run"], row["metric"], row["ours"])
    return found


def _add_metric(runs: dict[str, Any], label: str, metric: str, value: Any) -> None:
    runs.setdefault(label, {"history": {}, "metrics": {}})["metrics"].setdefault(metric, value)
