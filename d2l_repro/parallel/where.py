"""Where to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..language import mark

# What to do after a cluster was lost, as the end of a sentence.
ANEW = mark("repeat the command")
KEPT = mark("repeat the command: what is finished is kept")
RESUME = mark("repeat the command with --resume: what is finished is kept")


@dataclass(frozen=True)
class Where:
    """Where to compute.

    Attributes:
        jobs: number of processes; with 1 this process computes.
        cluster: a scheduler's address or file, or "local" for a cluster of `jobs` processes; see
            `cluster.connect`.
        datasets: names of the data sets that tasks will load there.
        data_dir: folder of the data here, as for `download.fetch`.
        again: what the user can do if the cluster is lost, one of the above.
    """

    jobs: int = 1
    cluster: str | None = None
    datasets: Sequence[str] = ()
    data_dir: Path | None = None
    again: str = ANEW
