"""How fast are the book's five folds of house prices, both scores after every epoch? Against PyTorch, as
ratios.

    python -m benchmarks.house [rounds]

The contestants take turns; medians over the rounds are compared.
"""

import statistics
import sys
import time

import numpy as np
import pandas as pd

from d2l_repro import compat
from kaggle_house import kfold
from kaggle_house.data import load_tables
from kaggle_house.features import book_features
from kaggle_house.recipes import BOOK, fit_recipe, log_rmse


def ours(tables, folds, impl):
    """Mean validation score of the recipe over the folds."""
    return np.mean(
        [
            fit_recipe(BOOK, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)[-1].history_[-1][
                "valid_log_rmse"
            ]
            for fold in folds
        ]
    )


def with_torch(tables, folds):
    """The same in PyTorch: one linear layer, arrays in memory, as many threads."""
    import torch

    torch.set_num_threads(compat.threads())
    features = book_features().fit(pd.concat([tables.train, tables.test]))
    X, prices = torch.tensor(features.transform(tables.train)), tables.train["SalePrice"].to_numpy()
    y, scores = torch.tensor(prices).float()[:, None], []
    for fold in folds:
        net = torch.nn.Linear(X.shape[1], 1)
        optimizer = torch.optim.Adam(net.parameters(), BOOK.lr)
        for _ in range(BOOK.num_epochs):
            for rows in torch.tensor(fold.train_rows)[torch.randperm(len(fold.train_rows))].split(
                BOOK.batch_size
            ):
                loss = ((net(X[rows]) - y[rows]) ** 2 / 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                score = [
                    log_rmse(prices[rows], net(X[rows])[:, 0].numpy())
                    for rows in (fold.train_rows, fold.valid_rows)
                ]
        scores.append(score[1])
    return np.mean(scores)


def main(rounds=3):
    tables = load_tables()
    folds = kfold.split(tables.train["SalePrice"].to_numpy(), kfold.FoldOptions(), BOOK.shuffle)
    contestants = {
        "Gluon": lambda: ours(tables, folds, "gluon"),
        "scratch": lambda: ours(tables, folds, "scratch"),
        "PyTorch": lambda: with_torch(tables, folds),
    }
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            begun = time.perf_counter()
            try:
                score = run()
            except ImportError:
                continue
            times[name].append(time.perf_counter() - begun)
            print(f"{name:8} {times[name][-1]:6.2f} s   mean valid log rmse {score:.5f}", flush=True)
    median = {name: statistics.median(measured) for name, measured in times.items() if measured}
    for name, seconds in median.items():
        print(f"{name} / {list(median)[-1]}: {seconds / list(median.values())[-1]:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
