"""What helps against overfitting on MNIST: 42 variants of one net, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

The net has one hidden layer of 500 ReLUs. It trains for 30,000 steps with an L2 penalty and a decaying
learning rate, and is tested with a moving average of its parameters. Every variant changes one of these. The
article compares a single run of each with a single run of that net, the baseline. Is a difference more than
the luck of a seed? With `--seeds 5` the table gives the mean and standard deviation of each variant, its
difference from the baseline with the 95 % interval that five seeds allow, and whether the article's
conclusion holds beyond it.

Expect 0.980 to 0.987 of the test images; less only from SELU, 0.979, and from Adam at the learning rates that
the article found wrong: 0.977 at 0.01, 0.975 with two hidden layers, and 0.43 at 0.1.

Over seeds 0 to 4 (with Gluon) four of eleven conclusions held: without a penalty the net is worse by 0.13 ±
0.12 points than with L2 of 1e-4, and L2 of 1e-3, L1 of 1e-4 and L1 of 1e-6 are worse by 0.33 ± 0.14, 0.33 ±
0.19 and 0.11 ± 0.04. What the article found to be better, Adam, L2 of 3e-4, elastic net and dropout, differs
from the baseline by no more than the noise, and so do the moving average and the decay of the learning rate;
nor is leaky ReLU worse. With eleven such intervals, about every second table contains one that misses the
true difference by chance.

The article prints more telling numbers than test accuracies: losses of the last training batch, the penalty
included. They run from 0.0003 without a penalty to 0.18 with the strongest; `batch_loss` is the same here. It
finds many zeros among the weights under L1. Steps of SGD hardly ever end at exactly 0 (`zero_share`), but
weights that no data need stay within learning rate times factor of it (`tiny_share`). And it expects a
decay of 0.9 to leave a learning rate of 0.0008 after 30,000 steps, where 0.8 * 0.9^54.5 is 0.0026.

The article estimates a suitable factor from orders of magnitude. It calls the cross-entropy a squared error,
and its squared norm, 1e3 to 1e4, would be a penalty of 0.1 to 1, whereas the printed losses allow half the
sum of the squares to be 369 at most. A table shows what was measured: for one seed 297, a penalty of 0.030 in
a loss of 0.037. Why is the mean of leaky ReLU not guaranteed? For inputs N(0, 1) it is 0.395, hardly less
than ReLU's 0.399; ELU's is 0.161 and SELU's 0. A table has these means beside those of the trained hidden
units.

Weights start as N(0, 0.1) and biases as 0.1, as in the TensorFlow book that the article follows; pixels range
from 0 to 1. At that learning rate a second hidden layer and CReLU diverge, and SELU nearly does: these three
are trained with 0.1, and the baseline with 0.1 is shown beside them. The article's own attempts at two hidden
layers, with 0.5 and with Adam at 0.01 and 0.1, are there too, and may diverge.

All variants are trained with Gluon, and the baseline from scratch, too. Both implementations of each variant
are compared over the first steps. `--impl scratch` trains all of them from scratch, and `--only "L1 1e-5"`
trains one variant with both implementations.
"""

from dataclasses import dataclass, replace
from typing import Literal, Optional

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.splits import evaluation_plan, load_mnist
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import add_differences, show_conclusions
from d2l_repro.experiment.description import Execution
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.results.formatting import format_number
from d2l_repro.results.history import History
from d2l_repro.results.published import published_values
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import normal, softmax_cross_entropy
from d2l_repro.scratch.counterparts import GLUON_ACTIVATIONS, OPTIMIZERS
from d2l_repro.scratch.layers import ACTIVATIONS as FUNCTIONS
from d2l_repro.scratch.layers import Activation, Affine, CReLU, Dropout, Network, gradients_by_hand
from d2l_repro.settings import Count, NonNegative, Positive, Probability, Units
from d2l_repro.train import schedules
from d2l_repro.train.callbacks import LastLosses, MovingAverage, Schedule
from d2l_repro.train.loop import evaluate_accuracy, gradients_by_autograd, train_ch3
from d2l_repro.train.parameters import parameters

