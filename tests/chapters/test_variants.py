"""Every chapter that compares several variants runs with one of them alone."""

import importlib

import pytest

from d2l_repro.results.catalogue import entries

# One step takes them too long, or they have tests of their own for it.
TOO_LONG = {"mnist_regularization", "language_model", "lenet", "fully_connected_nets"}
TRAINED = [name for name, entry in entries().items() if entry.trains and name not in TOO_LONG]


@pytest.mark.parametrize("name", TRAINED)
def test_chapter_runs_with_one_variant_alone(name, small_fashion, monkeypatch):
    chapter = importlib.import_module(f"chapters.{name}").chapter
    monkeypatch.setenv("D2L_REPRO_DATA", str(small_fashion))
    variants = [run.variant for run in chapter.runs(chapter.defaults(quick=True)) if run.impl == "scratch"]
    result = chapter.run(quick=True, impl="scratch", only=tuple(variants[-1:]))
    assert {run.variant for run in result.runs}.intersection(variants) == {variants[-1]}
    assert not result.errors
    assert str(result)
