"""Offer this project's functions under the names of d2lzh, the package of the book's first edition.

To run a program from the first edition (v1.0.0) of *Dive into Deep Learning*, replace `import d2lzh as d2l`
by

    from d2l_repro import d2lzh as d2l

and make it the first line, so that MXNet can be imported with any version of NumPy. Names, arguments,
defaults and printed lines are those of d2lzh, for chapter 3, the convolutions of chapter 5 and the
optimization of chapter 7. All training goes through the loop of `train.train_ch3`. As in the book, shuffling
depends on the seeds of Python and NumPy, which a program may set, and random numbers on that of MXNet, which
is 0 at the start. See docs/migrating.md for more.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Callable

import numpy as np
from matplotlib import pyplot as plt
from mxnet import Context, autograd, context, cpu, gluon, gpu, init, nd
from mxnet.gluon import nn

from . import compat
from .data.airfoil import load_airfoil
from .data.images import FASHION, load_images, read_idx_folder, resize_images
from .data.loader import Batch, Mapped, Minibatches, data_iter
from .scratch import correct, linreg, sgd, squared_loss
from .scratch.conv import corr2d
from .scratch.optim import FunctionTrainer
from .train.callbacks import MeasureEvery
from .train.loop import Callback, Gradients, Loop, Loss, Net, Trainer, as_nd, evaluate
from .train.loop import train_ch3 as train

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
ROOT = os.path.join("~", ".mxnet", "datasets", "fashion-mnist")  # where Gluon stores its files
CPU = [cpu()]
NUM_AIRFOILS = 1500  # of 1,503 rows, the ones that section 7.3 uses
STEPS_2D = 20
EVERY = 100  # examples between two points of a curve in chapter 7

log = logging.getLogger(__name__)
compat.restore_formats()  # for section 3.2, which defines `use_svg_display` itself


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"d2l_repro.d2lzh has no {name!r}: it covers the parts of d2lzh that chapter 3, the convolutions of "
        "chapter 5 and the optimization of chapter 7 use; see docs/migrating.md"
    )


# Figures (section 3.2)


def use_svg_display() -> None:
    """Make Jupyter show figures as SVG; do nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        ipython.display.set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = FIGSIZE) -> None:
    """Set the size of the following figures, (width, height) in inches."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def semilogy(
    x_vals: Sequence[float],
    y_vals: Sequence[float],
    x_label: str,
    y_label: str,
    x2_vals: Sequence[float] | None = None,
    y2_vals: Sequence[float] | None = None,
    legend: Sequence[str] | None = None,
    figsize: tuple[float, float] = FIGSIZE,
) -> None:
    """Plot y over x, and y2 over x2 with a dotted line, with a logarithmic y axis (section 3.11).

    Without a display, the figure remains the current one, so that `plt.savefig` can save it.

    Args:
        x_vals: x of the curve.
        y_vals: y of the curve.
        x_label: label of the x axis.
        y_label: label of the y axis.
        x2_vals: x of a second curve.
        y2_vals: y of the second curve.
        legend: names of both curves; shown only if there is a second curve.
        figsize: (width, height) in inches.
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


def _new_figure(figsize: tuple[float, float] = FIGSIZE) -> None:
    """Begin a new figure if the current one already contains data.

    In a notebook, each cell begins a new figure anyway; in a script, curves would be drawn over each other.
    """
    set_figsize(figsize)
    if plt.get_fignums() and plt.gcf().axes and plt.gca().has_data():
        plt.figure()


# Data


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None, root: str = ROOT
) -> tuple[Iterable[Batch], Iterable[Batch]]:
    """Load Fashion-MNIST as a training set, reshuffled in every epoch, and a test set (section 3.5).

    Args:
        batch_size: examples per batch.
        resize: pixels of height and width, or (width, height); 28 by default.
        root: folder with the four files that Gluon downloads. If it lacks any, they are searched for in
            $D2L_REPRO_DATA and the cache, and then downloaded. If that fails too, scikit-learn's digits are
            used as stand-in data, with a warning.

    Returns:
        two loaders of X (batch, 1, height, width), floats from 0 to 1, and y (batch,), classes as floats.

    Raises:
        InputError: a file is corrupt or truncated.
    """
    images = read_idx_folder("fashion_mnist", os.path.expanduser(root)) or load_images("fashion_mnist")
    _warn_of_stand_in(images.stand_in_for, "scikit-learn's digits")
    data = images.minibatches(batch_size, _seed())
    if not resize:
        return data.train_iter, data.test_iter

    def resized(X: nd.NDArray, y: nd.NDArray) -> Batch:
        return resize_images(X, resize), y

    return Mapped(data.train_iter, resized), Mapped(data.test_iter, resized)


