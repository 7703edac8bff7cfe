"""Results: saved, loaded, checked against the schema, and shown."""

import contextlib
import copy
import functools
import json
import math
import operator
import subprocess
import sys

import pytest

from d2l_repro.errors import InputError
from d2l_repro.results import plot, published
from d2l_repro.results.history import History
from d2l_repro.results.result import Result, check_replaceable
from d2l_repro.results.run import RunResult, Status
from d2l_repro.results.schema import schema_error

ROWS = [
    {"epoch": 1, "train_loss": 0.78851, "train_acc": 0.7474, "seconds": 0.04},
    {"epoch": 2, "train_loss": 0.000050123, "train_acc": 0.8, "seconds": 0.04},
]
PAIR = {
    "ours": "scratch",
    "theirs": "gluon",
    "steps": 50,
    "max_abs_diff": 1e-9,
    "tolerance": 1e-6,
    "left_at": None,
}
PARITY = {"steps": 50, "max_abs_diff": 1e-9, "pairs": [PAIR]}


def result(**changes):
    runs = [RunResult("scratch", "", 0, History(ROWS), {"train_loss": 0.000050123, "norm": math.inf})]
    return Result("a_chapter", 0, {"lr": 0.1}, **{"dataset": "fashion_mnist", "runs": runs, **changes})


def curves():
    return {"curve": plot.training_curves(result().labelled(), "t")}


def test_result_is_loaded_as_it_was_saved(tmp_path):
    saved = result(tables={"a": [{"b": 1}]}, figures=curves())
    saved.runs += [
        RunResult("gluon", "lr=9", 3, History(ROWS[:1]), {}, Status.DIVERGED, "at once"),
        RunResult("gluon", "lr=1", 0, History(), {}, Status.INTERRUPTED, "stopped"),
    ]
    saved.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.png", "curve.svg", "result.json"]
    loaded = Result.load(tmp_path / "result.json")
    assert loaded.find("scratch").history == ROWS
    assert loaded.find("scratch").metrics == {"train_loss": 0.000050123, "norm": None}
    assert loaded.runs[1:] == saved.runs[1:]
    assert loaded.diverged == {"gluon lr=9, seed 3": "at once"}
    assert loaded.errors == {"gluon lr=1": "stopped"}
    assert loaded.as_json() == saved.as_json()


def test_result_json_keeps_its_contract():
    content = json.loads(json.dumps(result().as_json(), allow_nan=False))
    assert content.keys() == set(
        "chapter seed settings dataset stand_in_for runs parity published tables notes interrupted impl only "
        "quick stream changed finished seconds environment figures".split()
    )
    run = content["runs"]["scratch"]
    assert run.keys() == {"impl", "variant", "seed", "status", "history", "metrics"}
    assert run["history"]["epoch"] == [1, 2]
    assert content["environment"].keys() >= {"python", "mxnet", "numpy", "platform", "threads"}


def written(content, tmp_path):
    """Write a result.json with that content and return its path."""
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content))
    return path


def test_load_reads_the_first_version(tmp_path):
    content = result(parity=PARITY).as_json()
    for name in ("notes", "only", "impl", "quick", "stream", "changed", "finished", "seconds"):
        del content[name]
    plain = {"history": {"epoch": [1], "train_loss": [2.0]}, "metrics": {"train_loss": 2.0}}
    content["runs"] = {
        "scratch": plain,
        "gluon lr=0.2": {**plain, "diverged": "at once"},
        "gluon lr=0.2, seed 3": {**plain, "error": "broken"},
        "data": {"history": {"epoch": []}, "metrics": {}},
    }
    loaded = Result.load(written(content, tmp_path))
    assert [(run.impl, run.variant, run.seed, run.status.value) for run in loaded.runs] == [
        ("scratch", "", 0, "done"),
        ("gluon", "lr=0.2", 0, "diverged"),
        ("gluon", "lr=0.2", 3, "failed"),
        ("data", "", 0, "done"),
    ]
    assert list(loaded.labelled()) == list(content["runs"])
    assert loaded.errors == {"gluon lr=0.2, seed 3": "broken"}
    assert (loaded.impl, loaded.only, loaded.quick, loaded.notes) == ("both", [], False, {})
    assert loaded.parity == PARITY


