"""Cross-validate a recipe with k-fold, in this process, in several, or on a cluster."""

import json
import math
import re
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
from d2l_repro.settings import Bounds, Count, Seed, Settings
from d2l_repro.train.arrays import check_finite, is_number, one_line, read_arrays, write_arrays
from d2l_repro.train.loop import TrainingDiverged

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
SCORES = ("train", "valid", "clipped", "seconds")  # the numbers in it
_MODEL_NAME = re.compile(r"folds/\d+-\d+-[0-9a-f]+\.npz")


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

    def __str__(self) -> str:
        return f"fold {self.number} of repeat {self.repeat}"


def split(prices: np.ndarray, options: FoldOptions, shuffle: bool) -> list[Fold]:
    """Split the rows into the folds of every repeat.

    Args:
        prices: (rows,); needed for stratification.
        options: number of folds and repeats, seed.
        shuffle: False for contiguous slices of the table, as in the book.

    Raises:
        InputError: there are more folds than rows, or stratified folds are to be contiguous.
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

    Raises:
        TrainingDiverged: the message names the fold.

    Returns:
        repeat, fold; train and valid (log rmse); baselines (name -> valid log rmse); history; predictions
        (US dollars, of the validation rows); clipped (number of predictions below 1 dollar); seconds (of
        fitting); estimator.
    """
    start = time.perf_counter()
    try:
        estimator = fit_recipe(recipe, tables, fold.train_rows, fold.valid_rows, fold.seed, impl)
    except TrainingDiverged as error:
        raise TrainingDiverged(f"{fold}: {error}", error.history) from None
    seconds = time.perf_counter() - start
    history = estimator[-1].history_
    if not math.isfinite(history[-1]["train_log_rmse"] + history[-1]["valid_log_rmse"]):
        raise TrainingDiverged(
            f"{fold}: training diverged, so that the predictions have no finite logarithms; try a smaller "
            "learning rate",
            history,
        )
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
        folder: folder to save results in, one file per fold in `folds/`; None saves nothing. The results'
            `model` is the file's name.
        resume: reuse saved results that belong to the same settings and data.
        progress: show a progress bar over the folds, on a terminal.

    Returns:
        The results of `run_fold`, in the order of `split`, and the folds.

    Raises:
        InputError: the options do not fit the data or each other.
        TrainingDiverged: in a fold, which the message names; the folds before are saved.
    """
    if options.backend == "threading":
        raise InputError(
            "--backend: threads share MXNet's random numbers, which would change the results; choose loky"
        )
    folds = split(tables.train["SalePrice"].to_numpy(), options, recipe.shuffle)
    data_key = tables.digest()
    keys = [joblib.hash((recipe, options.impl, fold, data_key)) for fold in folds]
    store = FoldStore(folder, recipe, options.impl)
    results: dict[int, FoldResult] = {}  # index of the fold -> result
    if resume:
        saved = {i: store.load(fold, key) for i, (fold, key) in enumerate(zip(folds, keys))}
        results = {i: result for i, result in saved.items() if result is not None}
    missing = [i for i in range(len(folds)) if i not in results]
    calls = [joblib.delayed(run_fold)(recipe, tables, folds[i], options.impl) for i in missing]
    with tqdm(total=len(folds), initial=len(results), unit="fold", disable=None if progress else True) as bar:
        for i, result in zip(missing, _run_calls(calls, options)):
            results[i] = store.save(folds[i], keys[i], result)
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
    """Save the result of each fold in a file whose name contains a key of its settings and data.

    So an interrupted run with other settings leaves the models of the last complete run as they are.

    Args:
        folder: of the run; None saves nothing.
        recipe: settings of the folds' models.
        impl: implementation of their nets.
    """

    def __init__(self, folder: Optional[Union[str, Path]], recipe: Recipe, impl: str):
        self.folder = None if folder is None else Path(folder)
        self.recipe, self.impl = recipe, impl

    def name(self, fold: Fold, key: str) -> str:
        """Return the name of the fold's file, relative to the folder."""
        return f"folds/{fold.repeat}-{fold.number}-{key}.npz"

    def save(self, fold: Fold, key: str, result: FoldResult) -> FoldResult:
        """Write a result, and return it with the name of its file; without a folder do neither."""
        if self.folder is None:
            return result
        path = self.folder / self.name(fold, key)
        path.parent.mkdir(exist_ok=True)
        features, net = result["estimator"].named_steps.values()
        arrays, learned = net.state()
        about = {
            "key": key,
            "recipe": asdict(self.recipe),
            "impl": self.impl,
            "seed": fold.seed,
            "features": features.state(),
            "net": learned,
            "scores": {name: result[name] for name in SCORES},
            "baselines": result["baselines"],
        }
        write_arrays(path, {**arrays, "predictions": result["predictions"]}, about)
        return {**result, "model": self.name(fold, key)}

    def load(self, fold: Fold, key: str) -> Optional[FoldResult]:
        """Return the saved result, or None if there is none that can be used."""
        if self.folder is None or not (self.folder / self.name(fold, key)).is_file():
            return None
        try:
            estimator, arrays, about = _read_fold(self.folder / self.name(fold, key))
            return _parse_result(fold, estimator, arrays, about, self.name(fold, key))
        except InputError:
            return None  # damaged: compute the fold again


