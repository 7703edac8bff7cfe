"""The one loop: every chapter, study and fold of this project trains through `train_ch3`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import length_hint
from typing import Any, Callable, Protocol

from mxnet import MXNetError, autograd, cpu, engine, gluon, nd

from ..distributed.job import num_sharing
from ..distributed.training import own_part
from ..language import mark, tr
from ..results.history import History
from ..results.run import DIVERGED, DIVERGED_LATER, INTERRUPTED, message_text
from ..scratch import SGD, correct
from .checks import (
    Labels,
    as_callbacks,
    as_pair,
    check_call,
    check_is_array,
    check_not_added,
    check_numbers,
    check_one_per_example,
    check_params,
    checked_gradients,
    checked_metric,
    explained,
)

BULK = 15  # operators handed to the engine at a time; more of them cost less each where nets are tiny
RESTARTABLE = mark("pass a loader or a list, which can be iterated over again, not a generator")

Batches = Iterable[tuple[Any, Any]]  # of X and y
Net = Callable[[nd.NDArray], nd.NDArray]  # X -> y_hat
Loss = Callable[[nd.NDArray, nd.NDArray], nd.NDArray]  # (y_hat, y) -> one loss per example
Metric = Callable[[nd.NDArray, nd.NDArray], nd.NDArray]  # (y_hat, y) -> one number per example
Measure = Callable[[], Any]  # () -> a number, called after an epoch
Penalty = Callable[[], nd.NDArray]  # () -> a scalar, added to the mean loss


class Trainer(Protocol):
    """Anything that updates parameters by their gradients: a gluon.Trainer, or an optimizer from scratch."""

    @property
    def learning_rate(self) -> float: ...

    def set_learning_rate(self, lr: float) -> None:
        """Use `lr` from the next step on."""

    def step(self, batch_size: float) -> None:
        """Update every parameter by its gradient, the sum over `batch_size` examples."""


class Gradients(Protocol):
    """Compute y_hat and the losses of a batch, and leave every parameter's gradient in its `.grad`."""

    def __call__(self, X: nd.NDArray, y: nd.NDArray) -> tuple[Any, nd.NDArray]: ...


