"""Mistakes in polynomial fitting."""

from dataclasses import replace

from mxnet import nd

from chapters.polynomial_fitting import HParams, from_scratch, with_gluon

from ..scratch import SGD, linreg
from . import parts
from .mistake import PARITY, Lesson, Mistake


def without_cube(model, hp):
    """Give the model x and x^2 only; the third weight belongs to nothing."""
    w, b = model.params
    return replace(model, net=lambda X: linreg(X[:, :2], w[:2], b))


def with_factors(*factors):
    """Return a change that multiplies the powers of x by these numbers."""

    def change(model, hp):
        def net(X):
            return linreg(X * nd.array(factors[: hp.degree], dtype=X.dtype), *model.params)

        return replace(model, net=net)

    return change


CUBIC = (("cubic", "train_loss"), ("cubic", "test_loss"))

lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "broadcast",
            "whose predictions, (n, 1), minus labels, (n,), became (n, n)",
            "broadcasting",
            parts.broadcasts,
            caught_by=(PARITY,),
            rows=CUBIC,
        ),
        Mistake(
            "no cube",
            "that leaves out x^3",
            "parameter not used",
            without_cube,
            caught_by=(PARITY,),
            rows=CUBIC,
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
            data=parts.train_on_test_set,
            rows=(("two examples", "test_loss"),),
        ),
        Mistake(
            "no square",
            "that leaves out x^2",
            "parameter not used",
            with_factors(1, 0, 1),
            caught_by=(PARITY,),
            rows=CUBIC,
        ),
        Mistake(
            "factorials",
            "whose powers of x are divided by factorials, as in the second edition",
            "scale of the inputs",
            with_factors(1, 1 / 2, 1 / 6),
            caught_by=(PARITY,),
            rows=CUBIC,
        ),
        Mistake(
            "decay",
            "whose optimizer has a weight decay of 0.1 where there is none",
            "penalty where none belongs",
            lambda model, hp: replace(model, trainer=SGD(model.params, hp.lr, wd=0.1)),
            caught_by=(PARITY,),
            rows=CUBIC,
        ),
        Mistake(
            "powers reversed",
            "whose powers of x come in the reverse order in training, but not when the loss is measured",
            "training and test inputs differ",
            data=parts.with_batches(lambda X, y: (nd.reverse(X, axis=1), y)),
            rows=CUBIC,
        ),
    ],
)
