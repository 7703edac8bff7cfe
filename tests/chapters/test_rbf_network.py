"""Test radial basis functions: bases, centres, gradients, and trained nets."""

import functools
import itertools
import json

import numpy as np
import pytest
from mxnet import autograd, nd
from sklearn.cluster import KMeans

from chapters import rbf_network
from chapters.rbf_network import NUM_TRAIN, HParams, Setting
from d2l_repro.data.synthetic import hilly_curve
from d2l_repro.errors import InputError
from d2l_repro.experiment.model import Model
from d2l_repro.results import plot
from d2l_repro.results.run import RunResult
from d2l_repro.scratch.rbf import BASES, CENTRES, orthogonal_least_squares, rbf
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.train.parameters import book_arrays, parameters
from d2l_repro.verify.gradcheck import central_differences, relative_error
from d2l_repro.verify.parity import same_path

FORMULAS = {
    "gaussian": lambda r, s: np.exp(-(r**2) / (2 * s**2)),
    "reflected sigmoid": lambda r, s: 1 / (1 + np.exp(r**2 / s**2)),
    "inverse multiquadric": lambda r, s: 1 / np.sqrt(r**2 + s**2),
}
BUILDERS = {"scratch": rbf_network.from_scratch, "gluon": rbf_network.with_gluon}
every_basis = pytest.mark.parametrize("basis", BASES)


@functools.lru_cache
def quick():
    return rbf_network.run(HParams(num_epochs=2), quick=True)


def built(impl, seed=0, **settings):
    """Return model, data and settings of one run, as the chapter builds them."""
    hp = Setting(**settings)
    seed_everything(seed)
    data = rbf_network.data(hp, Options(seed=seed))
    return BUILDERS[impl](hp, data), data, hp


def in_double(model):
    for param in parameters(model):
        param.cast("float64")
    return model


@every_basis
def test_rbf_equals_its_formula(basis):
    rng = np.random.RandomState(0)
    X, centres, widths = rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), np.array([0.3, 1.0, 2.0])
    expected = np.array(
        [[FORMULAS[basis](np.linalg.norm(x - c), s) for c, s in zip(centres, widths)] for x in X]
    )
    phi = rbf(*(nd.array(array, dtype="float64") for array in (X, centres, np.log(widths))), basis)
    np.testing.assert_allclose(phi.asnumpy(), expected, rtol=1e-12)


@every_basis
def test_rbf_gradients_stay_finite_far_from_every_centre(basis):
    X, centres, log_width = nd.array([[1000.0]]), nd.zeros((1, 1)), nd.zeros(1)
    for array in (centres, log_width):
        array.attach_grad()
    with autograd.record():
        phi = rbf(X, centres, log_width, basis)
    phi.backward()
    assert all(np.isfinite(array.asnumpy()).all() for array in (phi, centres.grad, log_width.grad))


@pytest.mark.parametrize(("task", "basis"), itertools.product(NUM_TRAIN, BASES))
def test_rbf_gradients_equal_central_differences(task, basis):
    model, data, _ = built("scratch", task=task, basis=basis, centres="learned", sigma=1.0, num_centres=3)
    in_double(model)
    X, y = (array[:7].astype("float64") for array in data.source.train)
    with autograd.record():
        losses = model.loss(model.net(X), y)
    losses.backward()
    assert len(model.params) == 4
    for param in model.params:
        numeric = central_differences(lambda: model.loss(model.net(X), y).sum(), param)
        assert np.abs(numeric).max() > 1e-4
        assert relative_error(param.grad.asnumpy(), numeric) < 1e-7


@pytest.mark.parametrize(("basis", "centres"), itertools.product(BASES, CENTRES))
def test_with_gluon_equals_from_scratch_with_the_same_parameters(basis, centres):
    for task in NUM_TRAIN:
        (ours, data, _), (theirs, _, _) = (
            built(impl, task=task, basis=basis, centres=centres) for impl in BUILDERS
        )
        X, y = data.source.test
        rng = np.random.RandomState(1)
        theirs.net(X)
        for mine, other in zip(parameters(ours), parameters(theirs)):
            value = rng.normal(size=mine.get().shape).astype("float32")
            mine.set(value)
            other.set(value)
        np.testing.assert_allclose(theirs.net(X).asnumpy(), ours.net(X).asnumpy(), rtol=1e-5, atol=1e-5)
        losses = [model.loss(model.net(X), y).asnumpy().ravel() for model in (ours, theirs)]
        np.testing.assert_allclose(*losses, rtol=1e-5, atol=1e-5)


