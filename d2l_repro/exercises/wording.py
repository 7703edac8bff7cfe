"""The sentences that belong to no exercise, in the reader's language: `wording.SLOW` and the like.

They stand in `english.wording` and `chinese.wording`, under the same names and with the same fields.
"""

from __future__ import annotations

from ..language import language
from .chinese import wording as chinese
from .english import wording as english

# Both are imported at once: a check must not import anything when it has run out of memory.
MODULES = {"en": english, "zh": chinese}


def __getattr__(name: str) -> str:
    """Return the sentence of this name, for `wording.NAME`."""
    return getattr(MODULES[language()], name)
