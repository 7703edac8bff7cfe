"""Radial basis functions: three bases, three ways to choose centres, from scratch and with Gluon.

A reader's article of TensorFlow experiments, redone in Gluon.

A hidden unit does not weigh its inputs but asks how far they are from a centre of its own: y_hat = phi(|X -
c|) W + b. phi falls with the distance, as a Gaussian, a reflected sigmoid or an inverse multiquadric. The
centres are training examples chosen at random, or the means that k-means finds, and stay there; or they begin
at those same random examples and are learned, and the widths with them. Each net has eight units, and learns
a curve, y = sin x + x / 3, or to tell two moons apart.

Expect the choice of centres to matter more than the basis. On the moons, learned centres reach a test
accuracy of 0.995 or 1 with every basis and with each of eight seeds. Those of k-means reach 0.93 to 1, random
ones 0.855 to 1: by test loss k-means is the better in 17 of these 24 pairs, and a lucky choice beats it. On
the curve k-means beats random centres in 23 of 24 pairs, and learned ones beat k-means in 18: a centre that
began on the wrong side of a hill does not get over it (seed 0 is an example), and half of the inverse
multiquadrics end worse than with k-means.

With fixed centres the best weights of the curve are a least squares problem. Where the centres are evenly
spaced, 2000 steps come within 20 percent of its loss; where random ones crowd, units are nearly alike, the
problem is ill-conditioned, and training may end at more than twice the loss.
"""

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches, Steps
from d2l_repro.data.synthetic import two_moons
from d2l_repro.experiment.chapter import Chapter, runs_of
from d2l_repro.experiment.model import Model
from d2l_repro.results import plot
from d2l_repro.results.result import shown
from d2l_repro.scratch import Momentum, correct_sign, linreg, sigmoid_cross_entropy, squared_loss
from d2l_repro.settings import Bounds, Count, Options, Positive, Probability
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import book_arrays

