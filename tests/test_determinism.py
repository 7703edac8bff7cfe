"""Same seed, same numbers: in any process, on any supported Python, whatever was imported and run before."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Prints a digest of all numbers of some short runs, trained weights included, and what two folds predict.
CODE = """
import hashlib, json
{before}
from chapters import dropout, softmax_regression, weight_decay
from d2l_repro.train.parameters import parameters
from kaggle_house import data, kfold, recipes

def numbers(result):
    return [
        [run.name, run.metrics, [param.get().tolist() for param in parameters(run.model)],
         [[value for name, value in row.items() if name != "seconds"] for row in run.history]]
        for run in result.runs if run.model
    ]

runs = [
    numbers(dropout.run(dropout.HParams(num_epochs=1, num_hiddens1=16, num_hiddens2=16), dataset="digits")),
    numbers(softmax_regression.run(dataset="digits", seed=3, quick=True)),
    numbers(weight_decay.run(quick=True, stream="macos")),
]
recipe = recipes.TUNED.replace(num_epochs=2, num_nets=1, num_hiddens=4)
tables = data.load_tables(dataset="generated")
few = data.Tables(tables.train.head(200), tables.test.head(50))
folds, _ = kfold.cross_validate(recipe, few, kfold.FoldOptions(k=2))
predicted = [number for fold in folds for number in (fold["train"], fold["valid"], *fold["predictions"])]
print(json.dumps([hashlib.sha256(json.dumps(runs).encode()).hexdigest(), predicted]))
"""
ALL_ELSE = """
import random, sklearn.linear_model, matplotlib.pyplot, pandas, kaggle_house.model, d2l_repro.d2lzh
import mxnet, numpy
from chapters import lstm_sine, mlp
random.random(); numpy.random.rand(3); mxnet.nd.random.normal(shape=3)
mlp.run(mlp.HParams(num_epochs=1, num_hiddens=8), dataset="digits", seed=7)
lstm_sine.run(quick=True)
"""


def run(python=sys.executable, before="", **environment):
    """Return the digest and the predictions of a new process, in which nothing but these variables is set."""
    environment.update({name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ})
    process = subprocess.run(
        [python, "-c", CODE.format(before=before)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def own():
    return run(PYTHONHASHSEED="1")


def test_numbers_do_not_depend_on_what_a_process_did_before(own):
    assert run(before=ALL_ELSE, PYTHONHASHSEED="2") == own


@pytest.mark.skipif("D2L_REPRO_PYTHONS" not in os.environ, reason="D2L_REPRO_PYTHONS names no other Pythons")
def test_numbers_do_not_depend_on_the_versions_of_python_and_numpy(own):
    for python in os.environ["D2L_REPRO_PYTHONS"].split(os.pathsep):
        digest, predicted = run(python)
        assert digest == own[0], python
        # Features and predictions are NumPy's, whose exp and sums differ in the last digit.
        assert predicted == pytest.approx(own[1], rel=1e-12), python
