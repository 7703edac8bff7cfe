"""Test the chapter on transfer learning: what is frozen, what is drawn, and what is concluded."""

import functools

import numpy as np
import pytest
from mxnet import nd

from chapters import transfer_learning
from chapters.transfer_learning import FROZEN, LABELS, NOTHING, SOURCE, TUNED, WAYS, HParams, Setting
from d2l_repro.data.images import load_images
from d2l_repro.experiment import pretraining
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.gradcheck import check_model

SMALL = {"num_channels": 3, "source_steps": 3, "steps": 2, "batch_size": 5, "num_draws": 2}
BUILDERS = {"scratch": transfer_learning.from_scratch, "gluon": transfer_learning.with_gluon}
both = pytest.mark.parametrize("impl", BUILDERS)
OPTIONS = Options(dataset="digits", quick=True)
ONLY = tuple(f"{way}, 5 labels" for way in WAYS)


@pytest.fixture(scope="module", autouse=True)
def digits(few_images):
    """Load the digits before the first test: importing scikit-learn changes global state."""
    return load_images("fashion_mnist", "digits", quick=True)


def built(impl, way, seed=0, **changes):
    hp = Setting(**{**SMALL, **changes}, way=way, num_labels=5)
    seed_everything(seed)
    data = transfer_learning.data(hp, OPTIONS.replace(seed=seed))
    return BUILDERS[impl](hp, data), data, hp


def values(model):
    return [param.get().copy() for param in parameters(model)]


@functools.lru_cache
def small(**options):
    return transfer_learning.run(HParams(**SMALL), dataset="digits", quick=True, only=ONLY, jobs=1, **options)


@both
@pytest.mark.parametrize(("way", "moved"), [(FROZEN, [False] * 4 + [True] * 2), (TUNED, [True] * 6)])
def test_training_moves_only_what_is_not_frozen(impl, way, moved):
    model, data, hp = built(impl, way)
    before = values(model)
    transfer_learning.train(model, data, hp)
    assert [bool((a != b).any()) for a, b in zip(before, values(model))] == moved


@both
def test_frozen_and_fine_tuned_nets_begin_with_the_features_of_the_first_half(impl):
    frozen, tuned, fresh, source = (values(built(impl, way)[0]) for way in (FROZEN, TUNED, NOTHING, SOURCE))
    model, data, hp = built(impl, SOURCE)
    transfer_learning.train(model, data, hp)
    learned = values(model)
    for ours, other, expected in zip(frozen[:4], tuned[:4], learned[:4]):
        np.testing.assert_array_equal(ours, other)
        np.testing.assert_array_equal(ours, expected)
    assert all((a != b).any() for a, b in zip(frozen[:4], fresh[:4]))
    # whoever trained the features: what is new is drawn alike
    for a, b, c in zip(frozen[4:], tuned[4:], fresh[4:]):
        assert a.shape == b.shape == c.shape
    np.testing.assert_array_equal(fresh[0], source[0])


@both
def test_what_a_run_draws_does_not_depend_on_who_trained_the_features(impl, monkeypatch):
    monkeypatch.setattr(pretraining, "_learned", {})
    first, again = (values(built(impl, TUNED)[0]) for _ in range(2))
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("way", [NOTHING, TUNED])
def test_gradients_by_hand_equal_central_differences(way):
    model, data, hp = built("scratch", way)
    X, y = next(iter(data.train_iter))
    assert check_model(model, X, y, hp.batch_size, elements=3) < 1e-5


def test_every_way_and_both_implementations_see_the_same_images_in_the_same_order():
    batches = []
    for way in WAYS:
        data = transfer_learning.data(Setting(**SMALL, way=way, num_labels=5), OPTIONS)
        batches.append([(X.asnumpy(), y.asnumpy()) for draw in data.source.draws for X, y in draw])
    assert len(batches[0]) == SMALL["num_draws"] * SMALL["steps"]
    for other in batches[1:]:
        for (X, y), (X2, y2) in zip(batches[0], other):
            np.testing.assert_array_equal(X, X2)
            np.testing.assert_array_equal(y, y2)
    first, second = (np.concatenate([X for X, _ in half]) for half in (batches[0][:2], batches[0][2:]))
    assert (first != second).any()  # the draws differ


