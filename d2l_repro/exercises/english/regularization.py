"""Texts of the exercises on overfitting, weight decay and dropout."""

from ..texts import Text

TEXTS = {
    "polynomial_features": Text(
        title="Powers as features",
        section="3.11",
        task="Return the powers of x from 1 to a degree, so that a linear model of them is a polynomial.",
        formula="x -> x, x^2, ..., x^degree",
        template='''
def polynomial_features(x, degree):
    """Return features, (batch, degree), for x (batch, 1)."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "values",
        ),
        hints=(
            "One column for each power. nd.concat puts arrays side by side with dim=1.",
            "The power 0 would be a column of ones, which the bias of the model makes unnecessary.",
            "nd.concat(*[x ** i for i in range(1, degree + 1)], dim=1)",
        ),
        mistakes={
            "from 0": (
                "The powers run from 0 to degree - 1. Begin with 1 and include the last: range(1, "
                "degree + 1)."
            ),
            "one too many": "There is a column of ones too many, x^0. Begin with x^1.",
            "one too few": "The last power is missing: range excludes its end.",
            "reversed": "The columns are in the reverse order. The lowest power comes first.",
            "rows": "Each power is a row. Make it a column: dim=1.",
            "multiples": "These are multiples of x, i * x. Take powers: x ** i.",
        },
        commentary="The model stays linear in its weights, which is all that linear regression asks for.",
    ),
    "training_loss": Text(
        title="Can the training loss be 0?",
        section="3.11",
        task=(
            "The book asks whether a polynomial can fit its training data without error. Measure it: "
            "return the training loss of the best polynomial of a degree. x, y and the result are "
            "NumPy's. Step 2 has as many coefficients as examples."
        ),
        formula="min over c of 1/n sum_i (c_0 + c_1 x_i + ... + c_d x_i^d - y_i)^2 / 2",
        template='''
def training_loss(x, y, degree):
    """Return a number; x and y are NumPy arrays, (examples,)."""
    raise NotImplementedError
''',
        steps=(
            "20 examples",
            "as many coefficients as examples",
        ),
        hints=(
            "np.vander(x, degree + 1) has a column for each power, the power 0 included.",
            "np.linalg.lstsq(columns, y, rcond=None)[0] are the best coefficients.",
            "((columns @ coefficients - y) ** 2).mean() / 2",
        ),
        mistakes={
            "no constant": "The polynomial has no constant term. Add a column of ones.",
            "no half": "The factor 1/2 is missing.",
            "degree too low": (
                "The highest power is missing: a polynomial of degree d has d + 1 coefficients."
            ),
            "degree too high": (
                "There is a power too many: a polynomial of degree d has d + 1 coefficients."
            ),
            "sum": "This is the sum over the examples. Return the mean.",
            "root": "This is the root of the mean squared error. Return half the mean square.",
        },
        commentary=(
            "So the answer is yes, from degree n - 1 on, noise and all; and the test loss shows what "
            "it is worth."
        ),
    ),
    "l2_penalty": Text(
        title="The penalty of weight decay, and its gradient",
        section="3.12",
        task="Return half the squared length of w, and the gradient of that.",
        formula="penalty = |w|^2 / 2",
        template='''
def l2_penalty(w):
    """Return a number, or an array of one number, for w of any shape."""
    raise NotImplementedError


def l2_gradient(w):
    """Return the gradient of l2_penalty w.r.t. w, in the shape of w. No autograd is needed."""
    raise NotImplementedError
''',
        steps=(
            "values of l2_penalty",
            "shape of l2_gradient",
            "values of l2_gradient",
        ),
        hints=(
            "Square each element, sum, halve.",
            "The derivative of w_i^2 / 2 with respect to w_i is short.",
            "(w ** 2).sum() / 2, and w itself",
        ),
        mistakes={
            "no half": "The factor 1/2 is missing; with lambda it would be a decay twice as strong.",
            "norm": "This is the length of w. Return half of its square: no root.",
            "l1": "This is the sum of absolute values, the L1 norm. Square the elements.",
            "mean": (
                "This is a mean over the elements. Take the sum, so that each weight decays alike in "
                "any layer."
            ),
            "twice": "This is the gradient of |w|^2. With the factor 1/2 it is w.",
            "half": "The half cancels with the 2 of the derivative: the gradient is w, not w / 2.",
            "signs": "This is the gradient of the L1 norm. That of the squares is w.",
            "unit": "This is the gradient of the length |w|. That of half its square is w.",
        },
        commentary=(
            "As the gradient is w, a step of SGD multiplies w by 1 - lr * lambda: hence the name "
            "weight decay."
        ),
    ),
    "dropout": Text(
        title="Dropout in training and in testing",
        section="3.13",
        task=(
            "Drop each element with a probability while autograd.is_training(), and scale what is kept "
            "so that the expectation stays. In testing return X. The book asks what happens at a "
            "probability of 1; step 5 says."
        ),
        formula="x' = 0 with probability p, and x / (1 - p) otherwise",
        template='''
def dropout(X, drop_prob):
    """Return an array in the shape of X; drop_prob is from 0 to 1."""
    raise NotImplementedError
''',
        steps=(
            "shape",
            "in testing",
            "the share of zeros",
            "the scale of what is kept",
            "probabilities of 0 and 1",
        ),
        hints=(
            "autograd.is_training() says which of the two cases it is.",
            (
                "nd.random.uniform(0, 1, X.shape) < keep_prob is 1 with probability keep_prob, for "
                "each element anew."
            ),
            "mask * X / keep_prob; and zeros if keep_prob is 0, where the quotient does not exist",
        ),
        mistakes={
            "not scaled": (
                "What is kept is not scaled, so that activations are smaller in training than in "
                "testing. Divide by 1 - drop_prob."
            ),
            "by drop_prob": (
                "What is kept is divided by drop_prob. Divide by the probability of keeping, 1 - drop_prob."
            ),
            "exchanged": (
                "drop_prob is used as the probability of keeping. Keep with probability 1 - drop_prob."
            ),
            "in testing": "Elements are dropped in testing as well. Ask autograd.is_training() first.",
            "scaled in testing": (
                "X is scaled in testing. As what is kept was scaled in training, return X as it is."
            ),
            "one mask": "All examples have the same mask. Draw one in the shape of X.",
            "whole rows": "All elements of an example share one draw. Draw one for each element of X.",
            "same mask": (
                "Every call drops the same elements, as with a seed set inside the function. Draw a "
                "new mask in each call."
            ),
            "never": (
                "Nothing is dropped where autograd.is_training() is true. Is X multiplied by the mask, and "
                "is the test of is_training(), which is not is_recording(), the right way round?"
            ),
            "nan at 1": "At a probability of 1 this is 0 / 0. Return zeros in that case.",
        },
        commentary=(
            "Scaling in training, not in testing, leaves a net in testing that need not know of "
            "dropout at all. At a probability of 1 nothing passes: the layers before it learn nothing."
        ),
        phrases={
            "training": "{call} in training",
            "testing": "{call} in testing",
            "zeros in testing": "the share of zeros in testing",
            "factors in testing": "smallest and largest factor of what is not 0, in testing,",
            "zeros": "the share of zeros, of 20000 ones and drop_prob 0.3,",
            "rows": "the number of different rows of 200",
            "masks": "the number of different results of two calls with the same X",
            "factors": "smallest and largest factor of what is kept, at drop_prob 0.3,",
        },
    ),
}
