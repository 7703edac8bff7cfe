"""How does time grow with size, and how much memory do chapters take? Measured, beside theory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..language import listed, mark, sentences, tr
from .bench_words import contestant_text, in_language
from .schema import to_json
from .speed import LIMIT, Spread, duration_text, read_record, spread

FILE_NAME = "costs.json"  # the record that the documents show
NEAR = 0.1  # difference of exponents up to which growth counts as what theory says
ALLOWED = 1.5  # memory that training may take, as a multiple of what it demands
MB = 1e6
SMALL = 10 * MB  # what demands less than this is not judged: libraries' own memory varies by as much
BENDS = {  # sweep -> why a time does not grow as theory says
    "examples": mark(
        "an epoch has costs of its own, such as drawing the order, of which small ones consist."
    ),
    "width": mark("starting the operators of a narrow layer takes Python longer than computing them."),
    "depth": mark(
        "starting an operator takes Python the same time in every layer, however small the layer is."
    ),
    "folds": mark(
        "the nets of all folds share the calls of each step, which take longer than what is computed in "
        "them. Of 1,460 houses in three parts one is smaller, so its net is trained by itself."
    ),
    "seeds": mark(
        "the command itself starts and reads all results at the end, whatever runs between, and two "
        "processes at a time share caches and memory."
    ),
}


@dataclass(frozen=True)
class Growth:
    """The times of some work at several sizes.

    Attributes:
        name: of the sweep.
        title: what is done, in words.
        axis: what grows.
        unit: what takes the seconds, "epoch" or "step".
        finished: date and time.
        quick: whether this was only a trial.
        threads: of each process.
        sizes: in rising order.
        seconds: contestant -> for each size, seconds per unit, one for each round. Among them may be the
            limit, the sum of the operators.
        work: contestant -> for each size, how much theory says there is to do, in any unit; empty where the
            limit says it.
    """

    name: str
    title: str
    axis: str
    unit: str
    finished: str
    quick: bool
    threads: int
    sizes: Sequence[int]
    seconds: Mapping[str, Sequence[Sequence[float]]]
    work: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def contestants(self) -> list[str]:
        """Those whose times are compared with theory."""
        return [name for name in self.seconds if name != LIMIT]

    def medians(self, name: str) -> list[float]:
        """Return the median seconds of a contestant at each size."""
        return [found.median for found in self.spreads(name)]

    def spreads(self, name: str) -> list[Spread]:
        """Return median and quartiles of the seconds of a contestant at each size."""
        return [spread(rounds) for rounds in self.seconds[name]]

    def theory(self, name: str) -> list[float]:
        """Return the seconds of the limit at each size, or the work scaled to a contestant's largest size."""
        if LIMIT in self.seconds:
            return self.medians(LIMIT)
        work = self.work[name]
        return [self.medians(name)[-1] / work[-1] * amount for amount in work]

    def exponents(self, name: str) -> Spread:
        """Return the exponent of a contestant's growth, with the quartiles over the rounds."""
        return spread([exponent(self.sizes, seconds) for seconds in zip(*self.seconds[name])])

    def theory_exponent(self, name: str) -> float:
        """Return the exponent that theory has over the same sizes."""
        return exponent(self.sizes, self.theory(name))

    def is_near(self, name: str) -> bool:
        """Return whether a contestant grows as theory says."""
        return abs(self.exponents(name).median - self.theory_exponent(name)) <= NEAR

    def text(self) -> str:
        """Return how each contestant grows beside theory, and why where that differs."""
        return sentences(self._sentences())

    def _sentences(self) -> Iterator[str]:
        powers = [
            tr(
                "{contestant} {power}, theory {theory}",
                contestant=contestant_text(name),
                power=self.exponents(name).text(),
                theory=f"{self.theory_exponent(name):.2f}",
            )
            for name in self.contestants
        ]
        yield tr(
            "From {first} to {last} {axis}, the time of {unit} grows as a power of their number: {powers}.",
            first=f"{self.sizes[0]:,}",
            last=f"{self.sizes[-1]:,}",
            axis=in_language(self.axis),
            unit=in_language(f"one {self.unit}"),
            powers=tr("; ").join(powers),
        )
        far = [name for name in self.contestants if not self.is_near(name)]
        if not far:
            yield tr("This is close to theory.")
        elif len(far) == len(self.contestants):
            yield tr("This is not close to theory: {why}", why=tr(BENDS[self.name]))
        else:
            yield tr(
                "This is not close to theory for {contestants}: {why}",
                contestants=listed(map(contestant_text, far)),
                why=tr(BENDS[self.name]),
            )


