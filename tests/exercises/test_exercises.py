"""Every exercise: ours passes, the template and every known mistake are named, and the texts are complete."""

import pytest

from d2l_repro.errors import InputError
from d2l_repro.exercises import texts
from d2l_repro.exercises.checker import check_functions
from d2l_repro.exercises.exercise import exercise_of

NAMES = texts.names()
MISTAKES = [(name, key) for name in NAMES for key in exercise_of(name).mistakes]
by_name = pytest.mark.parametrize("name", NAMES)


@by_name
def test_our_solution_passes(name):
    report = check_functions(name, exercise_of(name).solution, seed=1234)
    assert report, report


@by_name
def test_the_template_fails_with_a_sentence_about_it(name):
    functions = {}
    exec(compile(texts.template_of(name), f"{name}.py", "exec"), functions)
    report = check_functions(name, functions, file=f"{name}.py")
    assert (report.passed, bool(report)) == (0, False)
    first = next(iter(exercise_of(name).solution))
    assert f"{first} still raises NotImplementedError in line" in report.message


@pytest.mark.parametrize(("name", "key"), MISTAKES)
def test_mistake_is_named_in_its_own_words(name, key):
    report = check_functions(name, exercise_of(name).with_mistake(key), seed=77)
    assert report.mistakes == [key], report
    assert texts.text_of(name).mistakes[key] in report.message


def test_there_are_many_mistakes():
    assert len(MISTAKES) >= 60
    sentences = [sentence for name in NAMES for sentence in texts.text_of(name).mistakes.values()]
    assert all(sentence.endswith((".", "?")) for sentence in sentences)


@by_name
def test_texts_are_complete(name):
    text, exercise = texts.text_of(name), exercise_of(name)
    assert set(text.mistakes) == set(exercise.mistakes)
    assert len(text.steps) == len(exercise.steps)
    assert len(text.hints) >= 3
    assert all(f"def {function}(" in text.template for function in exercise.solution)
    assert all([text.title, text.section, text.task, text.formula, text.commentary])


def test_unknown_exercise_is_an_error():
    with pytest.raises(InputError, match="unknown exercise 'x'"):
        check_functions("x", {})
