"""The tables of scores in docs/house_prices.md, from the CSV files beside it."""

from __future__ import annotations

import csv

from d2l_repro.language import mark, retell

from .common import ROOT, markdown

# What the files say in words, the first that fits: lists come after what has commas of its own.
WORDS = (
    mark("houses scored"),
    mark("held out"),
    mark("all"),
    mark("mean of these six"),
    mark("ridge regression"),
    mark("model"),
    mark("columns"),
    mark("settings"),
    mark("mean"),
    mark("nets"),
    mark("nets of both columns"),
    mark("ridge"),
    mark("kernel ridge"),
    mark("support vectors"),
    mark("boosted trees"),
    mark("trees"),
    mark("engineered"),
    mark("extended"),
    mark("neighborhoods' means"),
    mark("more of the neighborhoods' means"),
    mark("sum, product and squares of grades"),
    mark("logarithms of areas"),
    mark("areas per room and shares"),
    mark("products of quality, age and area"),
    mark("month of the sale"),
    mark("areas relative to the neighborhood's mean"),
    mark("the trees' engineered"),
    mark("as in `tuned`"),
    mark("equal weights"),
    mark("300 of depth 3"),
    mark("a tenth of the columns"),
    mark("Huber loss"),
    mark("squared loss"),
    mark("on the residuals of ridge regression"),
    mark("{first}, {others}"),
    mark("clipped at {limit}"),
    mark("penalty {value}"),
    mark("rate {value}"),
    mark("depth {value}"),
    mark("0.7 of the houses"),
    mark("strength {value} towards equal weights"),
)


def judged() -> str:
    """Return how the blend did on houses and folds that it was not developed on."""
    return table_of("house_judged.csv")


def tried() -> str:
    """Return all that was tried for the blend."""
    return table_of("house_tried.csv")


def table_of(name: str) -> str:
    """Return a CSV file of scores in docs/ as a Markdown table."""
    with (ROOT / "docs" / name).open(encoding="utf-8", newline="") as file:
        head, *rows = ([retell(cell, *WORDS, parts=WORDS) for cell in row] for row in csv.reader(file))
    return markdown(tuple(head), rows)


BLOCKS = {"judged": judged, "tried": tried}
