"""Mistakes in weight decay."""

from dataclasses import replace

from chapters.weight_decay import HParams, from_scratch, with_gluon

from ..scratch import l2_penalty
from . import parts
from .mistake import GRADIENT_CHECK, PARITY, Lesson, Mistake


def with_penalty(penalty):
    """Return a change of the penalty: (w, b, lambda) -> what is added to the mean loss."""
    return lambda model, hp: replace(model, penalty=lambda: penalty(*model.params, hp.wd))


def penalty_as_number(model, hp):
    """Add the penalty to every loss as asscalar() returns it."""
    w, _ = model.params

    def loss(y_hat, y):
        return model.loss(y_hat, y) + hp.wd * l2_penalty(w).asscalar().item()

    return replace(model, loss=loss, penalty=None)


def small_weights(model, hp):
    """Draw the initial weights with the standard deviation of linear regression, 0.01."""
    model.params[0][:] *= 0.01 / hp.sigma
    return model


WITHOUT_DECAY = (("scratch lambda=0", "l2_norm_w"),)
NORM = (("scratch lambda=3", "l2_norm_w"),)

lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "no half",
            "whose penalty lacks its half",
            "factor of the penalty",
            with_penalty(lambda w, b, wd: 2 * wd * l2_penalty(w)),
            caught_by=(PARITY,),
        ),
        Mistake(
            "bias decays",
            "whose penalty reaches the bias, too",
            "what the penalty reaches",
            with_penalty(lambda w, b, wd: wd * (l2_penalty(w) + l2_penalty(b))),
            caught_by=(PARITY,),
        ),
        Mistake(
            "no penalty",
            "without the penalty",
            "penalty left out",
            lambda model, hp: replace(model, penalty=None),
            caught_by=(PARITY,),
            rows=NORM,
        ),
        Mistake(
            "norm not squared",
            "whose penalty is the norm of the weights, not its square",
            "form of the penalty",
            with_penalty(lambda w, b, wd: wd * (w**2).sum().sqrt()),
            caught_by=(PARITY,),
            rows=NORM,
        ),
        Mistake(
            "absolute values",
            "whose penalty is the sum of the absolute weights",
            "form of the penalty",
            with_penalty(lambda w, b, wd: wd * w.abs().sum()),
            caught_by=(PARITY,),
            rows=NORM,
        ),
        Mistake(
            "weights grow",
            "whose penalty is subtracted from the loss",
            "sign",
            with_penalty(lambda w, b, wd: -wd * l2_penalty(w)),
            caught_by=(PARITY,),
            rows=NORM,
        ),
        Mistake(
            "mean of the squares",
            "whose penalty is the mean of the squared weights, not their sum",
            "factor of the penalty",
            with_penalty(lambda w, b, wd: wd * (w**2).mean() / 2),
            caught_by=(PARITY,),
            rows=NORM,
        ),
        Mistake(
            "penalty a number",
            "whose penalty is added to the loss as a plain number, which has no gradient",
            "gradient does not pass",
            penalty_as_number,
            caught_by=(GRADIENT_CHECK, PARITY),
            rows=NORM,
        ),
        Mistake(
            "small weights",
            "whose weights begin with a standard deviation of 0.01",
            "initial weights",
            small_weights,
            rows=WITHOUT_DECAY,
        ),
        Mistake(
            "test set trained on",
            "that is trained on the test examples as well",
            "test set trained on",
            data=parts.train_on_test_set,
            rows=WITHOUT_DECAY,
        ),
    ],
)
