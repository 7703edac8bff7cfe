"""The first edition's package d2lzh, with this project's functions under its names.

A program of *Dive into Deep Learning*, first edition (v1.0.0), runs when its `import d2lzh as d2l` becomes

    from d2l_repro import d2lzh as d2l

in the first line: MXNet then imports on any NumPy. Names, arguments, defaults and printed lines are those of
the package for chapter 3, the convolutions of chapter 5 and the optimization of chapter 7. Everything trains
through the loop of `train.train_ch3`. As in the book, what is shuffled follows from Python's and NumPy's
seeds, which a program may set, and what is drawn from MXNet's, which begins with 0. docs/migrating.md has
what else there is to know.
"""

import logging
import os
import sys
import warnings

import numpy as np
from matplotlib import pyplot as plt
from mxnet import Context, autograd, context, cpu, gluon, gpu, init, nd
from mxnet.gluon import nn

from . import compat
from .data.airfoil import load_airfoil
from .data.images import FASHION, load_images, read_idx_folder, resized
from .data.loader import Mapped, Minibatches, data_iter
from .scratch import correct, linreg, sgd, squared_loss
from .scratch.conv import corr2d
from .scratch.optim import FunctionTrainer
from .train.callbacks import Curve
from .train.loop import Callback, evaluate
from .train.loop import train_ch3 as loop

__all__ = [
    "corr2d",
    "data_iter",
    "evaluate_accuracy",
    "get_data_ch7",
    "get_fashion_mnist_labels",
    "linreg",
    "load_data_fashion_mnist",
    "plt",
    "semilogy",
    "set_figsize",
    "sgd",
    "show_fashion_mnist",
    "show_trace_2d",
    "squared_loss",
    "train_2d",
    "train_ch3",
    "train_ch5",
    "train_ch7",
    "train_gluon_ch7",
    "try_gpu",
    "use_svg_display",
]

FIGSIZE = (3.5, 2.5)  # inches
ROOT = os.path.join("~", ".mxnet", "datasets", "fashion-mnist")  # where Gluon keeps its files
CPU = [cpu()]
NUM_AIRFOILS = 1500  # rows that section 7.3 takes of the 1,503
STEPS_2D = 20
EVERY = 100  # examples between two points of chapter 7's curves

log = logging.getLogger(__name__)
compat.restore_formats()  # for section 3.2, which types `use_svg_display` itself


def __getattr__(name):
    raise AttributeError(
        f"d2l_repro.d2lzh has no {name!r}: of d2lzh it has what chapter 3, the convolutions of "
        "chapter 5 and the optimization of chapter 7 use; see docs/migrating.md"
    )


# Figures (section 3.2)


def use_svg_display():
    """Have Jupyter show figures as SVG; elsewhere it does nothing."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        ipython.display.set_matplotlib_formats("svg")


def set_figsize(figsize=FIGSIZE):
    """Take a size, (width, height) in inches, for the figures to come."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def semilogy(x_vals, y_vals, x_label, y_label, x2_vals=None, y2_vals=None, legend=None, figsize=FIGSIZE):
    """Show y over x, and y2 over x2 dotted, with a logarithmic y axis (section 3.11).

    Without a display the figure stays the current one, for `plt.savefig`.
    """
    _new_figure(figsize)
    plt.xlabel(x_label)
    plt.ylabel(y_label)
    plt.semilogy(x_vals, y_vals)
    if x2_vals is not None and y2_vals is not None:
        plt.semilogy(x2_vals, y2_vals, linestyle=":")
        if legend:
            plt.legend(legend)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(non-interactive|non-GUI)", UserWarning)
        plt.show()


def _new_figure(figsize=FIGSIZE):
    """A notebook begins a figure with each cell; in a script one that is drawn in already is not drawn
    over."""
    set_figsize(figsize)
    if plt.get_fignums() and plt.gcf().axes and plt.gca().has_data():
        plt.figure()


# Data


