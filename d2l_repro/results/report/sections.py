"""What the page shows of each chapter and cross-validation, whichever those are: data for the templates.

A later chapter needs nothing here: its title and source come from its module, the rest from result.json.
Another kind of result needs a function that returns a `Section` of it, and a line in `sections`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from ...language import listed, mark, tr
from .. import card, kfold
from ..addresses import linked
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
from ..published import stream_name
from ..result import Result
from ..run import message_text
from ..summary import Collection, Spread, Summary, SummaryRow, data_text
from ..table_text import head_text, title_text
from ..verdicts import Verdict, common_shift, counted, tally
from .figures import Figure, read_figure
from .tables import MAX_COLUMNS, Table
from .words import inline_markup, words

# What is no verdict, and stands in the place of one.
FAILED, NOT_COMPARED, STAND_IN = mark("failed"), mark("not compared"), mark("stand-in data")
# What a chapter shows of its numbers' verdicts: the first of these that any of them has.
WORST_FIRST = (
    Verdict.UNEXPLAINED,
    Verdict.NOT_VERIFIED,
    Verdict.EXPLAINED,
    Verdict.UNDECIDED,
    Verdict.AGREES,
    Verdict.NO_BAND,
)
# The metric that stands for a chapter: the first of these that is published, or that its first model has.
TELLING = (
    "test_acc",
    "test_loss",
    "valid_log_rmse",
    "valid_acc",
    "valid_perplexity",
    "test_mse",
    "new_bleu",
    "l2_norm_w",
    "train_loss",
)
PICTURE = "training_curves"  # the figure that stands for a chapter; its first, if it has none of that name
SCRATCH, GLUON = "_scratch", "_gluon"  # ends of the names of two figures that belong side by side
SHOWN_FIGURES = 4  # the others are folded
FEW_VARIANTS = 3  # whose numbers fit into a sentence
MOST_EPOCHS, FEWEST_EPOCHS = 20, 4  # of a run that the page shows
CHAPTER_EPOCHS = (
    300  # about as many of a chapter's, so that a hundred runs do not outweigh all other chapters
)
SURE = 0.01  # probability by chance below which a common shift is mentioned


@dataclass
class Alarm:
    """Something that a reader has to know before any number."""

    lead: str
    text: str


@dataclass
class Section:
    """A chapter, or another kind of result, as the page shows it.

    Attributes:
        name: of the chapter, or of the folder.
        verdict: one of the verdicts, or of the words for what is none.
        result: sentences that say what came out.
        headline: what the handout shows: metric, published, scratch, Gluon.
        beside: scratch beside Gluon.
        tables: all others.
    """

    name: str
    title: str | Markup
    source: Markup
    verdict: str
    alarms: list[Alarm] = field(default_factory=list)
    result: list[Markup] = field(default_factory=list)
    headline: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    beside: Table | None = None
    about: list[Markup] = field(default_factory=list)
    remarks: list[str | Markup] = field(default_factory=list)
    notes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    histories: list[Table] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    finished: str = ""
    number: str = ""  # of the book's sections
    stand_in: Markup | None = None  # in a list of those with stand-in data

    @property
    def anchor(self) -> str:
        """The section's place in the page."""
        return f"chapter-{self.name}"

    @property
    def first_figures(self) -> list[Figure]:
        """Figures that are always visible; no pair is torn apart, and none alone is folded."""
        shown = SHOWN_FIGURES
        while shown < len(self.figures) and (self.figures[shown].is_second or shown + 1 == len(self.figures)):
            shown += 1
        return self.figures[:shown]

    @property
    def more_figures(self) -> list[Figure]:
        """All other figures."""
        return self.figures[len(self.first_figures) :]


def sections(collection: Collection) -> list[Section]:
    """Return a section for each chapter and, after the chapter that they belong to, the cross-validations."""
    found = [_of_kfold(item) for item in collection.kfolds]
    shown: list[Section] = []
    for summary in collection.summaries:
        shown.append(_of_chapter(summary))
        if summary.chapter == kfold.CHAPTER:
            shown, found = [*shown, *found], []
    return [*shown, *found]


def with_links(text: str) -> Markup:
    """Return the text of a source, with links to where it was published."""
    return Markup().join(
        Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, piece)
        if address
        else inline_markup(piece)
        for piece, address in linked(text)
    )


def badge(verdict: str, text: str = "") -> Markup:
    """Return a verdict as a coloured label, which says it in words as well."""
    name = verdict.replace(",", "").replace(" ", "-")
    return Markup('<span class="badge {}">{}</span>').format(name, text or tr(str(verdict)))


