"""A language model of the Penn Treebank, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A language model predicts how probable each word is to come next. An embedding matrix has a row for each word;
two LSTM layers read the rows one after the other; the same matrix, transposed, turns the upper layer's output
into a score for each word of the vocabulary. The text is read in twenty rows side by side, 35 words at a
time. The state is carried over from one window to the next; the gradient is not. The gradient is clipped,
since it occasionally grows very large.

The loss is summed over the 35 steps and averaged over the rows, which is what a learning rate of 1 is meant
for. Perplexity is e to the mean loss per word: the number of words that the model, on average, hesitates
between.

Expect a perplexity of about 70 in training, as the mean over the fifth epoch, and 110 in validation. An epoch
takes about two minutes with Gluon on two cores, and five from scratch, which is trained only if `--impl
scratch` asks for it; that both take the same steps is compared anyway, with a small net. The history also has
the perplexity so far after 1193 and 1293 of an epoch's 1327 batches; in the fifth epoch, these are the
article's steps 6500 and 6600, for which it prints the perplexity. After each epoch a checkpoint is saved
beside the results, from which --resume continues.
"""

from d2l_repro import compat

compat.prepare_large_nets()

from dataclasses import dataclass, replace

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn, rnn

from d2l_repro import settings
from d2l_repro.data.text import END, load_text
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.description import Execution
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, dropout, lstm, lstm_parameters
from d2l_repro.settings import Count, Positive, Probability, Units
from d2l_repro.train.callbacks import Clip, Perplexity, perplexity
from d2l_repro.train.loop import Callback, evaluate, train_ch3
from d2l_repro.train.parameters import parameters
from d2l_repro.train.stateful import StatefulNet

SAMPLE_WORDS = 40  # words of a text that the model generates
# Batches of the fifth epoch after which the article prints the perplexity so far, as that of steps 6500 and
# 6600. It counts steps from 0 over all epochs, each of 1327 batches.
PRINTED = tuple(step - 4 * 1327 + 1 for step in (6500, 6600))
TEMPERATURES = (0.5, 0.8, 1.0)  # for such texts: below 1, probable words become even more probable


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article's settings."""

    num_hiddens: Units = 300  # size of an embedding and of each layer's state
    num_layers: Count = 2  # LSTM layers, one on top of the other
    num_steps: Count = 35  # words of a row in a window; the gradient flows back through these
    drop_prob: Probability = 0.1  # probability of dropping an element of the embedding or of a layer's output
    sigma: Positive = 0.05  # initial weights are drawn uniformly between -sigma and sigma
    num_epochs: Count = 5  # passes over the text
    batch_size: Count = 20  # rows read side by side
    lr: Positive = 1.0  # learning rate of SGD
    clip: Positive = 5.0  # norm to which a larger gradient is scaled down


def data(hp, options):
    """Load X and y (batch, steps), word numbers; y is X one word later, and windows follow one another."""
    return load_text(options.dataset, options.data_dir, options.quick).windows(hp.batch_size, hp.num_steps)


