"""Tests of k-fold, submissions and commands on few generated houses; published means on the real ones."""

import json
import logging
import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV

from d2l_repro.errors import InputError
from d2l_repro.results.history import History
from d2l_repro.train.arrays import read_arrays, write_arrays
from d2l_repro.train.loop import TrainingDiverged
from kaggle_house import cli, cv_report, features, fold_store, kfold, submission
from kaggle_house.data import Tables, load_tables
from kaggle_house.generated import generated_tables
from kaggle_house.model import GluonRegressor
from kaggle_house.recipes import ARTICLE, BLEND, BOOK, RECIPES, TUNED, fit_recipe, log_rmse
from kaggle_house.sweep import SweepOptions, search_space, sweep

TRAIN, TEST = generated_tables()
FEW = Tables(TRAIN.head(150), TEST.head(40), name="generated")
QUICK = TUNED.replace(num_epochs=3, num_hiddens=8)
ROOT = Path(__file__).parents[2]


def main(*argv):
    """Run the command line, and return its exit code."""
    with pytest.raises(SystemExit) as exit_info:
        cli.main([str(value) for value in argv])
    return exit_info.value.code


@pytest.fixture
def files(tmp_path):
    """Return --train and --test with files of few generated houses."""
    for frame, name in ((FEW.train, "train.csv"), (FEW.test, "test.csv")):
        frame.to_csv(tmp_path / name, index=False, na_rep="NA")
    return ["--train", tmp_path / "train.csv", "--test", tmp_path / "test.csv"]


FAST = ["--num-epochs", "3", "--num-hiddens", "8", "--num-nets", "1"]


@given(
    rows=st.integers(4, 200),
    k=st.integers(2, 12),
    shuffle=st.booleans(),
    stratify=st.booleans(),
    repeats=st.integers(1, 3),
)
def test_split_scores_every_row_once_per_repeat_and_never_trains_on_it(rows, k, shuffle, stratify, repeats):
    options = kfold.FoldOptions(k=k, repeats=repeats, stratify=stratify)
    prices = np.random.RandomState(rows).lognormal(12, 0.4, rows)
    if k > rows or (stratify and not shuffle):
        with pytest.raises(InputError, match=r"--k|--stratify"):
            kfold.split(prices, options, shuffle)
        return
    folds = kfold.split(prices, options, shuffle)
    assert len(folds) == k * repeats
    for repeat in range(repeats):
        scored = np.concatenate([fold.valid_rows for fold in folds if fold.repeat == repeat])
        assert sorted(scored) == list(range(rows))
    for fold in folds:
        assert not set(fold.train_rows) & set(fold.valid_rows)
        if not shuffle:
            assert np.all(np.diff(fold.valid_rows) == 1)


def test_split_stratified_gives_folds_similar_prices():
    prices = TRAIN["SalePrice"].to_numpy()

    def spread(stratify):
        folds = kfold.split(prices, kfold.FoldOptions(stratify=stratify), True)
        return np.std([np.log(prices[fold.valid_rows]).mean() for fold in folds])

    assert spread(True) < spread(False) / 2


def test_summary_has_means_sample_deviations_and_geometric_means_of_out_of_fold_predictions():
    prices = TRAIN["SalePrice"].to_numpy()[:4]
    folds = kfold.split(prices, kfold.FoldOptions(k=2, repeats=2), shuffle=True)
    valid, ridge = [0.1, 0.2, 0.4, 0.5], [0.3, 0.1, 0.2, 0.2]
    results = [
        {
            **{"repeat": fold.repeat, "fold": fold.number, "clipped": 0, "seconds": 1.0},
            **{"train": valid[i] / 2, "valid": valid[i]},
            "baselines": {"mean": 1.0, "ridge": ridge[i]},
            "predictions": prices[fold.valid_rows] * (4.0 if fold.repeat else 1.0),
            "baseline_predictions": {"mean": prices[fold.valid_rows] * 2, "ridge": prices[fold.valid_rows]},
        }
        for i, fold in enumerate(folds)
    ]
    # In the second repeat every price is predicted four times as high: on geometric average, twice.
    np.testing.assert_allclose(kfold.out_of_fold(results, folds, 4), 2 * prices)
    found = kfold.summarize(
        results, folds, QUICK, kfold.FoldOptions(k=2, repeats=2), Tables(TRAIN.head(4), TEST.head(2))
    )
    assert found["out_of_fold"] == pytest.approx(np.log(2))
    assert found["mean"] == pytest.approx({"train": 0.15, "valid": 0.3})
    deviation = np.std(valid, ddof=1)
    assert found["std"] == pytest.approx({"train": deviation / 2, "valid": deviation})
    difference = np.subtract(valid, ridge)
    assert found["baselines"]["ridge"] == pytest.approx(
        {
            "valid": 0.2,
            "std": np.std(ridge, ddof=1),
            "difference": difference.mean(),
            "difference_std": np.std(difference, ddof=1),
            # Of every resample of the houses: ridge has no errors, the recipe is off by log 2 everywhere.
            "difference_low": np.log(2),
            "difference_high": np.log(2),
        }
    )
    assert found["meaning"]["mean"] == pytest.approx(
        dict.fromkeys(("score", "low", "high"), np.log(2)) | {"half": 1, "nine_tenths": 1}
    )


