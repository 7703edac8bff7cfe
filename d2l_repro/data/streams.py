"""The random numbers that MXNet draws on Linux, macOS and Windows, on any machine.

MXNet 1.x starts with seed 0, so in every new process the book's code draws the same data and initial weights;
on another platform it draws others. MXNet makes every normal number with a new `std::normal_distribution`,
and the C++ standard does not say how that is computed. All three libraries use the polar method, which turns
a point of the unit disc into two numbers. Linux's libstdc++ returns the one of the second coordinate, macOS's
libc++ that of the first; the other is lost together with the distribution. What macOS draws is what Linux
throws away. Windows' library returns the same one as macOS's, but computes it in double precision, which
shows in the last digits. Uniform numbers are the same everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.base import _Null

from ..settings import Stream

BOOK_SEED = 0  # that MXNet 1.x starts with
# The stream that MXNet itself draws here.
NATIVE = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform)
NUM_GENERATORS, PER_GENERATOR = 1024, 64  # from MXNet's random_generator.h
SEED_STEP = 127  # kRandMagic in MXNet's resource.cc
# How many points to look at for each number, where 4 / pi lie in the disc, and how many more.
POINTS, MARGIN = 1.5, 16


class RandomStream:
    """Draw the numbers that MXNet draws on a platform's CPU, in single precision.

    Uniform numbers are MXNet's bits, and so are the normal numbers that a reader printed on Windows. On Linux
    one normal number in 300 differs from MXNet's by one or two units in the last place, because C libraries
    do not round the logarithm alike.

    Args:
        platform: "linux", "macos" or "windows".
        seed: as for `mx.random.seed`.
    """

    def __init__(self, platform: Stream, seed: int = BOOK_SEED):
        self.platform, self.seed = platform, seed
        self._twister = np.random.RandomState()  # the same mt19937 as C++'s, also when it is seeded
        self._used = np.zeros(NUM_GENERATORS, int)  # words that each generator has used up

    def uniform(self, n: int) -> np.ndarray:
        """Return n numbers from 0 to below 1, an array (n,)."""
        sizes = _split(n)
        words = self._peek(len(sizes), sizes.max(initial=0))
        self._used[: len(sizes)] += sizes
        # All generators draw equally many, except the last, which may draw fewer.
        return _canonical(words.ravel()[:n])

    def normal(self, n: int) -> np.ndarray:
        """Return n numbers of mean 0 and variance 1, an array (n,)."""
        sizes = _split(n)[:, None]
        count = int(POINTS * sizes.max(initial=0)) + MARGIN
        while True:
            x, y = self._points(len(sizes), count)
            s = x * x + y * y
            accepted = (s > 0) & (s <= 1)
            rank = accepted.cumsum(axis=1)  # how many were accepted up to each point
            if (rank[:, -1:] >= sizes).all():
                break
            count *= 2
        self._used[: len(sizes)] += 2 * ((rank < sizes).sum(axis=1) + 1)
        chosen = accepted & (rank <= sizes)
        # x sqrt(-2 ln s / s) and y sqrt(-2 ln s / s) are independent normal numbers.
        coordinate, s = (y if self.platform == "linux" else x)[chosen], s[chosen]
        return (coordinate * np.sqrt(-2 * _log(s) / s)).astype(np.float32)

    def _points(self, rows: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return coordinates of the next points of [-1, 1)^2, each (rows, count), without using them up."""
        precision = np.float64 if self.platform == "windows" else np.float32
        coordinates = 2 * _canonical(self._peek(rows, 2 * count)).astype(precision) - 1
        return coordinates[:, ::2], coordinates[:, 1::2]

    def _peek(self, rows: int, count: int) -> np.ndarray:
        """Return the next 32-bit words of the first generators, (rows, count), without using them up."""
        words = np.empty((rows, count), np.uint32)
        for i, used in enumerate(self._used[:rows]):
            # Drawing the first words again is faster than keeping the state of each generator.
            self._twister.seed((self.seed * SEED_STEP + i) % 2**32)
            words[i] = self._twister.randint(0, 2**32, used + count, dtype=np.uint32)[used:]
        return words


def _split(n: int) -> np.ndarray:
    """Return how many of n numbers each generator draws; they follow each other in the result."""
    generators = min(NUM_GENERATORS, -(-n // PER_GENERATOR))
    step = -(-n // max(1, generators))
    return np.diff([*range(0, n, max(1, step)), n])


def _canonical(words: np.ndarray) -> np.ndarray:
    """Return numbers from 0 to below 1, as `std::generate_canonical<float>` makes them of 32-bit words."""
    return np.minimum(
        words.astype(np.float32) / np.float32(2**32), np.nextafter(np.float32(1), np.float32(0))
    )


def _log(s: np.ndarray) -> np.ndarray:
    """Return the logarithm; NumPy's own in single precision is less exact than the C library's."""
    return np.log(s.astype(np.float64)).astype(s.dtype)


@contextmanager
def stream_of(platform: Stream | None) -> Iterator[None]:
    """Let MXNet draw what it draws on a platform within a `with` block, which should begin by seeding it.

    Where the program runs on that platform, MXNet draws itself. Elsewhere `normal`, `uniform` and `seed` of
    `mx.random` and `nd.random`, which Gluon's initializers call too, are replaced until the block ends. Other
    samplers, other precisions and MXNet's NumPy interface keep MXNet's own numbers.

    Args:
        platform: "linux", "macos" or "windows"; None changes nothing.
    """
    if platform is None or platform == NATIVE:
        yield
        return
    sampler = _Sampler(platform)
    originals = [
        (module, name, getattr(module, name))
        for module in (mx.random, nd.random)
        for name in ("normal", "uniform", "seed")
        if hasattr(module, name)
    ]
    try:
        for module, name, _ in originals:
            setattr(module, name, getattr(sampler, name))
        yield
    finally:
        for module, name, function in originals:
            setattr(module, name, function)


class _Sampler:
    """MXNet's functions of the same names, which draw from a `RandomStream`."""

    def __init__(self, platform: Stream):
        self._stream = RandomStream(platform)
        self._seed, self._normal, self._uniform = mx.random.seed, nd.random.normal, nd.random.uniform

    def seed(self, seed_state: int, ctx: Any = "all") -> None:
        self._seed(seed_state, ctx)
        self._stream = RandomStream(self._stream.platform, seed_state)

    def normal(self, loc=0, scale=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
        if not _single(loc, dtype, out):
            return self._normal(loc, scale, shape, dtype, ctx, out, **kwargs)
        return _fill(self._stream.normal, scale, loc, shape, ctx, out)

    def uniform(self, low=0, high=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
        if not _single(low, dtype, out):
            return self._uniform(low, high, shape, dtype, ctx, out, **kwargs)
        return _fill(self._stream.uniform, np.float32(high) - np.float32(low), low, shape, ctx, out)


def _single(offset: Any, dtype: Any, out: nd.NDArray | None) -> bool:
    """Return whether MXNet draws in single precision, and with numbers as parameters."""
    single = dtype in (_Null, None, "float32", np.float32) and (out is None or out.dtype == np.float32)
    return single and not isinstance(offset, nd.NDArray)


def _fill(draw, scale, offset, shape, ctx, out) -> nd.NDArray:
    """Return scale * draw(n) + offset as a new array, or in `out`, as MXNet's samplers do."""
    if out is None:
        shape = 1 if shape is _Null else shape
        out = nd.empty((shape,) if isinstance(shape, int) else shape, ctx)
    out[:] = (draw(out.size) * np.float32(scale) + np.float32(offset)).reshape(out.shape)
    return out
