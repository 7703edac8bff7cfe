"""Two moons: nets with one and two hidden layers, from scratch and with Gluon.

The first part of a reader's article on two moons, initialization and vanishing gradients.

The gradients are derived by hand, layer by layer; one more run from scratch leaves them to autograd, to
compare the resulting parameters and the time it takes. New is the runner, which trains with validation: every
net is trained for 3000 epochs on the whole training set as one batch, and tested with the parameters of the
epoch that had the best validation accuracy. `--log-every 50` prints the losses and best scores of the first
net while it trains, as the article does.

Expect two kinds of outcome. A net first finds one straight line between the moons, and stays at a loss of
about 0.25 and an accuracy of about 0.88 for a while; then it bends the line, and ends near 1. Chance decides
when. With one hidden layer, about one in four nets has got beyond the line after 3000 epochs at a learning
rate of 0.2, two in three at 1 and all at 5; with two hidden layers four in ten, nine in ten and all. At 0.01
none has, and with two hidden layers many have not even found it. So a single run, like each of the article's,
says little: the chapter also trains many nets of each kind side by side, and searches among depths and widths
in this way. Three hidden units bend the line in 19 of 20 nets, two units in only one; yet two of the
article's three rules of thumb allow no more than two units.

For two hidden layers, the article repeats the log of its net with one hidden layer, to the last digit, and it
gives both the same accuracy and loss, 0.995 and 0.0278, at a learning rate of 5. What two hidden layers do in
3000 epochs is therefore shown only here. It also starts a net from weights that are all 0, and concludes from
five epochs that such a net learns nothing. Its hidden units do stay equal forever, but together they are one
unit, which finds the straight line within the 2000 epochs that the program mentions but does not run.

It passes on the advice that orthogonal initial weights may be better, and that SGD takes longer than other
optimizers but is more reliable. Of 20 nets at a learning rate of 1, none gets beyond the line within 1000
epochs from orthogonal weights, 13 do from N(0, 1), and none from normal weights as small as the orthogonal
ones: size matters here. SGD does take longer: at 5 half of the nets are at their best after 466 epochs, with
AdaGrad, Adam, Adamax and Nadam after 69 to 219. But all 20 succeed with these too; only AdaDelta's first
steps are too small. At 20 SGD is as fast, and one of 20 nets stays at the line.

After 3000 epochs, the parameters learned with hand-derived gradients and with autograd differ by 3e-6.
Autograd takes half the time: it goes back through the whole net in one call, whereas the layers' backward
runs in Python, operator by operator.
"""

import math
import time
from dataclasses import dataclass, replace
from typing import Annotated, Callable, Literal

import numpy as np
from matplotlib.figure import Figure
from mxnet import init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data import synthetic
from d2l_repro.data.loader import Data
from d2l_repro.data.splits import Splits, minibatches, split_points
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.conclusions import CONCLUSIONS
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import Run, runs_of
from d2l_repro.experiment.side_by_side import train_side_by_side
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_duration, format_number
from d2l_repro.results.history import History
from d2l_repro.results.published import published_values
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.scratch import Adamax, Nadam, normal, orthogonal, sigmoid_cross_entropy
from d2l_repro.scratch.counterparts import OPTIMIZERS, LogisticLoss, OptimizerPair
from d2l_repro.scratch.layers import Activation, Affine, Network, gradients_by_hand
from d2l_repro.settings import MAX_SEED, Bounds, Count, Options, Positive
from d2l_repro.train import Callback, Runner
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.loop import Loop, gradients_by_autograd
from d2l_repro.train.parameters import Parameter, book_arrays, parameters

