"""Generate a table of houses in the competition's form, for machines that do not have its files.

No row describes a real house. The table has the 81 columns with their types, levels and kinds of missing
values, and prices that follow from size, quality, age and neighborhood, so that there is something to learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .schema import CATEGORY, COLUMNS, ORDINAL, TEXT

NUM_TRAIN, NUM_TEST = 1460, 1459  # as many as the competition has
# Share of houses that do not have the thing, and so have no level for it.
ABSENT = {"Alley": 0.93, "PoolQC": 0.99, "Fence": 0.8, "MiscFeature": 0.96, "FireplaceQu": 0.48}
GARAGE_LEVELS = "GarageType GarageFinish GarageQual GarageCond".split()
BASEMENT_LEVELS = "BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinType2".split()
BASEMENT_NUMBERS = "BsmtFinSF1 BsmtFinSF2 BsmtUnfSF TotalBsmtSF BsmtFullBath BsmtHalfBath".split()
# Share of houses with such a deck or porch.
PORCHES = {
    "WoodDeckSF": 0.48,
    "OpenPorchSF": 0.55,
    "EnclosedPorch": 0.16,
    "3SsnPorch": 0.013,
    "ScreenPorch": 0.09,
}
# Types of dwelling, and how many in a hundred houses are of each.
SUBCLASSES = [20, 60, 50, 120, 30, 160, 70, 80, 90, 190, 85, 75, 45, 180, 40]
SUBCLASS_WEIGHTS = [36, 20, 10, 6, 5, 4.3, 4, 4, 4, 2, 1.5, 1, 1, 0.7, 0.5]

Columns = dict[str, Any]  # name -> values, (houses,)


def generated_tables(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a training and a test table in the form of `data.read_table`."""
    houses = _generate_houses(np.random.RandomState(seed), NUM_TRAIN + NUM_TEST)
    frame = pd.DataFrame(houses)[COLUMNS]
    train, test = frame[:NUM_TRAIN], frame[NUM_TRAIN:].reset_index(drop=True)
    return train, test.drop(columns="SalePrice")


def _generate_houses(rng: np.random.RandomState, n: int) -> Columns:
    """Draw every column; hidden traits that they share (grade, size, age) make the columns correlate."""
    grade, size = rng.normal(size=n), rng.normal(size=n)
    size = 0.6 * grade + 0.8 * size
    columns = {name: _draw_category(rng, levels, n) for name, levels in CATEGORY.items()}
    columns.update({name: _draw_grade(rng, levels, grade) for name, levels in ORDINAL.items()})
    columns.update(_draw_numbers(rng, grade, size))
    _remove_absent(columns, rng)
    columns["SalePrice"] = _prices(columns, rng, grade)
    return {
        name: np.array(values, dtype=object) if name in TEXT else values for name, values in columns.items()
    }


def _draw_category(rng, levels, n):
    # The first level is the most frequent, and frequencies fall as they do in many such columns.
    p = 1.0 / np.arange(1, len(levels) + 1) ** (1.0 if len(levels) > 20 else 2.5)
    return list(rng.choice(levels, size=n, p=p / p.sum()))


def _draw_grade(rng, levels, grade):
    # Good houses are good in most respects; the middle levels are the most frequent.
    place = len(levels) / 2 + 0.5 * grade + 0.7 * rng.normal(size=len(grade))
    return [levels[i] for i in np.clip(place, 0, len(levels) - 1).astype(int)]


def _draw_numbers(rng, grade, size) -> Columns:
    """Draw the numeric columns but SalePrice: Id as int64, the others as float64."""
    n = len(grade)
    built = np.clip(2011 - rng.gamma(1.6, 22, n) * np.exp(-0.3 * grade), 1872, 2010).round()
    areas = _draw_areas(rng, size)
    cars = np.clip((1.8 + 0.5 * size + 0.4 * rng.normal(size=n)).round(), 0, 5)
    sold = rng.randint(2006, 2011, n)
    columns = {
        **_draw_building(rng, grade, size, built),
        **areas,
        **_draw_rooms(rng, grade, areas["GrLivArea"]),
        "GarageYrBlt": built,
        "GarageCars": cars,
        "GarageArea": (cars * rng.normal(270, 30, n)).round(),
        "PoolArea": np.where(rng.rand(n) < 0.005, rng.randint(144, 800, n), 0),
        "MiscVal": np.where(rng.rand(n) < 0.035, rng.randint(50, 3000, n), 0),
        "MoSold": rng.randint(1, 13, n),
        "YrSold": sold,
    }
    for name, share in PORCHES.items():
        columns[name] = np.where(rng.rand(n) < share, rng.gamma(2.5, 60, n).round(), 0)
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    return {"Id": np.arange(1, n + 1, dtype=np.int64), **columns}


