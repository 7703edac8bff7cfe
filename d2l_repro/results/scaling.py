"""What would several workers gain? A model of one training that they share, fitted to what was measured.

A step of n workers takes the computation of one worker's part of the batch and the exchange of gradients:

    computation(n) = fixed + each * B / n + gather * B
    exchange(n)    = wait + h * (message * arrays + byte * bytes) + 2 * bytes * h / bandwidth + 2 * latency

with h = max(1, n * share) and the share of all parameters that the busiest server has; a process alone
exchanges nothing. Every worker gathers whole batches and evaluates the whole test set, which therefore
become no faster. Constants follow from the fastest round: what else runs on a machine only adds to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from ..files import write_atomically
from .formatting import format_duration
from .schema import to_json
from .speed import Spread, duration_text, ratio, read_record, spread

FILE_NAME = "scaling.json"  # the record that the documents show
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


# What was measured


@dataclass(frozen=True)
class Costs:
    """The times of a chapter's net in one process with one thread.

    Attributes:
        chapter: its name.
        arrays, batch_size, examples: as of `Net`.
        sizes: inputs and units of dense layers; empty for another net.
        tests: examples of the test set.
        parts: numbers of examples that steps were taken with.
        seconds: for each of them, of a step, one for each round.
        gather: seconds of an example, one for each round.
        evaluation: seconds of the test set, one for each round.
    """

    chapter: str
    arrays: Sequence[int]
    batch_size: int
    examples: int
    sizes: Sequence[int]
    tests: int
    parts: Sequence[int]
    seconds: Sequence[Sequence[float]]
    gather: Sequence[float]
    evaluation: Sequence[float]

    def net(self) -> Net:
        """Return the costs of the net, those of a step by least squares of relative errors."""
        fastest = [min(rounds) for rounds in self.seconds]
        fixed, each = _fit([[1, part] for part in self.parts], fastest)
        gather, evaluation = min(self.gather), min(self.evaluation)
        return Net(self.chapter, self.arrays, self.batch_size, self.examples, fixed, each, gather, evaluation)


@dataclass(frozen=True)
class Record:
    """What was measured on a machine, all of it with one thread per process.

    Attributes:
        machine: as that of `speed.Record`.
        finished: date and time.
        costs: of chapters' nets.
        exchanges: rows of workers, arrays (sizes), and seconds (of an exchange, one for each round).
        trainings: rows of net, workers (0 for a process alone), batch_size, and seconds (of a step, one for
            each round).
        launches: number of workers -> seconds from the start of the command to its end beyond the work of
            the slowest process, one for each round; "0" for a process alone.
    """

    machine: Mapping[str, Any]
    finished: str
    costs: Sequence[Costs]
    exchanges: Sequence[Mapping[str, Any]]
    trainings: Sequence[Mapping[str, Any]]
    launches: Mapping[str, Sequence[float]]

    def exchange(self) -> Exchange:
        """Return the exchange that fits best what was measured on one machine, without a network."""
        rows = [
            [1, row["workers"] * len(row["arrays"]), row["workers"] * FLOAT * sum(row["arrays"])]
            for row in self.exchanges
        ]
        return Exchange(*_fit(rows, [min(row["seconds"]) for row in self.exchanges]))

    def nets(self) -> dict[str, Net]:
        """Return chapter -> its net."""
        return {costs.chapter: costs.net() for costs in self.costs}

    def dense(self, sizes: Sequence[int], batch_size: int, examples: int, tests: int) -> Net:
        """Return a net of dense layers with ReLU, by the costs of the chapters' dense nets.

        Args:
            sizes: numbers of inputs, of each layer's units, and of outputs.
            batch_size: as of `Net`.
            examples: as of `Net`.
            tests: examples of the test set.
        """
        measured = [costs for costs in self.costs if costs.sizes]
        steps = [
            (_of_step(costs.sizes) + _of_part(costs.sizes, part), min(seconds))
            for costs in measured
            for part, seconds in zip(costs.parts, costs.seconds)
        ]
        step = _fit(*zip(*steps))
        gather = _fit([[1, costs.sizes[0]] for costs in measured], [min(costs.gather) for costs in measured])
        tested = [costs for costs in measured if costs.tests]
        test = _fit(
            [_of_tests(costs.sizes, costs.tests) for costs in tested],
            [min(costs.evaluation) for costs in tested],
        )
        arrays = [n for a, b in zip(sizes, sizes[1:]) for n in (a * b, b)]
        evaluation = _dot(test, _of_tests(sizes, tests)) if tests else 0.0
        fixed = _dot(step, _of_step(sizes))
        each = _dot(step[len(_of_step(sizes)) :], _of_part(sizes, 1))
        name = "-".join(map(str, sizes))
        return Net(name, arrays, batch_size, examples, fixed, each, _dot(gather, [1, sizes[0]]), evaluation)

    def save(self, path: str | Path) -> None:
        """Write the record as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        write_atomically(path, to_json({**vars(self), "costs": [vars(costs) for costs in self.costs]}))


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
                "equal with 2 workers at a batch of": "-" if even is None else f"{even:,}",
                "largest speed-up": "none" if best.workers == 1 else f"{best.speedup:.2f} ({best.workers})",
            }
        )
    return found


