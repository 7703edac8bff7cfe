"""XOR: a net of three units and everything that can be changed about it, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A hundred points of a square belong to class 1 where exactly one coordinate is positive, so no line
separates the two classes. A hidden layer of three units may learn this in 500 steps of 8 points. Then one
thing is changed at a time: activation, loss, batch, width, depth, learning rate, bias, optimizer.

The article's cross-entropy has one side only, -y log p: nothing tells the net that a point of class 0 should
get a low p. So it learns to answer 1 everywhere. Its loss falls to 0 while the squared error rises to the
share of zeros, and what the article compares is how fast a net learns to say 1: a second linear layer makes
that faster, and a hidden activation slower, though with ReLU not for every seed. Each of its nets is trained
twice: "one-sided" with the article's loss, which from scratch gives all of its numbers, and with Gluon all
but those of the hidden activation and of AdaGrad; and "whole" with both sides, where linear hidden layers end
near a squared error of 0.25, that of guessing, and neither learning rate nor optimizer helps. At a learning
rate of 1000 the article prints a loss of 8.289306640625: 36 of 100 points are of class 1 and have a p below
1e-10, where the logarithm is clipped and has no slope any more. Whether a learning rate of 10 or more ends
like that or at 0 is luck, the article's "straight to 0" for 10 and 100 included.

The article does not name its hidden activation. ReLU is taken for it, and a table has the losses with ReLU,
sigmoid and tanh beside the printed ones, of which the last is 0.0029. Half of the nets with ReLU end below
0.0006, with tanh below 0.0014 and with sigmoid below 0.0018, which is nearest; but of those with ReLU, whose
units may be off from the start, about one in seven ends above 0.0029, and of the others hardly any. So the
numbers do not tell which it was.

With the whole cross-entropy, ReLU and only three units, much depends on luck: four of ten runs separate the
classes, with a test accuracy above 0.9 (five seeds, scratch and Gluon). Expect this order, but not these
digits: all ten succeed with eight units and six with four; six or seven with Adam and RMSProp. With the whole
training set as one batch, five succeed in the same number of steps, but none in the same number of examples.
None succeeds without an activation, which leaves the accuracy at 0.57, nor with sigmoids in 500 steps, nor
with two units. Learning rates of 10 and more move the weights so far that every ReLU outputs 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Optional

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import minibatches, split_points
from d2l_repro.data.synthetic import quadratic_points, xor_points
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import CONCLUSIONS
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_number, in_words
from d2l_repro.results.history import History
from d2l_repro.results.printed import printed_numbers
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import correct_sign, normal, sigmoid_cross_entropy, squared_loss
from d2l_repro.scratch.counterparts import GLUON_ACTIVATIONS, OPTIMIZERS, LogisticLoss, OptimizerPair
from d2l_repro.scratch.layers import Activation, Affine, Network, gradients_by_hand
from d2l_repro.scratch.optim import AdaGrad, Momentum, RMSProp
from d2l_repro.settings import Count, Options, Positive
from d2l_repro.train import evaluate, train_ch3
from d2l_repro.train.callbacks import BestModel
from d2l_repro.train.parameters import state_arrays

NUM_VALID, NUM_TEST = 100, 1000
CHANCE = 0.5  # accuracy of guessing
CURVE_LR = 0.3  # learning rate on the quadratic function; at 0.1 batches of 1 cost nothing yet
PRINTED_STEPS = (50, 100, 350, 400, 450, 500)  # after which the article prints, or speaks of, a loss
CLIP = 1e-10  # smallest p whose logarithm the article takes
ONE_SIDED, WHOLE = "one-sided", "whole"
CONTROL = "three linear units"  # the net that all others of the article are compared with
UNNAMED = ("ReLU", "sigmoid", "tanh")  # what the article's hidden activation may be
# the names of these nets with the whole cross-entropy, in the comparison of activations
WHOLES = {"ReLU": "three units, ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}
PAIRED = "The article's loss and the whole cross-entropy, after the last step"
ACTIVATIONS = "A hidden activation that the article does not name"
QUADRATIC = "A quadratic function and the size of batches"
REGIONS = (  # nets whose decision regions are drawn
    f"{ONE_SIDED} {CONTROL}",
    f"{WHOLE} {CONTROL}",
    f"{ONE_SIDED} ReLU",
    "three units, ReLU",
    "tanh",
    "hidden 8",
    "hidden 3-2",
    "adam",
)
CURVES = (  # nets whose loss does not reach 0
    CONTROL,
    *UNNAMED,
    "all at once",
    "hidden 4",
    "hidden 3-2",
    "hidden 2-2",
    "3-2 lr=1",
    "momentum 0.5",
    "AdaGrad",
)
COMPARED = (  # nets whose paths are compared; the others differ from one of them in a number only
    f"{ONE_SIDED} {CONTROL}",
    *(f"{ONE_SIDED} {name}" for name in UNNAMED),
    f"{ONE_SIDED} linear output",
    f"{ONE_SIDED} hidden 3-2",
    f"{ONE_SIDED} momentum 0.5",
    "three units, ReLU",
    "sigmoid",
    "tanh",
    "squared loss",
    "hidden 3-2",
    "no bias",
    "nesterov",
    "adam",
    "quadratic, batch 1",
)
OPTIMIZER_PAIRS = {
    **OPTIMIZERS,
    "momentum 0.5": OptimizerPair(Momentum, {"rho": 0.5}, "sgd", {"momentum": 0.5}),
    # TensorFlow's AdaGrad starts its sums at 0.1, which is the same as an epsilon of 0.1 inside the root.
    "adagrad, from 0.1": OptimizerPair(
        AdaGrad, {"epsilon": 0.1}, "adagrad", {"eps": 0.1}, state_in_double=False
    ),
    "rmsprop 0.5": OptimizerPair(RMSProp, {"rho": 0.5}, "rmsprop", {"gamma1": 0.5}, state_in_double=False),
}


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_epochs: Count = 20  # evaluations during training
    steps: Count = 25  # batches between two evaluations
    batch_size: Count = 8  # examples per step
    lr: Positive = 0.5  # learning rate of SGD
    num_train: Count = 100  # training examples; there are 100 more for validation and 1000 for testing
    sigma: Positive = 1.0  # standard deviation of the initial weights


@dataclass(frozen=True)
class Setting(HParams):
    """Settings of one run; the defaults give the net 2-3-1."""

    hidden: tuple[int, ...] = (3,)  # units of each hidden layer
    activation: Optional[str] = "relu"  # of the hidden layers; None for none
    bias: bool = True  # whether the layers have one
    # logistic: the whole cross-entropy, of a logit; the others are of p, the net's output
    loss: Literal["logistic", "one-sided", "squared"] = "logistic"
    output: Literal["sigmoid", "linear"] = "sigmoid"  # what makes p of the last layer's output
    optimizer: str = "sgd"  # name in `OPTIMIZER_PAIRS`
    task: Literal["xor", "quadratic"] = "xor"


def data(hp: Setting, options: Options) -> Data:
    """Return X (batch, 2) and y (batch,), 0 or 1, in batches that are counted in steps.

    The quadratic function has X (batch, 1) and any y.
    """
    num_examples = hp.num_train + NUM_VALID + NUM_TEST

    def is_correct(y_hat, y):  # a logit is above 0 where a probability is above 1/2
        return correct_sign(y_hat, y, threshold=0.0 if hp.loss == "logistic" else 0.5)

    if hp.task == "quadratic":
        splits = split_points(*quadratic_points(num_examples), hp.num_train, NUM_VALID, "a quadratic curve")
    else:
        splits = split_points(*xor_points(num_examples), hp.num_train, NUM_VALID, "XOR", is_correct)
    return minibatches(splits, hp.batch_size, options.seed, steps=hp.steps)


def one_sided_cross_entropy(p: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return the article's loss of each example: the cross-entropy without its second half.

    Args:
        p: outputs that stand for the probability of class 1, (batch, 1).
        y: 0 or 1, (batch,).

    Returns:
        losses, (batch,); 0 for every example of class 0.
    """
    # l = -y log p, where the whole would be -y log p - (1 - y) log(1 - p)
    return -y * p.reshape(y.shape).clip(CLIP, 1).log()