NUM_INPUTS, NUM_OUTPUTS = 28 * 28, 10  # pixels of an image, classes
SIGMA, BIAS = 0.1, 0.1  # standard deviation of the initial weights, initial biases
BASELINE = "baseline"
L2 = (1e-3, 5e-4, 3e-4, 5e-5)  # penalty factors other than the baseline's
L1 = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
ELASTIC_L1 = 1e-7  # factor of the L1 penalty that is added to the L2 penalty
DECAYS = (0.96, 0.9)  # of the learning rate
TINY = 1e-4  # below which a weight is as good as 0
PRINTED_STEPS = (2000, 4000, 5000, 8000, 9000)  # after which the article prints a loss or an accuracy
DROPOUT = {"input_drop_prob": 0.2, "drop_prob": 0.5}
CALMER_LR, ADAM_LR, DEEP_LR = 0.1, 0.001, 0.5
ACTIVATIONS = ("leaky ReLU", "ReLU6", "ELU", "SELU", "softplus", "sigmoid", "tanh", "CReLU")


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The settings of the baseline, which are the article's."""

    steps: Count = 30000  # batches to train on
    num_evaluations: Count = 30  # upper bound of the evaluations on the validation set during training
    batch_size: Count = 100  # examples per step
    lr: Positive = 0.8  # learning rate of SGD
    lr_decay: Positive = 0.99  # factor of the learning rate after every epoch
    reg: Positive = 1e-4  # factor of the L2 penalty
    average: Probability = 0.99  # share of the parameters' moving average that is kept at each step
    num_hiddens: Units = 500  # units of the hidden layer


@dataclass(frozen=True)
class Setting(settings.HParams):
    """What a variant may change; the plan of training is the same for all."""

    hidden: tuple[int, ...]  # units of each hidden layer
    batch_size: Count
    num_epochs: Count  # evaluations
    steps: Count  # batches between two evaluations
    lr: Positive
    lr_decay: Positive
    reg: NonNegative  # factor of the penalty |W|^2 / 2
    average: Probability  # 0 averages nothing
    l1: NonNegative = 0.0  # factor of the penalty |W|, the sum of the absolute values
    activation: str = "relu"
    optimizer: Literal["sgd", "adam"] = "sgd"
    drop_prob: Probability = 0.0  # of the hidden units
    input_drop_prob: Probability = 0.0  # of the pixels


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build layers with hand-derived gradients, to which those of the penalties are added."""
    layers = [Dropout(hp.input_drop_prob)] if hp.input_drop_prob else []
    num_inputs = NUM_INPUTS
    for i, units in enumerate(hp.hidden):
        layers.append(Affine(normal((num_inputs, units), SIGMA), nd.full(units, BIAS), first=i == 0))
        layers.append(CReLU() if hp.activation == "crelu" else Activation(hp.activation))
        if hp.drop_prob:
            layers.append(Dropout(hp.drop_prob))
        num_inputs = 2 * units if hp.activation == "crelu" else units
    layers.append(Affine(normal((num_inputs, NUM_OUTPUTS), SIGMA), nd.full(NUM_OUTPUTS, BIAS)))
    net = Network(layers)
    # of the mean cross-entropy + reg/2 |W|^2 + l1 |W|
    gradients = gradients_by_hand(net, "softmax", hp.reg, hp.batch_size, hp.l1)
    trainer = OPTIMIZERS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, softmax_cross_entropy, net.params, trainer, gradients=gradients)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon, whose trainer decays the weights; only the L1 penalty is our own."""
    net, bias = nn.HybridSequential(), init.Constant(BIAS)
    if hp.input_drop_prob:
        net.add(nn.Dropout(hp.input_drop_prob))
    for units in hp.hidden:
        net.add(nn.Dense(units, bias_initializer=bias), GLUON_ACTIVATIONS[hp.activation]())
        if hp.drop_prob:
            net.add(nn.Dropout(hp.drop_prob))
    net.add(nn.Dense(NUM_OUTPUTS, bias_initializer=bias))
    net.initialize(init.Normal(SIGMA))
    net.hybridize()
    net.collect_params(".*bias").setattr("wd_mult", 0)
    params, loss = net.collect_params(), gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr, wd=hp.reg)
    model = Model(net, loss, params, trainer)
    if hp.l1:
        weights = net.collect_params(".*weight").values()
        model.gradients = with_l1(gradients_by_autograd(net, loss), weights, hp.l1, hp.batch_size)
    return model


def with_l1(gradients, weights, l1, batch_size):
    """Add the gradient of l1 |W|; autograd would take as long for that sum as for the net."""

    def penalized(X, y):
        y_hat, losses = gradients(X, y)
        for W in weights:
            # dW <- dW + |B| l1 sign(W), an update of signSGD
            nd.signsgd_update(W.grad(), W.data(), lr=-batch_size * l1, out=W.grad())
        return y_hat, losses

    return penalized


