"""Run the commands: load the houses, compute, write the results, and name the next command.

Each function returns an exit code.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from d2l_repro.errors import DONE, FAILED, InputError
from d2l_repro.files import Paths, check_outputs, is_special, locked_folder, write_atomically
from d2l_repro.language import tr
from d2l_repro.parallel import Where
from d2l_repro.results import plot
from d2l_repro.results.schema import printable
from d2l_repro.results.table_text import as_frame, frame_text

from . import cv_report, explain_report, fold_store, kfold, submission, submission_log
from .data import Tables, load_tables
from .explain import CompleteRun
from .options import (
    Check,
    DataOptions,
    Explain,
    KFold,
    Log,
    Predict,
    Submit,
    Sweep,
    TrainingCommand,
    changed_flags,
)
from .reading import read_table
from .recipes import closest_recipe, fit_recipe
from .settings import LOG_NAME, PROG
from .sweep import sweep

# Files of other commands, which no submission replaces: it may have taken hours to compute them.
RESULTS = (
    "*.json", "*.npz", "*.svg", "*.png", cv_report.OUT_OF_FOLD, cv_report.CARD, "sweep.csv",
    LOG_NAME,
)  # fmt: skip
log = logging.getLogger(__name__)


def _load_tables(options: DataOptions) -> Tables:
    tables = load_tables(**asdict(options))
    if tables.stand_in_for:
        log.warning(
            tr(
                "{prog}: using generated houses, and comparing nothing with published values: {reason}",
                prog=PROG,
                reason=tables.unavailable,
            )
        )
    return tables


def _check_outputs(outputs: Paths, inputs: Paths) -> None:
    """Check that CSV files to write replace neither an input nor the results of another command."""
    for flag, path in outputs.items():
        name = os.path.basename(os.path.realpath(path)) if path and os.path.exists(path) else ""
        if any(fnmatch(name, pattern) for pattern in RESULTS):
            raise InputError(
                tr("{flag}: {path} is a result of another command; name another file", flag=flag, path=path)
            )
    check_outputs(outputs, inputs)


def _print_next(*words: object) -> None:
    """Print the line with which each command names the one that usually follows."""
    print(_next(f"{PROG} {shlex.join(map(str, words))}"))


def _next(command: str) -> str:
    return tr("next: {command}", command=command)


def _flag(name: str, value: object, default: object) -> list[object]:
    """Return a flag with its value, or nothing if that is the default."""
    return [] if str(value) == str(default) else [name, value]


def run_kfold(command: KFold) -> int:
    """Cross-validate a recipe, and write everything about it."""
    tables = _load_tables(command.data)
    with locked_folder(command.out) as folder:
        check_outputs({"--out": folder / cv_report.OUT_OF_FOLD}, tables.files)
        results, folds, report = _cross_validate(command, tables, folder, resume=command.resume)
        explain_report.remove(folder)
        cv_report.save_report(folder, report, results, folds, command.folds, tables)
    print(cv_report.format_report(report, tables))
    print(f"\n{tr('results, figures, models and model card: {folder}', folder=folder)}")
    models = _flag("--models", folder, Explain().models)
    _print_next("explain", *models, *changed_flags(command.data, DataOptions()))
    return DONE


def _cross_validate(command: TrainingCommand, tables: Tables, folder: Path | None, **storage: Any):
    """Return the results, the folds and the report of a cross-validation."""
    results, folds = kfold.cross_validate(
        command.settings, tables, command.folds, folder, progress=True, **storage
    )
    report = cv_report.build_report(results, folds, command.settings, command.folds, tables)
    return results, folds, report


def run_explain(command: Explain) -> int:
    """Explain a complete run of `kfold`, and write the explanation beside its results."""
    tables = _load_tables(command.data)
    with locked_folder(command.models, "--models") as folder:
        run = CompleteRun.load(folder, tables)
        found = explain_report.explain(
            run, command.permutations, command.learning_curve, Where(command.jobs, command.cluster)
        )
        explain_report.save(found, run, folder)
    print(explain_report.format_explanation(found, run))
    print(f"\n{tr('figures and model card: {folder}', folder=folder)}")
    recipe = closest_recipe(run.recipe)
    same = TrainingCommand(recipe, run.recipe, run.options, command.data)  # type: ignore[arg-type]
    _print_next("submit", *same.flags(), *_flag("--models", folder, Submit().models))
    return DONE


def run_submit(command: Submit) -> int:
    """Write a submission, and log it."""
    tables = load_tables(**asdict(command.data))
    if tables.stand_in_for:
        raise InputError(
            tr(
                "no houses to submit prices of: {reason}; put the files there, or try this out with "
                "--dataset generated",
                reason=tables.unavailable,
            )
        )
    _check_outputs({"--out": command.out, "--intervals": command.intervals}, tables.files)
    log_path = _log_path(command, tables)
    results, folds, report = _cross_validate(command, tables, command.models, resume=True, save=False)
    frame = _predicted(command, tables, [result["estimator"] for result in results])
    errors = submission.find_errors(frame, tables.test["Id"])
    if errors:
        return _print_errors(errors, tr("the submission would be rejected"))
    content = frame.to_csv(index=False)
    write_atomically(command.out, content)
    if command.intervals:
        true_prices = tables.train["SalePrice"].to_numpy()
        out_of_fold = kfold.out_of_fold(results, folds, len(true_prices))
        bounds = submission.intervals(frame["SalePrice"].to_numpy(), true_prices, out_of_fold)
        write_atomically(command.intervals, frame.assign(**bounds).to_csv(index=False))
    note = cv_report.generated_note(tables)
    print(cv_report.format_report(report, tables))
    num_saved = sum("model" in result for result in results)
    if num_saved:
        saved = tr(
            "{count} of {total} folds: as `kfold` has saved them in {folder}",
            count=num_saved,
            total=len(results),
            folder=command.models,
        )
        print(f"\n{saved}")
    print(f"\n{tr('{count} prices: {path}', count=len(frame), path=command.out)}{note}")
    prices = tables.train["SalePrice"]
    suspicions = submission.find_suspicions(frame, prices.min(), prices.max())
    _print_errors([*submission.find_wrong_unit(frame), *suspicions], _warning(command.out))
    if tables.name == "generated":
        print(tr("next: the same with the competition's train.csv and test.csv, without --dataset generated"))
        return DONE
    print(tr("upload: {command}", command=_upload(command.out, f"d2l_repro, {command.recipe}")))
    if log_path:
        entry = submission_log.new_entry(
            command.out, content, command.recipe, command.settings, command.folds, command.method, report
        )
        submission_log.append(log_path, entry)
        print(tr("log: {path}", path=log_path))
        _print_next("log", "--score", "SCORE", *_flag("--log", log_path, Log().log))
    return DONE


def _predicted(command: Submit, tables: Tables, estimators: list[Any]) -> pd.DataFrame:
    """Return the submission: of the folds' models, or of one that is fitted on all rows."""
    if command.method == "refit":
        rows = np.arange(len(tables.train))
        estimators = [
            fit_recipe(command.settings, tables, rows, seed=command.folds.seed, impl=command.folds.impl)
        ]
    prices = submission.average_predictions(estimators, tables.test)
    return submission.submission_frame(tables.test["Id"], prices)


