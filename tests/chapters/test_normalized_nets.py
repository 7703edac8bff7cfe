"""Test the chapters on batch normalization and on residual nets."""

import importlib
import math

import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from chapters import batch_norm, resnet
from d2l_repro.data import images
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.results.history import History
from d2l_repro.results.published import published_values
from d2l_repro.scratch.layers import BatchNorm, Network, Residual
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.parity import same_path

TINY = resnet.Setting(num_channels=2, num_blocks=1, batch_size=8)
NETS = {
    "batch norm": (batch_norm, batch_norm.Setting(batch_size=8)),
    "no batch norm": (batch_norm, batch_norm.Setting(batch_size=8, normalized=False)),
    "shortcuts": (resnet, TINY),
    "plain": (resnet, TINY.replace(shortcuts=False)),
    "two blocks": (resnet, TINY.replace(num_blocks=2)),
}


def data(count=24):
    """Return random images in minibatches."""
    rng = np.random.RandomState(0)
    X, y = nd.array(rng.uniform(size=(count, 1, 28, 28))), nd.array(rng.randint(0, 10, count))
    return Data("random", Minibatches(X, y, 8, seed=0))


def built(name, build):
    chapter, hp = NETS[name]
    seed_everything(0)
    return getattr(chapter, build)(hp, data())


