"""Test every chapter of the textbook: its files, its errors, and that runs are reproducible."""

import contextlib
import functools
import importlib
import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from mxnet import autograd, nd

from chapters import dropout, linear_regression, mlp, polynomial_fitting, softmax_regression, weight_decay
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.errors import InputError
from d2l_repro.experiment.misclassified import misclassified
from d2l_repro.experiment.paths import QUICK_PARITY_STEPS
from d2l_repro.results import plot
from d2l_repro.results.catalogue import TEXTBOOK, entries
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult
from d2l_repro.results.verdicts import failures
from d2l_repro.train.parameters import parameters

CHAPTERS = {name: importlib.import_module(f"chapters.{name}").chapter for name in TEXTBOOK}
RUNS = {
    "linear_regression": ["scratch", "gluon", "closed form", "data"],
    "softmax_regression": ["scratch", "gluon"],
    "mlp": ["scratch", "gluon"],
    "polynomial_fitting": [
        "scratch cubic",
        "gluon cubic",
        "scratch linear",
        "gluon linear",
        "scratch two examples",
        "gluon two examples",
    ],
    "weight_decay": ["scratch lambda=0", "scratch lambda=3", "gluon wd=0", "gluon wd=3"],
    "house_prices": [
        f"{impl} {part}"
        for impl in ("scratch", "gluon")
        for part in (
            *(f"fold {fold}" for fold in range(1, 6)),
            "all rows",
            "book",
            *(f"article {n} epochs{rows}" for n in (10, 20) for rows in ("", ", all rows")),
            "article trial 1",
            "article, prices as they are",
            "conclusions",
        )
    ]
    + ["data"],
    "dropout": [
        "scratch",
        "gluon",
        "scratch no dropout",
        "gluon no dropout",
        "scratch exchanged",
        "gluon exchanged",
    ],
}
FIGURES = {
    "linear_regression": {"data", "training_curves"},
    "softmax_regression": {"images", "training_curves", "mistakes"},
    "mlp": {"training_curves", "activations"},
    "polynomial_fitting": {"cubic", "linear", "two_examples"},
    "weight_decay": {"loss"},
    "dropout": {"training_curves", "variants_scratch", "variants_gluon"},
    "house_prices": {
        "model",
        "fold_1",
        "all_rows",
        *(f"article_{what}_{impl}" for what in ("trials", "epochs") for impl in ("scratch", "gluon")),
    },
}


