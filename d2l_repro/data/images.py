"""Labeled images in memory: Fashion-MNIST, MNIST and CIFAR-10, and digits as embedded stand-in data."""

from __future__ import annotations

import dataclasses
import gzip
import io
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from mxnet import nd
from mxnet.gluon.data.vision import transforms

from ..errors import InputError
from ..language import tr
from ..suggestions import choice
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
IDX_SETS = {  # name -> title, classes
    "fashion_mnist": ("Fashion-MNIST", FASHION),
    "mnist": ("MNIST", DIGITS),
    "fashion_mnist_2017": ("Fashion-MNIST, first partition", FASHION),
}
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
CIFAR_TEST = "cifar10/test_batch_first1000.bin"  # the test set in the data loader of a well-known course
NUM_CIFAR_TEST = 1000
CIFAR_SHAPE = (3, 32, 32)  # channels, height, width
CIFAR_RECORD = 1 + 3 * 32 * 32  # bytes of a label and its image
# Twice as many examples as the published files have: what claims more would only fill the memory.
MAX_EXAMPLES, MAX_CIFAR_RECORDS = 120_000, 20_000
MAX_RATIO = 1032  # bytes that deflate can make of one
READ_AT_ONCE = 2**20  # bytes to unpack


@dataclass(frozen=True, eq=False)
class Images:
    """A data set of images in memory, gray (28, 28) or in color (3, 32, 32).

    Attributes:
        name: in the registry of files and on the command line.
        title: name for readers.
        class_names: names of the classes, in the order of their numbers.
        train_images, test_images: (examples, 28, 28) or (examples, 3, 32, 32), uint8.
        train_labels, test_labels: (examples,), uint8.
        official: whether these are the published files, byte for byte.
        stand_in_for: name of the published data set that these embedded images replace.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    official: bool = True
    stand_in_for: str | None = None

    def first(self, num_train: int, num_test: int) -> Images:
        """Return the data set with only its first examples."""
        return dataclasses.replace(
            self,
            # copies: a view would keep the whole set in memory
            train_images=self.train_images[:num_train].copy(),
            train_labels=self.train_labels[:num_train].copy(),
            test_images=self.test_images[:num_test].copy(),
            test_labels=self.test_labels[:num_test].copy(),
        )

    @cached_property
    def train(self) -> tuple[nd.NDArray, nd.NDArray]:
        """The training set: X (examples, channels, height, width), floats from 0 to 1, and y (examples,)."""
        return _as_floats(self.train_images), nd.array(self.train_labels, dtype="float32")

    @cached_property
    def test(self) -> tuple[nd.NDArray, nd.NDArray]:
        """The test set: X (examples, channels, height, width), floats from 0 to 1, and y (examples,)."""
        return _as_floats(self.test_images), nd.array(self.test_labels, dtype="float32")

    @cached_property
    def _as_bytes(self) -> list[tuple[nd.NDArray, nd.NDArray]]:
        """Both sets with the stored values of the pixels, 0 to 255, as floats."""
        return [((X * 255).round(), y) for X, y in (self.train, self.test)]

    def minibatches(self, batch_size: int, seed: int, as_bytes: bool = False) -> Data:
        """Return loaders of both sets: the training set is reshuffled every epoch, the test set is not.

        Args:
            batch_size: examples per batch.
            seed: determines the order of the training set.
            as_bytes: whether pixels are the stored values, 0 to 255, as floats, instead of 0 to 1.

        Returns:
            Data, whose `source` is this object.
        """
        train, test = self._as_bytes if as_bytes else (self.train, self.test)
        return Data(
            self.name,
            Minibatches(*train, batch_size, seed),
            Minibatches(*test, batch_size),
            self,
            self.stand_in_for,
            self.official,
        )


def _as_floats(images: np.ndarray) -> nd.NDArray:
    """Return images as (examples, channels, height, width), floats from 0 to 1."""
    images = images[:, None] if images.ndim == 3 else images
    X = nd.array(images, dtype="uint8").astype("float32")
    X /= 255  # in place: with a second array of floats, this would be the most memory that a chapter takes
    return X


def resize_images(X: nd.NDArray, size: int | tuple[int, int]) -> nd.NDArray:
    """Resize a batch of images, with the same result as Gluon's `Resize` and `ToTensor` image by image.

    Args:
        X: (batch, channels, height, width), floats from 0 to 1.
        size: pixels of height and width, or (width, height).

    Returns:
        the resized batch, floats from 0 to 1.
    """
    pixels = (X * 255).round().astype("uint8").transpose((0, 2, 3, 1))  # (batch, height, width, channels)
    return transforms.ToTensor()(transforms.Resize(size)(pixels))


def load_images(
    default: str, dataset: str = "auto", data_dir: str | Path | None = None, quick: bool = False
) -> Images:
    """Load a data set of images by its name.

    Args:
        default: the data set that "auto" loads. If it is neither on this machine nor can be downloaded,
            "auto" falls back to the embedded digits, in color for CIFAR-10, and sets `stand_in_for`.
        dataset: "auto" or one of `DATASETS`, which is never replaced by stand-in data.
        data_dir: folder that contains `fashion_mnist/` and the like; searched first.
        quick: keep only the first 3,000 training and 500 test examples.

    Raises:
        InputError: the name is unknown, files are missing, corrupt or truncated, or labels are out of range.
    """
    if dataset not in ("auto", *DATASETS):
        advice = choice(dataset, ("auto", *DATASETS))
        raise InputError(tr("unknown data set {names}; {advice}", names=repr(dataset), advice=advice))
    return _load(default, dataset, data_dir, quick, os.environ.get(download.ENVIRONMENT))


# The runs of a chapter share the arrays, and the network is asked only once if the files are not on disk.
@lru_cache(maxsize=1)
def _load(
    default: str, dataset: str, data_dir: str | Path | None, quick: bool, _environment: str | None
) -> Images:
    try:
        images = _read(default if dataset == "auto" else dataset, data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        load_stand_in = load_colour_digits if default == "cifar10" else load_digits
        images = load_stand_in(stand_in_for=default)
    return images.first(3000, 500) if quick else images


def _read(name: str, data_dir: str | Path | None) -> Images:
    if name == "cifar10":
        return read_cifar10(data_dir)
    if name == "digits":
        return load_digits()
    if name == "colour_digits":
        return load_colour_digits()
    return read_idx_set(name, data_dir)


def read_idx_set(name: str, data_dir: str | Path | None = None) -> Images:
    """Read one of `IDX_SETS` from its four files, which `download.fetch` finds or downloads."""
    return _read_idx_files(name, [download.fetch(f"{name}/{file}", data_dir) for file in IDX_FILES])


def read_idx_folder(name: str, folder: str | Path) -> Images | None:
    """Read one of `IDX_SETS` from its four files in a folder, where Gluon keeps them.

    Returns:
        the images, or None if one of the files is missing.
    """
    paths = [Path(folder, file) for file in IDX_FILES]
    return _read_idx_files(name, paths) if all(map(download.is_file, paths)) else None


def _read_idx_files(name: str, paths: Sequence[Path]) -> Images:
    title, classes = IDX_SETS[name]
    arrays, official = [], True
    for path, file in zip(paths, IDX_FILES):
        content = download.read(path)
        official &= _is_official(content, path, f"{name}/{file}")
        arrays.append(_parse_idx(content, path))
    for i in (0, 2):
        check_labeled_images(*arrays[i : i + 2], *paths[i : i + 2], len(classes))
    return Images(name, title, classes, *arrays, official=official)


def _is_official(content: bytes, path: Path, name: str) -> bool:
    """Return whether the content of a file is the published one.

    Raises:
        InputError: it is another published file, whose images would get the wrong names.
    """
    found = download.published_name(content)
    if found is None or found == name:
        return found == name
    (other, file), own = found.split("/"), name.split("/")[0]
    same_classes = other in IDX_SETS and IDX_SETS[other][1] == IDX_SETS[own][1]
    if same_classes and file == name.split("/")[1]:  # the other partition of Fashion-MNIST
        return False
    raise InputError(
        tr(
            "{path}: is the published file {found}, not {name}; move it to {found}, where --dataset {other} "
            "reads it, and put the published {name} in its place",
            path=path,
            found=found,
            name=name,
            other=other,
        )
    )


def check_labeled_images(
    images: np.ndarray, labels: np.ndarray, images_path: Path, labels_path: Path, num_classes: int
) -> None:
    """Check that images have the right size, and that labels match them.

    Args:
        images: should be (examples, 28, 28).
        labels: should be (examples,), from 0 to below `num_classes`.
        images_path: file that the images are from, for messages.
        labels_path: file that the labels are from.
        num_classes: number of classes.

    Raises:
        InputError: a shape is wrong, there is no example, or a label is out of range.
    """
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        problem = tr(
            "contains an array of shape {shape}, not images of {side} x {side} pixels",
            shape=images.shape,
            side=SIDE,
        )
        raise download.file_error(images_path, problem)
    if labels.shape != images.shape[:1]:
        problem = tr(
            "contains labels of shape {shape} for {count} images", shape=labels.shape, count=len(images)
        )
        raise download.file_error(labels_path, problem)
    if len(labels) == 0:
        raise download.file_error(labels_path, tr("contains no examples"))
    _check_labels(labels, num_classes, labels_path)


def _check_labels(labels: np.ndarray, num_classes: int, path: Path) -> None:
    invalid = np.flatnonzero(labels >= num_classes)
    if len(invalid):
        problem = tr(
            "label {label} of example {number} is out of range: the classes are 0 to {last}",
            label=labels[invalid[0]],
            number=invalid[0],
            last=num_classes - 1,
        )
        raise download.file_error(path, problem)


def read_idx(path: Path) -> np.ndarray:
    """Read the array of unsigned bytes in a gzipped idx file.

    The format is described on Y. LeCun's page on MNIST: two zero bytes, a type (8: unsigned byte), the number
    of dimensions, each dimension as a big-endian 32-bit integer, then the values.

    Raises:
        InputError: the file cannot be read, is not an idx file of unsigned bytes, or is truncated.
    """
    return _parse_idx(download.read(path), path)


def _parse_idx(content: bytes, path: Path) -> np.ndarray:
    """Return the array in the content of a gzipped idx file; unpack no more than its header announces."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            shape = _read_idx_shape(file, path)
            num_values = math.prod(shape)
            # A dimension of 0 makes the others no smaller: NumPy has no array of such a shape either.
            extent = math.prod(max(1, n) for n in shape)
            if extent > min(MAX_EXAMPLES * SIDE * SIDE, MAX_RATIO * len(content)):
                raise _wrong_size(path, f"{len(content)} compressed bytes", shape)
            # With one value more, the end of the file is reached, where its checksum is.
            values = np.empty(num_values + 1, np.uint8)
            count = _read_into(file, values)
    except (OSError, EOFError, zlib.error) as error:
        raise download.file_error(path, tr("cannot be read ({error})", error=error)) from error
    if count != num_values:
        raise _wrong_size(path, tr("{count} values", count=count), shape)
    return values[:num_values].reshape(shape)


