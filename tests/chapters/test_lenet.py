"""Test convolution and pooling against central differences, autograd and Gluon; run the chapter briefly."""

import functools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from mxnet import autograd, nd
from mxnet.gluon import nn

from chapters import lenet
from d2l_repro.data.images import load_images
from d2l_repro.experiment.misclassified import misclassified
from d2l_repro.experiment.paths import QUICK_PARITY_STEPS
from d2l_repro.results import plot
from d2l_repro.results.published import published_values
from d2l_repro.scratch import truncated_normal
from d2l_repro.scratch.conv import Conv2D, MaxPool2D
from d2l_repro.scratch.counterparts import TruncatedNormal
from d2l_repro.scratch.layers import LOSSES, gradients_by_hand
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.verify.gradcheck import check_layer

rng = np.random.RandomState(0)
pytestmark = pytest.mark.usefixtures("few_images")
SMALL = {"num_steps": 6, "num_evaluations": 2, "batch_size": 4, "num_hiddens": 16}


def array(*shape):
    return nd.array(rng.normal(size=shape), dtype="float64")


SHAPES = [(2, 3, 4, 6), (1, 1, 8, 2), (3, 2, 2, 2)]  # also lower or narrower than the kernel


@functools.lru_cache
def small(impl="both"):
    return lenet.run(lenet.HParams(**SMALL), dataset="digits", quick=True, impl=impl)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_conv2d_gradients_equal_central_differences_and_autograd(shape, kernel):
    errors = check_layer(Conv2D(array(4, shape[1], kernel, kernel), array(4)), array(*shape))
    assert errors["central differences"] < 1e-7
    assert errors["autograd"] < 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_max_pool2d_gradients_equal_central_differences_and_autograd(shape):
    errors = check_layer(MaxPool2D(), array(*shape))
    assert errors["central differences"] < 1e-7
    assert errors["autograd"] == 0


def of_gluon(layer, theirs, X):
    """Return pairs of outputs and gradients: of our layer, and of Gluon's with the same parameters."""
    theirs.initialize()
    theirs.cast("float64")
    theirs(X)
    learned = list(theirs.collect_params().values())
    for param, ours in zip(learned, layer.params):
        param.set_data(ours)
        ours.attach_grad()
    X.attach_grad()
    with autograd.record():
        Y = theirs(X)
    dY = array(*Y.shape)
    Y.backward(dY)
    ours = [layer.forward(X), layer.backward(dY), *(param.grad for param in layer.params)]
    return zip(ours, [Y, X.grad, *(param.grad() for param in learned)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["convolution", "max pool"])
def test_layer_output_and_gradients_equal_gluons(name, shape):
    layer, theirs = {
        "convolution": (Conv2D(array(4, shape[1], 5, 5), array(4)), nn.Conv2D(4, 5, padding=2)),
        "max pool": (MaxPool2D(), nn.MaxPool2D(2)),
    }[name]
    for ours, gluons in of_gluon(layer, theirs, array(*shape)):
        np.testing.assert_allclose(ours.asnumpy(), gluons.asnumpy(), rtol=1e-10, atol=1e-12)


def test_max_pool2d_gives_the_gradient_to_the_first_of_equal_pixels_as_gluon_does():
    X = nd.array(rng.randint(0, 2, (20, 1, 8, 8)), dtype="float64")
    for ours, gluons in of_gluon(MaxPool2D(), nn.MaxPool2D(2), X):
        np.testing.assert_array_equal(ours.asnumpy(), gluons.asnumpy())


def test_conv2d_computes_no_input_gradient_in_the_first_layer():
    layer = Conv2D(array(4, 1, 5, 5), array(4), first=True)
    for param in layer.params:
        param.attach_grad()
    assert layer.backward(layer.forward(array(2, 1, 6, 6))) is None


def setting(variant, **changes):
    runs = lenet.chapter.runs(lenet.HParams(**changes))
    return next(run.hp for run in runs if run.variant == variant)


def test_from_scratch_has_autograds_gradients_and_gluons_scores():
    hp = setting("Adam 2000 steps, L2")
    data = lenet.chapter.data(hp, Options(dataset="digits"))
    seed_everything(0)
    ours, theirs = lenet.from_scratch(hp, data), lenet.with_gluon(hp, data)
    for param in ours.params[1::2]:
        # With a bias of 0, every blank pixel is at 0, where autograd takes another derivative of our ReLU.
        param[:] = nd.random.normal(scale=0.1, shape=param.shape)
    X, y = (part[:8] for part in data.source.test)
    scores, _ = gradients_by_hand(ours.net, "softmax")(X, y)
    by_hand = [param.grad.copy() for param in ours.params]
    with autograd.record():
        losses = LOSSES["softmax"][0](ours.net(X), y)
    losses.backward()
    for mine, param in zip(by_hand, ours.params):
        np.testing.assert_allclose(mine.asnumpy(), param.grad.asnumpy(), rtol=1e-3, atol=1e-3)
    theirs.net(X)
    for mine, other in zip(lenet.parameters(ours), lenet.parameters(theirs)):
        other.set(mine.get())
    np.testing.assert_allclose(theirs.net(X).asnumpy(), scores.asnumpy(), rtol=1e-3, atol=1e-3)
    assert [param.shape for param in ours.params] == [
        (32, 1, 5, 5),
        (32,),
        (64, 32, 5, 5),
        (64,),
        (3136, 512),
        (512,),
        (512, 10),
        (10,),
    ]


def test_data_holds_out_the_last_training_images_for_validation():
    images = load_images("mnist", "digits")
    sets = lenet.chapter.data(setting("SGD 0.01"), Options(dataset="digits")).source
    assert [len(y) for _, y in (sets.train, sets.valid, sets.test)] == [1248, 249, 300]
    assert sets.valid[1].asnumpy().tolist() == images.train_labels[-249:].tolist()


def test_run_quick_trains_compares_and_draws():
    result = small()
    assert list(result.labelled()) == [
        "scratch Adam 6 steps, L2",
        "gluon Adam 6 steps, L2",
        "gluon Adam 6 steps",
        "gluon SGD 0.01",
        "gluon SGD 0.001",
    ]
    assert result.errors == {}
    assert result.parity["steps"] == QUICK_PARITY_STEPS
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None]
    assert result.figures.keys() == {
        "training_curves",
        "filters_scratch",
        "filters_gluon",
        "mistakes",
    }
    for figure in result.figures.values():
        assert plot.render(figure, "png").startswith(b"\x89PNG")
    for run in result.runs:
        assert len(run.history) == 2
        assert run.metrics["best_valid_acc"] == max(run.history["valid_acc"])


