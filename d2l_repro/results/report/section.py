"""What the page shows of one result, and the pieces that all kinds of results have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from ...language import mark, tr
from ..addresses import linked
from ..verdicts import Verdict
from .figures import Figure
from .tables import Table
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
SHOWN_FIGURES = 4  # the others are folded


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


def worst_verdict(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return what is shown of the verdicts on compared numbers."""
    verdicts = {row["verdict"] for row in rows}
    return next((str(worst) for worst in WORST_FIRST if worst in verdicts), NOT_COMPARED)


def stand_in_alarms(dataset: str, original: str | None) -> list[Alarm]:
    """Return what a reader has to know of data that stand in for others; nothing of the published data."""
    if not original:
        return []
    text = words.plain("stand_in_section", dataset=dataset, original=original)
    return [Alarm(words.plain("stand_in"), text)]


def stand_in(name: str, dataset: str, original: str | None) -> Markup | None:
    """Return what the list of results with stand-in data says of one; None if it has the published data."""
    return words("stand_in_one", name=name, dataset=dataset, original=original) if original else None
