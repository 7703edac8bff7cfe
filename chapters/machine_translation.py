"""Machine translation with attention, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 10.12.

An encoder reads a French sentence with two layers of GRUs. A decoder, two more layers, begins with the
encoder's last states and gives the English words one by one. Before each word it scores all of the encoder's
outputs, and reads their mean, weighted by the softmax of the scores, together with the previous word. In
training that is the correct previous word (teacher forcing), in translation its own. Twenty sentences are all
there is to learn from.

Sentences are padded to seven words. The loss ignores the padding, but the book's encoder reads it, its state
passes through it, and the decoder may attend to it. In the runs "padding masked" the last two do not happen,
so a translation does not depend on how much a sentence was padded.

BLEU multiplies, for n = 1 and 2, the share of n-grams that the right translation contains too, to the power
of 1 / 2^n, and penalizes what is too short. It is lenient: "they are russian ." for "they are canadian ." has
0.658. That sentence, the second that the book translates, contains a word that the file does not, so whatever
follows "they are" is a guess.

Expect a loss of 0.03 to 0.15 after 50 epochs, and 17 to 20 of the twenty sentences translated right. That is
memory: of nine new sentences, made of the same words, none to three are right, and the decoder often attends
to the first word alone. Of numbers in words (--dataset numbers) the same net is shown 89, and translates 7 or
8 of eleven others.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import nn, rnn

from d2l_repro import settings
from d2l_repro.data.text import END
from d2l_repro.data.translation import BEGIN, PAD, as_numbers, bleu, load_pairs
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import (
    Adam,
    additive_attention,
    dropout,
    gru,
    gru_cell,
    gru_parameters,
    softmax_cross_entropy,
    xavier,
)
from d2l_repro.scratch.attention import FAR_BELOW
from d2l_repro.settings import Count, Positive, Probability, Units
from d2l_repro.train import train_ch3

# The two sentences that the book translates; only the first is in its file.
BOOK = (("ils regardent .", "they are watching ."), ("ils sont canadiens .", "they are canadian ."))
DRAWN = 3  # sentences whose attention is drawn
LABELS = {"padding read": "padding attended to", "padding masked": "padding masked out"}  # in figures


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings."""

    embed_size: Units = 64  # size of a word's embedding
    num_hiddens: Units = 64  # size of each layer's state
    num_layers: Count = 2  # GRU layers of the encoder, and of the decoder
    attention_size: Units = 10  # hidden units of the net that scores the encoder's outputs
    drop_prob: Probability = 0.5  # probability of dropping an output between two layers
    num_steps: Count = 7  # words of a sentence with its <eos>; longer ones are left out, shorter filled up
    num_epochs: Count = 50  # passes over the sentences
    batch_size: Count = 2  # sentences per step
    lr: Positive = 0.01  # learning rate of Adam


@dataclass(frozen=True)
class Setting(HParams):
    """One run."""

    mask_padding: bool = False  # whether the encoder's last state and the attention leave out <pad>


def data(hp, options):
    """Load X (batch, 2, steps), a sentence and what the decoder is given, and y (batch, steps)."""
    pairs = load_pairs(options.dataset, options.data_dir)
    return pairs.minibatches(hp.batch_size, hp.num_steps, options.seed)


class Translator:
    """Compute the scores of every word of a translation, given the right words before it.

    Args:
        encode: sentences (batch, steps) -> outputs (steps, batch, hiddens), state of each layer, and mask
            (batch, steps).
        decode: word (batch,), state, outputs, mask -> scores (batch, words), state, attention (batch, steps).
    """

    def __init__(self, encode, decode):
        self.encode, self.decode = encode, decode

    def __call__(self, X):  # (batch, 2, steps) -> (batch, steps, words)
        outputs, state, mask = self.encode(X[:, 0])
        scores = []
        for word in X[:, 1].T:
            y_hat, state, _ = self.decode(word, state, outputs, mask)
            scores.append(y_hat)
        return nd.stack(*scores, axis=1)


