"""Measure a step of the language model at the article's scale: from scratch, with Gluon and with PyTorch.

    python -m benchmarks.language_model [rounds] [steps per round]

The contestants take turns with the same windows, so that changes in the speed of the machine affect all of
them. Wall time is what counts; processor time is printed as well, as it does not include the time that other
programs take. Without the Penn Treebank, random words from a vocabulary of its size are used, which take as
long.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from typing import Callable

import numpy as np

from chapters import language_model
from d2l_repro import compat
from d2l_repro.data.loader import Data
from d2l_repro.data.text import Text, Windows, load_text
from d2l_repro.experiment.chapter import seed_everything

HP = language_model.HParams(num_epochs=1)
NUM_WORDS = 10000  # in the vocabulary
Times = tuple[float, float]  # seconds of wall time and of processor time


def load_treebank() -> Text:
    """Return the published text, or random words from a vocabulary of the same size."""
    text = load_text()
    if text.stand_in_for is None:
        return text
    words = [f"word{i}" for i in range(NUM_WORDS - 2)]
    drawn = np.random.RandomState(0).choice(words, 200000).tolist()
    return Text("random", "words drawn at random", words + drawn, drawn[:1000], drawn[:1000])


def measure(work: Callable[[], object]) -> Times:
    """Return the time that a function takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def ours(build: Callable, text: Text, windows: Windows) -> Callable[[int], Times]:
    """Return a function that continues training for a number of steps of our loop, including clipping."""
    seed_everything(0)
    model = build(HP, Data(text.name, None, None, text))

    def run(steps: int) -> Times:
        data = Data(text.name, list(itertools.islice(windows, steps)), [next(iter(windows))], text)
        return measure(lambda: language_model.train(model, data, HP))

    return run


def with_torch(text: Text, windows: Windows) -> Callable[[int], Times] | None:
    """Return the same for PyTorch, with as many threads, or None if it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(compat.threads())
    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(len(text.vocabulary), HP.num_hiddens)
            self.lstm = torch.nn.LSTM(HP.num_hiddens, HP.num_hiddens, HP.num_layers, dropout=HP.drop_prob)
            self.dropout = torch.nn.Dropout(HP.drop_prob)
            self.dense = torch.nn.Linear(HP.num_hiddens, len(text.vocabulary))
            self.dense.weight = self.embedding.weight
            for param in self.parameters():
                torch.nn.init.uniform_(param, -HP.sigma, HP.sigma)

        def forward(self, X, state):
            H, state = self.lstm(self.dropout(self.embedding(X.T)), state)
            return self.dense(self.dropout(H)).flatten(0, 1), state

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), HP.lr)
    batches = [
        tuple(torch.tensor(array.asnumpy()).long() for array in batch)
        for batch in itertools.islice(windows, 60)
    ]

    def train(steps):
        state, total = None, 0.0
        for X, y in itertools.islice(itertools.cycle(batches), steps):
            y_hat, state = net(X, state)
            loss = torch.nn.functional.cross_entropy(y_hat, y.T.flatten(), reduction="sum") / HP.batch_size
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), HP.clip)
            optimizer.step()
            state, total = tuple(array.detach() for array in state), total + loss.detach()
        float(total)  # read it, as our loop does at the end of an epoch
        # Our contestants validate on one window after each round. With twelve steps per round, this is the
        # same proportion as in an epoch.
        with torch.no_grad():
            net.eval()
            net(batches[0][0], None)
            net.train()

    return lambda steps: measure(lambda: train(steps))


def main(rounds: int = 5, steps: int = 12) -> None:
    """Measure all contestants and print the ratios."""
    text = load_treebank()
    windows = Windows(text.vocabulary.numbers(text.train_words), HP.batch_size, HP.num_steps)
    contestants = {
        "Gluon": ours(language_model.with_gluon, text, windows),
        "from scratch": ours(language_model.from_scratch, text, windows),
        "PyTorch": with_torch(text, windows),
    }
    available = {name: contestant for name, contestant in contestants.items() if contestant}
    times: dict[str, list[Times]] = {name: [] for name in available}
    for contestant in available.values():
        contestant(3)  # warm up
    for _ in range(rounds):
        for name, contestant in available.items():
            times[name].append(contestant(steps))
    report(times, steps, len(windows))


def report(times: dict[str, list[Times]], steps: int, steps_per_epoch: int) -> None:
    """Print medians, ranges and ratios.

    Args:
        times: name of the contestant -> its times, one for each round.
        steps: steps per round.
        steps_per_epoch: for the duration of an epoch.
    """
    medians = {}
    for name, rounds in times.items():
        wall, processor = ([seconds / steps * 1000 for seconds in column] for column in zip(*rounds))
        median = statistics.median(wall)  # ms per step
        medians[name] = median, statistics.median(processor)
        print(
            f"{name:14} {median:7.1f} ms per step (fastest {min(wall):.1f}, slowest {max(wall):.1f}), "
            f"processor {medians[name][1]:.1f}; "
            f"{HP.batch_size * HP.num_steps / median * 1000:,.0f} tokens/s; "
            f"{median * steps_per_epoch / 1000:.0f} s per epoch"
        )
    for name in medians:
        if name != "PyTorch" and "PyTorch" in medians:
            wall, processor = (ours / theirs for ours, theirs in zip(medians[name], medians["PyTorch"]))
            print(f"{name} / PyTorch: {wall:.2f} of the wall time, {processor:.2f} of the processor time")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
