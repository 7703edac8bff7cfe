"""Train many small nets side by side as one, each from weights and on data of its own.

A step of a small net costs little but the calls that it takes. With one more axis, over the nets, the same
calls train them all, and each net takes the steps that it would take alone: this is how to see what a seed
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mxnet import nd

from ..data.splits import Splits
from ..scratch import SGD, sigmoid_cross_entropy
from ..train.loop import Callback, Loop, Trainer, train_ch3

Batch = tuple[nd.NDArray, nd.NDArray]  # X (nets, inputs, examples) and y (nets, examples)


class Nets:
    """Apply nets of sigmoids with a single output, the logit of class 1, each to examples of its own.

    Args:
        weights: for each layer an array (nets, outputs, inputs); the biases begin at 0.

    Attributes:
        params: weights and biases (nets, outputs, 1), layer by layer, with gradients attached.
    """

    def __init__(self, weights: Sequence[nd.NDArray]):
        biases = [nd.zeros((*W.shape[:2], 1)) for W in weights]
        self.layers = list(zip(weights, biases))
        self.params = [param for layer in self.layers for param in layer]
        for param in self.params:
            param.attach_grad()

    def __call__(self, X: nd.NDArray) -> nd.NDArray:  # (nets, inputs, examples) -> (nets, examples)
        ones = nd.ones((X.shape[0], 1, X.shape[2]))
        for i, (W, b) in enumerate(self.layers):
            if i:
                X = nd.Activation(X, "sigmoid")  # in a quarter of the time of nd.sigmoid
            # Y = W X + b 1': as a product too, because its gradient is one; summing rows takes longer
            X = nd.batch_dot(W, X) + nd.batch_dot(b, ones)
        return X.reshape((X.shape[0], -1))


class _BestOfEach(Callback):
    """Keep each net's parameters of the epoch with its best validation accuracy, and losses on the way.

    Attributes:
        best, epochs: how many examples each net had right when it was best, (nets,), and in which epoch.
        first: how many it had right after the first epoch.
        copies: the parameters.
        losses: number of epochs -> each net's training loss after them.
    """

    def __init__(self, nets: Nets, train: Batch, valid: Batch, logged: Sequence[int]):
        self.nets, self.training, self.valid, self.logged = nets, train, valid, logged
        self.best = self.epochs = self.first = nd.full(len(train[1]), -1)
        self.copies = [param.copy() for param in nets.params]
        self.losses: dict[int, nd.NDArray] = {}

    def before_training(self, loop: Loop) -> None:
        self._log(0)

    def after_epoch(self, loop: Loop) -> None:
        found = num_correct(self.nets, self.valid)
        self.first = found if loop.epoch == 1 else self.first
        better = found > self.best
        self.best = nd.where(better, found, self.best)
        self.epochs = nd.where(better, nd.full(better.shape, loop.epoch), self.epochs)
        # Of every net, its parameters where it is better, else the copies: one product each instead of a mask
        # of their shape.
        kept = better.reshape((-1, 1, 1))
        for copy, param in zip(self.copies, self.nets.params):
            copy[:] = copy + kept * (param - copy)
        self._log(loop.epoch)

    def _log(self, epochs: int) -> None:
        if epochs in self.logged:
            self.losses[epochs] = losses_of(self.nets, self.training)


def num_correct(nets: Nets, batch: Batch) -> nd.NDArray:
    """Return how many examples each net classifies correctly, (nets,)."""
    X, y = batch
    return ((nets(X) > 0) == y).sum(axis=1)


def losses_of(nets: Nets, batch: Batch) -> nd.NDArray:
    """Return each net's mean loss, (nets,)."""
    X, y = batch
    return sigmoid_cross_entropy(nets(X), y).mean(axis=1)


def train_side_by_side(
    widths: Sequence[int],
    draw: Callable[[tuple[int, ...]], nd.NDArray],
    splits: Sequence[Splits],
    lr: float,
    num_epochs: int,
    logged: Sequence[int] = (),
    optimizer: Callable[[list[nd.NDArray], float], Trainer] = SGD,
) -> list[dict[str, float]]:
    """Train one net per data set, its training set as one batch, and test each at its best epoch.

    Args:
        widths: units of the hidden layers, which are sigmoids.
        draw: shape -> initial weights.
        splits: data of each net: points (examples, inputs) and classes 0 or 1; all of the same sizes.
        lr: learning rate.
        num_epochs: steps to take.
        logged: numbers of epochs after which the training loss is kept.
        optimizer: (params, lr) -> trainer, which treats every element of the parameters by itself.

    Returns:
        For each net its train_loss, before the last step, best_epoch, best_valid_acc, first_valid_acc,
        test_loss, test_acc, and after_K_train_loss for each K of `logged` that was reached.
    """
    train, valid, test = (_stack(splits, name) for name in ("train", "valid", "test"))
    sizes = [train[0].shape[1], *widths, 1]
    nets = Nets([draw((len(splits), n, m)) for m, n in zip(sizes, sizes[1:])])
    best = _BestOfEach(nets, train, valid, [*logged, num_epochs - 1])
    batch_size = train[1].shape[1]
    trainer = optimizer(nets.params, lr)
    train_ch3(
        nets, [train], None, sigmoid_cross_entropy, num_epochs, batch_size,
        trainer=trainer, metrics={}, callbacks=[best],
    )  # fmt: skip
    for param, copy in zip(nets.params, best.copies):
        param[:] = copy
    num_valid, num_test = valid[1].shape[1], test[1].shape[1]
    columns = {
        "train_loss": _numbers(best.losses[num_epochs - 1]),
        "first_valid_acc": _numbers(best.first) / num_valid,
        "best_epoch": _numbers(best.epochs),
        "best_valid_acc": _numbers(best.best) / num_valid,
        "test_loss": _numbers(losses_of(nets, test)),
        "test_acc": _numbers(num_correct(nets, test)) / num_test,
        **{f"after_{k}_train_loss": _numbers(losses) for k, losses in best.losses.items() if k in logged},
    }
    return [dict(zip(columns, map(float, values))) for values in zip(*columns.values())]


def _numbers(array: nd.NDArray) -> np.ndarray:
    """Return an array in double precision, in which the quotient of two counts is exact."""
    return array.asnumpy().astype(np.float64)


def _stack(splits: Sequence[Splits], name: str) -> Batch:
    """Return one of the sets of all splits, X (nets, inputs, examples) and y (nets, examples)."""
    sets = [[array.asnumpy() for array in getattr(one, name)] for one in splits]
    X, y = (np.stack(arrays) for arrays in zip(*sets))
    return nd.array(X.transpose(0, 2, 1)), nd.array(y)
