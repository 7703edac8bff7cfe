"""A runner: training with validation as a class, over the one loop.

It keeps the parameters of the epoch with the best validation score, writes them to a file, reads them back,
evaluates and predicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mxnet import gluon, nd

from ..errors import InputError
from ..results.history import History, epoch_line
from .arrays import check_finite, one_line, read_arrays, write_arrays
from .callbacks import BestModel, Inspect, Look
from .loop import Batches, Callback, Loop, Metric, as_nd, evaluate_all, train_ch3
from .parameters import Parameter, parameters, state_arrays

SCORE = "valid_acc"  # column of the history that decides which epoch is best


class Runner:
    """Train a model with a validation set, keep its best parameters, evaluate it and predict with it.

    Args:
        model: an `experiment.model.Model`: net, loss, parameters and trainer.
        score: (y_hat, y) -> one number per example, of which the mean is the score, the larger the better;
            by default the model's accuracy.

    Attributes:
        best_epoch: epoch of the last training with the best validation score, the first of several; 0 before.
        best_score: the score in that epoch.
    """

    def __init__(self, model: Any, score: Metric | None = None):
        self.model, self.score = model, score or model.accuracy
        self._best = BestModel(state_arrays(model), SCORE)

    @property
    def best_epoch(self) -> int:
        return self._best.epoch

    @property
    def best_score(self) -> float:
        return self._best.value

    def train(
        self,
        train_iter: Batches,
        valid_iter: Batches,
        num_epochs: int,
        batch_size: float,
        *,
        log_every: int = 0,
        path: str | Path | None = None,
        inspect: Look | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> History:
        """Train, and measure loss and score on the validation set after each epoch.

        The model ends with the parameters of the last epoch; `restore` goes back to the best ones.

        Args:
            train_iter: training batches (X, y), as for `train_ch3`.
            valid_iter: validation batches (X, y).
            num_epochs: passes over `train_iter`.
            batch_size: divides the gradient of every batch.
            log_every: number of epochs from one printed line to the next; each epoch with a new best score
                gets a line, too. Nothing is printed with 0.
            path: file to which the parameters are saved whenever the score is the best so far.
            inspect: (step, values, gradients) -> None, called before each step; see `Inspect`.
            callbacks: further ones for the loop.

        Returns:
            History with train_loss and train_acc, which are taken before each update, and valid_loss and
            valid_acc, taken after the epoch.

        Raises:
            InputError: the file cannot be written.
            TrainingDiverged, TrainingInterrupted, ValueError: as `train_ch3` does.
        """
        model, validation = self.model, {}

        def valid_loss() -> float:
            validation.update(self.evaluate(valid_iter))  # the net is applied once for loss and score
            return validation["loss"]

        self._best = BestModel(state_arrays(model), SCORE)
        own: list[Callback] = [self._best, _BestEpochs(self, log_every, path)]
        if inspect is not None:
            own.append(Inspect(parameters(model), batch_size, inspect))
        return train_ch3(
            model.net,
            train_iter,
            None,
            model.loss,
            num_epochs,
            batch_size,
            params=model.params if model.trainer is None else None,
            lr=model.lr,
            trainer=model.trainer,
            metrics={"acc": self.score},
            measure={"valid_loss": valid_loss, SCORE: lambda: validation["acc"]},
            penalty=model.penalty,
            gradients=model.gradients,
            callbacks=[*own, *callbacks],
        )

    def evaluate(self, data_iter: Batches) -> dict[str, float]:
        """Return the mean loss, `loss`, and the mean score, `acc`, over all examples of `data_iter`.

        Dropout is off and normalizations use their running averages. Nothing is added to a history.

        Raises:
            ValueError: `data_iter` yields no batch.
        """
        return evaluate_all(data_iter, self.model.net, {"loss": self.model.loss, "acc": self.score})

    def predict(self, X: Any) -> nd.NDArray:
        """Return the net's output for inputs, an NDArray or a NumPy array (examples, ...)."""
        return self.model.net(as_nd(X))

    def restore(self) -> None:
        """Put the parameters of the best epoch back; before training, nothing changes."""
        self._best.restore()

    def save(self, path: str | Path) -> None:
        """Write the parameters, and running averages if there are any, to a file, which is no pickle.

        Weights are written in the book's layout, (inputs, outputs): a net from scratch can read what one with
        Gluon has written.

        Raises:
            InputError: the file cannot be written.
        """
        write_arrays(Path(path), {name: param.get() for name, param in self._states().items()}, "model")

    def load(self, path: str | Path) -> None:
        """Overwrite the parameters with those of a file that `save` has written.

        A Gluon net need not have seen a batch before.

        Raises:
            InputError: the file is missing or damaged, or its parameters are those of another net. Then none
                is overwritten.
        """
        states = self._states()
        try:
            found, about = read_arrays(Path(path))
            if about != "model":
                raise ValueError("it was not written by a runner")
            check_finite(found)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: no readable model ({one_line(error)}); name another file") from error
        if found.keys() != states.keys():
            raise InputError(
                f"{path}: has {len(found)} arrays, not {len(states)} as the net; build the net that was saved"
            )
        for name, param in states.items():
            if not _fits(param, found[name]):
                raise InputError(
                    f"{path}: {name.replace('_', ' ')} has shape {found[name].shape}, which is not that of "
                    "the net's; build the net that was saved"
                )
        for name, param in states.items():
            param.set(found[name])

    def _states(self) -> dict[str, Parameter]:
        """Return name -> parameter or running average, in the order of the layers."""
        learned = parameters(self.model)
        known = [id(param.source) for param in learned]
        running = [Parameter(array) for array in state_arrays(self.model) if id(array) not in known]
        return {
            **{f"parameter_{i}": param for i, param in enumerate(learned)},
            **{f"average_{i}": param for i, param in enumerate(running)},
        }


def _fits(param: Parameter, array: np.ndarray) -> bool:
    """Return whether an array has a parameter's shape, as far as Gluon knows it before the first batch."""
    known, shape = param.source.shape, (array.T if param.transposed else array).shape
    if known is None:
        return True
    is_deferred = isinstance(param.source, gluon.Parameter)
    return len(known) == len(shape) and all(n == m or (is_deferred and n <= 0) for n, m in zip(known, shape))


class _BestEpochs(Callback):
    """Say which epochs are the best so far, and save their parameters; behind the `BestModel` of a runner."""

    def __init__(self, runner: Runner, log_every: int, path: str | Path | None):
        self.runner, self.log_every, self.path = runner, log_every, path
        self._before = ""  # in words, the best epoch until now

    def after_epoch(self, loop: Loop) -> None:
        epoch, score = loop.epoch, self.runner.best_score
        if self.runner.best_epoch == epoch:
            if self.path is not None:
                self.runner.save(self.path)
            if self.log_every:
                print(f"epoch {epoch}: validation score {score:.5f}, the best so far{self._before}")
            self._before = f"; before, {score:.5f} in epoch {epoch}"
        if self.log_every and (epoch - 1) % self.log_every == 0:
            print(epoch_line(loop.history[-1]), flush=True)
