"""Test what is counted as memory, and that chapters take little more than they must hold."""

import gzip
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.bench import demand, memory
from d2l_repro.bench.runner import ContestantFailed
from d2l_repro.cli.runner import python_command
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.results.costs import ALLOWED

MB = 10**6


def test_bytes_of_counts_memory_once_that_several_arrays_share():
    X, other = nd.zeros((100, 10)), np.zeros(50)
    assert demand.bytes_of([X, X[:40], X.reshape((-1,)), other, other[10:]]) == 4000 + 400


def test_arrays_in_finds_what_loaders_and_splits_hold():
    X, y = nd.zeros((8, 3)), nd.zeros(8)
    data = Data("", Minibatches(X, y, 2, seed=0), source={"again": (X, "text"), "words": ["a", "b"]})
    found = list(demand.arrays_in(data))
    assert [array is X for array in found].count(True) == 1
    assert ["a", "b"] in found
    assert demand.bytes_of(array for array in found if array is not found[-1]) >= 4 * (24 + 8)


def test_created_arrays_are_those_of_a_forward_pass():
    X, W = nd.ones((10, 20)), nd.ones((20, 5))
    nd.waitall()
    with demand.created_arrays() as created:
        nd.maximum(nd.dot(X, W), 0)
    assert demand.bytes_of(created) == 2 * 10 * 5 * 4
    nd.ones(1)
    assert len(created) == 2


def test_demand_counts_parameters_state_and_activations_by_their_shapes():
    found = demand.demand(import_module("chapters.linear_regression").chapter, quick=True)
    # two nets of w (2, 1) and b (1,), each with its gradient; memory is handed out in larger pieces
    assert found["parameters"] == 2 * 2 * (2 + 1) * 4
    assert found["optimizer state"] == 0
    assert found["data"] == 1000 * (2 + 1) * 4


def test_peak_is_that_of_the_process(capfd):
    small = memory.peak(python_command("import numpy"), "small")
    large = memory.peak(python_command("import numpy; numpy.ones(25_000_000)"), "large")
    assert 190 * MB < large - small < 230 * MB
    with pytest.raises(ContestantFailed, match="broken"):
        memory.peak(python_command("raise SystemExit(3)"), "broken")
