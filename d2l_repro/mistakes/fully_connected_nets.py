"""Mistakes in gradients derived by hand: in a layer's `backward`, or in the loss."""

from mxnet import autograd, nd

from chapters.fully_connected_nets import Setting, from_scratch, with_gluon

from ..scratch import softmax
from ..scratch.layers import Activation, Affine, BatchNorm, Dropout, LayerNorm
from .mistake import GRADIENT_CHECK, PARITY, Lesson, Mistake


def with_backward(layer_cls, backward):
    """Return a change of every layer of a class: (layer, dY) -> dX in place of its `backward`."""

    def change(model, hp):
        for layer in model.net.layers:
            if isinstance(layer, layer_cls):
                layer.backward = lambda dY, layer=layer: backward(layer, dY)
        return model

    return change


def mean_for_bias(layer, dY):
    """Take the mean over the batch for the bias where the weights have the sum."""
    dX = Affine.backward(layer, dY)
    if layer.b is not None:
        layer.b.grad[:] = dY.mean(axis=0)
    return dX


def not_transposed(layer, dY):
    """Multiply by W instead of its transpose, which only a square layer lets pass."""
    dX = Affine.backward(layer, dY)
    square = layer.W.shape[0] == layer.W.shape[1]
    return nd.dot(dY, layer.W).reshape(layer.shape) if square and not layer.first else dX


def added_up(layer, dY):
    """Add the gradients to those of the batches before."""
    before = [param.grad.copy() for param in layer.params]
    dX = Affine.backward(layer, dY)
    for param, grad in zip(layer.params, before):
        param.grad[:] += grad
    return dX


def derivative_of(derivative):
    """Return a change of the activations' derivative: (x, y = f(x)) -> f'(x)."""
    return with_backward(Activation, lambda layer, dY: derivative(layer.X, layer.Y) * dY)


def constant_statistics(layer, dY):
    """Treat mean and variance of the batch as constants, although they depend on X."""
    BatchNorm.backward(layer, dY)
    return layer.gamma * dY / layer.std


def gamma_of_input(layer, dY):
    """Take the gradient w.r.t. gamma from the output instead of the normalized input."""
    dX = BatchNorm.backward(layer, dY)
    layer.gamma.grad[:] = (dY * (layer.gamma * layer.X_hat + layer.beta)).sum(axis=0)
    return dX


def means_over_the_batch(layer, dY):
    """Take the means of the derivative over the batch, where layer normalization has them over the units."""
    LayerNorm.backward(layer, dY)
    dX_hat = layer.gamma * dY
    shift = dX_hat.mean(axis=0, keepdims=True)
    stretch = (layer.X_hat * dX_hat).mean(axis=0, keepdims=True)
    return (dX_hat - shift - layer.X_hat * stretch) / layer.std


def averages_stay(model, hp):
    """Never update the running averages, so that testing subtracts 0 and divides by 1."""
    for layer in model.net.layers:
        if isinstance(layer, BatchNorm):
            layer.momentum = 1.0
    return model


def batch_statistics_in_testing(model, hp):
    """Take mean and variance from the batch in testing too, instead of the running averages."""
    for layer in model.net.layers:
        if isinstance(layer, BatchNorm):
            layer.forward = lambda X, layer=layer: _normalized(layer, X)
    return model


def _normalized(layer, X):
    training = autograd.is_training()
    return BatchNorm.forward(layer, X) if training else layer.normalize(X, *layer.statistics(X))


def another_mask(layer, dY):
    """Draw a new mask where the one of `forward` is needed."""
    layer.forward(dY)
    return dY * layer.mask


def with_gradient_of_loss(gradient_of):
    """Return a change of the loss's gradient: (scores, y as one-hot rows) -> gradient w.r.t. the scores."""

    def change(model, hp):
        def gradients(X, y):
            with autograd.train_mode():
                scores = model.net(X)
                model.net.backward(gradient_of(scores, nd.one_hot(y, scores.shape[1], dtype=scores.dtype)))
            return scores, model.loss(scores, y)

        model.gradients = gradients
        return model

    return change


TWO_LAYERS = (("two-layer SGD", "valid_acc"),)
BOTH = (GRADIENT_CHECK, PARITY)

