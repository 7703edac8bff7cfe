"""What a mistake consists of, and where the mistakes of a chapter are found."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ..data.loader import Data
from ..errors import InputError
from ..experiment.model import Model
from ..experiment.runs import Builder
from ..language import listed, tr
from ..results.result import Result

PARITY, GRADIENT_CHECK = "parity", "gradient check"  # the proofs that need no published value
# The chapters that have mistakes, each in the module of its name beside this one.
CHAPTERS = (
    "linear_regression",
    "softmax_regression",
    "mlp",
    "polynomial_fitting",
    "weight_decay",
    "dropout",
    "house_prices",
    "optimizers",
    "fully_connected_nets",
)


@dataclass(frozen=True)
class Mistake:
    """A small change of a chapter's model or data that a learner might make without noticing.

    Attributes:
        name: short and unique within the chapter.
        what: in a learner's words; completes "a net ...".
        kind: mistakes of one kind are variants of each other.
        model: (model from scratch, hp) -> the model with the mistake. The model is built for the purpose and
            may be changed.
        data: (data) -> the data with the mistake, which both implementations are given.
        settings: settings in which the mistake shows, where those of the chapter do not show it.
        caught_by: which of parity and gradient check must catch it.
        rows: published values that must catch it, as (run, metric).
        missed: published values that were expected to catch it before it was measured, and do not.
    """

    name: str
    what: str
    kind: str
    model: Callable[[Model, Any], Model] | None = None
    data: Callable[[Data], Data] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    caught_by: tuple[str, ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    missed: tuple[tuple[str, str], ...] = ()

    def put_into(self, model: Model, hp: Any) -> Model:
        """Return the model with the mistake, if that is one of the model."""
        return self.model(model, hp) if self.model else model

    def applies_to(self, hp: Any) -> bool:
        """Return whether the mistake can be made in these settings: one of Adam only with Adam."""
        return all(
            getattr(hp, name) == value if isinstance(value, str) else bool(getattr(hp, name)) == bool(value)
            for name, value in self.settings.items()
        )


@dataclass(frozen=True)
class Lesson:
    """The mistakes of a chapter, and the models that they are put into.

    Attributes:
        from_scratch: builder of the model that is changed.
        with_gluon: builder of the reference implementation.
        hp: settings.
        mistakes: at least one.
        parity_settings: settings in which the chapter compares paths, where others draw random masks.
        derived: (result) -> None; adds the runs that are computed from others, such as means and differences.
        derived_from: names of these runs -> metric -> the variants that it needs; "" for all its metrics.
    """

    from_scratch: Builder
    with_gluon: Builder
    hp: Any
    mistakes: Sequence[Mistake]
    parity_settings: Mapping[str, Any] = field(default_factory=dict)
    derived: Callable[[Result], None] = lambda result: None
    derived_from: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


def lesson_of(chapter: str) -> Lesson:
    """Return the mistakes of a chapter.

    Raises:
        InputError: the chapter has none.
    """
    if chapter not in CHAPTERS:
        raise InputError(
            tr(
                "no mistakes of {chapter} are known; choose from {names}",
                chapter=repr(chapter),
                names=listed(CHAPTERS),
            )
        )
    return importlib.import_module(f".{chapter}", __package__).lesson
