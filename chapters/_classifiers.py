"""Softmax regression and the MLP once more, with optimizer, decay, schedule, initialisation and pixels as
settings.

What the chapters of a reader's article have in common: a comparison is a table of `Setting`s.
"""

from dataclasses import dataclass
from typing import Literal

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import scratch, settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Model
from d2l_repro.results.result import shown
from d2l_repro.settings import Count, NonNegative, Positive, Probability
from d2l_repro.train import schedules
from d2l_repro.train.callbacks import Schedule
from d2l_repro.train.loop import train_ch3

from .softmax_regression import NUM_INPUTS, NUM_OUTPUTS

# Name -> class and options from scratch; Gluon's name and options, and its lr as a multiple of ours, where it
# has one. Gluon's AdaDelta takes no notice of any lr, nor then of a schedule, which ours does. Of the average
# it has only the velocity that goes the same way while lr is constant.
OPTIMIZERS = {
    "sgd": (scratch.SGD, {}, ("sgd", {}, 1.0)),
    "momentum": (scratch.Momentum, {}, ("sgd", {"momentum": 0.9}, 1.0)),
    "momentum, average": (scratch.Momentum, {"average": True}, ("sgd", {"momentum": 0.9}, 0.1)),
    "momentum 0.99, average": (
        scratch.Momentum,
        {"rho": 0.99, "average": True},
        ("sgd", {"momentum": 0.99}, 0.01),
    ),
    "nesterov": (scratch.Nesterov, {}, ("nag", {"momentum": 0.9}, 1.0)),
    "adagrad": (scratch.AdaGrad, {}, ("adagrad", {}, 1.0)),
    "rmsprop": (scratch.RMSProp, {}, ("rmsprop", {"gamma1": 0.9}, 1.0)),
    "rmsprop, epsilon outside": (scratch.RMSProp, {"eps_inside_sqrt": False}, None),
    "adadelta": (scratch.AdaDelta, {}, ("adadelta", {}, 1.0)),
    "adam": (scratch.Adam, {}, ("adam", {}, 1.0)),
    "adam, no correction": (scratch.Adam, {"correct_bias": False}, None),
    "adam, t the epoch": (scratch.Adam, {"steps_per_t": "epoch"}, None),
    "adamw": (scratch.AdamW, {}, None),
    "random adam": (scratch.RandomAdam, {}, None),
}
# Gluon's names of those that decay weights otherwise than we do, and our names of those whose state Gluon
# keeps in single precision whatever the parameters are in.
DECAY_OTHERWISE = ("adagrad", "adadelta", "nag")
SINGLE_PRECISION = ("adagrad", "rmsprop", "adadelta")
SCHEDULES = {  # learning rate and number of epochs -> schedule that counts epochs
    "constant": lambda lr, num_epochs: schedules.constant(lr),
    "step": lambda lr, num_epochs: schedules.stepwise(lr, 0.1, (num_epochs // 2, 3 * num_epochs // 4)),
    "exponential": lambda lr, num_epochs: schedules.exponential(lr, 0.8),
    "cosine": schedules.cosine,
    "warm-up": lambda lr, num_epochs: schedules.warm_up(
        num_epochs // 5, schedules.cosine(lr, num_epochs * 4 / 5)
    ),
}
INITS = {  # Setting -> shape -> weights from scratch, and Setting -> Gluon's initialiser
    "normal": (lambda hp: lambda shape: scratch.normal(shape, hp.sigma), lambda hp: init.Normal(hp.sigma)),
    "xavier": (lambda hp: scratch.xavier, lambda hp: init.Xavier()),
    "kaiming": (lambda hp: scratch.kaiming, lambda hp: init.MSRAPrelu("in", slope=0)),
}


@dataclass(frozen=True)
class Setting(settings.HParams):
    """One row of a comparison."""

    net: Literal["softmax", "mlp"] = "softmax"
    # softmax in the loss, as in Gluon, or (from scratch) in the net
    loss: Literal["joint", "separate"] = "joint"
    optimizer: Literal[tuple(OPTIMIZERS)] = "sgd"
    lr: Positive = 0.1  # learning rate, at the start where the schedule changes it
    schedule: Literal[tuple(SCHEDULES)] = "cosine"  # of the learning rate, from epoch to epoch
    wd: NonNegative = 0.0  # weight decay
    l2_factor: Literal[1, 2] = 1  # gradient of the penalty over wd times the weights: 2 as in the article
    init: Literal[tuple(INITS)] = "normal"  # how weights begin
    sigma: Positive = 0.01  # standard deviation of weights that begin as "normal"
    pixels: Literal["floats", "bytes"] = "floats"  # from 0 to 1, or from 0 to 255 as they are stored
    num_epochs: Count = 20  # passes over the training set
    batch_size: Count = 256  # examples a step
    num_hiddens: Count = 256  # units of the MLP's hidden layer
    target: Probability = 0.82  # test accuracy of which the table says when it was reached

    @property
    def sizes(self):
        """Units of each layer, from the pixels to the classes."""
        return [NUM_INPUTS, *([self.num_hiddens] if self.net == "mlp" else []), NUM_OUTPUTS]


def runs_of(comparisons):
    """Every row of every comparison, title -> {name: Setting}: from scratch and, where Gluon has it, with
    Gluon."""
    return comparison.runs_of(comparisons, from_scratch, with_gluon, _in_gluon)


def _in_gluon(hp):
    """Gluon has most optimizers, but not all with the same decay, and no factor of it."""
    gluons = OPTIMIZERS[hp.optimizer][2]
    return gluons is not None and not (hp.wd and (hp.l2_factor != 1 or gluons[0] in DECAY_OTHERWISE))


def data(hp, options):
    """Fashion-MNIST in minibatches, as floats from 0 to 1 or as the bytes that they are."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    return images.minibatches(hp.batch_size, options.seed, as_bytes=hp.pixels == "bytes")


def from_scratch(hp, data):
    """The net as a list of layers, with ReLU between them."""
    weights = [INITS[hp.init][0](hp)(shape) for shape in zip(hp.sizes, hp.sizes[1:])]
    params = [param for W in weights for param in (W, nd.zeros(W.shape[1]))]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        H = X.reshape((-1, NUM_INPUTS))
        for i in range(0, len(params), 2):
            H = nd.dot(scratch.relu(H) if i else H, params[i]) + params[i + 1]
        return H if hp.loss == "joint" else scratch.softmax(H)  # (batch, 10)

    kind, options, _ = OPTIMIZERS[hp.optimizer]
    options = {name: len(data.train_iter) if value == "epoch" else value for name, value in options.items()}
    loss = scratch.softmax_cross_entropy if hp.loss == "joint" else scratch.cross_entropy
    return Model(net, loss, params, kind(params, hp.lr, wd=hp.wd, l2_factor=hp.l2_factor, **options))


def with_gluon(hp, data):
    """The same from Gluon."""
    net = nn.HybridSequential()
    net.add(*(nn.Dense(size, activation="relu") for size in hp.sizes[1:-1]), nn.Dense(hp.sizes[-1]))
    net.initialize(INITS[hp.init][1](hp))
    net.hybridize()
    params = net.collect_params()
    name, options, factor = OPTIMIZERS[hp.optimizer][2]
    trainer = gluon.Trainer(
        params, name, {"learning_rate": factor * hp.lr, "wd": hp.wd, **options}, kvstore=None
    )
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """The loop, with the learning rate's schedule."""
    lr = model.trainer.learning_rate
    schedule = SCHEDULES[hp.schedule](lr, hp.num_epochs)
    callbacks = [Schedule(schedules.by_epoch(schedule, len(data.train_iter))), *callbacks]
    return train_ch3(
        model.net,
        data.train_iter,
        data.test_iter,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        callbacks=callbacks,
    )


def show(result, comparisons, where):
    """A figure and a table for each comparison, title -> {name: Setting}; `where` ends the figures'
    titles."""
    comparison.draw(result, comparisons, where, ("train_loss", "train_acc", "test_acc"))
    comparison.tabulate(result, comparisons, lambda label, run, hp: row(label, run, hp.target))


def showing(comparisons, HParams, where="on"):
    """The `show` of a chapter that is nothing but comparisons: a figure and a table for each."""

    def show_all(result, data):
        show(result, comparisons(HParams(**result.settings)), f"{where} {data.source.title}")

    return show_all


def row(label, run, target):
    """A run's line in the table of its comparison."""
    history = run["history"]
    if not history:
        return {
            "run": label,
            **dict.fromkeys(("train loss", "train acc", "test acc", "gap", "best test acc"), "-"),
            "test accuracy reached": "diverged in epoch 1",
        }
    last = history[-1]
    return {
        "run": label,
        "train loss": shown(last["train_loss"], ".4g"),
        "train acc": f"{last['train_acc']:.4f}",
        "test acc": f"{last['test_acc']:.4f}",
        "gap": f"{100 * (last['train_acc'] - last['test_acc']):.1f} points",
        "best test acc": f"{max(history['test_acc']):.4f}",
        "test accuracy reached": reached(history, target),
    }


def reached(history, target):
    """When the test accuracy first was `target`: the epoch, and the time of training and scoring until
    then."""
    seconds = 0.0
    for epoch in history:
        seconds += epoch["seconds"]
        if epoch["test_acc"] >= target:
            return f"{100 * target:g}% in epoch {epoch['epoch']}, {seconds:.1f} s"
    return f"{100 * target:g}% never"
