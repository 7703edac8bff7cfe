"""What `d2l-repro bench scaling` measures, and how it joins the rounds."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from d2l_repro.bench import scaling
from d2l_repro.results import scaling as scaled

ROOT = Path(__file__).parents[2]


def test_rounds_of_several_processes_are_joined():
    row = {"chapter": "c", "arrays": [2], "batch_size": 4, "examples": 8, "sizes": [], "tests": 0}
    rounds = [
        {**row, "parts": [2, 4], "seconds": [[i], [10 * i]], "gather": [i], "evaluation": [0.0]}
        for i in (1.0, 2.0)
    ]
    costs = scaling._of_all_rounds(rounds)
    assert costs.seconds == [[1.0, 2.0], [10.0, 20.0]]
    assert costs.gather == [1.0, 2.0]


def test_a_row_for_each_thing_and_number_of_workers():
    answers = [
        {"exchanges": [{"arrays": [1], "seconds": s}, {"arrays": [2], "seconds": 9 * s}]} for s in (1, 2)
    ]
    assert scaling._collected({"2": answers}, "exchanges") == [
        {"arrays": [1], "workers": 2, "seconds": [1, 2]},
        {"arrays": [2], "workers": 2, "seconds": [9, 18]},
    ]


def test_measured_chapters_have_gluon_nets_and_are_those_of_the_record():
    assert tuple(scaled.committed().nets()) == scaling.CHAPTERS
    for name in scaling.CHAPTERS:
        chapter = import_module(f"chapters.{name}").chapter
        assert any(run.impl == "gluon" for run in chapter.runs(chapter.defaults(False)))
    assert set(scaling.SHARED) < set(scaling.CHAPTERS)


@pytest.mark.slow
def test_bench_measures_scaling_and_keeps_it(tmp_path):
    command = [sys.executable, "-m", "d2l_repro", "bench", "scaling", "--quick", f"--out={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*-scaling-quick.json")
    record = scaled.load(path)
    assert {row["workers"] for row in record.trainings} == {0, 1, 2}
    assert {row["workers"] for row in record.exchanges} == {1, 2}
    assert all(value >= 0 for value in vars(record.exchange()).values())
