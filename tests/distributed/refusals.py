"""Try, as a worker of a job, trainings that must be refused, and write the reasons: `refusals.py OUT`."""

import json
import sys

import d2l_repro  # noqa: F401  (prepares mxnet)

# isort: split
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches
from d2l_repro.distributed import workers
from d2l_repro.errors import InputError
from d2l_repro.scratch import SGD
from d2l_repro.train import train_ch3
from d2l_repro.train.callbacks import Clip, Schedule, seed_everything
from d2l_repro.train.loop import Callback, gradients_by_autograd

BATCH_SIZE = 4


def dense(*more):
    """Return a small Gluon net."""
    net = nn.HybridSequential()
    net.add(nn.Dense(5, activation="relu"), *more, nn.Dense(2))
    net.initialize()
    return net


def with_gluon(net=None, examples=24, callbacks=(), lr=0.1, gradients=None, change=None):
    """Train a Gluon net for three epochs; return its parameters.

    Args:
        change: called with Gluon's trainer after the first epoch.
    """
    net = net or dense()
    X = nd.random.normal(shape=(examples, 3))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr}, kvstore=None)

    class Changes(Callback):
        def after_epoch(self, loop):
            if loop.epoch == 1:
                change(trainer)

    train_ch3(
        net,
        Minibatches(X, X[:, 0] > 0, BATCH_SIZE, seed=0),
        None,
        gluon.loss.SoftmaxCrossEntropyLoss(),
        3,
        BATCH_SIZE,
        trainer=trainer,
        callbacks=[*callbacks, *([Changes()] if change else [])],
        gradients=gradients,
    )
    return [param.data().asnumpy().tolist() for param in net.collect_params().values()]


def from_scratch(penalty=0.0, mean=False, clip=None):
    """Train a linear layer with gradients that are taken here; return its weights."""
    w = nd.array([[1.0], [2.0]])
    w.attach_grad()
    X = nd.random.normal(shape=(8, 2))
    y = nd.dot(X, nd.array([[3.0], [-1.0]]))

    def loss(y_hat, y):
        return (y_hat - y) ** 2

    def gradients(X, y):
        with autograd.record():
            y_hat = nd.dot(X, w)
            losses = loss(y_hat, y)
            total = losses.mean() * BATCH_SIZE if mean else losses.sum()
            total = total + penalty * (w**2).sum()
        total.backward()
        return y_hat, losses

    train_ch3(
        lambda X: nd.dot(X, w),
        Minibatches(X, y, BATCH_SIZE, seed=0),
        None,
        loss,
        2,
        BATCH_SIZE,
        trainer=SGD([w], 0.1),
        metrics={},
        gradients=gradients,
        callbacks=[Clip([w], clip, BATCH_SIZE)] if clip else [],
    )
    return w.asnumpy().ravel().tolist()


def mean_with_dropout():
    """Train a net with dropout on the mean over each batch, which each worker takes over its part."""
    net, loss = dense(nn.Dropout(0.5)), gluon.loss.SoftmaxCrossEntropyLoss()
    net.hybridize()

    def gradients(X, y):
        with autograd.record():
            y_hat = net(X)
            losses = loss(y_hat, y)
            total = losses.mean() * BATCH_SIZE
        total.backward()
        return y_hat, losses

    return with_gluon(net, gradients=gradients)


def noise():
    """Train with noise that is drawn in prediction, too."""
    net = dense()
    own = gradients_by_autograd(net, gluon.loss.SoftmaxCrossEntropyLoss())
    return with_gluon(net, gradients=lambda X, y: own(X + nd.random.normal(shape=X.shape), y))


def decay(trainer):
    trainer.optimizer.wd = 0.5


def multiplier(trainer):
    trainer._params[0].lr_mult = 0.5


def cases(number):
    """Return name -> a function that trains; `number` is that of the worker, 0 for a process alone."""

    def half_rate(step):
        return 0.1 if step < 2 else 0.05

    def other_seed():
        seed_everything(number)
        return with_gluon()

    def clipped():
        net = dense()
        return with_gluon(net, callbacks=[Clip(net.collect_params().values(), 1.0, BATCH_SIZE)])

    def own_gradients():
        net = dense()
        return with_gluon(net, gradients=gradients_by_autograd(net, gluon.loss.SoftmaxCrossEntropyLoss()))

    def with_parameters_set(restored):
        """Set the parameters after each epoch, as a moving average does, and perhaps put them back."""
        net = dense()

        class Sets(Callback):
            def after_epoch(self, loop):
                for param in net.collect_params().values():
                    own = param.data().copy()
                    param.set_data(own * 2)
                    if restored:
                        param.set_data(own)

        return with_gluon(net, callbacks=[Sets()])

    return {
        "parameters set": lambda: with_parameters_set(False),
        "parameters set and restored": lambda: with_parameters_set(True),
        "other number of batches": lambda: with_gluon(examples=24 + 4 * number),
        "other learning rate": lambda: with_gluon(lr=0.1 + number),
        "other weights": other_seed,
        "schedule on servers": lambda: with_gluon(callbacks=[Schedule(half_rate)]),
        "own trainer's learning rate": lambda: with_gluon(change=lambda own: own.set_learning_rate(0.2)),
        "weight decay": lambda: with_gluon(change=decay),
        "factor of a parameter": lambda: with_gluon(change=multiplier),
        "constant schedule": lambda: with_gluon(callbacks=[Schedule(lambda step: 0.1)]),
        "clip on servers": clipped,
        "batch norm": lambda: with_gluon(dense(nn.BatchNorm())),
        "dropout": lambda: with_gluon(dense(nn.Dropout(0.5))),
        "mean with dropout": mean_with_dropout,
        "noise": noise,
        "own gradients": own_gradients,
        "penalty in gradients": lambda: from_scratch(penalty=1.0),
        "mean over the batch": lambda: from_scratch(mean=True),
        "from scratch": from_scratch,
        "clip from scratch": lambda: from_scratch(clip=0.5),
    }


def main(path):
    with workers.together() as store:
        number = 0 if store is None else store.number
        found = {}
        for name, train in cases(number).items():
            seed_everything(5)
            try:
                found[name] = train()
            except InputError as error:
                found[name] = str(error)
    with open(f"{path}.{number}.json", "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