def _read_into(file: gzip.GzipFile, values: np.ndarray) -> int:
    """Read until an array of bytes is full or the file ends, without a copy; return the number of bytes."""
    buffer, count = memoryview(values), 0
    while count < len(buffer):
        read = file.readinto(buffer[count : count + READ_AT_ONCE])
        if not read:
            break
        count += read
    return count


def _read_idx_shape(file: gzip.GzipFile, path: Path) -> tuple[int, ...]:
    """Read the header of an idx file."""
    start = file.read(4)
    if len(start) < 4 or start[:3] != b"\0\0\x08" or not 1 <= start[3] <= 4:
        raise download.file_error(path, tr("is not an idx file of unsigned bytes"))
    dimensions = file.read(4 * start[3])
    if len(dimensions) < 4 * start[3]:
        raise download.file_error(path, tr("is truncated: its header is incomplete"))
    return tuple(np.frombuffer(dimensions, ">u4").tolist())


def _wrong_size(path: Path, found: str, shape: Sequence[int]) -> InputError:
    expected = " x ".join(map(str, shape))
    problem = tr("has the wrong size: {found} for a shape of {expected}", found=found, expected=expected)
    return download.file_error(path, problem)


def load_digits(stand_in_for: str | None = None) -> Images:
    """Load scikit-learn's 1,797 digits, enlarged from 8 x 8 to 28 x 28 pixels; a sixth is the test set.

    Each pixel becomes 3 x 3 pixels, and a margin of 2 is added.

    Args:
        stand_in_for: name of the published data set that they replace.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    images = np.pad(images.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return _split_digits("digits", "scikit-learn's digits", images, digits.target, stand_in_for)


def _split_digits(
    name: str, title: str, images: np.ndarray, labels: np.ndarray, stand_in_for: str | None
) -> Images:
    labels = labels.astype(np.uint8)
    is_test = np.arange(len(labels)) % 6 == 0
    return Images(
        name,
        title,
        DIGITS,
        images[~is_test],
        labels[~is_test],
        images[is_test],
        labels[is_test],
        stand_in_for=stand_in_for,
    )


def read_cifar10(data_dir: str | Path | None = None) -> Images:
    """Read CIFAR-10 from its binary files: all 50,000 training images, and the first 1,000 test images.

    The test images are read from `test_batch.bin` if the user has that file, otherwise from `CIFAR_TEST`.

    Args:
        data_dir: folder that contains `cifar10/`; searched first.
    """
    test_path = download.find("cifar10/test_batch.bin", data_dir)
    train_paths = [download.fetch(file, data_dir) for file in CIFAR_FILES]
    test_path = test_path or download.fetch(CIFAR_TEST, data_dir)
    official, arrays = True, []
    for path, file in zip([*train_paths, test_path], [*CIFAR_FILES, CIFAR_TEST]):
        content = download.read(path, MAX_CIFAR_RECORDS * CIFAR_RECORD)
        published = content if file != CIFAR_TEST else content[: NUM_CIFAR_TEST * CIFAR_RECORD]
        official &= download.published_name(published) == file
        arrays.append(_parse_cifar_batch(content, path))
    test_images, test_labels = (array[:NUM_CIFAR_TEST] for array in arrays.pop())
    train_images, train_labels = (np.concatenate(parts) for parts in zip(*arrays))
    return Images(
        "cifar10", "CIFAR-10", CIFAR, train_images, train_labels, test_images, test_labels, official
    )


def read_cifar_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images and labels from one binary file of CIFAR-10.

    The format is described on A. Krizhevsky's page: for each image one byte with its class, then 1,024 bytes
    of red, green and blue each, row by row.

    Returns:
        images (examples, 3, 32, 32) and labels (examples,), both uint8.

    Raises:
        InputError: the file cannot be read, is truncated, or contains a label out of range.
    """
    return _parse_cifar_batch(download.read(path, MAX_CIFAR_RECORDS * CIFAR_RECORD), path)


def _parse_cifar_batch(content: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    if len(content) == 0 or len(content) % CIFAR_RECORD:
        problem = tr(
            "has the wrong size: {size} bytes, not a multiple of {record}",
            size=len(content),
            record=CIFAR_RECORD,
        )
        raise download.file_error(path, problem)
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_RECORD)
    labels = records[:, 0]
    _check_labels(labels, len(CIFAR), path)
    return records[:, 1:].reshape(-1, *CIFAR_SHAPE), labels


def load_colour_digits(stand_in_for: str | None = None) -> Images:
    """Load scikit-learn's digits at 32 x 32 pixels, each in its own bright color on its own dark background.

    Args:
        stand_in_for: name of the published data set that they replace.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    ink = digits.images.repeat(4, axis=1).repeat(4, axis=2)[:, None] / 16  # (examples, 1, 32, 32), 0 to 1
    rng = np.random.RandomState(0)
    foreground = rng.randint(128, 256, size=(len(ink), 3, 1, 1))
    background = rng.randint(0, 128, size=(len(ink), 3, 1, 1))
    images = np.round(ink * foreground + (1 - ink) * background).astype(np.uint8)
    return _split_digits(
        "colour_digits", "scikit-learn's digits in color", images, digits.target, stand_in_for
    )
