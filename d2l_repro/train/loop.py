"""The one loop: every chapter, study and fold of this project trains through `train_ch3`."""

import math
import time
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

from mxnet import autograd, cpu, engine, gluon, nd

from ..results.history import History
from ..scratch import SGD, correct

BULK = 15  # operators that are handed to the engine in one go: less to do for each where nets are tiny
ONE_SHOT = "hand in a loader or a list, which can be gone through again, not a generator"


class TrainingDiverged(ArithmeticError):
    """The loss is no longer a number worth going on with. `history` has the epochs before."""

    def __init__(self, loop, loss):
        self.history = loop.history
        start = f" ({loop.first_loss:.4g} in the first)" if loop.history else ""
        super().__init__(
            f"training diverged in epoch {loop.epoch}: mean loss {loss:.4g}{start} "
            f"at learning rate {loop.trainer.learning_rate:g}; try a smaller learning rate, "
            "scaled features or clipped gradients"
        )


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C came while training. `history` has the epochs that were finished."""

    def __init__(self, history):
        self.history = history
        super().__init__(f"interrupted after {len(history)} finished epochs")


class Callback:
    """What a chapter may do between the loop's own steps; each method is handed the `Loop`."""

    def before_training(self, loop):
        """Nothing is trained yet: the place to go on from a checkpoint."""

    def before_step(self, loop):
        """Gradients are there, parameters not yet updated: the place to clip."""

    def after_step(self, loop):
        """Parameters are updated: the place for a moving average or a schedule counted in steps."""

    def after_epoch(self, loop):
        """The epoch's row stands in `loop.history`: schedules, best model, early stopping, progress."""


@dataclass
class Loop:
    """Where training stands. Callbacks read it; setting `stop` ends training after this epoch."""

    num_epochs: int
    num_batches: Any  # batches an epoch, None where the data do not tell
    trainer: Any
    history: History = field(default_factory=History)
    epoch: int = 0  # counted from 1
    step: int = 0  # counted from 1, over all epochs
    stop: bool = False
    first_loss: float = math.inf  # mean loss of the first epoch
    sums: dict = field(default_factory=dict)  # name -> NDArray, running sums of this epoch
    counts: dict = field(default_factory=dict)  # name -> how many numbers are in the sum
    loss_per_word: bool = False  # one loss a word, so that progress is shown as perplexity

    def add(self, name, values):
        """Add to the running sum of a name, without reading anything from the engine."""
        self.sums[name] = self.sums[name] + values.sum() if name in self.sums else values.sum()
        # Not the batch's size: a language model has a loss for every word of an example.
        self.counts[name] = self.counts.get(name, 0) + values.size

    def running(self, name):
        """Mean so far in this epoch. It waits for the engine: never call it every batch."""
        return self.sums[name].asscalar().item() / self.counts[name]


def train_ch3(
    net,
    train_iter,
    test_iter,
    loss,
    num_epochs,
    batch_size,
    params=None,
    lr=None,
    trainer=None,
    *,
    metrics=None,
    measure=None,
    penalty=None,
    gradients=None,
    callbacks=(),
):
    """Train a model, as the book's function of this name does (section 3.6), and return its history.

    Nothing is read from MXNet's engine until an epoch ends, so that Python runs ahead of the computation. A
    Gluon net that has been hybridized is joined with Gluon's loss into one graph.

    Args:
        net: X -> y_hat; a function or a Gluon block.
        train_iter: gives batches (X, y) anew each epoch: a loader of ours, a Gluon DataLoader, a list.
        test_iter: the same for testing, or None.
        loss: (y_hat, y) -> one loss an example.
        num_epochs: passes over `train_iter`.
        batch_size: divides the gradient of every batch, the short last one too: dividing that by its own size
            would make the last step before each test the noisiest of its epoch.
        params: NDArrays with gradients attached, for SGD from scratch; together with `lr`.
        lr: learning rate of that SGD.
        trainer: used instead: a gluon.Trainer or anything with its `step(batch_size)`, `learning_rate` and
            `set_learning_rate`.
        metrics: name -> function (y_hat, y) -> one number an example; their means over the epoch, taken
            before each update, are the row's train_<name>. Accuracy ("acc") by default, none with `{}`.
        measure: name -> function () -> number, called after each epoch. By default test_<name> of each metric
            over `test_iter`, or test_loss where there is none; nothing without a `test_iter`.
        penalty: () -> scalar NDArray, added to the mean loss before the gradient is taken: `batch_size`
            times, as `step` divides by that, so that it is whole in the short last batch too. train_loss is
            without it.
        gradients: (X, y) -> y_hat, losses; has to leave every parameter's gradient in its `.grad`. By default
            autograd's; a net with hand-derived gradients brings its own.
        callbacks: `Callback`s, called in order.

    Returns:
        History; a row has epoch, train_loss, the metrics, what is measured, and seconds (training and
        measuring).

    Raises:
        TrainingDiverged: an epoch's mean loss is not finite, or a million times the first epoch's.
        TrainingInterrupted: Ctrl-C was pressed. Both errors carry the history so far.
        ValueError: the data give no batch, or neither a trainer nor params and lr are given.
    """
    if trainer is None:
        if params is None or lr is None:
            raise ValueError("train_ch3 needs either a trainer, or params and lr for SGD from scratch")
        trainer = SGD(params, lr)
    metrics = {"acc": correct} if metrics is None else metrics
    measure = default_measures(net, test_iter, loss, metrics) if measure is None else measure
    gradients = gradients or gradients_by_autograd(net, loss, penalty, batch_size)
    loop = Loop(num_epochs, length_hint(train_iter) or None, trainer)
    try:
        for callback in callbacks:
            callback.before_training(loop)
        while loop.epoch < num_epochs and not loop.stop:
            begun = time.perf_counter()
            loop.epoch += 1
            with engine.bulk(BULK):
                _train_epoch(loop, train_iter, batch_size, metrics, gradients, callbacks)
            row = {"epoch": loop.epoch, **{name: loop.running(name) for name in loop.sums}}
            _check_converging(loop, row["train_loss"])
            row.update({name: _as_float(function()) for name, function in measure.items()})
            _check_finite(loop, row["train_loss"])
            row["seconds"] = time.perf_counter() - begun
            loop.history.append(row)
            for callback in callbacks:
                callback.after_epoch(loop)
    except TrainingInterrupted:
        raise
    except KeyboardInterrupt:
        raise TrainingInterrupted(loop.history) from None
    return loop.history