def load_data_fashion_mnist(batch_size, resize=None, root=ROOT):
    """Fashion-MNIST in minibatches: to train on, in a new order each time, and to test on (section 3.5).

    Args:
        batch_size: examples a batch.
        resize: pixels of height and width, or (width, height); 28 by default.
        root: a folder with the four files, such as Gluon downloaded them. Where it does not have them, they
            are looked for in $D2L_REPRO_DATA and the cache, then downloaded; scikit-learn's digits stand in
            for them, with a warning, where that fails too.

    Returns:
        two loaders of X (batch, 1, height, width), floats from 0 to 1, and y (batch,), classes as floats.

    Raises:
        InputError: a file is corrupt or truncated.
    """
    images = read_idx_folder("fashion_mnist", os.path.expanduser(root)) or load_images("fashion_mnist")
    _warn_of(images.stand_in_for, "scikit-learn's digits")
    data = images.minibatches(batch_size, _seed())
    if not resize:
        return data.train_iter, data.test_iter
    return tuple(
        Mapped(batches, lambda X, y: (resized(X, resize), y)) for batches in (data.train_iter, data.test_iter)
    )


def get_fashion_mnist_labels(labels):
    """The classes' names, a list; `labels` are numbers from 0 to 9, in an array or a list (section 3.5)."""
    return [FASHION[int(label)] for label in (labels.asnumpy() if isinstance(labels, nd.NDArray) else labels)]


def show_fashion_mnist(images, labels):
    """Show images, NDArrays of 28 x 28 pixels or any other square, in a row, each below its label (section
    3.5)."""
    use_svg_display()
    _, (axes,) = plt.subplots(1, len(images), figsize=(12, 12), squeeze=False)
    for ax, image, label in zip(axes, images, labels):
        ax.imshow(image.asnumpy().squeeze())
        ax.set_title(label)
        ax.xaxis.set_visible(False)
        ax.yaxis.set_visible(False)


def get_data_ch7():
    """The table of airfoils, standardised (section 7.3): features (1500, 5) and labels (1500,).

    It is found or downloaded as Fashion-MNIST is; a generated table stands in for it, with a warning.

    Raises:
        InputError: the file that is there is no such table.
    """
    airfoil = load_airfoil()
    _warn_of(airfoil.stand_in_for, "a generated table")
    # x' = (x - mean) / standard deviation, column by column
    rows = (airfoil.rows - airfoil.rows.mean(axis=0)) / airfoil.rows.std(axis=0)
    return nd.array(rows[:NUM_AIRFOILS, :-1]), nd.array(rows[:NUM_AIRFOILS, -1])


def _warn_of(stand_in_for, what):
    if stand_in_for:
        log.warning(
            "%s is neither on this machine nor to be downloaded; %s stands in for it, and the book's numbers "
            "do not come out",
            stand_in_for,
            what,
        )


def _seed():
    # Gluon's DataLoader shuffles with NumPy's global generator, which a reader may have seeded.
    return np.random.randint(2**31 - 1)  # noqa: NPY002


# Training


def try_gpu():
    """The first GPU where MXNet has one, else the CPU (section 5.5)."""
    return gpu() if context.num_gpus() else cpu()


def evaluate_accuracy(data_iter, net, ctx=CPU):
    """Share of examples whose class `net` predicts, a float (section 3.6, section 5.5).

    Args:
        data_iter: gives (X, y).
        net: X -> scores, (batch, classes).
        ctx: the device of `net`, or a list, of which the first is used.
    """
    return evaluate(_on(ctx, data_iter), net, correct)


def _on(ctx, batches):
    device = ctx if isinstance(ctx, Context) else ctx[0]
    return Mapped(batches, lambda X, y: (X.as_in_context(device), y.as_in_context(device)))


class _Epochs(Callback):
    """Prints the book's line after each epoch."""

    def __init__(self, timed=False):
        self.timed = timed

    def after_epoch(self, loop):
        row = loop.history[-1]
        time = f", time {row['seconds']:.1f} sec" if self.timed else ""
        print(
            f"epoch {row['epoch']}, loss {row['train_loss']:.4f}, train acc {row['train_acc']:.3f}, "
            f"test acc {row['test_acc']:.3f}{time}",
            flush=True,
        )


def train_ch3(net, train_iter, test_iter, loss, num_epochs, batch_size, params=None, lr=None, trainer=None):
    """Train a classifier, print a line an epoch (section 3.6), and return None as the book's does.

    `train.train_ch3`, which does it, has the same arguments, and others, and returns the history. Both stop
    with `TrainingDiverged` where the book's would go on to print nan.
    """
    loop(net, train_iter, test_iter, loss, num_epochs, batch_size, params, lr, trainer, callbacks=[_Epochs()])


