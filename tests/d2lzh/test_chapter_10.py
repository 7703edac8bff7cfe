"""Words as vectors, and the sentiment of reviews."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import hashlib
import math
import random
from collections import Counter

import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.contrib import text
from mxnet.gluon import data as gdata
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn, rnn

from d2l_repro.d2lzh import downloads
from d2l_repro.d2lzh import text as ours
from d2l_repro.data import download
from d2l_repro.errors import InputError

GOOD, BAD = "this film is great and I like it".split(), "this film is bad and I hate it".split()


@pytest.fixture(autouse=True)
def beside_data(offline, tmp_path, monkeypatch):
    """Run in a folder beside `data`, as the book's programs do."""
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    return tmp_path / "data"


# Section 10.3


def test_section_10_3_skip_grams_of_words_that_stand_together_are_alike():
    """Train a small word2vec with negative sampling, as the book's subsampling and masks do it."""
    sentences = [
        pair.split() for pair in ["king queen castle crown", "apple pear plum cherry"] for _ in range(8)
    ]
    counts = d2l.count_tokens(sentences)
    assert counts == {word: 8 for sentence in sentences[::8] for word in sentence}
    words = sorted(counts)
    numbers = {word: i for i, word in enumerate(words)}
    pairs = [
        (numbers[center], numbers[word])
        for sentence in sentences
        for center in sentence
        for word in sentence
        if word != center
    ]
    random.shuffle(pairs)
    centers, contexts = map(nd.array, zip(*pairs))
    noise = nd.array([[random.randrange(len(words)) for _ in range(3)] for _ in pairs])
    contexts_negatives = nd.concat(contexts.expand_dims(1), noise, dim=1)  # (pairs, 4)
    labels = nd.concat(nd.ones((len(pairs), 1)), nd.zeros((len(pairs), 3)), dim=1)
    mask = nd.concat(nd.ones((len(pairs), 1)), noise != contexts.expand_dims(1), dim=1)
    net = nn.Sequential()
    net.add(nn.Embedding(len(words), 8), nn.Embedding(len(words), 8))
    net.initialize(init.Uniform(0.1))
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05})
    loss, losses = gloss.SigmoidBinaryCrossEntropyLoss(), []
    for _ in range(40):
        with autograd.record():
            v, u = net[0](centers.expand_dims(1)), net[1](contexts_negatives)
            scores = nd.batch_dot(v, u.swapaxes(1, 2)).reshape(labels.shape)
            l = loss(scores, labels, mask) * mask.shape[1] / mask.sum(axis=1)  # noqa: E741
        l.backward()
        trainer.step(len(pairs))
        losses.append(l.mean().asscalar())
    assert losses[0] == pytest.approx(math.log(2), abs=0.02)
    assert losses[-1] < 0.5
    W = net[0].weight.data().asnumpy()
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    similar = W @ W.T
    fruit = [numbers[word] for word in ("apple", "pear", "plum", "cherry")]
    court = [numbers[word] for word in ("king", "queen", "castle", "crown")]
    within = [similar[i, j] for group in (fruit, court) for i in group for j in group if i != j]
    between = [similar[i, j] for i in fruit for j in court]
    assert min(within) > max(between)


def test_section_10_3_masked_loss_is_the_mean_of_what_is_not_masked():
    pred = nd.array([[1.5, 0.3, -1, 2], [1.1, -0.6, 2.2, 0.4]])
    label, mask = nd.array([[1, 0, 0, 0], [1, 1, 0, 0]]), nd.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    found = gloss.SigmoidBinaryCrossEntropyLoss()(pred, label, mask) * mask.shape[1] / mask.sum(axis=1)

    def sigmd(x):
        return -math.log(1 / (1 + math.exp(-x)))

    expected = [
        (sigmd(1.5) + sigmd(-0.3) + sigmd(1) + sigmd(-2)) / 4,
        (sigmd(1.1) + sigmd(-0.6) + sigmd(-2.2)) / 3,
    ]
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5)  # 0.8740 and 1.2100, as printed
    np.testing.assert_allclose(found.asnumpy(), [0.8740, 1.2100], atol=5e-5)


# Section 10.6, with vectors of one's own: those of GloVe and fastText have to be downloaded


