"""Texts of the exercises on linear regression."""

from ..texts import Text

TEXTS = {
    "linreg": Text(
        title="The model of a linear regression",
        section="3.1",
        task="Predict a number for each example: its features, weighted and summed, plus the bias.",
        formula="y_hat = X w + b",
        template='''
def linreg(X, w, b):
    """Return predictions, (batch, 1).

    X are features, (batch, inputs); the weights w are (inputs, 1), the bias b is (1,).
    """
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "gradients of w and b",
        ),
        hints=(
            "All examples are predicted at once: X is a matrix with a row for each of them.",
            (
                "nd.dot multiplies matrices. Which of X and w comes first, for (batch, inputs) and "
                "(inputs, 1)?"
            ),
            "nd.dot(X, w) has shape (batch, 1), and adding b broadcasts it over the rows.",
        ),
        mistakes={
            "no bias": "The bias is never added: every prediction is too small by b.",
            "flat": (
                "You return one axis, (batch,). Leave the result of nd.dot as it is: a column, (batch, 1)."
            ),
            "row": "You multiply w' X', which gives a row. Multiply X by w, in this order, for a column.",
            "minus": "The bias is subtracted where it should be added.",
            "no sum": "X * w' weights each feature but does not sum over the features. Use nd.dot.",
        },
        commentary=(
            "One product of matrices serves the whole batch; a loop over examples would take hundreds "
            "of times as long. The column (batch, 1) is kept, as a net with several outputs has "
            "several columns."
        ),
    ),
    "squared_loss": Text(
        title="The squared loss, example by example",
        section="3.1",
        task=(
            "Return half the squared error of each example. Predictions are a column, labels have one "
            "axis: think of what their difference would be. The book asks what happens without "
            "`reshape`; step 1 measures it."
        ),
        formula="l_i = (y_hat_i - y_i)^2 / 2",
        template='''
def squared_loss(y_hat, y):
    """Return losses, (batch, 1), for predictions y_hat (batch, 1) and labels y (batch,)."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "gradient of the predictions",
        ),
        hints=(
            "Print (y_hat - y).shape for 5 examples. Is it what you expect?",
            "Broadcasting (5, 1) and (5,) gives (5, 5). Give y the shape of y_hat first.",
            "(y_hat - y.reshape(y_hat.shape)) ** 2 / 2",
        ),
        mistakes={
            "every pair": (
                "y_hat - y broadcasts a column and a row to every pair of prediction and label. "
                "Reshape y to the shape of y_hat before you subtract."
            ),
            "no half": "The factor 1/2 is missing, and with it every gradient is twice the right one.",
            "mean": (
                "You return the mean over the batch. Return one loss for each example; the caller takes "
                "the mean."
            ),
            "absolute": "You take the absolute error, not its square.",
            "no square": "The error is not squared, so that errors of opposite signs would cancel.",
        },
        commentary=(
            "Thanks to the factor 1/2 the derivative is y_hat - y. Without the reshape, training still "
            "runs: the sum over all pairs has a gradient too, towards the mean label for every example."
        ),
    ),
    "sgd": Text(
        title="A step of minibatch stochastic gradient descent",
        section="3.2",
        task="Move every parameter against its gradient, in place. The gradients are sums over the batch.",
        formula="p <- p - lr / |B| * p.grad",
        template='''
def sgd(params, lr, batch_size):
    """Update each of params, whose .grad is a sum over batch_size examples. Return nothing."""
    raise NotImplementedError
''',
        steps=(
            "a step with one example",
            "a step with a batch",
            "the same path for 50 steps",
        ),
        hints=(
            "Each parameter has its gradient in `.grad`, put there by backward().",
            "`param = param - ...` gives the name to a new array; the caller still has the old one.",
            "param[:] = param - lr * param.grad / batch_size, for each of them",
        ),
        mistakes={
            "climbs": "You add the gradient, which climbs the loss. Subtract it.",
            "rebinds": (
                "`param = param - ...` makes a new array and leaves the caller's as it was. Assign to "
                "param[:]."
            ),
            "not divided": (
                "The gradient, a sum over the batch, is not divided by the batch size: the larger the "
                "batch, the larger the step."
            ),
            "first only": (
                "Only the first of the parameters is updated. Is there a `return` or `break` in the loop?"
            ),
            "no rate": "The step is not multiplied by the learning rate lr.",
        },
        commentary=(
            "Dividing here, not in the loss, lets one learning rate serve all batch sizes. The two "
            "numbers are combined before they meet the matrix, which saves a pass over it."
        ),
    ),
    "data_iter": Text(
        title="Minibatches in random order",
        section="3.2",
        task=(
            "Yield the examples of an epoch in random order, batch_size at a time. The book asks what "
            "happens where the number of examples is no multiple of the batch size: the last batch is "
            "to be shorter."
        ),
        formula="a random order of 0 ... n - 1, cut into pieces of batch_size",
        template='''
def data_iter(batch_size, features, labels):
    """Yield pairs (X, y), (batch_size, inputs) and (batch_size,); the last may be shorter."""
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "every example once",
            "sizes of the batches",
            "labels stay with examples",
            "random order",
        ),
        hints=(
            (
                "Shuffle numbers, not the data: a list of 0 ... n - 1 in random order says which "
                "example is next."
            ),
            "range(0, n, batch_size) gives the start of each piece, and slicing beyond the end is allowed.",
            "j = nd.array(indices[i : i + batch_size]); yield features.take(j), labels.take(j)",
        ),
        mistakes={
            "in order": "The examples come in the order of the data. Shuffle the indices first.",
            "drops the rest": (
                "The last, shorter batch is left out, and its examples are never trained on. Let the "
                "loop run to the number of examples."
            ),
            "apart": "Features and labels are shuffled apart. Take both with the same indices.",
            "same each epoch": "Every epoch has the same order. Is a seed set inside the function?",
            "wraps around": (
                "The last batch is filled up with examples that were there already. Let it be shorter."
            ),
            "first rows": (
                "Every batch holds the first examples. Use the loop's index to cut out each batch."
            ),
        },
        commentary=(
            "Without the shuffle, batches of sorted data are all of one class. With a shorter last "
            "batch, `step(batch_size)` divides its gradient by more examples than it has: see exercise "
            "train_ch3."
        ),
        phrases={
            "no pair": "What {call} yields is {found}; expected a pair (X, y).",
            "no arrays": "What {call} yields is a pair with {found}; expected two arrays.",
            "endless": "{call} yields more batches than there are examples. Does it ever end?",
            "sizes": "the list of the batches' sizes, for 10 examples and a batch size of 4,",
            "first X": "X of the first batch",
            "first y": "y of the first batch",
            "missing": "the number of the 10 examples that are in no batch",
            "repeated": "the number of the 10 examples that come more than once",
            "wrong labels": "the number of labels that are not those of their examples",
            "in order": "whether the examples come in the order of the data, 1 or 0,",
            "same order": "whether a second epoch has the order of the first, 1 or 0,",
        },
    ),
    "mean_step": Text(
        title="A step on the mean loss",
        section="3.3",
        task=(
            "The book asks what must change where the loss is the mean over the batch, not one number "
            "for each example. Take one step of gradient descent on loss(net(X), y).mean(). The check "
            "settles the question: your path has to be that of sgd on the sum with step(batch_size)."
        ),
        formula="p <- p - lr * d/dp mean_i l_i",
        template='''
def mean_step(net, loss, X, y, params, lr):
    """Take a step of gradient descent on the mean of loss(net(X), y), in place. Return nothing."""
    raise NotImplementedError
''',
        steps=(
            "a step with one example",
            "a step with a batch",
            "the same path for 50 steps",
        ),
        hints=(
            "Compute inside `with autograd.record():`, call backward() after it.",
            "The gradient of a mean has been divided by the batch size already.",
            "After mean.backward(): param[:] = param - lr * param.grad",
        ),
        mistakes={
            "divided twice": (
                "The gradient is divided by the batch size twice: once in the mean, once in the step."
            ),
            "sum": (
                "You go backward from the sum of the losses, so the step is larger by the batch size. "
                "Take the mean."
            ),
            "climbs": "The step goes up the loss. Subtract the gradient.",
            "no step": "The parameters never change. Are they assigned in place, as with param[:] = ...?",
        },
        commentary=(
            "So the answer is step(1). With trainer.step(batch_size) and a mean, learning still works, "
            "as if at a learning rate that is batch_size times smaller, which is why the mistake is "
            "hard to see."
        ),
    ),
}
