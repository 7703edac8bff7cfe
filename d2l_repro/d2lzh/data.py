"""Load the data sets of chapters 3 and 7, also through Gluon's own classes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any, Callable

import numpy as np
from mxnet import nd
from mxnet import np as mx_np
from mxnet.util import is_np_array

from ..data import download
from ..data.airfoil import load_airfoil
from ..data.images import (
    FASHION,
    IDX_FILES,
    Images,
    load_images,
    read_idx_folder,
    read_idx_set,
    resize_images,
)
from ..data.loader import Batch, Mapped, data_iter
from ..language import mark, tr

__all__ = [
    "data_iter",
    "get_data_ch7",
    "get_fashion_mnist_labels",
    "load_data_fashion_mnist",
    "mkdir_if_not_exist",
]

ROOT = os.path.join("~", ".mxnet", "datasets", "fashion-mnist")  # where Gluon stores its files
NUM_AIRFOILS = 1500  # of 1,503 rows, the ones that section 7.3 uses
STAND_INS = {
    "digits": mark("scikit-learn's digits"),
    "colour_digits": mark("scikit-learn's digits in color"),
    "airfoil": mark("a generated table"),
    "verses": mark("generated verses"),
}

log = logging.getLogger(__name__)


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None, root: str = ROOT
) -> tuple[Iterable[Batch], Iterable[Batch]]:
    """Load Fashion-MNIST as a training set, reshuffled in every epoch, and a test set (section 3.5).

    Args:
        batch_size: examples per batch.
        resize: pixels of height and width, or (width, height); 28 by default.
        root: folder with the four files that Gluon downloads. If it lacks any, they are searched for in
            $D2L_REPRO_DATA and the cache, and then downloaded. If that fails too, scikit-learn's digits are
            used as stand-in data, with a warning.

    Returns:
        two loaders of X (batch, 1, height, width), floats from 0 to 1, and y (batch,), classes as floats.

    Raises:
        InputError: a file is corrupt or truncated.
    """
    data = find_images("fashion_mnist", os.path.expanduser(root)).minibatches(batch_size, shuffling_seed())
    if not resize:
        return data.train_iter, data.test_iter

    def resized(X: nd.NDArray, y: nd.NDArray) -> Batch:
        return resize_images(X, resize), y

    return Mapped(data.train_iter, resized), Mapped(data.test_iter, resized)


def find_images(name: str, root: str) -> Images:
    """Return "fashion_mnist" or "mnist" from Gluon's folder, from ours, or from a mirror; else the digits.

    Args:
        name: of the data set.
        root: the folder in which Gluon stores its files.

    Raises:
        InputError: a file is corrupt or truncated.
    """
    images = read_idx_folder(name, root)
    # The partition that Gluon would download, which is the book's.
    first = [f"{name}_2017/{file}" for file in IDX_FILES]
    if not images and all(file in download.registry() and download.find(file) for file in first):
        images = read_idx_set(f"{name}_2017")
    images = images or load_images(name)
    warn_of_stand_in(images.stand_in_for, "digits")
    return images


def load_for_gluon(dataset: Any, download: Callable[[Any], None]) -> None:
    """Read the images and labels of Gluon's MNIST, FashionMNIST or CIFAR10, from wherever they are.

    Args:
        dataset: an object of one of these classes. It gets `_data`, an NDArray (examples, height, width,
            channels) of bytes, and `_label`, a NumPy array (examples,), int32.
        download: what Gluon does itself. For CIFAR-10 it is asked if Gluon's own files are there.
    """
    if dataset._namespace == "cifar10":
        files = [file for file, _ in dataset._train_data + dataset._test_data]
        if all(os.path.exists(os.path.join(dataset._root, file)) for file in files):
            return download(dataset)
        images = load_images("cifar10")
        warn_of_stand_in(images.stand_in_for, images.name)
        if not dataset._train:
            log.warning("the test set is cut to its first %d images", len(images.test_images))
    else:
        images = find_images(dataset._namespace.replace("-", "_"), dataset._root)
    pixels, labels = (
        (images.train_images, images.train_labels)
        if dataset._train
        else (images.test_images, images.test_labels)
    )
    pixels = pixels.transpose((0, 2, 3, 1)) if pixels.ndim == 4 else pixels[..., None]
    labels = labels.astype(np.int32)
    if is_np_array():
        dataset._data, dataset._label = mx_np.array(pixels, dtype="uint8"), mx_np.array(labels, dtype="int32")
    else:
        dataset._data, dataset._label = nd.array(pixels, dtype="uint8"), labels
    return None


def get_fashion_mnist_labels(labels: Iterable[float]) -> list[str]:
    """Return the names of classes (section 3.5).

    Args:
        labels: numbers from 0 to 9, in an array or a list.
    """
    numbers = labels.asnumpy() if isinstance(labels, nd.NDArray) else labels
    return [FASHION[int(number)] for number in numbers]


def get_data_ch7() -> tuple[nd.NDArray, nd.NDArray]:
    """Load the standardized airfoil data (section 7.3).

    The file is searched for in $D2L_REPRO_DATA and the cache, and then downloaded. If that fails, a generated
    table is used as stand-in data, with a warning.

    Returns:
        features (1500, 5) and labels (1500,).

    Raises:
        InputError: the file exists but cannot be read as this table.
    """
    airfoil = load_airfoil()
    warn_of_stand_in(airfoil.stand_in_for, "airfoil")
    # x' = (x - mean) / std, column by column
    rows = (airfoil.rows - airfoil.rows.mean(axis=0)) / airfoil.rows.std(axis=0)
    return nd.array(rows[:NUM_AIRFOILS, :-1]), nd.array(rows[:NUM_AIRFOILS, -1])


def mkdir_if_not_exist(path: str | Sequence[str]) -> None:
    """Create a folder, and those it lies in, unless it exists (section 9.12).

    Args:
        path: of the folder, or its parts, which are joined.
    """
    os.makedirs(path if isinstance(path, str) else os.path.join(*path), exist_ok=True)


def warn_of_stand_in(stand_in_for: str | None, stand_in: str) -> None:
    """Log a warning if stand-in data, one of `STAND_INS`, replace a published data set."""
    if stand_in_for:
        log.warning(
            tr(
                "{original} is neither on this machine nor can it be downloaded; {stand_in} is used in its "
                "place, and results will differ from the book's",
                original=stand_in_for,
                stand_in=tr(STAND_INS[stand_in]),
            )
        )


def shuffling_seed() -> int:
    """Return a seed drawn from NumPy's global generator.

    Gluon's DataLoader shuffles with that one, so that readers control it by np.random.seed.
    """
    return np.random.randint(2**31 - 1)  # noqa: NPY002
