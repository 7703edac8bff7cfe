"""The runs of a chapter: which models there are to train, and which belong together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..data.loader import Data
from ..results.run import run_label
from .model import Model

Builder = Callable[[Any, Data], Model]  # (hp, data) -> Model


@dataclass(frozen=True)
class Run:
    """One model to train: its names, how to build it, and its settings.

    Attributes:
        impl: "scratch", "gluon" or "d2l".
        variant: row of a comparison; empty where a chapter trains a single model.
        build: (hp, data) -> Model.
        hp: settings; a run from scratch and one with Gluon that have equal settings are a matching pair.
        compare_paths: whether to check that both runs of a matching pair take the same steps.
        compare_testing: whether to check, where that is not possible as the nets draw random masks, that both
            have the same outputs in testing.
        may_diverge: whether the run is meant to show how training fails.
        parity_hp: settings for the comparison of paths, if it would take too long with `hp`.
        on_request: whether to train only if --impl or --only asks for it; the path is compared anyway.
    """

    impl: str
    variant: str
    build: Builder
    hp: Any
    compare_paths: bool = True
    compare_testing: bool = False
    may_diverge: bool = False
    parity_hp: Any | None = None
    on_request: bool = False

    @property
    def label(self) -> str:
        return run_label(self.impl, self.variant)

    def shortened(self) -> Run:
        """Return the run with the settings for the comparison of paths."""
        return self if self.parity_hp is None else dataclasses.replace(self, hp=self.parity_hp)


def runs_of(builders: Mapping[str, Builder], variants: Mapping[str, Any], **facts: Any) -> list[Run]:
    """Return a Run for every variant in every implementation.

    Args:
        builders: implementation -> builder.
        variants: name -> settings; the name is empty where a chapter trains a single model.
        facts: other fields of the runs.
    """
    return [
        Run(impl, name, build, hp, **facts)
        for name, hp in variants.items()
        for impl, build in builders.items()
    ]


def matching_pairs(runs: Sequence[Run], impl: str) -> Iterator[tuple[Run, Run]]:
    """Yield each run from scratch with the first of another implementation that has the same settings."""
    others = [run for run in runs if run.impl == impl]
    for ours in runs:
        theirs = next((run for run in others if ours.impl == "scratch" and run.hp == ours.hp), None)
        if theirs:
            others.remove(theirs)  # two variants may happen to have the same settings
            yield ours, theirs
