"""Predict house prices, the book's Kaggle competition, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 3.16, and the last part of a reader's article on
hand-written optimizers in MXNet.

New: real data with numbers, categories and missing values; k-fold cross-validation; a submission. The
columns become 331 features, and one linear layer predicts the price itself. The error is measured on
logarithms, so that a cheap house counts as much as an expensive one. `python -m kaggle_house` trains the same
model, and better ones.

The article trains the same layer with a standardized label, which it transforms back before scoring, and with
Adam at a learning rate of 0.1, for 10 and for 20 epochs. It prints mean and standard deviation over the
folds, and draws four trials, each with random numbers of its own. Here both lengths share their first ten
epochs. What the article leaves out is as in `kaggle_house.recipes.ARTICLE`: the label is the logarithm of the
price, and a step takes 224 houses. That size was chosen because it comes near the printed numbers.

Expect a log rmse of 0.165 on the training rows of the folds, 0.170 on their validation rows, and 0.1625 for
the model that is trained on all rows.

Expect little agreement with the article's trials, as nothing has converged. Over 200 trials the training
score is 0.157 ± 0.021 after ten epochs and 0.115 ± 0.019 after twenty, the validation score 0.193 ± 0.018 and
0.163 ± 0.017; the article prints 0.173 and 0.119, 0.210 and 0.167. After twenty epochs one trial in ten has a
training score above 0.13, up to 0.24. What the article observes holds: twenty epochs have the smaller
standard deviation of the training score over the folds (0.020 against 0.040) and the wider gap to the
validation score (by 0.013). It does not follow that this is overfitting: in 95 % of the trials the validation
score is better after twenty epochs.

The chapter shows the first lines of three submissions, as the article does: of the book's model, and of the
article's after ten and twenty epochs. `python -m kaggle_house submit --recipe book --method refit` writes the
first of these files; with `--recipe article`, and with `--recipe article --num-epochs 20`, it writes the
other two.
"""

import os
from collections.abc import Callable
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
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import CONCLUSIONS
from d2l_repro.experiment.runs import runs_of
from d2l_repro.language import tr
from d2l_repro.results import plot
from d2l_repro.results.history import History
from d2l_repro.results.run import RunResult
from d2l_repro.settings import MAX_SEED, Bounds, Count, Positive
from d2l_repro.train import train_ch3
from d2l_repro.train.callbacks import seed_everything
from kaggle_house.data import load_tables
from kaggle_house.features import book_features
from kaggle_house.model import linear_from_scratch, linear_with_gluon
from kaggle_house.recipes import ARTICLE

SHORT, LONG = 10, 20  # epochs of the article's two trainings
AS_THEY_ARE = "article, prices as they are"  # not standardized
SCORES = ("train_log_rmse", "valid_log_rmse")


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings for house prices, and how often the article's are tried."""

    num_epochs: Count = 100  # passes over the training rows
    batch_size: Count = 64  # houses per step
    lr: Positive = 5.0  # learning rate of Adam
    # number of contiguous folds, of equal size; rows that are left over belong to none
    k: Annotated[int, Bounds(2)] = 5
    fold: Annotated[int, Bounds(0)] = 0  # fold to train, from 1; 0 trains all of them, and all rows
    trials: Count = 4  # cross-validations of the article's model, each from other random numbers


@dataclass(frozen=True)
class Article(settings.Settings):
    """The article's settings: it states all but the size of a batch, which is that of our recipe."""

    num_epochs: Count  # passes over the training rows
    k: Annotated[int, Bounds(2)]  # number of folds
    fold: Annotated[int, Bounds(0)] = 0  # fold to train, from 1; 0 trains all rows
    batch_size: Count = ARTICLE.batch_size  # houses per step
    lr: Positive = ARTICLE.lr  # learning rate of Adam
    standardize: bool = True  # the prices; the article says that training may need it


@dataclass
class Houses:
    """Hold the houses that a fold is trained and scored on, and those to predict."""

    train: tuple  # X (houses, features) and prices (houses,), NDArrays
    valid: Optional[tuple]  # the same for the fold that is scored
    test: nd.NDArray  # X of the test file, (houses, features)
    test_ids: np.ndarray  # (houses,)
    target: nd.NDArray  # what the net learns, (houses,)
    to_prices: Callable  # the net's outputs -> prices in US dollars


