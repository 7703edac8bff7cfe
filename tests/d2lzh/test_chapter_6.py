"""Recurrent nets that memorize a text, character by character."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import logging
import random
import re

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import rnn

from d2l_repro.data import characters, download
from d2l_repro.errors import InputError
from d2l_repro.train.loop import TrainingDiverged

CTX = d2l.try_gpu()
LINE = r"epoch (\d+), perplexity (\d+\.\d{6}), time \d+\.\d\d sec"
SONG = "分开不分离 " * 12  # what follows 分 depends on what comes before it


def corpus_of(text):
    """Return what `load_data_jay_lyrics` returns, of another text."""
    idx_to_char = sorted(set(text))
    char_to_idx = {char: i for i, char in enumerate(idx_to_char)}
    return [char_to_idx[char] for char in text], char_to_idx, idx_to_char, len(idx_to_char)


def printed(capsys):
    """Return (epoch, perplexity, texts) of each block of lines that has been printed."""
    blocks = []
    for line in capsys.readouterr().out.splitlines():
        match = re.fullmatch(LINE, line)
        if match:
            blocks.append((int(match[1]), float(match[2]), []))
        else:
            assert line.startswith(" - ")
            blocks[-1][2].append(line[3:])
    return blocks


# Section 6.2


def test_section_6_2_two_products_are_one_of_joined_matrices():
    X, W_xh = nd.random.normal(shape=(3, 1)), nd.random.normal(shape=(1, 4))
    H, W_hh = nd.random.normal(shape=(3, 4)), nd.random.normal(shape=(4, 4))
    joined = nd.dot(nd.concat(X, H, dim=1), nd.concat(W_xh, W_hh, dim=0))
    expected = X.asnumpy() @ W_xh.asnumpy() + H.asnumpy() @ W_hh.asnumpy()
    np.testing.assert_allclose(joined.asnumpy(), expected, rtol=1e-5, atol=1e-6)


# Section 6.3


def test_section_6_3_reads_the_lyrics(real_data):
    if not (real_data / characters.LYRICS).is_file():
        pytest.skip("no lyrics there")
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_jay_lyrics()
    assert (len(corpus_indices), vocab_size) == (10_000, 1027)  # as in the book
    text = "".join(idx_to_char[i] for i in corpus_indices)
    assert text.startswith("想要有直升机 想要和你飞到宇宙去 ")
    assert [char_to_idx[char] for char in text[:100]] == corpus_indices[:100]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_section_6_3_reads_verses_with_a_warning_where_there_are_no_lyrics(offline, caplog):
    with caplog.at_level(logging.WARNING):
        corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_jay_lyrics()
    (warning,) = caplog.records
    assert warning.getMessage().startswith(
        "lyrics is neither on this machine nor can it be downloaded; generated verses is used in its place"
    )
    assert (len(corpus_indices), vocab_size) == (10_000, len(idx_to_char))
    assert 100 < vocab_size < 150
    assert {"分", "开", "不"} <= char_to_idx.keys()  # of the prefixes in the book
    assert corpus_indices == characters.load_verses().indices[:10_000]


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"no archive", "File is not a zip file"), (None, "it contains no files named jaychou_lyrics.txt")],
)
def test_section_6_3_names_a_damaged_archive_in_one_line(content, fault, offline, monkeypatch, tmp_path):
    path = tmp_path / characters.LYRICS
    path.parent.mkdir()
    if content:
        path.write_bytes(content)
    else:
        import zipfile

        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other.txt", "text")
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path))
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: cannot be read \({fault}\); replace it"):
        d2l.load_data_jay_lyrics()


def test_load_data_time_machine_reads_lower_case(real_data):
    if not (real_data / characters.TIME_MACHINE).is_file():
        pytest.skip("no time machine there")
    corpus_indices, _, idx_to_char, vocab_size = d2l.load_data_time_machine()
    text = "".join(idx_to_char[i] for i in corpus_indices)
    assert text.startswith("the time machine, by h. g. wells [1898]")
    assert (len(text), vocab_size) == (10_000, 43)


def test_section_6_3_samples_at_random_in_the_order_of_pythons_seed():
    random.seed(3)
    batches = list(d2l.data_iter_random(list(range(30)), batch_size=2, num_steps=6))
    order = list(range(4))  # of 30 numbers, 29 have a next one, and these are four pieces of six
    random.Random(3).shuffle(order)
    expected = np.array([range(6 * i, 6 * i + 6) for i in order]).reshape(2, 2, 6)
    for (X, Y), rows in zip(batches, expected):
        np.testing.assert_array_equal(X.asnumpy(), rows)
        np.testing.assert_array_equal(Y.asnumpy(), rows + 1)
    assert len(batches) == 2


def test_section_6_3_samples_adjacent_batches():
    (X1, Y1), (X2, Y2) = d2l.data_iter_consecutive(list(range(30)), batch_size=2, num_steps=6)
    np.testing.assert_array_equal(X1.asnumpy(), [range(6), range(15, 21)])
    np.testing.assert_array_equal(X2.asnumpy(), X1.asnumpy() + 6)
    for X, Y in ((X1, Y1), (X2, Y2)):
        np.testing.assert_array_equal(Y.asnumpy(), X.asnumpy() + 1)


@pytest.mark.parametrize(("length", "count"), [(13, 0), (14, 1), (25, 1), (26, 2)])
def test_section_6_3_adjacent_batches_end_where_a_next_number_is_missing(length, count):
    assert len(list(d2l.data_iter_consecutive(list(range(length)), 2, 6))) == count


# Section 6.4, and the nets of 6.7 and 6.8, written with one matrix for each gate


def draw(*shape, scale=0.1):
    return nd.random.normal(scale=scale, shape=shape, ctx=CTX)


def attached(*params):
    for param in params:
        param.attach_grad()
    return list(params)


def init_state(batch_size, num_hiddens, ctx):
    return (nd.zeros((batch_size, num_hiddens), ctx=ctx),)


def init_lstm_state(batch_size, num_hiddens, ctx):
    return nd.zeros((batch_size, num_hiddens), ctx=ctx), nd.zeros((batch_size, num_hiddens), ctx=ctx)


def get_rnn_params(inputs, hiddens, scale=0.1):
    W_xh, W_hh, W_hq = (
        draw(*shape, scale=scale) for shape in ((inputs, hiddens), (hiddens, hiddens), (hiddens, inputs))
    )
    return attached(W_xh, W_hh, nd.zeros(hiddens), W_hq, nd.zeros(inputs))


def scratch_rnn(inputs, state, params):
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = nd.tanh(nd.dot(X, W_xh) + nd.dot(H, W_hh) + b_h)
        outputs.append(nd.dot(H, W_hq) + b_q)
    return outputs, (H,)


def get_gated_params(gates, inputs, hiddens):
    params = []
    for _ in range(gates):
        params += [draw(inputs, hiddens), draw(hiddens, hiddens), nd.zeros(hiddens)]
    return attached(*params, draw(hiddens, inputs), nd.zeros(inputs))


def scratch_gru(inputs, state, params):
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        Z = nd.sigmoid(nd.dot(X, W_xz) + nd.dot(H, W_hz) + b_z)
        R = nd.sigmoid(nd.dot(X, W_xr) + nd.dot(H, W_hr) + b_r)
        candidate = nd.tanh(nd.dot(X, W_xh) + nd.dot(R * H, W_hh) + b_h)
        H = Z * H + (1 - Z) * candidate
        outputs.append(nd.dot(H, W_hq) + b_q)
    return outputs, (H,)


def scratch_lstm(inputs, state, params):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        input_gate = nd.sigmoid(nd.dot(X, W_xi) + nd.dot(H, W_hi) + b_i)
        forget_gate = nd.sigmoid(nd.dot(X, W_xf) + nd.dot(H, W_hf) + b_f)
        output_gate = nd.sigmoid(nd.dot(X, W_xo) + nd.dot(H, W_ho) + b_o)
        C = forget_gate * C + input_gate * nd.tanh(nd.dot(X, W_xc) + nd.dot(H, W_hc) + b_c)
        H = output_gate * C.tanh()
        outputs.append(nd.dot(H, W_hq) + b_q)
    return outputs, (H, C)


def test_section_6_4_one_hot_vectors_are_a_list_of_steps():
    X = nd.arange(10).reshape((2, 5))
    inputs = d2l.to_onehot(X, 1027)
    assert (len(inputs), inputs[0].shape) == (5, (2, 1027))
    np.testing.assert_array_equal([step.argmax(axis=1).asnumpy() for step in inputs], X.T.asnumpy())
    assert all(step.sum().asscalar() == 2 for step in inputs)
    (one,) = d2l.to_onehot(nd.array([3]), 5)
    np.testing.assert_array_equal(one.asnumpy(), [[0, 0, 0, 1, 0]])


def test_section_6_4_net_has_outputs_for_each_step():
    outputs, state = scratch_rnn(
        d2l.to_onehot(nd.arange(10).reshape((2, 5)), 30), init_state(2, 8, CTX), get_rnn_params(30, 8)
    )
    assert (len(outputs), outputs[0].shape, state[0].shape) == (5, (2, 30), (2, 8))


@pytest.mark.parametrize(("theta", "scale"), [(1.0, 0.2), (20.0, 1.0), (None, 1.0)])
def test_section_6_4_clips_the_joint_norm(theta, scale):
    params = attached(nd.zeros(1), nd.zeros((1, 1)))
    params[0].grad[:], params[1].grad[:] = 3, 4
    assert d2l.grad_clipping(params, theta, CTX) is None
    found = [param.grad.sum().asscalar() for param in params]
    np.testing.assert_allclose(found, [3 * scale, 4 * scale], rtol=1e-6)


@pytest.mark.parametrize("is_random_iter", [True, False], ids=["random", "consecutive"])
def test_section_6_4_training_takes_the_steps_of_the_mean_loss(is_random_iter, capsys):
    """Compare with the same steps, taken one by one."""
    corpus_indices, char_to_idx, idx_to_char, vocab_size = corpus_of(SONG)
    num_steps, batch_size, lr, theta = 7, 4, 2.0, 0.05
    start = [param.asnumpy() for param in get_rnn_params(vocab_size, 6)]
    ours, theirs = (attached(*map(nd.array, start)) for _ in range(2))
    random.seed(1)
    d2l.train_and_predict_rnn(
        *(
            scratch_rnn,
            lambda: ours,
            init_state,
            6,
            vocab_size,
            CTX,
            corpus_indices,
            idx_to_char,
            char_to_idx,
        ),
        *(is_random_iter, 2, num_steps, lr, theta, batch_size, 1, 5, ["不"]),
    )
    random.seed(1)
    loss, sums = gloss.SoftmaxCrossEntropyLoss(), []
    for _ in range(2):
        state = init_state(batch_size, 6, CTX)
        sampled = d2l.data_iter_random if is_random_iter else d2l.data_iter_consecutive
        losses = []
        for X, Y in sampled(corpus_indices, batch_size, num_steps, CTX):
            state = init_state(batch_size, 6, CTX) if is_random_iter else [s.detach() for s in state]
            with autograd.record():
                outputs, state = scratch_rnn(d2l.to_onehot(X, vocab_size), state, theirs)
                mean = loss(nd.concat(*outputs, dim=0), Y.T.reshape((-1,))).mean()
            mean.backward()
            d2l.grad_clipping(theirs, theta, CTX)
            d2l.sgd(theirs, lr, 1)
            losses.append(mean.asscalar())
        sums.append(np.mean(losses))
    for one, other in zip(ours, theirs):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-5)
    blocks = printed(capsys)
    np.testing.assert_allclose([perplexity for _, perplexity, _ in blocks], np.exp(sums), rtol=1e-4)
    assert [len(text) for _, _, (text,) in blocks] == [6, 6]


def test_section_6_4_perplexity_of_a_guess_is_the_number_of_characters(capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = corpus_of(SONG)
    zeros = [param * 0 for param in get_rnn_params(vocab_size, 4)]
    d2l.train_and_predict_rnn(
        *(scratch_rnn, lambda: attached(*zeros), init_state, 4, vocab_size, CTX, corpus_indices, idx_to_char),
        *(char_to_idx, True, 3, 5, 0, 0.01, 2, 2, 3, ["分开", "离"]),
    )
    ((epoch, perplexity, texts),) = printed(capsys)  # of three epochs, every second is printed
    assert epoch == 2
    np.testing.assert_allclose(perplexity, vocab_size, rtol=1e-5)
    first = idx_to_char[0]  # of equally probable characters
    assert texts == ["分开" + 3 * first, "离" + 3 * first]


@pytest.mark.parametrize(
    ("net", "get_params", "init_net_state", "lr"),
    [
        (scratch_rnn, get_rnn_params, init_state, 20),
        (scratch_gru, lambda *sizes: get_gated_params(3, *sizes), init_state, 40),
        (scratch_lstm, lambda *sizes: get_gated_params(4, *sizes), init_lstm_state, 60),
    ],
    ids=["6.4 rnn", "6.7 gru", "6.8 lstm"],
)
def test_section_6_4_to_6_8_nets_from_scratch_memorize_a_song(net, get_params, init_net_state, lr, capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = corpus_of(SONG)
    d2l.train_and_predict_rnn(
        *(net, lambda: get_params(vocab_size, 24), init_net_state, 24, vocab_size, CTX, corpus_indices),
        *(idx_to_char, char_to_idx, False, 12, 8, lr, 1e-2, 2, 6, 16, ["分开"]),
    )
    (_, halfway, _), (epoch, perplexity, texts) = printed(capsys)
    assert epoch == 12
    assert perplexity < 1.05 < halfway
    assert texts == [SONG[:18]]


# Section 6.5


def test_section_6_5_model_returns_scores_for_each_character():
    layer = rnn.RNN(16)
    layer.initialize()
    (state,) = layer.begin_state(batch_size=2)
    assert state.shape == (1, 2, 16)
    Y, (state_new,) = layer(nd.random.uniform(shape=(35, 2, 30)), [state])
    assert (Y.shape, state_new.shape) == ((35, 2, 16), (1, 2, 16))
    model = d2l.RNNModel(rnn.RNN(16), 30)
    model.initialize()
    X = nd.arange(10).reshape((2, 5))
    scores, state = model(X, model.begin_state(batch_size=2))
    assert (scores.shape, state[0].shape) == ((10, 30), (1, 2, 16))
    # Step by step, and all rows of a step together.
    first, _ = model(X[:, :1], model.begin_state(batch_size=2))
    np.testing.assert_allclose(first.asnumpy(), scores[:2].asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "lr", "num_epochs"),
    [
        (rnn.RNN, 60, 40),
        (rnn.GRU, 60, 20),
        (rnn.LSTM, 90, 20),
        (lambda units: rnn.GRU(units, num_layers=2), 60, 60),
    ],
    ids=["6.5 rnn", "6.7 gru", "6.8 lstm", "6.9 two layers"],
)
def test_section_6_5_to_6_9_nets_of_gluon_memorize_a_song(layer, lr, num_epochs, capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = corpus_of(SONG)
    model = d2l.RNNModel(layer(24), vocab_size)
    d2l.train_and_predict_rnn_gluon(
        *(model, 24, vocab_size, CTX, corpus_indices, idx_to_char, char_to_idx),
        *(num_epochs, 8, lr, 1e-2, 2, num_epochs // 2, 16, ["分开"]),
    )
    (_, halfway, _), (epoch, perplexity, texts) = printed(capsys)
    assert epoch == num_epochs
    assert perplexity < 1.1
    assert perplexity < halfway
    assert texts == [SONG[:18]]


# What goes wrong


def few(net=scratch_rnn, prefix="不", batch_size=2):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = corpus_of(SONG[:40])
    d2l.train_and_predict_rnn(
        *(net, lambda: get_rnn_params(vocab_size, 4), init_state, 4, vocab_size, CTX, corpus_indices),
        *(idx_to_char, char_to_idx, False, 2, 5, 0.1, None, batch_size, 1, 3, [prefix]),
    )


def test_training_names_a_text_that_is_too_short():
    with pytest.raises(InputError, match=r"^a text of 40 characters is too short for 8 rows of 5 characters"):
        few(batch_size=8)


@pytest.mark.parametrize(
    ("prefix", "fault"), [("分手", "contains '手', which the text does not"), ("", "is empty")]
)
def test_training_names_a_prefix_that_is_impossible(prefix, fault):
    with pytest.raises(InputError, match=rf"^the prefix '{prefix}' {fault}; choose another one$"):
        few(prefix=prefix)


def test_training_stops_where_it_diverges():
    def broken(inputs, state, params):
        outputs, state = scratch_rnn(inputs, state, params)
        return [Y / 0 for Y in outputs], state

    with pytest.raises(TrainingDiverged, match="try a smaller learning rate"):
        few(broken)


@pytest.mark.slow
def test_section_6_4_learns_the_lyrics_as_fast_as_in_the_book(real_data, capsys):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = d2l.load_data_jay_lyrics()
    d2l.train_and_predict_rnn(
        *(scratch_rnn, lambda: get_rnn_params(vocab_size, 256, scale=0.01), init_state, 256, vocab_size, CTX),
        *(corpus_indices, idx_to_char, char_to_idx, True, 50, 35, 1e2, 1e-2, 32, 50, 50, ["分开", "不分开"]),
    )
    ((_, perplexity, _),) = printed(capsys)
    assert 60 < perplexity < 76  # 67.8 in the book
