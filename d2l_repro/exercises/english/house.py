"""Texts of the exercises on the house prices."""

from ..texts import Text

TEXTS = {
    "k_fold": Text(
        title="Folds for cross-validation",
        section="3.16",
        task=(
            "Split the numbers 0 ... n - 1, in any order, into k folds, and return for each fold the "
            "numbers of the "
            "other folds, to train on, and its own, to validate on. All examples are used, also where "
            "k does not divide n; the sizes of the folds differ by at most 1."
        ),
        formula="valid_1, ..., valid_k cut 0 ... n - 1 into k pieces; train_i is all but valid_i",
        template='''
def k_fold(n, k):
    """Return a list of k pairs (train, valid) of lists or arrays of numbers from 0 to n - 1."""
    raise NotImplementedError
''',
        steps=(
            "12 examples in 3 folds",
            "14 examples in 4 folds",
            "as many folds as examples",
        ),
        hints=(
            "n // k examples a fold leave n % k over. Where do they go?",
            "np.array_split(np.arange(n), k) cuts into pieces whose sizes differ by at most 1.",
            "train = np.concatenate(folds[:i] + folds[i + 1:])",
        ),
        mistakes={
            "rest left out": "n // k examples a fold leave the last n % k out. Spread them over the folds.",
            "rest in last": (
                "The last fold gets all that is left over. Spread it: sizes should differ by at most 1."
            ),
            "trains on all": (
                "The model trains on the fold that validates it, too. Leave that fold out of train."
            ),
            "trains on one": (
                "Each model trains on a single other fold. Join all folds but the one that validates."
            ),
            "exchanged": "train and valid are exchanged. The single fold is the one to validate on.",
            "one too few": "There are k - 1 pairs. Each of the k folds validates once.",
        },
        commentary=(
            "Leaving n % k examples out is common and does little harm with 1460 houses; with few "
            "examples it does."
        ),
        phrases={
            "no pair": "{call} has {found} in it; expected pairs (train, valid).",
            "indices": "indices in k_fold",
            "endless": "{call} gives more than {number} pairs. Does it ever end?",
            "pairs": "the number of pairs in {call}",
            "never": "the number of examples that {call} never validates on",
            "more than once": "the number of examples that {call} validates on more than once",
            "both": "the number of examples that {call} both trains and validates on, over all folds,",
            "neither": "the number of examples that {call} uses for neither, over all folds,",
            "uneven": "the largest less the smallest fold of {call}, as far as that is more than 1,",
        },
    ),
    "log_rmse": Text(
        title="The error of the logarithm",
        section="3.16",
        task=(
            "Return the root mean squared error of the logarithms of prices. Predictions below 1 count "
            "as 1, as a model may predict what has no logarithm."
        ),
        formula="sqrt(1/n sum_i (log max(y_hat_i, 1) - log y_i)^2)",
        template='''
def log_rmse(predictions, labels):
    """Return a number, for predictions (examples, 1) and labels (examples,)."""
    raise NotImplementedError
''',
        steps=(
            "values",
            "predictions below 1",
        ),
        hints=(
            "Clip first, then take logarithms, then the error.",
            "Predictions are a column, labels are not: give them the same shape.",
            (
                "d = nd.maximum(predictions, 1).log() - labels.reshape(predictions.shape).log(); (d ** "
                "2).mean().sqrt()"
            ),
        ),
        mistakes={
            "no root": "The root is missing: this is the mean squared error.",
            "no log": (
                "The logarithm is missing, so that an expensive house counts for more than a cheap one."
            ),
            "half": "The 1/2 of the squared loss is left in. Multiply by 2 before the root.",
            "sum": "This is the root of a sum. Take the mean over the examples.",
            "base 10": "These are logarithms to base 10. Use the natural one.",
            "absolute": "This is the mean absolute error. Square, take the mean, then the root.",
            "every pair": (
                "A column less a row compares every prediction with every label. Reshape the labels."
            ),
            "not clipped": "The logarithm of a negative prediction is nan. Take predictions below 1 as 1.",
            "clipped at 0": "The logarithm of 0 is infinite. Clip at 1, not at 0.",
        },
        commentary="An error of 0.1 is about 10 percent of the price, at any price.",
    ),
    "standardize": Text(
        title="Standardizing without a leak",
        section="3.16",
        task=(
            "Give each column mean 0 and standard deviation 1, by what is known of the training set "
            "alone; then replace missing values, which are nan, by 0. A column that never changes in the "
            "training set is divided by 1 instead, so that it becomes 0 there. All arrays are NumPy's."
        ),
        formula="x <- (x - mean) / std, with mean and std of the training set, std divided by n",
        template='''
def standardize(train, test):
    """Return both tables, (train examples, columns) and (test examples, columns), standardized."""
    raise NotImplementedError
''',
        steps=(
            "shapes",
            "values",
            "missing values",
            "a column that never changes",
        ),
        hints=(
            (
                "Statistics of the test set are not known when the model is built: use those of train "
                "for both."
            ),
            "np.nanmean and np.nanstd pass over missing values. axis=0 is down the columns.",
            "np.where(std > 0, std, 1) keeps a constant column from dividing by 0.",
        ),
        mistakes={
            "leaks": (
                "Mean and standard deviation are those of both tables together, so that the test set "
                "leaks into training. Compute them from train."
            ),
            "own statistics": (
                "The test set is standardized by its own statistics, so that equal values mean "
                "different things in the two tables. Use those of train."
            ),
            "n - 1": "The standard deviation divides by n - 1, as pandas does. NumPy's std divides by n.",
            "not centred": "The mean is not subtracted.",
            "whole table": (
                "Mean and standard deviation are those of the whole table. Take them down each column: "
                "axis=0."
            ),
            "filled first": (
                "Missing values are filled before the statistics are taken and count as zeros in them. "
                "Standardize first; then 0 is the mean."
            ),
            "not filled": "Missing values are still nan. Replace them by 0 at the end.",
            "mean first": (
                "Missing values are replaced by the mean before the standard deviation is taken, which makes "
                "it smaller. Take it of the values that are there."
            ),
            "constant": "A column with standard deviation 0 is divided by 0. Divide it by 1 instead.",
        },
        commentary=(
            "The book standardizes over both tables together, as a competition allows; in practice the "
            "test set is not there yet."
        ),
    ),
}