def data(hp, options):
    """Load 331 features per house, standardized over both files together, as in the book."""
    places = os.environ.get(download.ENVIRONMENT), os.getcwd()
    tables, X, X_test = features(options.dataset, options.data_dir, places)
    if hp.fold > hp.k or hp.k > len(tables.train):
        raise InputError(
            tr(
                "--fold: no fold {fold} of {k} in {rows} rows; change --fold or --k",
                fold=hp.fold,
                k=hp.k,
                rows=len(tables.train),
            )
        )
    prices = tables.train["SalePrice"].to_numpy(np.float32)
    houses = split(X, prices, nd.array(X_test), tables.test["Id"].to_numpy(), hp)
    return Data(
        tables.name,
        batches(houses, hp, options.seed),
        source=houses,
        stand_in_for=tables.stand_in_for,
        official=tables.official,
    )


@lru_cache(maxsize=1)  # the runs share them
def features(dataset, data_dir, places):
    """Return the tables, and the features of the training and of the test file, (houses, features).

    The other places where files are looked for are an argument for the cache's sake.
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


def split(X, prices, X_test, test_ids, hp):
    """Return the `Houses` of a fold, from all features (houses, features) and prices (houses,)."""
    train_rows, valid_rows = fold_rows(len(prices), hp.k, hp.fold)
    train = nd.array(X[train_rows]), nd.array(prices[train_rows])
    valid = (nd.array(X[valid_rows]), nd.array(prices[valid_rows])) if hp.fold else None
    is_standardized = isinstance(hp, Article) and hp.standardize
    target, to_prices = standardized(prices[train_rows]) if is_standardized else (train[1], identity)
    return Houses(train, valid, X_test, test_ids, target, to_prices)


def identity(outputs):
    """Return the outputs of the book's net, which are prices."""
    return outputs


def standardized(prices):
    """Return the article's target, (houses,), and the function that makes prices of a net's outputs.

    Args:
        prices: of the training rows, (houses,). The article does not say whether it standardizes prices or
            their logarithms; logarithms come nearer to its numbers.
    """
    logs = np.log(prices)
    mean, std = float(logs.mean()), float(logs.std()) or 1.0
    # z = (log y - mean) / std, and back: y = exp(mean + std z)
    return nd.array((logs - mean) / std), lambda outputs: (mean + std * outputs).exp()


def batches(houses, hp, seed):
    """Return the training rows in minibatches: X (batch, features) and what the net learns, (batch,)."""
    return Minibatches(houses.train[0], houses.target, hp.batch_size, seed)


def from_scratch(hp, data):
    """Build one linear layer, squared loss and Adam from NDArrays, the model of the book and the article."""
    return linear_from_scratch(data.source.test.shape[1], hp.lr)


def with_gluon(hp, data):
    """Build the same model with Gluon."""
    return linear_with_gluon(data.source.test.shape[1], hp.lr)


BUILDERS = {"scratch": from_scratch, "gluon": with_gluon}


def log_rmse(y_hat, y):
    """Return the root mean squared difference of log prices; predictions below 1 count as 1."""
    return ((nd.clip(y_hat, 1, float("inf")).reshape(y.shape).log() - y.log()) ** 2).mean().sqrt()


