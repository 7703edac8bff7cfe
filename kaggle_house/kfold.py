"""K-fold cross-validation of a recipe: pure workers, one a fold, in this process, in several, or on a
cluster."""

import io
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import joblib
import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

from d2l_repro.errors import InputError
from d2l_repro.files import write_atomically
from d2l_repro.settings import Bounds, Count, Seed, Settings

from .features import EngineeredFeatures
from .recipes import Recipe, fitted, log_rmse

BASELINES = {
    "mean": DummyRegressor,
    "ridge": lambda: RidgeCV(np.logspace(-1, 3, 20)),
}  # on the log of the price


@dataclass(frozen=True)
class FoldOptions(Settings):
    """How the training table is split, and who works on the folds."""

    k: Annotated[int, Bounds(2)] = 5  # folds
    repeats: Count = 1  # times the whole, each time with another seed
    stratify: bool = False  # draw folds that are alike in their prices (with --shuffle)
    seed: Seed = 0  # of the folds, the initial weights and the order of the houses
    # who computes; from scratch for one linear layer without decay
    impl: Literal["gluon", "scratch"] = "gluon"
    jobs: Count = 1  # folds worked on at once, each in a process of its own; the digits stay the same
    # joblib backend; "dask" or "ray" for a cluster that you have registered with joblib
    backend: str = "loky"


@dataclass(frozen=True)
class Fold:
    """Rows of the training table to fit on and to score."""

    repeat: int
    number: int  # from 1
    train_rows: np.ndarray
    valid_rows: np.ndarray
    seed: int  # of the fold's net


def split(prices, options, shuffle):
    """The folds of every repeat.

    Args:
        prices: (rows,), for stratification.
        options: FoldOptions.
        shuffle: False for contiguous slices of the table, as the book's.

    Raises:
        InputError: there are more folds than rows, or stratified folds are to be contiguous.
    """
    if options.k > len(prices):
        raise InputError(f"--k: {options.k} folds cannot be made of {len(prices)} rows")
    if options.stratify and not shuffle:
        raise InputError("--stratify: contiguous folds are what they are; add --shuffle")
    folds = []
    for repeat in range(options.repeats):
        seed = options.seed + repeat
        kind = StratifiedKFold if options.stratify else KFold
        splitter = kind(options.k, shuffle=shuffle, random_state=seed if shuffle else None)
        for number, (train_rows, valid_rows) in enumerate(
            splitter.split(prices, _strata(prices, options.k)), 1
        ):
            folds.append(Fold(repeat, number, train_rows, valid_rows, seed))
    return folds


