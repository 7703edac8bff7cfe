"""Scales, and the intervals that our seeds give: against SciPy, by simulation, and as properties."""

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import stdtrit

from d2l_repro.errors import InputError
from d2l_repro.results import bands, printed, scales
from d2l_repro.results.scales import SINGLE_PRECISION, Scale, scale_of

LOSS, ACCURACY, DIFFERENCE = scale_of("train_loss"), scale_of("test_acc", 10_000), scale_of("gap")


def measured(values, metric="train_loss", examples=0):
    return bands.measure("mlp", "scratch", metric, values, examples, stream="seeds", dataset="fashion_mnist")


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("train_loss", "log"),
        ("epoch1_loss", "log"),
        ("l2_norm_w", "log"),
        ("norm_1", "log"),
        ("norm_bias_5", "log"),
        ("norm_and_dropout_gain", "identity"),  # of batch norm, a difference that may be negative
        ("valid_log_rmse", "log"),
        ("train_log_rmse_std", "log"),
        ("valid_perplexity", "log"),
        ("test_acc", "logit"),
        ("gap", "identity"),
        ("momentum_minus_adam", "identity"),
    ],
)
def test_scale_of_each_metric_is_declared(metric, name):
    assert scale_of(metric, 100).name == name


def test_scale_of_every_published_accuracy_knows_its_number_of_examples():
    for row in printed.published_values():
        assert (row["metric"].endswith("_acc") and row["kind"] == "draw") <= (row["examples"] > 0), row


@given(st.integers(0, 200))
def test_logit_is_finite_and_invertible_for_every_number_of_right_examples(right):
    scale = Scale("logit", 200)
    place = scale.to(right / 200)
    assert place == pytest.approx(math.log((right + 0.5) / (200 - right + 0.5)))
    assert scale.back(place) == pytest.approx(right / 200, abs=1e-12)
    steps = [abs(scale.to(share / 200) - place) for share in (right - 1, right + 1) if 0 <= share <= 200]
    assert min(steps) / 2 <= scale.resolution(place) <= max(steps)  # one example, on average to both sides


@given(st.floats(1e-12, 1e12))
def test_log_is_invertible(value):
    assert LOSS.back(LOSS.to(value)) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("scale", "value"), [(LOSS, 0.0), (LOSS, -1.0), (LOSS, math.nan), (ACCURACY, 1.2), (DIFFERENCE, math.inf)]
)
def test_value_without_a_place_on_the_scale_is_nan(scale, value):
    assert math.isnan(scale.to(value))


def test_interval_is_the_prediction_interval_of_the_normal_distribution():
    values = [0.30, 0.31, 0.29, 0.305, 0.312, 0.298, 0.301, 0.307, 0.293, 0.299]
    logs = np.log(values)
    half = stats.t.ppf(0.995, 9) * logs.std(ddof=1) * math.sqrt(1.1)
    low, high = measured(values).interval(half_unit=0.0005)
    assert low == pytest.approx(math.exp(logs.mean() - half) - 0.0005)
    assert high == pytest.approx(math.exp(logs.mean() + half) + 0.0005)


@pytest.mark.parametrize(
    ("values", "metric", "examples", "telling"),
    [
        ([0.02, 0.98] * 5, "test_acc", 100, False),
        ([0.5, 0.6] * 5, "test_acc", 100, True),
        ([4.0, 50.0] * 5, "longest_copy", 0, False),
        ([30.0, 40.0] * 5, "longest_copy", 0, True),
        ([1e-9, 1e9] * 5, "train_loss", 0, True),  # nobody knows how large a loss can be
    ],
)
def test_interval_around_all_that_a_metric_can_be_tells_nothing(values, metric, examples, telling):
    band = measured(values, metric, examples)
    assert band.is_telling() == telling
    if not telling:
        low, high = (0.0, 1.0) if examples else (2.0, 52.0)
        assert band.contains([low]) or band.contains([high])


