"""Mistakes in linear regression."""

from dataclasses import replace

from mxnet import nd

from chapters.linear_regression import HParams, from_scratch, with_gluon

from ..scratch import SGD
from . import parts
from .mistake import PARITY, Lesson, Mistake


def without_half(model, hp):
    """Forget the half of the squared loss, so that the derivative is 2 (y_hat - y)."""
    return replace(model, loss=lambda y_hat, y: (y_hat - y.reshape(y_hat.shape)) ** 2)


def without_bias(model, hp):
    """Leave the bias out of the model."""
    return replace(model, net=lambda X: nd.dot(X, model.params[0]))


class Accumulating(SGD):
    """Add each gradient to those before, as grad_req="add" does if nobody sets them to zero."""

    def step(self, batch_size):
        sums = self.state.setdefault("sums", [param.zeros_like() for param in self.params])
        for param, total in zip(self.params, sums):
            total += param.grad
            param.grad[:] = total
        super().step(batch_size)


class Falling(SGD):
    """Divide the learning rate by the number of the step."""

    def step(self, batch_size):
        super().step((self.t + 1) * batch_size)


def standardized_labels(data):
    """Train on standardized labels, and measure the loss of the predictions as if they were labels."""
    _, labels = data.source
    mean = labels.mean()
    std = ((labels - mean) ** 2).mean().sqrt()
    return parts.with_batches(lambda X, y: (X, (y - mean) / std))(data)


def integer_labels(X, y):
    """Cut the labels' decimals off, as a conversion to an integer type does."""
    return X, y.astype("int32").astype(y.dtype)


LOSSES = (("scratch", "train_loss"), ("scratch", "epoch1_loss"))

lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(),
    [
        Mistake(
            "never steps",
            "whose optimizer never steps",
            "optimizer without parameters",
            parts.never_steps,
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "climbs",
            "that adds the gradient instead of subtracting it",
            "sign",
            parts.climbs,
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "gradient not divided",
            "whose gradient is not divided by the batch size",
            "batch size",
            parts.not_divided,
            caught_by=(PARITY,),
            rows=(("scratch", "epoch1_loss"),),
        ),
        Mistake(
            "no half",
            "whose squared loss lacks its half",
            "factor of the loss",
            without_half,
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "broadcast",
            "whose predictions, (n, 1), minus labels, (n,), became (n, n)",
            "broadcasting",
            parts.broadcasts,
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "no bias",
            "that leaves out the bias",
            "parameter not used",
            without_bias,
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "bias not learned",
            "whose bias is not given to the optimizer",
            "parameter not learned",
            parts.learns_only(0),
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "gradients add up",
            "whose gradients are never set to zero, so that each is added to those before",
            "gradients add up",
            lambda model, hp: replace(model, trainer=Accumulating(model.params, hp.lr)),
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "labels of others",
            "whose labels were not shuffled together with the examples",
            "labels of other examples",
            data=parts.labels_of_others,
            rows=LOSSES,
        ),
        Mistake(
            "absolute error",
            "whose loss is the absolute error, not the squared one",
            "form of the loss",
            lambda model, hp: replace(model, loss=parts.absolute_error),
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "learning rate falls",
            "whose learning rate is divided by the number of the step",
            "schedule",
            lambda model, hp: replace(model, trainer=Falling(model.params, hp.lr)),
            caught_by=(PARITY,),
            rows=LOSSES,
        ),
        Mistake(
            "standardized labels",
            "that is trained on standardized labels, and whose predictions are not transformed back",
            "scale of the labels",
            data=standardized_labels,
            rows=LOSSES,
        ),
        Mistake(
            "integer labels",
            "whose labels were converted to integers",
            "type of the labels",
            data=parts.with_batches(integer_labels),
            rows=LOSSES,
        ),
    ],
)
