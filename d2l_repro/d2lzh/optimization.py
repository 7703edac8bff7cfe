"""Compare optimizers on a surface and on a linear regression (chapter 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from ..data.loader import Minibatches
from ..scratch import linreg, squared_loss
from ..scratch.optim import FunctionTrainer
from ..train.callbacks import MeasureEvery
from ..train.loop import Gradients, Loss, Net, Trainer
from ..train.loop import train_ch3 as run_loop
from .data import shuffling_seed
from .figures import begin_figure, plt

__all__ = ["train_2d", "train_ch7", "train_gluon_ch7"]

STEPS_2D = 20
EVERY = 100  # examples between two points of a curve


def train_2d(
    trainer: Callable[[float, float, float, float], tuple[float, float, float, float]],
) -> list[tuple[float, float]]:
    """Take 20 steps from (-5, -2), print the last point, and return all 21 points (section 7.2).

    Args:
        trainer: (x1, x2, s1, s2) -> the same after a step; s1 and s2 are the optimizer's state, 0 at the
            start.
    """
    x1, x2, s1, s2 = -5.0, -2.0, 0.0, 0.0
    points = [(x1, x2)]
    for _ in range(STEPS_2D):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        points.append((x1, x2))
    print(f"epoch {STEPS_2D}, x1 {x1:f}, x2 {x2:f}")
    return points


def train_ch7(
    trainer_fn: Callable[[Sequence[nd.NDArray], Any, dict[str, Any]], None],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train a linear regression with your own optimizer, and plot the loss (section 7.3).

    The last loss is printed.

    Args:
        trainer_fn: (params, states, hyperparams) -> None; updates [w, b] in place, with the gradients of the
            mean loss of the batch in their `.grad`.
        states: whatever `trainer_fn` keeps from step to step.
        hyperparams: passed to `trainer_fn`.
        features: (examples, inputs).
        labels: (examples,).
        batch_size: examples per step.
        num_epochs: passes over the examples.
    """
    w, b = nd.random.normal(scale=0.01, shape=(features.shape[1], 1)), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()

    def net(X):
        return linreg(X, w, b)

    def gradients(X, y):
        # The loop's own gradients are sums over the batch; the book's optimizers expect the mean.
        with autograd.record():
            y_hat = net(X)
            losses = squared_loss(y_hat, y)
            mean = losses.mean()
        mean.backward()
        return y_hat, losses

    trainer = FunctionTrainer(trainer_fn, [w, b], states, hyperparams)
    _train_regression(net, squared_loss, trainer, features, labels, batch_size, num_epochs, gradients)


def train_gluon_ch7(
    trainer_name: str,
    trainer_hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train a linear regression with one of Gluon's optimizers, like `train_ch7` (section 7.3).

    Args:
        trainer_name: name of the optimizer, such as "adam".
        trainer_hyperparams: its options, as for gluon.Trainer.
        features: (examples, inputs).
        labels: (examples,).
        batch_size: examples per step.
        num_epochs: passes over the examples.
    """
    net = nn.Sequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), trainer_name, trainer_hyperparams)
    _train_regression(net, gluon.loss.L2Loss(), trainer, features, labels, batch_size, num_epochs)


def _train_regression(
    net: Net,
    loss: Loss,
    trainer: Trainer,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    gradients: Gradients | None = None,
) -> None:
    """Train a net, print its last loss over all examples, and plot that loss over the epochs."""
    curve = MeasureEvery(lambda: loss(net(features), labels).mean(), batch_size, EVERY)
    batches = Minibatches(features, labels, batch_size, shuffling_seed())
    history = run_loop(
        net,
        batches,
        None,
        loss,
        num_epochs,
        batch_size,
        trainer=trainer,
        metrics={},
        gradients=gradients,
        callbacks=[curve],
    )
    losses = curve.values()
    print(f"loss: {losses[-1]:f}, {history[-1]['seconds']:f} sec per epoch")
    begin_figure()
    plt.plot(np.linspace(0, num_epochs, len(losses)), losses)
    plt.xlabel("epoch")
    plt.ylabel("loss")
