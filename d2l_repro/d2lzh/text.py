"""Classify reviews of films by their sentiment (sections 10.7 and 10.8).

As in the package, `text.vocab` and `text.embedding` are those of mxnet.contrib.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from mxnet import gluon, nd
from mxnet.contrib.text import embedding, vocab  # noqa: F401  (readers use text.embedding)

from ..errors import InputError
from ..language import tr
from . import downloads
from .training import try_gpu

__all__ = [
    "count_tokens",
    "download_imdb",
    "get_tokenized_imdb",
    "get_vocab_imdb",
    "predict_sentiment",
    "preprocess_imdb",
    "read_imdb",
]

IMDB = "aclImdb"
DOWNLOAD = "d2l.download_imdb()"
IMDB_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_SHA1 = "01ada507287d82875905620988597833ad4e0903"
MIN_FREQ = 5  # rarer words are unknown ones
MAX_WORDS = 500  # of a review; the book reads no more
PAD = "<pad>"

Review = Sequence[Any]  # [text, 1 if it is positive and 0 otherwise]


def count_tokens(samples: Iterable[Iterable[str]]) -> Counter[str]:
    """Return how often each word occurs in samples, which are lists of words."""
    return Counter(chain.from_iterable(samples))


def download_imdb(data_dir: str = downloads.DATA_DIR) -> None:
    """Download and extract the reviews, 84 MB (section 10.7).

    Nothing is downloaded if `data_dir` or $D2L_REPRO_DATA contains the folder aclImdb.

    Raises:
        InputError: they could not be downloaded.
    """
    downloads.fetch_folder(IMDB, IMDB_URL, IMDB_SHA1, data_dir)


def read_imdb(folder: str = "train") -> list[list[Any]]:
    """Read the reviews of a folder, "train" or "test", in random order (section 10.7).

    Returns:
        a list of [text in lower case, 1 if the review is positive and 0 otherwise].

    Raises:
        InputError: `download_imdb` has not been called, or a review is missing or cannot be read.
    """
    found = downloads.find_path(f"{IMDB}/{folder}")
    if found is None:
        place = f"{downloads.DATA_DIR}/{IMDB}/{folder}"
        raise InputError(tr("{path}: no such folder; call {function} first", path=place, function=DOWNLOAD))
    reviews = []
    for label, name in enumerate(("neg", "pos")):
        # Sorted: the order of a folder differs from machine to machine.
        for path in sorted((found / name).glob("*.txt")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(
                    tr("{path}: cannot be read ({error}); extract the archive again", path=path, error=error)
                ) from error
            reviews.append([text.replace("\n", "").lower(), label])
    if not reviews:
        problem = tr("{path}: contains no reviews in neg and pos; extract the archive again", path=found)
        raise InputError(problem)
    random.shuffle(reviews)
    return reviews


def get_tokenized_imdb(data: Iterable[Review]) -> list[list[str]]:
    """Split the texts of reviews into words in lower case, at spaces (section 10.7)."""
    return [text.lower().split(" ") for text, _ in data]


def get_vocab_imdb(data: Iterable[Review]) -> vocab.Vocabulary:
    """Return the vocabulary of reviews: <unk>, and words that occur at least five times (section 10.7)."""
    return vocab.Vocabulary(count_tokens(get_tokenized_imdb(data)), min_freq=MIN_FREQ)


def preprocess_imdb(data: Sequence[Review], vocab: vocab.Vocabulary) -> tuple[nd.NDArray, nd.NDArray]:
    """Return reviews as numbers of words (section 10.7).

    Longer reviews are cut off; shorter ones are filled up with the number of <pad> if the vocabulary has it,
    and otherwise with 0, the number of <unk>.

    Args:
        data: reviews.
        vocab: as returned by `get_vocab_imdb`.

    Returns:
        features (reviews, 500) and labels (reviews,).
    """
    padding = [vocab.token_to_idx.get(PAD, 0)] * MAX_WORDS
    numbers = [(vocab.to_indices(words) + padding)[:MAX_WORDS] for words in get_tokenized_imdb(data)]
    return nd.array(numbers), nd.array([label for _, label in data])


def predict_sentiment(net: gluon.Block, vocab: vocab.Vocabulary, sentence: Sequence[str]) -> str:
    """Return "positive" or "negative" for a sentence (section 10.7).

    Args:
        net: numbers of words (batch, words) -> scores (batch, 2), on the device of `try_gpu`.
        vocab: as returned by `get_vocab_imdb`.
        sentence: a list of words.
    """
    numbers = nd.array([vocab.to_indices(sentence)], ctx=try_gpu())
    return "positive" if net(numbers).argmax(axis=1).asscalar() == 1 else "negative"
