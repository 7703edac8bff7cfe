"""What running a chapter gives: numbers, tables and figures, which print, show themselves in Jupyter, and are
saved.

Neither MXNet nor matplotlib is imported here, so that a report can be made from results alone.
"""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from .. import compat
from ..errors import InputError
from ..files import write_atomically
from .run import RunResult, Status, run_label
from .schema import MAYBE, NUMBER, misfit

FILE_NAME = "result.json"
SHAPE = {
    "chapter": str,
    "seed": int,
    "settings": dict,
    "dataset": str,
    "stand_in_for": (str, type(None)),
    "runs": {
        str: {
            "history": {str: [MAYBE]},
            "metrics": {str: MAYBE},
            "error": (str, type(None)),
            "diverged": (str, type(None)),
            "impl": (str, type(None)),
            "variant": (str, type(None)),
            "seed": (int, type(None)),
            "status": (str, type(None)),
        }
    },
    "parity": (
        type(None),
        {
            "steps": int,
            "max_abs_diff": MAYBE,
            "pairs": [
                {
                    "ours": str,
                    "theirs": str,
                    "steps": int,
                    "max_abs_diff": MAYBE,
                    "tolerance": NUMBER,
                    "left_at": (type(None), {"step": int}),
                }
            ],
        },
    ),
    "published": [
        {
            "run": str,
            "metric": str,
            "value": NUMBER,
            "low": NUMBER,
            "high": NUMBER,
            "ours": MAYBE,
            "within": bool,
            "source": str,
            "note": str,
        }
    ],
    "tables": {str: [dict]},
    "notes": {
        str: {
            "statements": [{"text": str, "code": str, "output": str, "holds": bool}],
            "error": (str, type(None)),
        }
    },
    "interrupted": bool,
    "impl": str,
    "only": [str],
    "quick": bool,
    "changed": dict,
    "finished": str,
    "seconds": NUMBER,
    "environment": dict,
    "figures": [str],
}


def environment():
    """The versions and the machine a result was made with."""
    return {
        "python": platform.python_version(),
        "mxnet": version("mxnet"),
        "numpy": version("numpy"),
        "platform": platform.platform(),
        "threads": compat.threads(),
    }


