"""LeNet-5 on MNIST, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

Two 5 x 5 convolutions with 32 and 64 channels, each followed by ReLU and 2 x 2 max pooling, then a dense
layer of 512 units and one of ten classes. From scratch, a convolution is one matrix product, of its weights
with the windows of the image side by side, and its gradients are derived by hand. Weights start from a normal
distribution with standard deviation 0.1, truncated at two standard deviations as in the TensorFlow book that
the article follows, and biases start at 0.

The losses that the article prints, 0.46 after 500 steps and 0.21 after 2,000, are those of a batch, with
an L2 penalty of 1e-4 on the dense layers, as in that book: at such accuracies the cross-entropy alone is ten
times smaller. The net is therefore trained with the penalty, and with Gluon also without.

Expect 0.985 to 0.993 of the 5,000 validation images after 2,000 steps of Adam. SGD is shown beside it at
two learning rates, with Gluon only to save time. The article calls 0.01 too large and 0.001 too slow. Here
0.01 is not too large: its loss falls smoothly, and it reaches 0.98 of the validation images. 0.001 is indeed
too slow, with 0.94.
"""

from d2l_repro import compat

compat.prepare_large_nets()

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import nn
from scipy.special import bdtrc

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.splits import evaluation_plan, load_mnist
from d2l_repro.experiment import comparison, second_edition
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.misclassified import misclassified
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import softmax_cross_entropy, truncated_normal
from d2l_repro.scratch.conv import Conv2D, MaxPool2D
from d2l_repro.scratch.counterparts import OPTIMIZERS, TruncatedNormal
from d2l_repro.scratch.layers import Activation, Affine, Network, gradients_by_hand
from d2l_repro.settings import Count, NonNegative, Positive, Units
from d2l_repro.train.callbacks import BestModel, LastLosses
from d2l_repro.train.loop import evaluate, evaluate_all, gradients_by_autograd, train_ch3
from d2l_repro.train.parameters import parameters

NUM_OUTPUTS = 10  # classes
EVALUATED_AT_ONCE = 100  # images; the windows of all of them would fill gigabytes
COLUMNS = 6  # of the figure of mistakes
NUM_FILTERS = 10  # of the first layer, that are drawn
SMOOTH = 0.95  # share of random filters that a smooth one is smoother than
CHANCE = 0.05  # probability of so many smooth filters among random ones, below which they are no noise
SGD_RATES = {"SGD 0.01": 0.01, "SGD 0.001": 0.001}
PRINTED_STEPS = (500, 1000, 2000)  # after which the article prints a loss
PENALIZED = ", L2"  # end of the name of the run with the penalty
D2L_RATE = 0.1  # the learning rate that d2l's class comes with


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_steps: Count = 2000  # batches to train on
    # upper bound of the evaluations during training; the article prints after 500, 1000 and 2000 steps
    num_evaluations: Count = 4
    batch_size: Count = 100  # examples per step
    lr: Positive = 0.001  # learning rate of Adam
    sigma: Positive = 0.1  # standard deviation of the initial weights, before their tails are cut off at two
    num_hiddens: Units = 512  # units of the dense hidden layer
    reg: NonNegative = 1e-4  # factor of the L2 penalty on the weights of the dense layers


