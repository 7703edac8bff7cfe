"""What the contestants train on, as NumPy arrays: published data, or random numbers, which take as long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..data.text import Text

Arrays = tuple[np.ndarray, np.ndarray]  # X and y
NUM_WORDS = 10000  # in the vocabulary of the Penn Treebank


@dataclass
class Source:
    """The part of `Splits` that chapters look at to build a net."""

    train: Any
    num_outputs: int


def _random_pixels(*shape: int) -> Arrays:
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, shape).astype("uint8"), rng.randint(0, 10, shape[0])


def fashion(count: int) -> Arrays:
    """Return so many images of Fashion-MNIST, (count, 28, 28) bytes, or all 60,000, and their classes."""
    from ..data.images import load_images

    loaded = load_images("fashion_mnist")
    if loaded.stand_in_for is None:
        return loaded.train_images[:count], loaded.train_labels[:count]
    return _random_pixels(min(count, 60_000), 28, 28)


def digits(count: int) -> Arrays:
    """Return random images of MNIST's size, (count, 1, 28, 28) from 0 to 1, and classes."""
    pixels, labels = _random_pixels(count, 1, 28, 28)
    return pixels.astype("float32") / 255, labels


def centred(count: int) -> Arrays:
    """Return random images of CIFAR-10's size, (count, 3, 32, 32) from -0.5 to 0.5, and classes."""
    pixels, labels = _random_pixels(count, 3, 32, 32)
    return pixels.astype("float32") / 255 - 0.5, labels


def line(steps: int, batch_size: int) -> Arrays:
    """Return the examples of linear regression: two features (examples, 2), and labels (examples,)."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(steps * batch_size, 2)).astype("float32")
    # y = 2 x0 - 3.4 x1 + 4.2 + noise
    return X, (X @ [2, -3.4] + 4.2 + rng.normal(0, 0.01, len(X))).astype("float32")


def treebank() -> Text:
    """Return the published text, or random words from a vocabulary of the same size."""
    from ..data.text import Text, load_text

    text = load_text()
    if text.stand_in_for is None:
        return text
    words = [f"word{i}" for i in range(NUM_WORDS - 2)]
    drawn = np.random.RandomState(0).choice(words, 200_000).tolist()
    return Text("random", "words drawn at random", words + drawn, drawn[:1000], drawn[:1000])


def houses(num_epochs: int, k: int = 5) -> tuple[Any, Any, Any]:
    """Return the tables, the book's folds, five by default, and its recipe with so many epochs."""
    from kaggle_house import kfold
    from kaggle_house.data import load_tables
    from kaggle_house.recipes import BOOK

    tables = load_tables()
    folds = kfold.split(tables.train["SalePrice"].to_numpy(), kfold.FoldOptions(k=k), BOOK.shuffle)
    return tables, folds, BOOK.replace(num_epochs=num_epochs)
