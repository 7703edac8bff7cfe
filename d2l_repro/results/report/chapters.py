"""What the page shows of a chapter, whichever it is: its title and source come from its module."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ...language import listed, tr
from ..catalogue import Entry, entries
from ..claims import HOLDS
from ..formatting import (
    PLATFORMS,
    band_text,
    environment_text,
    format_duration,
    format_number,
    in_words,
    metric_name,
    note_sections,
    parity_row,
    published_text,
    section_text,
    verdict_text,
)
from ..history import is_shown
from ..result import Result
from ..run import message_text
from ..summary import Spread, Summary, SummaryRow, data_text
from ..table_text import title_text
from ..verdicts import common_shift
from .figures import Figure, read_figure
from .outcome import FEW_VARIANTS, Outcome
from .section import (
    FAILED,
    NOT_COMPARED,
    STAND_IN,
    Alarm,
    Section,
    badge,
    stand_in,
    stand_in_alarms,
    with_links,
    worst_verdict,
)
from .tables import MAX_COLUMNS, Table
from .words import inline_markup, words

PICTURE = "training_curves"  # the figure that stands for a chapter; its first, if it has none of that name
SCRATCH, GLUON = "_scratch", "_gluon"  # ends of the names of two figures that belong side by side
MOST_EPOCHS, FEWEST_EPOCHS = 20, 4  # of a run that the page shows
# About as many of a chapter's, so that a hundred runs do not outweigh all other chapters.
CHAPTER_EPOCHS = 300
SURE = 0.01  # probability by chance below which a common shift is mentioned


def of_chapter(summary: Summary) -> Section:
    """Return a chapter's section."""
    chapter, first = Outcome(summary), summary.first
    entry = entries().get(summary.chapter, Entry(summary.chapter, summary.chapter))
    return Section(
        name=summary.chapter,
        title=inline_markup(tr(entry.title)),
        source=with_links(tr(entry.source)),
        verdict=_verdict(chapter),
        alarms=_alarms(summary),
        result=chapter.sentences(),
        headline=chapter.headline,
        figures=_figures(summary),
        beside=_beside(chapter),
        about=[inline_markup(tr(paragraph)) for paragraph in entry.about],
        remarks=_remarks(chapter),
        notes={title: note_sections(note) for title, note in first.notes.items()},
        tables=_tables(chapter),
        histories=_histories(first),
        facts=_facts(summary),
        finished=first.finished,
        number="" if entry.section == "article" else section_text(entry.section),
        stand_in=stand_in(summary.chapter, first.dataset, first.stand_in_for),
    )


def _verdict(chapter: Outcome) -> str:
    summary = chapter.summary
    if summary.errors or summary.interrupted:
        return FAILED
    if summary.first.stand_in_for:
        return STAND_IN
    if chapter.compared:
        return worst_verdict(chapter.compared)
    return HOLDS if summary.first.notes else NOT_COMPARED


def _alarms(summary: Summary) -> list[Alarm]:
    alarms = stand_in_alarms(summary.first.dataset, summary.first.stand_in_for)
    if summary.interrupted:
        seeds = listed(summary.interrupted)
        alarms.append(Alarm(words.plain("interrupted"), words.plain("interrupted_seeds", seeds=seeds)))
    return [
        *alarms,
        *(
            Alarm(words.plain("failed", label=label), message_text(error))
            for label, error in summary.errors.items()
        ),
    ]


def _beside(chapter: Outcome) -> Table | None:
    """Return scratch beside Gluon: all metrics of a few models, of many the one that tells most."""
    pairs, metric, metrics = chapter.pairs, chapter.metric, chapter.metrics
    if not metric:
        return None
    compared: dict[tuple[str, str], list[SummaryRow]] = {}
    for row in chapter.compared:
        compared.setdefault((row["run"], row["metric"]), []).append(row)
    several = len(pairs) > 1
    shown_metrics = list(metrics.get(pairs[0][1], {})) if len(pairs) <= FEW_VARIANTS else [metric]
    rows = []
    for variant, *labels in pairs:
        for name in shown_metrics:
            found = [row for label in labels for row in compared.get((label, name), [])]
            cells = [_mean_and_std(metrics.get(label, {}).get(name)) for label in labels]
            rows.append([variant, metric_name(name), *cells, *_judged(found)])
    head = ["variant", "metric", "scratch", "gluon", "published", "our_seeds", "verdict"]
    keep = [
        name
        for i, name in enumerate(head)
        if (name != "variant" or several)
        and (name != "metric" or len(shown_metrics) > 1)
        and (i < 4 or any(row[i] for row in rows))
    ]
    columns = [head.index(name) for name in keep]
    caption = (
        words.plain("beside")
        if len(shown_metrics) > 1
        else words.plain("beside_metric", metric=metric_name(metric))
    )
    return Table(
        caption,
        [words.plain(f"column_{name}") for name in keep],
        [[row[i] for i in columns] for row in rows],
    )


