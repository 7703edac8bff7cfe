"""Tables of results as text: heads in the reader's language, and columns aligned by what a terminal shows."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..columns import padded, width
from ..language import language, mark, retell, tr
from .formatting import metric_name

if TYPE_CHECKING:
    import pandas as pd

# Heads that tables have besides the names of metrics. Rows have them in English, as result.json has.
HEADS = (
    mark("chapter"),
    mark("section"),
    mark("takes"),
    mark("title"),
    mark("data"),
    mark("run"),
    mark("variant"),
    mark("impl"),
    mark("seed"),
    mark("seeds"),
    mark("metric"),
    mark("epoch"),
    mark("mean"),
    mark("std"),
    mark("published"),
    mark("ours"),
    mark("our seeds"),
    mark("this run"),
    mark("verdict"),
    mark("runs"),
    mark("steps"),
    mark("largest difference"),
    mark("limit"),
    mark("same path"),
    mark("error"),
    mark("how"),
    mark("published numbers that agree"),
    mark("this run, as our seeds"),
    mark("scratch = Gluon"),
    mark("statements that hold"),
    mark("data set"),
    mark("files"),
    mark("where"),
    mark("picture"),
    mark("repeat"),
    mark("fold"),
    mark("model"),
    mark("seconds"),
    mark("recipe - model"),
    mark("std of difference"),
    mark("mistake"),
    mark("gradient"),
    mark("parity"),
    mark("value"),
    mark("status"),
    mark("rel. diff."),
    mark("allowed"),
    mark("parts in epoch"),
    mark("> 1e-4 from"),
    mark("time per epoch"),
    mark("source"),
    mark("what"),
    mark("why"),
    mark("weight"),
    mark("true"),
    mark("scratch"),
    mark("gluon"),
    mark("closed form"),
    mark("naive"),
    mark("safe"),
    mark("trial"),
    mark("log rmse"),
    mark("95 % interval"),
    mark("half within"),
    mark("nine of ten within"),
    mark("column"),
    mark("importance"),
    mark("houses"),
    mark("recipe"),
    mark("ridge"),
    mark("time"),
    mark("file"),
    mark("cross-validated"),
    mark("returned"),
    mark("difference"),
    mark("noise"),
)
NAMES = (
    "chapter",
    "run",
    "runs",
    "variant",
    "impl",
)  # heads of columns whose cells are names, the same everywhere
TITLES = (  # of tables, of all chapters or of the textbook's
    mark("Failed"),
    mark("Diverged, as this chapter shows"),
    mark("Metrics"),
    mark("Do scratch and Gluon follow the same path?"),
    mark("On full batches, does d2l follow the same path?"),
    mark("Published and reproduced"),
    mark("True and learned weights"),
    mark("Time to train and measure"),
    mark("Time to add two vectors of 1,000 elements"),
    mark("Naive and safe softmax"),
    mark("What the decay does"),
    mark("What dropout changes"),
    mark("Mean over {k} folds, {impl}"),
    mark("The article's trials: mean ± standard deviation over the folds, {impl}"),
    mark("The first lines of three submissions, SalePrice by model, {impl}"),
)
CELLS = (
    mark("yes"),
    mark("no"),
    mark("in testing"),
    mark("no, from step {step}"),
    mark("no, not in testing"),
    mark("in training, not in testing"),
    mark("not finite"),
    mark("none"),
)


def head_text(name: str) -> str:
    """Return the head of a column in the reader's language; a metric's is "test acc" in English."""
    if language() == "en":
        return name
    return tr(name) if name in HEADS else metric_name(name.replace(" ", "_"))


def title_text(title: str) -> str:
    """Return the title of a table in the reader's language, if that is known."""
    return retell(title, *TITLES)


def cell_text(cell: Any, head: str) -> Any:
    """Return a cell in the reader's language if it is text that tables of this project have."""
    return retell(cell, *CELLS) if isinstance(cell, str) and head not in NAMES else cell


def shortened(text: str, columns: int) -> str:
    """Return a text that takes no more than that many columns, with dots in place of what is left out."""
    if language() == "en":
        return textwrap.shorten(text, columns, placeholder=" ...")
    if width(text) <= columns:
        return text
    while width(text) > columns - 2:
        text = text[:-1]
    return f"{text}\u2026"


def aligned(rows: Sequence[Mapping[str, str]], right: Collection[str] = ()) -> str:
    """Return rows as a table of text, with columns aligned on the left.

    Args:
        rows: at least one, all with the same columns.
        right: columns to align on the right.
    """
    heads = {name: head_text(name) for name in rows[0]}
    widths = {name: max(width(heads[name]), *(width(row[name]) for row in rows)) for name in heads}
    lines = (
        [padded(cell, widths[name], name in right) for name, cell in row.items()] for row in [heads, *rows]
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


def as_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a pandas table; imports pandas, which takes a while, only when there is one to show."""
    import pandas as pd

    frame = pd.DataFrame([{name: cell_text(cell, name) for name, cell in row.items()} for row in rows])
    frame.columns = [head_text(name) for name in frame.columns]
    return frame


def frame_text(frame: pd.DataFrame) -> str:
    """Return a pandas table as text."""
    import pandas as pd

    with pd.option_context("display.unicode.east_asian_width", language() != "en"):
        return frame.to_string(index=False)
