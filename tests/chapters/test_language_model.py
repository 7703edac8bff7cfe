"""Test the language model: its state, loss and checkpoints, and that both implementations agree."""

import json
import math

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import rnn

from chapters import language_model
from chapters.language_model import HParams
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.data import text
from d2l_repro.data.text import load_text
from d2l_repro.errors import InputError
from d2l_repro.experiment.paths import QUICK_PARITY_STEPS
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import Perplexity, Progress, perplexity, seed_everything
from d2l_repro.train.loop import Callback, Loop, TrainingInterrupted, evaluate, train_ch3
from d2l_repro.train.parameters import parameters
from d2l_repro.train.stateful import StatefulNet

TINY = HParams(num_hiddens=8, num_layers=2, num_steps=5, num_epochs=3, batch_size=8, sigma=0.3, drop_prob=0.2)
BUILDERS = {"scratch": language_model.from_scratch, "gluon": language_model.with_gluon}


@pytest.fixture(autouse=True)
def short_text(monkeypatch):
    """Shorten the grammar's text to a thousand words."""
    text._load.cache_clear()
    monkeypatch.setattr(
        text.Text,
        "first",
        lambda self, *_: text.dataclasses.replace(
            self, train_words=self.train_words[:1000], valid_words=self.valid_words[:400]
        ),
    )
    yield
    text._load.cache_clear()


def run(hp=TINY, **options):
    return language_model.run(hp, dataset="grammar", quick=True, **options)


def built(impl, hp=TINY, seed=0):
    data = language_model.data(hp, Options(dataset="grammar", quick=True, seed=seed))
    seed_everything(seed)
    return BUILDERS[impl](hp, data), data


def numbers(result):
    return {
        label: {name: values for name, values in run.history.columns().items() if name != "seconds"}
        for label, run in result.labelled().items()
    }


@pytest.mark.parametrize("impl", BUILDERS)
def test_reader_gives_the_same_scores_window_by_window_and_at_once(impl):
    model, data = built(impl)
    X = nd.concat(*[X for X, _ in data.test_iter][:3], dim=1)  # (rows, 15)
    read = model.net.reader()
    parts = [read(X[:, i : i + 5]).reshape((len(X), 5, -1)).asnumpy() for i in (0, 5, 10)]
    whole = model.net(X).reshape((len(X), 15, -1)).asnumpy()
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("impl", BUILDERS)
def test_stateful_net_changes_its_state_in_training_only(impl):
    model, data = built(impl)
    (X, _), (X2, _) = list(data.train_iter)[:2]
    model.net(X)
    assert model.net.state is None
    with autograd.train_mode():
        model.net(X)
    before = [array.asnumpy() for array in model.net.state]
    assert all(np.abs(array).max() > 0 for array in before)
    evaluate(data.test_iter, model.net.reader(), model.loss)
    model.net(X2)
    for array, kept in zip(model.net.state, before):
        np.testing.assert_array_equal(array.asnumpy(), kept)
    model.net.after_epoch(None)
    assert model.net.state is None


def test_stateful_net_stops_the_gradient_at_the_start_of_a_window():
    w = nd.ones(1)
    w.attach_grad()
    net = StatefulNet(lambda X, state: (w * state[0] + X, [w * state[0] + X]), lambda X: [nd.zeros(1)])
    for expected in (0.0, 2.0, 5.0):  # states 0, 2, 5: dy/dw is the previous state, however it arose
        with autograd.record():
            y = net(nd.array([2.0 if expected == 0 else 3.0]))
        y.backward()
        assert w.grad.asscalar() == expected


def test_perplexity_is_exp_of_the_mean_loss_of_a_word():
    assert perplexity(math.log(42)) == pytest.approx(42)
    assert perplexity(1e9) == math.inf
    result = run(impl="gluon")
    for row in result.runs[0].history:
        for part in ("train", "valid"):
            assert row[f"{part}_perplexity"] == pytest.approx(math.exp(row[f"{part}_loss"]))