def from_scratch(hp, data):
    """Build the embedding, the LSTM layers, and the embedding again as output layer."""

    def draw(shape):
        return nd.random.uniform(-hp.sigma, hp.sigma, shape=shape)

    num_words = len(data.source.vocabulary)
    embedding, bias = draw((num_words, hp.num_hiddens)), nd.zeros(num_words)
    layers = [lstm_parameters(hp.num_hiddens, hp.num_hiddens, draw) for _ in range(hp.num_layers)]
    params = [embedding, *(param for layer in layers for param in layer), bias]
    for param in params:
        param.attach_grad()

    def net(X, state):  # (batch, steps), [H, C] of each layer -> (batch * steps, words), state
        # A row of the embedding for each word: the product with a one-hot vector, without its zeros.
        H = dropout(embedding.take(X.T), hp.drop_prob)  # (steps, batch, hiddens)
        after = []
        for layer, before in zip(layers, zip(state[::2], state[1::2])):
            H, last = lstm(H, before, *layer)
            H = dropout(H, hp.drop_prob)
            after += last
        H = H.swapaxes(0, 1).reshape((-1, hp.num_hiddens))  # in the order of the text, as y is
        # y_hat = H E' + b, as one product [H 1] [E b]': the gradient of a separate b is a sum over all rows,
        # for which MXNet takes longer than for the product itself.
        H = nd.concat(H, nd.ones((len(H), 1), dtype=H.dtype), dim=1)
        return nd.dot(H, nd.concat(embedding, bias.expand_dims(1), dim=1), transpose_b=True), after

    def begin_state(X):
        return [nd.zeros((len(X), hp.num_hiddens), dtype=X.dtype) for _ in range(2 * hp.num_layers)]

    def loss(y_hat, y):
        # softmax_cross_entropy of chapter 3 in fewer operators: over 10,000 words each of them takes time.
        return -y_hat.log_softmax().pick(y.reshape((-1,)))

    return Model(StatefulNet(net, begin_state), loss, params, SGD(params, hp.lr))


class QuickLSTM(rnn.LSTM):
    """Apply Gluon's layer to as many inputs as hidden units, with its state as an argument.

    Its operator needs all parameters as one vector, which Gluon joins from vectors. MXNet joins matrices
    thirty times as fast, and their rows come in the same order.
    """

    def hybrid_forward(self, F, X, state, l0_i2h_weight, l0_h2h_weight, l0_i2h_bias, l0_h2h_bias):
        biases = (F.reshape(bias, (4, -1)) for bias in (l0_i2h_bias, l0_h2h_bias))
        rows = F.concat(l0_i2h_weight, l0_h2h_weight, *biases, dim=0)  # (8 hiddens + 8, hiddens)
        options = {"state_size": self._hidden_size, "num_layers": 1, "mode": "lstm", "state_outputs": True}
        outputs, H, C = F.RNN(X, F.reshape(rows, (-1,)), *state, **options)
        return outputs, [H, C]


class WordLSTM(gluon.HybridBlock):
    """Compute (X, state) -> y_hat, state with Gluon's layers.

    Dropout layers stand between them: the dropout inside Gluon's LSTM draws from a generator that no seed
    reaches.
    """

    def __init__(self, num_words, hp):
        super().__init__()
        self.num_hiddens = hp.num_hiddens
        with self.name_scope():
            self.embedding = nn.Embedding(num_words, hp.num_hiddens)
            self.layers = nn.HybridSequential()
            for _ in range(hp.num_layers):
                self.layers.add(QuickLSTM(hp.num_hiddens, input_size=hp.num_hiddens))
            self.dropout = nn.Dropout(hp.drop_prob)
            self.dense = nn.Dense(num_words, in_units=hp.num_hiddens, params=self.embedding.params)
        # Gluon's LSTM has two biases, which are only ever added up: one of them stays 0.
        self.collect_params(".*h2h_bias").setattr("grad_req", "null")

    def hybrid_forward(self, F, X, state):
        H, after = self.dropout(self.embedding(F.transpose(X))), []
        for layer, *before in zip(self.layers, state[::2], state[1::2]):
            H, last = layer(H, before)
            H = self.dropout(H)
            after += last
        return self.dense(F.reshape(F.swapaxes(H, 0, 1), (-1, self.num_hiddens))), after

    def begin_state(self, X):
        return [nd.zeros((1, len(X), self.num_hiddens), dtype=X.dtype) for _ in range(2 * len(self.layers))]


class WordLoss(gluon.loss.SoftmaxCrossEntropyLoss):
    """Compute one loss per word: scores (batch * steps, words) and y (batch, steps) -> (batch * steps,)."""

    def hybrid_forward(self, F, y_hat, y):
        return super().hybrid_forward(F, y_hat, F.reshape(y, (-1,)))