def weights(model: Model) -> list[nd.NDArray]:
    """Return the weight matrices of either implementation, on which penalties act."""
    return [param.array for param in parameters(model) if param.array.ndim == 2]


def penalty(model: Model, reg: float, l1: float) -> nd.NDArray:
    """Return what the penalties add to the mean loss, (1,)."""
    # reg/2 |W|^2 + l1 |W|
    return nd.add_n(*(reg / 2 * (W**2).sum() + l1 * W.abs().sum() for W in weights(model)))


def share_below(model: Model, limit: float) -> float:
    """Return the share of the weights whose absolute value is at most `limit`."""
    arrays = weights(model)
    return sum((W.abs() <= limit).sum().asscalar().item() for W in arrays) / sum(W.size for W in arrays)


def hidden_mean(model: Model, X: nd.NDArray) -> float:
    """Return the mean output of the first hidden layer, after its activation."""
    for layer in model.net.layers if isinstance(model.net, Network) else model.net:
        X = layer.forward(X)
        if not isinstance(layer, (Affine, Dropout, nn.Dense, nn.Dropout)):
            break
    return X.mean().asscalar().item()


def expected_output(activation: str) -> float:
    """Return the mean of an activation's output if its input is N(0, 1)."""
    # E f(z) = sum f(z) exp(-z^2 / 2) / sum exp(-z^2 / 2) over a fine grid
    z = nd.arange(-800, 801, dtype="float64") / 100
    density = np.exp(-(z.asnumpy() ** 2) / 2)
    function = FUNCTIONS["relu" if activation == "crelu" else activation][0]  # both halves of CReLU are alike
    return float((function(z).asnumpy() * density).sum() / density.sum())


def metrics(model: Model, data: Data, history: History) -> dict[str, float]:
    """Return the test accuracy, and what the article prints in the course of training."""
    arrays = weights(model)
    found = {
        "test_acc": evaluate_accuracy([data.source.test], model.net),
        "mean_weight": sum(W.abs().sum().asscalar().item() for W in arrays) / sum(W.size for W in arrays),
        "half_square": penalty(model, 1, 0).asscalar().item(),  # |W|^2 / 2
        "hidden_mean": hidden_mean(model, data.source.valid[0]),
    }
    for row in history:
        step = row["epoch"] * data.train_iter.steps
        if step in PRINTED_STEPS:
            found.update({f"step_{step}_loss": row["batch_loss"], f"step_{step}_valid_acc": row["valid_acc"]})
    return found