def test_interval_of_a_mean_of_several_runs_is_narrower():
    values = list(np.random.default_rng(0).normal(1.0, 0.1, 10))
    one, ten = (measured(values, "gap").interval(runs=runs) for runs in (1, 10))
    half = stats.t.ppf(0.995, 9) * np.std(values, ddof=1) * math.sqrt(0.2)
    assert ten[1] - ten[0] == pytest.approx(2 * half)
    assert one[1] - one[0] > 2 * (ten[1] - ten[0])


@pytest.mark.parametrize(
    ("metric", "examples", "draw"),
    [
        ("gap", 0, lambda rng, n: rng.normal(0.01, 0.003, n)),
        ("train_loss", 0, lambda rng, n: np.exp(rng.normal(-3, 0.5, n))),
        ("test_acc", 10_000, lambda rng, n: rng.binomial(10_000, 0.98, n) / 10_000),
        ("test_acc", 200, lambda rng, n: rng.binomial(200, 0.9, n) / 200),
    ],
)
def test_interval_misses_one_more_run_of_the_same_program_about_once_in_a_hundred(metric, examples, draw):
    rng = np.random.default_rng(0)
    missed = sum(
        not measured(list(runs[:10]), metric, examples).contains([float(runs[10])])
        for runs in (draw(rng, 11) for _ in range(3000))
    )
    assert 0.002 < missed / 3000 < 0.02


def test_interval_is_never_narrower_than_what_the_metric_can_resolve():
    same = measured([0.9] * 10, "test_acc", 200)
    assert same.std == 0
    low, high = same.interval()
    assert high - low > 6 / 200  # t is 3.25, to both sides
    norm = measured([11.611943] * 10, "l2_norm_w")
    assert norm.contains([11.611943 * (1 + 3 * SINGLE_PRECISION)])
    assert not norm.contains([11.611943 * (1 + 4 * SINGLE_PRECISION)])


def test_contains_widens_the_interval_by_half_a_printed_unit():
    band = measured([159.333] * 10, "train_loss")
    assert not band.contains([159.34])
    assert not band.contains([159.34], half_unit=0.005)
    assert band.contains([159.33], half_unit=0.005)


@pytest.mark.parametrize(
    ("count", "values"), [(9, [1.0] * 9), (10, [1.0] * 9 + [math.nan]), (10, [1.0] * 9 + [0.0])]
)
def test_measure_gives_no_band_for_few_runs_or_one_that_diverged(count, values):
    assert len(values) == count
    assert measured(values) is None


@given(st.floats(0.1, 10), st.floats(0, 0.5))
def test_z_value_says_with_the_interval_whether_a_value_lies_in_it(value, half_unit):
    band = measured([1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.0, 1.03, 0.97])
    inside = abs(band.z_value([value], half_unit)) < stats.norm.ppf(0.995)
    low, high = band.interval(half_unit)
    if min(abs(value - low), abs(value - high)) > 1e-6:
        assert inside == (low < value < high)
    assert band.z_value([value]) * (value - band.center) >= 0


def shared(values, samples, metric="gap"):
    return bands.measure(
        "m", "gluon", metric, values, shared=bands.shared_scatter(samples), stream="seeds", dataset="d"
    )


def test_siblings_with_three_runs_each_share_the_root_of_their_mean_square():
    samples = [[1.0, 2.0, 3.0], [6.5, 5.0, 5.5], [0.3, 0.9, 0.0]]
    found = bands.shared_scatter(samples)
    residuals = np.concatenate([np.array(sample) - np.mean(sample) for sample in samples])
    assert found.std == pytest.approx(math.sqrt((residuals**2).sum() / 6))
    assert found.freedom == 6
    band = shared(samples[1], samples)
    assert (band.n, band.freedom, band.std) == (3, 6, found.std)
    half = stats.t.ppf(0.975, 6) * found.std / math.sqrt(3)
    assert band.confidence_interval() == pytest.approx((band.mean - half, band.mean + half))
    assert shared([1.0, 1.1] * 5, samples).freedom == 9  # ten runs have a deviation of their own


