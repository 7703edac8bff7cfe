"""Take the differences on which conclusions rest, and decide which exceed the noise of the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..results import plot
from ..results.formatting import format_number
from ..results.result import Result
from ..results.summary import spread
from .chapter import Run
from .seeds import over_seeds, paired_difference

CONCLUSIONS = "conclusions"  # variant of the run that holds differences between others


def add_differences(result: Result, differences: Mapping[str, tuple[str, str, str]]) -> None:
    """Add a run `conclusions` to each implementation, with the differences between two of its runs.

    Both runs had the same seed and so saw the same batches: over several seeds the differences are paired,
    and `results.claims` tests what they show.

    Args:
        result: with runs of one seed; an implementation gets the differences whose runs it has finished.
        differences: name -> (variant, variant to subtract, metric).
    """
    for impl in dict.fromkeys(run.impl for run in result.runs):
        found = {}
        for name, (variant, base, metric) in differences.items():
            runs = [result.find(impl, variant), result.find(impl, base)]
            values = [run.metrics[metric] for run in runs if run and metric in run.metrics]
            if len(values) == 2:
                found[name] = values[0] - values[1]
        if found:
            result.add(impl, CONCLUSIONS, found)


@dataclass(frozen=True)
class Conclusion:
    """A variant's values over the seeds beside the published one, and the differences from the baseline.

    Attributes:
        values: one for each seed that finished.
        published: the published value; None if there is none.
        difference: mean difference from the baseline over the seeds they share; None for the baseline itself.
        half_width: half the width of its confidence interval; None with fewer than two seeds.
        published_difference: the same difference of the published values.
    """

    values: list[float]
    published: float | None = None
    difference: float | None = None
    half_width: float | None = None
    published_difference: float | None = None

    def __str__(self) -> str:
        if self.difference is None or self.half_width is None or self.published_difference is None:
            return "-"
        if abs(self.difference) <= self.half_width:
            return "not beyond the noise of the seeds"
        return "holds" if self.difference * self.published_difference > 0 else "the opposite holds"

    def as_row(self, variant: str) -> dict[str, str]:
        """Return the variant's row of a table, for values that are shares; differences are in points."""
        over = spread(self.values) if self.values else {"mean": None, "std": None}
        interval = "" if self.half_width is None else f" ± {100 * self.half_width:.2f}"
        return {
            "variant": variant,
            "published": "-" if self.published is None else f"{self.published:.4f}",
            "ours": format_number(over["mean"], ".4f"),
            "deviation": format_number(over["std"], ".4f") if len(self.values) > 1 else "-",
            "published - baseline, points": _points(self.published_difference),
            "ours - baseline, points": _points(self.difference) + interval,
            "the article's conclusion": str(self),
        }


def _points(number: float | None) -> str:
    return "-" if number is None else f"{100 * number:+.2f}"


def conclusions(
    result: Result,
    impl: str,
    variants: Iterable[str],
    baseline: str,
    metric: str,
    published: Mapping[str, float],
) -> dict[str, Conclusion]:
    """Compare the variants that an implementation has trained with the baseline and with published values.

    Args:
        result: with the runs of every seed.
        impl: implementation.
        variants: their names, in the order of the table.
        baseline: name of the variant that the others are compared with.
        metric: what is compared, a key of the runs' metrics.
        published: variant -> published value; the baseline's too, if there are any.

    Returns:
        variant -> Conclusion.
    """
    base, found = over_seeds(result.select(impl, baseline), metric), {}
    for name in variants:
        runs = result.select(impl, name)
        if not runs:
            continue
        values = over_seeds(runs, metric)
        theirs = published[name] - published[baseline] if name in published else None
        differences = (None, None, None) if name == baseline else (*paired_difference(values, base), theirs)
        found[name] = Conclusion(list(values.values()), published.get(name), *differences)
    return found


def show_conclusions(
    result: Result, runs: Iterable[Run], baseline: str, published: Mapping[str, float], where: str
) -> None:
    """Add a table and a figure of the variants' test accuracies in each implementation to the result.

    Args:
        result: with the runs of every seed; gets table and figure.
        runs: the chapter's.
        baseline: name of the variant that the others are compared with.
        published: variant -> published test accuracy.
        where: end of the figures' titles, such as "on MNIST".
    """
    variants = dict.fromkeys(run.variant for run in runs)
    for impl in ("scratch", "gluon"):
        found = conclusions(result, impl, variants, baseline, "test_acc", published)
        if found:
            title = f"Test accuracy of the variants, {impl}"
            result.tables[title] = [conclusion.as_row(name) for name, conclusion in found.items()]
        if len(found) > 1:
            best_first = sorted(found.items(), key=lambda item: -statistics.fmean(item[1].values or [0]))
            result.figures[f"variants_{impl}"] = plot.intervals(
                {name: (conclusion.values, conclusion.published) for name, conclusion in best_first},
                "test accuracy",
                f"{_summary(found, baseline)} {where}, {plot.IMPLS[impl]}",
                baseline,
            )


def _summary(found: Mapping[str, Conclusion], baseline: str) -> str:
    """Return how many variants end where the baseline's seeds do, as the beginning of a title."""
    values = found[baseline].values if baseline in found else []
    means = [statistics.fmean(one.values) for name, one in found.items() if one.values and name != baseline]
    if len(values) < 2 or not means:
        return f"Test accuracy of the variants, the best on top, the {baseline} as a line,"
    inside = sum(min(values) <= mean <= max(values) for mean in means)
    return f"{inside} of {len(means)} variants end on average within the range of the {baseline} (shaded)"