@dataclass(frozen=True)
class Setting(HParams):
    """One run; `lr` is the learning rate of its own optimizer."""

    optimizer: Literal["adam", "sgd"] = "adam"

    @property
    def plan(self) -> dict[str, int]:
        """`num_epochs` evaluations, with `steps` batches between two of them."""
        return evaluation_plan(self.num_steps, self.num_evaluations)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build layers with hand-derived gradients; the two pools reduce 28 x 28 pixels to 7 x 7."""
    net = Network(
        [
            Conv2D(truncated_normal((32, 1, 5, 5), hp.sigma), nd.zeros(32), first=True),
            Activation("relu"),
            MaxPool2D(),  # (batch, 32, 14, 14)
            Conv2D(truncated_normal((64, 32, 5, 5), hp.sigma), nd.zeros(64)),
            Activation("relu"),
            MaxPool2D(),  # (batch, 64, 7, 7)
            Affine(truncated_normal((64 * 7 * 7, hp.num_hiddens), hp.sigma), nd.zeros(hp.num_hiddens)),
            Activation("relu"),
            Affine(truncated_normal((hp.num_hiddens, NUM_OUTPUTS), hp.sigma), nd.zeros(NUM_OUTPUTS)),
        ]
    )
    trainer = OPTIMIZERS[hp.optimizer].from_scratch(net.params, hp.lr)
    # of the mean cross-entropy + reg/2 |W|^2, with the W of the dense layers only
    net.weights = [layer.W for layer in net.layers if isinstance(layer, Affine)]
    gradients = gradients_by_hand(net, "softmax", hp.reg, hp.batch_size)
    return Model(net, softmax_cross_entropy, net.params, trainer, gradients=gradients)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(32, kernel_size=5, padding=2, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(64, kernel_size=5, padding=2, activation="relu"),
        nn.MaxPool2D(2),
        nn.Dense(hp.num_hiddens, activation="relu"),
        nn.Dense(NUM_OUTPUTS),
    )
    net.initialize(TruncatedNormal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    net.collect_params(".*bias|.*conv.*weight").setattr("wd_mult", 0)
    trainer = OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr, wd=hp.reg)
    return Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def with_d2l(hp: Setting, data: Data) -> Model:
    """Build the second edition's class, section 7.6: the LeNet of 1998, with sigmoids and average pools.

    Its loss hardly moves for the first 2,000 steps of SGD; after 6,000 it has 0.93 of the validation images.
    """
    return second_edition.model(lambda d2l: d2l.LeNet(hp.lr, NUM_OUTPUTS))


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return Adam with the penalty in both implementations, other runs with Gluon, and d2l's class."""
    adam = Setting(**asdict(hp))
    bare, name = adam.replace(reg=0.0), f"Adam {hp.num_steps} steps"
    sgd = {name: bare.replace(optimizer="sgd", lr=lr) for name, lr in SGD_RATES.items()}
    return {
        "Optimizers": [
            *runs_of({"scratch": from_scratch, "gluon": with_gluon}, {name + PENALIZED: adam}),
            *runs_of({"gluon": with_gluon}, {name: bare}),
            *runs_of({"gluon": with_gluon}, sgd, may_diverge=True),
            *runs_of({"d2l": with_d2l}, {f"SGD {D2L_RATE}": bare.replace(optimizer="sgd", lr=D2L_RATE)}),
        ]
    }


def penalty(model: Model, reg: float):
    """Return what the penalty on the dense layers adds to the mean loss, (1,), or 0."""
    if not reg:
        return 0.0
    # reg/2 |W|^2; a convolution's weights have four axes
    dense = [param.array for param in parameters(model) if param.array.ndim == 2]
    return nd.add_n(*(reg / 2 * (W**2).sum() for W in dense))


def in_order(examples):
    """Return (X, y) as minibatches to evaluate on, in their own order."""
    return Minibatches(*examples, EVALUATED_AT_ONCE)


def train(model: Model, data: Data, hp: Setting, callbacks=()):
    """Train, scoring the validation set after each epoch; restore the model that was best there."""
    best = BestModel([param.source for param in parameters(model)])
    last = LastLosses(model.gradients or gradients_by_autograd(model.net, model.loss))
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.plan["num_epochs"],
        hp.batch_size,
        trainer=model.trainer,
        gradients=last,
        metrics={"acc": model.accuracy},
        measure={
            "batch_loss": lambda: last.losses.mean() + penalty(model, hp.reg),
            "valid_acc": lambda: evaluate(in_order(data.source.valid), model.net, model.accuracy),
        },
        callbacks=[best, *callbacks],
    )
    best.restore()
    return history


def best_epoch_metrics(model, data, history):
    """Return the scores of the epoch that was best on the validation set, and what the article prints."""
    best = max(history, key=lambda row: row["valid_acc"])
    printed = {}
    for row in history:
        step = row["epoch"] * data.train_iter.steps
        if step in PRINTED_STEPS:
            printed.update(
                {f"step_{step}_loss": row["batch_loss"], f"step_{step}_valid_acc": row["valid_acc"]}
            )
    return {
        **printed,
        "best_epoch": best["epoch"],
        "best_valid_acc": best["valid_acc"],
        **evaluate_all(
            in_order(data.source.test), model.net, {"test_loss": model.loss, "test_acc": model.accuracy}
        ),
    }


