"""Transfer learning between halves of Fashion-MNIST, from scratch and with Gluon.

A reader's article on TensorFlow experiments names it as a goal, with a net that takes days to train, and does
not come to it; here it is done in Gluon, with a net that takes seconds.

A net of two convolutions and a dense layer learns to tell the first half of the classes apart, from all of
their images. Its convolutions are then features for the other half, of which only a few images of each class
are labeled. They are *frozen*, so that nothing but a new last layer is trained, or *fine-tuned*, so that all
layers go on learning; beside them the same net starts *from nothing*. Every way is given the same labeled
images, in the same order and for as many steps, and is tested on 2,000 other images of the second half.

Which images happen to be labeled matters as much as the way, so each run trains on several draws of them, and
differences are paired: a way against "from nothing" on the same draw, with the 95 % interval that so many
draws allow. The draws of a run share the first net; other seeds train another one (d2l-repro run
transfer_learning --seeds 5).

Expect a test accuracy of about 0.59, 0.81, 0.89, 0.93 and 0.93 with 1, 5, 20, 100 and 500 labels of each
class, whichever way (with Gluon, seed 0). Layers that have learned tops and trousers are worth little for
shoes and bags: frozen, they are half a point to a point ahead of training from nothing, which exceeds the
noise of five draws only with 500 labels; fine-tuned, not even that. Which images are labeled matters more:
with one label of each class, the five draws of a way lie 14 to 20 points apart.
"""

import statistics
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from typing import Any, Literal, Optional

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.halves import Examples, Half, halves
from d2l_repro.data.images import Images, load_images
from d2l_repro.data.loader import Data, Minibatches, Steps
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.description import Execution
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.pretraining import learned_once
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.results.claims import Claim, confidence_interval
from d2l_repro.results.history import History
from d2l_repro.scratch import Adam, kaiming, softmax_cross_entropy
from d2l_repro.scratch.conv import Conv2D, MaxPool2D
from d2l_repro.scratch.layers import Activation, Affine, Layer, Network, gradients_by_hand
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import parameters

from . import softmax_regression

CHANCE = 1 / 5  # accuracy of guessing one of the second half of the classes
LABELS = (1, 5, 20, 100, 500)  # labeled images of each class of the second half
SOURCE, NOTHING, FROZEN, TUNED = "first half", "from nothing", "frozen", "fine-tuned"
WAYS = (NOTHING, FROZEN, TUNED)
EVALUATED_AT_ONCE = 250  # images; the windows of all of them would fill gigabytes


@dataclass(frozen=True)
class HParams(settings.HParams):
    """Our settings; the article has none."""

    num_channels: Units = 16  # of the second convolution; the first has 8
    source_steps: Count = 600  # batches of the first half to train on
    steps: Count = 150  # batches of labeled images of the second half to train on
    batch_size: Count = 50  # images per step, as far as there are so many
    lr: Positive = 0.001  # learning rate of Adam
    frozen_lr: Positive = 0.003  # the same for a new last layer alone, which needs larger steps
    num_draws: Count = 5  # draws of the labeled images
    num_test: Count = 2000  # test images of a half, the first ones


@dataclass(frozen=True)
class Setting(HParams):
    """One run."""

    way: Literal["first half", "from nothing", "frozen", "fine-tuned"] = "first half"
    num_labels: Count = 1  # labeled images of each class; the first half has all of its


@dataclass(eq=False)
class Task:
    """What a run learns from.

    Attributes:
        first: the half whose features are transferred.
        second: the half that is learned with few labels.
        images: both.
        draws: loaders of what the run is trained on, one after the other.
        seed: of all that is drawn.
    """

    first: Half
    second: Half
    images: Images
    draws: list[Steps]
    seed: int


def data(hp: Setting, options: settings.Options) -> Data:
    """Load X (batch, 1, 28, 28), from 0 to 1, and y (batch,): the first half, or draws of the second."""
    images = load_images("fashion_mnist", options.dataset, options.data_dir, options.quick)
    first, second = halves(images)
    if hp.way == SOURCE:
        return batches_of(first, [first.train], hp.source_steps, hp, options.seed, images)
    # Draws and their order depend on neither the way nor on which other draws there are.
    labeled = [second.draw(hp.num_labels, (options.seed, i)) for i in range(hp.num_draws)]
    return batches_of(second, labeled, hp.steps, hp, options.seed, images)


def batches_of(
    half: Half, labeled: list[Examples], steps: int, hp: Setting, seed: int, images: Images
) -> Data:
    """Return the data of a run, which learns from each of `labeled` in turn."""
    draws = [Steps(Minibatches(X, y, hp.batch_size, seed), steps) for X, y in labeled]
    task = Task(*halves(images), images, draws, seed)
    test_iter = Minibatches(*(array[: hp.num_test] for array in half.test), EVALUATED_AT_ONCE)
    return Data(images.name, draws[0], test_iter, task, images.stand_in_for, images.official)


