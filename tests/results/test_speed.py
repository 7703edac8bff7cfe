"""Test the arithmetic of times; no test asserts how long anything takes."""

import dataclasses

import pytest

from d2l_repro.errors import InputError
from d2l_repro.results import speed
from d2l_repro.results.plot import speeds
from d2l_repro.results.speed import LIMIT, Measured, Record, Spread

MACHINE = {
    "processor": "A (R) Processor @ 2 GHz",
    "platform": "Linux",
    "cores": 2,
    "packages": {"python": "3.11.7", "mxnet": "1.9.1", "numpy": "2.4.6"},
}


def contest(**seconds):
    return Measured("mlp", "a net", "epoch", "2026-11-27T01:00", False, 1, seconds, {"Gluon": "oneDNN"})


def test_spread_is_the_median_between_the_quartiles():
    assert speed.spread([5, 1, 4, 2, 3]) == Spread(2, 3, 4)
    assert speed.spread([1, 2, 3, 10]) == Spread(1.75, 2.5, 4.75)
    assert speed.spread([7]) == Spread(7, 7, 7)


def test_ratio_is_of_medians_and_its_quartiles_are_of_rounds():
    # All took three times as long in the last round, as beside another program; the ratio stays.
    found = speed.ratio([2.0, 2.2, 6.0], [1.0, 1.0, 3.0])
    assert found.median == pytest.approx(2.2)
    assert found.low == pytest.approx(2.0)
    assert found.high == pytest.approx(2.2)
    assert speed.ratio([1.0], [4.0]) == Spread(0.25, 0.25, 0.25)


def test_contest_divides_by_pytorch_or_else_by_the_first():
    both = contest(Gluon=[2.0], scratch=[3.0], PyTorch=[4.0], limit=[1.0])
    assert both.reference == "PyTorch"
    assert {name: found.median for name, found in both.ratios("PyTorch").items()} == {
        "Gluon": 0.5,
        "scratch": 0.75,
    }
    assert {name: found.median for name, found in both.ratios(LIMIT).items()} == {
        "Gluon": 2,
        "scratch": 3,
        "PyTorch": 4,
    }
    assert contest(Gluon=[2.0], scratch=[3.0]).reference == "Gluon"
    assert contest(Gluon=[2.0], limit=[1.0]).reference is None
    assert contest(Gluon=[2.0]).ratios(LIMIT) == {}


def test_limit_adds_each_operator_at_its_fastest_kernel():
    rounds = [
        {"product": {"one": 2.0, "other": 3.0}, "pass": {"one": 0.5}},
        {"product": {"one": 9.0, "other": 3.0}, "pass": {"one": 0.25}},
        {"product": {"one": 8.0, "other": 4.0}, "pass": {"one": 0.5}},
    ]
    totals, rows = speed.limit(rounds, {"product": 10, "pass": 2})
    # the other kernel was the faster one by its median, though not in the first round
    assert totals == [31.0, 30.5, 41.0]
    assert rows == [
        {"operator": "product", "count": 10, "kernel": "other", "seconds": 3.0, "others": {"one": 8 / 3}},
        {"operator": "pass", "count": 2, "kernel": "one", "seconds": 0.5, "others": {}},
    ]


def test_changes_are_said_only_beyond_the_noise():
    old = contest(Gluon=[1.0, 1.1, 1.2], scratch=[2.0, 2.1, 2.2])
    within = contest(Gluon=[1.1, 1.2, 1.3], scratch=[1.9, 2.0, 2.1])
    assert speed.changes(old, within) == []
    (change,) = speed.changes(old, contest(Gluon=[1.5, 1.6, 1.7], scratch=[2.0, 2.1, 2.2]))
    assert (change.contestant, change.is_machine) == ("Gluon", False)
    assert str(change) == "mlp, Gluon: 45 % slower than in the last record, 1.6 s after 1.1 s"
    (change,) = speed.changes(old, contest(Gluon=[0.5, 0.55, 0.6], scratch=[2.0, 2.1, 2.2]))
    assert "50 % faster" in str(change)


def test_changes_of_all_contestants_are_the_machines():
    old = contest(Gluon=[1.0, 1.1, 1.2], scratch=[2.0, 2.1, 2.2])
    found = speed.changes(old, contest(Gluon=[3.0, 3.1, 3.2], scratch=[6.0, 6.1, 6.2]))
    assert [change.is_machine for change in found] == [True, True]
    assert "rather the machine than the program" in str(found[0])


@pytest.mark.parametrize("facts", [{"threads": 2}, {"quick": True}, {"unit": "step"}])
def test_changes_compare_only_the_same_contest(facts):
    old, new = contest(Gluon=[1.0, 1.0]), contest(Gluon=[9.0, 9.0])
    assert speed.changes(old, new)
    assert speed.changes(old, dataclasses.replace(new, **facts)) == []


def test_changes_leave_out_who_is_new():
    assert speed.changes(contest(Gluon=[1.0]), contest(Gluon=[1.0], PyTorch=[9.0])) == []


