"""A runner: training with validation as a class, over the one loop.

It keeps the parameters of the epoch with the best validation score, writes them to a file, reads them back,
evaluates and predicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mxnet import nd

from ..errors import InputError
from ..language import tr
from ..results.history import History, epoch_line
from .callbacks import BestModel, Inspect, Look
from .loop import Batches, Callback, Loop, Metric, as_nd, evaluate_all, measures_of, train_ch3
from .parameters import parameters, state_arrays
from .saved import load_model, read_model, save_model

KIND = "model"  # what is written about the arrays of a file
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
        model = self.model
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
            measure=measures_of("valid", valid_iter, model.net, {"loss": model.loss, "acc": self.score}),
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
        save_model(self.model, path, KIND)

    def load(self, path: str | Path) -> None:
        """Overwrite the parameters with those of a file that `save` has written.

        A Gluon net need not have seen a batch before.

        Raises:
            InputError: the file is missing or damaged, or its parameters are those of another net. Then none
                is overwritten.
        """
        found, about = read_model(path, str, "a runner")
        if about != KIND:
            raise InputError(
                tr("{path}: no readable model (it was not written by a runner); name another file", path=path)
            )
        load_model(self.model, found, path)


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
                text = tr(
                    "epoch {epoch}: validation score {score}, the best so far",
                    epoch=epoch,
                    score=f"{score:.5f}",
                )
                print(text + self._before)
            self._before = tr("; before, {score} in epoch {epoch}", score=f"{score:.5f}", epoch=epoch)
        if self.log_every and (epoch - 1) % self.log_every == 0:
            print(epoch_line(loop.history[-1]), flush=True)
