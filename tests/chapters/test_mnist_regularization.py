"""Test the study on MNIST with short runs: its nets, its penalties, and two variants with two seeds."""

import math

import numpy as np
import pytest
from mxnet import autograd, nd

from chapters import mnist_regularization
from chapters.mnist_regularization import BASELINE, HParams, Setting
from d2l_repro.data.loader import Data, Steps
from d2l_repro.data.splits import Splits
from d2l_repro.errors import InputError
from d2l_repro.experiment import paths, seeds
from d2l_repro.results.published import published_values
from d2l_repro.scratch import correct
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import parameters

SMALL = HParams(steps=4, num_evaluations=2, num_hiddens=8)
FEW = (BASELINE, "L1 1e-4")
BUILDERS = [mnist_regularization.from_scratch, mnist_regularization.with_gluon]


def run(hp=SMALL, **options):
    return mnist_regularization.run(hp, quick=True, dataset="digits", **options)


def metrics(result):
    return {label: run.metrics for label, run in result.labelled().items()}


@pytest.fixture(scope="module")
def two_seeds():
    return run(only=FEW, seeds=2, jobs=2)


def test_a_study_resumes_with_the_runs_that_are_kept(tmp_path, monkeypatch):
    asked = {"only": ("baseline", "tanh"), "impl": "gluon", "jobs": 1}
    whole = run(**asked)
    with monkeypatch.context() as patch:
        patch.setattr(seeds, "computed", interrupted_after(1))
        first = run(**asked, folder=tmp_path)
    assert first.interrupted
    assert len(first.runs) == 1
    resumed = run(**asked, folder=tmp_path, resume=True)
    assert metrics(resumed) == metrics(whole)
    with monkeypatch.context() as patch:
        patch.setattr(seeds, "computed", interrupted_after(0))
        assert metrics(run(**asked, folder=tmp_path, resume=True)) == metrics(whole)
    with pytest.raises(InputError, match=r"runs\.jsonl: was written with other settings \(settings\)"):
        run(SMALL.replace(lr=0.2), **asked, folder=tmp_path, resume=True)


def interrupted_after(count):
    """Return `computed`, interrupted after some results; it fails if there are tasks and none may run."""

    def stopped(function, tasks, where):
        for i, task in enumerate(tasks):
            if i == count:
                raise KeyboardInterrupt
            yield i, function(*task)

    return stopped


def test_run_gives_the_same_numbers_in_any_number_of_processes_and_beside_any_variants(two_seeds):
    assert metrics(run(only=FEW, seeds=2, jobs=1)) == metrics(two_seeds)
    assert metrics(run(only=FEW[1:], impl="gluon", seed=1, jobs=1)) == {
        "gluon L1 1e-4": metrics(two_seeds)["gluon L1 1e-4, seed 1"]
    }


def test_run_keeps_every_seed_and_labels_the_first_like_a_single_one(two_seeds):
    labels = [f"{impl} {name}" for name in FEW for impl in ("scratch", "gluon")]
    assert list(two_seeds.labelled()) == [*labels, *(f"{label}, seed 1" for label in labels)]
    assert [run.seed for run in two_seeds.select("gluon", BASELINE)] == [0, 1]
    assert len({tuple(numbers.values()) for numbers in metrics(two_seeds).values()}) == len(two_seeds.runs)
    assert [pair["ours"] for pair in two_seeds.parity["pairs"]] == [f"scratch {name}" for name in FEW]
    assert [pair["left_at"] for pair in two_seeds.parity["pairs"]] == [None, None]


def test_show_tabulates_mean_std_and_difference_from_the_baseline(two_seeds):
    for impl in ("scratch", "gluon"):
        base, other = two_seeds.tables[f"Test accuracy of the variants, {impl}"]
        accuracies = [run.metrics["test_acc"] for run in two_seeds.select(impl, "L1 1e-4")]
        assert other["ours"] == f"{np.mean(accuracies):.4f}"
        assert other["deviation"] == f"{np.std(accuracies, ddof=1):.4f}"
        assert other["published"] == other["the article's conclusion"] == "-"  # they are for another data set
        assert base["ours - baseline, points"] == "-"
        assert " ± " in other["ours - baseline, points"]
        assert f"variants_{impl}" in two_seeds.figures
        assert f"penalties_{impl}" in two_seeds.figures  # the variant beside the baseline


def test_comparisons_have_every_published_variant_and_no_duplicate_settings():
    runs = [run for run in mnist_regularization.chapter.runs(HParams()) if run.impl == "scratch"]
    names = [run.variant for run in runs]
    rows = [row for row in published_values() if row["chapter"] == "mnist_regularization"]
    assert {row["run"] for row in rows} <= {*names, "conclusions"}
    conclusions = {row["metric"] for row in rows if row["run"] == "conclusions"}
    assert conclusions == mnist_regularization.DIFFERENCES.keys()
    printed = {row["metric"] for row in rows if row["metric"].startswith("step_")}
    steps = mnist_regularization.PRINTED_STEPS
    assert printed <= {f"step_{step}_{metric}" for step in steps for metric in ("loss", "valid_acc")}
    assert all(step % mnist_regularization.evaluation_plan(30000, 30)["steps"] == 0 for step in steps)
    assert len({run.hp for run in runs}) == len(set(names)) == len(runs) == 42
    dropped = [run.variant for run in runs if not run.compare_paths]
    assert dropped == ["dropout only", "dropout + L2", "dropout + L1 + L2"]
    assert {run.variant for run in runs if run.may_diverge} == {
        name for name in names if name.startswith("two layers")
    }


