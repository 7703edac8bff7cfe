"""Compare the speed of the book's five folds of house prices, scored after every epoch, with PyTorch.

    python -m benchmarks.house [rounds]

The implementations take turns, and the medians of their times over the rounds are compared.
"""

import statistics
import sys
import time

import numpy as np
import pandas as pd

from d2l_repro import compat
from kaggle_house import kfold
from kaggle_house.data import Tables, load_tables
from kaggle_house.features import book_features
from kaggle_house.recipes import BOOK, fit_recipe, log_rmse


def with_d2l_repro(tables: Tables, folds: list[kfold.Fold], impl: str) -> float:
    """Train the book's recipe on every fold; return the mean validation score."""
    scores = []
    for fold in folds:
        estimator = fit_recipe(BOOK, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)
        scores.append(estimator[-1].history_[-1]["valid_log_rmse"])
    return float(np.mean(scores))


def with_torch(tables: Tables, folds: list[kfold.Fold]) -> float:
    """Do the same in PyTorch: one linear layer, arrays in memory, the same number of threads."""
    import torch

    torch.set_num_threads(compat.threads())
    features = book_features().fit(pd.concat([tables.train, tables.test]))
    X, prices = torch.tensor(features.transform(tables.train)), tables.train["SalePrice"].to_numpy()
    y, scores = torch.tensor(prices).float()[:, None], []
    for fold in folds:
        net = torch.nn.Linear(X.shape[1], 1)
        optimizer = torch.optim.Adam(net.parameters(), BOOK.lr)
        for _ in range(BOOK.num_epochs):
            shuffled = torch.tensor(fold.train_rows)[torch.randperm(len(fold.train_rows))]
            for rows in shuffled.split(BOOK.batch_size):
                loss = ((net(X[rows]) - y[rows]) ** 2 / 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                _, valid_score = (
                    log_rmse(prices[rows], net(X[rows])[:, 0].numpy())
                    for rows in (fold.train_rows, fold.valid_rows)
                )
        scores.append(valid_score)
    return float(np.mean(scores))


def main(rounds: int = 3) -> None:
    """Print each implementation's times, and the ratios of their medians."""
    tables = load_tables()
    folds = kfold.split(tables.train["SalePrice"].to_numpy(), kfold.FoldOptions(), BOOK.shuffle)
    implementations = {
        "Gluon": lambda: with_d2l_repro(tables, folds, "gluon"),
        "scratch": lambda: with_d2l_repro(tables, folds, "scratch"),
        "PyTorch": lambda: with_torch(tables, folds),
    }
    times = {name: [] for name in implementations}
    for _ in range(rounds):
        for name, run in implementations.items():
            start = time.perf_counter()
            try:
                score = run()
            except ImportError:
                continue
            times[name].append(time.perf_counter() - start)
            print(f"{name:8} {times[name][-1]:6.2f} s   mean valid log rmse {score:.5f}", flush=True)
    median = {name: statistics.median(measured) for name, measured in times.items() if measured}
    for name, seconds in median.items():
        print(f"{name} / {list(median)[-1]}: {seconds / list(median.values())[-1]:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
