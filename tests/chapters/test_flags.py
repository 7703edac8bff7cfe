"""Which flags keep a chapter's numbers comparable with the published ones."""

import dataclasses
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from d2l_repro.cli.flags import parse
from d2l_repro.cli.outline import read_outline
from d2l_repro.cli.runner import Task
from d2l_repro.data.loader import Data
from d2l_repro.results.catalogue import entries
from d2l_repro.settings import Bounds, Options

# What changes no number, or makes a run one more draw of the same experiment.
HARMLESS = {"impl", "only", "seed", "seeds", "jobs", "cluster", "stream"}
OF_THE_DATA = {"dataset", "data_dir"}  # judged by what was read
CHAPTERS = [name for name, entry in entries().items() if entry.trains]


def other_value(hint, value):
    """Return another valid value of a setting."""
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != value)
    bounds = next(part for part in hint.__metadata__ if isinstance(part, Bounds))
    return next(other for other in (value + 1, value - 1, value / 2) if other in bounds)


def is_comparable(chapter, hp=None, official=True, stand_in_for=None, name=None, **options):
    """Return whether the chapter compares a run with these settings on these data."""
    result = chapter._new_result(hp or chapter.defaults(options.get("quick", False)), Options(**options))
    data = Data(name or chapter.comparable[0], [], None, None, stand_in_for, official)
    return chapter.is_comparable(result, data)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_run_with_any_changed_setting_is_not_compared(name):
    chapter = import_module(f"chapters.{name}").chapter
    assert is_comparable(chapter)
    hints = get_type_hints(chapter.HParams, include_extras=True)
    for field, value in dataclasses.asdict(chapter.defaults()).items():
        hp = chapter.defaults().replace(**{field: other_value(hints[field], value)})
        assert not is_comparable(chapter, hp), field


def test_a_run_on_other_data_or_less_of_them_is_not_compared():
    chapter = import_module("chapters.softmax_regression").chapter
    assert not is_comparable(chapter, quick=True)
    assert not is_comparable(chapter, official=False)
    assert not is_comparable(chapter, stand_in_for="fashion_mnist")
    assert not is_comparable(chapter, name="mnist")


def test_every_option_is_known_to_keep_or_to_end_the_comparison():
    assert {field.name for field in dataclasses.fields(Options)} == HARMLESS | OF_THE_DATA | {"quick"}


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_setting_that_run_is_given_reaches_the_chapter(name):
    outline = read_outline(name)
    hints = get_type_hints(outline.settings, include_extras=True)
    own = dataclasses.asdict(outline.defaults())
    changed = {field: other_value(hints[field], value) for field, value in own.items()}
    task = Task(name, 1, Path("folder"), False, name, settings=tuple(changed.items()), show=True)
    flags = task.command[task.command.index("--out") :]
    args = parse(outline, flags, "chapter")
    assert dataclasses.asdict(args.settings) == changed
    assert (args.run.seed, args.output.out, args.output.show) == (1, Path("folder"), True)
