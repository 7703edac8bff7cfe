"""A made-up house table in the competition's form, for machines without its files.

No row of it was ever a house. It has the 81 columns with their types, levels and kinds of missing values, and
prices that follow from size, quality, age and neighbourhood, so that there is something to learn.
"""

import numpy as np
import pandas as pd

from .schema import CATEGORY, COLUMNS, ORDINAL, TEXT

NUM_TRAIN, NUM_TEST = 1460, 1459  # as many as the competition has
# Share of houses that lack the thing, and so have no level for it.
ABSENT = {"Alley": 0.93, "PoolQC": 0.99, "Fence": 0.8, "MiscFeature": 0.96, "FireplaceQu": 0.48}
GARAGE = "GarageType GarageFinish GarageQual GarageCond".split()
BASEMENT = "BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinType2".split()


def generated_tables(seed=0):
    """Train and test frames as `data.read_table` gives them."""
    houses = _houses(np.random.RandomState(seed), NUM_TRAIN + NUM_TEST)
    frame = pd.DataFrame(houses)[COLUMNS]
    train, test = frame[:NUM_TRAIN], frame[NUM_TRAIN:].reset_index(drop=True)
    return train, test.drop(columns="SalePrice")


def _houses(rng, n):
    """Column -> values. A few hidden traits (grade, size, age) make the columns hang together."""
    grade, size = rng.normal(size=n), rng.normal(size=n)
    size = 0.6 * grade + 0.8 * size
    columns = {name: _category(rng, levels, n) for name, levels in CATEGORY.items()}
    columns.update({name: _ordinal(rng, levels, grade) for name, levels in ORDINAL.items()})
    _add_numbers(columns, rng, grade, size)
    _make_absent(columns, rng)
    columns["SalePrice"] = _prices(columns, rng, grade)
    return {
        name: np.array(values, dtype=object) if name in TEXT else values for name, values in columns.items()
    }


def _category(rng, levels, n):
    # Frequencies fall like those of many such columns: most houses have the first level.
    p = 1.0 / np.arange(1, len(levels) + 1) ** (1.0 if len(levels) > 20 else 2.5)
    return list(rng.choice(levels, size=n, p=p / p.sum()))


def _ordinal(rng, levels, grade):
    # Good houses are good in most things; the middle levels are the most frequent.
    place = len(levels) / 2 + 0.5 * grade + 0.7 * rng.normal(size=len(grade))
    return [levels[i] for i in np.clip(place, 0, len(levels) - 1).astype(int)]


