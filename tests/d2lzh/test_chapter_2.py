"""NDArrays, gradients and the documentation."""

from d2l_repro import d2lzh as d2l  # noqa: F401  # isort: skip  (as readers write it: before mxnet)

import numpy as np
import pytest
from mxnet import autograd, nd


def test_section_2_2_ndarray_computes_like_numpy():
    x = nd.arange(12)
    assert (x.shape, x.size, x.dtype) == ((12,), 12, np.float32)
    X = x.reshape((-1, 4))
    Y = nd.array([[2, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
    A, B = X.asnumpy(), Y.asnumpy()
    for ours, numpys in [
        (X + Y, A + B),
        (X / Y, A / B),
        (Y.exp(), np.exp(B)),
        (nd.dot(X, Y.T), A @ B.T),
        (nd.concat(X, Y, dim=0), np.vstack([A, B])),
        (nd.concat(X, Y, dim=1), np.hstack([A, B])),
        (X == Y, A == B),
        (X.sum(), [66]),
        (nd.arange(3).reshape((3, 1)) + nd.arange(2).reshape((1, 2)), np.add.outer(range(3), range(2))),
    ]:
        np.testing.assert_allclose(ours.asnumpy(), numpys, rtol=1e-6)
    assert X.norm().asscalar() == pytest.approx(np.linalg.norm(A))


def test_section_2_2_indexing_writes_in_place():
    X, Y = nd.arange(12).reshape((3, 4)), nd.ones((3, 4))
    np.testing.assert_array_equal(X[1:3].asnumpy(), [[4, 5, 6, 7], [8, 9, 10, 11]])
    X[1, 2] = 9
    X[1:2, :] = 12
    assert X[1].asnumpy().tolist() == [12] * 4
    before = id(Y)
    Y = Y + X
    assert id(Y) != before
    Z = Y.zeros_like()
    before = id(Z)
    Z[:] = X + Y
    assert id(Z) == before
    nd.elemwise_add(X, Y, out=Z)
    X += Y
    np.testing.assert_array_equal(X.asnumpy(), Z.asnumpy())
    P = np.ones((2, 3), np.float32)
    D = nd.array(P)
    D[:] = 2
    assert (P.max(), D.asnumpy().min()) == (1, 2)  # a copy


def test_section_2_3_gradients_of_a_quadratic_form():
    x = nd.arange(4).reshape((4, 1))
    x.attach_grad()
    assert not autograd.is_training()
    with autograd.record():
        assert autograd.is_training()
        y = 2 * nd.dot(x.T, x)
    y.backward()
    assert y.asscalar() == 28
    np.testing.assert_array_equal(x.grad.asnumpy(), 4 * x.asnumpy())


@pytest.mark.parametrize("start", [0.3, -0.3, 7.0, -1500.0])
def test_section_2_3_gradients_pass_through_control_flow(start):
    def f(a):
        b = a * 2
        while b.norm().asscalar() < 1000:
            b = b * 2
        return b if b.sum().asscalar() > 0 else 100 * b

    a = nd.array([start])
    a.attach_grad()
    with autograd.record():
        c = f(a)
    c.backward()
    assert a.grad.asscalar() == (c / a).asscalar()  # piecewise linear, through 0


def test_section_2_4_documentation_is_there(capsys):
    assert {"normal", "uniform", "poisson"} <= set(dir(nd.random))
    help(nd.ones_like)
    assert "array of ones with the same shape" in " ".join(capsys.readouterr().out.split())
    np.testing.assert_array_equal(nd.array([[0, 0, 0], [2, 2, 2]]).ones_like().asnumpy(), np.ones((2, 3)))