def one_sided_gradient(p: nd.NDArray, y: nd.NDArray) -> nd.NDArray:
    """Return the gradient of the sum of the article's losses w.r.t. p, (batch, 1)."""
    # dl/dp = -y / p within the clip's limits; outside the loss is constant
    return -y.reshape(p.shape) / p.clip(CLIP, 1) * (p >= CLIP) * (p <= 1)


class OneSidedLoss(gluon.loss.Loss):
    """Compute the article's loss in Gluon."""

    def __init__(self):
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(self, F, p, y):
        return -y * F.log(F.clip(F.reshape_like(p, y), CLIP, 1))


SCRATCH_LOSSES = {
    "logistic": (sigmoid_cross_entropy, "logistic"),
    "one-sided": (one_sided_cross_entropy, (one_sided_cross_entropy, one_sided_gradient)),
    "squared": (squared_loss, "squared"),
}
GLUON_LOSSES = {"logistic": LogisticLoss, "one-sided": OneSidedLoss, "squared": gluon.loss.L2Loss}


def outputs_probability(hp: Setting) -> bool:
    """Return whether the net ends with a sigmoid; the whole cross-entropy contains its own."""
    return hp.loss != "logistic" and hp.output == "sigmoid"


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build the net 2-3-1, affine - ReLU - affine, with the changes that the setting makes to it."""
    layers, inputs = [], data.source.train[0].shape[1]
    for units in (*hp.hidden, 1):
        W, b = normal((inputs, units), hp.sigma), nd.zeros(units) if hp.bias else None
        layers += [Affine(W, b, first=not layers), *([Activation(hp.activation)] if hp.activation else [])]
        inputs = units
    if hp.activation:
        layers.pop()  # there is none behind the last layer, (batch, 1)
    if outputs_probability(hp):
        layers.append(Activation("sigmoid"))  # (batch, 1), the probability of class 1
    net = Network(layers)
    loss, derived = SCRATCH_LOSSES[hp.loss]
    trainer = OPTIMIZER_PAIRS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, loss, net.params, trainer, gradients=gradients_by_hand(net, derived))


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon."""
    net = nn.HybridSequential()
    for units in hp.hidden:
        net.add(nn.Dense(units, use_bias=hp.bias))
        if hp.activation:
            net.add(GLUON_ACTIVATIONS[hp.activation]())
    net.add(nn.Dense(1, use_bias=hp.bias))
    if outputs_probability(hp):
        net.add(nn.Activation("sigmoid"))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    params = net.collect_params()
    trainer = OPTIMIZER_PAIRS[hp.optimizer].with_gluon(params, hp.lr)
    return Model(net, GLUON_LOSSES[hp.loss](), params, trainer)


