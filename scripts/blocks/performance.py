"""The tables of docs/performance.md, from what `d2l-repro bench --write` has committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from d2l_repro.language import listed, sentences, tr, trn
from d2l_repro.results import costs, speed
from d2l_repro.results.bench_words import contestant_text, in_language
from d2l_repro.results.formatting import format_duration

from .common import FIGURES, figure_name, rows_table


def times() -> str:
    """Return what was measured on which machine, the times, and the goals."""
    record = speed.committed()
    contests = record.contests.values()
    rows = [
        {
            "contest": f"`{row['contest']}`",
            "contestant": contestant_text(row["contestant"]),
            "time": in_language(f"{row['time']} per {row['per']}"),
            "compared with": contestant_text(row["to"]),
            "ratio": row["ratio"] or "-",
            "ratio to the limit": row["limit"] or "-",
        }
        for row in speed.table(record)
    ]
    titles = [
        tr(
            "- `{contest}`: {title}; {threads}",
            contest=contest.name,
            title=in_language(contest.title),
            threads=threads_text(contest),
        )
        for contest in contests
    ]
    goals = [f"- {text}" for text in map(speed.goal_text, contests) if text]
    return "\n\n".join(
        ["\n".join([machine_line(record), *trial_line(record)]), "\n".join(titles), rows_table(rows)]
        + (["\n".join(goals)] if goals else [])
    )


def machine_line(record: speed.Record) -> str:
    """Return the sentences that say what the times were measured on, and with which kernels."""
    dates = (contest.finished for contest in record.contests.values())
    kernels = tr("Kernels: {names}.", names=tr("; ").join(map(in_language, kernels_of(record))))
    return sentences([measured_line(record.machine, dates), kernels])


def measured_line(machine: Mapping[str, Any], dates: Iterable[str]) -> str:
    """Return the sentence that says when and on what something was measured."""
    known = machine["packages"]
    names = {"Python": "python", "MXNet": "mxnet", "NumPy": "numpy", "PyTorch": "torch"}
    versions = {name: known[package] for name, package in names.items() if package in known}
    return tr(
        "Measured on {days} on {processor} with {cores} cores, with {packages}.",
        days=tr(" and ").join(sorted({date[:10] for date in dates})),
        processor=machine["processor"],
        cores=machine["cores"],
        packages=listed(f"{name} {version}" for name, version in versions.items()),
    )


def kernels_of(record: speed.Record) -> list[str]:
    """Return every description of kernels once, without those that the contest of kernels is about."""
    contests = (contest for contest in record.contests.values() if contest.name != "kernels")
    described = {text for contest in contests for text in contest.kernels.values()}
    return sorted({part for text in described for part in text.split("; ")})


def trial_line(record: speed.Record) -> list[str]:
    """Return a warning if the record is only that of a trial."""
    names = [f"`{contest.name}`" for contest in record.contests.values() if contest.quick]
    warning = tr(
        "**Only tried, with a few steps per round, which says nothing about speed**: {contests}.",
        contests=listed(names),
    )
    return [warning] if names else []


def threads_text(contest: speed.Measured) -> str:
    """Return how many threads each contestant had, and how many rounds were held."""
    rounds = len(next(iter(contest.seconds.values())))
    return trn(
        "{count} thread, {rounds} rounds", "{count} threads, {rounds} rounds", contest.threads, rounds=rounds
    )


def limits() -> str:
    """Return the operators of each limit from the longest on, without those of less than a hundredth."""
    rows = []
    for contest in speed.committed().contests.values():
        shares = [row["count"] * row["seconds"] for row in contest.operators]
        for share, row in sorted(zip(shares, contest.operators), key=lambda pair: -pair[0]):
            if share < 0.01 * sum(shares):
                continue
            others = sorted(row["others"].items(), key=lambda item: item[1])
            rows.append(
                {
                    "contest": f"`{contest.name}`",
                    "operator": in_language(row["operator"]),
                    "calls": f"{row['count']:g}",
                    "share of the limit": f"{share / sum(shares):.0%}",
                    "time of a call": format_duration(row["seconds"]),
                    "fastest kernel": in_language(row["kernel"]),
                    "others, times as long": listed(
                        f"{in_language(name)} {factor:.2f}" for name, factor in others
                    )
                    or "-",
                }
            )
    return rows_table(rows)


def asked() -> str:
    """Return which ratios to PyTorch are aimed at, and which are reached."""
    rows = speed.asked_rows(speed.committed())
    return rows_table(
        [
            {**row, "contest": f"`{row['contest']}`", "contestant": contestant_text(row["contestant"])}
            for row in rows
        ]
    )


def growth() -> str:
    """Return how times grow with size: what was measured, a figure, and how near to theory that is."""
    record = costs.committed()
    parts = [measured_line(record.machine, (sweep.finished for sweep in record.growth.values()))]
    for sweep in record.growth.values():
        axis = in_language(sweep.axis)
        alt = tr("{axis}: times and theory", axis=axis)
        parts += [
            tr("**{axis}**: {title}.", axis=axis[0].upper() + axis[1:], title=in_language(sweep.title)),
            f"![{alt}]({FIGURES.name}/{figure_name(f'growth_{sweep.name}')})",
            sweep.text(),
        ]
    return "\n\n".join(parts)


def memory() -> str:
    """Return the memory of every chapter beside what it must hold."""
    return rows_table(costs.memory_rows(costs.committed().memory))


BLOCKS = {"times": times, "limits": limits, "asked": asked, "growth": growth, "memory": memory}
