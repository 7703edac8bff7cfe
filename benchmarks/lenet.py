"""Measure a step of LeNet-5 with 100 images of MNIST's shape: from scratch, with Gluon and with PyTorch.

    python -m benchmarks.lenet [rounds]

All cores are used, or as many as OMP_NUM_THREADS says. The contestants take turns; the results are ratios of
medians over the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from chapters import lenet
from d2l_repro import compat
from d2l_repro.data.splits import Splits, minibatches
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.scratch import correct
from d2l_repro.train.loop import as_nd, train_ch3

NUM_STEPS = 30  # per round, so that the fixed costs of a run are a small part of it


def batches_of(hp):
    """Return a batch of random pixels, which take as long as digits, for each step of a round."""
    rng, count = np.random.RandomState(0), NUM_STEPS * hp.batch_size
    examples = (
        as_nd(rng.rand(count, 1, 28, 28).astype("float32")),
        as_nd(rng.randint(0, 10, count).astype("float32")),
    )
    return minibatches(
        Splits(examples, examples, examples, 10, correct, "random pixels"), hp.batch_size, seed=0
    )


def ours(build, hp, data):
    """Return a function that trains for one round and returns the seconds."""
    model = build(hp, data)

    def steps():
        start = time.perf_counter()
        train_ch3(
            model.net,
            data.train_iter,
            None,
            model.loss,
            1,
            hp.batch_size,
            trainer=model.trainer,
            gradients=model.gradients,
        )
        return time.perf_counter() - start

    return steps


def with_torch(hp, data):
    """Return the same for PyTorch, with as many threads, or None if it is not installed."""
    try:
        import torch
        from torch import nn
    except ImportError:
        return None
    torch.set_num_threads(compat.threads())
    layers = []
    for inputs, outputs in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(hp.num_hiddens), nn.ReLU(), nn.LazyLinear(10))
    X, y = (torch.tensor(array.asnumpy()) for array in data.source.train)
    y, loss = y.long(), nn.CrossEntropyLoss()
    net(X[:1])  # lazy layers find out their number of inputs
    optimizer = torch.optim.Adam(net.parameters(), hp.lr)

    def steps():
        start = time.perf_counter()
        total, num_correct = 0, 0
        for rows in torch.randperm(len(y)).split(hp.batch_size):
            y_hat = net(X[rows])
            value = loss(y_hat, y[rows])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.detach()
            num_correct += (y_hat.argmax(1) == y[rows]).sum()
        float(total), int(num_correct)  # read them, as our loop does at the end of an epoch
        return time.perf_counter() - start

    return steps


def main(rounds: int = 9) -> None:
    """Measure all contestants and print the ratios."""
    seed_everything(0)
    hp = lenet.chapter.runs(lenet.HParams())[0].hp
    data = batches_of(hp)
    contestants = {
        "scratch": ours(lenet.from_scratch, hp, data),
        "Gluon": ours(lenet.with_gluon, hp, data),
        "PyTorch": with_torch(hp, data),
    }
    times = {name: [] for name, run in contestants.items() if run}
    for name in times:
        contestants[name]()  # warm up
    for _ in range(rounds):
        for name, seconds in times.items():
            seconds.append(contestants[name]() / NUM_STEPS)
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(f"{compat.threads()} threads")
    for name, seconds in median.items():
        print(
            f"{name:8} {1000 * seconds:6.1f} ms per step   (fastest {1000 * min(times[name]):.1f}); "
            f"{seconds / list(median.values())[-1]:.2f} times {list(median)[-1]}'s"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
