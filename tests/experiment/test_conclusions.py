"""Compare an article's conclusions with the noise of the seeds."""

import pytest

from d2l_repro.experiment.conclusions import add_differences, conclusions, show_conclusions
from d2l_repro.experiment.runs import Run
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult

ARTICLE = {"baseline": 0.9843, "no regularizer": 0.9831}


def with_accuracies(**accuracies):
    """Return a result with a run for each value of each variant, seeds from 0; None stands for divergence."""
    runs = [
        RunResult("gluon", name.replace("_", " "), seed, metrics={} if value is None else {"test_acc": value})
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    return Result("mnist_regularization", 0, {}, runs=runs)


def conclusion(name, **accuracies):
    result = with_accuracies(**accuracies)
    return conclusions(result, "gluon", ("baseline", name), "baseline", "test_acc", ARTICLE)[name]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.981, 0.980, 0.982), "holds"),  # the article's is below its baseline, too
        ((0.987, 0.986, 0.988), "the opposite holds"),
        ((0.987, 0.980, 0.985), "not beyond the noise of the seeds"),
    ],
)
def test_conclusion_compares_the_article_with_the_noise_of_the_seeds(values, said):
    found = conclusion("no regularizer", baseline=(0.984, 0.983, 0.985), no_regularizer=values)
    assert found.as_row("no regularizer")["the article's conclusion"] == said
    assert found.published_difference == pytest.approx(-0.0012)


def test_conclusion_needs_several_seeds_and_a_published_value():
    single = conclusion("no regularizer", baseline=(0.984,), no_regularizer=(0.981,))
    assert single.difference == pytest.approx(-0.003)
    assert (single.half_width, str(single)) == (None, "-")
    assert single.as_row("")["deviation"] == "-"
    unpublished = conclusion("tanh", baseline=(0.984, 0.985), tanh=(0.981, 0.981))
    assert unpublished.half_width is not None
    assert str(unpublished) == "-"


def test_conclusion_compares_the_baseline_with_the_article_but_not_with_itself():
    base = conclusion("baseline", baseline=(0.984, 0.985))
    assert base.published == 0.9843
    assert base.as_row("baseline")["ours"] == "0.9845"
    assert base.as_row("baseline")["ours - baseline, points"] == str(base) == "-"


def test_conclusions_leave_out_variants_that_were_not_trained():
    result = with_accuracies(baseline=(0.984,))
    assert list(conclusions(result, "gluon", ("baseline", "tanh"), "baseline", "test_acc", {})) == [
        "baseline"
    ]
    assert conclusions(result, "scratch", ("baseline",), "baseline", "test_acc", {}) == {}


def test_conclusion_leaves_a_diverged_seed_out_of_variant_and_baseline():
    found = conclusion("tanh", baseline=(0.98, 0.90, 0.98), tanh=(0.97, None, 0.96))
    assert found.values == [0.97, 0.96]
    assert found.difference == pytest.approx(-0.015)
    none = conclusion("tanh", baseline=(0.98, 0.90), tanh=(None, None))
    assert none.as_row("tanh")["ours"] == "not finite"


def test_add_differences_subtracts_runs_of_the_same_implementation():
    result = with_accuracies(baseline=(0.98,), tanh=(0.96,))
    result.runs.append(RunResult("scratch", "baseline", 0, metrics={"test_acc": 0.5}))
    add_differences(
        result, {"tanh_minus_baseline": ("tanh", "baseline", "test_acc"), "gap": ("tanh", "baseline", "gap")}
    )
    assert result.find("gluon", "conclusions").metrics == {"tanh_minus_baseline": pytest.approx(-0.02)}
    assert result.find("scratch", "conclusions") is None


def test_add_differences_leaves_out_a_run_that_diverged():
    result = with_accuracies(baseline=(0.98,), tanh=(None,))
    add_differences(result, {"difference": ("tanh", "baseline", "test_acc")})
    assert result.find("gluon", "conclusions") is None


@pytest.mark.parametrize(
    ("baseline", "title"),
    [
        ((0.98, 0.984), "1 of 2 variants end on average within the range of the baseline (shaded)"),
        ((0.98,), "Test accuracy of the variants, the best on top, the baseline as a line,"),
    ],
)
def test_figure_of_conclusions_says_how_many_variants_do_what_the_baseline_does(baseline, title):
    result = with_accuracies(baseline=baseline, tanh=(0.97, 0.99), Adam=(0.97,), SELU=(None,))
    runs = [Run("gluon", name, None, None) for name in ("baseline", "tanh", "Adam", "SELU")]
    show_conclusions(result, runs, "baseline", ARTICLE, "on digits")
    assert result.figures["variants_gluon"].get_label() == f"{title} on digits, with Gluon"