def _draw_areas(rng, size) -> Columns:
    """Draw the areas of floors and basement, in square feet."""
    n = len(size)
    first = np.clip(1150 * np.exp(0.28 * size + 0.1 * rng.normal(size=n)), 334, 5000).round()
    second = np.where(rng.rand(n) < 0.43, (first * rng.uniform(0.5, 1, n)).round(), 0)
    low = np.where(rng.rand(n) < 0.02, rng.randint(80, 570, n), 0)
    basement = (first * np.clip(rng.normal(0.95, 0.15, n), 0, 1.5)).round()
    finished = (basement * np.clip(rng.normal(0.4, 0.35, n), 0, 1)).round()
    finished2 = np.where(rng.rand(n) < 0.12, ((basement - finished) * rng.uniform(0, 1, n)).round(), 0)
    return {
        "BsmtFinSF1": finished,
        "BsmtFinSF2": finished2,
        "BsmtUnfSF": basement - finished - finished2,
        "TotalBsmtSF": basement,
        "1stFlrSF": first,
        "2ndFlrSF": second,
        "LowQualFinSF": low,
        "GrLivArea": first + second + low,
    }


def _draw_building(rng, grade, size, built) -> Columns:
    """Draw what describes the lot and the building as a whole."""
    n = len(grade)
    return {
        "MSSubClass": rng.choice(SUBCLASSES, size=n, p=np.array(SUBCLASS_WEIGHTS) / 100),
        "LotFrontage": np.where(rng.rand(n) < 0.17, np.nan, np.clip(rng.normal(69, 18, n), 21, 313).round()),
        "LotArea": np.clip(9500 * np.exp(0.35 * rng.normal(size=n) + 0.15 * size), 1300, 215000).round(),
        "OverallQual": np.clip((6 + 1.3 * grade + 0.4 * rng.normal(size=n)).round(), 1, 10),
        "OverallCond": np.clip((5.6 + rng.normal(size=n)).round(), 1, 9),
        "YearBuilt": built,
        "YearRemodAdd": np.clip(
            built + np.where(rng.rand(n) < 0.5, rng.uniform(0, 60, n), 0), 1950, 2010
        ).round(),
        "MasVnrArea": np.where(rng.rand(n) < 0.6, 0, rng.gamma(2, 130, n).round()),
    }


def _draw_rooms(rng, grade, living_area) -> Columns:
    """Draw how many rooms and fireplaces there are."""
    n = len(grade)
    return {
        "BsmtFullBath": rng.rand(n) < 0.42,
        "BsmtHalfBath": rng.rand(n) < 0.06,
        "FullBath": np.clip((living_area / 900).round(), 1, 4),
        "HalfBath": rng.rand(n) < 0.37,
        "BedroomAbvGr": np.clip((living_area / 520).round(), 0, 8),
        "KitchenAbvGr": 1 + (rng.rand(n) < 0.045),
        "TotRmsAbvGrd": np.clip((living_area / 240 + rng.normal(size=n)).round(), 2, 15),
        "Fireplaces": np.clip((0.6 + 0.5 * grade + 0.4 * rng.normal(size=n)).round(), 0, 4),
    }


def _remove_absent(columns: Columns, rng: np.random.RandomState) -> None:
    """Remove, in place, the levels and the numbers of what a house does not have."""
    n = len(columns["Id"])
    absent = {name: rng.rand(n) < share for name, share in ABSENT.items()}
    no_garage = columns["GarageCars"] == 0
    no_basement = rng.rand(n) < 0.027
    absent.update(dict.fromkeys(GARAGE_LEVELS, no_garage))
    absent.update(dict.fromkeys(BASEMENT_LEVELS, no_basement))
    for name, rows in absent.items():
        columns[name] = [np.nan if gone else value for value, gone in zip(columns[name], rows)]
    columns["GarageYrBlt"] = np.where(no_garage, np.nan, columns["GarageYrBlt"])
    for name in BASEMENT_NUMBERS:
        columns[name] = np.where(no_basement, 0, columns[name])


def _prices(columns: Columns, rng: np.random.RandomState, grade: np.ndarray) -> np.ndarray:
    """Return prices in US dollars, rounded to hundreds."""
    premium = dict(zip(CATEGORY["Neighborhood"], np.linspace(0.12, -0.12, 25)[rng.permutation(25)]))
    area = columns["GrLivArea"] + 0.45 * columns["TotalBsmtSF"]
    log_price = (
        12.0
        + 0.75 * np.log(area / 2000)
        + 0.085 * (columns["OverallQual"] - 6)
        + 0.03 * (columns["OverallCond"] - 5.6)
        - 0.0022 * (2010 - columns["YearBuilt"])
        + 0.05 * columns["GarageCars"]
        + 0.04 * columns["Fireplaces"]
        + 0.03 * grade
        + 0.08 * np.log(columns["LotArea"] / 9500)
        + np.array([premium[name] for name in columns["Neighborhood"]])
        + np.where(np.array(columns["SaleCondition"]) == "Abnorml", -0.12, 0)
        + 0.1 * rng.standard_t(5, len(grade))
    )
    return (np.exp(log_price) / 100).round() * 100
