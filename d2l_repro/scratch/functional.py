"""Models, losses and layers of chapter 3 as functions of NDArrays.

Sections are those of *Dive into Deep Learning*, first edition (MXNet 1.x, `nd` interface). A loss gives one
number an example, so that whoever calls it decides between a sum and a mean.
"""

from mxnet import autograd, nd


def linreg(X, w, b):
    """Linear regression (section 3.2).

    Args:
        X: features, (batch, inputs).
        w: weights, (inputs, 1).
        b: bias, (1,).

    Returns:
        predictions, (batch, 1).
    """
    # y_hat = X w + b
    return nd.dot(X, w) + b


def squared_loss(y_hat, y):
    """Half the squared error of each example (section 3.2).

    Args:
        y_hat: predictions, of any shape.
        y: labels, as many as there are predictions.

    Returns:
        losses, in the shape of `y_hat`.
    """
    # l = (y_hat - y)^2 / 2; the half makes its derivative y_hat - y
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def naive_softmax(X):
    """Softmax just as its formula is written (section 3.6): exp overflows in float32 for logits above 88.

    Args:
        X: logits, (batch, classes).

    Returns:
        probabilities, (batch, classes); nan where exp overflowed.
    """
    # softmax(x)_i = exp(x_i) / sum_j exp(x_j)
    X_exp = X.exp()
    return X_exp / X_exp.sum(axis=1, keepdims=True)


def softmax(X):
    """Softmax (section 3.6), safe for logits of any size.

    Args:
        X: logits, (batch, classes).

    Returns:
        probabilities, (batch, classes); each row adds up to 1.
    """
    # softmax(x) = softmax(x - max x): then the largest power is exp(0) = 1, and nothing can overflow
    return naive_softmax(X - X.max(axis=1, keepdims=True))


def cross_entropy(y_hat, y):
    """Cross-entropy of each example (section 3.6).

    Args:
        y_hat: probabilities, (batch, classes).
        y: the true classes as numbers from 0, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = -log y_hat_y, the negative logarithm of the probability given to the true class
    return -nd.pick(y_hat, y).log()


def relu(X):
    """Rectified linear unit (section 3.9), elementwise; a NDArray of any shape.

    At 0, where it has no derivative, `maximum` takes 1 for it, and Gluon's relu takes 0.
    """
    # relu(x) = max(x, 0)
    return nd.maximum(X, 0)


def dropout(X, drop_prob):
    """Inverted dropout (section 3.13): drops while training only, as `autograd.is_training()` tells.

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
    # x' = m x / (1 - p), where m is 1 with probability 1 - p and else 0: its expectation is x
    mask = nd.random.uniform(0, 1, X.shape, dtype=X.dtype) < keep_prob
    return mask * X / keep_prob


def softmax_cross_entropy(logits, y):
    """Softmax and cross-entropy in one (section 3.7): no logarithm of a probability that was rounded to 0.

    Args:
        logits: what goes into softmax, (batch, classes).
        y: classes, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = log sum_j exp(o_j) - o_y; less the largest o, which changes nothing, exp cannot overflow
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted.exp().sum(axis=1).log() - shifted.pick(y)


def sigmoid_cross_entropy(logits, y):
    """Sigmoid and the cross-entropy of two classes in one, safe for logits of any size.

    Args:
        logits: what goes into the sigmoid, (batch, 1).
        y: 0 or 1, (batch,).

    Returns:
        losses, (batch,).
    """
    # l = log(1 + e^o) - y o. Written as max(o, 0) + log(1 + e^-|o|) it would not overflow either, but at o =
    # 0, where neither max nor the absolute value has a derivative, autograd would take a wrong one.
    o = logits.reshape(y.shape)
    return nd.Activation(o, "softrelu") - y * o


def hinge_loss(scores, y, margin=1.0):
    """The hinge loss of a support vector machine for several classes (J. Weston and C. Watkins, 1999).

    Args:
        scores: (batch, classes).
        y: classes, (batch,).
        margin: by how much the true class's score should be above every other's.

    Returns:
        losses, (batch,).
    """
    # l = sum over j != y of max(0, s_j - s_y + margin); the sum over all j has the margin itself as its term
    # of y
    return relu(scores - scores.pick(y).expand_dims(1) + margin).sum(axis=1) - margin


def l2_penalty(w):
    """Half the squared L2 norm of `w` (section 3.12), a NDArray of shape (1,)."""
    # |w|^2 / 2; the half makes its derivative w
    return (w**2).sum() / 2


def correct(y_hat, y):
    """Is the class of the largest score the true one? One number an example, as the losses are.

    Args:
        y_hat: scores or probabilities, (batch, classes).
        y: the true classes as numbers from 0, (batch,) or (batch, 1).

    Returns:
        1 or 0 for each example, (batch,).
    """
    predicted = y_hat.argmax(axis=1)
    return predicted == y.reshape(predicted.shape).astype(predicted.dtype, copy=False)


def correct_sign(y_hat, y, threshold=0.0):
    """Is the score of class 1 above `threshold` where y is 1, and not above it where y is 0?

    Args:
        y_hat: scores, (batch, 1): logits, or probabilities with a threshold of 0.5.
        y: 0 or 1, (batch,).

    Returns:
        1 or 0 for each example, (batch,).
    """
    return (y_hat.reshape(y.shape) > threshold) == y


def accuracy(y_hat, y):
    """Share of examples whose class is predicted (section 3.6), a float; it waits for the engine."""
    return correct(y_hat, y).mean().asscalar().item()
