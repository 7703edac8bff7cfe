"""Verdicts on published numbers, and what they add up to."""

import math

import numpy as np
import pytest

from d2l_repro.results import bands, published, verdicts
from d2l_repro.results.printed import labels, published_values, reasons
from d2l_repro.results.scales import BIMODAL, is_bimodal
from d2l_repro.results.verdicts import Reason, Sample, Verdict

pytestmark = pytest.mark.usefixtures("fixed_bands")


def row_of(chapter, run, metric, **changes):
    """Return a row of published.csv, with changes."""
    row = next(
        row
        for row in published_values()
        if (row["chapter"], row["run"], row["metric"]) == (chapter, run, metric)
    )
    return {**row, **changes}


def softmax(metric, **changes):
    return row_of("softmax_regression", "scratch", metric, **changes)


def judged(row, *ours, label="scratch", stream="seeds", dataset="fashion_mnist"):
    return verdicts.judge(row, label, Sample(ours, stream, dataset))


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.4884, Verdict.AGREES),
        (0.4820, Verdict.AGREES),
        (0.5, Verdict.UNEXPLAINED),
        (0.47, Verdict.UNEXPLAINED),
    ],
)
def test_published_number_is_judged_by_our_seeds_whatever_this_run_gives(value, verdict):
    for ours in (0.4865, 9.0):
        found = judged(softmax("train_loss", value=value), ours)
        assert found.verdict is verdict
        assert found.within == (ours == 0.4865)
        assert (found.p < 0.01) == (verdict is Verdict.UNEXPLAINED)


def test_this_run_is_judged_by_the_interval_that_the_row_shows():
    found = judged(softmax("train_loss"), 0.4865)
    low, high = found.interval
    for ours, within in (
        (low * 1.0001, True),
        (high * 0.9999, True),
        (low * 0.999, False),
        (math.nan, False),
    ):
        assert judged(softmax("train_loss"), ours).within is within


def test_explanation_must_predict_the_sign_and_the_size():
    row = softmax("test_acc", value=0.842)
    assert judged(row, 0.826).verdict is Verdict.NOT_VERIFIED
    assert "first partition" in judged(row, 0.826).reason.text
    assert judged(softmax("test_acc", value=0.80), 0.826).verdict is Verdict.UNEXPLAINED  # the other way
    assert judged(softmax("test_acc", value=0.89), 0.826).verdict is Verdict.UNEXPLAINED  # too far
    assert judged(softmax("test_acc", value=0.842, reason=""), 0.826).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("train_acc", "verdict"),
    [(0.834, Verdict.NOT_VERIFIED), (0.839, Verdict.UNEXPLAINED), (0.825, Verdict.UNEXPLAINED)],
)
def test_explanation_fails_if_the_accuracy_on_all_images_is_another(monkeypatch, train_acc, verdict):
    # on 60,000 and 10,000 images, so that 0.6 points of the latter are 0.1 points of the former
    printed = {"train_acc": train_acc, "test_acc": 0.838}
    monkeypatch.setattr(verdicts, "_sibling", lambda row, metric: {**row, "value": printed[metric]})
    assert judged(softmax("test_acc", value=0.838), 0.826).verdict is verdict


def test_explanation_that_has_been_tested_is_called_explained(monkeypatch):
    tested = Reason(-0.1, 0.1, (), True, "because", "see")
    monkeypatch.setattr(verdicts, "reasons", lambda: {"first partition": tested})
    assert judged(softmax("test_acc", value=0.842), 0.826).verdict is Verdict.EXPLAINED


@pytest.mark.parametrize(
    ("stream", "ours", "within"),
    [("macos", 159.33, True), ("linux", 43.998, True), ("linux", 159.33, False), ("seeds", 60.0, True)],
)
def test_number_of_a_platform_is_judged_by_its_stream_and_this_run_by_its_own(stream, ours, within):
    row = row_of("polynomial_fitting", "linear", "train_loss")
    found = judged(row, ours, label="scratch linear", stream=stream, dataset="synthetic")
    assert (found.verdict, found.within) == (Verdict.AGREES, within)
    off = {**row, "value": 159.5}
    found = judged(off, ours, label="scratch linear", stream=stream, dataset="synthetic")
    assert (found.verdict, found.within) == (Verdict.UNEXPLAINED, within)


def test_exact_number_agrees_to_its_last_digit_on_its_stream():
    row = row_of("linear_regression", "data", "first_label")
    assert row["value"] == 6.000587
    here = {"label": "data", "stream": "linux", "dataset": "synthetic"}
    assert judged(row, 6.000587, **here).verdict is Verdict.AGREES
    found = judged(row, 6.00059, **here)
    assert (found.verdict, found.within) == (Verdict.UNEXPLAINED, False)
    # with another seed the data are others, so only what is committed can be judged; nothing is, here
    assert judged(row, 5.1, **{**here, "stream": "seeds"}).verdict is Verdict.NOT_RUN


