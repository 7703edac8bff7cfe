"""What came out of a chapter: its models that were trained twice, its telling number, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from ...language import listed
from ..formatting import format_number, metric_name, published_text
from ..published import stream_name
from ..result import Result
from ..summary import Spread, Summary, SummaryRow
from ..verdicts import counted, tally
from .words import words

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
FEW_VARIANTS = 3  # whose numbers fit into a sentence


@dataclass
class Outcome:
    """A chapter's summary, and what several parts of its section need, each computed once."""

    summary: Summary

    @property
    def first(self) -> Result:
        """The result of the first seed."""
        return self.summary.first

    @cached_property
    def metrics(self) -> dict[str, dict[str, Spread]]:
        """Label of a run -> metric -> its numbers over the seeds."""
        return self.summary.metrics()

    @cached_property
    def compared(self) -> list[SummaryRow]:
        """A row for each published number and run that it is compared with."""
        return self.summary.published()

    @cached_property
    def numbers(self) -> list[dict[str, Any]]:
        """A row for each published number."""
        return self.summary.numbers()

    @cached_property
    def pairs(self) -> list[tuple[str, str, str]]:
        """The models that were trained twice: variant, label from scratch, label with Gluon."""
        return _pairs(self.first)

    @cached_property
    def metric(self) -> str:
        """The metric that stands for the chapter; empty if nothing was trained twice."""
        if not self.pairs:
            return ""
        _, *labels = self.pairs[0]
        names = list(self.metrics.get(labels[0], {}))
        published = [row["metric"] for row in self.compared if row["run"] in labels]
        candidates = [name for name in names if name in published] or names
        return next((name for name in TELLING if name in candidates), candidates[0] if candidates else "")

    @cached_property
    def headline(self) -> dict[str, Any]:
        """What stands for the chapter in one line; empty if nothing was trained twice."""
        metric = self.metric
        if not metric:
            return {}
        variant, *labels = self.pairs[0]
        rows = [row for row in self.compared if row["run"] in labels and row["metric"] == metric]
        own = ("", stream_name(self.first.seed, self.first.stream))  # others have other data
        rows = [row for row in rows if row.get("stream", "") in own] or rows
        return {
            "variant": variant,
            "metric": metric_name(metric),
            "scratch": self._short(labels[0]),
            "gluon": self._short(labels[1]),
            "published": " / ".join(dict.fromkeys(filter(None, map(published_text, rows)))),
        }

    def _short(self, label: str) -> str:
        numbers = self.metrics.get(label, {}).get(self.metric)
        return format_number(numbers["mean"], ".4g") if numbers else "-"

    def sentences(self) -> list[Markup]:
        """Return what came out, in sentences."""
        first, numbers, compared = self.first, self.numbers, self.compared
        found = [words("result_quick")] if first.quick else []
        if self.metric:
            found.append(self._sentence_on_pairs())
        if compared:
            counts = listed(counted(verdict, count) for verdict, count in tally_of(numbers).items())
            found.append(words("result_tally", count=len(numbers), tally=counts))
            judged = [row["within"] for row in compared if row["within"] is not None]
            if judged:
                found.append(words("result_within", within=sum(judged), judged=len(judged)))
        other = self.summary.mismatched_pair()
        if other:
            left_at = other["left_at"] or {}
            where = words("in_testing") if "testing" in left_at else words("at_step", step=left_at["step"])
            ours, theirs = other["ours"], other["theirs"]
            found.append(words("result_other_path", ours=ours, theirs=theirs, where=where))
        elif first.parity:
            apart = first.parity["max_abs_diff"]
            found.append(
                words("result_same_path", difference=format_number(apart, ".1g"))
                if apart
                else words("result_same_bits")
            )
        return found

    def _sentence_on_pairs(self) -> Markup:
        pairs, metric, headline = self.pairs, self.metric, self.headline
        name = metric_name(metric)
        name = name[0].upper() + name[1:]
        if len(pairs) <= FEW_VARIANTS:
            published = (
                words("result_published", value=headline["published"]) if headline["published"] else ""
            )
            return words(
                "result_pair_of" if headline["variant"] else "result_pair",
                metric=name,
                variant=headline["variant"],
                scratch=headline["scratch"],
                gluon=headline["gluon"],
                published=published,
            )
        ranges = []
        for which in (1, 2):
            found = [self.metrics.get(pair[which], {}) for pair in pairs]
            values = [metrics[metric]["mean"] for metrics in found if metric in metrics]
            low, high = (format_number(end, ".4g") for end in (min(values), max(values)))
            ranges.append(words("range", low=low, high=high))
        return words("result_range", metric=name, count=len(pairs), scratch=ranges[0], gluon=ranges[1])


def _pairs(result: Result) -> list[tuple[str, str, str]]:
    """Return variant, label from scratch and label with Gluon of the models that were trained twice.

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
    both = sorted(set(both), key=lambda pair: order[pair[0]])
    return [(runs[ours].variant, ours, theirs) for ours, theirs in both]


def tally_of(numbers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return verdict -> how many numbers have it, without those that none has."""
    counts = tally(row["verdict"] for row in numbers)
    return {str(verdict): count for verdict, count in counts.items() if count}
