"""Tests that the houses held out from development follow from their Ids, and are seen by nothing."""

import numpy as np

from kaggle_house import held_out
from kaggle_house.data import Tables
from kaggle_house.generated import generated_tables
from kaggle_house.recipes import TUNED

TRAIN, TEST = generated_tables()
FEW = Tables(TRAIN.head(100), TEST.head(10), name="generated")


def test_is_held_out_takes_a_fifth_which_depends_on_the_id_alone():
    # As written down when the recipe `blend` was begun; another choice would be another judgement.
    assert np.flatnonzero(held_out.is_held_out(range(1, 41))).tolist() == [4, 20, 21, 22, 25, 26]
    found = held_out.is_held_out(TRAIN["Id"])
    assert 0.17 < found.mean() < 0.23
    order = np.random.RandomState(0).permutation(len(TRAIN))
    np.testing.assert_array_equal(held_out.is_held_out(TRAIN["Id"].iloc[order]), found[order])


def test_development_tables_have_all_other_houses():
    kept = held_out.development_tables(FEW).train
    assert not held_out.is_held_out(kept["Id"]).any()
    assert len(kept) == (~held_out.is_held_out(FEW.train["Id"])).sum()


def test_held_out_score_uses_no_price_of_the_houses_that_it_judges():
    recipe = TUNED.replace(num_epochs=1, num_hiddens=4, num_nets=1)
    judged = held_out.is_held_out(FEW.train["Id"])
    doubled = FEW.train.assign(SalePrice=np.where(judged, 2, 1) * FEW.train["SalePrice"])
    tables = Tables(doubled, FEW.test, name="generated")
    # The same predictions for true prices that are twice as high: every error falls by log 2.
    found = [held_out.held_out_score(recipe, houses) for houses in (FEW, tables)]
    estimator = held_out.fit_recipe(recipe, FEW, np.flatnonzero(~judged))
    houses = FEW.train[judged]
    errors = np.log(estimator.predict(houses)) - np.log(houses["SalePrice"].to_numpy())
    np.testing.assert_allclose(found, [np.sqrt(np.mean((errors - shift) ** 2)) for shift in (0, np.log(2))])
