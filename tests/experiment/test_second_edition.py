"""Test d2l 1.0's own classes beside ours: --impl d2l."""

import importlib
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from mxnet import nd
from mxnet.util import is_np_array, is_np_shape, use_np

from chapters import lenet, linear_regression, mlp, ndarray_autograd, softmax_regression
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.errors import InputError
from d2l_repro.experiment import second_edition
from d2l_repro.experiment.model import Model
from d2l_repro.results import report, summary
from d2l_repro.results.catalogue import entries
from d2l_repro.scratch import correct
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything
from d2l_repro.verify.parity import same_path

FOLLOWS = "On full batches, does d2l follow the same path?"


@pytest.fixture
def d2l():
    """Return the package; skip where it is not installed: it is an extra."""
    return pytest.importorskip("d2l.mxnet", reason="d2l 1.0.3 is not installed", exc_type=ImportError)


def main(chapter, *flags):
    with pytest.raises(SystemExit) as exit:
        run_chapter(chapter.chapter, list(flags))
    return exit.value.code


def without_times(run):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.history]


def test_linear_regression_trains_d2ls_class_but_compares_only_ours_with_published_values(d2l):
    result = linear_regression.run(impl="d2l")
    assert list(result.labelled()) == ["scratch", "gluon", "d2l", "closed form", "data"]
    metrics = result.find("d2l").metrics
    assert [metrics["w[0]"], metrics["w[1]"], metrics["b"]] == pytest.approx([2, -3.4, 4.2], abs=2e-3)
    assert metrics["train_loss"] == pytest.approx(result.find("gluon").metrics["train_loss"], rel=1e-3)
    assert {row["run"] for row in result.published} == {"scratch", "gluon", "data"}
    assert [pair["theirs"] for pair in result.parity["pairs"]] == ["gluon"]
    lines = result.figures["training_curves"].axes[0].lines
    curves = [
        line for line in lines if not line.get_label().startswith("_")
    ]  # others mark what was published
    assert {line.get_label() for line in curves} == {"scratch train", "gluon train", "d2l train"}
    styles = {(line.get_linestyle(), line.get_marker()) for line in curves}
    assert len(styles) == 3  # they coincide, and yet all are visible
    assert "d2l" in result.tables["True and learned weights"][0]


def test_run_with_d2l_restores_numpy_semantics_and_changes_no_bit_of_ours(d2l):
    before = linear_regression.run()
    beside = linear_regression.run(impl="d2l")
    assert (is_np_array(), is_np_shape()) == (False, False)
    after = linear_regression.run()
    for label in ("scratch", "gluon"):
        assert (
            without_times(before.labelled()[label])
            == without_times(beside.labelled()[label])
            == without_times(after.labelled()[label])
        )
    assert before.parity == beside.parity == after.parity
    assert type(nd.ones(1) + 1) is nd.NDArray


def test_model_restores_numpy_semantics_after_a_failure_in_d2l(d2l):
    def fails(package):
        assert (is_np_array(), is_np_shape()) == (True, True)
        raise RuntimeError("in d2l")

    with pytest.raises(RuntimeError, match="in d2l"):
        second_edition.model(fails)
    assert (is_np_array(), is_np_shape()) == (False, False)
    model = second_edition.model(lambda package: package.LinearRegression(0.03))
    with pytest.raises(AttributeError):
        model.net(np.ones((1, 2)))  # no NDArray
    assert (is_np_array(), is_np_shape()) == (False, False)


def test_run_with_d2l_depends_on_the_seed_alone(d2l):
    runs = [linear_regression.run(impl="d2l", seed=seed).find("d2l") for seed in (3, 3, 4)]
    assert without_times(runs[0]) == without_times(runs[1]) != without_times(runs[2])


def test_train_gives_a_module_the_same_parameters_as_d2ls_own_trainer(d2l):
    X, y = nd.random.normal(shape=(25, 2)), nd.random.normal(shape=25)
    batches = [(X[i : i + 10], y[i : i + 10]) for i in (0, 10, 20)]  # the last is short
    hp = linear_regression.HParams(num_epochs=4)
    seed_everything(0)
    ours = linear_regression.with_d2l(hp, None)
    data = types.SimpleNamespace(source=(X, y), train_iter=batches)
    linear_regression.train(ours, data, hp)

    @use_np
    def by_d2l():
        module = d2l.LinearRegression(lr=hp.lr)
        module.board.display = False
        converted = [(X.as_np_ndarray(), y.as_np_ndarray()) for X, y in batches]
        loaders = types.SimpleNamespace(train_dataloader=lambda: converted, val_dataloader=lambda: None)
        d2l.Trainer(max_epochs=hp.num_epochs).fit(module, loaders)
        return [array.asnumpy() for array in module.get_w_b()]

    seed_everything(0)
    for mine, theirs in zip(ours.params.values(), by_d2l()):
        np.testing.assert_array_equal(mine.data().asnumpy(), theirs)


