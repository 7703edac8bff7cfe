"""Summaries: several seeds taken together, and folders of results."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.errors import InputError
from d2l_repro.results import published, report, sources, summary
from d2l_repro.results.history import History
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult, Status

numbers = st.floats(-1e6, 1e6)


def result_of(test_acc, seed=0, **changes):
    """Return a result of softmax_regression with one run."""
    history = History([{"epoch": 1, "test_acc": test_acc, "seconds": 0.1}])
    facts = {
        "settings": {"lr": 0.1},
        "dataset": "fashion_mnist",
        "runs": [RunResult("scratch", "", seed, history, {"test_acc": test_acc})],
        "published": published.compare("softmax_regression", {"scratch": {"test_acc": test_acc}}),
    }
    return Result(**{"chapter": "softmax_regression", "seed": seed, **facts, **changes})


def save(folder, result):
    folder.mkdir(parents=True, exist_ok=True)
    result.save(folder)


@given(st.lists(numbers, min_size=2, max_size=6))
def test_spread_is_mean_and_sample_standard_deviation(values):
    over = summary.spread(values)
    assert over["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert over["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)


@given(numbers)
def test_published_of_one_seed_is_that_of_its_result(value):
    one = result_of(value)
    (row,) = summary.Summary(None, [one]).published()
    assert row["within"] == one.published[0]["within"]
    assert (row["ours"], row["std"]) == (value, 0)


@pytest.mark.parametrize(
    ("values", "within"),
    [
        ([0.826, 0.82], True),
        ([0.80, 0.852], True),  # the mean counts
        ([0.83, 0.831], True),
        ([0.837, 0.838], False),  # each of which would do alone
        ([0.83, float("nan")], False),
    ],
)
def test_published_of_several_seeds_is_within_when_the_mean_is(values, within, fixed_bands):
    results = [result_of(value, seed) for seed, value in enumerate(values)]
    (row,) = summary.Summary(None, results).published()
    assert row["within"] == within
    assert row["seeds"] == [0, 1]
    assert published.is_outside(row) == (not within)


def conclusion_of(*differences):
    """Return the summary of optimizers with a conclusion and a value, one result per seed."""
    results = []
    for seed, difference in enumerate(differences):
        metrics = {
            "scratch conclusions": {"momentum_minus_adam": difference},
            "scratch softmax momentum best": {"train_acc": 0.862},
        }
        rows = published.compare("optimizers", metrics)
        results.append(result_of(0.83, seed, chapter="optimizers", published=rows))
    return summary.Summary(None, results)


def test_row_counts_numbers_that_agree_and_values_of_this_run_that_do(fixed_bands):
    numbers, run = "published numbers that agree", "this run, as our seeds"
    total = len([row for row in published.published_values() if row["chapter"] == "optimizers"])
    assert conclusion_of(0.015).row()[numbers] == f"2 of {total}"
    assert conclusion_of(0.015).row()[run] == "2 of 2"
    assert conclusion_of(0.2).row()[run] == "1 of 2"
    (row,) = filter(published.is_outside, conclusion_of(0.2).published())
    assert row["metric"] == "momentum_minus_adam"


def test_numbers_of_a_summary_count_those_that_were_not_run(fixed_bands):
    verdicts = [row["verdict"] for row in conclusion_of(0.015).numbers()]
    assert verdicts.count("agrees") == 2
    assert verdicts.count("not run") == len(verdicts) - 2


def test_summary_names_a_seed_that_failed_and_leaves_it_out_of_all_means():
    failed = RunResult("scratch", "", 1, status=Status.FAILED, message="diverged")
    broken = result_of(0.1, 1, published=[], runs=[failed])
    both = summary.Summary(None, [result_of(0.83), broken])
    assert both.errors == {"scratch (seed 1)": "diverged"}
    assert both.metrics()["scratch"]["test_acc"]["values"] == [0.83]
    assert both.published()[0]["ours"] == 0.83


def test_row_names_a_pair_that_does_not_follow_the_same_path():
    pair = {"ours": "scratch", "theirs": "gluon", "left_at": {"step": 3}}
    row = summary.Summary(None, [result_of(0.83, parity={"max_abs_diff": 2.0, "pairs": [pair]})]).row()
    assert row["scratch = Gluon"] == "NO: scratch"
    assert row["published numbers that agree"].endswith(" of 6")


def test_collect_keeps_the_order_of_the_catalogue_and_the_seeds_that_belong_together(tmp_path):
    save(tmp_path / "softmax_regression", result_of(0.83))
    for seed, changes in (
        (10, {}),
        (2, {}),
        (3, {"settings": {"lr": 9}}),
        (4, {"quick": True}),
        (5, {"dataset": "digits"}),
        (6, {"stream": "macos"}),
        (0, {}),
    ):
        save(tmp_path / "softmax_regression" / f"seed_{seed}", result_of(0.84, seed, **changes))
    save(tmp_path / "a", Result("linear_regression", 0, {}))
    save(tmp_path / "b", Result("one_of_the_readers", 0, {}))
    found = summary.collect(tmp_path)
    assert [(one.chapter, one.seeds) for one in found.summaries] == [
        ("linear_regression", [0]),
        ("softmax_regression", [0, 2, 10]),
        ("one_of_the_readers", [0]),
    ]
    assert found.problems == []
    (alone,) = summary.collect(tmp_path / "softmax_regression").summaries
    assert alone.seeds == [0, 2, 10]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"runs": 1}', "\x00", "[" * 100_000, "9" * 400])
def test_collect_reports_a_file_that_is_no_result_by_its_name(tmp_path, content):
    save(tmp_path / "mlp", result_of(0.8))
    (tmp_path / "dropout").mkdir()
    (tmp_path / "dropout" / "result.json").write_text(content)
    found = summary.collect(tmp_path)
    assert len(found.summaries) == 1
    assert "dropout/result.json: not a readable result" in found.problems[0]


def nodes(value, path=()):
    """Yield every place in a JSON value, as the keys that lead there."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from nodes(child, (*path, key))