NUM_TRAIN, NUM_VALID, NUM_TEST = 640, 160, 200
SQUARE = (-math.pi, math.pi)  # of the plane that the article shows
CHANCE = 0.5  # accuracy of guessing
RATES = (0.01, 0.2, 1.0, 5.0)
ONE, TWO = (5,), (5, 3)  # units of the article's hidden layers
SEARCHED = ((), (1,), (2,), (3,), ONE, (10,), (20,), (3, 3), TWO, (10, 10), (5, 5, 5))  # of other nets
BY_HAND, BY_AUTOGRAD = "1 hidden lr=0.2", "1 hidden lr=0.2, autograd"
SEARCH_TRIALS = 20  # nets of each shape, at most
# numbers of epochs after which the training loss is compared with the article's log
LOGGED = (0, 50, 100, 200, 500, 1000, 1500, 1950, 2000, 2500, 2950)
# Gluon's Nadam takes other steps as soon as there are two parameters.
PAIRS = {**OPTIMIZERS, "adamax": OptimizerPair(Adamax, {}, "adamax"), "nadam": OptimizerPair(Nadam)}
# Learning rates of the article's optimizers; with the first, each is a run. AdaDelta has none to choose.
RULES = {
    "sgd": (5.0, 20.0),
    "adagrad": (2.0,),
    "adadelta": (1.0,),
    "adam": (0.1, 1.0),
    "adamax": (1.0,),
    "nadam": (0.1, 1.0),
}
STRAIGHT = 0.2  # a smaller training loss is out of reach of a straight line between the moons


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_epochs: Count = 3000  # passes over the training set, which is one batch
    num_train: Count = NUM_TRAIN  # training examples; there are 160 more for validation and 200 for testing
    noise: Positive = 0.1  # standard deviation of the points' distance from their moon
    sigma: Positive = 1.0  # standard deviation of the initial weights
    # nets of each kind, from other points and weights, to see how results scatter; 1 leaves that out
    trials: Count = SEARCH_TRIALS
    # epochs between printed losses of the first net, whose new best scores are printed too; 0 prints none,
    # and only then are numbers compared with published ones
    log_every: Annotated[int, Bounds(0)] = 0


@dataclass(frozen=True)
class Setting(HParams):
    """Settings of one run."""

    widths: tuple[int, ...] = ONE  # units of the hidden layers
    lr: Positive = 0.2  # learning rate of SGD
    init: Literal["normal", "uniform", "zero", "orthogonal"] = "normal"  # of the weights; uniform is U(-1, 1)
    optimizer: Literal[tuple(RULES)] = "sgd"
    ones: tuple[int, ...] = ()  # examples of class 1 in training and validation set; () for any number

    @property
    def batch_size(self) -> int:
        return self.num_train


def data(hp: Setting, options: Options) -> Data:
    """Return X (batch, 2) and y (batch,), 0 or 1; the training set is a single batch."""
    ones = hp.ones if hp.num_train == NUM_TRAIN else ()  # those counts are of the article's 640 examples
    return minibatches(draw_splits(hp, options.seed, ones), hp.num_train, options.seed)


def draw_splits(hp: HParams, seed: int, ones: tuple[int, ...] = ()) -> Splits:
    """Draw the points and split them; `ones` as for `Setting`."""
    points, classes = synthetic.two_moons(hp.num_train + NUM_VALID + NUM_TEST, hp.noise, seed)
    return split_points(points, classes, hp.num_train, NUM_VALID, "two moons", ones=ones)


def drawing(hp: Setting) -> Callable[[tuple[int, ...]], nd.NDArray]:
    """Return how weights are drawn, shape -> NDArray."""
    return {
        "normal": lambda shape: normal(shape, hp.sigma),
        "uniform": lambda shape: nd.random.uniform(-1, 1, shape=shape),
        "zero": nd.zeros,
        "orthogonal": orthogonal,
    }[hp.init]


def one_hidden_layer(draw: Callable) -> Network:
    """Return a net 2-5-1 from scratch."""
    return Network(
        [
            Affine(draw((2, 5)), nd.zeros(5), first=True),  # (batch, 5)
            Activation("sigmoid"),
            Affine(draw((5, 1)), nd.zeros(1)),  # (batch, 1), the logit of class 1
        ]
    )


def two_hidden_layers(draw: Callable) -> Network:
    """Return a net 2-5-3-1 from scratch."""
    return Network(
        [
            Affine(draw((2, 5)), nd.zeros(5), first=True),  # (batch, 5)
            Activation("sigmoid"),
            Affine(draw((5, 3)), nd.zeros(3)),  # (batch, 3)
            Activation("sigmoid"),
            Affine(draw((3, 1)), nd.zeros(1)),  # (batch, 1)
        ]
    )