def from_scratch(hp, data):
    """Build encoder, attention and decoder from their formulas."""
    num_source, num_target = len(data.source.source_words), len(data.source.target_words)
    source_pad, target_pad = paddings(data.source)

    def layers(num_inputs):
        inputs = [num_inputs] + [hp.num_hiddens] * (hp.num_layers - 1)
        return [gru_parameters(size, hp.num_hiddens, xavier) for size in inputs]

    source_embedding, encoder = xavier((num_source, hp.embed_size)), layers(hp.embed_size)
    target_embedding, decoder = xavier((num_target, hp.embed_size)), layers(hp.embed_size + hp.num_hiddens)
    attention = [xavier((2 * hp.num_hiddens, hp.attention_size)), xavier((hp.attention_size, 1))]
    W, b = xavier((hp.num_hiddens, num_target)), nd.zeros(num_target)
    params = [source_embedding, *(param for layer in encoder for param in layer)]
    params += [target_embedding, *attention, *(param for layer in decoder for param in layer), W, b]
    for param in params:
        param.attach_grad()

    def encode(source):  # (batch, steps)
        mask = source != source_pad if hp.mask_padding else nd.ones_like(source)
        H, state = source_embedding.take(source.T), []  # (steps, batch, embed)
        begin = nd.zeros((len(source), hp.num_hiddens), dtype=source.dtype)
        for i, layer in enumerate(encoder):
            H = gru(dropout(H, hp.drop_prob) if i else H, begin, *layer)
            # the output at the last step that is not masked
            state.append(nd.SequenceLast(H, mask.sum(axis=1), use_sequence_length=True))
        return H, state, mask

    def decode(word, state, outputs, mask):  # (batch,)
        context, weights = additive_attention(state[-1], outputs, mask, *attention)
        H, after = nd.concat(target_embedding.take(word), context, dim=1), []
        for i, (before, layer) in enumerate(zip(state, decoder)):
            H = gru_cell(dropout(H, hp.drop_prob) if i else H, before, *layer)
            after.append(H)
        return nd.dot(H, W) + b, after, weights

    def loss(y_hat, y):
        # l_i = 1/T sum over t of m_it l_it / mean(m), where m is 0 for <pad> and 1 for all other words: the
        # mean over the batch is that over its words
        losses = softmax_cross_entropy(y_hat.reshape((-1, num_target)), y.reshape((-1,))).reshape(y.shape)
        mask = y != target_pad
        return (mask * losses / mask.mean()).mean(axis=1)

    return Model(Translator(encode, decode), loss, params, Adam(params, hp.lr))


def paddings(pairs):
    """Return the numbers of <pad> in both languages."""
    return [int(words.numbers([PAD])[0]) for words in (pairs.source_words, pairs.target_words)]


class Encoder(gluon.HybridBlock):
    """Apply an embedding and GRU layers to sentences.

    Gluon has GRUs of several layers with dropout between them, but that dropout draws from a generator that
    no seed reaches, and the state of the lower layer is known for the last step only.
    """

    def __init__(self, num_words, pad, hp):
        super().__init__()
        self.pad, self.mask_padding = pad, hp.mask_padding
        with self.name_scope():
            self.embedding = nn.Embedding(num_words, hp.embed_size)
            self.layers = gru_layers(hp, hp.embed_size)
            self.dropout = nn.Dropout(hp.drop_prob)

    def hybrid_forward(self, F, source):  # (batch, steps)
        mask = source != self.pad if self.mask_padding else F.ones_like(source)
        H, state = self.embedding(F.transpose(source)), []  # (steps, batch, embed)
        for i, layer in enumerate(self.layers):
            H = layer(self.dropout(H) if i else H)
            state.append(F.SequenceLast(H, F.sum(mask, axis=1), use_sequence_length=True))
        return H, state, mask


def gru_layers(hp, num_inputs):
    """Return GRU layers, each of its own, as a Block."""
    layers = nn.HybridSequential()
    for i in range(hp.num_layers):
        layers.add(rnn.GRU(hp.num_hiddens, input_size=hp.num_hiddens if i else num_inputs))
    return layers


class Decoder(gluon.HybridBlock):
    """Compute the scores of the next word with attention, GRU layers and a dense layer."""

    def __init__(self, num_words, hp):
        super().__init__()
        dense = {"flatten": False, "use_bias": False}
        with self.name_scope():
            self.embedding = nn.Embedding(num_words, hp.embed_size)
            self.hidden = nn.Dense(hp.attention_size, activation="tanh", in_units=2 * hp.num_hiddens, **dense)
            self.score = nn.Dense(1, in_units=hp.attention_size, **dense)
            self.layers = gru_layers(hp, hp.embed_size + hp.num_hiddens)
            self.dense = nn.Dense(num_words, in_units=hp.num_hiddens)
            self.dropout = nn.Dropout(hp.drop_prob)

    def hybrid_forward(self, F, word, state, outputs, mask):  # (batch,)
        context, weights = self.attend(F, state[-1], outputs, mask)
        H, after = F.expand_dims(F.concat(self.embedding(word), context, dim=1), axis=0), []
        for i, (before, layer) in enumerate(zip(state, self.layers)):
            H, _ = layer(self.dropout(H) if i else H, F.expand_dims(before, axis=0))
            after.append(F.squeeze(H, axis=0))
        return self.dense(after[-1]), after, weights

    def attend(self, F, query, outputs, mask):
        """Return the context (batch, hiddens) and the attention (batch, steps)."""
        both = F.concat(outputs, F.broadcast_like(F.expand_dims(query, axis=0), outputs), dim=2)
        scores = F.transpose(F.squeeze(self.score(self.hidden(both)), axis=2))  # (batch, steps)
        weights = F.softmax(F.where(mask, scores, F.ones_like(scores) * FAR_BELOW))
        context = F.sum(F.broadcast_mul(F.expand_dims(F.transpose(weights), axis=2), outputs), axis=0)
        return context, weights