def _train_epoch(loop, train_iter, batch_size, metrics, gradients, callbacks):
    loop.sums, loop.counts = {}, {}
    for X, y in _batches(train_iter):
        y_hat, losses = gradients(X, y)
        for callback in callbacks:
            callback.before_step(loop)
        loop.trainer.step(batch_size)
        loop.step += 1
        loop.add("train_loss", losses)
        for name, metric in metrics.items():
            loop.add(f"train_{name}", metric(y_hat, y))
        for callback in callbacks:
            callback.after_step(loop)
    if not loop.counts:
        raise ValueError(f"the training data gave no batch in epoch {loop.epoch}: {ONE_SHOT}")


def _check_converging(loop, loss):
    _check_finite(loop, loss)
    if loss > 1e6 * loop.first_loss > 0:
        raise TrainingDiverged(loop, loss)
    if loop.epoch == 1:
        loop.first_loss = loss


def _check_finite(loop, loss):
    if not math.isfinite(loss):
        raise TrainingDiverged(loop, loss)


def gradients_by_autograd(net, loss, penalty=None, batch_size=1):
    """The default of `train_ch3`: (X, y) -> y_hat, losses; by the way, every parameter's `.grad` is
    filled."""
    net_and_loss = _joined(net, loss)

    def gradients(X, y):
        with autograd.record():
            y_hat, losses = net_and_loss(X, y)
            objectives = [losses, batch_size * penalty()] if penalty else [losses]
        autograd.backward(objectives)
        return y_hat, losses

    return gradients


def _joined(net, loss):
    """(X, y) -> y_hat, losses; as one graph if the net is hybridized, which makes tiny nets 3 times
    faster."""
    # Gluon has no public question for this. A net that has not been hybridized may do in Python what no graph
    # can.
    if isinstance(net, gluon.HybridBlock) and net._active and isinstance(loss, gluon.HybridBlock):
        block = _NetWithLoss(net, loss)
        block.hybridize(static_alloc=True, static_shape=True)
        return block

    def net_and_loss(X, y):
        y_hat = net(X)
        return y_hat, loss(y_hat, y)

    return net_and_loss


class _NetWithLoss(gluon.HybridBlock):
    def __init__(self, net, loss):
        super().__init__()
        self.net, self.loss = net, loss

    def hybrid_forward(self, F, X, y):
        y_hat = self.net(X)
        return y_hat, self.loss(y_hat, y)


def default_measures(net, test_iter, loss, metrics):
    """What `train_ch3` measures after an epoch when it is not told: the metrics, or else the loss, on
    `test_iter`."""
    if test_iter is None:
        return {}
    scores = metrics or {"loss": loss}
    return {
        f"test_{name}": lambda score=score: evaluate(test_iter, net, score) for name, score in scores.items()
    }


def evaluate(data_iter, net, score):
    """Mean of `score(net(X), y)`, which is one number an example, over all examples of `data_iter`; a
    float."""
    total, count = 0, 0
    for X, y in _batches(data_iter):
        values = score(net(X), y)
        total = total + values.sum()
        count += values.size
    if not count:
        raise ValueError(f"the data to evaluate on gave no batch: {ONE_SHOT}")
    return _as_float(total) / count


def evaluate_accuracy(data_iter, net):
    """Share of examples of `data_iter` whose class `net` predicts (section 3.6); a float."""
    return evaluate(data_iter, net, correct)


def _batches(data_iter):
    for X, y in data_iter:
        yield as_nd(X), as_nd(y)


def as_nd(array):
    """`array` as NDArray, which a net can take; a DataLoader with worker processes gives arrays in shared
    memory."""
    if not isinstance(array, nd.NDArray):
        return nd.array(array)
    return array.as_in_context(cpu()) if array.context.device_type == "cpu_shared" else array


def _as_float(value):
    return value.asscalar().item() if isinstance(value, nd.NDArray) else float(value)
