"""Test the chapter on machine translation: its masks, its loss, greedy search, and both implementations."""

import functools

import numpy as np
import pytest
from mxnet import autograd, nd

from chapters import machine_translation
from chapters.machine_translation import HParams, Setting, translate
from d2l_repro.data.translation import PAD, Pairs, as_numbers, load_numbers
from d2l_repro.results import plot
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.gradcheck import check_model

BUILDERS = {"scratch": machine_translation.from_scratch, "gluon": machine_translation.with_gluon}
SMALL = {"num_hiddens": 6, "embed_size": 5, "attention_size": 3, "num_steps": 6}
both = pytest.mark.parametrize("impl", BUILDERS)
masked_or_not = pytest.mark.parametrize("mask_padding", [False, True])


def built(impl, mask_padding=True, seed=0, **changes):
    hp = Setting(mask_padding=mask_padding, **{**SMALL, **changes})
    data = machine_translation.data(hp, Options(dataset="numbers"))
    seed_everything(seed)
    model = BUILDERS[impl](hp, data)
    model.net(next(iter(data.train_iter))[0])
    return model, data, hp


@functools.lru_cache
def small():
    return machine_translation.run(HParams(**{**SMALL, "num_epochs": 1}), dataset="numbers")


def longer(batch, pairs, num_steps):
    """Return a batch in which sentences are filled up to more words."""
    X, y = (array.asnumpy() for array in batch)
    pads = [int(words.numbers([PAD])[0]) for words in (pairs.source_words, pairs.target_words)]

    def filled(rows, pad):
        return np.pad(rows, [(0, 0), (0, num_steps - rows.shape[1])], constant_values=pad)

    source, given, target = filled(X[:, 0], pads[0]), filled(X[:, 1], pads[1]), filled(y, pads[1])
    return nd.array(np.stack([source, given], axis=1)), nd.array(target)


@both
@masked_or_not
def test_loss_is_the_mean_over_words_without_padding(impl, mask_padding):
    model, data, _ = built(impl, mask_padding)
    X, y = next(iter(data.train_iter))
    scores = model.net(X).asnumpy().astype(np.float64)
    logs = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    target = y.asnumpy().astype(int)
    losses = -np.take_along_axis(logs, target[..., None], axis=2)[..., 0]
    is_word = target != data.source.target_words.numbers([PAD])[0]
    ours = model.loss(model.net(X), y)
    assert ours.shape == (len(y),)
    assert ours.mean().asscalar() == pytest.approx(losses[is_word].mean(), rel=1e-5)


@both
def test_padding_changes_neither_loss_nor_scores_nor_gradients_where_it_is_masked(impl):
    model, data, _ = built(impl, drop_prob=0.0)
    batch = next(iter(data.train_iter))
    results = []
    for num_steps in (6, 9):
        if impl == "gluon":
            model.net.num_steps = num_steps
            model.net.hybridize()  # forgets the graph of 6 steps
        X, y = longer(batch, data.source, num_steps)
        with autograd.record():
            y_hat = model.net(X)
            losses = model.loss(y_hat, y)
        losses.backward()
        gradients = [param.grad.asnumpy().copy() for param in parameters(model)]
        results.append([y_hat[:, :6].asnumpy(), losses.asnumpy(), *gradients])
    for short, long in zip(*results):
        np.testing.assert_allclose(long, short, rtol=1e-4, atol=1e-6)


@both
@masked_or_not
def test_padding_changes_translations_and_attention_only_where_it_is_read(impl, mask_padding):
    model, data, _ = built(impl, mask_padding)
    rng = np.random.RandomState(0)
    for param in parameters(model):
        param.set(rng.normal(size=param.get().shape))
    sentences = [source for source, _ in data.source.new]
    found = []
    for num_steps in (7, 12):
        numbers = nd.array(as_numbers(sentences, data.source.source_words, num_steps))
        outputs, state, mask = model.net.encode(numbers)
        word = nd.zeros(len(sentences))
        found.append(model.net.decode(word, state, outputs, mask))
    (scores, _, short), (others, _, long) = found
    equal = np.abs((scores - others).asnumpy()).max() < 1e-4
    assert equal == mask_padding
    assert (np.abs(long[:, 7:].asnumpy()).max() == 0) == mask_padding
    np.testing.assert_allclose(long.sum(axis=1).asnumpy(), 1, rtol=1e-5)
    if mask_padding:
        np.testing.assert_allclose(long[:, :7].asnumpy(), short.asnumpy(), atol=1e-5)


