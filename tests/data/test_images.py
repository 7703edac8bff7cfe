"""Loaders, synthetic data, and labeled images from files that are intact, broken or missing."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mxnet import nd

from d2l_repro.data import download, images
from d2l_repro.data.images import load_images
from d2l_repro.data.loader import Minibatches, Steps, data_iter
from d2l_repro.data.synthetic import linear_data, polynomial_data, two_moons, xor_points
from d2l_repro.errors import InputError
from d2l_repro.train.callbacks import seed_everything


@given(examples=st.integers(1, 50), batch_size=st.integers(1, 60), seed=st.none() | st.integers(0, 2**31 - 1))
def test_minibatches_contain_every_example_once_with_its_label(examples, batch_size, seed):
    X, y = nd.arange(2 * examples).reshape((examples, 2)), nd.arange(examples)
    loader = Minibatches(X, y, batch_size, seed)
    got = list(loader)
    assert len(got) == len(loader)
    assert all(len(labels) == batch_size for _, labels in got[:-1])
    labels = np.concatenate([labels.asnumpy() for _, labels in got])
    features = np.concatenate([features.asnumpy() for features, _ in got])
    np.testing.assert_array_equal(np.sort(labels), np.arange(examples))
    np.testing.assert_array_equal(features[:, 0], 2 * labels)
    if seed is None:
        np.testing.assert_array_equal(labels, np.arange(examples))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, None])
def test_minibatches_refuse_batch_sizes_that_are_no_whole_number_above_0(batch_size):
    X, y = nd.zeros((4, 2)), nd.zeros(4)
    for load in (lambda: Minibatches(X, y, batch_size), lambda: next(data_iter(batch_size, X, y))):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
            load()


def test_minibatches_depend_on_the_seed_and_have_a_new_order_each_epoch():
    def epochs(seed):
        loader = Minibatches(nd.arange(100), nd.arange(100), 100, seed)
        return [next(iter(loader))[1].asnumpy().tolist() for _ in range(3)]

    assert epochs(7) == epochs(7)
    assert epochs(7) != epochs(8)
    assert len(set(map(tuple, epochs(7)))) == 3


def test_minibatches_require_as_many_labels_as_examples():
    with pytest.raises(ValueError, match="3 examples, but 2 labels"):
        Minibatches(nd.ones((3, 1)), nd.ones(2), 1)


def test_linear_data_with_seed_0_are_the_numbers_that_the_author_printed():
    seed_everything(0)
    features, labels = linear_data([2, -3.4], 4.2, 1000)
    np.testing.assert_array_equal(features[0].asnumpy(), np.array([2.2122064, 0.7740038], np.float32))
    assert labels[0].asscalar() == np.float32(6.000587)


def test_linear_and_polynomial_data_follow_their_formulas():
    seed_everything(1)
    features, labels = linear_data([1, 2, 3], -1, 50, noise=1e-9)
    np.testing.assert_allclose(labels.asnumpy(), features.asnumpy() @ [1, 2, 3] - 1, rtol=1e-4, atol=1e-5)
    features, labels = polynomial_data([1.2, -3.4, 5.6], 5, 50, noise=1e-9)
    x = features[:, 0].asnumpy()
    np.testing.assert_allclose(labels.asnumpy(), 1.2 * x - 3.4 * x**2 + 5.6 * x**3 + 5, rtol=1e-3, atol=1e-4)


@given(
    examples=st.integers(1, 20),
    batch_size=st.integers(1, 20),
    steps=st.integers(1, 30),
    passes=st.integers(1, 4),
)
def test_steps_continue_where_the_last_iteration_stopped(examples, batch_size, steps, passes):
    batches = Minibatches(nd.arange(examples), nd.arange(examples), batch_size, seed=0)
    counted = Steps(batches, steps)
    got = [y.asnumpy().tolist() for _ in range(passes) for _, y in counted]
    again = Minibatches(nd.arange(examples), nd.arange(examples), batch_size, seed=0)
    expected = [y.asnumpy().tolist() for _ in range(passes * steps) for _, y in again]
    assert len(counted) == steps
    assert got == expected[: passes * steps]


def test_xor_points_are_in_class_1_if_one_coordinate_is_positive():
    points, classes = (array.asnumpy() for array in xor_points(500))
    assert abs(points).max() <= 1
    np.testing.assert_array_equal(classes, points[:, 0] * points[:, 1] < 0)


def test_two_moons_are_two_half_circles_in_a_random_order():
    points, classes = (array.asnumpy() for array in two_moons(400, 0.0, seed=3))
    centre = np.where(classes[:, None] == 0, [0, 0], [1, 0.5])
    np.testing.assert_allclose(np.linalg.norm(points - centre, axis=1), 1, atol=1e-6)
    assert 130 < classes[:300].sum() < 170  # the classes are mixed
    np.testing.assert_array_equal(points, two_moons(400, 0.0, seed=3)[0].asnumpy())


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=4, max_side=6)))
def test_read_idx_returns_what_was_written(write_idx, tmp_path_factory, array):
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    write_idx(path, array)
    np.testing.assert_array_equal(images.read_idx(path), array)


@given(st.data())
def test_read_idx_rejects_truncated_files(write_idx, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("idx") / "a.gz"
    write_idx(path, np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:cut])
    with pytest.raises(InputError, match=r"a\.gz: "):
        images.read_idx(path)


# With mtime=0 the content, which is part of the test's id, is the same in all processes that collect tests.
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"\0\0\x08", mtime=0), "is not an idx file"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\1\0\0\0\0", mtime=0), "is not an idx file"),
        (gzip.compress(b"\0\0\x08\0", mtime=0), "is not an idx file"),
        (gzip.compress(b"\0\0\x08\3\0\0\0\1", mtime=0), "is truncated: its header is incomplete"),
        (
            gzip.compress(b"\0\0\x08\1\0\0\0\x05abc", mtime=0),
            "has the wrong size: 3 values for a shape of 5",
        ),
        (
            gzip.compress(b"\0\0\x08\1\0\0\0\x02abc", mtime=0),
            "has the wrong size: 3 values for a shape of 2",
        ),
        (gzip.compress(b"\0\0\x08\3" + b"\xff" * 12, mtime=0), "has the wrong size"),
        (gzip.compress(b"\0\0\x08\4" + b"\0" * 4 + b"\xff" * 12, mtime=0), "has the wrong size"),
    ],
)
def test_read_idx_names_a_broken_file_and_its_fault(tmp_path, content, message):
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"x.gz: {message}"):
        images.read_idx(path)


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (
            np.zeros((2, 28, 28)),
            [0, 10],
            "labels.gz: label 10 of example 1 is out of range: the classes are 0 to 9",
        ),
        (np.zeros((2, 28, 28)), [0, 1, 2], r"labels.gz: contains labels of shape \(3,\) for 2 images"),
        (np.zeros((2, 28, 27)), [0, 1], r"images.gz: contains an array of shape \(2, 28, 27\)"),
        (np.zeros((2, 784)), [0, 1], r"images.gz: contains an array of shape \(2, 784\)"),
        (np.zeros((0, 28, 28)), [], "labels.gz: contains no examples"),
    ],
)
def test_check_labeled_images_rejects_images_and_labels_that_do_not_match(pixels, labels, message):
    paths = Path("images.gz"), Path("labels.gz")
    with pytest.raises(InputError, match=message):
        images.check_labeled_images(pixels, np.array(labels), *paths, 10)


def test_images_are_floats_from_0_to_1_with_a_channel_axis(small_fashion):
    loaded = load_images("fashion_mnist", "fashion_mnist", small_fashion)
    X, y = loaded.train
    assert X.shape == (600, 1, 28, 28)
    assert (X.dtype, y.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(
        X[3, 0].asnumpy(), loaded.train_images[3].astype(np.float32) / np.float32(255)
    )
    assert loaded.stand_in_for is None
    assert not loaded.official  # so that results are not compared with published values


def test_load_images_auto_falls_back_to_digits_and_records_what_they_replace(offline):
    loaded = load_images("fashion_mnist")
    assert (loaded.name, loaded.stand_in_for) == ("digits", "fashion_mnist")
    assert loaded.train_images.shape == (1497, 28, 28)
    assert loaded.test_images.shape == (300, 28, 28)
    assert set(np.unique(loaded.test_labels)) == set(range(10))
    assert loaded.train_images.max() == 255


def cifar_file(path, labels, size=None):
    """Write CIFAR-10's binary format. Image i has red i, green 100 + i, blue 200 in its first row, else 0."""
    records = np.zeros((len(labels), 3073), np.uint8)
    records[:, 0] = labels
    for channel, value in enumerate((np.arange(len(labels)), 100 + np.arange(len(labels)), 200)):
        records[:, 1 + 1024 * channel : 33 + 1024 * channel] = np.reshape(value, (-1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(records.tobytes()[:size])


def test_read_cifar10_reads_channel_by_channel_and_row_by_row(tmp_path, offline):
    for i in range(1, 6):
        cifar_file(tmp_path / "cifar10" / f"data_batch_{i}.bin", [i, 9, 0])
    cifar_file(tmp_path / "cifar10" / "test_batch.bin", [3] * 1001)
    loaded = load_images("cifar10", "cifar10", tmp_path)
    assert loaded.train_images.shape == (15, 3, 32, 32)
    assert loaded.train_labels.tolist() == [label for i in range(1, 6) for label in (i, 9, 0)]
    assert loaded.train_images[4, :, 0, 31].tolist() == [1, 101, 200]
    assert loaded.train_images[4, :, 1].max() == 0
    assert loaded.test_images.shape == (1000, 3, 32, 32)
    assert not loaded.official
    assert loaded.train[0].shape == (15, 3, 32, 32)


@pytest.mark.parametrize(
    ("labels", "size", "message"),
    [
        ([0, 1], 6145, "has the wrong size: 6145 bytes, not a multiple of 3073"),
        ([], None, "has the wrong size: 0 bytes"),
        ([0, 10], None, "label 10 of example 1 is out of range: the classes are 0 to 9"),
    ],
)
def test_read_cifar_batch_names_a_broken_file_and_its_fault(tmp_path, labels, size, message):
    cifar_file(tmp_path / "data_batch_1.bin", labels, size)
    with pytest.raises(InputError, match=f"data_batch_1.bin: {message}"):
        images.read_cifar_batch(tmp_path / "data_batch_1.bin")


def test_load_images_auto_falls_back_to_digits_in_color_for_cifar10(offline):
    loaded = load_images("cifar10")
    assert (loaded.name, loaded.stand_in_for) == ("colour_digits", "cifar10")
    assert loaded.train_images.shape == (1497, 3, 32, 32)
    gray = load_images("mnist")
    assert loaded.train_labels.tolist() == gray.train_labels.tolist()
    # Every channel is above the middle in the strokes and below it in the background.
    strokes = loaded.train_images[0].min(axis=0) > 127
    assert 0.05 < strokes.mean() < 0.6
    assert len(np.unique(loaded.train_images[0][:, strokes].max(axis=1))) > 1  # a color, not gray


def test_load_images_auto_does_not_hide_a_broken_file(small_fashion):
    (small_fashion / "fashion_mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz: cannot be read"):
        load_images("fashion_mnist", "auto", small_fashion)


def test_load_images_never_replaces_a_data_set_requested_by_name(offline):
    with pytest.raises(
        InputError, match=r"mnist/train-images-idx3-ubyte.gz: not found in .*put the published file"
    ):
        load_images("fashion_mnist", "mnist")
    with pytest.raises(InputError, match="unknown data set 'cats'; choose from auto, fashion_mnist"):
        load_images("fashion_mnist", "cats")


@pytest.fixture
def publish_as(small_fashion, monkeypatch):
    """Return a function that makes the small images the published files of a data set."""

    def publish(name, algorithm="sha256"):
        registry = {}
        for file in images.IDX_FILES:
            content = (small_fashion / "fashion_mnist" / file).read_bytes()
            registry[f"{name}/{file}"] = (f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}", [])
        monkeypatch.setattr(download, "registry", lambda: registry)

    return publish


@pytest.mark.parametrize(
    ("own", "other"),
    [("fashion_mnist", "mnist"), ("mnist", "fashion_mnist"), ("mnist", "fashion_mnist_2017")],
)
def test_load_images_refuses_the_published_files_of_another_set(small_fashion, publish_as, own, other):
    """Trained on, they would get the names of the wrong classes."""
    publish_as(other)
    if own != "fashion_mnist":
        (small_fashion / "fashion_mnist").rename(small_fashion / own)
    with pytest.raises(InputError, match=f"is the published file {other}/train-images.*, not {own}/train-"):
        load_images("fashion_mnist", own, small_fashion)


def test_load_images_accepts_the_other_partition_of_fashion_mnist(small_fashion, publish_as):
    publish_as("fashion_mnist_2017", "sha1")
    assert not load_images("fashion_mnist", "fashion_mnist", small_fashion).official


def test_load_images_refuses_training_and_test_files_that_were_swapped(small_fashion, publish_as):
    publish_as("fashion_mnist")
    folder = small_fashion / "fashion_mnist"
    for train, test in zip(images.IDX_FILES[:2], images.IDX_FILES[2:]):
        (folder / train).rename(folder / "other")
        (folder / test).rename(folder / train)
        (folder / "other").rename(folder / test)
    with pytest.raises(InputError, match="is the published file fashion_mnist/t10k-images"):
        load_images("fashion_mnist", "fashion_mnist", small_fashion)


def test_load_images_judges_the_bytes_that_it_has_read(small_fashion, publish_as, monkeypatch):
    """A file that changes meanwhile counts as what was trained on, not as what is there later."""
    publish_as("fashion_mnist")
    read = download.read

    def read_and_replace(path, *size):
        content = read(path, *size)
        path.write_bytes(b"other")
        return content

    monkeypatch.setattr(download, "read", read_and_replace)
    assert load_images("fashion_mnist", "fashion_mnist", small_fashion).official


@pytest.mark.parametrize("default", ["fashion_mnist", "cifar10"])
def test_load_images_never_replaces_what_a_folder_named_by_the_user_lacks(offline, tmp_path, default):
    with pytest.raises(InputError, match=f"{default}/.*: not found in {tmp_path}, .*leave out --data-dir"):
        load_images(default, "auto", tmp_path)


def test_load_images_reads_the_published_files(real_data):
    loaded = load_images("fashion_mnist", "fashion_mnist", real_data)
    assert loaded.official
    assert loaded.train_images.shape == (60000, 28, 28)
    assert loaded.train_labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert np.bincount(loaded.test_labels).tolist() == [1000] * 10
    assert load_images("mnist", "mnist", real_data).train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    loaded = load_images("cifar10", "cifar10", real_data)
    assert loaded.official
    assert loaded.train_images.shape == (50000, 3, 32, 32)
    assert np.bincount(loaded.train_labels).tolist() == [5000] * 10
    assert [loaded.class_names[y] for y in loaded.train_labels[:3]] == ["frog", "truck", "truck"]
    assert [loaded.class_names[y] for y in loaded.test_labels[:3]] == ["cat", "ship", "ship"]
