"""Compare full-scale runs on the real files with our seeds and every published value."""

import importlib

import pytest

from chapters import softmax_regression
from d2l_repro.results import bands
from d2l_repro.results.catalogue import entries
from d2l_repro.results.published import published_values
from d2l_repro.results.verdicts import ERROR, failures, p_value

# Each takes more than a minute and a half of one core, some of them hours; their own tests run parts of them.
TOO_LONG = {
    *("data_preprocessing", "fully_connected_nets", "lenet", "language_model", "mnist_regularization"),
    *("optimizers", "rbf_network", "two_moons", "vanishing_gradients"),
    *("rnn", "gru", "lstm", "batch_norm", "resnet"),
}
COMPARED = sorted((entries().keys() & {row["chapter"] for row in published_values()}) - TOO_LONG)
ON_FASHION = ("softmax_regression", "mlp", "dropout")


def unlikely(rows):
    """Return the values of ours, not the published ones, that chance explains in none of all chapters."""
    limit = ERROR / len(bands.committed()["bands"])  # Bonferroni's, over every value that has a band
    return [row for row in rows if row["z_ours"] is not None and p_value(row["z_ours"]) < limit]


def variants_with_values(chapter):
    """Return the variants that published values are about; training the others would show nothing more.

    It is empty, which stands for all, if a value is about several of them, as a difference is.
    """
    named = {row["run"] for row in published_values() if row["chapter"] == chapter.name}
    runs = chapter.runs(chapter.HParams())
    if not named <= {name for run in runs for name in (run.variant, run.label)}:
        return ()
    return tuple(dict.fromkeys(run.variant for run in runs if named & {run.variant, run.label}))


def test_variants_with_values_are_those_that_a_table_of_values_names():
    found = {
        name: variants_with_values(importlib.import_module(f"chapters.{name}").chapter)
        for name in ("dropout", "lstm_sine", "polynomial_fitting", "xor")
    }
    assert found == {
        "dropout": ("",),
        "lstm_sine": ("book, ten points at once",),
        "polynomial_fitting": ("cubic", "linear", "two examples"),
        "xor": (),
    }


def test_softmax_regression_agrees_with_our_seeds_on_the_real_files(real_data):
    result = softmax_regression.run(data_dir=real_data)
    assert result.dataset == "fashion_mnist"
    assert len(result.published) == 6
    assert all(row["within"] for row in result.published)
    assert failures(result.published) == []
    assert result.parity["max_abs_diff"] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_chapter_with_seed_0_agrees_with_our_seeds(name, real_data):
    chapter = importlib.import_module(f"chapters.{name}").chapter
    result = chapter.run(only=variants_with_values(chapter))
    assert result.published
    assert unlikely(result.published) == []
    assert all(pair["left_at"] is None for pair in result.parity["pairs"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_FASHION)
def test_seed_that_no_band_was_measured_with_agrees_with_the_bands(name, real_data):
    chapter = importlib.import_module(f"chapters.{name}").chapter
    rows = chapter.run(seed=1001, only=variants_with_values(chapter)).published
    assert rows
    assert all(row["within"] is not None for row in rows)
    assert unlikely(rows) == []
