"""Callbacks of the loop that several chapters share."""
import math
import time

from tqdm import tqdm

from . import progress
from .history import epoch_line, is_shown
from .train import Callback


class Progress(Callback):
    """The epochs' lines on stdout, as in the book, and a bar over the batches on stderr where that is a terminal.

    Args:
        label: begins each line and the bar.
        lines: at most about so many lines; of a longer run every second, third, ... epoch is printed.
        before, share: of the whole work, what was done before this run, and how much of it this run is.
    """

    def __init__(self, label="", lines=20, before=0.0, share=1.0):
        self.label, self.lines = label, lines
        self.before, self.share = before, share
        self._bar, self._read = None, 0.0
        self._reporting = progress.is_reported()

    def after_step(self, loop):
        if self._bar is None:
            self._bar = tqdm(total=loop.num_batches, desc=f"{self.label} epoch {loop.epoch}/{loop.num_epochs}".strip(),
                             unit="batch", leave=False, disable=self._reporting or None)
            self._read = time.monotonic()
        self._bar.update()
        # Reading the loss waits for the engine: once a second costs nothing, once a batch would halve the speed.
        if not self._bar.disable and time.monotonic() - self._read > 1:
            self._bar.set_postfix(loss=f"{loop.running('train_loss'):.4g}")
            self._read = time.monotonic()

    def after_epoch(self, loop):
        self._bar.close()
        self._bar = None
        if self._reporting:
            progress.report(self.before + self.share * loop.epoch / loop.num_epochs,
                            f"{self.label} epoch {loop.epoch}/{loop.num_epochs}".strip())
        if is_shown(loop.epoch, loop.num_epochs, self.lines):
            print(f"{self.label} {epoch_line(loop.history[-1])}".strip(), flush=True)


class Schedule(Callback):
    """Sets the learning rate before every step.

    Args:
        lr_of: number of the step, from 1 -> learning rate.
    """

    def __init__(self, lr_of):
        self.lr_of = lr_of

    def before_step(self, loop):
        loop.trainer.set_learning_rate(self.lr_of(loop.step + 1))


def warm_up_and_cosine(lr, num_steps, warm_up=0.05):
    """For `Schedule`: up to `lr` over the first share of the steps, then down to 0 along half a cosine."""
    first = max(1, round(warm_up * num_steps))

    def lr_of(step):
        if step <= first:
            return lr * step / first
        # lr / 2 * (1 + cos(pi * progress)), with progress from 0 to 1
        return lr / 2 * (1 + math.cos(math.pi * (step - first) / (num_steps - first)))

    return lr_of
