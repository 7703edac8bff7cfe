"""Callbacks of the loop that several chapters share."""

import math
import time
from contextlib import contextmanager

import mxnet as mx
import numpy as np
from mxnet import nd
from tqdm import tqdm

from .. import channel
from ..results.history import epoch_line, is_shown
from ..scratch import clip_gradients
from .loop import Callback
from .parameters import Parameter


def seed_everything(seed):
    """Begin MXNet's and NumPy's random streams anew; Gluon shuffles with NumPy's."""
    mx.random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def perplexity(loss):
    """e to the mean cross-entropy of a word: among how many words the model, on average, cannot decide."""
    return math.exp(loss) if loss < 700 else math.inf


class Progress(Callback):
    """The epochs' lines on stdout, as in the book, and a bar over the batches on stderr where that is a
    terminal.

    Args:
        label: begins each line and the bar.
        lines: at most about so many lines; of a longer run every second, third, ... epoch is printed.
        before, share: of the whole work, what was done before this run, and how much of it this run is.
    """

    def __init__(self, label="", lines=20, before=0.0, share=1.0):
        self.label, self.lines = label, lines
        self.before, self.share = before, share
        self._bar, self._read = None, 0.0
        self._reporting = channel.is_reported()

    def after_step(self, loop):
        channel.stop_if_asked()
        if self._bar is None:
            self._bar = tqdm(
                total=loop.num_batches,
                desc=f"{self.label} epoch {loop.epoch}/{loop.num_epochs}".strip(),
                unit="batch",
                leave=False,
                disable=self._reporting or None,
            )
            self._read = time.monotonic()
        self._bar.update()
        # Reading the loss waits for the engine: once a second costs nothing, once a batch would halve the
        # speed.
        if not self._bar.disable and time.monotonic() - self._read > 1:
            self._bar.set_postfix(self._numbers(loop))
            self._read = time.monotonic()

    def _numbers(self, loop):
        loss = loop.running("train_loss")
        if not loop.loss_per_word:
            return {"loss": f"{loss:.4g}"}
        speed = loop.counts["train_loss"] / self._bar.format_dict["elapsed"]
        return {"perplexity": f"{perplexity(loss):.4g}", "tokens/s": f"{speed:,.0f}"}

    def after_epoch(self, loop):
        self._bar.close()
        self._bar = None
        if self._reporting:
            channel.report(
                self.before + self.share * loop.epoch / loop.num_epochs,
                f"{self.label} epoch {loop.epoch}/{loop.num_epochs}".strip(),
            )
        if is_shown(loop.epoch, loop.num_epochs, self.lines):
            print(f"{self.label} {epoch_line(loop.history[-1])}".strip(), flush=True)


class Perplexity(Callback):
    """Puts a <name>_perplexity beside every <name>_loss of the history; hand it to the loop before
    `Progress`."""

    def before_training(self, loop):
        loop.loss_per_word = True

    def after_epoch(self, loop):
        row = loop.history[-1]
        losses = {name: row[name] for name in row if name.endswith("_loss")}
        row.update({name.replace("loss", "perplexity"): perplexity(loss) for name, loss in losses.items()})


class Schedule(Callback):
    """Sets the learning rate before every step, of a gluon.Trainer as of an optimizer from scratch.

    Args:
        schedule: number of steps taken so far -> learning rate; see `schedules`.
    """

    def __init__(self, schedule):
        self.schedule = schedule

    def before_step(self, loop):
        loop.trainer.set_learning_rate(self.schedule(loop.step))


class Clip(Callback):
    """Shortens the gradient to a norm of at most `theta` before every step (section 6.4).

    Args:
        params: NDArrays with gradients attached, or gluon.Parameters.
        theta: largest norm of the gradient of the mean loss.
        batch_size: what the trainer divides by.
    """

    def __init__(self, params, theta, batch_size):
        self.params, self.theta, self.batch_size = params, theta, batch_size

    def before_step(self, loop):
        clip_gradients([Parameter(p).grad for p in self.params], self.theta * self.batch_size)


class Curve(Callback):
    """A number measured before training, and then after every so many examples of an epoch.

    Args:
        measure: () -> NDArray with one number. Nothing waits for it while training goes on.
        batch_size: examples a step.
        every: examples from one measurement to the next; where that is amid a batch, there is none.
    """

    def __init__(self, measure, batch_size, every):
        self.measure, self.batch_size, self.every = measure, batch_size, every
        self._measured = [measure()]
        self._first = 0  # step before the epoch's first

    def after_step(self, loop):
        if (loop.step - self._first) * self.batch_size % self.every == 0:
            self._measured.append(self.measure())

    def after_epoch(self, loop):
        self._first = loop.step

    def values(self):
        """What was measured, floats; waits for the engine."""
        return [value.asscalar().item() for value in self._measured]


class BestModel(Callback):
    """Keeps a copy of the parameters after the epoch in which a number of the history was best.

    Args:
        arrays: what is kept, NDArrays or gluon.Parameters: the parameters, and running averages if there are
            any.
        metric: name of the number.
        largest: whether the largest is the best, or the smallest. Of equal ones the first is kept.

    Attributes:
        epoch: which epoch that was, 0 before the first.
    """

    def __init__(self, arrays, metric="valid_acc", largest=True):
        self.held = [Parameter(array) for array in arrays]
        self.metric, self.largest = metric, largest
        self.epoch, self.value, self._kept = 0, None, []

    def after_epoch(self, loop):
        value = loop.history[-1][self.metric]
        if not self.epoch or (value > self.value if self.largest else value < self.value):
            self.epoch, self.value = loop.epoch, value
            self._kept = [param.get() for param in self.held]

    def restore(self):
        """Put the kept values back; before the first epoch ended there are none, and nothing changes."""
        for param, array in zip(self.held, self._kept):
            param.set(array)


class MovingAverage(Callback):
    """An exponential moving average of the parameters, which often predicts better than the last parameters
    do.

    Args:
        arrays: NDArrays or gluon.Parameters; the average begins with what they are before the first step.
        decay: how much of the average is kept a step. In the first steps it is less, so that the average does
            not hold on to where training began.
    """

    def __init__(self, arrays, decay):
        self.held, self.decay, self.averages = [Parameter(array) for array in arrays], decay, None

    def before_step(self, loop):
        if self.averages is None:  # not earlier: a Gluon net has its parameters from the first batch on
            self.averages = [param.array.copy() for param in self.held]

    def after_step(self, loop):
        # average <- d average + (1 - d) p, with d = min(decay, (1 + t) / (10 + t))
        d = min(self.decay, (1 + loop.step) / (10 + loop.step))
        for average, param in zip(self.averages, self.held):
            # The update of SGD, p <- (1 - lr wd) p - lr g, is that with lr = d - 1 and wd = -1: one pass, not
            # three.
            nd.sgd_update(average, param.array, lr=d - 1, wd=-1, out=average)

    @contextmanager
    def applied(self):
        """Within it the parameters are the averages, to evaluate them; after it they are themselves again."""
        own = [param.get() for param in self.held]
        self.apply()
        try:
            yield
        finally:
            for param, array in zip(self.held, own):
                param.set(array)

    def apply(self):
        """Put the averages in the parameters' place."""
        for param, average in zip(self.held, self.averages):
            param.set(average.asnumpy())
