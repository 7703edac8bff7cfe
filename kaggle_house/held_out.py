"""Hold a fifth of the houses out from all development of a recipe, by a hash of their Ids, to judge it there.

Which houses these are follows from their Ids alone, so that anybody can check it, and nobody can choose them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from .data import Tables
from .recipes import Recipe, fit_recipe, log_rmse

SHARE = 0.2  # of the houses


def is_held_out(ids: Iterable[int]) -> np.ndarray:
    """Return which Ids belong to the houses that are held out, booleans, (ids,)."""
    return np.array([_uniform(house) < SHARE for house in ids], dtype=bool)


def _uniform(house: int) -> float:
    """Return a number from 0 to 1 that depends on the Id alone."""
    digest = hashlib.sha256(f"house {int(house)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def development_tables(tables: Tables) -> Tables:
    """Return the tables without the houses that are held out, for choosing recipes and settings."""
    kept = tables.train[~is_held_out(tables.train["Id"])].reset_index(drop=True)
    return replace(tables, train=kept, official=False, files={})


def held_out_score(recipe: Recipe, tables: Tables, seed: int = 0) -> float:
    """Return the log rmse of the houses that are held out, predicted by a model of all others."""
    held_out = is_held_out(tables.train["Id"])
    estimator = fit_recipe(recipe, tables, np.flatnonzero(~held_out), seed=seed)
    houses = tables.train[held_out]
    return log_rmse(houses["SalePrice"].to_numpy(), estimator.predict(houses))