def replaced(value, path, other):
    """Return `value` with `other` at `path`."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


def test_report_shows_or_names_a_result_whatever_is_wrong_in_it(tmp_path):
    pair = {
        "ours": "scratch",
        "theirs": "gluon",
        "steps": 50,
        "max_abs_diff": 0.0,
        "tolerance": 1e-6,
        "left_at": {"step": 3},
    }
    save(
        tmp_path / "mlp",
        result_of(
            0.83,
            parity={"steps": 50, "max_abs_diff": 0.0, "pairs": [pair]},
            tables={"t": [{"a": 1}, {"b": 2}]},
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


def test_collect_shows_one_of_two_folders_of_a_chapter_and_names_the_other(tmp_path):
    save(tmp_path / "a_quick_one", result_of(0.5, quick=True))
    save(tmp_path / "softmax_regression", result_of(0.83))
    found = summary.collect(tmp_path)
    assert [one.folder.name for one in found.summaries] == ["softmax_regression"]
    assert "a_quick_one: left out" in found.problems[0]


def test_collect_leaves_out_seeds_that_the_run_did_not_ask_for_and_keeps_their_folders(tmp_path):
    folder = tmp_path / "softmax_regression"
    for seed in (0, 1, 2):
        save(folder if seed == 0 else folder / f"seed_{seed}", result_of(0.83, seed))
    for seed, other in enumerate((tmp_path / "linear_regression", tmp_path / "linear_regression" / "seed_1")):
        save(other, result_of(0.1, seed, chapter="linear_regression", published=[]))
    found = summary.collect(tmp_path, [folder, folder / "seed_1"])
    assert [(one.chapter, one.seeds) for one in found.summaries] == [
        ("linear_regression", [0, 1]),
        ("softmax_regression", [0, 1]),
    ]
    assert (folder / "seed_2" / "result.json").is_file()


def test_collect_refuses_a_folder_without_results(tmp_path):
    with pytest.raises(InputError, match="no results there; run a chapter first"):
        summary.collect(tmp_path / "nothing")


def test_summary_json_says_which_runs_are_a_pair_though_their_names_differ(tmp_path):
    pair = {"ours": "scratch lambda=0", "theirs": "gluon wd=0", "steps": 50, "max_abs_diff": 1e-16}
    pair.update(tolerance=1e-6, left_at=None, max_testing_diff=None)
    runs = [
        RunResult(impl, variant, 0, metrics={"l2_norm_w": 11.6})
        for impl, variant in (("scratch", "lambda=0"), ("gluon", "wd=0"))
    ]
    parity = {"steps": 50, "max_abs_diff": 1e-16, "pairs": [pair]}
    one = Result("weight_decay", 0, {}, dataset="synthetic", runs=runs, parity=parity)
    summary.Collection([summary.Summary(tmp_path, [one])]).save(tmp_path)
    read = sources.read(tmp_path / summary.SUMMARY)
    assert read.summaries[0].first.parity["pairs"] == [pair]
    line = re.search("weight_decay</th>.*?</tr>", report.handout(read), re.DOTALL)[0]
    assert re.findall("<td>([^<]*)</td>", line)[3:5] == ["11.6", "11.6"]


def test_summary_json_has_every_number(tmp_path, fixed_bands):
    save(tmp_path / "softmax_regression", result_of(0.83))
    save(tmp_path / "softmax_regression" / "seed_1", result_of(float("inf"), 1))
    summary.collect(tmp_path).save(tmp_path)
    chapter = json.loads((tmp_path / "summary.json").read_text())["chapters"]["softmax_regression"]
    assert chapter["metrics"]["scratch"]["test_acc"] == {"mean": None, "std": None, "values": [0.83, None]}
    assert chapter["published"][0]["within"] is False
    assert sum(chapter["verdicts"].values()) == 6
    assert chapter["seeds"] == [0, 1]
