"""Plausible mistakes as code, one file for each chapter that has some.

They show that the proofs can fail: each mistake says which of them must catch it. And they diagnose: where a
reader's net leaves our path, `diagnose` says with which mistake ours would take the same steps.
"""

from .diagnosis import Diagnosis, diagnose
from .mistake import CHAPTERS, GRADIENT_CHECK, PARITY, Lesson, Mistake, lesson_of
from .proofs import caught_by

__all__ = [
    "CHAPTERS",
    "GRADIENT_CHECK",
    "PARITY",
    "Diagnosis",
    "Lesson",
    "Mistake",
    "caught_by",
    "diagnose",
    "lesson_of",
]