def test_run_of_one_implementation_gives_the_same_numbers():
    alone = small("scratch")
    assert [run.name for run in alone.runs] == ["scratch Adam 6 steps, L2"]
    assert alone.runs[0].metrics == small().find("scratch", "Adam 6 steps, L2").metrics


def test_published_values_each_have_a_run_and_metric_of_ours():
    labels = {run.label for run in lenet.chapter.runs(lenet.HParams())}
    plan = setting("Adam 2000 steps, L2").plan
    for row in published_values():
        if row["chapter"] == "lenet":
            assert {f"scratch {row['run']}", f"gluon {row['run']}"} <= labels
            _, step, metric = row["metric"].split("_", 2)
            assert int(step) in lenet.PRINTED_STEPS
            assert int(step) % plan["steps"] == 0
            assert metric in ("loss", "valid_acc")


def test_metrics_are_those_of_the_steps_that_the_article_prints():
    run = small().find("scratch", "Adam 6 steps, L2")
    history = [{"epoch": epoch, "batch_loss": epoch / 8, "valid_acc": epoch / 4} for epoch in range(1, 5)]
    data = lenet.chapter.data(setting("Adam 2000 steps, L2"), Options(dataset="digits"))
    found = lenet.best_epoch_metrics(run.model, data, history)
    assert found["step_500_loss"] == 0.125
    assert found["step_1000_valid_acc"] == 0.5
    assert found["step_2000_loss"] == 0.5


@pytest.mark.parametrize("build", [lenet.from_scratch, lenet.with_gluon])
def test_penalty_decays_the_dense_layers_only_and_is_part_of_the_loss_of_the_batch(build):
    data = lenet.chapter.data(setting("SGD 0.01", **SMALL), Options(dataset="digits"))
    X, y = (part[:4] for part in data.source.train)
    data.train_iter = [(X, y)]
    steps, losses = [], []
    for reg in (0.0, 0.5):
        hp = setting("SGD 0.01", **SMALL).replace(reg=reg, num_steps=1, num_evaluations=1)
        seed_everything(0)
        model = build(hp, data)
        model.net(X)
        before = [param.get().copy() for param in lenet.parameters(model)]
        losses.append(lenet.train(model, data, hp)[-1]["batch_loss"])
        after = [param.get() for param in lenet.parameters(model)]
        steps.append([new - old for new, old in zip(after, before)])
    for bare, penalized, start in zip(*steps, before):
        # p <- p - lr (g + reg p) for a weight of a dense layer
        expected = -0.01 * 0.5 * start if start.ndim == 2 else np.zeros_like(start)
        np.testing.assert_allclose(penalized - bare, expected, atol=1e-6)
    squares = sum((array.astype("float64") ** 2).sum() for array in after if array.ndim == 2)
    assert losses[1] - losses[0] == pytest.approx(0.5 / 2 * squares, rel=1e-4)


