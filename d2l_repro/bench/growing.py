"""The process that measures a sweep of `growth`: each of its contestants at every size, in turns."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Callable

import numpy as np
from mxnet import nd

from ..cli.runner import module_command
from ..data.loader import Data, Minibatches
from ..errors import DONE
from ..results.speed import LIMIT
from . import inputs, ours
from .growth import BATCH, FASHION, HOUSE_EPOCHS, NUM_HIDDENS, NUM_INPUTS, NUM_OUTPUTS, SEED_CHAPTER, SWEEPS
from .operators import collected
from .worker import serve, watch

BUILDS = {"Gluon": "with_gluon", "scratch": "from_scratch"}
Work = Callable[[], Any]  # () -> anything, once everything is computed
Works = Iterator[tuple[str, float, Work]]  # contestant, units of the work, and the work; by rising size


def main(sweep: str, name: str, *sizes: str) -> None:
    """Answer each line on stdin with contestant -> seconds per unit at each size, or with the operators'."""
    if name == LIMIT:
        demanded = SWEEPS[sweep].limit
        assert demanded is not None
        operators = collected([operator for size in map(int, sizes) for operator in demanded(size)])
        serve(lambda: watch(operators))
    else:
        serve(lambda: _measure(list(WORKS[sweep](list(map(int, sizes))))), not SWEEPS[sweep].is_long)


def _measure(works: Sequence[tuple[str, float, Work]]) -> Callable[[], dict[str, list[float]]]:
    def measure() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for contestant, units, work in works:
            start = time.perf_counter()
            work()
            found.setdefault(contestant, []).append((time.perf_counter() - start) / units)
        return found

    return measure


def _examples(sizes: Sequence[int]) -> Works:
    pixels, labels = inputs.fashion(FASHION)
    # Bytes become numbers part by part, in the only array of that size that there is room for.
    X, y = np.empty((max(sizes), NUM_INPUTS), "float32"), np.resize(labels, max(sizes)).astype("float32")
    for first in range(0, len(X), len(pixels)):
        part = X[first : first + len(pixels)]
        np.divide(pixels[: len(part)].reshape(-1, NUM_INPUTS), 255, out=part)
    X, y = nd.from_numpy(X), nd.from_numpy(y)
    hp = import_module("chapters.mlp").HParams()
    for contestant in BUILDS:
        for size in sizes:
            yield contestant, 1, _round("mlp", contestant, hp, X[:size], y[:size])


def _width(sizes: Sequence[int]) -> Works:
    for contestant in BUILDS:
        for width in sizes:
            hp = import_module("chapters.mlp").HParams(num_hiddens=width, lr=0.05)
            yield _steps("mlp", contestant, hp, max(8, 20_000 // width))


def _depth(sizes: Sequence[int]) -> Works:
    for contestant in BUILDS:
        for depth in sizes:
            # He's initial weights, so that signals neither vanish nor grow
            module = import_module("chapters.fully_connected_nets")
            sigma, hidden = (2 / NUM_HIDDENS) ** 0.5, (NUM_HIDDENS,) * depth
            hp = module.Setting(1, BATCH, sigma=sigma, lr=0.01, hidden=hidden)
            yield _steps("fully_connected_nets", contestant, hp, max(8, 80 // depth))


def _steps(chapter: str, contestant: str, hp: Any, steps: int) -> tuple[str, float, Work]:
    pixels, labels = inputs.fashion(BATCH * steps)
    X, y = nd.array(pixels.reshape(-1, NUM_INPUTS)) / 255, nd.array(labels)
    return contestant, steps, _round(chapter, contestant, hp, X, y)


def _round(chapter: str, contestant: str, hp: Any, X: Any, y: Any) -> Work:
    data = Data("", None, None, inputs.Source((X, y), NUM_OUTPUTS))
    model = getattr(import_module(f"chapters.{chapter}"), BUILDS[contestant])(hp, data)
    return ours.round_of(model, Minibatches(X, y, BATCH, seed=0), BATCH)


def _folds(sizes: Sequence[int]) -> Works:
    for contestant, build in BUILDS.items():
        for k in sizes:
            yield contestant, 1, ours.houses("house_prices", build, HOUSE_EPOCHS, k=k)


def _seeds(sizes: Sequence[int]) -> Works:
    for contestant in SWEEPS["seeds"].work:
        for seeds in sizes:
            flags = [SEED_CHAPTER, "--quick", "--seeds", str(seeds), *contestant.split()]
            yield contestant, 1, partial(_run_command, flags)


def _run_command(flags: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [*module_command("d2l_repro", "d2l-repro"), "run", *flags, "--out", folder]
        done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode != DONE:
        sys.exit(done.returncode)


WORKS = {"examples": _examples, "width": _width, "depth": _depth, "folds": _folds, "seeds": _seeds}

if __name__ == "__main__":
    main(*sys.argv[1:])
