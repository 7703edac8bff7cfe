"""Predict house prices, the book's Kaggle competition, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 3.16.

New: real data with numbers, categories and missing values; k-fold cross-validation; a submission. The
columns become 331 features, and one linear layer predicts the price itself. The error is measured on
logarithms, so that a cheap house counts as much as an expensive one. `python -m kaggle_house` trains the same
model, and better ones.

Expect a log rmse of 0.165 on the training rows of the folds, 0.170 on their validation rows, and 0.1625 for
the model that is trained on all rows.
"""

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Optional

import numpy as np
import pandas as pd
from mxnet import nd

from d2l_repro import settings
from d2l_repro.data import download
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.errors import InputError
from d2l_repro.experiment.chapter import Chapter, runs_of
from d2l_repro.results import plot
from d2l_repro.results.history import History
from d2l_repro.settings import Bounds, Count, Positive
from d2l_repro.train import train_ch3
from kaggle_house import submission
from kaggle_house.data import load_tables
from kaggle_house.features import book_features
from kaggle_house.model import linear_from_scratch, linear_with_gluon


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings for house prices."""

    num_epochs: Count = 100  # passes over the training rows
    batch_size: Count = 64  # houses per step
    lr: Positive = 5.0  # learning rate of Adam
    # number of contiguous folds, of equal size; rows that are left over belong to none
    k: Annotated[int, Bounds(2)] = 5
    fold: Annotated[int, Bounds(0)] = 0  # fold to train, from 1; 0 trains all of them, and all rows


@dataclass
class Houses:
    """Hold the houses that a fold is trained and scored on, and those to predict."""

    train: tuple  # X (houses, features) and y (houses,), NDArrays
    valid: Optional[tuple]  # the same for the fold that is scored
    test: nd.NDArray  # X of the test file, (houses, features)
    test_ids: np.ndarray  # (houses,)


def data(hp, options):
    """Load 331 features per house, standardized over both files together, as in the book."""
    tables, X, X_test = features(options.dataset, options.data_dir, os.environ.get(download.ENVIRONMENT))
    if hp.fold > hp.k or hp.k > len(tables.train):
        raise InputError(
            f"--fold: no fold {hp.fold} of {hp.k} in {len(tables.train)} rows; change --fold or --k"
        )
    y = tables.train["SalePrice"].to_numpy(np.float32)
    train_rows, valid_rows = fold_rows(len(y), hp.k, hp.fold)
    train = nd.array(X[train_rows]), nd.array(y[train_rows])
    valid = (nd.array(X[valid_rows]), nd.array(y[valid_rows])) if hp.fold else None
    houses = Houses(train, valid, nd.array(X_test), tables.test["Id"].to_numpy())
    return Data(
        tables.name,
        Minibatches(*train, hp.batch_size, options.seed),
        source=houses,
        stand_in_for=tables.stand_in_for,
        official=tables.official,
    )


@lru_cache(maxsize=1)  # the runs share them
def features(dataset, data_dir, environment):
    """Return the tables, and the features of the training and of the test file, (houses, features).

    The environment variable, which says where files are looked for, is an argument for the cache's sake.
    """
    tables = load_tables(data_dir=data_dir, dataset=dataset)
    transform = book_features().fit(pd.concat([tables.train, tables.test])).transform
    return tables, transform(tables.train), transform(tables.test)


def fold_rows(num_rows, k, fold):
    """Return the rows to train on and the rows to score, for folds that are slices of num_rows // k rows.

    Fold 0 trains on all rows and scores none.
    """
    if fold == 0:
        return np.arange(num_rows), np.arange(0)
    folds = np.arange(num_rows // k * k).reshape(k, -1)
    return np.delete(folds, fold - 1, axis=0).ravel(), folds[fold - 1]


def from_scratch(hp, data):
    """Build one linear layer, squared loss and Adam from NDArrays."""
    return linear_from_scratch(data.source.test.shape[1], hp.lr)


def with_gluon(hp, data):
    """Build the same model with Gluon."""
    return linear_with_gluon(data.source.test.shape[1], hp.lr)


def log_rmse(net, X, y):
    """Return the root mean squared difference of log prices; predictions below 1 count as 1."""
    return ((nd.clip(net(X), 1, float("inf")).reshape(y.shape).log() - y.log()) ** 2).mean().sqrt()


def train(model, data, hp, callbacks=()):
    """Train, and measure the log rmse of training and validation rows after each epoch."""
    sets = {"train_log_rmse": data.source.train, "valid_log_rmse": data.source.valid}
    measure = {
        name: lambda X=part[0], y=part[1]: log_rmse(model.net, X, y) for name, part in sets.items() if part
    }
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        measure=measure,
        callbacks=callbacks,
    )


def runs(hp):
    """Return a run for every fold and for all rows, in both implementations; only --fold if it is given."""
    folds = [hp.fold] if hp.fold else [*range(1, hp.k + 1), 0]
    variants = {f"fold {fold}" if fold else "all rows": hp.replace(fold=fold) for fold in folds}
    # One fold's path is enough to compare: the others differ in their rows only.
    return [
        replace(run, compare_paths=run.hp.fold == 1)
        for run in runs_of({"scratch": from_scratch, "gluon": with_gluon}, variants)
    ]


def show(result, data):
    """Show curves of the first fold and the final model, means over folds, and a submission's first rows."""
    mark = " (generated houses)" if data.name == "generated" else ""
    for name in ("fold 1", "all rows"):
        curves = {
            run.name: replace(run, history=without_loss(run.history)) for run in result.select(variant=name)
        }
        if curves:
            title = f"House prices, {name}{mark}"
            result.figures[name.replace(" ", "_")] = plot.training_curves(curves, title, log=True)
    for impl in ("scratch", "gluon"):
        add_means(result, impl)
        fit = result.find(impl, "all rows")
        if fit and fit.model:
            prices = fit.model.net(data.source.test).reshape(-1).asnumpy()
            frame = submission.submission_frame(data.source.test_ids, prices)
            result.tables[f"The first lines of a submission, {impl}{mark}"] = frame.head(3).to_dict("records")


def without_loss(history):
    """Return the scores of a history without the loss, which is in squared dollars."""
    return History({name: value for name, value in row.items() if name != "train_loss"} for row in history)


def add_means(result, impl):
    """Add the run `IMPL book`: mean scores over the folds, and the score after training on all rows."""
    folds = [run.metrics for run in result.select(impl) if run.variant.startswith("fold") and run.metrics]
    if len(folds) == result.settings["k"]:
        means = {
            name: float(np.mean([fold[name] for fold in folds]))
            for name in ("train_log_rmse", "valid_log_rmse")
        }
        final = result.find(impl, "all rows").metrics
        means["full_train_log_rmse"] = final.get("train_log_rmse", np.nan)
        result.add(impl, "book", means)
        result.tables[f"Mean over {result.settings['k']} folds, {impl}"] = [
            {name: f"{value:.6f}" for name, value in means.items()}
        ]


chapter = Chapter(
    name="house_prices",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 10},
    data=data,
    runs=runs,
    train=train,
    show=show,
    datasets=("kaggle_house", "generated"),
    comparable=("kaggle_house",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
