"""Raw bytes versus floats from 0 to 1 as input to softmax regression, from scratch and with Gluon.

A reader's article on hand-written optimizers in MXNet.

Pixels are stored as bytes from 0 to 255. Used as they are, they make every gradient with respect to a weight
255 times as large, and a step with the same learning rate overshoots. A loss that takes probabilities, as in
section 3.6, then computes the logarithm of a probability that was rounded to 0, and training stops. A loss
that contains the softmax, like Gluon's, carries on and oscillates.

Only the scale matters: with the initial weights divided by 255 and the learning rate by 255^2, the weights
take the steps they take on floats, 255 times as small. The bias, whose gradient does not contain the pixels,
then hardly moves.

The article shows its own optimizers on both: SGD with momentum, an L2 penalty and a cosine learning rate,
plain SGD, and its RMSProp and Adam with their constant learning rates, as in the chapter `optimizers`. With
RMSProp or Adam the loss grows less, as their steps do not depend on the size of a gradient.

Expect the runs on raw bytes to diverge, or to oscillate by whole percentage points from epoch to epoch, and
the scaled run to end half a point below floats. With momentum the test accuracy changes from epoch to epoch
by 4 to 5 points on bytes and by 0.6 on floats, over the first five epochs, and the loss ends at 400 instead
of 0.44. Both are what the article observes. What is not seen is that gradients may explode even where the
loss contains the softmax: such a run oscillates, and settles as the learning rate falls.
"""

import statistics
from dataclasses import dataclass, replace
from typing import Literal

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import add_differences
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.scratch import SGD, cross_entropy, normal, softmax, softmax_cross_entropy
from d2l_repro.settings import Count, Positive
from d2l_repro.train import train_ch3

from . import optimizers, softmax_regression
from .optimizers import AVERAGE, DECAY, NUMERATOR
from .softmax_regression import NUM_INPUTS, NUM_OUTPUTS

SWINGING = 5  # epochs at the beginning, over which changes of the test accuracy are averaged
FLOATS, BYTES = "pixels 0 to 1", "pixels 0 to 255"  # in figures
WORDS = {  # of the variants in figures
    "floats": FLOATS,
    "bytes": BYTES,
    "bytes, softmax in the loss": f"{BYTES}, softmax in the loss",
    "bytes, all scaled": f"{BYTES}, weights and rate scaled",
}
MOMENTUM = "article momentum"  # start of the names of the runs that the conclusions compare
# The article's conclusions: name -> (a run, the run to subtract, what is compared)
CONCLUSIONS = {
    f"{metric}_bytes_minus_floats": (f"{MOMENTUM}, bytes", f"{MOMENTUM}, floats", name)
    for metric, name in (("swing", "swing"), ("loss", "train_loss"))
}


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The textbook's settings of softmax regression."""

    num_epochs: Count = 10  # passes over the training set
    batch_size: Count = 256  # examples per step
    lr: Positive = 0.1  # learning rate of SGD on floats, and on bytes as they are


@dataclass(frozen=True)
class Setting(settings.Settings):
    """A row of the comparison."""

    num_epochs: Count
    batch_size: Count
    lr: Positive  # learning rate of SGD
    sigma: Positive = 0.01  # standard deviation of the initial weights
    pixels: Literal["floats", "bytes"] = "floats"  # from 0 to 1, or from 0 to 255 as they are stored


@dataclass(frozen=True)
class ArticleSetting(optimizers.Setting):
    """A row of the comparison with the article's own optimizers, trained as in the chapter on those."""

    pixels: Literal["floats", "bytes"] = "floats"  # as above