def article_scores(model: Model, data: Data, hp: Setting) -> dict:
    """Return what the article prints, measured on all training points, and the share that gets a 1."""
    X, y = data.source.train

    def probability():  # (examples, 1)
        return nd.sigmoid(model.net(X)) if hp.loss == "logistic" else model.net(X)

    return {
        "one_sided_loss": lambda: one_sided_cross_entropy(probability(), y).mean(),
        "mse": lambda: ((probability()[:, 0] - y) ** 2).mean(),
        "ones": lambda: (probability() > 0.5).mean(),
    }


def train(model: Model, data: Data, hp: Setting, callbacks=()) -> History:
    """Train, measuring all training points and the validation set after each epoch.

    With the whole cross-entropy, the parameters that were best on the validation set are restored. With the
    article's loss the last ones stay, as in the article.
    """
    valid, metrics, best = [data.source.valid], {}, []
    measure = {"valid_loss": lambda: evaluate(valid, model.net, model.loss)}
    if hp.task == "quadratic":
        X, y = data.source.train
        measure["mse"] = lambda: ((model.net(X)[:, 0] - y) ** 2).mean()
    else:
        is_correct = data.source.is_correct
        metrics["acc"] = is_correct
        measure["valid_acc"] = lambda: evaluate(valid, model.net, is_correct)
        measure.update(article_scores(model, data, hp))
        untrained = measure["one_sided_loss"]().asscalar().item()
        measure["step_0_loss"] = lambda: untrained
        if hp.loss != "one-sided":
            best.append(BestModel(state_arrays(model)))
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics=metrics,
        gradients=model.gradients,
        measure=measure,
        callbacks=[*best, *callbacks],
    )
    for callback in best:
        callback.restore()
    return history