def train(model: Model, data: Data, hp: Setting, callbacks=()) -> History:
    """Train, evaluate the averaged parameters on the validation set, and leave them in the model."""
    steps_per_epoch = len(Minibatches(*data.source.train, hp.batch_size))
    schedule = schedules.by_epoch(schedules.exponential(hp.lr, hp.lr_decay), steps_per_epoch)
    average = MovingAverage([param.source for param in parameters(model)], hp.average)
    last = LastLosses(model.gradients or gradients_by_autograd(model.net, model.loss))

    def valid_acc():
        with average.applied():
            return evaluate_accuracy([data.source.valid], model.net)

    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        gradients=last,
        measure={
            "batch_loss": lambda: last.losses.mean() + penalty(model, hp.reg, hp.l1),
            "valid_acc": valid_acc,
            "zero_share": lambda: share_below(model, 0.0),
            "tiny_share": lambda: share_below(model, TINY),
        },
        callbacks=[Schedule(schedule), average, *callbacks],
    )
    average.apply()
    return history


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return title -> runs; the baseline is the first variant of the first comparison."""
    plan = {"batch_size": hp.batch_size, **evaluation_plan(hp.steps, hp.num_evaluations)}
    base = Setting(
        hidden=(hp.num_hiddens,), lr=hp.lr, lr_decay=hp.lr_decay, reg=hp.reg, average=hp.average, **plan
    )
    bare, adam = base.replace(reg=0.0), base.replace(optimizer="adam", lr=ADAM_LR)
    start = {
        BASELINE: base,
        "constant lr": base.replace(lr_decay=1.0),
        "no moving average": base.replace(average=0.0),
        "lr 0.1": base.replace(lr=CALMER_LR),
        **{f"decay {decay}": base.replace(lr_decay=decay) for decay in DECAYS},
        "Adam": adam.replace(lr_decay=1.0),
        "Adam decayed": adam,
        "Adam 0.01": adam.replace(lr_decay=1.0, lr=0.01),
        "Adam 1e-4": adam.replace(lr_decay=1.0, lr=1e-4),
        "Adam no L2": adam.replace(lr_decay=1.0, reg=0.0),
        "Adam + L1 + L2": adam.replace(lr_decay=1.0, l1=ELASTIC_L1),
    }
    penalties = {
        "no regularizer": bare,
        **{f"L2 {in_short(reg)}": base.replace(reg=reg) for reg in L2},
        **{f"L1 {in_short(l1)}": bare.replace(l1=l1) for l1 in L1},
        f"elastic {in_short(hp.reg)} + 1e-7": base.replace(l1=ELASTIC_L1),
        "elastic halved": base.replace(reg=hp.reg / 2, l1=ELASTIC_L1 / 2),
    }
    dropout = {
        "dropout only": bare.replace(**DROPOUT),
        "dropout + L2": base.replace(**DROPOUT),
        "dropout + L1 + L2": base.replace(l1=ELASTIC_L1, **DROPOUT),
    }
    size = {
        "width 1000": base.replace(hidden=(2 * hp.num_hiddens,)),
        "two hidden layers": base.replace(hidden=(hp.num_hiddens,) * 2, lr=CALMER_LR),
    }
    deep, deep_adam = (setting.replace(hidden=(hp.num_hiddens,) * 2) for setting in (base, adam))
    depth = {
        "two layers 0.5 decayed": deep.replace(lr=DEEP_LR),
        "two layers 0.5": deep.replace(lr=DEEP_LR, lr_decay=1.0),
        "two layers Adam 0.01": deep_adam.replace(lr=0.01, lr_decay=1.0),
        "two layers Adam 0.1 + L1": deep_adam.replace(lr=0.1, l1=ELASTIC_L1),
    }
    activations = {name: base.replace(activation=name.lower()) for name in ACTIVATIONS}
    for name in ("SELU", "CReLU"):
        activations[name] = activations[name].replace(lr=CALMER_LR)
    both = {"scratch": from_scratch, "gluon": with_gluon}
    tables = {
        "Optimizer, average and start": runs_of(both, start),
        "Penalties": runs_of(both, penalties),
        "Dropout": runs_of(both, dropout, compare_paths=False, compare_testing=True),  # own masks
        "Size": runs_of(both, size),
        "Two hidden layers as in the article": runs_of(both, depth, may_diverge=True),
        "Activations": runs_of(both, activations),
    }
    # From scratch all variants take hours: their paths are compared, but only the baseline is trained.
    return {
        title: [
            replace(
                run,
                on_request=run.impl == "scratch" and run.variant != BASELINE,
                parity_hp=calmer(run.hp) if run.may_diverge or run.variant == "ELU" else None,
            )
            for run in runs
        ]
        for title, runs in tables.items()
    }


def calmer(hp: Setting) -> Setting:
    """Return settings with a learning rate at which no step enlarges rounding until paths part."""
    return hp.replace(lr=min(hp.lr, ADAM_LR if hp.optimizer == "adam" else CALMER_LR))


def in_short(number):
    """Return 0.0001 as 1e-4."""
    digits, exponent = f"{number:e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


# Conclusions of the article, differences between two variants: name -> (variant, variant, metric).
DIFFERENCES = {
    "baseline_minus_no_regularizer": (BASELINE, "no regularizer", "test_acc"),
    "baseline_minus_l2_1e-3": (BASELINE, "L2 1e-3", "test_acc"),
    "baseline_minus_l1_1e-4": (BASELINE, "L1 1e-4", "test_acc"),
    "average_minus_none": (BASELINE, "no moving average", "test_acc"),
    "width_1000_minus_500": ("width 1000", BASELINE, "test_acc"),
    "adam_minus_sgd": ("Adam", BASELINE, "test_acc"),
    "dropout_only_minus_with_penalties": ("dropout only", "dropout + L1 + L2", "test_acc"),
    "slow_decay_0.96": ("decay 0.96", BASELINE, "batch_loss"),
    "adam_loss_minus_decayed": ("Adam", "Adam decayed", "batch_loss"),
    "tiny_l1_1e-4_minus_baseline": ("L1 1e-4", BASELINE, "tiny_share"),
}


def show(result, data):
    """Show what each variant changes, whether the article found the same, and the training curves."""
    tables = comparisons(HParams(**result.settings))
    runs, where = comparison.all_runs(tables), f"on {data.source.title}"
    rows = published_values() if chapter.is_comparable(result, data) else []
    # The article trains the baseline and one other twice; its first number is the one that it compares.
    article = {
        (row["run"], row["metric"]): row["value"] for row in rows[::-1] if row["chapter"] == chapter.name
    }
    accuracies = {run: value for (run, metric), value in article.items() if metric == "test_acc"}
    show_conclusions(result, runs, BASELINE, accuracies, where)
    if len({run.seed for run in result.runs}) == 1:
        add_differences(result, DIFFERENCES)
    for impl in ("scratch", "gluon"):
        names = [run.variant for run in runs if run.impl == impl and result.select(impl, run.variant)]
        table = [loss_row(name, result.select(impl, name), article) for name in names]
        if table:
            result.tables[f"Loss of the last batch, penalty included, {impl}"] = table
        result.tables[f"Orders of magnitude, estimated and measured, {impl}"] = magnitudes(
            result, impl, article
        )
        result.tables[f"Means of the activations, {impl}"] = [
            {
                "activation": name,
                "mean for inputs N(0, 1)": f"{expected_output(name.lower()):.3f}",
                "mean of the trained hidden units": format_number(mean_of(found, "hidden_mean"), ".3f"),
                "test acc": format_number(mean_of(found, "test_acc"), ".4f"),
            }
            for name in ("ReLU", *ACTIVATIONS)
            if (found := result.select(impl, BASELINE if name == "ReLU" else name))
        ]
    base = [run for run in runs if run.variant == BASELINE]
    beside = {title: [*base, *table] for title, table in tables.items()}
    comparison.draw(result, beside, where, ("train_loss", "batch_loss", "train_acc", "valid_acc"))


def loss_row(name: str, seeds: list[RunResult], article: dict) -> dict[str, str]:
    """Return a variant's row of the table of losses: what was printed, and the mean over our seeds."""
    row = {"variant": name}
    for metric, form in (("batch_loss", ".3g"), ("valid_acc", ".4f")):
        published = article.get((name, metric))
        row[f"published {metric.replace('_', ' ')}"] = "-" if published is None else format(published, form)
        row[metric.replace("_", " ")] = format_number(mean_of(seeds, metric), form)
    for metric in ("zero_share", "tiny_share"):
        row[metric.replace("_", " ")] = format_number(mean_of(seeds, metric), ".3f")
    return row


