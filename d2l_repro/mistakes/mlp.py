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


def wide_weights(model, hp):
    """Draw the initial weights with standard deviation 1."""
    for W in model.params[::2]:
        W /= hp.sigma
    return model


def equal_weights(model, hp):
    """Start all weights from one number, so that the hidden units never differ."""
    for W in model.params[::2]:
        W[:] = 0.1 * hp.sigma
    return model


def half_the_units(model, hp):
    """Connect the first half of the hidden units to the scores."""
    W1, b1, W2, b2 = model.params
    units = hp.num_hiddens // 2

    def net(X):
        H = relu(nd.dot(X.reshape((-1, NUM_INPUTS)), W1) + b1)
        return softmax(nd.dot(nd.slice_axis(H, axis=1, begin=0, end=units), W2[:units]) + b2)

    return replace(model, net=net)


def turned(X, y):
    """Exchange rows and columns of the images."""
    return X.swapaxes(2, 3), y


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
        # In parity too, as from scratch a probability is rounded to 0, whose logarithm Gluon never takes.
        Mistake(
            "wide weights",
            "whose weights begin with a standard deviation of 1",
            "initial weights",
            wide_weights,
            caught_by=(PARITY,),
            rows=parts.ALL,
        ),
        Mistake(
            "equal weights",
            "whose weights all begin at the same number",
            "initial weights",
            equal_weights,
            rows=parts.ALL,
        ),
        Mistake(
            "half the units",
            "whose last layer sees only half of the hidden units",
            "hidden units",
            half_the_units,
            caught_by=(PARITY,),
        ),
        Mistake(
            "turned images",
            "whose training images have rows and columns exchanged, its test images do not",
            "training and test inputs differ",
            data=parts.with_batches(turned),
            rows=(("scratch", "test_acc"),),
        ),
    ],
)