def test_cross_validate_in_parallel_gives_the_same_bits():
    serial, _ = kfold.cross_validate(QUICK, FEW, kfold.FoldOptions(k=3))
    parallel, _ = kfold.cross_validate(QUICK, FEW, kfold.FoldOptions(k=3, jobs=2))
    for a, b in zip(serial, parallel):
        np.testing.assert_array_equal(a["predictions"], b["predictions"])
        assert (a["train"], a["valid"], a["history"]["valid_log_rmse"]) == (
            b["train"],
            b["valid"],
            b["history"]["valid_log_rmse"],
        )
        assert a["baselines"] == pytest.approx(b["baselines"])


def test_cross_validate_resumes_only_folds_with_the_same_settings_and_data(tmp_path, monkeypatch):
    options = kfold.FoldOptions(k=3)
    first, _ = kfold.cross_validate(QUICK, FEW, options, tmp_path)
    (tmp_path / first[1]["model"]).unlink()
    folds_run = []
    original = kfold.run_fold
    monkeypatch.setattr(kfold, "run_fold", lambda *args: folds_run.append(args[2].number) or original(*args))
    resumed, _ = kfold.cross_validate(QUICK, FEW, options, tmp_path, resume=True)
    assert folds_run == [2]
    for a, b in zip(first, resumed):
        np.testing.assert_array_equal(a["predictions"], b["predictions"])

    # Which folds run is all that is left to see, so they need no training.
    monkeypatch.setattr(
        kfold, "run_fold", lambda *args: folds_run.append(args[2].number) or first[args[2].number - 1]
    )
    other_tables = Tables(FEW.train.assign(LotArea=1.0), FEW.test, name="generated")
    for recipe, tables, expected in [
        (QUICK, FEW, []),
        (QUICK.replace(lr=0.01), FEW, [1, 2, 3]),
        (QUICK.replace(lr=0.01), other_tables, [1, 2, 3]),
        (QUICK.replace(lr=0.01), other_tables, []),
    ]:
        folds_run.clear()
        kfold.cross_validate(recipe, tables, options, tmp_path, resume=True)
        assert folds_run == expected


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a complete run with two folds."""
    folder = tmp_path_factory.mktemp("run")
    options = kfold.FoldOptions(k=2)
    results, folds = kfold.cross_validate(QUICK, FEW, options, folder)
    report = kfold.summarize(results, folds, QUICK, options, FEW)
    (folder / "kfold.json").write_text(json.dumps(report))
    return folder


@pytest.fixture
def damaged(run, tmp_path):
    """Return a copy of that folder."""
    return shutil.copytree(run, tmp_path / "damaged")


@pytest.mark.parametrize("recipe", [QUICK, BOOK.replace(num_epochs=1)])
def test_load_estimators_predicts_the_bits_of_the_fitted_ones(tmp_path, recipe):
    options = kfold.FoldOptions(k=2)
    results, folds = kfold.cross_validate(recipe, FEW, options, tmp_path)
    (tmp_path / "kfold.json").write_text(json.dumps(kfold.summarize(results, folds, recipe, options, FEW)))
    for result, loaded in zip(results, fold_store.load_estimators(tmp_path)):
        for houses in (FEW.test, TRAIN.tail(50).assign(Neighborhood="Elsewhere", LotFrontage=np.nan)):
            np.testing.assert_array_equal(loaded.predict(houses), result["estimator"].predict(houses))
        names = loaded[0].get_feature_names_out()
        assert names.tolist() == result["estimator"][0].get_feature_names_out().tolist()


def test_load_estimators_uses_only_the_models_of_the_last_complete_run(damaged):
    before = [model.predict(FEW.test) for model in fold_store.load_estimators(damaged)]
    # a run with other settings that did not get to its end
    kfold.cross_validate(QUICK.replace(num_epochs=1), FEW, kfold.FoldOptions(k=3), damaged)
    assert len(list(damaged.glob("folds/*.npz"))) == 5
    np.testing.assert_array_equal(
        [model.predict(FEW.test) for model in fold_store.load_estimators(damaged)], before
    )


def test_predict_refuses_a_house_without_a_finite_price(damaged, tmp_path, capsys):
    houses = FEW.test.head(3)
    houses.to_csv(tmp_path / "h.csv", index=False, na_rep="NA")
    for path in damaged.glob("folds/*.npz"):
        arrays, about = read_arrays(path)
        about["net"]["mean"] = 1e308
        write_arrays(path, arrays, about)
    assert main("predict", tmp_path / "h.csv", "--models", damaged, "--out", tmp_path / "p.csv") == 2
    assert f"no finite price for the house with Id {houses['Id'].iloc[0]}" in capsys.readouterr().err
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no results of a complete run"),
        ('{"folds": [{"valid": 0.1}]}', "was written by an earlier version or is damaged; run"),
        ("[" * 100_000, "damaged"),
        ('{"folds": [{"model": "../../x.npz"}]}', "names no fold models"),
        ('{"folds": []}', "names no fold models"),
        ('{"folds": [{"model": "folds/0-1-0.npz"}]}', "not a readable fold model"),
    ],
)
def test_load_estimators_reports_a_folder_without_its_models(damaged, content, message):
    (damaged / "kfold.json").unlink()
    if content is not None:
        (damaged / "kfold.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        fold_store.load_estimators(damaged)
    assert "again" in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    """An object whose pickle ends the program."""

    def __reduce__(self):
        return os._exit, (9,)


@pytest.mark.parametrize("content", [None, '{"folds": [{"valid": 0.1}]}'])
def test_load_estimators_refuses_the_pickles_of_an_earlier_version_unopened(tmp_path, content):
    (tmp_path / "folds").mkdir()
    joblib.dump(Evil(), tmp_path / "folds" / "0-1.joblib")
    if content is not None:
        (tmp_path / "kfold.json").write_text(content)
    with pytest.raises(InputError, match=r"0-1\.joblib: is a pickle, .* run `kfold --out .*` again"):
        fold_store.load_estimators(tmp_path)


def test_load_estimators_opens_no_pickle_under_the_name_of_a_model(damaged):
    path = sorted(damaged.glob("folds/*.npz"))[0]
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match=r"npz: not a readable fold model \(.*\); run `kfold` again"):
        fold_store.load_estimators(damaged)


FAULTS = {
    "a pickle": lambda arrays, about: arrays.update(weights_0=np.array([Evil()], dtype=object)),
    "nan": lambda arrays, about: arrays.update(weights_1=np.full_like(arrays["weights_1"], np.nan)),
    "shape": lambda arrays, about: arrays.update(weights_1=arrays["weights_1"][:-1]),
    "no array": lambda arrays, about: arrays.pop("weights_4"),
    "texts": lambda arrays, about: arrays.update(weights_2=np.array(["a"])),
    "recipe": lambda arrays, about: about["recipe"].update(lr="high"),
    "escapes": lambda arrays, about: about["recipe"].update(schedule="\x1b[31m\ud800" + "x" * 9999),
    "level twice": lambda arrays, about: about["features"]["levels"]["levels_"].update(
        Alley=["Pave", "Pave"]
    ),
    "no scores": lambda arrays, about: about["scores"].pop("valid"),
    "no recipe": lambda arrays, about: about.pop("recipe"),
    "implementation": lambda arrays, about: about.update(impl="torch"),
    "scale": lambda arrays, about: about["net"].update(scale=0),
    "infinite scale": lambda arrays, about: about["net"].update(scale=np.inf),
    "net's mean": lambda arrays, about: about["net"].update(mean=np.nan),
    "huge mean": lambda arrays, about: about["net"].update(mean=10**400),
    "huge number": lambda arrays, about: about["features"]["numbers"][0].update(median_frontage_=10**400),
    "infinite number": lambda arrays, about: about["features"]["numbers"][0].update(median_frontage_=np.inf),
    "huge score": lambda arrays, about: about["scores"].update(valid=10**400),
    "another fold": lambda arrays, about: about.update(key="0" * 32),
    "no key": lambda arrays, about: about.pop("key"),
    "history": lambda arrays, about: about["net"].update(history=[{"epoch": 2, "train_loss": 1.0}]),
    "mean": lambda arrays, about: about["features"]["numbers"][3].update(mean_={"LotArea": 1.0}),
    "number": lambda arrays, about: about["features"]["numbers"][0].update(median_frontage_="70"),
    "name": lambda arrays, about: about["features"]["numbers"][1].update(skewed_=["NoSuch"]),
    "level": lambda arrays, about: about["features"]["levels"]["levels_"].pop("MSZoning"),
    "levels": lambda arrays, about: about["features"]["levels"]["levels_"].update(MSZoning=[1, 2]),
    "transformer": lambda arrays, about: about["features"]["numbers"].pop(),
}


ONLY_RESUMING = ("no scores", "huge score")  # faults in what `predict` does not need


def damage(folder, fault):
    path = sorted(folder.glob("folds/*.npz"))[0]
    arrays, about = read_arrays(path)
    FAULTS[fault](arrays, about)
    write_arrays(path, arrays, about)
    return path


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ONLY_RESUMING])
def test_load_estimators_refuses_models_that_are_wrong(damaged, fault):
    damage(damaged, fault)
    with pytest.raises(
        InputError, match=r"npz: not a readable fold model \(.*\); run `kfold` again"
    ) as caught:
        fold_store.load_estimators(damaged)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("fault", ["a pickle", *ONLY_RESUMING, "another fold", "truncated"])
def test_cross_validate_computes_damaged_folds_again(damaged, fault, monkeypatch):
    path = damage(damaged, "nan" if fault == "truncated" else fault)
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    computed = []
    original = kfold.run_fold
    monkeypatch.setattr(kfold, "run_fold", lambda *args: computed.append(args[2].number) or original(*args))
    kfold.cross_validate(QUICK, FEW, kfold.FoldOptions(k=2), damaged, resume=True)
    assert computed == [1]
    fold_store.load_estimators(damaged)


def test_cross_validate_and_load_estimators_refuse_folds_whose_files_were_swapped(damaged, monkeypatch):
    one, two = sorted(damaged.glob("folds/*.npz"))
    contents = one.read_bytes(), two.read_bytes()
    two.write_bytes(contents[0])
    one.write_bytes(contents[1])
    with pytest.raises(InputError, match="it belongs to another fold or another run"):
        fold_store.load_estimators(damaged)
    computed = []
    original = kfold.run_fold
    monkeypatch.setattr(kfold, "run_fold", lambda *args: computed.append(args[2].number) or original(*args))
    kfold.cross_validate(QUICK, FEW, kfold.FoldOptions(k=2), damaged, resume=True)
    assert computed == [1, 2]
    fold_store.load_estimators(damaged)


def test_load_estimators_refuses_a_model_that_is_named_twice(damaged):
    report = json.loads((damaged / "kfold.json").read_text())
    (damaged / "kfold.json").write_text(json.dumps({"folds": report["folds"][:1] * 2}))
    with pytest.raises(InputError, match=r"kfold\.json: names a fold model more than once; run"):
        fold_store.load_estimators(damaged)


@pytest.mark.parametrize("jobs", [1, 2])
def test_kfold_names_the_fold_that_diverges_and_keeps_those_before(
    files, tmp_path, capsys, monkeypatch, jobs
):
    if jobs == 1:  # so that only the second fold diverges
        original = kfold.fit_recipe

        def fit(recipe, *args, **options):
            lr = 1e17 if args[2][0] else recipe.lr
            return original(recipe.replace(lr=lr), *args, **options)

        monkeypatch.setattr(kfold, "fit_recipe", fit)
    lr = ["--lr", 1e17] if jobs == 2 else []
    command = ["kfold", *files, *FAST, *lr, "--k", 2, "--contiguous", "--jobs", jobs, "--out", tmp_path]
    assert main(*command) == 1
    error = capsys.readouterr().err
    # In parallel either fold may be the first to fail.
    assert re.search(r"fold [12] of repeat 0: training diverged" if jobs == 2 else "fold 2 of", error)
    assert error.count("\n") == 1
    assert len(list(tmp_path.glob("folds/*.npz"))) == 2 - jobs


def test_fit_recipe_tuned_learns_nothing_from_other_rows_or_the_test_file():
    changed = Tables(
        FEW.train.copy(), FEW.test.assign(GrLivArea=1.0, Neighborhood="Elsewhere"), name="generated"
    )
    changed.train.loc[:49, ["GrLivArea", "SalePrice", "LotFrontage"]] = 1.0, 10.0, 300.0
    rows = np.arange(50, 150)
    a, b = (fit_recipe(QUICK, tables, rows).predict(FEW.train) for tables in (FEW, changed))
    np.testing.assert_array_equal(a, b)


def test_cross_validate_prepares_the_books_columns_once(monkeypatch):
    tables = Tables(FEW.train, FEW.test, name="generated")
    fitted = []
    original = features.HouseFeatures.fit
    monkeypatch.setattr(
        features.HouseFeatures, "fit", lambda self, X: fitted.append(len(X)) or original(self, X)
    )
    results = [fit_recipe(BOOK.replace(num_epochs=1), tables, np.arange(50 + i)) for i in range(2)]
    assert fitted == [190]
    # Each fold has its own, which may be fitted again.
    results[0][0].fit(FEW.train.head(20))
    np.testing.assert_array_equal(
        results[1].predict(FEW.test),
        fit_recipe(BOOK.replace(num_epochs=1), FEW, np.arange(51)).predict(FEW.test),
    )


def test_cross_validate_book_recipe_agrees_between_scratch_and_gluon():
    recipe = BOOK.replace(num_epochs=30)

    def valid_scores(impl):
        results, _ = kfold.cross_validate(recipe, FEW, kfold.FoldOptions(k=2, impl=impl))
        return [result["valid"] for result in results]

    np.testing.assert_allclose(valid_scores("scratch"), valid_scores("gluon"), atol=1e-4)


def test_log_rmse_counts_predictions_below_a_dollar_as_a_dollar():
    assert log_rmse(np.array([np.e]), np.array([-5.0])) == pytest.approx(1)
    results, _ = kfold.cross_validate(BOOK.replace(num_epochs=1, lr=1e-9), FEW, kfold.FoldOptions(k=2))
    assert sum(result["clipped"] for result in results) > 0


def test_kfold_writes_results_figures_and_models(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert main("kfold", *files, *FAST, "--k", 2, "--repeats", 2, "--out", out) == 0
    report = json.loads((out / "kfold.json").read_text())
    assert len(report["folds"]) == 4
    assert {"train", "valid"} <= report["folds"][0].keys()
    valid = [fold["valid"] for fold in report["folds"]]
    assert report["mean"]["valid"] == pytest.approx(np.mean(valid))
    assert report["std"]["valid"] == pytest.approx(np.std(valid, ddof=1))
    ridge = report["baselines"]["ridge"]
    assert ridge["difference"] == pytest.approx(report["mean"]["valid"] - ridge["valid"])
    assert report["published"] == []
    oof = pd.read_csv(out / "oof.csv")
    assert list(oof.columns) == ["Id", "SalePrice", "true_price", "fold", "fold_1"]
    assert oof["true_price"].tolist() == FEW.train["SalePrice"].tolist()
    for repeat, column in enumerate(("fold", "fold_1")):
        for fold in report["folds"]:
            if fold["repeat"] == repeat:
                assert np.flatnonzero(oof[column] == fold["fold"]).tolist() == fold["valid_rows"]
    assert oof["Id"].tolist() == FEW.train["Id"].tolist()
    score = log_rmse(FEW.train["SalePrice"].to_numpy(), oof["SalePrice"].to_numpy())
    assert score == pytest.approx(report["out_of_fold"])
    for name in ("learning_curves", "predicted_against_true", "residuals", "trials"):
        assert (out / f"{name}.svg").stat().st_size > 1000
        assert (out / f"{name}.png").stat().st_size > 1000
    assert "recipe - model" in capsys.readouterr().out
    assert main("predict", tmp_path / "test.csv", "--models", out, "--out", tmp_path / "p.csv") == 0
    assert submission.find_errors(submission.read_submission(tmp_path / "p.csv"), FEW.test["Id"]) == []


@pytest.mark.parametrize("method", ["average", "refit"])
def test_submit_writes_a_submission_that_check_accepts(files, tmp_path, capsys, method):
    out = tmp_path / "new; folder" / "submission.csv"
    assert (
        main(
            "submit",
            *files,
            *FAST,
            "--k",
            2,
            "--method",
            method,
            "--out",
            out,
            "--intervals",
            tmp_path / "i.csv",
        )
        == 0
    )
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("upload: ")]
    upload = shlex.split(line)
    assert upload[1:4] == ["kaggle", "competitions", "submit"]
    assert upload[upload.index("-f") + 1] == str(out)
    assert main("check", out, "--test", files[3]) == 0
    frame, bounds = pd.read_csv(out), pd.read_csv(tmp_path / "i.csv")
    assert list(frame.columns) == ["Id", "SalePrice"]
    assert frame["SalePrice"].tolist() == bounds["SalePrice"].tolist()
    inside = bounds[["low_95", "low_80", "SalePrice", "high_80", "high_95"]].to_numpy()
    assert (np.diff(inside[:, [0, 1, 3, 4]], axis=1) >= 0).all()
    assert sorted(path.name for path in out.parent.iterdir()) == ["submission.csv", "submissions.csv"]


def test_intervals_have_their_nominal_coverage():
    rng = np.random.RandomState(0)
    true = rng.lognormal(12, 0.4, 4000)
    predicted = true * np.exp(rng.standard_t(4, 4000) * 0.1)
    bounds = submission.intervals(predicted, true, predicted)
    for level in (80, 95):
        covered = np.mean((bounds[f"low_{level}"] <= true) & (true <= bounds[f"high_{level}"]))
        assert covered == pytest.approx(level / 100, abs=0.01)


VALID = pd.DataFrame({"Id": ["1461", "1462", "1463"], "SalePrice": ["1e5", "200000.5", "3"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f, None),
        (
            lambda f: f.rename(columns={"SalePrice": "Price"}),
            "header must be Id,SalePrice, not 'Id,Price'",
        ),
        (lambda f: f[["SalePrice", "Id"]], "Id,SalePrice, not 'SalePrice,Id'"),
        (lambda f: f.assign(extra="1"), "not 'Id,SalePrice,extra'"),
        (lambda f: f.head(2), "there must be 3 rows, not 2"),
        (lambda f: f.iloc[[0, 2, 1]], "in another order than"),
        (lambda f: f.assign(Id=["1460", "1461", "1462"]), "every Id differs by -1 from the test table's"),
        (lambda f: f.assign(Id=["0", "1", "2"]), "every Id differs by -1461 from"),
        (lambda f: f.assign(Id=["1461", "1461", "1463"]), "1 Ids occur more than once, such as 1461"),
        (lambda f: f.assign(Id=["1461", "x", "1463"]), "line 3, column Id: 'x' is not a number"),
        (lambda f: f.assign(Id=["1461", "1462", "9"]), "1 Ids are not in the test table, such as 9"),
        (lambda f: f.assign(Id=["1463", "1461", "1461"]), "1 Ids occur more than once, such as 1461"),
        (lambda f: f.assign(SalePrice=["1", "", "3"]), "1 prices are not a number, such as '' in line 3"),
        (lambda f: f.assign(SalePrice=["0", "", "-3"]), "2 prices are not positive, such as '0' in line 2"),
        (lambda f: f.assign(SalePrice=["1", "inf", "3"]), "are not finite, such as 'inf'"),
        (lambda f: f.assign(SalePrice=["1", "2", "-3"]), "are not positive, such as '-3' in line 4"),
        (lambda f: f.assign(SalePrice=["0", "2", "3"]), "are not positive, such as '0' in line 2"),
    ],
)
def test_find_errors_reports_every_error(change, message, tmp_path):
    change(VALID).to_csv(tmp_path / "s.csv", index=False)
    errors = submission.find_errors(submission.read_submission(tmp_path / "s.csv"), [1461, 1462, 1463])
    assert (errors == []) if message is None else any(message in error for error in errors), errors


def test_check_reports_the_line_of_a_row_with_other_than_two_fields(files, tmp_path, capsys):
    rows = [f"{house},{100_000 + house}" for house in FEW.test["Id"]]
    for row in (f"0,{rows[3]}", f"0,0,{rows[3]}", rows[3].split(",")[0], f"{rows[3]},"):
        text = "\n".join(["Id,SalePrice", *rows[:3], row, *rows[4:]])
        (tmp_path / "s.csv").write_text(text + "\n")
        assert main("check", tmp_path / "s.csv", "--test", files[3]) == 2
        fields = row.count(",") + 1
        assert f"s.csv: line 5 has {fields} fields, but the header has 2" in capsys.readouterr().err
    # pandas takes the first columns for an index if every row has more fields than the header
    (tmp_path / "s.csv").write_text("\n".join(["Id,SalePrice", *(f"0,{row}" for row in rows)]))
    assert main("check", tmp_path / "s.csv", "--test", files[3]) == 2
    (tmp_path / "s.csv").write_text("\n".join(["Id,SalePrice", *rows]))  # the last line end may be missing
    assert main("check", tmp_path / "s.csv", "--test", files[3]) == 0


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip", ".tar", ".zst"])
def test_read_submission_opens_no_archive_by_its_name(tmp_path, suffix):
    (tmp_path / f"s.csv{suffix}").write_bytes(b"\x1f\x8b\xfd damaged")
    with pytest.raises(InputError, match=r"is not UTF-8 text"):
        submission.read_submission(tmp_path / f"s.csv{suffix}")


def test_check_prints_no_control_characters_of_a_file_name(files, tmp_path, capsys):
    path = tmp_path / "\x1b[31ms.csv"
    for price, code in ((150_000, 0), (-1, 1)):
        submission.submission_frame(FEW.test["Id"], np.full(40, price)).to_csv(path, index=False)
        assert main("check", path, "--test", files[3]) == code
        output = "".join(capsys.readouterr())
        assert "/\ufffd[31ms.csv: " in output
        assert "\x1b" not in output


def test_check_fails_if_all_prices_are_logarithms_or_thousands(files, tmp_path, capsys):
    for price, message in (
        (12.1, "below 100, such as '12.1' in line 2: forgot exp?"),
        (181, "write dollars"),
    ):
        submission.submission_frame(FEW.test["Id"], np.full(40, price)).to_csv(
            tmp_path / "s.csv", index=False
        )
        assert main("check", tmp_path / "s.csv", "--test", files[3]) == 1
        assert message in capsys.readouterr().err


def test_check_warns_of_what_is_valid_but_hardly_meant(files, tmp_path, capsys):
    prices = np.full(40, 150_000.0)
    for changed, message in (
        ({}, "all prices are 150000, whatever the house"),
        (
            {3: 1e7, 5: 1.0},
            "2 of 40 prices are beyond those of the training file, 34,900 to 755,000, such as '1",
        ),
        ({3: 200_000.0}, ""),
    ):
        now = prices.copy()
        now[list(changed)] = list(changed.values())
        submission.submission_frame(FEW.test["Id"], now).to_csv(tmp_path / "s.csv", index=False)
        assert main("check", tmp_path / "s.csv", "--test", files[3]) == 0
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == bool(message)
        assert "no errors" in captured.out


def test_check_finds_the_houses_and_the_range_of_prices_in_the_current_folder(
    offline, files, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    submission.submission_frame(FEW.test["Id"], FEW.train["SalePrice"][:40] + 1e6).to_csv(
        "s.csv", index=False
    )
    assert main("check", "s.csv") == 0
    low, high = (f"{price:,.0f}" for price in FEW.train["SalePrice"].agg(["min", "max"]))
    assert (
        f"40 of 40 prices are beyond those of the training file, {low} to {high}" in capsys.readouterr().err
    )


def test_submit_refuses_generated_houses_unless_they_are_asked_for(offline, tmp_path, capsys, monkeypatch):
    out = tmp_path / "s.csv"
    assert main("submit", *FAST, "--k", 2, "--out", out) == 2
    error = capsys.readouterr().err
    assert "no houses to submit prices of: kaggle_house/kaggle_house_pred_train.csv: not found in" in error
    assert "in the current folder" in error
    assert "--train and --test" in error
    assert error.count("\n") == 1
    assert not out.exists()
    monkeypatch.setattr("kaggle_house.data.generated_tables", lambda: (FEW.train, FEW.test))
    assert main("submit", *FAST, "--k", 2, "--dataset", "generated", "--out", out) == 0
    assert "upload" not in capsys.readouterr().out
    assert len(pd.read_csv(out)) == 40


def test_check_refuses_two_sources_of_ids(files, tmp_path, capsys):
    assert main("check", files[3], "--test", files[3], "--data-dir", tmp_path) == 2
    assert "--data-dir: without meaning beside --test" in capsys.readouterr().err


def test_submission_frame_pairs_by_position():
    prices = pd.Series([3.0, 1.0, 2.0], index=[2, 0, 1])
    assert submission.submission_frame([7, 8, 9], prices)["SalePrice"].tolist() == [3, 1, 2]


def test_commands_report_invalid_input_in_one_line(files, tmp_path, capsys, offline):
    faulty = tmp_path / "faulty.csv"
    faulty.write_text("Id,SalePrice\n1,2\n")
    for argv, message in [
        (["kfold", "--train", "nowhere.csv", "--test", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["kfold", "--train", faulty, "--test", faulty], "missing column"),
        (["kfold", "--train", faulty], "give both or neither"),
        (["kfold", *files, "--k", "151"], "cannot make 151 folds of 150 rows"),
        (["kfold", *files, "--out", "/dev/null/x"], "cannot write to"),
        (["kfold", "--dataset", "kaggle_house"], "not found in"),
        (["submit", *files, "--contiguous", "--stratify"], "add --shuffle"),
        (["kfold", *files, *FAST, "--impl", "scratch"], "has only a linear layer"),
        (["predict", files[3], "--models", tmp_path], "has no results of a complete run"),
        (["check", "nowhere.csv", "--test", files[3]], "nowhere.csv: cannot be read"),
    ]:
        assert main(*argv) == 2, argv
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1, error
    for argv in (
        ["kfold", "--k", "1"],
        ["kfold", "--lr", "-1"],
        ["kfold", "--num-hiddens", "-1"],
        ["nonsense"],
        [],
    ):
        assert main(*argv) == 2
    faulty.write_text("Id,SalePrice\n1,-2\n")
    assert main("check", faulty, "--test", files[3]) == 1
    assert "are not positive" in capsys.readouterr().err


def test_commands_mark_generated_houses_everywhere(offline, tmp_path, capsys, caplog, monkeypatch):
    figures = {}
    monkeypatch.setattr("kaggle_house.data.generated_tables", lambda: (FEW.train, FEW.test))
    monkeypatch.setattr(cv_report.plot, "save", lambda drawn, folder: figures.update(drawn))
    assert main("submit", *FAST, "--k", 2, "--dataset", "generated", "--out", tmp_path / "s.csv") == 0
    assert "s.csv (generated houses, not the competition's)" in capsys.readouterr().out
    with caplog.at_level(logging.WARNING):
        assert main("kfold", *FAST, "--k", 2, "--repeats", 2, "--out", tmp_path) == 0
    assert "using generated houses" in caplog.text
    assert json.loads((tmp_path / "kfold.json").read_text())["stand_in_for"] == "kaggle_house"
    assert len(figures) == 4
    for figure in figures.values():
        assert "generated houses" in figure._suptitle.get_text().replace("\n", " ")


@pytest.mark.parametrize("link", [False, True])
def test_commands_never_overwrite_what_they_read_or_write(files, tmp_path, capsys, link):
    train, test = files[1], files[3]
    before = train.read_bytes(), test.read_bytes()
    out = tmp_path / "o.csv"

    def same(path):
        if link:
            out.unlink(missing_ok=True)
            out.symlink_to(path)
        return out if link else path

    for command in (
        ["submit", *files, "--out", same(train)],
        ["submit", *files, "--out", same(test)],
        ["submit", *files, "--out", tmp_path / "s.csv", "--intervals", same(tmp_path / "s.csv")],
        ["submit", *files, "--intervals", same(test)],
        ["predict", test, "--models", tmp_path, "--out", same(test)],
    ):
        assert main(*command) == 2
        error = capsys.readouterr().err
        assert "are the same file" in error
        assert error.count("\n") == 1
    assert (train.read_bytes(), test.read_bytes()) == before


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("name", ["kfold.json", "oof.csv", "residuals.svg", "folds/*.npz"])
def test_submissions_never_replace_the_results_of_kfold(files, damaged, tmp_path, capsys, name, link):
    for other in ("oof.csv", "residuals.svg"):
        (damaged / other).write_text("a result")
    path = next(damaged.glob(name))
    before = path.read_bytes()
    out = tmp_path / "link.csv" if link else path
    if link:
        out.symlink_to(path)
    for command in (
        ["predict", files[3], "--models", damaged, "--out", out],
        ["submit", *files, "--out", out],
        ["submit", *files, "--out", tmp_path / "s.csv", "--intervals", out],
    ):
        assert main(*command) == 2
        assert f"{out} is a result of another command; name another file" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_submit_does_not_overwrite_the_tables_of_the_data_folder(tmp_path, capsys):
    folder = tmp_path / "kaggle_house"
    folder.mkdir()
    for frame, name in ((FEW.train, "train.csv"), (FEW.test, "test.csv")):
        frame.to_csv(folder / name, index=False, na_rep="NA")
    assert main("submit", "--data-dir", tmp_path, "--out", folder / "train.csv") == 2
    assert "--out and the training table are the same file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--recipe book --num-nets 7 --drop-prob .5", "--num-nets, --drop-prob: without meaning"),
        ("--num-hiddens 0", "or choose --num-nets 1 --drop-prob 0 --huber 1 --l1 0"),
        ("--num-hiddens -5", "must be at least 0"),
        ("--num-nets 1000000", "must be at least 1 and below 100,001"),
        ("--num-nets 5000", "at most 100,000 units"),
        ("--l1 1e38", "must be at least 0 and below"),
        ("--huber 1e-300", "must be at least 1e-18"),
        ("--lr 1e38", "and below 1e+18"),
        ("--wd nan", "must be at least 0"),
        ("--schedule cosin", "unknown value"),
        ("--impl scratch", "as the recipe book"),
    ],
)
def test_kfold_refuses_settings_out_of_range_or_without_meaning(files, tmp_path, capsys, flags, message):
    assert main("kfold", *files, *flags.split(), "--out", tmp_path) == 2
    text = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in text, text
    assert not list(tmp_path.glob("folds/*"))


def test_kfold_from_scratch_works_with_the_books_recipe(files, tmp_path):
    command = ["kfold", *files, "--recipe", "book", "--impl", "scratch", "--num-epochs", 1, "--k", 2]
    assert main(*command, "--out", tmp_path) == 0
    assert main("predict", files[3], "--models", tmp_path, "--out", tmp_path / "p.csv") == 0


def test_parse_takes_defaults_from_the_recipe():
    command = cli.parse(["kfold", "--lr", "2", "--recipe", "book"])
    assert command.settings == BOOK.replace(lr=2.0)
    article = cli.parse(["kfold", "--recipe=article"])
    assert (article.settings, article.folds.repeats) == (ARTICLE, 4)
    assert cli.parse(["kfold", "--contiguous"]).settings == TUNED.replace(shuffle=False)
    assert set(RECIPES) == {"book", "article", "tuned", "blend"}
    assert cli.parse(["kfold", "--recipe", "blend", "--no-blend"]).settings == BLEND.replace(blend=False)


@pytest.mark.parametrize("flags", [["--recipe", "book", "--recipe", "tuned"], ["--recipe=book"] * 2])
def test_parse_refuses_two_recipes(flags):
    with pytest.raises(InputError, match="--recipe: given more than once"):
        cli.parse(["submit", *flags])


@pytest.mark.parametrize(
    "changes",
    [
        {"num_nets": 500, "num_hiddens": 100},
        {"num_nets": 5000, "num_hiddens": 10},
        {"lr": 9e17},
        {"lr": 1e-18},
        {"batch_size": 10_000_000, "num_epochs": 10_000_000},
    ],
)
def test_search_space_has_only_legal_settings(changes):
    recipe = TUNED.replace(**changes)
    for name, values in search_space(recipe).items():
        drawn = values if isinstance(values, list) else values.ppf([0, 0.5, 1]).tolist()
        assert drawn
        for value in drawn:
            recipe.replace(**{name[len("net__") :]: value})


def test_sweep_lists_trials_that_diverge_last_and_raises_other_errors(monkeypatch):
    original = GluonRegressor.fit

    def fit(self, X, y, **options):
        if self.lr != QUICK.lr:
            raise TrainingDiverged("diverged", History())
        return original(self, X, y, **options)

    monkeypatch.setattr(GluonRegressor, "fit", fit)
    options = kfold.FoldOptions(k=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        table = sweep(QUICK, FEW, options, SweepOptions(trials=2))
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["valid"].isna().tolist() == [False, True, True]

    def fail(self, X, y):
        raise ZeroDivisionError

    monkeypatch.setattr(GluonRegressor, "fit", fail)
    with pytest.raises(ZeroDivisionError):
        sweep(QUICK, FEW, options, SweepOptions(trials=1))


def test_sweep_draws_and_scores_as_scikit_learns_search_does():
    search, options = SweepOptions(trials=3), kfold.FoldOptions(k=2, seed=3)
    ours = sweep(QUICK, FEW, options, search).set_index("trial").sort_index()
    folds = kfold.split(FEW.train["SalePrice"].to_numpy(), options, QUICK.shuffle)
    theirs = RandomizedSearchCV(
        QUICK.estimator(options.seed, "gluon"),
        search_space(QUICK),
        n_iter=3,
        scoring=make_scorer(log_rmse, greater_is_better=False),
        cv=[(fold.train_rows, fold.valid_rows) for fold in folds],
        refit=False,
        random_state=options.seed,
    ).fit(FEW.train, FEW.train["SalePrice"])
    assert (-theirs.cv_results_["mean_test_score"]).tolist() == ours["valid"].tolist()[1:]
    assert theirs.cv_results_["std_test_score"] == pytest.approx(ours["std"].to_numpy()[1:], rel=1e-12)
    assert theirs.cv_results_["param_net__lr"].tolist() == ours["lr"].tolist()[1:]


def test_sweep_resumes_with_the_scores_that_are_kept(tmp_path, monkeypatch):
    options, fitted = kfold.FoldOptions(k=2), []
    fit = GluonRegressor.fit
    monkeypatch.setattr(GluonRegressor, "fit", lambda self, X, y: fitted.append(self.lr) or fit(self, X, y))
    whole = sweep(QUICK, FEW, options, SweepOptions(trials=2))
    few = sweep(QUICK, FEW, options, SweepOptions(trials=1), tmp_path)
    assert len(fitted) == 6 + 4
    more = sweep(QUICK, FEW, options, SweepOptions(trials=2), tmp_path, resume=True)
    assert len(fitted) == 6 + 4 + 2
    pd.testing.assert_frame_equal(more, whole)
    assert len(few) == 2
    with pytest.raises(InputError, match=r"scores\.jsonl: was written with other settings \(recipe\)"):
        sweep(QUICK.replace(num_epochs=2), FEW, options, SweepOptions(trials=2), tmp_path, resume=True)


def test_sweep_fails_only_if_every_trial_diverges(files, tmp_path, capsys):
    command = ["sweep", *files, *FAST, "--lr", "9e17", "--k", 2, "--trials", 1, "--out", tmp_path]
    assert main(*command) == 1
    assert capsys.readouterr().err == f"{cli.PROG}: every trial diverged; try a smaller --lr\n"
    assert (tmp_path / "sweep.csv").read_text().count("\nnan,nan,") == 2


def test_sweep_ranks_the_recipe_among_others(files, tmp_path):
    command = ["sweep", *files, *FAST, "--k", 2, "--trials", 2]
    assert main(*command, "--out", tmp_path / "serial") == 0
    table = pd.read_csv(tmp_path / "serial" / "sweep.csv")
    assert sorted(table["trial"]) == [0, 1, 2]
    assert table["valid"].is_monotonic_increasing
    assert table.set_index("trial").loc[0, "lr"] == TUNED.lr
    assert main(*command, "--jobs", 2, "--out", tmp_path / "parallel") == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "parallel" / "sweep.csv"), table)


def test_kfold_resumes_an_interrupted_run(files, tmp_path):
    out = tmp_path / "out"
    command = ["kfold", *files, "--num-epochs", 30, "--num-hiddens", 8, "--k", 4, "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "kaggle_house", *map(str, command)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (saved := list(out.glob("folds/0-1-*.npz"))):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (out / "kfold.json").exists()
    scores = read_arrays(saved[0])[1]["scores"]
    assert main(*command, "--resume") == 0
    resumed = json.loads((out / "kfold.json").read_text())["folds"][0]
    # equal times show that the fold was not run again
    assert (resumed["valid"], resumed["seconds"]) == (scores["valid"], scores["seconds"])


@pytest.mark.slow
def test_build_report_book_recipe_agrees_with_our_seeds(real_data):
    tables, options = load_tables(data_dir=real_data), kfold.FoldOptions()
    results, folds = kfold.cross_validate(BOOK, tables, options)
    report = cv_report.build_report(results, folds, BOOK, options, tables)
    assert [row["within"] for row in report["published"]] == [True, True]


@pytest.mark.slow
def test_cross_validate_tuned_recipe_scores_below_0_1205(real_data):
    tables = load_tables(data_dir=real_data)
    scores = [
        np.mean(
            [
                result["valid"]
                for result in kfold.cross_validate(TUNED, tables, kfold.FoldOptions(seed=seed))[0]
            ]
        )
        for seed in range(4)
    ]
    assert np.mean(scores) < 0.1205


def test_help_needs_neither_mxnet_nor_pandas_nor_scikit_learn():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['mxnet', 'pandas', 'sklearn', 'matplotlib'])); "
        "from kaggle_house import cli; cli.main(['kfold', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--num-epochs" in done.stdout