def train(model, data, hp, callbacks=()):
    """Train, and measure the log rmse of training and validation rows after each epoch."""
    houses = data.source
    sets = dict(zip(SCORES, (houses.train, houses.valid)))
    measure = {
        name: lambda X=part[0], y=part[1]: log_rmse(houses.to_prices(model.net(X)), y)
        for name, part in sets.items()
        if part
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
    """Return the runs of both implementations; only --fold if it is given.

    They are the book's folds and its model of all rows, and the article's models of all rows.
    """
    folds = [hp.fold] if hp.fold else [*range(1, hp.k + 1), 0]
    variants = {f"fold {fold}" if fold else "all rows": hp.replace(fold=fold) for fold in folds}
    # One path of each recipe is enough to compare: the others differ in their rows or their length only.
    compared = ["fold 1"]
    if not hp.fold:
        variants.update({f"{article(n)}, all rows": Article(n, hp.k) for n in (SHORT, LONG)})
        compared.append(f"{article(SHORT)}, all rows")
    return [replace(run, compare_paths=run.variant in compared) for run in runs_of(BUILDERS, variants)]


def article(num_epochs):
    """Return the variant of the article's training for that number of epochs."""
    return f"article {num_epochs} epochs"


def cross_validate(build, hp, houses, seed):
    """Train the article's model on every fold, and return the history of the folds' means.

    Args:
        build: `from_scratch` or `with_gluon`.
        hp: an Article.
        houses: all rows.
        seed: sequence of numbers, from which each fold draws weights and order of its own.

    Returns:
        History with the mean and, as SCORE_std, the standard deviation of each score over the folds. The
        deviation divides by k, as NumPy does by default, and so the article's code presumably does.
    """
    X, prices = (array.asnumpy() for array in houses.train)
    histories = []
    for fold in range(1, hp.k + 1):
        fold_seed = seed_from(*seed, fold)
        seed_everything(fold_seed)
        fold_hp = hp.replace(fold=fold)
        part = split(X, prices, houses.test, houses.test_ids, fold_hp)
        data = Data("", batches(part, fold_hp, fold_seed), source=part)
        histories.append(train(build(fold_hp, data), data, fold_hp))
    return History(over_folds(rows) for rows in zip(*histories))


def seed_from(*numbers):
    """Return a seed that other numbers do not give, but for a chance of one in two billion."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0]) % MAX_SEED


def over_folds(rows):
    """Return mean and standard deviation of the folds' scores after an epoch, one row per fold."""
    scores = {name: [row[name] for row in rows] for name in SCORES}
    return {
        "epoch": rows[0]["epoch"],
        **{name: float(np.mean(values)) for name, values in scores.items()},
        **{f"{name}_std": float(np.std(values)) for name, values in scores.items()},
        "seconds": sum(row["seconds"] for row in rows),
    }


def show(result, data):
    """Cross-validate the article's model, and show curves, means over folds, and the submissions.

    The curves are of the first fold and the final model of the book, and of the article's trials.
    """
    mark = " (generated houses)" if data.name == "generated" else ""
    for name, part in (("fold 1", "valid"), ("all rows", "train")):
        curves = {
            run.name: replace(run, history=without_loss(run.history)) for run in result.select(variant=name)
        }
        if curves:
            words = {"valid": "validation", "train": "training"}[part]
            title = f"House prices, {name}{mark}: log rmse of {{{part}_log_rmse:.3f}} in {words}"
            result.figures[name.replace(" ", "_")] = plot.training_curves(curves, title, log=True)
    for impl in dict.fromkeys(run.impl for run in result.runs):
        add_means(result, impl)
        if not result.settings["fold"]:
            add_trials(result, impl, data.source)
            draw_trials(result, impl, mark)
            add_submissions(result, impl, data.source, mark)
    num_features = data.source.test.shape[1]
    result.figures["model"] = plot.network(
        [("features of a house", num_features), ("price", 1)],
        f"House prices: {num_features:,} weights and a bias",
    )
    result.add("data", metrics={"num_features": num_features})


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


def add_trials(result, impl, houses):
    """Add the article's trials, the numbers that it prints, which are the first trial's, and its conclusions.

    Ten epochs are the first ten of twenty. The learning rate is constant, so that both take the same steps
    until then. The first trial is repeated without standardizing the prices.
    """
    hp, trials = Article(LONG, result.settings["k"]), []
    for number in range(1, result.settings["trials"] + 1):
        history = cross_validate(BUILDERS[impl], hp, houses, (result.seed, number))
        trials.append(RunResult(impl, trial(number), result.seed, history, history.last_numbers()))
    ends = {n: [run.history[n - 1] for run in trials] for n in (SHORT, LONG)}
    raw = cross_validate(BUILDERS[impl], hp.replace(standardize=False), houses, (result.seed, 1))
    trials.append(RunResult(impl, AS_THEY_ARE, result.seed, raw, raw.last_numbers()))
    result.runs += trials
    for num_epochs, rows in ends.items():
        # The printed numbers are one trial's. If another number of trials is asked for, to measure how they
        # scatter, each is a draw with a seed of its own.
        for number, row in enumerate(rows if "trials" in result.changed else rows[:1], 1):
            seed = result.seed if number == 1 else seed_from(result.seed, number)
            result.runs.append(
                RunResult(impl, article(num_epochs), seed, metrics=History([row]).last_numbers())
            )
    result.add(impl, CONCLUSIONS, trial_differences(ends[SHORT], ends[LONG]))
    scores = dict(enumerate(zip(ends[SHORT], ends[LONG]), 1))
    scores["1, prices as they are"] = raw[SHORT - 1], raw[LONG - 1]
    result.tables[f"The article's trials: mean ± standard deviation over the folds, {impl}"] = [
        {"trial": name, **scores_in_words(SHORT, short), **scores_in_words(LONG, long)}
        for name, (short, long) in scores.items()
    ]


def scores_in_words(num_epochs, scores):
    """Return the columns of a table: what a trial has reached after that number of epochs."""
    return {
        f"{num_epochs} epochs, {name.partition('_')[0]}": f"{scores[name]:.4f} ± {scores[name + '_std']:.4f}"
        for name in SCORES
    }


def trial(number):
    """Return the variant of a trial, numbered from 1."""
    return f"article trial {number}"


def trial_differences(short, long):
    """Return the differences on which the article's conclusions rest: means over the trials.

    Args:
        short: for each trial its scores after the smaller number of epochs, as `over_folds` returns them.
        long: the same after the larger number.
    """

    def mean(difference):
        return float(np.mean([difference(one, two) for one, two in zip(short, long)]))

    return {
        "train_std_10_minus_20": mean(lambda one, two: one["train_log_rmse_std"] - two["train_log_rmse_std"]),
        "gap_20_minus_10": mean(lambda one, two: gap(two) - gap(one)),
    }


def gap(scores):
    """Return how much worse the validation rows are predicted than the training rows."""
    return scores["valid_log_rmse"] - scores["train_log_rmse"]


def draw_trials(result, impl, mark):
    """Add the article's figures of means over the folds: all trials of ten epochs, and one of twenty."""
    trials = [run for run in result.select(impl) if run.variant.startswith("article trial")]
    curves = {
        run.variant.partition(" ")[2]: replace(run, history=History(run.history[:SHORT])) for run in trials
    }
    count = "One trial" if len(trials) == 1 else f"{len(trials)} trials"
    title = f"{count} of the article's model, {SHORT} epochs, {plot.IMPLS[impl]}{mark}"
    result.figures[f"article_trials_{impl}"] = plot.training_curves(curves, title, log=True)
    first, second = (trials[0].history[n - 1]["valid_log_rmse"] for n in (SHORT, LONG))
    title = (
        f"Log rmse of trial 1 in validation: {first:.3f} after {SHORT} and {second:.3f} after {LONG} epochs"
    )
    title += f", {plot.IMPLS[impl]}{mark}"
    result.figures[f"article_epochs_{impl}"] = plot.training_curves({"": trials[0]}, title, log=True)


def add_submissions(result, impl, houses, mark):
    """Add the first lines of three submissions, the book's and the article's after both lengths."""
    models = {"book": ("all rows", identity)}
    models.update({article(n): (f"{article(n)}, all rows", houses.to_prices) for n in (SHORT, LONG)})
    lines = pd.DataFrame({"Id": houses.test_ids[:3]})
    for name, (variant, to_prices) in models.items():
        fit = result.find(impl, variant)
        if fit and fit.model:
            lines[name] = to_prices(fit.model.net(houses.test[:3])).reshape(-1).asnumpy()
    title = f"The first lines of three submissions, SalePrice by model, {impl}{mark}"
    result.tables[title] = lines.to_dict("records")


chapter = Chapter(
    name="house_prices",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 3, "trials": 1},
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
