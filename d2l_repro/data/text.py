"""Text as numbers: the Penn Treebank from its archive, a small grammar's sentences as the embedded
stand-in."""

import dataclasses
import os
import random
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Optional

import numpy as np
from mxnet import nd

from ..errors import InputError
from . import download
from .loader import Data

PTB = "ptb/ptb.zip"
PARTS = ("train", "valid", "test")
FOLDERS = ("ptb/", "simple-examples/data/", "")  # in which archives of the Penn Treebank keep the three files
DATASETS = ("ptb", "grammar")
MAX_ARCHIVE, MAX_PART = 2**25, 2**25  # bytes; the published archive has 2 MB, its largest file 5 MB
MAX_RATIO = 50  # bytes from one compressed byte; text gives 3
UNKNOWN, END = "<unk>", "<eos>"  # a word that is not in the vocabulary, the end of a line


class Vocabulary:
    """Words and their numbers, the most frequent word first; of equally frequent ones the alphabet decides.

    Args:
        text: the words of the training text; any other word is numbered as <unk>.
    """

    def __init__(self, text):
        counts = Counter({UNKNOWN: 0, END: 0})
        counts.update(text)
        self.words = sorted(counts, key=lambda word: (-counts[word], word))
        self._numbers = {word: i for i, word in enumerate(self.words)}

    def __len__(self):
        return len(self.words)

    def numbers(self, text):
        """Words -> array (words,) of their numbers, int32."""
        unknown = self._numbers[UNKNOWN]
        return np.array([self._numbers.get(word, unknown) for word in text], np.int32)

    def text(self, numbers):
        """Numbers -> one string."""
        return " ".join(self.words[i] for i in numbers)


@dataclass(frozen=True, eq=False)
class Text:
    """A text in three parts, each a list of words; a line ends with <eos>."""

    name: str
    title: str  # the name as a reader knows it
    train_words: list
    valid_words: list
    test_words: list
    official: bool = True  # is this the published text, byte for byte?
    stand_in_for: Optional[str] = None

    def first(self, num_train, num_other):
        """The same text with only its first words."""
        return dataclasses.replace(
            self,
            train_words=self.train_words[:num_train],
            valid_words=self.valid_words[:num_other],
            test_words=self.test_words[:num_other],
        )

    @cached_property
    def vocabulary(self):
        """Of the words to train on."""
        return Vocabulary(self.train_words)

    def windows(self, batch_size, num_steps):
        """As `Data`: the words to train on and those to validate on as `Windows`; `source` is this object."""
        train, valid = (
            Windows(self.vocabulary.numbers(words), batch_size, num_steps)
            for words in (self.train_words, self.valid_words)
        )
        return Data(self.name, train, valid, self, self.stand_in_for, self.official)


class Windows:
    """A text cut into rows that are read side by side, a window at a time (section 6.3, adjacent sampling).

    Each window begins where the last one ended, so that a net may carry its state from one to the next. Gives
    X and y, each (batch_size, num_steps), where y is what follows each word of X. Words that fill no window
    are left out.

    Args:
        numbers: the text, NumPy array (words,).
        batch_size: rows.
        num_steps: words of a row in one window.

    Raises:
        InputError: the text fills no window.
    """

    def __init__(self, numbers, batch_size, num_steps):
        row = (len(numbers) - 1) // batch_size
        length = row // num_steps * num_steps
        if length < 1:
            raise InputError(
                f"--batch-size, --num-steps: a text of {len(numbers)} words fills no window of "
                f"{batch_size} rows of {num_steps} words; take smaller ones"
            )
        self.X, self.y = (
            nd.array(
                numbers[first : first + batch_size * row]
                .reshape(batch_size, row)[:, :length]
                .reshape(batch_size, -1, num_steps)
                .swapaxes(0, 1)
            )
            for first in (0, 1)
        )

    def __len__(self):
        return len(self.X)

    def __iter__(self):
        return zip(self.X, self.y)