@pytest.mark.parametrize(
    ("name", "shape"), [("LinearRegression", (10, 2)), ("SoftmaxRegression", (10, 1, 28, 28))]
)
def test_same_path_finds_the_short_batch_where_the_editions_differ(d2l, name, shape):
    chapter = {"LinearRegression": linear_regression, "SoftmaxRegression": softmax_regression}[name]
    hp = chapter.HParams(lr=0.03)
    X = nd.random.normal(shape=shape)
    y = nd.arange(10) if len(shape) == 4 else nd.random.normal(shape=10)

    def compared(batches):
        seed_everything(0)
        theirs = chapter.with_d2l(hp, None)
        theirs.net(X)
        return same_path(chapter.from_scratch(hp, None), theirs, batches, 10, steps=6, short_batch=False)

    assert compared([(X, y)])
    different = compared([(X, y), (X[:4], y[:4])])  # d2l divides the short batch by 4
    assert different.left_at["step"] == 2


def test_softmax_regression_measures_d2ls_class_with_its_own_accuracy(d2l, small_fashion):
    hp = softmax_regression.HParams(num_epochs=2, lr=0.5, batch_size=64)
    result = softmax_regression.run(hp, data_dir=small_fashion, impl="d2l")
    (path,) = result.tables[FOLLOWS]
    assert (path["runs"], path["steps"], path["same path"]) == ("scratch, d2l", 50, "yes")
    table = {row["what"]: row for row in result.tables[second_edition.EDITIONS]}
    assert table["gradient of the last batch"] == dict(
        zip(
            second_edition.COLUMNS,
            (
                "gradient of the last batch",
                "24 examples' sum, divided by 64",
                "24 examples' sum, divided by 24",
                "divided by its own size",
            ),
        )
    )
    assert table["learning rate of SGD"]["d2l's class, as trained here"] == "0.5"
    model, data = result.models["d2l"], softmax_regression.data(hp, Options(data_dir=small_fashion))
    X, y = data.source.test
    assert isinstance(model.net(X), nd.NDArray)
    assert model.accuracy(model.net(X), y).asnumpy().tolist() == correct(model.net(X), y).asnumpy().tolist()
    assert model.accuracy is not Model.accuracy
    assert result.find("d2l").metrics["test_acc"] == correct(model.net(X), y).mean().asscalar()


def test_run_with_d2l_compares_no_path_without_full_batches(d2l, small_fashion):
    result = softmax_regression.run(
        softmax_regression.HParams(num_epochs=1, batch_size=700), data_dir=small_fashion, impl="d2l"
    )
    assert FOLLOWS not in result.tables
    assert second_edition.EDITIONS in result.tables


def test_lenet_trains_d2ls_class_which_is_another_net(d2l, few_images):
    result = lenet.run(
        lenet.HParams(num_steps=4, num_evaluations=2, batch_size=8, num_hiddens=16),
        dataset="digits",
        quick=True,
        impl="d2l",
    )
    assert list(result.labelled()) == [
        "scratch Adam 4 steps, L2",
        "gluon Adam 4 steps, L2",
        "gluon Adam 4 steps",
        "gluon SGD 0.01",
        "gluon SGD 0.001",
        "d2l SGD 0.1",
    ]
    assert result.errors == {}
    assert {"filters_d2l", "mistakes"} <= result.figures.keys()
    assert result.tables["Optimizers"][-1]["run"] == "d2l SGD 0.1"
    assert FOLLOWS not in result.tables
    assert [param.shape for param in result.models["d2l SGD 0.1"].params.values()][::2] == [
        (6, 1, 5, 5),
        (16, 6, 5, 5),
        (120, 400),
        (84, 120),
        (10, 84),
    ]
    assert second_edition.default("LeNet", "lr") == lenet.D2L_RATE
    assert not lenet.chapter.runs(lenet.HParams())[-1].may_diverge


def test_editions_table_agrees_with_the_installed_package(d2l):
    assert [
        second_edition.default("SyntheticRegressionData", name)
        for name in ("batch_size", "num_train", "num_val")
    ] == [32, 1000, 1000]
    assert second_edition.default("FashionMNIST", "batch_size") == 64
    seed_everything(0)
    model = softmax_regression.with_d2l(softmax_regression.HParams(), None)
    model.net(nd.zeros((1, 1, 28, 28)))
    W, b = (param.data().asnumpy() for param in model.params.values())
    assert 0.0699 < np.abs(W).max() <= 0.07  # uniform
    assert not b.any()
    assert (type(model.trainer.optimizer).__name__, model.trainer.learning_rate) == ("SGD", 0.1)
    X, y = nd.ones((2, 2)), nd.array([3, 5])
    losses = linear_regression.with_d2l(linear_regression.HParams(), None).loss(X[:, :1], y)
    assert losses.asnumpy().tolist() == [5, 5]  # the mean of (1 - 3)^2 / 2 and (1 - 5)^2 / 2, for each


