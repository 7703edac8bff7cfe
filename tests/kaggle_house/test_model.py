"""Tests of GluonRegressor as a scikit-learn estimator, and of its nets against formulas."""

import pickle
import warnings

import numpy as np
import pytest
from mxnet import nd
from sklearn.datasets import make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from d2l_repro.errors import InputError
from d2l_repro.results.history import History
from d2l_repro.train.loop import TrainingDiverged
from d2l_repro.train.parameters import book_arrays
from kaggle_house.model import GluonRegressor, wide_and_deep
from kaggle_house.wide_and_deep import SummedHuberLoss

X, Y = make_regression(120, 6, noise=5, random_state=0)
QUICK = {"num_epochs": 5, "num_hiddens": 8, "random_state": 0}


@parametrize_with_checks(
    [
        GluonRegressor(num_epochs=20, lr=0.03, random_state=0),
        GluonRegressor(num_epochs=20, num_hiddens=0, lr=0.3, random_state=0),
    ]
)
def test_gluon_regressor_passes_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_hiddens": 0},
        {"num_hiddens": 0, "impl": "scratch"},
        {},
        {"num_nets": 3, "drop_prob": 0.2, "l1": 1e-3, "wd": 0.01},
    ],
)
def test_predict_equals_the_net(settings):
    """`predict` repeats the net's formula in NumPy; the Gluon net must agree with it."""
    model = GluonRegressor(**{**QUICK, **settings}).fit(X, Y)
    assert model.score(X, Y) > -1
    if not settings.get("num_hiddens", 1):
        return
    net = wide_and_deep(6, 8, settings.get("num_nets", 1), 0.5, 1, 1, 0, 0)
    for param, array in zip(net.params.values(), model.weights_):
        param.set_data(nd.array(array.T if param.name.endswith("weight") else array))
    expected = net.net(nd.array(X)).mean(axis=1).asnumpy() * model.scale_ + model.mean_
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-3)


def test_wide_and_deep_trains_several_nets_like_each_alone():
    """A graph of three nets has the same gradients as three graphs of one net each."""
    together = wide_and_deep(6, 4, 3, 0.0, 0.5, 0.1, 0.0, 0.0)
    arrays = book_arrays(together)  # v (1, 3, 4), wide (6, 3) and (3,), hidden (6, 12) and (12,)
    alone = [wide_and_deep(6, 4, 1, 0.0, 0.5, 0.1, 0.0, 0.0) for _ in range(3)]
    for m, model in enumerate(alone):
        parts = [
            arrays[0][:, m : m + 1],
            arrays[1][:, m : m + 1],
            arrays[2][m : m + 1],
            arrays[3][:, 4 * m : 4 * m + 4],
            arrays[4][4 * m : 4 * m + 4],
        ]
        for param, part in zip(model.params.values(), parts):
            param.set_data(nd.array(part.T if param.name.endswith("weight") else part))
    from d2l_repro.train.loop import train_ch3

    batch = [(nd.array(X), nd.array(Y / 100))]
    for model in (together, *alone):
        train_ch3(model.net, batch, None, model.loss, 5, 120, trainer=model.trainer, metrics={})
    for m, model in enumerate(alone):
        np.testing.assert_allclose(
            together.net(nd.array(X))[:, m].asnumpy(),
            model.net(nd.array(X))[:, 0].asnumpy(),
            rtol=1e-3,
            atol=1e-4,
        )


def test_summed_huber_loss_equals_its_formula():
    errors = np.array([-3.0, -0.5, 0.0, 0.2, 0.5, 2.0])
    loss = SummedHuberLoss(0.5)(nd.array(errors[:, None]), nd.zeros(6)).asnumpy()
    expected = np.where(np.abs(errors) > 0.5, np.abs(errors) - 0.25, errors**2)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_gluon_regressor_is_reproducible_and_pickles():
    a, b = (GluonRegressor(**QUICK, drop_prob=0.3).fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(a.predict(X), b.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(a)).predict(X), a.predict(X))
    assert not np.array_equal(
        GluonRegressor(**{**QUICK, "random_state": 1}).fit(X, Y).predict(X), a.predict(X)
    )


