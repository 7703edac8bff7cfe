"""The chapter on fully connected nets, in the small."""

import functools

import numpy as np
import pytest
from mxnet import nd

from chapters import _layered, fully_connected_nets
from d2l_repro.data import images
from d2l_repro.data.images import load_images
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.settings import Options

MODULES = {module.chapter.name: module for module in (fully_connected_nets,)}
SMALL = {
    "fully_connected_nets": {"num_epochs": 1, "num_epochs_deep": 2, "steps_deep": 5, "num_epochs_fifty": 20},
}


@functools.lru_cache
def small(name):
    """Return the result of a short run of a chapter, on a few embedded images where it needs images."""
    module = MODULES[name]
    dataset = {"dataset": "colour_digits"} if module.chapter.datasets else {}
    first = images.Images.first
    images._load.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images.Images, "first", lambda self, *_: first(self, 300, 60))
        result = module.run(module.HParams(**SMALL[name]), quick=True, **dataset)
    images._load.cache_clear()
    return result


@pytest.fixture(params=MODULES)
def result(request):
    return small(request.param)


def test_every_row_is_trained_from_scratch_and_with_gluon_where_gluon_has_it(result):
    module = MODULES[result.chapter]
    rows = {name: hp for table in module.comparisons(module.HParams()).values() for name, hp in table.items()}
    for name, hp in rows.items():
        assert f"scratch {name}" in result.runs
        assert (f"gluon {name}" in result.runs) == _layered._in_gluon(hp)
    assert result.errors == {}


def test_twins_go_one_way(result):
    pairs = result.parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    assert len(pairs) >= 7


def test_every_published_row_has_a_run_and_metric_of_ours(result):
    rows = [row for row in published_values() if row["chapter"] == result.chapter]
    for row in rows:
        for impl in ("scratch", "gluon"):
            assert row["metric"] in result.runs[f"{impl} {row['run']}"]["metrics"]
    assert rows


def test_a_short_run_leaves_figures_and_tables(result):
    for figure in result.figures.values():
        assert plot.rendered(figure, "png").startswith(b"\x89PNG")
    assert {
        "fully_connected_nets": {
            "two_layers_scratch",
            "update_rules_gluon",
            "normalisation_and_dropout_scratch",
            "which_activation_loses_its_gradient",
            "initial_scale_scratch",
            "step_sizes_gluon",
        },
    }[result.chapter] <= result.figures.keys()


def test_images_are_centred_by_the_training_set_alone():
    hp = fully_connected_nets.comparisons(fully_connected_nets.HParams())["Two layers"]["two-layer SGD"]
    data = fully_connected_nets.data(hp, Options(dataset="colour_digits"))
    (X, y), (X_valid, _), (X_test, _) = (getattr(data.source, part) for part in ("train", "valid", "test"))
    assert (len(X), len(X_valid), len(X_test)) == (1248, 249, 300)
    assert X.mean(axis=0).abs().max().asscalar() < 1e-3
    assert X_valid.mean(axis=0).abs().max().asscalar() > 1
    # the same image was taken from all three
    raw = nd.array(load_images("cifar10", "colour_digits").test_images, dtype="uint8").astype("float32")
    first = nd.array(load_images("cifar10", "colour_digits").train_images[:1], dtype="uint8").astype(
        "float32"
    )
    np.testing.assert_allclose((raw[:1] - X_test[:1]).asnumpy(), (first - X[:1]).asnumpy(), atol=1e-3)
    fifty = fully_connected_nets.data(
        hp.replace(num_train=50, batch_size=25), Options(dataset="colour_digits")
    )
    np.testing.assert_array_equal(fifty.train_iter.X.asnumpy(), X[:50].asnumpy())
    np.testing.assert_array_equal(fifty.train_iter.y.asnumpy(), y[:50].asnumpy())


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_fifty_images_are_learned_by_heart_and_initial_scales_matter(impl):
    runs = small("fully_connected_nets").runs
    assert runs[f"{impl} three-layer overfit 50"]["metrics"]["train_acc"] == 1
    scores = {
        net: [
            runs[f"{impl} {net} scale {scale:g}"]["metrics"].get("train_acc", 0)
            for scale in fully_connected_nets.SCALES
        ]
        for net in ("three-layer", "five-layer")
    }
    learned = {net: sum(score > 0.9 for score in of_scales) for net, of_scales in scores.items()}
    assert learned["three-layer"] > learned["five-layer"]


def test_where_a_derivative_is_lost_is_where_the_formula_says():
    assert fully_connected_nets.where_lost("leaky relu") == "nowhere"
    assert fully_connected_nets.where_lost("relu") == "x <= 0"
    below, above = fully_connected_nets.where_lost("sigmoid").split(" and ")
    edge = float(above.removeprefix("x >= "))
    assert below == f"x <= {-edge:g}"
    # e^-x / (1 + e^-x)^2 = 0.005
    assert edge == pytest.approx(np.log((1 - 2 * 0.005 + np.sqrt(1 - 4 * 0.005)) / (2 * 0.005)), abs=0.011)


@pytest.mark.slow
def test_one_pass_over_cifar10_is_a_good_part_of_the_way(real_data):
    hp = fully_connected_nets.comparisons(fully_connected_nets.HParams())["Two layers"]["two-layer SGD"]
    data = fully_connected_nets.data(hp.replace(num_epochs=2), Options(dataset="cifar10", data_dir=real_data))
    history = _layered.train(_layered.from_scratch(hp, data), data, hp.replace(num_epochs=2))
    assert history[-1]["valid_acc"] > 0.38