def test_section_10_6_finds_similar_and_analogous_words(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("man 1 0\nwoman 1 1\nking 3 0\nqueen 3 1\nson 2 0\ndaughter 2 1\n")
    embed = text.embedding.CustomEmbedding(str(path))
    assert len(embed) == 7  # with <unk>

    def knn(W, x, k):
        cos = nd.dot(W, x.reshape((-1,))) / ((W * W).sum(axis=1) + 1e-9).sqrt() / x.norm()
        return [int(i.asscalar()) for i in nd.topk(cos, k=k)]

    a, b, c = embed.get_vecs_by_tokens(["man", "woman", "son"])
    (nearest,) = knn(embed.idx_to_vec, b - a + c, 1)
    assert embed.idx_to_token[nearest] == "daughter"


# Sections 10.7 and 10.8


def write_reviews(folder, count=12):
    """Write as many good and bad reviews, in the form of the Large Movie Review Dataset."""
    rng = random.Random(0)
    for part in ("train", "test"):
        for label, words in (("pos", GOOD), ("neg", BAD)):
            (folder / "aclImdb" / part / label).mkdir(parents=True)
            for i in range(count):
                review = " ".join(rng.sample(words, len(words))).capitalize() + "\n"
                (folder / "aclImdb" / part / label / f"{i}_7.txt").write_text(review)


def test_section_10_7_reads_and_tokenizes_reviews(beside_data):
    write_reviews(beside_data)
    d2l.download_imdb()  # it is there, so nothing is downloaded
    random.seed(2)
    train_data = d2l.read_imdb("train")
    assert len(train_data) == 24
    assert {
        label: {"great" in review for review, value in train_data if value == label} for label in (0, 1)
    } == {
        0: {False},
        1: {True},
    }
    labels = [label for _, label in train_data]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))
    random.seed(2)
    assert d2l.read_imdb() == train_data
    assert all(review == review.lower() and "\n" not in review for review, _ in train_data)
    assert d2l.get_tokenized_imdb([["This  film", 1]]) == [["this", "", "film"]]


def test_section_10_7_preprocesses_reviews():
    data = [["a b", 1], ["b " * 600, 0], ["a rare", 1]] + 3 * [["a b", 0]]
    vocab = d2l.get_vocab_imdb(data)
    assert vocab.idx_to_token == ["<unk>", "b", "", "a"] or set(vocab.idx_to_token[1:]) == {"a", "b"}
    features, labels = d2l.preprocess_imdb(data, vocab)
    assert (features.shape, labels.asnumpy().tolist()) == ((6, 500), [1, 0, 1, 0, 0, 0])
    a, b = vocab.to_indices(["a", "b"])
    assert features[0, :3].asnumpy().tolist() == [a, b, 0]
    assert features[1].asnumpy().tolist() == [b] * 500
    assert features[2, :3].asnumpy().tolist() == [a, 0, 0]  # a rare word is unknown
    padded = text.vocab.Vocabulary(Counter("aabb"), reserved_tokens=["<pad>"])  # as in later versions
    assert d2l.preprocess_imdb([["a", 1]], padded)[0][0, 499].asscalar() == padded.token_to_idx["<pad>"] == 1


class BiRNN(nn.Block):
    def __init__(self, vocab, embed_size, num_hiddens, num_layers, **kwargs):
        super().__init__(**kwargs)
        self.embedding = nn.Embedding(len(vocab), embed_size)
        self.encoder = rnn.LSTM(num_hiddens, num_layers=num_layers, bidirectional=True, input_size=embed_size)
        self.decoder = nn.Dense(2)

    def forward(self, inputs):
        outputs = self.encoder(self.embedding(inputs.T))
        return self.decoder(nd.concat(outputs[0], outputs[-1]))


class TextCNN(nn.Block):
    def __init__(self, vocab, embed_size, kernel_sizes, num_channels, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.constant_embedding = (nn.Embedding(len(vocab), embed_size) for _ in range(2))
        self.dropout, self.decoder, self.pool = nn.Dropout(0.5), nn.Dense(2), nn.GlobalMaxPool1D()
        self.convs = nn.Sequential()
        self.convs.add(*(nn.Conv1D(c, k, activation="relu") for c, k in zip(num_channels, kernel_sizes)))

    def forward(self, inputs):
        embeddings = nd.concat(self.embedding(inputs), self.constant_embedding(inputs), dim=2)
        embeddings = embeddings.transpose((0, 2, 1))
        encoding = nd.concat(*(nd.flatten(self.pool(conv(embeddings))) for conv in self.convs), dim=1)
        return self.decoder(self.dropout(encoding))


def test_section_10_8_one_dimensional_cross_correlation():
    def corr1d(X, K):
        return d2l.corr2d(X.reshape((1, -1)), K.reshape((1, -1)))[0]

    X, K = nd.arange(7), nd.array([1, 2])
    assert corr1d(X, K).asnumpy().tolist() == [2, 5, 8, 11, 14, 17]
    X, K = nd.stack(X, X + 1, X + 2), nd.array([[1, 2], [3, 4], [-1, -3]])
    assert nd.add_n(*map(corr1d, X, K)).asnumpy().tolist() == [2, 8, 14, 20, 26, 32]


@pytest.mark.parametrize(
    ("build", "num_epochs"),
    [
        (lambda vocab: BiRNN(vocab, embed_size=6, num_hiddens=6, num_layers=1), 6),
        (lambda vocab: TextCNN(vocab, embed_size=6, kernel_sizes=[1, 2], num_channels=[8, 8]), 12),
    ],
    ids=["10.7 recurrent", "10.8 convolutional"],
)
def test_section_10_7_and_10_8_learn_the_sentiment(
    build, num_epochs, beside_data, monkeypatch, printed_epochs
):
    monkeypatch.setattr(ours, "MAX_WORDS", 12)  # the reviews have eight
    write_reviews(beside_data)
    train_data, test_data = d2l.read_imdb("train"), d2l.read_imdb("test")
    vocab = d2l.get_vocab_imdb(train_data)
    train_iter, test_iter = (
        gdata.DataLoader(gdata.ArrayDataset(*d2l.preprocess_imdb(data, vocab)), 8, shuffle=True)
        for data in (train_data, test_data)
    )
    ctx, net = d2l.try_all_gpus(), build(vocab)
    net.initialize(init.Xavier(), ctx=ctx)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.02})
    d2l.train(train_iter, test_iter, net, gloss.SoftmaxCrossEntropyLoss(), trainer, ctx, num_epochs)
    losses, _, accuracies = zip(*printed_epochs(ctx))
    assert losses[-1] < losses[0] / 2
    assert accuracies[-1] == 1
    assert d2l.predict_sentiment(net, vocab, GOOD) == "positive"
    assert d2l.predict_sentiment(net, vocab, BAD) == "negative"


