"""Tests of explanations, on models whose predictions are known, and on those of a small run."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from d2l_repro.errors import InputError
from d2l_repro.results import report, summary
from kaggle_house import cli, commands, explain, explain_report
from kaggle_house.data import Tables
from kaggle_house.folds import FoldOptions, split
from kaggle_house.generated import generated_tables
from kaggle_house.recipes import TUNED
from kaggle_house.unusual import largest_errors

TRAIN, TEST = generated_tables()
FEW = Tables(TRAIN.head(120), TEST.head(20), name="generated")
FAST = ["--num-epochs", "2", "--num-hiddens", "4", "--num-nets", "1", "--k", "2"]


def main(*argv):
    """Run the command line, and return its exit code."""
    with pytest.raises(SystemExit) as exit_info:
        cli.main([str(value) for value in argv])
    return exit_info.value.code


class Known:
    """A model that knows two columns: 10 % more for each grade, 20 % more for a house with central air."""

    def predict(self, houses):
        grades = houses["OverallQual"].to_numpy()
        return 1e5 * np.exp(0.1 * grades + 0.2 * (houses["CentralAir"] == "Y").to_numpy())


@pytest.fixture
def known():
    options = FoldOptions(k=3)
    folds = split(FEW.train["SalePrice"].to_numpy(), options, True)
    return explain.CompleteRun({}, TUNED, options, FEW, folds, [Known()] * 3)


def test_partial_dependence_is_what_the_model_knows(known):
    values, changes = explain.partial_dependence(known, "OverallQual")
    assert values == sorted(set(values))
    for fold, change in zip(known.folds, changes):
        mean = FEW.train["OverallQual"].iloc[fold.valid_rows].mean()
        np.testing.assert_allclose(change, 0.1 * (np.array(values) - mean))
    levels, changes = explain.partial_dependence(known, "CentralAir")
    assert levels == ["N", "Y"]  # from worst to best
    np.testing.assert_allclose(changes[:, 1] - changes[:, 0], 0.2)
    assert explain.partial_dependence(known, "FireplaceQu")[0][0] == explain.MISSING
    np.testing.assert_array_equal(explain.partial_dependence(known, "LotArea")[1], 0)


def test_permutation_importance_is_the_rise_of_the_score(known):
    table = explain.permutation_importance(known, permutations=2).set_index("column")
    assert set(table.index[:2]) == {"OverallQual", "CentralAir"}
    others = table.drop(["OverallQual", "CentralAir"])
    np.testing.assert_array_equal(others[["importance", "low", "high"]], 0)
    # The same by hand, one house after the other.
    errors = []
    for fold in known.folds:
        rng = np.random.RandomState(fold.seed)
        houses = FEW.train.iloc[fold.valid_rows]
        for _ in range(2):
            shuffled = houses.assign(
                OverallQual=houses["OverallQual"].to_numpy()[rng.permutation(len(houses))]
            )
            errors.append(np.log(Known().predict(shuffled)) - np.log(houses["SalePrice"].to_numpy()))
    score = np.sqrt(np.mean((known.log_predictions() - np.log(FEW.train["SalePrice"])) ** 2))
    assert table.loc["OverallQual", "importance"] == pytest.approx(
        np.sqrt(np.mean(np.concatenate(errors) ** 2)) - score
    )
    assert (table["low"] <= table["importance"]).all()
    assert (table["importance"] <= table["high"]).all()


def test_largest_errors_say_what_is_unusual():
    train = FEW.train.assign(LotArea=np.arange(5000.0, 5120.0), Utilities="AllPub", SaleType="WD")
    train.loc[7, ["LotArea", "Utilities", "SaleType"]] = 99_999.0, "NoSeWa", np.nan
    predicted = train["SalePrice"].to_numpy() * 1.01
    predicted[7] = train["SalePrice"].iloc[7] * 3
    first, *others = largest_errors(train, predicted, 3)
    assert first["Id"] == train["Id"].iloc[7]
    assert first["error"] == pytest.approx(2)
    assert {"LotArea 99,999 (the highest)", "Utilities NoSeWa (0.8% of the houses)"} <= set(first["unusual"])
    assert "SaleType missing (0.8% of the houses)" in first["unusual"]
    assert len(others) == 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with few houses, and a run of `kfold` on them in `run`."""
    folder = tmp_path_factory.mktemp("houses")
    for frame, name in ((FEW.train, "train.csv"), (FEW.test, "test.csv")):
        frame.to_csv(folder / name, index=False, na_rep="NA")
    assert main("kfold", *FAST, "--data-dir", folder, "--out", folder / "run") == 0
    return folder


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_commands_name_the_next_one_which_uses_what_kfold_has_saved(folder, tmp_path, capsys, monkeypatch):
    run, data = folder / "run", ["--data-dir", folder]
    assert main("explain", "--models", run, *data, "--permutations", 1) == 0
    found = json.loads((run / "explain.json").read_text())
    assert len(found["importance"]) == 79
    assert len(found["largest_errors"]) == 10
    assert sorted({row["houses"] for row in found["learning_curve"]}) == [6, 12, 24, 42, 60]
    for name in explain_figures():
        assert (run / f"{name}.svg").stat().st_size > 1000
        assert f"({name}.svg)" in (run / "model_card.md").read_text()
    following = last_line(capsys)
    assert following.startswith("next: python -m kaggle_house submit ")

    def fail(*args):
        raise AssertionError("a fold is trained again")

    monkeypatch.setattr("kaggle_house.kfold.run_fold", fail)
    argv = following.split()[4:]
    assert main(*argv, "--out", tmp_path / "s.csv") == 0
    out = capsys.readouterr().out
    assert f"2 of 2 folds: as `kfold` has saved them in {run}" in out
    assert out.splitlines()[-1] == (
        f"next: python -m kaggle_house log --score SCORE --log {tmp_path / 'submissions.csv'}"
    )
    assert main("predict", folder / "test.csv", "--models", run, "--out", tmp_path / "p.csv") == 0
    assert last_line(capsys).startswith(f"next: python -m kaggle_house check {tmp_path / 'p.csv'} --test ")
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()
    assert main("check", tmp_path / "s.csv", *data) == 0
    assert last_line(capsys).startswith("next: kaggle competitions submit ")
    # Other settings are other models.
    with pytest.raises(AssertionError, match="a fold is trained again"):
        commands.run_submit(replace(cli.parse([*argv, "--lr", "0.01"]), out=tmp_path / "t.csv"))