def _read_fold(path: Path) -> tuple[Pipeline, dict[str, np.ndarray], Any]:
    """Return the fitted pipeline that a file holds, and all of its content.

    Raises:
        InputError: the file is missing or damaged, or another fold's.
    """
    try:
        arrays, about = read_arrays(path)
        if about["key"] != path.stem.rpartition("-")[2]:
            raise ValueError("it belongs to another fold or another run")
        estimator = Recipe(**about["recipe"]).estimator(about["seed"], about["impl"])
        features, net = estimator.named_steps.values()
        features.restore(about["features"])
        net.restore(arrays, about["net"], len(features.get_feature_names_out()))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: not a readable fold model ({one_line(error)}); run `kfold` again"
        ) from error
    return estimator, arrays, about


def _parse_result(
    fold: Fold, estimator: Pipeline, arrays: dict[str, np.ndarray], about: Any, name: str
) -> FoldResult:
    """Return what `FoldStore.save` was given.

    Raises:
        InputError: it is not that.
    """
    try:
        scores, baselines = about["scores"], about["baselines"]
        predictions = arrays["predictions"]
        check_finite({"predictions": predictions})
        values = [*(scores[name] for name in SCORES), *(baselines[name] for name in BASELINES)]
        if not all(is_number(value) and math.isfinite(value) for value in values):
            raise ValueError("its scores are no finite numbers")
        if predictions.shape != fold.valid_rows.shape:
            raise ValueError("it has predictions of other houses")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{name}: not a readable result ({one_line(error)})") from error
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        **{name: scores[name] for name in SCORES},
        "baselines": {name: baselines[name] for name in BASELINES},
        "history": estimator[-1].history_,
        "predictions": predictions,
        "estimator": estimator,
        "model": name,
    }


def load_estimators(folder: Union[str, Path]) -> list[Pipeline]:
    """Load the fitted pipelines of the last complete run of `kfold` in a folder, which kfold.json names.

    Raises:
        InputError: there is no complete run, or a file is damaged or was written by an earlier version.
    """
    path = Path(folder, "kfold.json")
    again = f"run `kfold --out {folder}` again"
    try:
        names = [fold["model"] for fold in json.loads(path.read_text(encoding="utf-8"))["folds"]]
    except OSError as error:
        raise InputError(
            f"--models: {folder} has no results of a complete run ({path.name}: {error.strerror}); {again}"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: names no fold models, it was written by an earlier version or is damaged; {again}"
        ) from error
    if not names or not all(isinstance(name, str) and _MODEL_NAME.fullmatch(name) for name in names):
        raise InputError(f"{path}: names no fold models; {again}")
    if len(set(names)) < len(names):
        raise InputError(f"{path}: names a fold model more than once; {again}")
    return [_read_fold(Path(folder, name))[0] for name in names]


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
    columns = ("repeat", "fold", *SCORES)
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
