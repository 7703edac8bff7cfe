"""History, published values, results and files: what is kept, compared and written."""

import csv
import json
import math
import os
import stat
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro import files
from d2l_repro.errors import InputError
from d2l_repro.results import plot, published
from d2l_repro.results.history import History
from d2l_repro.results.result import Result

ROWS = [
    {"epoch": 1, "train_loss": 0.78851, "train_acc": 0.7474, "seconds": 0.04},
    {"epoch": 2, "train_loss": 0.000050123, "train_acc": 0.8, "seconds": 0.04},
]


@given(st.lists(st.fixed_dictionaries({"epoch": st.integers(), "x": st.floats(allow_nan=False)})))
def test_a_history_survives_its_columns(rows):
    assert History.from_columns(History(rows).columns()) == rows


def test_a_history_prints_like_the_book():
    assert str(History(ROWS)).splitlines() == [
        "epoch 1, train loss 0.7885, train acc 0.747, 0.0 sec",
        "epoch 2, train loss 5.012e-05, train acc 0.800, 0.0 sec",
    ]
    assert History(ROWS)["train_acc"] == [0.7474, 0.8]
    assert History(ROWS)[-1]["epoch"] == 2


def test_published_values_are_well_formed():
    rows = published.published_values()
    assert len(rows) > 70
    for row in rows:
        assert row["low"] <= row["value"] <= row["high"], row
        assert row["source"]
    keys = [(row["chapter"], row["run"], row["metric"]) for row in rows]
    assert len(set(keys)) == len(keys)
    with resources.files("d2l_repro.results").joinpath("published.csv").open(encoding="utf-8") as file:
        assert sum(1 for _ in csv.reader(file)) == len(rows) + 1


def test_a_row_without_an_implementation_stands_beside_both():
    metrics = {
        "scratch cubic": {"train_loss": 0.007},
        "gluon cubic": {"train_loss": 0.5},
        "scratch": {"train_loss": 1.0},
    }
    rows = published.compare("polynomial_fitting", metrics)
    assert [(row["run"], row["ours"], row["within"]) for row in rows] == [
        ("scratch cubic", 0.007, True),
        ("gluon cubic", 0.5, False),
    ]


def test_a_run_may_be_called_just_as_the_row_is():
    assert [
        row["run"] for row in published.compare("house_prices", {"book": {"train_log_rmse": 0.1652}})
    ] == ["book"]


def test_a_row_with_an_implementation_stands_beside_that_only():
    metrics = {"scratch": {"test_acc": 0.83}, "gluon": {"test_acc": float("nan")}}
    rows = published.compare("softmax_regression", metrics)
    assert [(row["run"], row["metric"], row["within"]) for row in rows] == [
        ("scratch", "test_acc", True),
        ("gluon", "test_acc", False),
    ]


def result(**changes):
    made = Result("a_chapter", 0, {"lr": 0.1}, dataset="fashion_mnist")
    made.add("scratch", History(ROWS), {"norm": math.inf})
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_result_is_read_back_as_it_was_saved(tmp_path):
    saved = result(tables={"a": [{"b": 1}]}, figures={"curve": plot.training_curves(result().runs, "t")})
    saved.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.png", "curve.svg", "result.json"]
    loaded = Result.load(tmp_path / "result.json")
    assert loaded.runs["scratch"]["history"] == ROWS
    assert loaded.runs["scratch"]["metrics"] == {"train_loss": 0.000050123, "train_acc": 0.8, "norm": None}
    assert loaded.as_json() == saved.as_json()


def test_result_json_keeps_its_contract():
    content = json.loads(json.dumps(result().as_json(), allow_nan=False))
    assert {
        "chapter",
        "dataset",
        "stand_in_for",
        "seed",
        "settings",
        "runs",
        "parity",
        "published",
        "figures",
        "environment",
    } <= content.keys()
    assert content["runs"]["scratch"]["history"]["epoch"] == [1, 2]
    assert content["environment"].keys() >= {"python", "mxnet", "numpy", "platform", "threads"}


def test_text_with_markup_is_escaped_in_jupyter():
    html = result(dataset="<script>alert(1)</script>", tables={"<b>": [{"<i>": "<u>"}]})._repr_html_()
    assert not any(tag in html for tag in ("<script", "<b>", "<i>", "<u>"))
    assert "&lt;script&gt;" in html


def test_figures_show_inline_in_jupyter():
    html = result(figures={"curve": plot.training_curves(result().runs, "t")})._repr_html_()
    assert html.count("<svg") == 1
    assert "<?xml" not in html


