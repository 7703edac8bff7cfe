"""Mistakes in dropout.

The two implementations draw different masks, so parity compares their paths with dropout switched off, and
with dropout only their outputs in testing. It catches the mistakes that are made in testing.
"""

from dataclasses import replace

from mxnet import autograd, nd

from chapters.dropout import NUM_INPUTS, HParams, from_scratch, with_gluon

from ..scratch import dropout, relu, softmax
from . import parts
from .mistake import PARITY, Lesson, Mistake


def unchanged(H, p):
    """Drop nothing."""
    return H


def with_dropout(first, second=None, last=unchanged):
    """Return a change of the dropout functions: (activations, probability of dropping) -> activations.

    Args:
        first: after the first hidden layer.
        second: after the second one; the same by default.
        last: on the scores.
    """
    second = second or first

    def change(model, hp):
        W1, b1, W2, b2, W3, b3 = model.params

        def net(X):
            H1 = first(relu(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1), hp.drop_prob1)
            H2 = second(relu(nd.dot(H1, W2) + b2), hp.drop_prob2)
            return softmax(last(nd.dot(H2, W3) + b3, hp.drop_prob2))

        return replace(model, net=net)

    return change


def mask(H, keep_prob, shape=None):
    """Return 1 with probability `keep_prob` and 0 otherwise for each activation."""
    return nd.random.uniform(0, 1, shape or H.shape, dtype=H.dtype) < keep_prob


def in_testing_too(H, p):
    """Draw a mask whether or not the net is in training."""
    return mask(H, 1 - p) * H / (1 - p)


def unscaled(H, p):
    """Leave the factor 1 / (1 - p) out, so that testing sees larger activations than training."""
    return mask(H, 1 - p) * H if autograd.is_training() else H


def exchanged(H, p):
    """Keep with probability p where 1 - p is meant."""
    return mask(H, p) * H / p if p and autograd.is_training() else H


def for_the_batch(H, p):
    """Draw one mask for all examples of the batch."""
    return nd.broadcast_mul(H, mask(H, 1 - p, (1, H.shape[1]))) / (1 - p) if autograd.is_training() else H


def in_testing_scaled(H, p):
    """Multiply by 1 - p in testing, although what remained in training was divided by it."""
    return dropout(H, p) if autograd.is_training() else (1 - p) * H


def kept_mask(model, hp):
    """Draw a mask of the units in the first step, and keep it."""
    masks = {}

    def drop(H, p):
        if not autograd.is_training():
            return H
        if p not in masks:
            masks[p] = mask(H, 1 - p, (1, H.shape[1]))
        return nd.broadcast_mul(H, masks[p].astype(H.dtype, copy=False)) / (1 - p)

    return with_dropout(drop)(model, hp)


LOSS, ACCURACY = parts.TRAINING[:1], parts.TRAINING[1:]

lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "in testing too",
            "that drops activations in testing, too",
            "dropout in testing",
            with_dropout(in_testing_too),
            caught_by=(PARITY,),
            missed=(("scratch", "test_acc"),),
        ),
        Mistake(
            "not scaled",
            "whose dropout lacks the factor 1 / (1 - p)",
            "dropout's factor",
            with_dropout(unscaled),
            rows=LOSS,
            missed=ACCURACY,
        ),
        Mistake(
            "p and 1 - p",
            "whose dropout keeps with the probability of dropping",
            "dropout's probability",
            with_dropout(exchanged),
            rows=parts.TRAINING,
        ),
        Mistake(
            "no dropout",
            "without dropout",
            "dropout left out",
            with_dropout(unchanged),
            rows=LOSS,
            missed=ACCURACY,
        ),
        Mistake(
            "one mask",
            "that drops the same units for all examples of a batch",
            "dropout's mask",
            with_dropout(for_the_batch),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "scaled in testing",
            "that multiplies activations by 1 - p in testing, although it divided them in training",
            "dropout's factor",
            with_dropout(in_testing_scaled),
            caught_by=(PARITY,),
        ),
        Mistake(
            "first layer only",
            "without dropout after its second hidden layer",
            "dropout left out",
            with_dropout(dropout, unchanged),
            missed=LOSS,
        ),
        Mistake(
            "scores dropped",
            "that drops scores of classes as well",
            "dropout's place",
            with_dropout(dropout, last=dropout),
            rows=parts.TRAINING,
        ),
        Mistake(
            "mask kept",
            "whose masks are drawn once and kept for all steps",
            "dropout's mask",
            kept_mask,
            rows=(("scratch", "train_loss"),),
        ),
    ],
    parity_settings={"drop_prob1": 0.0, "drop_prob2": 0.0},
)