def load_text(dataset="auto", data_dir=None, quick=False):
    """A text by name.

    Args:
        dataset: one of `DATASETS`, or "auto": the Penn Treebank, or the grammar's text where that is neither
            on this machine nor to be downloaded. A text asked for by name is never replaced.
        data_dir: a folder that holds `ptb/`; searched first.
        quick: keep the first 8,000 and 2,000 words only.

    Returns:
        Text.

    Raises:
        InputError: no such text, or its file is missing, corrupt or not to be trusted.
    """
    if dataset not in ("auto", *DATASETS):
        raise InputError(f"no text is called {dataset!r}: take auto, {', '.join(DATASETS)}")
    return _load(dataset, data_dir, quick, os.environ.get(download.ENVIRONMENT))


@lru_cache(maxsize=1)  # a chapter's runs share the text, and ask the network once where it is not on disk
def _load(dataset, data_dir, quick, _environment):
    try:
        text = load_grammar() if dataset == "grammar" else load_ptb(data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        text = load_grammar(stand_in_for="ptb")
    return text.first(8000, 2000) if quick else text


def load_ptb(data_dir=None):
    """The Penn Treebank in T. Mikolov's form (10,000 words, numbers as N), found or downloaded by
    `download.fetch`."""
    path = download.fetch(PTB, data_dir)
    parts = read_archive(path)
    return Text("ptb", "Penn Treebank", *(parts[part] for part in PARTS), download.is_published(path, PTB))


def read_archive(path):
    """The three parts of a text from a zip archive, in memory: nothing is unpacked to the disk.

    The archive is not trusted: only files of the names that are known are looked at, and only where what the
    archive itself says of their size is plausible.

    Returns:
        dict: "train", "valid" and "test", each a list of words.

    Raises:
        InputError: the archive cannot be read, lacks a file, has one twice, or one that is too large,
            encrypted, empty or no text.
    """
    try:
        if path.stat().st_size > MAX_ARCHIVE:
            raise ValueError(f"it has more than {MAX_ARCHIVE:,} bytes")
        with zipfile.ZipFile(path) as archive:
            return {part: _words(_content(archive, part), part) for part in PARTS}
    # zipfile meets damaged headers with any of these.
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise InputError(f"{path}: cannot be read ({error}); replace it with the published file") from error


def _content(archive, part):
    """The bytes of a part's file, after what the archive says of the file was found plausible."""
    names = [f"{folder}ptb.{part}.txt" for folder in FOLDERS]
    found = [info for info in archive.infolist() if info.filename in names]
    if len(found) != 1:
        raise ValueError(f"it has {len(found) or 'no'} files {' or '.join(names)}")
    info = found[0]
    if info.flag_bits & 1:
        raise ValueError(f"{info.filename} is encrypted")
    # Of the other methods Python unpacks a whole block at once, however large it turns out to be.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is compressed by another method than deflation")
    if info.file_size > min(MAX_PART, MAX_RATIO * info.compress_size):
        raise ValueError(f"{info.filename} would have {info.file_size:,} bytes from {info.compress_size:,}")
    with archive.open(info) as file:
        return file.read(info.file_size + 1)  # to its end, where its checksum is compared


def _words(content, part):
    words = content.decode("utf-8").replace("\n", f" {END} ").split()
    if not words:
        raise ValueError(f"the file of part {part} holds no word")
    return words


# Symbol -> what it may be replaced by, each as probable as the others; what is no symbol is a word. A noun's
# number and that of its verb agree, also where a clause stands between them.
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


def load_grammar(stand_in_for=None, num_train=30000, num_other=4000, seed=0):
    """A text that `GRAMMAR` makes, about 100 different words.

    Args:
        stand_in_for: the published text that it replaces.
        num_train: words to train on.
        num_other: words to validate on, and as many to test on.
        seed: of the text.
    """
    rng = random.Random(seed)
    words = []
    while len(words) < num_train + 2 * num_other:
        words += [*_expanded("LINE", rng), END]
    parts = np.split(np.array(words), [num_train, num_train + num_other])
    return Text(
        "grammar",
        "sentences of a small grammar",
        *(part.tolist() for part in parts[:2]),
        parts[2][:num_other].tolist(),
        stand_in_for=stand_in_for,
    )


def _expanded(symbol, rng):
    """Words that a symbol is replaced by."""
    if symbol not in GRAMMAR:
        return [symbol]
    return [word for part in rng.choice(GRAMMAR[symbol]).split() for word in _expanded(part, rng)]