def main(name, *flags):
    """Run a chapter's command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as exit:
        run_chapter(CHAPTERS[name], list(flags))
    return exit.value.code


@functools.lru_cache
def full(name):
    """Return the result of a chapter with its own settings and synthetic data, trained once for all tests."""
    return CHAPTERS[name].run()


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """Run a command of which one run diverges; return its folder, exit code and error output."""
    folder = tmp_path_factory.mktemp("diverged")
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        # The two examples of seed 2 are so large that the book's learning rate diverges.
        exit_code = main("polynomial_fitting", "--seed", "2", "--impl", "gluon", "--out", str(folder))
    return types.SimpleNamespace(folder=folder, exit_code=exit_code, errors=errors.getvalue())


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in ("seconds", "finished")}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", TEXTBOOK)
def test_chapter_trains_compares_draws_and_is_reproducible(name, small_fashion, tmp_path, capsys):
    has_files = CHAPTERS[name].datasets and name != "house_prices"
    data = ["--data-dir", str(small_fashion)] if has_files else []
    assert main(name, "--quick", "--out", str(tmp_path), *data) == 0
    first = json.loads((tmp_path / "result.json").read_text())
    numbers = np.random.get_state()[1].tolist()  # noqa: NPY002
    again = CHAPTERS[name].run(quick=True, **({"data_dir": small_fashion} if data else {}))
    assert np.random.get_state()[1].tolist() == numbers  # noqa: NPY002
    assert without_times(first) == without_times(json.loads(json.dumps(again.as_json())))
    assert sorted(first["runs"]) == sorted(RUNS[name])
    drawn = set(FIGURES[name])
    if first["runs"].get("scratch", {}).get("metrics", {}).get("test_acc") == 1:
        drawn.discard("mistakes")  # there are none
    assert {Path(figure).stem for figure in first["figures"]} == drawn
    for stem in drawn:
        assert (tmp_path / f"{stem}.svg").stat().st_size > 1000
        assert not (tmp_path / f"{stem}.png").exists()  # which takes as long, and a quick run leaves out
        assert (tmp_path / f"{stem}.svg").read_bytes() == plot.render(again.figures[stem], "svg")
    assert first["parity"]["steps"] == QUICK_PARITY_STEPS
    assert all(pair["left_at"] is None for pair in first["parity"]["pairs"])
    assert first["published"] == []  # --quick is compared with nothing
    for label, run in first["runs"].items():
        assert all(math.isfinite(value) for value in run["metrics"].values()), label
    out = capsys.readouterr().out
    assert "epoch 1, train loss" in out
    assert "Published values are not compared" in out


@pytest.mark.parametrize("name", ["linear_regression", "polynomial_fitting", "weight_decay"])
def test_chapter_on_synthetic_data_agrees_with_every_published_value(name):
    result = full(name)
    assert len(result.published) >= 4
    assert {row["verdict"] for row in result.published} == {"agrees"}
    assert failures(result.published) == []
    assert all(pair["left_at"] is None for pair in result.parity["pairs"])
    assert result.models.keys() == result.labelled().keys() - {"data", "closed form"}


def test_weight_decay_from_scratch_gives_the_printed_norm():
    run = full("weight_decay").find("scratch", "lambda=0")
    assert run.metrics["l2_norm_w"] == pytest.approx(11.611942, abs=5e-5)


def test_linear_regression_learns_the_true_parameters():
    metrics = full("linear_regression").find("gluon").metrics
    assert [metrics["w[0]"], metrics["w[1]"], metrics["b"]] == pytest.approx([2, -3.4, 4.2], abs=2e-3)


def test_linear_regression_closed_form_is_the_least_squares_solution_and_no_run_is_below_its_loss():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    weights, bias = linear_regression.closed_form(X, y)
    expected, *_ = np.linalg.lstsq(np.hstack([X, np.ones((50, 1))]), y, rcond=None)
    np.testing.assert_allclose([*weights, bias], expected, rtol=1e-10)
    result = full("linear_regression")
    best = result.find("closed form").metrics["train_loss"]
    assert all(best <= result.find(impl).metrics["train_loss"] < 1.05 * best for impl in ("scratch", "gluon"))


def test_linear_regression_adds_vectors_the_same_in_both_ways():
    a, b = nd.arange(5), nd.arange(5, 10)
    assert (linear_regression.one_by_one(a, b) == a + b).asnumpy().all()


def test_run_gives_the_same_numbers_without_the_other_runs():
    both, alone = full("polynomial_fitting"), polynomial_fitting.run(impl="gluon")
    assert list(alone.labelled()) == ["gluon cubic", "gluon linear", "gluon two examples"]
    assert alone.parity is None
    for label, run in alone.labelled().items():
        assert run.metrics == both.labelled()[label].metrics


def test_run_compares_other_seeds_but_not_other_settings():
    other = linear_regression.run(seed=1, impl="scratch")
    # The published labels are those of seed 0.
    assert {row["metric"] for row in other.published} == {"train_loss", "epoch1_loss"}
    hp = linear_regression.HParams(lr=0.02)
    assert linear_regression.run(hp, impl="scratch").published == []


def test_run_on_stand_in_data_does_not_replace_a_result_on_the_published(offline, tmp_path):
    Result("softmax_regression", 0, {}, dataset="fashion_mnist").save(tmp_path)
    with pytest.raises(InputError, match=r"has results on fashion_mnist, which a run on stand-in data"):
        softmax_regression.run(softmax_regression.HParams(num_epochs=1), folder=tmp_path)


def test_run_marks_stand_in_data_and_compares_them_with_nothing(offline, caplog):
    result = softmax_regression.run(impl="scratch")
    assert (result.dataset, result.stand_in_for, result.published) == ("digits", "fashion_mnist", [])
    assert "embedded data (digits) stand in for it" in caplog.text
    assert result.find("scratch").metrics["test_acc"] > 0.6
    assert "digits stood in for fashion_mnist" in str(result)


def test_run_compares_files_that_are_not_published_with_nothing(small_fashion, caplog):
    result = softmax_regression.run(data_dir=small_fashion, impl="gluon")
    assert (result.dataset, result.stand_in_for, result.published) == ("fashion_mnist", None, [])
    assert "are not the published ones" in caplog.text


def test_softmax_regression_separates_separable_classes(small_fashion):
    result = softmax_regression.run(
        softmax_regression.HParams(num_epochs=20, lr=0.5, batch_size=32), data_dir=small_fashion
    )
    assert [run.metrics["test_acc"] for run in result.runs] == [1, 1]


def test_mistakes_show_the_true_class_above_the_predicted_one_with_their_probabilities(small_fashion):
    data = softmax_regression.load_images("fashion_mnist", "fashion_mnist", small_fashion)
    always_a_dress = lambda X: nd.one_hot(nd.ones(len(X)) * 3, 10) * 0.7 + 0.03  # noqa: E731
    wrong = misclassified(always_a_dress, [data.test], data.class_names, 4)
    titles = [title for _, title in wrong]
    assert titles[:3] == ["t-shirt: 3%\ndress: 73%", "trouser: 3%\ndress: 73%", "pullover: 3%\ndress: 73%"]
    assert titles[3] == "coat: 3%\ndress: 73%"  # the dress itself is no mistake


@pytest.mark.parametrize("label", ["scratch", "gluon"])
def test_probabilities_of_every_implementation_add_up_to_1(label, small_fashion):
    result = softmax_regression.run(quick=True, data_dir=small_fashion)
    X = nd.random.uniform(shape=(3, 1, 28, 28))
    shares = softmax_regression.probabilities_of(result.models[label].net, label == "scratch", X)
    assert shares.sum(axis=1).asnumpy() == pytest.approx(1)
    assert shares.asnumpy().max() > 0.11  # the softmax is not taken twice


def test_activations_return_the_gradients_of_the_formulas():
    for name, (x, lines) in mlp.activations().items():
        y, slope = lines[name], lines["gradient"]
        expected = {"ReLU": (x >= 0) * 1.0, "sigmoid": y * (1 - y), "tanh": 1 - y**2}[name]
        assert slope == pytest.approx(expected, abs=1e-5)


def test_dropout_compares_paths_with_dropout_off_and_else_the_outputs_in_testing(small_fashion):
    result = dropout.run(data_dir=small_fashion, quick=True)
    assert [(pair["ours"], pair["theirs"], pair["steps"]) for pair in result.parity["pairs"]] == [
        ("scratch", "gluon", 0),
        ("scratch no dropout", "gluon no dropout", QUICK_PARITY_STEPS),
        ("scratch exchanged", "gluon exchanged", 0),
    ]
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None] * 3
    assert result.parity["steps"] == QUICK_PARITY_STEPS


def test_dropout_drops_units_of_both_layers_as_often_as_gluon():
    hp = dropout.HParams(drop_prob1=0.3, drop_prob2=0.8, sigma=0.1)
    ours, theirs = dropout.from_scratch(hp, None), dropout.with_gluon(hp, None)
    X = nd.random.uniform(shape=(1, 1, 28, 28))
    theirs.net(X)
    for mine, other in zip(parameters(ours), parameters(theirs)):
        other.set(mine.get())
    X = X.broadcast_to((4000, 1, 28, 28))
    with autograd.train_mode():
        outputs = [model.net(X).asnumpy() for model in (ours, theirs)]
    # Probabilities and logits, both relative to class 0.
    outputs[0] = np.log(outputs[0]) - np.log(outputs[0])[:, :1]
    outputs[1] = outputs[1] - outputs[1][:, :1]
    # The masks differ, but the outputs must have the same mean and std over 4,000 draws.
    np.testing.assert_allclose(outputs[0].mean(axis=0), outputs[1].mean(axis=0), atol=0.1 * outputs[1].std())
    np.testing.assert_allclose(outputs[0].std(axis=0)[1:], outputs[1].std(axis=0)[1:], rtol=0.1)


def test_weight_decay_adds_the_whole_penalty_in_a_short_batch():
    result = weight_decay.run(weight_decay.HParams(batch_size=8, num_epochs=3))
    assert all(pair["left_at"] is None for pair in result.parity["pairs"])


def test_matching_pairs_have_the_same_variant_even_if_settings_coincide():
    result = polynomial_fitting.run(polynomial_fitting.HParams(degree=1, num_epochs=2))
    assert [(pair["ours"], pair["theirs"]) for pair in result.parity["pairs"]] == [
        (f"scratch {name}", f"gluon {name}") for name in ("cubic", "linear", "two examples")
    ]


def test_result_shows_a_failed_run_in_python(diverged):
    result = Result.load(diverged.folder / "result.json")
    assert "training diverged" in repr(result)
    assert "training diverged" in result._repr_html_()


def test_run_interrupted_while_drawing_keeps_the_training(monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("d2l_repro.results.plot.training_curves", interrupted)
    result = linear_regression.run()
    assert result.interrupted
    assert len(result.find("gluon").history) == 3


def test_run_chapter_interrupted_early_keeps_the_earlier_results(tmp_path, monkeypatch):
    assert main("linear_regression", "--quick", "--out", str(tmp_path)) == 0
    before = (tmp_path / "result.json").read_text()

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("chapters.linear_regression.linear_data", interrupted)
    assert main("linear_regression", "--out", str(tmp_path)) == 130
    assert (tmp_path / "result.json").read_text() == before


def test_softmax_overflow_shows_that_the_naive_softmax_overflows():
    table = softmax_regression.softmax_overflow()
    assert "nan" in table[-1]["naive"]
    assert "nan" not in table[-1]["safe"]


def test_run_chapter_reports_divergence_keeps_the_other_runs_and_exits_with_1(diverged):
    assert diverged.exit_code == 1
    runs = json.loads((diverged.folder / "result.json").read_text())["runs"]
    assert runs["gluon two examples"]["error"].startswith("training diverged in epoch")
    assert runs["gluon two examples"]["history"]["epoch"][-1] > 5
    assert runs["gluon cubic"]["metrics"]["train_loss"] < 0.1
    assert "error: gluon two examples: training diverged" in diverged.errors


def test_run_that_diverges_in_the_first_epoch_still_returns_a_result(small_fashion):
    for chapter, hp in (
        (mlp, mlp.HParams(lr=1e15)),
        (dropout, dropout.HParams(lr=1e15)),
        (weight_decay, weight_decay.HParams(lr=1e15)),
        (linear_regression, linear_regression.HParams(lr=1e15)),
    ):
        data = {"data_dir": small_fashion} if chapter.chapter.datasets else {}
        result = chapter.run(hp, **data)
        assert result.errors
        assert str(result)
        json.dumps(result.as_json(), allow_nan=False)


def test_run_chapter_strict_exits_with_1_if_a_published_number_is_far_off(tmp_path, monkeypatch):
    flags = ["--impl", "gluon", "--out", str(tmp_path)]
    assert main("linear_regression", "--strict", *flags) == 0
    from d2l_repro.results import published

    row = next(
        row
        for row in published.published_values()
        if row["chapter"] == "linear_regression" and row["run"] == "gluon"
    )
    monkeypatch.setitem(row, "value", 1.0)
    assert main("linear_regression", *flags) == 0
    assert main("linear_regression", "--strict", *flags) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num-epochs", "-3"], "--num-epochs: must be at least 1"),
        (["--batch-size", "0"], "--batch-size: must be at least 1"),
        (["--lr", "fast"], "--lr: 'fast' is not a number"),
        (["--lr", "nan"], "--lr: must be at least 1e-18"),
        (["--lr", "1e38"], "--lr: must be at least 1e-18 and below 1e+18"),
        (["--num-epochs", "100000000"], "--num-epochs: must be at least 1 and below 10,000,001"),
        (["--seed", "-1"], "--seed: must be at least 0"),
        (["--impl", "torch"], "unknown value"),
        (["--dataset", "cats"], "error: --dataset: softmax_regression cannot use 'cats'"),
        (["--nonsense", "1"], "--nonsense"),
        (["--data-dir", "/nowhere/at/all"], "error: --data-dir: no such folder: /nowhere/at/all"),
        (["--out", "/dev/null/runs"], "error: --out: cannot write to /dev/null/runs"),
        (["--dataset", "mnist"], "error: mnist/train-images-idx3-ubyte.gz: not found in"),
    ],
)
def test_run_chapter_reports_bad_input_in_one_message_and_exits_with_2(
    offline, flags, message, tmp_path, capsys
):
    where = [] if "--out" in flags else ["--out", str(tmp_path / "out")]
    assert main("softmax_regression", *flags, *where) == 2
    captured = capsys.readouterr()
    shown = " ".join((captured.err + captured.out).replace("│", " ").split())
    assert message in shown
    assert "Traceback" not in shown
    assert not list(tmp_path.rglob("result.json"))
    if shown.startswith("python -m chapters"):  # our own message, not the parser's
        assert captured.err.count("\n") == 1


def test_run_chapter_rejects_flags_that_do_not_apply(tmp_path, capsys):
    assert main("linear_regression", "--dataset", "mnist") == 2
    with pytest.raises(InputError, match="cannot use 'mnist'; choose from auto"):
        linear_regression.run(dataset="mnist")
    with pytest.raises(InputError, match="--impl: must be scratch or gluon or both or d2l, not torch"):
        linear_regression.run(impl="torch")


def test_quick_sets_defaults_that_flags_override(tmp_path):
    assert main("weight_decay", "--num-epochs", "3", "--quick", "--out", str(tmp_path)) == 0
    result = Result.load(tmp_path / "result.json")
    assert result.settings["num_epochs"] == 3
    assert len(result.find("gluon", "wd=3").history) == 3


@pytest.mark.parametrize("name", entries())
def test_help_explains_every_flag(name, capsys):
    with pytest.raises(SystemExit):
        run_chapter(importlib.import_module(f"chapters.{name}").chapter, ["--help"])
    lines = "\n".join(line.strip("│| ") for line in capsys.readouterr().out.splitlines())
    flags = re.split(r"^(?=--[a-z])", lines, flags=re.MULTILINE)[1:]
    assert len(flags) > 3
    value = r"(?:(?:\{\S*?\}|\[+)\S* )?(?:(?:INT|FLOAT|STR|PATH)\S* )*"
    for flag in flags:
        text = " ".join(re.split(r"[╰+]", flag)[0].split())
        explanation = re.fullmatch(rf"--[a-z0-9-]+ {value}(.*?) ?(?:\(default: .*)?", text)[1]
        assert len(explanation.split()) > 1, flag


def test_help_lists_every_setting(capsys):
    assert main("dropout", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    for flag in (
        "--drop-prob1",
        "--num-epochs",
        "--dataset",
        "--impl",
        "--quick",
        "--out",
        "--strict",
        "--seed",
    ):
        assert flag in text
    assert "section 3.13" in text
    assert "auto uses fashion_mnist" in text


def test_run_chapter_interrupted_saves_what_is_finished_and_exits_with_130(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "chapters.weight_decay",
            "--num-epochs",
            "100000",
            "--out",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert "epoch 1," in process.stdout.readline()
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    result = Result.load(tmp_path / "result.json")
    assert result.interrupted
    assert len(result.find("scratch", "lambda=0").history) >= 1


@pytest.mark.parametrize(
    ("train_loss", "test_loss", "fit"),
    [
        (0.006, 0.01, "Good fit"),
        (40, 160, "Underfitting"),
        (0.1, 100, "Overfitting"),
        (1e-6, 1, "Overfitting"),
        (1, math.nan, "Overfitting"),
    ],
)
def test_title_of_a_polynomial_says_how_it_fits(train_loss, test_loss, fit):
    history = History([{"epoch": 1, "train_loss": train_loss, "test_loss": test_loss}])
    runs = [RunResult("gluon", "x", 0, History()), RunResult("scratch", "x", 0, history)]
    title = polynomial_fitting.fit_title("x alone", runs, 0.1)
    assert title.startswith(f"{fit} given x alone: ")
    assert title.endswith("0.005 from noise alone")
    assert polynomial_fitting.fit_title("x alone", runs[:1], 0.1) == "Given x alone"


def test_figure_of_weight_decay_has_an_axis_for_each_loss():
    figure = full("weight_decay").figures["loss"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["training loss", "test loss"]
    assert [text.get_text() for text in figure.axes[1].texts] == [r"$\lambda$ = 3", r"$\lambda$ = 0"]


def test_gaps_of_dropout_are_in_points_and_in_the_title():
    history = History([{"epoch": 1, "train_acc": 0.84, "test_acc": 0.852}])
    figure = dropout.draw_gaps({"": RunResult("gluon", "", 0, history)}, "with Gluon")
    assert figure.axes[0].get_lines()[0].get_ydata() == pytest.approx([-1.2])
    assert figure.get_label().endswith("with Gluon: at the end at most -1.2 points, no net overfits")
    history = History([{"epoch": 1, "train_acc": 0.95, "test_acc": 0.9}])
    figure = dropout.draw_gaps({"no dropout": RunResult("gluon", "no dropout", 0, history)}, "with Gluon")
    assert figure.get_label().endswith("at most +5.0 points, no dropout overfits")
