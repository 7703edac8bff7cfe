"""Texts as sequences of characters (section 6.3), and the two ways to read them in minibatches.

The lyrics that the book uses, H. G. Wells' *The Time Machine*, and generated verses as stand-in data.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Callable

import numpy as np
from mxnet import Context, nd

from ..errors import InputError
from ..language import tr
from ..suggestions import choice
from . import download
from .archives import open_archive, read_member
from .loader import Batch
from .text import expand

LYRICS, LYRICS_FILE = "lyrics/jaychou_lyrics.txt.zip", "jaychou_lyrics.txt"
TIME_MACHINE = "misc/timemachine.txt"
DATASETS = ("lyrics", "time_machine", "verses")
MAX_ARCHIVE, MAX_TEXT = 2**18, 2**20  # bytes; the published texts have 171 and 179 kB
Shuffle = Callable[[list[int]], None]  # puts a list in another order, in place
NUM_CHARS = 10_000  # of 63,282, the ones that the book learns from


@dataclass(frozen=True, eq=False)
class Characters:
    """A text in memory.

    Attributes:
        name: on the command line.
        title: name for readers.
        chars: the text; line breaks are spaces.
        official: whether this is the published text, byte for byte.
        stand_in_for: name of the published text that this one replaces.
    """

    name: str
    title: str
    chars: str
    official: bool = True
    stand_in_for: str | None = None

    @cached_property
    def idx_to_char(self) -> list[str]:
        """The different characters; a character's number is its position here."""
        # The book takes the order of a set, which is another in every process.
        return sorted(set(self.chars))

    @cached_property
    def char_to_idx(self) -> dict[str, int]:
        """Character -> number."""
        return {char: i for i, char in enumerate(self.idx_to_char)}

    @cached_property
    def indices(self) -> list[int]:
        """The text as numbers of its characters."""
        return [self.char_to_idx[char] for char in self.chars]


def load_characters(
    default: str = "lyrics",
    dataset: str = "auto",
    data_dir: str | Path | None = None,
    num_chars: int = NUM_CHARS,
) -> Characters:
    """Load the beginning of a text by its name.

    Args:
        default: the text that "auto" loads, or else the verses if it is neither on this machine nor can be
            downloaded.
        dataset: "auto" or one of `DATASETS`, which is never replaced by stand-in data.
        data_dir: folder that contains `lyrics/` and `misc/`; searched first.
        num_chars: characters to keep.

    Raises:
        InputError: the name is unknown, or the file is missing, corrupt or implausible.
    """
    if dataset not in ("auto", *DATASETS):
        advice = choice(dataset, ("auto", *DATASETS))
        raise InputError(tr("unknown data set {names}; {advice}", names=repr(dataset), advice=advice))
    text = _load(default, dataset, data_dir, os.environ.get(download.ENVIRONMENT))
    return replace(text, chars=text.chars[:num_chars])


# The network is asked only once if the file is not on disk.
@lru_cache(maxsize=1)
def _load(default: str, dataset: str, data_dir: str | Path | None, _environment: str | None) -> Characters:
    readers = {"lyrics": read_lyrics, "time_machine": read_time_machine, "verses": lambda _: load_verses()}
    try:
        return readers[default if dataset == "auto" else dataset](data_dir)
    except download.DataUnavailable:
        if dataset != "auto":
            raise
        return load_verses(stand_in_for=default)


def read_lyrics(data_dir: str | Path | None = None) -> Characters:
    """Read the lyrics of section 6.3 from their archive, which `download.fetch` finds or downloads."""
    path = download.fetch(LYRICS, data_dir)
    content = download.read(path, MAX_ARCHIVE)
    with open_archive(content, path) as archive:
        chars = _decode(read_member(archive, [LYRICS_FILE], MAX_TEXT))
    return Characters("lyrics", "Jay Chou's lyrics", chars, download.published_name(content) == LYRICS)


