"""Mistakes in polynomial fitting."""

from dataclasses import replace

from mxnet import nd

from chapters.polynomial_fitting import HParams, from_scratch, with_gluon

from ..data.loader import Minibatches
from ..scratch import linreg
from . import parts
from .mistake import PARITY, Lesson, Mistake


def without_cube(model, hp):
    """Give the model x and x^2 only; the third weight belongs to nothing."""
    w, b = model.params
    return replace(model, net=lambda X: linreg(X[:, :2], w[:2], b))


def train_on_test_set(data):
    """Train on the test examples as well."""
    batches = data.train_iter
    X, y = (nd.concat(*arrays, dim=0) for arrays in zip(*data.source))
    return replace(data, train_iter=Minibatches(X, y, batches.batch_size, seed=0))


lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "broadcast",
            "whose predictions, (n, 1), minus labels, (n,), became (n, n)",
            "broadcasting",
            lambda model, hp: replace(model, loss=parts.broadcast_loss),
            caught_by=(PARITY,),
            rows=(("cubic", "train_loss"), ("cubic", "test_loss")),
        ),
        Mistake(
            "no cube",
            "that leaves out x^3",
            "parameter not used",
            without_cube,
            caught_by=(PARITY,),
            rows=(("cubic", "train_loss"), ("cubic", "test_loss")),
        ),
        Mistake(
            "learning rate ignored",
            "with the learning rate of linear regression, 0.03",
            "learning rate",
            parts.with_lr(0.03),
            caught_by=(PARITY,),
        ),
        Mistake(
            "test set trained on",
            "that is trained on the test examples as well",
            "test set trained on",
            data=train_on_test_set,
            rows=(("two examples", "test_loss"),),
        ),
    ],
)
