"""Texts of the exercises on layers."""

from ..texts import Text

TEXTS = {
    "batch_norm": Text(
        title="Batch normalization, forward",
        section="5.10",
        task=(
            "Normalize each unit: in training by mean and variance of the batch, which also move the "
            "running averages, in place; in testing by the running averages. Autograd must be able to follow."
        ),
        formula="""Y = gamma (X - mean) / sqrt(var + epsilon) + beta
running <- momentum running + (1 - momentum) of the batch""",
        template='''
def batch_norm(X, gamma, beta, running_mean, running_var, training, momentum, epsilon):
    """Return an array in the shape of X, (batch, units); the other arrays are (units,).

    training is a bool. In training, also update running_mean and running_var in place. Variances
    are divided by the batch size.
    """
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values in training",
            "running averages",
            "values in testing",
            "gradients",
        ),
        hints=(
            "Mean and variance of each unit are taken down the batch, axis=0.",
            "Which mean and variance to use is all that differs between training and testing.",
            "running_mean[:] = momentum * running_mean + (1 - momentum) * mean, and likewise the variance",
        ),
        mistakes={
            "by example": (
                "Each example is normalized over its units, which is layer normalization. Use axis=0."
            ),
            "n - 1": "The variance is divided by n - 1. Divide by the batch size.",
            "no epsilon": "epsilon is missing: a unit that is constant in a batch would divide by 0.",
            "epsilon outside": "epsilon is added to the root. Add it to the variance, inside the root.",
            "no root": "You divide by the variance. Take its root.",
            "shares exchanged": (
                "momentum and 1 - momentum are exchanged. momentum is the share of the old average."
            ),
            "not kept": (
                "The running averages are not updated. Assign to running_mean[:] and running_var[:] in "
                "training."
            ),
            "batch in testing": (
                "In testing, too, the batch's own statistics are used, so that the answer for an "
                "example depends on its neighbours. Use the running averages."
            ),
            "no scale": "gamma and beta are missing.",
            "shifted first": "beta is added before gamma multiplies. Multiply first, then add.",
            "all units": "One mean and variance is taken over all units. Take one for each, down the batch.",
            "by averages": (
                "In training, too, X is normalized by the running averages. Use the batch's own mean and "
                "variance."
            ),
            "moves in testing": (
                "The running averages move in testing, too, so that test data change what is predicted next. "
                "Update them in training only."
            ),
        },
        commentary=(
            "The gradient flows through mean and variance, too, which autograd does by itself and the "
            "next exercise by hand."
        ),
        phrases={
            "after batch": "{name} after batch {number}",
            "in testing": "batch_norm(...) in testing",
            "after testing": "{name} after a batch in testing",
        },
    ),
    "batch_norm_backward": Text(
        title="Batch normalization, backward",
        section="5.10",
        task=(
            "Return the gradients of batch normalization in training, without autograd. Mean and "
            "variance depend on X."
        ),
        formula="""X^ = (X - mean) / sqrt(var + epsilon),  Y = gamma X^ + beta
dgamma = sum of dY X^,  dbeta = sum of dY
dX = (dX^ - mean(dX^) - X^ mean(X^ dX^)) / sqrt(var + epsilon),  dX^ = gamma dY""",
        template='''
def batch_norm_backward(dY, X, gamma, epsilon):
    """Return dX (batch, units), dgamma (units,) and dbeta (units,), for dY and X (batch, units)."""
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "gradients",
        ),
        hints=(
            "Compute X^ again, as in the forward pass. All means and sums are down the batch.",
            "gamma and beta serve every example, so that their gradients are sums over the batch.",
            (
                "dX has three terms: what would be there for a constant mean and variance, and one for "
                "each of them."
            ),
        ),
        mistakes={
            "statistics constant": (
                "Mean and variance are taken for constants. Both depend on X: the last two terms of dX."
            ),
            "variance constant": (
                "The variance is taken for a constant. The term X^ mean(X^ dX^) is missing."
            ),
            "mean constant": "The mean is taken for a constant. The term mean(dX^) is missing.",
            "no gamma": "dX lacks gamma: dX^ = gamma dY.",
            "not divided": "dX is not divided by the standard deviation.",
            "X for X^": "dgamma is computed with X. Use the normalized X^.",
            "means": "dgamma and dbeta are means over the batch. They are sums.",
        },
        commentary=(
            "The columns of dX add up to 0: shifting all examples of a batch alike changes nothing in "
            "its output."
        ),
    ),
    "conv2d": Text(
        title="Convolution as one product of matrices",
        section="5.3",
        task=(
            "Cross-correlate images with kernels, without padding. Arrange the windows of X under the "
            "kernel as columns, and multiply by the kernels as rows; or find a way of your own that "
            "autograd can follow."
        ),
        formula="Y[n, o, i, j] = sum over c, a, b of K[o, c, a, b] X[n, c, i + a, j + b]",
        template='''
def conv2d(X, K):
    """Return Y (batch, outputs, rows - height + 1, columns - width + 1).

    X is (batch, inputs, rows, columns), K is (outputs, inputs, height, width).
    """
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values, one channel",
            "shape, several channels",
            "values, several channels",
            "gradients",
        ),
        hints=(
            "For each number of the kernel there is a shifted copy of X that it multiplies.",
            (
                "nd.stack puts the shifted copies side by side; reshape makes a window a column of c * "
                "a * b numbers."
            ),
            (
                "nd.dot(K.reshape((outputs, -1)), columns), for each image; then reshape to rows and "
                "columns again"
            ),
        ),
        mistakes={
            "flipped": (
                "The kernel is turned by 180 degrees, which is the convolution of mathematics. Leave "
                "it as it is."
            ),
            "transposed kernel": "Rows and columns of the kernel are exchanged. a goes with i, b with j.",
            "padded": "The image is padded. Here the output is smaller than the image.",
            "mean of window": "You average over the window. Sum.",
            "first channel": "Only the first input channel counts. Sum over all of them.",
            "channels apart": (
                "Each input channel meets the sum of the kernels of all channels. Channel c belongs to "
                "K[:, c]."
            ),
            "mean of channels": "You average over the input channels. Sum.",
            "numbers of a window": (
                "The numbers of a window and those of a kernel are in different orders. Channels first, then "
                "rows, then columns, in both."
            ),
            "kernels as columns": (
                "K.reshape((-1, outputs)) takes numbers of different kernels into one column. Each kernel is "
                "a row of K.reshape((outputs, -1))."
            ),
            "positions": (
                "The windows are collected column by column, but laid out row by row: the output is turned "
                "over. Let j run fastest."
            ),
            "one less": "The last row and column are missing: there are rows - height + 1 positions.",
        },
        commentary=(
            "A product of matrices does more arithmetic a second than any loop over windows; each "
            "pixel is copied height * width times for it."
        ),
    ),
}
