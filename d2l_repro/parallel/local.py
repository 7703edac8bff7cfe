"""A Dask cluster on this machine, in a process of its own that ends with the command that has started it."""

from __future__ import annotations

import sys
import tempfile

SETTINGS = {
    # A task is given up after so many of its workers have died; by default after three.
    "distributed.scheduler.allowed-failures": 10,
    # Killed workers are started again, which can take longer than the 15 seconds that are the default.
    "distributed.deploy.lost-worker-timeout": "1h",
}


def main(workers: int) -> None:
    """Start a scheduler and workers, print the scheduler's address, and end when stdin is closed.

    Args:
        workers: number of processes, each of which computes one task at a time.
    """
    import dask
    from distributed import LocalCluster

    dask.config.set(SETTINGS)
    with (
        tempfile.TemporaryDirectory(prefix="d2l_repro-") as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=folder,
        ) as cluster,
    ):
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
