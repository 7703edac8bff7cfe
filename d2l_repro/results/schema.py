"""The contract of result.json: a published JSON Schema, the same shapes as types, reading and writing.

`result.schema.json` beside this file describes every key.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from importlib import resources
from typing import Any, Callable, TypedDict


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
    return fastjsonschema.compile(json.loads(text))


def to_json(content: Any) -> str:
    """Return `content` as the text of a JSON file, with null for numbers that are not finite."""
    return json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def parse_json(text: str) -> Any:
    """Parse the text of a JSON file.

    NaN and Infinity, which JSON does not have but Python's parser accepts, become strings: the schema allows
    those nowhere in place of a number.
    """
    return json.loads(text, parse_constant=str)


def finite(value: Any) -> Any:
    """Return `value` as JSON can hold it: string keys, lists, and null for NaN and infinities."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