def test_matching_pairs_follow_the_same_path():
    pairs = quick().parity["pairs"]
    assert {pair["ours"] for pair in pairs} == {run.name for run in quick().select("scratch")}
    assert [pair["ours"] for pair in pairs if pair["left_at"]] == []


def test_learned_centres_and_widths_follow_the_same_path_to_the_last_digits():
    models = [built(impl, centres="learned")[0] for impl in BUILDERS]
    _, data, hp = built("gluon")
    assert same_path(*models, data.train_iter, hp.batch_size, tolerance=1e-12)


def test_variants_combine_every_task_basis_and_choice_of_centres():
    combinations = itertools.product(BUILDERS, NUM_TRAIN, BASES, CENTRES)
    mlps = {f"{impl} {task} mlp" for impl, task in itertools.product(BUILDERS, NUM_TRAIN)}
    assert {run.name for run in quick().runs} == {" ".join(names) for names in combinations} | mlps
    assert quick().errors == {}
    for run in quick().runs:
        accuracies = {"train_acc", "test_acc"} if "moons" in run.variant else set()
        assert run.metrics.keys() == {"train_loss", "test_loss"} | accuracies


def test_variants_have_the_settings_that_they_are_named_after():
    for name, hp in rbf_network.variants(HParams(lr_sine=0.7, lr_moons=0.6)).items():
        assert name == f"{hp.task} {hp.basis} {hp.centres}"
        assert hp.lr == {"sine": 0.7, "moons": 0.6}[hp.task]


def test_train_moves_only_learned_centres():
    variants = rbf_network.variants(HParams())
    for run in quick().runs:
        if run.variant not in variants:
            continue
        hp = variants[run.variant]
        learned = hp.centres == "learned"
        source = rbf_network.data(hp, Options()).source
        assert len(book_arrays(run.model)) == (4 if learned else 2)
        for now, start in zip(rbf_network.hidden(run), (source.centres, source.log_width)):
            assert (np.abs(now - start.asnumpy()).max() > 1e-3) == learned


@pytest.mark.parametrize("task", NUM_TRAIN)
def test_initial_centres_are_those_of_the_chosen_method(task):
    sources = {how: built("scratch", seed=3, task=task, centres=how)[1].source for how in CENTRES}
    X = sources["random"].train[0].asnumpy()
    means = KMeans(8, n_init=10, random_state=3).fit(X).cluster_centers_
    np.testing.assert_allclose(sources["k-means"].centres.asnumpy(), means, rtol=1e-6)
    chosen = sources["random"].centres.asnumpy()
    assert len(np.unique(chosen, axis=0)) == 8
    assert all((c == X).all(axis=1).any() for c in chosen)
    np.testing.assert_array_equal(sources["learned"].centres.asnumpy(), chosen)


def greedy_by_least_squares(phi, y, count):
    """Return the columns that, added one by one to a constant, leave the smallest squared error."""
    chosen = []
    for _ in range(count):
        errors = []
        for i in range(phi.shape[1]):
            design = np.column_stack([np.ones(len(y)), phi[:, [*chosen, i]]])
            weights, *_ = np.linalg.lstsq(design, y, rcond=None)
            errors.append(np.inf if i in chosen else ((design @ weights - y) ** 2).sum())
        chosen.append(int(np.argmin(errors)))
    return chosen


@every_basis
def test_orthogonal_least_squares_chooses_what_leaves_the_smallest_error(basis):
    rng = np.random.RandomState(0)
    X = rng.uniform(-3, 3, (25, 2))
    y = np.sin(X[:, 0]) + X[:, 1] / 3
    phi = FORMULAS[basis](np.linalg.norm(X[:, None] - X, axis=2), 1.5)
    expected = greedy_by_least_squares(phi, y, 6)
    assert orthogonal_least_squares(phi, y, 6) == expected
    assert rbf_network.chosen_examples(X, y, 6, basis, 1.5) == expected


def test_orthogonal_least_squares_refuses_more_functions_than_are_independent():
    phi = np.array([[1.0, 2, 1], [2, 4, 1], [0, 0, 1]])  # a multiple, and the constant
    y = np.array([1.0, 2, 4])
    assert orthogonal_least_squares(phi, y, 1) == [0]
    with pytest.raises(ValueError, match="only 1 of 2 basis functions are linearly independent"):
        orthogonal_least_squares(phi, y, 2)


