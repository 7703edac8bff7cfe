"""What a check has found. It needs no MXNet."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from . import wording


def place(number: int | None, code: str | None = "") -> str:
    """Return a line of a learner's file as messages give it; "" if there is none.

    Args:
        number: of the line.
        code: in it, if that is to be shown.
    """
    if number is None:
        return ""
    return (wording.LINE_WITH_CODE if code else wording.LINE).format(number=number, code=code)


@dataclass
class Report:
    """What a check has found; true if all steps were passed.

    Attributes:
        name: of the exercise.
        total: number of steps.
        titles: of the steps.
        passed: number of steps that were passed.
        message: what is wrong with the step after them, in a few sentences.
        mistakes: keys of the known mistakes that give what was seen.
        notes: what else was noticed, a sentence each.
        seconds: that the steps took.
    """

    name: str
    total: int
    titles: list[str] = field(default_factory=list)
    passed: int = 0
    message: str = ""
    mistakes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __bool__(self) -> bool:
        return not self.message and self.passed == self.total

    @property
    def head(self) -> str:
        """One line: passed, or the step that failed."""
        if self:
            return wording.PASSED.format(name=self.name, total=self.total, seconds=self.seconds)
        title = self.titles[self.passed] if self.passed < len(self.titles) else ""
        step = wording.STEP.format(number=self.passed + 1, total=self.total, title=title)
        return wording.FAILED.format(name=self.name, step=step)

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.head, self.message, *self.notes]))

    def _repr_html_(self) -> str:
        marks = "".join(
            f"<li>{'&#10003;' if i < self.passed else '&#10007;' if i == self.passed else '&middot;'} "
            f"{html.escape(title)}</li>"
            for i, title in enumerate(self.titles)
        )
        texts = "".join(f"<p>{html.escape(text)}</p>" for text in filter(None, [self.message, *self.notes]))
        head = f"<p><b>{html.escape(self.head)}</b></p>"
        return f'{head}<ul style="list-style:none">{marks}</ul>{texts}'

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Report:
        """Return the report of such fields."""
        return cls(**fields)
