"""Test the recurrent nets of characters: their text, their states, what they learn and what they write."""

import importlib
import random

import numpy as np
import pytest
from mxnet import autograd, nd

from chapters import gru, lstm, rnn
from d2l_repro.data import download
from d2l_repro.data.characters import CharacterBatches, Characters, continue_text
from d2l_repro.errors import InputError
from d2l_repro.experiment import characters
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.loop import Callback, train_ch3
from d2l_repro.train.parameters import parameters
from d2l_repro.train.stateful import StatefulNet

CHAPTERS = {"rnn": rnn, "gru": gru, "lstm": lstm}
BOOK = {"rnn": 250, "gru": 160, "lstm": 160}  # epochs
SMALL = {"num_hiddens": 8, "num_steps": 5, "batch_size": 4, "num_epochs": 2}
SONG = "分开 月光慢慢走远 不分开 月光又回来了 " * 12


@pytest.fixture(scope="module")
def results():
    """Return name -> result of a chapter on a few generated verses, trained once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(characters, "QUICK_CHARS", 200)
        return {
            name: chapter.run(chapter.HParams(**SMALL), dataset="verses", quick=True)
            for name, chapter in CHAPTERS.items()
        }


def song():
    return Characters("song", "a song", SONG)


def built(name, variant, build, hp=SMALL, seed=0):
    """Return a model of a chapter on the song, its data and its settings."""
    chapter = CHAPTERS[name]
    runs = chapter.runs(chapter.HParams(**hp))
    setting = next(run.hp for run in runs if run.variant == variant)
    text = song()
    batches = CharacterBatches(text.indices, setting.batch_size, setting.num_steps)
    data = characters.Data("song", batches, None, text)
    seed_everything(seed)
    model = getattr(chapter, build)(setting, data)
    model.net(next(iter(batches))[0])  # from which Gluon infers the shapes of its parameters
    return model, data, setting


def nets():
    """Return (chapter, variant, builder) of every net."""
    return [
        (name, run.variant, run.build.__name__)
        for name, chapter in CHAPTERS.items()
        for run in chapter.runs(chapter.HParams())
    ]


# The text in batches


@pytest.mark.parametrize("consecutive", [True, False])
@pytest.mark.parametrize("size", [(60, 3, 5), (61, 2, 7), (16, 2, 7), (15, 1, 14)])
def test_batches_have_the_next_characters_step_by_step_and_as_many_as_their_length_says(size, consecutive):
    num_chars, rows, steps = size
    batches = CharacterBatches(list(range(num_chars)), rows, steps, consecutive, random.Random(0).shuffle)
    found = list(batches)
    assert len(found) == len(batches) >= 1
    for X, y in found:
        assert X.shape == (rows, steps)
        np.testing.assert_array_equal(y.asnumpy().reshape(steps, rows).T, X.asnumpy() + 1)


def test_only_adjacent_sampling_goes_on_where_each_row_has_ended():
    ways = rnn.sampled_positions()
    for name, goes_on in (("adjacent sampling", True), ("random sampling", False)):
        steps = ways[name][0].shape[1]
        pairs = list(zip(ways[name], ways[name][1:]))
        assert len(pairs) >= 2
        assert all((before + steps == after).all() for before, after in pairs) == goes_on
    numbers = np.sort(np.concatenate([X.ravel() for X in ways["random sampling"]]))
    assert len(set(numbers)) == len(numbers)  # no position is read twice


def test_random_sampling_depends_on_its_seed_and_not_on_pythons_random():
    def order(seed):
        batches = CharacterBatches(list(range(100)), 2, 5, False, random.Random(seed).shuffle)
        return [X.asnumpy()[0, 0] for _ in range(2) for X, _ in batches]

    assert order(0) == order(0) != order(1)
    first, second = np.array_split(np.array(order(0)), 2)
    assert (first != second).any()  # each epoch has an order of its own


@pytest.mark.parametrize("consecutive", [True, False])
def test_text_that_fills_no_batch_is_rejected(consecutive):
    with pytest.raises(InputError, match="a text of 35 characters is too short for 5 rows of 7 characters"):
        CharacterBatches(list(range(35)), 5, 7, consecutive)


def test_sampling_draws_every_row_and_a_line_where_a_state_is_carried_over():
    figure = plot.sampling(rnn.sampled_positions(), "title")
    random_ax, adjacent_ax = figure.axes
    assert len(random_ax.patches) == len(adjacent_ax.patches) == 9
    assert len(random_ax.lines) == 0
    assert len(adjacent_ax.lines) == 6


# The nets


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_trains_both_implementations_along_the_same_path(name, results):
    result = results[name]
    assert not result.errors
    assert all(pair["left_at"] is None and pair["max_abs_diff"] < 1e-6 for pair in result.parity["pairs"])
    variants = {run.variant for run in CHAPTERS[name].runs(CHAPTERS[name].HParams()) if run.impl == "gluon"}
    assert len(result.parity["pairs"]) == len(variants)
    for run in result.runs:
        assert run.history[-1]["train_perplexity"] == pytest.approx(np.exp(run.history[-1]["train_loss"]))
    lines = result.tables["Lines that the nets write"]
    assert {row["run"] for row in lines} == set(result.labelled())
    assert all(len(row["line"].partition("分开")[2]) == characters.NUM_WRITTEN for row in lines)


@pytest.mark.parametrize(("name", "variant", "build"), nets())
def test_net_carries_its_state_over_unless_its_rows_are_sampled_at_random(name, variant, build):
    model, data, _ = built(name, variant, build)
    (X, _), (X2, _) = list(data.train_iter)[:2]
    with autograd.train_mode():
        model.net(X)
        after_another = model.net(X2).asnumpy()
        model.net.state = None
        fresh = model.net(X2).asnumpy()
    assert np.array_equal(after_another, fresh) == (variant == "random sampling")


@pytest.mark.parametrize(("name", "variant", "build"), nets())
def test_net_scores_a_row_character_by_character_as_all_at_once_and_no_row_sees_another(name, variant, build):
    model, data, _ = built(name, variant, build)
    X, _ = next(iter(data.train_iter))
    whole = model.net(X).reshape((X.shape[1], len(X), -1)).asnumpy()
    read = model.net.reader()
    for step, expected in enumerate(whole[:, 1]):
        scores = read(X[1:2, step : step + 1])
        np.testing.assert_allclose(scores.asnumpy()[0], expected, rtol=1e-4, atol=1e-6)


def test_number_of_biases_and_kind_of_reset_gate_are_those_of_the_variant():
    def shapes(*names):
        return [param.get().shape for param in parameters(built(*names)[0])]

    hiddens = SMALL["num_hiddens"]
    for name, variant, gates, biases in (
        ("rnn", "adjacent sampling", 1, 1),
        ("rnn", "ReLU, two biases", 1, 2),
        ("gru", "reset last", 3, 2),
        ("lstm", "one bias", 4, 1),
        ("lstm", "two biases", 4, 2),
    ):
        expected = [(gates * hiddens,)] * biases
        for build in ("from_scratch", "with_gluon"):
            assert shapes(name, variant, build)[2:-2] == expected
    assert shapes("gru", "reset first", "from_scratch")[2:-2] == [(3 * hiddens,)]


@pytest.mark.parametrize("build", ["from_scratch", "with_gluon"])
def test_second_bias_doubles_the_step_of_their_sum(build):
    steps = []
    for variant in ("one bias", "two biases"):
        model, data, _ = built("lstm", variant, build)
        before = [param.get() for param in parameters(model)]
        one = [next(iter(data.train_iter))]
        count = data.train_iter.num_chars
        train_ch3(model.net, one, None, model.loss, 1, count, trainer=model.trainer, metrics={})
        moved = [param.get() - start for param, start in zip(parameters(model), before)]
        steps.append(sum(moved[2:-2]))
    np.testing.assert_allclose(steps[1], 2 * steps[0], rtol=1e-3)


@pytest.mark.parametrize("name", CHAPTERS)
def test_gradient_of_the_mean_loss_per_character_is_clipped(name):
    norms = []

    class Norm(Callback):
        def before_step(self, loop):
            grads = [param.grad.asnumpy() for param in parameters(model)]
            norms.append(np.sqrt(sum((grad**2).sum() for grad in grads)) / data.train_iter.num_chars)

    variant = CHAPTERS[name].runs(CHAPTERS[name].HParams())[-1].variant
    model, data, hp = built(name, variant, "from_scratch", {**SMALL, "clip": 0.001})
    CHAPTERS[name].train(model, data, hp, [Norm()])
    assert max(norms) == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "variant"), [("rnn", "adjacent sampling"), ("gru", "reset last"), ("lstm", "two biases")]
)
def test_net_learns_a_song_by_heart_and_goes_on_in_it(name, variant):
    hp = {"num_hiddens": 24, "num_steps": 10, "batch_size": 2, "num_epochs": 20, "sigma": 0.2, "clip": 0.02}
    model, data, setting = built(name, variant, "with_gluon", hp)
    history = CHAPTERS[name].train(model, data, setting)
    assert history[-1]["train_perplexity"] < 2 < 5 < history[0]["train_perplexity"]
    assert set(characters.write_lines(model.net, data.source)) == {"分开", "不分开"}
    found = characters.metrics(model, data, history, period=10)
    assert set(found) == {"epoch10_perplexity", "longest_copy"}
    assert found["epoch10_perplexity"] == history[9]["train_perplexity"]
    assert found["longest_copy"] >= 20


# What they write


def test_longest_copy_counts_the_characters_in_a_row_that_stand_in_the_text():
    assert characters.longest_copy("abXcdefY", "ab cdef") == 4
    assert characters.longest_copy("cdef", "ab cdef") == 4
    assert characters.longest_copy("xyz", "ab") == 0
    rng = random.Random(0)
    chars = "".join(rng.choices("abc", k=60))
    for _ in range(20):
        line = "".join(rng.choices("abc", k=15))
        runs = (line[i:j] for i in range(15) for j in range(i + 1, 16))
        assert characters.longest_copy(line, chars) == max(len(run) for run in runs if run in chars)


def test_continue_text_reads_the_prefix_once_and_then_each_likeliest_character():
    seen = []

    def read(X):
        seen.append(X.asnumpy().ravel().astype(int).tolist())
        return nd.one_hot((X.reshape((-1,)) + 1) % 4, 4)  # the character after is the likeliest

    assert continue_text("ab", 5, read, "abcd", {char: i for i, char in enumerate("abcd")}) == "abcdabc"
    assert seen == [[0, 1], [2], [3], [0], [1]]
    assert continue_text("ab", 0, read, "abcd", {"a": 0, "b": 1}) == "ab"


def test_lines_are_written_only_from_prefixes_that_the_text_allows():
    text = Characters("short", "a short one", "分开月光")
    net = StatefulNet(lambda X, state: (nd.one_hot(X.T.reshape((-1,)), 4), []), lambda X: [])
    assert list(characters.write_lines(net, text)) == ["分开"]


# The book


def test_lyrics_are_replaced_by_generated_verses_where_there_are_none(offline, monkeypatch, tmp_path):
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path))
    data = characters.load_data(lstm.HParams(**SMALL), Options(quick=True))
    assert (data.name, data.stand_in_for) == ("verses", "lyrics")
    assert len(data.source.chars) == characters.QUICK_CHARS
    assert set("不分开") <= set(data.source.chars)


def test_published_rows_are_of_runs_and_epochs_that_there_are():
    for name, chapter in CHAPTERS.items():
        labels = {run.label for run in chapter.runs(chapter.HParams())}
        rows = [row for row in published_values() if row["chapter"] == name]
        assert rows
        assert chapter.HParams().num_epochs == BOOK[name]
        for row in rows:
            assert {row["run"], f"scratch {row['run']}", f"gluon {row['run']}"} & labels, row
            if row["metric"].startswith("epoch"):
                epoch = int(row["metric"].partition("_")[0][len("epoch") :])
                assert epoch % chapter.PERIOD == 0
                assert epoch < BOOK[name]
            else:
                assert row["metric"] in ("train_perplexity", "longest_copy")


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_reaches_a_perplexity_of_the_book_after_forty_epochs(name, real_data):
    chapter = importlib.import_module(f"chapters.{name}").chapter
    hp = chapter.HParams(num_epochs=40)
    result = chapter.run(hp, impl="gluon", data_dir=real_data)
    assert all(run.metrics["train_perplexity"] < 260 for run in result.runs)  # of 1027 characters
