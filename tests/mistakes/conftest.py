"""Small models and few data for the mistakes of every chapter."""

import dataclasses
import importlib

import pytest
from mxnet import nd

from chapters import house_prices
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.splits import Splits, minibatches
from d2l_repro.mistakes import lesson_of
from d2l_repro.scratch import correct
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

# Settings that make a chapter's models small; everything else is the chapter's own.
SMALL = {
    "linear_regression": {"num_examples": 25},
    "softmax_regression": {"batch_size": 16},
    "mlp": {"batch_size": 16, "num_hiddens": 64},
    "polynomial_fitting": {},
    "weight_decay": {"num_inputs": 5},
    # Outputs in testing are compared before any step, where small weights make them all alike.
    "dropout": {"batch_size": 16, "num_hiddens1": 8, "num_hiddens2": 8, "sigma": 0.1},
    "house_prices": {},
    "optimizers": {"batch_size": 16},
    "fully_connected_nets": {"batch_size": 16},
}


@pytest.fixture(scope="session")
def lesson_with_data():
    """Return a function: name of a chapter -> its lesson with small models, and data of a few batches."""
    return small


def small(chapter):
    lesson = lesson_of(chapter)
    hp = lesson.hp.replace(**SMALL[chapter])
    seed_everything(0)
    if chapter in ("linear_regression", "polynomial_fitting", "weight_decay"):
        data = importlib.import_module(f"chapters.{chapter}").data(hp, Options())
    elif chapter == "house_prices":
        data = house_prices.data(hp, Options(dataset="generated"))
    elif chapter == "fully_connected_nets":
        X, y = nd.random.normal(shape=(40, 4)), nd.arange(40) % 3
        data = minibatches(Splits((X, y), (X, y), (X, y), 3, correct, "points"), 16, seed=0)
    else:
        X, y = nd.random.uniform(shape=(40, 1, 28, 28)), nd.arange(40) % 10
        data = Data("few images", Minibatches(X, y, 16, seed=0), [(X, y)])
    return dataclasses.replace(lesson, hp=hp), data
