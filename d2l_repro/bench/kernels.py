"""Measure operators alone, with every kernel at hand: MXNet's, NumPy's, and PyTorch's if it is installed.

Their inputs are cold: each call reads other ones, from a pool larger than the processor's cache.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import numpy as np
from mxnet import autograd, nd

from .. import compat
from .operators import Operator

try:
    import torch
except ImportError:
    torch = None

CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")  # of the last level, "32768K"
SMALLEST, LARGEST = 2**26, 2**29  # bytes of the pool
BLOCK_SECONDS = 0.02  # of one measurement, so that starting and ending it are a small part
HOPELESS = 3.0  # a kernel that takes so many times as long as the fastest is not measured again

Call = Callable[[int], Any]  # number of the call -> anything, perhaps before it is computed
Sets = Sequence[Sequence[Any]]  # the arrays of each call
Named = Iterator[tuple[str, Call]]  # kernels by name


def pool_bytes() -> int:
    """Return twice the size of the last-level cache, within bounds, also where it is not known."""
    size = 0
    with suppress(OSError, ValueError):
        size = int(CACHE.read_text().strip().removesuffix("K")) * 1024
    return min(max(2 * size, SMALLEST), LARGEST)


class Pool:
    """Arrays with numbers between 0 and 1, as views of one long array that are handed out in turn."""

    def __init__(self, size: int | None = None):
        rng = np.random.default_rng(0)
        self.numbers = rng.random((size or pool_bytes()) // 4, dtype="float32")
        self._start = 0

    def sets(self, *shapes: tuple[int, ...]) -> list[list[np.ndarray]]:
        """Return as many sets of arrays of these shapes as the pool holds without overlap, at least one."""
        length = sum(int(np.prod(shape)) for shape in shapes)
        count = min(max(len(self.numbers) // length, 1), 256)
        return [[self._take(shape) for shape in shapes] for _ in range(count)]

    def _take(self, shape: tuple[int, ...]) -> np.ndarray:
        length = int(np.prod(shape))
        if length > len(self.numbers):
            return np.resize(self.numbers, shape)
        if self._start + length > len(self.numbers):
            self._start = 0
        view = self.numbers[self._start : self._start + length].reshape(shape)
        self._start += length
        return view


def _each(sets: Sets, convert: Callable) -> list[list[Any]]:
    return [[convert(array) for array in arrays] for arrays in sets]


def _in_mxnet(array: np.ndarray) -> nd.NDArray:
    # A view of its own: MXNet forbids NumPy to write through the one that it gets.
    return nd.from_numpy(array[...], zero_copy=True)


CONVERT: dict[str, Callable[[np.ndarray], Any]] = {
    "np": lambda array: array,
    "nd": _in_mxnet,
    "torch": lambda array: torch.from_numpy(array),
}


def kernels(operator: Operator, pool: Pool) -> dict[str, Call]:
    """Return the kernels that compute an operator, by name."""
    builders: dict[str, Callable[..., Named]] = {
        "product": _products,
        "outer product": _outer_products,
        "recurrent product": _recurrent_products,
        "convolution": _convolutions,
        "pooling": _poolings,
        "gather": _gathers,
        "pass": _passes,
        "exponential": _exponentials,
        "draw": _draws,
    }
    return dict(builders[operator.kind](pool, *operator.sizes))


def _cycled(function: Callable, sets: Sets, out: Any = None) -> Call:
    """Return a function that calls another with the next set of arrays each time."""
    options = {} if out is None else {"out": out}

    def call(i: int) -> Any:
        return function(*sets[i % len(sets)], **options)

    return call


def _products(pool: Pool, n: int, k: int, m: int) -> Named:
    sets, out = pool.sets((n, k), (k, m)), np.zeros((n, m), "float32")
    yield "NumPy", _cycled(np.matmul, sets, out)
    yield "nd.dot", _cycled(nd.dot, _each(sets, _in_mxnet), nd.zeros((n, m)))
    layers = pool.sets((n, k), (m, k))

    def dense(X, W, out):
        return nd.FullyConnected(X, W, num_hidden=m, no_bias=True, flatten=False, out=out)

    yield "nd.FullyConnected", _cycled(dense, _each(layers, _in_mxnet), nd.zeros((n, m)))
    if torch:
        yield "torch.mm", _cycled(torch.mm, _each(sets, torch.from_numpy), torch.zeros(n, m))
        linear = [[X, W.T] for X, W in _each(layers, torch.from_numpy)]
        yield "torch.mm, transposed", _cycled(torch.mm, linear, torch.zeros(n, m))


def _outer_products(pool: Pool, n: int, k: int, m: int) -> Named:
    sets, out = pool.sets((n, k), (n, m)), np.zeros((k, m), "float32")
    yield "NumPy", _cycled(lambda X, Y, out: np.matmul(X.T, Y, out=out), sets, out)

    def dot(X, Y, out):
        return nd.dot(X, Y, transpose_a=True, out=out)

    yield "nd.dot", _cycled(dot, _each(sets, _in_mxnet), nd.zeros((k, m)))
    if torch:
        arrays = [[X.T, Y] for X, Y in _each(sets, torch.from_numpy)]
        yield "torch.mm", _cycled(torch.mm, arrays, torch.zeros(k, m))


def _recurrent_products(pool: Pool, steps: int, n: int, k: int, m: int) -> Named:
    sets = pool.sets((steps, n, k), (k, m))

    def through(product: Callable, out: Any) -> Callable:
        def run(X: Any, W: Any) -> None:
            for step in range(steps):
                product(X[step], W, out=out)

        return run

    yield "NumPy", _cycled(through(np.matmul, np.zeros((n, m), "float32")), sets)
    yield "nd.dot", _cycled(through(nd.dot, nd.zeros((n, m))), _each(sets, _in_mxnet))
    if torch:
        yield "torch.mm", _cycled(through(torch.mm, torch.zeros(n, m)), _each(sets, torch.from_numpy))


def _convolutions(
    pool: Pool, n: int, channels: int, size: int, outputs: int, kernel: int, input_grad: int
) -> Named:
    shapes = (n, channels, size, size), (outputs, channels, kernel, kernel), (n, outputs, size, size)
    sets, pad = pool.sets(*shapes), (kernel // 2,) * 2

    def mxnet(X, W, grad):
        with autograd.record():
            Y = nd.Convolution(X, W, num_filter=outputs, kernel=(kernel,) * 2, pad=pad, no_bias=True)
        Y.backward(grad)

    arrays = _each(sets, _in_mxnet)
    for X, W, _ in arrays:
        W.attach_grad()
        if input_grad:
            X.attach_grad()
    yield "nd.Convolution", _cycled(mxnet, arrays)
    if torch:
        ones, zeros, mask = (1, 1), (0, 0), (bool(input_grad), True, False)

        def pytorch(X, W, grad):
            torch.conv2d(X, W, padding=pad)
            backward = torch.ops.aten.convolution_backward
            backward(grad, X, W, None, ones, pad, ones, False, zeros, 1, mask)

        yield "torch.conv2d", _cycled(pytorch, _each(sets, torch.from_numpy))


def _poolings(pool: Pool, n: int, channels: int, size: int) -> Named:
    sets = pool.sets((n, channels, size, size), (n, channels, size // 2, size // 2))

    def mxnet(X, grad):
        with autograd.record():
            Y = nd.Pooling(X, kernel=(2, 2), stride=(2, 2), pool_type="max")
        Y.backward(grad)

    arrays = _each(sets, _in_mxnet)
    for X, _ in arrays:
        X.attach_grad()
    yield "nd.Pooling", _cycled(mxnet, arrays)
    if torch:

        def pytorch(X, grad):
            _, places = torch.ops.aten.max_pool2d_with_indices(X, (2, 2))
            backward = torch.ops.aten.max_pool2d_with_indices_backward
            backward(grad, X, (2, 2), (2, 2), (0, 0), (1, 1), False, places)

        yield "torch.max_pool2d", _cycled(pytorch, _each(sets, torch.from_numpy))


def _gathers(pool: Pool, n: int, columns: int, rows: int) -> Named:
    # The rows of a batch lie anywhere in the training set, or in as much of it as the pool holds.
    rows = min(rows, len(pool.numbers) // columns)
    source, rng = pool.numbers[: rows * columns].reshape(rows, columns), np.random.default_rng(0)
    orders = [[rng.choice(rows, n, replace=rows < n)] for _ in range(64)]
    out = np.zeros((n, columns), "float32")
    yield "NumPy", _cycled(lambda order, out: np.take(source, order, 0, out, "clip"), orders, out)
    array = _in_mxnet(source)
    in_mxnet = _each(orders, lambda order: nd.array(order, dtype="int32"))
    yield "nd.take", _cycled(lambda order, out: nd.take(array, order, out=out), in_mxnet, nd.zeros(out.shape))
    if torch:
        tensor = torch.from_numpy(source)
        in_torch = _each(orders, torch.from_numpy)

        def select(order, out):
            return torch.index_select(tensor, 0, order, out=out)

        yield "torch.index_select", _cycled(select, in_torch, torch.zeros(out.shape))


def _elementwise(pool: Pool, elements: int, functions: dict[str, Callable], num_inputs: int) -> Named:
    """Yield elementwise functions that write to an array of their own: the output may be cold as well."""
    sets = pool.sets(*((elements,),) * (num_inputs + 1))
    outputs = [np.zeros(elements, "float32") for _ in range(min(len(sets), max(1, 2**23 // elements)))]
    for name, function in functions.items():
        convert = CONVERT[name.split(".")[0]]
        inputs = _each([arrays[:num_inputs] for arrays in sets], convert)
        written = [convert(array) for array in outputs]
        pairs = [
            (*arrays, out)
            for arrays, out in zip(inputs, itertools.islice(itertools.cycle(written), len(inputs)))
        ]
        yield name, _cycled(_into_last(function), pairs)


def _into_last(function: Callable) -> Callable:
    return lambda *arrays: function(*arrays[:-1], out=arrays[-1])


def _passes(pool: Pool, elements: int, arrays: int) -> Named:
    """Yield sums of two arrays; memory takes the time, so other numbers of arrays are in proportion."""
    functions = {"np.add": np.add, "nd.elemwise_add": nd.elemwise_add}
    if torch:
        functions["torch.add"] = torch.add
    return _elementwise(pool, elements, functions, 2)


def _exponentials(pool: Pool, elements: int) -> Named:
    functions = {"np.exp": np.exp, "nd.exp": nd.exp}
    if torch:
        functions["torch.exp"] = torch.exp
    return _elementwise(pool, elements, functions, 1)


def _draws(pool: Pool, elements: int) -> Named:
    rng, out = np.random.default_rng(0), np.zeros(elements, "float32")
    yield "NumPy", lambda i: rng.random(dtype="float32", out=out)
    drawn = nd.zeros(elements)
    yield "nd.random.uniform", lambda i: nd.random.uniform(out=drawn)
    if torch:
        tensor = torch.zeros(elements)
        yield "torch.uniform_", lambda i: tensor.uniform_()


class Stopwatch:
    """Measure a kernel in blocks of calls.

    Args:
        call: the kernel.
        scale: factor of what is measured.
    """

    def __init__(self, call: Call, scale: float = 1.0):
        self.call, self.scale, self.calls, self._next = call, scale, 1, 0
        self.seconds()  # warm up
        once = self.seconds() / scale
        self.calls = max(1, min(round(BLOCK_SECONDS / max(once, 1e-7)), 10_000))

    def seconds(self) -> float:
        """Return the seconds of a call."""
        nd.waitall()
        start = time.perf_counter()
        for i in range(self._next, self._next + self.calls):
            self.call(i)
        nd.waitall()
        elapsed = time.perf_counter() - start
        self._next += self.calls
        return self.scale * elapsed / self.calls


Watches = dict[str, dict[str, Stopwatch]]  # operator -> kernel -> its watch


def watches(operators: Sequence[Operator], pool: Pool | None = None) -> Watches:
    """Return the watches of every operator's kernels, without those that are hopeless."""
    pool, found = pool or Pool(), {}
    if torch:
        torch.set_num_threads(compat.threads())
    for operator in operators:
        scale = operator.sizes[1] / 3 if operator.kind == "pass" else 1.0
        of_each = {name: Stopwatch(call, scale) for name, call in kernels(operator, pool).items()}
        first = {name: min(watch.seconds(), watch.seconds()) for name, watch in of_each.items()}
        best = min(first.values())
        found[str(operator)] = {
            name: watch for name, watch in of_each.items() if first[name] <= HOPELESS * best
        }
    return found


def measure(found: Watches) -> dict[str, dict[str, float]]:
    """Return operator -> kernel -> seconds of a call."""
    return {
        operator: {name: watch.seconds() for name, watch in of_each.items()}
        for operator, of_each in found.items()
    }