def read_time_machine(data_dir: str | Path | None = None) -> Characters:
    """Read *The Time Machine* in lower case, from the file that `download.fetch` finds or downloads."""
    path = download.fetch(TIME_MACHINE, data_dir)
    content = download.read(path, MAX_TEXT)
    try:
        chars = _decode(content).lower()
    except ValueError as error:
        problem = tr("cannot be read ({error})", error=download.shorten(error))
        raise download.file_error(path, problem) from error
    official = download.published_name(content) == TIME_MACHINE
    return Characters("time_machine", "The Time Machine", chars, official)


def _decode(content: bytes) -> str:
    chars = content.decode("utf-8").replace("\n", " ").replace("\r", " ")
    if not chars.strip():
        raise ValueError("the text is empty")
    return chars


def data_iter_random(
    corpus_indices: Sequence[int], batch_size: int, num_steps: int, ctx: Context | None = None
) -> Iterator[Batch]:
    """Read a text once by random sampling (section 6.3): its pieces in random order.

    The text is cut into pieces of `num_steps` numbers, and the order of these is drawn from Python's
    `random`. Consecutive batches are not neighbors in the text, so each needs a new state. Numbers that do
    not fill a piece, and pieces that do not fill a batch, are left out.

    Args:
        corpus_indices: the text as numbers.
        batch_size: pieces per batch.
        num_steps: numbers of a piece.
        ctx: device of the batches.

    Yields:
        X and Y, each (batch_size, num_steps), where Y contains the number after each number of X.
    """
    return _random_batches(corpus_indices, batch_size, num_steps, ctx, random.shuffle)