def test_record_comes_back_from_its_file(tmp_path):
    record = Record(MACHINE, {"mlp": contest(Gluon=[1.5, 2.5], limit=[1.0, 1.25])})
    record.save(tmp_path / "times.json")
    assert speed.load(tmp_path / "times.json") == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "contests": [{"name": "mlp"}]}', "\0"])
def test_load_refuses_what_is_no_record(tmp_path, text):
    path = tmp_path / "times.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"times\.json: no record of times .*; delete it"):
        speed.load(path)


def test_load_refuses_contests_without_times(tmp_path):
    Record(MACHINE, {"mlp": contest(Gluon=[])}).save(tmp_path / "times.json")
    with pytest.raises(InputError, match="no record"):
        speed.load(tmp_path / "times.json")


def test_machine_key_is_a_file_name_that_versions_and_cores_change():
    key = speed.machine_key(MACHINE)
    assert key.startswith("a-r-processor-2-ghz-2-cores-")
    for changed in (
        {"cores": 4},
        {"platform": "macOS"},
        {"packages": {**MACHINE["packages"], "numpy": "1.23.5"}},
        {"packages": {**MACHINE["packages"], "torch": "2.13.0"}},
    ):
        assert speed.machine_key({**MACHINE, **changed}) != key
    unrelated = {**MACHINE, "packages": {**MACHINE["packages"], "pandas": "3.0"}}
    assert speed.machine_key(unrelated) == key


def test_table_has_ratios_and_distances_where_they_mean_something():
    measured = contest(Gluon=[0.002], PyTorch=[0.001], **{"book's loader": [0.01]}, limit=[0.0005])
    rows = {row["contestant"]: row for row in speed.table(Record(MACHINE, {"mlp": measured}))}
    assert rows["Gluon"]["time"] == "2 (2 to 2) ms"
    assert rows["Gluon"]["ratio"] == "2.00 (2.00 to 2.00)"
    assert rows["Gluon"]["limit"] == "4.00 (4.00 to 4.00)"
    assert (rows["PyTorch"]["ratio"], rows["PyTorch"]["limit"]) == ("1", "2.00 (2.00 to 2.00)")
    assert (rows["book's loader"]["ratio"][:5], rows["book's loader"]["limit"]) == ("10.00", "")
    assert (rows["limit"]["ratio"], rows["limit"]["limit"]) == ("", "")


def test_goal_is_reached_by_the_better_of_ours():
    reached = speed.goal_text(contest(Gluon=[1.2], scratch=[2.0], PyTorch=[1.0], limit=[1.0]))
    assert reached == "mlp: Gluon takes 1.20 times the limit and reaches the goal of 1.3"
    assert "misses" in speed.goal_text(contest(Gluon=[1.4], PyTorch=[1.0], limit=[1.0]))
    assert speed.goal_text(contest(Gluon=[1.2])) is None
    trial = dataclasses.replace(contest(Gluon=[1.2], limit=[1.0]), quick=True)
    assert speed.goal_text(trial) is None


def test_figure_names_every_contest():
    measured = contest(Gluon=[1.0, 1.2], PyTorch=[1.0, 1.1], limit=[0.5, 0.6])
    left, right = speeds(Record(MACHINE, {"mlp": measured})).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["mlp"]
    assert {line.get_label() for line in right.get_lines()} >= {"Gluon", "PyTorch"}


def test_committed_record_has_a_limit_wherever_there_is_a_goal():
    record = speed.committed()
    for name in speed.GOALS:
        assert record.contests[name].operators
        assert set(speed.OURS) <= set(record.contests[name].seconds)


def test_what_is_aimed_at_must_be_reached_in_the_run_before_too():
    def verdict(now, before=None):
        found = contest(scratch=now, PyTorch=[1.0, 1.0, 1.0])
        if before:
            found = found.replacing(contest(scratch=before, PyTorch=[1.0, 1.0, 1.0]))
        (row,) = speed.asked_rows(Record(MACHINE, {"mlp": found}))
        assert row["aimed at"] == "1.5"
        return row["the run before"], row["reached"]

    assert verdict([1.4, 1.4, 1.4]) == ("-", "yes")
    assert verdict([1.4, 1.4, 1.4], [1.5, 1.5, 1.5]) == ("1.50 (1.50 to 1.50)", "yes")
    assert verdict([1.4, 1.4, 1.4], [1.6, 1.6, 1.6])[1] == "in one of two runs"
    assert verdict([1.4, 1.6, 1.6], [1.7, 1.7, 1.7])[1] == "within the noise"
    assert verdict([1.6, 1.6, 1.6], [1.7, 1.7, 1.7])[1] == "no"


def test_record_keeps_the_times_that_it_replaces_unless_the_contest_is_another(tmp_path):
    old, new = contest(Gluon=[2.0]), contest(Gluon=[3.0])
    both = new.replacing(old)
    assert both.earlier().seconds == old.seconds
    assert contest(Gluon=[4.0]).replacing(both).earlier().seconds == new.seconds
    assert contest(Gluon=[4.0]).replacing(dataclasses.replace(old, threads=2)).earlier() is None
    Record(MACHINE, {"mlp": both}).save(tmp_path / "record.json")
    assert speed.load(tmp_path / "record.json").contests["mlp"].earlier().seconds == old.seconds
