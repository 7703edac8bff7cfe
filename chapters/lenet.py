"""LeNet-5 on MNIST, from scratch and with Gluon.

A reader's article of TensorFlow experiments, redone in Gluon.

Two convolutions of 5 x 5, with 32 and 64 channels, each with ReLU and a max pool of 2 x 2, then a dense layer
of 512 units and one of ten classes. From scratch a convolution is one product of matrices, of its weights and
of the windows of the image side by side, and its gradients are derived by hand. Weights begin as in the
TensorFlow book that the article follows, N(0, 0.1), biases as 0.

Expect 0.985 to 0.993 of the 5,000 validation images after 2,000 steps of Adam. SGD is shown beside, with
Gluon only as it takes its time, at the two learning rates that the article calls too large, 0.01, and too
slow, 0.001. Here 0.01 is not too large: its loss falls smoothly, to 0.98 of the validation images. 0.001 is
too slow indeed, with 0.94.
"""

from d2l_repro import compat

compat.prepare_large_nets()

from dataclasses import dataclass

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment import chapter as experiment
from d2l_repro.experiment import comparison, second_edition
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.results import plot
from d2l_repro.scratch import normal
from d2l_repro.scratch.conv import Conv2D, MaxPool2D
from d2l_repro.scratch.layers import LOSSES, Activation, Affine, Network, gradients_by_hand
from d2l_repro.settings import Count, Positive
from d2l_repro.train.callbacks import BestModel
from d2l_repro.train.loop import evaluate, train_ch3
from d2l_repro.train.parameters import parameters

from ._layered import GLUON_LOSSES, OPTIMIZERS, Setting, counted_in_steps, digits_data, row

CHANNELS, KERNEL = (1, 32, 64), 5  # of the image and of the two convolutions; pixels
SMALLER = 4  # by which the two pools divide height and width
EVALUATED_AT_ONCE = 100  # images; the windows of all of them would fill gigabytes
COLUMNS = 8  # of figures of images
SGD_RATES = {"SGD 0.01": 0.01, "SGD 0.001": 0.001}
D2L_RATE = 0.1  # of SGD, which d2l's class comes with


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_steps: Count = 2000  # batches
    num_evaluations: Count = 10  # at most so many times on the validation set while it trains
    batch_size: Count = 100  # examples a step
    lr: Positive = 0.001  # learning rate of Adam
    sigma: Positive = 0.1  # standard deviation of the initial weights
    num_hiddens: Count = 512  # units of the dense hidden layer


def variants(hp):
    """Name -> Setting."""
    adam = Setting(
        hidden=(hp.num_hiddens,),
        optimizer="adam",
        lr=hp.lr,
        sigma=hp.sigma,
        batch_size=hp.batch_size,
        **counted_in_steps(hp.num_steps, hp.num_evaluations),
    )
    return {
        f"Adam {hp.num_steps} steps": adam,
        **{name: adam.replace(optimizer="sgd", lr=lr) for name, lr in SGD_RATES.items()},
    }


def d2l_setting(hp):
    """Name -> Setting of the run with d2l's class, in as many steps as ours."""
    adam, *_ = variants(hp).values()
    return {f"SGD {D2L_RATE}": adam.replace(optimizer="sgd", lr=D2L_RATE)}


def runs(hp):
    """Adam in both implementations, SGD with Gluon."""
    (name, adam), *others = variants(hp).items()
    return [
        *experiment.runs_of({"scratch": from_scratch, "gluon": with_gluon}, {name: adam}),
        *experiment.runs_of({"gluon": with_gluon}, dict(others)),
    ]


