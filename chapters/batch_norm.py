"""Batch normalization in LeNet, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 5.10.

Each channel of a convolution, and each unit of a dense layer, is shifted and scaled to mean 0 and variance 1
over the batch, and then by a shift and a scale that are learned. In testing there is no batch to go by, so
running averages of mean and variance serve. Beside it stands the same LeNet without normalization, that of
section 5.5. From scratch, the gradients are derived by hand.

Expect a training accuracy of 0.89 after five epochs with batch normalization, and of 0.73 without it, where
the loss hardly moves in the first two. In testing the normalized net may swing by ten points and more from
epoch to epoch at the book's learning rate of 1: the running averages belong to weights that have changed
since.
"""

from dataclasses import asdict, dataclass

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, softmax_cross_entropy, xavier
from d2l_repro.scratch.conv import Conv2D, MaxPool2D
from d2l_repro.scratch.layers import Activation, Affine, BatchNorm, Network, gradients_by_hand
from d2l_repro.settings import Count, Positive
from d2l_repro.train.loop import train_ch3

CHANNELS, UNITS = (6, 16), (120, 84, 10)  # of the convolutions and of the dense layers


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr: Positive = 1.0  # learning rate of SGD with batch normalization
    plain_lr: Positive = 0.9  # learning rate without


@dataclass(frozen=True)
class Setting(HParams):
    """One of the two nets; `lr` is its own learning rate."""

    normalized: bool = True


def data(hp, options):
    """Load Fashion-MNIST in minibatches: X (batch, 1, 28, 28) from 0 to 1, y (batch,) from 0 to 9."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    return images.minibatches(hp.batch_size, options.seed)


def from_scratch(hp, data):
    """Build LeNet from layers with hand-derived gradients, a normalization before each activation."""

    def normalize(units):
        return [BatchNorm(nd.ones(units), nd.zeros(units))] if hp.normalized else []

    def convolution(inputs, outputs, **options):
        W = xavier((outputs, inputs, 5, 5))
        return Conv2D(W, nd.zeros(outputs), padding=0, **options)

    def dense(inputs, outputs):
        return Affine(xavier((inputs, outputs)), nd.zeros(outputs))

    net = Network(
        [
            *(convolution(1, CHANNELS[0], first=True), *normalize(CHANNELS[0]), Activation("sigmoid")),
            MaxPool2D(),  # (batch, 6, 12, 12)
            *(convolution(*CHANNELS), *normalize(CHANNELS[1]), Activation("sigmoid")),
            MaxPool2D(),  # (batch, 16, 4, 4)
            *(dense(CHANNELS[1] * 4 * 4, UNITS[0]), *normalize(UNITS[0]), Activation("sigmoid")),
            *(dense(*UNITS[:2]), *normalize(UNITS[1]), Activation("sigmoid")),
            dense(*UNITS[1:]),
        ]
    )
    trainer = SGD(net.params, hp.lr)
    return Model(net, softmax_cross_entropy, net.params, trainer, gradients=gradients_by_hand(net, "softmax"))


def with_gluon(hp, data):
    """Build the same from Gluon."""

    def normalize():
        return [nn.BatchNorm()] if hp.normalized else []

    net = nn.HybridSequential()
    net.add(
        *(nn.Conv2D(CHANNELS[0], kernel_size=5), *normalize(), nn.Activation("sigmoid")),
        nn.MaxPool2D(pool_size=2, strides=2),
        *(nn.Conv2D(CHANNELS[1], kernel_size=5), *normalize(), nn.Activation("sigmoid")),
        nn.MaxPool2D(pool_size=2, strides=2),
        *(nn.Dense(UNITS[0]), *normalize(), nn.Activation("sigmoid")),
        *(nn.Dense(UNITS[1]), *normalize(), nn.Activation("sigmoid")),
        nn.Dense(UNITS[2]),
    )
    net.initialize(init.Xavier())
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def runs(hp):
    """Return LeNet with and without batch normalization, each in both implementations."""
    own = Setting(**asdict(hp))
    nets = {"batch norm": own, "no batch norm": own.replace(normalized=False, lr=hp.plain_lr)}
    return [
        run
        for name, setting in nets.items()
        for run in runs_of(
            {"scratch": from_scratch, "gluon": with_gluon},
            {name: setting},
            parity_hp=setting.replace(batch_size=16),
        )
    ]


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does, for either implementation."""
    return train_ch3(
        model.net,
        data.train_iter,
        data.test_iter,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        gradients=model.gradients,
        callbacks=callbacks,
    )


def metrics(model, data, history):
    """Return what the book prints after each epoch but the last."""
    return {
        f"epoch{row['epoch']}_{name}": row[column]
        for row in history[:-1]
        for name, column in {"loss": "train_loss", "train_acc": "train_acc", "test_acc": "test_acc"}.items()
    }


def show(result, data):
    """Show the training curves, and the scales and shifts that the first normalization has learned."""
    result.figures["training_curves"] = plot.training_curves(
        result.labelled(),
        f"LeNet on {data.source.title}{plot.first_place(result.runs, 'test_acc')}",
        published=result.printed(),
    )
    result.tables["What the first batch norm has learned"] = [
        {"run": label, "channel": channel, "gamma": gamma, "beta": beta}
        for label, model in result.models.items()
        if "no batch norm" not in label
        for channel, (gamma, beta) in enumerate(zip(*first_normalization(model)), 1)
    ]


def first_normalization(model):
    """Return gamma and beta of the first batch normalization, each (6,)."""
    if isinstance(model.net, Network):
        arrays = model.net.layers[1].params
    else:
        arrays = [param.data() for param in (model.net[1].gamma, model.net[1].beta)]
    return [array.asnumpy().tolist() for array in arrays]


chapter = Chapter(
    name="batch_norm",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1},
    data=data,
    runs=runs,
    train=train,
    metrics=metrics,
    show=show,
    datasets=("fashion_mnist", "fashion_mnist_2017", "mnist", "digits"),
    comparable=("fashion_mnist", "fashion_mnist_2017"),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
