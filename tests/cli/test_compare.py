"""Test `d2l-repro compare`: exit codes, what it prints, and how wide."""

import json
import re

import pytest

from d2l_repro.cli import main as cli
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult

LOSSES = (0.8, 0.6, 0.5, 0.45, 0.4)


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def save(folder, losses=LOSSES, seed=0, impls=("scratch", "gluon"), variant="", **facts):
    """Save a result of mlp whose runs have these training losses."""
    runs = [
        RunResult(
            impl,
            variant,
            seed,
            History({"epoch": i, "train_loss": loss, "seconds": 1.0} for i, loss in enumerate(losses, 1)),
            {"train_loss": losses[-1], "test_acc": 0.875},
        )
        for impl in impls
    ]
    folder.mkdir(parents=True, exist_ok=True)
    defaults = {
        "settings": {"lr": 0.1},
        "dataset": "mnist",
        "environment": {"threads": 1, "python": "3.11.7"},
    }
    Result("mlp", seed, runs=runs, **{**defaults, **facts}).save(folder)
    return str(folder)


def compare(capsys, *argv):
    """Return exit code and output of the command."""
    with pytest.raises(SystemExit) as exit:
        cli.main(["compare", *argv])
    return exit.value.code, *capsys.readouterr()


def test_compare_exits_with_0_after_one_line_for_the_same_digits(tmp_path, capsys):
    argv = [save(tmp_path / name, seconds=seconds) for name, seconds in (("a", 1.0), ("b", 2.0))]
    code, out, err = compare(capsys, *argv)
    assert (code, err) == (0, "")
    assert "mlp      same digits     6         -      -          -\n" in out
    assert "train loss" not in out
    assert out.endswith("\nThe recorded environments are the same.\n")


def test_compare_lists_values_histories_and_environments_that_differ(tmp_path, capsys):
    a = save(tmp_path / "a")
    losses = [0.8, 0.6, 0.50001, 0.46, 0.41]
    b = save(tmp_path / "b", losses, environment={"threads": 2, "python": "3.13.0", "openblas": {"x": "y"}})
    code, out, _ = compare(capsys, a, b)
    assert code == 1
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "scratch train loss 0.4 0.41 2.4e-02 different" in lines
    assert "scratch 3, train loss 0.5 0.50001 2.0e-05 epoch 4 different" in lines
    assert "test acc" not in out
    assert lines.index("threads 1 / 2: other numbers of threads add in another order") < lines.index(
        "python 3.11.7 / 3.13.0: unlikely to change results by itself"
    )
    assert "openblas" not in out
    text = " ".join(out.split())
    assert "Histories that first differ by rounding only and part later are what" in text
    assert "Run `d2l-repro run mlp --seeds 5` on both sides" in text


def test_compare_warns_first_that_results_with_other_settings_are_not_comparable(tmp_path, capsys):
    a = save(tmp_path / "a")
    b = save(tmp_path / "b", (0.7, 0.3), settings={"lr": 0.5}, quick=True, impls=("gluon",))
    code, out, _ = compare(capsys, a, b)
    assert code == 1
    warning = "mlp: different\n\n  not comparable, other settings (A / B): quick no / yes, lr 0.1 / 0.5\n"
    assert warning + "  only in A: run scratch\n" in out
    assert out.index(warning) < out.index("train loss")
    assert "--seeds 5" not in out


def test_compare_judges_several_seeds_and_says_when_they_are_few(tmp_path, capsys):
    for seed, shift in enumerate((0.0, 0.2, 0.1)):
        for name, other in (("a", 0), ("b", 10)):
            folder = tmp_path / name / "mlp"
            losses = [loss + shift + 0.001 * other for loss in LOSSES]
            save(folder / f"seed_{seed}" if seed else folder, losses, seed + other)
    code, out, _ = compare(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert any(
        re.fullmatch(r"(?:scratch )?train loss 0\.5 ± 0\.1 0\.51 ± 0\.1 2\.0e-02 \S+ noise", line)
        for line in lines
    )
    assert "no seed is in both: A has 0, 1, 2, B has 10, 11, 12" in lines
    assert "With fewer than 5 seeds on a side only large differences stand out" in " ".join(lines)


def test_compare_shortens_long_tables_to_the_worst_rows_unless_all_are_asked_for(tmp_path, capsys):
    impls = [f"net{i}" for i in range(20)]
    a, b = save(tmp_path / "a", impls=impls), save(tmp_path / "b", (*LOSSES[:4], 0.400001), impls=impls)
    path = tmp_path / "b" / "result.json"
    content = json.loads(path.read_text())
    content["runs"]["net19"]["metrics"]["train_loss"] = 0.5
    path.write_text(json.dumps(content))
    _, out, _ = compare(capsys, a, b)
    assert "... and 8 more; --all lists them" in out
    assert out.index("net19 ") < out.index("net0 ")
    _, out, _ = compare(capsys, a, b, "--all")
    assert "more; --all" not in out
    assert out.count("test acc") == 20
    assert out.count("train loss, epoch 5") == 20


@pytest.mark.parametrize("width", [60, 80, 120])
def test_compare_fits_the_terminal(tmp_path, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    facts = {"variant": "elastic net 1e-4 + 1e-7"}
    a = save(tmp_path / "a", **facts)
    b = save(tmp_path / "b", [1.000001 * loss for loss in LOSSES], environment={"threads": 2}, **facts)
    _, out, _ = compare(capsys, a, b)
    table = out[out.index("mlp: ") :].splitlines()
    assert max(map(len, table)) <= max(width, 75)
    assert ("  scratch elastic net 1e-4 + 1e-7\n" in out) == (width < 120)


def test_compare_writes_the_comparison_as_data(tmp_path, capsys):
    a, b = save(tmp_path / "a"), save(tmp_path / "b", (0.9, 0.4))
    path = tmp_path / "comparison.json"
    assert compare(capsys, a, b, "--json", str(path))[0] == 1
    content = json.loads(path.read_text())
    assert content["verdict"] == "different"
    assert content["chapters"]["mlp"]["histories"][0]["epoch"] == 1


def test_compare_compares_the_readable_results_and_exits_with_2_for_the_others(tmp_path, capsys):
    for name in ("a", "b"):
        save(tmp_path / name / "mlp")
    (tmp_path / "b" / "dropout").mkdir()
    (tmp_path / "b" / "dropout" / "result.json").write_text("{}")
    code, out, err = compare(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert code == 2
    assert "same digits" in out
    assert err.count("\n") == 1
    assert "dropout/result.json: not a readable result" in err


@pytest.mark.parametrize("other", ["nothing", "empty", "notes.txt"])
def test_compare_rejects_what_is_no_result_in_one_line(tmp_path, capsys, other):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("nothing to see")
    code, out, err = compare(capsys, save(tmp_path / "a"), str(tmp_path / other))
    assert (code, out) == (2, "")
    assert err.startswith("d2l-repro: error: ")
    assert err.count("\n") == 1
    assert other in err
