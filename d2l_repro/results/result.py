"""Results of a chapter: numbers, tables and figures that print, show inline in Jupyter and can be saved.

This module imports neither MXNet nor matplotlib, so that a report can be built from results alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_atomically
from ..language import tr
from .environment import environment
from .formatting import (
    PLATFORMS,
    format_number,
    in_words,
    note_sections,
    parity_row,
    published_row,
)
from .printed import printed_numbers
from .published import compare, is_outside, stream_name
from .run import RunResult, Status, message_text, run_label
from .schema import (
    Note,
    Parity,
    PublishedRow,
    finite,
    printable,
    read_json,
    schema_error,
    shorten,
    to_json,
)
from .table_text import as_frame, frame_text, title_text

FILE_NAME = "result.json"
MAX_ROWS, MAX_METRICS = 20, 6  # of the table of metrics


@dataclass(repr=False)
class Result:
    """The results of a chapter; all but the runs' models and the drawn `figures` go into result.json."""

    chapter: str
    seed: int
    settings: dict[str, Any]
    dataset: str = "none"
    stand_in_for: str | None = None
    runs: list[RunResult] = field(default_factory=list)
    parity: Parity | None = None
    published: list[PublishedRow] = field(default_factory=list)  # as `published.compare` returns them
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # title -> rows
    notes: dict[str, Note] = field(default_factory=dict)  # title -> what `notebook.run_note` returns
    interrupted: bool = False
    impl: str = "both"  # implementations requested
    only: list[str] = field(default_factory=list)  # variants requested; empty for all
    quick: bool = False  # data and epochs cut to a few seconds with --quick
    stream: str | None = None  # platform whose random stream data and weights were drawn from
    changed: dict[str, Any] = field(default_factory=dict)  # setting -> the chapter's own value
    finished: str = ""  # date and time, UTC
    seconds: float = 0.0  # from the first data file to the last figure
    environment: dict[str, Any] = field(default_factory=environment)
    # name -> matplotlib Figure, None in a loaded result
    figures: dict[str, Any] = field(default_factory=dict)

    def select(
        self, impl: str | None = None, variant: str | None = None, seed: int | None = None
    ) -> list[RunResult]:
        """Return the matching runs in the order of training; None matches everything."""
        return [
            run
            for run in self.runs
            if impl in (None, run.impl) and variant in (None, run.variant) and seed in (None, run.seed)
        ]

    def find(self, impl: str, variant: str = "", seed: int | None = None) -> RunResult | None:
        """Return the first matching run, or None if there is none."""
        return next(iter(self.select(impl, variant, seed)), None)

    def label(self, run: RunResult) -> str:
        """Return the name of a run in tables and figures of this result."""
        return run_label(run.impl, run.variant, None if run.seed == self.seed else run.seed)

    def printed(self) -> dict[str, dict[str, list[float]]]:
        """Return label -> metric -> published values, to mark in figures; none for other settings or data.

        Data from another random stream are other data, too.
        """
        other = self.quick or self.changed or self.stand_in_for
        return {} if other else printed_numbers(self.chapter, stream_name(self.seed, self.stream))

    def labelled(self) -> dict[str, RunResult]:
        """Return all runs by their labels."""
        return {self.label(run): run for run in self.runs}

    def add(self, impl: str, variant: str = "", metrics: Mapping[str, float] | None = None) -> None:
        """Append numbers that come from no training: facts about the data, differences between runs."""
        self.runs.append(RunResult(impl, variant, self.seed, metrics=dict(metrics or {})))

    @property
    def models(self) -> dict[str, Any]:
        """Trained models by the labels of their runs; empty in a loaded result."""
        return {label: run.model for label, run in self.labelled().items() if run.model is not None}

    @property
    def errors(self) -> dict[str, str]:
        """Messages of runs that failed or were interrupted, by label, and of failed notes, by title."""
        ended = (Status.FAILED, Status.INTERRUPTED)
        failed = {label: run.message for label, run in self.labelled().items() if run.status in ended}
        return {**failed, **{title: note["error"] for title, note in self.notes.items() if note.get("error")}}

    @property
    def diverged(self) -> dict[str, str]:
        """Messages of runs that diverged, as their chapter set out to show, by label."""
        return {label: run.message for label, run in self.labelled().items() if run.status is Status.DIVERGED}

    @property
    def outside(self) -> list[PublishedRow]:
        """Rows of `published` in which this run does not agree with our seeds."""
        return [row for row in self.published if is_outside(row)]

    def as_json(self) -> dict[str, Any]:
        """Return the content of result.json: dicts, lists, strings and finite numbers, null for any other."""
        content = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        content["figures"] = [f"{name}.svg" for name in self.figures]
        content["runs"] = {label: run.as_json() for label, run in self.labelled().items()}
        return finite(content)

    @classmethod
    def load(cls, path: str | Path) -> Result:
        """Read a result.json of any version.

        The figures of the returned result are None; their files lie beside result.json.

        Raises:
            InputError: the file cannot be read, or does not conform to result.schema.json.
        """
        try:
            return cls.from_json(read_json(path))
        except ValueError as error:
            raise InputError(
                tr(
                    "{path}: not a readable result ({error}); remove it, or run the chapter again",
                    path=printable(str(path)),
                    error=shorten(str(error)),
                )
            ) from error

    @classmethod
    def from_json(cls, content: Any) -> Result:
        """Return the result that `as_json` was called on.

        Raises:
            ValueError: the content does not conform to result.schema.json.
        """
        problem = schema_error(content)
        if problem:
            raise ValueError(problem)
        known = {f.name: content[f.name] for f in dataclasses.fields(cls) if f.name in content}
        known["runs"] = [
            RunResult.from_json(label, run, content["seed"]) for label, run in content["runs"].items()
        ]
        known["figures"] = {Path(name).stem: None for name in content["figures"]}
        result = cls(**known)
        if result.published:  # and judged by the bands of the version that wrote the file
            result.compare()
        return result

    def compare(self) -> None:
        """Compare the runs' metrics with the published values."""
        metrics = {label: run.metrics for label, run in self.labelled().items()}
        self.published = compare(self.chapter, metrics, stream_name(self.seed, self.stream), self.dataset)

    def save(self, folder: str | Path) -> None:
        """Write result.json and then every figure as SVG and PNG into `folder`, which must exist.

        A quick run leaves out PNG, which takes as long to draw as the rest.

        Figures of an earlier result go before: if writing ends there, none of them is taken for one of this.

        Raises:
            InputError: a file cannot be written; those before it are there.
        """
        from . import plot

        drawn = {name: figure for name, figure in self.figures.items() if figure is not None}
        write_atomically(Path(folder) / FILE_NAME, to_json(self.as_json()))
        for path in (Path(folder, f"{name}{suffix}") for name in drawn for suffix in (".svg", ".png")):
            if path.is_file() and not path.is_symlink():
                path.unlink()
        plot.save(drawn, folder, ("svg",) if self.quick else ("svg", "png"))

    def all_tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return title -> rows of every table that is not empty.

        Failures come first, then the metrics, the chapter's own tables, parity and, last, published and
        reproduced values.
        """
        tables = {
            "Failed": [{"run": label, "error": message_text(error)} for label, error in self.errors.items()],
            "Diverged, as this chapter shows": [
                {"run": label, "how": message_text(how)} for label, how in self.diverged.items()
            ],
            "Metrics": self._metrics_rows(),
            **self.tables,
            "Do scratch and Gluon follow the same path?": [
                parity_row(pair) for pair in (self.parity["pairs"] if self.parity else [])
            ],
            "Published and reproduced": [published_row(row) for row in self.published],
        }
        return {title: rows for title, rows in tables.items() if rows}

    def _metrics_rows(self) -> list[dict[str, str]]:
        """Return a row for each trained run, with the first of the metrics that all of them have.

        There is none if a table of the chapter's own has these runs, or if there are many of them.
        """
        trained = {
            label: run.metrics for label, run in self.labelled().items() if run.history and run.metrics
        }
        known = {row.get("run") for rows in self.tables.values() for row in rows}
        if known >= trained.keys() or len(trained) > MAX_ROWS:
            return []
        shared = [
            name
            for name in next(iter(trained.values()), {})
            if all(name in metrics for metrics in trained.values())
        ]
        return [
            {"run": label, **{in_words(name): format_number(metrics[name]) for name in shared[:MAX_METRICS]}}
            for label, metrics in trained.items()
            if shared
        ]

    def __str__(self) -> str:
        parts = [f"{title}\n{'-' * len(title)}\n{_note_text(note)}" for title, note in self.notes.items()]
        parts += [
            f"{title_text(title)}\n{frame_text(as_frame(rows))}" for title, rows in self.all_tables().items()
        ]
        return "\n\n".join(filter(None, [*parts, self.remark(), self.stream_remark()]))

    __repr__ = __str__

    def remark(self) -> str:
        """Return why no values are compared, or how many statements of notes hold; empty if values are."""
        if self.published:
            return ""
        if self.interrupted:
            why = tr("the run was interrupted")
        elif self.stand_in_for:
            why = tr("{dataset} stood in for {original}", dataset=self.dataset, original=self.stand_in_for)
        elif self.notes:
            return tr("{count} statements give what their notes say.", count=self.statements())
        else:
            why = tr("data or settings are not the chapter's own, or nothing is published for these runs")
        return tr("Published values are not compared: {why}.", why=why)

    def stream_remark(self) -> str:
        """Return how numbers are judged that were printed on another platform; empty if there are none."""
        own = stream_name(self.seed, self.stream)
        others = {row["stream"] for row in self.published if row.get("stream") not in (None, "", own)}
        if not others:
            return ""
        return tr(
            "Numbers that were printed on {names} come from other random data. They are judged by our runs "
            "on those data, which --stream {streams} shows.",
            names=tr(" or ").join(PLATFORMS[name] for name in sorted(others)),
            streams=tr(" or ").join(sorted(others)),
        )

    def statements(self) -> str:
        """Return how many of the notes' statements hold, as "41 of 42"."""
        holds = [
            statement["holds"]
            for note in self.notes.values()
            for statement in note["statements"]
            if statement["code"]
        ]
        return tr("{part} of {whole}", part=sum(holds), whole=len(holds))

    def _repr_html_(self) -> str:
        return "\n".join(self._html_parts())

    def _html_parts(self) -> Iterator[str]:
        name = self.chapter
        title = tr("{chapter} on {dataset}", chapter=name, dataset=self.dataset) if self.runs else name
        yield f"<h3>{escape(title)}</h3>"
        for title, note in self.notes.items():
            yield f"<h4>{escape(title)}</h4>"
            for prose, session in note_sections(note):
                yield f"<p>{escape(prose)}</p><pre>{escape(session)}</pre>"
        for title, rows in self.all_tables().items():
            yield f"<h4>{escape(title_text(title))}</h4>{as_frame(rows).to_html(index=False, border=0)}"
        yield f"<p>{escape(self.remark() or self.stream_remark())}</p>"
        yield from (_inline_svg(figure) for figure in self.figures.values() if figure is not None)


