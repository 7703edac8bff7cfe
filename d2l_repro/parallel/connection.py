"""Find the scheduler of a Dask cluster, or start a cluster on this machine."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from .. import stopping
from ..data.download import shorten
from ..errors import InputError
from ..language import tr
from ..processes import python_command

LOCAL = "local"  # for --cluster: start one
CONNECTING = 30.0  # seconds to wait for the scheduler, and for its first worker


def scheduler_of(place: str) -> dict[str, str]:
    """Return the argument of `distributed.Client` that a value of --cluster stands for.

    Raises:
        InputError: it is neither an address nor a file.
    """
    if os.path.isfile(place):
        return {"scheduler_file": place}
    if "://" in place or (":" in place and "/" not in place):
        return {"address": place}
    raise InputError(
        tr(
            "--cluster: no such scheduler file: {place}; give its path, the scheduler's address, such as "
            "tcp://HOST:8786, or local",
            place=place,
        )
    )


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        command = f"{sys.executable} -m pip install 'd2l_repro[dask]'"
        raise InputError(
            tr("--cluster: the package distributed is not installed; run: {command}", command=command)
        ) from error
    # What happens to the cluster is reported here, in a line each.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed


@contextmanager
def local_cluster(jobs: int) -> Iterator[str]:
    """Start a cluster on this machine, and yield its address.

    Args:
        jobs: number of its workers.

    Raises:
        InputError: it cannot be started.
    """
    _distributed()
    environment = {**os.environ, stopping.PARENT: str(os.getpid())}
    code = f"from d2l_repro.parallel.local import main\nmain({jobs})"
    with tempfile.TemporaryFile("w+") as errors:
        # In a session of its own, where Ctrl-C does not reach it: chapters are to save what is finished.
        process = subprocess.Popen(
            python_command(code),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stdin
        try:
            address = process.stdout.readline().strip()
            if not address:
                errors.seek(0)
                last = next(iter(errors.read().strip().splitlines()[::-1]), "?")
                raise InputError(tr("--cluster local: cannot be started ({error})", error=last))
            yield address
        finally:
            process.stdin.close()
            try:
                process.wait(CONNECTING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


@contextmanager
def client_of(where: Mapping[str, str], place: str) -> Iterator[Any]:
    """Connect to a scheduler, and yield the `distributed.Client`.

    Args:
        where: the scheduler, as `scheduler_of` returns it.
        place: how the user has named it.

    Raises:
        InputError: nobody answers, or the package `distributed` is not installed.
    """
    distributed = _distributed()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about versions, which `Cluster.check_workers` looks at
            client = distributed.Client(**where, timeout=CONNECTING, set_as_default=False, name="d2l_repro")
    except (OSError, ValueError) as error:
        raise InputError(
            tr(
                "--cluster: no scheduler answers at {place} ({error}); start one with `dask scheduler`, and "
                "workers with `dask worker`",
                place=place,
                error=shorten(error),
            )
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):  # of a scheduler that has gone
            client.close(timeout=2)
