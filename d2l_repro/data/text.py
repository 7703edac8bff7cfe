"""Text as numbers: the Penn Treebank, and sentences of a small grammar as embedded stand-in data."""

from __future__ import annotations

import dataclasses
import os
import random
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from mxnet import nd

from ..errors import InputError
from ..language import tr
from ..suggestions import choice
from . import download
from .archives import open_archive, read_member
from .loader import Data

PTB = "ptb/ptb.zip"
PARTS = ("train", "valid", "test")
FOLDERS = ("ptb/", "simple-examples/data/", "")  # where archives of the Penn Treebank store the three files
DATASETS = ("ptb", "grammar")
MAX_ARCHIVE, MAX_PART = 2**22, 10_500_000  # bytes; the published archive has 2 MB, its largest file 5 MB
MAX_WORDS = 2_000_000  # of a part; the published training text has 929,589
UNKNOWN, END = "<unk>", "<eos>"  # a word that is not in the vocabulary, the end of a line


class Vocabulary:
    """Words and their numbers, in order of decreasing frequency; words of equal frequency are sorted.

    Args:
        text: words of the training text; all other words get the number of <unk>.
        reserved: words that have a number whether they occur or not; <unk> must be one of them.

    Attributes:
        words: a word's number is its position here.
    """

    def __init__(self, text: Iterable[str], reserved: Iterable[str] = (UNKNOWN, END)):
        counts = Counter(dict.fromkeys(reserved, 0))
        counts.update(text)
        self.words = sorted(counts, key=lambda word: (-counts[word], word))
        self._numbers = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def numbers(self, text: Iterable[str]) -> np.ndarray:
        """Return the numbers of words, as an int32 array (words,)."""
        unknown = self._numbers[UNKNOWN]
        return np.array([self._numbers.get(word, unknown) for word in text], np.int32)

    def text(self, numbers: Iterable[int]) -> str:
        """Return the words with these numbers, joined by spaces."""
        return " ".join(self.words[i] for i in numbers)