def test_ols_centres_are_examples_and_have_the_width_that_they_were_chosen_with():
    source = built("scratch", seed=3, task="moons", basis="gaussian", centres="OLS")[1].source
    X, y = (array.asnumpy() for array in source.train)
    width = source.log_width[0].exp().asscalar()
    largest = max(np.linalg.norm(X - x, axis=1).max() for x in X)
    assert width == pytest.approx(largest / np.sqrt(8), rel=1e-5)
    chosen = rbf_network.chosen_examples(X, y, 8, "gaussian", float(width))
    np.testing.assert_array_equal(source.centres.asnumpy(), X[chosen])
    assert len(set(chosen)) == 8


def test_initial_width_is_a_multiple_of_the_centres_spacing():
    for task, inputs in (("sine", 1), ("moons", 2)):
        source = built("scratch", task=task, width=0.5, num_centres=10)[1].source
        centres = source.centres.asnumpy()
        largest = max(np.linalg.norm(a - b) for a, b in itertools.combinations(centres, 2))
        np.testing.assert_allclose(
            source.log_width.exp().asnumpy(), 0.5 * largest / 10 ** (1 / inputs), rtol=1e-5
        )


def test_points_returns_disjoint_sets_and_tests_the_curve_without_noise():
    (X, _), (X_test, _) = rbf_network.points("moons", 0.1, 0)
    assert (len(X), len(X_test)) == (640, 200)
    assert not (X.asnumpy()[:, None] == X_test.asnumpy()).all(axis=2).any()
    (x, y), (grid, truth) = rbf_network.points("sine", 0.1, 0)
    np.testing.assert_allclose(
        truth.asnumpy(), np.sin(grid.asnumpy()[:, 0]) + grid.asnumpy()[:, 0] / 3, atol=1e-6
    )
    noise = y.asnumpy() - hilly_curve(x.asnumpy()[:, 0])
    assert noise.std() == pytest.approx(0.1, rel=0.2)


def test_least_squares_bounds_the_loss_and_training_approaches_it():
    examples, _ = rbf_network.points("sine", 0.1, 0)
    variants = rbf_network.variants(HParams())
    for run in quick().runs:
        if run.variant in variants and variants[run.variant].task == "sine":
            best = rbf_network.least_squares(run, variants[run.variant].basis, examples)
            assert run.metrics["train_loss"] > best * (1 - 1e-5)
    model, data, hp = built("gluon", centres="k-means")
    history = rbf_network.train(model, data, hp)
    best = rbf_network.least_squares(RunResult("gluon", "", 0, model=model), hp.basis, data.source.train)
    assert 1 - 1e-5 < history[-1]["train_loss"] / best < 1.02
    X, y = (array.asnumpy().astype("float64") for array in data.source.train)
    width = np.exp(data.source.log_width[0].asscalar())
    phi = FORMULAS["gaussian"](np.abs(X - data.source.centres.asnumpy().T), width)
    weights = np.linalg.pinv(np.column_stack([phi, np.ones(len(y))])) @ y
    assert best == pytest.approx(((phi @ weights[:-1] + weights[-1] - y) ** 2).mean() / 2, rel=1e-5)


def test_learned_centres_score_best_on_the_moons():
    accuracies = {}
    for centres in CENTRES:
        model, data, hp = built("gluon", task="moons", centres=centres, num_epochs=20)
        accuracies[centres] = rbf_network.train(model, data, hp)[-1]["test_acc"]
    assert accuracies["learned"] >= 0.99 > 0.97 > max(accuracies["random"], accuracies["k-means"])


def test_run_is_reproducible_with_the_same_seed():
    def numbers(seed):
        runs = rbf_network.run(HParams(num_epochs=1, steps=5), impl="gluon", seed=seed).runs
        return json.dumps({run.variant: run.metrics for run in runs})

    assert numbers(1) == numbers(1) != numbers(2)


def test_show_sorts_the_tables_and_draws_every_figure():
    assert quick().figures.keys() == {"bases", "widths", "sine", "sine_training", "moons", "moons_training"}
    for rows in quick().tables.values():
        losses = [float(row["test loss"]) for row in rows]
        assert len(rows) == 26
        assert losses == sorted(losses)
        assert [row["centres"] for row in rows if "mlp" not in row["run"]] == [8] * 24
    assert all("least squares" in row for row in quick().tables["A curve"])
    drawn = [ax.get_title().replace("\n", " ") for ax in quick().figures["sine"].axes]
    assert len(drawn) == len(BASES) * len(CENTRES)
    named = [f"{basis}, {how} test loss" for basis in BASES for how in CENTRES]
    assert all(title.startswith(name) for title, name in zip(sorted(drawn), sorted(named)))
    assert len(quick().figures["moons"].axes) == len(BASES) * len(CENTRES)