@dataclass(repr=False)
class Result:
    """A chapter's results; all but the runs' models and the drawn `figures` go into result.json."""

    chapter: str
    seed: int
    settings: dict[str, Any]
    dataset: str = "none"
    stand_in_for: str | None = None
    runs: list[RunResult] = field(default_factory=list)
    parity: dict | None = None
    published: list[dict] = field(default_factory=list)  # rows of published.compare
    tables: dict[str, list[dict]] = field(default_factory=dict)  # title -> rows
    notes: dict[str, dict] = field(default_factory=dict)  # title -> what `notebook.run` returns
    interrupted: bool = False
    impl: str = "both"  # implementations that were asked for
    only: list[str] = field(default_factory=list)  # variants that were asked for; all where empty
    quick: bool = False  # trained for a few seconds only, with --quick
    changed: dict[str, Any] = field(default_factory=dict)  # setting -> the chapter's own value
    finished: str = ""  # date and time, UTC
    seconds: float = 0.0  # from the first data file to the last figure
    environment: dict[str, Any] = field(default_factory=environment)
    figures: dict[str, Any] = field(default_factory=dict)  # name -> matplotlib Figure

    def select(
        self, impl: str | None = None, variant: str | None = None, seed: int | None = None
    ) -> list[RunResult]:
        """Return the runs that match, in the order of training; None matches everything."""
        return [
            run
            for run in self.runs
            if impl in (None, run.impl) and variant in (None, run.variant) and seed in (None, run.seed)
        ]

    def find(self, impl: str, variant: str = "", seed: int | None = None) -> RunResult | None:
        """Return the run of that name, or None; of several seeds the first."""
        return next(iter(self.select(impl, variant, seed)), None)

    def label(self, run: RunResult) -> str:
        """Return what tables and figures of this result call a run."""
        return run_label(run.impl, run.variant, None if run.seed == self.seed else run.seed)

    def labelled(self) -> dict[str, RunResult]:
        """Return label -> run of every run."""
        return {self.label(run): run for run in self.runs}

    def add(self, impl: str, variant: str = "", metrics: dict[str, float] | None = None) -> None:
        """Append numbers that come from no training: facts about the data, differences between runs."""
        self.runs.append(RunResult(impl, variant, self.seed, metrics=metrics or {}))

    @property
    def models(self) -> dict[str, Any]:
        """Label -> trained model, of the runs of this process that have one."""
        return {label: run.model for label, run in self.labelled().items() if run.model is not None}

    @property
    def errors(self) -> dict[str, str]:
        """Label -> message of each run that failed, and title -> message of each note that did."""
        ended = (Status.FAILED, Status.INTERRUPTED)
        failed = {label: run.message for label, run in self.labelled().items() if run.status in ended}
        return {**failed, **{title: note["error"] for title, note in self.notes.items() if note.get("error")}}

    @property
    def diverged(self) -> dict[str, str]:
        """Label -> message of each run that diverged, as its chapter set out to show."""
        return {label: run.message for label, run in self.labelled().items() if run.status is Status.DIVERGED}

    @property
    def outside(self) -> list[dict]:
        """The rows of `published` in which our value is not in the band."""
        return [row for row in self.published if not row["within"]]

    def as_json(self) -> dict[str, Any]:
        """Return result.json as dicts, lists, strings and finite numbers; null stands for any other
        number."""
        content = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        content["figures"] = [f"{name}.svg" for name in self.figures]
        content["runs"] = {label: run.as_json() for label, run in self.labelled().items()}
        return _finite(content)

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """Read a result.json; `figures` then has None for each figure, whose file lies beside it.

        Raises:
            InputError: the file cannot be read, or is not one that `save` wrote.
        """
        try:
            return cls._from_json(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise InputError(
                f"{path}: not a readable result ({error}); remove it, or run the chapter again"
            ) from error

    @classmethod
    def _from_json(cls, content: Any) -> Result:
        if isinstance(content, dict):
            content = {"notes": {}, "only": [], **content}  # which earlier versions did not write
        fault = misfit(content, SHAPE)
        if fault:
            raise ValueError(fault)
        content["runs"] = [
            RunResult.from_json(label, run, content["seed"]) for label, run in content["runs"].items()
        ]
        content["figures"] = {Path(name).stem: None for name in content["figures"]}
        return cls(**content)

    def save(self, folder: str | Path) -> None:
        """Write every figure as SVG and PNG and, last, result.json into `folder`, which must exist."""
        from . import plot

        plot.save({name: figure for name, figure in self.figures.items() if figure is not None}, folder)
        write_atomically(Path(folder) / FILE_NAME, dumped(self.as_json()))

    def all_tables(self):
        """Title -> rows: what failed, the chapter's own tables, parity and, last, published and reproduced
        values."""
        failed = [{"run": label, "error": error} for label, error in self.errors.items()]
        diverged = [{"run": label, "how": how} for label, how in self.diverged.items()]
        tables = {"Failed": failed, "Diverged, as this chapter shows": diverged, **self.tables}
        if self.parity:
            tables["Do scratch and Gluon follow the same path?"] = [
                parity_row(pair) for pair in self.parity["pairs"]
            ]
        if self.published:
            tables["Published and reproduced"] = [published_row(row) for row in self.published]
        return {title: rows for title, rows in tables.items() if rows}

    def __str__(self):
        parts = [
            f"{title}\n{'-' * len(title)}\n" + "\n\n".join(filter(None, chain.from_iterable(cells(note))))
            for title, note in self.notes.items()
        ]
        parts += [
            f"{title}\n{frame(rows).to_string(index=False)}" for title, rows in self.all_tables().items()
        ]
        return "\n\n".join(filter(None, [*parts, self.remark()]))

    __repr__ = __str__

    def remark(self):
        """What there is to say where no values are compared: why, or what is asserted in place of them."""
        if self.published:
            return ""
        if self.interrupted:
            why = "the run was interrupted"
        elif self.stand_in_for:
            why = f"{self.dataset} stood in for {self.stand_in_for}"
        elif self.notes:
            return f"{self.statements()} statements give what their notes say."
        else:
            why = "data or settings are not the chapter's own, or nothing is published for these runs"
        return f"Published values are not compared: {why}."

    def statements(self):
        """How many of the notes' statements hold, as "41 of 42"."""
        holds = [one["holds"] for note in self.notes.values() for one in note["statements"] if one["code"]]
        return f"{sum(holds)} of {len(holds)}"

    def _repr_html_(self):
        from . import plot

        where = f" on {self.dataset}" if self.runs else ""
        parts = [f"<h3>{escape(self.chapter + where)}</h3>"]
        for title, note in self.notes.items():
            parts += [
                f"<h4>{escape(title)}</h4>",
                *(f"<p>{escape(prose)}</p><pre>{escape(session)}</pre>" for prose, session in cells(note)),
            ]
        parts += [
            f"<h4>{escape(title)}</h4>{frame(rows).to_html(index=False, border=0)}"
            for title, rows in self.all_tables().items()
        ]
        parts.append(f"<p>{escape(self.remark())}</p>")
        for figure in self.figures.values():
            if figure is not None:
                svg = plot.rendered(figure, "svg").decode()
                parts.append(
                    svg[svg.index("<svg") :]
                )  # without the XML declaration, which HTML does not have
        return "\n".join(parts)


def cells(note):
    """A note as (prose, what a terminal shows of the statements below it)."""
    made = []
    for one in note["statements"]:
        if one["text"] or not made:
            made.append((one["text"], []))
        code = one["code"].replace("\n", "\n... ")
        made[-1][1].extend(filter(None, (f">>> {code}" if code else "", one["output"])))
    return [(prose, "\n".join(lines)) for prose, lines in made]


def shown(number, form=".6g"):
    """A number as text; result.json has null for one that is not finite."""
    return "not finite" if number is None or not math.isfinite(number) else format(number, form)


def duration(seconds):
    """Seconds as a reader says them: 0.4 ms, 12 ms, 1.2 s, 3 min."""
    if seconds < 1:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def parity_row(pair):
    """A pair of `parity` as the tables show it."""
    return {
        "runs": f"{pair['ours']}, {pair['theirs']}",
        "steps": pair["steps"],
        "largest difference": shown(pair["max_abs_diff"], ".1e"),
        "limit": f"{pair['tolerance']:g}",
        "same path": "yes" if pair["left_at"] is None else f"no, from step {pair['left_at']['step']}",
    }


def published_row(row):
    """A row of `published.compare` as the tables show it."""
    return {
        "run": row["run"],
        "metric": row["metric"],
        "published": f"{row['value']:g}",
        "ours": shown(row["ours"]),
        "band": f"{row['low']:g} to {row['high']:g}",
        "within": "yes" if row["within"] else "NO",
    }


def frame(rows):
    import pandas as pd

    return pd.DataFrame(rows)


def dumped(content):
    """`content` as the text of a JSON file, with null for numbers that are not finite."""
    return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any):
    """`value` with null for nan and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