def hidden_layers(draw: Callable, widths: tuple[int, ...]) -> Network:
    """Return a net from scratch with any number of hidden layers, for the search over depth and width."""
    sizes, layers = (2, *widths, 1), []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        layers += [Activation("sigmoid")] if i else []
        layers += [Affine(draw((inputs, outputs)), nd.zeros(outputs), first=not i)]  # (batch, outputs)
    return Network(layers)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build a net whose gradients are computed by the layers' own `backward`."""
    draw = drawing(hp)
    if hp.widths == ONE:
        net = one_hidden_layer(draw)
    else:
        net = two_hidden_layers(draw) if hp.widths == TWO else hidden_layers(draw, hp.widths)
    by_hand = gradients_by_hand(net, "logistic")
    trainer = PAIRS[hp.optimizer].from_scratch(net.params, hp.lr)
    return Model(net, sigmoid_cross_entropy, net.params, trainer, gradients=by_hand)


def by_autograd(hp: Setting, data: Data) -> Model:
    """Build the same net, but leave the gradients to autograd, which records `forward`."""
    return replace(from_scratch(hp, data), gradients=None)


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same nets from Gluon."""
    net = nn.HybridSequential()
    for units in hp.widths:
        net.add(nn.Dense(units, activation="sigmoid"))
    net.add(nn.Dense(1))
    weights = {"normal": init.Normal(hp.sigma), "uniform": init.Uniform(1), "zero": init.Zero()}
    weights["orthogonal"] = init.Orthogonal(1, "normal")
    net.initialize(weights[hp.init])
    net.hybridize()
    params = net.collect_params()
    trainer = PAIRS[hp.optimizer].with_gluon(params, hp.lr)
    return Model(net, LogisticLoss(), params, trainer)


def train(model: Model, data: Data, hp: Setting, callbacks=()) -> History:
    """Train, and follow the weights of a net that starts from zero."""
    own = [UnitWeights(parameters(model))] if hp.init == "zero" else []
    return train_with_validation(model, data, hp, [*own, *callbacks], hp.log_every)


def train_with_validation(model: Model, data: Data, hp, callbacks=(), log_every=0) -> History:
    """Train, measuring loss and accuracy on the validation set after each epoch; keep the best parameters."""
    runner = Runner(model, data.source.is_correct)
    history = runner.train(
        data.train_iter,
        [data.source.valid],
        hp.num_epochs,
        hp.batch_size,
        log_every=log_every,
        callbacks=callbacks,
    )
    runner.restore()
    return history


class UnitWeights(Callback):
    """Add to the history, after each epoch, the parameters of the first hidden unit of a net 2-5-1.

    They are hidden_w1, hidden_w2 and hidden_b, and output_w, with which it enters the output, beside
    output_b, the last bias. units_apart is how far the five units are from each other in any of these.
    """

    def __init__(self, params: list[Parameter]):
        self.params = params

    def after_epoch(self, loop: Loop) -> None:
        W1, b1, W2, b2 = (param.get() for param in self.params)
        units = np.concatenate([W1, b1[np.newaxis], W2.T])  # (4, 5), a column per unit
        numbers = zip(("hidden_w1", "hidden_w2", "hidden_b", "output_w"), units[:, 0])
        loop.history[-1].update({name: float(number) for name, number in numbers})
        loop.history[-1].update(output_b=float(b2[0]), units_apart=float(np.ptp(units, axis=1).max()))


def comparisons(hp: HParams) -> dict[str, list[Run]]:
    """Return the runs by title: each learning rate, other initial weights, other depths and widths."""
    both = {"scratch": from_scratch, "gluon": with_gluon}
    log_every, hp = hp.log_every, hp.replace(log_every=0)
    base = Setting(**vars(hp))
    one, two = (
        {f"{len(widths)} hidden lr={lr:g}": base.replace(widths=widths, lr=lr) for lr in RATES}
        for widths in (ONE, TWO)
    )
    one[BY_HAND] = one[BY_HAND].replace(log_every=log_every)
    shorter = base.replace(num_epochs=max(1, 2 * hp.num_epochs // 3))
    # The article prints five epochs of this net. Its training set has 326 examples of class 1, which follows
    # from the last bias after the first step, and its validation set 82, as all are taken for class 1.
    zero = shorter.replace(init="zero", ones=(326, 82))
    five = zero.replace(num_epochs=min(5, hp.num_epochs))
    searched = {
        f"{shape_name(widths)} lr=5": search_setting(hp, widths) for widths in ((), (2,), (10,), (5, 5, 5))
    }
    # Nets that differ from others in their numbers only follow the paths of those.
    return {
        "One hidden layer": runs_of(both, one),
        "Two hidden layers": [
            *runs_of(both, two),
            *runs_of(both, {two_thirds(hp): shorter.replace(widths=TWO)}, compare_paths=False),
        ],
        "Another way to the gradient": runs_of(
            {"scratch": by_autograd}, {BY_AUTOGRAD: base}, compare_paths=False
        ),
        "All weights 0": runs_of(both, {"zero": five})
        + runs_of(both, {"zero lr=0.05": five.replace(lr=0.05)}, compare_paths=False),
        "Initial weights": [
            *runs_of(both, {"zero, trained": zero}, compare_paths=False),
            *runs_of(both, {"zero lr=0.05, trained": zero.replace(lr=0.05)}, compare_paths=False),
            *runs_of(both, {"U(-1, 1)": shorter.replace(init="uniform")}),
            *runs_of(both, {"orthogonal": shorter.replace(init="orthogonal")}),
        ],
        "Depth and width": runs_of(both, searched),
        "Optimizers": [run for name, rates in RULES.items() for run in optimizer_runs(hp, name, rates[0])],
    }


def optimizer_runs(hp: HParams, name: str, lr: float) -> list[Run]:
    """Return the runs of the article's smaller net with an optimizer, from scratch and where Gluon has it."""
    builders = {"scratch": from_scratch, **({"gluon": with_gluon} if PAIRS[name].has_counterpart() else {})}
    setting = search_setting(hp, ONE).replace(optimizer=name, lr=lr)
    return runs_of(builders, {f"{name} lr={lr:g}": setting}, compare_paths=PAIRS[name].state_in_double)


