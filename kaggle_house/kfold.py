"""Cross-validate a recipe with k-fold, in this process, in several, or on a cluster."""

import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import joblib
import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from d2l_repro.errors import InputError
from d2l_repro.files import write_atomically
from d2l_repro.settings import Bounds, Count, Seed, Settings

from .data import Tables
from .features import engineered_features
from .recipes import Recipe, fit_recipe, log_rmse

# Models to compare with, which learn the logarithm of the price.
BASELINES = {
    "mean": DummyRegressor,
    "ridge": lambda: RidgeCV(np.logspace(-1, 3, 20)),
}
MAX_STRATA = 10  # classes of prices that stratified folds are balanced over

FoldResult = dict[str, Any]  # what `run_fold` returns


@dataclass(frozen=True)
class FoldOptions(Settings):
    """How to split the training table, and where to compute."""

    k: Annotated[int, Bounds(2)] = 5  # number of folds
    repeats: Count = 1  # repeat the cross-validation this many times, each with another seed
    stratify: bool = False  # draw folds with similar distributions of prices (needs --shuffle)
    seed: Seed = 0  # seed of the folds, the initial weights and the order of the houses
    # implementation of the net; scratch has only a linear layer without weight decay
    impl: Literal["gluon", "scratch"] = "gluon"
    jobs: Count = 1  # folds to compute at once, each in its own process; results do not depend on it
    # joblib backend; "dask" or "ray" for a cluster that you have registered with joblib
    backend: str = "loky"


@dataclass(frozen=True)
class Fold:
    """Rows of the training table to fit on and to score."""

    repeat: int  # from 0
    number: int  # from 1
    train_rows: np.ndarray
    valid_rows: np.ndarray
    seed: int  # seed of the fold's net


def split(prices: np.ndarray, options: FoldOptions, shuffle: bool) -> list[Fold]:
    """Split the rows into the folds of every repeat.

    Args:
        prices: (rows,); needed for stratification.
        options: number of folds and repeats, seed.
        shuffle: False for contiguous slices of the table, as in the book.

    Raises:
        InputError: If there are more folds than rows, or if stratified folds are to be contiguous.
    """
    if options.k > len(prices):
        raise InputError(f"--k: cannot make {options.k} folds of {len(prices)} rows; choose fewer")
    if options.stratify and not shuffle:
        raise InputError("--stratify: contiguous folds cannot be stratified; add --shuffle")
    splitter_cls = StratifiedKFold if options.stratify else KFold
    strata = _strata(prices, options.k)
    folds = []
    for repeat in range(options.repeats):
        seed = options.seed + repeat
        splitter = splitter_cls(options.k, shuffle=shuffle, random_state=seed if shuffle else None)
        for number, (train_rows, valid_rows) in enumerate(splitter.split(prices, strata), 1):
            folds.append(Fold(repeat, number, train_rows, valid_rows, seed))
    return folds


