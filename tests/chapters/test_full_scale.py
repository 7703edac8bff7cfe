"""Compare full-scale runs on the real files with every published value."""

import importlib
import statistics

import pytest

from chapters import softmax_regression
from d2l_repro.results.catalogue import entries
from d2l_repro.results.published import published_values

# Each takes between five minutes and two hours on two cores; their own tests run parts of them.
TOO_LONG = {"fully_connected_nets", "mnist_regularization", "lenet", "language_model"}
COMPARED = sorted((entries().keys() & {row["chapter"] for row in published_values()}) - TOO_LONG)
# The notes of these rows in published.csv say why.
NOT_REPRODUCED = {"optimizers": {("softmax momentum best", "gap")}}
ON_FASHION = ("softmax_regression", "mlp", "dropout")


def test_softmax_regression_meets_every_published_value_on_the_real_files(real_data):
    result = softmax_regression.run(data_dir=real_data)
    assert result.dataset == "fashion_mnist"
    assert len(result.published) == 6
    assert result.outside == []
    assert result.parity["max_abs_diff"] < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_chapter_with_seed_0_meets_every_published_value(name, real_data):
    result = importlib.import_module(f"chapters.{name}").run()
    assert result.published
    assert {(row["run"].partition(" ")[2], row["metric"]) for row in result.outside} == NOT_REPRODUCED.get(
        name, set()
    )
    assert all(pair["left_at"] is None for pair in result.parity["pairs"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_FASHION)
def test_chapter_has_its_mean_over_five_seeds_in_every_band(name, real_data):
    results = [importlib.import_module(f"chapters.{name}").run(seed=seed) for seed in range(5)]
    for rows in zip(*(result.published for result in results)):
        mean = statistics.mean(row["ours"] for row in rows)
        assert rows[0]["low"] <= mean <= rows[0]["high"], (rows[0]["run"], rows[0]["metric"], mean)
