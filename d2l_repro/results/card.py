"""The sentences of the model cards of house prices, for cards and for the reports that show them.

kfold.json holds a card in English, whatever language its reader has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..language import mark, retell

IN_WORDS = mark(
    "Half of the houses are predicted within {half} of their price, nine of ten within {nine_tenths}; ridge "
    "regression predicts half of them within {ridge}, and the mean price is within {mean} of half of the "
    "prices."
)
NOT_FOR = mark(
    "setting, checking or contesting the price, tax, rent, insurance or loan of any real house, or deciding "
    "about people. It has seen one town, Ames in Iowa, and its prices of 2006 to 2010, nothing of the market "
    "since. Neighborhood and year of construction also say something about who lives there. Single "
    "predictions can be far off, most of all for houses unlike those of the training file."
)
FOR = mark(
    "learning how a model is built, cross-validated and explained, and submissions to the competition House "
    "Prices: Advanced Regression Techniques"
)
HOUSES = mark("{houses} houses with prices and {others} to predict: {data}; hash of the cells {data_hash}")
OFFICIAL = mark("the published files of the competition, byte for byte")
OTHERS = mark("files of the competition's form that are not the published ones")
GENERATED = mark("generated houses, none of them real")
CHANGED_RECIPE = mark("{recipe} with other settings: {settings}")
FOLDS = mark("{k} {kind} folds, seed {seed}; every house is predicted by models that were not fitted on it")
REPEATED_FOLDS = mark(
    "{k} {kind} folds, repeated {repeats} times, seed {seed}; every house is predicted by models that were "
    "not fitted on it"
)
KINDS = (mark("random"), mark("contiguous"), mark("stratified"))
SCORE = mark("{score}, 95 % interval {low} to {high} over houses; mean of the folds {mean}, std {std}")
MINUS = mark("Log rmse minus that of {baseline}")
BASELINES = {"mean": mark("the mean price"), "ridge": mark("ridge regression")}
DIFFERENCE = mark("{difference} in the mean of the folds; 95 % interval out-of-fold {low} to {high}")
NOISE = mark("on its 730 houses the score scatters by {noise} (standard deviation)")
STRONGEST = mark("{columns}; in brackets, how much the log rmse rises if they are shuffled")
FARTHEST = mark("{share} of the price; explain.json lists the ten largest")
HEADS = (
    mark("Made for"),
    mark("Must not be used for"),
    mark("Data"),
    mark("Recipe"),
    mark("Folds"),
    mark("Log rmse out-of-fold"),
    MINUS,
    mark("In words"),
    mark("Leaderboard"),
    mark("Made with"),
    mark("Strongest columns"),
    mark("Largest error"),
)
SENTENCES = (
    FOR,
    NOT_FOR,
    HOUSES,
    CHANGED_RECIPE,
    FOLDS,
    REPEATED_FOLDS,
    SCORE,
    DIFFERENCE,
    IN_WORDS,
    NOISE,
    STRONGEST,
    FARTHEST,
)
PARTS = (OFFICIAL, OTHERS, GENERATED, *KINDS, *BASELINES.values())  # that stand in others

Rows = list[tuple[str, str]]


def in_language(rows: Iterable[Sequence[str]]) -> Rows:
    """Return the rows of a card, what they are about and what they say, in the reader's language."""
    return [
        (retell(name, *HEADS, parts=PARTS), retell(statement, *SENTENCES, parts=PARTS))
        for name, statement in rows
    ]
