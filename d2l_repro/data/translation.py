"""Sentences and their translations: the book's twenty French ones, and numbers in words as stand-in data."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from mxnet import nd

from ..errors import InputError
from ..language import listed, tr
from ..suggestions import choice
from . import download
from .loader import Data, Minibatches
from .text import END, UNKNOWN, Vocabulary

FR_EN = "misc/fr-en-small.txt"
DATASETS = ("fr_en", "numbers")
MAX_SIZE, MAX_LINES = 20_000, 400  # the published file has 806 bytes in 20 lines
PAD, BEGIN = "<pad>", "<bos>"  # fills up a sentence; comes before the first word of a translation
RESERVED = (UNKNOWN, PAD, BEGIN, END)

Pair = tuple[str, str]  # a sentence and its translation, words separated by single spaces

# Ours: none is in the published file, but each word is.
NEW_FR_EN: tuple[Pair, ...] = (
    ("elles regardent .", "they are watching ."),
    ("elles se disputent .", "they are arguing ."),
    ("elles sont russes .", "they are russian ."),
    ("il est tranquille .", "he is quiet ."),
    ("il a tort .", "he is wrong ."),
    ("il est mon oncle .", "he is my uncle ."),
    ("elle a des ennuis .", "she is in trouble ."),
    ("elle fait du velo .", "she is riding a bicycle ."),
    ("elle a environ mon age .", "she is about my age ."),
)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sentences in two languages.

    Attributes:
        name: on the command line.
        title: name for readers.
        train: sentences and their translations to learn from.
        new: others, of the same words, to test with.
        official: whether the training sentences are the published ones, byte for byte.
        stand_in_for: name of the published sentences that these replace.
    """

    name: str
    title: str
    train: tuple[Pair, ...]
    new: tuple[Pair, ...]
    official: bool = True
    stand_in_for: str | None = None

    @cached_property
    def source_words(self) -> Vocabulary:
        """The vocabulary of the sentences to learn from."""
        return Vocabulary((word for source, _ in self.train for word in source.split()), RESERVED)

    @cached_property
    def target_words(self) -> Vocabulary:
        """The vocabulary of their translations."""
        return Vocabulary((word for _, target in self.train for word in target.split()), RESERVED)

    def minibatches(self, batch_size: int, num_steps: int, seed: int) -> Data:
        """Return the sentences as numbers of words, each with <eos> at its end and filled up with <pad>.

        As in the book, pairs with a sentence that does not fit are left out.

        Args:
            batch_size: pairs per batch.
            num_steps: words of a sentence, <eos> included.
            seed: determines the order.

        Returns:
            Data, whose `source` is this object. X (batch, 2, num_steps) has the sentence, and <bos> with all
            words of its translation but the last, which a decoder is given in training. y (batch, num_steps)
            has the translation.

        Raises:
            InputError: no pair fits.
        """
        fitting = [pair for pair in self.train if max(len(text.split()) for text in pair) < num_steps]
        if not fitting:
            raise InputError(
                tr(
                    "--num-steps: no sentence and its translation have fewer than {count} words; choose a "
                    "larger value",
                    count=num_steps,
                )
            )
        source = as_numbers([text for text, _ in fitting], self.source_words, num_steps)
        target = as_numbers([text for _, text in fitting], self.target_words, num_steps)
        begin = np.full((len(target), 1), self.target_words.numbers([BEGIN])[0])
        given = np.concatenate([begin, target[:, :-1]], axis=1)
        X = nd.array(np.stack([source, given], axis=1))
        train = Minibatches(X, nd.array(target), batch_size, seed)
        return Data(self.name, train, None, self, self.stand_in_for, self.official)


def as_numbers(sentences: Sequence[str], vocabulary: Vocabulary, num_steps: int) -> np.ndarray:
    """Return sentences as numbers of their words, with <eos> at the end and then <pad>.

    Args:
        sentences: words separated by spaces; a sentence of `num_steps` words or more loses its end.
        vocabulary: of their language.
        num_steps: length of every row.

    Returns:
        NumPy array (sentences, num_steps), int32.
    """
    rows = [[*sentence.split()[: num_steps - 1], END] for sentence in sentences]
    padded = [vocabulary.numbers([*row, *[PAD] * (num_steps - len(row))]) for row in rows]
    return np.stack(padded)


def load_pairs(dataset: str = "auto", data_dir: str | Path | None = None) -> Pairs:
    """Load sentences and translations by their name.

    Args:
        dataset: one of `DATASETS`, which is never replaced by stand-in data; or "auto", which loads the
            book's sentences, or numbers in words if those are neither on this machine nor can be downloaded.
        data_dir: folder that contains `misc/`; searched first.

    Raises:
        InputError: the name is unknown, or the file is missing or not as described in `read_pairs`.
    """
    if dataset not in ("auto", *DATASETS):
        advice = choice(dataset, ("auto", *DATASETS))
        raise InputError(tr("unknown data set {names}; {advice}", names=repr(dataset), advice=advice))
    return _load(dataset, data_dir, os.environ.get(download.ENVIRONMENT))


