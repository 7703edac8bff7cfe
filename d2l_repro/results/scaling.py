"""Read what was measured of several workers on one machine, to which the model of `workers_model` is fitted.

Its constants follow from the fastest round: what else runs on a machine only adds to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ..files import write_atomically
from .schema import to_json
from .speed import Spread, duration_text, ratio, read_record, spread
from .workers_model import FLOAT, Exchange, Net

FILE_NAME = "scaling.json"  # the record that the documents show


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


def training_rows(record: Record) -> list[dict[str, str]]:
    """Return a row for each training that was measured on one machine, net by net.

    Each is compared with the model, with the net alone on the same batches (strong scaling), and with the net
    alone on batches of as many examples as each worker has (weak scaling).
    """
    nets, exchange = record.nets(), record.exchange()
    rows = sorted((row["net"], row["batch_size"], row["workers"], row["seconds"]) for row in record.trainings)
    alone = {(name, size): seconds for name, size, workers, seconds in rows if not workers}
    found = []
    for name, size, workers, seconds in rows:
        net = replace(nets[name], batch_size=size)
        model = net.computation(workers or 1) + (exchange.handling(net.arrays, workers) if workers else 0)
        cells = {
            "net": name,
            "batch": str(size),
            "workers": "alone",
            "a step": duration_text(spread(seconds)),
            "step / model": Spread(*(value / model for value in spread(seconds))).text(),
            "overhead": "-",
            "strong scaling": "-",
            "weak scaling": "-",
        }
        if workers:
            same, part = alone[name, size], alone.get((name, size // workers))
            cells["workers"] = str(workers)
            cells["overhead"] = duration_text(spread([ours - other for ours, other in zip(seconds, same)]))
            cells["strong scaling"] = ratio(same, seconds).text()
            if workers > 1 and part:
                cells["weak scaling"] = ratio(part, seconds).text()
        found.append(cells)
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
