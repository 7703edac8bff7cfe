"""How fast is a step of the language model at the article's scale? Gluon and from scratch against PyTorch.

    python -m benchmarks.language_model [rounds] [steps a round]

The contestants take turns on the same windows, so that a machine whose speed drifts is unfair to none. Wall
time is what counts; processor time is given beside it, as it stands still while others have the machine.
Without the Penn Treebank words are drawn at random from a vocabulary of its size: the times are the same.
"""

import itertools
import statistics
import sys
import time

import numpy as np

from chapters import language_model
from d2l_repro import compat
from d2l_repro.data.loader import Data
from d2l_repro.data.text import Text, Windows, load_text
from d2l_repro.experiment.chapter import seed_everything

HP = language_model.HParams(num_epochs=1)
NUM_WORDS = 10000


def treebank():
    """The published text, or as many words made up."""
    text = load_text()
    if text.stand_in_for is None:
        return text
    words = [f"word{i}" for i in range(NUM_WORDS - 2)]
    drawn = np.random.RandomState(0).choice(words, 200000).tolist()
    return Text("random", "words drawn at random", words + drawn, drawn[:1000], drawn[:1000])


def timed(work):
    """Seconds of wall and of processor time."""
    begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def ours(build, text, windows):
    """A function that goes on for some steps of our loop, clipping included, and gives their times."""
    seed_everything(0)
    model = build(HP, Data(text.name, None, None, text))

    def run(steps):
        data = Data(text.name, list(itertools.islice(windows, steps)), [next(iter(windows))], text)
        return timed(lambda: language_model.train(model, data, HP))

    return run


def torch_contestant(text, windows):
    """The same net, loss and step in PyTorch, with as many threads; None where PyTorch is not installed."""
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
        float(total)
        # Ours validates on one window after each round: with twelve steps, as often as in an epoch.
        with torch.no_grad():
            net.eval()
            net(batches[0][0], None)
            net.train()

    return lambda steps: timed(lambda: train(steps))


def main(rounds=5, steps=12):
    text = treebank()
    windows = Windows(text.vocabulary.numbers(text.train_words), HP.batch_size, HP.num_steps)
    contestants = {
        "Gluon": ours(language_model.with_gluon, text, windows),
        "from scratch": ours(language_model.from_scratch, text, windows),
        "PyTorch": torch_contestant(text, windows),
    }
    times = {name: [] for name, run in contestants.items() if run}
    for name in times:
        contestants[name](3)  # warm up
    for _ in range(rounds):
        for name, measured in times.items():
            measured.append(contestants[name](steps))
    medians = {}
    for name, measured in times.items():
        wall, processor = ([seconds / steps * 1000 for seconds in column] for column in zip(*measured))
        medians[name] = statistics.median(wall), statistics.median(processor)
        print(
            f"{name:14} {medians[name][0]:7.1f} ms a step (fastest {min(wall):.1f}, slowest {max(wall):.1f}), "
            f"processor {medians[name][1]:.1f}; {HP.batch_size * HP.num_steps / medians[name][0] * 1000:,.0f} "
            f"tokens/s; an epoch {medians[name][0] * len(windows) / 1000:.0f} s"
        )
    for name in medians:
        if name != "PyTorch" and "PyTorch" in medians:
            ratios = [mine / theirs for mine, theirs in zip(medians[name], medians["PyTorch"])]
            print(
                f"{name} / PyTorch: {ratios[0]:.2f} of the wall time, {ratios[1]:.2f} of the processor time"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
