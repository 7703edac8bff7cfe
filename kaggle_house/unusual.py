"""Find the houses whose prices are predicted worst, and say what is unusual about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from d2l_repro.language import mark, retell, tr

from .schema import FEATURES, NUMERIC

RARE = 0.015  # share of the houses that have such a value, below which it is unusual
MAX_NAMED = 4  # unusual values that are named of a house
# What explain.json says in English; `in_language` says it in the reader's.
MISSING = mark("{name} missing")
PER_AREA = mark("price per living area {share} of the median of its neighborhood")
RANKS = (
    mark("the highest"),
    mark("the lowest"),
    mark("among the {share} highest"),
    mark("among the {share} lowest"),
    mark("{share} of the houses"),
)
IDENTIFIERS = ("MSSubClass",)  # numbers that stand for kinds


def largest_errors(train: pd.DataFrame, predicted: np.ndarray, count: int = 10) -> list[dict[str, Any]]:
    """Return the houses that are predicted worst, the worst first.

    Args:
        train: training table.
        predicted: their out-of-fold prices, (rows,).
        count: how many.

    Returns:
        Id, price, predicted (US dollars), error (share of the price), and unusual: what few houses have, the
        rarest first.
    """
    prices = train["SalePrice"].to_numpy()
    worst = np.argsort(-np.abs(np.log(predicted) - np.log(prices)), kind="stable")[:count]
    rarities = _rarities(train, worst)
    return [
        {
            "Id": int(train["Id"].iloc[row]),
            "price": float(prices[row]),
            "predicted": float(predicted[row]),
            "error": float(predicted[row] / prices[row] - 1),
            "unusual": [text for share, text in sorted(found) if share <= RARE][:MAX_NAMED],
        }
        for row, found in zip(worst, rarities)
    ]


def in_language(unusual: str) -> str:
    """Return in the reader's language what `largest_errors` says of a house."""
    what, bracket, rank = unusual.rpartition(" (")
    if not bracket:
        return unusual
    return tr("{what} ({rank})", what=retell(what, PER_AREA, MISSING), rank=retell(rank[:-1], *RANKS))


def _rarities(train: pd.DataFrame, rows: np.ndarray) -> list[list[tuple[float, str]]]:
    """Return, for each row, how rare each of its values is: (share of houses, what it is)."""
    found: list[list[tuple[float, str]]] = [[] for _ in rows]
    numbers = [name for name in FEATURES if name in NUMERIC and name not in IDENTIFIERS]
    per_area = train["SalePrice"] / train["GrLivArea"].where(train["GrLivArea"] > 0)
    relative = per_area / per_area.groupby(train["Neighborhood"]).transform("median")
    for i, row in enumerate(rows):
        for name in numbers:
            _add_number(found[i], train[name], row, f"{name} {train[name].iloc[row]:,.12g}")
        _add_number(found[i], relative, row, PER_AREA.format(share=f"{relative.iloc[row]:.0%}"))
        for name in FEATURES:
            if name not in numbers:
                cell = train[name].iloc[row]
                same = train[name].isna() if pd.isna(cell) else train[name] == cell
                level = "missing" if pd.isna(cell) else cell
                found[i].append((same.mean(), f"{name} {level} ({same.mean():.1%} of the houses)"))
    return found


def _add_number(found: list[tuple[float, str]], values: pd.Series, row: int, text: str) -> None:
    """Add how rare a number is: the share of houses whose number is at least as high, or at least as low."""
    value = values.iloc[row]
    if np.isnan(value):
        return
    sides = {"highest": (values >= value).mean(), "lowest": (values <= value).mean()}
    side = min(sides, key=sides.__getitem__)
    share = sides[side]
    rank = f"the {side}" if share * len(values) < 1.5 else f"among the {share:.1%} {side}"
    found.append((share, f"{text} ({rank})"))
