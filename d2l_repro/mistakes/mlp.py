"""Mistakes in the multilayer perceptron."""

from dataclasses import replace

from mxnet import nd

from chapters.mlp import NUM_INPUTS, HParams, from_scratch, with_gluon

from ..scratch import relu, softmax
from . import parts
from .mistake import PARITY, Lesson, Mistake


def with_activations(hidden, last=lambda scores: scores):
    """Return a change of the two activations: after the hidden layer, and before softmax."""

    def change(model, hp):
        W1, b1, W2, b2 = model.params

        def net(X):
            H = hidden(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1)
            return softmax(last(nd.dot(H, W2) + b2))

        return replace(model, net=net)

    return change


def zero_weights(model, hp):
    """Start from weights that are all zero: no gradient reaches them, whatever the data."""
    for param in model.params:
        param[:] = 0
    return model


lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "no activation",
            "without an activation between its two layers",
            "activation",
            with_activations(lambda H: H),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
        Mistake(
            "sigmoid",
            "whose hidden layer has sigmoid for its activation",
            "activation",
            with_activations(nd.sigmoid),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
        Mistake(
            "activation last",
            "that applies ReLU to the scores, too",
            "activation",
            with_activations(relu, relu),
            caught_by=(PARITY,),
            rows=(("scratch", "train_loss"),),
        ),
        Mistake(
            "weights at zero",
            "whose weights begin at zero",
            "initial weights",
            zero_weights,
            rows=parts.ALL,
        ),
        Mistake(
            "hidden layer not learned",
            "whose hidden layer is not given to the optimizer",
            "parameter not learned",
            parts.learns_only(2, 3),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
        Mistake(
            "old learning rate",
            "with the learning rate of softmax regression, 0.1",
            "learning rate",
            parts.with_lr(0.1),
            caught_by=(PARITY,),
            rows=parts.TRAINING,
        ),
    ],
)
