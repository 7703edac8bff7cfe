"""Test that a refused command line gets one line, whatever tyro says of it."""

import dataclasses
import os
import shutil
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_repro.cli import main as cli
from d2l_repro.cli.flags import parse
from d2l_repro.cli.helptext import cli as parse_flags
from d2l_repro.cli.outline import read_outline
from d2l_repro.cli.refusals import flags_of
from d2l_repro.errors import InputError
from d2l_repro.language import VARIABLE
from kaggle_house import cli as kaggle


def refusal(*argv):
    """Return what is said of the flags of a chapter."""
    with pytest.raises(InputError) as error:
        parse(read_outline("mlp"), list(argv), "mlp")
    return str(error.value)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--seed", "x"], "--seed: 'x' is not a whole number"),
        (["--lr", "one half"], "--lr: 'one half' is not a number"),
        (["--seed"], "--seed: its value is missing"),
        (["--seed", "-1"], "--seed: must be at least 0 and below 2,147,483,648, not -1"),
        (["--impl", "scratc"], "--impl: unknown value 'scratc'; did you mean scratch? choose from scratch,"),
        (["--show=yes"], "--show: takes no value"),
        (["--num_hidens", "3"], "--num_hidens: no such flag; did you mean --num-hiddens?"),
        (["3"], "'3': one word too many"),
        (["-x"], "-x: no such flag"),
    ],
)
def test_says_what_is_wrong_with_which_flag(argv, text):
    assert refusal(*argv).startswith(text)
    assert refusal(*argv).endswith(" (see mlp --help)")


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ([], "d2l-repro: error: no command given; choose from list, run, "),
        (
            ["data"],
            "d2l-repro: error: no command given; choose from status, fetch, verify (see d2l-",
        ),
        (
            ["data", "fech"],
            "d2l-repro: error: unknown command 'fech'; did you mean fetch? choose",
        ),
        (
            ["data", "fetch", "--datadir"],
            "d2l-repro: error: --datadir: no such flag; did you mean --data-dir",
        ),
        (["launch", "-n", "two", "--", "x"], "d2l-repro: error: --workers: 'two' is not a whole number"),
        (["compare"], "d2l-repro: error: missing: A, B (see d2l-repro compare --help)"),
        (["compare", "--lang", "zh"], "d2l-repro: 错误：缺少 A、B（见 d2l-repro compare --help）"),
    ],
)
def test_commands_end_with_code_2_and_one_line(argv, line, capsys, monkeypatch):
    monkeypatch.setenv(VARIABLE, "en")  # --lang changes it for the whole process
    with pytest.raises(SystemExit) as exit:
        cli.main(argv)
    out, err = capsys.readouterr()
    assert (exit.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(line)


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["kfod"], "python -m kaggle_house: error: unknown command 'kfod'; did you mean kfold?"),
        (
            ["kfold", "--learning-rate", "3"],
            "--learning-rate: no such flag; did you mean --lr? (see python",
        ),
        (
            ["kfold", "--recipe", "tuned", "--k", "x"],
            "--k: 'x' is not a whole number (see python -m",
        ),
    ],
)
def test_house_prices_end_with_one_line_too(argv, line, capsys):
    with pytest.raises(SystemExit) as exit:
        kaggle.main(argv)
    err = capsys.readouterr().err
    assert (exit.value.code, err.count("\n")) == (2, 1)
    assert line in err


WORDS = st.sampled_from(["--seed", "--lr", "--impl", "--quick", "--seed=", "gluon", "7", "-q", "--", ""])


@settings(max_examples=30)
@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=5))
def test_any_command_line_is_parsed_or_refused_in_one_line(argv):
    if {"-h", "--help"} & set(argv):
        return
    try:
        parse(read_outline("mlp"), argv, "mlp")
    except InputError as error:
        text = str(error)
        assert not {"│", "─", "╭"} & (set(text) - set("".join(argv)))
        assert text.endswith(" (see mlp --help)") or "--config" in text


@pytest.mark.parametrize("argv", [["--only"], ["--only", "--quick"], ["--seed", "1", "--only"]])
def test_a_flag_of_several_values_needs_one(argv):
    with pytest.raises(InputError, match="--only: its value is missing"):
        parse(read_outline("optimizers"), argv, "optimizers")


def test_the_terminals_width_stays_and_long_values_are_not_broken(monkeypatch):
    value = "y" * 150
    for columns in ("40", None):
        if columns:
            monkeypatch.setenv("COLUMNS", columns)
        else:
            monkeypatch.delenv("COLUMNS")
        before = shutil.get_terminal_size()
        assert refusal("--seed", value).startswith(f"--seed: '{value}' is not a whole number")
        assert (os.environ.get("COLUMNS"), shutil.get_terminal_size()) == (columns, before)


@dataclasses.dataclass(frozen=True)
class Loud:
    """A command that warns."""

    steps: int = 1

    def __post_init__(self):
        print("as a default", file=sys.stderr)


def test_what_else_is_printed_while_flags_are_parsed_is_not_lost(capsys):
    assert parse_flags(Loud, ["--steps", "2"], "loud").steps == 2
    assert "as a default" in capsys.readouterr().err


def test_flags_of_all_parts_are_known():
    known = set(flags_of(kaggle.COMMANDS["kfold"]))
    assert {"recipe", "lr", "k", "dataset"} <= known
    assert not {"settings", "folds", "data"} & known