def metrics(model: Model, data: Data, history: History) -> dict[str, float]:
    """Return loss and squared error after the steps that the article prints, and the scores in testing."""
    if "valid_acc" not in history[-1]:
        return {}
    found = {}
    for row in history:
        step = row["epoch"] * data.train_iter.steps
        if step in PRINTED_STEPS:
            found.update({f"step_{step}_loss": row["one_sided_loss"], f"step_{step}_mse": row["mse"]})
    if model.loss is one_sided_cross_entropy or isinstance(model.loss, OneSidedLoss):
        test = [data.source.test]
        return {**found, "test_acc": evaluate(test, model.net, data.source.is_correct)}
    return {**found, **comparison.best_epoch_metrics(model, data, history)}


def article_variants(hp: HParams) -> dict[str, Setting]:
    """Return the nets that the article trains, name -> setting, with the whole cross-entropy.

    It prints no learning rate for momentum, AdaGrad and RMSProp; they get that of the others.
    """
    control = Setting(**vars(hp), activation=None)
    deeper = control.replace(hidden=(3, 2))
    return {
        CONTROL: control,
        **{name: control.replace(activation=name.lower()) for name in UNNAMED},
        "linear output": control.replace(output="linear"),
        "all at once": control.replace(batch_size=hp.num_train),
        "hidden 4": control.replace(hidden=(4,)),
        "hidden 3-2": deeper,
        "hidden 2-2": control.replace(hidden=(2, 2)),
        **{f"3-2 lr={lr:g}": deeper.replace(lr=lr) for lr in (1.0, 10.0, 100.0, 1000.0)},
        "momentum 0.5": control.replace(optimizer="momentum 0.5"),
        "momentum 0.9": control.replace(optimizer="momentum"),
        "AdaGrad": control.replace(optimizer="adagrad, from 0.1"),
        "RMSProp 0.5": control.replace(optimizer="rmsprop 0.5"),
        "Adam": control.replace(optimizer="adam"),
    }


