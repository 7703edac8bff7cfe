"""Test the arithmetic of growth and memory; no test asserts how long anything takes."""

import dataclasses

import pytest

from d2l_repro.errors import InputError
from d2l_repro.results import costs
from d2l_repro.results.catalogue import TEXTBOOK, entries
from d2l_repro.results.costs import Growth, Memory, Record
from d2l_repro.results.plot import growth_curve
from d2l_repro.results.speed import LIMIT

SIZES = (1, 10, 100)
MB = 10**6


def sweep(name="width", work=None, **powers):
    """Return a sweep whose times are powers of the size, in three rounds that differ."""
    seconds = {
        contestant: [[factor * size**power for factor in (1.0, 1.1, 1.2)] for size in SIZES]
        for contestant, power in powers.items()
    }
    return Growth(name, "a net", "hidden units", "step", "2026-11-27", False, 1, SIZES, seconds, work or {})


def test_exponent_is_the_power_of_a_power_law():
    assert costs.exponent((2, 3, 7, 50), [5 * size**1.5 for size in (2, 3, 7, 50)]) == pytest.approx(1.5)


def test_exponents_are_those_of_each_round():
    growth = sweep(Gluon=2)
    assert growth.exponents("Gluon") == pytest.approx((2, 2, 2))
    # a fixed cost bends the line
    bent = dataclasses.replace(growth, seconds={"Gluon": [[size + 100.0] for size in SIZES]})
    assert bent.exponents("Gluon").median < 0.2


def test_growth_is_near_to_theory_or_says_why_not():
    near = sweep(Gluon=1.0, scratch=1.05, **{LIMIT: 1.0})
    assert near.text() == (
        "From 1 to 100 hidden units, the time of one step grows as a power of their number: Gluon 1.00 (1.00 "
        "to 1.00), theory 1.00; scratch 1.05 (1.05 to 1.05), theory 1.00. This is close to theory."
    )
    far = sweep(Gluon=0.5, scratch=1.05, **{LIMIT: 1.0})
    assert far.text().endswith(f"This is not close to theory for Gluon: {costs.BENDS['width']}")


def test_theory_is_the_limit_or_the_work_scaled_to_the_largest_size():
    assert sweep(Gluon=2, **{LIMIT: 1.0}).theory("Gluon") == pytest.approx([1.1, 11, 110])
    assert sweep(work={"Gluon": [3, 30, 300]}, Gluon=2).theory("Gluon") == pytest.approx([110, 1100, 11000])


def test_memory_of_training_is_judged_beyond_what_a_chapter_without_data_takes():
    rows = [
        Memory("tiny", True, 200 * MB, 210 * MB, 230 * MB, {"data": 1000}),
        Memory("trains_nothing", True, 200 * MB, 201 * MB, 230 * MB, {"data": 0}),
        Memory("mlp", True, 200 * MB, 250 * MB, 255 * MB, {"data": 20 * MB, "parameters": 12 * MB}),
    ]
    assert costs.base(rows) == 10 * MB
    tiny, _, mlp = costs.memory_rows(rows)
    assert (mlp["training"], mlp["figures"], mlp["data"], mlp["ratio"]) == ("50", "5", "20.0", "1.25")
    assert tiny["ratio"] == "-"


def record():
    sizes = {True: (200, 240, 260), False: (200, 800, 900)}
    memory = [Memory("mlp", quick, *sizes[quick], {"data": 20}) for quick in (True, False)]
    return Record({"processor": "one"}, {"width": sweep(Gluon=1, **{LIMIT: 1.0})}, memory)


def test_record_comes_back_from_its_file(tmp_path):
    record().save(tmp_path / "costs.json")
    found = costs.load(tmp_path / "costs.json")
    assert found.machine == {"processor": "one"}
    assert found.memory == record().memory
    assert found.growth["width"].text() == record().growth["width"].text()


def test_record_keeps_what_was_not_measured_again():
    again, new = Memory("mlp", True, 200, 250, 300, {"data": 20}), Memory("xor", True, 1, 2, 2, {"data": 1})
    found = record().updated({"processor": "two"}, [again, new])
    assert [(row.chapter, row.quick, row.peak) for row in found.memory] == [
        ("mlp", True, 300),
        ("xor", True, 2),
        ("mlp", False, 900),
    ]
    assert list(found.updated({}, sweep("depth", Gluon=1)).growth) == ["width", "depth"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"machine": {}, "growth": [{"name": "width"}], "memory": []}', "\0"]
)
def test_load_refuses_what_is_no_record(tmp_path, text):
    path = tmp_path / "costs.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"costs\.json: no record of costs .*; delete it"):
        costs.load(path)


def test_figure_shows_every_contestant_and_theory():
    (ax,) = growth_curve(sweep(Gluon=1, scratch=0.9, **{LIMIT: 1.0})).axes
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "Gluon: power 1.00 (in theory 1.00)",
        "scratch: power 0.90 (in theory 1.00)",
        "sum of the operators",
    ]
    (ax,) = growth_curve(sweep("folds", {"Gluon": [1, 10, 100]}, Gluon=1)).axes
    assert [text.get_text() for text in ax.get_legend().get_texts()][-1].startswith("theory, scaled")


def test_committed_record_has_every_sweep_and_chapter():
    found = costs.committed()
    assert set(found.growth) == set(costs.BENDS)
    assert all(len(growth.sizes) >= 5 and not growth.quick for growth in found.growth.values())
    assert {row.chapter for row in found.memory if row.quick} == set(entries())
    assert {row.chapter for row in found.memory if not row.quick} == set(TEXTBOOK)