def training_rows(record: Record) -> list[dict[str, str]]:
    """Return a row for each training that was measured on one machine, beside what the model says.

    The last column compares with the net alone and batches of the smaller size.
    """
    nets, exchange = record.nets(), record.exchange()
    alone = {row["net"]: row for row in reversed(record.trainings) if row["workers"] == 0}
    found = []
    for row in record.trainings:
        first, workers = alone[row["net"]], row["workers"]
        net = replace(nets[row["net"]], batch_size=row["batch_size"])
        model = net.computation(workers or 1) + (exchange.handling(net.arrays, workers) if workers else 0)
        gain = ratio(first["seconds"], row["seconds"])
        larger = row["batch_size"] / first["batch_size"]
        found.append(
            {
                "net": row["net"],
                "batch": str(row["batch_size"]),
                "workers": str(workers) if workers else "alone",
                "a step": duration_text(spread(row["seconds"])),
                "model": format_duration(model),
                "images per second, / alone": Spread(*(larger * value for value in gain)).text(),
            }
        )
    return found


def forward(sizes: Sequence[int]) -> int:
    """Return the multiplications and additions of dense layers for one example."""
    return 2 * sum(a * b for a, b in zip(sizes, sizes[1:]))


def flops(sizes: Sequence[int]) -> int:
    """Return those of a step for one example: forward, of the weights' gradients, and of the layers' inputs.

    The net's own inputs have no gradient.
    """
    return 3 * forward(sizes) - 2 * sizes[0] * sizes[1]


def _of_step(sizes: Sequence[int]) -> list[float]:
    """Return what a step costs however few examples there are: itself, layers, and weights to update."""
    return [1, len(sizes) - 1, forward(sizes) / 2]


def _of_part(sizes: Sequence[int], part: int) -> list[float]:
    """Return what the examples of a step cost: themselves, and their products."""
    return [part, part * flops(sizes)]


def _of_tests(sizes: Sequence[int], tests: int) -> list[float]:
    return [1, tests, tests * forward(sizes)]


def _fit(rows: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Return factors of at least 0 that bring rows near to values, by least squares of relative errors."""
    import numpy as np  # here, because the two take longer than a whole command that fits nothing
    from scipy.optimize import nnls

    scaled = np.asarray(rows, dtype=float) / np.asarray(values)[:, None]
    largest = np.abs(scaled).max(axis=0)  # or bytes would be beside ones
    factors, _ = nnls(scaled / largest, np.ones(len(values)))
    return [float(factor) for factor in factors / largest]


def _dot(factors: Sequence[float], row: Sequence[float]) -> float:
    return sum(factor * number for factor, number in zip(factors, row))


def load(path: Any) -> Record:
    """Read a record, as `speed.read_record` does."""
    return read_record(path, "scaling", _record_of)


def _record_of(content: Any) -> Record:
    record = Record(**{**content, "costs": [Costs(**row) for row in content["costs"]]})
    training_rows(record)
    return record


def committed() -> Record:
    """Return the record that the documents show."""
    return load(resources.files(__package__) / FILE_NAME)
