"""What `HouseNumbers` makes of a house, worked out by hand."""

import numpy as np
import pytest

from kaggle_house.features import FLAGGED, HouseNumbers
from kaggle_house.generated import generated_tables

HOUSES = generated_tables()[0].head(3)
HOUSE = {
    "YrSold": 2010, "YearBuilt": 2000, "YearRemodAdd": 2005, "GarageYrBlt": 2001,
    "TotalBsmtSF": 100, "1stFlrSF": 20, "2ndFlrSF": 3, "GrLivArea": 30, "BsmtFinSF1": 200, "BsmtFinSF2": 4000,
    "FullBath": 2, "BsmtFullBath": 1, "HalfBath": 3, "BsmtHalfBath": 1,
    "WoodDeckSF": 1, "OpenPorchSF": 20, "EnclosedPorch": 300, "3SsnPorch": 4000, "ScreenPorch": 50_000,
    "PoolArea": 0, "GarageArea": 1, "Fireplaces": 0, "MasVnrArea": 7,
}  # fmt: skip


def numbers_of(**changes):
    """Return the features of a house with these values."""
    house = HOUSES.head(1).assign(**{**HOUSE, **changes})
    return HouseNumbers().fit(HOUSES).transform(house).iloc[0]


def test_totals_and_ages_are_sums_and_differences():
    found = numbers_of()
    expected = {
        "TotalArea": 123, "FinishedArea": 4230, "TotalBaths": 5, "PorchArea": 54_321,
        "Age": 10, "SinceRemodelled": 5, "IsNew": 0, "Remodelled": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    flags = {
        "PoolArea": 0,
        "2ndFlrSF": 1,
        "GarageArea": 1,
        "TotalBsmtSF": 1,
        "Fireplaces": 0,
        "MasVnrArea": 1,
    }
    assert {name: found[f"Has{name}"] for name in FLAGGED} == {**flags, "WoodDeckSF": 1}


def test_a_house_that_was_sold_before_it_was_built_is_new():
    found = numbers_of(YrSold=2006, YearBuilt=2007, YearRemodAdd=2008)
    assert (found["Age"], found["SinceRemodelled"], found["IsNew"]) == (0, 0, 1)
    found = numbers_of(YrSold=2006, YearBuilt=2006, YearRemodAdd=2006)
    assert (found["Age"], found["IsNew"], found["Remodelled"]) == (0, 1, 0)


@pytest.mark.parametrize(("built", "expected"), [(2011, 2000), (2207, 2000), (2010, 2010), (np.nan, 2000)])
def test_a_garage_is_not_built_after_the_sale(built, expected):
    assert numbers_of(GarageYrBlt=built)["GarageYrBlt"] == expected


def test_a_missing_frontage_is_the_median_of_the_neighborhood_or_else_of_all():
    known = HOUSES.assign(LotFrontage=[50.0, 70.0, 90.0], Neighborhood=["NAmes", "NAmes", "OldTown"])
    features = HouseNumbers().fit(known)
    missing = known.assign(LotFrontage=np.nan, Neighborhood=["NAmes", "OldTown", "Gilbert"])
    assert features.transform(missing)["LotFrontage"].tolist() == [60, 90, 70]
    nothing = HouseNumbers().fit(known.assign(LotFrontage=np.nan))
    assert nothing.transform(missing)["LotFrontage"].tolist() == [0, 0, 0]


def test_what_is_missing_counts_as_nothing():
    found = numbers_of(MasVnrArea=np.nan, TotalBsmtSF=np.nan, BsmtHalfBath=np.nan)
    assert (found["HasMasVnrArea"], found["HasTotalBsmtSF"]) == (0, 0)
    assert (found["TotalArea"], found["TotalBaths"]) == (23, 4.5)
