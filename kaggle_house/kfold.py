"""Cross-validate a recipe with k-fold, in this process, in several, or on a cluster."""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Optional

import joblib
import numpy as np
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from d2l_repro import __version__
from d2l_repro.language import tr
from d2l_repro.parallel import Where, computed
from d2l_repro.parallel.where import ANEW, RESUME
from d2l_repro.train.loop import TrainingDiverged

from .data import Tables
from .features import engineered_features
from .fold_store import FoldStore
from .folds import BASELINES, SCORES, Fold, FoldOptions, FoldResult, split
from .recipes import Recipe, fit_recipe, fit_side_by_side, log_rmse
from .scores import difference_interval, leaderboard_noise, meaning

AT_ONCE = 10  # folds whose nets are fitted side by side; more need more memory


def run_fold(recipe: Recipe, tables: Tables, fold: Fold, impl: str) -> FoldResult:
    """Fit a recipe and the baselines on the training rows of a fold, and score them on its other rows.

    Raises:
        TrainingDiverged: the message names the fold.

    Returns:
        repeat, fold; train and valid (log rmse); baselines (name -> valid log rmse); history; predictions
        (US dollars, of the validation rows) and baseline_predictions (name -> the same); clipped (number of
        predictions below 1 dollar); seconds (of fitting); estimator.
    """
    start = time.perf_counter()
    try:
        estimator = fit_recipe(recipe, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)
    except TrainingDiverged as error:
        raise TrainingDiverged(f"{fold}: {error}", error.history) from None
    return _score(estimator, tables, fold, time.perf_counter() - start)


