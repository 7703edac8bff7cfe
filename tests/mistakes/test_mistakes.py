"""Test that every mistake runs, and that the proofs it names catch it and no others do."""

import collections
import dataclasses
import functools

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.errors import InputError
from d2l_repro.mistakes import CHAPTERS, caught_by, lesson_of
from d2l_repro.mistakes.proofs import NO_MISTAKE
from d2l_repro.results.published import published_values
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.verify.walk import Walk, first_batches

STEPS = 6  # two passes over the few examples, whose last batch is a short one
ALL = [
    pytest.param(chapter, mistake, id=f"{chapter}, {mistake.name}")
    for chapter in CHAPTERS
    for mistake in lesson_of(chapter).mistakes
]


def behaviour(lesson, data, mistake=None):
    """Return all numbers of a short training: data, start, losses, parameters, outputs and accuracy."""
    hp = lesson.hp.replace(**mistake.settings) if mistake else lesson.hp
    seed_everything(0)
    model = lesson.from_scratch(hp, data)
    model = mistake.put_into(model, hp) if mistake else model
    walk = Walk(model, first_batches(data.train_iter, STEPS), hp.batch_size, seed=0)
    batches = [walk.batch(i) for i in range(STEPS)]
    steps = [(step.loss, *step.values) for step in walk]
    outputs = [model.net(X) for X, _ in batches]
    scores = zip(outputs, batches) if outputs[0].shape[1] > 1 else ()  # a regression has no accuracy
    right = [model.accuracy(y_hat, y) for y_hat, (_, y) in scores]
    return [*batches[0], *walk.start, *outputs, *right, *scored(data), *sum(steps, ())]


def scored(data):
    """Return the arrays of the sets that a chapter's metrics are measured on."""
    source = getattr(data.source, "__dict__", data.source)
    sets = source.values() if isinstance(source, dict) else source or ()
    return [array for part in sets if isinstance(part, tuple) for array in part]


@pytest.mark.parametrize(("chapter", "mistake"), ALL)
def test_mistake_is_caught_by_the_proofs_that_it_names_and_by_no_others(chapter, mistake, lesson_with_data):
    lesson, data = lesson_with_data(chapter)
    assert caught_by(lesson, data, mistake, STEPS) == mistake.caught_by
    assert mistake.caught_by or mistake.rows or mistake.missed, "nothing must catch it"


@pytest.mark.parametrize(("chapter", "mistake"), ALL)
def test_mistake_changes_what_the_model_does(chapter, mistake, lesson_with_data):
    before = right_behaviour(lesson_with_data, chapter, tuple(mistake.settings.items()))
    lesson, data = lesson_with_data(chapter)
    after = as_arrays(behaviour(lesson, mistake.data(data) if mistake.data else data, mistake))
    assert not all(a.shape == b.shape and np.allclose(a, b, 1e-9, 0) for a, b in zip(before, after))


@functools.cache  # most mistakes of a chapter share their settings
def right_behaviour(lesson_with_data, chapter, settings):
    lesson, data = lesson_with_data(chapter)
    return as_arrays(behaviour(lesson, data, dataclasses.replace(NO_MISTAKE, settings=dict(settings))))


def as_arrays(numbers):
    return [number.asnumpy() if isinstance(number, nd.NDArray) else np.asarray(number) for number in numbers]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_proof_catches_a_model_without_mistake(chapter, lesson_with_data):
    lesson, data = lesson_with_data(chapter)
    assert caught_by(lesson, data, steps=STEPS) == ()
    distinct = {tuple(mistake.settings.items()): mistake for mistake in lesson.mistakes if mistake.settings}
    for mistake in distinct.values():
        assert caught_by(lesson, data, dataclasses.replace(mistake, model=None), STEPS) == ()


def test_mistakes_are_many_and_varied():
    mistakes = [mistake for chapter in CHAPTERS for mistake in lesson_of(chapter).mistakes]
    assert len(mistakes) >= 111
    kinds = collections.Counter(mistake.kind for mistake in mistakes)
    assert {kind: count for kind, count in kinds.items() if count > 5} == {}
    for chapter in CHAPTERS:
        names = [mistake.name for mistake in lesson_of(chapter).mistakes]
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("chapter", "mistake"), ALL)
def test_mistake_names_published_values_that_exist(chapter, mistake):
    known = {(row["run"], row["metric"]) for row in published_values() if row["chapter"] == chapter}
    assert set(mistake.rows) <= known


@pytest.mark.parametrize(("chapter", "mistake"), ALL)
def test_mistake_completes_a_sentence(chapter, mistake):
    assert mistake.what.split()[0] in ("that", "whose", "with", "without")
    assert not mistake.what.endswith(".")


def test_lesson_of_says_which_chapters_have_mistakes():
    with pytest.raises(InputError, match="no mistakes of 'lenet' are known; choose from linear_regression, "):
        lesson_of("lenet")
