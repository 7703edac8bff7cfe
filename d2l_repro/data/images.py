"""Labelled images in memory: Fashion-MNIST, MNIST and CIFAR-10 from their files, digits as the embedded
stand-in."""

import dataclasses
import gzip
import os
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Optional

import numpy as np
from mxnet import nd
from mxnet.gluon.data.vision import transforms

from ..errors import InputError
from . import download
from .loader import Data, Minibatches

FASHION = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
DIGITS = tuple("0123456789")
IDX_SETS = {
    "fashion_mnist": ("Fashion-MNIST", FASHION),
    "mnist": ("MNIST", DIGITS),
    "fashion_mnist_2017": ("Fashion-MNIST, first partition", FASHION),
}  # name -> title, classes
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DATASETS = (*IDX_SETS, "cifar10", "digits", "colour_digits")
IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
SIDE = 28  # pixels
CIFAR_FILES = tuple(f"cifar10/data_batch_{i}.bin" for i in range(1, 6))
CIFAR_TEST = "cifar10/test_batch_first1000.bin"  # what a well-known course's loader tests on
COLOUR_SHAPE = (3, 32, 32)  # channels, height, width
CIFAR_RECORD = 1 + 3 * 32 * 32  # bytes of an image with its class


@dataclass(frozen=True, eq=False)
class Images:
    """A set of images in memory, grey (28, 28) or coloured (3, 32, 32)."""

    name: str
    title: str  # the name as a reader knows it
    class_names: tuple
    train_images: np.ndarray  # (examples, 28, 28) or (examples, 3, 32, 32), uint8
    train_labels: np.ndarray  # (examples,), uint8
    test_images: np.ndarray
    test_labels: np.ndarray
    official: bool = True  # are these the published files, byte for byte?
    stand_in_for: Optional[str] = None

    def first(self, num_train, num_test):
        """The same set with only its first examples."""
        return dataclasses.replace(
            self,
            train_images=self.train_images[:num_train],
            train_labels=self.train_labels[:num_train],
            test_images=self.test_images[:num_test],
            test_labels=self.test_labels[:num_test],
        )

    @cached_property
    def train(self):
        """X (examples, channels, height, width), floats from 0 to 1, and y (examples,), as NDArrays."""
        return _as_floats(self.train_images), nd.array(self.train_labels, dtype="float32")

    @cached_property
    def test(self):
        """The same of the test set."""
        return _as_floats(self.test_images), nd.array(self.test_labels, dtype="float32")

    def minibatches(self, batch_size, seed, as_bytes=False):
        """As `Data`: the training set reshuffled every epoch, the test set in order; `source` is this object.

        With `as_bytes` pixels are floats from 0 to 255, the values that are stored.
        """
        train, test = (((X * 255).round() if as_bytes else X, y) for X, y in (self.train, self.test))
        return Data(
            self.name,
            Minibatches(*train, batch_size, seed),
            Minibatches(*test, batch_size),
            self,
            self.stand_in_for,
            self.official,
        )


def _as_floats(images):
    images = images[:, None] if images.ndim == 3 else images
    return nd.array(images, dtype="uint8").astype("float32") / 255


def resized(X, size):
    """A batch of images in another size, as Gluon's `Resize` and `ToTensor` give it one image at a time.

    Args:
        X: (batch, channels, height, width), floats from 0 to 1.
        size: pixels of height and width, or (width, height).

    Returns:
        the batch in that size, floats from 0 to 1.
    """
    pixels = (X * 255).round().astype("uint8").transpose((0, 2, 3, 1))  # (batch, height, width, channels)
    return transforms.ToTensor()(transforms.Resize(size)(pixels))


def load_images(default, dataset="auto", data_dir=None, quick=False):
    """A set of images by name.

    Args:
        default: the set that "auto" means. Where it is neither on this machine nor to be downloaded, "auto"
            takes the embedded digits in its stead, coloured ones for CIFAR-10, and the result's
            `stand_in_for` says so.
        dataset: "auto" or one of `DATASETS`; a set asked for by name is never replaced.
        data_dir: a folder that holds `fashion_mnist/` and its like; searched first.
        quick: keep the first 6,000 and 1,000 examples only.

    Returns:
        Images.

    Raises:
        InputError: no such set, files missing, corrupt, truncated, or with labels out of range.
    """
    if dataset not in ("auto", *DATASETS):
        raise InputError(f"no dataset is called {dataset!r}: take auto, {', '.join(DATASETS)}")
    return _load(default, dataset, data_dir, quick, os.environ.get(download.ENVIRONMENT))