@pytest.mark.parametrize("impl", BUILDERS)
def test_perplexity_of_a_model_with_zero_weights_is_the_number_of_words(impl):
    model, data = built(impl)
    for param in parameters(model):
        param.set(np.zeros_like(param.get()))
    loss = evaluate(data.test_iter, model.net.reader(), model.loss)
    assert perplexity(loss) == pytest.approx(len(data.source.vocabulary), rel=1e-4)


@pytest.mark.parametrize("impl", BUILDERS)
def test_loss_is_minus_the_log_of_each_words_probability_in_the_order_of_the_text(impl):
    model, data = built(impl)
    X, y = next(iter(data.test_iter))
    logits = model.net(X).asnumpy().reshape(*X.shape, -1).astype(np.float64)
    expected = (
        np.log(np.exp(logits).sum(axis=2))
        - np.take_along_axis(logits, y.asnumpy().astype(int)[..., None], axis=2)[..., 0]
    )
    np.testing.assert_allclose(model.loss(model.net(X), y).asnumpy(), expected.ravel(), rtol=1e-4)


@pytest.mark.parametrize("impl", BUILDERS)
def test_train_clips_the_gradient_summed_over_steps_and_averaged_over_rows(impl):
    norms = []

    class Norm(Callback):
        def before_step(self, loop):
            grads = [param.grad.asnumpy() for param in parameters(model)]
            norms.append(math.sqrt(sum((grad**2).sum() for grad in grads)) / TINY.batch_size)

    model, data = built(impl)
    language_model.train(model, data, TINY.replace(num_epochs=1, clip=0.5), [Norm()])
    assert max(norms) == pytest.approx(0.5, rel=1e-3)


def test_implementations_follow_the_same_path_and_so_do_their_states():
    result = run()
    pair = result.parity["pairs"][0]
    assert pair["left_at"] is None
    assert pair["steps"] == QUICK_PARITY_STEPS
    assert pair["max_abs_diff"] < 1e-9
    scratch, gluon = built("scratch")[0], built("gluon")[0]
    assert [p.get().shape for p in parameters(scratch)] == [p.get().shape for p in parameters(gluon)]
    assert not any("h2h_bias" in param.name for param in parameters(gluon))


def test_running_perplexity_is_that_of_the_words_so_far_in_the_epoch(monkeypatch):
    monkeypatch.setattr(language_model, "PRINTED", (2, 3, 10**6))
    model, data = built("scratch")[:2]
    losses = []

    class Losses(Callback):
        def after_step(self, loop):
            losses.append(loop.sums["train_loss"].asscalar() / loop.counts["train_loss"])

    history = language_model.train(model, data, TINY, [Losses()])
    batches = len(data.train_iter)
    assert batches > 3
    for epoch, row in enumerate(history):
        for k in (2, 3):
            assert row[f"perplexity_after_{k}"] == pytest.approx(
                np.exp(losses[epoch * batches + k - 1]), rel=1e-5
            )
    assert "perplexity_after_1000000" not in history[-1]


def test_printed_perplexities_are_those_of_the_fifth_epochs_steps():
    """The treebank's 929,589 words in 20 rows, read 35 at a time."""
    batches = (929_589 - 1) // 20 // 35
    assert [4 * batches + k - 1 for k in language_model.PRINTED] == [6500, 6600]


def test_language_model_learns_which_word_follows_which():
    words = load_text("grammar", quick=False).train_words[:400]
    counts = np.unique(words, return_counts=True)[1] / len(words)
    # the perplexity of a model that knows only how frequent each word is
    unigram = math.exp(-(counts * np.log(counts)).sum())
    result = run(TINY.replace(num_hiddens=32, num_epochs=12, drop_prob=0.0), impl="gluon")
    assert result.runs[0].metrics["train_perplexity"] < unigram / 2


