"""Texts of the exercises on the training loop."""

from ..texts import Text

TEXTS = {
    "train_ch3": Text(
        title="The training loop of chapter 3",
        section="3.6",
        task=(
            "Train a net by minibatch SGD. Return for each epoch the mean loss and the accuracy on the "
            "training set, and the accuracy on the test set after the epoch. Loss and accuracy in training "
            "are those of each batch before its step. The last batch may be shorter; its gradient is divided "
            "by batch_size, too. The last step trains on images."
        ),
        formula=(
            "for each epoch, for each batch:  p <- p - lr / batch_size * gradient of the sum of its losses"
        ),
        template='''
def train_ch3(net, train_iter, test_iter, loss, num_epochs, batch_size, params, lr):
    """Return a list with (train loss, train accuracy, test accuracy) for each epoch.

    train_iter and test_iter can be iterated over again and again, and yield (X, y); train_iter
    shuffles each time. net(X) returns probabilities (batch, classes); loss(y_hat, y) one loss for
    each example. params have gradients attached.
    """
    raise NotImplementedError
''',
        steps=(
            "an epoch of one batch",
            "three batches of one size",
            "a shorter last batch",
            "four epochs",
            "trained on images",
        ),
        hints=(
            "You have written the parts: sgd, accuracy, evaluate. The loop puts them together.",
            (
                "Record net and loss, go backward from the losses (their sum, that is), step, and add "
                "up the sums."
            ),
            (
                "total += losses.sum().asscalar(); examples += len(y); at the end of the epoch divide "
                "by examples."
            ),
        ),
        mistakes={
            "no steps": "The parameters never change. Are they updated, in place, after backward()?",
            "kept batches": (
                "Every epoch goes through the batches of the first, in their order. Iterate over train_iter "
                "itself in each epoch: it shuffles."
            ),
            "mean": (
                "The gradient is that of the mean loss and divided by batch_size once more. Go "
                "backward from the losses themselves."
            ),
            "not divided": "The gradient of the sum is not divided by batch_size.",
            "mean of means": (
                "Loss and accuracy are means over the batches, so that the shorter one counts too "
                "much. Add up over examples."
            ),
            "after the step": (
                "The training accuracy is measured after the step of each batch. Use the y_hat from "
                "before it."
            ),
            "tests on training data": "The test accuracy is that of the training data. Pass test_iter.",
            "one epoch": "Only one epoch is trained. Is `return` inside the loop over epochs?",
            "sum": "The training loss is a sum. Divide it by the number of examples.",
        },
        commentary=(
            "This is the loop that all of this project's chapters share, less what it has for "
            "schedules, penalties and interruptions: compare d2l_repro/train/loop.py."
        ),
        phrases={
            "result": "What train_ch3 returns",
            "after an epoch": "{name} after {number} epoch",
            "after epochs": "{name} after {number} epochs",
            "epochs": "the number of epochs in what train_ch3 returns",
            "row": "the row of epoch {number}",
            "train loss": "train loss",
            "train accuracy": "train accuracy",
            "test accuracy": "test accuracy",
            "number": "the {name} of epoch {number}",
        },
    ),
    "distinct_units": Text(
        title="What becomes of units that begin alike?",
        section="3.15",
        task=(
            "What happens if all hidden units begin with the same weights? Settle it: train a "
            "perceptron (ReLU, softmax, mean cross-entropy) by gradient descent on all examples, "
            "`steps` times, and return how many different hidden units there are at the end. A unit is "
            "its column of W1, its bias and its row of W2. Round to 5 decimal places. You may change the "
            "arrays in place."
        ),
        formula="p <- p - lr dl/dp",
        template='''
def distinct_units(W1, b1, W2, b2, X, y, lr, steps):
    """Return a whole number.

    W1 is (inputs, hiddens), b1 (hiddens,), W2 (hiddens, classes), b2 (classes,);
    X is (batch, inputs), y (batch,).
    """
    raise NotImplementedError
''',
        steps=(
            "six units that differ",
            "six that begin as one",
            "eight that begin as three",
            "units that training tells apart",
        ),
        hints=(
            "Put a unit's numbers into one row of a matrix with a row for each unit.",
            (
                "np.unique(matrix, axis=0) keeps one of each row. Round first, as sums in another "
                "order differ slightly."
            ),
            "np.concatenate([W1, b1[None], W2.T]).T, in NumPy's arrays",
        ),
        mistakes={
            "all units": "This is the number of hidden units. Count those that differ.",
            "inputs": "These are different rows of W1, which belong to inputs. A unit is a column.",
            "elements": "This is the number of weights. Count units.",
            "pairs": "This is one too few: the first unit counts, too.",
            "untrained": "This is the number at the beginning. Train first, then count.",
            "columns of W1": "These are the different columns of W1. A unit has its row of W2, too.",
        },
        commentary=(
            "Units that are equal have equal gradients. So eight that begin as three stay three, and the net "
            "has no more use of them than of three, which is why weights begin at random. For softmax "
            "regression zeros do, as each output has its own label."
        ),
        phrases={
            "call": "distinct_units(...) of {hiddens} units that begin as {distinct}, after {steps} steps,",
            "tiny": "distinct_units(...) of six units that begin within 1e-5 of 0, after 100 steps,",
            "outputs differ": (
                "distinct_units(...) of six units that begin with the same column of W1 and different "
                "rows of W2, without a step,"
            ),
        },
    ),
}