def test_reviews_that_are_not_there_are_named(beside_data, monkeypatch):
    with pytest.raises(
        InputError, match=r"^\.\./data/aclImdb/test: no such folder; call d2l\.download_imdb\(\)"
    ):
        d2l.read_imdb("test")

    def receive(url, path, max_size):
        raise OSError("no network")

    monkeypatch.setattr(downloads, "receive", receive)
    with pytest.raises(
        InputError, match=r"^\.\./data/aclImdb: not found, and the download failed \(no network"
    ):
        d2l.download_imdb()
    (beside_data / "aclImdb" / "test" / "pos").mkdir(parents=True)
    with pytest.raises(
        InputError, match=r"test: contains no reviews in neg and pos; extract the archive again"
    ):
        d2l.read_imdb("test")
    (beside_data / "aclImdb" / "test" / "pos" / "0_9.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"pos/0_9\.txt: cannot be read .*; extract the archive again"):
        d2l.read_imdb("test")


def test_download_imdb_extracts_the_archive_and_the_users_folder_is_searched(
    beside_data, archive_of, monkeypatch, tmp_path
):
    content = archive_of({"aclImdb/train/pos/0_9.txt": b"Great!", "aclImdb/train/neg/0_1.txt": b"Bad."})
    monkeypatch.setattr(ours, "IMDB_SHA1", hashlib.sha1(content).hexdigest())

    def receive(url, path, max_size):
        assert url == ours.IMDB_URL
        with open(path, "wb") as file:
            file.write(content)

    monkeypatch.setattr(downloads, "receive", receive)
    d2l.download_imdb(str(tmp_path / "own"))
    monkeypatch.setenv(download.ENVIRONMENT, str(tmp_path / "own"))
    assert sorted(d2l.read_imdb()) == [["bad.", 0], ["great!", 1]]


# Section 10.12


def test_section_10_12_attention_weighs_what_it_reads():
    """The weights of each state sum to 1, and their mean of the states is what the decoder gets."""
    model = nn.Sequential()
    model.add(nn.Dense(10, activation="tanh", use_bias=False, flatten=False))
    model.add(nn.Dense(1, use_bias=False, flatten=False))
    model.initialize()
    enc_states, dec_state = nd.random.normal(shape=(10, 4, 8)), nd.random.normal(shape=(4, 8))
    joined = nd.concat(enc_states, nd.broadcast_axis(dec_state.expand_dims(0), axis=0, size=10), dim=2)
    weights = nd.softmax(model(joined), axis=0)
    context = (weights * enc_states).sum(axis=0)
    assert (weights.shape, context.shape) == ((10, 4, 1), (4, 8))
    np.testing.assert_allclose(weights.sum(axis=0).asnumpy(), 1, rtol=1e-5)
    W1, W2 = (layer.weight.data().asnumpy() for layer in model)
    scores = np.tanh(joined.asnumpy() @ W1.T) @ W2.T
    powers = np.exp(scores - scores.max(axis=0))
    expected = (powers / powers.sum(axis=0) * enc_states.asnumpy()).sum(axis=0)
    np.testing.assert_allclose(context.asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_section_10_12_encoder_reads_a_sentence():
    encoder, embedding = rnn.GRU(16, 2), nn.Embedding(10, 8)
    for block in (encoder, embedding):
        block.initialize()
    output, state = encoder(embedding(nd.zeros((4, 7))).swapaxes(0, 1), encoder.begin_state(batch_size=4))
    assert (output.shape, state[0].shape) == ((7, 4, 16), (2, 4, 16))
    np.testing.assert_allclose(output[-1].asnumpy(), state[0][-1].asnumpy(), rtol=1e-6)