def test_exact_number_of_another_platform_is_judged_by_our_committed_value():
    row = {**row_of("linear_regression", "data", "first_label"), "value": 4.879625, "stream": "macos"}
    found = judged(row, 6.000587, label="data", stream="linux", dataset="synthetic")
    assert (found.verdict, found.within, found.interval) == (Verdict.AGREES, None, None)
    off = judged({**row, "value": 4.8797}, 6.000587, label="data", stream="linux", dataset="synthetic")
    assert off.verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("metric", "verdict"),
    [
        ("momentum_minus_adam", Verdict.AGREES),
        ("lr_difference", Verdict.UNEXPLAINED),  # 0.02 where the source says within 0.008
        ("mlp_minus_softmax", Verdict.UNDECIDED),
        ("mlp_gap_minus_softmax_gap", Verdict.NO_BAND),
    ],
)
def test_conclusion_is_judged_by_the_interval_of_our_seeds(metric, verdict):
    row = next(row for row in published_values() if row["metric"] == metric)
    found = judged(row, 0.015, label="scratch conclusions")
    assert found.verdict is verdict
    assert (found.claimed is None) == (verdict is Verdict.NO_BAND)
    assert (found.p is not None and found.p < 0.01) == (verdict is Verdict.UNEXPLAINED)


def test_difference_far_above_what_a_claim_asks_for_is_no_failure():
    far = verdicts.bands.Band("optimizers", "scratch conclusions", "rho_gap", "seeds", "", 10, 400.0, 15.0, 9)
    assert verdicts._p_of_claim(verdicts.Claim("above 0"), far) == 1.0
    assert verdicts._p_of_claim(verdicts.Claim("within 0.008"), far) < 1e-9
    assert verdicts._p_of_claim(verdicts.Claim("above 401"), far) > 0.01


def test_metric_without_a_band_has_no_verdict_and_no_interval():
    found = judged(row_of("mlp", "scratch", "train_loss"), 0.37)
    assert (found.verdict, found.interval, found.within) == (Verdict.NO_BAND, None, None)


@pytest.mark.parametrize(("ours", "verdict"), [(0.842, Verdict.AGREES), (0.826, Verdict.UNEXPLAINED)])
def test_run_on_the_first_partition_is_itself_the_mean_that_the_number_is_judged_by(ours, verdict):
    found = judged(softmax("test_acc", value=0.845), ours, dataset="fashion_mnist_2017")
    assert found.verdict is verdict
    assert found.within is None


def test_several_seeds_are_judged_by_their_mean():
    row = softmax("test_acc")
    one, ten = (judged(row, *[0.8345] * runs) for runs in (1, 10))
    assert one.within
    assert not ten.within


def test_compare_row_has_what_the_schema_promises():
    (row,) = published.compare("softmax_regression", {"scratch": {"test_acc": 0.83}}, dataset="fashion_mnist")
    assert (row["verdict"], row["within"], row["kind"]) == ("differs, explained, not verified", True, "draw")
    assert row["low"] < 0.83 < row["high"]
    assert row["check"].startswith("Run the chapter with --dataset fashion_mnist_2017")


def test_numbers_of_a_chapter_count_each_published_number_once():
    metrics = {"scratch cubic": {"train_loss": 0.007}, "gluon cubic": {"train_loss": 0.007}}
    numbers = published.numbers_of("polynomial_fitting", published.compare("polynomial_fitting", metrics))
    assert [row["verdict"] for row in numbers] == ["no band yet", *["not run"] * 5]
    assert {row["chapter"] for row in numbers} == {"polynomial_fitting"}


def test_tally_names_only_the_verdicts_that_occur_in_their_order():
    assert verdicts.tally(["not run", "agrees", "not run"]) == {"agrees": 1, "not run": 2}


def test_expected_false_alarms_count_the_numbers_that_were_judged():
    rows = [{"verdict": "agrees", "kind": "draw"}] * 50 + [{"verdict": "no band yet", "kind": "draw"}] * 50
    assert verdicts.expected_false_alarms(rows) == pytest.approx(0.5)


def test_holm_rejects_as_the_procedure_says():
    assert verdicts.holm([0.001, 0.004, 0.03, 0.9], 0.02) == [True, True, False, False]
    assert verdicts.holm([0.006, 0.006], 0.01) == [False, False]
    assert verdicts.holm([]) == []


