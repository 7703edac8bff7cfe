"""Several results taken together, and what they say of the published values."""

import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.errors import InputError
from d2l_repro.results import published, report, summary
from d2l_repro.results.history import History
from d2l_repro.results.result import Result

numbers = st.floats(-1e6, 1e6)


def made(test_acc, seed=0, **changes):
    """A result of softmax_regression with one run."""
    result = Result("softmax_regression", seed, {"lr": 0.1}, dataset="fashion_mnist")
    result.add("scratch", History([{"epoch": 1, "test_acc": test_acc, "seconds": 0.1}]))
    result.published = published.compare(result.chapter, {"scratch": {"test_acc": test_acc}})
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def save(folder, result):
    folder.mkdir(parents=True, exist_ok=True)
    result.save(folder)


@given(st.lists(numbers, min_size=2, max_size=6))
def test_spread_is_mean_and_sample_deviation(values):
    over = summary.spread(values)
    assert over["mean"] == pytest.approx(sum(values) / len(values), abs=1e-6)
    assert over["std"] == pytest.approx(statistics.stdev(values), abs=1e-6)


@given(numbers)
def test_of_one_seed_the_verdict_is_whether_the_value_lies_in_the_band(value):
    one = made(value)
    (row,) = summary.Summary(None, [one]).published()
    assert row["within"] == one.published[0]["within"]
    assert (row["ours"], row["std"]) == (value, 0)


# the band of the scratch test accuracy is 0.815 to 0.846
@pytest.mark.parametrize(
    ("values", "within"),
    [
        ([0.80, 0.81], False),
        ([0.80, 0.82], True),
        ([0.80, 0.90], True),
        ([0.90, 0.91], False),
        ([0.83, float("nan")], False),
    ],
)
def test_of_several_seeds_the_verdict_is_whether_mean_and_deviation_reach_the_band(values, within):
    results = [made(value, seed) for seed, value in enumerate(values)]
    (row,) = summary.Summary(None, results).published()
    assert row["within"] == within
    assert row["seeds"] == [0, 1]
    assert bool(summary.outside([summary.Summary(None, results)])) == (not within)


def test_a_seed_that_failed_is_named_and_counts_in_no_mean():
    broken = made(
        0.1, 1, published=[], runs={"scratch": {"history": History(), "metrics": {}, "error": "diverged"}}
    )
    both = summary.Summary(None, [made(0.83), broken])
    assert both.errors == {"scratch (seed 1)": "diverged"}
    assert both.metrics()["scratch"]["test_acc"]["values"] == [0.83]
    assert both.published()[0]["within"]


def test_a_parted_pair_is_told_in_the_overview():
    parted = {"ours": "scratch", "theirs": "gluon", "left_at": {"step": 3}}
    row = summary.Summary(None, [made(0.83, parity={"max_abs_diff": 2.0, "pairs": [parted]})]).row()
    assert row["scratch = Gluon"] == "NO: scratch"
    assert row["published values within their bands"] == "1 of 1"


def test_a_folder_is_read_in_the_catalogues_order_with_the_seeds_that_belong_together(tmp_path):
    save(tmp_path / "softmax_regression", made(0.83))
    for seed, changes in (
        (10, {}),
        (2, {}),
        (3, {"settings": {"lr": 9}}),
        (4, {"quick": True}),
        (5, {"dataset": "digits"}),
        (0, {}),
    ):
        save(tmp_path / "softmax_regression" / f"seed_{seed}", made(0.84, seed, **changes))
    save(tmp_path / "a", Result("linear_regression", 0, {}))
    save(tmp_path / "b", Result("one_of_the_readers", 0, {}))
    found = summary.collect(tmp_path)
    assert [(made.chapter, made.seeds) for made in found.summaries] == [
        ("linear_regression", [0]),
        ("softmax_regression", [0, 2, 10]),
        ("one_of_the_readers", [0]),
    ]
    assert found.problems == []
    (alone,) = summary.collect(tmp_path / "softmax_regression").summaries
    assert alone.seeds == [0, 2, 10]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"runs": 1}', "\x00", "[" * 100_000, "9" * 400])
def test_a_file_that_is_no_result_is_a_problem_that_names_it(tmp_path, content):
    save(tmp_path / "mlp", made(0.8))
    (tmp_path / "dropout").mkdir()
    (tmp_path / "dropout" / "result.json").write_text(content)
    found = summary.collect(tmp_path)
    assert len(found.summaries) == 1
    assert "dropout/result.json: not a readable result" in found.problems[0]


def nodes(value, path=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from nodes(child, (*path, key))


def replaced(value, path, other):
    """`value` with `other` at `path`."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


def test_whatever_is_wrong_in_a_result_it_is_a_problem_or_can_be_shown(tmp_path):
    pair = {
        "ours": "scratch",
        "theirs": "gluon",
        "steps": 50,
        "max_abs_diff": 0.0,
        "tolerance": 1e-6,
        "left_at": None,
    }
    save(
        tmp_path / "mlp",
        made(
            0.83,
            parity={"steps": 50, "max_abs_diff": 0.0, "pairs": [pair]},
            tables={"t": [{"a": 1}]},
            environment={"python": "3"},
            notes={"n": {"statements": [{"text": "", "code": "1", "output": "1", "holds": True}]}},
        ),
    )
    path = tmp_path / "mlp" / "result.json"
    whole = json.loads(path.read_text())
    refused = 0
    for place in nodes(whole):
        for other in (None, "x", 1, [], {}, [None], 10**400):
            path.write_text(json.dumps(replaced(whole, place, other)))
            found = summary.collect(tmp_path)
            report.page(found)
            found.save(tmp_path)
            refused += len(found.problems)
    assert refused > 250


def test_of_two_folders_of_one_chapter_one_is_shown_and_the_other_named(tmp_path):
    save(tmp_path / "a_quick_one", made(0.5, quick=True))
    save(tmp_path / "softmax_regression", made(0.83))
    found = summary.collect(tmp_path)
    assert [made.folder.name for made in found.summaries] == ["softmax_regression"]
    assert "a_quick_one: left out" in found.problems[0]


def test_seeds_that_a_later_run_did_not_ask_for_are_not_mixed_in(tmp_path):
    folder = tmp_path / "softmax_regression"
    for seed in (0, 1, 2):
        save(folder if seed == 0 else folder / f"seed_{seed}", made(0.83, seed))
    (folder / "seed_of_mine").mkdir()
    summary.drop_other_seeds(tmp_path, [folder, folder / "seed_1"])
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["seed_1", "seed_of_mine"]


def test_a_folder_without_results_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no results there; run a chapter first"):
        summary.collect(tmp_path / "nothing")


def test_summary_json_has_every_number(tmp_path):
    save(tmp_path / "softmax_regression", made(0.83))
    save(tmp_path / "softmax_regression" / "seed_1", made(float("inf"), 1))
    summary.collect(tmp_path).save(tmp_path)
    chapter = json.loads((tmp_path / "summary.json").read_text())["chapters"]["softmax_regression"]
    assert chapter["metrics"]["scratch"]["test_acc"] == {"mean": None, "std": None, "values": [0.83, None]}
    assert chapter["published"][0]["within"] is False
    assert chapter["seeds"] == [0, 1]
