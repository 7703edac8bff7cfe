"""The table of docs/evidence.md: which mistakes the proofs and the published numbers notice."""

from __future__ import annotations

from d2l_repro.language import tr
from d2l_repro.results import caught

from .common import markdown


def mistakes() -> str:
    """Return how many mistakes of each chapter the proofs catch, and which published numbers notice none."""
    from d2l_repro.mistakes import lesson_of  # which imports MXNet

    table, lines, silent = caught.committed(), [], []
    for name in table.chapters:
        marks = [table.marks(row) for row in table.of(name) if row.mistake != caught.NO_MISTAKE]
        by_proof = [sum(found[proof] is True for found in marks) for proof in caught.PROOFS]
        by_number = [found for found in marks if any(found[row] for row in found if row not in caught.PROOFS)]
        alone = sum(not any(found[proof] for proof in caught.PROOFS) for found in by_number)
        lines.append((f"`{name}`", *map(str, (len(marks), *by_proof, len(by_number), alone))))
        silent += [
            f"`{name}` {row['run']}, {row['metric'].replace('_', ' ')}"
            for row in caught.rows_of(name)
            if caught.catches(name, row["run"], row["metric"]) == 0
        ]
    head = (
        *(tr("chapter"), tr("mistakes"), *map(tr, caught.PROOFS)),
        *(tr("a published number"), tr("published numbers alone")),
    )
    missed = [
        tr(
            "{number}: a net {mistake}",
            number=f"`{name}` {' '.join(row).replace('_', ' ')}",
            mistake=tr(mistake.what),
        )
        for name in table.chapters
        for mistake in lesson_of(name).mistakes
        for row in mistake.missed
    ]
    parts = [markdown(head, lines)]
    if silent:
        parts.append(
            tr("Published numbers that would notice none of them: {numbers}.", numbers=tr("; ").join(silent))
        )
    parts.append(tr("Published numbers that were expected to notice a mistake, and do not:"))
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in missed)])


BLOCKS = {"mistakes": mistakes}
