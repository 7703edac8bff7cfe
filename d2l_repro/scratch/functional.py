"""Models, losses and layers of chapter 3 as functions of NDArrays.

Section numbers refer to *Dive into Deep Learning*, first edition (MXNet 1.x, `nd` interface). Losses return
one number for each example; the caller takes the sum or the mean.
"""

from __future__ import annotations

from mxnet import autograd, nd


def linreg(X: nd.NDArray, w: nd.NDArray, b: nd.NDArray) -> nd.NDArray:
    """Return the predictions of a linear regression (section 3.2).

    Args:
        X: features, (batch, inputs).
        w: weights, (inputs, 1).
        b: bias, (1,).

    Returns:
        predictions, (batch, 1).
    """
    # y_hat = X w + b
    return nd.dot(X, w) + b


def squared_loss(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return half the squared error of each example (section 3.2).

    Args:
        y_hat: predictions, of any shape.
        y: labels, as many as predictions, of any shape.

    Returns:
        losses, in the shape of `y_hat`.
    """
    # l = (y_hat - y)^2 / 2; thanks to the factor 1/2 the derivative is y_hat - y
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def naive_softmax(X: nd.NDArray) -> nd.NDArray:
    """Compute softmax exactly as its formula is written (section 3.6).

    In float32, exp overflows for logits above 88.

    Args:
        X: logits, (batch, classes).

    Returns:
        probabilities, (batch, classes); nan where exp overflowed.
    """
    # softmax(x)_i = exp(x_i) / sum_j exp(x_j)
    X_exp = X.exp()
    return X_exp / X_exp.sum(axis=1, keepdims=True)


def softmax(X: nd.NDArray) -> nd.NDArray:
    """Compute softmax safely for logits of any size (section 3.6).

    Args:
        X: logits, (batch, classes).

    Returns:
        probabilities, (batch, classes); each row sums to 1.
    """
    # softmax(x) = softmax(x - max x): the largest term is exp(0) = 1, so that nothing overflows
    return naive_softmax(X - X.max(axis=1, keepdims=True))


def cross_entropy(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return the cross-entropy of each example (section 3.6).

    Args:
        y_hat: probabilities, (batch, classes).
        y: the true classes as numbers from 0, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = -log y_hat_y, the negative logarithm of the probability of the true class
    return -nd.pick(y_hat, y).log()


def relu(X: nd.NDArray) -> nd.NDArray:
    """Apply the rectified linear unit to each element (section 3.9).

    ReLU has no derivative at 0. Autograd takes 1 there, the derivative that MXNet gives `maximum`; Gluon's
    relu takes 0.

    Args:
        X: of any shape.

    Returns:
        the same shape.
    """
    # relu(x) = max(x, 0)
    return nd.maximum(X, 0)


def dropout(X: nd.NDArray, drop_prob: float) -> nd.NDArray:
    """Apply inverted dropout (section 3.13), only while `autograd.is_training()`.

    Args:
        X: activations, of any shape.
        drop_prob: probability of dropping an element, 0 to 1.

    Returns:
        activations of the same shape and the same expectation.

    Raises:
        ValueError: `drop_prob` is not a probability.
    """
    if not 0 <= drop_prob <= 1:
        raise ValueError(f"drop_prob must be a probability from 0 to 1, not {drop_prob}")
    if drop_prob == 0 or not autograd.is_training():
        return X
    if drop_prob == 1:
        return X.zeros_like()
    keep_prob = 1 - drop_prob
    # x' = m x / (1 - p), where m is 1 with probability 1 - p and 0 otherwise, so that the expectation is x
    mask = nd.random.uniform(0, 1, X.shape, dtype=X.dtype) < keep_prob
    return mask * X / keep_prob


def softmax_cross_entropy(logits: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Compute softmax and cross-entropy in one step (section 3.7).

    This way, the logarithm of a probability that was rounded to 0 is never taken.

    Args:
        logits: inputs of softmax, (batch, classes).
        y: the true classes as numbers from 0, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = log sum_j exp(o_j) - o_y; subtracting max_j o_j from all o changes nothing, and exp cannot overflow
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted.exp().sum(axis=1).log() - shifted.pick(y)


def sigmoid_cross_entropy(logits: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Compute sigmoid and the cross-entropy of two classes in one step, safe for logits of any size.

    Args:
        logits: inputs of the sigmoid, (batch, 1).
        y: 0 or 1, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = log(1 + e^o) - y o. The form max(o, 0) + log(1 + e^-|o|) - y o would not overflow either, but
    # autograd would return a wrong gradient at o = 0, where neither max nor the absolute value has a
    # derivative.
    o = logits.reshape(y.shape)
    return nd.Activation(o, "softrelu") - y * o


def hinge_loss(scores: nd.NDArray, y: nd.NDArray, margin: float = 1.0) -> nd.NDArray:
    """Return the loss of a multi-class support vector machine (J. Weston and C. Watkins, 1999).

    Args:
        scores: (batch, classes).
        y: the true classes as numbers from 0, (batch,).
        margin: how far the score of the true class should be above every other score.

    Returns:
        losses, (batch,).
    """
    # l = sum over j != y of max(0, s_j - s_y + margin). The sum below is over all j; its term for j = y is
    # the margin, which is subtracted again.
    return relu(scores - scores.pick(y).expand_dims(1) + margin).sum(axis=1) - margin


def l2_penalty(w: nd.NDArray) -> nd.NDArray:
    """Return half the squared L2 norm of `w` as an NDArray of shape (1,) (section 3.12)."""
    # |w|^2 / 2; thanks to the factor 1/2 the gradient is w
    return (w**2).sum() / 2


def correct(y_hat: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return for each example whether the true class has the highest score.

    Args:
        y_hat: scores or probabilities, (batch, classes), or (batch, classes, ...) with a class for each
            pixel.
        y: the true classes as numbers from 0, (batch,) or (batch, 1), or (batch, ...).

    Returns:
        1 or 0 for each example, (batch,), or for each pixel, (batch, ...).

    Raises:
        ValueError: y_hat has no score for each class, or its axis 1 is not that of the classes.
    """
    _check_scores(y_hat, y)
    predicted = y_hat.argmax(axis=1)
    return predicted == y.reshape(predicted.shape).astype(predicted.dtype, copy=False)


def _check_scores(y_hat: nd.NDArray, y: nd.NDArray) -> None:
    shapes = f"y_hat {y_hat.shape} and y {y.shape}"
    if len(y_hat.shape) < 2 or y_hat.shape[1] == 1:
        raise ValueError(
            f"accuracy cannot be computed from {shapes}: one output is no score per class; pass metrics={{}} "
            "for a regression, or a metric of your own"
        )
    expected = (*y_hat.shape[:1], *y_hat.shape[2:])
    if len(expected) == 1:
        fits = y.size == expected[0]
    else:
        # For (n, T, T) and (n, T), a language model that knows T words looks like a row of T pixels.
        fits = _without_ones(y.shape) == _without_ones(expected) and y.shape != y_hat.shape[:2]
    if not fits:
        raise ValueError(
            f"accuracy cannot be computed from {shapes}: the classes must be axis 1 of y_hat, and y have its "
            "other axes; reshape both to (-1, classes) and (-1,), or pass metrics={} or a metric of your own"
        )


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def correct_sign(y_hat: nd.NDArray, y: nd.NDArray, threshold: float = 0.0) -> nd.NDArray:
    """Return for each example whether its score is on the right side of a threshold.

    Class 1 is predicted if the score is above `threshold`, class 0 otherwise.

    Args:
        y_hat: scores, (batch, 1): logits, or probabilities with a threshold of 0.5.
        y: 0 or 1, (batch,).
        threshold: between the classes.

    Returns:
        1 or 0 for each example, (batch,).
    """
    return (y_hat.reshape(y.shape) > threshold) == y


def accuracy(y_hat: nd.NDArray, y: nd.NDArray) -> float:
    """Return the share of correctly classified examples (section 3.6).

    Reading the number waits for MXNet's engine. Arguments as for `correct`.
    """
    return correct(y_hat, y).mean().asscalar().item()