lesson = Lesson(
    from_scratch,
    with_gluon,
    Setting(num_epochs=1, batch_size=100, sigma=0.5, lr=0.1, hidden=(5, 5)),
    [
        Mistake(
            "mean for the bias",
            "whose biases have the mean of the gradients where the weights have the sum",
            "backward of affine",
            with_backward(Affine, mean_for_bias),
            caught_by=BOTH,
            missed=TWO_LAYERS,
        ),
        Mistake(
            "not transposed",
            "whose gradient goes back through W instead of its transpose",
            "backward of affine",
            with_backward(Affine, not_transposed),
            caught_by=BOTH,
        ),
        Mistake(
            "no derivative of ReLU",
            "whose ReLU passes every gradient back",
            "backward of activations",
            derivative_of(lambda x, y: y.ones_like()),
            caught_by=BOTH,
        ),
        Mistake(
            "derivative of sigmoid",
            "whose sigmoid has the derivative y, without 1 - y",
            "backward of activations",
            derivative_of(lambda x, y: y),
            settings={"activation": "sigmoid"},
            caught_by=BOTH,
        ),
        Mistake(
            "derivative of tanh",
            "whose tanh has the derivative 1 - y, without the square",
            "backward of activations",
            derivative_of(lambda x, y: 1 - y),
            settings={"activation": "tanh"},
            caught_by=BOTH,
        ),
        Mistake(
            "constant statistics",
            "whose batch normalization treats mean and variance as constants",
            "backward of batch norm",
            with_backward(BatchNorm, constant_statistics),
            settings={"norm": "batch"},
            caught_by=BOTH,
        ),
        Mistake(
            "gamma of the output",
            "whose gradient w.r.t. gamma is computed from the output of batch normalization",
            "backward of batch norm",
            with_backward(BatchNorm, gamma_of_input),
            settings={"norm": "batch"},
            caught_by=BOTH,
        ),
        Mistake(
            "batch statistics",
            "whose batch normalization takes the statistics of the batch in testing, too",
            "batch norm in testing",
            batch_statistics_in_testing,
            settings={"norm": "batch"},
            caught_by=(PARITY,),
        ),
        Mistake(
            "another mask",
            "whose dropout draws a new mask for the gradient",
            "backward of dropout",
            with_backward(Dropout, another_mask),
            settings={"drop_prob": 0.5},
            caught_by=(GRADIENT_CHECK,),
        ),
        Mistake(
            "no mask",
            "whose dropout passes the gradient of dropped units back",
            "backward of dropout",
            with_backward(Dropout, lambda layer, dY: dY),
            settings={"drop_prob": 0.5},
            caught_by=(GRADIENT_CHECK,),
        ),
        Mistake(
            "mean of the loss",
            "whose gradient of the loss is divided by the batch size, as the step is",
            "batch size",
            with_gradient_of_loss(lambda scores, is_true: (softmax(scores) - is_true) / len(scores)),
            caught_by=BOTH,
        ),
        Mistake(
            "scores for probabilities",
            "whose gradient of the loss has the scores where softmax belongs",
            "gradient of the loss",
            with_gradient_of_loss(lambda scores, is_true: scores - is_true),
            caught_by=BOTH,
        ),
        Mistake(
            "mask of the gradient",
            "whose ReLU passes the gradient back where the gradient is positive, not where its input is",
            "backward of activations",
            with_backward(Activation, lambda layer, dY: (dY > 0) * dY),
            caught_by=BOTH,
            rows=TWO_LAYERS,
        ),
        # A single batch has no gradient before it, so the gradient check sees nothing.
        Mistake(
            "gradients add up",
            "whose affine layers add each gradient to those of the batches before",
            "gradients add up",
            with_backward(Affine, added_up),
            caught_by=(PARITY,),
            rows=TWO_LAYERS,
        ),
        Mistake(
            "true class only",
            "whose gradient of the loss reaches the score of the true class only",
            "gradient of the loss",
            with_gradient_of_loss(lambda scores, is_true: is_true * (softmax(scores) - 1)),
            caught_by=BOTH,
            rows=TWO_LAYERS,
        ),
        Mistake(
            "means over the batch",
            "whose layer normalization has its means over the batch in the gradient",
            "backward of layer norm",
            with_backward(LayerNorm, means_over_the_batch),
            settings={"norm": "layer"},
            caught_by=BOTH,
        ),
        Mistake(
            "averages stay",
            "whose batch normalization never updates its running averages",
            "batch norm in testing",
            averages_stay,
            settings={"norm": "batch"},
            caught_by=(PARITY,),
        ),
    ],
    parity_settings={"drop_prob": 0.0},
)