def test_a_smaller_width_makes_a_unit_more_selective():
    axes = quick().figures["widths"].axes
    assert [ax.get_title() for ax in axes] == list(BASES)
    for ax, formula in zip(axes, map(FORMULAS.get, BASES)):
        lines = [line.get_xydata() for line in ax.get_lines()]
        for points, width in zip(lines, rbf_network.WIDTHS):
            r, values = points.T
            np.testing.assert_allclose(values, formula(r, width) / formula(0, width), rtol=1e-4, atol=1e-7)
        narrow, middle, wide = (points[40, 1] for points in lines)  # at a distance of 1
        assert narrow < middle < wide < lines[0][0, 1] == 1


def test_names_of_nets_leave_out_a_basis_that_all_have():
    alike, apart = {("gaussian", "random"): 0, ("gaussian", "OLS"): 0}, {("a", "OLS"): 0, ("b", "OLS"): 0}
    assert rbf_network.short_names(alike) == ["random", "OLS"]
    assert rbf_network.short_names(apart) == ["a, OLS", "b, OLS"]


def test_mlp_has_as_many_parameters_as_a_net_with_learned_centres():
    for impl, task in itertools.product(BUILDERS, NUM_TRAIN):
        sizes = [
            sum(array.size for array in book_arrays(quick().find(impl, f"{task} {name}").model))
            for name in ("mlp", "gaussian learned")
        ]
        assert sizes[0] == sizes[1]


def test_moved_share_counts_the_outputs_that_one_parameter_moves():
    w, b = nd.array([[1.0], [0.0]]), nd.zeros(1)
    model = Model(lambda X: nd.dot(X, w) + b, None, [w, b], None)
    X = nd.array([[1, 0], [0.2, 0], [0.05, 1], [0, 1]])
    # the first weight moves two outputs by more than a tenth of the first one, the second two, the bias all
    assert rbf_network.moved_share(model, X) == pytest.approx((2 / 4 + 2 / 4 + 1) / 3)
    assert w.asnumpy().ravel().tolist() == [1, 0]
    narrow, wide = (
        rbf_network.moved_share(
            built("scratch", width=width, num_centres=20)[0], nd.arange(-6, 6, 0.1)[:, None]
        )
        for width in (0.3, 10)
    )
    assert narrow < 0.3 < 0.9 < wide


def test_show_draws_what_was_trained():
    result = rbf_network.run(HParams(num_epochs=1, steps=5), impl="gluon")
    assert result.figures.keys() == quick().figures.keys()
    assert result.parity is None
    diverged = rbf_network.run(HParams(num_epochs=2, steps=50, lr_sine=1e4), impl="gluon")
    assert diverged.errors
    assert str(diverged)


@pytest.mark.parametrize(
    "settings", [{"num_centres": 1}, {"num_centres": 161}, {"width": 0}, {"momentum": 1}]
)
def test_hparams_reject_values_out_of_range(settings):
    with pytest.raises(InputError, match="must be"):
        HParams(**settings)


def test_decision_regions_draw_all_marks_within_the_plane():
    sets = {"train": (np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]))}
    far = np.array([[5.0, -4.0]])
    figure = plot.decision_regions({"net": lambda X: X[:, 0] - 0.5}, sets, "t", {"centres": {"net": far}})
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.get_lines()[-1].get_xydata(), far)
    assert ax.get_xlim()[1] > 5
    assert ax.get_ylim()[0] < -4
    assert figure.legends[0].get_texts()[-1].get_text() == "centres"


def test_functions_draw_marks_in_the_color_of_their_line():
    x = np.arange(3.0)
    figure = plot.functions(
        {"p": (x, {"a": x, "b": -x})}, "x", "t", {"p": {"b": (x[:1], x[:1]), "data": (x, x)}}
    )
    a, b, of_b, examples = figure.axes[0].get_lines()
    assert of_b.get_color() == b.get_color() != a.get_color()
    assert examples.get_linestyle() == "None"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "data"]


def test_functions_draw_every_line_and_every_mark_however_many_there_are():
    x, names = np.arange(3.0), "abcdefg"
    figure = plot.functions(
        {"p": (x, {name: x + i for i, name in enumerate(names)})},
        "x",
        "t",
        {"p": dict.fromkeys(names, (x[:1], x[:1]))},
    )
    assert len(figure.axes[0].get_lines()) == 2 * len(names)
