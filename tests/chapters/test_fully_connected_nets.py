"""Test fully connected nets with short runs: the nets, the comparisons, and the article's questions."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from mxnet import nd

from chapters import fully_connected_nets
from chapters.fully_connected_nets import HParams, Setting
from d2l_repro.data.images import load_images
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import Splits, minibatches
from d2l_repro.experiment.comparison import best_epoch_metrics
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.scratch import correct
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.lost_gradients import lost_inputs, lost_shares
from d2l_repro.verify.parity import same_path

SMALL = HParams(num_epochs=1, num_epochs_deep=2, steps_deep=5, num_epochs_fifty=20)
pytestmark = pytest.mark.usefixtures("few_images_and_scales")
BUILDERS = [fully_connected_nets.from_scratch, fully_connected_nets.with_gluon]


@pytest.fixture(scope="module")
def few_images_and_scales(few_images):
    """Let chapters that run with `quick` load few images, and train from a few of the initial scales only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fully_connected_nets, "SCALES", (1e-3, 2e-2, 1e-1, 2e-1))
        patch.setattr(fully_connected_nets, "GRID", ((1e-3, 1.5e-2), (1e-2, 1e-1)))
        yield


@functools.lru_cache
def small():
    return fully_connected_nets.run(SMALL, quick=True, dataset="colour_digits")


def points():
    """Return forty points in three classes as data."""
    seed_everything(0)
    X, y = nd.random.normal(shape=(40, 4)), nd.arange(40) % 3
    X = X + 3 * nd.one_hot(y, 4)
    splits = Splits((X, y), (X[:30], y[:30]), (X[30:], y[30:]), 3, correct, "points")
    return minibatches(splits, 16, seed=0)


def setting(**changes):
    return Setting(**{"num_epochs": 12, "batch_size": 16, "sigma": 0.5, "lr": 0.1, "hidden": (8,), **changes})


def trained(build=fully_connected_nets.from_scratch, **changes):
    hp, data = setting(**changes), points()
    model = build(hp, data)
    return model, data, fully_connected_nets.train(model, data, hp)


def test_comparisons_train_every_row_from_scratch_and_with_gluon_where_gluon_has_it():
    assert small().errors == {}
    ours, theirs = ([run.variant for run in small().select(impl)] for impl in ("scratch", "gluon"))
    grid = [name for name in ours if name.startswith("three-layer lr")]
    assert len(ours) == 27 + len(grid)
    assert len(grid) == len(fully_connected_nets.GRID[0]) * len(fully_connected_nets.GRID[1])
    assert [name for name in ours if name not in theirs] == ["two-layer autograd", "two-layer SVM", *grid]
    assert [name for name in ours if name in theirs] == theirs


def test_grid_is_tabulated_by_learning_rate_and_scale():
    rows = small().tables["Learning rate and scale: last training loss and accuracy on fifty images"]
    assert [float(row["learning rate"]) for row in rows] == list(fully_connected_nets.GRID[0])
    run = small().find("scratch", "three-layer lr 0.015 scale 0.01")
    assert rows[1]["scale 0.01"].startswith(f"{run.metrics['train_loss']:.2g}, ")
    hp = {run.variant: run.hp for run in fully_connected_nets.chapter.runs(SMALL)}[
        "three-layer lr 0.015 scale 0.01"
    ]
    assert (hp.lr, hp.sigma) == (1.5e-2, 1e-2)


def test_adagrad_stays_in_the_worse_minimum_where_adam_leaves_it():
    rows = {
        row["optimizer"]: row
        for row in small().tables["Of 33 starts at the worse of two minima, how many end in the better one"]
    }
    assert [rows["adagrad"][f"lr {lr:g}"] for lr in (0.03, 0.1, 0.3)] == ["0"] * 3
    assert rows["sgd"]["lr 0.03"] == "0"
    assert rows["sgd"]["lr 1"] == "diverged"
    assert int(rows["adam"]["lr 0.3"]) > 0
    _, two = small().figures["minima"].axes[:2]
    ends = {line.get_label(): line.get_xdata()[-1] for line in two.get_lines()}
    assert ends["adam"] < 0 < min(ends["sgd"], ends["adagrad"])


def test_matching_pairs_follow_the_same_path():
    pairs = small().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    # Paths are compared if no masks are drawn, Gluon's state is in double precision, and no run may diverge.
    assert [pair["ours"].removeprefix("scratch ") for pair in pairs if pair["steps"]] == [
        "two-layer SGD",
        "two-layer penalty",
        "three-layer overfit 50",
        "five-layer overfit 50",
        "sgd",
        "momentum",
        "adam",
        "adam, batch norm",
        "adam, layer norm",
        "last",
        "last, batch norm",
    ]


def test_comparisons_let_only_the_initial_scales_diverge():
    for run in fully_connected_nets.chapter.runs(HParams()):
        assert run.may_diverge == ("scale" in run.variant)


