"""A recurrent net that writes lyrics, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, sections 6.3 to 6.5.

A net reads a text character by character and says which character comes next. What it has read so far is in
its hidden state: H of a step is computed from the character and from H of the step before. The text is read
in rows of 35 characters, 32 rows at a time, either in random order, each row from a fresh state, or so that
every row continues where the previous one ended, with the state carried over. The gradient flows back through
35 steps and may explode, so it is clipped.

Section 6.5 does the same with Gluon's layer, whose defaults give a different net: ReLU instead of tanh, and
two biases that are only ever added up, and so move twice as far in a step. All three are trained here in both
implementations, so that each printed perplexity is compared with its own net.

Expect a perplexity of about 1.3 after 250 epochs with random sampling and 1.2 with adjacent sampling: the net
has memorized the text. With ReLU it is at about 1.7.
"""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import rnn

from d2l_repro import settings
from d2l_repro.data.characters import CharacterBatches
from d2l_repro.experiment import characters
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, normal, plain_rnn, plain_rnn_parameters, relu, softmax_cross_entropy
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train.callbacks import Clip, Perplexity
from d2l_repro.train.loop import train_ch3
from d2l_repro.train.parameters import parameters
from d2l_repro.train.stateful import RNNModel, StatefulNet

PERIOD = 50  # epochs from one print of the book to the next
ACTIVATIONS = {"tanh": nd.tanh, "relu": relu}
LABELS = {  # in the figure
    "random sampling": "tanh, random sampling",
    "adjacent sampling": "tanh, adjacent sampling",
    "ReLU, two biases": "ReLU, two biases, adjacent sampling",
}
DRAWN = (60, 3, 5)  # characters of the text whose sampling is drawn, rows, steps


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings."""

    num_hiddens: Units = 256  # hidden units
    num_steps: Count = 35  # characters of a row in a batch; the gradient flows back through these
    num_epochs: Count = 250  # passes over the text
    batch_size: Count = 32  # rows of a batch
    lr: Positive = 100.0  # learning rate of SGD, for the gradient of the mean loss per character
    clip: Positive = 0.01  # norm to which a larger gradient is scaled down
    sigma: Positive = 0.01  # standard deviation of the initial weights


@dataclass(frozen=True)
class Setting(HParams):
    """One of the nets."""

    sampling: Literal["random", "adjacent"] = "adjacent"
    activation: Literal["tanh", "relu"] = "tanh"
    num_biases: Literal[1, 2] = 1


def data(hp, options):
    """Load X (batch, steps) and y (steps * batch,), the character after each of X's, step by step."""
    return characters.load_data(hp, options, hp.sampling == "adjacent")


def from_scratch(hp, data):
    """Build section 6.4: a recurrent layer between one-hot vectors and an output layer."""
    size = len(data.source.idx_to_char)

    def draw(shape):
        return normal(shape, hp.sigma)

    layer = plain_rnn_parameters(size, hp.num_hiddens, draw)  # W_xh, W_hh, b_h
    layer += [nd.zeros(hp.num_hiddens) for _ in range(hp.num_biases - 1)]
    W_hq, b_q = draw((hp.num_hiddens, size)), nd.zeros(size)
    params = [*layer, W_hq, b_q]
    for param in params:
        param.attach_grad()

    def net(X, state):  # (batch, steps), [H] -> (steps * batch, size), [H]
        W_xh, W_hh, *biases = layer
        H = plain_rnn(X.T, *state, W_xh, W_hh, sum(biases), ACTIVATIONS[hp.activation])
        return nd.dot(H.reshape((-1, hp.num_hiddens)), W_hq) + b_q, [H[-1]]

    def begin_state(X):
        return [nd.zeros((len(X), hp.num_hiddens), dtype=X.dtype)]

    stateful = StatefulNet(net, begin_state, carried=hp.sampling == "adjacent")
    return Model(stateful, softmax_cross_entropy, params, SGD(params, hp.lr))


def with_gluon(hp, data):
    """Build section 6.5: the same from Gluon's layers."""
    net = RNNModel(rnn.RNN(hp.num_hiddens, activation=hp.activation), len(data.source.idx_to_char))
    net.initialize(init.Normal(hp.sigma))
    if hp.num_biases == 1:
        net.collect_params(".*h2h_bias").setattr("grad_req", "null")  # stays 0
    stateful = StatefulNet(
        net,
        lambda X: net.begin_state(batch_size=len(X), dtype=X.dtype),
        carried=hp.sampling == "adjacent",
    )
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(stateful, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)


def runs(hp):
    """Return the nets of both sections, each in both implementations."""
    own = Setting(**asdict(hp))
    nets = {
        "random sampling": own.replace(sampling="random"),
        "adjacent sampling": own,
        "ReLU, two biases": own.replace(activation="relu", num_biases=2),
    }
    return [
        run
        for name, setting in nets.items()
        for run in runs_of(
            {"scratch": from_scratch, "gluon": with_gluon},
            {name: setting},
            # Unclipped, the book's learning rate would explode. Gluon's ReLU is single precision inside.
            parity_hp=setting.replace(num_hiddens=16, num_steps=5, batch_size=8, sigma=0.3, lr=0.05),
        )
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


def sampled_positions():
    """Return way of sampling -> the positions in the text of each batch, (rows, steps), on a short text."""
    num_chars, rows, steps = DRAWN
    text = list(range(num_chars))
    shuffle = np.random.RandomState(0).shuffle
    return {
        "random sampling": [X.asnumpy() for X, _ in CharacterBatches(text, rows, steps, False, shuffle)],
        "adjacent sampling": [X.asnumpy() for X, _ in CharacterBatches(text, rows, steps)],
    }


def show(result, data):
    """Show both ways of sampling, the perplexity by epoch, and what the nets write."""
    title = "Where in a text the rows of a batch lie, and where a state can be carried over"
    result.figures["sampling"] = plot.sampling(sampled_positions(), title)
    characters.show(result, data, "Recurrent nets", LABELS)


chapter = Chapter(
    name="rnn",
    doc=__doc__,
    HParams=HParams,
    quick={"num_hiddens": 32, "num_steps": 10, "batch_size": 8, "num_epochs": 4},
    data=data,
    runs=runs,
    train=train,
    metrics=lambda model, data, history: characters.metrics(model, data, history, PERIOD),
    show=show,
    datasets=("lyrics", "verses"),
    comparable=("lyrics",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