def get_fashion_mnist_labels(labels: Iterable[float]) -> list[str]:
    """Return the names of classes (section 3.5).

    Args:
        labels: numbers from 0 to 9, in an array or a list.
    """
    numbers = labels.asnumpy() if isinstance(labels, nd.NDArray) else labels
    return [FASHION[int(number)] for number in numbers]


def show_fashion_mnist(images: Sequence[nd.NDArray], labels: Sequence[str]) -> None:
    """Show images in a row, with their labels as titles (section 3.5).

    Args:
        images: NDArrays of 28 x 28 pixels, or of another square size.
        labels: a title for each image.
    """
    use_svg_display()
    _, (axes,) = plt.subplots(1, len(images), figsize=(12, 12), squeeze=False)
    for ax, image, label in zip(axes, images, labels):
        ax.imshow(image.asnumpy().squeeze())
        ax.set_title(label)
        ax.xaxis.set_visible(False)
        ax.yaxis.set_visible(False)


def get_data_ch7() -> tuple[nd.NDArray, nd.NDArray]:
    """Load the standardized airfoil data (section 7.3).

    The file is searched for in $D2L_REPRO_DATA and the cache, and then downloaded. If that fails, a generated
    table is used as stand-in data, with a warning.

    Returns:
        features (1500, 5) and labels (1500,).

    Raises:
        InputError: the file exists but cannot be read as this table.
    """
    airfoil = load_airfoil()
    _warn_of_stand_in(airfoil.stand_in_for, "a generated table")
    # x' = (x - mean) / std, column by column
    rows = (airfoil.rows - airfoil.rows.mean(axis=0)) / airfoil.rows.std(axis=0)
    return nd.array(rows[:NUM_AIRFOILS, :-1]), nd.array(rows[:NUM_AIRFOILS, -1])


def _warn_of_stand_in(stand_in_for: str | None, stand_in: str) -> None:
    if stand_in_for:
        log.warning(
            "%s is neither on this machine nor can it be downloaded; %s is used in its place, and results "
            "will differ from the book's",
            stand_in_for,
            stand_in,
        )


def _seed() -> int:
    # Gluon's DataLoader shuffles with NumPy's global generator, so that readers control it by np.random.seed.
    return np.random.randint(2**31 - 1)  # noqa: NPY002


# Training


def try_gpu() -> Context:
    """Return the first GPU if MXNet can use one, otherwise the CPU (section 5.5)."""
    return gpu() if context.num_gpus() else cpu()


def evaluate_accuracy(data_iter: Iterable[Batch], net: Net, ctx: Context | Sequence[Context] = CPU) -> float:
    """Return the share of correctly classified examples (sections 3.6 and 5.5).

    Args:
        data_iter: yields (X, y).
        net: X -> scores, (batch, classes).
        ctx: device of `net`, or a list of devices, of which the first is used.
    """
    return evaluate(_on(ctx, data_iter), net, correct)


def _on(ctx: Context | Sequence[Context], batches: Iterable[Batch]) -> Mapped:
    """Copy batches to a device."""
    device = ctx if isinstance(ctx, Context) else ctx[0]
    return Mapped(batches, lambda X, y: (as_nd(X).as_in_context(device), as_nd(y).as_in_context(device)))


class _PrintEpochs(Callback):
    """Print the book's line after each epoch.

    Args:
        timed: whether to add the time, as in chapter 5.
    """

    def __init__(self, timed: bool = False):
        self.timed = timed

    def after_epoch(self, loop: Loop) -> None:
        row = loop.history[-1]
        time = f", time {row['seconds']:.1f} sec" if self.timed else ""
        print(
            f"epoch {row['epoch']}, loss {row['train_loss']:.4f}, train acc {row['train_acc']:.3f}, "
            f"test acc {row['test_acc']:.3f}{time}",
            flush=True,
        )


def train_ch3(
    net: Net,
    train_iter: Iterable[Batch],
    test_iter: Iterable[Batch],
    loss: Loss,
    num_epochs: int,
    batch_size: int,
    params: Sequence[nd.NDArray] | None = None,
    lr: float | None = None,
    trainer: Trainer | None = None,
) -> None:
    """Train a classifier, and print a line after each epoch (section 3.6).

    Like the book's function, it returns None. `train.train_ch3`, which does the work, has the same arguments
    and more, and returns the history.

    Raises:
        TrainingDiverged: the loss is not finite, where the book's function would continue and print nan.
    """
    train(
        net,
        train_iter,
        test_iter,
        loss,
        num_epochs,
        batch_size,
        params,
        lr,
        trainer,
        callbacks=[_PrintEpochs()],
    )