def test_run_rejects_an_unknown_variant_and_names_all():
    with pytest.raises(
        InputError, match=r"--only: unknown variant 'L2 1e-9'; did you mean L2 1e-.[?] choose from baseline, "
    ):
        run(only=("L2 1e-9",))


def setting(**changes):
    plan = {"batch_size": 10, "num_epochs": 1, "steps": 1, "lr": 0.1, "lr_decay": 1.0}
    return Setting(**{"hidden": (6,), **plan, "reg": 0.0, "average": 0.0, **changes})


def images():
    """Return twenty images of noise as data."""
    seed_everything(0)
    examples = nd.random.uniform(shape=(20, 1, 28, 28)), nd.arange(20) % 10
    return Data("synthetic", [examples], source=Splits(examples, examples, examples, 10, correct, "noise"))


NETS = [
    ({}, [(784, 6), (6,), (6, 10), (10,)]),
    ({"hidden": (6, 6)}, [(784, 6), (6,), (6, 6), (6,), (6, 10), (10,)]),
    ({"activation": "crelu"}, [(784, 6), (6,), (12, 10), (10,)]),
    ({"input_drop_prob": 0.2, "drop_prob": 0.5}, [(784, 6), (6,), (6, 10), (10,)]),
]


@pytest.mark.parametrize(("changes", "shapes"), NETS)
@pytest.mark.parametrize("build", BUILDERS)
def test_builders_build_the_layers_and_initial_parameters_of_the_setting(build, changes, shapes):
    data = images()
    model = build(setting(**changes), data)
    X, _ = data.source.train
    still = model.net(X).asnumpy()
    np.testing.assert_array_equal(model.net(X).asnumpy(), still)  # nothing is dropped in testing
    with autograd.train_mode():
        dropped = np.abs(model.net(X).asnumpy() - still).max() > 1e-3
    assert dropped == ("drop_prob" in changes)
    arrays = [param.get() for param in parameters(model)]
    assert [array.shape for array in arrays] == shapes
    assert arrays[0].std() == pytest.approx(0.1, rel=0.1)
    assert all((bias == np.float32(0.1)).all() for bias in arrays[1::2])


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize(("reg", "l1"), [(0.5, 0.0), (0.0, 0.01), (0.5, 0.01)])
def test_penalties_change_the_steps_of_weights_but_not_of_biases(build, reg, l1):
    steps = []
    for penalties in ({}, {"reg": reg, "l1": l1}):
        data, hp = images(), setting(**penalties)
        model = build(hp, data)
        model.net(data.source.train[0])
        before = [param.get().copy() for param in parameters(model)]
        mnist_regularization.train(model, data, hp.replace(num_epochs=1))
        steps.append([param.get() - start for param, start in zip(parameters(model), before)])
    for i, (bare, penalized, start) in enumerate(zip(*steps, before)):
        # p <- p - lr (g + reg p + l1 sign(p)) for a weight
        expected = 0 if i % 2 else -0.1 * (reg * start + l1 * np.sign(start))
        np.testing.assert_allclose(penalized - bare, expected + np.zeros_like(start), atol=2e-6)


@pytest.mark.parametrize("build", BUILDERS)
def test_history_has_the_last_batchs_loss_with_the_penalty_and_the_share_of_small_weights(build):
    data, hp = images(), setting(reg=0.5, l1=0.01, lr=1e-9)
    model = build(hp, data)
    history = mnist_regularization.train(model, data, hp)
    X, y = (array.asnumpy() for array in data.source.train)
    W1, b1, W2, b2 = (param.get().astype("float64") for param in parameters(model))
    scores = np.maximum(X.reshape((20, -1)) @ W1 + b1, 0) @ W2 + b2
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(20), y.astype(int)]
    weights = np.concatenate([W1.ravel(), W2.ravel()])
    expected = losses.mean() + 0.5 * (weights**2).sum() / 2 + 0.01 * np.abs(weights).sum()
    assert history[-1]["batch_loss"] == pytest.approx(expected, rel=1e-5)
    assert history[-1]["zero_share"] == 0
    assert history[-1]["tiny_share"] == pytest.approx((np.abs(weights) <= 1e-4).mean())
    parameters(model)[0].set(W1 * (W1 > 0))
    assert mnist_regularization.share_below(model, 0.0) == pytest.approx((W1 <= 0).sum() / weights.size)


