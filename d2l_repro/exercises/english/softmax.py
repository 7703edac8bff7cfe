"""Texts of the exercises on softmax regression."""

from ..texts import Text

TEXTS = {
    "largest_logit": Text(
        title="The largest logit that exp survives",
        section="3.6",
        task=(
            "The book asks what goes wrong where softmax is computed as its formula is written. Find "
            "the largest whole number whose exponential is still finite, for each type of number: "
            "half, single, double precision."
        ),
        formula="the largest x with exp(x) < infinity",
        template='''
def largest_logit(dtype):
    """Return a whole number, for dtype "float16", "float32" or "float64"."""
    raise NotImplementedError
''',
        steps=(
            "float32",
            "float64 and float16, too",
        ),
        hints=(
            "Try it: np.exp(np.array(50, dtype=dtype)), and larger numbers.",
            "np.finfo(dtype).max is the largest number of a type.",
            "Count up from 0 while np.isfinite(np.exp(np.array(x + 1, dtype=dtype))).",
        ),
        mistakes={
            "one more": "This is the first whose exponential is infinite. Return the one before it.",
            "one type": (
                "The answer for float32 is returned for every type. Does the function use its argument?"
            ),
            "Python's": (
                "This is the answer for Python's own numbers, which are float64. Compute in the type "
                "asked for."
            ),
            "the number": (
                "This is the largest number of the type, which exp may reach. Return the logit that does."
            ),
        },
        commentary=(
            "It is 88 in single precision: logits of that size occur early in training at a large learning "
            "rate. In half precision it is only 11, which is why softmax is computed in single precision "
            "there."
        ),
    ),
    "softmax": Text(
        title="Softmax that does not overflow",
        section="3.4",
        task=(
            "Turn each row of logits into probabilities. It has to work for logits of any size, and "
            "autograd must be able to follow."
        ),
        formula="softmax(x)_i = exp(x_i) / sum_j exp(x_j)",
        template='''
def softmax(X):
    """Return probabilities, (batch, classes), for logits X (batch, classes); each row sums to 1."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "logits of 1000",
            "gradient",
        ),
        hints=(
            "Each row has a sum of its own: axis=1, and keepdims=True keeps it a column that broadcasts.",
            "Adding the same number to all logits of a row changes nothing. Which number keeps exp small?",
            "Subtract X.max(axis=1, keepdims=True) first; then exp, then divide by the sum of the row.",
        ),
        mistakes={
            "overflow": (
                "exp overflows for large logits, and inf / inf is nan. Subtract the largest logit of "
                "each row before exp; the result is the same."
            ),
            "axis": (
                "The sum runs over the examples (axis 0), so that columns sum to 1. Sum over the "
                "classes, axis 1."
            ),
            "no keepdims": (
                "The sums lack keepdims=True: they are one row, (batch,), where a column, (batch, 1), would "
                "stand beside the rows of X."
            ),
            "everything": (
                "You divide by the sum over the whole array. Each row has its own sum: axis=1, keepdims=True."
            ),
            "one max": (
                "You subtract the maximum of the whole array, and rows far below it underflow to 0 / "
                "0. Subtract the maximum of each row."
            ),
            "not divided": "The exponentials are not divided by their sum.",
            "log": "This is the logarithm of softmax. Return the probabilities.",
            "clipped": (
                "Logits are cut off at some bound, which changes the probabilities of larger ones. Subtract "
                "the largest of each row instead."
            ),
        },
        commentary=(
            "After the shift the largest term is exp(0) = 1: no overflow, and a sum of at least 1. "
            "What underflows to 0 is too small to matter."
        ),
    ),
    "cross_entropy": Text(
        title="The cross-entropy of each example",
        section="3.4",
        task="Return the negative logarithm of the probability that each example gives to its true class.",
        formula="l_i = -log y_hat[i, y_i]",
        template='''
def cross_entropy(y_hat, y):
    """Return losses, (batch,).

    y_hat are probabilities, (batch, classes); y are the true classes, (batch,).
    """
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "very small probabilities",
            "gradient",
        ),
        hints=(
            "Of each row only one number counts, that of the true class.",
            "nd.pick(y_hat, y) takes from each row the element that y names.",
            "-nd.pick(y_hat, y).log()",
        ),
        mistakes={
            "sign": "The sign is missing: the logarithm of a probability is negative, and a loss is not.",
            "no log": "The logarithm is missing.",
            "mean": "You return the mean over the batch. Return one loss for each example.",
            "column": "You return a column, (batch, 1). Losses have one axis, (batch,).",
            "all classes": (
                "You sum over all classes. Only the true class of each example counts; see nd.pick."
            ),
            "every example": (
                "y_hat[:, y] takes the classes of all examples from every row. Take one from each: nd.pick."
            ),
            "base 2": "This is the logarithm to base 2. Use the natural one.",
        },
        commentary=(
            "pick reads one number a row; a product with one-hot vectors would read them all, and 0 * "
            "log(0) in it would be nan."
        ),
    ),
    "logits_loss": Text(
        title="Cross-entropy straight from the logits",
        section="3.7",
        task=(
            "The book asks why Gluon has one function for softmax and cross-entropy. Compute the loss "
            "from the logits so that it is finite where the probability of the true class is too small "
            "for any float."
        ),
        formula="l_i = log sum_j exp(o_ij) - o[i, y_i]",
        template='''
def logits_loss(logits, y):
    """Return losses, (batch,), for logits (batch, classes) and true classes y (batch,)."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "logits of 1000",
            "gradient",
        ),
        hints=(
            "Write log(softmax(o)) as a difference, and the logarithm of the exponential cancels.",
            "log sum exp needs the same shift as softmax: take the largest logit of each row off first.",
            "s = o - o.max(axis=1, keepdims=True); the loss is s.exp().sum(axis=1).log() - s.pick(y)",
        ),
        mistakes={
            "log of zero": (
                "The probability of the true class is rounded to 0, and its logarithm is infinite. Do "
                "not compute the probability: take the logarithm of the sum of exponentials, less the "
                "true logit."
            ),
            "overflow": "exp overflows. Subtract the largest logit of each row first.",
            "half shifted": (
                "The logits in the sum are shifted by their maximum, the true one is not. Shift both."
            ),
            "sign": "The sign is wrong: the loss is the sum's logarithm less the true logit.",
            "mean": "You return the mean over the batch. Return one loss for each example.",
            "no softmax": (
                "Only the true logit is there. The logarithm of the sum of exponentials is missing."
            ),
        },
        commentary=(
            "Where softmax rounds to 0 this is still exact, and its gradient, softmax minus one-hot, "
            "is still of use: the net can recover from a confident error."
        ),
    ),
    "accuracy": Text(
        title="The share of right predictions",
        section="3.6",
        task="Return the share of examples whose true class has the highest score, as a number.",
        formula="mean_i [argmax_j y_hat_ij = y_i]",
        template='''
def accuracy(y_hat, y):
    """Return a number from 0 to 1 for scores y_hat (batch, classes) and true classes y (batch,)."""
    raise NotImplementedError
''',
        steps=(
            "as many classes as examples",
            "batches of other shapes",
        ),
        hints=(
            "argmax gives the position of the largest element. Along which axis are the classes?",
            "Comparing two arrays gives 1 where they agree and 0 elsewhere.",
            "(y_hat.argmax(axis=1) == y).mean().asscalar()",
        ),
        mistakes={
            "axis": "argmax runs over the examples. The classes are axis 1.",
            "count": "This is the number of right predictions. Divide by the number of examples.",
            "errors": "This is the share of wrong predictions.",
            "smallest": "You take the class with the lowest score. Use argmax.",
            "classes": (
                "The number of right predictions is divided by the number of classes, not of examples."
            ),
        },
        commentary="softmax keeps the order, so that logits do as well as probabilities.",
    ),
    "evaluate": Text(
        title="The accuracy over many batches",
        section="3.6",
        task="Return the accuracy of a net over all batches. They need not have the same size.",
        formula="right predictions in all batches / examples in all batches",
        template='''
def evaluate(net, data_iter):
    """Return a number from 0 to 1.

    data_iter yields (X, y), and net(X) returns scores, (batch, classes).
    """
    raise NotImplementedError
''',
        steps=(
            "one batch",
            "several of the same size",
            "a shorter last batch",
        ),
        hints=(
            "Keep two numbers through the loop.",
            "A short batch must not count as much as a long one: count first, divide at the end.",
            "correct += (net(X).argmax(axis=1) == y).sum().asscalar(); examples += len(y)",
        ),
        mistakes={
            "mean of means": (
                "The mean of the batches' accuracies gives the short last batch as much weight as the "
                "others. Add up right predictions and examples, and divide once."
            ),
            "first batch": "Only the first batch counts. Is `return` inside the loop?",
            "last batch": "Only the last batch counts. Add up over the batches.",
            "count": "This is the number of right predictions. Divide by the number of examples.",
            "sum of means": (
                "The batches' accuracies are added up. Divide right predictions by examples, at the end."
            ),
        },
        commentary=(
            "With 10,000 test images in batches of 256 the last has 16: in a mean of means each of "
            "these images would count 16 times as much as the others."
        ),
        phrases={
            "call": "evaluate(net, data_iter) for batches of {sizes} examples",
        },
    ),
}
