"""Test models that are saved and classify pictures: the command, and how it sees the pictures."""

import dataclasses

import numpy as np
import pytest
from mxnet import nd
from PIL import Image

from chapters import dropout, lenet, mlp, softmax_regression
from d2l_repro.cli import main as cli
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.data.images import DIGITS, load_digits
from d2l_repro.data.pictures import read_picture
from d2l_repro.errors import InputError
from d2l_repro.experiment.saved import Classifier
from d2l_repro.train.arrays import read_arrays, write_arrays


def main(*argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(list(argv))
    return exit.value.code


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the file of an MLP that knows most of the digits."""
    path = tmp_path_factory.mktemp("trained") / "folder" / "model.npz"
    argv = [
        "--dataset",
        "digits",
        "--impl",
        "gluon",
        "--num-epochs",
        "8",
        "--batch-size",
        "32",
        "--lr",
        "0.2",
    ]
    with pytest.raises(SystemExit) as exit:
        run_chapter(mlp.chapter, [*argv, "--save", str(path), "--out", str(path.parents[1] / "out")])
    assert exit.value.code == 0
    return path


def write(array, path, mode="L"):
    Image.fromarray(array).convert(mode).save(path)
    return path


def test_read_picture_returns_an_image_of_the_data_set_as_it_is(digits, tmp_path):
    image = digits.test_images[0]
    assert np.array_equal(read_picture(write(image, tmp_path / "own.png")), image)
    assert np.array_equal(read_picture(write(255 - image, tmp_path / "ink.png")), image)
    assert np.array_equal(read_picture(write(255 - image, tmp_path / "color.png", "RGB")), image)


def test_read_picture_keeps_proportions_and_centers(tmp_path):
    wide = np.full((20, 120), 255, np.uint8)
    wide[5:15, 30:90] = 0
    image = read_picture(write(wide, tmp_path / "wide.png"))
    assert image.shape == (28, 28)
    rows, columns = np.nonzero(image > 127)
    # 120 pixels become 28: a bar of 60 x 10 becomes one of 14 x 2 or 3, in the middle
    assert np.ptp(columns) + 1 == 14
    assert 2 <= np.ptp(rows) + 1 <= 3
    assert abs(rows.mean() - 13.5) < 1
    assert abs(columns.mean() - 13.5) < 1
    assert image[:10].max() == 0


def test_read_picture_sees_transparent_parts_as_paper_and_16_bits_as_8(tmp_path):
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[10:18, 10:18, 3] = 255  # black ink on nothing
    Image.fromarray(pixels).save(tmp_path / "ink.png")
    image = read_picture(tmp_path / "ink.png")
    assert (image[12, 12], image[0, 0]) == (255, 0)
    deep = np.zeros((28, 28), np.uint16)
    deep[10:18] = 128 * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png")[12, 12] == 128


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_read_picture_names_a_file_that_is_none(content, tmp_path):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.png: (cannot be read|no such file).*; name"):
        read_picture(path)


def test_predict_recognizes_digits_of_other_size_and_colors(trained, digits, tmp_path, capsys):
    paths = []
    for i in range(20):
        large = np.kron(255 - digits.test_images[i], np.ones((9, 9), np.uint8))
        paths.append(str(write(large, tmp_path / f"{i}.png", "RGB")))
    assert main("predict", str(trained), *paths, "--top", "2") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["picture", "class", "1", "class", "2"]
    found = [line.split()[1] for line in lines]
    right = sum(name == DIGITS[y] for name, y in zip(found, digits.test_labels[:20]))
    assert right >= 16
    assert all(float(line.split()[2]) >= float(line.split()[4]) for line in lines)


def test_classifier_gives_the_probabilities_of_the_net_that_was_saved(trained, digits):
    found = Classifier(trained).probabilities(digits.test_images[:200])
    assert np.allclose(found.sum(axis=1), 1)
    accuracy = (found.argmax(axis=1) == digits.test_labels[:200]).mean()
    assert accuracy > 0.8


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
@pytest.mark.parametrize("module", [softmax_regression, mlp, dropout, lenet])
def test_classifier_computes_what_the_trained_model_does(module, impl, few_images, digits, tmp_path):
    path = tmp_path / "model.npz"
    chapter = dataclasses.replace(module.chapter, show=lambda result, data: None)
    hp = chapter.defaults(quick=True)
    variants = ()
    if module is lenet:
        hp = hp.replace(num_steps=2, num_evaluations=1)
        variants = (f"Adam 2 steps{lenet.PENALIZED}",)
    result = chapter.run(hp, quick=True, impl=impl, dataset="digits", save=path, only=variants)
    X, _ = digits.first(10, 60).test
    y_hat = next(iter(result.models.values())).net(X)
    expected = (y_hat if y_hat.min().asscalar() >= 0 else nd.softmax(y_hat)).asnumpy()
    assert np.allclose(Classifier(path).probabilities(digits.test_images[:60]), expected, atol=1e-6)


def test_classifier_refuses_other_files_in_one_line(trained, tmp_path):
    arrays, about = read_arrays(trained)
    path = tmp_path / "other.npz"
    for change in (
        {"chapter": "os"},
        {"settings": {"lr": -1}},
        {"settings": {"colour": 1}},
        {"settings": {**about["settings"], "num_hiddens": 3}},
        {"variant": "lr=9"},
        {"classes": [1]},
        {"white": 7},
    ):
        write_arrays(path, arrays, {**about, **change})
        with pytest.raises(InputError, match=r"other\.npz: ") as caught:
            Classifier(path)
        assert "\n" not in str(caught.value)
    write_arrays(path, arrays, "model")
    with pytest.raises(InputError, match="not written by a chapter's --save"):
        Classifier(path)


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["mlp", "x.png"], "no such file; train first: python -m chapters.mlp --save runs/mlp/model.npz"),
        (["mpl", "x.png"], "mpl: neither a file nor a chapter; did you mean mlp? save a model first"),
        (["mlp"], "no picture given"),
    ],
)
def test_predict_says_what_is_missing(argv, problem, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main("predict", *argv) == 2
    err = capsys.readouterr().err
    assert problem in err
    assert err.count("\n") == 1
