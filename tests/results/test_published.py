"""Published values and their comparison with ours."""

import csv
from importlib import resources

import pytest

from d2l_repro.results import published


def test_published_values_are_well_formed():
    rows = published.published_values()
    assert len(rows) > 70
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"], row
        assert row["source"]
    keys = [(row["chapter"], row["run"], row["metric"]) for row in rows]
    assert len(set(keys)) == len(keys)
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in csv.reader(file)) == len(rows) + 1


def test_compare_puts_a_row_without_an_implementation_beside_both():
    metrics = {
        "scratch cubic": {"train_loss": 0.007},
        "gluon cubic": {"train_loss": 0.5},
        "scratch": {"train_loss": 1.0},
    }
    rows = published.compare("polynomial_fitting", metrics)
    assert [(row["run"], row["ours"], row["within"]) for row in rows] == [
        ("scratch cubic", 0.007, True),
        ("gluon cubic", 0.5, False),
    ]


def test_compare_puts_a_row_beside_a_run_of_exactly_its_name():
    rows = published.compare("house_prices", {"book": {"train_log_rmse": 0.1652}})
    assert [row["run"] for row in rows] == ["book"]


def test_compare_puts_a_row_with_an_implementation_beside_that_one_only():
    metrics = {"scratch": {"test_acc": 0.83}, "gluon": {"test_acc": float("nan")}}
    rows = published.compare("softmax_regression", metrics)
    assert [(row["run"], row["metric"], row["within"]) for row in rows] == [
        ("scratch", "test_acc", True),
        ("gluon", "test_acc", False),
    ]


def conclusion(ours):
    (row,) = published.compare("optimizers", {"scratch conclusions": {"momentum_minus_adam": ours}})
    return row


@pytest.mark.parametrize("ours", [0.013, 0.0, -0.013])
def test_compare_of_one_seed_cannot_tell_whether_a_conclusion_holds(ours):
    row = conclusion(ours)
    assert (row["claim"], row["verdict"], row["interval"]) == ("above 0", "cannot tell", None)
    assert (row["value"], row["ours"], row["within"]) == (0.013, ours, False)
    assert published.is_undecided(row)
    assert not published.is_outside(row)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.015, 0.016, 0.014], "holds"),
        ([0.0, 0.0, 0.0], "does not hold"),
        ([0.013, -0.013, 0.0], "cannot tell"),
        ([-0.015, -0.016, -0.014], "does not hold"),
    ],
)
def test_judge_claim_tests_a_conclusion_over_the_seeds(differences, verdict):
    row = conclusion(differences[0])
    published.judge_claim(row, differences)
    assert row["verdict"] == verdict
    assert row["within"] == (verdict == "holds")
    assert published.is_outside(row) == (verdict == "does not hold")


def test_no_conclusion_has_a_band_of_its_own_beside_its_claim():
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    claims = [row for row in rows if row["claim"]]
    assert {row["run"].split()[-1] for row in claims} == {"conclusions"}
    assert all(not row["low"] and not row["high"] for row in claims)
    assert [row for row in rows if row["run"].endswith("conclusions") and not row["claim"]] == []
