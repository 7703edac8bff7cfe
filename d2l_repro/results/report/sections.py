"""What the page shows of a folder of results, in order: data for the templates.

A later chapter needs nothing here: its title and source come from its module, the rest from result.json.
Another kind of result needs a function that returns a `Section` of it, and a line in `sections`.
"""

from __future__ import annotations

from .. import kfold
from ..summary import Collection
from .chapters import of_chapter
from .folds import of_kfold
from .section import Section


def sections(collection: Collection) -> list[Section]:
    """Return a section for each chapter and, after the chapter that they belong to, the cross-validations."""
    found = [of_kfold(item) for item in collection.kfolds]
    shown: list[Section] = []
    for summary in collection.summaries:
        shown.append(of_chapter(summary))
        if summary.chapter == kfold.CHAPTER:
            shown, found = [*shown, *found], []
    return [*shown, *found]
