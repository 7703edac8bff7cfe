"""Test who takes part, whose turn it is, and the command from end to end with a few steps."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from d2l_repro.bench import __main__ as command
from d2l_repro.bench import contests, inputs, runner, sklearn_nets
from d2l_repro.errors import InputError
from d2l_repro.results import speed
from d2l_repro.train.parameters import book_arrays

ROOT = Path(__file__).parents[2]


def test_take_turns_lets_each_contestant_go_in_every_round():
    order = []

    def contestant(name):
        def go():
            order.append(name)
            return len(order)

        return go

    found = runner.take_turns({"A": contestant("A"), "B": contestant("B")}, 3)
    assert order == ["A", "B", "A", "B", "A", "B"]
    assert found == {"A": [1, 3, 5], "B": [2, 4, 6]}


def test_select_gives_all_contests_or_those_named_in_their_order():
    assert [contest.name for contest in contests.select((), "none")] == list(contests.CONTESTS)
    chosen = contests.select(("lenet", "mlp", "lenet"), "none")
    assert [contest.name for contest in chosen] == ["lenet", "mlp"]
    assert [list(contest.contestants) for contest in chosen] == [["Gluon", "scratch"]] * 2


def test_select_takes_only_those_asked_for(monkeypatch):
    monkeypatch.setattr(contests, "is_installed", lambda key: True)
    (contest,) = contests.select(("softmax_regression",), "torch, book")
    others = ["PyTorch", "book's loader", "book's loader, 4 processes"]
    assert list(contest.contestants) == ["Gluon", "scratch", *others]
    (contest,) = contests.select(("softmax_regression",), "available")
    assert {"scikit-learn", "d2l's class"} <= set(contest.contestants)


def test_select_refuses_who_is_unknown_or_missing(monkeypatch):
    with pytest.raises(InputError, match="unknown contest 'chess'; choose from linear_regression"):
        contests.select(("chess",), "none")
    with pytest.raises(InputError, match="--against: unknown 'jax'; choose from torch, sklearn"):
        contests.select((), "sklearn,jax")
    monkeypatch.setattr(contests, "is_installed", lambda key: key != "torch")
    with pytest.raises(InputError, match="--against: torch is not installed: pip install torch"):
        contests.select((), "torch")
    available = contests.select(("lenet",), "available")
    assert list(available[0].contestants) == ["Gluon", "scratch"]


@pytest.mark.parametrize("name", contests.CONTESTS)
def test_contest_names_functions_that_exist(name):
    """Modules are only read: PyTorch's needs PyTorch."""
    for contestant in contests.CONTESTS[name].contestants.values():
        module, _, function = contestant.build.partition(":")
        path = Path(contests.__file__).with_name(f"{module}.py")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        (found,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
        assert len(found.args.args) == len(contestant.arguments) + 1


def test_contest_measures_both_implementations_first():
    for name, contest in contests.CONTESTS.items():
        assert {"Gluon", "scratch"} <= set(contest.contestants), name
        assert contest.steps >= 1


def test_goals_are_of_contests_with_a_limit():
    assert [contests.CONTESTS[name].limit is None for name in speed.GOALS] == [False] * 3


def test_contest_text_shows_the_largest_operators_and_the_goal():
    operators = [
        {"operator": "product 2 x 2 x 2", "count": 3, "kernel": "nd.dot", "seconds": 0.3},
        {"operator": "pass 4 x 1", "count": 1, "kernel": "np.add", "seconds": 0.1},
    ]
    seconds = {"Gluon": [1.2, 1.2], "scratch": [2.0, 2.0], "limit": [1.0, 1.0]}
    measured = speed.Measured("mlp", "a net", "epoch", "2026-11-27", False, 2, seconds, {}, operators)
    text = command.contest_text(measured)
    assert text.startswith("mlp: a net; 2 threads\n")
    assert "product 2 x 2 x 2  nd.dot          90%" in text
    assert text.endswith("mlp: Gluon takes 1.20 times the limit and reaches the goal of 1.3")


def test_worker_that_fails_says_why_and_is_reported(capfd):
    with (
        pytest.raises(runner.ContestantFailed, match="nobody"),
        runner.Worker(runner.WORKER, "mlp, nobody", ["mlp", "nobody", "1"]) as worker,
    ):
        worker.wait_until_ready()
    assert "d2l-repro bench: mlp, nobody: error: KeyError" in capfd.readouterr().err


@pytest.mark.parametrize("chapter", ["softmax_regression", "mlp"])
def test_sklearn_nets_train_round_after_round(chapter, monkeypatch):
    monkeypatch.setattr(inputs, "fashion", lambda count: inputs._random_pixels(count, 28, 28))
    train = sklearn_nets.images(chapter, 2)
    net = train()
    assert train() is net
    assert (net.t_, net.coefs_[0].shape[0]) == (2 * 512, 784)  # examples seen, and inputs
    assert len(net.coefs_) == (1 if chapter == "softmax_regression" else 2)


@pytest.mark.parametrize("build", ["with_gluon", "from_scratch"])
def test_ours_takes_the_chapters_steps(build, monkeypatch):
    chapter = import_module("chapters.mlp")
    monkeypatch.setattr(inputs, "fashion", lambda count: inputs._random_pixels(count, 28, 28))
    built = []
    build_model = getattr(chapter, build)
    monkeypatch.setattr(chapter, build, lambda *args: built.append(build_model(*args)) or built[0])
    train = import_module("d2l_repro.bench.ours").images("mlp", build, 2)
    train()
    before = [array.copy() for array in book_arrays(built[0])]
    train()
    assert all((array != old).any() for array, old in zip(book_arrays(built[0]), before))


def bench(*argv):
    return subprocess.run(
        [sys.executable, "-m", "d2l_repro", "bench", *argv], cwd=ROOT, capture_output=True, text=True
    )


def test_bench_refuses_unknown_names_in_one_line(tmp_path):
    process = bench("chess", "--out", str(tmp_path))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("d2l-repro bench: error: unknown contest 'chess'; choose from ")
    assert process.stderr.count("\n") == 1


def test_bench_measures_keeps_and_compares(tmp_path):
    for said in ("record: ", "last record"):
        process = bench("linear_regression", "--quick", "--rounds=2", "--against=none", f"--out={tmp_path}")
        assert process.returncode == 0, process.stderr
        assert said in process.stdout
    (path,) = tmp_path.glob("*.json")
    assert path.name.endswith("-quick.json")
    (contest,) = json.loads(path.read_text(encoding="utf-8"))["contests"]
    assert {name: len(seconds) for name, seconds in contest["seconds"].items()} == {"Gluon": 2, "scratch": 2}
    assert contest["threads"] >= 1
    assert "mxnet's OpenBLAS" in contest["kernels"]["scratch"]