def test_siblings_share_nothing_if_they_are_few_or_scatter_unlike_each_other():
    rng = np.random.default_rng(0)
    assert bands.shared_scatter([[1.0, 2.0], [1.0, 3.0]]) is None
    unlike = [list(rng.normal(0, 10.0**k, 4)) for k in range(4)]
    assert bands.shared_scatter(unlike) is None
    assert bands.shared_scatter([[1.0, math.nan, 2.0]] * 4) is None
    assert shared([1.0, 2.0], unlike) is None


def test_siblings_that_move_together_with_the_seed_share_nothing():
    # Two seeds of thirteen nets, all of which end on the same batch of their seed: two draws, not twenty-six.
    rng, missed, shared_by_chance = np.random.default_rng(0), 0, 0
    for _ in range(300):
        batch = rng.normal(0, 0.1, 2)
        shared_by_chance += bands.shared_scatter(list(batch + rng.normal(0, 0.02, (13, 2)))) is not None
        missed += bands.shared_scatter(list(rng.normal(0, 0.1, (13, 2)))) is None
    assert shared_by_chance / 300 < 0.3  # two batches that happen to be alike
    assert missed / 300 < 0.03
    assert bands.shared_scatter([[1.0, 2.0, 3.0]] * 4 + [[1.0, 2.5]]) is None


def test_p_of_a_common_effect_is_that_of_a_two_way_analysis_of_variance():
    values = np.random.default_rng(0).normal(size=(5, 3))
    centred = values - values.mean(axis=1, keepdims=True)
    effects = centred.mean(axis=0)
    F = (5 * (effects**2).sum() / 2) / (((centred - effects) ** 2).sum() / 8)
    assert bands.p_of_common_effect(values.tolist()) == pytest.approx(stats.f.sf(F, 2, 8))
    assert bands.p_of_common_effect([[1.0, 1.0], [2.0, 2.0]]) == 1
    assert bands.p_of_common_effect([[1.0, 2.0], [2.0, 3.0]]) == 0


def test_interval_of_three_runs_with_a_shared_deviation_misses_one_in_a_hundred():
    rng, missed = np.random.default_rng(0), 0
    for _ in range(2000):
        samples = [list(rng.normal(k, 0.1, 3)) for k in range(5)]
        band = shared(samples[2], samples)
        missed += band is not None and not band.contains([float(rng.normal(2, 0.1))])
    assert 0.004 < missed / 2000 < 0.018


def test_siblings_are_variants_of_published_numbers():
    for chapter, groups in scales.SIBLINGS.items():
        rows = [row for row in printed.published_values() if row["chapter"] == chapter]
        known = {row["run"].replace("scratch ", "") for row in rows}
        members = [member for group in groups for member in group]
        assert len(set(members)) == len(members)
        # a variant that one difference alone needs has no number of its own
        assert set(members) - known <= {"decay 0.96"}


def test_siblings_are_of_either_implementation_and_of_one_metric_at_any_step():
    def key(run, metric):
        return scales.siblings("mnist_regularization", run, metric)

    assert key("gluon L2 1e-3", "valid_acc") == key("scratch baseline", "step_8000_valid_acc")
    assert key("gluon L2 1e-3", "valid_acc") not in [(), key("gluon L2 1e-3", "test_acc")]
    assert key("gluon L2 1e-3", "train_loss") == ()
    assert key("gluon L2 1e-3", "batch_loss") == ()  # all nets of a seed end on the same batch
    assert key("gluon conclusions", "adam_minus_sgd") == scales.siblings("mlp", "gluon", "test_acc") == ()


def test_confidence_interval_is_that_of_students_test():
    values = [0.013, 0.016, 0.012, 0.014, 0.015, 0.017, 0.011, 0.014, 0.013, 0.015]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert measured(values, "gap").confidence_interval() == pytest.approx(tuple(expected))


