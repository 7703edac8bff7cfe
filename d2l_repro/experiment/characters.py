"""What the chapters on recurrent nets of characters share: their text, and the lines that a net writes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..data.characters import CharacterBatches, Characters, continue_text, load_characters
from ..data.loader import Data
from ..results import plot
from ..results.history import History
from ..results.result import Result
from ..settings import Options
from .model import Model

PREFIXES = ("分开", "不分开")  # from which the book lets its nets go on
NUM_WRITTEN = 50  # characters that a net adds to a prefix
QUICK_CHARS = 2000  # of the text with --quick


def load_data(hp: Any, options: Options, consecutive: bool = True) -> Data:
    """Load the beginning of the lyrics, or generated verses as stand-in data, in batches.

    Args:
        hp: settings with a `batch_size` and `num_steps`.
        options: of the run.
        consecutive: whether to read by adjacent or by random sampling.

    Returns:
        Data, whose `source` is the text.

    Raises:
        InputError: as for `load_characters` and `CharacterBatches`.
    """
    limit = {"num_chars": QUICK_CHARS} if options.quick else {}
    text = load_characters("lyrics", options.dataset, options.data_dir, **limit)
    shuffle = random.Random(options.seed).shuffle
    batches = CharacterBatches(text.indices, hp.batch_size, hp.num_steps, consecutive, shuffle)
    return Data(text.name, batches, None, text, text.stand_in_for, text.official)


def write_lines(net: Any, text: Characters) -> dict[str, str]:
    """Return prefix -> the line with which a `StatefulNet` goes on, for each of `PREFIXES` in the text."""
    prefixes = [prefix for prefix in PREFIXES if set(prefix) <= text.char_to_idx.keys()]
    return {
        prefix: continue_text(prefix, NUM_WRITTEN, net.reader(), text.idx_to_char, text.char_to_idx)
        for prefix in prefixes
    }


def longest_copy(line: str, chars: str) -> int:
    """Return how many characters of a line, one after the other, also stand in a text."""
    longest = 0
    for start in range(len(line)):
        # Only a longer run matters, and it is longer by as many characters as still follow.
        while start + longest < len(line) and line[start : start + longest + 1] in chars:
            longest += 1
    return longest


def metrics(model: Model, data: Data, history: History, period: int) -> dict[str, float]:
    """Return the numbers that the book prints, and one of the lines that it prints.

    Args:
        model: a trained model, whose net is a `StatefulNet`.
        data: as returned by `load_data`.
        history: of the training.
        period: epochs from one print of the book to the next.

    Returns:
        epochN_perplexity after every `period` epochs but the last, and longest_copy, the largest of the lines
        that `write_lines` returns.
    """
    printed = {
        f"epoch{row['epoch']}_perplexity": row["train_perplexity"]
        for row in history[:-1]
        if row["epoch"] % period == 0
    }
    lines = write_lines(model.net, data.source)
    return {
        **printed,
        "longest_copy": max((longest_copy(line, data.source.chars) for line in lines.values()), default=0),
    }


def show(result: Result, data: Data, nets: str, labels: Mapping[str, str] | None = None) -> None:
    """Add the perplexity by epoch to a result, and the lines that its nets write.

    Args:
        result: gets a figure and a table.
        data: as returned by `load_data`.
        nets: what the nets are, for the figure's title.
        labels: variant -> what it is called in the figure, if that is not its own name.
    """
    runs = [replace(run, variant=(labels or {}).get(run.variant, run.variant)) for run in result.runs]
    result.figures["perplexity"] = plot.lines(
        {
            result.label(run): (run.history["epoch"], run.history["train_perplexity"])
            for run in runs
            if run.history
        },
        "epoch",
        "perplexity",
        f"{nets} on {data.source.title}{plot.first_place(runs, 'train_perplexity')}",
        logy=True,
    )
    result.tables["Lines that the nets write"] = [
        {"run": label, "line": line, "longest copy": longest_copy(line, data.source.chars)}
        for label, model in result.models.items()
        for line in write_lines(model.net, data.source).values()
    ]
