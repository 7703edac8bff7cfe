"""MXNet's random streams of other platforms, and that drawing from another one leaves no trace."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import init, nd
from mxnet.gluon import nn

from chapters import linear_regression, polynomial_fitting, weight_decay
from d2l_repro.data import streams
from d2l_repro.data.streams import NATIVE, RandomStream, stream_of
from d2l_repro.data.synthetic import linear_data
from d2l_repro.errors import InputError
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

FOREIGN = "macos" if NATIVE == "linux" else "linux"
pytestmark = pytest.mark.skipif(NATIVE is None, reason="another standard library")
ULP = np.finfo(np.float32).eps


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    draws=st.lists(st.tuples(st.sampled_from(["normal", "uniform"]), st.integers(1, 3000)), max_size=4),
)
def test_native_stream_is_that_of_mxnet(seed, draws):
    mx.random.seed(seed)
    ours = RandomStream(NATIVE, seed)
    for name, size in draws:
        theirs = getattr(nd.random, name)(shape=size).asnumpy()
        np.testing.assert_allclose(getattr(ours, name)(size), theirs, rtol=3 * ULP)


@pytest.mark.parametrize("size", [0, 1, 5, 64, 65, 2000, 65537, 100_000])
def test_native_stream_splits_numbers_between_generators_as_mxnet_does(size):
    mx.random.seed(0)
    ours = RandomStream(NATIVE)
    for _ in range(2):
        theirs = nd.random.normal(shape=size).asnumpy() if size else np.empty(0)
        np.testing.assert_allclose(ours.normal(size), theirs, rtol=3 * ULP)
        assert len(ours.uniform(0)) == 0


def book_data(platform):
    """Return features and labels of section 3.2 on a platform."""
    with stream_of(platform):
        mx.random.seed(0)
        features, labels = linear_data([2, -3.4], 4.2, 1000)
    return features.asnumpy(), labels.asnumpy()


def test_windows_stream_has_the_bits_that_a_reader_printed():
    features, labels = book_data("windows")
    first = [[1.1630785, 0.4838046], [0.29956347, 0.15302546], [-1.1688148, 1.558071]]
    last = [[-1.3481458, 1.5419681], [-2.238252, -0.34891927], [0.02030763, 1.0949801]]
    np.testing.assert_array_equal(features[[0, 1, 2, -3, -2, -1]], np.float32(first + last))
    assert str(labels[0]) == "4.879625"


# Rows of a shuffled batch, two features and the label, as authors printed them: mli/d2l-1day-notebooks-zh,
# notebooks-1/4, and d2l-ai/berkeley-stat-157, slides/1_31.
PRINTED = {
    "linux": [
        [0.8370042, -1.1026353, 9.621203],
        [-1.2860336, -1.6586353, 7.265286],
        [-0.591276, -1.2689118, 7.3253717],
        [0.4593352, -0.20153503, 5.806935],
    ],
    "macos": [
        [0.57423294, 0.05569246, 5.168744],
        [0.425275, -0.37855875, 6.3314323],
        [-0.8622762, -0.22448541, 3.25092],
        [2.0691068, -0.13823958, 8.806868],
    ],
}


@pytest.mark.parametrize("platform", PRINTED)
def test_stream_has_rows_that_authors_printed(platform):
    features, labels = book_data(platform)
    rows = np.column_stack([features, labels])
    for printed in PRINTED[platform]:
        nearest = rows[abs(rows - printed).max(axis=1).argmin()]
        np.testing.assert_allclose(nearest, printed, rtol=3 * ULP)


def test_macos_stream_has_the_first_label_that_readers_printed():
    features, labels = book_data("macos")
    np.testing.assert_array_equal(features[0], np.float32([1.1630787, 0.4838046]))
    assert str(labels[0]) == "4.879625"
    # Windows computes the same numbers more precisely.
    np.testing.assert_allclose(features, book_data("windows")[0], atol=1e-5)


@pytest.mark.parametrize(
    ("platform", "draw", "printed"),
    [("linux", 1, 11.611942), ("macos", 1, 13.155676), ("macos", 3, 13.530376)],
)
def test_weights_without_decay_end_where_the_book_s_notebook_printed(platform, draw, printed):
    """Gluon's net without decay, in an author's notebook, is the third to be initialized."""
    with stream_of(platform):
        mx.random.seed(0)
        features, labels = linear_data([0.01] * 200, 0.05, 120)
        for _ in range(draw):
            w = nd.random.normal(shape=200)
    X = np.column_stack([features[:20].asnumpy(), np.ones(20)]).astype(float)
    start = np.append(w.asnumpy(), 0)
    # SGD ends in the solution that is nearest to where it began.
    end = start + np.linalg.pinv(X) @ (labels[:20].asnumpy() - X @ start)
    assert np.linalg.norm(end[:-1]) == pytest.approx(printed, abs=5e-6)


def test_platforms_split_a_point_of_the_disc_between_them():
    linux, macos = (RandomStream(name).normal(5000).astype(float) for name in ("linux", "macos"))
    assert abs(np.corrcoef(linux, macos)[0, 1]) < 0.05
    # Their squares add up to -2 ln s, where s is uniform from 0 to 1.
    s = np.sort(np.exp(-(linux**2 + macos**2) / 2))
    assert abs(s - np.linspace(0, 1, 5000)).max() < 0.03


def test_normal_draws_more_points_if_too_few_lie_in_the_disc(monkeypatch):
    enough = RandomStream("linux")
    expected = enough.normal(300), enough.normal(300)
    monkeypatch.setattr(streams, "POINTS", 0.1)
    monkeypatch.setattr(streams, "MARGIN", 1)
    short = RandomStream("linux")
    np.testing.assert_array_equal((short.normal(300), short.normal(300)), expected)


@pytest.mark.parametrize("platform", ["linux", "macos", "windows"])
def test_stream_of_feeds_gluon_and_follows_seeds_and_parameters(platform):
    with stream_of(platform):
        mx.random.seed(4)
        net = nn.Dense(3, in_units=50)
        net.initialize(init.Normal(0.1))
        drawn = nd.random.normal(3, 2, shape=(4, 5), dtype="float32"), nd.random.uniform(-1, 3, shape=7)
        alone = nd.random.normal()
    stream = RandomStream(platform, 4)
    expected = [
        (net.weight.data(), stream.normal(150) * 0.1),
        (drawn[0], stream.normal(20) * 2 + 3),
        (drawn[1], stream.uniform(7) * 4 - 1),
        (alone, stream.normal(1)),
    ]
    for ours, numbers in expected:
        np.testing.assert_allclose(ours.asnumpy().ravel(), numbers, rtol=1e-5, atol=1e-6)


def test_stream_of_leaves_other_precisions_and_parameters_to_mxnet():
    with stream_of(FOREIGN):
        assert nd.random.normal(shape=3, dtype="float64").dtype == np.float64
        assert nd.random.uniform(nd.zeros(2), nd.ones(2)).shape == (2,)
        assert nd.random.uniform(0, 1, out=nd.zeros(2, dtype="float64")).dtype == np.float64


def samplers():
    return [mx.random.normal, mx.random.uniform, mx.random.seed, nd.random.normal, nd.random.uniform]


def test_stream_of_restores_mxnets_functions_after_an_error():
    before = samplers()
    with stream_of(FOREIGN):
        assert not set(samplers()) & set(before)
    assert samplers() == before
    with pytest.raises(KeyError), stream_of(FOREIGN):
        raise KeyError
    assert samplers() == before
    with stream_of(NATIVE):
        assert samplers() == before


def test_seed_everything_shuffles_with_the_seed_and_draws_as_a_new_process_does():
    seed_everything(0)
    fresh = nd.random.normal(shape=3).asnumpy()
    seed_everything(5, "linux")
    np.testing.assert_array_equal(nd.random.normal(shape=3).asnumpy(), fresh)
    assert np.random.rand() == np.random.RandomState(5).rand()  # noqa: NPY002


# Chapters


def numbers(result):
    return {label: run.metrics for label, run in result.labelled().items()}


@pytest.mark.parametrize("module", [linear_regression, polynomial_fitting, weight_decay])
def test_native_stream_with_seed_0_has_the_bits_of_seed_0(module):
    hp = module.HParams(num_epochs=1)
    normal = nd.random.normal
    plain = numbers(module.run(hp))
    assert numbers(module.run(hp, stream=NATIVE)) == plain
    foreign = module.run(hp, stream=FOREIGN)
    assert numbers(foreign).keys() == plain.keys()
    assert numbers(foreign) != plain
    assert foreign.stream == FOREIGN
    assert foreign.parity["max_abs_diff"] < 1e-6
    assert nd.random.normal is normal
    assert numbers(module.run(hp)) == plain


def test_seed_of_a_stream_keeps_the_data_and_draws_all_else_anew():
    hp = linear_regression.HParams(num_epochs=1)
    one, other = (linear_regression.run(hp, stream="macos", seed=seed) for seed in (0, 3))
    assert one.find("data").metrics == other.find("data").metrics
    assert one.find("data").metrics["first_label"] == pytest.approx(4.879625, abs=5e-7)
    assert one.find("scratch").metrics != other.find("scratch").metrics
    assert one.find("gluon").metrics["epoch1_loss"] == pytest.approx(0.0353, abs=5e-4)


@pytest.mark.parametrize("stream", [NATIVE, FOREIGN])
def test_seed_of_a_stream_draws_other_weights_and_the_same_data(stream):
    chapter = weight_decay.chapter
    run = chapter.runs(weight_decay.HParams())[0]

    def test_set(seed):
        with stream_of(stream):
            data, model = chapter._begin(run, Options(seed=seed, stream=stream))
            X, y = data.source[1]
            return X.asnumpy(), y.asnumpy(), model.params[0].asnumpy()

    book = test_set(0)
    for seed in range(1, 6):
        X, y, w = test_set(seed)
        np.testing.assert_array_equal(X, book[0])
        np.testing.assert_array_equal(y, book[1])
        assert not np.array_equal(w, book[2])


def test_macos_stream_reproduces_what_was_printed_on_macos():
    rows = numbers(polynomial_fitting.run(impl="scratch", stream="macos"))
    assert rows["scratch linear"]["train_loss"] == pytest.approx(159.33, abs=0.005)
    # Two examples are one batch, so the order of examples does not matter.
    assert rows["scratch two examples"]["train_loss"] == pytest.approx(0.48285, abs=5e-6)
    assert rows["scratch two examples"]["test_loss"] == pytest.approx(134.298, abs=5e-4)


def test_run_rejects_a_stream_that_means_nothing():
    from chapters import mlp

    with pytest.raises(InputError, match="--stream: no published value of mlp depends"):
        mlp.run(stream="macos")
    with pytest.raises(InputError, match="--stream: must be linux or macos or windows, not solaris"):
        linear_regression.run(stream="solaris")


def test_run_rejects_a_stream_for_the_second_editions_class():
    pytest.importorskip("d2l")
    with pytest.raises(InputError, match="--stream: d2l's class draws"):
        linear_regression.run(impl="d2l", stream="macos")
