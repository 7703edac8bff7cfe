"""Test which published values catch mistakes, on tables made for the purpose; and the committed table."""

import collections
import json
import math

import pytest

from d2l_repro.cli.mistakes import summary_text, table_text
from d2l_repro.errors import InputError
from d2l_repro.results import caught, plot
from d2l_repro.results.caught import NO_MISTAKE, Measured, Table
from d2l_repro.results.verdicts import most_by_chance


def measured(mistake, proofs=(), train_loss=0.485, test_acc=0.83):
    values = {"scratch": {"train_loss": train_loss, "test_acc": test_acc}}
    return Measured("softmax_regression", mistake, f"with {mistake}", "kind", proofs, values)


TABLE = Table(
    0,
    [
        measured(NO_MISTAKE),
        measured("one", ["parity"], train_loss=0.6),
        measured("two", [], train_loss=None),
        measured("three"),
    ],
)


def band(row):
    return {"train_loss": (0.48, 0.49), "test_acc": (0, 1)}[row["metric"]]


@pytest.mark.parametrize(
    ("value", "is_caught"),
    [(0.485, False), (0.48, False), (0.49, False), (0.4901, True), (None, True), (math.nan, True)],
)
def test_caught_says_whether_a_value_leaves_the_interval(value, is_caught):
    assert caught.caught({"metric": "train_loss"}, value, band) is is_caught


def test_caught_does_not_decide_without_an_interval():
    assert caught.caught({"metric": "train_loss"}, 0.485, lambda row: None) is None
    assert caught.caught({"metric": "train_loss"}, None, lambda row: None) is None


def test_marks_has_every_proof_that_was_asked():
    assert TABLE.measured[1].marks(band) == {
        "gradient check": False,
        "parity": True,
        "scratch train_loss": True,
        "scratch test_acc": False,
    }


@pytest.mark.parametrize("run", ["scratch"])
@pytest.mark.parametrize(("metric", "count"), [("train_loss", 2), ("test_acc", 0)])
def test_catches_counts_the_mistakes_that_a_published_value_catches(run, metric, count, fixed_bands):
    assert caught.catches("softmax_regression", run, metric, TABLE) == count


def test_catches_cannot_say_if_a_value_rejects_the_model_without_mistake(fixed_bands):
    table = Table(0, [measured(NO_MISTAKE, train_loss=0.6), measured("one", train_loss=0.7)])
    assert table.marks(table.measured[0])["scratch train_loss"] is True
    assert table.marks(table.measured[1])["scratch train_loss"] is None
    assert caught.catches("softmax_regression", "scratch", "train_loss", table) is None
    assert caught.catches("softmax_regression", "scratch", "test_acc", table) == 0


def test_catches_knows_a_row_by_the_label_of_our_run(fixed_bands):
    values = {"linear": {"train_loss": 5.0}}
    table = Table(0, [Measured("polynomial_fitting", "one", "with it", "kind", [], values)])
    for run in ("linear", "scratch linear", "gluon linear"):
        assert caught.catches("polynomial_fitting", run, "train_loss", table) == 1


def test_catches_returns_none_where_nothing_was_measured():
    assert caught.catches("lenet", "scratch", "test_acc", TABLE) is None
    assert caught.catches("softmax_regression", "gluon", "test_acc", TABLE) is None


def test_table_survives_saving(tmp_path):
    TABLE.save(tmp_path / "mistakes.json")
    assert caught.load(tmp_path / "mistakes.json") == TABLE.__class__(
        0, [row.__class__(**{**vars(row), "proofs": list(row.proofs)}) for row in TABLE.measured]
    )


def table_with(**changes):
    """Return the text of a table whose only row has these changes."""
    row = {"chapter": "mlp", "mistake": "a", "what": "b", "kind": "c", "proofs": [], "values": {}}
    return json.dumps({"seed": 0, "mistakes": [{**row, **changes}]})


def test_load_accepts_a_table(tmp_path):
    (tmp_path / "x.json").write_text(table_with(proofs=["parity"], values={"scratch": {"train_loss": None}}))
    assert caught.load(tmp_path / "x.json").measured[0].proofs == ["parity"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 600,
        '{"seed": 0}',
        table_with().replace('"seed": 0', '"seed": false'),
        table_with(chapter=1),
        table_with(proofs=5),
        table_with(proofs=["luck"]),
        table_with(values=None),
        table_with(values={"scratch": None}),
        table_with(values={"scratch": {"train_loss": float("nan")}}),
        table_with(values={"scratch": {"train_loss": True}}),
    ],
)
def test_load_says_in_one_line_that_a_file_is_no_table(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json: not a table of mistakes") as error:
        caught.load(tmp_path / "x.json")
    assert "\n" not in str(error.value)


def test_table_text_has_a_row_for_each_mistake_within_110_columns(fixed_bands):
    text = table_text(TABLE)
    assert [line.split()[0] for line in text.splitlines()[2:6]] == ["none", "one", "two", "three"]
    assert "published: 1 scratch train_loss, 2 scratch test_acc" in text
    assert max(map(len, text.splitlines())) <= 110


def test_summary_text_names_mistakes_that_nothing_catches(fixed_bands):
    table = Table(0, [measured(NO_MISTAKE), measured("one", ["parity"]), measured("two")])
    assert summary_text(table) == "1 of 2 mistakes are caught; by nothing: softmax_regression, two"


def test_mistakes_matrix_has_a_panel_for_each_chapter(fixed_bands):
    figure = plot.mistakes_matrix(TABLE)
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two", "three"]
    filled = [line for line in ax.lines if line.get_fillstyle() == "full"]
    assert len(filled) == sum(map(sum, (row.marks().values() for row in TABLE.mistakes())))


COMMITTED = pytest.mark.skipif(not caught.committed().measured, reason="no table is committed")


@COMMITTED
def test_committed_table_has_many_mistakes_which_are_all_caught():
    table = caught.committed()
    mistakes = list(table.mistakes())
    assert len(mistakes) >= 40
    kinds = collections.Counter(row.kind for row in mistakes)
    assert {kind: count for kind, count in kinds.items() if count > 5} == {}
    assert [(row.chapter, row.mistake) for row in mistakes if not any(table.marks(row).values())] == []


@COMMITTED
def test_committed_table_catches_nothing_where_there_is_no_mistake():
    right = [row for row in caught.committed().measured if row.mistake == NO_MISTAKE]
    assert [row.chapter for row in right] == caught.committed().chapters
    marks = [mark for row in right for mark in row.marks().values()]
    # One value in a hundred lies outside its interval by chance.
    assert sum(mark is True for mark in marks) <= most_by_chance(len(marks))
