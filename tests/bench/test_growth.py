"""Test what grows in each sweep, and one sweep from end to end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_repro.bench import growth, studying
from d2l_repro.bench.growth import SWEEPS
from d2l_repro.bench.operators import num_parameters
from d2l_repro.results import costs
from d2l_repro.results.speed import LIMIT

ROOT = Path(__file__).parents[2]


def flops(name, size):
    found = sum(operator.flops * operator.count for operator in SWEEPS[name].limit(size))
    return found * SWEEPS[name].steps(size)


def test_sweeps_grow_by_what_their_nets_compute():
    # two products forward, two outer products, and one product back through the second layer
    assert flops("width", 64) == 2 * 256 * (2 * 784 * 64 + 3 * 64 * 10)
    assert flops("width", 4096) == 64 * flops("width", 64)
    assert flops("depth", 3) - flops("depth", 2) == 2 * 256 * 3 * 256**2
    assert flops("examples", 600_000) == pytest.approx(100 * flops("examples", 6_000))
    updates = [
        one for one in SWEEPS["depth"].limit(4) if one.sizes == (num_parameters((784, *[256] * 4, 10)), 3)
    ]
    assert len(updates) == 1


def test_work_is_that_of_the_folds_and_of_the_turns_of_commands():
    assert [SWEEPS["folds"].work["Gluon"](k) for k in (2, 5, 20)] == [1, 4, 19]
    assert [SWEEPS["seeds"].work["--jobs 2"](seeds) for seeds in (1, 2, 5, 20)] == [1, 1, 3, 10]


def test_every_sweep_has_a_reason_and_rising_sizes():
    assert set(costs.BENDS) == set(SWEEPS)
    for sweep in SWEEPS.values():
        assert list(sweep.sizes) == sorted(set(sweep.sizes))
        assert bool(sweep.limit) != bool(sweep.work)


def test_split_tells_studies_from_contests():
    assert studying.split(["mlp", "memory", "depth"]) == (["depth", "memory"], ["mlp"])
    assert studying.split(["growth"]) == (list(SWEEPS), [])
    studies, names = studying.split([])
    assert (studies, names[0]) == ([*SWEEPS, "memory", "scaling"], "linear_regression")


def test_limits_add_up_the_operators_of_each_size():
    measured = [{str(one): {"np.add": 2.0} for size in (64, 128) for one in SWEEPS["width"].limit(size)}]
    found = growth._limits(SWEEPS["width"], (64, 128), measured)
    counts = [sum(one.count for one in SWEEPS["width"].limit(size)) for size in (64, 128)]
    assert found == {LIMIT: [[2.0 * count] for count in counts]}


def test_bench_measures_a_sweep_and_keeps_it(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "d2l_repro", "bench", "width", "--quick", "--rounds=2", f"--out={tmp_path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert "From 64 to 256 hidden units" in process.stdout
    (path,) = tmp_path.glob("*-costs-quick.json")
    (sweep,) = json.loads(path.read_text(encoding="utf-8"))["growth"]
    assert set(sweep["seconds"]) == {"Gluon", "scratch", LIMIT}
    assert all(len(rounds) == 2 for times in sweep["seconds"].values() for rounds in times)