@dataclass(frozen=True, eq=False)
class Text:
    """A text in three parts, each a list of words in which every line ends with <eos>.

    Attributes:
        name: on the command line.
        title: name for readers.
        train_words, valid_words, test_words: the three parts.
        official: whether this is the published text, byte for byte.
        stand_in_for: name of the published text that this one replaces.
    """

    name: str
    title: str
    train_words: list[str]
    valid_words: list[str]
    test_words: list[str]
    official: bool = True
    stand_in_for: str | None = None

    def first(self, num_train: int, num_other: int) -> Text:
        """Return the text with only the first words of each part."""
        return dataclasses.replace(
            self,
            train_words=self.train_words[:num_train],
            valid_words=self.valid_words[:num_other],
            test_words=self.test_words[:num_other],
        )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of the training text."""
        return Vocabulary(self.train_words)

    def windows(self, batch_size: int, num_steps: int) -> Data:
        """Return `Windows` of the training and the validation text.

        Args:
            batch_size: number of rows.
            num_steps: words of each row in a window.

        Returns:
            Data, whose `source` is this object.
        """
        train, valid = (
            Windows(self.vocabulary.numbers(words), batch_size, num_steps)
            for words in (self.train_words, self.valid_words)
        )
        return Data(self.name, train, valid, self, self.stand_in_for, self.official)


class Windows:
    """Minibatches by adjacent sampling (section 6.3): rows of the text side by side, one window at a time.

    The text is cut into `batch_size` rows. A window consists of the next `num_steps` words of every row, so
    that a net can carry over its state from one window to the next. Iterating yields X and y, each
    (batch_size, num_steps), where y contains the word after each word of X. Words at the end of a row that do
    not fill a window are left out.

    Args:
        numbers: the text, NumPy array (words,).
        batch_size: number of rows.
        num_steps: words of each row in a window.

    Raises:
        InputError: the text does not fill a single window.
    """

    def __init__(self, numbers: np.ndarray, batch_size: int, num_steps: int):
        row_length = (len(numbers) - 1) // batch_size
        num_windows = row_length // num_steps
        if num_windows < 1:
            raise InputError(
                tr(
                    "--batch-size, --num-steps: a text of {count} words is too short for a window of {rows} "
                    "rows of {steps} words; choose smaller values",
                    count=len(numbers),
                    rows=batch_size,
                    steps=num_steps,
                )
            )

        def cut(words: np.ndarray) -> nd.NDArray:
            rows = words[: batch_size * row_length].reshape(batch_size, row_length)
            windows = rows[:, : num_windows * num_steps].reshape(batch_size, num_windows, num_steps)
            return nd.array(windows.swapaxes(0, 1))  # (windows, batch_size, num_steps)

        self.X, self.y = cut(numbers), cut(numbers[1:])

    def __len__(self) -> int:
        return len(self.X)

    def __iter__(self) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
        return zip(self.X, self.y)


def load_text(dataset: str = "auto", data_dir: str | Path | None = None, quick: bool = False) -> Text:
    """Load a text by its name.

    Args:
        dataset: one of `DATASETS`, which is never replaced by stand-in data; or "auto", which loads the Penn
            Treebank, or the grammar's text if that is neither on this machine nor can be downloaded.
        data_dir: folder that contains `ptb/`; searched first.
        quick: keep only the first 8,000 words of the training text and 2,000 of the other parts.

    Raises:
        InputError: the name is unknown, or the file is missing, corrupt or implausible.
    """
    if dataset not in ("auto", *DATASETS):
        advice = choice(dataset, ("auto", *DATASETS))
        raise InputError(tr("unknown data set {names}; {advice}", names=repr(dataset), advice=advice))
    return _load(dataset, data_dir, quick, os.environ.get(download.ENVIRONMENT))


# The runs of a chapter share the text, and the network is asked only once if the file is not on disk.
@lru_cache(maxsize=1)
def _load(dataset: str, data_dir: str | Path | None, quick: bool, _environment: str | None) -> Text:
    try:
        text = load_grammar() if dataset == "grammar" else load_ptb(data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        text = load_grammar(stand_in_for="ptb")
    return text.first(8000, 2000) if quick else text


def load_ptb(data_dir: str | Path | None = None) -> Text:
    """Load the Penn Treebank as preprocessed by T. Mikolov: 10,000 different words, and N for numbers.

    Args:
        data_dir: as for `download.fetch`, which finds or downloads the archive.
    """
    path = download.fetch(PTB, data_dir)
    content = download.read(path, MAX_ARCHIVE)
    parts = _parse_archive(content, path)
    return Text(
        "ptb",
        "Penn Treebank",
        parts["train"],
        parts["valid"],
        parts["test"],
        official=download.published_name(content) == PTB,
    )


def read_archive(path: Path) -> dict[str, list[str]]:
    """Read the three parts of a text from a zip archive, without extracting files to disk.

    The archive is not trusted: only files with the known names are read, and only if the sizes that the
    archive declares are plausible.

    Returns:
        "train", "valid" and "test", each a list of words.

    Raises:
        InputError: the archive cannot be read, or a file is missing, duplicate, too large, encrypted, empty
            or not UTF-8 text.
    """
    return _parse_archive(download.read(path, MAX_ARCHIVE), path)


def _parse_archive(content: bytes, path: Path) -> dict[str, list[str]]:
    with open_archive(content, path) as archive:
        return {part: _split_words(_read_part(archive, part), part) for part in PARTS}


def _read_part(archive: zipfile.ZipFile, part: str) -> bytes:
    return read_member(archive, [f"{folder}ptb.{part}.txt" for folder in FOLDERS], MAX_PART)


def _split_words(content: bytes, part: str) -> list[str]:
    words = content.decode("utf-8").replace("\n", f" {END} ").split(None, MAX_WORDS)
    if not words:
        raise ValueError(f"the file of the part {part!r} contains no words")
    if len(words) > MAX_WORDS:
        raise ValueError(f"the file of the part {part!r} contains more than {MAX_WORDS:,} words")
    return words


# As for `expand`. Nouns and their verbs agree in number, even if there is a clause between them.
GRAMMAR = {
    "LINE": ("CLAUSE", "CLAUSE", "CLAUSE", "TIME , CLAUSE", "CLAUSE and CLAUSE", "PERSON said that CLAUSE"),
    "CLAUSE": ("ONE DOES", "MANY DO", "PERSON DOES"),
    "ONE": (
        "the SINGULAR",
        "the SINGULAR",
        "a SINGULAR",
        "the ADJECTIVE SINGULAR",
        "the SINGULAR PLACE",
        "the SINGULAR that MANY SEES",
    ),
    "MANY": (
        "the PLURAL",
        "the PLURAL",
        "some PLURAL",
        "N PLURAL",
        "the ADJECTIVE PLURAL",
        "the PLURAL that ONE SEE",
    ),
    "DOES": ("sleeps PLACE", "sees ONE", "sees MANY", "buys MANY for N coins", "is ADJECTIVE", "sings TIME"),
    "DO": ("sleep PLACE", "see ONE", "see MANY", "buy MANY for N coins", "are ADJECTIVE", "sing TIME"),
    "SEES": ("see", "like", "fear"),
    "SEE": ("sees", "likes", "fears"),
    "SINGULAR": "cat dog bird farmer baker sailor horse child fox king miller goat".split(),
    "PLURAL": "cats dogs birds farmers bakers sailors horses children foxes kings millers goats".split(),
    "ADJECTIVE": "old young grey tired happy hungry clever quiet brave lost".split(),
    "PERSON": "anna peter maria john clara otto".split(),
    "PLACE": ("in the HOUSE", "near the HOUSE", "behind the HOUSE"),
    "HOUSE": "barn house mill harbour garden castle market forest".split(),
    "TIME": ("in the morning", "at noon", "in the evening", "at night", "on monday", "on sunday"),
}


def load_grammar(
    stand_in_for: str | None = None, num_train: int = 30000, num_other: int = 4000, seed: int = 0
) -> Text:
    """Generate a text from `GRAMMAR`, with about 100 different words.

    Args:
        stand_in_for: name of the published text that it replaces.
        num_train: words of the training text.
        num_other: words of the validation text, and of the test text.
        seed: determines the text.
    """
    rng = random.Random(seed)
    words: list[str] = []
    while len(words) < num_train + 2 * num_other:
        words += [*expand("LINE", GRAMMAR, rng), END]
    valid_end = num_train + num_other
    return Text(
        "grammar",
        "sentences of a small grammar",
        train_words=words[:num_train],
        valid_words=words[num_train:valid_end],
        test_words=words[valid_end : valid_end + num_other],
        stand_in_for=stand_in_for,
    )


def expand(symbol: str, grammar: Mapping[str, Sequence[str]], rng: random.Random) -> list[str]:
    """Replace a symbol, and the symbols in its replacement, until only words are left.

    Args:
        symbol: a key of the grammar; anything else is a word, and stays as it is.
        grammar: symbol -> what it can be replaced by, with equal probabilities.
        rng: draws the replacements.
    """
    if symbol not in grammar:
        return [symbol]
    replacement = rng.choice(grammar[symbol]).split()
    return [word for part in replacement for word in expand(part, grammar, rng)]