def growth_rows(sweep: Growth) -> list[dict[str, str]]:
    """Return a row per size: the times of each contestant, and of the limit if there is one."""
    return [
        {
            in_language(sweep.axis): f"{size:,}",
            **{contestant_text(name): duration_text(sweep.spreads(name)[i]) for name in sweep.seconds},
        }
        for i, size in enumerate(sweep.sizes)
    ]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of the straight line through log(size) and log(value) by least squares."""
    import numpy as np  # here, because it takes longer than a whole command that fits nothing

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


@dataclass(frozen=True)
class Memory:
    """The memory of a chapter, in bytes.

    Attributes:
        chapter: its name.
        quick: whether it was run with --quick.
        imported: peak of its process when the chapter is imported, and nothing is done yet.
        trained: peak when all runs are trained and their paths compared.
        peak: at the end, with figures drawn and written.
        demand: what it must hold: data, parameters, optimizer state, activations of one batch.
    """

    chapter: str
    quick: bool
    imported: int
    trained: int
    peak: int
    demand: Mapping[str, int]

    @property
    def needed(self) -> int:
        """All that it must hold."""
        return sum(self.demand.values())

    @property
    def training(self) -> int:
        """What training takes beyond the import."""
        return self.trained - self.imported

    @property
    def drawing(self) -> int:
        """What figures take beyond all that."""
        return self.peak - self.trained


def base(memory: Sequence[Memory]) -> int:
    """Return what training takes beyond the import if it has next to no data: threads, graphs, caches."""
    return min((row.training for row in memory if 0 < row.needed < MB), default=0)


def memory_rows(memory: Sequence[Memory]) -> list[dict[str, str]]:
    """Return a row per chapter, in MB; the ratio only of those whose demand is more than the noise."""
    fixed = base(memory)
    return [
        {
            "chapter": row.chapter,
            "settings": "--quick" if row.quick else tr("the book's"),
            "import": f"{row.imported / MB:,.0f}",
            "training": f"{row.training / MB:,.0f}",
            "figures": f"{row.drawing / MB:,.0f}",
            **{part: f"{size / MB:,.1f}" for part, size in row.demand.items()},
            "ratio": f"{(row.training - fixed) / row.needed:.2f}" if row.needed > SMALL else "-",
        }
        for row in memory
    ]


@dataclass(frozen=True)
class Record:
    """The last measurement of each sweep and of each chapter's memory on a machine.

    Attributes:
        machine: as that of `speed.Record`.
        growth: name -> sweep.
        memory: of chapters, those run with --quick first.
    """

    machine: Mapping[str, Any]
    growth: Mapping[str, Growth]
    memory: Sequence[Memory]

    def save(self, path: str | Path) -> None:
        """Write the record as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        growth, memory = map(vars, self.growth.values()), map(vars, self.memory)
        content = {"machine": dict(self.machine), "growth": list(growth), "memory": list(memory)}
        write_atomically(path, to_json(content))

    def updated(self, machine: Mapping[str, Any], found: Growth | Sequence[Memory]) -> Record:
        """Return the record with another sweep, or with the memory of some chapters, in place of the old."""
        if isinstance(found, Growth):
            return Record(machine, {**self.growth, found.name: found}, self.memory)
        known = {(row.quick, row.chapter): row for row in (*self.memory, *found)}
        return Record(machine, self.growth, sorted(known.values(), key=lambda row: not row.quick))


def load(path: Any) -> Record:
    """Read a record, as `speed.read_record` does."""
    return read_record(path, "costs", _record_of)


def _record_of(content: Any) -> Record:
    growth = [Growth(**sweep) for sweep in content["growth"]]
    for sweep in growth:
        sweep.text()
    memory = [Memory(**row) for row in content["memory"]]
    return Record(dict(content["machine"]), {sweep.name: sweep for sweep in growth}, memory)


def committed() -> Record:
    """Return the record that the documents show."""
    return load(resources.files(__package__) / FILE_NAME)
