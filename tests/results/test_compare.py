"""Comparing results: pairing, where histories part, what only one side has, environments."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.errors import InputError
from d2l_repro.results import sources, summary
from d2l_repro.results.compare import compare, compare_chapter
from d2l_repro.results.environment_effects import effect
from d2l_repro.results.history import History
from d2l_repro.results.noise import Verdict
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult, Status
from d2l_repro.results.schema import to_json

numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))
LOSSES = (0.8, 0.6, 0.5, 0.45, 0.4)


def run_of(losses=LOSSES, impl="gluon", variant="", seed=0, **facts):
    """Return a run with these training losses."""
    history = History(
        {"epoch": i, "test_acc": 0.8 + i / 100, "train_loss": loss, "seconds": 0.1 * i}
        for i, loss in enumerate(losses, 1)
    )
    metrics = {"train_loss": losses[-1], "test_acc": 0.8 + len(losses) / 100} if losses else {}
    return RunResult(impl, variant, seed, **{"history": history, "metrics": metrics, **facts})


def result_of(*runs, seed=0, **facts):
    defaults = {"settings": {"lr": 0.1}, "dataset": "fashion_mnist", "environment": {"threads": 1}}
    return Result("mlp", seed, runs=list(runs), **{**defaults, **facts})


def chapter(*results):
    return summary.Summary(None, list(results))


def compared(a, b):
    return compare_chapter(chapter(a), chapter(b))


def values_of(found):
    return {(value.run, value.name, value.epoch is not None): value for value in found.values}


@st.composite
def results(draw):
    names = draw(st.lists(st.sampled_from(["scratch", "gluon", "d2l"]), unique=True, min_size=1))
    rows = st.fixed_dictionaries({"train_loss": numbers, "test_acc": numbers})
    runs = []
    for name in names:
        history = History({"epoch": i, **row} for i, row in enumerate(draw(st.lists(rows, max_size=3)), 1))
        metrics = draw(st.dictionaries(st.sampled_from(["train_loss", "test_acc", "b"]), numbers))
        status = draw(st.sampled_from(Status))
        runs.append(RunResult(name, "", 0, history, metrics, status))
    return result_of(*runs)


@given(results())
def test_compare_finds_a_result_the_same_as_itself(result):
    found = compared(result, copy.deepcopy(result))
    assert found.verdict is Verdict.SAME
    assert (found.partings, found.settings, found.only_a, found.only_b) == ([], [], [], [])


@given(results(), results())
def test_compare_counts_the_same_from_either_side(a, b):
    one, other = compared(a, b), compared(b, a)
    assert one.counts == other.counts
    assert (set(one.only_a), set(one.only_b)) == (set(other.only_b), set(other.only_a))
    assert {(part.run, part.epoch) for part in one.partings} == {
        (part.run, part.epoch) for part in other.partings
    }


@pytest.mark.parametrize("epoch", range(1, 6))
def test_compare_reports_the_epoch_in_which_histories_part(epoch):
    losses = [loss if i < epoch else loss * 1.01 for i, loss in enumerate(LOSSES, 1)]
    found = compared(result_of(run_of()), result_of(run_of(losses)))
    (parting,) = found.partings
    assert (parting.epoch, parting.beyond_rounding, parting.column) == (epoch, epoch, "train_loss")
    assert (parting.a, parting.b) == (LOSSES[epoch - 1], losses[epoch - 1])
    assert parting.difference == pytest.approx(0.01 / 1.01)
    assert found.verdict is Verdict.DIFFERENT


def test_compare_tells_rounding_from_where_it_has_grown():
    losses = [0.8, 0.6 * (1 + 1e-7), 0.5 * (1 + 1e-5), 0.45 * 1.001, 0.4]
    found = compared(result_of(run_of()), result_of(run_of(losses)))
    (parting,) = found.partings
    assert (parting.epoch, parting.beyond_rounding) == (2, 4)
    verdicts = {key: value.verdict for key, value in values_of(found).items()}
    assert verdicts["gluon", "train_loss", False] is Verdict.SAME
    assert verdicts["gluon", "train_loss", True] is Verdict.DIFFERENT
    assert values_of(found)["gluon", "train_loss", True].epoch == 4


def test_compare_ignores_times():
    slow = run_of()
    for row in slow.history:
        row["seconds"] *= 7
    slow.metrics["seconds"], fast = 9.0, run_of()
    fast.metrics["seconds"] = 1.0
    assert compared(result_of(fast), result_of(slow, seconds=9.0)).verdict is Verdict.SAME


@pytest.mark.parametrize(("flipped", "verdict"), [(3, Verdict.ROUNDING), (4, Verdict.DIFFERENT)])
def test_compare_allows_accuracies_three_examples_if_the_losses_agree(flipped, verdict):
    ours, theirs = run_of(metrics={}), run_of(metrics={})
    for i, (row, other) in enumerate(zip(ours.history, theirs.history)):
        row["test_acc"] = (8100 + 37 * i) / 10_000
        other["test_acc"] = (8100 + 37 * i + flipped * (i == 2)) / 10_000
    assert compared(result_of(ours), result_of(theirs)).verdict is verdict
    theirs.history[0]["train_loss"] *= 1.001
    values = values_of(compared(result_of(ours), result_of(theirs)))
    assert values["gluon", "test_acc", True].verdict is Verdict.DIFFERENT


def seeds_of(*losses, first=0):
    """Return a chapter with one result per seed, whose runs end with these losses."""
    return chapter(
        *(result_of(run_of([1.0, loss], seed=seed), seed=seed) for seed, loss in enumerate(losses, first))
    )


def test_compare_judges_several_seeds_by_their_noise():
    ours = seeds_of(0.40, 0.42, 0.41, 0.39, 0.40)
    near, far = (
        seeds_of(*(loss + shift for loss in (0.41, 0.4, 0.39, 0.42, 0.41)), first=5) for shift in (0, 1)
    )
    assert compare_chapter(ours, near).verdict is Verdict.NOISE
    assert compare_chapter(ours, far).verdict is Verdict.DIFFERENT
    one = compare_chapter(ours, seeds_of(0.43, first=9))
    assert values_of(one)["gluon", "train_loss", False].judgement.by_seeds
    assert one.verdict is Verdict.NOISE
    assert one.warnings == ["no seed is in both: A has 0, 1, 2, 3, 4, B has 9"]


def test_compare_pairs_the_seeds_of_a_study_within_one_result():
    study = result_of(run_of(), run_of([0.9, 0.7], seed=1))
    found = compared(study, result_of(run_of([0.9, 0.7], seed=1), seed=1))
    assert found.verdict is Verdict.SAME
    assert found.only_a == ["seed 0"]


def test_compare_names_what_only_one_side_has():
    pair = {
        "ours": "scratch",
        "theirs": "gluon",
        "steps": 9,
        "max_abs_diff": 0.0,
        "tolerance": 1,
        "left_at": None,
    }
    ours = result_of(
        run_of(), run_of(impl="scratch"), parity={"steps": 9, "max_abs_diff": 0.0, "pairs": [pair]}
    )
    theirs = result_of(run_of(), run_of(variant="lr=1"))
    theirs.runs[0].metrics["l2_norm_w"] = 1.0
    found = compared(ours, theirs)
    assert found.only_a == ["run scratch", "parity of scratch and gluon"]
    assert found.only_b == ["run gluon lr=1", "metric gluon: l2_norm_w"]
    assert found.verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("facts", "differences"),
    [
        ({"settings": {"lr": 0.2, "wd": 1}}, [("lr", "0.1", "0.2"), ("wd", "-", "1")]),
        ({"quick": True}, [("quick", "no", "yes")]),
        (
            {"dataset": "digits", "stand_in_for": "fashion_mnist"},
            [("data", "fashion_mnist", "digits (stand-in)")],
        ),
    ],
)
def test_compare_names_the_settings_that_differ_and_compares_all_the_same(facts, differences):
    found = compared(result_of(run_of()), result_of(run_of(), **facts))
    assert [(item.name, item.a, item.b) for item in found.settings] == differences
    assert found.verdict is Verdict.SAME


def test_compare_counts_another_status_as_different():
    diverged = run_of([0.8, None], status=Status.DIVERGED, message="loss is nan in epoch 2", metrics={})
    assert compared(result_of(diverged), result_of(copy.deepcopy(diverged))).verdict is Verdict.SAME
    found = compared(result_of(diverged), result_of(run_of([0.8, 0.7])))
    status = values_of(found)["gluon", "status", False]
    assert (status.a, status.b, status.verdict) == ({0: "diverged"}, {0: "done"}, Verdict.DIFFERENT)
    failed = run_of([], status=Status.FAILED, message="out of memory")
    assert compared(result_of(failed), result_of(run_of())).warnings == ["A: gluon failed: out of memory"]


def test_compare_counts_another_number_of_epochs_as_different():
    found = compared(result_of(run_of()), result_of(run_of(LOSSES[:3], metrics={})))
    assert values_of(found)["gluon", "epochs", False].verdict is Verdict.DIFFERENT
    assert found.partings == []


@pytest.mark.parametrize(
    ("largest", "left_at", "verdict"),
    [(1e-16, None, Verdict.SAME), (3e-9, None, Verdict.ROUNDING), (0.2, {"step": 3}, Verdict.DIFFERENT)],
)
def test_compare_judges_parity_by_whether_both_follow_the_same_path(largest, left_at, verdict):
    def result(max_abs_diff, left_at):
        pair = {"ours": "scratch", "theirs": "gluon", "steps": 9, "tolerance": 1e-6}
        pair.update(max_abs_diff=max_abs_diff, left_at=left_at)
        return result_of(parity={"steps": 9, "max_abs_diff": max_abs_diff, "pairs": [pair]})

    (value,) = compared(result(1e-16, None), result(largest, left_at)).values
    assert (value.name, value.verdict) == ("parity", verdict)


@pytest.mark.parametrize(
    ("output", "holds", "verdict"),
    [
        ("1.0", True, Verdict.SAME),
        ("np.float64(1.0)", True, Verdict.NOISE),
        ("2.0", False, Verdict.DIFFERENT),
    ],
)
def test_compare_judges_statements_of_notes_by_what_they_print(output, holds, verdict):
    def result(output, holds):
        statement = {"text": "", "code": "x", "output": output, "holds": holds}
        first = {"text": "", "code": "x", "output": "0", "holds": True}
        return result_of(notes={"n": {"statements": [first, statement]}})

    found = compared(result("1.0", True), result(output, holds))
    assert [(value.name, value.verdict) for value in found.values] == [
        ("x", Verdict.SAME),
        ("x  # 2", verdict),
    ]


def test_compare_finds_differences_of_nested_environments():
    ours = {"python": "3.11", "numpy": "1.23.5", "openblas": {"numpy": "Zen", "mxnet": "Haswell"}}
    theirs = {"python": "3.11", "numpy": "2.5.5", "openblas": {"numpy": "Haswell"}, "processor": "x"}
    ours["packages"] = {"numpy": "1.23.5", "scipy": "1.10", "pandas": "2.0.3"}
    theirs["packages"] = {"numpy": "2.5.5", "scipy": "1.17", "pandas": "2.0.3"}
    found = compared(result_of(run_of(), environment=ours), result_of(run_of(), environment=theirs))
    assert [(item.name, item.a, item.b) for item in found.environment] == [
        ("openblas.numpy", "Zen", "Haswell"),
        ("numpy", "1.23.5", "2.5.5"),
        ("packages.scipy", "1.10", "1.17"),
    ]


def test_effect_knows_what_moves_digits_what_does_not_and_what_is_unknown():
    assert "order" in effect("threads")
    assert "kernels" in effect("openblas.numpy")
    assert effect("packages.numpy") == effect("numpy")
    assert effect("packages.matplotlib") == ""
    assert effect("colour") is None


def save(folder, *results):
    for result in results:
        target = folder if result.seed == 0 else folder / f"seed_{result.seed}"
        target.mkdir(parents=True, exist_ok=True)
        result.save(target)


def test_compare_pairs_chapters_and_names_those_of_one_side(tmp_path):
    other = Result("dropout", 0, {}, runs=[run_of()])
    save(tmp_path / "a" / "mlp", result_of(run_of()), result_of(run_of(seed=1), seed=1))
    save(tmp_path / "a" / "dropout", other)
    save(tmp_path / "b" / "mlp", result_of(run_of()))
    ours, theirs = (sources.read(tmp_path / name) for name in "ab")
    found = compare(ours, theirs)
    assert [one.chapter for one in found.chapters] == ["mlp"]
    assert (found.only_a, found.only_b) == (["dropout"], [])
    assert found.chapters[0].only_a == ["seed 1"]
    alone = sources.read(tmp_path / "a" / "mlp" / "seed_1" / "result.json")
    assert compare(alone, theirs).chapters[0].warnings == ["no seed is in both: A has 1, B has 0"]
    with pytest.raises(InputError, match="no chapter is in both: A has dropout, B has mlp"):
        compare(sources.read(tmp_path / "a" / "dropout"), theirs)


def test_compare_refuses_results_without_a_common_run():
    with pytest.raises(InputError, match="no run is in both"):
        compare(
            summary.Collection([chapter(result_of(run_of()))]),
            summary.Collection([chapter(result_of(run_of(impl="scratch")))]),
        )


def test_read_takes_the_numbers_of_a_summary_json(tmp_path):
    results = [result_of(run_of([1.0, loss], seed=seed), seed=seed) for seed, loss in enumerate((0.5, 0.6))]
    save(tmp_path / "mlp", *results)
    whole = summary.collect(tmp_path)
    whole.save(tmp_path)
    found = compare(sources.read(tmp_path / "summary.json"), whole)
    assert found.verdict is Verdict.SAME
    assert found.chapters[0].counts[Verdict.SAME] == 2
    assert (found.chapters[0].settings, found.chapters[0].warnings) == ([], [])
    whole.summaries[0].first.runs[0].metrics["l2_norm_w"] = 1.0
    whole.summaries[0].results.append(result_of(run_of([1.0, 0.7], seed=2), seed=2))
    assert compare(sources.read(tmp_path / "summary.json"), whole).chapters[0].only_b == ["seed 2"]
    changed = result_of(run_of([1.0, 0.5]), settings={"lr": 9}, changed={"lr": 0.1})
    (setting,) = compare_chapter(
        sources.read(tmp_path / "summary.json").summaries[0], chapter(changed)
    ).settings
    assert (setting.name, setting.a, setting.b) == ("lr", "0.1", "9")


def test_read_takes_the_stream_of_a_summary_json(tmp_path):
    save(tmp_path / "mlp", result_of(run_of([1.0, 0.5]), stream="macos"))
    summary.collect(tmp_path).save(tmp_path)
    drawn = sources.read(tmp_path / "summary.json").summaries[0]
    (setting,) = compare_chapter(drawn, chapter(result_of(run_of([1.0, 0.5])))).settings
    assert (setting.name, setting.a, setting.b) == ("stream", "macos", "-")


def test_read_knows_the_run_that_the_readme_shows():
    found = sources.read("reproduced")
    metrics = {one.chapter: one.metrics() for one in found.summaries}
    assert metrics["linear_regression"]["data"]["first_label"]["mean"] == pytest.approx(6.0006, abs=1e-4)
    assert compare(found, found).verdict is Verdict.SAME


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "{}", "\x00", '{"chapters": 1}', '{"chapters": {"mlp": {}}}'),
        '{"chapters": {"mlp": {"seeds": [], "published": []}}}',
    ],
)
def test_read_reports_a_file_that_holds_no_results(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"other\.json: not a "):
        sources.read(path)


def test_read_reports_a_missing_path(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        sources.read(tmp_path / "nothing")


def test_comparison_as_json_has_verdicts_and_values():
    ours, theirs = (
        summary.Collection([chapter(result_of(run_of(losses)))]) for losses in (LOSSES, LOSSES[:3])
    )
    content = json.loads(to_json(compare(ours, theirs).as_json()))
    mlp = content["chapters"]["mlp"]
    assert content["verdict"] == mlp["verdict"] == "different"
    assert sum(mlp["counts"].values()) == len(mlp["values"])
    assert mlp["values"][0] == {
        "run": "gluon",
        "name": "train_loss",
        "a": {"0": 0.4},
        "b": {"0": 0.5},
        "epoch": None,
        "verdict": "different",
        "difference": pytest.approx(0.2),
        "allowed": 1e-4,
        "by_seeds": False,
    }
