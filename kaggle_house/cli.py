"""House prices from the shell: cross-validate a recipe, write a submission, check it."""

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Optional

import numpy as np
import tyro

from d2l_repro.errors import DONE, FAILED, one_line_errors
from d2l_repro.files import writable_folder, write_atomically
from d2l_repro.settings import Settings

from . import kfold, outcome, submission
from .data import load_tables, read_table
from .recipes import RECIPES, REPEATS, Recipe, fitted
from .sweep import SweepOptions, sweep

PROG = "python -m kaggle_house"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DataOptions(Settings):
    """The competition's files."""

    train: Optional[Path] = None  # train.csv; together with --test
    test: Optional[Path] = None  # test.csv
    # auto takes generated houses for missing files
    dataset: Literal["auto", "kaggle_house", "generated"] = "auto"
    # folder that holds kaggle_house/ (else $D2L_REPRO_DATA, the cache, a download)
    data_dir: Optional[Path] = None


@dataclass(frozen=True)
class CrossValidated:
    """What the commands that train have in common."""

    recipe: Literal["book", "article", "tuned"] = "tuned"  # whose settings are the defaults
    settings: Recipe = RECIPES["tuned"]
    folds: kfold.FoldOptions = field(default_factory=kfold.FoldOptions)
    data: DataOptions = field(default_factory=DataOptions)


@dataclass(frozen=True)
class KFold(CrossValidated):
    """Cross-validate a recipe: tables, kfold.json, oof.csv, figures, and the fold models."""

    out: Path = Path("runs/kaggle_house")  # folder for the results
    resume: bool = False  # take the folds that an interrupted run with the same settings has left in --out


@dataclass(frozen=True)
class Submit(CrossValidated):
    """Write a submission, from the average of the fold models or from a refit."""

    # mean of the fold models (scores better), or one on all rows
    method: Literal["average", "refit"] = "average"
    out: Path = Path("submission.csv")  # file to write
    intervals: Optional[Path] = None  # file for 80 and 95 % prediction intervals


@dataclass(frozen=True)
class Sweep(CrossValidated):
    """Try settings drawn at random around a recipe's, all in the same folds: a ranked table, sweep.csv."""

    sweep: SweepOptions = field(default_factory=SweepOptions)
    out: Path = Path("runs/kaggle_house_sweep")  # folder for the table


@dataclass(frozen=True)
class Predict:
    """Predict prices with the models that `kfold` has left."""

    houses: Annotated[Path, tyro.conf.Positional]  # CSV with the competition's columns but SalePrice
    models: Path = Path(
        "runs/kaggle_house"
    )  # folder of the k-fold run; these are pickles: never load a stranger's
    out: Path = Path("predictions.csv")  # file to write


@dataclass(frozen=True)
class Check:
    """Say every fault of a submission (exit code 1), or that there is none."""

    submission: Annotated[Path, tyro.conf.Positional]  # file to check
    test: Optional[Path] = None  # test.csv, whose Ids it has to have; found as the data are without it
    data_dir: Optional[Path] = None  # folder that holds kaggle_house/