def with_gluon(hp, data):
    """Build the same from Gluon, where a layer over all steps is one operator and the net one graph."""
    net = WordLSTM(len(data.source.vocabulary), hp)
    net.initialize(init.Uniform(hp.sigma))
    loss = WordLoss()
    for block in (net, loss):
        block.hybridize(static_alloc=True, static_shape=True)
    stateful = StatefulNet(net, net.begin_state)
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr}, kvstore=None)
    return Model(stateful, loss, params, trainer, gradients=stateful.gradients_of(loss))


def runs(hp):
    """Return the LSTM in both implementations."""
    # Dropout would draw different masks; in double precision the full size takes minutes and shows no more.
    small = hp.replace(drop_prob=0.0, sigma=0.5, num_hiddens=16, num_steps=5, batch_size=4)
    both = runs_of(
        {"scratch": from_scratch, "gluon": with_gluon},
        {f"LSTM {hp.num_epochs} epochs": hp},
        parity_hp=small,
    )
    return [replace(run, on_request=run.impl == "scratch") for run in both]


def train(model, data, hp, callbacks=()):
    """Train with a state carried over and a clipped gradient; the validation text is read as a whole."""
    clip = Clip([param.source for param in parameters(model)], hp.clip, hp.batch_size)
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        gradients=model.gradients,
        callbacks=[model.net, clip, Perplexity(), RunningPerplexity(), *callbacks],
        measure={"valid_loss": lambda: evaluate(data.test_iter, model.net.reader(), model.loss)},
    )


class RunningPerplexity(Callback):
    """Add to the history the perplexity so far in the epoch, after as many batches as `PRINTED` has.

    An epoch that is shorter gets none.
    """

    def __init__(self):
        self.batch, self.found = 0, {}

    def after_step(self, loop):
        self.batch += 1
        if self.batch in PRINTED:
            self.found[self.batch] = loop.sums["train_loss"], loop.counts["train_loss"]

    def after_epoch(self, loop):
        loop.history[-1].update(
            {
                f"perplexity_after_{i}": perplexity(loss.asscalar().item() / words)
                for i, (loss, words) in self.found.items()
            }
        )
        self.batch, self.found = 0, {}


def sample(net, vocabulary, temperature, rng, count=SAMPLE_WORDS):
    """Return a text of `count` words, each drawn from the model's prediction after the words before it."""
    read = net.reader()
    numbers = vocabulary.numbers([END])
    for _ in range(count):
        scores = read(nd.array(numbers[-1:]).expand_dims(0))[0].asnumpy().astype(np.float64) / temperature
        powers = np.exp(scores - scores.max())
        numbers = np.append(numbers, rng.choice(len(vocabulary), p=powers / powers.sum()))
    return vocabulary.text(numbers[1:])


def show(result, data):
    """Show perplexity by epoch, and texts that the models generate."""
    title = f"LSTM language model of the {data.source.title}"
    ends = [run.history[-1]["valid_perplexity"] for run in result.runs if run.history]
    if ends:
        title += f": a validation perplexity of {min(ends):.0f} at the end"
    result.figures["perplexity"] = plot.comparison(
        result.labelled(), title, ("train_perplexity", "valid_perplexity")
    )
    rng = np.random.RandomState(result.seed)
    result.tables["Texts the models generate"] = [
        {
            "run": label,
            "temperature": temperature,
            "text": sample(model.net, data.source.vocabulary, temperature, rng),
        }
        for label, model in result.models.items()
        for temperature in TEMPERATURES
    ]


chapter = Chapter(
    name="language_model",
    doc=__doc__,
    HParams=HParams,
    quick={"num_hiddens": 32, "num_steps": 10, "batch_size": 10, "num_epochs": 3, "sigma": 0.2},
    data=data,
    runs=runs,
    train=train,
    show=show,
    datasets=("ptb", "grammar"),
    comparable=("ptb",),
    execution=Execution.RESUMABLE,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