class TrainingDiverged(ArithmeticError):
    """Raised when the loss is not finite or has grown a millionfold; `history` has the epochs before."""

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.message, self.history = message, history  # in English, as result.json has it

    def __str__(self) -> str:
        return message_text(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error be sent from a process in which a study or a fold was trained."""
        return type(self), (self.message, self.history)


class TrainingInterrupted(KeyboardInterrupt):
    """Raised when Ctrl-C ends training; `history` has the epochs that were finished."""

    def __init__(self, history: History):
        self.history = history
        super().__init__(INTERRUPTED[len(history) != 1].format(count=len(history)))


class Callback:
    """Base class of what chapters add to the loop; each method is called with the `Loop`.

    Attributes:
        only_looks: whether `before_step` and `after_step`, if there are any, neither use gradients nor change
            parameters. Otherwise they cannot be used where the steps of several workers are taken elsewhere.
    """

    only_looks = False

    def before_training(self, loop: Loop) -> None:
        """Run before the first epoch: the place to resume from a checkpoint."""

    def before_step(self, loop: Loop) -> None:
        """Run after the gradients are computed and before the parameters are updated: the place to clip."""

    def after_step(self, loop: Loop) -> None:
        """Run after the parameters are updated: the place for a moving average."""

    def after_epoch(self, loop: Loop) -> None:
        """Run after the epoch's row is added to the history: the place for early stopping and progress."""


@dataclass
class Loop:
    """The state of training. Callbacks read it; setting `stop` ends training after the current epoch.

    Attributes:
        num_epochs: epochs to train.
        num_batches: batches per epoch; None if the data do not have a length.
        trainer: updates the parameters.
        history: one row per epoch.
        epoch, step: the current epoch and the number of steps taken in all epochs; 0 before training.
        stop: set by a callback.
        first_loss: mean loss of the first epoch.
        sums, counts: name -> running sum (NDArray) and number of terms in this epoch.
        losses: of the current batch, before its step; None before training.
        loss_per_word: whether there is one loss per word, so that progress is shown as perplexity.
    """

    num_epochs: int
    num_batches: int | None
    trainer: Trainer
    history: History = field(default_factory=History)
    epoch: int = 0
    step: int = 0
    stop: bool = False
    first_loss: float = math.inf
    sums: dict[str, nd.NDArray] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    losses: nd.NDArray | None = None
    loss_per_word: bool = False

    def add(self, name: str, values: nd.NDArray) -> None:
        """Add values to the running sum of a name, without waiting for the engine."""
        self.sums[name] = self.sums[name] + values.sum() if name in self.sums else values.sum()
        # Not the batch size: a language model has a loss for every word of an example.
        self.counts[name] = self.counts.get(name, 0) + values.size

    def running(self, name: str) -> float:
        """Return the mean so far in this epoch. It waits for the engine: never call it every batch."""
        return self.sums[name].asscalar().item() / self.counts[name]


def train_ch3(
    net: Net,
    train_iter: Batches,
    test_iter: Batches | None,
    loss: Loss,
    num_epochs: int,
    batch_size: float,
    params: Sequence[nd.NDArray] | None = None,
    lr: float | None = None,
    trainer: Trainer | None = None,
    *,
    metrics: Mapping[str, Metric] | None = None,
    measure: Mapping[str, Measure] | None = None,
    penalty: Penalty | None = None,
    gradients: Gradients | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train a model, as the book's function of this name does (section 3.6), and return its history.

    Nothing is read from MXNet's engine until an epoch ends, so that Python runs ahead of the computation. A
    hybridized Gluon net and Gluon's loss are joined into one graph.

    Args:
        net: X -> y_hat; a function or a Gluon block.
        train_iter: yields batches (X, y) anew each epoch: one of our loaders, a Gluon DataLoader, a list.
        test_iter: the same for testing, or None.
        loss: (y_hat, y) -> one loss per example.
        num_epochs: passes over `train_iter`.
        batch_size: divides the gradient of every batch, the short last one too: dividing that by its own size
            would make the last step before each test the noisiest of its epoch.
        params: NDArrays with gradients attached, for SGD from scratch; needs `lr`.
        lr: learning rate of that SGD.
        trainer: used instead of them: a gluon.Trainer, or anything with its `step(batch_size)`,
            `learning_rate` and `set_learning_rate`.
        metrics: name -> function (y_hat, y) -> one number per example. Their means over the epoch, taken
            before each update, become the row's train_<name>. Accuracy ("acc") by default, none with `{}`.
        measure: name -> function () -> number, called after each epoch. By default test_<name> of each metric
            over `test_iter`, or test_loss if there are no metrics; nothing without a `test_iter`.
        penalty: () -> scalar NDArray, added to the mean loss before the gradient is taken. It counts
            `batch_size` times, as `step` divides by that, so that it is whole in the short last batch too.
            train_loss does not include it.
        gradients: (X, y) -> y_hat, losses; must leave every parameter's gradient in its `.grad`. Autograd by
            default; a net with hand-derived gradients brings its own.
        callbacks: objects derived from `Callback`, called in order.

    In a worker of a job, within `distributed.workers.share_batches`, each batch is divided among the workers.

    Returns:
        History; a row has epoch, train_loss, the metrics, the measures, and seconds (training and measuring).

    Raises:
        TrainingDiverged: an epoch's mean loss is not finite, or a million times the first epoch's.
        TrainingInterrupted: Ctrl-C was pressed. Both errors carry the history so far.
        ValueError: the data yield no batch or no pairs; neither a trainer nor params and lr are given; a
            number is out of range; a name or a callback is not possible; accuracy is asked for and labels are
            no classes of the net; a loss or metric returns one number for all examples or for every pair of
            them, instead of one per example; or one of `params` gets no gradient.
    """
    trained: list[nd.NDArray] = []
    if trainer is None:
        if params is None or lr is None:
            raise ValueError(tr("train_ch3 needs either a trainer, or params and lr for SGD from scratch"))
        trained = check_params(params)
        trainer = SGD(trained, lr)
    check_numbers(num_epochs, batch_size, trainer)
    metrics = {"acc": correct} if metrics is None else metrics
    measure = default_measures(net, test_iter, loss, metrics) if measure is None else measure
    callbacks = as_callbacks(callbacks)
    check_call(loss, metrics, measure, callbacks)
    part = own_part(net, train_iter, _batches, trainer, _meddling(callbacks), num_epochs, batch_size)
    if gradients is None:
        check_not_added(trainer)
        gradients = checked_gradients(gradients_by_autograd(net, loss, penalty, batch_size), trained)
    gradients = part.summed(gradients)
    labels = Labels()
    metrics = {
        name: checked_metric(name, labels.counted(metric) if metric is correct else metric)
        for name, metric in metrics.items()
    }
    loop = Loop(num_epochs, length_hint(part.batches) or None, part.trainer)
    try:
        for callback in callbacks:
            callback.before_training(loop)
        while loop.epoch < num_epochs and not loop.stop:
            start = time.perf_counter()
            loop.epoch += 1
            with engine.bulk(BULK):
                _train_epoch(loop, part.batches, batch_size, metrics, gradients, callbacks)
            part.add_up(loop.sums, loop.counts)
            # Here Python waits for the engine, once an epoch.
            labels.check()
            row = {"epoch": loop.epoch, **{name: loop.running(name) for name in loop.sums}}
            _check_converging(loop, row["train_loss"])
            row.update({name: _as_float(function()) for name, function in measure.items()})
            _check_finite(loop, row["train_loss"], loop.first_loss)  # a measure may have replaced it
            row["seconds"] = time.perf_counter() - start
            loop.history.append(row)
            for callback in callbacks:
                callback.after_epoch(loop)
    except TrainingInterrupted:
        raise
    except KeyboardInterrupt:
        raise TrainingInterrupted(loop.history) from None
    return loop.history


def _train_epoch(
    loop: Loop,
    train_iter: Batches,
    batch_size: float,
    metrics: Mapping[str, Metric],
    gradients: Gradients,
    callbacks: Sequence[Callback],
) -> None:
    """Take one step for each batch."""
    loop.sums, loop.counts = {}, {}
    for X, y in _batches(train_iter):
        # Forward and backward: predictions, losses, and every parameter's gradient.
        y_hat, losses = gradients(X, y)
        loop.losses = losses
        for callback in callbacks:
            callback.before_step(loop)
        # The update: for SGD p <- p - lr g / |B|, otherwise the optimizer's own formula.
        loop.trainer.step(batch_size)
        loop.step += 1
        # Bookkeeping, with the predictions from before the update; still nothing waits for the engine.
        loop.add("train_loss", losses)
        for name, metric in metrics.items():
            loop.add(f"train_{name}", metric(y_hat, y))
        for callback in callbacks:
            callback.after_step(loop)
    if not loop.counts:
        raise ValueError(
            tr(
                "the training data yielded no batch in epoch {epoch}: {advice}",
                epoch=loop.epoch,
                advice=tr(RESTARTABLE),
            )
        )


def _meddling(callbacks: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks that may use or change gradients or parameters at each step."""
    idle = (Callback.before_step, Callback.after_step)
    return [
        callback
        for callback in callbacks
        if not getattr(callback, "only_looks", False)
        and tuple(getattr(type(callback), hook, None) for hook in ("before_step", "after_step")) != idle
    ]


def _check_converging(loop: Loop, loss: float) -> None:
    check_growth(loop, loss, loop.first_loss)
    if loop.epoch == 1:
        loop.first_loss = loss


def check_growth(loop: Loop, loss: float, first_loss: float) -> None:
    """Check the mean loss of an epoch, given that of the first.

    Raises:
        TrainingDiverged: it is not finite, or a million times the first.
    """
    _check_finite(loop, loss, first_loss)
    if loss > 1e6 * first_loss > 0:
        raise _diverged(loop, loss, first_loss)


def _check_finite(loop: Loop, loss: float, first_loss: float) -> None:
    if not math.isfinite(loss):
        raise _diverged(loop, loss, first_loss)


def _diverged(loop: Loop, loss: float, first_loss: float) -> TrainingDiverged:
    message = (DIVERGED_LATER if loop.history else DIVERGED).format(
        epoch=loop.epoch,
        loss=f"{loss:.4g}",
        first=f"{first_loss:.4g}",
        lr=f"{loop.trainer.learning_rate:g}",
    )
    return TrainingDiverged(message, loop.history)


def gradients_by_autograd(
    net: Net, loss: Loss, penalty: Penalty | None = None, batch_size: float = 1
) -> Gradients:
    """Return the default `gradients` of `train_ch3`: record the forward pass and go back through it.

    Args:
        net: as for `train_ch3`.
        loss: as for `train_ch3`.
        penalty: as for `train_ch3`.
        batch_size: what the trainer divides by.
    """
    net_and_loss = _joined(net, loss)

    def gradients(X: nd.NDArray, y: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        with autograd.record():
            y_hat, losses = net_and_loss(X, y)
            check_is_array(tr("the loss"), losses)
            objectives = [losses]
            if penalty:
                added = penalty()
                check_is_array(tr("the penalty"), added)
                objectives.append(batch_size / num_sharing() * added)
        autograd.backward(objectives)
        return y_hat, losses

    return gradients


def _joined(net: Net, loss: Loss) -> Callable:
    """Return (X, y) -> y_hat, losses; one graph if both are hybridized, three times as fast for tiny nets."""
    # Gluon has no public way to ask. A net that is not hybridized may do in Python what no graph can.
    if isinstance(net, gluon.HybridBlock) and net._active and isinstance(loss, gluon.HybridBlock):
        block = _NetWithLoss(net, loss)
        block.hybridize(static_alloc=True, static_shape=True)
        return block

    def net_and_loss(X: nd.NDArray, y: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
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


def default_measures(
    net: Net, test_iter: Batches | None, loss: Loss, metrics: Mapping[str, Metric]
) -> dict[str, Measure]:
    """Return the default `measure` of `train_ch3`: the metrics, or else the loss, on `test_iter`."""
    if test_iter is None:
        return {}
    return measures_of("test", test_iter, net, metrics or {"loss": loss})


def measures_of(
    prefix: str, data_iter: Batches, net: Net, scores: Mapping[str, Metric]
) -> dict[str, Measure]:
    """Return a `measure` for `train_ch3`: PREFIX_NAME for each score, for which the net is applied once.

    Args:
        prefix: start of the names, such as "valid".
        data_iter: as for `evaluate_all`.
        net: as for `evaluate_all`.
        scores: as for `evaluate_all`.
    """
    found: dict[str, float] = {}

    def measure(name: str) -> float:
        if name not in found:  # after an epoch, the first that is asked measures all; each is taken once
            found.update(evaluate_all(data_iter, net, scores))
        return found.pop(name)

    return {f"{prefix}_{name}": partial(measure, name) for name in scores}


def evaluate(data_iter: Batches, net: Net, score: Metric) -> float:
    """Return the mean of `score(net(X), y)`, one number per example, over all examples of `data_iter`.

    Raises:
        ValueError: `data_iter` yields no batch, or `score` does not return one number per example.
    """
    return evaluate_all(data_iter, net, {"the score": score})["the score"]


def evaluate_all(data_iter: Batches, net: Net, scores: Mapping[str, Metric]) -> dict[str, float]:
    """Return the means of several scores, as `evaluate` does, while the net is applied once to each batch.

    Args:
        data_iter: yields batches (X, y).
        net: X -> y_hat.
        scores: name -> function (y_hat, y) -> one number per example.

    Raises:
        ValueError: `data_iter` yields no batch, or a score does not return one number per example.
    """
    totals: dict[str, Any] = dict.fromkeys(scores, 0)
    counts = dict.fromkeys(scores, 0)
    for X, y in _batches(data_iter):
        try:
            y_hat = net(X)
            found = {name: score(y_hat, y) for name, score in scores.items()}
        except MXNetError as error:
            raise explained(error, X, y) from error
        for name, values in found.items():
            if counts[name] <= 1:
                check_one_per_example(name, values, y_hat, y)
            totals[name] = totals[name] + values.sum()
            counts[name] += values.size
    if not all(counts.values()):
        raise ValueError(tr("the data to evaluate on yielded no batch: {advice}", advice=tr(RESTARTABLE)))
    return {name: _as_float(totals[name]) / counts[name] for name in scores}


def evaluate_accuracy(data_iter: Batches, net: Net) -> float:
    """Return the share of correctly classified examples (section 3.6)."""
    return evaluate(data_iter, net, correct)


def _batches(data_iter: Batches) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
    for batch in data_iter:
        X, y = as_pair(batch)
        yield as_nd(X), as_nd(y)


def as_nd(array: Any) -> nd.NDArray:
    """Return `array` as an NDArray that a net can take; DataLoader workers put theirs into shared memory."""
    if not isinstance(array, nd.NDArray):
        return nd.array(array)
    return array.as_in_context(cpu()) if array.context.device_type == "cpu_shared" else array


def _as_float(value: Any) -> float:
    return value.asscalar().item() if isinstance(value, nd.NDArray) else float(value)
