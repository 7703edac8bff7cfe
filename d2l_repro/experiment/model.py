"""Put together a net and everything that the loop needs to train it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from ..scratch import correct


@dataclass
class Model:
    """A net, its loss, its parameters and its trainer; the other fields are arguments of `train_ch3`.

    Attributes:
        net: X -> y_hat; a function or a Gluon block.
        loss: (y_hat, y) -> one loss per example.
        params: in the book's order, [W1, b1, W2, b2]: the NDArrays of a net from scratch, or a Gluon net's
            `collect_params()`.
        trainer: a gluon.Trainer, or an optimizer from scratch. None for a net that is trained by the loop's
            own SGD, as `train_ch3(..., params, lr)` does.
        penalty: () -> scalar NDArray that is added to the mean loss.
        gradients: (X, y) -> y_hat, losses; fills in every parameter's gradient.
        accuracy: (y_hat, y) -> 1 or 0 per example, for a net that classifies.
        lr: learning rate of that SGD; unused with a trainer.
        step_losses: mean loss of every step's batch, if training kept them.
    """

    net: Callable
    loss: Callable
    params: Any
    trainer: Any = None
    penalty: Callable | None = None
    gradients: Callable | None = None
    accuracy: Callable = correct
    lr: float | None = None
    step_losses: list[float] | None = None
