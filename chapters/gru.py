"""Gated recurrent units that write lyrics, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 6.7.

New since the recurrent net of section 6.4: two gates. The update gate says how much of the old hidden state
to keep, the reset gate how much of it the candidate for the new one may see. Text, sampling and training are
those of section 6.4.

The book's reset gate multiplies the old state before its product with a matrix; that of Gluon's layer
multiplies the product, which includes a second bias. So the book's two nets are not the same. Gluon's is
trained here in both implementations, the book's own from scratch, so that each printed perplexity is compared
with its own net.

Expect a perplexity of about 1.8 after 160 epochs, and 1.5 with Gluon's reset gate.
"""

from dataclasses import asdict, dataclass
from typing import Literal

from mxnet import gluon, init, nd
from mxnet.gluon import rnn

from d2l_repro import settings
from d2l_repro.experiment import characters
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.scratch import SGD, gru, gru_parameters, gru_reset_first, normal, softmax_cross_entropy
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train.callbacks import Clip, Perplexity
from d2l_repro.train.loop import train_ch3
from d2l_repro.train.parameters import parameters
from d2l_repro.train.stateful import RNNModel, StatefulNet

PERIOD = 40  # epochs from one print of the book to the next


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings."""

    num_hiddens: Units = 256  # hidden units
    num_steps: Count = 35  # characters of a row in a batch; the gradient flows back through these
    num_epochs: Count = 160  # passes over the text
    batch_size: Count = 32  # rows of a batch
    lr: Positive = 100.0  # learning rate of SGD, for the gradient of the mean loss per character
    clip: Positive = 0.01  # norm to which a larger gradient is scaled down
    sigma: Positive = 0.01  # standard deviation of the initial weights


@dataclass(frozen=True)
class Setting(HParams):
    """One of the nets."""

    reset: Literal["first", "last"] = (
        "first"  # whether the reset gate comes before or after the product with W_h
    )


def from_scratch(hp, data):
    """Build a GRU layer between one-hot vectors and an output layer."""
    size = len(data.source.idx_to_char)

    def draw(shape):
        return normal(shape, hp.sigma)

    layer = gru_parameters(size, hp.num_hiddens, draw)  # W_x, W_h, b_x, b_h of both gates and the candidate
    if hp.reset == "first":
        layer.pop()
    W_hq, b_q = draw((hp.num_hiddens, size)), nd.zeros(size)
    params = [*layer, W_hq, b_q]
    for param in params:
        param.attach_grad()

    def net(X, state):  # (batch, steps), [H] -> (steps * batch, size), [H]
        apply = gru_reset_first if hp.reset == "first" else gru
        H = apply(X.T, *state, *layer)
        return nd.dot(H.reshape((-1, hp.num_hiddens)), W_hq) + b_q, [H[-1]]

    def begin_state(X):
        return [nd.zeros((len(X), hp.num_hiddens), dtype=X.dtype)]

    return Model(StatefulNet(net, begin_state), softmax_cross_entropy, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build the net with the reset gate last from Gluon's layers."""
    net = RNNModel(rnn.GRU(hp.num_hiddens), len(data.source.idx_to_char))
    net.initialize(init.Normal(hp.sigma))
    stateful = StatefulNet(net, lambda X: net.begin_state(batch_size=len(X), dtype=X.dtype))
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(stateful, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def runs(hp):
    """Return the book's net from scratch, and that of Gluon's layer in both implementations."""
    own = Setting(**asdict(hp))
    last = own.replace(reset="last")
    return [
        *runs_of({"scratch": from_scratch}, {"reset first": own}),
        *runs_of(
            {"scratch": from_scratch, "gluon": with_gluon},
            {"reset last": last},
            # Unclipped, the book's learning rate would explode.
            parity_hp=last.replace(num_hiddens=16, num_steps=5, batch_size=8, sigma=0.3, lr=0.05),
        ),
    ]


def train(model, data, hp, callbacks=()):
    """Train on the mean loss per character with a clipped gradient."""
    num_chars = data.train_iter.num_chars
    clip = Clip([param.source for param in parameters(model)], hp.clip, num_chars)
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        num_chars,
        trainer=model.trainer,
        metrics={},
        callbacks=[model.net, clip, Perplexity(), *callbacks],
    )


chapter = Chapter(
    name="gru",
    doc=__doc__,
    HParams=HParams,
    quick={"num_hiddens": 32, "num_steps": 10, "batch_size": 8, "num_epochs": 4},
    data=characters.load_data,
    runs=runs,
    train=train,
    metrics=lambda model, data, history: characters.metrics(model, data, history, PERIOD),
    show=lambda result, data: characters.show(result, data, "GRUs"),
    datasets=("lyrics", "verses"),
    comparable=("lyrics",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