# Name -> function of the squared distances r2 (batch, centres) and squared widths s2 (centres,); F is `nd`,
# or what a hybrid_forward is handed.
BASES = {
    # exp(-r^2 / (2 s^2))
    "gaussian": lambda F, r2, s2: F.exp(-F.broadcast_div(r2, 2 * s2)),
    # 1 / (1 + exp(r^2 / s^2)), whose power would overflow far from the centre
    "reflected sigmoid": lambda F, r2, s2: F.sigmoid(-F.broadcast_div(r2, s2)),
    # 1 / sqrt(r^2 + s^2)
    "inverse multiquadric": lambda F, r2, s2: F.rsqrt(F.broadcast_add(r2, s2)),
}
CENTRES = ("random", "k-means", "learned")
NUM_TRAIN = {"sine": 160, "moons": 640}  # task -> training examples, all of them in every batch
SCORES = {
    "sine": ("loss",),
    "moons": ("loss", "acc"),
}  # task -> what is measured of training and test examples


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article does not state its settings; these are ours."""

    num_centres: Annotated[int, Bounds(2, min(NUM_TRAIN.values()) + 1)] = 8  # hidden units
    width: Positive = 1.0  # of the basis functions at the start, as a multiple of the centres' mean spacing
    num_epochs: Count = 100  # evaluations
    steps: Count = 20  # full-batch steps between two evaluations
    lr_sine: Positive = 0.3  # learning rate on the curve; a larger one throws learned widths far off
    lr_moons: Positive = 1.0  # learning rate on the moons
    momentum: Probability = 0.9  # of the steps: without, ill-conditioned bases take ten times as many
    sigma: Positive = 0.01  # standard deviation of the initial weights
    noise: Positive = 0.1  # standard deviation, of the curve's labels and of the moons' points


@dataclass(frozen=True)
class Setting(HParams):
    """One net on one task."""

    task: Literal[tuple(NUM_TRAIN)] = "sine"
    basis: Literal[tuple(BASES)] = "gaussian"
    centres: Literal[CENTRES] = "random"

    @property
    def batch_size(self):
        return NUM_TRAIN[self.task]

    @property
    def lr(self):
        return self.lr_sine if self.task == "sine" else self.lr_moons


@dataclass(frozen=True)
class Source:
    """The examples, and the centres and widths that a net begins with."""

    train: tuple  # X (examples, inputs), y (examples,)
    test: tuple
    centres: Any  # (centres, inputs)
    log_width: Any  # logarithm of each basis function's width, (centres,)


def true_curve(x):
    return np.sin(x) + x / 3


def sine_points(noise, seed):
    """Noisy examples of the curve to train on; to be tested on, the curve itself on a grid."""
    rng = np.random.RandomState(seed)
    x = rng.uniform(-6, 6, NUM_TRAIN["sine"])
    y = true_curve(x) + rng.normal(0, noise, len(x))
    grid = np.linspace(-6, 6, 241)
    return tuple((nd.array(X).expand_dims(1), nd.array(Y)) for X, Y in ((x, y), (grid, true_curve(grid))))


def moon_points(noise, seed):
    """640 points to train on and 200 to be tested on; between them are those that chapter two_moons validates
    on."""
    X, y = two_moons(1000, noise, seed)
    return (X[: NUM_TRAIN["moons"]], y[: NUM_TRAIN["moons"]]), (X[800:], y[800:])


def initial_centres(X, count, how, seed):
    """Examples chosen at random, or the means of k-means; NumPy arrays, (examples, inputs) -> (count,
    inputs)."""
    if how != "k-means":
        return X[np.random.RandomState(seed).choice(len(X), count, replace=False)]
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=10, random_state=seed).fit(X).cluster_centers_


def data(hp, options):
    """All training examples in one batch, X (batch, inputs) and y (batch,); nothing of MXNet's stream is
    drawn."""
    train_set, test_set = {"sine": sine_points, "moons": moon_points}[hp.task](hp.noise, options.seed)
    centres = initial_centres(train_set[0].asnumpy(), hp.num_centres, hp.centres, options.seed)
    largest = max(np.linalg.norm(centres - c, axis=1).max() for c in centres)
    # k centres in d dimensions: s = d_max / k^(1/d)
    width = hp.width * largest / hp.num_centres ** (1 / centres.shape[1])
    source = Source(train_set, test_set, nd.array(centres), nd.full(hp.num_centres, math.log(width)))
    return Data("synthetic", Steps(Minibatches(*train_set, hp.batch_size), hp.steps), source=source)


def rbf(X, centres, log_width, basis):
    """The hidden layer, (batch, inputs) -> (batch, centres)."""
    # r^2 = |x - c|^2 for every example x and centre c
    r2 = ((X.expand_dims(1) - centres.expand_dims(0)) ** 2).sum(axis=2)
    return BASES[basis](nd, r2, (2 * log_width).exp())


def from_scratch(hp, data):
    """Distances, basis and a linear layer. Of a width it is the logarithm that is learned, so it stays
    positive."""
    hidden = [data.source.centres, data.source.log_width]
    W, b = nd.random.normal(scale=hp.sigma, shape=(hp.num_centres, 1)), nd.zeros(1)
    params = [*(hidden if hp.centres == "learned" else []), W, b]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, inputs)
        centres, log_width = (array.astype(X.dtype, copy=False) for array in hidden)
        return linreg(rbf(X, centres, log_width, hp.basis), W, b)  # (batch, 1)

    loss = squared_loss if hp.task == "sine" else sigmoid_cross_entropy
    return Model(net, loss, params, Momentum(params, hp.lr, rho=hp.momentum))


class RBF(gluon.HybridBlock):
    """The hidden layer as a Gluon block; centres and widths that are not learned are parameters without
    gradient."""

    def __init__(self, centres, log_width, basis, learned):
        super().__init__()
        self.basis = basis
        options = {"init": "zeros", "grad_req": "write" if learned else "null"}
        with self.name_scope():
            self.centres = self.params.get("centres", shape=centres.shape, **options)
            self.log_width = self.params.get("log_width", shape=log_width.shape, **options)
        self.initialize()
        self.centres.set_data(centres)
        self.log_width.set_data(log_width)

    def hybrid_forward(self, F, X, centres, log_width):
        r2 = F.sum(F.broadcast_sub(F.expand_dims(X, 1), F.expand_dims(centres, 0)) ** 2, axis=2)
        return BASES[self.basis](F, r2, F.exp(2 * log_width))


def with_gluon(hp, data):
    """The same from Gluon."""
    net = nn.HybridSequential()
    net.add(RBF(data.source.centres, data.source.log_width, hp.basis, hp.centres == "learned"), nn.Dense(1))
    net[1].initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr, "momentum": hp.momentum}, kvstore=None)
    loss = gluon.loss.L2Loss() if hp.task == "sine" else gluon.loss.SigmoidBinaryCrossEntropyLoss()
    return Model(net, loss, params, trainer)


def train(model, data, hp, callbacks=()):
    """The loop; loss and accuracy are measured after each epoch, over all training and all test examples."""
    scores = {"loss": model.loss, "acc": correct_sign}
    measure = {
        f"{part}_{name}": lambda X=X, y=y, score=scores[name]: score(model.net(X), y).mean()
        for name in SCORES[hp.task]
        for part, (X, y) in (("train", data.source.train), ("test", data.source.test))
    }
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        measure=measure,
        callbacks=callbacks,
    )


def variants(hp):
    """Name -> Setting: every basis with every choice of centres, on the curve and on the moons."""
    return {
        f"{task} {basis} {centres}": Setting(**asdict(hp), task=task, basis=basis, centres=centres)
        for task in NUM_TRAIN
        for basis in BASES
        for centres in CENTRES
    }


@dataclass(frozen=True)
class Trained:
    """A net after training, with its settings and what it learned from."""

    label: str
    model: Model
    source: Source
    hp: Setting

    @property
    def hidden(self):
        """The centres (centres, inputs) and the logarithms of the widths (centres,), NumPy arrays."""
        if self.hp.centres == "learned":
            return book_arrays(self.model)[:2]
        return self.source.centres.asnumpy(), self.source.log_width.asnumpy()

    def __call__(self, X):
        """NumPy array (batch, inputs) -> (batch,)."""
        return self.model.net(nd.array(X))[:, 0].asnumpy()


def least_squares(net):
    """The smallest loss on the training examples that any W and b reach with the net's own centres and
    widths."""
    X, y = (array.astype("float64") for array in net.source.train)
    phi = rbf(X, *(nd.array(array, dtype="float64") for array in net.hidden), net.hp.basis).asnumpy()
    # min |phi W + b - y|^2 / 2n, a linear problem in W and b
    design, y = np.column_stack([phi, np.ones(len(phi))]), y.asnumpy()
    weights, *_ = np.linalg.lstsq(design, y, rcond=None)
    return ((design @ weights - y) ** 2).mean().item() / 2


def trained(result):
    """Every `Trained` net of a result."""
    settings_of = variants(HParams(**result.settings))
    for label, model in result.models.items():
        hp = settings_of[label.partition(" ")[2]]
        yield Trained(label, model, data(hp, Options(seed=result.seed)).source, hp)


def show(result, last_data):
    """The bases; what the nets learned, with their centres; how they came to it, and how well they do in the
    end."""
    result.figures["bases"] = plot.lines(
        bases(), "distance from the centre", "output", "Three bases of width 1"
    )
    for task, title in (("sine", "A curve"), ("moons", "Two moons")):
        nets = [net for net in trained(result) if net.hp.task == task]
        rows = [row(net, result.labelled()[net.label].metrics) for net in nets]
        result.tables[title] = sorted(rows, key=lambda row: float(row["test loss"]))
        # The twins' figures could not be told apart: one of them is enough.
        nets = [net for net in nets if net.label.startswith("gluon" if result.impl == "gluon" else "scratch")]
        if nets:
            result.figures[task] = (fits if task == "sine" else regions)(nets, title)
            curves = {f"{net.hp.basis}, {net.hp.centres}": result.runs[net.label] for net in nets}
            columns = [f"{part}_{name}" for name in SCORES[task] for part in ("train", "test")]
            result.figures[f"{task}_training"] = plot.comparison(
                curves, f"{title}: training", columns, f"epoch of {nets[0].hp.steps} steps"
            )


def bases():
    """Name of a basis -> distances, and its values there."""
    r = np.linspace(0, 5, 201)
    return {name: (r, basis(nd, nd.array(r**2), nd.ones(1)).asnumpy()) for name, basis in BASES.items()}


def row(net, metrics):
    """A net's line in the table of its task."""
    widths = np.exp(net.hidden[1])
    low, high = (f"{width:.2f}" for width in (widths.min(), widths.max()))
    return {
        "run": net.label,
        "centres": len(widths),
        "width": low if low == high else f"{low} to {high}",
        "train loss": shown(metrics["train_loss"], ".4f"),
        **({"least squares": f"{least_squares(net):.4f}"} if net.hp.task == "sine" else {}),
        **{name.replace("_", " "): shown(metrics[name], ".4f") for name in metrics if name != "train_loss"},
    }