def _strata(prices, k):
    """A class a row, so that each has at least k rows: tenths of the prices, or fewer where rows are few."""
    count = max(1, min(10, len(prices) // k))
    return np.argsort(np.argsort(prices, kind="stable"), kind="stable") * count // len(prices)


def run_fold(recipe, tables, fold, impl):
    """Fit a recipe and the baselines on a fold's training rows and score them on its others.

    Returns:
        dict: repeat, fold, train and valid (log rmse), baselines (name -> valid log rmse), history,
        predictions (of the valid rows, US dollars), clipped (predictions below 1 dollar), seconds (of
        fitting), estimator.
    """
    begun = time.perf_counter()
    estimator = fitted(recipe, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)
    seconds = time.perf_counter() - begun
    history = estimator[-1].history_
    predictions = estimator.predict(tables.train.iloc[fold.valid_rows])
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        "train": history[-1]["train_log_rmse"],
        "valid": history[-1]["valid_log_rmse"],
        "baselines": _baseline_scores(tables.train, fold),
        "history": history,
        "predictions": predictions,
        "clipped": int((predictions < 1).sum()),
        "seconds": seconds,
        "estimator": estimator,
    }


def _baseline_scores(train, fold):
    fit, score = train.iloc[fold.train_rows], train.iloc[fold.valid_rows]
    scores = {}
    for name, regressor in BASELINES.items():
        model = make_pipeline(EngineeredFeatures(), regressor()).fit(fit, np.log(fit["SalePrice"]))
        scores[name] = log_rmse(score["SalePrice"].to_numpy(), np.exp(model.predict(score)))
    return scores


def cross_validate(recipe, tables, options, folder=None, resume=False, progress=False):
    """Run every fold, and keep each as soon as it is done.

    Args:
        recipe, tables, options: Recipe, data.Tables, FoldOptions.
        folder: where `folds/` with a file a fold goes; nothing is kept without it.
        resume: take folds from there that were run with the same settings on the same data.
        progress: a bar over the folds, on a terminal.

    Returns:
        results of `run_fold`, in the order of `split`, and those folds.

    Raises:
        InputError: the options do not go with the data or with each other.
    """
    if options.backend == "threading":
        raise InputError(
            "--backend: threads share MXNet's random numbers, which would change the results; take loky"
        )
    folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    keys = [joblib.hash((recipe, options.impl, fold, tables.train, tables.test)) for fold in folds]
    store = _Store(folder)
    results = {i: kept for i, key in enumerate(keys) if resume and (kept := store.load(folds[i], key))}
    missing = [i for i in range(len(folds)) if i not in results]
    calls = [joblib.delayed(run_fold)(recipe, tables, folds[i], options.impl) for i in missing]
    with tqdm(total=len(folds), initial=len(results), unit="fold", disable=None if progress else True) as bar:
        for i, result in zip(missing, _run(calls, options)):
            store.save(folds[i], keys[i], result)
            results[i] = result
            bar.update()
            bar.set_postfix(valid=f"{result['valid']:.4f}")
    return [results[i] for i in range(len(folds))], folds


def _run(calls, options):
    """The calls' results, one after the other as they come."""
    if options.jobs == 1 and options.backend == "loky":
        return (function(*args, **kwargs) for function, args, kwargs in calls)
    # Only joblib's own processes give results before the last is there; a cluster gives them all at once.
    return_as = "generator" if options.backend == "loky" else "list"
    try:
        backend = joblib.parallel_config(backend=options.backend)
    except ValueError as error:
        raise InputError(
            f"--backend: joblib knows no {options.backend!r}; has the cluster been registered?"
        ) from error
    with backend:
        return joblib.Parallel(n_jobs=options.jobs, return_as=return_as)(calls)


class _Store:
    """The folder that keeps a file a fold, with the key that tells whether it still is the result wanted."""

    def __init__(self, folder):
        self.folder = None if folder is None else Path(folder) / "folds"

    def _path(self, fold):
        return self.folder / f"{fold.repeat}-{fold.number}.joblib"

    def save(self, fold, key, result):
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
            content = io.BytesIO()
            joblib.dump({"key": key, "result": result}, content, compress=3)
            write_atomically(self._path(fold), content.getvalue())

    def load(self, fold, key) -> Optional[dict]:
        if self.folder is None or not self._path(fold).is_file():
            return None
        kept = joblib.load(self._path(fold))
        return kept["result"] if kept["key"] == key else None


def saved_estimators(folder):
    """The fitted pipelines of a run of `cross_validate`. They are pickles: load only what you have written
    yourself.

    Raises:
        InputError: there are none.
    """
    paths = sorted((Path(folder) / "folds").glob("*.joblib"))
    if not paths:
        raise InputError(f"--models: {folder} has no folds/*.joblib; `kfold --out {folder}` writes them")
    return [joblib.load(path)["result"]["estimator"] for path in paths]


def out_of_fold(results, folds, num_rows):
    """Each row's prediction by the models that did not see it, (rows,); over repeats, the mean of its
    logarithm."""
    sums, counts = np.zeros(num_rows), np.zeros(num_rows)
    for result, fold in zip(results, folds):
        sums[fold.valid_rows] += np.log(np.clip(result["predictions"], 1, None))
        counts[fold.valid_rows] += 1
    return np.exp(sums / counts)


def summary(results, folds, recipe: Recipe, options, tables):
    """The content of kfold.json but for published values: settings, folds, means and deviations,
    baselines."""
    train, valid = (np.array([result[name] for result in results]) for name in ("train", "valid"))
    prices = tables.train["SalePrice"].to_numpy()
    baselines = {name: np.array([result["baselines"][name] for result in results]) for name in BASELINES}
    return {
        "dataset": tables.name,
        "stand_in_for": tables.stand_in_for,
        "data_hash": joblib.hash((tables.train, tables.test)),
        "settings": asdict(recipe),
        "options": asdict(options),
        "folds": [
            {
                "repeat": result["repeat"],
                "fold": result["fold"],
                "train": result["train"],
                "valid": result["valid"],
                "clipped": result["clipped"],
                "seconds": result["seconds"],
                "valid_rows": fold.valid_rows.tolist(),
            }
            for result, fold in zip(results, folds)
        ],
        "mean": {"train": float(train.mean()), "valid": float(valid.mean())},
        "std": {"train": float(train.std(ddof=1)), "valid": float(valid.std(ddof=1))},
        "out_of_fold": log_rmse(prices, out_of_fold(results, folds, len(prices))),
        "baselines": {name: _beside(valid, scores) for name, scores in baselines.items()},
    }


def _beside(valid, scores):
    """A baseline's mean and deviation, and those of the difference fold by fold: a hard fold is hard for
    both."""
    difference = valid - scores
    return {
        "valid": float(scores.mean()),
        "std": float(scores.std(ddof=1)),
        "difference": float(difference.mean()),
        "difference_std": float(difference.std(ddof=1)),
    }
