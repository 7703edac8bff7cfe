"""Define settings as frozen dataclasses whose fields become flags and whose types carry the valid ranges.

A comment on a field is the flag's help text.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

from . import compat
from .errors import InputError

SettingsType = TypeVar("SettingsType", bound="Settings")


@dataclass(frozen=True)
class Bounds:
    """A range of numbers, which contains `low` if `closed`, and never `high`, nan or infinity."""

    low: float
    high: float = math.inf
    closed: bool = True

    def __contains__(self, value: float) -> bool:
        above = value >= self.low if self.closed else value > self.low
        return above and value < self.high  # False for nan and inf

    def __str__(self) -> str:
        low = f"at least {self.low:,}" if self.closed else f"above {self.low:,}"
        return f"{low} and finite" if self.high == math.inf else f"{low} and below {self.high:,}"


MAX_SEED = 2**31  # exclusive
Count = Annotated[int, Bounds(1)]
Seed = Annotated[int, Bounds(0, MAX_SEED)]
Positive = Annotated[float, Bounds(0, closed=False)]
NonNegative = Annotated[float, Bounds(0)]
Probability = Annotated[float, Bounds(0, 1)]
Stream = Literal["linux", "macos", "windows"]  # of random numbers; MXNet's depends on the platform


@dataclass(frozen=True)
class Settings:
    """Base class of all settings, which checks each value against the range in its field's type.

    Raises:
        InputError: a value is out of range.
    """

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            for allowed in _constraints(hint):
                if value not in allowed:
                    raise InputError(f"--{name.replace('_', '-')}: must be {_describe(allowed)}, not {value}")

    def replace(self: SettingsType, **changes: Any) -> SettingsType:
        """Return a copy in which the fields named in `changes` have new values."""
        return dataclasses.replace(self, **changes)


def _constraints(hint: Any) -> list[Union[Bounds, tuple]]:
    """Return the ranges of an annotated type, or the choices of a Literal."""
    if get_origin(hint) is Literal:
        return [get_args(hint)]
    if get_origin(hint) is Union:  # Optional[...], whose None nobody types on a command line
        return [
            (*allowed, None)
            for part in get_args(hint)
            for allowed in _constraints(part)
            if isinstance(allowed, tuple)
        ]
    return [bounds for bounds in getattr(hint, "__metadata__", ()) if isinstance(bounds, Bounds)]


def _describe(allowed: Union[Bounds, tuple]) -> str:
    if isinstance(allowed, tuple):
        return " or ".join(str(choice) for choice in allowed if choice is not None)
    return str(allowed)


class HParams(Settings):
    """Base class of a chapter's settings.

    A subclass has the book's values as defaults and a comment on every field.
    """


@dataclass(frozen=True)
class SeedOptions(Settings):
    """How to run the chapter."""

    seed: Seed = 0  # seed of all random numbers; 0 gives the book's own synthetic data
    quick: bool = False  # finish in seconds: less data, fewer epochs, no comparison with published values


@dataclass(frozen=True)
class RunOptions(SeedOptions):
    """How to run the chapter."""

    impl: Literal["scratch", "gluon", "both"] = "both"  # implementations to train


@dataclass(frozen=True)
class VariantOptions(RunOptions):
    """How to run the chapter."""

    only: tuple[str, ...] = ()  # names of the variants to train; all by default


@dataclass(frozen=True)
class StudyOptions(VariantOptions):
    """How to run the chapter."""

    # seeds to train each variant with, counting from --seed; several give means, standard deviations and
    # tests of significance
    seeds: Count = 1
    # processes that train in parallel; the numbers do not depend on it
    jobs: Count = field(default_factory=compat.cores)


@dataclass(frozen=True)
class EditionOptions(RunOptions):
    """How to run the chapter."""

    # implementations to train; "d2l" trains both, and the class of d2l 1.0 as well
    impl: Literal["scratch", "gluon", "both", "d2l"] = "both"


@dataclass(frozen=True)
class DataOptions(Settings):
    """Which data to run it on."""

    # data set; "auto" falls back to embedded stand-in data if the published files are unavailable
    dataset: str = "auto"
    # folder that contains fashion_mnist/, mnist/, ...; searched before $D2L_REPRO_DATA
    data_dir: Optional[Path] = None


@dataclass(frozen=True)
class StreamOptions(Settings):
    """Which random numbers to run it with."""

    # use the book's own data, as MXNet draws them on that platform; with seed 0 the initial weights, too, are
    # the book's, any other seed draws them anew
    stream: Optional[Stream] = None


@dataclass(frozen=True)
class Options(StudyOptions, EditionOptions, DataOptions, StreamOptions):
    """All options that a chapter can have; most chapters use only some."""
