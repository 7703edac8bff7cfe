"""The names of the package, and what importing it does."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import importlib
import inspect
import sys
from collections import Counter

import numpy as np
import pytest
from mxnet.gluon import data as gdata

from d2l_repro.data import images
from d2l_repro.errors import InputError

SIGNATURES = {  # of d2lzh
    "Benchmark": "(prefix=None)",
    "RNNModel": "(rnn_layer, vocab_size, **kwargs)",
    "Residual": "(num_channels, use_1x1conv=False, strides=1, **kwargs)",
    "VOCSegDataset": "(is_train, crop_size, voc_dir, colormap2label)",
    "bbox_to_rect": "(bbox, color)",
    "corr2d": "(X, K)",
    "count_tokens": "(samples)",
    "data_iter": "(batch_size, features, labels)",
    "data_iter_consecutive": "(corpus_indices, batch_size, num_steps, ctx=None)",
    "data_iter_random": "(corpus_indices, batch_size, num_steps, ctx=None)",
    "download_imdb": "(data_dir='../data')",
    "download_voc_pascal": "(data_dir='../data')",
    "evaluate_accuracy": "(data_iter, net, ctx=[cpu(0)])",
    "get_data_ch7": "()",
    "get_fashion_mnist_labels": "(labels)",
    "get_tokenized_imdb": "(data)",
    "get_vocab_imdb": "(data)",
    "grad_clipping": "(params, theta, ctx)",
    "linreg": "(X, w, b)",
    "load_data_fashion_mnist": "(batch_size, resize=None, root='~/.mxnet/datasets/fashion-mnist')",
    "load_data_jay_lyrics": "()",
    "load_data_pikachu": "(batch_size, edge_size=256)",
    "load_data_time_machine": "()",
    "mkdir_if_not_exist": "(path)",
    "predict_rnn": "(prefix, num_chars, rnn, params, init_rnn_state, num_hiddens, vocab_size, ctx, "
    "idx_to_char, char_to_idx)",
    "predict_rnn_gluon": "(prefix, num_chars, model, vocab_size, ctx, idx_to_char, char_to_idx)",
    "predict_sentiment": "(net, vocab, sentence)",
    "preprocess_imdb": "(data, vocab)",
    "read_imdb": "(folder='train')",
    "read_voc_images": "(root='../data/VOCdevkit/VOC2012', is_train=True)",
    "resnet18": "(num_classes)",
    "semilogy": "(x_vals, y_vals, x_label, y_label, x2_vals=None, y2_vals=None, legend=None, "
    "figsize=(3.5, 2.5))",
    "set_figsize": "(figsize=(3.5, 2.5))",
    "sgd": "(params, lr, batch_size)",
    "show_bboxes": "(axes, bboxes, labels=None, colors=None)",
    "show_fashion_mnist": "(images, labels)",
    "show_images": "(imgs, num_rows, num_cols, scale=2)",
    "show_trace_2d": "(f, res)",
    "squared_loss": "(y_hat, y)",
    "to_onehot": "(X, size)",
    "train": "(train_iter, test_iter, net, loss, trainer, ctx, num_epochs)",
    "train_2d": "(trainer)",
    "train_and_predict_rnn": "(rnn, get_params, init_rnn_state, num_hiddens, vocab_size, ctx, "
    "corpus_indices, idx_to_char, char_to_idx, is_random_iter, num_epochs, num_steps, lr, clipping_theta, "
    "batch_size, pred_period, pred_len, prefixes)",
    "train_and_predict_rnn_gluon": "(model, num_hiddens, vocab_size, ctx, corpus_indices, idx_to_char, "
    "char_to_idx, num_epochs, num_steps, lr, clipping_theta, batch_size, pred_period, pred_len, prefixes)",
    "train_ch3": "(net, train_iter, test_iter, loss, num_epochs, batch_size, params=None, lr=None, "
    "trainer=None)",
    "train_ch5": "(net, train_iter, test_iter, batch_size, trainer, ctx, num_epochs)",
    "train_ch7": "(trainer_fn, states, hyperparams, features, labels, batch_size=10, num_epochs=2)",
    "train_gluon_ch7": "(trainer_name, trainer_hyperparams, features, labels, batch_size=10, num_epochs=2)",
    "try_all_gpus": "()",
    "try_gpu": "()",
    "use_svg_display": "()",
    "voc_label_indices": "(colormap, colormap2label)",
    "voc_rand_crop": "(feature, label, height, width)",
}
NO_FUNCTIONS = ["VOC_CLASSES", "VOC_COLORMAP", "plt"]


@pytest.mark.parametrize("name", SIGNATURES)
def test_d2lzh_has_the_arguments_and_defaults_of_the_package(name):
    signature = inspect.signature(getattr(d2l, name))
    untyped = [param.replace(annotation=inspect.Parameter.empty) for param in signature.parameters.values()]
    assert str(inspect.Signature(untyped)) == SIGNATURES[name]


def test_d2lzh_has_exactly_the_names_of_the_package():
    assert sorted(d2l.__all__) == sorted([*SIGNATURES, *NO_FUNCTIONS])
    assert set(d2l.__all__) < set(dir(d2l))
    for module, names in d2l.NAMES.items():
        assert sorted(names) == sorted(importlib.import_module(f"d2l_repro.d2lzh.{module}").__all__)
    for name, hint in (("resnet19", r"did you mean resnet18\? "), ("Animator", "")):
        with pytest.raises(AttributeError, match=rf"has no '{name}'; {hint}see docs/migrating\.md"):
            getattr(d2l, name)


def test_import_is_cheap_and_names_come_when_they_are_used(run_program, tmp_path):
    code = (
        "import sys\nfrom d2l_repro import d2lzh as d2l\n"
        "print(*(name in sys.modules for name in ('mxnet', 'matplotlib')))\n"
        "d2l.Benchmark()\nprint(*(name in sys.modules for name in ('mxnet', 'matplotlib')))\n"
        "from d2l_repro.d2lzh import *\nprint(train is d2l.train, plt.__name__)"
    )
    lines = run_program(code, tmp_path).stdout.splitlines()
    assert lines == ["False False", "True False", "True matplotlib.pyplot"]


def test_text_has_the_vocabularies_and_embeddings_of_mxnet():
    assert d2l.text.vocab.Vocabulary(Counter("a")).idx_to_token == ["<unk>", "a"]
    assert "glove" in d2l.text.embedding.get_pretrained_file_names()


# Gluon's own data sets


def test_gluon_finds_the_images_of_this_project(fashion):
    train, test = (gdata.vision.FashionMNIST(train=train) for train in (True, False))
    assert (len(train), len(test)) == (600, 100)
    feature, label = train[13]
    ours = images.load_images("fashion_mnist")
    np.testing.assert_array_equal(feature[..., 0].asnumpy(), ours.train_images[13])
    assert (feature.shape, feature.dtype, label, type(label)) == ((28, 28, 1), np.uint8, 3, np.int32)
    X, y = test[0:9]
    assert (X.shape, y.tolist()) == ((9, 28, 28, 1), list(range(9)))


def test_gluon_reads_its_own_files_first(fashion, write_idx, tmp_path):
    folder = tmp_path / "gluon"
    for part, count in (("train", 5), ("t10k", 3)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", np.full((count, 28, 28), count))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count))
    assert len(gdata.vision.FashionMNIST(str(folder))) == 5
    assert len(gdata.vision.MNIST(str(folder), train=False)) == 3


def test_gluon_prefers_the_partition_that_it_would_download(fashion, write_idx):
    for part, count in (("train", 7), ("t10k", 3)):
        for kind, content in (("images-idx3", np.ones((count, 28, 28))), ("labels-idx1", np.arange(count))):
            write_idx(fashion / "fashion_mnist_2017" / f"{part}-{kind}-ubyte.gz", content)
    assert len(gdata.vision.FashionMNIST()) == 7
    assert len(d2l.load_data_fashion_mnist(7)[0]) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_gluon_gets_digits_with_a_warning_where_no_file_can_be_had(offline, caplog):
    assert len(gdata.vision.MNIST(train=False)) == 300
    assert "mnist is neither on this machine nor can it be downloaded" in caplog.text


def test_gluon_finds_cifar_10_in_color(offline, monkeypatch, tmp_path, caplog):
    """With two images in each file."""
    rng = np.random.RandomState(0)
    folder = tmp_path / "cifar10"
    folder.mkdir()
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        pixels = rng.randint(0, 256, (2, 3072), dtype=np.uint8)
        np.concatenate([[[7], [9]], pixels], axis=1).astype(np.uint8).tofile(folder / f"{name}.bin")
    (folder / "test_batch.bin").rename(folder / "test_batch_first1000.bin")
    monkeypatch.setenv("D2L_REPRO_DATA", str(tmp_path))
    train, test = (gdata.vision.CIFAR10(train=train) for train in (True, False))
    assert (len(train), len(test), train[1][1]) == (10, 2, 9)
    ours = images.load_images("cifar10").train_images[3]
    np.testing.assert_array_equal(train[3][0].asnumpy(), ours.transpose((1, 2, 0)))
    assert "the test set is cut to its first 2 images" in caplog.text


def test_gluon_names_a_damaged_file_in_one_line(fashion):
    path = fashion / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"no labels")
    with pytest.raises(InputError, match=rf"^{path}: cannot be read"):
        gdata.vision.FashionMNIST()


def test_gluon_still_downloads_what_is_none_of_these(monkeypatch, fashion):
    asked = []
    datasets = sys.modules["mxnet.gluon.data.vision.datasets"]

    def download(url, **_):
        asked.append(url)
        raise OSError("no network")

    monkeypatch.setattr(datasets, "download", download)
    with pytest.raises(OSError, match="no network"):
        gdata.vision.CIFAR100(str(fashion))
    assert len(asked) == 1
    assert "cifar100" in asked[0]


# IPython: section 3.2 defines `use_svg_display` with a function that IPython 9 has no more.

SHELL = """
from d2l_repro import d2lzh as d2l
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell('''
from IPython import display
from matplotlib import pyplot as plt
def use_svg_display():
    display.set_matplotlib_formats('svg')
use_svg_display()
''').raise_error()
from matplotlib.figure import Figure
print([kind for kind, formatter in shell.display_formatter.formatters.items() if Figure in formatter])
"""


def test_use_svg_display_as_printed_sets_the_format_in_ipython(run_program, tmp_path):
    pytest.importorskip("IPython")
    pytest.importorskip("matplotlib_inline")
    assert run_program(SHELL, tmp_path).stdout.splitlines()[-1] == "['image/svg+xml']"