def test_gluon_regressor_works_in_pipeline_cross_validation_and_grid_search():
    pipeline = make_pipeline(
        StandardScaler(), GluonRegressor(num_hiddens=0, lr=0.1, num_epochs=40, random_state=0)
    )
    assert cross_val_score(pipeline, X, Y, cv=3).mean() > 0.9
    search = GridSearchCV(pipeline, {"gluonregressor__lr": [1e-6, 0.1]}, cv=3).fit(X, Y)
    assert search.best_params_ == {"gluonregressor__lr": 0.1}


def test_fit_log_target_transforms_back_and_measures_every_epoch():
    y = np.exp(Y / 100)
    seen = {"mean": lambda predict: predict(X).mean()}
    model = GluonRegressor(**QUICK, log_target=True).fit(X, y, measure=seen)
    assert (model.predict(X) > 0).all()
    assert len(model.history_["mean"]) == 5
    assert model.history_[-1]["mean"] == pytest.approx(model.predict(X).mean())


def test_predict_transforms_back_what_fit_has_transformed():
    model = GluonRegressor(**QUICK, num_nets=1).fit(X, Y)
    before = model.predict(X)
    np.testing.assert_array_equal(model.set_params(log_target=True).predict(X), before)


@pytest.mark.parametrize(
    ("y", "size"), [(Y * 1e200, "large"), (Y * 1e-170, "small"), (np.full(120, 1e308), "large")]
)
def test_fit_refuses_targets_whose_variance_is_beyond_double_precision(y, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=rf"^y: its values, such as .*e[+-]\d+, are too {size} to be"):
            GluonRegressor(**QUICK).fit(X, y)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"impl": "scratch"}, "has only a linear layer"),
        ({"impl": "scratch", "num_hiddens": 0, "wd": 0.1}, "has only a linear layer"),
        ({"impl": "torch"}, "--impl: must be gluon or scratch, not torch"),
        ({"schedule": "cosin"}, "--schedule: must be constant or cosine, not cosin"),
        ({"num_hiddens": 0, "num_nets": 7}, "--num-nets: without meaning"),
        ({"num_epochs": 0}, "--num-epochs: must be at least 1"),
        ({"num_epochs": -1}, "--num-epochs: must be at least 1"),
        ({"num_epochs": 2.5}, "--num-epochs: must be a whole number, at least 1"),
        ({"batch_size": 0}, "--batch-size: must be at least 1"),
        ({"lr": -0.1}, "--lr: must be at least"),
        ({"lr": np.nan}, "--lr: must be at least"),
        ({"lr": "high"}, "--lr: must be at least"),
        ({"drop_prob": 1}, "--drop-prob: must be"),
        ({"num_nets": True}, "--num-nets: must be"),
        ({"log_target": True}, r"log_target needs targets above 0, but y\[\d+\] is -"),
    ],
)
def test_fit_refuses_settings_that_cannot_be_right(changes, message):
    with pytest.raises(InputError, match=message):
        GluonRegressor(**{**QUICK, **changes}).fit(X, Y)


@pytest.mark.parametrize("error", [InputError, TrainingDiverged, KeyboardInterrupt])
def test_fit_that_fails_leaves_the_estimator_as_it_was(error):
    def fail(predict):
        predict(X[:, :3])
        raise error(*(("diverged", History()) if error is TrainingDiverged else ("failed",)))

    model = GluonRegressor(**QUICK)
    with pytest.raises(error):
        model.fit(X[:, :3], 1000 * Y, measure={"failure": fail})
    with pytest.raises(NotFittedError):
        model.predict(X)
    before = model.fit(X, Y).predict(X)
    with pytest.raises(error):
        model.fit(X[:, :3], 1000 * Y, measure={"failure": fail})
    np.testing.assert_array_equal(model.predict(X), before)
    assert len(model.history_) == 5