def groups(folds: Sequence[Fold]) -> Iterator[list[Fold]]:
    """Yield the folds in groups that can be fitted side by side: as many rows each, and at most AT_ONCE."""
    for _, group in groupby(enumerate(folds), lambda item: (item[0] // AT_ONCE, len(item[1].train_rows))):
        yield [fold for _, fold in group]


def run_folds_side_by_side(
    recipe: Recipe, tables: Tables, folds: Sequence[Fold], impl: str
) -> Iterator[FoldResult]:
    """Yield what `run_fold` returns of each fold, of which the nets without hidden units are fitted at once.

    A fold's `seconds` are its share.
    """
    for together in groups(folds):
        estimators = []
        if not recipe.num_hiddens and len(together) > 1:
            start = time.perf_counter()
            # If one diverges, they are fitted one at a time: then the error names it, and those before it
            # are not lost.
            with suppress(TrainingDiverged):
                estimators = fit_side_by_side(recipe, tables, together, impl)
            seconds = (time.perf_counter() - start) / len(together)
        for i, fold in enumerate(together):
            if estimators:
                yield _score(estimators[i], tables, fold, seconds)
            else:
                yield run_fold(recipe, tables, fold, impl)


def _score(estimator: Pipeline, tables: Tables, fold: Fold, seconds: float) -> FoldResult:
    """Return what `run_fold` returns of a fold with a fitted pipeline."""
    history = estimator[-1].history_
    if not math.isfinite(history[-1]["train_log_rmse"] + history[-1]["valid_log_rmse"]):
        raise TrainingDiverged(
            tr(
                "{fold}: training diverged, so that the predictions have no finite logarithms; try a smaller "
                "learning rate",
                fold=fold,
            ),
            history,
        )
    train_houses, valid_houses = (tables.train.iloc[rows] for rows in (fold.train_rows, fold.valid_rows))
    predictions, prices = estimator.predict(valid_houses), valid_houses["SalePrice"].to_numpy()
    baselines = _baseline_predictions(train_houses, valid_houses)
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        # Not the history's last: that is of the nets, and in a blend they are not all.
        "train": log_rmse(train_houses["SalePrice"].to_numpy(), estimator.predict(train_houses)),
        "valid": log_rmse(prices, predictions),
        "baselines": {name: log_rmse(prices, predicted) for name, predicted in baselines.items()},
        "history": history,
        "predictions": predictions,
        "baseline_predictions": baselines,
        "clipped": int((predictions < 1).sum()),
        "seconds": seconds,
        "estimator": estimator,
    }


def _baseline_predictions(houses, valid_houses):
    """Return the prices that each baseline, fitted on some houses, predicts for others."""
    features = engineered_features()
    X, X_valid = features.fit_transform(houses), features.transform(valid_houses)
    log_prices = np.log(houses["SalePrice"])
    return {
        name: np.exp(make_regressor().fit(X, log_prices).predict(X_valid))
        for name, make_regressor in BASELINES.items()
    }


def cross_validate(
    recipe: Recipe,
    tables: Tables,
    options: FoldOptions,
    folder: Optional[Path] = None,
    resume: bool = False,
    progress: bool = False,
    save: bool = True,
) -> tuple[list[FoldResult], list[Fold]]:
    """Run every fold, and save each result as soon as it is available.

    Args:
        recipe: settings of the features and the net.
        tables: training and test table.
        options: how to split, and where to compute.
        folder: folder to save results in, one file per fold in `folds/`; None saves nothing. The results'
            `model` is the file's name.
        resume: reuse saved results that belong to the same settings and data.
        progress: show a progress bar over the folds, on a terminal.
        save: False only reads from the folder.

    Returns:
        The results of `run_fold`, in the order of `split`, and the folds.

    Raises:
        InputError: the options do not fit the data or each other.
        TrainingDiverged: in a fold, which the message names; the folds before are saved.
    """
    folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    data_key = tables.digest()
    keys = [joblib.hash((recipe, options.impl, fold, data_key, __version__)) for fold in folds]
    store = FoldStore(folder, recipe, options.impl)
    results: dict[int, FoldResult] = {}  # index of the fold -> result
    if resume:
        saved = {i: store.load(fold, key) for i, (fold, key) in enumerate(zip(folds, keys))}
        results = {i: result for i, result in saved.items() if result is not None}
    missing = [i for i in range(len(folds)) if i not in results]
    again = RESUME if folder is not None and save else ANEW
    where = Where(options.jobs, options.cluster, again=again)
    found = run_folds(recipe, tables, [folds[i] for i in missing], options.impl, where)
    hidden = None if progress else True
    with (
        closing(found),
        tqdm(total=len(folds), initial=len(results), unit=tr("fold"), disable=hidden) as bar,
    ):
        for place, result in found:
            i = missing[place]
            results[i] = store.save(folds[i], keys[i], result) if save else result
            bar.update()
            bar.set_postfix({tr("valid"): f"{result['valid']:.4f}"})
    return [results[i] for i in range(len(folds))], folds


def run_folds(
    recipe: Recipe, tables: Tables, folds: Sequence[Fold], impl: str, where: Where
) -> Generator[tuple[int, FoldResult], None, None]:
    """Yield index and result of `run_fold` for each fold, each as soon as it is available.

    Those of a single process are computed side by side where they can be, with the same results.

    Raises:
        InputError: the cluster cannot be used.
        WorkFailed: it was lost.
        TrainingDiverged: in a fold, which the message names.
    """
    if where.jobs == 1 and where.cluster is None:
        yield from enumerate(run_folds_side_by_side(recipe, tables, folds, impl))
    else:
        yield from computed(_run_fold, [(fold,) for fold in folds], where, (recipe, tables, impl))


def _run_fold(recipe: Recipe, tables: Tables, impl: str, fold: Fold) -> FoldResult:
    return run_fold(recipe, tables, fold, impl)


def out_of_fold(
    results: Sequence[FoldResult], folds: Sequence[Fold], num_rows: int, baseline: Optional[str] = None
) -> np.ndarray:
    """Return the out-of-fold predictions, (rows,): each row's price by the models that were not fitted on it.

    Over several repeats it is the geometric mean. With the name of a baseline they are the baseline's.
    """
    log_sums, counts = np.zeros(num_rows), np.zeros(num_rows)
    for result, fold in zip(results, folds):
        prices = result["baseline_predictions"][baseline] if baseline else result["predictions"]
        log_sums[fold.valid_rows] += np.log(np.clip(prices, 1, None))
        counts[fold.valid_rows] += 1
    return np.exp(log_sums / counts)


def summarize(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    recipe: Recipe,
    options: FoldOptions,
    tables: Tables,
) -> dict[str, Any]:
    """Return what a cross-validation measured: settings, folds, means and standard deviations, baselines."""
    train, valid = (np.array([result[name] for result in results]) for name in ("train", "valid"))
    log_errors = _log_errors(results, folds, tables)
    baselines = {name: np.array([result["baselines"][name] for result in results]) for name in BASELINES}
    columns = ("repeat", "fold", *SCORES, "baselines")
    return {
        "dataset": tables.name,
        "stand_in_for": tables.stand_in_for,
        "data_hash": tables.digest(),
        "settings": asdict(recipe),
        "options": asdict(options),
        "folds": [
            {
                **{name: result[name] for name in columns},
                "model": result.get("model"),  # None where no models are saved
                "valid_rows": fold.valid_rows.tolist(),
            }
            for result, fold in zip(results, folds)
        ],
        "mean": {"train": float(train.mean()), "valid": float(valid.mean())},
        "std": {"train": float(train.std(ddof=1)), "valid": float(valid.std(ddof=1))},
        "out_of_fold": float(np.sqrt(np.mean(np.square(log_errors["recipe"])))),
        "noise": leaderboard_noise(log_errors["recipe"]),
        "meaning": {name: meaning(errors) for name, errors in log_errors.items()},
        "baselines": {
            name: _compare_with(scores, valid, difference_interval(log_errors["recipe"], log_errors[name]))
            for name, scores in baselines.items()
        },
    }


def _log_errors(results, folds, tables):
    """Return the out-of-fold errors of log prices, (rows,), of the recipe and of each baseline, by name."""
    log_prices = np.log(tables.train["SalePrice"].to_numpy())
    names = {"recipe": None, **{name: name for name in BASELINES}}
    return {
        name: np.log(out_of_fold(results, folds, len(log_prices), baseline)) - log_prices
        for name, baseline in names.items()
    }


def _compare_with(baseline, valid, interval):
    """Return mean and standard deviation of a baseline, and of the recipe's difference from it fold by fold.

    The difference is taken within each fold, because a fold that is hard for one is hard for the other. The
    interval is that of all houses out-of-fold.
    """
    difference = valid - baseline
    return {
        "valid": float(baseline.mean()),
        "std": float(baseline.std(ddof=1)),
        "difference": float(difference.mean()),
        "difference_std": float(difference.std(ddof=1)),
        "difference_low": interval[0],
        "difference_high": interval[1],
    }
