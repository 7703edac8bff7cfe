"""Figures: what they draw, and the files they become."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_repro.results import plot
from d2l_repro.results.history import History
from d2l_repro.results.plot.curves import LABEL_GAP
from d2l_repro.results.plot.style import readable
from d2l_repro.results.run import RunResult


def run(**columns):
    """Return a run with these columns by epoch."""
    epochs = range(1, 1 + len(next(iter(columns.values()))))
    return RunResult("gluon", "", 0, History.from_columns({"epoch": epochs, **columns}))


BOTH = {"scratch": run(train_loss=[0.8, 0.4], train_acc=[0.75, 0.8]), "data": RunResult("data", "", 0)}


def lines_of(figure):
    """Return label -> y values of every drawn line, over all axes."""
    return {line.get_label(): list(line.get_ydata()) for ax in figure.axes for line in ax.get_lines()}


def test_training_curves_draw_the_history():
    figure = plot.training_curves(BOTH, "title")
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["epoch", "epoch"]
    assert lines_of(figure)["scratch train"] == [0.75, 0.8]  # the accuracy's panel is the last
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [1, 2]


def test_training_curves_leave_every_run_visible_where_two_or_three_coincide():
    for labels in ("ab", "abc"):
        figure = plot.training_curves({label: run(train_loss=[1, 0.5]) for label in labels}, "t")
        widths = [line.get_linewidth() for line in figure.axes[0].get_lines()]
        assert widths == sorted(widths, reverse=True)
        assert len(set(widths)) == len(labels)


@settings(max_examples=50)
@given(st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=8))
def test_training_curves_have_labels_that_never_overlap_and_stay_on_the_axes(ends):
    figure = plot.training_curves({str(i): run(train_acc=[0.0, end]) for i, end in enumerate(ends)}, "t")
    heights = sorted(text.xy[1] for text in figure.axes[0].texts)
    assert len(heights) == sum(map(math.isfinite, ends))
    assert all(b - a >= LABEL_GAP * 0.999 for a, b in zip(heights, heights[1:]))
    assert all(height <= 1 + 1e-9 for height in heights)


def test_training_curves_have_numbers_on_a_logarithmic_axis_of_a_small_range():
    figure = plot.training_curves({"scratch": run(train_log_rmse=[2.5, 0.17])}, "t", log=True)
    plot.render(figure, "svg")
    ax = figure.axes[0]
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    ticks = [tick.get_text() for tick in ax.get_yticklabels() if low <= tick.get_position()[1] <= high]
    assert ticks == ["0.2", "0.5", "1", "2"]


def test_training_curves_of_nothing_can_still_be_rendered():
    assert plot.render(plot.training_curves({}, "t"), "png")[:4] == b"\x89PNG"


def test_readable_colours_have_the_contrast_that_accessible_text_needs():
    def luminance(color):
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
        return np.dot((0.2126, 0.7152, 0.0722), linear)

    for color in plot.COLORS:
        assert 1.05 / (luminance(readable(color)) + 0.05) >= 4.5, color


def test_network_draws_a_unit_for_each_and_marks_those_left_out():
    figure = plot.network([("pixels", 784), ("hidden", 4), ("class", 1)], "A net")
    (ax,) = figure.axes
    units = [part.get_offsets() for part in ax.collections]
    # eleven less the middle one, and three dots in its place
    assert [len(each) for each in units] == [10, 3, 4, 1]
    assert len(ax.lines) == 10 * 4 + 4
    assert [text.get_text() for text in ax.texts] == ["pixels\n784 units", "hidden\n4 units", "class\n1 unit"]


def test_bands_draw_where_values_lie():
    rows = [
        {"chapter": "mlp", "run": "gluon", "metric": "test_acc", "z": z, "z_ours": z_ours}
        for z, z_ours in ((0.8, 0.5), (0, -50.0))
    ]
    figure = plot.bands(rows, "t")
    assert lines_of(figure)["published"] == [0, 1]
    published, ours = (line.get_xdata() for line in figure.axes[0].get_lines())
    assert published == pytest.approx([0.8, 0])
    assert ours == pytest.approx([0.5, -plot.AXIS_END])  # what is beyond the axis lies at its end
    assert figure.axes[0].get_yticklabels()[0].get_text() == "mlp, gluon, test acc"


def test_render_keeps_the_title_in_the_file():
    figure = plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "One & two")
    assert b"<dc:title>One &amp; two</dc:title>" in plot.render(figure, "svg")


def test_render_gives_the_same_file_for_the_same_figure():
    assert len({plot.render(plot.training_curves(BOTH, "t"), "svg") for _ in range(2)}) == 1


def test_styled_functions_leave_the_settings_of_matplotlib_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot.training_curves(BOTH, "t")
    assert dict(mpl.rcParams) == before


def test_lines_name_few_whole_numbers_on_a_logarithmic_axis():
    curves = {"a": ((1, 5, 20), (0.1, 0.2, 0.3)), "b": ((1, 100), (0.1, 0.2))}
    (ax,) = plot.lines(curves, "labels", "accuracy", "t", logx=True).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "5", "20", "100"]
    assert list(ax.get_xticks(minor=True)) == []


def test_intervals_say_what_each_value_is_of():
    figure = plot.intervals({"a": ([0.1, 0.2], None)}, "accuracy", "t", each="draw")
    assert "ours, each draw" in [text.get_text() for text in figure.legends[0].get_texts()]
