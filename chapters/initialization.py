"""Three initialisations of softmax regression and an MLP, from scratch and with Gluon.

A reader's article on hand-written optimizers in MXNet.

Weights begin as N(0, 0.01) as in the book, as X. Glorot and Y. Bengio's uniform numbers, or as K. He's normal
ones. For a single layer, whose loss has one minimum, it hardly matters where one starts, and with one hidden
layer it makes little difference. (0.01 is the standard deviation.)

Expect test accuracies within a tenth of a point of each other for one layer, and within a point for the MLP,
where the book's initialisation comes last.
"""

from dataclasses import dataclass

from d2l_repro import settings
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.settings import Count, Positive

from . import softmax_regression
from ._classifiers import INITS, Setting, data, runs_of, showing, train


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article does not state its settings here; these are the textbook's."""

    num_epochs: Count = 5  # passes over the training set
    batch_size: Count = 256  # examples a step
    lr_softmax: Positive = 0.1  # learning rate of softmax regression
    lr_mlp: Positive = 0.5  # learning rate of the MLP


def comparisons(hp):
    """Title -> {name: Setting}."""
    base = Setting(num_epochs=hp.num_epochs, batch_size=hp.batch_size, schedule="constant")
    return {
        title: {f"{net} {name}": base.replace(net=net, lr=lr, init=name) for name in INITS}
        for net, title, lr in (("softmax", "Softmax regression", hp.lr_softmax), ("mlp", "MLP", hp.lr_mlp))
    }


chapter = Chapter(
    name="initialization",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    show=showing(comparisons, HParams),
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
