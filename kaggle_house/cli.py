"""Predict house prices: cross-validate a recipe, write a submission, check it."""

import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import tyro

from d2l_repro.errors import DONE, FAILED, InputError, one_line_errors
from d2l_repro.files import Paths, check_outputs, locked_folder, write_atomically
from d2l_repro.results.schema import printable
from d2l_repro.settings import Settings
from d2l_repro.train.loop import TrainingDiverged

from . import cv_report, kfold, submission
from .data import Tables, load_tables, read_table
from .recipes import RECIPES, REPEATS, Recipe, fit_recipe
from .sweep import SweepOptions, sweep

PROG = "python -m kaggle_house"
# Files of `kfold` and `sweep`, which no submission replaces: it may have taken hours to compute them.
RESULTS = ("*.json", "*.npz", "*.svg", "*.png", cv_report.OUT_OF_FOLD, "sweep.csv")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataOptions(Settings):
    """Where the competition's files are."""

    train: Optional[Path] = None  # file of the training table, train.csv; needs --test
    test: Optional[Path] = None  # file of the test table, test.csv; needs --train
    # auto falls back to generated houses where the files are neither found nor reachable
    dataset: Literal["auto", "kaggle_house", "generated"] = "auto"
    # folder that contains kaggle_house/; else $D2L_REPRO_DATA, the cache, or a download
    data_dir: Optional[Path] = None


@dataclass(frozen=True)
class TrainingCommand:
    """Options of all commands that train."""

    recipe: Literal["book", "article", "tuned"] = "tuned"  # recipe whose settings are the defaults below
    settings: Recipe = RECIPES["tuned"]
    folds: kfold.FoldOptions = field(default_factory=kfold.FoldOptions)
    data: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True)
class KFold(TrainingCommand):
    """Cross-validate a recipe: print tables, write kfold.json, oof.csv, figures, and the fold models."""

    out: Path = Path("runs/kaggle_house")  # folder for the results
    resume: bool = False  # reuse folds in --out that an interrupted run with the same settings has finished


@dataclass(frozen=True)
class Submit(TrainingCommand):
    """Write a submission, from the average of the fold models or from one model fitted on all rows."""

    # average: mean of the fold models, which scores better; refit: one model fitted on all training rows
    method: Literal["average", "refit"] = "average"
    out: Path = Path("submission.csv")  # file to write
    intervals: Optional[Path] = None  # file for 80 and 95 % prediction intervals


@dataclass(frozen=True)
class Sweep(TrainingCommand):
    """Try settings drawn at random, all on the same folds, and rank them in sweep.csv."""

    sweep: SweepOptions = field(default_factory=SweepOptions)
    out: Path = Path("runs/kaggle_house_sweep")  # folder for the table


@dataclass(frozen=True)
class Predict:
    """Predict prices with the fold models that `kfold` has saved."""

    houses: Annotated[Path, tyro.conf.Positional]  # CSV file with the competition's columns except SalePrice
    # folder of a complete k-fold run, whose models are used
    models: Path = Path("runs/kaggle_house")
    out: Path = Path("predictions.csv")  # file to write


@dataclass(frozen=True)
class Check:
    """Check a submission: list every error (exit code 1), or report that there is none."""

    submission: Annotated[Path, tyro.conf.Positional]  # file to check
    test: Optional[Path] = None  # test.csv with the expected Ids; by default the competition's file
    data_dir: Optional[Path] = None  # folder that contains kaggle_house/


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command line; exit with 0 done, 1 check failed, 2 usage or input error, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with one_line_errors(PROG):
        command = parse(argv)
        sys.exit(_execute(COMMANDS[argv[0]][1], command))


def _execute(function: Callable[[Any], int], command: Any) -> int:
    try:
        return function(command)
    except TrainingDiverged as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return FAILED


def parse(argv: list[str]) -> Any:
    """Parse the flags into an instance of the command's class.

    The values of --recipe become the defaults, which explicit flags override and --help shows.
    """
    classes = {name: command_cls for name, (command_cls, _) in COMMANDS.items()}
    if not argv or argv[0] not in classes:
        return tyro.extras.subcommand_cli_from_dict(classes, prog=PROG, description=__doc__, args=argv)
    command_cls, default = classes[argv[0]], None
    if issubclass(command_cls, TrainingCommand):
        recipe = _find_recipe(argv)
        folds = kfold.FoldOptions(repeats=REPEATS[recipe])
        default = command_cls(recipe=recipe, settings=RECIPES[recipe], folds=folds)
    flags = ["--no-shuffle" if flag == "--contiguous" else flag for flag in argv[1:]]
    return tyro.cli(
        command_cls,
        prog=f"{PROG} {argv[0]}",
        args=flags,
        default=default,
        config=(tyro.conf.OmitArgPrefixes,),
    )


def _find_recipe(argv):
    """Return the value of --recipe, or "tuned"; tyro reports an unknown value later."""
    values = [value for flag, value in zip(argv, argv[1:]) if flag == "--recipe"]
    values += [flag.partition("=")[2] for flag in argv if flag.startswith("--recipe=")]
    if len(values) > 1:
        raise InputError("--recipe: given more than once; choose one recipe")
    return values[0] if values and values[0] in RECIPES else "tuned"