class GluonTranslator(gluon.HybridBlock):
    """Compute what `Translator` does, as one graph."""

    def __init__(self, pairs, hp):
        super().__init__()
        self.num_steps = hp.num_steps
        pad, _ = paddings(pairs)
        with self.name_scope():
            self.encode = Encoder(len(pairs.source_words), pad, hp)
            self.decode = Decoder(len(pairs.target_words), hp)

    def hybrid_forward(self, F, X):
        source, given = F.split(X, axis=1, num_outputs=2, squeeze_axis=True)
        outputs, state, mask = self.encode(source)
        scores = []
        for step in range(self.num_steps):
            word = F.squeeze(F.slice_axis(given, axis=1, begin=step, end=step + 1), axis=1)
            y_hat, state, _ = self.decode(word, state, outputs, mask)
            scores.append(y_hat)
        return F.stack(*scores, axis=1)


class WordLoss(gluon.loss.SoftmaxCELoss):
    """Compute the mean loss of the words that are not <pad>."""

    def __init__(self, pad):
        super().__init__()
        self.pad = pad

    def hybrid_forward(self, F, y_hat, y):
        mask = y != self.pad
        weights = F.expand_dims(F.broadcast_div(mask, F.mean(mask)), axis=2)
        return super().hybrid_forward(F, y_hat, y, weights)


def with_gluon(hp, data):
    """Build the same from Gluon."""
    net, (_, target_pad) = GluonTranslator(data.source, hp), paddings(data.source)
    net.initialize("xavier")
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "adam", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, WordLoss(target_pad), params, trainer)


def runs(hp):
    """Return the book's net, and one that leaves out the padding, in both implementations."""
    book = Setting(**asdict(hp))
    settings_of = {"padding read": book, "padding masked": book.replace(mask_padding=True)}
    # For the comparison of paths: dropout would draw different masks, and full size takes longer and shows no
    # more. Gluon rounds Adam's learning rate, with its correction, to single precision at every step, which
    # fifty steps of 0.01 would amplify.
    small = {"drop_prob": 0.0, "num_hiddens": 16, "embed_size": 16, "num_steps": 5, "lr": 0.001}
    return [
        run
        for name, setting in settings_of.items()
        for run in runs_of(
            {"scratch": from_scratch, "gluon": with_gluon},
            {name: setting},
            parity_hp=setting.replace(**small),
        )
    ]


def train(model, data, hp, callbacks=()):
    """Train, and after each epoch translate the sentences without help."""
    pairs = data.source
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        measure={
            "train_bleu": lambda: mean_bleu(model.net, pairs, pairs.train, hp.num_steps),
            "new_bleu": lambda: mean_bleu(model.net, pairs, pairs.new, hp.num_steps),
        },
        callbacks=callbacks,
    )


def translate(net, pairs, sentences, num_steps):
    """Translate sentences word by word, each time by the word with the highest score (greedy search).

    Args:
        net: a Translator.
        pairs: the data, with the vocabularies.
        sentences: words separated by spaces.
        num_steps: length to which sentences are filled up, and most words of a translation.

    Returns:
        for each sentence its translation, and the attention, NumPy array (words of the translation and its
        <eos>, num_steps).
    """
    outputs, state, mask = net.encode(nd.array(as_numbers(sentences, pairs.source_words, num_steps)))
    word = nd.full(len(sentences), pairs.target_words.numbers([BEGIN])[0])
    words, attention = [], []
    for _ in range(num_steps):
        scores, state, weights = net.decode(word, state, outputs, mask)
        word = scores.argmax(axis=1)
        words.append(word)
        attention.append(weights)
    numbers = nd.stack(*words, axis=1).asnumpy().astype(int)  # (sentences, num_steps)
    weights = nd.stack(*attention, axis=1).asnumpy()  # (sentences, num_steps, num_steps)
    found = []
    for row, of_row in zip(numbers, weights):
        translation = pairs.target_words.text(row).split()
        length = translation.index(END) if END in translation else len(translation)
        found.append((" ".join(translation[:length]), of_row[: length + 1]))
    return found


