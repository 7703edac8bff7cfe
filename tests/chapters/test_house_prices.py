"""Test what the chapter on house prices takes from an article, on generated houses."""

import functools

import numpy as np
import pytest

from chapters import house_prices
from chapters.house_prices import LONG, SCORES, SHORT, Article, HParams
from d2l_repro.settings import MAX_SEED, Options
from kaggle_house.recipes import ARTICLE

HP = HParams(num_epochs=1, k=2, trials=2)
TRIAL = (7, 1)  # a seed and the number of a trial


@functools.lru_cache
def result(seed=0, **settings):
    return house_prices.run(HP.replace(**settings), dataset="generated", seed=seed, impl="gluon")


@functools.lru_cache
def houses():
    return house_prices.data(Article(LONG, HP.k), Options(dataset="generated")).source


@functools.lru_cache
def validated(build, num_epochs=SHORT, trial=TRIAL):
    return house_prices.cross_validate(build, Article(num_epochs, HP.k), houses(), trial)


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def test_article_has_the_settings_of_the_recipe():
    hp = Article(SHORT, 5)
    assert [hp.lr, hp.batch_size, hp.num_epochs] == [ARTICLE.lr, ARTICLE.batch_size, ARTICLE.num_epochs]
    assert (ARTICLE.lr, ARTICLE.wd, ARTICLE.num_hiddens, ARTICLE.shuffle) == (0.1, 0, 0, False)
    assert ARTICLE.log_target
    assert ARTICLE.standardise_target


def test_standardized_has_mean_0_and_std_1_and_can_be_undone():
    prices = np.array([50_000, 120_000, 300_000, 755_000], np.float32)
    target, to_prices = house_prices.standardized(prices)
    assert target.asnumpy().mean() == pytest.approx(0, abs=1e-5)
    assert target.asnumpy().std() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(to_prices(target).asnumpy(), prices, rtol=1e-5)


def test_standardized_of_equal_prices_is_0():
    target, to_prices = house_prices.standardized(np.full(3, 100_000, np.float32))
    assert target.asnumpy().tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    np.testing.assert_allclose(to_prices(target).asnumpy(), 100_000, rtol=1e-5)


def test_split_standardizes_by_the_training_rows_only():
    X, prices = (array.asnumpy() for array in houses().train)
    parts = [
        house_prices.split(X, prices * scale, None, None, Article(1, HP.k, fold=1))
        for scale in (1, np.where(np.arange(len(prices)) < len(prices) // HP.k, 10, 1).astype(np.float32))
    ]
    np.testing.assert_array_equal(*(part.target.asnumpy() for part in parts))
    assert parts[1].valid[1][0] == 10 * parts[0].valid[1][0]


def test_seed_from_gives_every_fold_of_every_trial_and_seed_its_own():
    seeds = {
        house_prices.seed_from(seed, trial, fold)
        for seed in range(20)
        for trial in range(1, 5)
        for fold in range(1, 6)
    }
    assert len(seeds) == 400
    assert all(0 <= seed < MAX_SEED for seed in seeds)


def test_over_folds_returns_means_and_population_standard_deviations():
    rows = [{"epoch": 3, "train_log_rmse": x, "valid_log_rmse": 2 * x, "seconds": 1.0} for x in (0.1, 0.3)]
    scores = house_prices.over_folds(rows)
    assert scores == pytest.approx(
        {
            "epoch": 3,
            "train_log_rmse": 0.2,
            "valid_log_rmse": 0.4,
            "train_log_rmse_std": 0.1,
            "valid_log_rmse_std": 0.2,
            "seconds": 2.0,
        }
    )


def test_ten_epochs_are_the_first_ten_of_twenty():
    short = validated(house_prices.with_gluon)
    long = validated(house_prices.with_gluon, LONG)
    assert without_seconds(short) == without_seconds(long[:SHORT])


def test_cross_validate_gives_the_same_scores_from_scratch_and_with_gluon():
    ours, theirs = (validated(build)[-1] for build in (house_prices.from_scratch, house_prices.with_gluon))
    for name in SCORES:
        assert ours[name] == pytest.approx(theirs[name], rel=1e-3)


def test_cross_validate_draws_other_numbers_for_another_trial_and_another_seed():
    scores = {
        validated(house_prices.with_gluon, SHORT, trial)[-1]["train_log_rmse"]
        for trial in (TRIAL, (7, 2), (8, 1))
    }
    assert len(scores) == 3


def test_printed_numbers_are_the_first_trials_after_both_lengths():
    history = result().find("gluon", "article trial 1").history
    for num_epochs in (SHORT, LONG):
        metrics = result().find("gluon", f"article {num_epochs} epochs").metrics
        assert metrics.keys() == {*SCORES, *(f"{name}_std" for name in SCORES)}
        assert metrics == {name: history[num_epochs - 1][name] for name in metrics}


def test_conclusions_are_mean_differences_over_the_trials():
    trials = [result().find("gluon", f"article trial {i}").history for i in (1, 2)]
    stds = [rows[SHORT - 1]["train_log_rmse_std"] - rows[LONG - 1]["train_log_rmse_std"] for rows in trials]
    gaps = [np.subtract(rows["valid_log_rmse"], rows["train_log_rmse"]) for rows in trials]
    assert result().find("gluon", "conclusions").metrics == pytest.approx(
        {
            "train_std_10_minus_20": np.mean(stds),
            "gap_20_minus_10": np.mean([gap[LONG - 1] - gap[SHORT - 1] for gap in gaps]),
        }
    )


def test_trials_do_not_depend_on_their_number():
    one, two = (result(trials=n).find("gluon", "article trial 1") for n in (1, 2))
    assert without_seconds(one.history) == without_seconds(two.history)
    assert result(trials=1).find("gluon", "article trial 2") is None


def test_scores_of_the_article_are_of_prices():
    run = result().find("gluon", f"article {LONG} epochs, all rows")
    X, prices = houses().train
    predicted = houses().to_prices(run.model.net(X)).asnumpy().ravel()
    error = np.sqrt(np.mean((np.log(predicted) - np.log(prices.asnumpy())) ** 2))
    assert run.metrics["train_log_rmse"] == pytest.approx(error, rel=1e-4)


def test_submissions_stand_side_by_side_in_dollars():
    (table,) = (rows for title, rows in result().tables.items() if "three submissions" in title)
    assert [list(row) for row in table] == [["Id", "book", "article 10 epochs", "article 20 epochs"]] * 3
    assert [row["Id"] for row in table] == houses().test_ids[:3].tolist()
    lowest, highest = houses().train[1].min().asscalar() / 3, houses().train[1].max().asscalar() * 3
    assert all(lowest < row["article 20 epochs"] < highest for row in table)


def test_run_of_one_fold_has_no_trials():
    alone = house_prices.run(HP.replace(fold=2), dataset="generated", impl="gluon")
    assert list(alone.labelled()) == ["gluon fold 2", "data"]


def test_published_files_give_the_331_features_of_the_book_and_the_article(real_data):
    _, X, X_test = house_prices.features("kaggle_house", real_data, None)
    assert X.shape[1] == X_test.shape[1] == 331


def test_article_without_standardized_prices_stays_far_from_them():
    scores = result().find("gluon", "article, prices as they are").metrics
    assert (
        scores["valid_log_rmse"] > 5
    )  # e^5 times too small: Adam moves the bias by the learning rate a step