def train_ch5(
    net: gluon.Block,
    train_iter: Iterable[Batch],
    test_iter: Iterable[Batch],
    batch_size: int,
    trainer: Trainer,
    ctx: Context,
    num_epochs: int,
) -> None:
    """Train a Gluon classifier with softmax and cross-entropy, and print a line per epoch (section 5.5).

    Args:
        net: Gluon block, initialized on `ctx`, that returns logits (batch, classes).
        train_iter: yields (X, y).
        test_iter: the same for testing.
        batch_size: divides the gradient.
        trainer: gluon.Trainer.
        ctx: device, as returned by `try_gpu`.
        num_epochs: passes over `train_iter`.
    """
    print("training on", ctx)
    train(
        net,
        _on(ctx, train_iter),
        _on(ctx, test_iter),
        gluon.loss.SoftmaxCrossEntropyLoss(),
        num_epochs,
        batch_size,
        trainer=trainer,
        callbacks=[_PrintEpochs(timed=True)],
    )


# Optimization (chapter 7)


def train_2d(
    trainer: Callable[[float, float, float, float], tuple[float, float, float, float]],
) -> list[tuple[float, float]]:
    """Take 20 steps from (-5, -2), print the last point, and return all 21 points (section 7.2).

    Args:
        trainer: (x1, x2, s1, s2) -> the same after a step; s1 and s2 are the optimizer's state, 0 at the
            start.
    """
    x1, x2, s1, s2 = -5.0, -2.0, 0.0, 0.0
    points = [(x1, x2)]
    for _ in range(STEPS_2D):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2)
        points.append((x1, x2))
    print(f"epoch {STEPS_2D}, x1 {x1:f}, x2 {x2:f}")
    return points


def show_trace_2d(
    f: Callable[[np.ndarray, np.ndarray], np.ndarray], res: Sequence[tuple[float, float]]
) -> None:
    """Draw the points that `train_2d` returned, over contour lines (section 7.2).

    Args:
        f: the function that was minimized; it must accept arrays.
        res: the points.
    """
    _new_figure()
    x1, x2 = np.array(res, dtype=float).T
    plt.plot(x1, x2, "-o", color="#ff7f0e")
    grid = np.meshgrid(
        np.arange(-5.5, 1.0, 0.1), np.arange(min(-3.0, x2.min() - 1), max(1.0, x2.max() + 1), 0.1)
    )
    plt.contour(*grid, f(*grid), colors="#1f77b4")
    plt.xlabel("x1")
    plt.ylabel("x2")


def train_ch7(
    trainer_fn: Callable[[list[nd.NDArray], Any, dict[str, Any]], None],
    states: Any,
    hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train a linear regression with your own optimizer, and plot the loss (section 7.3).

    The last loss is printed.

    Args:
        trainer_fn: (params, states, hyperparams) -> None; updates [w, b] in place, with the gradients of the
            mean loss of the batch in their `.grad`.
        states: whatever `trainer_fn` keeps from step to step.
        hyperparams: passed to `trainer_fn`.
        features: (examples, inputs).
        labels: (examples,).
        batch_size: examples per step.
        num_epochs: passes over the examples.
    """
    w, b = nd.random.normal(scale=0.01, shape=(features.shape[1], 1)), nd.zeros(1)
    for param in (w, b):
        param.attach_grad()

    def net(X):
        return linreg(X, w, b)

    def gradients(X, y):
        # The loop's own gradients are sums over the batch; the book's optimizers expect the mean.
        with autograd.record():
            y_hat = net(X)
            losses = squared_loss(y_hat, y)
            mean = losses.mean()
        mean.backward()
        return y_hat, losses

    trainer = FunctionTrainer(trainer_fn, [w, b], states, hyperparams)
    _train_regression(net, squared_loss, trainer, features, labels, batch_size, num_epochs, gradients)


def train_gluon_ch7(
    trainer_name: str,
    trainer_hyperparams: dict[str, Any],
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train a linear regression with one of Gluon's optimizers, like `train_ch7` (section 7.3).

    Args:
        trainer_name: name of the optimizer, such as "adam".
        trainer_hyperparams: its options, as for gluon.Trainer.
        features: (examples, inputs).
        labels: (examples,).
        batch_size: examples per step.
        num_epochs: passes over the examples.
    """
    net = nn.Sequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), trainer_name, trainer_hyperparams)
    _train_regression(net, gluon.loss.L2Loss(), trainer, features, labels, batch_size, num_epochs)


def _train_regression(
    net: Net,
    loss: Loss,
    trainer: Trainer,
    features: nd.NDArray,
    labels: nd.NDArray,
    batch_size: int,
    num_epochs: int,
    gradients: Gradients | None = None,
) -> None:
    """Train a net, print its last loss over all examples, and plot that loss over the epochs."""
    curve = MeasureEvery(lambda: loss(net(features), labels).mean(), batch_size, EVERY)
    batches = Minibatches(features, labels, batch_size, _seed())
    history = train(
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
