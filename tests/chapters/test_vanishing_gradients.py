"""Test the chapter on vanishing gradients with short runs: norms by layer, and the remedies."""

import functools

import numpy as np
import pytest
from mxnet import nd

from chapters import vanishing_gradients
from d2l_repro.experiment.comparison import all_runs
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.results.verdicts import exact_interval
from d2l_repro.scratch.layers import ACTIVATIONS
from d2l_repro.settings import Options
from d2l_repro.train.loop import Callback
from d2l_repro.train.parameters import parameters, state_arrays

HP = vanishing_gradients.HParams(num_epochs=5)
BUILDERS = [vanishing_gradients.from_scratch, vanishing_gradients.with_gluon]


def is_repeated(run):
    """Return whether the run only trains longer than another one, whose path it follows."""
    is_new = run.variant == "half, trained" or "Adam" in run.variant
    return run.variant.endswith(", trained") and not is_new


@functools.lru_cache
def result():
    return vanishing_gradients.chapter.run(HP, quick=True)


def test_comparisons_train_every_variant_from_scratch_and_with_gluon():
    assert result().errors == {}
    runs = all_runs(vanishing_gradients.comparisons(HP))
    trained = [run.name for run in result().runs if run.variant not in ("sigmoid derivative", "conclusions")]
    assert trained == [run.label for run in runs]
    variants = [{run.variant for run in result().select(impl)} for impl in ("scratch", "gluon")]
    assert variants[0] == variants[1]


@pytest.mark.parametrize("build", BUILDERS)
def test_builders_build_five_layers_and_four_normalizations(build):
    for batch_norm in (False, True):
        hp = vanishing_gradients.Setting(batch_norm=batch_norm)
        data = vanishing_gradients.data(hp, Options())
        model = build(hp, data)
        model.net(data.source.train[0])  # from which Gluon takes the number of inputs
        norm = [(3,), (3,)] * batch_norm
        hidden = [shape for inputs in (2, 3, 3, 3) for shape in ((inputs, 3), (3,), *norm)]
        shapes = [param.get().shape for param in parameters(model)]
        assert shapes == [*hidden, (3, 1), (1,)]
        # Running mean and variance of each normalization are part of the model, but not learned.
        assert len(state_arrays(model)) == len(shapes) + 8 * batch_norm


def test_implementations_follow_the_same_path():
    pairs = result().parity["pairs"]
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []
    runs = vanishing_gradients.chapter.runs(HP)
    compared = [run.label for run in runs if run.impl == "scratch" and run.compare_paths]
    assert [pair["ours"] for pair in pairs] == compared
    not_compared = {run.variant for run in runs if not run.compare_paths and not is_repeated(run)}
    assert not_compared == {"relu, batch norm", "N(0, 5)", "N(0, 5), clipped"}


def test_published_values_each_have_a_run_and_metric_of_ours():
    rows = [row for row in published_values() if row["chapter"] == "vanishing_gradients"]
    assert rows
    for row in rows:
        for impl in ("scratch", "gluon"):
            assert row["metric"] in result().find(impl, row["run"]).metrics


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_exact_published_values_come_out_on_other_points_too(impl):
    rows = [row for row in published_values() if row["chapter"] == "vanishing_gradients"]
    exact = [row for row in rows if row["kind"] == "exact"]
    names = tuple({row["run"] for row in exact} - {"sigmoid derivative"})
    other = vanishing_gradients.run(HP, quick=True, seed=3, only=names, impl=impl)
    for row in exact:
        low, high = exact_interval(row)
        assert low <= other.find(impl, row["run"]).metrics[row["metric"]] <= high, row


def test_elu_is_as_flat_at_minus_eight_as_its_formula_says():
    """e^-8 per unit and layer, where leaky ReLU has its slope."""
    for impl in ("scratch", "gluon"):
        elu, leaky = (result().find(impl, name).metrics for name in ("elu, bias -8", "leaky relu, bias -8"))
        assert elu["norm_bias_4"] / leaky["norm_bias_4"] == pytest.approx(np.exp(-8) / 0.01, rel=0.05)
        assert elu["norm_1"] < 1e-3 * leaky["norm_1"]


def test_a_larger_slope_of_leaky_relu_lets_more_of_the_gradient_through():
    for impl in ("scratch", "gluon"):
        norms = [
            result().find(impl, f"{name}, bias -8").metrics["norm_1"]
            for name in ("leaky relu", "leaky relu 0.1", "leaky relu 0.3")
        ]
        # each of four layers passes the slope on
        assert norms[1] / norms[0] == pytest.approx(10**4, rel=0.05)
        assert norms[2] / norms[0] == pytest.approx(30**4, rel=0.05)


