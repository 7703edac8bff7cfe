"""Find what is possible in a table of houses, but hardly meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from d2l_repro.language import mark, tr

from .schema import CATEGORY

AS_IT_IS = mark("the recipes book and article take it as it is")
# Column of a year -> what the engineered features make of one after the sale.
YEARS = {
    "YearBuilt": mark("the house counts as new"),
    "YearRemodAdd": mark("the house counts as just remodelled"),
    "GarageYrBlt": mark("YearBuilt is taken instead"),
}
# Area -> the areas that add up to it.
SUMS = {
    "GrLivArea": ("1stFlrSF", "2ndFlrSF", "LowQualFinSF"),
    "TotalBsmtSF": ("BsmtFinSF1", "BsmtFinSF2", "BsmtUnfSF"),
}
ON_THE_LOT = ("1stFlrSF", "TotalBsmtSF", "GarageArea")  # no area of these is larger than the lot
MAX_SHOWN = 40  # characters of a level that a message shows

Oddity = tuple[str, np.ndarray, str, str]  # column, rows, what is odd about the first, what is done about it


def find_oddities(table: pd.DataFrame, lines: Sequence[int]) -> list[str]:
    """Return a line for each kind of oddity in each column: unknown levels, years after the sale, areas.

    Args:
        table: as `reading.read_table` returns it.
        lines: number of each row's line in the file.
    """
    messages = []
    for column, rows, problem, remedy in (*_levels(table), *_years(table), *_areas(table)):
        if len(rows) > 1:
            problem = tr("{problem} (so in {count} lines)", problem=problem, count=len(rows))
        message = tr(
            "line {line}, column {column}: {problem}; {remedy}",
            line=lines[rows[0]],
            column=column,
            problem=problem,
            remedy=remedy,
        )
        messages.append(message)
    return messages


def _levels(table: pd.DataFrame) -> Iterator[Oddity]:
    for column, levels in CATEGORY.items():
        unknown = table[column].notna() & ~table[column].isin(levels)
        for level in table.loc[unknown, column].unique():
            rows = np.flatnonzero(table[column] == level)
            problem = tr("{value} is none of the competition's levels", value=repr(level[:MAX_SHOWN]))
            remedy = tr(
                "a model that was trained on such houses has learned it, for any other the house is of no "
                "{column}",
                column=column,
            )
            yield column, rows, problem, remedy


def _years(table: pd.DataFrame) -> Iterator[Oddity]:
    for column, engineered in YEARS.items():
        rows = np.flatnonzero(table[column] > table["YrSold"])
        if len(rows):
            year, sold = (table[name].iloc[rows[0]] for name in (column, "YrSold"))
            problem = tr("{year} is after the sale in {sold}", year=f"{year:g}", sold=f"{sold:g}")
            yield column, rows, problem, _remedy(engineered)


def _remedy(engineered: str) -> str:
    return tr("{engineered}; {otherwise}", engineered=tr(engineered), otherwise=tr(AS_IT_IS))


def _areas(table: pd.DataFrame) -> Iterator[Oddity]:
    clipped = _remedy(mark("the engineered features are kept within those of the training houses"))
    for total, parts in SUMS.items():
        sums = table[list(parts)].fillna(0).sum(axis=1)
        rows = np.flatnonzero(table[total].notna() & (table[total] != sums))
        if len(rows):
            problem = tr(
                "{area} is not {parts} = {sum}",
                area=f"{table[total].iloc[rows[0]]:g}",
                parts=" + ".join(parts),
                sum=f"{sums.iloc[rows[0]]:g}",
            )
            yield total, rows, problem, clipped
    for column in ON_THE_LOT:
        rows = np.flatnonzero(table[column] > table["LotArea"])
        if len(rows):
            area, lot = (table[name].iloc[rows[0]] for name in (column, "LotArea"))
            problem = tr("{area} is more than the LotArea, {lot}", area=f"{area:g}", lot=f"{lot:g}")
            yield column, rows, problem, clipped
    rows = np.flatnonzero(table["GrLivArea"] == 0)
    if len(rows):
        yield "GrLivArea", rows, tr("a house has a living area above 0"), clipped
