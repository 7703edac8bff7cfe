"""One trained run as a record, and the only place where its label is put together or taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .history import History


class Status(str, Enum):
    """How a run ended."""

    DONE = "done"
    DIVERGED = "diverged"  # as the chapter set out to show
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass
class RunResult:
    """What one training run leaves behind.

    Attributes:
        impl: implementation, "scratch", "gluon" or "d2l"; "data" for facts about the data themselves.
        variant: row of the chapter's comparison, "lr=0.2"; empty where a chapter trains a single model.
        seed: of all random numbers.
        history: one row of numbers an epoch.
        metrics: name -> number; the last epoch's, and what the chapter measures after training.
        status: how the run ended.
        message: one line that says why a run diverged or failed.
        model: the trained `experiment.model.Model`, in memory only.
    """

    impl: str
    variant: str
    seed: int
    history: History = field(default_factory=History)
    metrics: dict[str, float] = field(default_factory=dict)
    status: Status = Status.DONE
    message: str = ""
    model: Any = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The run's label without its seed, "gluon lr=0.2"."""
        return run_label(self.impl, self.variant)

    def as_json(self) -> dict[str, Any]:
        """Return the run as result.json keeps it."""
        content = {
            "impl": self.impl,
            "variant": self.variant,
            "seed": self.seed,
            "status": self.status.value,
            "history": self.history.columns(),
            "metrics": self.metrics,
        }
        key = _MESSAGE_KEYS.get(self.status)
        return {**content, key: self.message} if key else content

    @classmethod
    def from_json(cls, label: str, content: dict[str, Any], seed: int) -> RunResult:
        """Read a run of result.json.

        Args:
            label: the run's key in the file, from which earlier versions' names have to be taken.
            content: the run as `as_json` returned it.
            seed: the result's.
        """
        names = [content.get(name, part) for name, part in zip(_NAMES, _parts(label, seed))]
        message, diverged = content.get("error"), content.get("diverged")
        status = Status.DIVERGED if diverged else Status.FAILED if message else Status.DONE
        return cls(
            *names,
            History.from_columns(content["history"]),
            content["metrics"],
            Status(content.get("status", status)),
            message or diverged or "",
        )


_NAMES = ("impl", "variant", "seed")
_MESSAGE_KEYS = {Status.DIVERGED: "diverged", Status.FAILED: "error", Status.INTERRUPTED: "error"}


def run_label(impl: str, variant: str = "", seed: int | None = None) -> str:
    """Return what tables, figures and result.json call a run: "gluon lr=0.2, seed 3".

    Args:
        impl: implementation.
        variant: row of a comparison, or empty.
        seed: named only where a result holds several seeds of the run.
    """
    label = f"{impl} {variant}".strip()
    return label if seed is None else f"{label}, seed {seed}"


def _parts(label: str, seed: int) -> tuple[str, str, int]:
    """Implementation, variant and seed of a label."""
    name, _, other = re.fullmatch(r"(.*?)(, seed (\d+))?", label, flags=re.DOTALL).groups()
    impl, _, variant = name.partition(" ")
    return impl, variant, int(other) if other else seed