def test_published_values_each_have_a_run_and_metric_of_ours():
    rows = [row for row in published_values() if row["chapter"] == "fully_connected_nets"]
    assert rows
    for row in rows:
        for impl in ("scratch", "gluon"):
            assert row["metric"] in small().find(impl, row["run"]).metrics


def test_run_quick_leaves_figures_and_tables():
    for figure in small().figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    assert {
        "two_layers_scratch",
        "update_rules_gluon",
        "normalisation_and_dropout_scratch",
        "weights_gluon",
        "which_activation_loses_its_gradient",
        "initial_scale_scratch",
        "step_sizes_gluon",
    } <= small().figures.keys()
    ranked = small().figures["normalisation_and_dropout_gluon"].axes[0].get_yticklabels()
    assert "adam" in [label.get_text() for label in ranked]  # to be seen beside the others
    assert len(small().tables["Initial scale"]) == 16
    checks = small().tables["Gradients by hand: largest relative error against"]
    assert max(float(row["central differences"]) for row in checks) < 1e-6


def test_losses_of_the_last_net_are_drawn_by_step():
    (ax,) = small().figures["last_loss_by_step"].axes
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    for impl in ("scratch", "gluon"):
        assert lines[impl].tolist() == small().find(impl, "last").model.step_losses


def test_train_records_step_sizes_for_the_update_rules_only():
    watched = {run.variant for run in small().runs if "step_size" in run.history.columns()}
    assert watched == set(fully_connected_nets.RULES)


NETS = [
    ({"hidden": (5,)}, [(4, 5), (5,), (5, 3), (3,)]),
    ({"hidden": (5, 6)}, [(4, 5), (5,), (5, 6), (6,), (6, 3), (3,)]),
    ({"hidden": (5,), "norm": "batch"}, [(4, 5), (5,), (5,), (5,), (5, 3), (3,)]),
    ({"hidden": (5,), "norm": "layer", "drop_prob": 0.5}, [(4, 5), (5,), (5,), (5,), (5, 3), (3,)]),
]


@pytest.mark.parametrize(("changes", "shapes"), NETS)
@pytest.mark.parametrize("build", BUILDERS)
def test_builders_build_the_layers_of_the_setting(build, changes, shapes):
    data = points()
    model = build(setting(**changes), data)
    model.net(data.source.train[0])  # from which Gluon takes the number of inputs
    assert [param.get().shape for param in parameters(model)] == shapes


def test_two_layers_equals_from_scratch_with_one_hidden_layer():
    scores = []
    for build in (fully_connected_nets.two_layers, fully_connected_nets.from_scratch):
        data = points()
        scores.append(build(setting(), data).net(data.source.test[0]).asnumpy())
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("by_hand", [True, False])
def test_penalty_equals_gluons_decay_of_weights_alone(by_hand):
    hp, data = setting(reg=0.5, lr=0.3, hidden=(4,)), points()
    ours, theirs = (build(hp, data) for build in BUILDERS)
    ours.params[1][:] = 2  # a bias that would decay
    if not by_hand:
        ours.gradients, ours.penalty = (
            None,
            lambda: 0.5 * nd.add_n(*((W**2).sum() / 2 for W in ours.net.weights)),
        )
    assert same_path(ours, theirs, data.train_iter, 16, steps=20).max_abs_diff < 1e-12


@pytest.mark.parametrize("build", BUILDERS)
def test_train_restores_the_best_model_to_be_tested(build):
    model, data, history = trained(build, lr=2.0, norm="batch")
    metrics = best_epoch_metrics(model, data, history)
    accuracies = history["valid_acc"]
    assert metrics["best_valid_acc"] == max(accuracies)
    assert metrics["best_epoch"] == accuracies.index(max(accuracies)) + 1
    X, y = data.source.valid
    # with the running statistics of that epoch, too
    assert correct(model.net(X), y).mean().asscalar() == pytest.approx(max(accuracies))


def test_train_decays_the_learning_rate_and_step_sizes_with_it():
    constant, decayed = (
        trained(num_epochs=8, lr=1e-4, lr_decay=decay, watch_steps=True)[2] for decay in (1.0, 0.5)
    )
    ratio = np.array(decayed["step_size"]) / np.array(constant["step_size"])
    np.testing.assert_allclose(ratio, 0.5 ** np.arange(8), rtol=0.1)