class Stop(Callback):
    """Raise KeyboardInterrupt in the middle of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def after_step(self, loop):
        if loop.epoch == self.epoch:
            raise KeyboardInterrupt


def test_model_from_scratch_is_trained_on_request_and_its_path_always_compared(capsys):
    result = run(progress=True)
    assert [run.impl for run in result.runs] == ["gluon"]
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None]
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "1 run is trained only if --impl or --only asks for it; its path is compared"
    assert [run.impl for run in run(impl="scratch").runs] == ["scratch"]


def test_run_resumed_has_the_numbers_of_an_uninterrupted_one(tmp_path, monkeypatch):
    both = {"only": (f"LSTM {TINY.num_epochs} epochs",)}
    whole = run(**both)
    train = language_model.train
    chapter = language_model.chapter

    def interrupted(model, data, hp, callbacks):
        return train(model, data, hp, [*callbacks, Stop(3)])

    object.__setattr__(chapter, "train", interrupted)
    try:
        assert run(**both, folder=tmp_path).interrupted
        object.__setattr__(
            chapter,
            "train",
            lambda model, data, hp, callbacks: train(
                model, data, hp, [*callbacks, Stop(3 if isinstance(model.params, list) else 2)]
            ),
        )
        assert run(**both, folder=tmp_path, resume=True).interrupted
    finally:
        object.__setattr__(chapter, "train", train)
    resumed = run(**both, folder=tmp_path, resume=True)
    assert numbers(resumed) == numbers(whole)
    for label, model in whole.models.items():
        for ours, theirs in zip(parameters(model), parameters(resumed.models[label])):
            np.testing.assert_array_equal(ours.get(), theirs.get())
    again = run(**both, folder=tmp_path, resume=True)  # all is done: nothing is trained
    assert numbers(again) == numbers(whole)
    assert again.tables == resumed.tables


def test_run_starts_afresh_without_resume_or_without_a_checkpoint(tmp_path):
    first = run(impl="gluon", folder=tmp_path, resume=True)
    second = run(TINY.replace(num_epochs=2), impl="gluon", folder=tmp_path)
    assert len(second.runs[0].history) == 2
    assert numbers(first) != numbers(second)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"hp": TINY.replace(num_hiddens=9)}, "num_hiddens"),
        ({"hp": TINY.replace(lr=0.5, clip=1.0)}, "lr, clip"),
        ({"seed": 3}, "seed"),
    ],
)
def test_checkpoint_of_another_run_is_rejected(tmp_path, changes, fault):
    run(impl="gluon", folder=tmp_path)
    with pytest.raises(
        InputError,
        match=rf"LSTM_3_epochs\.npz: checkpoint was written with other settings \({fault}\); leave",
    ):
        run(**{"impl": "gluon", "folder": tmp_path, "resume": True, **changes})


def test_checkpoint_that_is_damaged_is_reported_in_one_line(tmp_path):
    run(impl="gluon", folder=tmp_path)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    rng = np.random.RandomState(0)
    damaged = [b"", b"no checkpoint", whole[: len(whole) // 2], whole[:-10]]
    for place in rng.randint(0, len(whole), 30):
        damaged.append(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    messages = []
    for content in damaged:
        path.write_bytes(content)
        try:
            run(impl="gluon", folder=tmp_path, resume=True)
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in messages)


def test_resume_flag_is_offered_by_resumable_chapters_only(tmp_path, capsys):
    flags = [
        "--quick",
        "--dataset",
        "grammar",
        "--impl",
        "gluon",
        "--num-epochs",
        "1",
        "--out",
        str(tmp_path),
    ]
    for more in ([], ["--resume"]):
        with pytest.raises(SystemExit) as exit:
            run_chapter(language_model.chapter, [*flags, *more])
        assert exit.value.code == 0
    assert (tmp_path / "checkpoint_gluon_LSTM_1_epochs.npz").is_file()
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["parity"] is None
    assert set(content["runs"]["gluon LSTM 1 epochs"]["history"]) == {
        "epoch",
        "train_loss",
        "valid_loss",
        "train_perplexity",
        "valid_perplexity",
        "seconds",
    }
    assert "Texts the models generate" in capsys.readouterr().out
    from chapters import lstm_sine

    with pytest.raises(SystemExit) as exit:
        run_chapter(lstm_sine.chapter, ["--resume", "--out", str(tmp_path / "sine")])
    assert exit.value.code == 2


def test_sample_depends_on_the_seed_and_picks_the_likeliest_words_at_low_temperature():
    model, data = built("gluon")
    vocabulary = data.source.vocabulary
    texts = [
        language_model.sample(model.net, vocabulary, 1.0, np.random.RandomState(seed), 20)
        for seed in (0, 0, 1)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert set(texts[0].split()) <= set(vocabulary.words)
    cold = language_model.sample(model.net, vocabulary, 1e-6, np.random.RandomState(0), 3).split()
    read, number = model.net.reader(), vocabulary.numbers(["<eos>"])
    for word in cold:
        number = read(nd.array(number).expand_dims(0)).argmax(axis=1).asnumpy().astype(int)
        assert vocabulary.words[number[0]] == word


def test_progress_shows_perplexity_and_speed_if_there_is_a_loss_per_word():
    class Bar:
        format_dict = {"elapsed": 2.0}  # noqa: RUF012

    loop = Loop(1, 10, None)
    loop.add("train_loss", nd.full(700, math.log(50)))
    progress = Progress()
    progress._bar = Bar
    assert progress._numbers(loop) == {"loss": "3.912"}
    Perplexity().before_training(loop)
    assert progress._numbers(loop) == {"perplexity": "50", "tokens/s": "350"}


def test_train_ch3_continues_from_the_epoch_that_a_callback_sets():
    class Later(Callback):
        def before_training(self, loop):
            loop.epoch, loop.step = 2, 8

    seen = []

    class Watch(Callback):
        def after_epoch(self, loop):
            seen.append((loop.epoch, loop.step))

    model, data = built("gluon")
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        3,
        8,
        trainer=model.trainer,
        metrics={},
        callbacks=[Later(), model.net, Perplexity(), Watch()],
    )
    assert history["epoch"] == [3]
    assert seen == [(3, 8 + len(data.train_iter))]


def test_training_interrupted_has_the_history():
    model, data = built("gluon")
    with pytest.raises(TrainingInterrupted) as caught:
        language_model.train(model, data, TINY, [Stop(2)])
    assert caught.value.history["epoch"] == [1]


def test_quick_lstm_equals_gluons_lstm():
    ours, theirs = language_model.QuickLSTM(3, input_size=3), rnn.LSTM(3, input_size=3)
    X, state = nd.random.normal(shape=(4, 2, 3)), [nd.random.normal(shape=(1, 2, 3)) for _ in range(2)]
    results = []
    for layer in (ours, theirs):
        layer.initialize()
        for param, other in zip(layer.collect_params().values(), ours.collect_params().values()):
            param.set_data(other.data() if layer is theirs else nd.random.normal(shape=param.shape))
        with autograd.record():
            outputs, last = layer(X, state)
            value = (outputs**2).sum() + last[0].sum() + (last[1] ** 3).sum()
        value.backward()
        results.append([outputs, *last, *(param.grad() for param in layer.collect_params().values())])
    for mine, other in zip(*results):
        np.testing.assert_allclose(mine.asnumpy(), other.asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_language_model_learns_the_treebank_with_a_small_net(real_data):
    hp = language_model.HParams(num_hiddens=100, num_epochs=1)
    result = language_model.run(hp, impl="gluon", dataset="ptb", data_dir=real_data)
    metrics = result.find("gluon", "LSTM 1 epochs").metrics
    assert metrics["valid_perplexity"] < 260  # of 10,000 words; by frequency alone it is about 700
    # The training perplexity is a mean over the epoch, its start included.
    assert metrics["train_perplexity"] > metrics["valid_perplexity"]
