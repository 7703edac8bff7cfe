"""Predict what several workers gain: a model of one training that they share.

A step of n workers takes the computation of one worker's part of the batch and the exchange of gradients:

    computation(n) = fixed + each * B / n + gather * B
    exchange(n)    = wait + h * (message * arrays + byte * bytes)
                   + 2 * 8 * bytes * h / bandwidth + 2 * latency

in seconds, with the bandwidth in bits per second and h = max(1, n * share), where share is that part of all
parameters that the busiest server has; a process alone exchanges nothing. Every worker gathers whole batches
and evaluates the whole test set, which therefore become no faster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .formatting import format_duration

FLOAT = 4  # bytes
SPLIT = 1_000_000  # MXNet divides an array of at least so many elements among all servers


@dataclass(frozen=True)
class Network:
    """What lies between workers and servers.

    Attributes:
        bandwidth: of each machine, in bits per second and direction.
        latency: seconds for a small message, one way.
        servers: among which the parameters are divided, each on a machine of its own.
    """

    bandwidth: float = 1e9
    latency: float = 50e-6
    servers: int = 1


@dataclass(frozen=True)
class Net:
    """What a step and an epoch of some net cost one process.

    Attributes:
        name: of its chapter, or its sizes.
        arrays: numbers of elements of its parameters.
        batch_size: examples of a batch of all workers together.
        examples: of the training set.
        fixed: seconds of a step that do not depend on the batch.
        each: seconds that each example of a worker's part adds.
        gather: seconds to gather an example.
        evaluation: seconds to evaluate the test set after an epoch.
    """

    name: str
    arrays: Sequence[int]
    batch_size: int
    examples: int
    fixed: float
    each: float
    gather: float
    evaluation: float

    @property
    def bytes(self) -> int:
        """Size of all parameters, and of their gradients."""
        return FLOAT * sum(self.arrays)

    def computation(self, workers: int) -> float:
        """Return the seconds of a step that a worker computes."""
        return self.fixed + self.each * self.batch_size / workers + self.gather * self.batch_size

    def numbers(self) -> list[int]:
        """Return the numbers of workers that can share its batches: all have as many steps to take."""
        last = self.examples % self.batch_size or self.batch_size
        return [n for n in range(1, last + 1) if self.batch_size % n == 0]


@dataclass(frozen=True)
class Exchange:
    """What the processes do to exchange gradients, however fast the network is.

    Attributes:
        wait: seconds of a step.
        message: seconds for each array of each worker.
        byte: seconds for each byte of each worker.
    """

    wait: float
    message: float
    byte: float

    def seconds(self, net: Net, workers: int, network: Network) -> float:
        """Return the seconds of a step in which a worker waits for its exchange; 0 for a process alone."""
        if workers == 1:
            return 0.0
        load = max(1.0, workers * busiest(net.arrays, network.servers))
        sent = 2 * 8 * net.bytes * load / network.bandwidth + 2 * network.latency
        return self.handling(net.arrays, load) + sent

    def handling(self, arrays: Sequence[int], load: float) -> float:
        """Return the seconds of a step without those of the network.

        Args:
            arrays: numbers of elements.
            load: workers whose arrays the busiest server handles.
        """
        return self.wait + load * (self.message * len(arrays) + self.byte * FLOAT * sum(arrays))


def busiest(arrays: Sequence[int], servers: int) -> float:
    """Return the least share of all parameters that the server with the most of them can have.

    MXNet does not divide arrays below `SPLIT` elements.
    """
    whole = max((size for size in arrays if size < SPLIT), default=0)
    return max(1 / servers, whole / sum(arrays))


class Estimate(NamedTuple):
    """What the model says of a number of workers.

    Attributes:
        workers: that share each batch.
        computation: seconds of a step.
        communication: seconds of a step.
        speedup: of an epoch with its evaluation, over a process alone.
    """

    workers: int
    computation: float
    communication: float
    speedup: float


@dataclass(frozen=True)
class Model:
    """The model of a net, an exchange and a network."""

    net: Net
    exchange: Exchange
    network: Network

    def communication(self, workers: int) -> float:
        """Return the seconds of a step that the exchange takes."""
        return self.exchange.seconds(self.net, workers, self.network)

    def epoch(self, workers: int) -> float:
        """Return the seconds of an epoch and its evaluation."""
        steps = math.ceil(self.net.examples / self.net.batch_size)
        step = self.net.computation(workers) + self.communication(workers)
        return steps * step + self.net.evaluation

    def estimate(self, workers: int) -> Estimate:
        """Return computation, communication and speed-up of a number of workers."""
        return Estimate(
            workers,
            self.net.computation(workers),
            self.communication(workers),
            self.epoch(1) / self.epoch(workers),
        )

    def crossing(self) -> int | None:
        """Return the least number of workers that communicate longer than they compute, or None."""
        numbers = self.net.numbers()
        return next((n for n in numbers if self.communication(n) > self.net.computation(n)), None)

    def best(self) -> Estimate:
        """Return the estimate of the number of workers with the largest speed-up, 1 if none gains."""
        return max(map(self.estimate, self.net.numbers()), key=lambda found: found.speedup)

    def break_even(self, workers: int) -> int | None:
        """Return the batch size of all workers from which on computation takes longer than communication.

        None if no batch is large enough, as nothing that a worker does grows with it.
        """
        missing = self.communication(workers) - self.net.fixed
        if missing <= 0:
            return workers
        growth = self.net.each / workers + self.net.gather  # of computation, by an example of the batch
        if growth == 0:
            return None
        return max(1, math.ceil(missing / growth / workers)) * workers


def net_rows(models: Sequence[Model]) -> list[dict[str, str]]:
    """Return a row for each model: where communication overtakes computation, and the largest gain."""
    found = []
    for model in models:
        net, crossing, best, even = model.net, model.crossing(), model.best(), model.break_even(2)
        found.append(
            {
                "chapter": net.name,
                "parameters": f"{sum(net.arrays):,}",
                "batch": str(net.batch_size),
                "a step alone": format_duration(net.computation(1)),
                "exchange of 2 workers": format_duration(model.communication(2)),
                "communication is longer from": "-" if crossing is None else f"{crossing} workers",
                "break-even batch": "-" if even is None else f"{even:,}",
                "largest speed-up": "none" if best.workers == 1 else f"{best.speedup:.2f} ({best.workers})",
            }
        )
    return found
