"""Test nets trained side by side: each must do what it does alone."""

import numpy as np
import pytest
from mxnet import nd

from chapters import two_moons
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import minibatches
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.side_by_side import train_side_by_side
from d2l_repro.scratch import SGD, Nadam, sigmoid_cross_entropy
from d2l_repro.scratch.layers import Activation, Affine, Network, gradients_by_hand

HP = two_moons.HParams(num_train=80)
EPOCHS, LR, LOGGED = 12, 5.0, (0, 3, 11, 100)


def alone(weights, splits, optimizer):
    """Train one net as the chapter does, and return its metrics and history."""
    layers = []
    for i, W in enumerate(weights):
        layers += [Activation("sigmoid")] if i else []
        layers += [Affine(nd.array(W.T), nd.zeros(len(W)), first=not i)]
    net = Network(layers)
    model = Model(
        net,
        sigmoid_cross_entropy,
        net.params,
        optimizer(net.params, LR),
        gradients=gradients_by_hand(net, "logistic"),
    )
    data: Data = minibatches(splits, 80, 0)
    hp = two_moons.Setting(num_train=80, num_epochs=EPOCHS)
    history = two_moons.train(model, data, hp)
    return two_moons.metrics(model, data, history), history


@pytest.mark.parametrize(("widths", "optimizer"), [((), SGD), ((4, 3), SGD), ((4,), Nadam)])
def test_each_net_ends_where_it_would_alone(widths, optimizer):
    rng = np.random.RandomState(0)
    splits = [two_moons.draw_splits(HP, seed) for seed in (1, 2)]
    drawn = []

    def draw(shape):
        drawn.append(rng.normal(size=shape).astype("float32"))
        return nd.array(drawn[-1])

    found = train_side_by_side(widths, draw, splits, LR, EPOCHS, LOGGED, optimizer)
    assert [W.shape for W in drawn] == [(2, n, m) for m, n in zip((2, *widths), (*widths, 1))]
    for i, (net, its) in enumerate(zip(found, splits)):
        expected, history = alone([W[i] for W in drawn], its, optimizer)
        assert net["train_loss"] == pytest.approx(history[-1]["train_loss"], rel=1e-4)
        for name in ("best_epoch", "best_valid_acc", "first_valid_acc", "test_acc"):
            assert net[name] == expected[name], name
        assert net["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)
        for k in (0, 3, 11):
            assert net[f"after_{k}_train_loss"] == pytest.approx(history[k]["train_loss"], rel=1e-4)
        assert "after_100_train_loss" not in net
