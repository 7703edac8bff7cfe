"""The job of this process, if it is one of several that train a model together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError
from ..language import tr
from .job import current_job, shared_by
from .store import Store

_store: Store | None = None
_has_left = False
_is_sharing = False


def join() -> Store | None:
    """Wait for the other workers of the job, the first time; return None where there is no job.

    Raises:
        InputError: this process has left its job, or the workers cannot work together.
    """
    global _store
    job = current_job()
    if job is None:
        return None
    if _has_left:
        raise InputError(tr("this worker has left its job; train all models before, or launch another job"))
    if _store is None:
        _store = Store(job)
    return _store


@contextmanager
def share_batches() -> Iterator[None]:
    """Let `train_ch3` share each batch among the workers in this context, if there are any."""
    global _is_sharing
    store = join()
    before, _is_sharing = _is_sharing, store is not None
    try:
        with shared_by(store.num_workers if store else 1):
            yield
    finally:
        _is_sharing = before


def sharing() -> Store | None:
    """Return the store over which each batch is shared now, or None."""
    return _store if _is_sharing else None


def leave() -> bool:
    """Leave the job when all its workers do, and return whether to go on: as the first of them, or alone."""
    global _store, _has_left
    if _store is None:
        return True
    is_first = _store.is_first
    _store.close()
    _store, _has_left = None, True
    return is_first


@contextmanager
def together() -> Iterator[Store | None]:
    """Join the job for a context, for programs of your own; alone where there is none.

    Yields:
        The store, whose `is_first` says whether to write results; None where there is no job.
    """
    store = join()
    with share_batches():
        yield store
    leave()
