"""Tables of the notebooks, such as the published numbers beside theirs and those of the full run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .catalogue import reproduced
from .formatting import band_text, format_number, in_words, published_text, verdict_text
from .published import labels, numbers_of
from .table_text import as_frame

if TYPE_CHECKING:
    import pandas as pd


def table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a table whose first column names them; numbers have five digits."""
    frame = as_frame(
        {name: f"{cell:.5g}" if isinstance(cell, float) else cell for name, cell in row.items()}
        for row in rows
    )
    name = frame.columns[0]
    return frame.set_index(name).rename_axis(index=None, columns=name)


def published_table(
    chapter: str,
    here: Mapping[str, Mapping[str, float]] | None = None,
    on: str = "",
    runs: Collection[str] = (),
    metrics: Collection[str] = (),
) -> pd.DataFrame:
    """Return what was published of a chapter, the committed full run, and what our seeds say about both.

    Args:
        chapter: name of the chapter.
        here: label of a run -> its metrics, of numbers to show beside them.
        on: name of the data set that they were computed on.
        runs: labels, or variants of both implementations, to show; all by default.
        metrics: names of the metrics to show; all by default.

    Returns:
        A row for each published number and run of ours.
    """
    wanted = {label for run in runs for label in (run, *labels(run))}
    return table(
        {
            "run": row["run"],
            "metric": in_words(row["metric"]),
            "published": published_text(row),
            **({f"here, on {on}" if on else "here": _own(here, row)} if here else {}),
            "full run": "-" if row["ours"] is None else format_number(row["ours"], ".5g"),
            "our seeds": band_text(row) if "low" in row else "-",
            "verdict": verdict_text(row),
        }
        for row in _rows(chapter)
        if (not wanted or row["run"] in wanted) and (not metrics or row["metric"] in metrics)
    )


def _rows(chapter: str) -> list[dict[str, Any]]:
    """Return the committed rows of a chapter, or what was published if no full run is committed."""
    committed = reproduced()["chapters"].get(chapter)
    return committed["published"] if committed else numbers_of(chapter, [])


def _own(here: Mapping[str, Mapping[str, float]], row: Mapping[str, Any]) -> str:
    found = [here[label] for label in labels(row["run"]) if row["metric"] in here.get(label, {})]
    return format_number(found[0][row["metric"]], ".5g") if found else "-"
