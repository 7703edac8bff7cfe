"""The parts a net is made of, written from scratch under the book's names."""
from .functional import (
    accuracy,
    correct,
    cross_entropy,
    dropout,
    l2_penalty,
    linreg,
    naive_softmax,
    relu,
    softmax,
    softmax_cross_entropy,
    squared_loss,
)
from .init import kaiming, normal, xavier
from .optim import SGD, AdaDelta, AdaGrad, Adam, AdamW, Momentum, Nesterov, RandomAdam, RMSProp

__all__ = [
    "SGD",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Momentum",
    "Nesterov",
    "RMSProp",
    "RandomAdam",
    "accuracy",
    "correct",
    "cross_entropy",
    "dropout",
    "kaiming",
    "l2_penalty",
    "linreg",
    "naive_softmax",
    "normal",
    "relu",
    "softmax",
    "softmax_cross_entropy",
    "squared_loss",
    "xavier",
]