def test_load_ignores_keys_of_later_versions(tmp_path):
    content = {**result().as_json(), "a_new_key": 1}
    content["runs"]["scratch"]["another"] = None
    assert Result.load(written(content, tmp_path)).as_json() == result().as_json()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("seed",), "1", "seed must be integer"),
        (("seconds",), None, "seconds must be number"),
        (("seconds",), math.inf, "seconds must be number"),
        (("interrupted",), 1, "interrupted must be boolean"),
        (
            ("runs", "scratch", "metrics", "train_loss"),
            "x",
            "runs.scratch.metrics.train_loss must be number or null",
        ),
        (
            ("runs", "scratch", "metrics", "train_loss"),
            True,
            "runs.scratch.metrics.train_loss must be number or null",
        ),
        (
            ("runs", "scratch", "metrics", "norm"),
            math.nan,
            "runs.scratch.metrics.norm must be number or null",
        ),
        (
            ("runs", "scratch", "metrics", "norm"),
            10**400,
            "runs.scratch.metrics.norm must be smaller than or equal to",
        ),
        (
            ("runs", "scratch", "metrics", "norm"),
            -(10**400),
            "runs.scratch.metrics.norm must be bigger than or equal to",
        ),
        (
            ("runs", "scratch", "history", "epoch", 1),
            {},
            "runs.scratch.history.epoch[1] must be number or null",
        ),
        (("runs", "scratch", "status"), "fine", "runs.scratch.status must be one of ['done', 'diverged', "),
        (("runs", "an odd\nlabel"), {"metrics": {}}, "runs.an odd label must have 'history'"),
        (("parity", "pairs", 0, "left_at"), {}, "parity.pairs[0].left_at must have 'step'"),
        (("tables",), {"t": [1]}, "tables.t[0] must be object"),
        (("figures",), [None], "figures[0] must be string"),
    ],
)
def test_load_says_in_one_line_where_and_how_a_file_departs_from_the_schema(tmp_path, path, value, problem):
    content = result(parity=copy.deepcopy(PARITY)).as_json()
    *parents, last = path
    functools.reduce(operator.getitem, parents, content)[last] = value
    with pytest.raises(InputError) as error:
        Result.load(written(content, tmp_path))
    assert f"result.json: not a readable result ({problem}" in str(error.value)
    assert "\n" not in str(error.value)


def test_load_reads_no_number_beyond_those_of_a_double(tmp_path):
    path = written(result().as_json(), tmp_path)
    path.write_text(path.read_text().replace('"seconds": 0.0', '"seconds": 1e400'))
    with pytest.raises(InputError, match="seconds must be smaller than or equal to"):
        Result.load(path)


def test_schema_error_names_what_is_missing_or_no_object_at_all():
    assert schema_error({}) == "result must have 'chapter'"
    assert schema_error([]) == "result must be object"
    assert schema_error(result().as_json()) is None


