"""MXNet's parameter server, as the workers of a job use it.

A server believes what it receives and unpickles it: see docs/scaling.md.
"""

from __future__ import annotations

import atexit
import itertools
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from mxnet import base, gluon, kvstore, nd, optimizer

from .. import stopping
from ..errors import FAILED, InputError, error_line
from ..language import listed, tr
from ..results.environment import versions_in_workers
from .job import Job
from .rules import Rule

POLL = 0.5  # seconds between two looks at the clock


def checksum(arrays: Iterable[nd.NDArray]) -> int:
    """Return a number that other values of the arrays would not have; waits for the engine."""
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.asnumpy().tobytes(), crc)
    return crc


class Store:
    """Join the other workers of a job.

    Args:
        job: what the environment says of it.

    Attributes:
        number: of this worker, from 0.
        num_workers: processes that share each batch.

    Raises:
        InputError: the servers do not apply the rules that they are given, two workers have one number, or
            their packages differ.
    """

    def __init__(self, job: Job):
        self.timeout, self.num_workers = job.timeout, job.num_workers
        self._waiting_for, self._since = "", 0.0
        self._keys = itertools.count()
        self._sums: dict[int, int] = {}  # length of a vector -> the key that it is summed under
        self.number = -1 if job.number is None else job.number
        threading.Thread(target=self._watch, daemon=True, name="workers").start()
        with self.waiting(tr("the scheduler, the servers and the other workers")):
            self._kv = kvstore.create("dist_sync")
        atexit.register(self._end_at_once)
        if job.number is None:
            self.number = self._kv.rank
        self._try_rules()
        numbers = sorted(round(row[0]) for row in self.gather([self.number]))
        if numbers != list(range(self.num_workers)):
            raise InputError(
                tr(
                    "the workers have the numbers {numbers}; start them with `d2l-repro launch`",
                    numbers=numbers,
                )
            )
        self._check_versions()

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes the results."""
        return self.number == 0

    def close(self) -> None:
        """Leave the job when all workers do; then the servers end."""
        with self.waiting(tr("the other workers to finish")):
            base.check_call(base._LIB.MXKVStoreFree(self._kv.handle))
        self._kv.handle = base.KVStoreHandle()  # which the destructor frees, and that does nothing
        atexit.unregister(self._end_at_once)

    def set_rule(
        self,
        parameters: Mapping[int, gluon.Parameter] | None = None,
        gluon_optimizer: optimizer.Optimizer | None = None,
    ) -> None:
        """Tell the servers how to update parameters; other keys hold sums. What they knew is forgotten."""
        with self.waiting(tr("the servers")):
            if self.is_first:
                self._kv.set_optimizer(Rule(parameters, gluon_optimizer))
            self._kv._barrier()

    def new_keys(self, arrays: Sequence[nd.NDArray]) -> list[int]:
        """Give the servers arrays, and return their keys; of all workers' values the first one's count."""
        keys = [next(self._keys) for _ in arrays]
        with self.waiting(tr("the other workers")):
            for key, array in zip(keys, arrays):
                self._kv.init(key, array)
        return keys

    def exchange(self, keys: Iterable[int], pushed: Iterable[Any], pulled: Iterable[Any]) -> None:
        """Push arrays, and pull into others what the servers make of all workers' arrays; does not wait."""
        for i, (key, array, out) in enumerate(zip(keys, pushed, pulled)):
            # The first layers' parameters are needed first.
            self._kv.pushpull(key, array, out=out, priority=-i)

    def wait(self, arrays: Iterable[nd.NDArray]) -> None:
        """Wait until pulled arrays are there."""
        with self.waiting(tr("the gradients of the other workers")):
            for array in arrays:
                array.wait_to_read()

    def total(self, numbers: Any) -> list[float]:
        """Return the sum of each number over all workers, in double precision.

        Args:
            numbers: a sequence or a NumPy array, (n,).
        """
        array = nd.array(np.asarray(numbers, dtype=np.float64), dtype="float64")
        if array.size not in self._sums:
            self._sums[array.size] = self.new_keys([array.zeros_like()])[0]
        self.exchange([self._sums[array.size]], [array], [array])
        self.wait([array])
        return array.asnumpy().tolist()

    def gather(self, numbers: Sequence[float]) -> list[list[float]]:
        """Return the numbers of every worker, in the order of the workers."""
        table = np.zeros((self.num_workers, len(numbers)))
        table[self.number] = numbers
        return np.reshape(self.total(table.ravel()), table.shape).tolist()

    def gather_text(self, text: str, length: int = 512) -> list[str]:
        """Return the text of every worker, in the order of the workers, cut off after so many bytes."""
        rows = self.gather(list(text.encode()[:length].ljust(length, b"\0")))
        return [bytes(map(round, row)).rstrip(b"\0").decode(errors="replace") for row in rows]

    def whole(self, array: nd.NDArray) -> nd.NDArray:
        """Return the rows of all workers, in the order of the workers; waits for the engine."""
        sizes = [round(row[0]) for row in self.gather([len(array)])]
        first = sum(sizes[: self.number])
        rows = np.zeros((sum(sizes), *array.shape[1:]))
        rows[first : first + len(array)] = array.asnumpy()
        return nd.array(np.reshape(self.total(rows.ravel()), rows.shape), dtype=array.dtype)

    def check_equal(self, facts: Mapping[str, float]) -> None:
        """Check that something is the same for all workers.

        Args:
            facts: what it is -> the number that this worker has for it.

        Raises:
            InputError: it is not; every worker raises it.
        """
        rows = self.gather(list(facts.values()))
        for name, values in zip(facts, zip(*rows)):
            if len(set(values)) > 1:
                have = listed(f"{value:.12g}" for value in values)
                raise InputError(
                    tr(
                        "the workers differ in {name}: they have {values}; start all of them with the same "
                        "command, on the same data",
                        name=name,
                        values=have,
                    )
                )

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """End this process if the context takes longer than the time-out.

        MXNet waits for ever, in C, where no exception can reach it.

        Args:
            what: the process waits for, in words.
        """
        self._waiting_for, self._since = what, time.monotonic()
        try:
            yield
        finally:
            self._since = 0.0

    def _watch(self) -> None:
        while True:
            time.sleep(POLL)
            since = self._since
            if since and time.monotonic() - since > self.timeout:
                self._give_up()

    def _give_up(self) -> None:
        text = tr(
            "waited {seconds} s for {what}, in vain: one of them has ended, hangs, or takes fewer steps",
            seconds=f"{self.timeout:g}",
            what=self._waiting_for,
        )
        prog = tr("worker {number}", number=self.number) if self.number >= 0 else tr("a worker")
        print(error_line(prog, text), file=sys.stderr)
        stopping.quit_with(FAILED)

    def _try_rules(self) -> None:
        """Check that the servers apply a rule.

        One that cannot unpickle a rule logs that, and then takes each sum of gradients for the parameter.
        """
        weight = gluon.Parameter("tried", shape=(1,))
        weight.initialize("ones")
        (key,) = self.new_keys([weight.data()])
        self.set_rule({key: weight}, optimizer.SGD(learning_rate=0.25))
        pulled = nd.zeros(1)
        self.exchange([key], [nd.ones(1)], [pulled])
        self.wait([pulled])
        if abs(pulled.asscalar() - (1 - 0.25 * self.num_workers)) > 1e-6:
            raise InputError(
                tr(
                    "the servers do not apply the optimizer that they are sent; start them with `d2l-repro "
                    "launch`, or with `python -c 'import d2l_repro, mxnet'` where this version is installed"
                )
            )
        self.set_rule()

    def _check_versions(self) -> None:
        """Check that all workers have the same versions of what decides about the numbers."""
        texts = self.gather_text(
            ", ".join(f"{name} {version}" for name, version in versions_in_workers().items())
        )
        if len(set(texts)) > 1:
            found = [set(text.split(", ")) for text in texts]
            common = set.intersection(*found)
            listing = "; ".join(
                tr("worker {number}", number=i) + ": " + (", ".join(sorted(versions - common)) or "-")
                for i, versions in enumerate(found)
            )
            raise InputError(
                tr(
                    "the workers have different packages ({versions}); install the same versions on all "
                    "machines",
                    versions=listing,
                )
            )

    def _end_at_once(self) -> None:
        """End a process that has not left the job: it has failed.

        MXNet would wait for the other workers first, and they for this one.
        """
        if not (hasattr(sys, "last_value") or stopping.has_failed()):
            text = tr("the program ends without leaving its job; see `workers.together` in docs/scaling.md")
            print(error_line(tr("worker {number}", number=self.number), text), file=sys.stderr)
        stopping.quit_with(stopping.code_of_failure())
