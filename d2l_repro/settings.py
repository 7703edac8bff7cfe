"""Define settings as frozen dataclasses whose fields become flags and whose types carry the valid ranges.

A comment on a field is the flag's help text.
"""

import dataclasses
import math
import numbers
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

from . import compat
from .errors import InputError
from .language import FLAG, LANGUAGES, language, set_language, tr, without_flag
from .suggestions import choice

SettingsType = TypeVar("SettingsType", bound="Settings")


@dataclass(frozen=True)
class Bounds:
    """A range of numbers that includes `low` but never `high`, nan or infinity."""

    low: float
    high: float = math.inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value < self.high  # False for nan and inf

    def __str__(self) -> str:
        high = tr("finite") if self.high == math.inf else tr("below {number}", number=f"{self.high:,}")
        return tr("at least {low} and {high}", low=f"{self.low:,}", high=high)


MAX_SEED = 2**31  # exclusive
Count = Annotated[int, Bounds(1, 10_000_001)]
Units = Annotated[int, Bounds(1, 10_001)]  # of a layer; MXNet's arrays have less than 2^31 elements
Seed = Annotated[int, Bounds(0, MAX_SEED)]
# Far beyond any use, but within single precision: 1e-300 would be 0 there, and the square of 1e38 infinite.
TINY, HUGE = 1e-18, 1e18
Positive = Annotated[float, Bounds(TINY, HUGE)]
NonNegative = Annotated[float, Bounds(0, HUGE)]
Probability = Annotated[float, Bounds(0, 1)]
Stream = Literal["linux", "macos", "windows"]  # of random numbers; MXNet's depends on the platform


@dataclass(frozen=True)
class Settings:
    """Base class of all settings, which checks each value against the range in its field's type.

    A NumPy number becomes Python's own, which MXNet and JSON files can take.

    Raises:
        InputError: a value is out of range.
    """

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            if getattr(value, "shape", None) == ():
                value = value.item()
                object.__setattr__(self, name, value)  # the dataclass is frozen
            for allowed in _constraints(hint):
                if not _is_allowed(value, allowed, hint):
                    raise InputError(
                        tr(
                            "--{flag}: must be {allowed}, not {value}",
                            flag=name.replace("_", "-"),
                            allowed=_describe(allowed, hint, value),
                            value=value,
                        )
                    )

    def replace(self: SettingsType, **changes: Any) -> SettingsType:
        """Return a copy in which the fields named in `changes` have new values."""
        return dataclasses.replace(self, **changes)


def _constraints(hint: Any) -> list[Union[Bounds, tuple]]:
    """Return the ranges of an annotated type, or the choices of a Literal or of a flag."""
    if hint is bool:
        return [(True, False)]
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


def _is_allowed(value: Any, allowed: Union[Bounds, tuple], hint: Any) -> bool:
    if isinstance(allowed, tuple):
        return value in allowed
    kind = numbers.Integral if _is_whole(hint) else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and value in allowed


def _is_whole(hint: Any) -> bool:
    return get_args(hint)[:1] == (int,)


def _describe(allowed: Union[Bounds, tuple], hint: Any, value: Any) -> str:
    if isinstance(allowed, tuple):
        return tr(" or ").join(str(name) for name in allowed if name is not None)
    is_fraction = _is_whole(hint) and not isinstance(value, numbers.Integral)
    return tr("a whole number, {allowed}", allowed=allowed) if is_fraction else str(allowed)


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
class ImplOption(Settings):
    """Which implementations to run."""

    impl: Literal["scratch", "gluon", "both"] = "both"  # implementations to train


@dataclass(frozen=True)
class EditionOption(ImplOption):
    """Which implementations to run."""

    # implementations to train; "d2l" trains both, and also the class of d2l 1.0
    impl: Literal["scratch", "gluon", "both", "d2l"] = "both"


@dataclass(frozen=True)
class OnlyOption(ImplOption):
    """Which implementations and variants to run."""

    only: tuple[str, ...] = ()  # names of the variants to train; all by default


@dataclass(frozen=True)
class RunOptions(ImplOption, SeedOptions):
    """How to run the chapter."""


@dataclass(frozen=True)
class VariantOptions(OnlyOption, RunOptions):
    """How to run the chapter."""


@dataclass(frozen=True)
class StudyOptions(VariantOptions):
    """How to run the chapter."""

    # seeds to train each variant with, counting from --seed; several give means, standard deviations and
    # tests of significance
    seeds: Count = 1
    # processes that train in parallel; the numbers do not depend on it
    jobs: Count = field(default_factory=compat.cores)
    # Dask cluster to use: its scheduler's address (tcp://HOST:8786) or file, or local, which starts one on
    # this machine with as many processes as --jobs says
    cluster: Optional[str] = None


@dataclass(frozen=True)
class EditionOptions(EditionOption, RunOptions):
    """How to run the chapter."""


@dataclass(frozen=True)
class EditionVariantOptions(EditionOptions, VariantOptions):
    """How to run the chapter."""


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

    # use the book's own data, as MXNet draws them on that platform; with seed 0 the initial weights are the
    # book's as well, with any other seed they are drawn anew
    stream: Optional[Stream] = None


@dataclass(frozen=True)
class Options(StudyOptions, EditionOptions, DataOptions, StreamOptions):
    """All options that a chapter can have; most chapters use only some."""


def check_dataset(chapter: str, dataset: str, known: Sequence[str]) -> None:
    """Check that a chapter can use a data set.

    Raises:
        InputError: it cannot.
    """
    names = ("auto", *known)
    if dataset not in names:
        raise InputError(
            tr(
                "--dataset: {chapter} cannot use {dataset}; {advice}",
                chapter=chapter,
                dataset=repr(dataset),
                advice=choice(dataset, names),
            )
        )


def choose_language(argv: Sequence[str]) -> list[str]:
    """Return the arguments of a command without --lang, and make its language that of the process.

    A terminal whose encoding has no Chinese gets English where the locale alone asks for Chinese.

    Raises:
        InputError: the language is unknown, or the terminal cannot show it.
    """
    rest, name = without_flag(argv)
    if name is not None and name not in LANGUAGES:
        problem = tr("unknown language {name}", name=repr(name)) if name else tr("no language given")
        raise InputError(
            tr("{flag}: {problem}; {advice}", flag=FLAG, problem=problem, advice=choice(name, LANGUAGES))
        )
    if name:
        set_language(name)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if language() != "en" and not _has_chinese(encoding):
        set_language("en")
        if name:
            raise InputError(
                f"{FLAG}: standard output has the encoding {encoding}, which lacks Chinese; set "
                "PYTHONIOENCODING=utf-8"
            )
    return rest


def _has_chinese(encoding: str) -> bool:
    try:
        "中文".encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