def search_setting(hp: HParams, widths: tuple[int, ...]) -> Setting:
    """Return the settings of a net in a search: the largest learning rate, and a third of the epochs."""
    return Setting(**vars(hp)).replace(widths=widths, lr=5.0, num_epochs=max(1, hp.num_epochs // 3))


def two_thirds(hp: HParams) -> str:
    """Return the variant of the net with two hidden layers that is trained for two thirds of the epochs."""
    return f"2 hidden lr=0.2, {max(1, 2 * hp.num_epochs // 3)} epochs"


def shape_name(widths: tuple[int, ...]) -> str:
    """Return a net's name by the units of its hidden layers, "hidden 5-3"."""
    return f"hidden {'-'.join(map(str, widths))}" if widths else "no hidden layer"


def metrics(model: Model, data: Data, history: History) -> dict[str, float]:
    """Return the scores of the best epoch, and numbers on the way there that the article prints."""
    found = comparison.best_epoch_metrics(model, data, history)
    found["first_valid_acc"] = history[0]["valid_acc"]
    found.update({f"after_{k}_train_loss": history[k]["train_loss"] for k in LOGGED if k < len(history)})
    if "output_w" in history[0]:
        columns = ("hidden_w1", "hidden_w2", "hidden_b", "output_w", "output_b")
        for k, row in enumerate(history[:4], 1):
            found.update({f"{name}_after_{k}": row[name] for name in columns})
        found["units_apart"] = max(history["units_apart"])
    return found


def show(result: Result, data: Data) -> None:
    """Add curves, decision regions and tables, the many nets side by side, and the article's conclusions."""
    hp = HParams(**result.settings)
    tables = comparisons(hp)
    from_zero = {"All weights 0": tables.pop("All weights 0")}
    for run in from_zero["All weights 0"]:
        tabulate_weights(result, run)
    comparison.tabulate(result, tables, comparison.best_epoch_row)
    usual = [run for run in tables["One hidden layer"] if run.variant == BY_HAND]
    drawn = {**tables, **from_zero, "Initial weights": [*usual, *tables["Initial weights"]]}
    columns = ("train_loss", "valid_loss", "train_acc", "valid_acc")
    comparison.draw(result, drawn, "on two moons", columns, CHANCE)
    splits = draw_splits(hp, result.seed)
    nets = [*tables["One hidden layer"], *tables["Two hidden layers"]]
    comparison.draw_decision_regions(result, nets, splits, square=SQUARE, columns=4)
    first = [run for run in nets if run.hp.lr == Setting.lr and run.hp.num_epochs == hp.num_epochs]
    comparison.draw_decision_regions(result, first, splits, "regions_all_points", SQUARE, every_point=True)
    equal = [run for run in tables["Initial weights"] if run.variant == "zero, trained"]
    others = [*equal, *tables["Depth and width"]]
    comparison.draw_decision_regions(result, others, splits, "other_regions", SQUARE)
    result.tables["Gradients by hand and by autograd"] = compare_gradients(result, splits)
    samples = {"N(0, 1)": normal((10000,), 1.0), "U(-1, 1)": nd.random.uniform(-1, 1, shape=10000)}
    result.figures["samples"] = plot.histogram(
        {name: sample.asnumpy() for name, sample in samples.items()},
        "10,000 initial weights of either distribution",
        "density",
        bins=200,
        density=True,
    )
    show_trials(result, hp, [run for run in nets if run.impl == "scratch"])


def tabulate_weights(result: Result, run: Run) -> None:
    """Add a table of the weights after each epoch of a start from zero."""
    found = result.find(run.impl, run.variant)
    if found and found.history:
        columns = ("hidden_w1", "hidden_w2", "hidden_b", "output_w", "output_b", "units_apart")
        result.tables[f"All weights 0: {run.label}, after each epoch"] = [
            {"epoch": row["epoch"], **{name.replace("_", " "): f"{row[name]:.5g}" for name in columns}}
            for row in found.history
        ]


def compare_gradients(result: Result, splits: Splits) -> list[dict]:
    """Return a table of both ways to the gradient: how long each takes, and how far apart the parameters end.

    It is empty unless both runs were trained.
    """
    runs = [result.find("scratch", variant) for variant in (BY_HAND, BY_AUTOGRAD)]
    if not all(run and run.model for run in runs):
        return []
    hand, auto = (run.model for run in runs)
    difference = max(np.abs(a - b).max() for a, b in zip(book_arrays(hand), book_arrays(auto)))
    ways = (hand.gradients, gradients_by_autograd(auto.net, auto.loss))
    return [
        {
            "run": run.name,
            "gradients of a step": format_duration(mean_seconds(gradients, *splits.train)),
            "parameters differ by": format_number(float(difference), ".1e"),
        }
        for run, gradients in zip(runs, ways)
    ]


def mean_seconds(gradients: Callable, X: nd.NDArray, y: nd.NDArray, times: int = 200) -> float:
    """Return how long it takes on average to compute the gradients."""
    gradients(X, y)
    nd.waitall()
    start = time.perf_counter()
    for _ in range(times):
        gradients(X, y)
    nd.waitall()
    return (time.perf_counter() - start) / times


def show_trials(result: Result, hp: HParams, runs: list[Run]) -> None:
    """Show how results scatter over the trials, the first of which is the run itself; search among nets."""
    records = [(run, result.find(run.impl, run.variant)) for run in runs]
    trained = [run for run, record in records if record and "test_acc" in record.metrics]
    if hp.trials == 1 or not trained:
        return
    found = {run.variant: trials_of(result, run, hp.trials) for run in trained}
    add_conclusions(result, found)
    result.tables[f"{hp.trials} nets of each kind, from other points and weights"] = [
        {"net": name, **trials_row(trials)} for name, trials in found.items()
    ]
    printed = {variant: printed_numbers(variant) for variant in found}
    best = max(found, key=lambda name: np.mean([trial["test_acc"] for trial in found[name]]))
    result.figures["trials"] = plot.intervals(
        {
            name: ([trial["test_acc"] for trial in trials], printed[name].get("test_acc"))
            for name, trials in found.items()
        },
        "test accuracy at the best validation accuracy",
        f"{hp.trials} nets of each kind on two moons: {best} is best on average",
        chance=CHANCE,
    )
    logs = {
        name: numbers for name, numbers in printed.items() if any("after" in metric for metric in numbers)
    }
    if logs:
        result.figures["training_losses"] = draw_logs(found, logs)
    search(result, hp)
    compare_trials(result, hp)


def trials_of(result: Result, run: Run, trials: int) -> list[dict[str, float]]:
    """Return the metrics of a run and of as many nets of its kind, trained side by side, as make the trials.

    If another number of trials is asked for, to measure how they scatter, each becomes a run of the result.
    """
    first = result.find(run.impl, run.variant).metrics
    seeds = trial_seeds(result.seed, trials - 1)
    found = train_trials(run.hp, seeds, result.seed)
    if "trials" in result.changed:
        result.runs += [
            RunResult(run.impl, run.variant, seed, metrics=metrics) for seed, metrics in zip(seeds, found)
        ]
    return [first, *found]


def trial_seeds(seed: int, trials: int) -> list[int]:
    """Return a seed for the points of each trial."""
    return [int(number) % MAX_SEED for number in np.random.SeedSequence(seed).generate_state(trials)]


def train_trials(hp: Setting, seeds: list[int], seed: int) -> list[dict[str, float]]:
    """Train a net on each of the points that `seeds` give, all of them side by side."""
    splits = [draw_splits(hp, one) for one in seeds]
    seed_everything(seed)
    optimizer = PAIRS[hp.optimizer].from_scratch
    return train_side_by_side(hp.widths, drawing(hp), splits, hp.lr, hp.num_epochs, LOGGED, optimizer)


def trials_row(trials: list[dict[str, float]]) -> dict[str, str]:
    """Return what the trials of a kind of net have reached, as columns of a table."""
    beyond = sum(trial["train_loss"] < STRAIGHT for trial in trials)
    means = {
        name: float(np.mean([trial[name] for trial in trials])) for name in ("best_valid_acc", "test_acc")
    }
    return {
        "beyond a straight line": f"{beyond} of {len(trials)}",
        "median train loss": f"{np.median([trial['train_loss'] for trial in trials]):.4f}",
        "mean valid acc": f"{means['best_valid_acc']:.4f}",
        "mean test acc": f"{means['test_acc']:.4f}",
        "median test loss": f"{np.median([trial['test_loss'] for trial in trials]):.4f}",
    }


def printed_numbers(variant: str) -> dict[str, float]:
    """Return what the article prints of a kind of net, metric -> number."""
    return {
        row["metric"]: row["value"]
        for row in published_values()
        if row["chapter"] == chapter.name and row["run"] == f"scratch {variant}"
    }


def draw_logs(found: dict[str, list[dict[str, float]]], printed: dict[str, dict[str, float]]) -> Figure:
    """Draw the training losses of the trials over the epochs, with those of the article's log."""
    panels, points = {}, {}
    for name, numbers in printed.items():
        epochs = [k for k in LOGGED if f"after_{k}_train_loss" in found[name][0]]
        losses = np.array([[trial[f"after_{k}_train_loss"] for k in epochs] for trial in found[name]])
        curves = {
            "largest": losses.max(axis=0),
            "median": np.median(losses, axis=0),
            "smallest": losses.min(axis=0),
        }
        panels[name] = (epochs, curves)
        logged = [k for k in epochs if f"after_{k}_train_loss" in numbers]
        points[name] = {"article": (logged, [numbers[f"after_{k}_train_loss"] for k in logged])}
    return plot.functions(
        panels, "epoch", "Training losses of the trials, and those of the article's log", points, width=3.8
    )


# The article's conclusions: name -> (one kind of net, the kind to subtract, what is compared)
CLAIMS = {
    "early_loss_2_minus_1": ("2 hidden lr=0.2", "1 hidden lr=0.2", "after_200_train_loss"),
    "late_acc_2_minus_1": ("2 hidden lr=0.2", "1 hidden lr=0.2", "test_acc"),
    "one_hidden_acc_5_minus_1": ("1 hidden lr=5", "1 hidden lr=1", "test_acc"),
    "two_hidden_acc_1_minus_5": ("2 hidden lr=1", "2 hidden lr=5", "test_acc"),
}


def add_conclusions(result: Result, found: dict[str, list[dict[str, float]]]) -> None:
    """Add the differences between the trials' means on which the article's conclusions rest."""

    def mean(variant, metric):
        return float(np.mean([trial[metric] for trial in found[variant]]))

    differences = {
        name: mean(variant, metric) - mean(base, metric)
        for name, (variant, base, metric) in CLAIMS.items()
        if all(kind in found and metric in found[kind][0] for kind in (variant, base))
    }
    if differences:
        result.add("scratch", CONCLUSIONS, differences)


def search(result: Result, hp: HParams) -> None:
    """Compare depths and widths: a table and a figure of nets of each shape, trained side by side."""
    trials = min(hp.trials, SEARCH_TRIALS)
    seeds, found = trial_seeds(result.seed, trials), {}
    for widths in SEARCHED:
        found[widths] = train_trials(search_setting(hp, widths), seeds, result.seed)
    result.tables[f"Depth and width: {trials} nets of each shape at a learning rate of 5"] = [
        {"net": shape_name(widths), "allowed by rule": rules(widths), **trials_row(metrics)}
        for widths, metrics in found.items()
    ]
    best = max(found, key=lambda widths: np.mean([trial["test_acc"] for trial in found[widths]]))
    result.figures["search"] = plot.intervals(
        {
            shape_name(widths): ([trial["test_acc"] for trial in metrics], None)
            for widths, metrics in found.items()
        },
        "test accuracy at the best validation accuracy",
        f"{trials} nets of each shape at a learning rate of 5: {shape_name(best)} is best on average",
    )


def compare_trials(result: Result, hp: HParams) -> None:
    """Compare initial weights and optimizers: tables of the article's smaller net, trained side by side."""
    trials = min(hp.trials, SEARCH_TRIALS)
    seeds, base = trial_seeds(result.seed, trials), search_setting(hp, ONE)
    slower = base.replace(lr=1.0)  # at which not every net gets beyond a straight line
    settings = {
        "Initial weights at a learning rate of 1": {
            "N(0, 1)": slower,
            "U(-1, 1)": slower.replace(init="uniform"),
            "orthogonal": slower.replace(init="orthogonal"),
            # as large as the orthogonal ones, whose five columns or rows have squares with a sum of 1
            "N(0, 0.45)": slower.replace(sigma=5**-0.5),
        },
        "Optimizers": {
            f"{name} lr={lr:g}": base.replace(optimizer=name, lr=lr)
            for name, rates in RULES.items()
            for lr in rates
        },
    }
    for title, nets in settings.items():
        found = {name: train_trials(setting, seeds, result.seed) for name, setting in nets.items()}
        result.tables[f"{title}: {trials} nets of each kind"] = [
            {
                "net": name,
                **trials_row(metrics),
                "worst test acc": f"{min(trial['test_acc'] for trial in metrics):.4f}",
                "median best epoch": f"{np.median([trial['best_epoch'] for trial in metrics]):g}",
            }
            for name, metrics in found.items()
        ]


def rules(widths: tuple[int, ...]) -> str:
    """Return which of the article's rules of thumb allow a net's widths, for 2 inputs and 1 output."""
    allows = {
        "1": lambda units: 1 <= units <= 2,  # between the numbers of inputs and of outputs
        "2": lambda units: units == 2,  # two thirds of the inputs plus two thirds of the outputs
        "3": lambda units: units < 4,  # less than twice the inputs
    }
    return ", ".join(name for name, allow in allows.items() if widths and all(map(allow, widths))) or "-"


chapter = Chapter(
    name="two_moons",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 6, "trials": 3},
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