def _judged(rows: Sequence[Mapping[str, Any]]) -> list[str | Markup]:
    """Return the published values of a pair of runs, our seeds' interval and the verdicts."""
    verdicts = dict.fromkeys((row["verdict"], verdict_text(row)) for row in rows)
    shown = [badge(verdict, text) for verdict, text in verdicts]
    if any(row["within"] is False for row in rows):
        shown.append(badge("outside", words.plain("outside")))
    return [
        " / ".join(dict.fromkeys(filter(None, map(published_text, rows)))),
        next((text for text in map(band_text, rows) if text != "-"), ""),
        Markup(" ").join(shown),
    ]


def _mean_and_std(numbers: Spread | None) -> str:
    if numbers is None:
        return ""
    mean = format_number(numbers["mean"], ".5g")
    return f"{mean} ± {format_number(numbers['std'], '.1g')}" if len(numbers["values"]) > 1 else mean


def _figures(summary: Summary) -> list[Figure]:
    """Return the chapter's figures, first the one that stands for it; Gluon's follow those from scratch."""
    names = sorted(summary.first.figures, key=lambda name: name != PICTURE)
    seconds = {name: f"{name.removesuffix(SCRATCH)}{GLUON}" for name in names if name.endswith(SCRATCH)}
    seconds = {name: second for name, second in seconds.items() if second in names}
    ordered = [name for name in names if name not in seconds.values()]
    figures = []
    for name in ordered:
        figures.append(read_figure(summary.folder / f"{name}.svg"))
        if name in seconds:
            figures[-1].is_first = True
            figures.append(read_figure(summary.folder / f"{seconds[name]}.svg"))
            figures[-1].is_second = True
    return figures


def _remarks(chapter: Outcome) -> list[str | Markup]:
    summary, first = chapter.summary, chapter.first
    remarks: list[str | Markup] = [
        words("diverged", label=label, how=message_text(how)) for label, how in first.diverged.items()
    ]
    if len(summary.seeds) > 1:
        remarks.append(words("seeds_of", seeds=listed(summary.seeds), first=summary.seeds[0]))
    remarks += filter(None, [first.remark()])
    shift = common_shift(chapter.compared)
    if shift is not None and shift < SURE:
        remarks.append(words("shift", chance=f"{shift:.1g}"))
    return remarks


def _tables(chapter: Outcome) -> list[Table]:
    first, count = chapter.first, len(chapter.summary.seeds)
    caption = words.plain("runs_seeds", count=count) if count > 1 else words.plain("runs")
    tables = [Table.of(title_text(title), rows) for title, rows in first.tables.items() if rows]
    folded = {caption: _runs(chapter)}
    if first.parity:
        folded[words.plain("parity")] = [parity_row(pair) for pair in first.parity["pairs"]]
    return [*tables, *(Table.of(title, rows, folded=True) for title, rows in folded.items() if rows)]


def _runs(chapter: Outcome) -> list[dict[str, str]]:
    """Return a row per run: mean and standard deviation of its metrics, and the time per epoch."""
    summary, all_metrics, first = chapter.summary, chapter.metrics, chapter.first.labelled()
    names = list(dict.fromkeys(name for metrics in all_metrics.values() for name in metrics))[:MAX_COLUMNS]
    several = len(summary.seeds) > 1
    time = words.plain("time_per_epoch_seed" if several else "time_per_epoch", seed=summary.seeds[0])
    return [
        {
            "run": label,
            **{in_words(name): _mean_and_std(metrics.get(name)) for name in names},
            time: _time_per_epoch(first[label].history if label in first else []),
        }
        for label, metrics in all_metrics.items()
    ]


def _time_per_epoch(history: Sequence[Mapping[str, Any]]) -> str:
    seconds = [row["seconds"] for row in history if row.get("seconds") is not None]
    return format_duration(statistics.median(seconds)) if seconds else ""


def _histories(result: Result) -> list[Table]:
    """Return a table with about twenty of the epochs of each run, fewer where there are many runs."""
    runs = result.labelled()
    lines = max(FEWEST_EPOCHS, min(MOST_EPOCHS, CHAPTER_EPOCHS // max(1, len(runs))))
    tables = []
    for label, run in runs.items():
        num_epochs = len(run.history)
        shown = [row for i, row in enumerate(run.history, 1) if is_shown(i, num_epochs, lines)]
        if shown:
            tables.append(Table.of(label, map(_epoch_row, shown)))
    return tables


def _epoch_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        in_words(name): value if name == "epoch" else format_number(value, ".5g")
        for name, value in row.items()
    }


def _facts(summary: Summary) -> dict[str, str]:
    """Return settings, data and environment, in words."""
    first = summary.first
    facts = {
        name: words.plain("own_value", value=value, own=first.changed[name])
        if name in first.changed
        else str(value)
        for name, value in first.settings.items()
    }
    own = {
        "data": data_text(first),
        "seeds" if len(summary.seeds) > 1 else "seed": listed(summary.seeds),
        "stream": words.plain("stream", platform=PLATFORMS.get(first.stream, first.stream))
        if first.stream
        else "",
        "quick": words.plain("quick") if first.quick else "",
        "duration": format_duration(first.seconds),
        "finished": first.finished,
    }
    named = {words.plain(f"fact_{name}"): text for name, text in own.items() if text}
    return {**facts, **named, **environment_text(first.environment)}
