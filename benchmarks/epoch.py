"""How fast is an epoch of Fashion-MNIST? Against the book's way of loading, PyTorch, and the matrix products.

    python -m benchmarks.epoch [rounds]

The contestants take turns, so that a machine whose speed drifts is unfair to none; medians over the rounds
are compared, as ratios. Without the published files the shapes are filled with random pixels: the times are
the same.
"""

import statistics
import sys
import time

import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon.data.vision.transforms import ToTensor

from chapters import mlp, softmax_regression
from d2l_repro.data.images import load_images
from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.train.loop import train_ch3

CHAPTERS = {"softmax regression": softmax_regression, "mlp": mlp}


def fashion_shapes():
    """Pixels (60000, 28, 28) and labels (60000,), the published ones where they are to be had."""
    images = load_images("fashion_mnist")
    if images.stand_in_for is None:
        return images.train_images, images.train_labels
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, (60000, 28, 28)).astype(np.uint8), rng.randint(0, 10, 60000)


def epoch_of(chapter, build, train_iter):
    """A function that trains one epoch from the start and gives its seconds, without a test set."""

    def epoch():
        seed_everything(0)
        hp = chapter.HParams()
        model = build(hp)
        begun = time.perf_counter()
        train_ch3(model.net, train_iter, None, model.loss, 1, hp.batch_size, trainer=model.trainer)
        return time.perf_counter() - begun

    return epoch


def book_loader(pixels, labels):
    """Section 3.5: a DataLoader over single images, each turned into floats by ToTensor, in the same
    process."""
    dataset = gluon.data.ArrayDataset(nd.array(pixels[..., None], dtype="uint8"), labels.astype("int32"))
    return gluon.data.DataLoader(dataset.transform_first(ToTensor()), 256, shuffle=True, num_workers=0)


def torch_epoch(chapter, pixels, labels):
    """The same epoch in PyTorch, arrays in memory, as many threads; None where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    from d2l_repro import compat

    torch.set_num_threads(compat.threads())
    X, y = torch.tensor(pixels.reshape(-1, 784)).float() / 255, torch.tensor(labels).long()
    hp, loss = chapter.HParams(), torch.nn.CrossEntropyLoss()

    def epoch():
        layers = (
            [torch.nn.Linear(784, 10)]
            if chapter is softmax_regression
            else [torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)]
        )
        net = torch.nn.Sequential(*layers)
        optimizer = torch.optim.SGD(net.parameters(), hp.lr)
        begun = time.perf_counter()
        order, total, right = torch.randperm(len(y)), 0, 0
        for i in range(0, len(y), hp.batch_size):
            batch = order[i : i + hp.batch_size]
            y_hat = net(X[batch])
            value = loss(y_hat, y[batch])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total, right = total + value.detach(), right + (y_hat.argmax(1) == y[batch]).sum()
        float(total), int(right)
        return time.perf_counter() - begun

    return epoch


def product(op, repeats=100):
    """A function that gives the seconds of `repeats` times forward and backward through `op`'s matrix
    product."""
    X, W = nd.random.normal(shape=(256, 784)), nd.random.normal(shape=(784, 256))
    W = W if op == "nd.dot" else W.T.copy()
    W.attach_grad()

    def run():
        nd.waitall()
        begun = time.perf_counter()
        for _ in range(repeats):
            with autograd.record():
                Y = nd.dot(X, W) if op == "nd.dot" else nd.FullyConnected(X, W, num_hidden=256, no_bias=True)
            Y.backward()
        nd.waitall()
        return time.perf_counter() - begun

    return run


def main(rounds=7):
    pixels, labels = fashion_shapes()
    X, y = nd.array(pixels[:, None], dtype="uint8").astype("float32") / 255, nd.array(labels)
    contestants = {f"product {op}": product(op) for op in ("nd.dot", "FullyConnected")}
    for name, chapter in CHAPTERS.items():
        for impl, build in (("scratch", chapter.from_scratch), ("gluon", chapter.with_gluon)):
            contestants[f"{name} {impl}"] = epoch_of(chapter, build, Minibatches(X, y, 256, seed=0))
        contestants[f"{name} torch"] = torch_epoch(chapter, pixels, labels)
        contestants[f"{name} book's loader"] = epoch_of(
            chapter, chapter.with_gluon, book_loader(pixels, labels)
        )
    times = {name: [] for name, run in contestants.items() if run}
    for name in times:
        contestants[name]()  # warm up
    for turn in range(rounds):
        for name, measured in times.items():
            if "book" not in name or turn % 3 == 0:  # a slow one need not be measured so often
                measured.append(contestants[name]())
    report({name: statistics.median(measured) for name, measured in times.items()}, times)


def report(median, times):
    """Print the medians, and the ratios that matter."""
    for name, seconds in median.items():
        print(
            f"{name:36} {seconds:8.3f} s   (fastest {min(times[name]):.3f}, slowest {max(times[name]):.3f})"
        )
    products = median["product nd.dot"] / median["product FullyConnected"]
    print(f"\nnd.dot / FullyConnected: {products:.2f}")
    for name in CHAPTERS:
        scratch, gluon_, book = (median[f"{name} {impl}"] for impl in ("scratch", "gluon", "book's loader"))
        print(
            f"{name}: the book's loader takes {book / gluon_:.0f} times as long as Gluon on arrays in memory, "
            f"{book / scratch:.0f} times as long as from scratch; scratch / Gluon {scratch / gluon_:.2f}, "
            f"over the products' ratio {scratch / gluon_ / products:.2f}"
        )
        if f"{name} torch" in median:
            torch = median[f"{name} torch"]
            print(f"{name}: Gluon / PyTorch {gluon_ / torch:.2f}, scratch / PyTorch {scratch / torch:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