def fits(nets, title):
    """Figure: a panel a basis with the examples, the curve, what the nets make of it, and their centres
    below."""
    x = np.linspace(-6, 6, 241)
    examples = tuple(array.asnumpy().ravel() for array in nets[0].source.train)
    panels, points = {}, {}
    for net in nets:
        _, lines = panels.setdefault(net.hp.basis, (x, {"y = sin x + x / 3": true_curve(x)}))
        marks = points.setdefault(net.hp.basis, {"examples": examples})
        lines[net.hp.centres] = net(x[:, None])
        centres = net.hidden[0][:, 0]
        marks[net.hp.centres] = centres, np.full(len(centres), -2.2 - 0.3 * len(marks))
    return plot.functions(panels, "x", f"{title}, and the centres", points)


def regions(nets, title):
    """Figure: a panel a net with its decision regions, the examples and its centres."""
    sets = {
        name: tuple(array.asnumpy() for array in getattr(nets[0].source, name)) for name in ("train", "test")
    }
    named = {f"{net.hp.basis}, {net.hp.centres}": net for net in nets}
    return plot.decision_regions(
        named, sets, title, {"centres": {name: net.hidden[0] for name, net in named.items()}}
    )


chapter = Chapter(
    name="rbf_network",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 5},
    data=data,
    runs=lambda hp: runs_of({"scratch": from_scratch, "gluon": with_gluon}, variants(hp)),
    train=train,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
