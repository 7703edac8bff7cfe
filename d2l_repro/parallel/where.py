"""Where to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Where:
    """Where to compute.

    Attributes:
        jobs: number of processes; with 1 this process computes.
        cluster: a scheduler's address or file, or "local" for a cluster of `jobs` processes; see
            `cluster.connect`.
        datasets: names of the data sets that tasks will load there.
        data_dir: folder of the data here, as for `download.fetch`.
    """

    jobs: int = 1
    cluster: str | None = None
    datasets: Sequence[str] = ()
    data_dir: Path | None = None
