"""Test the callbacks for clipping and for the best model."""

import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches, Steps
from d2l_repro.experiment.model import Model
from d2l_repro.scratch import SGD, normal
from d2l_repro.scratch.layers import LOSSES, Activation, Affine, BatchNorm, Network, gradients_by_hand
from d2l_repro.train import train_ch3
from d2l_repro.train.callbacks import (
    BestModel,
    Clip,
    StepLosses,
    StepSizes,
    kept_random_state,
    seed_everything,
)
from d2l_repro.train.parameters import parameters

BATCH_SIZE, LR = 16, 0.5


def from_scratch(norm):
    hidden = [BatchNorm(nd.ones(8), nd.zeros(8))] if norm else []
    first = Affine(normal((4, 8), 0.5), nd.zeros(8), first=True)
    net = Network([first, *hidden, Activation("relu"), Affine(normal((8, 3), 0.5), nd.zeros(3))])
    gradients = gradients_by_hand(net, "softmax")
    return Model(net, LOSSES["softmax"][0], net.params, SGD(net.params, LR), gradients=gradients)


def with_gluon(norm):
    net = nn.HybridSequential()
    net.add(nn.Dense(8), *([nn.BatchNorm()] if norm else []), nn.Activation("relu"), nn.Dense(3))
    net.initialize(init.Normal(0.5))
    net(nd.zeros((1, 4)))  # so that it has its parameters before training
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": LR}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def step_sizes(build, norm, theta=None):
    """Return the mean length of a step in each epoch, on three classes of points."""
    seed_everything(0)
    X, y = nd.random.normal(shape=(60, 4)), nd.arange(60) % 3
    model = build(norm)
    learned = parameters(model)
    clip = [Clip([param.source for param in learned], theta, BATCH_SIZE)] if theta else []
    history = train_ch3(
        model.net,
        Minibatches(X + 3 * nd.one_hot(y, 4), y, BATCH_SIZE, seed=0),
        None,
        model.loss,
        12,
        BATCH_SIZE,
        trainer=model.trainer,
        gradients=model.gradients,
        callbacks=[*clip, StepSizes(learned)],
    )
    return history["step_size"]


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("build", [from_scratch, with_gluon])
def test_clip_shortens_long_gradients_to_the_norm_and_leaves_short_ones(build, norm):
    free = step_sizes(build, norm)
    assert min(free) > 0.002
    np.testing.assert_allclose(step_sizes(build, norm, theta=1e-3), LR * 1e-3, rtol=1e-3)
    np.testing.assert_allclose(step_sizes(build, norm, theta=1e3), free, rtol=1e-5)


def test_step_sizes_measures_every_nth_step_of_an_epoch_from_the_first():
    def sizes(steps, num_epochs, every):
        seed_everything(0)
        X, y = nd.random.normal(shape=(60, 4)), nd.arange(60) % 3
        model = from_scratch(False)
        batches = Steps(Minibatches(X, y, BATCH_SIZE, seed=0), steps)
        watch = StepSizes(parameters(model), every)
        history = train_ch3(
            model.net,
            batches,
            None,
            model.loss,
            num_epochs,
            BATCH_SIZE,
            trainer=model.trainer,
            gradients=model.gradients,
            callbacks=[watch],
        )
        return history["step_size"]

    each = sizes(1, 12, 1)
    assert len(set(each)) == 12
    measured = [[each[0], each[4]], [each[6], each[10]]]
    np.testing.assert_allclose(sizes(6, 2, 4), np.mean(measured, axis=1), rtol=1e-6)


class Row:
    """What BestModel reads of the loop."""

    def __init__(self, epoch, value):
        self.epoch, self.history = epoch, [{"valid_acc": value}]


@pytest.mark.parametrize(("largest", "epoch"), [(True, 2), (False, 4)])
def test_best_model_keeps_the_first_best_epoch(largest, epoch):
    weights, running = nd.zeros(3), nd.zeros(2)
    best = BestModel([weights, running], largest=largest)
    best.restore()
    assert (weights == 0).asnumpy().all()
    for i, value in enumerate((0.5, 0.9, 0.9, 0.3, 0.3), 1):
        weights[:], running[:] = i, -i
        best.after_epoch(Row(i, value))
    best.restore()
    assert best.epoch == epoch
    assert weights.asnumpy().tolist() == [epoch] * 3
    assert running.asnumpy().tolist() == [-epoch] * 2


def test_step_losses_are_the_means_of_each_batch_and_are_printed_when_their_epoch_ends(capsys):
    X, y = nd.random.normal(shape=(10, 2)), nd.arange(10)
    batches = [(X[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]  # the last one is short
    means, callback = [], StepLosses("net", print_every=2)
    w = nd.ones((2, 1))
    w.attach_grad()

    def loss(y_hat, y):
        losses = (y_hat.reshape(-1) - y) ** 2
        means.append(losses.mean().asscalar().item())
        return losses

    train_ch3(lambda X: nd.dot(X, w), batches, None, loss, 2, 4, [w], 1e-3, metrics={}, callbacks=[callback])
    assert callback.losses == pytest.approx(means, rel=1e-5)
    assert len(means) == 6
    lines = [f"net step {step}, loss {means[step - 1]:.4g}" for step in (1, 3, 5)]
    assert capsys.readouterr().out.splitlines() == lines


def test_kept_random_state_hides_from_the_caller_what_seeds_were_set_inside():
    def draw(seed, inside):
        seed_everything(seed)
        with kept_random_state():
            seed_everything(inside)
            nd.random.normal(shape=inside)
            np.random.rand(inside)  # noqa: NPY002
        return nd.random.uniform(shape=1).asscalar(), np.random.rand()  # noqa: NPY002

    assert draw(1, inside=5) == draw(1, inside=6) != draw(2, inside=5)
