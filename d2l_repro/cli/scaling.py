"""Print what several workers would gain in training a net, by a model fitted to measured times."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Optional

import tyro

from ..errors import DONE, InputError
from ..language import tr
from ..results import scaling
from ..results.formatting import format_duration
from ..results.table_text import aligned
from ..results.workers_model import Model, Net, Network
from ..settings import Bounds, Count, NonNegative, Positive, Settings
from ..suggestions import choice

SHOWN = 32  # workers of the table, if --workers does not name others
LARGEST = 10_000_000  # of a number of examples, of a batch, or of a layer


@dataclass(frozen=True)
class ScalingCommand(Settings):
    """Estimate what several workers of `launch` gain: `scaling mlp`, or `scaling --shapes 784-256-10`.

    The model is fitted to times that were measured on one machine, one thread per process; docs/scaling.md
    has its formulas. Exit codes: 0 done; 2 usage error.
    """

    # chapter whose net it is
    chapter: Annotated[
        Optional[str],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[CHAPTER]"),
    ] = None
    # or sizes of dense layers: inputs, units of each layer, and outputs, such as 784-256-10
    shapes: Annotated[Optional[str], tyro.conf.arg(metavar="SIZES")] = None
    # examples of a batch of all workers together
    batch_size: Annotated[
        Optional[int], tyro.conf.arg(metavar="INT", help_behavior_hint="(default: the chapter's, or 256)")
    ] = None
    examples: Count = 60_000  # examples of the training set, with --shapes
    test_examples: Annotated[int, Bounds(0, LARGEST + 1)] = 10_000  # those of the test set, with --shapes
    # numbers of workers
    workers: Annotated[
        tuple[int, ...],
        tyro.conf.arg(metavar="N [N ...]", help_behavior_hint=f"(default: all possible up to {SHOWN})"),
    ] = ()
    servers: Count = 1  # machines with a server, among which the parameters are divided
    bandwidth: Positive = 1e9  # of each machine's connection, in bits per second
    latency: NonNegative = 50e-6  # seconds that a small message takes, one way

    def __call__(self) -> int:
        record = scaling.committed()
        net = self._net(record)
        if net.batch_size > net.examples:
            raise InputError(
                tr(
                    "--batch-size: {size} is more than the {count} examples of the training set",
                    size=net.batch_size,
                    count=net.examples,
                )
            )
        model = Model(net, record.exchange(), Network(self.bandwidth, self.latency, self.servers))
        table = rows(model, self._numbers(net))
        print(f"{describe(model)}\n{aligned(table)}")
        print(f"\n{conclusion(model)}")
        return DONE

    def _net(self, record: scaling.Record) -> Net:
        if (self.chapter is None) == (self.shapes is None):
            raise InputError(tr("name a chapter, or the sizes of dense layers with --shapes"))
        if self.batch_size is not None and not 1 <= self.batch_size <= LARGEST:
            raise InputError(
                tr(
                    "--batch-size: must be from 1 to {limit}, not {value}",
                    limit=LARGEST,
                    value=self.batch_size,
                )
            )
        if self.shapes is not None:
            sizes = read_sizes(self.shapes)
            return record.dense(sizes, self.batch_size or 256, self.examples, self.test_examples)
        nets = record.nets()
        if self.chapter not in nets:
            raise InputError(
                tr(
                    "no times are known of the net of {name}: {choice}, or use --shapes",
                    name=repr(self.chapter),
                    choice=choice(self.chapter or "", nets),
                )
            )
        net = nets[self.chapter]
        return net if self.batch_size is None else replace(net, batch_size=self.batch_size)

    def _numbers(self, net: Net) -> list[int]:
        possible = net.numbers()
        for number in self.workers:
            if number not in possible:
                raise InputError(
                    tr(
                        "--workers: {number} workers cannot share batches of {size} out of {count} examples; "
                        "the number must divide the batch size, and not exceed the last batch",
                        number=number,
                        size=net.batch_size,
                        count=net.examples,
                    )
                )
        return list(self.workers) or [number for number in possible if number <= SHOWN]


def read_sizes(text: str) -> list[int]:
    """Return the sizes of dense layers, as "784-256-10" names them.

    Raises:
        InputError: it does not.
    """
    words = text.split("-")
    # int() would take seconds for a million digits, and other scripts' digits
    sizes = [int(word) if re.fullmatch("[0-9]{1,9}", word) else 0 for word in words]
    if len(sizes) < 2 or not all(1 <= size <= LARGEST for size in sizes):
        raise InputError(
            tr(
                "--shapes: {value} does not name sizes from 1 to {limit} with hyphens between them; "
                "write, for example, 784-256-10",
                value=repr(text),
                limit=LARGEST,
            )
        )
    return sizes


def rows(model: Model, numbers: list[int]) -> list[dict[str, str]]:
    """Return a row per number of workers."""
    found = []
    for estimate in map(model.estimate, numbers):
        even = model.break_even(estimate.workers) if estimate.workers > 1 else None
        found.append(
            {
                "workers": f"{estimate.workers}",
                "computation": format_duration(estimate.computation),
                "communication": format_duration(estimate.communication),
                "speed-up of an epoch": f"{estimate.speedup:.3g}",
                "break-even batch": "-" if even is None else f"{even:,}",
            }
        )
    return found


def describe(model: Model) -> str:
    """Return the net and the network in words."""
    net, network = model.net, model.network
    return tr(
        "{name}: {parameters} parameters in {arrays} arrays, batches of {size} out of {examples} examples; "
        "{bandwidth} Gbit/s, {latency} µs, servers: {servers}",
        name=net.name,
        parameters=f"{sum(net.arrays):,}",
        arrays=len(net.arrays),
        size=f"{net.batch_size:,}",
        examples=f"{net.examples:,}",
        bandwidth=f"{network.bandwidth / 1e9:g}",
        latency=f"{network.latency * 1e6:g}",
        servers=network.servers,
    )


def conclusion(model: Model) -> str:
    """Return from how many workers on communication takes longer, and how many gain the most."""
    crossing, best = model.crossing(), model.best()
    if crossing is None:
        first = tr("Computation takes longer than communication, however many workers share a batch.")
    else:
        first = tr("Communication takes longer than computation from {count} workers on.", count=crossing)
    if best.workers == 1:
        second = tr("No number of workers is faster than one process.")
    else:
        second = tr(
            "The largest speed-up is {speedup}, with {count} workers.",
            speedup=f"{best.speedup:.2f}",
            count=best.workers,
        )
    return f"{first}\n{second}"
