"""All that a learner reads of an exercise. It needs no MXNet, so that lists and hints are fast.

The texts of a language are a package beside this module, `english` or `chinese`, with the same keys: a module
for each module of exercises.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ..columns import wrapped
from ..errors import InputError
from ..language import language
from . import wording

PACKAGES = {"en": "english", "zh": "chinese"}
WIDTH = 100  # of a learner's file
# In the order in which they are to be done.
MODULES = (
    "linear",
    "softmax",
    "mlp",
    "regularization",
    "house",
    "optimizers",
    "layers",
    "recurrent",
    "training",
)


@dataclass(frozen=True)
class Text:
    """The texts of an exercise.

    Attributes:
        title: of the exercise.
        section: of the book that it belongs to.
        task: what to write.
        formula: what the functions compute.
        template: their signatures, with docstrings that give the shapes.
        steps: titles of the steps of the check, in order.
        hints: from a nudge to nearly all of the code.
        mistakes: key -> what is wrong, where, and what to look at, in a sentence or two.
        commentary: on our solution.
        phrases: key -> what messages call that which is seen of the functions, or say of it.
    """

    title: str
    section: str
    task: str
    formula: str
    template: str
    steps: Sequence[str]
    hints: Sequence[str]
    mistakes: Mapping[str, str]
    commentary: str
    phrases: Mapping[str, str] = field(default_factory=dict)


def _all() -> dict[str, tuple[str, Text]]:
    return _all_in(PACKAGES[language()])


@lru_cache
def _all_in(package: str) -> dict[str, tuple[str, Text]]:
    found = {}
    for module in MODULES:
        texts = importlib.import_module(f".{package}.{module}", __package__).TEXTS
        found.update({name: (module, text) for name, text in texts.items()})
    return found


def names() -> list[str]:
    """Return the names of all exercises, in order."""
    return list(_all())


def _find(name: str) -> tuple[str, Text]:
    if name not in _all():
        raise InputError(wording.UNKNOWN_EXERCISE.format(name=name))
    return _all()[name]


def text_of(name: str) -> Text:
    """Return the texts of an exercise.

    Raises:
        InputError: there is none of this name.
    """
    return _find(name)[1]


def phrase(name: str, key: str, /, **fields: object) -> str:
    """Return a phrase of an exercise, with its fields filled in."""
    return text_of(name).phrases[key].format(**fields)


def module_of(name: str) -> str:
    """Return the module beside this one that an exercise is in.

    Raises:
        InputError: there is none of this name.
    """
    return _find(name)[0]


def template_of(name: str) -> str:
    """Return the content of the file that a learner fills in.

    Raises:
        InputError: there is no exercise of this name.
    """
    text = text_of(name)
    formula = text.formula.strip().replace("\n", "\n    ")
    task = wrapped(text.task.strip(), WIDTH)
    head = wording.HEADER.format(
        name=name, title=text.title, section=text.section, task=task, formula=formula
    )
    return f"{head}\n{text.template.strip()}\n"