# Chapters


@dataclass
class _Chapter:
    """A summary, with what several parts of its section need."""

    summary: Summary

    @property
    def first(self) -> Result:
        return self.summary.first

    @cached_property
    def metrics(self) -> dict[str, dict[str, Spread]]:
        return self.summary.metrics()

    @cached_property
    def compared(self) -> list[SummaryRow]:
        return self.summary.published()

    @cached_property
    def numbers(self) -> list[dict[str, Any]]:
        return self.summary.numbers()

    @cached_property
    def pairs(self) -> list[tuple[str, str, str]]:
        return _pairs(self.first)

    @cached_property
    def metric(self) -> str:
        return _telling(self)

    @cached_property
    def headline(self) -> dict[str, Any]:
        return _headline(self)


def _of_chapter(summary: Summary) -> Section:
    chapter, first = _Chapter(summary), summary.first
    entry = entries().get(summary.chapter, Entry(summary.chapter, summary.chapter))
    return Section(
        name=summary.chapter,
        title=inline_markup(tr(entry.title)),
        source=with_links(tr(entry.source)),
        verdict=_verdict(chapter),
        alarms=_alarms(summary),
        result=_result(chapter),
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
        stand_in=_stand_in(summary.chapter, first.dataset, first.stand_in_for),
    )


def _stand_in(name: str, dataset: str, original: str | None) -> Markup | None:
    return words("stand_in_one", name=name, dataset=dataset, original=original) if original else None


def _verdict(chapter: _Chapter) -> str:
    summary = chapter.summary
    if summary.errors or summary.interrupted:
        return FAILED
    if summary.first.stand_in_for:
        return STAND_IN
    if chapter.compared:
        verdicts = [row["verdict"] for row in chapter.compared]
        return next((str(worst) for worst in WORST_FIRST if worst in verdicts), NOT_COMPARED)
    return HOLDS if summary.first.notes else NOT_COMPARED


def _alarms(summary: Summary) -> list[Alarm]:
    first = summary.first
    alarms = []
    if first.stand_in_for:
        text = words.plain("stand_in_section", dataset=first.dataset, original=first.stand_in_for)
        alarms.append(Alarm(words.plain("stand_in"), text))
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


def _pairs(result: Result) -> list[tuple[str, str, str]]:
    """Return the models that were trained twice: variant, label from scratch, label with Gluon.

    Where the two have different names, such as lambda=3 and wd=3, parity says which belong together.
    """
    runs = result.labelled()
    pairs = [(pair["ours"], pair["theirs"]) for pair in (result.parity or {"pairs": []})["pairs"]]
    known = {ours for ours, _ in pairs} | {theirs for _, theirs in pairs}
    gluon = {(run.variant, run.seed): label for label, run in runs.items() if run.impl == "gluon"}
    pairs += [
        (label, gluon[run.variant, run.seed])
        for label, run in runs.items()
        if run.impl == "scratch" and label not in known and (run.variant, run.seed) in gluon
    ]
    both = [(ours, theirs) for ours, theirs in pairs if ours in runs and theirs in runs]
    order = {label: i for i, label in enumerate(runs)}
    return [
        (runs[ours].variant, ours, theirs) for ours, theirs in sorted(set(both), key=lambda p: order[p[0]])
    ]


def _telling(chapter: _Chapter) -> str:
    """Return the metric that stands for the chapter; empty if nothing was trained twice."""
    if not chapter.pairs:
        return ""
    _, *labels = chapter.pairs[0]
    names = list(chapter.metrics.get(labels[0], {}))
    published = [row["metric"] for row in chapter.compared if row["run"] in labels]
    candidates = [name for name in names if name in published] or names
    return next((name for name in TELLING if name in candidates), candidates[0] if candidates else "")


def _headline(chapter: _Chapter) -> dict[str, Any]:
    """Return what stands for the chapter in one line; empty if nothing was trained twice."""
    metric = chapter.metric
    if not metric:
        return {}
    variant, *labels = chapter.pairs[0]
    rows = [row for row in chapter.compared if row["run"] in labels and row["metric"] == metric]
    own = ("", stream_name(chapter.first.seed, chapter.first.stream))  # others have other data
    rows = [row for row in rows if row.get("stream", "") in own] or rows
    return {
        "variant": variant,
        "metric": metric_name(metric),
        "scratch": _short(chapter, labels[0]),
        "gluon": _short(chapter, labels[1]),
        "published": " / ".join(dict.fromkeys(filter(None, map(published_text, rows)))),
    }