@lru_cache(
    maxsize=1
)  # a chapter's runs share the arrays, and ask the network once where they are not on disk
def _load(default, dataset, data_dir, quick, _environment):
    try:
        images = _read(default if dataset == "auto" else dataset, data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        images = (load_colour_digits if default == "cifar10" else load_digits)(stand_in_for=default)
    return images.first(6000, 1000) if quick else images


def _read(name, data_dir):
    readers = {
        "cifar10": lambda: read_cifar10(data_dir),
        "digits": load_digits,
        "colour_digits": load_colour_digits,
    }
    return readers[name]() if name in readers else read_idx_set(name, data_dir)


def read_idx_set(name, data_dir=None):
    """One of `IDX_SETS` from its four files, found or downloaded by `download.fetch`."""
    return _read_idx_files(name, [download.fetch(f"{name}/{file}", data_dir) for file in IDX_FILES])


def read_idx_folder(name, folder):
    """One of `IDX_SETS` from its four files in that very folder, as Gluon keeps them; None where one is
    missing."""
    paths = [Path(folder, file) for file in IDX_FILES]
    return _read_idx_files(name, paths) if all(map(os.path.isfile, paths)) else None


def _read_idx_files(name, paths):
    title, classes = IDX_SETS[name]
    train_images, train_labels = read_labelled_images(*paths[:2], len(classes))
    test_images, test_labels = read_labelled_images(*paths[2:], len(classes))
    official = all(download.is_published(path, f"{name}/{file}") for path, file in zip(paths, IDX_FILES))
    return Images(name, title, classes, train_images, train_labels, test_images, test_labels, official)


def read_labelled_images(images_path, labels_path, num_classes):
    """Images and labels from two idx files, checked against each other.

    Returns:
        images (examples, 28, 28) and labels (examples,), both uint8.

    Raises:
        InputError: a file is corrupt or truncated, sizes do not fit, or a label is out of range.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise InputError(
            f"{images_path}: holds an array of shape {images.shape}, not images of {SIDE} x {SIDE} pixels"
        )
    if labels.shape != images.shape[:1]:
        raise InputError(f"{labels_path}: holds labels of shape {labels.shape} for {len(images)} images")
    if len(labels) == 0:
        raise InputError(f"{labels_path}: holds no example")
    _check_labels(labels, num_classes, labels_path)
    return images, labels


def _check_labels(labels, num_classes, path):
    wrong = np.flatnonzero(labels >= num_classes)
    if len(wrong):
        raise InputError(
            f"{path}: label {labels[wrong[0]]} of example {wrong[0]} is out of range: "
            f"the classes are 0 to {num_classes - 1}"
        )


def read_idx(path):
    """The array of unsigned bytes in a gzipped idx file.

    The format (Y. LeCun's page on MNIST): two zero bytes, a type (8: unsigned byte), the number of
    dimensions, each dimension as a big-endian 32-bit integer, then the values.

    Raises:
        InputError: the file cannot be read, or is no such file, or is not whole.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); replace it with the published file") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08" or content[3] > 4:
        raise InputError(f"{path}: is not an idx file of unsigned bytes; replace it with the published file")
    header = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:header], ">u4").tolist()) if len(content) >= header else ()
    size = int(np.prod(shape, dtype=object)) if shape else -1
    if len(content) - header != size:
        raise InputError(
            f"{path}: is not whole: {len(content) - header} values where its header says "
            f"{' x '.join(map(str, shape)) or 'nothing'}; replace it with the published file"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def load_digits(stand_in_for=None):
    """scikit-learn's 1,797 digits of 8 x 8 pixels, each drawn 3 x 3, with a margin of 2; a sixth is for
    testing."""
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    images = np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return _split_digits("digits", "scikit-learn's digits", images, digits.target, stand_in_for)


def _split_digits(name, title, images, labels, stand_in_for):
    labels = labels.astype(np.uint8)
    test = np.arange(len(labels)) % 6 == 0
    return Images(
        name,
        title,
        DIGITS,
        images[~test],
        labels[~test],
        images[test],
        labels[test],
        stand_in_for=stand_in_for,
    )


def read_cifar10(data_dir=None):
    """CIFAR-10 from the binary files: 50,000 images to train on, and the first 1,000 of the 10,000 to test
    on.

    The test set is taken from `test_batch.bin` where the user has that.
    """
    whole = download.find("cifar10/test_batch.bin", data_dir)
    paths = [download.fetch(file, data_dir) for file in CIFAR_FILES]
    test_path = whole or download.fetch(CIFAR_TEST, data_dir)
    train_images, train_labels = (np.concatenate(parts) for parts in zip(*map(read_cifar_batch, paths)))
    test_images, test_labels = (array[:1000] for array in read_cifar_batch(test_path))
    official = all(
        download.is_published(path, file) for path, file in zip(paths, CIFAR_FILES)
    ) and download.is_published(test_path, CIFAR_TEST, 1000 * CIFAR_RECORD)
    return Images(
        "cifar10", "CIFAR-10", CIFAR, train_images, train_labels, test_images, test_labels, official
    )


def read_cifar_batch(path):
    """Images and labels of one binary file of CIFAR-10.

    The format (A. Krizhevsky's page): for each image a byte with its class, then 1,024 bytes of red, of green
    and of blue, row by row.

    Returns:
        images (examples, 3, 32, 32) and labels (examples,), both uint8.

    Raises:
        InputError: the file cannot be read, is not whole, or has a label out of range.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); replace it with the published file") from error
    if len(content) == 0 or len(content) % CIFAR_RECORD:
        raise InputError(
            f"{path}: is not whole: {len(content)} bytes, not a multiple of {CIFAR_RECORD}; "
            "replace it with the published file"
        )
    records = content.reshape(-1, CIFAR_RECORD)
    labels = records[:, 0]
    _check_labels(labels, len(CIFAR), path)
    return records[:, 1:].reshape(-1, *COLOUR_SHAPE), labels


def load_colour_digits(stand_in_for=None):
    """The digits of `load_digits` at 32 x 32, each in a colour of its own on a background of its own."""
    from sklearn import datasets

    digits = datasets.load_digits()
    ink = digits.images.repeat(4, axis=1).repeat(4, axis=2)[:, None] / 16  # (examples, 1, 32, 32), 0 to 1
    rng = np.random.RandomState(0)
    bright, dark = (rng.randint(*ends, size=(len(ink), 3, 1, 1)) for ends in ((128, 256), (0, 128)))
    images = np.round(ink * bright + (1 - ink) * dark).astype(np.uint8)
    return _split_digits(
        "colour_digits", "scikit-learn's digits in colour", images, digits.target, stand_in_for
    )