def check_replaceable(folder: str | Path, quick: bool, stand_in_for: str | None = None) -> None:
    """Check that a run would not replace a more valuable result by a quick one, or by one of stand-in data.

    Args:
        folder: folder for the new result.
        quick: whether it will be of a quick run.
        stand_in_for: name of the published data if others stand in for them.

    Raises:
        InputError: the folder holds the result of a full run, which such a result would replace.
    """
    try:
        earlier = Result.load(Path(folder) / FILE_NAME)
    except InputError:
        return
    if earlier.quick:
        return
    if quick:
        raise InputError(
            tr(
                "--out: {folder} has the results of a full run, which --quick would replace; name another "
                "folder",
                folder=folder,
            )
        )
    if stand_in_for and not earlier.stand_in_for:
        raise InputError(
            tr(
                "--out: {folder} has results on {dataset}, which a run on stand-in data would replace; "
                "provide the files of {original}, or name another folder",
                folder=folder,
                dataset=earlier.dataset,
                original=stand_in_for,
            )
        )


def _note_text(note: Note) -> str:
    return "\n\n".join(part for section in note_sections(note) for part in section if part)


def _inline_svg(figure: Any) -> str:
    from . import plot

    svg = plot.render(figure, "svg").decode()
    return svg[svg.index("<svg") :]  # without the XML declaration, which HTML does not have