def _add_numbers(columns, rng, grade, size):
    n = len(grade)
    built = np.clip(2011 - rng.gamma(1.6, 22, n) * np.exp(-0.3 * grade), 1872, 2010).round()
    first = np.clip(1150 * np.exp(0.28 * size + 0.1 * rng.normal(size=n)), 334, 5000).round()
    second = np.where(rng.rand(n) < 0.43, (first * rng.uniform(0.5, 1, n)).round(), 0)
    low = np.where(rng.rand(n) < 0.02, rng.randint(80, 570, n), 0)
    basement = (first * np.clip(rng.normal(0.95, 0.15, n), 0, 1.5)).round()
    finished = (basement * np.clip(rng.normal(0.4, 0.35, n), 0, 1)).round()
    finished2 = np.where(rng.rand(n) < 0.12, ((basement - finished) * rng.uniform(0, 1, n)).round(), 0)
    living = first + second + low
    cars = np.clip((1.8 + 0.5 * size + 0.4 * rng.normal(size=n)).round(), 0, 5)
    sold = rng.randint(2006, 2011, n)
    columns.update(
        {
            "Id": np.arange(1, n + 1),
            "MSSubClass": rng.choice(
                [20, 60, 50, 120, 30, 160, 70, 80, 90, 190, 85, 75, 45, 180, 40],
                size=n,
                p=np.array([36, 20, 10, 6, 5, 4.3, 4, 4, 4, 2, 1.5, 1, 1, 0.7, 0.5]) / 100,
            ),
            "LotFrontage": np.where(
                rng.rand(n) < 0.17, np.nan, np.clip(rng.normal(69, 18, n), 21, 313).round()
            ),
            "LotArea": np.clip(9500 * np.exp(0.35 * rng.normal(size=n) + 0.15 * size), 1300, 215000).round(),
            "OverallQual": np.clip((6 + 1.3 * grade + 0.4 * rng.normal(size=n)).round(), 1, 10),
            "OverallCond": np.clip((5.6 + rng.normal(size=n)).round(), 1, 9),
            "YearBuilt": built,
            "YearRemodAdd": np.clip(
                built + np.where(rng.rand(n) < 0.5, rng.uniform(0, 60, n), 0), 1950, 2010
            ).round(),
            "MasVnrArea": np.where(rng.rand(n) < 0.6, 0, rng.gamma(2, 130, n).round()),
            "BsmtFinSF1": finished,
            "BsmtFinSF2": finished2,
            "BsmtUnfSF": basement - finished - finished2,
            "TotalBsmtSF": basement,
            "1stFlrSF": first,
            "2ndFlrSF": second,
            "LowQualFinSF": low,
            "GrLivArea": living,
            "BsmtFullBath": (rng.rand(n) < 0.42) * 1,
            "BsmtHalfBath": (rng.rand(n) < 0.06) * 1,
            "FullBath": np.clip((living / 900).round(), 1, 4),
            "HalfBath": (rng.rand(n) < 0.37) * 1,
            "BedroomAbvGr": np.clip((living / 520).round(), 0, 8),
            "KitchenAbvGr": 1 + (rng.rand(n) < 0.045),
            "TotRmsAbvGrd": np.clip((living / 240 + rng.normal(size=n)).round(), 2, 15),
            "Fireplaces": np.clip((0.6 + 0.5 * grade + 0.4 * rng.normal(size=n)).round(), 0, 4),
            "GarageYrBlt": built,
            "GarageCars": cars,
            "GarageArea": (cars * rng.normal(270, 30, n)).round(),
            "PoolArea": np.where(rng.rand(n) < 0.005, rng.randint(144, 800, n), 0),
            "MiscVal": np.where(rng.rand(n) < 0.035, rng.randint(50, 3000, n), 0),
            "MoSold": rng.randint(1, 13, n),
            "YrSold": sold,
        }
    )
    for name, share in {
        "WoodDeckSF": 0.48,
        "OpenPorchSF": 0.55,
        "EnclosedPorch": 0.16,
        "3SsnPorch": 0.013,
        "ScreenPorch": 0.09,
    }.items():
        columns[name] = np.where(rng.rand(n) < share, rng.gamma(2.5, 60, n).round(), 0)
    for name, values in columns.items():
        if name not in TEXT:
            columns[name] = np.asarray(values, dtype=np.int64 if name == "Id" else np.float64)


def _make_absent(columns, rng):
    """Take away the levels, and the numbers, of what a house lacks."""
    n = len(columns["Id"])
    gone = {name: rng.rand(n) < share for name, share in ABSENT.items()}
    gone.update(dict.fromkeys(GARAGE, columns["GarageCars"] == 0))
    no_basement = rng.rand(n) < 0.027
    gone.update(dict.fromkeys(BASEMENT, no_basement))
    for name, houses in gone.items():
        columns[name] = [np.nan if absent else value for value, absent in zip(columns[name], houses)]
    columns["GarageYrBlt"] = np.where(columns["GarageCars"] == 0, np.nan, columns["GarageYrBlt"])
    for name in ("BsmtFinSF1", "BsmtFinSF2", "BsmtUnfSF", "TotalBsmtSF", "BsmtFullBath", "BsmtHalfBath"):
        columns[name] = np.where(no_basement, 0, columns[name])


def _prices(columns, rng, grade):
    """US dollars, rounded to hundreds."""
    worth = dict(zip(CATEGORY["Neighborhood"], np.linspace(0.12, -0.12, 25)[rng.permutation(25)]))
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
        + np.array([worth[v] for v in columns["Neighborhood"]])
        + np.where(np.array(columns["SaleCondition"]) == "Abnorml", -0.12, 0)
        + 0.1 * rng.standard_t(5, len(grade))
    )
    return (np.exp(log_price) / 100).round() * 100