def main(argv=None):
    """Entry point; exits with 0 done, 1 the check failed, 2 usage or input, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    with one_line_errors(PROG):
        command = _parse(argv)
        sys.exit(COMMANDS[argv[0]][1](command))


def _parse(argv):
    # tyro shows the values of --recipe as the defaults, which explicit flags then override.
    kinds = {name: kind for name, (kind, _) in COMMANDS.items()}
    if not argv or argv[0] not in kinds:
        return tyro.extras.subcommand_cli_from_dict(kinds, prog=PROG, description=__doc__, args=argv)
    kind, default = kinds[argv[0]], None
    if issubclass(kind, CrossValidated):
        recipe = _named_recipe(argv)
        default = kind(
            recipe=recipe, settings=RECIPES[recipe], folds=kfold.FoldOptions(repeats=REPEATS[recipe])
        )
    flags = ["--no-shuffle" if flag == "--contiguous" else flag for flag in argv[1:]]
    return tyro.cli(
        kind, prog=f"{PROG} {argv[0]}", args=flags, default=default, config=(tyro.conf.OmitArgPrefixes,)
    )


def _named_recipe(argv):
    named = [value for flag, value in zip(argv, argv[1:]) if flag == "--recipe"]
    named += [flag.partition("=")[2] for flag in argv if flag.startswith("--recipe=")]
    return named[0] if named and named[0] in RECIPES else "tuned"


def _tables(options):
    tables = load_tables(options.train, options.test, options.data_dir, options.dataset)
    if tables.stand_in_for:
        log.warning(
            "%s: the competition's files are neither on this machine nor to be downloaded; these are "
            "generated houses, and nothing is compared with published values",
            PROG,
        )
    return tables


def _kfold(command):
    tables = _tables(command.data)
    folder = writable_folder(command.out)
    results, folds = kfold.cross_validate(
        command.settings, tables, command.folds, folder, command.resume, True
    )
    made = outcome.content(results, folds, command.settings, command.folds, tables)
    outcome.save(folder, made, results, folds, command.folds, tables)
    print(f"{outcome.text(made, tables)}\n\nresults, figures and models: {folder}")
    return DONE


def _submit(command):
    tables = _tables(command.data)
    for path in filter(None, (command.out, command.intervals)):
        writable_folder(path.parent)
    results, folds = kfold.cross_validate(command.settings, tables, command.folds, progress=True)
    made = outcome.content(results, folds, command.settings, command.folds, tables)
    if command.method == "average":
        estimators = [result["estimator"] for result in results]
    else:
        rows = np.arange(len(tables.train))
        estimators = [
            fitted(command.settings, tables, rows, seed=command.folds.seed, impl=command.folds.impl)
        ]
    prices = submission.average(estimators, tables.test)
    frame = submission.as_frame(tables.test["Id"], prices)
    faults = submission.faults(frame, tables.test["Id"])
    if faults:
        return _fail(faults, "the submission would be refused")
    write_atomically(command.out, frame.to_csv(index=False))
    if command.intervals:
        true = tables.train["SalePrice"].to_numpy()
        bounds = submission.intervals(prices, true, kfold.out_of_fold(results, folds, len(true)))
        write_atomically(command.intervals, frame.assign(**bounds).to_csv(index=False))
    print(f"{outcome.text(made, tables)}\n\n{len(frame)} prices: {command.out}{outcome.mark(tables)}")
    print("upload: " + submission.UPLOAD.format(path=command.out, recipe=command.recipe))
    return DONE


def _predict(command):
    writable_folder(command.out.parent)
    estimators = kfold.saved_estimators(command.models)
    houses = read_table(command.houses, priced=False)
    frame = submission.as_frame(houses["Id"], submission.average(estimators, houses))
    write_atomically(command.out, frame.to_csv(index=False))
    print(f"{len(frame)} prices: {command.out}")
    return DONE


def _check(command):
    if command.test is None:
        test = load_tables(data_dir=command.data_dir, dataset="kaggle_house").test
    else:
        test = read_table(command.test, priced=False)
    faults = submission.faults(submission.read(command.submission), test["Id"])
    if faults:
        return _fail(faults, command.submission)
    print(f"{command.submission}: {len(test)} rows, no fault")
    return DONE


def _sweep(command):
    tables = _tables(command.data)
    folder = writable_folder(command.out)
    table = sweep(command.settings, tables, command.folds, command.sweep)
    write_atomically(folder / "sweep.csv", table.to_csv(index=False))
    print(
        f"Best first{outcome.mark(tables)}\n{table.head(10).to_string(index=False)}\n\nall: {folder / 'sweep.csv'}"
    )
    return DONE


def _fail(faults, what):
    for fault in faults:
        print(f"{what}: {fault}", file=sys.stderr)
    return FAILED


COMMANDS = {
    "kfold": (KFold, _kfold),
    "submit": (Submit, _submit),
    "predict": (Predict, _predict),
    "check": (Check, _check),
    "sweep": (Sweep, _sweep),
}
