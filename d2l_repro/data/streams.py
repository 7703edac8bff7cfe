"""The random numbers that MXNet draws on Linux and on macOS, on any machine.

MXNet 1.x starts with seed 0, so the book's synthetic data and initial weights are the same numbers in every new
process, but they differ between platforms. MXNet draws every normal number with a new
`std::normal_distribution`, and the C++ standard does not say how that computes it. Both libraries use the polar
method, which yields two numbers from a point in the unit disc. Linux's libstdc++ returns the one of the second
coordinate, macOS's libc++ that of the first, and the other is lost together with the distribution. So what macOS
draws is what Linux throws away. Uniform numbers do not differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd

from ..settings import Stream

BOOK_SEED = 0  # that MXNet 1.x starts with
NATIVE = {"linux": "linux", "darwin": "macos"}.get(sys.platform)  # the stream that MXNet itself draws here
NUM_GENERATORS, PER_GENERATOR = 1024, 64  # from MXNet's random_generator.h
SEED_STEP = 127  # kRandMagic in MXNet's resource.cc
ONE, TWO = np.float32(1), np.float32(2)


class RandomStream:
    """Draw the numbers that MXNet draws on a platform's CPU, in single precision.

    Uniform numbers are MXNet's bits. Normal numbers may differ from MXNet's in the last bit, which depends on
    the C library's logarithm.

    Args:
        platform: "linux" or "macos".
        seed: as for `mx.random.seed`.
    """

    def __init__(self, platform: Stream, seed: int = BOOK_SEED):
        self.platform, self.seed = platform, seed
        self._generators: list[np.random.RandomState] = []  # as many as have been needed
        self._unread: list[np.ndarray] = []  # for each generator, words that were drawn too many

    def uniform(self, n: int) -> np.ndarray:
        """Return n numbers from 0 to 1, an array (n,)."""
        sizes = self._split(n)
        words = self._peek(len(sizes), max(sizes, default=0))
        self._skip(sizes)
        return np.concatenate([_canonical(row[:size]) for row, size in zip(words, sizes)] or [words[:0]])

    def normal(self, n: int) -> np.ndarray:
        """Return n numbers of mean 0 and variance 1, an array (n,)."""
        sizes = np.array(self._split(n), dtype=int)
        # A square's share of pi / 4 lies in the disc; the margin rarely leaves a generator short of points.
        x, y, s, accepted = self._points(len(sizes), int(1.5 * sizes.max(initial=0)) + 16)
        while (accepted.sum(axis=1) < sizes).any():
            x, y, s, accepted = self._points(len(sizes), 2 * x.shape[1])
        order = accepted.cumsum(axis=1)
        self._skip(2 * ((order < sizes[:, None]).sum(axis=1) + 1))
        chosen = accepted & (order <= sizes[:, None])
        s, coordinate = s[chosen], (x if self.platform == "macos" else y)[chosen]
        # x sqrt(-2 ln s / s), y sqrt(-2 ln s / s) are two independent normal numbers. NumPy's logarithm in
        # single precision is less exact than the C library's.
        log = np.log(s.astype(np.float64)).astype(np.float32)
        return coordinate * np.sqrt(-TWO * log / s)

    def _split(self, n: int) -> list[int]:
        """Return how many of n numbers each generator draws; they follow each other in the result."""
        if n == 0:
            return []
        step = -(-n // min(NUM_GENERATORS, -(-n // PER_GENERATOR)))
        return [min(step, n - start) for start in range(0, n, step)]

    def _points(self, rows: int, count: int) -> tuple[np.ndarray, ...]:
        """Return the generators' next points of the square [-1, 1]^2, without moving on.

        Returns:
            x, y, s = x^2 + y^2 and whether the point lies in the unit disc, each (rows, count).
        """
        square = TWO * _canonical(self._peek(rows, 2 * count)) - ONE
        x, y = square[:, ::2], square[:, 1::2]
        s = x * x + y * y
        return x, y, s, (s > 0) & (s <= 1)

    def _peek(self, rows: int, count: int) -> np.ndarray:
        """Return the next 32-bit words of the first generators, (rows, count), without moving on."""
        for i in range(len(self._generators), rows):
            self._generators.append(np.random.RandomState((self.seed * SEED_STEP + i) % 2**32))
            self._unread.append(np.empty(0, np.uint32))
        for i in range(rows):
            missing = count - len(self._unread[i])
            if missing > 0:
                more = self._generators[i].randint(0, 2**32, missing, dtype=np.uint32)
                self._unread[i] = np.concatenate([self._unread[i], more])
        return np.array([words[:count] for words in self._unread[:rows]], np.uint32).reshape(rows, count)

    def _skip(self, counts: Any) -> None:
        """Move each of the first generators on by as many words as it has used."""
        for i, count in enumerate(counts):
            self._unread[i] = self._unread[i][count:]


def _canonical(words: np.ndarray) -> np.ndarray:
    """Return numbers from 0 to below 1, as `std::generate_canonical<float>` makes them of 32-bit words."""
    return np.minimum(words.astype(np.float32) / np.float32(2**32), np.nextafter(ONE, np.float32(0)))


@contextmanager
def stream_of(platform: Stream | None) -> Iterator[None]:
    """Let MXNet draw what it draws on a platform, from its first number on, within a `with` block.

    Where that is the platform the program runs on, MXNet draws itself, without being seeded. Elsewhere `normal`,
    `uniform` and `seed` of `mx.random` and `nd.random` are replaced until the block ends, and with them Gluon's
    initializers. Other samplers, and MXNet's NumPy interface, keep their own numbers.

    Args:
        platform: "linux" or "macos"; None changes nothing.
    """
    if platform in (None, NATIVE):
        yield
        return
    replacements = _Replacements(platform)
    originals = [
        (module, name, getattr(module, name))
        for module in (mx.random, nd.random)
        for name in ("normal", "uniform", "seed")
        if hasattr(module, name)
    ]
    try:
        for module, name, _ in originals:
            setattr(module, name, getattr(replacements, name))
        yield
    finally:
        for module, name, function in originals:
            setattr(module, name, function)


class _Replacements:
    """MXNet's functions of the same names, drawn from a `RandomStream`."""

    def __init__(self, platform: Stream):
        self._stream = RandomStream(platform)
        self._seed_mxnet = mx.random.seed

    def seed(self, seed_state: int, ctx: Any = "all") -> None:
        self._seed_mxnet(seed_state, ctx)
        self._stream = RandomStream(self._stream.platform, seed_state)

    def normal(self, loc=0, scale=1, shape=None, dtype=None, ctx=None, out=None):
        return _filled(self._stream.normal, scale, loc, shape, dtype, ctx, out)

    def uniform(self, low=0, high=1, shape=None, dtype=None, ctx=None, out=None):
        width = np.float32(high) - np.float32(low)
        return _filled(self._stream.uniform, width, low, shape, dtype, ctx, out)


def _filled(draw, scale, offset, shape, dtype, ctx, out) -> nd.NDArray:
    """Return scale * draw(n) + offset as an array of that shape, or in `out`, as MXNet's samplers do.

    Raises:
        NotImplementedError: MXNet would draw in another precision, or with parameters per element.
    """
    single = (None, "float32", np.float32)
    if isinstance(offset, nd.NDArray) or dtype not in single or (out is not None and out.dtype != np.float32):
        raise NotImplementedError("another platform's stream has only float32, with numbers as parameters")
    shape = (1 if shape is None else shape) if out is None else out.shape
    shape = (shape,) if isinstance(shape, int) else shape
    numbers = draw(int(np.prod(shape))) * np.float32(scale) + np.float32(offset)
    if out is None:
        return nd.array(numbers.reshape(shape), ctx=ctx)
    out[:] = numbers.reshape(shape)
    return out
