"""PyTorch's contestants: the same work as a PyTorch user would write it, with its data in memory."""

from __future__ import annotations

import itertools
import os
from typing import Any, Callable

# `d2l_repro.compat` has waiting threads sleep; PyTorch, which reads this when loaded, waits as it is used to.
os.environ.pop("OMP_WAIT_POLICY", None)

import numpy as np
import torch
from torch import nn

from . import inputs

Round = Callable[[], Any]
LAYERS = {  # chapter -> layers after flattening, and learning rate
    "softmax_regression": (lambda: [nn.Linear(784, 10)], 0.1),
    "mlp": (lambda: [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)], 0.5),
    "dropout": (
        lambda: [
            *(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.2)),
            *(nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)),
        ],
        0.5,
    ),
}


def _round(
    net: nn.Module, loss: Callable, optimizer: Any, X: Any, y: Any, size: int, scored: bool = True
) -> Round:
    """Return a function that trains for one pass over the examples in a new order."""

    def train() -> None:
        total, num_correct = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for rows in torch.randperm(len(y)).split(size):
            y_hat = net(X[rows])
            value = loss(y_hat, y[rows])
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.detach()
            if scored:
                num_correct += (y_hat.argmax(1) == y[rows]).sum()
        float(total), int(num_correct)  # read them, as our loop does at the end of an epoch

    return train


def _tensors(X: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    return torch.tensor(X), torch.tensor(y)


def linear(steps: int) -> Round:
    """Build linear regression."""
    X, y = _tensors(*inputs.line(steps, 10))
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), 0.03)
    return _round(net, lambda y_hat, y: ((y_hat[:, 0] - y) ** 2 / 2).mean(), optimizer, X, y, 10, False)


def images(chapter: str, steps: int) -> Round:
    """Build a net on Fashion-MNIST."""
    pixels, labels = inputs.fashion(256 * steps)
    X, y = _tensors(pixels.reshape(-1, 784), labels.astype("int64"))
    layers, lr = LAYERS[chapter]
    net = nn.Sequential(*layers())
    return _round(net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr), X.float() / 255, y, 256)


def two_layers(steps: int) -> Round:
    """Build two layers on CIFAR-10."""
    X, y = _tensors(*inputs.centred(100 * steps))
    net = nn.Sequential(nn.Linear(3072, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = torch.optim.SGD(net.parameters(), 4e-4)
    return _round(net, nn.CrossEntropyLoss(), optimizer, X.flatten(1), y, 100)


def lenet(steps: int) -> Round:
    """Build LeNet-5."""
    layers: list[nn.Module] = []
    for channels, outputs in ((1, 32), (32, 64)):
        layers += [nn.Conv2d(channels, outputs, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 7 * 7, 512), nn.ReLU(), nn.Linear(512, 10))
    X, y = _tensors(*inputs.digits(100 * steps))
    return _round(net, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), 0.001), X, y, 100)


class WordLSTM(nn.Module):
    """The language model, whose output layer has the weights of the embedding."""

    def __init__(self, words: int, hiddens: int, layers: int, drop_prob: float):
        super().__init__()
        self.embedding = nn.Embedding(words, hiddens)
        self.lstm = nn.LSTM(hiddens, hiddens, layers, dropout=drop_prob)
        self.dropout = nn.Dropout(drop_prob)
        self.dense = nn.Linear(hiddens, words)
        self.dense.weight = self.embedding.weight
        for param in self.parameters():
            nn.init.uniform_(param, -0.05, 0.05)

    def forward(self, X: Any, state: Any) -> tuple[Any, Any]:
        """Return the scores (steps * batch, words) and the state after X (batch, steps)."""
        H, state = self.lstm(self.dropout(self.embedding(X.T)), state)
        return self.dense(self.dropout(H)).flatten(0, 1), state


def language_model(steps: int) -> Round:
    """Build the language model; its state is carried from window to window, and its gradient clipped."""
    from ..data.text import Windows

    text, batch_size = inputs.treebank(), 20
    windows = Windows(text.vocabulary.numbers(text.train_words), batch_size, 35)
    batches = [
        tuple(torch.tensor(array.asnumpy()).long() for array in batch)
        for batch in itertools.islice(windows, steps)
    ]
    net = WordLSTM(len(text.vocabulary), 300, 2, 0.1)
    optimizer = torch.optim.SGD(net.parameters(), 1.0)

    def train() -> None:
        state, total = None, torch.zeros(())
        for X, y in batches:
            y_hat, state = net(X, state)
            loss = nn.functional.cross_entropy(y_hat, y.T.flatten(), reduction="sum") / batch_size
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            state, total = tuple(array.detach() for array in state), total + loss.detach()
        float(total)

    return train


def houses(steps: int) -> Round:
    """Build one linear layer on the book's features of the houses, on each of five folds."""
    import pandas as pd

    from kaggle_house.features import book_features
    from kaggle_house.recipes import log_rmse

    tables, folds, recipe = inputs.houses(steps)
    prices = tables.train["SalePrice"].to_numpy()
    y = torch.tensor(prices).float()[:, None]
    # Prepared once, as ours are.
    features = book_features().fit(pd.concat([tables.train, tables.test]))
    X = torch.tensor(features.transform(tables.train)).float()

    def fit() -> float:
        scores = []
        for fold in folds:
            net = nn.Linear(X.shape[1], 1)
            optimizer = torch.optim.Adam(net.parameters(), recipe.lr)
            for _ in range(recipe.num_epochs):
                order = torch.tensor(fold.train_rows)[torch.randperm(len(fold.train_rows))]
                for rows in order.split(recipe.batch_size):
                    loss = ((net(X[rows]) - y[rows]) ** 2 / 2).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                with torch.no_grad():
                    _, score = (
                        log_rmse(prices[rows], net(X[rows])[:, 0].numpy())
                        for rows in (fold.train_rows, fold.valid_rows)
                    )
            scores.append(score)
        return float(np.mean(scores))

    return fit
