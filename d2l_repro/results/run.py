"""Runs as records, and the only place where their labels are composed and parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..language import mark, retell
from .history import History

# Messages of runs, which result.json has in English.
DIVERGED = mark(
    "training diverged in epoch {epoch}: mean loss {loss} at learning rate {lr}; try a smaller learning "
    "rate, scaled features or clipped gradients"
)
DIVERGED_LATER = mark(
    "training diverged in epoch {epoch}: mean loss {loss} ({first} in the first) at learning rate {lr}; try "
    "a smaller learning rate, scaled features or clipped gradients"
)
INTERRUPTED = (
    mark("interrupted after {count} finished epoch"),
    mark("interrupted after {count} finished epochs"),
)


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
        seed: seed of all random numbers.
        history: one row of numbers per epoch.
        metrics: name -> number; those of the last epoch, and what the chapter measures after training.
        status: how the run ended.
        message: one line that says why the run diverged or failed.
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
        """Return the run as result.json stores it."""
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
            label: key of the run in the file. Earlier versions have its names only there.
            content: the run as `as_json` returned it.
            seed: seed of the result, and of every run whose label names none.
        """
        impl, variant, own_seed = _parts(label, seed)
        message, diverged = content.get("error"), content.get("diverged")
        status = Status.DIVERGED if diverged else Status.FAILED if message else Status.DONE
        return cls(
            impl=content.get("impl", impl),
            variant=content.get("variant", variant),
            seed=content.get("seed", own_seed),
            history=History.from_columns(content["history"]),
            metrics=content["metrics"],
            status=Status(content.get("status", status)),
            message=message or diverged or "",
        )


def message_text(message: str) -> str:
    """Return the message of a run in the reader's language, if it is one that training itself has."""
    return retell(message, DIVERGED_LATER, DIVERGED, *INTERRUPTED)


_MESSAGE_KEYS = {Status.DIVERGED: "diverged", Status.FAILED: "error", Status.INTERRUPTED: "error"}


def run_label(impl: str, variant: str = "", seed: int | None = None) -> str:
    """Compose the label of a run in tables, figures and result.json: "gluon lr=0.2, seed 3".

    Args:
        impl: implementation.
        variant: row of a comparison, or empty.
        seed: None unless the result has several seeds of the run.
    """
    label = f"{impl} {variant}".strip()
    return label if seed is None else f"{label}, seed {seed}"


def _parts(label: str, seed: int) -> tuple[str, str, int]:
    """Split a label into implementation, variant and seed."""
    name, _, number = label.rpartition(", seed ")
    if name and number.isdecimal():
        label, seed = name, int(number)
    impl, _, variant = label.partition(" ")
    return impl, variant, seed
