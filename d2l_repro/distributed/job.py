"""What the environment says of the job that this process belongs to. Nothing here needs MXNet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import InputError
from ..language import tr

# Environment variables of MXNet
ROLE, NUM_WORKERS, NUM_SERVERS = "DMLC_ROLE", "DMLC_NUM_WORKER", "DMLC_NUM_SERVER"
# Environment variables of `d2l-repro launch`: number of a worker, from 0, and seconds to wait for others
NUMBER, TIMEOUT = "D2L_REPRO_WORKER", "D2L_REPRO_TIMEOUT"
DEFAULT_TIMEOUT = 120.0  # seconds

_num_sharing = 1


@dataclass(frozen=True)
class Job:
    """One worker's view of a job.

    Attributes:
        num_workers: processes that share each batch.
        number: of this worker, from 0; None where its rank in MXNet decides.
        timeout: seconds that it waits for the others before it gives up.
    """

    num_workers: int
    number: int | None = None
    timeout: float = DEFAULT_TIMEOUT


def current_job() -> Job | None:
    """Return the job that this process is a worker of, or None.

    Raises:
        InputError: a variable of the environment makes no sense.
    """
    if os.environ.get(ROLE) != "worker":
        return None
    num_workers, number = _number(NUM_WORKERS, 1), _number(NUMBER, 0, default=-1)
    if number >= num_workers:
        raise InputError(
            tr("{name}={value}: there are only {count} workers", name=NUMBER, value=number, count=num_workers)
        )
    timeout = _number(TIMEOUT, 1, default=round(DEFAULT_TIMEOUT))
    return Job(num_workers, None if number < 0 else number, float(timeout))


def num_servers() -> int:
    """Return how many servers this worker's job has.

    Raises:
        InputError: the variable of the environment makes no sense.
    """
    return _number(NUM_SERVERS, 1, default=1)


def num_sharing() -> int:
    """Return how many processes share each batch now: 1 outside of distributed training.

    Each of them adds that part of a penalty to its loss, so that the sum of their gradients has it once.
    """
    return _num_sharing


@contextmanager
def shared_by(number: int) -> Iterator[None]:
    """Let `num_sharing` return a number in this context."""
    global _num_sharing
    before, _num_sharing = _num_sharing, number
    try:
        yield
    finally:
        _num_sharing = before


def refuse_workers(prog: str) -> None:
    """Check that this process is no worker: each would do the whole work of a command.

    Args:
        prog: name of the command.

    Raises:
        InputError: it is one.
    """
    if current_job() is not None:
        raise InputError(
            tr(
                "{prog} cannot be shared among workers; launch a chapter, `python -m chapters.NAME`, or run "
                "this without {role}",
                prog=prog,
                role=ROLE,
            )
        )


def _number(name: str, least: int, default: int | None = None) -> int:
    text = os.environ.get(name)
    if text is None and default is not None:
        return default
    if not (text and text.isascii() and text.isdecimal() and int(text) >= least):
        raise InputError(
            tr(
                "{name}={value}: must be a whole number of at least {least}; use `d2l-repro launch`",
                name=name,
                value=text,
                least=least,
            )
        )
    return int(text)