def test_label_names_the_number_of_steps():
    for num_steps in (2000, 2009, 7):
        plan = setting(f"Adam {num_steps} steps, L2", num_steps=num_steps).plan
        assert plan["num_epochs"] * plan["steps"] == num_steps


def test_comparisons_let_only_sgd_with_gluon_diverge_and_include_d2ls_class():
    runs = lenet.chapter.runs(lenet.HParams())
    assert [run.label for run in runs if run.may_diverge] == ["gluon SGD 0.01", "gluon SGD 0.001"]
    assert [run.label for run in runs if run.impl == "d2l"] == ["d2l SGD 0.1"]
    assert lenet.chapter.implementations == ("scratch", "gluon", "d2l")


def test_misclassified_returns_only_wrongly_classified_digits():
    data = lenet.chapter.data(setting("SGD 0.01"), Options(dataset="digits"))
    names = [str(digit) for digit in range(10)]
    test = list(lenet.in_order(data.source.test))
    always_3 = misclassified(lambda X: nd.one_hot(nd.ones(len(X)) * 3, 10), test, names, 24)
    assert len(always_3) == 24
    assert all(title.endswith("\n3: 100%") and not title.startswith("3") for _, title in always_3)
    classes = {x.asnumpy().tobytes(): y.asscalar() for x, y in zip(*data.source.test)}
    assert not misclassified(
        lambda X: nd.one_hot(nd.array([classes[x.asnumpy().tobytes()] for x in X]), 10), test, names, 24
    )


@pytest.mark.slow
def test_run_of_300_adam_steps_classifies_97_of_100_digits(real_data):
    hp = lenet.HParams(num_steps=300, num_evaluations=1)
    only = ("Adam 300 steps", "SGD 0.001")
    result = lenet.run(hp, impl="gluon", only=only, dataset="mnist", data_dir=real_data)
    accuracies = {run.name: run.metrics["best_valid_acc"] for run in result.runs}
    assert accuracies["gluon Adam 300 steps"] > 0.97
    assert accuracies["gluon SGD 0.001"] < 0.9  # too slow, as the article says


def test_truncated_normal_has_no_tails_and_the_same_quantiles_in_gluon():
    seed_everything(0)
    ours = truncated_normal((400, 500), 0.1).asnumpy()
    net = nn.Dense(400, in_units=500)
    seed_everything(0)
    net.initialize(TruncatedNormal(0.1))
    theirs = net.weight.data().asnumpy()
    for values in (ours, theirs):
        assert np.abs(values).max() <= 0.2
        # variance of N(0, 1) within two standard deviations: 1 - 4 phi(2) / (2 Phi(2) - 1)
        assert values.std() == pytest.approx(0.1 * 0.8796, rel=5e-3)
        assert (np.abs(values) < 0.1).mean() == pytest.approx(0.6827 / 0.9545, rel=5e-3)
    assert net.bias.data().asnumpy().tolist() == [0] * 400


def test_smoothness_of_filters_is_0_at_random_and_large_for_an_edge():
    random = lenet.smoothness(np.random.RandomState(0).normal(size=(4000, 5, 5)))
    assert random.mean() == pytest.approx(-1 / 24, abs=0.02)  # of 25 independent numbers, less their mean
    edge = np.repeat(np.arange(5.0)[None], 5, axis=0)
    chequered = (-1.0) ** np.add.outer(range(5), range(5))
    of_edge, of_chequered = lenet.smoothness(np.stack([edge, chequered]))
    assert of_edge > np.quantile(random, 0.99)
    assert of_chequered < np.quantile(random, 0.01)


@pytest.mark.parametrize(
    ("edges", "finding"), [(0, "filters still look like noise"), (20, "filters are smoother than noise")]
)
def test_title_of_filters_says_whether_more_are_smooth_than_by_chance(edges, finding, monkeypatch):
    W = np.random.RandomState(1).normal(size=(32, 5, 5))
    W[:edges] += 5 * np.arange(5)
    monkeypatch.setattr(lenet, "parameters", lambda model: [model])
    figure = lenet.filters(SimpleNamespace(get=lambda: W[:, None]), 200, ", from scratch")
    title = re.fullmatch(
        f"After 200 steps {finding}: (\\d+) of 32 are smoother than 95% of random ones, "
        "where chance gives 1.6, from scratch",
        figure.get_label(),
    )
    bound = float(figure.axes[-1].get_xlabel().rpartition("below ")[2])
    assert int(title[1]) == np.sum(lenet.smoothness(W) > bound)
    numbers = [float(ax.get_title()) for ax in figure.axes[:-1]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == lenet.NUM_FILTERS
