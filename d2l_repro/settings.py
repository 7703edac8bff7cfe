"""Settings as frozen dataclasses: their fields are the flags, with the range of each in its type."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Optional, get_args, get_origin, get_type_hints

from . import compat
from .errors import InputError


@dataclass(frozen=True)
class Bounds:
    """The range of a number: from `low`, which belongs to it if `closed`, to below `high`."""

    low: float
    high: float = math.inf
    closed: bool = True

    def __contains__(self, value):
        above = value >= self.low if self.closed else value > self.low
        return above and value < self.high  # nan and inf fail one of the two

    def __str__(self):
        low = f"at least {self.low:,}" if self.closed else f"above {self.low:,}"
        return f"{low} and finite" if self.high == math.inf else f"{low} and below {self.high:,}"


MAX_SEED = 2**31  # seeds are below
Count = Annotated[int, Bounds(1)]
Seed = Annotated[int, Bounds(0, MAX_SEED)]
Positive = Annotated[float, Bounds(0, closed=False)]
NonNegative = Annotated[float, Bounds(0)]
Probability = Annotated[float, Bounds(0, 1)]


@dataclass(frozen=True)
class Settings:
    """Base of all settings: a value out of the range that its field's type gives is an `InputError`."""

    def __post_init__(self):
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            ranges = [bounds for bounds in getattr(hint, "__metadata__", ()) if isinstance(bounds, Bounds)]
            if get_origin(hint) is Literal:
                ranges.append(get_args(hint))
            for allowed in ranges:
                if value not in allowed:
                    raise InputError(f"--{name.replace('_', '-')}: must be {_listed(allowed)}, not {value}")

    def replace(self, **changes):
        """The same settings but for `changes`."""
        return dataclasses.replace(self, **changes)


def _listed(allowed):
    return " or ".join(map(str, allowed)) if isinstance(allowed, tuple) else allowed


class HParams(Settings):
    """Base of a chapter's settings; a subclass has the book's values as defaults and a comment a field."""


@dataclass(frozen=True)
class SeedOptions(Settings):
    """How it is run."""

    seed: Seed = 0  # of all random numbers; 0 gives the book's own data
    quick: bool = False  # less data and fewer epochs: a look in seconds, compared with nothing


@dataclass(frozen=True)
class RunOptions(SeedOptions):
    """How it is run."""

    impl: Literal["scratch", "gluon", "both"] = "both"  # implementations to train


@dataclass(frozen=True)
class StudyOptions(RunOptions):
    """How it is run."""

    only: tuple[str, ...] = ()  # variants to train, by name; all of them by default
    # train each variant with so many, from --seed on: mean, deviation, and what is beyond noise
    seeds: Count = 1
    jobs: Count = field(
        default_factory=compat.cores
    )  # processes that train at a time; the numbers do not depend on it


@dataclass(frozen=True)
class EditionOptions(RunOptions):
    """How it is run."""

    impl: Literal["scratch", "gluon", "both", "d2l"] = "both"  # to train; d2l: both and the class of d2l 1.0


@dataclass(frozen=True)
class DataOptions(Settings):
    """What it is run on."""

    dataset: str = "auto"  # data set; "auto" takes embedded data where the published cannot be had
    data_dir: Optional[Path] = None  # folder that holds fashion_mnist/, mnist/, ... (else $D2L_REPRO_DATA)


@dataclass(frozen=True)
class Options(StudyOptions, EditionOptions, DataOptions):
    """All that chapters can be asked; most know only some of it."""
