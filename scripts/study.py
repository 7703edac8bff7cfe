"""Add the runs of a study on MNIST to those that are committed, and measure the bands of all of them.

python scripts/study.py FOLDER [FOLDER ...]    add the runs in folders of the study, finished or not
python scripts/study.py --begin FOLDER         begin a folder with the committed runs, which are kept:
    python -m chapters.mnist_regularization --seed 1 --seeds 10 --cluster local --out FOLDER --resume

A run that is committed stays as it is: the kernels of another processor round otherwise. Runs are added on
the machine that has trained them, whose processor is recorded with them.
`python scripts/readme.py` then judges by the new bands.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from chapters.mnist_regularization import DIFFERENCES, HParams, chapter
from d2l_repro.cli.bands import measured_bands
from d2l_repro.errors import DONE, InputError, one_line_errors
from d2l_repro.experiment.chapter import RUNS
from d2l_repro.experiment.conclusions import add_differences
from d2l_repro.files import write_atomically
from d2l_repro.kept import Kept
from d2l_repro.results import bands, study
from d2l_repro.results.bands import Band
from d2l_repro.results.environment import package_versions, processor
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult, run_label
from d2l_repro.results.study import key_of

RESULTS = Path(__file__).parents[1] / "d2l_repro" / "results"
# What a folder's first line says of runs that can be committed.
KIND = {
    "chapter": chapter.name,
    "settings": vars(HParams()),
    "dataset": "mnist",
    "stand_in_for": None,
    "quick": False,
    "stream": None,
}


def main(argv: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code."""
    if argv[:1] == ["--begin"] and len(argv) == 2:
        begin(Path(argv[1]))
        return DONE
    if not argv or argv[0].startswith("-"):
        raise InputError("name the folders of the study: python scripts/study.py FOLDER [FOLDER ...]")
    known = {key_of(run): run for run in study.committed()}
    before = len(known)
    origins, environments = study.committed_origins(), study.committed_environments()
    for folder in argv:
        found, packages = runs_in(Path(folder) / RUNS)
        new = {key_of(run): run for run in found if key_of(run) not in known}
        if new:
            here = {"python": platform.python_version(), "processor": processor(), "packages": packages}
            environments += [here] if here not in environments else []
            known.update(new)
            origins.update(dict.fromkeys(new, environments.index(here) + 1))
    order = [(run.impl, run.variant) for run in chapter.runs(HParams())]
    runs = sorted(known.values(), key=lambda run: order.index((run.impl, run.variant)))
    text = study.as_csv(runs, origins)
    write_atomically(RESULTS / study.FILE_NAME, text)
    write_atomically(RESULTS / study.ENVIRONMENTS, json.dumps(environments, indent=2) + "\n")
    # Of the numbers as they are committed, so that the same bands come out again.
    write_atomically(RESULTS / bands.FILE_NAME, text_of_bands(study.read(text)))
    print(f"{len(known) - before} runs added to {before}")
    return DONE


def begin(folder: Path) -> None:
    """Write the committed runs into a new folder of the study, with the packages of those to come.

    Raises:
        InputError: it has runs already, or cannot be written.
    """
    if (folder / RUNS).exists():
        raise InputError(f"{folder / RUNS}: exists; go on with --resume, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    kept = Kept(folder / RUNS, {**KIND, "packages": package_versions()})
    for run in study.committed():
        kept.add(run_label(*key_of(run)), run.as_json())


def runs_in(path: Path) -> tuple[list[RunResult], dict[str, str]]:
    """Return the finished runs of a study's file, and the packages that have trained those not committed.

    Raises:
        InputError: there is no such file, or the runs have other settings or data than the published ones.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; name the --out folder of the study")
    # the last line may have been cut off, and ends without a line break then
    first, *lines = map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])
    for name, value in KIND.items():
        found = first.get(name)
        if found != value:
            raise InputError(f"{path}: {name} is {found!r}, not {value!r}; run the chapter as it is")
    return [RunResult.from_json(label, content, seed=0) for label, content in lines], first["packages"]


def text_of_bands(runs: Iterable[RunResult]) -> str:
    """Return bands.json with the bands of these runs, where no band rests on more of them."""
    results: dict[int, Result] = {}
    for run in runs:
        result = results.setdefault(
            run.seed, Result(chapter.name, run.seed, KIND["settings"], dataset=KIND["dataset"])
        )
        result.runs.append(run)
    for result in results.values():
        add_differences(result, DIFFERENCES)
    committed = bands.committed()
    before = {bands.key_of(row): row["n"] for row in committed["bands"]}
    measured = map(asdict, measured_bands(chapter.name, list(results.values())))
    new = [row for row in measured if row["n"] >= before.get(bands.key_of(row), 0)]
    rows = bands.updated(committed["bands"], new)
    return bands.as_json([Band(**row) for row in rows], committed["environment"], committed["exact"])


if __name__ == "__main__":
    with one_line_errors("study.py"):
        sys.exit(main(sys.argv[1:]))