@both
def test_every_draw_is_trained_from_the_same_start(impl):
    model, data, hp = built(impl, NOTHING)
    batches = list(data.source.draws[0])
    data.source.draws = [batches, batches]
    (row,) = transfer_learning.train(model, data, hp)
    assert row["test_acc_1"] == row["test_acc_2"] == row["test_acc"]


def test_run_trains_compares_and_concludes():
    result = small()
    assert result.errors == {}
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None] * 3
    for impl in BUILDERS:
        for way in WAYS:
            metrics = result.find(impl, f"{way}, 5 labels").metrics
            draws = [metrics["test_acc_1"], metrics["test_acc_2"]]
            assert metrics["test_acc"] == pytest.approx(np.mean(draws))
        (row,) = result.tables[f"Test accuracy, mean of the draws, {impl}"]
        assert set(row) == {"labels of each class", *WAYS}
        rows = result.tables[f"Is it ahead of training from nothing? {impl}"]
        assert [row["way"] for row in rows] == [FROZEN, TUNED]
        assert {f"accuracy_{impl}", f"draws_{impl}"} <= set(result.figures)


def study(ours, base, seeds=(0,)):
    """Return a result whose draws have these accuracies with `frozen` and `from nothing`."""
    result = Result("transfer_learning", 0, {})
    for seed in seeds:
        for way, numbers in ((FROZEN, ours), (NOTHING, base)):
            metrics = {f"test_acc_{i}": value + seed / 10 for i, value in enumerate(numbers, 1)}
            metrics["test_acc"] = float(np.mean(list(metrics.values())))
            result.runs.append(RunResult("scratch", f"{way}, 5 labels", seed, metrics=metrics))
    return result


@pytest.mark.parametrize(
    ("ours", "base", "verdict"),
    [
        ([0.8, 0.7, 0.9], [0.7, 0.61, 0.79], "holds"),
        ([0.7, 0.61, 0.79], [0.8, 0.7, 0.9], "does not hold"),
        ([0.8, 0.7, 0.9], [0.7, 0.8, 0.85], "cannot tell"),
        ([0.8], [0.7], "cannot tell"),
    ],
)
def test_differences_are_paired_by_draw_and_judged_by_their_interval(ours, base, verdict):
    result = study(ours, base)
    transfer_learning.show(result, transfer_learning.data(Setting(**SMALL), OPTIONS))
    (row,) = result.tables["Is it ahead of training from nothing? scratch"]
    assert row["ahead"] == verdict
    assert float(row["points ahead"]) == pytest.approx(100 * np.mean(np.subtract(ours, base)), abs=0.05)


def test_accuracies_of_several_seeds_are_the_means_of_their_draws():
    result = study([0.5, 0.7], [0.1, 0.1], seeds=(0, 1))
    assert transfer_learning.accuracies(result, "scratch", FROZEN, 5) == pytest.approx([0.6, 0.7])


def test_runs_have_every_way_with_every_number_of_labels():
    runs = transfer_learning.chapter.runs(HParams())
    assert len({run.label for run in runs}) == len(runs) == 2 * (1 + len(WAYS) * len(LABELS))
    assert {run.variant for run in runs if run.compare_paths} == {SOURCE, *ONLY}
    for run in runs:
        if run.variant != SOURCE:
            assert f"{run.hp.way}, {run.hp.num_labels} label" in run.variant


def test_frozen_layers_return_no_gradient():
    model, data, _ = built("scratch", FROZEN)
    X, y = next(iter(data.train_iter))
    scores, losses = model.gradients(X, y)
    assert losses.shape == y.shape
    assert all(np.abs(param.grad.asnumpy()).max() == 0 for param in model.params[:4])
    assert all(np.abs(param.grad.asnumpy()).max() > 0 for param in model.params[4:])
    np.testing.assert_allclose(scores.asnumpy(), model.net(nd.array(X)).asnumpy(), rtol=1e-6)
