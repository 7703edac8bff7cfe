"""Raw bytes against floats from 0 to 1 as input of softmax regression, from scratch and with Gluon.

A reader's article on hand-written optimizers in MXNet.

Pixels are stored as bytes from 0 to 255. Fed in as they are, they make every gradient of a weight 255 times
as large, and a step of the same learning rate overshoots: a loss with the softmax outside takes the logarithm
of a probability that was rounded to 0, and training stops; one that contains the softmax, like Gluon's, goes
on and swings. It is a matter of scale alone: with initial weights divided by 255 and the learning rate by
255^2 the weights take the steps they take on floats, 255 times as small. Only the bias, whose gradient the
pixels do not enter, then hardly moves.

Expect the raw runs to diverge or to swing by points from epoch to epoch, and the scaled one half a point
below floats.
"""

from dataclasses import dataclass

from d2l_repro import settings
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.settings import Count, Positive

from . import softmax_regression
from ._classifiers import Setting, data, runs_of, showing, train


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The textbook's settings of softmax regression."""

    num_epochs: Count = 10  # passes over the training set
    batch_size: Count = 256  # examples a step
    lr: Positive = 0.1  # learning rate of SGD on floats, and on bytes as they are


def comparisons(hp):
    """Title -> {name: Setting}."""
    base = Setting(
        num_epochs=hp.num_epochs, batch_size=hp.batch_size, lr=hp.lr, schedule="constant", loss="separate"
    )
    return {
        "Pixels": {
            "floats": base,
            "bytes": base.replace(pixels="bytes"),
            "bytes, softmax in the loss": base.replace(pixels="bytes", loss="joint"),
            "bytes, all scaled": base.replace(pixels="bytes", lr=hp.lr / 255**2, sigma=base.sigma / 255),
        }
    }


chapter = Chapter(
    name="data_preprocessing",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: runs_of(comparisons(hp)),
    train=train,
    show=showing(comparisons, HParams, "of"),
    may_diverge=lambda run: run.label.endswith("bytes"),
    # A run that overshoots multiplies every difference, the last digit's too, until there is nothing left to
    # compare.
    parity=lambda run: run.hp.pixels == "floats" or run.hp.lr < 1e-3,
    datasets=softmax_regression.chapter.datasets,
    comparable=softmax_regression.chapter.comparable,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
