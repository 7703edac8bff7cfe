"""The chapters from first principles: layered nets on moons, XOR and images, in the small."""

import functools

import numpy as np
import pytest
from mxnet import nd

from chapters import _layered, fully_connected_nets, two_moons, vanishing_gradients, xor
from d2l_repro.data import images
from d2l_repro.data.images import load_images
from d2l_repro.experiment.chapter import seed_everything
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.settings import Options

MODULES = {
    module.chapter.name: module for module in (two_moons, xor, vanishing_gradients, fully_connected_nets)
}
SMALL = {
    "two_moons": {"num_epochs": 40},
    "xor": {"num_epochs": 4, "steps": 10},
    "vanishing_gradients": {"num_epochs": 20},
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
    least = {"two_moons": 8, "xor": 17, "vanishing_gradients": 22, "fully_connected_nets": 7}
    assert len(pairs) >= least[result.chapter]


def test_every_published_row_has_a_run_and_metric_of_ours(result):
    rows = [row for row in published_values() if row["chapter"] == result.chapter]
    for row in rows:
        for impl in ("scratch", "gluon"):
            assert row["metric"] in result.runs[f"{impl} {row['run']}"]["metrics"]
    assert bool(rows) == (result.chapter != "xor")


def test_a_short_run_leaves_figures_and_tables(result):
    for figure in result.figures.values():
        assert plot.rendered(figure, "png").startswith(b"\x89PNG")
    assert {
        "two_moons": {
            "regions_scratch",
            "regions_gluon",
            "one_hidden_layer_scratch",
            "two_hidden_layers_gluon",
        },
        "xor": {"every_variant_scratch", "every_variant_gluon", "regions_scratch", "regions_gluon"},
        "vanishing_gradients": {
            "small_weights_scratch",
            "biases_of_-8_gluon",
            "remedies_scratch",
            "samples",
            "large_weights_gluon",
            "trained_scratch",
        },
        "fully_connected_nets": {
            "two_layers_scratch",
            "update_rules_gluon",
            "normalisation_and_dropout_scratch",
            "which_activation_loses_its_gradient",
            "initial_scale_scratch",
            "step_sizes_gluon",
        },
    }[result.chapter] <= result.figures.keys()


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_one_implementation_alone_gives_the_same_numbers(impl):
    alone = two_moons.run(two_moons.HParams(**SMALL["two_moons"]), quick=True, impl=impl)
    assert alone.errors == {}
    for label, run in alone.runs.items():
        assert run["metrics"] == small("two_moons").runs[label]["metrics"]


def test_by_hand_and_by_autograd_end_at_the_same_parameters():
    (by_hand, by_autograd) = small("two_moons").tables["Gradients by hand and by autograd"]
    assert by_hand["run"] == "scratch 1 hidden lr=0.2"
    assert float(by_hand["parameters differ by"]) < 1e-5
    assert by_autograd["parameters differ by"] == by_hand["parameters differ by"]


def test_the_moons_are_parted_as_the_article_parts_them():
    hp = two_moons.HParams()
    data = two_moons.data(two_moons.comparisons(hp)["One hidden layer"]["1 hidden lr=5"], Options())
    parts = (data.source.train, data.source.valid, data.source.test)
    assert [len(y) for _, y in parts] == [640, 160, 200]
    points = np.concatenate([X.asnumpy() for X, _ in parts])
    assert len(np.unique(points, axis=0)) == 1000


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_gradients_vanish_die_and_stay_equal_as_the_article_says(impl):
    runs = {
        label.partition(" ")[2]: run["metrics"]
        for label, run in small("vanishing_gradients").runs.items()
        if label.startswith(impl)
    }

    def norms(name):
        return [runs[name][f"norm_{i}"] for i in range(1, 6)]

    for activation in _layered.ACTIVATIONS:
        assert norms(activation) == sorted(norms(activation))
    assert 1e-12 < norms("sigmoid")[0] < 1e-10
    assert 0.2 < norms("sigmoid")[-1] < 0.4
    assert norms("sigmoid")[0] < norms("tanh")[0] < norms("relu")[0]
    assert norms("relu, bias -8") == [0] * 5
    assert runs["relu, bias -8"]["norm_last_bias"] == pytest.approx(0.5, abs=1e-3)  # sigmoid(-8) - 1/2
    assert 0 < norms("leaky relu, bias -8")[0] < 1e-12
    assert runs["zero"]["train_loss"] == pytest.approx(np.log(2), abs=1e-6)
    for name in ("zero", "zero, trained", "half, trained"):
        assert runs[name]["units_apart"] == 0
    assert norms("half, trained")[-1] > 1e-6  # it does learn, every unit the same
    for remedy in ("sigmoid, xavier", "sigmoid, he", "sigmoid, batch norm"):
        assert norms(remedy)[0] > 1e5 * norms("sigmoid")[0]
    assert np.linalg.norm(norms("N(0, 5)")) > 1.5
    assert np.linalg.norm(norms("N(0, 5), clipped")) <= 1 + 1e-5


def test_xor_cannot_be_learned_without_an_activation_and_takes_as_many_examples_as_it_says():
    tables = xor.comparisons(xor.HParams())
    base, alike = tables["Activation"]["three units, ReLU"], tables["Batch"]["all at once, as many examples"]
    assert base.num_epochs * base.steps * base.batch_size == 4000
    assert alike.num_epochs * alike.steps * alike.batch_size == 4000
    data = xor.data(base, Options())
    assert sum(1 for _ in data.train_iter) == 25
    seed_everything(0)
    lines = nd.random.normal(shape=(200, 3))
    X, y = data.source.test
    sides = nd.dot(lines[:, :2], X.T) + lines[:, 2:] > 0
    best = (sides == y.reshape((1, -1))).mean(axis=1).max().asscalar()
    assert best < 0.8  # no line parts the classes


def test_the_table_of_xor_has_the_best_first():
    table = small("xor").tables["Every variant, the best first"]
    accuracies = [float(row["test acc"]) for row in table]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(table) == len(small("xor").runs)


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