def test_printed_results_end_with_published_and_reproduced_values():
    rows = published.compare("softmax_regression", {"scratch": {"test_acc": 0.7}})
    text = str(
        result(
            published=rows,
            parity={
                "pairs": [
                    {
                        "ours": "scratch",
                        "theirs": "gluon",
                        "steps": 50,
                        "max_abs_diff": 1e-9,
                        "tolerance": 1e-6,
                        "left_at": None,
                    }
                ]
            },
        )
    )
    last = text.split("\n\n")[-1]
    assert last.startswith("Published and reproduced")
    assert last.endswith("NO")
    assert "scratch, gluon     50" in text
    assert "digits stood in for mnist" in str(result(dataset="digits", stand_in_for="mnist"))


def test_writing_replaces_the_file_or_leaves_it_alone(tmp_path, monkeypatch):
    path = tmp_path / "submission.csv"
    files.write_atomically(path, "old")
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(InputError, match=r"submission\.csv: cannot be written \(disk full\)"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["submission.csv"]


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    files.write_atomically(tmp_path / "ours", b"x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(
        (tmp_path / "plain").stat().st_mode
    )


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--out: cannot write to .*file.* name another folder"):
        files.writable_folder(tmp_path / "file" / "runs")
    assert files.writable_folder(tmp_path / "a" / "b").is_dir()


def lines_of(figure):
    """Label -> y values of every drawn line, over all axes."""
    return {line.get_label(): list(line.get_ydata()) for ax in figure.axes for line in ax.get_lines()}


def test_training_curves_draw_the_history():
    figure = plot.training_curves(
        {"scratch": {"history": History(ROWS)}, "data": {"history": History()}}, "title"
    )
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["epoch", "epoch"]
    assert lines_of(figure)["scratch train"] == [0.7474, 0.8]  # the accuracy's panel is the last
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [1, 2]


@given(st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=8))
def test_direct_labels_never_overlap_and_stay_on_the_axes(ends):
    figure = plot.training_curves(
        {
            str(i): {"history": History([{"epoch": 1, "train_acc": 0.0}, {"epoch": 2, "train_acc": end}])}
            for i, end in enumerate(ends)
        },
        "t",
    )
    heights = sorted(text.xy[1] for text in figure.axes[0].texts)
    assert len(heights) == sum(map(math.isfinite, ends))
    assert all(b - a >= plot.LABEL_GAP * 0.999 for a, b in zip(heights, heights[1:]))
    assert all(height <= 1 + 1e-9 for height in heights)


def test_a_logarithmic_axis_of_a_small_range_still_has_numbers():
    figure = plot.training_curves(
        {
            "scratch": {
                "history": History(
                    [{"epoch": 1, "train_log_rmse": 2.5}, {"epoch": 2, "train_log_rmse": 0.17}]
                )
            }
        },
        "t",
        log=True,
    )
    plot.rendered(figure, "svg")
    ax = figure.axes[0]
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert [tick.get_text() for tick in ax.get_yticklabels() if low <= tick.get_position()[1] <= high] == [
        "0.2",
        "0.5",
        "1",
        "2",
    ]


def test_labels_have_the_contrast_that_accessible_text_needs():
    def luminance(color):
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
        return np.dot((0.2126, 0.7152, 0.0722), linear)

    for color in plot.COLORS:
        assert 1.05 / (luminance(plot._readable(color)) + 0.05) >= 4.5, color


def test_bands_draw_where_values_lie():
    mlp = {
        "chapter": "mlp",
        "run": "gluon",
        "metric": "test_acc",
        "low": 0.8,
        "high": 0.9,
        "value": 0.88,
        "ours": 0.85,
    }
    rows = [mlp, {**mlp, "low": 1.0, "high": 1.0, "value": 1.0, "ours": 1.0}]  # a band of no width
    figure = plot.bands(rows, "t")
    assert lines_of(figure)["published"] == [0, 1]
    published, ours = (line.get_xdata() for line in figure.axes[0].get_lines())
    assert published == pytest.approx([0.8, 0])
    assert ours == pytest.approx([0.5, 0])
    assert figure.axes[0].get_yticklabels()[0].get_text() == "mlp, gluon, test acc"


def test_a_figures_title_travels_in_its_file():
    figure = plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "One & two")
    assert b"<dc:title>One &amp; two</dc:title>" in plot.rendered(figure, "svg")


def test_the_same_figure_gives_the_same_file():
    svgs = {plot.rendered(plot.training_curves(result().runs, "t"), "svg") for _ in range(2)}
    assert len(svgs) == 1


def test_figures_of_nothing_can_still_be_drawn():
    assert plot.rendered(plot.training_curves({}, "t"), "png")[:4] == b"\x89PNG"
