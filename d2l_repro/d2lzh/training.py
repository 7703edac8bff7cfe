"""Train and evaluate classifiers on one device or several, through the loop of `d2l_repro.train`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from mxnet import Context, autograd, context, cpu, gluon, gpu, nd
from mxnet.gluon.utils import split_and_load

from ..data.loader import Batch, Mapped
from ..scratch import correct, linreg, sgd, squared_loss
from ..scratch.conv import corr2d
from ..train.checks import check_not_added, checked_gradients
from ..train.loop import Callback, Loop, Loss, Net, Trainer, as_nd, evaluate
from ..train.loop import train_ch3 as run_loop

__all__ = [
    "Benchmark",
    "corr2d",
    "evaluate_accuracy",
    "linreg",
    "sgd",
    "squared_loss",
    "train",
    "train_ch3",
    "train_ch5",
    "try_all_gpus",
    "try_gpu",
]

CPU = [cpu()]


class Benchmark:
    """Print how long a `with` block takes (section 8.2).

    Args:
        prefix: start of the line.
    """

    def __init__(self, prefix: str | None = None):
        self.prefix = f"{prefix} " if prefix else ""

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *args: Any) -> None:
        print(f"{self.prefix}time: {time.perf_counter() - self.start:.4f} sec")


def try_gpu() -> Context:
    """Return the first GPU if MXNet can use one, otherwise the CPU (section 5.5)."""
    return gpu() if context.num_gpus() else cpu()


def try_all_gpus() -> list[Context]:
    """Return all GPUs that MXNet can use, or the CPU alone if there is none (section 9.1)."""
    return [gpu(i) for i in range(context.num_gpus())] or [cpu()]


def evaluate_accuracy(data_iter: Iterable[Batch], net: Net, ctx: Context | Sequence[Context] = CPU) -> float:
    """Return the share of correctly classified examples (sections 3.6 and 5.5), or pixels (section 9.10).

    Args:
        data_iter: yields (X, y).
        net: X -> scores, (batch, classes).
        ctx: device of `net`, or a list of devices, of which the first is used.
    """
    return evaluate(_on(ctx, data_iter), net, correct)


def _on(ctx: Context | Sequence[Context], batches: Iterable[Batch]) -> Mapped:
    """Copy batches to a device, the first one of several."""
    device = _as_list(ctx)[0]
    return Mapped(batches, lambda X, y: (as_nd(X).as_in_context(device), as_nd(y).as_in_context(device)))


def _as_list(ctx: Context | Sequence[Context]) -> Sequence[Context]:
    return [ctx] if isinstance(ctx, Context) else ctx


class _PrintEpochs(Callback):
    """Print the book's line after each epoch.

    Args:
        timed: whether to add the time, as from chapter 5 on.
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
    run_loop(
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
    run_loop(
        net,
        _on(ctx, train_iter),
        _on(ctx, test_iter),
        gluon.loss.SoftmaxCrossEntropyLoss(),
        num_epochs,
        batch_size,
        trainer=trainer,
        callbacks=[_PrintEpochs(timed=True)],
    )


def train(
    train_iter: Iterable[Batch],
    test_iter: Iterable[Batch],
    net: gluon.Block,
    loss: gluon.loss.Loss,
    trainer: gluon.Trainer,
    ctx: Context | Sequence[Context],
    num_epochs: int,
) -> None:
    """Train a Gluon classifier on several devices, and print a line per epoch (section 9.1).

    Each batch is split over the devices. Its gradient is divided by its own size, also in the last batch.

    Args:
        train_iter: yields (X, y).
        test_iter: the same for testing.
        net: Gluon block, initialized on all devices, that returns scores (batch, classes), or
            (batch, classes, height, width) with a class for each pixel.
        loss: (scores, y) -> one loss per example.
        trainer: gluon.Trainer.
        ctx: a device, or a list of devices as returned by `try_all_gpus`.
        num_epochs: passes over `train_iter`.
    """
    print("training on", ctx)
    check_not_added(trainer)
    split = _SplitBatches(net, loss, trainer, _as_list(ctx))
    run_loop(
        net,
        _on(ctx, train_iter),
        _on(ctx, test_iter),
        loss,
        num_epochs,
        1,  # which `split` replaces
        trainer=split,
        gradients=checked_gradients(split),
        callbacks=[_PrintEpochs(timed=True)],
    )


class _SplitBatches:
    """Compute the gradients of a batch in shares, one on each device, and take a step of the trainer.

    For the loop, it is `gradients` and `trainer` at once: only here is the size of each batch known.
    """

    def __init__(self, net, loss, trainer, devices):
        self.net, self.loss, self.trainer, self.devices = net, loss, trainer, devices
        self._batch_size = 0

    def __call__(self, X: nd.NDArray, y: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        self._batch_size = len(X)
        y = y.astype(X.dtype, copy=False)
        shares = zip(*(split_and_load(array, self.devices, even_split=False) for array in (X, y)))
        with autograd.record():
            scores = [(y_hat, self.loss(y_hat, y)) for y_hat, y in ((self.net(X), y) for X, y in shares)]
        autograd.backward([losses for _, losses in scores])
        return tuple(self._joined(arrays) for arrays in zip(*scores))

    def _joined(self, arrays: Sequence[nd.NDArray]) -> nd.NDArray:
        """Join the shares on the first device."""
        if len(arrays) == 1:
            return arrays[0]
        return nd.concat(*(array.as_in_context(self.devices[0]) for array in arrays), dim=0)

    @property
    def learning_rate(self) -> float:
        return self.trainer.learning_rate

    def set_learning_rate(self, lr: float) -> None:
        self.trainer.set_learning_rate(lr)

    def step(self, batch_size: float) -> None:
        self.trainer.step(self._batch_size)