def test_run_chapter_reports_divergence_of_d2ls_class_and_keeps_the_other_runs(d2l, tmp_path, capsys):
    assert main(linear_regression, "--impl", "d2l", "--lr", "1e17", "--out", str(tmp_path)) == 1
    runs = json.loads((tmp_path / "result.json").read_text())["runs"]
    assert runs["d2l"]["error"].startswith("training diverged in epoch 1")
    assert "error: d2l: training diverged" in capsys.readouterr().err


def test_run_chapter_interrupted_in_d2ls_run_keeps_the_finished_runs(d2l, tmp_path, monkeypatch):
    def interrupted(hp, data):
        raise KeyboardInterrupt

    monkeypatch.setattr(linear_regression, "with_d2l", interrupted)
    assert main(linear_regression, "--impl", "d2l", "--out", str(tmp_path)) == 130
    content = json.loads((tmp_path / "result.json").read_text())
    assert content["interrupted"]
    assert [len(content["runs"][label]["history"]["epoch"]) for label in ("scratch", "gluon")] == [3, 3]


def test_report_shows_all_three_runs_and_how_the_editions_differ(d2l, tmp_path):
    assert main(linear_regression, "--impl", "d2l", "--quick", "--out", str(tmp_path)) == 0
    page = report.page(summary.collect(tmp_path))
    for text in (second_edition.EDITIONS, "mean; step(1)", FOLLOWS, '<th scope="row">d2l<td>'):
        assert text in page


@pytest.mark.parametrize(
    "module", [None, types.ModuleType("d2l.mxnet")], ids=["missing", "another edition's"]
)
def test_run_chapter_without_d2l_says_how_to_install_it_before_it_trains(
    module, tmp_path, monkeypatch, capsys
):
    package = module and types.ModuleType("d2l")
    if package:
        package.mxnet = module
    monkeypatch.setitem(sys.modules, "d2l", package)
    monkeypatch.setitem(sys.modules, "d2l.mxnet", module)
    assert main(linear_regression, "--impl", "d2l", "--out", str(tmp_path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("python -m chapters.linear_regression: error: --impl d2l: ")
    assert err.endswith("to install it: pip install ipython, then pip install --no-deps d2l==1.0.3\n")
    assert err.count("\n") == 1
    assert linear_regression.run(impl="both").errors == {}  # which needs no d2l


def test_implementations_include_d2l_in_three_chapters_only(tmp_path, capsys):
    chapters = {name: importlib.import_module(f"chapters.{name}").chapter for name in entries()}
    assert {name for name, chapter in chapters.items() if "d2l" in chapter.implementations} == {
        "linear_regression",
        "softmax_regression",
        "lenet",
    }
    assert main(mlp, "--impl", "d2l", "--out", str(tmp_path)) == 2
    assert "--impl: unknown value 'd2l'" in capsys.readouterr().err
    with pytest.raises(InputError, match="--impl: d2l has no class for mlp; choose scratch, gluon or both"):
        mlp.run(impl="d2l")
    with pytest.raises(InputError, match="trains nothing"):
        ndarray_autograd.run(impl="d2l")


def test_package_imports_d2l_silently_and_without_a_display(d2l):
    code = (
        "import d2l_repro; from d2l_repro.experiment import second_edition; second_edition.package(); "
        "from mxnet.util import is_np_array, is_np_shape; assert not is_np_array() and not is_np_shape()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin", "HOME": "/nonexistent", "MPLCONFIGDIR": "/tmp"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_softmax_regression_on_fashion_mnist_agrees_with_d2ls_class(d2l, real_data):
    result = softmax_regression.run(data_dir=real_data, impl="d2l")
    theirs, ours = (result.find(impl).metrics for impl in ("d2l", "gluon"))
    assert theirs["train_acc"] == pytest.approx(ours["train_acc"], abs=0.005)
    assert theirs["train_loss"] == pytest.approx(ours["train_loss"], abs=0.005)
    # The step on d2l's short batch is a large one.
    assert theirs["test_acc"] == pytest.approx(ours["test_acc"], abs=0.02)
    assert {row["run"] for row in result.published} == {"scratch", "gluon"}