def explain_figures():
    return ("permutation_importance", "partial_dependence", "number_of_houses")


def test_explain_says_how_many_houses_its_learning_curve_needs(known):
    """Of 60 houses three folds train on 40, a tenth of which are 4; 75 train on 50, and 5 are enough."""
    tables = Tables(TRAIN.head(60), TEST.head(5), name="generated")
    with pytest.raises(InputError, match=r"would learn from 4 houses, 10% of .* on at least 75 houses"):
        explain_report.explain(with_houses(known, tables), 1, True, 1)
    assert not explain_report.explain(with_houses(known, tables), 1, False, 1)["learning_curve"]
    explain.check_learning_curve(with_houses(known, Tables(TRAIN.head(75), TEST.head(5), name="generated")))


def with_houses(run, tables):
    folds = split(tables.train["SalePrice"].to_numpy(), run.options, True)
    return replace(run, tables=tables, folds=folds)


def test_kfold_writes_a_model_card_which_the_report_shows(folder):
    content = json.loads((folder / "run" / "kfold.json").read_text())
    card = (folder / "run" / "model_card.md").read_text()
    for name, text in content["card"]:
        assert f"**{name}**: {text}" in card
    named = dict(content["card"])
    assert "loan of any real house" in named["Must not be used for"]
    assert "120 houses with prices and 20 to predict" in named["Data"]
    assert f"{content['out_of_fold']:.4f}, 95 % interval" in named["Log rmse out-of-fold"]
    page = report.page(summary.collect(folder))
    assert "loan of any real house" in page
    half = content["meaning"]["recipe"]["half"]
    assert f"Half of the houses are predicted within <strong>{half:.1%}</strong>" in page


def test_kfold_removes_the_explanation_of_other_models(folder, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["kfold", *FAST, "--data-dir", folder, "--out", run]
    run.mkdir()
    for name in ("explain.json", "partial_dependence.svg"):
        (run / name).write_text("of other models")
    assert main(*command) == 0
    assert last_line(capsys) == f"next: python -m kaggle_house explain --models {run} --data-dir {folder}"
    assert not (run / "explain.json").exists()
    assert not (run / "partial_dependence.svg").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(data_hash="0"), "has models of other houses than these"),
        (lambda content: content.pop("card"), "was written by an earlier version"),
        (lambda content: content["options"].update(k=3), "has another number of folds than its options"),
        (lambda content: content["options"].update(k="many"), "was written by an earlier version"),
    ],
)
def test_explain_refuses_runs_that_do_not_fit(folder, capsys, change, message):
    path = folder / "run" / "kfold.json"
    before = path.read_text()
    content = json.loads(before)
    change(content)
    path.write_text(json.dumps(content))
    try:
        assert main("explain", "--models", folder / "run", "--data-dir", folder) == 2
    finally:
        path.write_text(before)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_sweep_names_the_command_that_runs_the_best_trial(folder, tmp_path, capsys):
    command = ["sweep", *FAST, "--data-dir", folder, "--trials", 1, "--out", tmp_path]
    assert main(*command) == 0
    best = pd.read_csv(tmp_path / "sweep.csv", converters={"lr": float}).iloc[0]  # pandas before 3.1 rounds
    settings = cli.parse(last_line(capsys).split()[4:]).settings
    assert (settings.lr, settings.num_hiddens) == (best["lr"], best["num_hiddens"])