def test_holm_keeps_the_error_of_all_tests_together():
    rng = np.random.default_rng(0)
    rejected = sum(any(verdicts.holm(list(rng.uniform(size=40)), 0.05)) for _ in range(2000))
    assert 0.03 < rejected / 2000 < 0.07


def rows_with(*z_values, verdict="agrees"):
    return [
        {
            "run": "scratch",
            "metric": "test_acc",
            "p": verdicts.p_value(z),
            "z": z,
            "z_ours": 0.0,
            "verdict": verdict,
        }
        for z in z_values
    ]


def test_failures_need_more_than_one_deviation_that_chance_allows():
    assert verdicts.failures(rows_with(*[0.5] * 50)) == []
    assert verdicts.failures(rows_with(*[0.5] * 49, 2.7)) == []  # one in fifty
    assert len(verdicts.failures(rows_with(*[0.5] * 49, 6.0))) == 1
    assert len(verdicts.failures(rows_with(*[0.5] * 45, *[2.7] * 5))) == 5  # none alone, but too many
    assert verdicts.failures(rows_with(6.0, verdict="differs, explained, not verified")) == []
    broken = [{**row, "z_ours": 7.0} for row in rows_with(0.1)]
    assert verdicts.failures(broken) == broken


def test_failures_are_as_rare_as_promised_when_all_numbers_come_from_our_program():
    rng = np.random.default_rng(0)
    failed = sum(bool(verdicts.failures(rows_with(*rng.normal(size=40)))) for _ in range(1000))
    assert failed / 1000 < 0.03


def test_common_shift_sees_small_deviations_to_one_side():
    def rows(shift, rng):
        return [
            {"run": f"run {i}", "metric": metric, "z": sign * z}
            for i in range(20)
            for z in [rng.normal(shift)]
            for metric, sign in (("test_acc", 1), ("train_loss", -1))
        ]

    rng = np.random.default_rng(0)
    assert verdicts.common_shift(rows(1.0, rng)) < 0.01
    chance = [verdicts.common_shift(rows(0.0, rng)) for _ in range(1000)]
    assert 0.005 < np.mean(np.array(chance) < 0.02) < 0.04
    assert verdicts.common_shift(rows(1.0, rng)[:2]) is None


def test_every_reason_is_used_and_says_how_to_check_it():
    used = {row["reason"] for row in published_values() if row["reason"]}
    assert used == set(reasons())
    for reason in reasons().values():
        assert reason.low < reason.high
        assert reason.text.endswith(".")
        assert reason.check.endswith(".")


def test_tally_text_counts_in_words():
    counts = verdicts.tally(["agrees", "agrees", "differs, explained", "not run"])
    assert verdicts.tally_text(counts) == "2 agree; 1 differs, explained; 1 not run"
    assert verdicts.tally_text({"differs, unexplained": 2}) == "2 differ, unexplained"


def test_number_in_one_of_two_places_cannot_tell():
    label = "gluon no batch norm"
    values = [0.1] * 5 + [0.4] * 5
    assert (
        bands.measure("batch_norm", label, "epoch2_train_acc", values, 60_000, stream="seeds", dataset="")
        is None
    )
    assert bands.measure("batch_norm", label, "train_acc", values, 60_000, stream="seeds", dataset="")
    for metric, verdict in (("epoch2_train_acc", Verdict.UNDECIDED), ("train_acc", Verdict.NO_BAND)):
        found = judged(row_of("batch_norm", label, metric), 0.4, label=label)
        assert (found.verdict, found.interval, found.within) == (verdict, None, None)


@pytest.mark.parametrize(
    ("ours", "verdict"), [([4.0, 50.0] * 5, Verdict.UNDECIDED), ([38.0, 42.0] * 5, Verdict.AGREES)]
)
def test_number_whose_band_covers_everything_cannot_tell(ours, verdict, monkeypatch):
    label, metric = "scratch reset first", "longest_copy"
    band = bands.measure("gru", label, metric, ours, stream="seeds", dataset="lyrics")
    monkeypatch.setattr(bands, "find", lambda *key: band)
    found = judged(row_of("gru", label, metric, value=40.0), 40, label=label, dataset="lyrics")
    assert (found.verdict, found.within) == (verdict, True)
    assert (found.z is None) == (verdict == Verdict.UNDECIDED)


def test_numbers_in_two_places_are_of_published_runs():
    known = {(row["chapter"], run, row["metric"]) for row in published_values() for run in labels(row["run"])}
    for (chapter, variant), starts in BIMODAL.items():
        for start in starts:
            names = [key for key in known if is_bimodal(*key) and key[2].startswith(start)]
            assert names
            assert {(name, run.partition(" ")[2]) for name, run, _ in names} == {(chapter, variant)}