def magnitudes(result, impl: str, article: dict) -> list[dict[str, str]]:
    """Return a table of the article's estimate of the penalty's factor, beside what its losses and ours say.

    It calls the cross-entropy a squared error, and half the sum of the squared weights their L2 norm.
    """
    base, bare = result.select(impl, BASELINE), result.select(impl, "no regularizer")
    if not base:
        return []
    hp, printed = HParams(**result.settings), article.get((BASELINE, "batch_loss"))
    half = mean_of(base, "half_square")
    allowed = "-" if printed is None else f"at most {printed / hp.reg:.0f}"
    rows = (
        ("cross-entropy without a penalty", "1e-4 to 1e-3", "-", mean_of(bare, "batch_loss")),
        ("loss with the penalty", "1e-2", "-", mean_of(base, "batch_loss")),
        ("mean absolute weight", "1e-2 to 1e-1", "-", mean_of(base, "mean_weight")),
        ("weights", "1e5", "-", (NUM_INPUTS + NUM_OUTPUTS) * hp.num_hiddens),
        ("half the sum of their squares", "1e3 to 1e4", allowed, half),
        ("penalty", "0.1 to 1", "-", None if half is None else hp.reg * half),
    )
    return [
        {
            "quantity": name,
            "estimated": estimate,
            "allowed by the printed loss": limit,
            "measured": "-" if measured is None else format_number(measured, ".3g"),
        }
        for name, estimate, limit, measured in rows
    ]


def mean_of(seeds: list[RunResult], metric: str) -> Optional[float]:
    """Return the mean of a metric over the runs that have it; None without any."""
    values = [run.metrics[metric] for run in seeds if metric in run.metrics]
    return sum(values) / len(values) if values else None


chapter = Chapter(
    name="mnist_regularization",
    doc=__doc__,
    HParams=HParams,
    quick={"steps": 10, "num_evaluations": 2, "batch_size": 20, "num_hiddens": 20},
    data=lambda hp, options: load_mnist(options, hp.batch_size, hp.steps),
    runs=lambda hp: comparison.all_runs(comparisons(hp)),
    train=train,
    metrics=metrics,
    show=show,
    datasets=("mnist", "fashion_mnist", "digits"),
    comparable=("mnist",),
    execution=Execution.IN_PROCESSES,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