@both
def test_teacher_forcing_gives_each_step_the_right_word_before_it(impl):
    """Step by step, with the words that X holds, `decode` has the scores of the whole net."""
    model, data, hp = built(impl)
    X, _ = next(iter(data.train_iter))
    outputs, state, mask = model.net.encode(X[:, 0])
    whole = model.net(X).asnumpy()
    for step in range(hp.num_steps):
        scores, state, _ = model.net.decode(X[:, 1, step], state, outputs, mask)
        np.testing.assert_allclose(scores.asnumpy(), whole[:, step], rtol=1e-4, atol=1e-5)


@masked_or_not
def test_gradients_from_scratch_equal_central_differences(mask_padding):
    model, data, hp = built("scratch", mask_padding, drop_prob=0.0)
    X, y = next(iter(data.train_iter))
    assert check_model(model, X, y, hp.batch_size, elements=1) < 1e-6


class Copying:
    """A net that says the next word of a sentence whatever it has said before."""

    def encode(self, source):
        return source, [0], None

    def decode(self, word, state, outputs, mask):
        step = state[0]
        return nd.one_hot(outputs[:, step], 50), [step + 1], nd.one_hot(nd.ones(len(word)) * step, 5)


def test_translate_chooses_the_best_word_until_the_end_of_the_sentence():
    pairs = Pairs("x", "x", (("a b .", "a b ."),), ())
    [(text, attention), (whole, _)] = translate(Copying(), pairs, ["b a .", "a a a a"], 5)
    assert text == "b a ."
    assert attention.tolist() == np.eye(5)[:4].tolist()  # three words and <eos>
    assert whole == "a a a a"


@both
def test_translate_gives_a_sentence_the_same_translation_alone_and_among_others(impl):
    model, data, hp = built(impl)
    sentences = [source for source, _ in data.source.new]
    together = translate(model.net, data.source, sentences, hp.num_steps)
    for sentence, (text, attention) in zip(sentences, together):
        [(alone, own)] = translate(model.net, data.source, [sentence], hp.num_steps)
        assert alone == text
        np.testing.assert_allclose(own, attention, atol=1e-5)


def test_implementations_follow_the_same_path_and_draw_attention():
    result = small()
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None, None]
    assert result.parity["max_abs_diff"] < 1e-7
    scratch, gluon = built("scratch")[0], built("gluon")[0]
    assert [p.get().shape for p in parameters(scratch)] == [p.get().shape for p in parameters(gluon)]
    assert set(result.figures) == {"training_curves", "attention_scratch", "attention_gluon"}
    panels = result.figures["attention_scratch"].axes[:6]
    names = ["padding attended to", "padding masked out"]  # of each sentence side by side
    assert [ax.get_title().partition("\n")[0] for ax in panels] == names * 3
    assert "of the attention is on the first word read" in result.figures["attention_scratch"].get_label()
    assert len(result.tables["Translations"]) == 4 * 13
    assert result.published == []


def test_net_learns_numbers():
    hp = Setting(
        mask_padding=True, num_hiddens=32, embed_size=16, drop_prob=0.0, batch_size=16, num_epochs=12
    )
    data = machine_translation.data(hp, Options(dataset="numbers"))
    seed_everything(0)
    model = machine_translation.with_gluon(hp, data)
    history = machine_translation.train(model, data, hp)
    assert history[-1]["train_loss"] < history[0]["train_loss"] / 2
    assert history[-1]["train_bleu"] > history[0]["train_bleu"]
    right = machine_translation.count_right(model, data, history)["train_right"]
    assert 0 < right <= len(load_numbers().train)


def test_heat_maps_name_rows_and_columns():
    figure = plot.heat_maps([("x", np.eye(2), ["a", "b"], ["c", "d"])] * 4, "t", "weight")
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == 4
    assert [label.get_text() for label in drawn[0].get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in drawn[0].get_xticklabels()] == ["c", "d"]
    np.testing.assert_array_equal(drawn[0].images[0].get_array(), np.eye(2))
