"""Measure speed. The contests, which need MXNet, are held in other processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from .. import installation
from ..processes import run_module
from ..settings import Count, Settings


@dataclass(frozen=True)
class BenchOptions(Settings):
    """What to measure, and where it goes."""

    # contests to hold; or growth, one of its parts examples, width, depth, folds, seeds; memory; or scaling
    names: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[CONTEST ...]", help_behavior_hint="(default: all)"),
    ] = ()
    # whom to measure ours against: torch,sklearn,d2l,book or some of them; or those available; or none
    against: str = "available"
    rounds: Count = 7  # turns that each contestant takes
    quick: bool = False  # only try that everything works, with a few steps per round
    out: Path = Path("runs/bench")  # folder for the times, a file per machine
    write: bool = False  # also replace the times that docs/performance.md and docs/scaling.md show


@dataclass(frozen=True)
class BenchCommand(BenchOptions):
    """Measure how fast training is beside other packages and the processor's limit, and its memory.

    Contestants take turns, each in its own process, with as many threads. The limit is the sum of the
    operators that the net's shapes demand, each measured alone at the fastest kernel known. Times are kept,
    and compared with the last ones on this machine. Exit codes: 0 done; 1 a contestant failed; 2 usage error;
    130 interrupted.
    """

    def __call__(self) -> int:
        installation.check_packages()
        return run_module("d2l_repro.bench", "d2l-repro bench", [*self._flags(), *self.names])

    def _flags(self) -> list[str]:
        flags = [f"--against={self.against}", f"--rounds={self.rounds}", f"--out={self.out}"]
        return flags + [f"--{name}" for name in ("quick", "write") if getattr(self, name)]
