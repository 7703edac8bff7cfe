"""Fitted folds on disk, as arrays and JSON: each in a file of its own, without pickle."""

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from sklearn.pipeline import Pipeline

from d2l_repro.errors import InputError
from d2l_repro.language import tr
from d2l_repro.train.arrays import check_finite, is_number, one_line, read_arrays, write_arrays

from .folds import BASELINES, SCORES, Fold, FoldResult
from .recipes import Recipe

_MODEL_NAME = re.compile(r"folds/\d+-\d+-[0-9a-f]+\.npz")


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
        baselines = {_baseline_name(name): result["baseline_predictions"][name] for name in BASELINES}
        write_arrays(path, {**arrays, **baselines, "predictions": result["predictions"]}, about)
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
            tr(
                "{path}: not a readable fold model ({error}); run `kfold` again",
                path=path,
                error=one_line(error),
            )
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
        predictions = {
            name: arrays[name] for name in ("predictions", *(_baseline_name(name) for name in BASELINES))
        }
        check_finite(predictions)
        values = [*(scores[name] for name in SCORES), *(baselines[name] for name in BASELINES)]
        if not all(is_number(value) and math.isfinite(value) for value in values):
            raise ValueError("its scores are no finite numbers")
        if any(array.shape != fold.valid_rows.shape for array in predictions.values()):
            raise ValueError("it has predictions of other houses")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        text = tr("{path}: not a readable result ({error})", path=name, error=one_line(error))
        raise InputError(text) from error
    return {
        "repeat": fold.repeat,
        "fold": fold.number,
        **{name: scores[name] for name in SCORES},
        "baselines": {name: baselines[name] for name in BASELINES},
        "history": estimator[-1].history_,
        "predictions": predictions["predictions"],
        "baseline_predictions": {name: predictions[_baseline_name(name)] for name in BASELINES},
        "estimator": estimator,
        "model": name,
    }


def _baseline_name(name: str) -> str:
    """Return the name of the array with a baseline's predictions."""
    return f"predictions_{name}"


def load_estimators(folder: Union[str, Path]) -> list[Pipeline]:
    """Load the fitted pipelines of the last complete run of `kfold` in a folder, which kfold.json names.

    Raises:
        InputError: there is no complete run, or a file is damaged or was written by an earlier version, whose
            pickles are not opened.
    """
    path = Path(folder, "kfold.json")
    again = tr("run `kfold --out {folder}` again", folder=folder)
    pickles = sorted(Path(folder, "folds").glob("*.joblib"))
    try:
        names = [fold["model"] for fold in json.loads(path.read_text(encoding="utf-8"))["folds"]]
    except OSError as error:
        _refuse_pickles(pickles, again)
        raise InputError(
            tr(
                "--models: {folder} has no results of a complete run ({name}: {error}); {remedy}",
                folder=folder,
                name=path.name,
                error=error.strerror,
                remedy=again,
            )
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        _refuse_pickles(pickles, again)
        raise InputError(
            tr(
                "{path}: names no fold models, it was written by an earlier version or is damaged; {remedy}",
                path=path,
                remedy=again,
            )
        ) from error
    if not names or not all(isinstance(name, str) and _MODEL_NAME.fullmatch(name) for name in names):
        raise InputError(tr("{path}: names no fold models; {remedy}", path=path, remedy=again))
    if len(set(names)) < len(names):
        raise InputError(tr("{path}: names a fold model more than once; {remedy}", path=path, remedy=again))
    return [_read_fold(Path(folder, name))[0] for name in names]


def _refuse_pickles(pickles: list[Path], again: str) -> None:
    """Raise an InputError if there are fold models of an earlier version."""
    if pickles:
        raise InputError(
            tr(
                "{path}: is a pickle, in which an earlier version kept fold models; loading one can run any "
                "program, so none is opened; {remedy}",
                path=pickles[0],
                remedy=again,
            )
        )
