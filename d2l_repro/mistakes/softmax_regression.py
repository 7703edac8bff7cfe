"""Mistakes in softmax regression."""

import math
from dataclasses import replace

from mxnet import nd

from chapters.softmax_regression import NUM_INPUTS, NUM_OUTPUTS, HParams, from_scratch, with_gluon

from ..scratch import softmax
from . import parts
from .mistake import PARITY, Lesson, Mistake


def logits(model, X):
    """Return the scores of the ten classes, (batch, 10)."""
    W, b = model.params
    return nd.dot(X.reshape((-1, NUM_INPUTS)), W) + b


def wrong_axis(model, hp):
    """Let softmax sum over the examples of the batch instead of the classes."""

    def net(X):
        exp = logits(model, X).exp()
        return exp / exp.sum(axis=0, keepdims=True)

    return replace(model, net=net)


def twice(model, hp):
    """Apply softmax to the probabilities again, as before a loss that contains softmax."""
    return replace(model, net=lambda X: softmax(softmax(logits(model, X))))


def sigmoid(model, hp):
    """Turn every score into a probability by itself."""
    return replace(model, net=lambda X: nd.sigmoid(logits(model, X)))


def without_logarithm(model, hp):
    """Forget the logarithm: the loss is the negative probability of the true class."""
    return replace(model, loss=lambda y_hat, y: -nd.pick(y_hat, y))


def every_class(model, hp):
    """Count the other classes too, as if there were ten yes-or-no questions."""

    def loss(y_hat, y):
        is_true = nd.one_hot(y, y_hat.shape[1], dtype=y_hat.dtype)
        return -(is_true * y_hat.log() + (1 - is_true) * (1 - y_hat).log()).sum(axis=1)

    return replace(model, loss=loss)


def base_two(model, hp):
    """Take the logarithm to base 2 in the cross-entropy."""
    return replace(model, loss=lambda y_hat, y: model.loss(y_hat, y) / math.log(2))


def half_is_needed(model, hp):
    """Count an example as right only if its class is more probable than all others together."""
    return replace(model, accuracy=lambda y_hat, y: nd.pick(y_hat, y) > 0.5)


def raw_pixels(X, y):
    """Leave the pixels as they are in the files, 0 to 255."""
    return 255 * X, y


def next_class(X, y):
    """Count the classes from 1 in training, where the class after the last is the first."""
    return X, (y + 1) % NUM_OUTPUTS


def same_batch(data):
    """Take the first batch in every step, as a loader that is started anew for each step does."""
    return replace(data, train_iter=[next(iter(data.train_iter))] * len(data.train_iter))


lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "softmax over the batch",
            "whose softmax sums over the batch instead of the classes",
            "softmax",
            wrong_axis,
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "softmax twice",
            "that applies softmax twice",
            "softmax",
            twice,
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "sigmoid for softmax",
            "that ends with sigmoid instead of softmax",
            "softmax",
            sigmoid,
            caught_by=(PARITY,),
            rows=parts.ALL,
        ),
        Mistake(
            "no logarithm",
            "whose cross-entropy lacks its logarithm",
            "cross-entropy",
            without_logarithm,
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "every class",
            "whose cross-entropy also counts the classes that are not the true one",
            "cross-entropy",
            every_class,
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "divided twice",
            "whose gradient is divided by the batch size twice",
            "batch size",
            parts.divided_twice,
            caught_by=(PARITY,),
            rows=parts.ALL,
        ),
        Mistake(
            "short batch",
            "whose short last batch is divided by its own size",
            "batch size",
            parts.divided_by_own_size,
            caught_by=(PARITY,),
        ),
        Mistake(
            "bias not learned",
            "whose bias is not given to the optimizer",
            "parameter not learned",
            parts.learns_only(0),
            caught_by=(PARITY,),
        ),
        Mistake(
            "labels of others",
            "whose labels were not shuffled together with the images",
            "labels of other examples",
            data=parts.labels_of_others,
            rows=parts.ALL,
        ),
        # Both implementations make it, and still part: only from scratch is a probability rounded to 0.
        Mistake(
            "raw pixels",
            "whose pixels were not scaled to 1",
            "scale of the inputs",
            data=parts.with_batches(raw_pixels),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
        Mistake(
            "temperature",
            "whose softmax divides the scores by 2",
            "softmax",
            lambda model, hp: replace(model, net=lambda X: softmax(logits(model, X) / 2)),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
        Mistake(
            "base 2",
            "whose cross-entropy has the logarithm to base 2",
            "cross-entropy",
            base_two,
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        # Neither the gradient nor the steps depend on it.
        Mistake(
            "accuracy above one half",
            "whose accuracy counts only examples whose class has a probability above one half",
            "accuracy",
            half_is_needed,
            rows=(("scratch", "train_acc"), ("scratch", "test_acc")),
        ),
        Mistake(
            "next class",
            "whose training labels count the classes from 1, its test labels from 0",
            "numbers of the classes",
            data=parts.with_batches(next_class),
            rows=(("scratch", "test_acc"),),
        ),
        Mistake(
            "same batch",
            "that is given the same batch in every step",
            "batches",
            data=same_batch,
            rows=parts.ALL,
        ),
    ],
)