def variants(hp: HParams) -> dict[str, dict[str, Setting]]:
    """Return what is compared, title -> name -> setting: one thing is changed at a time."""
    hp = hp.replace(batch_size=min(hp.batch_size, hp.num_train))
    base = Setting(**vars(hp))
    whole = base.replace(batch_size=hp.num_train)
    as_many_examples = max(1, base.steps * base.batch_size // hp.num_train)
    article = article_variants(hp)
    # TensorFlow's mean squared error has no factor 1/2, so that its gradient is twice ours.
    squared = {f"squared loss lr={2 * hp.lr:g}": base.replace(loss="squared", lr=2 * hp.lr)}
    rates = {
        "momentum": 0.05,
        "nesterov": 0.05,
        "adagrad": 0.5,
        "rmsprop": 0.05,
        "adadelta": 1.0,
        "adam": 0.05,
    }
    curve = base.replace(task="quadratic", loss="squared", output="linear", hidden=(10,), lr=CURVE_LR)
    return {
        "One-sided loss": {
            f"{ONE_SIDED} {name}": setting.replace(loss="one-sided") for name, setting in article.items()
        },
        # A linear output has no cross-entropy with both sides; it gets the squared loss.
        "Whole cross-entropy": {
            f"{WHOLE} {name}": setting.replace(loss="squared" if setting.output == "linear" else "logistic")
            for name, setting in article.items()
            if name not in WHOLES  # which are in the next comparison
        },
        "Activation": {
            "three units, ReLU": base,
            "sigmoid": base.replace(activation="sigmoid"),
            "tanh": base.replace(activation="tanh"),
        },
        "Loss": {"squared loss": base.replace(loss="squared"), **squared},
        "Batch": {
            "all at once, as many examples": whole.replace(steps=as_many_examples),
            "all at once, as many steps": whole,
        },
        "Width and depth": {
            f"hidden {'-'.join(map(str, hidden))}": base.replace(hidden=hidden)
            for hidden in ((2,), (4,), (8,), (3, 2), (2, 2))
        },
        "Learning rate": {f"lr={lr:g}": base.replace(lr=lr) for lr in (1.0, 10.0, 100.0, 1000.0)},
        "Bias": {"no bias": base.replace(bias=False)},
        "Optimizer": {name: base.replace(optimizer=name, lr=lr) for name, lr in rates.items()},
        QUADRATIC: {
            "quadratic, batch 1": curve.replace(batch_size=1),
            f"quadratic, batch {hp.batch_size}": curve,
            "quadratic, all at once": curve.replace(batch_size=hp.num_train),
            "quadratic, all at once, as many examples as batch 1": curve.replace(
                batch_size=hp.num_train, num_epochs=1, steps=max(1, hp.num_epochs * hp.steps // hp.num_train)
            ),
        },
    }


def runs_with(name: str, hp: Setting) -> list[Run]:
    """Return the runs with one setting; paths are compared where a layer, a loss or an optimizer is new."""
    same_precision = OPTIMIZER_PAIRS[hp.optimizer].state_in_double
    both = {"scratch": from_scratch, "gluon": with_gluon}
    return runs_of(
        both, {name: hp}, compare_paths=name in COMPARED and same_precision, may_diverge=hp.lr >= 10
    )


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs of every comparison."""
    return {
        title: [run for name, setting in table.items() for run in runs_with(name, setting)]
        for title, table in variants(hp).items()
    }


# Conclusions of the article: name -> ((variant, metric), (variant, metric) to subtract).
DIFFERENCES = {
    "relu_minus_linear": (("ReLU", "step_500_loss"), (CONTROL, "step_500_loss")),
    "all_at_50_minus_batches_at_500": (("all at once", "step_50_loss"), (CONTROL, "step_500_loss")),
    "width_3_minus_4_at_50": ((CONTROL, "step_50_loss"), ("hidden 4", "step_50_loss")),
    "linear_minus_3_2": ((CONTROL, "step_500_loss"), ("hidden 3-2", "step_500_loss")),
}
# Name -> (variant, metric) of a loss that it calls 0.
ZEROS = {
    "momentum_at_50": ("momentum 0.9", "step_50_loss"),
    "rmsprop_at_100": ("RMSProp 0.5", "step_100_loss"),
    "adam_at_50": ("Adam", "step_50_loss"),
}
# Name -> ((variant, metric), (variant, metric)) of errors that differ by factors.
FACTORS = {
    "linear_output_against_sigmoid": (
        (f"{ONE_SIDED} linear output", "step_500_mse"),
        (f"{ONE_SIDED} {CONTROL}", "step_500_mse"),
    ),
    "quadratic_batch_1_against_all": (("quadratic, batch 1", "mse"), ("quadratic, all at once", "mse")),
}


def add_conclusions(result: Result) -> None:
    """Add a run `conclusions` to each implementation, with what the article concludes as numbers.

    A factor is given as its decimal logarithm.
    """
    for impl in dict.fromkeys(run.impl for run in result.runs):

        def value(variant, metric, impl=impl):
            run = result.find(impl, variant)
            return run.metrics.get(metric, math.nan) if run else math.nan

        found = {name: value(f"{ONE_SIDED} {variant}", metric) for name, (variant, metric) in ZEROS.items()}
        for name, ends in DIFFERENCES.items():
            one, other = (value(f"{ONE_SIDED} {variant}", metric) for variant, metric in ends)
            found[name] = one - other
        for name, ends in FACTORS.items():
            one, other = (value(variant, metric) for variant, metric in ends)
            found[name] = math.log10(one / other)
        found = {name: number for name, number in found.items() if not math.isnan(number)}
        if found:
            result.add(impl, CONCLUSIONS, found)


def clipped_loss(num_clipped: int, num_examples: int = 100) -> float:
    """Return the article's loss where that many examples of class 1 have a p below the clip.

    All others are of class 0, or have a p of 1.
    """
    y = nd.arange(num_examples) < num_clipped
    return one_sided_cross_entropy(nd.zeros((num_examples, 1)), y).mean().asscalar().item()


def show(result: Result, data: Data) -> None:
    """Add a table of both losses, one of all nets with the whole, the best first, curves and regions."""
    hp = HParams(**result.settings)
    tables = comparisons(hp)
    curves = {title: tables.pop(title) for title in ("One-sided loss", "Whole cross-entropy", QUADRATIC)}
    runs = comparison.all_runs(tables)
    title = "Every variant, the best first"
    comparison.tabulate(result, {title: runs}, comparison.best_epoch_row)
    metrics = {label: run.metrics for label, run in result.labelled().items()}
    result.tables[title].sort(
        key=lambda row: (-metrics[row["run"]].get("test_acc", 0), metrics[row["run"]].get("test_loss", 0))
    )
    result.tables[PAIRED] = list(paired_rows(result, hp))
    result.tables[ACTIVATIONS] = activation_rows(result)
    comparison.tabulate(result, {QUADRATIC: curves[QUADRATIC]}, quadratic_row)
    scores = ("one_sided_loss", "mse", "ones")
    for name in ("One-sided loss", "Whole cross-entropy"):
        drawn = [run for run in curves[name] if run.variant.partition(" ")[2] in CURVES]
        comparison.draw(result, {name: drawn}, "on XOR", scores, CHANCE)
    comparison.draw(result, {"Every variant": runs}, "on XOR", ("train_loss", "valid_acc"), CHANCE)
    comparison.draw(result, {"Quadratic": curves[QUADRATIC]}, "function", ("mse",))
    draw_regions(result, comparison.all_runs(comparisons(hp)))
    result.add("data", metrics={"loss_of_36_clipped": clipped_loss(36)})
    add_conclusions(result)


def paired_rows(result: Result, hp: HParams) -> Iterator[dict]:
    """Yield a row for each net of the article: what its loss ends with, and what both sides end with."""
    for impl in ("scratch", "gluon"):
        for name in article_variants(hp):
            row = {"net": f"{impl} {name}"}
            whole = WHOLES.get(name, f"{WHOLE} {name}")
            for kind, variant in ((ONE_SIDED, f"{ONE_SIDED} {name}"), (WHOLE, whole)):
                run = result.find(impl, variant)
                last = run.history[-1] if run and run.history else {}
                for column in ("one_sided_loss", "mse", "ones", "train_acc"):
                    form = ".2e" if column == "one_sided_loss" else ".3f"
                    row[f"{kind}: {column.replace('_', ' ')}"] = format_number(last.get(column), form)
            if result.find(impl, f"{ONE_SIDED} {name}") or result.find(impl, whole):
                yield row


def activation_rows(result: Result) -> list[dict]:
    """Return the losses that the article prints with a hidden activation, and those with each of ours.

    It is empty unless nets with one of them were trained for as many steps.
    """
    found = {
        run.name: run.metrics
        for run in result.runs
        if run.variant in [f"{ONE_SIDED} {name}" for name in UNNAMED] and "step_500_loss" in run.metrics
    }
    printed = printed_numbers(chapter.name)[f"scratch {ONE_SIDED} ReLU"]
    article = {metric: values[0] for metric, values in printed.items()}
    columns = ("step_400_loss", "step_450_loss", "step_500_loss")
    return [
        {
            "net": name,
            **{in_words(column): format_number(numbers[column], ".2e") for column in columns},
            "times the article's": format_number(numbers[columns[-1]] / article[columns[-1]], ".2f"),
        }
        for name, numbers in ({"the article": article, **found}.items() if found else ())
    ]


def quadratic_row(label: str, run: RunResult, hp: Setting) -> dict[str, str]:
    """Return a run's row of the table on batch sizes."""
    steps = hp.num_epochs * hp.steps
    return {
        "run": label,
        "steps": steps,
        "examples": steps * hp.batch_size,
        "mean squared error": format_number(run.metrics.get("mse"), ".2e"),
    }


def draw_regions(result: Result, runs: list[Run]) -> None:
    """Add a figure for each implementation: which class some of the nets assign to which points."""
    splits = data(Setting(**result.settings), Options(seed=result.seed)).source
    sets = {part: tuple(a.asnumpy() for a in getattr(splits, part)) for part in ("train", "valid", "test")}
    for impl in ("scratch", "gluon"):
        nets = {
            run.variant: scores_of(trained.model.net, 0.0 if run.hp.loss == "logistic" else 0.5)
            for run in runs
            for trained in [result.find(impl, run.variant)]
            if run.impl == impl and run.variant in REGIONS and trained and trained.model
        }
        if nets:
            result.figures[f"regions_{impl}"] = plot.decision_regions(
                nets, sets, f"Where nets see which class of XOR, {plot.IMPLS[impl]}"
            )


def scores_of(net, threshold: float):
    """Return the net as a function of NumPy arrays, points (n, 2) -> scores (n,) above 0 for class 1."""
    return lambda points: net(nd.array(points)).asnumpy().ravel() - threshold


chapter = Chapter(
    name="xor",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2, "steps": 5},
    data=data,
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=metrics,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