@dataclass
class Restartable(Model):
    """A model that is trained more than once.

    Attributes:
        new_trainer: () -> a trainer that has not taken a step.
    """

    new_trainer: Optional[Callable[[], Any]] = None


class Frozen(Layer):
    """Apply layers whose parameters stay as they are, so that no gradient need go back through them."""

    def __init__(self, layers: list[Layer]):
        self.net = Network(layers)
        self.params = self.net.params

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        return self.net(X)

    def backward(self, dY: nd.NDArray) -> None:
        return None


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build layers with hand-derived gradients; the two pools reduce 28 x 28 pixels to 7 x 7."""
    features: list[Layer] = [
        Conv2D(kaiming((5 * 5, 8)).T.reshape((8, 1, 5, 5)), nd.zeros(8), first=True),
        Activation("relu"),
        MaxPool2D(),  # (batch, 8, 14, 14)
        Conv2D(kaiming((8 * 5 * 5, hp.num_channels)).T.reshape((-1, 8, 5, 5)), nd.zeros(hp.num_channels)),
        Activation("relu"),
        MaxPool2D(),  # (batch, channels, 7, 7)
    ]
    is_frozen, num_classes = hp.way == FROZEN, data.source.second.num_classes
    W = kaiming((hp.num_channels * 7 * 7, num_classes))
    last = Affine(W, nd.zeros(num_classes), first=is_frozen)
    net = Network([Frozen(features), last] if is_frozen else [*features, last])

    def new_trainer() -> Adam:
        return Adam(last.params, hp.frozen_lr) if is_frozen else Adam(net.params, hp.lr)

    gradients = gradients_by_hand(net, "softmax")
    model = Restartable(
        net, softmax_cross_entropy, net.params, new_trainer(), gradients=gradients, new_trainer=new_trainer
    )
    return with_features(model, from_scratch, hp, data)


class Classifier(gluon.HybridBlock):
    """Compute the same with Gluon's layers."""

    def __init__(self, num_channels: int, num_classes: int, is_frozen: bool):
        super().__init__()
        self.is_frozen = is_frozen
        with self.name_scope():
            self.features = nn.HybridSequential()
            self.features.add(
                nn.Conv2D(8, kernel_size=5, padding=2, activation="relu", in_channels=1),
                nn.MaxPool2D(2),
                nn.Conv2D(num_channels, kernel_size=5, padding=2, activation="relu", in_channels=8),
                nn.MaxPool2D(2),
            )
            self.last = nn.Dense(num_classes, in_units=num_channels * 7 * 7)

    def hybrid_forward(self, F, X):  # (batch, 1, 28, 28)
        H = self.features(X)
        return self.last(F.BlockGrad(H) if self.is_frozen else H)  # (batch, classes)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    is_frozen = hp.way == FROZEN
    net = Classifier(hp.num_channels, data.source.second.num_classes, is_frozen)
    net.initialize(init.MSRAPrelu("in", slope=0))
    net.hybridize()
    params, loss = net.collect_params(), gluon.loss.SoftmaxCrossEntropyLoss()
    trained, lr = (net.last.collect_params(), hp.frozen_lr) if is_frozen else (params, hp.lr)

    def new_trainer() -> gluon.Trainer:
        return gluon.Trainer(trained, "adam", {"learning_rate": lr}, kvstore=None)

    model = Restartable(net, loss, params, new_trainer(), new_trainer=new_trainer)
    return with_features(model, with_gluon, hp, data)


def with_features(model: Model, build: Callable[[Setting, Data], Model], hp: Setting, data: Data) -> Model:
    """Give a model the features that its implementation has learned from the first half."""
    if hp.way not in (FROZEN, TUNED):
        return model
    task = data.source
    source = hp.replace(way=SOURCE, num_labels=1)

    def learn() -> list[np.ndarray]:
        on_first = batches_of(task.first, [task.first.train], hp.source_steps, source, task.seed, task.images)
        net = build(source, on_first)
        train(net, on_first, source)
        return [param.get() for param in parameters(net)[:-2]]  # of all layers but the last

    key = (build.__name__, astuple(source), task.seed, task.first)
    for param, values in zip(parameters(model), learned_once(key, learn, task.seed)):
        param.set(values)
    return model


def train(model: Restartable, data: Data, hp: Setting, callbacks=()) -> History:
    """Train on one draw after the other, each time from the same start; return the means over the draws."""
    start = [param.get() for param in parameters(model)]
    histories = []
    for train_iter in data.source.draws:
        for param, values in zip(parameters(model), start):
            param.set(values)
        history = train_ch3(
            model.net,
            train_iter,
            data.test_iter,
            model.loss,
            1,  # an epoch is all steps
            hp.batch_size,
            trainer=model.new_trainer(),
            gradients=model.gradients,
            callbacks=callbacks,
        )
        histories.append(history[0])
    means = {name: statistics.fmean(row[name] for row in histories) for name in histories[0]}
    accuracies = {f"test_acc_{i}": row["test_acc"] for i, row in enumerate(histories, 1)}
    return History([{**means, "epoch": 1, **accuracies}])