def test_band_around_the_mean_of_other_data_keeps_the_scatter():
    band = measured(list(np.linspace(0.82, 0.83, 10)), "test_acc", 10_000)
    other = band.around([0.842], "fashion_mnist_2017")
    assert (other.n, other.dataset, other.std, other.freedom) == (1, "fashion_mnist_2017", band.std, 9)
    assert other.center == pytest.approx(0.842)
    half = stats.t.ppf(0.995, 9) * band.std * math.sqrt(2)
    assert other.interval()[1] == pytest.approx(ACCURACY.back(ACCURACY.to(0.842) + half))


def test_file_of_bands_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "bands.json"
    band = measured([1.0, 1.1] * 5)
    exact = {
        "chapter": "linear_regression",
        "run": "data",
        "metric": "first_label",
        "stream": "macos",
        "value": 1,
    }
    path.write_text(bands.as_json([band], {"mxnet": "1.9.1"}, [exact]))
    assert bands.read(path) == {"exact": [exact], "bands": [dataclasses.asdict(band)]}
    assert json.loads(path.read_text())["environment"] == {"mxnet": "1.9.1"}
    assert path.read_text().count("\n") < 12  # a line per band, so that a change shows as one


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"exact": [], "bands": [{"n": 1}]}'])
def test_file_that_is_none_of_bands_is_refused(tmp_path, text):
    path = tmp_path / "bands.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bands\.json: not a file of bands"):
        bands.read(path)


def test_committed_bands_rest_on_ten_runs_or_siblings_and_belong_to_published_numbers():
    known = {
        (row["chapter"], label, row["metric"])
        for row in printed.published_values()
        for label in printed.labels(row["run"])
    }
    content = bands.committed()["bands"]
    for band in content:
        if scales.siblings(band["chapter"], band["run"], band["metric"]):
            assert band["freedom"] >= bands.MIN_FREEDOM
        else:
            assert band["freedom"] == band["n"] - 1 >= bands.MIN_RUNS - 1
        assert (band["chapter"], band["run"], band["metric"]) in known
        assert all(map(math.isfinite, (band["mean"], band["std"])))
    keys = [tuple(band[name] for name in ("chapter", "run", "metric", "stream")) for band in content]
    assert len(set(keys)) == len(keys)


def test_ranks_miss_one_more_run_about_once_in_a_hundred_whatever_the_distribution():
    rng = np.random.default_rng(0)

    def draws(n):  # one run in ten is far off
        return np.exp(rng.normal(-2, 0.1, n) + (rng.uniform(size=n) < 0.1) * rng.exponential(0.5, n))

    def ranked(values):
        return bands.measure("house_prices", "gluon article 20 epochs", "train_log_rmse", values, **facts)

    facts = {"stream": "seeds", "dataset": "kaggle_house"}
    assert ranked(list(draws(198))) is None
    missed = sum(not ranked(list(draws(199))).contains([float(draws(1)[0])]) for _ in range(2000))
    assert 0.004 < missed / 2000 < 0.018
    values = [float(value) for value in draws(199)]
    band, quantile = ranked(values), stats.norm.ppf(0.995)
    assert band.interval(0.01) == (min(values) - 0.01, max(values) + 0.01)
    assert band.z_value([min(values)]) == pytest.approx(-quantile, rel=1e-6)
    assert quantile < band.z_value([99.0]) < 2.75  # ranks cannot tell how far beyond them a value is
    assert abs(band.z_value([band.center])) < 1e-6


def test_committed_quantiles_are_students():
    found = bands.committed()["quantiles"]
    assert {int(freedom) for freedom in found} == {row["freedom"] for row in bands.committed()["bands"]}
    for freedom, quantile in found.items():
        assert quantile == pytest.approx(
            stdtrit(int(freedom), 0.995), rel=1e-8
        )  # as far as its versions agree


def test_report_of_bands_needs_no_scipy():
    program = (
        "import sys; from d2l_repro.results import bands, caught; table = caught.committed(); "
        "[row.marks() for row in table.mistakes()]; assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