def _upload(path: Path, message: str) -> str:
    return submission.UPLOAD.format(path=shlex.quote(str(path)), message=shlex.quote(message))


def _log_path(command: Submit, tables: Tables) -> Path | None:
    """Return the log of the submission, checked before any work is done; None if there is nothing to log."""
    if tables.name == "generated":
        if command.log:
            raise InputError(tr("--log: prices of generated houses are not submitted; leave it out"))
        return None
    if command.log is None and is_special(command.out):
        return None  # /dev/stdout
    path = command.log or command.out.with_name(LOG_NAME)
    outputs = {"--out": command.out, "--intervals": command.intervals}
    check_outputs({"--log": path}, {**outputs, **tables.files})
    submission_log.read_log(path)
    return path


def run_predict(command: Predict) -> int:
    """Predict with the models of `kfold`."""
    _check_outputs({"--out": command.out}, {tr("the file of houses"): command.houses})
    estimators = fold_store.load_estimators(command.models)
    houses = read_table(command.houses, has_price=False)
    prices = submission.average_predictions(estimators, houses)
    for row in np.flatnonzero(~np.isfinite(prices))[:1]:
        raise InputError(
            tr(
                "{path}: the models in {models} have no finite price for the house with Id {id}; correct its "
                "numbers, or run `kfold` again",
                path=command.houses,
                models=command.models,
                id=houses["Id"].iloc[row],
            )
        )
    frame = submission.submission_frame(houses["Id"], prices)
    write_atomically(command.out, frame.to_csv(index=False))
    print(tr("{count} prices: {path}", count=len(frame), path=command.out))
    _print_next("check", command.out, "--test", command.houses)
    return DONE