def _load_tables(options: DataOptions) -> Tables:
    tables = load_tables(options.train, options.test, options.data_dir, options.dataset)
    if tables.stand_in_for:
        log.warning(
            "%s: the competition's files were neither found nor could they be downloaded; using generated "
            "houses, and comparing nothing with published values",
            PROG,
        )
    return tables


def _check_outputs(outputs: Paths, inputs: Paths) -> None:
    """Check that CSV files to write replace neither an input nor the results of another command."""
    for flag, path in outputs.items():
        name = os.path.basename(os.path.realpath(path)) if path and os.path.exists(path) else ""
        if any(fnmatch(name, pattern) for pattern in RESULTS):
            raise InputError(f"{flag}: {path} is a result of `kfold` or `sweep`; name another file")
    check_outputs(outputs, inputs)


def _cross_validate(command: TrainingCommand, tables: Tables, **storage: Any):
    """Return the results, the folds and the report of a cross-validation."""
    results, folds = kfold.cross_validate(command.settings, tables, command.folds, progress=True, **storage)
    report = cv_report.build_report(results, folds, command.settings, command.folds, tables)
    return results, folds, report


def _kfold(command: KFold) -> int:
    tables = _load_tables(command.data)
    with locked_folder(command.out) as folder:
        check_outputs({"--out": folder / cv_report.OUT_OF_FOLD}, tables.files)
        results, folds, report = _cross_validate(command, tables, folder=folder, resume=command.resume)
        cv_report.save_report(folder, report, results, folds, command.folds, tables)
    print(f"{cv_report.format_report(report, tables)}\n\nresults, figures and models: {folder}")
    return DONE


def _submit(command: Submit) -> int:
    tables = _load_tables(command.data)
    _check_outputs({"--out": command.out, "--intervals": command.intervals}, tables.files)
    results, folds, report = _cross_validate(command, tables)
    if command.method == "average":
        estimators = [result["estimator"] for result in results]
    else:
        rows = np.arange(len(tables.train))
        estimators = [
            fit_recipe(command.settings, tables, rows, seed=command.folds.seed, impl=command.folds.impl)
        ]
    prices = submission.average_predictions(estimators, tables.test)
    frame = submission.submission_frame(tables.test["Id"], prices)
    errors = submission.find_errors(frame, tables.test["Id"])
    if errors:
        return _print_errors(errors, "the submission would be rejected")
    write_atomically(command.out, frame.to_csv(index=False))
    if command.intervals:
        true_prices = tables.train["SalePrice"].to_numpy()
        out_of_fold = kfold.out_of_fold(results, folds, len(true_prices))
        bounds = submission.intervals(prices, true_prices, out_of_fold)
        write_atomically(command.intervals, frame.assign(**bounds).to_csv(index=False))
    note = cv_report.generated_note(tables)
    print(f"{cv_report.format_report(report, tables)}\n\n{len(frame)} prices: {command.out}{note}")
    path = shlex.quote(str(command.out))
    print(f"upload: {submission.UPLOAD.format(path=path, recipe=command.recipe)}")
    return DONE


def _predict(command: Predict) -> int:
    _check_outputs({"--out": command.out}, {"the file of houses": command.houses})
    estimators = kfold.load_estimators(command.models)
    houses = read_table(command.houses, has_price=False)
    prices = submission.average_predictions(estimators, houses)
    for row in np.flatnonzero(~np.isfinite(prices))[:1]:
        raise InputError(
            f"{command.houses}: the models in {command.models} have no finite price for the house with Id "
            f"{houses['Id'].iloc[row]}; correct its numbers, or run `kfold` again"
        )
    frame = submission.submission_frame(houses["Id"], prices)
    write_atomically(command.out, frame.to_csv(index=False))
    print(f"{len(frame)} prices: {command.out}")
    return DONE


def _check(command: Check) -> int:
    if command.test and command.data_dir:
        raise InputError("--data-dir: without meaning beside --test; give one of them")
    if command.test is None:
        test = load_tables(data_dir=command.data_dir, dataset="kaggle_house").test
    else:
        test = read_table(command.test, has_price=False)
    errors = submission.find_errors(submission.read_submission(command.submission), test["Id"])
    if errors:
        return _print_errors(errors, command.submission)
    print(f"{printable(str(command.submission))}: {len(test)} rows, no errors")
    return DONE


def _sweep(command: Sweep) -> int:
    tables = _load_tables(command.data)
    with locked_folder(command.out) as folder:
        check_outputs({"--out": folder / "sweep.csv"}, tables.files)
        table = sweep(command.settings, tables, command.folds, command.sweep)
        write_atomically(folder / "sweep.csv", table.to_csv(index=False, na_rep="nan"))
    if table["valid"].isna().all():
        print(f"{PROG}: every trial diverged; try a smaller --lr", file=sys.stderr)
        return FAILED
    print(f"Best first{cv_report.generated_note(tables)}\n{table.head(10).to_string(index=False)}")
    print(f"\nall trials: {folder / 'sweep.csv'}")
    return DONE


def _print_errors(errors, subject):
    for error in errors:
        print(f"{printable(str(subject))}: {error}", file=sys.stderr)
    return FAILED


COMMANDS = {
    "kfold": (KFold, _kfold),
    "submit": (Submit, _submit),
    "predict": (Predict, _predict),
    "check": (Check, _check),
    "sweep": (Sweep, _sweep),
}