def show(result, data):
    """Show the runs side by side, and the first filters and the mistakes of each implementation."""
    hp = HParams(**result.settings)
    comparison.tabulate(result, comparisons(hp), comparison.best_epoch_row)
    result.figures["training_curves"] = plot.comparison(
        result.labelled(),
        f"LeNet-5 on {data.source.title}",
        ("train_loss", "batch_loss", "train_acc", "valid_acc"),
        "step",
        every=Setting(**asdict(hp)).plan["steps"],
    )
    for label, run in result.labelled().items():
        if run.model is None or not (run.variant.endswith(PENALIZED) or run.impl == "d2l"):
            continue
        steps = int(run.metrics["best_epoch"]) * data.train_iter.steps
        result.figures[f"filters_{run.impl}"] = filters(run.model, steps, f", {plot.IMPLS[run.impl]}")
        if "mistakes" in result.figures:  # of another implementation
            continue
        classes, names = (
            (lambda X, net=run.model.net: nd.softmax(net(X))),
            [str(digit) for digit in range(10)],
        )
        wrong = misclassified(classes, in_order(data.source.test), names, 24)
        if wrong:
            result.figures["mistakes"] = plot.image_row(
                *zip(*wrong),
                f"First mistakes of {label}: true digit above, predicted one below",
                columns=COLUMNS,
            )
    if result.impl == "d2l":
        result.tables[second_edition.EDITIONS] = editions(hp, data.source)


def editions(hp, sets):
    """Return a table of where this LeNet, of a book on TensorFlow, and that of d2l 1.0 differ."""
    theirs = "LeNet: 6 and 16 channels; sigmoid; average pools; dense 120, 84, 10"
    ours = f"Adam {hp.lr:g}; SGD {' and '.join(f'{lr:g}' for lr in SGD_RATES.values())}"
    their_lr = second_edition.default("LeNet", "lr")
    default_size = second_edition.default("FashionMNIST", "batch_size")
    their_size = f"section 7.6; FashionMNIST's default is {default_size}"
    return second_edition.editions(
        len(sets.train[1]),
        hp.batch_size,
        {
            "net": (f"32 and 64 channels; ReLU; max pools; dense {hp.num_hiddens}, 10", theirs, theirs),
            "initial weights": (f"truncated normal, std {hp.sigma:g}", "Xavier", "Xavier"),
            "optimizer": (ours, f"SGD {D2L_RATE}", f"SGD {their_lr} (LeNet's default)"),
            "batch size": (hp.batch_size, hp.batch_size, f"128 ({their_size})"),
            "steps": (hp.num_steps, hp.num_steps, "4690 (10 epochs, section 7.6)"),
            "data": (sets.title, sets.title, "Fashion-MNIST, first partition (Gluon's)"),
        },
    )


def filters(model, steps, ending=""):
    """Draw the smoothest filters of the first convolution, and say how many are smoother than random ones.

    Args:
        model: a trained net.
        steps: that it was trained for.
        ending: of the figure's title.
    """
    W = parameters(model)[0].get()[:, 0]  # (outputs, 5, 5)
    alike = smoothness(W)
    bound = np.quantile(smoothness(np.random.RandomState(0).normal(size=(2000, *W.shape[1:]))), SMOOTH)
    order = np.argsort(-alike)[:NUM_FILTERS]
    count = np.sum(alike > bound)
    # probability of so many or more among random ones, which are smooth independently of each other
    is_noise = bdtrc(count - 1, len(W), 1 - SMOOTH) >= CHANCE
    finding = "filters still look like noise" if is_noise else "filters are smoother than noise"
    return plot.weight_images(
        W[order],
        [f"{value:.2f}" for value in alike[order]],
        f"After {steps} steps {finding}: {count} of {len(W)} are smoother than {SMOOTH:.0%} of random ones, "
        f"where chance gives {(1 - SMOOTH) * len(W):.1f}{ending}",
        f"weight of the {len(order)} smoothest filters\nabove each: how alike neighbouring weights are,\n"
        f"0 not at all, 1 fully; {SMOOTH:.0%} of random filters are below {bound:.2f}",
    )


def smoothness(W):
    """Return how alike neighbouring weights of each filter are, (filters,): Moran's I.

    It is about 0 if they are independent, and 1 if they hardly differ.

    Args:
        W: filters, (filters, height, width).
    """
    c = W - W.mean(axis=(1, 2), keepdims=True)
    # I = mean of c_i c_j over neighbours i, j / mean of c_i^2
    pairs = [c[:, 1:] * c[:, :-1], c[:, :, 1:] * c[:, :, :-1]]
    products = np.concatenate([pair.reshape(len(c), -1) for pair in pairs], axis=1)
    return products.mean(axis=1) / (c**2).mean(axis=(1, 2))


chapter = Chapter(
    name="lenet",
    doc=__doc__,
    HParams=HParams,
    quick={"num_steps": 20, "num_evaluations": 2, "batch_size": 4, "num_hiddens": 64},
    data=lambda hp, options: load_mnist(options, hp.batch_size, hp.plan["steps"]),
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=best_epoch_metrics,
    show=show,
    datasets=("mnist", "fashion_mnist", "digits"),
    comparable=("mnist",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