def from_scratch(hp, data):
    """Hand-derived layers."""
    X, _ = data.source.train
    sizes = [CHANNELS[-1] * X[0, 0].size // SMALLER**2, *hp.hidden, data.source.num_outputs]
    layers = []
    for i, (inputs, outputs) in enumerate(zip(CHANNELS, CHANNELS[1:])):
        W = normal((outputs, inputs, KERNEL, KERNEL), hp.sigma)
        layers += [Conv2D(W, nd.zeros(outputs), first=i == 0), Activation("relu"), MaxPool2D()]
    for shape in zip(sizes, sizes[1:]):
        layers += [Affine(normal(shape, hp.sigma), nd.zeros(shape[1])), Activation("relu")]
    net = Network(layers[:-1])
    kind, options, _ = OPTIMIZERS[hp.optimizer]
    return Model(
        net,
        LOSSES[hp.loss][0],
        net.params,
        kind(net.params, hp.lr, **options),
        gradients=gradients_by_hand(net, hp.loss),
    )


def with_gluon(hp, data):
    """The same from Gluon."""
    net = nn.HybridSequential()
    for channels in CHANNELS[1:]:
        net.add(nn.Conv2D(channels, KERNEL, padding=KERNEL // 2, activation="relu"), nn.MaxPool2D(2))
    net.add(*(nn.Dense(units, activation="relu") for units in hp.hidden), nn.Dense(data.source.num_outputs))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    name, options, _ = OPTIMIZERS[hp.optimizer][2]
    trainer = gluon.Trainer(params, name, {"learning_rate": hp.lr, **options}, kvstore=None)
    return Model(net, GLUON_LOSSES[hp.loss](), params, trainer)


def with_d2l(hp, data):
    """The class of the second edition, section 7.6: another LeNet, with the sigmoids and average pools of
    1998.

    Its loss hardly moves for the first 2,000 steps of SGD; after 6,000 it has 0.93 of the validation images.
    """
    return second_edition.model(lambda d2l: d2l.LeNet(hp.lr, data.source.num_outputs))


def in_order(examples):
    """Minibatches of (X, y) to evaluate on."""
    return Minibatches(*examples, EVALUATED_AT_ONCE)


def train(model, data, hp, callbacks=()):
    """The loop, with the accuracy on the validation set after each epoch; the best model there is kept."""
    valid = in_order(data.source.valid)
    best = BestModel([param.source for param in parameters(model)])
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        gradients=model.gradients,
        metrics={"acc": model.accuracy},
        measure={"valid_acc": lambda: evaluate(valid, model.net, model.accuracy)},
        callbacks=[best, *callbacks],
    )
    best.restore()
    return history


def tested(model, data, history):
    """The metrics of the model that was best on the validation set: its epoch, and its scores there and in
    the test."""
    best = max(history, key=lambda row: row["valid_acc"])
    return {
        "best_epoch": best["epoch"],
        "best_valid_acc": best["valid_acc"],
        "test_acc": evaluate(in_order(data.source.test), model.net, model.accuracy),
    }


def show(result, data):
    """The runs side by side; of both implementations the first filters, and digits that are taken for
    others."""
    hp = HParams(**result.settings)
    table = variants(hp)
    comparison.tabulate(result, {"Optimizers": {**table, **d2l_setting(hp)}}, row)
    steps = next(iter(table.values())).steps
    result.figures["training_curves"] = plot.comparison(
        result.runs,
        f"LeNet-5 on {data.source.title}",
        ("train_loss", "train_acc", "valid_acc"),
        f"evaluation, every {steps} steps",
    )
    for label, model in result.models.items():
        impl, _, name = label.partition(" ")
        if name not in SGD_RATES:
            result.figures[f"filters_{impl}"] = filters(model, label)
            wrong = misclassified(model.net, data.source)
            if wrong:
                result.figures[f"misclassified_{impl}"] = plot.image_row(
                    *zip(*wrong), f"{label}: true class above, predicted below", columns=COLUMNS
                )
    if result.impl == "d2l":
        result.tables[second_edition.EDITIONS] = editions(hp, data.source)


def editions(hp, sets):
    """Table: where this LeNet, of a book on TensorFlow, and that of d2l 1.0 differ."""
    adam, *_ = variants(hp).values()
    taken = adam.num_epochs * adam.steps
    theirs = "LeNet: 6 and 16 channels; sigmoid; average pools; dense 120, 84, 10"
    return second_edition.editions(
        len(sets.train[1]),
        hp.batch_size,
        {
            "net": (f"32 and 64 channels; ReLU; max pools; dense {hp.num_hiddens}, 10", theirs, theirs),
            "initial weights": (f"normal, deviation {hp.sigma:g}", "Xavier", "Xavier"),
            "optimizer": (
                f"Adam {hp.lr:g}; SGD {' and '.join(f'{lr:g}' for lr in SGD_RATES.values())}",
                f"SGD {D2L_RATE}",
                f"SGD {second_edition.default('LeNet', 'lr')} (LeNet's default)",
            ),
            "batch size": (
                hp.batch_size,
                hp.batch_size,
                f"128 (section 7.6; of FashionMNIST by itself {second_edition.default('FashionMNIST', 'batch_size')})",
            ),
            "steps": (taken, taken, "4690 (10 epochs, section 7.6)"),
            "data": (sets.title, sets.title, "Fashion-MNIST, first partition (Gluon's)"),
        },
    )


def filters(model, label):
    """Figure of the first convolution's filters, each from its smallest weight to its largest."""
    W = parameters(model)[0].get()  # (outputs, 1, 5, 5)
    return plot.image_row(
        W[:, 0], [""] * len(W), f"{label}: filters of the first layer, large weights dark", columns=COLUMNS
    )


def misclassified(net, sets, count=24):
    """The first test images that are taken for another digit: (image, true class above the predicted one)
    each."""
    found = []
    for X, y in in_order(sets.test):
        predicted = net(X).argmax(axis=1).asnumpy()
        found += [
            (X[i, 0].asnumpy(), f"{y[i].asscalar():g}\n{predicted[i]:g}")
            for i in np.flatnonzero(predicted != y.asnumpy())
        ]
        if len(found) >= count:
            break
    return found[:count]


chapter = Chapter(
    name="lenet",
    doc=__doc__,
    HParams=HParams,
    quick={"num_steps": 60, "num_evaluations": 3, "batch_size": 10},
    data=digits_data,
    runs=runs,
    train=train,
    metrics=tested,
    show=show,
    d2l=lambda hp: second_edition.runs(with_d2l, d2l_setting(hp)),
    may_diverge=lambda run: run.label.partition(" ")[2] in SGD_RATES,
    datasets=("mnist", "fashion_mnist", "digits"),
    comparable=("mnist",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
