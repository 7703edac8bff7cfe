"""Define the callbacks that several chapters pass to the loop."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd
from tqdm import tqdm

from .. import channel
from ..data.streams import BOOK_SEED
from ..distributed.workers import sharing
from ..language import tr
from ..results.history import epoch_line, is_shown
from ..scratch import clip_gradients
from ..settings import Stream
from .loop import Callback, Gradients, Loop
from .parameters import Parameter


def seed_everything(seed: int, stream: Stream | None = None) -> None:
    """Seed the random streams of MXNet and of NumPy, which Gluon shuffles with.

    Args:
        seed: of both.
        stream: whose numbers MXNet draws, those that it starts with in a new process; then `seed` is NumPy's.
    """
    mx.random.seed(seed if stream is None else BOOK_SEED)
    np.random.seed(seed)  # noqa: NPY002


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Give the caller's random numbers back after a `with` block, or a function, that seeds the streams.

    NumPy's goes on where it was. MXNet does not reveal the state of its own, so that is seeded with a number
    drawn from it before.
    """
    state = np.random.get_state()  # noqa: NPY002
    seed = int(nd.random.randint(0, 2**31 - 1, shape=1).asscalar())
    try:
        yield
    finally:
        mx.random.seed(seed)
        np.random.set_state(state)  # noqa: NPY002


def perplexity(loss: float) -> float:
    """Return e to the mean cross-entropy per word: the number of words that the model hesitates between."""
    return math.exp(loss) if loss < 700 else math.inf


LEAD = 16  # steps that may wait for their computation while progress is shown


class Progress(Callback):
    """Print the epochs' lines as the book does, and draw a bar over the batches if stderr is a terminal.

    Args:
        label: start of each line and of the bar.
        lines: about how many lines to print at most; longer runs print every second, third, ... epoch.
        before: share of the whole work that was done before this run.
        share: share of it that this run does.
    """

    only_looks = True

    def __init__(self, label: str = "", lines: int = 20, before: float = 0.0, share: float = 1.0):
        self.label, self.lines = label, lines
        self.before, self.share = before, share
        self._bar: Any = None  # exists from the first step of an epoch to its end
        self._last_read = 0.0
        self._recent: deque[nd.NDArray] = deque()  # sums of the last steps
        self._reporting = channel.is_reported()

    def after_step(self, loop: Loop) -> None:
        # Python may run far ahead of the computation, and would obey a signal only when that has caught up.
        self._recent.append(loop.sums["train_loss"])
        if len(self._recent) == LEAD:
            self._recent.popleft().wait_to_read()
        if self._bar is None:
            self._bar = tqdm(
                total=loop.num_batches,
                desc=self._position(loop),
                unit=tr("batch"),
                leave=False,
                disable=self._reporting or None,
            )
            self._last_read = time.monotonic()
        self._bar.update()
        # Reading the loss waits for the engine: once a second costs nothing, every batch would halve the
        # speed.
        if not self._bar.disable and time.monotonic() - self._last_read > 1:
            self._bar.set_postfix(self._numbers(loop))
            self._last_read = time.monotonic()

    def _position(self, loop: Loop) -> str:
        epoch = tr("epoch {epoch}/{last}", epoch=loop.epoch, last=loop.num_epochs)
        return f"{self.label} {epoch}".strip()

    def _numbers(self, loop: Loop) -> dict[str, str]:
        loss = loop.running("train_loss")
        if not loop.loss_per_word:
            return {tr("loss"): f"{loss:.4g}"}
        speed = loop.counts["train_loss"] / self._bar.format_dict["elapsed"]
        return {tr("perplexity"): f"{perplexity(loss):.4g}", tr("tokens/s"): f"{speed:,.0f}"}

    def after_epoch(self, loop: Loop) -> None:
        self._bar.close()
        self._bar = None
        if self._reporting:
            done = self.before + self.share * loop.epoch / loop.num_epochs
            channel.report(done, self._position(loop))
        if is_shown(loop.epoch, loop.num_epochs, self.lines):
            print(f"{self.label} {epoch_line(loop.history[-1])}".strip(), flush=True)


class Perplexity(Callback):
    """Add <name>_perplexity for every <name>_loss of the history; pass it to the loop before `Progress`."""

    def before_training(self, loop: Loop) -> None:
        loop.loss_per_word = True

    def after_epoch(self, loop: Loop) -> None:
        row = loop.history[-1]
        losses = {name: row[name] for name in row if name.endswith("_loss")}
        row.update({name.replace("loss", "perplexity"): perplexity(loss) for name, loss in losses.items()})