def _strata(prices, k):
    """Return a class per row, (rows,): tenths of the sorted prices, or fewer where rows are few."""
    count = max(1, min(MAX_STRATA, len(prices) // k))
    ranks = np.argsort(np.argsort(prices, kind="stable"), kind="stable")
    return ranks * count // len(prices)


def run_fold(recipe: Recipe, tables: Tables, fold: Fold, impl: str) -> FoldResult:
    """Fit a recipe and the baselines on the training rows of a fold, and score them on its other rows.

    Returns:
        repeat, fold; train and valid (log rmse); baselines (name -> valid log rmse); history; predictions
        (US dollars, of the validation rows); clipped (number of predictions below 1 dollar); seconds (of
        fitting); estimator.
    """
    start = time.perf_counter()
    estimator = fit_recipe(recipe, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)
    seconds = time.perf_counter() - start
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
    """Return the validation log rmse of every baseline."""
    houses, valid_houses = train.iloc[fold.train_rows], train.iloc[fold.valid_rows]
    features = engineered_features()
    X, X_valid = features.fit_transform(houses), features.transform(valid_houses)
    log_prices, valid_prices = np.log(houses["SalePrice"]), valid_houses["SalePrice"].to_numpy()
    return {
        name: log_rmse(valid_prices, np.exp(make_regressor().fit(X, log_prices).predict(X_valid)))
        for name, make_regressor in BASELINES.items()
    }


def cross_validate(
    recipe: Recipe,
    tables: Tables,
    options: FoldOptions,
    folder: Optional[Path] = None,
    resume: bool = False,
    progress: bool = False,
) -> tuple[list[FoldResult], list[Fold]]:
    """Run every fold, and save each result as soon as it is available.

    Args:
        recipe: settings of the features and the net.
        tables: training and test table.
        options: how to split, and where to compute.
        folder: folder to save results in, one file per fold in `folds/`; None saves nothing.
        resume: reuse saved results that belong to the same settings and data.
        progress: show a progress bar over the folds, on a terminal.

    Returns:
        The results of `run_fold`, in the order of `split`, and the folds.

    Raises:
        InputError: If the options do not fit the data or each other.
    """
    if options.backend == "threading":
        raise InputError(
            "--backend: threads share MXNet's random numbers, which would change the results; choose loky"
        )
    folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    data_key = joblib.hash((tables.train, tables.test))
    keys = [joblib.hash((recipe, options.impl, fold, data_key)) for fold in folds]
    store = FoldStore(folder)
    results: dict[int, FoldResult] = {}  # index of the fold -> result
    if resume:
        saved = {i: store.load(fold, key) for i, (fold, key) in enumerate(zip(folds, keys))}
        results = {i: result for i, result in saved.items() if result is not None}
    missing = [i for i in range(len(folds)) if i not in results]
    calls = [joblib.delayed(run_fold)(recipe, tables, folds[i], options.impl) for i in missing]
    with tqdm(total=len(folds), initial=len(results), unit="fold", disable=None if progress else True) as bar:
        for i, result in zip(missing, _run_calls(calls, options)):
            store.save(folds[i], keys[i], result)
            results[i] = result
            bar.update()
            bar.set_postfix(valid=f"{result['valid']:.4f}")
    return [results[i] for i in range(len(folds))], folds


def _run_calls(calls: Sequence[Any], options: FoldOptions) -> Iterable[FoldResult]:
    """Run joblib's delayed calls, and return their results in order, each as soon as it is available."""
    if options.jobs == 1 and options.backend == "loky":
        return (function(*args, **kwargs) for function, args, kwargs in calls)
    # Only joblib's own processes return results one by one; a cluster returns them all at the end.
    return_as = "generator" if options.backend == "loky" else "list"
    try:
        backend = joblib.parallel_config(backend=options.backend)
    except ValueError as error:
        raise InputError(
            f"--backend: unknown joblib backend {options.backend!r}; choose loky, or register the cluster"
        ) from error
    with backend:
        return joblib.Parallel(n_jobs=options.jobs, return_as=return_as)(calls)


class FoldStore:
    """Save the result of each fold in a file, with a key of the settings and data that it belongs to."""

    def __init__(self, folder: Optional[Union[str, Path]]):
        self.folder = None if folder is None else Path(folder) / "folds"

    def path(self, fold: Fold) -> Path:
        """Return the fold's file."""
        return self.folder / f"{fold.repeat}-{fold.number}.joblib"

    def save(self, fold: Fold, key: str, result: FoldResult) -> None:
        """Write a result; without a folder do nothing."""
        if self.folder is not None:
            self.folder.mkdir(exist_ok=True)
            content = io.BytesIO()
            joblib.dump({"key": key, "result": result}, content, compress=3)
            write_atomically(self.path(fold), content.getvalue())

    def load(self, fold: Fold, key: str) -> Optional[FoldResult]:
        """Return the saved result, or None if there is none with this key."""
        if self.folder is None or not self.path(fold).is_file():
            return None
        try:
            saved = _load_pickle(self.path(fold))
        except InputError:
            return None  # written by another version: compute the fold again
        return saved["result"] if saved["key"] == key else None


def _load_pickle(path):
    try:
        return joblib.load(path)
    except (AttributeError, ImportError, EOFError, ValueError) as error:
        raise InputError(
            f"{path}: was written by another version, or is damaged ({error}); run `kfold` again"
        ) from error


def load_estimators(folder: Union[str, Path]) -> list[Pipeline]:
    """Load the fitted pipelines that `cross_validate` has saved.

    They are pickles, which can run any code when loaded: load only files that you have written yourself.

    Raises:
        InputError: If there are none, or if another version has written them.
    """
    paths = sorted((Path(folder) / "folds").glob("*.joblib"))
    if not paths:
        raise InputError(f"--models: {folder} has no folds/*.joblib; `kfold --out {folder}` writes them")
    return [_load_pickle(path)["result"]["estimator"] for path in paths]


def out_of_fold(results: Sequence[FoldResult], folds: Sequence[Fold], num_rows: int) -> np.ndarray:
    """Return the out-of-fold predictions, (rows,): each row's price by the models that were not fitted on it.

    Over several repeats it is the geometric mean.
    """
    log_sums, counts = np.zeros(num_rows), np.zeros(num_rows)
    for result, fold in zip(results, folds):
        log_sums[fold.valid_rows] += np.log(np.clip(result["predictions"], 1, None))
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
    prices = tables.train["SalePrice"].to_numpy()
    baselines = {name: np.array([result["baselines"][name] for result in results]) for name in BASELINES}
    columns = ("repeat", "fold", "train", "valid", "clipped", "seconds")
    return {
        "dataset": tables.name,
        "stand_in_for": tables.stand_in_for,
        "data_hash": joblib.hash((tables.train, tables.test)),
        "settings": asdict(recipe),
        "options": asdict(options),
        "folds": [
            {**{name: result[name] for name in columns}, "valid_rows": fold.valid_rows.tolist()}
            for result, fold in zip(results, folds)
        ],
        "mean": {"train": float(train.mean()), "valid": float(valid.mean())},
        "std": {"train": float(train.std(ddof=1)), "valid": float(valid.std(ddof=1))},
        "out_of_fold": log_rmse(prices, out_of_fold(results, folds, len(prices))),
        "baselines": {name: _compare_with(scores, valid) for name, scores in baselines.items()},
    }


def _compare_with(baseline, valid):
    """Return mean and standard deviation of a baseline, and of the recipe's difference from it fold by fold.

    The difference is taken within each fold, because a fold that is hard for one is hard for the other.
    """
    difference = valid - baseline
    return {
        "valid": float(baseline.mean()),
        "std": float(baseline.std(ddof=1)),
        "difference": float(difference.mean()),
        "difference_std": float(difference.std(ddof=1)),
    }
