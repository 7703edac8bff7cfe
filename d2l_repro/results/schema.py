"""The contract of result.json: a published JSON Schema, the same shapes as types, reading and writing.

`result.schema.json` beside this file describes every key.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Callable, TypedDict

MAX_SIZE = 2**26  # bytes of a file; the largest of ours, 200 trials of house prices, has 4 MB
MAX_DEPTH = 20  # of nested objects and arrays; ours have 6
MAX_NAME = 500  # characters of a key or a file name
MAX_LINE = 300  # characters of what a message quotes
MAX_DIGITS = 18  # of whole numbers that are read exactly
# What a terminal would act on instead of showing it (control characters but tab and line feed, marks that
# reverse the direction of text), and halves of characters, which no file can hold.
UNPRINTABLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Judged(TypedDict, total=False):
    """What our seeds say about a row; results of earlier versions have none of it."""

    kind: str  # "exact", "draw" or "conclusion"
    stream: str  # platform whose random stream the published number depends on; empty if on none
    verdict: str  # on the published number, one of `verdicts.Verdict`
    p: float | None  # probability of a run of ours further from our mean than the published number
    z: float | None  # that number as a standard normal deviate, positive above our mean
    z_ours: float | None  # the same of this run
    catches: int | None  # how many mistakes would move ours out of its interval; None if not measured
    reason: str  # for a number that differs, why
    check: str  # and how to check it
    claim: str  # for a conclusion, as `claims.Claim` reads it, "above 0"
    interval: tuple[float, float] | None  # for a conclusion, confidence interval over our seeds


class PublishedRow(Judged):
    """A published value beside ours."""

    run: str
    metric: str
    value: float | None  # as published; None for a conclusion without a number
    low: float | None  # ends of the interval in which ours should lie; None without a band
    high: float | None
    ours: float | None
    within: bool | None  # whether it does
    source: str
    note: str


class ParityPair(TypedDict):
    """A scratch and a Gluon run, trained from the same parameters on the same batches."""

    ours: str  # label of the scratch run
    theirs: str  # label of the Gluon run
    steps: int
    max_abs_diff: float | None  # of any parameter after any step
    tolerance: float
    left_at: dict[str, Any] | None  # where the two first differ by more than that
    max_testing_diff: float | None  # of a batch's mean loss in testing mode, after the last step


class Parity(TypedDict):
    """All such pairs of a chapter, with the fewest steps and the largest difference of any."""

    steps: int
    max_abs_diff: float | None
    pairs: list[ParityPair]


class Statement(TypedDict):
    """A statement of a note and what it printed."""

    text: str  # prose before it
    code: str
    output: str
    holds: bool  # whether the output is the expected one


class Note(TypedDict, total=False):
    """A note; `error` only where a statement does not hold."""

    statements: list[Statement]
    error: str


def schema_error(content: Any) -> str | None:
    """Return where and how `content` departs from result.schema.json, or None where it conforms.

    Args:
        content: a result.json as `parse_json` returns it.

    Returns:
        One line such as "runs.gluon.metrics.train_loss must be number or null".
    """
    from fastjsonschema import JsonSchemaValueException

    try:
        _validator()(content, name_prefix="result")
    except JsonSchemaValueException as error:
        name = str(error.name)
        place = " ".join(name.removeprefix("result.").split())
        if error.rule == "required":
            missing = next(name for name in error.rule_definition if name not in error.value)
            return f"{place} must have {missing!r}"
        return f"{place}{error.message[len(name) :]}"
    return None


@lru_cache
def _validator() -> Callable[..., Any]:
    import fastjsonschema

    text = resources.files(__package__).joinpath("result.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    return fastjsonschema.compile(_without_references(schema, schema.pop("definitions")))


def _without_references(node: Any, known: Mapping[str, Any]) -> Any:
    """Return a schema with definitions in place of references, which take ten times as long to follow."""
    if isinstance(node, list):
        return [_without_references(item, known) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _without_references(known[node["$ref"].rpartition("/")[2]], known)
    return {key: _without_references(value, known) for key, value in node.items()}


def to_json(content: Any) -> str:
    """Return `content` as the text of a JSON file, with null for numbers that are not finite."""
    return json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: str | Path) -> Any:
    """Read a JSON file that is not trusted, such as a result from elsewhere.

    All of its text is printable. Whole numbers of more than 18 digits become floats. NaN and Infinity, which
    JSON does not have but Python's parser accepts, become strings: the schema allows those nowhere in place
    of a number.

    Raises:
        ValueError: the file cannot be read; it is larger, more deeply nested or has longer names than any of
            ours; or an object has the same key twice.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("it is no file")
        with open(path, "rb") as file:
            content = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if len(content) > MAX_SIZE:
        raise ValueError(f"it is larger than {MAX_SIZE:,} bytes")
    return parse_json(content.decode("utf-8"))


def parse_json(text: str) -> Any:
    """Parse the text of a JSON file as `read_json` does."""
    try:
        content = json.loads(
            text, parse_constant=str, parse_int=_parse_int, object_pairs_hook=_object_without_duplicates
        )
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep") from None
    return _checked(content)


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [_parse_name(key) for key, _ in pairs]
    found = dict(zip(names, (value for _, value in pairs)))
    if len(found) < len(pairs):
        [(twice, _)] = Counter(names).most_common(1)
        raise ValueError(f"it has the key {shorten(twice)!r} twice in one object")
    return found


@lru_cache(4096)  # every epoch has the same ones
def _parse_name(key: str) -> str:
    if len(key) > MAX_NAME:
        raise ValueError(f"a name has {len(key):,} characters: {shorten(key)}")
    return re.sub("[\t\n]", " ", printable(key))


def _checked(value: Any, depth: int = 0) -> Any:
    """Return `value` with printable text."""
    if isinstance(value, str):
        return printable(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, list):
        return [_checked(item, depth + 1) for item in value]
    return {key: _checked(item, depth + 1) for key, item in value.items()}


def printable(text: str) -> str:
    """Return `text` with a replacement character for whatever a terminal would not show."""
    return UNPRINTABLE.sub("\ufffd", text)


def shorten(text: str) -> str:
    """Return text as one printable line, without its end if it is long."""
    line = " ".join(printable(text[:MAX_LINE]).split())
    return f"{line} ..." if len(text) > MAX_LINE else line


def finite(value: Any) -> Any:
    """Return `value` as JSON can hold it: string keys, lists, and null for NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
