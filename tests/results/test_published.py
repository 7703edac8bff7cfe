"""Published values and their comparison with ours."""

import csv
from decimal import Decimal
from importlib import resources

import pytest

from d2l_repro.results import published
from d2l_repro.results.claims import Claim
from d2l_repro.results.printed import KINDS, reasons


def test_published_values_are_well_formed():
    rows = published.published_values()
    assert len(rows) > 80
    for row in rows:
        assert row["kind"] in KINDS
        assert (row["kind"] == "conclusion") == bool(row["claim"])
        assert row["value"] is not None or row["claim"]
        assert row["stream"] in ("", "linux", "macos", "windows")
        assert not row["reason"] or row["reason"] in reasons()
        assert row["source"]
        if row["claim"]:
            assert len(Claim(row["claim"]).limits) == 2
    keys = [(row["chapter"], row["run"], row["metric"], row["stream"], row["value"]) for row in rows]
    assert len(set(keys)) == len(keys)
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in csv.reader(file)) == len(rows) + 1


def test_published_precision_is_one_unit_of_the_last_printed_digit():
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["value"] and row["precision"] != "0":
                unit = Decimal(1).scaleb(Decimal(row["value"]).as_tuple().exponent)
                assert Decimal(row["precision"]) == unit, row


def test_no_band_is_typed():
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        assert {"low", "high"} & set(next(csv.reader(file))) == set()


def test_compare_puts_a_row_without_an_implementation_beside_both(fixed_bands):
    metrics = {
        "scratch linear": {"train_loss": 90.0},
        "gluon linear": {"train_loss": 90.0},
        "scratch": {"train_loss": 1.0},
    }
    rows = published.compare("polynomial_fitting", metrics)
    assert [(row["run"], row["ours"], row["within"]) for row in rows] == [
        ("scratch linear", 90.0, True),
        ("gluon linear", 90.0, True),  # of which the fixed bands have none: that from scratch judges both
    ]


def test_compare_puts_a_row_beside_a_run_of_exactly_its_name():
    rows = published.compare("house_prices", {"book": {"train_log_rmse": 0.1652}})
    assert [row["run"] for row in rows] == ["book"]


def test_compare_puts_a_row_with_an_implementation_beside_that_one_only(fixed_bands):
    metrics = {"scratch": {"test_acc": 0.83}, "gluon": {"test_acc": float("nan")}}
    rows = published.compare("softmax_regression", metrics)
    assert [(row["run"], row["metric"], row["within"]) for row in rows] == [
        ("scratch", "test_acc", True),
        ("gluon", "test_acc", False),
    ]
    assert [published.is_outside(row) for row in rows] == [False, True]


def test_compare_shows_a_conclusion_with_what_it_claims_and_our_interval(fixed_bands):
    (row,) = published.compare("optimizers", {"scratch conclusions": {"momentum_minus_adam": 0.013}})
    assert (row["claim"], row["verdict"], row["value"], row["ours"]) == ("above 0", "agrees", 0.013, 0.013)
    assert row["interval"] == pytest.approx((0.015 - 0.00215, 0.015 + 0.00215), abs=1e-5)
    assert row["within"]


@pytest.mark.parametrize(
    ("seed", "stream", "name"),
    [(0, None, "linux"), (1, None, "seeds"), (0, "macos", "macos"), (3, "linux", "linux")],
)
def test_stream_of_a_run_is_the_books_with_seed_0(seed, stream, name, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert published.stream_name(seed, stream) == name


def test_conclusions_are_those_of_runs_of_that_name_or_claims_about_one_value():
    for row in published.published_values():
        assert not row["run"].endswith("conclusions") or row["claim"]