class Schedule(Callback):
    """Set the learning rate before every step, of a gluon.Trainer or of an optimizer from scratch.

    Args:
        schedule: number of steps taken so far -> learning rate; see `schedules`. In training, a learning rate
            that is negative or no finite number raises a ValueError.
    """

    only_looks = True

    def __init__(self, schedule: Callable[[int], float]):
        self.schedule = schedule

    def before_step(self, loop: Loop) -> None:
        lr = self.schedule(loop.step)
        if not isinstance(lr, Real) or not 0 <= lr < math.inf:  # nan is not
            raise ValueError(
                tr(
                    "the schedule's learning rate after {steps} steps must be a number of at least 0, not "
                    "{value}",
                    steps=loop.step,
                    value=lr,
                )
            )
        loop.trainer.set_learning_rate(lr)


class Clip(Callback):
    """Scale the gradient to a norm of at most `theta` before every step (section 6.4).

    Args:
        params: NDArrays with gradients attached, or gluon.Parameters.
        theta: largest norm of the mean loss's gradient.
        batch_size: what the trainer divides by.
    """

    def __init__(self, params: Iterable[Any], theta: float, batch_size: int):
        self.params, self.theta, self.batch_size = params, theta, batch_size

    def before_step(self, loop: Loop) -> None:
        clip_gradients([Parameter(p).grad for p in self.params], self.theta * self.batch_size)


class StepSizes(Callback):
    """Add to the history how far a step moves the parameters, on average over an epoch: `step_size`.

    Args:
        params: `Parameter`s, as `parameters(model)` returns them.
        every: steps of an epoch from one that is measured to the next; the first one is. To measure a step
            takes longer than to take it.
    """

    only_looks = True

    def __init__(self, params: Iterable[Parameter], every: int = 1):
        self.params, self.every = list(params), every
        self._number = 0  # of the step in its epoch
        self._before: list[nd.NDArray] = []

    def before_step(self, loop: Loop) -> None:
        if self._number % self.every == 0:
            self._before = [param.array.copy() for param in self.params]

    def after_step(self, loop: Loop) -> None:
        if self._number % self.every == 0:
            moved = [param.array - before for param, before in zip(self.params, self._before)]
            # |d|^2 as the sum of d d: MXNet's power takes thirty times as long as a product
            loop.add("step_size", nd.add_n(*((d * d).sum() for d in moved)).sqrt())
        self._number += 1

    def after_epoch(self, loop: Loop) -> None:
        self._number, self._before = 0, []


class StepLosses(Callback):
    """Keep the mean loss of every step's batch, and print some when an epoch ends, so that no step waits.

    Args:
        label: start of each line.
        print_every: steps between two lines; 0 prints none.
    """

    only_looks = True

    def __init__(self, label: str = "", print_every: int = 0):
        self.label, self.print_every = label, print_every
        self.losses: list[float] = []
        self._sums: list[nd.NDArray] = []
        self._counts = [0]

    def after_step(self, loop: Loop) -> None:
        self._sums.append(loop.sums["train_loss"])
        self._counts.append(loop.counts["train_loss"])

    def after_epoch(self, loop: Loop) -> None:
        sums = nd.concat(nd.zeros(1), *self._sums, dim=0).asnumpy().astype("float64")
        counts = np.array(self._counts, dtype="float64")
        store = sharing()
        if store is not None:
            sums, counts = (np.array(store.total(numbers)) for numbers in (sums, counts))
        self.losses += (np.diff(sums) / np.diff(counts)).tolist()
        first = loop.step - len(self._sums)
        for step in range(first, loop.step):
            if self.print_every and step % self.print_every == 0:
                print(f"{self.label} step {step + 1}, loss {self.losses[step]:.4g}".strip(), flush=True)
        self._sums, self._counts = [], [0]


class MeasureEvery(Callback):
    """Measure a number before training and then after every `every` examples of an epoch.

    Args:
        measure: () -> NDArray with one number; training does not wait for it.
        batch_size: examples per step.
        every: examples between two measurements; a measurement that falls inside a batch is left out.
    """

    only_looks = True

    def __init__(self, measure: Callable[[], nd.NDArray], batch_size: int, every: int):
        self.measure, self.batch_size, self.every = measure, batch_size, every
        self._measured = [measure()]
        self._first = 0  # number of steps before the epoch

    def after_step(self, loop: Loop) -> None:
        if (loop.step - self._first) * self.batch_size % self.every == 0:
            self._measured.append(self.measure())

    def after_epoch(self, loop: Loop) -> None:
        self._first = loop.step

    def values(self) -> list[float]:
        """Return the measurements; waits for the engine."""
        return [value.asscalar().item() for value in self._measured]


