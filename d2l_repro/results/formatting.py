"""How numbers, durations and rows of results are worded, in the terminal, in Jupyter and in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..language import language, mark, retell, tr
from .metric_words import METRICS, PLACES
from .schema import Note, PublishedRow

PLATFORMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}  # whose random streams there are
RANGE = mark("{low} to {high}")
CLAIMS = (mark("above {number}"), mark("within {number}"))  # of a source, on a difference


def format_number(number: float | None, spec: str = ".6g") -> str:
    """Return a number as text; None, which result.json has for NaN and infinities, is "not finite"."""
    return "not finite" if number is None or not math.isfinite(number) else format(number, spec)


def format_duration(seconds: float) -> str:
    """Return a duration in the unit that suits it: "0.4 ms", "12 ms", "1.2 s", "3.0 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def in_words(name: str) -> str:
    """Return the name of a metric or column with spaces, "test acc"."""
    return name.replace("_", " ")


def metric_name(name: str) -> str:
    """Return the name of a metric in full, `test_acc` as "test accuracy".

    In Chinese, a name of which any part is not known stays as it is.
    """
    parts = name.split("_")
    if language() != "en" and not METRICS.keys() >= set(parts):
        words = in_words(name)
        matches = ((re.fullmatch(pattern, name), message) for pattern, message in PLACES)
        match, message = next((found for found in matches if found[0]), (None, ""))
        if tr(words) != words or match is None:
            return tr(words)
        return tr(message, number=match["number"], metric=metric_name(match["metric"]))
    separator = " " if language() == "en" else ""
    return separator.join(tr(METRICS.get(part, part)) for part in parts)


def parity_row(pair: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pair of `parity`, a `schema.ParityPair`, as tables show it."""
    return {
        "runs": f"{pair['ours']}, {pair['theirs']}",
        "steps": pair["steps"],
        "largest difference": format_number(pair["max_abs_diff"], ".1e"),
        "limit": f"{pair['tolerance']:g}",
        "same path": same_path_text(pair),
    }


def same_path_text(pair: Mapping[str, Any]) -> str:
    """Return in a few words whether a pair of `parity` stays together, and if not, where it parts."""
    left_at, in_testing_only = pair["left_at"], pair.get("steps") == 0
    if left_at is None:
        return "in testing" if in_testing_only else "yes"
    if left_at.get("testing"):
        return "no, not in testing" if in_testing_only else "in training, not in testing"
    return f"no, from step {left_at['step']}"


def published_row(row: PublishedRow) -> dict[str, str]:
    """Return a row of `published.compare` as tables show it."""
    return {
        "run": row["run"],
        "metric": row["metric"],
        "published": published_text(row),
        "ours": "-" if row["ours"] is None and row["within"] is None else format_number(row["ours"], ".5g"),
        "our seeds": band_text(row),
        "this run": within_text(row),
        "verdict": verdict_text(row),
    }


def published_text(row: Mapping[str, Any]) -> str:
    """Return what was published: "0.84", or of a conclusion "above 0 (0.013)"."""
    value = "" if row["value"] is None else f"{row['value']:.10g}"
    if not row.get("claim"):
        return value
    return " ".join(filter(None, (retell(row["claim"], *CLAIMS), value and f"({value})")))


def band_text(row: Mapping[str, Any]) -> str:
    """Return the interval that our seeds give, "0.81 to 0.83": of one more run, or of a mean difference."""
    low, high = row.get("interval") or (row["low"], row["high"])
    if low is None:
        return "-"
    # as many digits as tell the ends apart, at least four
    digits = next((n for n in range(4, 8) if f"{low:.{n}g}" != f"{high:.{n}g}"), 8)
    return tr(RANGE, low=f"{low:.{digits}g}", high=f"{high:.{digits}g}")


def section_text(section: str) -> str:
    """Return the numbers of the book's sections, "3.4 to 3.7", or "article", in the reader's language."""
    return retell(section, RANGE, mark("article"))


def within_text(row: Mapping[str, Any]) -> str:
    """Return whether the run at hand agrees with our seeds."""
    return {True: tr("agrees"), False: tr("DIFFERS"), None: "-"}[row["within"]]


def verdict_text(row: Mapping[str, Any]) -> str:
    """Return the verdict on a published number, with the platform whose random stream it depends on.

    A number that would not have noticed any mistake is marked so.
    """
    doubtful = row.get("catches") == 0 and row["verdict"] == "agrees"
    text = tr("agrees, but cannot tell") if doubtful else tr(str(row["verdict"]))
    return tr("{text} ({platform})", text=text, platform=PLATFORMS[row["stream"]]) if row["stream"] else text


def spread_text(row: Mapping[str, Any], spec: str) -> str:
    """Return what to write after the mean of several seeds: their standard deviation."""
    return f" ± {format_number(row['std'], spec)}" if len(row["seeds"]) > 1 else ""


def environment_text(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a result, each entry in words, and no version twice."""
    return {
        name: _list_items(value, environment) if isinstance(value, Mapping) else _or_none(value)
        for name, value in environment.items()
    }


def _list_items(items: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """Return the items in words, without those that the environment shows by themselves."""
    shown = environment.items()
    return _or_none(
        ", ".join(f"{name} {value}" for name, value in items.items() if (name, value) not in shown)
    )


def _or_none(value: Any) -> str:
    return tr("none") if value in (None, "") else str(value)


def note_sections(note: Note) -> list[tuple[str, str]]:
    """Return a note as pairs: prose, and the statements below it as a Python session shows them."""
    sections: list[tuple[str, list[str]]] = []
    for statement in note["statements"]:
        if statement["text"] or not sections:
            sections.append((statement["text"], []))
        code = statement["code"].replace("\n", "\n... ")
        prompt = f">>> {code}" if code else ""
        sections[-1][1].extend(filter(None, (prompt, statement["output"])))
    return [(prose, "\n".join(lines)) for prose, lines in sections]
