"""Signals at random moments: everything ends, and what is resumed has the bits of an uninterrupted run.

FAULT_TRIES sets how often each long command is stopped.
"""

import json
import os
import random
import signal
import time

import pytest

TRIES = int(os.environ.get("FAULT_TRIES", "5"))
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)
RUN = ["-m", "d2l_repro", "run", "linear_regression", "weight_decay", "--quick"]
STUDY = ["-m", "chapters.mnist_regularization", "--quick", "--impl", "gluon", "--jobs", "2"]
KFOLD = ["-m", "kaggle_house", "kfold", "--dataset", "generated", "--repeats", "1", "--jobs", "2"]
LONG = {  # name -> command, and the flags that resume it
    "run": (RUN, ["--resume"]),
    "run of two at a time": ([*RUN, "--jobs", "2"], ["--resume"]),
    "chapter with checkpoints": (
        ["-m", "chapters.language_model", "--quick", "--impl", "gluon", "--num-epochs", "5"],
        ["--resume"],
    ),
    "study": ([*STUDY, "--only", "baseline", "L1 1e-7", "tanh", "ReLU6"], []),
    "kfold": (
        [*KFOLD, "--k", "4", "--num-nets", "1", "--num-epochs", "10"],
        ["--resume"],
    ),
}
TIMES = {"seconds", "finished", "environment", "options"}  # keys of what may differ


def numbers(folder):
    """Return all that the results in a folder say, without times."""

    def without_times(value):
        if isinstance(value, dict):
            return {name: without_times(item) for name, item in value.items() if name not in TIMES}
        return [without_times(item) for item in value] if isinstance(value, list) else value

    paths = [*folder.rglob("result.json"), *folder.glob("kfold.json")]
    assert paths
    return {str(path.relative_to(folder)): without_times(json.loads(path.read_text())) for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_command_stopped_at_a_random_moment_leaves_nothing_running_and_resumes_to_the_same_bits(
    name, start, tmp_path
):
    argv, resume = LONG[name]
    began = time.monotonic()
    code, _, err = start(*argv, "--out", tmp_path / "whole").end()
    duration = time.monotonic() - began
    assert code == 0, err
    whole = numbers(tmp_path / "whole")
    rng = random.Random(name)
    for i in range(TRIES):
        number, delay = SIGNALS[i % len(SIGNALS)], rng.uniform(0.15, duration)
        out, said = tmp_path / str(i), f"try {i}: {number.name} after {delay:.2f} s"
        command = start(*argv, "--out", out)
        time.sleep(delay)
        code, err, left = command.stop(number)
        assert not left, said
        # It may have been finished, or on its way out.
        assert code in (0, -number) if number == signal.SIGKILL else code in (0, 128 + number, -number), said
        assert "Traceback" not in err, said + err
        code, _, err = start(*argv, *resume, "--out", out).end()
        assert code == 0, said + err
        assert numbers(out) == whole, said
        leftovers = [path.name for path in out.rglob(".*")]
        assert leftovers == [], said


@pytest.mark.parametrize("argv", [["-m", "chapters.mlp"], KFOLD[:5]], ids=["chapter", "kfold"])
def test_signal_during_the_imports_ends_a_command_with_one_line(argv, start, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy.linalg":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = start(*argv, "--out", tmp_path / "runs", PYTHONPATH=path)
    assert command.end() == (130, "", "d2l_repro: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_kfold_takes_its_workers_with_it(number, start, tmp_path):
    command = start(*KFOLD, "--k", "20", "--num-nets", "1", "--num-epochs", "10", "--out", tmp_path)
    command.wait_until((tmp_path / "folds").exists)
    code, err, left = command.stop(number)
    assert left == {}
    assert code == (143 if number == signal.SIGTERM else -number)
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_run_passes_a_signal_on_to_the_chapter_and_does_not_outlive_it(number, start, tmp_path):
    argv = ["run", "polynomial_fitting", "linear_regression", "--out", tmp_path]
    command = start("-m", "d2l_repro", *argv)
    for line in command.process.stdout:
        if line.startswith("gluon cubic epoch 1,"):
            break
    code, _, left = command.stop(number)
    assert left == {}
    assert code == (129 if number == signal.SIGHUP else -number)
    if number == signal.SIGHUP:
        result = json.loads((tmp_path / "polynomial_fitting" / "result.json").read_text())
        assert result["interrupted"]
        assert len(result["runs"]["scratch cubic"]["history"]["epoch"]) == 100