def _random_batches(
    corpus_indices: Sequence[int], batch_size: int, num_steps: int, ctx: Context | None, shuffle: Shuffle
) -> Iterator[Batch]:
    corpus = np.asarray(corpus_indices, np.float32)
    starts = [i * num_steps for i in range((len(corpus) - 1) // num_steps)]
    shuffle(starts)
    steps = np.arange(num_steps)
    for i in range(0, len(starts) - batch_size + 1, batch_size):
        places = np.array(starts[i : i + batch_size])[:, None] + steps  # (batch_size, num_steps)
        yield nd.array(corpus[places], ctx=ctx), nd.array(corpus[places + 1], ctx=ctx)


def data_iter_consecutive(
    corpus_indices: Sequence[int], batch_size: int, num_steps: int, ctx: Context | None = None
) -> Iterator[Batch]:
    """Read a text once by adjacent sampling (section 6.3): each batch goes on where the one before ended.

    The text is cut into `batch_size` rows, side by side, which are read together. So a net can carry its
    state over from batch to batch. Arguments and batches are as for `data_iter_random`.
    """
    row_length = len(corpus_indices) // batch_size
    corpus = nd.array(corpus_indices, ctx=ctx)
    rows = corpus[: batch_size * row_length].reshape((batch_size, row_length))
    for i in range(0, row_length - num_steps, num_steps):
        yield rows[:, i : i + num_steps], rows[:, i + 1 : i + num_steps + 1]


class CharacterBatches:
    """Read a text anew in every epoch, by one of the two ways of sampling.

    Iterating yields X (batch_size, num_steps), and y (num_steps * batch_size,), the character after each
    character of X, step by step: in the order in which a recurrent net computes its scores.

    Args:
        indices: the text as numbers.
        batch_size: rows of a batch.
        num_steps: characters of a row.
        consecutive: whether to read by adjacent sampling.
        shuffle: puts the pieces of random sampling in order; Python's own by default.
        ctx: device of the batches.

    Raises:
        InputError: the text does not fill a single batch.
    """

    def __init__(
        self,
        indices: Sequence[int],
        batch_size: int,
        num_steps: int,
        consecutive: bool = True,
        shuffle: Shuffle = random.shuffle,
        ctx: Context | None = None,
    ):
        self.indices, self.batch_size, self.num_steps = indices, batch_size, num_steps
        self.consecutive, self.shuffle, self.ctx = consecutive, shuffle, ctx
        if not len(self):
            raise InputError(
                tr(
                    "a text of {count} characters is too short for {rows} rows of {steps} characters, each "
                    "with the next one; choose a smaller batch_size or num_steps",
                    count=len(indices),
                    rows=batch_size,
                    steps=num_steps,
                )
            )

    @property
    def num_chars(self) -> int:
        """Characters of a batch, each of which has a loss."""
        return self.batch_size * self.num_steps

    def __len__(self) -> int:
        if self.consecutive:
            return len(range(0, len(self.indices) // self.batch_size - self.num_steps, self.num_steps))
        return max(0, len(self.indices) - 1) // self.num_steps // self.batch_size

    def __iter__(self) -> Iterator[Batch]:
        size = (self.indices, self.batch_size, self.num_steps, self.ctx)
        batches = data_iter_consecutive(*size) if self.consecutive else _random_batches(*size, self.shuffle)
        return ((X, Y.T.reshape((-1,))) for X, Y in batches)


def continue_text(
    prefix: str,
    num_chars: int,
    read: Callable[[nd.NDArray], nd.NDArray],
    idx_to_char: Sequence[str],
    char_to_idx: Mapping[str, int],
    ctx: Any = None,
) -> str:
    """Let a recurrent net go on from a prefix (section 6.4).

    Args:
        prefix: the first characters.
        num_chars: characters to add.
        read: X (1, steps) -> scores (steps, characters); it carries its state from call to call.
        idx_to_char: the different characters in the order of their numbers.
        char_to_idx: character -> number.
        ctx: device of the net.

    Returns:
        the prefix, and the characters that the net finds most probable after it, one after the other.

    Raises:
        InputError: the prefix is empty, or contains a character that the text does not.
    """
    unknown = [char for char in prefix if char not in char_to_idx]
    if not prefix:
        raise InputError(tr("the prefix '' is empty; choose another one"))
    if unknown:
        raise InputError(
            tr(
                "the prefix {prefix} contains {character}, which the text does not; choose another one",
                prefix=repr(prefix),
                character=repr(unknown[0]),
            )
        )
    output, new = [], [char_to_idx[char] for char in prefix]
    for _ in range(num_chars):
        output += new
        new = [int(read(nd.array([new], ctx=ctx))[-1].argmax(axis=0).asscalar())]
    return "".join(idx_to_char[i] for i in output + new)


# As for `expand`: lines in Chinese, with the two words from which the book lets its nets go on.
VERSES = {
    "LINE": (
        "我 想 DO",
        "WHEN THING MOVES",
        "WHEN 我 DO",
        "PLACE 的 THING MOVES",
        "PERSON 在 PLACE DO",
        "分开 以后 PERSON DO",
        "不分开 就 一起 DO",
        "PERSON 说 THING 是 LIKE",
        "谁 把 THING 放 在 PLACE",
        "THING 像 THING 一样 LIKE",
    ),
    "WHEN": ("清晨", "黄昏", "深夜", "春天", "秋天", "下雪 的 时候", "起风 的 时候", "很久 以前"),
    "PLACE": ("山 上", "河 边", "桥 下", "窗 前", "城 外", "屋顶", "小路 尽头", "旧 车站"),
    "THING": ("月光", "雨", "落叶", "钟声", "灯火", "炊烟", "白云", "渡船", "纸鸢", "那 封 信", "一 首 歌"),
    "MOVES": ("慢慢 走远", "轻轻 落下", "又 回来 了", "停 了 很久", "没有 声音", "照亮 PLACE", "飘 过 PLACE"),
    "PERSON": ("你", "我", "他们", "老人", "孩子", "船夫", "打铁 的 人"),
    "DO": ("等 THING", "听 THING", "数 THING", "写 下 THING", "看 THING MOVES", "画 PLACE 的 THING"),
    "LIKE": ("透明 的", "温柔 的", "遥远 的", "安静 的", "冰凉 的", "去年 的", "我 的", "他们 的"),
}


def load_verses(stand_in_for: str | None = None, seed: int = 0) -> Characters:
    """Generate verses from `VERSES`, as many characters as the book learns from.

    Args:
        stand_in_for: name of the published text that they replace.
        seed: determines the text.
    """
    rng = random.Random(seed)
    chars = ""
    while len(chars) < NUM_CHARS:
        chars += "".join(expand("LINE", VERSES, rng)) + " "
    return Characters("verses", "generated verses", chars, stand_in_for=stand_in_for)