class BestModel(Callback):
    """Keep a copy of the parameters from the epoch in which a number of the history was best.

    Args:
        arrays: NDArrays or gluon.Parameters to keep: the parameters, and running averages if there are any.
        metric: name of the number.
        largest: True if the largest number is best, False if the smallest is. Of equal epochs the first is
            kept.

    Attributes:
        epoch: the best epoch; 0 before the first has ended.
        value: the number in that epoch.
    """

    def __init__(self, arrays: Iterable[Any], metric: str = "valid_acc", largest: bool = True):
        self.params = [Parameter(array) for array in arrays]
        self.metric, self.largest = metric, largest
        self.epoch, self.value = 0, math.nan
        self._copies: list[np.ndarray] = []

    def after_epoch(self, loop: Loop) -> None:
        value = loop.history[-1][self.metric]
        if not self.epoch or (value > self.value if self.largest else value < self.value):
            self.epoch, self.value = loop.epoch, value
            self._copies = [param.get() for param in self.params]

    def restore(self) -> None:
        """Put the best parameters back; before the first epoch has ended nothing changes."""
        for param, array in zip(self.params, self._copies):
            param.set(array)


# (steps taken so far, values, gradients) -> None
Look = Callable[[int, "list[np.ndarray]", "list[np.ndarray]"], None]


class Inspect(Callback):
    """Show the parameters and their gradients to a function before each step.

    It reads them from the engine, so training waits for it: look at a few steps, not at a whole training.

    Args:
        params: `Parameter`s, as `parameters(model)` returns them.
        batch_size: what the trainer divides by.
        look: (step, values, gradients) -> None. `step` is the number of steps taken before; the others are
            lists of NumPy arrays in the book's layout, one per parameter, the gradients those of the mean
            loss.
    """

    def __init__(self, params: Iterable[Parameter], batch_size: float, look: Look):
        self.params, self.batch_size, self.look = list(params), batch_size, look

    def before_step(self, loop: Loop) -> None:
        values = [param.get() for param in self.params]
        self.look(loop.step, values, [param.get_grad() / self.batch_size for param in self.params])


class MovingAverage(Callback):
    """Keep an exponential moving average of the parameters, which often predicts better than the last ones.

    Args:
        arrays: NDArrays or gluon.Parameters; the average starts at their values before the first step.
        decay: share of the average that is kept at each step. It is smaller in the first steps, so that the
            average soon forgets where training began.
    """

    only_looks = True

    def __init__(self, arrays: Iterable[Any], decay: float):
        self.params, self.decay = [Parameter(array) for array in arrays], decay
        self.averages: list[nd.NDArray] = []

    def before_step(self, loop: Loop) -> None:
        if not self.averages:  # not earlier: a Gluon net has no parameters before its first batch
            self.averages = [param.array.copy() for param in self.params]

    def after_step(self, loop: Loop) -> None:
        # average <- d average + (1 - d) p, with d = min(decay, (1 + t) / (10 + t))
        d = min(self.decay, (1 + loop.step) / (10 + loop.step))
        for average, param in zip(self.averages, self.params):
            # The update of SGD, p <- (1 - lr wd) p - lr g, is just that with lr = d - 1 and wd = -1: one pass
            # over memory instead of three.
            nd.sgd_update(average, param.array, lr=d - 1, wd=-1, out=average)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the parameters by their averages within a `with` block, to evaluate them."""
        own = [param.get() for param in self.params]
        self.apply()
        try:
            yield
        finally:
            for param, array in zip(self.params, own):
                param.set(array)

    def apply(self) -> None:
        """Overwrite the parameters with their averages."""
        for param, average in zip(self.params, self.averages):
            param.set(average.asnumpy())


class LastLosses:
    """Keep the losses of the last batch: the `gradients` of a loop, around other ones.

    A source that prints the loss of a batch, and not the mean over an epoch, is compared with it.

    Args:
        gradients: as for `train_ch3`.

    Attributes:
        losses: of the examples of the last batch, before its step; of a batch that several workers share,
            those of all of them, who all have to ask.
    """

    def __init__(self, gradients: Gradients):
        self.gradients = gradients
        self._losses: Any = None

    def __call__(self, X: nd.NDArray, y: nd.NDArray) -> tuple[Any, nd.NDArray]:
        y_hat, self._losses = self.gradients(X, y)
        return y_hat, self._losses

    @property
    def losses(self) -> Any:
        store = sharing()
        return self._losses if store is None else store.whole(self._losses)