# The runs of a chapter share the sentences, and the network is asked only once if the file is not on disk.
@lru_cache(maxsize=1)
def _load(dataset: str, data_dir: str | Path | None, _environment: str | None) -> Pairs:
    if dataset == "numbers":
        return load_numbers()
    try:
        path = download.fetch(FR_EN, data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        return load_numbers(stand_in_for="fr_en")
    content = download.read(path, MAX_SIZE)
    official = download.published_name(content) == FR_EN
    pairs = _parse_pairs(content, path)
    return Pairs("fr_en", "the book's French sentences", pairs, NEW_FR_EN, official)


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Read a file with a sentence, a tab and its translation in each line; empty lines are left out.

    Returns:
        the pairs, with words separated by single spaces.

    Raises:
        InputError: the file cannot be read, is empty, too large or not UTF-8 text; or a line does not consist
            of two sentences, or contains characters that cannot be printed or words like <eos>.
    """
    return _parse_pairs(download.read(path, MAX_SIZE), path)


def _parse_pairs(content: bytes, path: Path) -> tuple[Pair, ...]:
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise download.file_error(path, tr("cannot be read ({error})", error=error)) from error
    if len(lines) > MAX_LINES:
        raise download.file_error(path, tr("contains more than {count} lines", count=MAX_LINES))
    pairs = tuple(
        _parse_line(line, download.place_of(path, i)) for i, line in enumerate(lines, 1) if line.strip()
    )
    if not pairs:
        raise download.file_error(path, tr("is empty"))
    return pairs


def _parse_line(line: str, place: str) -> Pair:
    source, *targets = (" ".join(part.split()) for part in line.split("\t"))
    if len(targets) != 1 or not source or not targets[0]:
        raise download.line_error(place, tr("expected a sentence, a tab and its translation"))
    words = f"{source} {targets[0]}"
    if not words.isprintable() or set(words.split()) & set(RESERVED):
        problem = tr(
            "contains characters that cannot be printed, or one of the words {names}", names=listed(RESERVED)
        )
        raise download.line_error(place, problem)
    return source, targets[0]


FRENCH = (
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
).split()
FRENCH_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre vingt"}
ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_french(number: int) -> str:
    """Return a number from 0 to 99 in French words: 97 is four twenties, ten, seven."""
    if number < len(FRENCH):
        return FRENCH[number]
    if number < 20:
        return f"dix {FRENCH[number - 10]}"
    tens = max(ten for ten in FRENCH_TENS if ten <= number)
    rest = number - tens
    joint = " et " if rest in (1, 11) and tens < 80 else " "
    return FRENCH_TENS[tens] + (joint + in_french(rest) if rest else "")


def in_english(number: int) -> str:
    """Return a number from 0 to 99 in English words."""
    if number < 20:
        return ENGLISH[number]
    tens, rest = divmod(number, 10)
    return ENGLISH_TENS[tens - 2] + (f" {ENGLISH[rest]}" if rest else "")


def load_numbers(stand_in_for: str | None = None) -> Pairs:
    """Return the numbers from 0 to 99 in words: every seventh from 24 on to test with, the others to learn.

    Args:
        stand_in_for: name of the published sentences that they replace.
    """
    pairs = [(f"{in_french(number)} .", f"{in_english(number)} .") for number in range(100)]
    new = tuple(pairs[24::7])
    train = tuple(pair for pair in pairs if pair not in new)
    return Pairs("numbers", "numbers in words", train, new, stand_in_for=stand_in_for)


def bleu(predicted: str, right: str, k: int = 2) -> float:
    """Return how well a translation agrees with the right one, from 0 to 1 (section 10.12).

    Args:
        predicted: words separated by spaces.
        right: the same; at least `k` words.
        k: most words in a row that are compared.

    Returns:
        1 for the right translation; 0 for one of fewer than `k` words, or without `k` right words in a row.
    """
    ours, theirs = predicted.split(), right.split()
    if len(ours) < k:
        return 0.0
    # exp(min(0, 1 - len_right / len_predicted)): 1 for what is at least as long as the right translation
    score = math.exp(min(0, 1 - len(theirs) / len(ours)))
    for n in range(1, k + 1):
        found, expected = (Counter(zip(*(words[i:] for i in range(n)))) for words in (ours, theirs))
        # p_n: the share of our n words in a row that are matched by as many in the right translation
        p = sum((found & expected).values()) / sum(found.values())
        # BLEU = exp(...) product of p_n^(1 / 2^n)
        score *= p ** (0.5**n)
    return score
