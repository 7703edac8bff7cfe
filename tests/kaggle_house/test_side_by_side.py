"""Tests of nets that are trained side by side, against the same nets alone."""

import math

import numpy as np
import pytest
from mxnet import nd

from d2l_repro.data.loader import Minibatches
from d2l_repro.parallel import Where
from d2l_repro.results.history import History
from d2l_repro.train.loop import Callback, Loop, TrainingDiverged
from kaggle_house import kfold
from kaggle_house.data import Tables
from kaggle_house.generated import generated_tables
from kaggle_house.model import GluonRegressor, fit_side_by_side
from kaggle_house.recipes import BOOK
from kaggle_house.side_by_side import Histories, SideBySide

TRAIN, TEST = generated_tables()
RNG = np.random.RandomState(0)
# Three sets of 70 examples: with batches of 32, the last one has 6.
SETS = [(RNG.normal(size=(70, 7)), RNG.normal(size=70)) for _ in range(3)]
LINEAR = {"num_hiddens": 0, "lr": 0.05, "num_epochs": 4}


def without_seconds(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_nets_side_by_side_take_the_steps_that_each_takes_alone(impl, schedule):
    settings = {**LINEAR, "impl": impl, "schedule": schedule}
    together, alone = ([GluonRegressor(**settings, random_state=i) for i in range(3)] for _ in range(2))
    measures = [{"mean": lambda predict, X=X: predict(X).mean()} for X, _ in SETS]
    fit_side_by_side(together, SETS, measures)
    for (X, y), measure, one, other in zip(SETS, measures, together, alone):
        other.fit(X, y, measure=measure)
        for a, b in zip(one.weights_, other.weights_):
            assert a.shape == b.shape
            np.testing.assert_array_equal(a, b)
        assert without_seconds(one.history_) == without_seconds(other.history_)
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert not np.array_equal(together[0].weights_[0], together[1].weights_[0])


def test_side_by_side_scratch_and_gluon_take_the_same_path():
    """From the same weights, to the precision of the two libraries' products."""
    fitted = {}
    for impl in ("scratch", "gluon"):
        fitted[impl] = [GluonRegressor(**LINEAR, impl=impl, random_state=i) for i in range(3)]
        fit_side_by_side(fitted[impl], SETS, [{}] * 3)
    for a, b in zip(*fitted.values()):
        for one, other in zip(a.weights_, b.weights_):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_loader_yields_the_batches_of_each_set_alone():
    arrays = [(nd.array(X), nd.array(y)) for X, y in SETS]
    batches = SideBySide(arrays, 32, seeds=[3, 4, 5])
    alone = [Minibatches(X, y, 32, seed) for (X, y), seed in zip(arrays, [3, 4, 5])]
    assert len(batches) == len(alone[0]) == 3
    for _ in range(2):  # another order in each epoch
        for (X, y), *parts in zip(batches, *alone):
            np.testing.assert_array_equal(
                X.asnumpy(), nd.concat(*[part[0] for part in parts], dim=0).asnumpy()
            )
            np.testing.assert_array_equal(
                y.asnumpy(), nd.concat(*[part[1] for part in parts], dim=0).asnumpy()
            )


def test_sets_of_different_sizes_are_refused():
    sets = [(nd.zeros((size, 2)), nd.zeros(size)) for size in (5, 4)]
    with pytest.raises(ValueError, match="sets of 4 and of 5 examples cannot be trained on at once"):
        SideBySide(sets, 2, [0, 1])


def test_a_net_that_diverges_leaves_all_of_them_as_they_were():
    nets = [GluonRegressor(**{**LINEAR, "standardise_target": False}) for _ in range(2)]
    (X, y), (other_X, other_y) = SETS[:2]
    with pytest.raises(TrainingDiverged):
        fit_side_by_side(nets, [(X, y), (other_X, other_y * 1e30)], [{}] * 2)
    assert not any(hasattr(net, "weights_") or hasattr(net, "n_features_in_") for net in nets)


def test_a_net_that_diverges_does_not_hide_in_the_mean():
    """The second net's loss grows three millionfold, and the mean over both nets hardly changes."""
    loop, histories = Loop(2, 1, Trainer()), Histories([{}, {}])
    for epoch, losses in ((1, [1e12, 1.0]), (2, [1e12, 3e6])):
        loop.epoch, loop.losses = epoch, nd.array(losses)
        loop.history.append({"epoch": epoch, "train_loss": np.mean(losses), "seconds": 1.0})
        histories.after_step(loop)
        if epoch == 2:
            with pytest.raises(TrainingDiverged, match="epoch 2"):
                histories.after_epoch(loop)
        else:
            histories.after_epoch(loop)
    assert [history[0]["seconds"] for history in histories.histories] == [0.5, 0.5]


class Trainer:
    learning_rate = 0.1


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_of_unequal_size_have_the_results_of_each_alone(impl, shuffle, monkeypatch):
    """Of 50 houses, four folds leave 37 or 38 to train on, the latter with a last batch of one house."""
    tables = Tables(TRAIN.head(50), TEST.head(5), name="generated")
    recipe = BOOK.replace(num_epochs=3, batch_size=37, shuffle=shuffle)
    options = kfold.FoldOptions(k=4, impl=impl)
    groups = []
    original = kfold.fit_side_by_side
    monkeypatch.setattr(
        kfold, "fit_side_by_side", lambda *args: groups.append(len(args[2])) or original(*args)
    )
    results, folds = kfold.cross_validate(recipe, tables, options)
    assert groups == [2, 2]
    assert sorted({len(fold.train_rows) for fold in folds}) == [37, 38]
    for fold, result in zip(folds, results):
        alone = kfold.run_fold(recipe, tables, fold, impl)
        np.testing.assert_array_equal(result["predictions"], alone["predictions"])
        assert (result["train"], result["valid"]) == (alone["train"], alone["valid"])
        assert without_seconds(result["history"]) == without_seconds(alone["history"])
        assert all(map(math.isfinite, result["baselines"].values()))


def test_folds_are_computed_alone_if_one_diverges_so_that_the_error_names_it(monkeypatch):
    """The first fold's result is there, and the error is the second's."""
    tables = Tables(TRAIN.head(40), TEST.head(5), name="generated")
    recipe = BOOK.replace(num_epochs=2)
    folds = kfold.split(tables.train["SalePrice"].to_numpy(), kfold.FoldOptions(k=2), shuffle=False)
    original = kfold.fit_recipe

    def fit(recipe, tables, rows, *args):
        # Fold 2 trains on the first rows.
        return original(recipe.replace(lr=1e17 if rows[0] == 0 else recipe.lr), tables, rows, *args)

    def fail(*args):
        raise TrainingDiverged("diverged", History())

    monkeypatch.setattr(kfold, "fit_recipe", fit)
    monkeypatch.setattr(kfold, "fit_side_by_side", fail)
    results = kfold.run_folds(recipe, tables, folds, "gluon", Where())
    assert next(results)[1]["fold"] == 1
    with pytest.raises(TrainingDiverged, match=r"^fold 2 of repeat 0: training diverged"):
        next(results)


def test_histories_keep_the_mean_loss_of_each_net():
    """Callbacks of the loop see the means over the nets; each net's history has its own numbers."""
    rows = []

    class Seen(Callback):
        def after_epoch(self, loop):
            rows.append(dict(loop.history[-1]))

    nets = [GluonRegressor(**LINEAR, random_state=i) for i in range(2)]
    fit_side_by_side(nets, SETS[:2], [{"number": lambda predict, i=i: i} for i in (1, 2)], [Seen()])
    for row, first, second in zip(rows, *(net.history_ for net in nets)):
        assert row["train_loss"] == pytest.approx((first["train_loss"] + second["train_loss"]) / 2, rel=1e-5)
        assert (first["number"], second["number"], row["number"]) == (1, 2, 1.5)
        assert first["seconds"] == second["seconds"] == row["seconds"] / 2


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_the_history_of_a_single_net_is_the_loops(impl):
    """To the last bit, the short last batch included, and with what callbacks add to it."""
    rows = []

    class Adding(Callback):
        def after_epoch(self, loop):
            loop.history[-1]["lr"] = loop.trainer.learning_rate
            rows.append(dict(loop.history[-1]))

    net = GluonRegressor(**LINEAR, impl=impl, random_state=0)
    net.fit(*SETS[0], measure={"mean": lambda predict: predict(SETS[0][0]).mean()}, callbacks=[Adding()])
    assert list(net.history_) == rows
