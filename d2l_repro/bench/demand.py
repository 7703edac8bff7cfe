"""Run a chapter, and print the peaks of its memory beside what it must hold.

Data are the arrays that loaders and splits hold or, where that is more, as with --quick, the files that they
are read from, packed and unpacked: all of a file is checked, whatever is used of it. Parameters count with
their gradients, and those of every net that the chapter keeps to the end. Activations are the arrays that a
forward pass over the largest batch creates, of the net that has the most.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.base import _LIB, check_call
from mxnet.ndarray import NDArray

from ..data import download, images
from ..errors import DONE
from ..experiment.chapter import Chapter
from ..experiment.description import Execution
from ..experiment.runs import Run
from ..settings import Options
from ..train import loop
from ..train.callbacks import seed_everything
from ..train.parameters import parameters
from .worker import own_stdout

Interval = tuple[int, int]  # of addresses


def main(name: str, quick: str) -> int:
    """Run a chapter, and print the fields of `costs.Memory` that are measured, as JSON."""
    from ..cli import chapter as _  # noqa: F401  (what a chapter's command imports)

    answers, found = own_stdout(), {}
    chapter, options = import_module(f"chapters.{name}").chapter, {"quick": bool(int(quick))}
    found["imported"] = peak()

    def show(*args: Any) -> None:
        found["trained"] = peak()
        chapter.show(*args)

    with tempfile.TemporaryDirectory() as folder, read_bytes() as read, batch_sizes() as sizes:
        dataclasses.replace(chapter, show=show).run(**options).save(folder)
    found["peak"] = peak()
    parts = demand(chapter, **options, at_once=max(sizes, default=0))
    parts["data"] = max(parts["data"], sum(read.values()))
    print(json.dumps({**found, "demand": parts}), file=answers)
    return DONE


@contextmanager
def read_bytes() -> Iterator[dict[str, int]]:
    """Count, in a `with` block, the bytes of the largest file that is read and of all images in files."""
    found, read, unpack = {"packed": 0, "unpacked": 0}, download.read, images._read

    def counted_read(*args: Any) -> bytes:
        content = read(*args)
        found["packed"] = max(found["packed"], len(content))
        return content

    def counted_images(*args: Any) -> images.Images:
        unpacked = unpack(*args)
        found["unpacked"] = bytes_of(arrays_in(unpacked))
        return unpacked

    download.read, images._read = counted_read, counted_images  # type: ignore[assignment]
    try:
        yield found
    finally:
        download.read, images._read = read, unpack


def peak() -> int:
    """Return the peak of the resident memory of this process, or of one that it has started, in bytes."""
    each = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(each) * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def batch_sizes() -> Iterator[set[int]]:
    """Collect, in a `with` block, how many examples the batches have that nets train and are evaluated on."""
    sizes: set[int] = set()
    batches = loop._batches

    def counted(data_iter: loop.Batches) -> Iterator[Any]:
        for X, y in batches(data_iter):
            sizes.add(len(X))
            yield X, y

    loop._batches = counted
    try:
        yield sizes
    finally:
        loop._batches = batches


def demand(chapter: Chapter, quick: bool, at_once: int = 0) -> dict[str, int]:
    """Return what a chapter must hold: part -> bytes; zeros for one that trains nothing.

    Args:
        chapter: with the data that it finds.
        quick: whether its settings are those of --quick.
        at_once: examples of the largest batch, if that is not one to train on.
    """
    parts = dict.fromkeys(("data", "parameters", "optimizer state", "activations"), 0)
    if chapter.runs is None:
        return parts
    kept = chapter.execution is not Execution.IN_PROCESSES
    for run in chapter.runs(chapter.defaults(quick)):
        if run.impl != "d2l" and not run.on_request:
            found = _of_run(chapter, run, Options(quick=quick), at_once)
            for part in ("parameters", "optimizer state"):
                parts[part] = parts[part] + found[part] if kept else max(parts[part], found[part])
            for part in ("data", "activations"):
                parts[part] = max(parts[part], found[part])
    return parts


def _of_run(chapter: Chapter, run: Run, options: Options, at_once: int) -> dict[str, int]:
    seed_everything(options.seed)
    data = chapter.data(run.hp, options)
    model = run.build(run.hp, data)
    X, y = next(iter(data.train_iter))
    if len(X) < at_once and not hasattr(model.net, "begin_state"):
        X, y = (nd.concat(*[array] * -(-at_once // len(X)), dim=0)[:at_once] for array in (X, y))
    if isinstance(model.net, gluon.Block):
        model.net.hybridize(active=False)  # or the arrays within its graph would not be seen
    with created_arrays() as created, autograd.record():
        model.loss(model.net(X), y)
    values = [param.array for param in parameters(model)]
    trained = bytes_of(values)
    return {
        "data": bytes_of(arrays_in(data)),
        "parameters": 2 * trained,
        "optimizer state": bytes_of(states(model.trainer, values)),
        "activations": bytes_of(created),
    }


def states(trainer: Any, params: list[NDArray]) -> list[NDArray]:
    """Return arrays as large as those that an optimizer keeps from step to step."""
    if isinstance(trainer, gluon.Trainer):
        return list(arrays_in([trainer.optimizer.create_state(i, param) for i, param in enumerate(params)]))
    return [param.zeros_like() for _ in getattr(trainer, "state_names", ()) for param in params]


@contextmanager
def created_arrays() -> Iterator[list[NDArray]]:
    """Collect the NDArrays that are created in a `with` block, and keep them, so that no two share memory."""
    created: list[NDArray] = []
    base = NDArray.__mro__[1]  # whose constructor all of MXNet's functions call
    init = base.__init__

    def kept(self: NDArray, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        created.append(self)

    base.__init__ = kept
    try:
        yield created
    finally:
        base.__init__ = init


def arrays_in(found: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Yield the arrays and lists of words that an object holds, its attributes and elements included."""
    seen = set() if seen is None else seen
    if id(found) in seen or isinstance(found, (str, bytes, type)):
        return
    seen.add(id(found))
    if isinstance(found, (NDArray, np.ndarray)):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():
            yield from arrays_in(value, seen)
    elif isinstance(found, (list, tuple)):
        if found and isinstance(found[0], str):
            yield found
        else:
            for value in found:
                yield from arrays_in(value, seen)
    elif type(found).__module__.split(".")[0] in ("d2l_repro", "chapters", "kaggle_house"):
        yield from arrays_in(vars(found) if hasattr(found, "__dict__") else (), seen)


def bytes_of(arrays: Iterable[Any]) -> int:
    """Return how much memory arrays cover; where several are views of the same memory, it counts once."""
    total = end = 0
    for first, last in sorted(map(_interval, arrays)):
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total


def _interval(array: Any) -> Interval:
    if isinstance(array, NDArray):
        array.wait_to_read()
        pointer = ctypes.c_void_p()
        check_call(_LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
        first, size = pointer.value or 0, array.size * np.dtype(array.dtype).itemsize
    elif isinstance(array, np.ndarray):
        first, size = array.__array_interface__["data"][0], array.nbytes
    else:  # words, of which every one is kept once
        first, size = id(array), sys.getsizeof(array) + sum(map(sys.getsizeof, set(array)))
    return first, first + size


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