def runs(hp: HParams) -> list[Run]:
    """Return the net that learns the first half, then every way for every number of labels."""
    base = Setting(**asdict(hp))
    both = {"scratch": from_scratch, "gluon": with_gluon}
    found = list(runs_of(both, {SOURCE: base}, parity_hp=shortened(base)))
    for num_labels in LABELS:
        for way in WAYS:
            setting = base.replace(way=way, num_labels=num_labels)
            found += runs_of(
                both,
                {variant_name(way, num_labels): setting},
                compare_paths=num_labels == LABELS[1],  # the net is the same for any number
                parity_hp=shortened(setting),
            )
    return found


def shortened(setting: Setting) -> Setting:
    """Return a setting for the comparison of paths, in which double precision takes its time."""
    return setting.replace(num_channels=4, source_steps=5, num_draws=1)


def variant_name(way: str, num_labels: int) -> str:
    """Return "frozen, 5 labels"."""
    return f"{way}, {num_labels} label{'' if num_labels == 1 else 's'}"


def accuracies(result: Any, impl: str, way: str, num_labels: int) -> list[float]:
    """Return a variant's test accuracies: of every draw; of several seeds, the means of each one's draws."""
    found = result.select(impl, variant_name(way, num_labels))
    if len(found) != 1:
        return [run.metrics["test_acc"] for run in found if run.metrics]
    return [value for name, value in found[0].metrics.items() if name.startswith("test_acc_")]


def show(result: Any, data: Data) -> None:
    """Show accuracy over the number of labels, every draw, and by how much each way is ahead."""
    what = "seeds" if len({run.seed for run in result.runs}) > 1 else "draws"
    for impl in ("scratch", "gluon"):
        found = {
            (way, num_labels): values
            for num_labels in LABELS
            for way in WAYS
            if (values := accuracies(result, impl, way, num_labels))
        }
        if not found:
            continue
        title = f"second half of the classes of {data.source.images.title}, {plot.IMPLS[impl]}"
        result.figures[f"accuracy_{impl}"] = plot.lines(
            {
                way: tuple(zip(*[(k, statistics.fmean(found[way, k])) for k in LABELS if (way, k) in found]))
                for way in WAYS
                if any((way, k) in found for k in LABELS)
            },
            "labeled images of each class",
            "test accuracy",
            f"Test accuracy on the {title}",
            logx=True,
            chance=CHANCE,
        )
        if max(map(len, found.values())) > 1:
            result.figures[f"draws_{impl}"] = plot.intervals(
                {variant_name(*key): (values, None) for key, values in found.items()},
                "test accuracy",
                f"All {what} on the {title}",
                each=what[:-1],
                chance=CHANCE,
            )
        result.tables[f"Test accuracy, mean of the {what}, {impl}"] = [
            accuracy_row(found, num_labels)
            for num_labels in LABELS
            if any((way, num_labels) in found for way in WAYS)
        ]
        result.tables[f"Is it ahead of training from nothing? {impl}"] = [
            difference_row(found, way, num_labels)
            for num_labels in LABELS
            for way in (FROZEN, TUNED)
            if (way, num_labels) in found and (NOTHING, num_labels) in found
        ]


Found = dict[tuple[str, int], list[float]]  # way, number of labels -> accuracies


def accuracy_row(found: Found, num_labels: int) -> dict[str, Any]:
    """Return the mean accuracies with a number of labels, and their standard deviations."""
    row: dict[str, Any] = {"labels of each class": num_labels}
    for way in WAYS:
        values = found.get((way, num_labels), [])
        std = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        row[way] = f"{statistics.fmean(values):.3f}{std}" if values else "-"
    return row


def difference_row(found: Found, way: str, num_labels: int) -> dict[str, Any]:
    """Return by how many points a way is ahead of training from nothing on the same draws, and a verdict."""
    pairs = zip(found[way, num_labels], found[NOTHING, num_labels])
    differences = [100 * (ours - base) for ours, base in pairs]
    interval = confidence_interval(differences)
    return {
        "labels of each class": num_labels,
        "way": way,
        "points ahead": f"{statistics.fmean(differences):+.1f}",
        "95 % interval": "-" if interval is None else "{:+.1f} to {:+.1f}".format(*interval),
        "ahead": Claim("above 0").verdict(interval),
    }


chapter = Chapter(
    name="transfer_learning",
    doc=__doc__,
    HParams=HParams,
    quick={
        "num_channels": 4,
        "source_steps": 20,
        "steps": 4,
        "batch_size": 10,
        "num_draws": 1,
        "num_test": 100,
    },
    data=data,
    runs=runs,
    train=train,
    show=show,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
    execution=Execution.IN_PROCESSES,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
