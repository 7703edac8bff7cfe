"""Test what is counted as memory, and that chapters take little more than they must hold."""

import gzip
from importlib import import_module

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.bench import demand, memory
from d2l_repro.bench.runner import ContestantFailed
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.results.costs import ALLOWED
from d2l_repro.train.loop import evaluate

MB = 10**6


def test_bytes_of_counts_memory_once_that_several_arrays_share():
    X, other = nd.zeros((100, 10)), np.zeros(50)
    assert demand.bytes_of([X, X[:40], X.reshape((-1,)), other, other[10:]]) == 4000 + 400


def test_arrays_in_finds_what_loaders_and_splits_hold():
    X, y = nd.zeros((8, 3)), nd.zeros(8)
    data = Data("", Minibatches(X, y, 2, seed=0), source={"again": (X, "text"), "words": ["a", "b"]})
    found = list(demand.arrays_in(data))
    assert [array is X for array in found].count(True) == 1
    assert [words for words in found if isinstance(words, list)] == [["a", "b"]]
    assert demand.bytes_of(array for array in found if not isinstance(array, list)) == 4 * (24 + 8)


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


def test_batch_sizes_are_those_of_training_and_evaluation():
    with demand.batch_sizes() as sizes:
        evaluate(Minibatches(nd.ones((7, 2)), nd.zeros(7), 5), lambda X: X, lambda y_hat, y: y)
    assert sizes == {5, 2}


def test_measure_says_which_chapter_failed(capfd):
    with pytest.raises(ContestantFailed, match="memory, chess"):
        memory.measure("chess", quick=True)
    assert "d2l-repro bench: chess: error" in capfd.readouterr().err


@pytest.fixture(scope="module")
def sixty_thousand_images(tmp_path_factory):
    """A folder with random images of Fashion-MNIST's size and names."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.RandomState(0)
    (folder / "fashion_mnist").mkdir()
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        contents = {
            "images-idx3": (b"\0\0\x08\x03", (count, 28, 28), rng.randint(0, 256, (count, 784), "uint8")),
            "labels-idx1": (b"\0\0\x08\x01", (count,), rng.randint(0, 10, count).astype("uint8")),
        }
        for name, (magic, shape, values) in contents.items():
            content = magic + np.array(shape, ">u4").tobytes() + values.tobytes()
            path = folder / "fashion_mnist" / f"{prefix}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(content, compresslevel=0))
    return folder


@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_training_takes_little_more_memory_than_data_and_nets(quick, sixty_thousand_images, monkeypatch):
    monkeypatch.setenv("D2L_REPRO_DATA", str(sixty_thousand_images))
    fixed = memory.measure("linear_regression", quick=True).training
    found = memory.measure("softmax_regression", quick)
    # floats and bytes of all images; with --quick the files, of which a tenth is used
    assert found.demand["data"] > (100 if quick else 270) * MB
    assert found.training - fixed <= ALLOWED * found.needed
    assert found.peak >= found.trained >= found.imported