def test_results_are_read_without_mxnet_matplotlib_or_pandas(tmp_path):
    path = written(result().as_json(), tmp_path)
    code = (
        "import sys; from d2l_repro.results import report, summary; "
        f"report.page(summary.collect({str(path.parent)!r})); "
        "print(sorted({'mxnet', 'matplotlib', 'pandas', 'jsonschema'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_repr_html_escapes_text_with_markup():
    html = result(dataset="<script>alert(1)</script>", tables={"<b>": [{"<i>": "<u>"}]})._repr_html_()
    assert not any(tag in html for tag in ("<script", "<b>", "<i>", "<u>"))
    assert "&lt;script&gt;" in html


def test_repr_html_shows_figures_inline():
    html = result(figures=curves())._repr_html_()
    assert html.count("<svg") == 1
    assert "<?xml" not in html


def test_str_ends_with_published_and_reproduced_values(fixed_bands):
    rows = published.compare("softmax_regression", {"scratch": {"test_acc": 0.7}}, dataset="fashion_mnist")
    text = str(result(published=rows, parity=PARITY))
    last = text.split("\n\n")[-1]
    assert last.startswith("Published and reproduced")
    assert "this run" in last
    assert "DIFFERS" in last
    assert "scratch, gluon     50" in text


def test_str_shows_the_metrics_that_all_runs_have_unless_a_table_of_the_chapter_does():
    other = RunResult("gluon", "", 0, History(ROWS), {"norm": 2.5, "train_loss": 0.25, "extra": 1.0})
    failed = RunResult("gluon", "lr=9", 0, status=Status.FAILED, message="diverged")
    runs = [*result().runs, other, failed]
    table = [line.split() for line in str(result(runs=runs)).split("\n\n")[1].splitlines()]
    assert table == [
        ["Metrics"],
        ["run", "train", "loss", "norm"],
        ["scratch", "5.0123e-05", "not", "finite"],
        ["gluon", "0.25", "2.5"],
    ]
    own = {"Norms": [{"run": run, "norm": "2"} for run in ("scratch", "gluon")]}
    assert "Metrics" not in str(result(runs=runs, tables=own))
    many = [RunResult("gluon", f"lr={i}", 0, History(ROWS), {"norm": 1.0}) for i in range(30)]
    assert "Metrics" not in str(result(runs=many))
    assert "Metrics" not in str(result(runs=[]))


def test_str_says_that_stand_in_data_are_not_compared():
    assert "digits stood in for mnist" in str(result(dataset="digits", stand_in_for="mnist"))


def test_str_shows_notes_as_a_session_of_python():
    statement = {"text": "Sums.", "code": "1 + (\n1)", "output": "2", "holds": True}
    text = str(result(notes={"Numbers": {"statements": [statement]}}))
    assert text.startswith("Numbers\n-------\nSums.\n\n>>> 1 + (\n... 1)\n2")
    assert "1 of 1 statements" in text


@pytest.mark.parametrize(("stream", "says"), [("macos", "linux"), ("linux", "macos")])
def test_str_says_how_numbers_of_another_platform_are_judged(stream, says, fixed_bands):
    one = Result("linear_regression", 0, {}, dataset="synthetic", stream=stream)
    one.add("data", metrics={"first_label": 6.000587})
    one.compare()
    assert str(one).endswith(f"which --stream {says} shows.")
    one.published = [row for row in one.published if row["stream"] == stream]
    assert one.stream_remark() == ""


@pytest.mark.parametrize(
    ("earlier", "quick", "stand_in_for", "message"),
    [
        ({}, True, None, "has the results of a full run, which --quick would replace; name another"),
        ({}, False, "fashion_mnist", "has results on .*; provide the files of fashion_mnist"),
        ({"stand_in_for": "fashion_mnist"}, False, "fashion_mnist", None),
        ({"quick": True}, True, "fashion_mnist", None),
        ({}, False, None, None),
    ],
)
def test_check_replaceable_keeps_what_is_worth_more(earlier, quick, stand_in_for, message, tmp_path):
    check_replaceable(tmp_path, quick, stand_in_for)  # an empty folder
    Result("mlp", 0, {}, dataset="mnist", **earlier).save(tmp_path)
    refused = pytest.raises(InputError, match=message) if message else contextlib.nullcontext()
    with refused:
        check_replaceable(tmp_path, quick, stand_in_for)


def test_printed_has_the_published_values_unless_settings_or_data_are_others():
    def of(**changes):
        return Result("mlp", 0, {}, dataset="fashion_mnist", **changes).printed()

    assert of()["gluon"]["test_acc"] == [0.873]
    assert of()["scratch"].keys() == {"train_loss", "train_acc", "test_acc"}
    straight = Result("polynomial_fitting", 0, {}, dataset="synthetic", stream="macos").printed()[
        "scratch linear"
    ]
    assert straight["test_loss"] == [103.21]
    assert Result("polynomial_fitting", 0, {}, dataset="synthetic", stream="linux").printed() == {}
    assert of(quick=True) == of(changed={"lr": 0.1}) == of(stand_in_for="fashion_mnist") == {}