def train_ch5(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs):
    """Train a Gluon classifier with softmax and cross-entropy on `ctx`, and print a timed line an epoch
    (section 5.5).

    Args:
        net: Gluon block, initialized on `ctx`, that gives logits (batch, classes).
        train_iter, test_iter: give (X, y).
        batch_size: divides the gradient.
        trainer: gluon.Trainer.
        ctx: device, as `try_gpu` gives it.
        num_epochs: passes over `train_iter`.
    """
    print("training on", ctx)
    loop(
        net,
        _on(ctx, train_iter),
        _on(ctx, test_iter),
        gluon.loss.SoftmaxCrossEntropyLoss(),
        num_epochs,
        batch_size,
        trainer=trainer,
        callbacks=[_Epochs(timed=True)],
    )


# Optimization (chapter 7)


def train_2d(trainer):
    """Descend 20 steps from (-5, -2), print where that led, and return all 21 points (section 7.2).

    Args:
        trainer: (x1, x2, s1, s2) -> the same after a step; s1 and s2, which begin with 0, are for it to keep
            a state.
    """
    x1, x2, s1, s2 = -5, -2, 0, 0
    points = [(x1, x2)]
    for _ in range(STEPS_2D):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        points.append((x1, x2))
    print(f"epoch {STEPS_2D}, x1 {x1:f}, x2 {x2:f}")
    return points


def show_trace_2d(f, res):
    """Draw the points that `train_2d` gave over the lines of equal height of `f`, which takes arrays (section
    7.2)."""
    _new_figure()
    x1, x2 = np.array(res, dtype=float).T
    plt.plot(x1, x2, "-o", color="#ff7f0e")
    grid = np.meshgrid(
        np.arange(-5.5, 1.0, 0.1), np.arange(min(-3.0, x2.min() - 1), max(1.0, x2.max() + 1), 0.1)
    )
    plt.contour(*grid, f(*grid), colors="#1f77b4")
    plt.xlabel("x1")
    plt.ylabel("x2")


def train_ch7(trainer_fn, states, hyperparams, features, labels, batch_size=10, num_epochs=2):
    """Train a linear regression with the reader's optimizer, print the last loss and draw its curve (section
    7.3).

    Args:
        trainer_fn: (params, states, hyperparams) -> None; updates [w, b] in place by their gradients, which
            are those of the batch's mean loss.
        states: whatever `trainer_fn` keeps from step to step.
        hyperparams: dict for `trainer_fn`.
        features: (examples, inputs).
        labels: (examples,).
        batch_size: examples a step.
        num_epochs: passes over the examples.
    """
    w, b = nd.random.normal(scale=0.01, shape=(features.shape[1], 1)), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()

    def net(X):
        return linreg(X, w, b)

    def gradients(X, y):
        with autograd.record():
            y_hat = net(X)
            losses = squared_loss(y_hat, y)
            mean = losses.mean()
        mean.backward()
        return y_hat, losses

    trainer = FunctionTrainer(trainer_fn, [w, b], states, hyperparams)
    _train_regression(net, squared_loss, trainer, features, labels, batch_size, num_epochs, gradients)


def train_gluon_ch7(trainer_name, trainer_hyperparams, features, labels, batch_size=10, num_epochs=2):
    """The same with one of Gluon's optimizers, by its name, and the options that gluon.Trainer takes (section
    7.3)."""
    net = nn.Sequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), trainer_name, trainer_hyperparams)
    _train_regression(net, gluon.loss.L2Loss(), trainer, features, labels, batch_size, num_epochs)


def _train_regression(net, loss, trainer, features, labels, batch_size, num_epochs, gradients=None):
    curve = Curve(lambda: loss(net(features), labels).mean(), batch_size, EVERY)
    batches = Minibatches(features, labels, batch_size, _seed())
    history = loop(
        net,
        batches,
        None,
        loss,
        num_epochs,
        batch_size,
        trainer=trainer,
        metrics={},
        gradients=gradients,
        callbacks=[curve],
    )
    losses = curve.values()
    print(f"loss: {losses[-1]:f}, {history[-1]['seconds']:f} sec per epoch")
    _new_figure()
    plt.plot(np.linspace(0, num_epochs, len(losses)), losses)
    plt.xlabel("epoch")
    plt.ylabel("loss")
