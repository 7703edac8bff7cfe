"""Mistakes in weight decay."""

from dataclasses import replace

from chapters.weight_decay import HParams, from_scratch, with_gluon

from ..scratch import l2_penalty
from .mistake import PARITY, Lesson, Mistake


def with_penalty(penalty):
    """Return a change of the penalty: (w, b, lambda) -> what is added to the mean loss."""
    return lambda model, hp: replace(model, penalty=lambda: penalty(*model.params, hp.wd))


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
    ],
)