def test_load_centred_subtracts_the_mean_of_the_training_set_alone():
    hp = fully_connected_nets.chapter.runs(HParams())[0].hp
    data = fully_connected_nets.chapter.data(hp, Options(dataset="colour_digits"))
    (X, y), (X_valid, _), (X_test, _) = (getattr(data.source, part) for part in ("train", "valid", "test"))
    assert (len(X), len(X_valid), len(X_test)) == (1248, 249, 300)
    assert X.mean(axis=0).abs().max().asscalar() < 1e-3
    assert X_valid.mean(axis=0).abs().max().asscalar() > 1
    # The same mean image was subtracted from all three.
    images = load_images("cifar10", "colour_digits")
    raw, first = (
        nd.array(pixels[:1], dtype="uint8").astype("float32")
        for pixels in (images.test_images, images.train_images)
    )
    np.testing.assert_allclose((raw - X_test[:1]).asnumpy(), (first - X[:1]).asnumpy(), atol=1e-3)
    fifty = fully_connected_nets.chapter.data(
        hp.replace(num_train=50, batch_size=25), Options(dataset="colour_digits")
    )
    np.testing.assert_array_equal(fifty.train_iter.X.asnumpy(), X[:50].asnumpy())
    np.testing.assert_array_equal(fifty.train_iter.y.asnumpy(), y[:50].asnumpy())


def test_quick_runs_have_fewer_pixels_and_scales_of_the_same_kind(monkeypatch):
    hp = fully_connected_nets.chapter.runs(HParams())[0].hp
    quick, full = (
        fully_connected_nets.chapter.data(hp, Options(dataset="colour_digits", quick=quick)).source.train[0]
        for quick in (True, False)
    )
    assert (quick.shape[1:], full.shape[1:]) == ((3, 16, 16), (3, 32, 32))
    monkeypatch.setattr(fully_connected_nets, "SCALES", (1e-3, 1e-2, 1e-1, 2e-1))
    tried = [run.variant for run in fully_connected_nets.chapter.runs(HParams(every=3))]
    assert [name for name in tried if name.startswith("three-layer scale")][::2] == [
        "three-layer scale 0.001",
        "three-layer scale 0.2",
    ]


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_nets_memorize_fifty_images_from_some_initial_scales_only(impl):
    assert small().find(impl, "three-layer overfit 50").metrics["train_acc"] == 1
    memorized = {}
    for net in ("three-layer", "five-layer"):
        runs = [small().find(impl, f"{net} scale {scale:g}") for scale in fully_connected_nets.SCALES]
        memorized[net] = sum(run.metrics.get("train_acc", 0) > 0.9 for run in runs)
    assert memorized["three-layer"] > memorized["five-layer"]


def test_signal_sizes_are_multiplied_by_the_scale_in_each_layer():
    seed_everything(0)
    X = nd.random.normal(shape=(500, 20))
    data = Data("synthetic", None, source=SimpleNamespace(train=(X, None), num_outputs=3))
    small, large = (
        np.array(fully_connected_nets.signal_sizes(fully_connected_nets.from_scratch(hp, data).net, X))
        for hp in (setting(sigma=sigma, hidden=(100,) * 3) for sigma in (0.01, 0.1))
    )
    # The weights of the two nets are different samples, hence the tolerance.
    np.testing.assert_allclose(large / small, [10, 100, 1000], rtol=0.3)


def test_lost_gradients_are_those_of_the_formula():
    assert lost_inputs("leaky relu") == "nowhere"
    assert lost_inputs("relu") == "x <= 0"
    below, above = lost_inputs("sigmoid").split(" and ")
    edge = float(above.removeprefix("x >= "))
    assert below == f"x <= {-edge:g}"
    # e^-x / (1 + e^-x)^2 = 0.005
    assert edge == pytest.approx(np.log((1 - 2 * 0.005 + np.sqrt(1 - 4 * 0.005)) / (2 * 0.005)), abs=0.011)


def test_lost_gradients_are_half_with_relu_and_none_with_leaky_relu():
    seed_everything(0)
    X = nd.random.normal(shape=(500, 20))
    data = Data("synthetic", None, source=SimpleNamespace(train=(X, None), num_outputs=3))
    hp = setting(hidden=(100, 100))
    shares = {}
    for name in ("relu", "leaky relu"):
        shares[name] = lost_shares(
            fully_connected_nets.from_scratch(hp.replace(activation=name), data).net, X
        )
    assert shares["leaky relu"] == [0, 0]
    assert shares["relu"] == pytest.approx([0.5, 0.5], abs=0.1)


@pytest.mark.slow
def test_run_of_one_pass_over_cifar10_approaches_the_published_accuracy(real_data):
    hp = fully_connected_nets.chapter.runs(HParams(num_epochs=2))[0].hp
    data = fully_connected_nets.chapter.data(hp, Options(dataset="cifar10", data_dir=real_data))
    history = fully_connected_nets.train(fully_connected_nets.two_layers(hp, data), data, hp)
    assert history[-1]["valid_acc"] > 0.38


def test_show_draws_what_there_is_of_a_few_variants():
    result = fully_connected_nets.run(quick=True, only=("sgd", "three-layer scale 0.2"), impl="gluon")
    assert not result.errors
    assert {"initial_scale_gluon", "step_sizes_gluon"} <= set(result.figures)
    assert not {"loss_by_step", "last_loss_by_step"} & set(result.figures)