def test_run_quick_leaves_figures():
    for figure in result().figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    titles = ("small_weights", "biases_of_-8", "remedies", "large_weights", "trained")
    by_impl = {f"{title}_{impl}" for title in titles for impl in ("scratch", "gluon")}
    assert result().figures.keys() == {*by_impl, "samples", "sigmoid"}


def test_titles_say_how_much_of_the_gradient_is_left():
    def title(**norms):
        return vanishing_gradients.norms_title("t", {name.replace("_", ", "): n for name, n in norms.items()})

    falling, rising, dead = [1e-8, 0, 0, 0, 1.0], [22.0, 1, 1, 1, 1.0], [0] * 5
    falling[1:4] = [1e-6, 1e-4, 1e-2]
    assert title(a=falling, b=rising) == "t: in layer 1 the gradient is 1e-08 to 20 times that in layer 5"
    assert title(a=falling, relu_x=dead).endswith("1e-08 to 1e-08 times that in layer 5, with relu it is 0")
    assert title(a=dead) == "t: all gradients are 0"
    cut = [value / 4 for value in rising]
    assert title(a=rising, a_clipped=cut) == "t: clipping makes the gradient of each layer 4 times smaller"
    cured = {"a": rising, vanishing_gradients.UNCURED.format("sigmoid"): falling}
    assert vanishing_gradients.norms_title("t", cured).endswith("times that in layer 5, without remedy 1e-08")


def test_figures_of_norms_follow_the_backward_pass_and_name_those_that_are_0():
    ax = result().figures["biases_of_-8_scratch"].axes[0]
    assert ax.get_xlim()[0] > ax.get_xlim()[1]
    assert "relu (all 0)" in {text.get_text() for text in ax.texts}


@pytest.mark.parametrize("impl", ["scratch", "gluon"])
def test_run_shows_gradients_that_vanish_die_and_stay_equal_as_the_article_says(impl):
    runs = {run.variant: run.metrics for run in result().select(impl)}

    def norms(name):
        return [runs[name][f"norm_{i}"] for i in range(1, 6)]

    for activation in ACTIVATIONS:
        assert norms(activation) == sorted(norms(activation))
    assert 1e-12 < norms("sigmoid")[0] < 1e-10
    assert 0.2 < norms("sigmoid")[-1] < 0.4
    assert norms("sigmoid")[0] < norms("tanh")[0] < norms("relu")[0]
    assert norms("relu, bias -8") == [0] * 5
    last_bias = 327 / 640 - 1 / (1 + np.exp(8))  # the share of class 1 less sigmoid(-8)
    assert runs["relu, bias -8"]["norm_bias_5"] == pytest.approx(last_bias, rel=1e-5)
    assert 0 < norms("leaky relu, bias -8")[0] < 1e-12
    assert runs["zero"]["train_loss"] == pytest.approx(np.log(2), abs=1e-6)
    for name in ("zero", "zero, trained", "half, trained"):
        assert runs[name]["units_apart"] == 0
    assert norms("half, trained")[-1] > 1e-6  # it does learn, every unit the same
    for remedy in ("sigmoid, xavier", "sigmoid, he", "sigmoid, batch norm"):
        assert norms(remedy)[0] > 1e5 * norms("sigmoid")[0]
    assert np.linalg.norm(norms("N(0, 5)")) > 1.5
    assert np.linalg.norm(norms("N(0, 5), clipped")) <= 1 + 1e-5


def test_step_of_an_earlier_nets_optimizer_moves_nothing_in_the_new_net():
    ours, theirs = result().tables["An optimizer that holds the parameters of an earlier net"]
    assert (ours["new net moves"], ours["said"]) == ("0", "nothing")
    assert float(ours["earlier net moves"]) > 1e-3  # its last gradient is taken once more
    assert (theirs["earlier net moves"], theirs["new net moves"]) == ("0", "0")
    assert "Gradient of Parameter" in theirs["said"]


class States(Callback):
    """Keep what the model consists of after every epoch."""

    def __init__(self, model):
        self.model, self.kept = model, []

    def after_epoch(self, loop):
        self.kept.append(arrays(self.model))


def arrays(model):
    """Return the parameters and running averages as NumPy arrays."""
    return [
        array.asnumpy() if isinstance(array, nd.NDArray) else array.data().asnumpy()
        for array in state_arrays(model)
    ]


@pytest.mark.parametrize("build", BUILDERS)
def test_train_restores_the_best_epoch_with_its_running_averages(build):
    hp = vanishing_gradients.Setting(batch_norm=True, activation="sigmoid", bias=0.0, num_epochs=4)
    data = vanishing_gradients.data(hp, Options())
    model = build(hp, data)
    states = States(model)
    history = vanishing_gradients.train(model, data, hp, [states])
    accuracies = [row["valid_acc"] for row in history]
    best = states.kept[accuracies.index(max(accuracies))]
    for restored, kept in zip(arrays(model), best):
        np.testing.assert_array_equal(restored, kept)