def _short(chapter: _Chapter, label: str) -> str:
    numbers = chapter.metrics.get(label, {}).get(chapter.metric)
    return format_number(numbers["mean"], ".4g") if numbers else "-"


def _result(chapter: _Chapter) -> list[Markup]:
    """Return what came out, in sentences."""
    first, numbers, compared = chapter.first, chapter.numbers, chapter.compared
    sentences = [words("result_quick")] if first.quick else []
    if chapter.metric:
        sentences.append(_result_of_pairs(chapter))
    if compared:
        counts = listed(counted(verdict, count) for verdict, count in tally_of(numbers).items())
        sentences.append(words("result_tally", count=len(numbers), tally=counts))
        judged = [row["within"] for row in compared if row["within"] is not None]
        if judged:
            sentences.append(words("result_within", within=sum(judged), judged=len(judged)))
    other = chapter.summary.mismatched_pair()
    if other:
        left_at = other["left_at"] or {}
        where = words("in_testing") if "testing" in left_at else words("at_step", step=left_at["step"])
        ours, theirs = other["ours"], other["theirs"]
        sentences.append(words("result_other_path", ours=ours, theirs=theirs, where=where))
    elif first.parity:
        apart = first.parity["max_abs_diff"]
        sentences.append(
            words("result_same_path", difference=format_number(apart, ".1g"))
            if apart
            else words("result_same_bits")
        )
    return sentences


