"""The scale on which each metric is compared, declared before anything is compared.

A value scatters about evenly to both sides on its scale: losses and norms by factors, so on a logarithm;
accuracies near 0 or 1 less than in the middle, so on the logit of the share.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# Relative error of a number that MXNet computed in single precision: two units in the last of its 24 digits.
SINGLE_PRECISION = 2.0**-22
_NORM = re.compile(r"norm_(bias_)?\d|l2_norm")  # of a layer's gradient, or of weights
_LOG_SUFFIXES = ("_loss", "_rmse", "_mse", "_perplexity", "_std", "longest_copy")


# Runs that end before they have converged, so that a few lie far off, or all in one of two places: (chapter,
# first word of their name). They are judged by ranks, which need many runs but no distribution.
RANKED = {("house_prices", "article"), ("two_moons", "1"), ("two_moons", "2")}

# Numbers of runs that leave a plateau in this epoch with some seeds, and later with others: they lie in two
# places, which no mean and standard deviation describe, and 199 runs would take hours. (chapter, variant) ->
# beginnings of their names.
BIMODAL = {("batch_norm", "no batch norm"): ("epoch2_", "epoch3_")}


# Smallest and largest value that a metric can have, by the end of its name. The lines that recurrent nets
# write have 52 characters, of which the text has at least the first two.
LIMITS = {"_acc": (0.0, 1.0), "longest_copy": (2.0, 52.0)}
_POOLED = ("_acc", "_perplexity", "longest_copy")

# Variants that take too long for ten seeds each, in groups that scatter alike on a metric's scale and share
# one standard deviation: chapter -> groups. Losses are not pooled: all nets of a seed end on the same batch,
# so that its losses are no draws of their own; nor are differences, which have variants in common.
SIBLINGS = {
    "mnist_regularization": (
        (
            "baseline", "constant lr", "no moving average", "decay 0.96", "L2 1e-3", "L2 5e-4", "L2 3e-4",
            "L2 5e-5", "L1 1e-4", "L1 1e-5", "elastic 1e-4 + 1e-7", "width 1000", "leaky ReLU",
        ),
        # without an L2 penalty, with dropout or Adam
        (
            "no regularizer", "L1 1e-6", "L1 1e-7", "Adam", "Adam decayed", "Adam 1e-4", "dropout only",
            "dropout + L1 + L2",
        ),
    ),
    "rnn": (("random sampling", "adjacent sampling", "ReLU, two biases"),),
    "gru": (("reset first", "reset last"),),
    "lstm": (("one bias", "two biases"),),
}  # fmt: skip


def siblings(chapter: str, run: str, metric: str) -> tuple[str, ...]:
    """Return what values have in common that share a standard deviation; () for a value with its own.

    Args:
        chapter: name of the chapter.
        run: label of our run.
        metric: name of the metric.
    """
    variant = _variant(run)
    for group in SIBLINGS.get(chapter, ()):
        # an accuracy on the way scatters like the last
        if variant in group and metric.endswith(_POOLED):
            return group[0], re.sub(r"^step_\d+_", "", metric)
    return ()


def is_ranked(chapter: str, run: str) -> bool:
    """Return whether a published run is judged by ranks.

    Args:
        chapter: name of the chapter.
        run: label of our run, or the name in published.csv.
    """
    return (chapter, _variant(run).partition(" ")[0]) in RANKED


def is_bimodal(chapter: str, run: str, metric: str) -> bool:
    """Return whether a number lies in one of two places, by the seed; arguments are those of `siblings`."""
    return metric.startswith(BIMODAL.get((chapter, _variant(run)), ()))


def limits(metric: str) -> tuple[float, float] | None:
    """Return the smallest and the largest value that a metric can have; None if they are not known."""
    return next((ends for name, ends in LIMITS.items() if metric.endswith(name)), None)


def _variant(run: str) -> str:
    return " ".join(word for word in run.split() if word not in ("scratch", "gluon"))


@dataclass(frozen=True)
class Scale:
    """A monotonic scale for values of a metric.

    Attributes:
        name: "log", "logit" or "identity".
        examples: for an accuracy, the number of examples that it is a share of.
    """

    name: str
    examples: int = 0

    def to(self, value: float) -> float:
        """Return the value's place on the scale; NaN for a value that has none, such as the log of 0."""
        if not math.isfinite(value):
            return math.nan
        if self.name == "log":
            return math.log(value) if value > 0 else math.nan
        if self.name == "logit":
            # log((k + 1/2) / (n - k + 1/2)), finite for all k of n examples that are right
            right = value * self.examples
            return math.log((right + 0.5) / (self.examples - right + 0.5)) if 0 <= value <= 1 else math.nan
        return value

    def back(self, place: float) -> float:
        """Return the value at a place on the scale."""
        if self.name == "log":
            return math.exp(min(place, 700.0))
        if self.name == "logit":
            share = 0.5 * (1 + math.tanh(place / 2))  # 1 / (1 + exp(-place)), which cannot overflow
            return min(max(((self.examples + 1) * share - 0.5) / self.examples, 0.0), 1.0)
        return place

    def resolution(self, place: float) -> float:
        """Return the smallest standard deviation that can be told from none at a place on the scale.

        It is one example for an accuracy, and the rounding of single precision for anything else.
        """
        if self.name == "logit":
            # half of what one example more and one less are apart
            value, step = self.back(place), 1 / self.examples
            return (self.to(min(value + step, 1.0)) - self.to(max(value - step, 0.0))) / 2
        return SINGLE_PRECISION if self.name == "log" else SINGLE_PRECISION * abs(place)


def scale_of(metric: str, examples: int = 0) -> Scale:
    """Return the scale that is declared for a metric.

    Args:
        metric: its name, as in the runs' metrics.
        examples: for an accuracy, the number of examples that it is a share of.
    """
    if metric.endswith("_acc") and examples:
        return Scale("logit", examples)
    if _NORM.match(metric) or metric.endswith(_LOG_SUFFIXES):
        return Scale("log")
    return Scale("identity")