def test_metrics_are_those_of_the_steps_that_the_article_prints():
    data, hp = images(), setting()
    model = mnist_regularization.from_scratch(hp, data)
    data.train_iter = Steps(data.train_iter, 1000)
    rows = [{"epoch": epoch, "batch_loss": float(epoch), "valid_acc": epoch / 100} for epoch in range(1, 31)]
    found = mnist_regularization.metrics(model, data, rows)
    assert found.pop("test_acc") <= 1
    assert found["step_2000_loss"] == 2
    assert found["step_9000_valid_acc"] == 0.09
    for name in ("mean_weight", "half_square", "hidden_mean"):
        del found[name]
    assert len(found) == 2 * len(mnist_regularization.PRINTED_STEPS)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("dropout", [{}, mnist_regularization.DROPOUT])
def test_metrics_measure_weights_and_hidden_units(build, dropout):
    data, hp = images(), setting(**dropout)
    model = build(hp, data)
    model.net(data.source.train[0])
    W1, b1, W2, _ = (param.get().astype("float64") for param in parameters(model))
    found = mnist_regularization.metrics(model, data, [])
    assert found["half_square"] == pytest.approx(((W1**2).sum() + (W2**2).sum()) / 2, rel=1e-5)
    assert found["mean_weight"] == pytest.approx(np.abs(np.append(W1, W2)).mean(), rel=1e-5)
    X = data.source.valid[0].asnumpy().reshape((-1, len(W1)))
    assert found["hidden_mean"] == pytest.approx(np.maximum(X @ W1 + b1, 0).mean(), rel=1e-5)


def test_expected_output_is_the_closed_form():
    relu = 1 / np.sqrt(2 * np.pi)
    expected = {"relu": relu, "crelu": relu, "leaky relu": 0.99 * relu, "sigmoid": 0.5, "tanh": 0, "selu": 0}
    # alpha (E e^z [z < 0] - 1/2) = e^(1/2) Phi(-1) - 1/2
    expected["elu"] = relu + np.exp(0.5) * math.erfc(np.sqrt(0.5)) / 2 - 0.5
    for name, mean in expected.items():
        assert mnist_regularization.expected_output(name) == pytest.approx(mean, abs=1e-5)


def test_show_tabulates_the_articles_estimate_and_the_activations_means(two_seeds):
    for impl in ("scratch", "gluon"):
        rows = {
            row["quantity"]: row
            for row in two_seeds.tables[f"Orders of magnitude, estimated and measured, {impl}"]
        }
        half = np.mean([run.metrics["half_square"] for run in two_seeds.select(impl, BASELINE)])
        assert float(rows["half the sum of their squares"]["measured"]) == pytest.approx(half, rel=0.01)
        assert float(rows["penalty"]["measured"]) == pytest.approx(1e-4 * half, rel=0.01)
        assert rows["cross-entropy without a penalty"]["measured"] == "-"  # was not trained
        (row,) = two_seeds.tables[f"Means of the activations, {impl}"]
        assert (row["activation"], row["mean for inputs N(0, 1)"]) == ("ReLU", "0.399")


def test_show_adds_conclusions_for_one_seed_only(two_seeds):
    assert not two_seeds.select(variant="conclusions")
    assert "tiny share" in two_seeds.tables["Loss of the last batch, penalty included, gluon"][1]
    one = run(only=FEW, impl="gluon", jobs=1)
    (found,) = one.select("gluon", "conclusions")
    assert found.metrics.keys() == {"baseline_minus_l1_1e-4", "tiny_l1_1e-4_minus_baseline"}


@pytest.mark.parametrize("build", BUILDERS)
def test_train_leaves_the_averaged_parameters_in_the_model(build):
    ends = []
    for average in (0.0, 0.9):
        data = images()
        hp = setting(average=average, num_epochs=1)
        model = build(hp, data)
        model.net(data.source.train[0])
        start = parameters(model)[0].get().copy()
        mnist_regularization.train(model, data, hp)
        ends.append(parameters(model)[0].get())
    # after the first step a decay of (1 + 1) / (10 + 1)
    np.testing.assert_allclose(ends[1], start * 2 / 11 + ends[0] * 9 / 11, atol=1e-6)


@pytest.mark.slow
def test_paths_of_all_variants_stay_together_over_the_steps_of_a_full_run():
    chapter, options = mnist_regularization.chapter, Options()
    runs = chapter.runs(chapter.defaults())
    parity = paths.with_gluon(runs, lambda run: chapter._begin(run, options), 50)
    assert [pair["ours"] for pair in parity["pairs"] if pair["left_at"]] == []
    assert parity["max_abs_diff"] < 1e-6


@pytest.mark.slow
def test_run_of_the_baseline_at_full_scale_is_in_its_band(real_data):
    result = mnist_regularization.run(only=(BASELINE,), impl="gluon", data_dir=real_data)
    assert {row["run"] for row in result.published} == {"gluon baseline"}
    assert result.outside == []
