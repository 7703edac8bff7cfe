"""Texts of the exercises on the multilayer perceptron."""

from ..texts import Text

TEXTS = {
    "relu": Text(
        title="The rectified linear unit",
        section="3.8",
        task="Replace every negative number by 0, in an array of any shape.",
        formula="relu(x) = max(x, 0)",
        template='''
def relu(X):
    """Return an array in the shape of X."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "gradient",
        ),
        hints=(
            (
                "X.max() is one number, the largest of all. You need the larger of two numbers for "
                "each element."
            ),
            "nd.maximum compares element by element, also with a number.",
            "nd.maximum(X, 0)",
        ),
        mistakes={
            "absolute": (
                "Negative numbers keep their size: this is the absolute value. They should become 0."
            ),
            "smaller": "You keep the negative numbers and drop the positive ones. Take the maximum with 0.",
            "mask": "You return 1 where X is positive. Return X itself there.",
            "at least 1": "The maximum is taken with 1. Take it with 0.",
            "leaky": (
                "Negative numbers are multiplied by a small slope, which is leaky ReLU. They should become 0."
            ),
            "one number": (
                "You return the largest number of the array. Compare element by element: nd.maximum."
            ),
        },
        commentary=(
            "At 0 there is no derivative. Autograd takes 1 there for `maximum`, Gluon's relu takes 0; "
            "only where biases begin at 0 and inputs are 0, too, does it matter."
        ),
    ),
    "mlp_forward": Text(
        title="A perceptron with a hidden layer",
        section="3.9",
        task=(
            "Compute the logits of a net with one hidden layer. X may be a batch of images: flatten "
            "them first."
        ),
        formula="""H = relu(X W1 + b1)
O = H W2 + b2""",
        template='''
def mlp_forward(X, W1, b1, W2, b2):
    """Return logits, (batch, outputs).

    X is (batch, ...), with `inputs` numbers for each example; W1 is (inputs, hiddens),
    b1 (hiddens,), W2 (hiddens, outputs), b2 (outputs,).
    """
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
            "images",
            "gradients",
        ),
        hints=(
            "X.reshape((len(X), -1)) makes a row of each image.",
            "The activation comes after the first bias and before the second product, and nowhere else.",
            "H = nd.maximum(nd.dot(X, W1) + b1, 0); nd.dot(H, W2) + b2",
        ),
        mistakes={
            "no activation": "The activation is missing, so that the two layers are one linear layer.",
            "activated output": (
                "ReLU is applied to the output as well. Logits may be negative: return them as they are."
            ),
            "bias after": (
                "b1 is added after ReLU. Add it before, so that it moves the corner of each unit."
            ),
            "no b1": "The bias of the hidden layer, b1, is missing.",
            "no b2": "The bias of the output layer, b2, is missing.",
            "sigmoid": "The hidden layer has a sigmoid. It should have ReLU.",
            "not flattened": "Images are not made rows. Before the product: X.reshape((len(X), -1)).",
            "softmax": "You return probabilities. Return the logits; the loss applies softmax.",
        },
        commentary=(
            "Without the activation the net could do no more than softmax regression: see exercise collapse."
        ),
    ),
    "mlp_backward": Text(
        title="The gradients of a perceptron, by hand",
        section="3.14",
        task=(
            "Return the gradients of the mean cross-entropy of mlp_forward's logits, without autograd. "
            "The book asks for those of the biases, too."
        ),
        formula="""dO = (softmax(O) - onehot(y)) / |B|
dW2 = H' dO,  db2 = sum of the rows of dO,  dH = dO W2'
dZ = dH where Z > 0, with Z = X W1 + b1
dW1 = X' dZ,  db1 = sum of the rows of dZ""",
        template='''
def mlp_backward(X, y, W1, b1, W2, b2):
    """Return dW1, db1, dW2, db2, in the shapes of W1, b1, W2, b2.

    X is (batch, inputs); y, (batch,), are the true classes; the others are as in mlp_forward.
    """
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "gradients",
            "the same path for 50 steps on exclusive or",
        ),
        hints=(
            "Compute forward first and keep H. Then go back through the lines in reverse order.",
            (
                "A gradient has the shape of its parameter, which leaves one way to order and "
                "transpose each product."
            ),
            "dO = (softmax(O) - nd.one_hot(y, classes)) / len(X); dZ = nd.dot(dO, W2.T) * (H > 0)",
        ),
        mistakes={
            "no mask": "The gradient passes ReLU even where its output is 0. Multiply dH by (H > 0).",
            "at zero": ("The gradient passes ReLU where Z is exactly 0. By convention it is 0 there: Z > 0."),
            "no one-hot": (
                "The gradient of the logits is softmax alone. Subtract 1 for the true class of each example."
            ),
            "sum": (
                "These are the gradients of the sum of the losses. Divide by the batch size for the mean."
            ),
            "sign": "All gradients have the opposite sign. It is softmax(O) minus one-hot.",
            "masked output": (
                "The gradient of the logits is masked as for ReLU, which the output does not have."
            ),
            "mean of biases": (
                "The gradient of a bias is the sum over the batch; the division by the batch size is "
                "in dO already."
            ),
        },
        commentary=(
            "Each line of the forward pass has one line here, in reverse. (H > 0) serves as the mask "
            "as well as (Z > 0) does, so that Z need not be kept."
        ),
        phrases={
            "gradient": "a gradient",
        },
    ),
    "collapse": Text(
        title="Two layers without activation are one",
        section="3.8",
        task=(
            "The book asks what a perceptron is without its activation. Settle it: return the weights "
            "and the bias of a single linear layer whose outputs are those of the two layers, for "
            "every input."
        ),
        formula="X W + b = (X W1 + b1) W2 + b2",
        template='''
def collapse(W1, b1, W2, b2):
    """Return W (inputs, outputs) and b (outputs,).

    W1 is (inputs, hiddens), b1 (hiddens,), W2 (hiddens, outputs), b2 (outputs,).
    """
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "layers of equal size",
            "layers of other sizes",
        ),
        hints=(
            "Multiply the right side of the formula out.",
            "What multiplies X is W; what is left is b.",
            "W = W1 W2; b = b1 W2 + b2",
        ),
        mistakes={
            "b1 not multiplied": (
                "b1 passes through the second layer, too: multiply it by W2 before you add b2."
            ),
            "no b1": "The bias of the first layer is lost: b = b1 W2 + b2.",
            "no b2": "The bias of the second layer is lost: b = b1 W2 + b2.",
            "order": "The weights are multiplied in the wrong order. X meets W1 first: W = W1 W2.",
        },
        commentary=(
            "So depth adds nothing without an activation, except that W has at most as many "
            "independent rows as there are hidden units."
        ),
    ),
}
