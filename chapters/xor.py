"""XOR: a net of three units and everything that can be changed about it, from scratch and with Gluon.

A reader's article of TensorFlow experiments, redone in Gluon.

A hundred points of a square belong to class 1 where exactly one coordinate is positive, so that no line parts
the two classes. A hidden layer of three units may learn it in 500 steps of 8 points. Then one thing is
changed at a time: activation, loss, batch, width, depth, learning rate, bias, optimizer.

With three units much is luck: four of ten starts part the classes, reaching a test accuracy above 0.9 (five
seeds, scratch and Gluon). Expect the order, not the digits: all ten do with eight units, six with four; six
or seven with Adam and RMSProp; five when all points are taken at once for as many steps, and none for as many
examples. None does without an activation, which leaves it at 0.57, nor with sigmoids in 500 steps, nor with
two units; and learning rates from 10 on throw the weights so far that all units are off.
"""

from dataclasses import dataclass

from d2l_repro import settings
from d2l_repro.data.synthetic import xor_points
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.settings import Count, Positive

from ._layered import Setting, decision_regions, parity, points_data, row, runs_of, tested, train

NUM_VALID, NUM_TEST = 100, 1000


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_epochs: Count = 20  # evaluations
    steps: Count = 25  # batches between two evaluations
    batch_size: Count = 8  # examples a step
    lr: Positive = 0.5  # learning rate of SGD
    num_train: Count = 100  # training examples; 100 to validate on and 1000 to test on come on top
    sigma: Positive = 1.0  # standard deviation of the initial weights


def comparisons(hp):
    """Title -> {name: Setting}."""
    base = Setting(
        hidden=(3,),
        activation="relu",
        loss="logistic",
        sigma=hp.sigma,
        lr=hp.lr,
        num_train=hp.num_train,
        batch_size=min(hp.batch_size, hp.num_train),
        num_epochs=hp.num_epochs,
        steps=hp.steps,
    )
    whole = base.replace(batch_size=hp.num_train)
    as_many = max(1, base.steps * base.batch_size // hp.num_train)
    return {
        "Activation": {
            "three units, ReLU": base,
            "no activation": base.replace(activation="none"),
            "sigmoid": base.replace(activation="sigmoid"),
            "tanh": base.replace(activation="tanh"),
        },
        "Loss": {"squared loss": base.replace(loss="squared")},
        "Batch": {
            "all at once, as many examples": whole.replace(steps=as_many),
            "all at once, as many steps": whole,
        },
        "Width and depth": {
            f"hidden {'-'.join(map(str, hidden))}": base.replace(hidden=hidden)
            for hidden in ((2,), (4,), (8,), (3, 2), (2, 2))
        },
        "Learning rate": {f"lr={lr:g}": base.replace(lr=lr) for lr in (1.0, 10.0, 100.0, 1000.0)},
        "Bias": {"no bias": base.replace(bias=None)},
        "Optimizer": {
            name: base.replace(optimizer=name, lr=lr)
            for name, lr in (
                ("momentum", 0.05),
                ("nesterov", 0.05),
                ("adagrad", 0.5),
                ("rmsprop", 0.05),
                ("adadelta", 1.0),
                ("adam", 0.05),
            )
        },
    }


def data(hp, options):
    """X (batch, 2) and y (batch,), 0 or 1, in batches counted in steps."""
    points, classes = xor_points(hp.num_train + NUM_VALID + NUM_TEST)
    return points_data(points, classes, hp.num_train, NUM_VALID, hp, options.seed, "XOR")


def show(result, data):
    """Every variant in one table, the best first; curves and decision regions."""
    tables = comparisons(HParams(**result.settings))
    variants = {name: hp for table in tables.values() for name, hp in table.items()}
    comparison.tabulate(result, {"Every variant, the best first": variants}, row)
    result.tables["Every variant, the best first"].sort(
        key=lambda line: (
            -result.labelled()[line["run"]].metrics.get("test_acc", 0),
            result.labelled()[line["run"]].metrics.get("test_loss", 0),
        )
    )
    comparison.draw(result, {"Every variant": variants}, "on XOR", ("train_loss", "valid_acc"))
    result.figures.update(decision_regions(result, data, variants))


chapter = Chapter(
    name="xor",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 4},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    metrics=tested,
    show=show,
    parity=parity,
    may_diverge=lambda run: run.hp.lr >= 100,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
