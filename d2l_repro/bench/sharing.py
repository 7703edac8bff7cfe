"""The process whose times `scaling` measures: alone, or as a worker of a job."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Callable

from mxnet import gluon, nd, optimizer

from ..data.loader import Data, Minibatches
from ..distributed import workers
from ..distributed.store import Store
from ..experiment.model import Model
from ..files import write_atomically
from ..settings import Options
from ..train import train_ch3
from ..train.callbacks import seed_everything
from ..train.parameters import parameters
from . import inputs
from .scaling import CHAPTERS, EPOCHS, EXCHANGED, EXCHANGES, PARTS, SHARED, STEPS


def main(path: str, what: str) -> None:
    """Write as JSON the "costs" of chapters' nets, or how fast a "job" trains and exchanges."""
    start = time.perf_counter()
    with workers.together() as store:
        if what == "costs":
            found: Any = [_costs(chapter) for chapter in CHAPTERS]
        else:
            trainings = [
                {"net": chapter, "batch_size": size, "seconds": _seconds_of_training(chapter, size)}
                for chapter, sizes in SHARED.items()
                for size in sizes
            ]
            exchanges = [_exchange(store, arrays) for arrays in EXCHANGED] if store else []
            found = {"trainings": trainings, "exchanges": exchanges}
            found["work"] = time.perf_counter() - start
    if store is None or store.is_first:
        write_atomically(path, json.dumps(found))


def _costs(name: str) -> dict[str, Any]:
    """Return the fields of `results.scaling.Costs`."""
    chapter = import_module(f"chapters.{name}").chapter
    run = next(run for run in chapter.runs(chapter.defaults(False)) if run.impl == "gluon")
    seed_everything(0)
    data = chapter.data(run.hp, Options())
    loader = data.train_iter
    while hasattr(loader, "batches"):
        loader = loader.batches
    model, size = run.build(run.hp, data), run.hp.batch_size
    X, y = loader.X, loader.y
    metrics = {"acc": model.accuracy} if model.net(X[:1]).size > 1 else {}  # none of a regression
    parts = sorted({max(1, size // share) for share in PARTS})
    seconds = []
    for part in parts:
        # few enough batches to be in the cache, as a batch is that has just been gathered
        batches = [
            (X[i : i + part], y[i : i + part]) for i in range(0, min(4 * part, len(X) - part + 1), part)
        ]
        steps = list(itertools.islice(itertools.cycle(batches), STEPS))
        seconds.append([_seconds_of_step(model, steps, size, metrics)])
    whole = Minibatches(X, y, size, seed=0)
    tests = list(data.test_iter) if data.test_iter is not None else []
    shapes = [param.array.shape for param in parameters(model)]
    matrices = [shape for shape in shapes if len(shape) == 2]
    is_dense = all(len(shape) <= 2 for shape in shapes)
    return {
        "chapter": name,
        "arrays": [param.array.size for param in parameters(model)],
        "batch_size": size,
        "examples": len(y),
        # Gluon's weights are (units, inputs)
        "sizes": [matrices[0][1], *(shape[0] for shape in matrices)] if is_dense else [],
        "tests": sum(len(y) for _, y in tests),
        "parts": parts,
        "seconds": seconds,
        "gather": [_seconds_of(lambda: [batch[0].wait_to_read() for batch in whole]) / len(y)],
        "evaluation": [
            _seconds_of(lambda: [model.net(X).wait_to_read() for X, _ in tests]) if tests else 0.0
        ],
    }


def _seconds_of(work: Callable[[], Any]) -> float:
    """Return the seconds of doing something for the second time, when graphs are built."""
    work()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds_of_training(chapter: str, batch_size: int) -> float:
    """Return the seconds of a step of a chapter's net on batches of Fashion-MNIST."""
    module = import_module(f"chapters.{chapter}")
    pixels, labels = inputs.fashion(batch_size * STEPS)
    X, y = nd.array(pixels[:, None]) / 255, nd.array(labels)
    seed_everything(0)
    hp = module.chapter.defaults(False)
    model = module.with_gluon(hp, Data("", None, None, inputs.Source((X, y), 10)))
    batches = Minibatches(X, y, batch_size, seed=0)
    return _seconds_of_step(model, batches, batch_size, {"acc": model.accuracy})


def _seconds_of_step(model: Model, batches: Any, batch_size: int, metrics: Mapping[str, Any]) -> float:
    """Return the median seconds of a step over all epochs but the first, in which graphs are built."""
    history = train_ch3(
        model.net,
        batches,
        None,
        model.loss,
        1 + EPOCHS,
        batch_size,
        trainer=model.trainer,
        metrics=metrics,
        gradients=model.gradients,
    )
    return statistics.median(row["seconds"] for row in history[1:]) / len(batches)


def _exchange(store: Store, sizes: Sequence[int]) -> dict[str, Any]:
    """Return the seconds in which gradients of some sizes go, are applied, and parameters come back.

    As with Gluon, the servers take the step, by SGD.
    """
    params = [gluon.Parameter(f"exchanged{i}", shape=(size,)) for i, size in enumerate(sizes)]
    for param in params:
        param.initialize("zeros")
    grads, values = [nd.ones(size) for size in sizes], [param.data() for param in params]
    keys = store.new_keys(values)
    store.set_rule(dict(zip(keys, params)), optimizer.SGD(learning_rate=0.1))
    seconds = []
    for _ in range(EXCHANGES):
        nd.waitall()
        start = time.perf_counter()
        store.exchange(keys, grads, values)
        store.wait(values)
        seconds.append(time.perf_counter() - start)
    store.set_rule()
    return {"arrays": list(sizes), "seconds": statistics.median(seconds[1:])}


if __name__ == "__main__":
    main(*sys.argv[1:])