def tally_of(numbers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return verdict -> how many numbers have it, without those that none has."""
    counts = tally(row["verdict"] for row in numbers)
    return {str(verdict): count for verdict, count in counts.items() if count}


def _result_of_pairs(chapter: _Chapter) -> Markup:
    pairs, metric, headline = chapter.pairs, chapter.metric, chapter.headline
    name = metric_name(metric)
    name = name[0].upper() + name[1:]
    if len(pairs) <= FEW_VARIANTS:
        published = words("result_published", value=headline["published"]) if headline["published"] else ""
        return words(
            "result_pair_of" if headline["variant"] else "result_pair",
            metric=name,
            variant=headline["variant"],
            scratch=headline["scratch"],
            gluon=headline["gluon"],
            published=published,
        )
    metrics = chapter.metrics
    ranges = []
    for which in (1, 2):
        values = [
            metrics[pair[which]][metric]["mean"] for pair in pairs if metric in metrics.get(pair[which], {})
        ]
        low, high = (format_number(end, ".4g") for end in (min(values), max(values)))
        ranges.append(words("range", low=low, high=high))
    return words("result_range", metric=name, count=len(pairs), scratch=ranges[0], gluon=ranges[1])


def _beside(chapter: _Chapter) -> Table | None:
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


def _remarks(chapter: _Chapter) -> list[str | Markup]:
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


def _tables(chapter: _Chapter) -> list[Table]:
    first, count = chapter.first, len(chapter.summary.seeds)
    caption = words.plain("runs_seeds", count=count) if count > 1 else words.plain("runs")
    tables = [Table.of(title_text(title), rows) for title, rows in first.tables.items() if rows]
    folded = {caption: _runs(chapter)}
    if first.parity:
        folded[words.plain("parity")] = [parity_row(pair) for pair in first.parity["pairs"]]
    return [*tables, *(Table.of(title, rows, folded=True) for title, rows in folded.items() if rows)]


def _runs(chapter: _Chapter) -> list[dict[str, str]]:
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


# Cross-validations


def _of_kfold(item: kfold.KFold) -> Section:
    content, name = item.content, item.folder.name
    options, mean, std = content["options"], content["mean"], content["std"]
    first_repeat = [fold for fold in content["folds"] if fold["repeat"] == content["folds"][0]["repeat"]]
    original = content.get("stand_in_for")
    compared = item.published()
    verdicts = [row["verdict"] for row in compared]
    alarms = []
    if original:
        text = words.plain("stand_in_section", dataset=content["dataset"], original=original)
        alarms.append(Alarm(words.plain("stand_in"), text))
    return Section(
        name=name,
        title=words("kfold_title", folds=len(first_repeat), impl=options["impl"]),
        source=words("kfold_source", folder=name),
        verdict=STAND_IN
        if original
        else next((str(worst) for worst in WORST_FIRST if worst in verdicts), NOT_COMPARED),
        alarms=alarms,
        result=_result_of_folds(content, compared),
        headline={
            "variant": "",
            "metric": words.plain("handout_kfold", folds=len(first_repeat)),
            "scratch": "-",
            "gluon": "-",
            "published": " / ".join(
                published_text(row) for row in compared if row["metric"] == "valid_log_rmse"
            ),
            options["impl"]: f"{mean['valid']:.4f} ± {std['valid']:.1g}",
        },
        figures=[read_figure(item.folder / f"{figure}.svg") for figure in item.figures],
        tables=_tables_of_folds(content, compared),
        facts={
            **{key: str(value) for key, value in {**content["settings"], **options}.items()},
            words.plain("fact_data"): content["dataset"],
            **environment_text(content.get("environment", {})),
        },
        stand_in=_stand_in(name, content["dataset"], original),
    )


def _result_of_folds(content: Mapping[str, Any], compared: Sequence[Mapping[str, Any]]) -> list[Markup]:
    valid, std = f"{content['mean']['valid']:.4f}", f"{content['std']['valid']:.1g}"
    sentences = [words("kfold_result", valid=valid, std=std, out_of_fold=f"{content['out_of_fold']:.4f}")]
    if content["options"]["repeats"] > 1:
        sentences.append(words("kfold_repeats", repeats=content["options"]["repeats"]))
    baselines = {name: f"{scores['valid']:.4f}" for name, scores in content["baselines"].items()}
    if {"ridge", "mean"} <= set(baselines):
        sentences.append(words("kfold_against", ridge=baselines["ridge"], mean=baselines["mean"]))
    meaning = content.get("meaning", {})
    if {"recipe", "ridge", "mean"} <= set(meaning):
        half = {name: f"{scores['half']:.1%}" for name, scores in meaning.items()}
        nine_tenths = f"{meaning['recipe']['nine_tenths']:.0%}"
        sentences.append(
            words(
                "kfold_words",
                half=half["recipe"],
                nine_tenths=nine_tenths,
                ridge=half["ridge"],
                mean=half["mean"],
            )
        )
    if compared:
        values = Markup(", ").join(
            Markup("{} {} {}").format(
                metric_name(row["metric"]), published_text(row), badge(row["verdict"], verdict_text(row))
            )
            for row in compared
        )
        sentences.append(words("kfold_published", values=values))
    clipped = sum(fold["clipped"] for fold in content["folds"])
    return [*sentences, *([words("kfold_clipped", count=clipped)] if clipped else [])]


def _tables_of_folds(content: Mapping[str, Any], compared: Sequence[Mapping[str, Any]]) -> list[Table]:
    def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
        return Table(words.plain(caption), [words.plain(f"column_{name}") for name in head], rows)

    folds = [
        [
            fold["repeat"],
            fold["fold"],
            f"{fold['train']:.5f}",
            f"{fold['valid']:.5f}",
            format_duration(fold["seconds"]),
        ]
        for fold in content["folds"]
    ]
    mean, std = content["mean"], content["std"]
    baselines = [
        [words.plain("kfold_recipe"), f"{mean['valid']:.5f}", f"{std['valid']:.4f}", "", ""],
        *(
            [
                name,
                f"{scores['valid']:.5f}",
                f"{scores['std']:.4f}",
                f"{scores['difference']:+.4f}",
                f"{scores['difference_std']:.4f}",
            ]
            for name, scores in content["baselines"].items()
        ),
    ]
    tables = [
        table("kfold_folds", ("repeat", "fold", "train", "valid", "seconds"), folds),
        table("kfold_baselines", ("model", "valid", "std", "difference", "difference_std"), baselines),
    ]
    if content.get("meaning"):
        head = ("model", "score", "interval", "half", "nine_tenths")
        tables.append(table("kfold_meaning", head, list(map(_meaning_row, content["meaning"].items()))))
    if content.get("card"):
        tables.append(table("kfold_card", ("about", "statement"), card.in_language(content["card"])))
    if compared:
        rows = [
            [
                head_text(in_words(row["metric"])),
                published_text(row),
                format_number(row["ours"], ".5g"),
                band_text(row),
                badge(row["verdict"], verdict_text(row)),
            ]
            for row in compared
        ]
        head = ("metric", "published", "ours", "our_seeds", "verdict")
        tables.append(table("kfold_published_table", head, rows))
    return tables


def _meaning_row(item: tuple[str, Mapping[str, float]]) -> list[str]:
    name, scores = item
    low, high = f"{scores['low']:.4f}", f"{scores['high']:.4f}"
    return [
        words.plain("kfold_recipe") if name == "recipe" else name,
        f"{scores['score']:.5f}",
        words.plain("kfold_interval", low=low, high=high),
        f"{scores['half']:.1%}",
        f"{scores['nine_tenths']:.1%}",
    ]
