"""Measure an epoch of Fashion-MNIST against the book's way of loading, PyTorch, and plain matrix products.

    python -m benchmarks.epoch [rounds]

The contestants take turns, so that changes in the speed of the machine affect all of them. The results are
ratios of medians over the rounds. Without the published files, random pixels are used, which take as long.
"""

from __future__ import annotations

import statistics
import sys
import time
from types import ModuleType
from typing import Any, Callable

import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon.data.vision.transforms import ToTensor

from chapters import mlp, softmax_regression
from d2l_repro import compat
from d2l_repro.data.images import load_images
from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.train.loop import train_ch3

LOADERS = {"book's loader": 0, "book's loader, 4 processes": 4}
CHAPTERS = {"softmax regression": softmax_regression, "mlp": mlp}
Contestant = Callable[[], float]  # () -> seconds


def load_pixels() -> tuple[np.ndarray, np.ndarray]:
    """Return the published pixels (60000, 28, 28) and labels (60000,), or random ones of the same shape."""
    images = load_images("fashion_mnist")
    if images.stand_in_for is None:
        return images.train_images, images.train_labels
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, (60000, 28, 28)).astype(np.uint8), rng.randint(0, 10, 60000)


def our_epoch(chapter: ModuleType, build: Callable, train_iter: Any) -> Contestant:
    """Return a function that trains one epoch from the start, without a test set."""

    def epoch() -> float:
        seed_everything(0)
        hp = chapter.HParams()
        model = build(hp, None)  # these chapters do not look at the data to build a model
        start = time.perf_counter()
        train_ch3(model.net, train_iter, None, model.loss, 1, hp.batch_size, trainer=model.trainer)
        return time.perf_counter() - start

    return epoch


def book_loader(pixels: np.ndarray, labels: np.ndarray, num_workers: int = 0) -> gluon.data.DataLoader:
    """Return the loader of section 3.5, which converts images one at a time with ToTensor.

    Args:
        pixels: images (n, height, width) of bytes.
        labels: their classes (n,).
        num_workers: processes that convert them; 0 leaves it to the process that trains.
    """
    dataset = gluon.data.ArrayDataset(nd.array(pixels[..., None], dtype="uint8"), labels.astype("int32"))
    dataset = dataset.transform_first(ToTensor())
    return gluon.data.DataLoader(dataset, 256, shuffle=True, num_workers=num_workers)


def torch_epoch(chapter: ModuleType, pixels: np.ndarray, labels: np.ndarray) -> Contestant | None:
    """Return a function that trains the same epoch in PyTorch, or None if PyTorch is not installed.

    The data is in memory, and as many threads are used.
    """
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(compat.threads())
    X, y = torch.tensor(pixels.reshape(-1, 784)).float() / 255, torch.tensor(labels).long()
    hp, loss = chapter.HParams(), torch.nn.CrossEntropyLoss()

    def epoch() -> float:
        if chapter is softmax_regression:
            layers = [torch.nn.Linear(784, 10)]
        else:
            layers = [torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)]
        net = torch.nn.Sequential(*layers)
        optimizer = torch.optim.SGD(net.parameters(), hp.lr)
        start = time.perf_counter()
        order, total, num_correct = torch.randperm(len(y)), 0, 0
        for i in range(0, len(y), hp.batch_size):
            batch = order[i : i + hp.batch_size]
            y_hat = net(X[batch])
            value = loss(y_hat, y[batch])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.detach()
            num_correct += (y_hat.argmax(1) == y[batch]).sum()
        float(total), int(num_correct)  # read them, as our loop does at the end of an epoch
        return time.perf_counter() - start

    return epoch


def product(op: str, repeats: int = 100) -> Contestant:
    """Return a function that computes a matrix product forward and backward, `repeats` times.

    Args:
        op: "nd.dot" or "FullyConnected".
        repeats: number of products.
    """
    X, W = nd.random.normal(shape=(256, 784)), nd.random.normal(shape=(784, 256))
    W = W if op == "nd.dot" else W.T.copy()
    W.attach_grad()

    def run() -> float:
        nd.waitall()
        start = time.perf_counter()
        for _ in range(repeats):
            with autograd.record():
                Y = nd.dot(X, W) if op == "nd.dot" else nd.FullyConnected(X, W, num_hidden=256, no_bias=True)
            Y.backward()
        nd.waitall()
        return time.perf_counter() - start

    return run


def main(rounds: int = 7) -> None:
    """Measure all contestants and print the ratios."""
    pixels, labels = load_pixels()
    X, y = nd.array(pixels[:, None], dtype="uint8").astype("float32") / 255, nd.array(labels)
    contestants: dict[str, Contestant | None] = {
        f"product {op}": product(op) for op in ("nd.dot", "FullyConnected")
    }
    for name, chapter in CHAPTERS.items():
        for impl, build in (("scratch", chapter.from_scratch), ("gluon", chapter.with_gluon)):
            contestants[f"{name} {impl}"] = our_epoch(chapter, build, Minibatches(X, y, 256, seed=0))
        contestants[f"{name} torch"] = torch_epoch(chapter, pixels, labels)
        for loader, num_workers in LOADERS.items():
            train_iter = book_loader(pixels, labels, num_workers)
            contestants[f"{name} {loader}"] = our_epoch(chapter, chapter.with_gluon, train_iter)
    available = {name: contestant for name, contestant in contestants.items() if contestant}
    times: dict[str, list[float]] = {name: [] for name in available}
    for contestant in available.values():
        contestant()  # warm up
    for turn in range(rounds):
        for name, contestant in available.items():
            if "book" not in name or turn % 3 == 0:  # the book's loader is so slow that fewer rounds suffice
                times[name].append(contestant())
    report({name: statistics.median(seconds) for name, seconds in times.items()}, times)


def report(median: dict[str, float], times: dict[str, list[float]]) -> None:
    """Print medians, ranges and ratios.

    Args:
        median: name of the contestant -> median of its seconds.
        times: name of the contestant -> all of its seconds.
    """
    for name, seconds in median.items():
        print(
            f"{name:36} {seconds:8.3f} s   (fastest {min(times[name]):.3f}, slowest {max(times[name]):.3f})"
        )
    products = median["product nd.dot"] / median["product FullyConnected"]
    print(f"\nnd.dot / FullyConnected: {products:.2f}")
    for name in CHAPTERS:
        scratch, gluon_ = median[f"{name} scratch"], median[f"{name} gluon"]
        for loader in LOADERS:
            book = median[f"{name} {loader}"]
            print(
                f"{name}: the {loader} takes {book / gluon_:.0f} times as long as Gluon with data in memory "
                f"and {book / scratch:.0f} times as long as from scratch"
            )
        print(
            f"{name}: "
            f"scratch / Gluon {scratch / gluon_:.2f}, "
            f"divided by the products' ratio {scratch / gluon_ / products:.2f}"
        )
        if f"{name} torch" in median:
            torch = median[f"{name} torch"]
            print(f"{name}: Gluon / PyTorch {gluon_ / torch:.2f}, scratch / PyTorch {scratch / torch:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