@pytest.fixture(scope="module")
def results():
    """Return the results of both chapters on a few digits, trained once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        first = images.Images.first
        patch.setattr(images.Images, "first", lambda self, *_: first(self, 96, 32))
        images._load.cache_clear()
        yield {
            "batch_norm": batch_norm.run(
                batch_norm.HParams(num_epochs=2, batch_size=32), dataset="digits", quick=True
            ),
            "resnet": resnet.run(
                resnet.HParams(num_epochs=1, num_channels=2, num_blocks=1, study_channels=2, study_blocks=2),
                dataset="digits",
                quick=True,
            ),
        }
    images._load.cache_clear()


@pytest.mark.parametrize("name", NETS)
def test_implementations_follow_the_same_path_and_end_at_the_same_outputs_in_testing(name):
    parity = same_path(built(name, "from_scratch"), built(name, "with_gluon"), data().train_iter, 8, steps=4)
    assert parity, str(parity)
    assert parity.max_abs_diff < 1e-9


@pytest.mark.parametrize("name", ["shortcuts", "plain", "batch norm"])
def test_gradients_by_hand_equal_autograd_through_the_whole_net(name):
    model = built(name, "from_scratch")
    X, y = next(iter(data().train_iter))
    model.gradients(X, y)
    by_hand = [param.grad.asnumpy().copy() for param in model.params]
    with autograd.record():
        loss = model.loss(model.net(X), y).sum()
    loss.backward()
    largest = max(np.abs(grad).max() for grad in by_hand)
    for ours, param in zip(by_hand, model.params):
        np.testing.assert_allclose(ours, param.grad.asnumpy(), rtol=1e-2, atol=1e-4 * largest)


@pytest.mark.parametrize("num_blocks", [1, 2, 3])
def test_resnet_has_as_many_layers_as_its_name_says_and_a_changed_shortcut_in_every_stage_but_the_first(
    num_blocks,
):
    setting = TINY.replace(num_blocks=num_blocks)
    net = resnet.from_scratch(setting, data()).net
    with_weights = [array for array in net.weights if array.ndim in (2, 4)]
    shortcuts = [layer.shortcut for layer in net.layers if isinstance(layer, Residual)]
    changed = [shortcut for shortcut in shortcuts if shortcut is not None]
    assert len(changed) == resnet.STAGES - 1
    assert all(layer.W.shape[2:] == (1, 1) for layer in changed)
    assert len(shortcuts) == resnet.STAGES * num_blocks
    assert len(with_weights) - len(changed) == setting.num_layers


def test_resnet_of_the_book_has_18_layers_and_stages_of_half_the_size_and_twice_the_channels():
    setting = resnet.Setting()
    assert setting.num_layers == 18
    assert setting.blocks() == [
        *((16, 16, 1), (16, 16, 1)),
        *((16, 32, 2), (32, 32, 1)),
        *((32, 64, 2), (64, 64, 1)),
        *((64, 128, 2), (128, 128, 1)),
    ]
    net, X = resnet.from_scratch(TINY, data()).net, nd.zeros((1, 1, 28, 28))
    sizes = []
    for layer in net.layers:
        X = layer.forward(X)
        if isinstance(layer, Residual):
            sizes.append(X.shape[1:])
    assert sizes == [(2, 14, 14), (4, 7, 7), (8, 4, 4), (16, 2, 2)]


def test_plain_nets_lack_the_shortcuts_and_nothing_else():
    def shapes(name, build):
        model = built(name, build)
        model.net(next(iter(data().train_iter))[0])
        return [param.get().shape for param in parameters(model)]

    for build in ("from_scratch", "with_gluon"):
        plain, whole = shapes("plain", build), shapes("shortcuts", build)
        in_shortcuts = [shape for shape in whole if shape[2:] == (1, 1)]
        assert len(in_shortcuts) == resnet.STAGES - 1
        assert len(whole) == len(plain) + 2 * len(in_shortcuts)  # each has a bias
        assert [shape for shape in whole if len(shape) == 4 and shape[2:] != (1, 1)] == [
            shape for shape in plain if len(shape) == 4
        ]


def test_study_has_every_depth_with_and_without_shortcuts_and_is_compared_at_both_ends():
    hp = resnet.HParams()
    nets = resnet.study(hp)
    depths = [10, 10, 18, 18, 34, 34, 66, 66]
    assert [net.num_layers for net in nets.values()] == depths
    assert [net.shortcuts for net in nets.values()] == [True, False] * 4
    assert {(net.num_channels, net.num_epochs) for net in nets.values()} == {(8, 1)}
    assert set(resnet.differences(hp).values()) == {
        ("66 layers, plain", "10 layers, plain", "train_loss"),
        ("66 layers, plain", "66 layers, shortcuts", "train_loss"),
    }


def test_lenet_has_a_normalization_after_every_layer_but_the_last_or_none():
    for name, count in (("batch norm", 4), ("no batch norm", 0)):
        ours, theirs = built(name, "from_scratch").net, built(name, "with_gluon").net
        assert sum(isinstance(layer, BatchNorm) for layer in ours.layers) == count
        assert sum(isinstance(layer, gluon.nn.BatchNorm) for layer in theirs) == count
        assert not isinstance(ours.layers[-1], BatchNorm)


def test_first_normalization_is_the_same_however_the_net_is_built():
    for build in ("from_scratch", "with_gluon"):
        model = built("batch norm", build)
        model.net(next(iter(data().train_iter))[0])
        gamma, beta = batch_norm.first_normalization(model)
        assert (gamma, beta) == ([1.0] * 6, [0.0] * 6)
        first = model.net.layers[1] if isinstance(model.net, Network) else model.net[1]
        for array, value in ((first.gamma, 2.0), (first.beta, 3.0)):
            filled = nd.full(6, value)
            array.set_data(filled) if isinstance(array, gluon.Parameter) else array.__setitem__(
                slice(None), filled
            )
        assert batch_norm.first_normalization(model) == [[2.0] * 6, [3.0] * 6]


def test_chapters_train_compare_and_draw(results):
    for name, result in results.items():
        assert not result.errors
        assert all(pair["left_at"] is None for pair in result.parity["pairs"])
        assert "training_curves" in result.figures
        for run in result.runs:
            assert all(math.isfinite(value) for value in run.metrics.values())
        assert len(result.parity["pairs"]) == (2 if name == "batch_norm" else 1)
    learned = results["batch_norm"].tables["What the first batch norm has learned"]
    assert [row["run"] for row in learned[::6]] == ["scratch batch norm", "gluon batch norm"]
    depth = results["resnet"].tables["What depth does"]
    assert [(row["layers"], row["shortcuts"]) for row in depth] == [
        (layers, shortcuts) for layers in (10, 18) for shortcuts in ("yes", "no")
    ]
    assert len(results["resnet"].figures["depth"].axes[0].lines) == 2


def test_differences_between_depths_are_those_of_their_losses(results):
    result = results["resnet"]
    losses = {
        name: result.find("gluon", name).metrics["train_loss"]
        for name in resnet.study(resnet.HParams(study_blocks=2))
    }
    found = result.find("gluon", "conclusions").metrics
    assert found["deepest_plain_minus_shallowest"] == pytest.approx(
        losses["18 layers, plain"] - losses["10 layers, plain"]
    )
    assert found["deepest_plain_minus_shortcuts"] == pytest.approx(
        losses["18 layers, plain"] - losses["18 layers, shortcuts"]
    )


def test_metrics_are_what_the_book_prints_after_each_epoch_but_the_last():
    history = History(
        {"epoch": i, "train_loss": i / 10, "train_acc": i / 20, "test_acc": i / 40} for i in (1, 2, 3)
    )
    assert batch_norm.metrics(None, None, history) == {
        **{"epoch1_loss": 0.1, "epoch1_train_acc": 0.05, "epoch1_test_acc": 0.025},
        **{"epoch2_loss": 0.2, "epoch2_train_acc": 0.1, "epoch2_test_acc": 0.05},
    }


@pytest.mark.parametrize("name", ["batch_norm", "resnet"])
def test_published_rows_are_of_runs_and_metrics_that_there_are(name):
    chapter = importlib.import_module(f"chapters.{name}").chapter
    labels = {run.label for run in chapter.runs(chapter.HParams())} | {"gluon conclusions"}
    epochs = chapter.HParams().num_epochs
    metrics = {"train_loss", "train_acc", "test_acc", *resnet.differences(resnet.HParams())}
    metrics |= {f"epoch{i}_{what}" for i in range(1, epochs) for what in ("loss", "train_acc", "test_acc")}
    rows = [row for row in published_values() if row["chapter"] == name]
    assert rows
    for row in rows:
        assert row["run"] in labels
        assert row["metric"] in metrics