def translations(net, pairs, examples, num_steps):
    """Return (translation, right translation) of some pairs."""
    found = translate(net, pairs, [source for source, _ in examples], num_steps)
    return [(ours, right) for (ours, _), (_, right) in zip(found, examples)]


def mean_bleu(net, pairs, examples, num_steps):
    """Return the mean BLEU of the translations of some pairs."""
    scores = [bleu(*both) for both in translations(net, pairs, examples, num_steps)]
    return sum(scores) / len(scores)


def count_right(model, data, history):
    """Return how many of the learned and of the new sentences are translated right."""
    pairs, num_steps = data.source, data.train_iter.y.shape[1]
    return {
        f"{name}_right": sum(
            ours == right for ours, right in translations(model.net, pairs, examples, num_steps)
        )
        for name, examples in (("train", pairs.train), ("new", pairs.new))
    }


def show(result, data):
    """Show the curves, what becomes of the sentences, and what the decoder attended to."""
    pairs, num_steps = data.source, result.settings["num_steps"]
    result.figures["training_curves"] = plot.comparison(
        {result.label(replace(run, variant=LABELS[run.variant])): run for run in result.runs},
        f"Translating {pairs.title}",
        ("train_loss", "train_bleu", "new_bleu"),
    )
    result.tables["Sentences translated right"] = [
        {
            "run": label,
            f"of {len(pairs.train)} learned": run.metrics["train_right"],
            f"of {len(pairs.new)} new": run.metrics["new_right"],
            "BLEU of the learned": f"{run.metrics['train_bleu']:.3f}",
            "BLEU of the new": f"{run.metrics['new_bleu']:.3f}",
        }
        for label, run in result.labelled().items()
        if run.metrics
    ]
    examples = [*(BOOK if pairs.name == "fr_en" else pairs.train[-2:]), *pairs.new]
    rows, panels = [], {}
    for run in result.runs:
        if run.model is None:
            continue
        found = translate(run.model.net, pairs, [source for source, _ in examples], num_steps)
        rows += [
            {
                "run": run.name,
                "sentence": source,
                "learned": "yes" if (source, right) in pairs.train else "no",
                "translation": ours,
                "right": right,
                "BLEU": f"{bleu(ours, right):.3f}",
            }
            for (source, right), (ours, _) in zip(examples, found)
        ]
        panels.setdefault(run.impl, []).append(
            [
                attention_panel(run.variant, source, *translation, num_steps, right)
                for (source, right), translation in zip(examples[:DRAWN], found)
            ]
        )
    result.tables["Translations"] = rows
    for impl, drawn in panels.items():
        result.figures[f"attention_{impl}"] = attention_maps(
            [panel for of_sentence in zip(*drawn) for panel in of_sentence], f", {plot.IMPLS[impl]}"
        )


def attention_panel(variant, sentence, translation, weights, num_steps, right):
    """Return a panel with a row for each word of the translation, and a column for each of the sentence."""
    read = [*sentence.split(), END][:num_steps]
    columns = read + [PAD] * (num_steps - len(read))
    name = f"{LABELS[variant]}\n{'translated right' if translation == right else f'should be: {right}'}"
    return name, weights, [*translation.split(), END][: len(weights)], columns


def attention_maps(panels, ending=""):
    """Draw to which words of the sentences those of the translations attend.

    Args:
        panels: as `attention_panel` returns them; those of one sentence follow each other.
        ending: of the figure's title.
    """
    first = np.concatenate([weights[:, 0] for _, weights, *_ in panels]).mean()
    title = f"Over all words said, {first:.0%} of the attention is on the first word read"
    axes = {"xlabel": "words of the sentence read", "ylabel": "words of the translation"}
    return plot.heat_maps(panels, title + ending, "weight, 1 in each row", columns=2, **axes)


chapter = Chapter(
    name="machine_translation",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2, "num_hiddens": 16, "embed_size": 16},
    data=data,
    runs=runs,
    train=train,
    metrics=count_right,
    show=show,
    datasets=("fr_en", "numbers"),
    comparable=("fr_en",),
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