def data(hp, options):
    """Load Fashion-MNIST in minibatches: X (batch, 1, 28, 28) as floats or bytes, y (batch,) from 0 to 9."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    return images.minibatches(hp.batch_size, options.seed, as_bytes=hp.pixels == "bytes")


def softmax_in_net(hp: Setting, data) -> Model:
    """Build the net of section 3.6, which ends with the softmax; its loss takes probabilities."""
    params = W, b = initial_params(hp)

    def net(X):  # (batch, 1, 28, 28)
        return softmax(nd.dot(X.reshape((-1, NUM_INPUTS)), W) + b)  # (batch, 10)

    return Model(net, cross_entropy, params, SGD(params, hp.lr))


def softmax_in_loss(hp: Setting, data) -> Model:
    """Build a net that ends with the logits; its loss contains the softmax."""
    params = W, b = initial_params(hp)

    def net(X):  # (batch, 1, 28, 28)
        return nd.dot(X.reshape((-1, NUM_INPUTS)), W) + b  # (batch, 10)

    return Model(net, softmax_cross_entropy, params, SGD(params, hp.lr))


def initial_params(hp: Setting) -> list:
    """Return W and b, with gradients attached."""
    params = [normal((NUM_INPUTS, NUM_OUTPUTS), hp.sigma), nd.zeros(NUM_OUTPUTS)]
    for param in params:
        param.attach_grad()
    return params


def with_gluon(hp: Setting, data) -> Model:
    """Build the same from Gluon, whose loss contains the softmax."""
    net = nn.HybridSequential()
    net.add(nn.Dense(NUM_OUTPUTS))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """Call `train_ch3` as the book does; for the article's optimizers, with its learning rate schedules."""
    if isinstance(hp, ArticleSetting):
        return optimizers.train(model, data, hp, callbacks)
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


def swing(model, data, history):
    """Return the mean absolute change of the test accuracy from epoch to epoch at the beginning."""
    accuracies = history["test_acc"][:SWINGING]
    changes = [abs(after - before) for before, after in zip(accuracies, accuracies[1:])]
    return {"swing": statistics.fmean(changes)} if changes else {}


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs of each comparison."""
    separate = {"scratch": softmax_in_net, "gluon": with_gluon}
    joint = {"scratch": softmax_in_loss, "gluon": with_gluon}
    floats = Setting(hp.num_epochs, hp.batch_size, hp.lr)
    raw = floats.replace(pixels="bytes")
    scaled = raw.replace(lr=hp.lr / 255**2, sigma=floats.sigma / 255)
    # A run that overshoots amplifies even a difference in the last digit, so its path is not compared.
    return {
        "Pixels": [
            *runs_of(separate, {"floats": floats}),
            *runs_of(separate, {"bytes": raw}, compare_paths=False, may_diverge=True),
            *runs_of(joint, {"bytes, softmax in the loss": raw}, compare_paths=False),
            *runs_of(separate, {"bytes, all scaled": scaled}),
        ],
        "Optimizers of the article": article_runs(hp),
    }


def article_runs(hp: HParams) -> list[Run]:
    """Return the runs of the article's hand-written optimizers on floats and on bytes.

    The penalty of SGD with momentum is the article's in the form that Gluon has too.
    """
    builders = {"scratch": optimizers.softmax_from_scratch, "gluon": optimizers.softmax_with_gluon}
    averaged = ArticleSetting(hp.num_epochs, hp.batch_size, lr=0.2)
    summed = averaged.replace(lr=NUMERATOR, schedule="constant", wd=DECAY, l2_factor=2)
    variants = {
        MOMENTUM: averaged.replace(optimizer=AVERAGE, wd=2 * DECAY),
        "article sgd": averaged.replace(optimizer="sgd"),
        "article rmsprop": summed.replace(optimizer="summed rmsprop"),
        "article adam almost": summed.replace(optimizer="summed adam, no correction"),
        "article adam": summed.replace(optimizer="summed adam"),
        "article parameter dropout": summed.replace(optimizer="summed adam, parameter dropout"),
    }
    floats = {f"{name}, floats": setting for name, setting in variants.items()}
    raw = {f"{name}, bytes": setting.replace(pixels="bytes") for name, setting in variants.items()}
    overshooting = optimizers.rows(builders, raw)
    return [
        *optimizers.rows(builders, floats),
        *(replace(run, compare_paths=False, may_diverge=True) for run in overshooting),
    ]


def words():
    """Return how figures call the variants, and those of the article without the word all begin with."""
    found = dict(WORDS)
    for run in article_runs(HParams()):
        name, _, pixels = run.variant.partition(" ")[2].rpartition(", ")
        found[f"{name}, {pixels}"] = f"{name}, {WORDS[pixels]}"
    return found


def show(result, data):
    """Add figures and a table for each comparison, and the differences for the article's conclusions."""
    tables = comparisons(HParams(**result.settings))
    columns = ("train_loss", "train_acc", "test_acc")
    comparison.draw(result, tables, f"on {data.source.title}", columns, words=words())
    comparison.tabulate(result, tables, comparison.accuracy_row)
    add_differences(result, CONCLUSIONS)


chapter = Chapter(
    name="data_preprocessing",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=swing,
    show=show,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
