"""What the mistakes of several chapters consist of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

from mxnet import nd

from ..data.loader import Data, Mapped, Minibatches
from ..experiment.model import Model
from ..scratch import SGD
from ..train.loop import Trainer, gradients_by_autograd

# Published rows of a classifier: (run, metric).
TRAINING = (("scratch", "train_loss"), ("scratch", "train_acc"))
ALL = (*TRAINING, ("scratch", "test_acc"))


class WrongSize:
    """Step a trainer with another batch size than the one that the loop passes.

    Args:
        trainer: from scratch.
        size: (batch size) -> the number to divide by instead.
    """

    def __init__(self, trainer: Trainer, size: Callable[[float], float]):
        self.optimizer, self.size = trainer, size
        self.set_learning_rate = trainer.set_learning_rate

    @property
    def learning_rate(self) -> float:
        return self.optimizer.learning_rate

    def step(self, batch_size: float) -> None:
        self.optimizer.step(self.size(batch_size))


def not_divided(model: Model, hp: Any) -> Model:
    """Step with the sum of the examples' gradients."""
    return replace(model, trainer=WrongSize(model.trainer, lambda size: 1))


def divided_twice(model: Model, hp: Any) -> Model:
    """Divide the gradient by the batch size although it is one of a mean."""
    return replace(model, trainer=WrongSize(model.trainer, lambda size: size**2))


def divided_by_own_size(model: Model, hp: Any) -> Model:
    """Divide the gradient of the short last batch by the number of its own examples."""
    return replace(model, loss=lambda y_hat, y: hp.batch_size / len(y) * model.loss(y_hat, y))


def climbs(model: Model, hp: Any) -> Model:
    """Add the gradient instead of subtracting it."""
    return replace(model, trainer=WrongSize(SGD(model.params, hp.lr), lambda batch_size: -batch_size))


def never_steps(model: Model, hp: Any) -> Model:
    """Give the optimizer none of the parameters."""
    return replace(model, trainer=SGD([], hp.lr))


def learns_only(*indices: int) -> Callable[[Model, Any], Model]:
    """Return a change that gives the optimizer only some of the parameters."""
    return lambda model, hp: replace(model, trainer=SGD([model.params[i] for i in indices], hp.lr))


def with_lr(lr: float) -> Callable[[Model, Any], Model]:
    """Return a change that trains with this learning rate, whatever the settings say."""
    return lambda model, hp: replace(model, trainer=SGD(model.params, lr))


def with_batches(change: Callable) -> Callable[[Data], Data]:
    """Return a change of the data that is made in every training batch: (X, y) -> (X, y)."""
    return lambda data: replace(data, train_iter=Mapped(data.train_iter, change))


def labels_of_others(data: Data) -> Data:
    """Give each example of a training batch the label of another one."""
    return with_batches(lambda X, y: (X, nd.reverse(y, axis=0)))(data)


def train_on_test_set(data: Data) -> Data:
    """Train on the test examples as well, where the source of the data is both sets."""
    batches = data.train_iter
    X, y = (nd.concat(*arrays, dim=0) for arrays in zip(*data.source))
    return replace(data, train_iter=Minibatches(X, y, batches.batch_size, seed=0))


def absolute_error(y_hat, y):  # (batch, 1), (batch,)
    """Return the distances of predictions from labels."""
    return (y_hat - y.reshape(y_hat.shape)).abs()  # (batch, 1)


def broadcasts(model: Model, hp: Any) -> Model:
    """Compare every prediction with every label. The loop would refuse this loss if it took the gradients."""
    return replace(model, loss=broadcast_loss, gradients=gradients_by_autograd(model.net, broadcast_loss))


def broadcast_loss(y_hat, y):  # (batch, 1), (batch,)
    """Return squared errors of every prediction with every label, as (n, 1) minus (n,) does in NumPy."""
    return (y_hat - y.reshape((1, -1))) ** 2 / 2  # (batch, batch)