def run_check(command: Check) -> int:
    """Check a submission."""
    if command.test and command.data_dir:
        raise InputError(tr("--data-dir: without meaning beside --test; give one of them"))
    test, price_range = _expected(command)
    frame = submission.read_submission(command.submission)
    errors = submission.find_errors(frame, test["Id"]) or submission.find_wrong_unit(frame)
    if errors:
        _print_errors(errors, command.submission)
        print(tr("next: correct the file, and check it again"), file=sys.stderr)
        return FAILED
    _print_errors(submission.find_suspicions(frame, *price_range), _warning(command.submission))
    path = printable(str(command.submission))
    print(tr("{path}: {count} rows, no errors", path=path, count=len(test)))
    print(_next(printable(_upload(command.submission, "d2l_repro"))))
    return DONE


def _expected(command: Check) -> tuple[pd.DataFrame, tuple[float, float]]:
    """Return the test table, and the range of the training prices."""
    if command.test is not None:
        return read_table(command.test, has_price=False), submission.PRICE_RANGE
    tables = load_tables(data_dir=command.data_dir)
    if tables.stand_in_for:
        raise InputError(tr("{reason}; name the file of the houses with --test", reason=tables.unavailable))
    prices = tables.train["SalePrice"]
    return tables.test, (prices.min(), prices.max())


def run_sweep(command: Sweep) -> int:
    """Try settings, and rank them."""
    tables = _load_tables(command.data)
    with locked_folder(command.out) as folder:
        check_outputs({"--out": folder / "sweep.csv"}, tables.files)
        table = sweep(
            command.settings, tables, command.folds, command.sweep, folder, command.resume, progress=True
        )
        write_atomically(folder / "sweep.csv", table.to_csv(index=False, na_rep="nan"))
    if table["valid"].isna().all():
        print(f"{PROG}: {tr('every trial diverged; try a smaller --lr')}", file=sys.stderr)
        return FAILED
    print(f"{tr('Best first')}{cv_report.generated_note(tables)}\n{table.head(10).to_string(index=False)}")
    print(f"\n{tr('all trials: {path}', path=folder / 'sweep.csv')}")
    _print_next("kfold", *_best(command, table).flags())
    return DONE


def _best(command: Sweep, table: pd.DataFrame) -> TrainingCommand:
    """Return the command's options with the settings of the best trial."""
    row = table.iloc[0]
    names = [name for name in table.columns if hasattr(command.settings, name)]
    found = {name: type(getattr(command.settings, name))(row[name]) for name in names}
    return TrainingCommand(command.recipe, command.settings.replace(**found), command.folds, command.data)


def run_log(command: Log) -> int:
    """Record a score, and show the log of submissions."""
    if command.submission and command.score is None:
        raise InputError(tr("--submission: without meaning unless there is a --score to record; give both"))
    if command.score is not None:
        entry = submission_log.record_score(command.log, command.score, command.submission)
        recorded = tr(
            "{file}, of {time}: {score}", file=entry["file"], time=entry["time"], score=f"{command.score:g}"
        )
        print(f"{recorded}\n")
    entries = submission_log.read_log(command.log)
    if not entries:
        raise InputError(
            tr("{path}: no such log; run `submit` first, or name its log with --log", path=command.log)
        )
    print(frame_text(as_frame(submission_log.format_log(entries))))
    if any(entry["score"] is not None for entry in entries):
        folder = command.log.parent
        plot.save({"submissions": submission_log.draw(entries)}, folder)
        print(f"\n{tr('figure: {path}', path=folder / 'submissions.svg')}")
    if all(entry["score"] is None for entry in entries):
        _print_next("log", "--score", "SCORE", *_flag("--log", command.log, Log().log))
    else:
        _print_next("sweep")
    return DONE


def _warning(path: Path) -> str:
    return tr("warning: {path}", path=path)


def _print_errors(errors, subject):
    for error in errors:
        print(f"{printable(str(subject))}: {error}", file=sys.stderr)
    return FAILED
