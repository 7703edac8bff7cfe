"""What the chapters that compare settings share: tables of settings become runs, figures and tables.

A comparison is a table, name -> settings; a chapter has several, title -> table.
"""

from ..results import plot
from .chapter import Run


def runs_of(comparisons, from_scratch, with_gluon, in_gluon):
    """Every row of every comparison: from scratch and, where `in_gluon(settings)`, with Gluon.

    Raises:
        ValueError: two rows have one name.
    """
    rows = [row for table in comparisons.values() for row in table.items()]
    twice = [name for i, (name, _) in enumerate(rows) if name in dict(rows[:i])]
    if twice:
        raise ValueError(f"two rows of the comparisons are called {', '.join(twice)}")
    builders = {"scratch": from_scratch, "gluon": with_gluon}
    return [
        Run(f"{impl} {name}", build, hp)
        for name, hp in rows
        for impl, build in builders.items()
        if impl == "scratch" or in_gluon(hp)
    ]


def of(impl, names, made):
    """What an implementation made of the rows of those names, name -> made; `made` is a result's runs or
    models."""
    return {name: made[f"{impl} {name}"] for name in names if f"{impl} {name}" in made}


def figure_name(title, impl):
    """The file's name of a comparison's figure."""
    return f"{title.lower().replace(' ', '_')}_{impl}"


def tabulate(result, comparisons, row):
    """A table for each comparison; `row` makes a line of it, (label, run, settings) -> dict."""
    for title, table in comparisons.items():
        labels = {f"{impl} {name}": hp for name, hp in table.items() for impl in ("scratch", "gluon", "d2l")}
        result.tables[title] = [
            row(label, result.runs[label], hp) for label, hp in labels.items() if label in result.runs
        ]


def draw(result, comparisons, where, columns):
    """A figure for each comparison and implementation, of those columns of the histories; `where` ends its
    title."""
    for title, table in comparisons.items():
        counted = {
            getattr(hp, "steps", None) for hp in table.values()
        }  # batches that the loop takes for an epoch
        xlabel = "evaluation" if len(counted) > 1 else "epoch" if None in counted else f"{min(counted)} steps"
        for impl in ("scratch", "gluon"):
            runs = of(impl, table, result.runs)
            if len(runs) > 1:
                result.figures[figure_name(title, impl)] = plot.comparison(
                    runs, f"{title} {where}, {impl}", columns, xlabel
                )
