"""Softmax regression on Fashion-MNIST, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, sections 3.4 to 3.7.

A linear layer gives each of ten classes a score, its logit. Softmax turns the scores into probabilities, and
cross-entropy measures how probable the true class was. It is the smallest classifier there is, and every
later net ends with it.

Expect a training accuracy of 0.83 to 0.84 after five epochs. Test accuracy is 0.815 to 0.835 on today's files
of Fashion-MNIST. The book reached 0.84 on the first version of the files, from which duplicates were later
removed.
"""

from dataclasses import dataclass
from functools import partial

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment import second_edition
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.misclassified import misclassified
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, cross_entropy, naive_softmax, softmax
from d2l_repro.settings import Count, Positive
from d2l_repro.train import train_ch3

NUM_INPUTS, NUM_OUTPUTS = 28 * 28, 10  # pixels of an image, classes


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of softmax regression."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr: Positive = 0.1  # learning rate of SGD
    sigma: Positive = 0.01  # standard deviation of the initial weights


def data(hp, options):
    """Load Fashion-MNIST in minibatches: X (batch, 1, 28, 28) from 0 to 1, y (batch,) from 0 to 9."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    return images.minibatches(hp.batch_size, options.seed)


def from_scratch(hp, data):
    """Build section 3.6: parameters, model, loss and optimizer, all from scratch."""
    W = nd.random.normal(scale=hp.sigma, shape=(NUM_INPUTS, NUM_OUTPUTS))
    b = nd.zeros(NUM_OUTPUTS)
    params = [W, b]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, 1, 28, 28)
        return softmax(nd.dot(X.reshape((-1, NUM_INPUTS)), W) + b)  # (batch, 10)

    return Model(net, cross_entropy, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build section 3.7: the same from Gluon, whose loss contains the softmax; the net ends at the logits."""
    net = nn.HybridSequential()
    net.add(nn.Dense(NUM_OUTPUTS))  # flattens the images by itself
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def with_d2l(hp, data):
    """Build the second edition's class, section 4.5, with its own initial weights, loss and optimizer."""
    return second_edition.model(lambda d2l: d2l.SoftmaxRegression(NUM_OUTPUTS, hp.lr))


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does, for any implementation."""
    return train_ch3(
        model.net,
        data.train_iter,
        data.test_iter,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={"acc": model.accuracy},
        gradients=model.gradients,
        callbacks=callbacks,
    )


def show(result, data):
    """Show ten images with their classes, the training curves, and mistakes on the test set."""
    images = data.source
    first = [images.class_names[y] for y in images.train_labels[:10]]
    result.figures["images"] = plot.image_row(
        images.train_images[:10], first, f"{images.title}: images, and the classes to predict", columns=5
    )
    result.figures["training_curves"] = plot.training_curves(
        result.labelled(),
        f"Softmax regression on {images.title}: {{test_acc:.1%}} of the test images right",
        published=result.printed(),
    )
    for label, model in list(result.models.items())[:1]:  # the implementations make nearly the same mistakes
        probabilities = partial(probabilities_of, model.net, label == "scratch")
        wrong = misclassified(probabilities, [images.test], images.class_names, 10)
        if wrong:
            title = "First mistakes on the test set: true class above, predicted one below"
            result.figures["mistakes"] = plot.image_row(*zip(*wrong), title, columns=5)
    result.tables["Naive and safe softmax"] = softmax_overflow()
    if result.impl == "d2l":
        result.tables[second_edition.EDITIONS] = editions(HParams(**result.settings), images)


def editions(hp, images):
    """Return a table of the differences between the first edition and the second, d2l 1.0."""
    usual = second_edition.default("FashionMNIST", "batch_size")
    return second_edition.editions(
        len(images.train_labels),
        hp.batch_size,
        {
            "net": (
                "linear, softmax; Dense(10)",
                "SoftmaxRegression: Dense(10)",
                "SoftmaxRegression: Dense(10)",
            ),
            "initial weights": (
                f"normal, std {hp.sigma:g}",
                "uniform, -0.07 to 0.07",
                "uniform, -0.07 to 0.07",
            ),
            "learning rate of SGD": (hp.lr, hp.lr, "0.1 (section 4.5)"),
            "batch size": (
                hp.batch_size,
                hp.batch_size,
                f"256 (section 4.5; FashionMNIST's default is {usual})",
            ),
            "epochs": (hp.num_epochs, hp.num_epochs, "10 (section 4.5)"),
            "data": (images.title, images.title, "Fashion-MNIST, first partition (Gluon's)"),
        },
    )


def probabilities_of(net, has_softmax, X):
    """Return the probabilities of the classes, (batch, 10); only the net from scratch ends in the softmax."""
    return net(X) if has_softmax else nd.softmax(net(X))


def softmax_overflow():
    """Return a table that shows the naive softmax overflow where the safe one does not."""
    logits = nd.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [100.0, 200.0, 300.0]])
    as_text = [
        ["  ".join(f"{p:.3g}" for p in row) for row in array.asnumpy()]
        for array in (logits, naive_softmax(logits), softmax(logits))
    ]
    return [dict(zip(("logits", "naive", "safe"), row)) for row in zip(*as_text)]


chapter = Chapter(
    name="softmax_regression",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: runs_of({"scratch": from_scratch, "gluon": with_gluon, "d2l": with_d2l}, {"": hp}),
    train=train,
    show=show,
    datasets=("fashion_mnist", "fashion_mnist_2017", "mnist", "digits"),
    comparable=("fashion_mnist", "fashion_mnist_2017"),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
