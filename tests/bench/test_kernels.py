"""Each kernel that is measured computes what its operator is."""

import numpy as np
import pytest

from d2l_repro.bench import kernels
from d2l_repro.bench.operators import Operator

SMALL = [
    Operator("product", (3, 4, 5)),
    Operator("outer product", (3, 4, 5)),
    Operator("recurrent product", (2, 3, 4, 5)),
    Operator("convolution", (2, 1, 6, 3, 5, 0)),
    Operator("convolution", (2, 3, 6, 2, 5, 1)),
    Operator("pooling", (2, 3, 6)),
    Operator("gather", (3, 4, 10)),
    Operator("pass", (50, 3)),
    Operator("exponential", (50,)),
    Operator("draw", (50,)),
]


@pytest.fixture
def pool():
    return kernels.Pool(2**14)


@pytest.mark.parametrize("operator", SMALL, ids=str)
def test_kernels_run_with_every_set_of_arrays(operator, pool):
    before = pool.numbers.copy()
    found = kernels.kernels(operator, pool)
    assert len(found) >= 1
    for call in found.values():
        for i in range(3):
            call(i)
    kernels.nd.waitall()
    np.testing.assert_array_equal(pool.numbers, before)  # outputs are written elsewhere


@pytest.mark.parametrize("kind", ["product", "outer product"])
def test_kernels_of_products_agree(kind, pool, monkeypatch):
    results = {}
    for name, call in kernels.kernels(Operator(kind, (3, 4, 5)), pool).items():
        result = call(0)
        if name not in ("nd.FullyConnected", "torch.mm, transposed"):  # have other arrays
            results[name] = result.asnumpy() if name.startswith("nd.") else np.asarray(result)
    expected = results.pop("NumPy")
    assert results
    for result in results.values():
        np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_pool_hands_out_other_arrays_each_time(pool):
    sets = pool.sets((10, 10), (20,))
    assert len(sets) == 2**14 // 4 // 120
    starts = [array.__array_interface__["data"][0] for arrays in sets for array in arrays]
    assert len(set(starts)) == len(starts)
    assert [array.shape for array in sets[-1]] == [(10, 10), (20,)]


def test_pool_repeats_itself_for_arrays_that_are_longer(pool):
    ((array,),) = pool.sets((2**13,))
    assert array.shape == (2**13,)


def test_pool_is_larger_than_the_cache(monkeypatch, tmp_path):
    (tmp_path / "size").write_text("65536K\n")
    monkeypatch.setattr(kernels, "CACHE", tmp_path / "size")
    assert kernels.pool_bytes() == 2 * 65536 * 1024
    monkeypatch.setattr(kernels, "CACHE", tmp_path / "nothing")
    assert kernels.pool_bytes() == kernels.SMALLEST


def test_measure_returns_seconds_of_each_kernel_left(pool):
    watches = kernels.watches([Operator("product", (3, 4, 5)), Operator("pass", (50, 1))], pool)
    found = kernels.measure(watches)
    assert set(found) == {"product 3 x 4 x 5", "pass 50 x 1"}
    assert all(seconds > 0 for of_each in found.values() for seconds in of_each.values())
