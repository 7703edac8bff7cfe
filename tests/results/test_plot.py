"""Figures: what they draw, and the files they become."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from d2l_repro.results import plot
from d2l_repro.results.history import History
from d2l_repro.results.plot.comparisons import FEW, LEAST_SPAN
from d2l_repro.results.plot.labels import label_gap, spread
from d2l_repro.results.plot.planes import REGIONS
from d2l_repro.results.plot.style import best_columns, readable
from d2l_repro.results.run import RunResult


def run(impl="scratch", **columns):
    """Return a run with these columns by epoch."""
    epochs = range(1, 1 + len(next(iter(columns.values()))))
    return RunResult(impl, "", 0, History.from_columns({"epoch": epochs, **columns}))


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


def test_training_curves_leave_every_implementation_visible_where_they_coincide():
    runs = {impl: run(train_loss=[1, 0.7, 0.6, 0.5], impl=impl) for impl in ("scratch", "gluon", "d2l")}
    figure = plot.training_curves(runs, "t")
    lines = figure.axes[0].get_lines()
    assert [(line.get_linestyle(), line.get_marker()) for line in lines] == [
        ("-", "None"),
        ("None", "o"),
        ("None", "+"),
    ]
    assert [text.get_text() for text in figure.axes[0].texts] == ["training"]  # one name for all three
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["from scratch", "with Gluon", "d2l 1.0"]


def test_training_curves_say_whose_a_line_is_and_explain_no_marks_that_are_not_there():
    runs = {"scratch a": run(train_loss=[1, 0.5]), "gluon b": run("gluon", train_loss=[1, 0.2])}
    figure = plot.training_curves(runs, "t")
    assert {text.get_text() for text in figure.axes[0].texts} == {"a, training", "b, training, with Gluon"}
    assert figure.legends == []


def test_training_curves_name_implementations_apart_where_they_end_apart():
    runs = {impl: run(train_loss=[1, end], impl=impl) for impl, end in (("scratch", 0.5), ("gluon", 0.2))}
    (ax,) = plot.training_curves(runs, "t").axes
    assert [text.get_text() for text in ax.texts] == ["training, with Gluon", "training, from scratch"]


def test_title_of_training_curves_says_whose_value_it_has_where_implementations_differ():
    runs = {impl: run(test_acc=[0.1, end], impl=impl) for impl, end in (("scratch", 0.7), ("gluon", 0.72))}
    assert plot.training_curves(runs, "t: {test_acc:.0%}").get_label() == "t: 70%, from scratch"
    assert plot.training_curves(runs, "t: {test_acc:.0f}").get_label() == "t: 1"
    assert plot.training_curves({"gluon": runs["gluon"]}, "t: {test_acc:.0%}").get_label() == "t: 72%"


def test_training_curves_have_room_for_long_names():
    widths = [
        plot.training_curves({f"scratch {name}": run(train_loss=[1, 0.5])}, "t").get_figwidth()
        for name in ("two", "ten letters", 40 * "x")
    ]
    assert widths[0] < widths[1] < widths[2] < 8


def test_training_curves_mark_published_values_at_the_last_epoch():
    figure = plot.training_curves(BOTH, "t", published={"scratch": {"train_acc": [0.83, 0.84], "l2": [1]}})
    marks = [line.get_xydata()[0].tolist() for line in figure.axes[1].get_lines() if line.get_marker() == "x"]
    assert marks == [[2, 0.83], [2, 0.84]]
    assert figure.legends[0].get_texts()[-1].get_text() == "published"
    assert not plot.training_curves(BOTH, "t", published={"scratch": {"l2": [1]}}).legends


@settings(max_examples=50)
@given(st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=8))
def test_labels_name_every_line_and_never_overlap(ends):
    figure = plot.lines({str(i): ([0, 1], [0.0, end]) for i, end in enumerate(ends)}, "x", "y", "t")
    (ax,) = figure.axes
    heights = sorted(text.xyann[1] for text in ax.texts)
    # equal lines have one label
    names = [name for text in ax.texts for name in text.get_text().split(", ")]
    assert sorted(names) == [str(i) for i in range(len(ends))]
    assert all(b - a >= label_gap(ax) * 0.999 for a, b in zip(heights, heights[1:]))


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.08))
def test_spread_moves_heights_as_little_as_needed(wanted, gap):
    heights = spread(sorted(wanted), gap)
    assert all(b - a >= gap * 0.999 for a, b in zip(heights, heights[1:]))
    assert all(-1e-9 <= height <= 1 + 1e-9 for height in heights)
    apart = all(b - a >= gap for a, b in zip(sorted(wanted), sorted(wanted)[1:]))
    if apart:
        assert heights == pytest.approx(sorted(wanted), abs=1e-9)


def test_lines_that_coincide_have_one_label():
    x = [1, 2, 3]
    curves = {"a": (x, [0, 1, 2]), "b": (x, [0, 1.001, 2]), "c": (x, [0, 0, 2]), "d": (x[1:], [1, 2])}
    (ax,) = plot.lines(curves, "x", "y", "t").axes
    assert sorted(text.get_text() for text in ax.texts) == ["a, b", "c", "d"]
    named = plot.lines({"a, b": curves["a"], "c": curves["b"]}, "x", "y", "t").axes[0].texts
    assert [text.get_text() for text in named] == ["a, b; c"]


def test_lines_differ_in_dashes_or_marks_in_prints_in_grey():
    figure = plot.lines({str(i): ([0, 1], [0, i]) for i in range(8)}, "x", "y", "t")
    lines = figure.axes[0].get_lines()
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 8


def test_points_of_a_line_have_its_colour():
    figure = plot.lines({"a": ([1, 2], [1, 2])}, "x", "y", "t", points={"a": ([1, 1], [0, 2])})
    line, points = figure.axes[0].get_lines()
    assert points.get_color() == line.get_color()
    assert points.get_linestyle() == "None"
    assert points.get_xydata().tolist() == [[1, 0], [1, 2]]


def test_dots_of_a_row_do_not_hide_each_other():
    values = [0.5] * 4 + [0.501, 0.7]
    figure = plot.intervals({"a": (values, None), "b": ([0.1, 0.9], None)}, "accuracy", "t")
    dots = figure.axes[0].get_lines()[0].get_xydata()
    row = dots[:6]
    assert row[:, 0].tolist() == values
    assert len({tuple(dot) for dot in row}) == 6
    assert np.diff(np.sort(row[:5, 1])).min() > 0.1
    assert np.abs(row[:, 1]).max() < 0.4
    assert row[5, 1] == 0
    assert dots[6:, 1].tolist() == [1, 1]


def test_rows_are_higher_where_many_dots_are_above_each_other():
    heights = [
        plot.intervals({"a": (count * [0.5], None), "b": ([0.1], None)}, "loss", "t").get_figheight()
        for count in (1, 3, 6, 50, 100)
    ]
    assert heights[0] == heights[1] < heights[2] < heights[3] == heights[4]


def test_intervals_draw_what_the_title_is_about_with_marks_of_its_own():
    rows = {"line": ([0.3, 0.25], None), "net": ([0.1, 0.28], None)}
    figure = plot.intervals(rows, "loss", "t", base="line", accent=("below 0.2", lambda value: value < 0.2))
    dots = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert dots["below 0.2"].get_xydata().tolist() == [[0.1, 1]]
    assert dots["each seed"].get_xydata().tolist() == [[0.3, 0], [0.25, 0], [0.28, 1]]
    assert dots["below 0.2"].get_marker() != dots["each seed"].get_marker()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["each seed", "below 0.2", "mean"]


@pytest.mark.parametrize("backward", [True, False])
def test_labels_lead_to_the_end_of_their_line(backward):
    curves = {"a": ((1, 2, 3), (1e-9, 1e-4, 0.5)), "b": ((1, 2), (1e-8, 1.0))}
    (ax,) = plot.lines(curves, "x", "y", "t", logy=True, backward=backward).axes
    assert ax.xaxis.get_inverted() == backward
    assert {text.get_text(): text.xy for text in ax.texts} == {
        name: (x[0], y[0]) if backward else (x[-1], y[-1]) for name, (x, y) in curves.items()
    }


def test_lines_are_equally_wide_however_many_coincide():
    figure = plot.lines(dict.fromkeys("abcdefghi", ((1, 2), (1, 2))), "x", "y", "t")
    assert {line.get_linewidth() for line in figure.axes[0].get_lines()} == {plot.STYLE["lines.linewidth"]}


@pytest.mark.parametrize("count", [2, 9])
def test_comparison_draws_equal_widths_and_marks_published_values(count):
    runs = {f"run {i}": run(train_loss=[1, 0.7, 0.5], test_acc=[0.1, 0.1, i / 10]) for i in range(count)}
    figure = plot.comparison(runs, "t", ("train_loss", "test_acc"), published={"run 1": {"test_acc": [0.87]}})
    ax = figure.axes[1]
    (mark,) = (line for line in ax.get_lines() if line.get_marker() == "x")
    value, place = (0, 1) if count > FEW else (1, 0)
    assert mark.get_xydata()[0][value] == 0.87
    if count > FEW:
        assert figure.axes[0].get_yticklabels()[int(mark.get_ydata()[0])].get_text() == "run 1"
    else:
        widths = {line.get_linewidth() for line in ax.get_lines()}
        assert widths == {plot.STYLE["lines.linewidth"]}
        assert mark.get_xydata()[0][place] == 3


def test_comparison_of_many_ranks_losses_from_the_smallest_and_those_that_diverged_last():
    runs = {str(i): run(test_loss=[1, end]) for i, end in enumerate((0.5, 0.3, math.nan, 0.4))}
    runs["gone"] = RunResult("scratch", "gone", 0)
    figure = plot.comparison(runs, "t", ("test_loss",))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["1", "3", "0", "2", "gone: diverged at once"]
    assert plot.render(figure, "svg")


def test_comparison_of_many_breaks_long_names_above_their_panels():
    name = "an article's parameter dropout, bytes"
    names = [name, *"abcd"]
    figure = plot.comparison(
        {n: run(test_acc=[0.1, 0.1, 0.1, 0.2 + 0.01 * len(n)]) for n in names}, "t", ["test_acc"]
    )
    plot.render(figure, "png")
    (title,) = (ax.title for ax in figure.axes if ax.get_title().startswith("an"))
    assert title.get_text().replace("\n", " ") == name
    share = figure.dpi / plot.STYLE["savefig.dpi"]  # the text was measured as rendered
    assert share * title.get_window_extent().width < title.axes.get_window_extent().width


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(5, 4, 5), (13, 4, 5), (4, 3, 4), (7, 3, 4), (3, 4, 3)]
)
def test_columns_leave_few_places_empty(count, most, expected):
    assert best_columns(count, most) == expected


@given(st.integers(1, 60), st.integers(2, 6))
def test_no_panel_stands_alone_in_the_last_row_where_few_columns_more_or_less_avoid_it(count, most):
    columns = best_columns(count, most)
    assert abs(columns - min(count, most)) <= 1
    assert -count % columns <= -count % min(count, most)


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_comparison_of_many_has_panels_of_curves_where_there_are_curves(epochs):
    runs = {str(i): run(test_acc=[i / 10] * epochs) for i in range(6)}
    figure = plot.comparison(runs, "t", ("train_acc", "test_acc")[1:])
    assert len(figure.axes) == (7 if epochs > 3 else 1)
    assert plot.render(figure, "svg")


@pytest.mark.parametrize("draw", [plot.training_curves, plot.comparison, plot.fold_curves])
def test_lines_of_few_points_have_marks(draw):
    def first_marks(epochs):
        ran = run(train_loss=[0.5] * epochs, train_acc=[0.5] * epochs, test_acc=[0.5] * epochs)
        folds = {"1": run(train_log_rmse=[0.5] * epochs).history}
        figure = draw(folds if draw is plot.fold_curves else {"scratch": ran}, "t")
        return {line.get_marker() for ax in figure.axes for line in ax.get_lines()}

    assert first_marks(1) == first_marks(3) == {"o"}
    assert first_marks(4) == {"None"}


def test_decision_regions_differ_in_prints_in_grey_and_have_a_border():
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    sets = {"test": (points, np.array([0, 1]))}
    (ax,) = plot.decision_regions({"net": lambda X: X[:, 0]}, sets, "t").axes
    light, dark = (np.dot((0.3, 0.59, 0.11), to_rgb(color)) for color in REGIONS)
    assert light - dark > 0.2
    shades = [color for part in ax.collections for color in map(tuple, part.get_facecolor())]
    assert {to_rgb(color) for color in REGIONS} <= {color[:3] for color in shades}
    (border,) = (part for part in ax.collections if len(part.get_edgecolor()) and part.get_linewidth()[0])
    assert np.mean(to_rgb(border.get_edgecolor()[0])) < 0.3


def test_border_of_decision_regions_is_where_the_score_is_0():
    points = np.array([[-1.0, 0.0], [1.0, 2.0]])
    nets = {"line": lambda X: X[:, 0] - 0.3 * X[:, 1], "classes": lambda X: 1 * (X[:, 0] > 0.3 * X[:, 1])}
    figure = plot.decision_regions(nets, {"test": (points, np.array([0, 1]))}, "t")
    for ax, off in zip(figure.axes, (1e-6, 0.03)):  # a border between classes has steps
        (border,) = (part for part in ax.collections if len(part.get_edgecolor()) and part.get_linewidth()[0])
        x1, x2 = border.get_paths()[0].vertices.T
        assert len(x1) > 10
        assert x1 == pytest.approx(0.3 * x2, abs=off)


def test_panels_of_decision_regions_are_as_high_as_the_plane_is():
    flat = {"test": (np.array([[-4.0, -0.5], [4.0, 0.5]]), np.array([0, 1]))}
    square = {"test": (np.array([[-4.0, -4.0], [4.0, 4.0]]), np.array([0, 1]))}
    low, high = (
        plot.decision_regions({"net": lambda X: X[:, 0]}, sets, "t").get_figheight()
        for sets in (flat, square)
    )
    assert low < high - 1


def test_comparison_of_many_shows_every_seed_and_ranks_by_the_mean():
    seeds = {
        str(i): [run(test_acc=[end + d]) for d in (0, 0.02)]
        for i, end in enumerate((0.1, 0.3, 0.2, 0.5, 0.4))
    }
    figure = plot.comparison({name: runs[0] for name, runs in seeds.items()}, "t", ("test_acc",), seeds=seeds)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["3", "4", "1", "2", "0"]
    dots, means = ax.get_lines()
    assert len(dots.get_xdata()) == 10
    assert means.get_xdata() == pytest.approx([0.51, 0.41, 0.31, 0.21, 0.11])
    assert figure.get_label().endswith("3” ends with the highest test accuracy, 0.51")


def test_comparison_says_in_its_title_which_run_ends_best():
    runs = {"a": run(test_acc=[0.1, 0.7]), "b": run(test_acc=[0.2, 0.75])}
    assert plot.comparison(runs, "t", ("test_acc",)).get_label() == (
        "t: “b” ends with the highest test accuracy, 0.75"
    )
    runs = {"a": run(test_loss=[0.1, 0.0]), "b": run(test_loss=[0.2, 0.75])}
    assert (
        plot.comparison(runs, "t", ("test_loss",)).get_label() == "t: “a” ends with the lowest test loss, 0"
    )
    assert plot.comparison({"a": runs["a"], "b": runs["a"]}, "t", ("test_loss",)).get_label() == "t"


@pytest.mark.parametrize(
    ("column", "ends", "named"),
    [
        ("test_acc", (0.784, 0.789), False),
        ("test_acc", (0.1, 0.7, 0.72), True),
        ("test_loss", (0.501, 0.5), False),
        ("test_loss", (0.5, 0.51, 0.9), False),
        ("test_loss", (0.5, 0.7, 0.9), True),
        ("test_loss", (0.5, math.inf), True),
    ],
)
def test_comparison_names_no_winner_of_a_narrow_race(column, ends, named):
    runs = {f"run {i}": run(**{column: [1, end]}) for i, end in enumerate(ends)}
    assert ("ends with" in plot.comparison(runs, "t", (column,)).get_label()) == named


def test_comparison_names_no_winner_that_may_soon_be_another():
    steady, restless = [0.5] * 18 + [0.5, 0.5], [0.5] * 17 + [0.45, 0.6, 0.55]
    runs = {"a": run(test_acc=steady), "b": run(test_acc=restless)}
    assert plot.comparison(runs, "t", ("test_acc",)).get_label() == "t"
    seeds = {name: [each] * 16 for name, each in runs.items()}  # whose mean moves a quarter as far
    assert "“b” ends with" in plot.comparison(runs, "t", ("test_acc",), seeds=seeds).get_label()


def test_histogram_writes_the_mean_above_the_bars():
    figure = plot.histogram({"a": np.linspace(-1, 1, 500), "b": np.linspace(100, 300, 501)}, "t", "n", 10)
    plot.render(figure, "svg")
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["mean 0.000", "mean 200"]
    for ax in figure.axes:
        assert ax.texts[0].get_window_extent().y0 > max(bar.get_window_extent().y1 for bar in ax.patches)


def test_rows_of_images_without_titles_leave_no_room_for_them():
    images = [np.eye(4)] * 20
    with_titles, without = (plot.image_row(images, [title] * 20, "t") for title in ("cat", ""))
    assert without.get_figheight() < with_titles.get_figheight() - 0.5


def test_fold_curves_draw_each_fold_thin_and_name_their_mean():
    folds = {
        f"fold {i}": History.from_columns(
            {"epoch": [1, 2], "train_log_rmse": [1.0, 0.1 * i], "valid_log_rmse": [1.0, 0.2 * i]}
        )
        for i in (1, 2, 3)
    }
    (ax,) = plot.fold_curves(folds, "t").axes
    thin = [line for line in ax.get_lines() if line.get_linewidth() < 1]
    means = [line for line in ax.get_lines() if line not in thin]
    assert len(thin) == 6
    assert [line.get_ydata()[-1] for line in means] == pytest.approx([0.2, 0.4])
    assert {text.get_text(): text.xy[1] for text in ax.texts} == {
        "training: 0.2000": pytest.approx(0.2),
        "validation: 0.4000": pytest.approx(0.4),
    }


def test_predicted_against_true_names_the_farthest_predictions_and_counts_in_thousands():
    true = np.array([50e3, 100e3, 200e3, 400e3])
    figure = plot.predicted_against_true(true, true * [1, 0.4, 1.1, 1], "t", "price", [11, 12, 13, 14], 2)
    (ax,) = figure.axes
    plot.render(figure, "svg")
    assert {text.get_text() for text in ax.texts} == {"equal", "Id 12", "Id 13"}
    named = {text.get_text(): text.xy for text in ax.texts}
    assert named["Id 12"] == (100e3, 40e3)
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks[:4] == ["$50k", "$100k", "$200k", "$500k"]


def test_residuals_say_which_share_lies_within_ten_and_twenty_percent():
    figure = plot.residuals(np.log([1.05, 0.95, 0.85, 3.0]), "t", "houses")
    (ax,) = figure.axes
    assert ax.get_legend() is None  # it would lie on the lines
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "50% of the houses within ±10%",
        "75% of the houses within ±20%",
        "1 farther off, in the outermost bars",
    ]
    ends = sorted(math.exp(line.get_xdata()[0]) - 1 for line in ax.get_lines() if len(line.get_xdata()))
    assert ends == pytest.approx([-0.2, -0.1, 0.1, 0.2])


def test_decision_regions_say_which_share_of_the_test_points_is_right_and_draw_no_others():
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    sets = {"train": (points * 2, np.zeros(4)), "test": (points, np.array([0, 1, 1, 0]))}
    figure = plot.decision_regions({"net": lambda X: X[:, 0]}, sets, "t")
    (ax,) = figure.axes
    assert ax.get_title() == "net\n75.0% correct"
    assert figure.get_label() == "t"
    assert sum(len(line.get_xydata()) for line in ax.get_lines()) == len(points)


def test_decision_regions_name_the_best_model_unless_several_share_the_place():
    sets = {"test": (np.array([[-1.0, 0.0], [1.0, 0.0]] * 3), np.array([0, 1] * 3))}
    nets = {"right": lambda X: X[:, 0], "wrong": lambda X: -X[:, 0]}
    figure = plot.decision_regions(nets, sets, "t")
    assert figure.get_label() == "t: right is right most often"
    assert plot.decision_regions({**nets, "too": nets["right"]}, sets, "t").get_label() == "t"
    many = {"test": (np.linspace(-1, 1, 400).reshape(-1, 2), np.arange(200) >= 100)}
    close = {"right": lambda X: X[:, 0], "nearly": lambda X: X[:, 0] - 0.01}
    assert plot.decision_regions(close, many, "t").get_label() == "t"
    ahead_by_chance = {"right": lambda X: X[:, 0], "nearly": lambda X: X[:, 0] - 0.03}  # 3 points of 200
    assert plot.decision_regions(ahead_by_chance, many, "t").get_label() == "t"


def test_draw_fit_shows_examples_truth_and_what_was_learned():
    def beside(ax):
        x = np.linspace(0, 1, 30)
        plot.draw_fit(ax, {"training": ([0, 1], [0, 2])}, x, 2 * x, {"scratch": x, "gluon": x})

    figure = plot.training_curves(BOTH, "t", beside=beside)
    assert [ax.get_ylabel() for ax in figure.axes] == ["y", "loss", "accuracy"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "training",
        "true function",
        "learned",
    ]


def test_titles_that_are_too_long_for_their_figure_take_two_lines():
    title = "What is seen, at such length that one line has no room for it, however small the letters"
    figure = plot.lines({"a": ([1, 2], [1, 2])}, "x", "y", title)
    plot.render(figure, "png")
    assert figure.get_figheight() > plot.lines({"a": ([1, 2], [1, 2])}, "x", "y", "short").get_figheight()
    first, second = figure._suptitle.get_text().split("\n")
    assert abs(len(first) - len(second)) < 10
    width = figure._suptitle.get_window_extent().width  # as rendered
    assert 0.4 < width / (figure.get_figwidth() * plot.STYLE["savefig.dpi"]) < 1


def shown(labels, low, high):
    """Return the texts of those labels that lie within the axis."""
    return [label.get_text() for label in labels if low <= label.get_position()[1] <= high]


@pytest.mark.parametrize("end", [0.7, 0.83, 1.0, 3.3, 17, 1234])
def test_ticks_are_round(end):
    figure = plot.lines({"a": ([1, 2], [0.0, end])}, "x", "y", "t")
    (ax,) = figure.axes
    step = np.diff(ax.get_yticks())[0]
    assert round(step / 10 ** math.floor(math.log10(step * 1.0001)), 6) in (1, 2, 5)


@pytest.mark.parametrize(("low", "high"), [(0.11, 1.21), (0.938, 0.976), (0.86, 0.98), (0.0, 130)])
def test_axes_have_more_than_two_ticks(low, high):
    (ax,) = plot.lines({"a": ([1, 2], [low, high])}, "x", "y", "t").axes
    assert sum(low <= tick <= high for tick in ax.get_yticks()) >= 3


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1.1, 1e3))
def test_logarithmic_axes_have_more_than_one_tick(low, times):
    (ax,) = plot.lines({"a": ([1, 2], [low, low * times])}, "x", "y", "t", logy=True).axes
    bottom, top = ax.get_ylim()
    assert sum(bottom <= tick <= top for tick in ax.get_yticks()) >= 2


@pytest.mark.parametrize("ends", [(0.9712, 0.9757), (0.8394, 0.8562), (100.0, 900.0), (0.0, 1.0)])
def test_numbers_below_the_panels_of_many_runs_stand_apart(ends):
    columns = ("train_loss", "batch_loss", "train_acc", "test_acc")
    runs = {
        f"run {i}": run(**{name: [end] for name in columns}) for i, end in enumerate((*ends, *ends, ends[0]))
    }
    figure = plot.comparison(runs, "t", columns)
    plot.render(figure, "svg")
    boxes = [
        sorted((label.get_window_extent() for label in ax.get_xticklabels()), key=lambda box: box.x0)
        for ax in figure.axes[: len(columns)]
    ]
    assert min(map(len, boxes)) >= 2
    assert [(a.x1, b.x0) for each in boxes for a, b in zip(each, each[1:]) if a.x1 + 3 > b.x0] == []


def test_ticks_of_epochs_are_whole_even_if_there_is_one_epoch():
    figure = plot.training_curves({"scratch": run(train_loss=[1.0])}, "t")
    low, high = figure.axes[0].get_xlim()
    assert [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high] == [1]


def test_logarithmic_axes_have_powers_of_ten_where_numbers_are_far_from_1():
    figure = plot.lines({"a": ([1, 2], [1e-9, 0.1])}, "x", "y", "t", logy=True)
    plot.render(figure, "svg")
    ticks = shown(figure.axes[0].get_yticklabels(), *figure.axes[0].get_ylim())
    assert ticks
    assert all(re.fullmatch(r"\$\\mathdefault\{10\^\{-?\d+\}\}\$", tick) for tick in ticks), ticks


def texts_of(figure):
    """Return every text that a figure shows."""
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def test_no_text_is_smaller_than_eleven_pixels():
    runs = {str(i): run(train_loss=[1, 0.5], test_acc=[0.1, 0.2]) for i in range(7)}
    rows = [{"chapter": "mlp", "run": "gluon", "metric": "test_acc", "z": 1, "z_ours": 0}]
    points = np.zeros((2, 2))
    figures = [
        plot.training_curves(BOTH, "t", published={"scratch": {"train_acc": [0.8]}}),
        plot.comparison(runs, "t", ("train_loss", "test_acc")),
        plot.comparison(dict(list(runs.items())[:2]), "t", ("train_loss", "test_acc")),
        plot.lines({"a": ([1, 10], [1, 1000])}, "x", "y", "t", logx=True, logy=True),
        plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "t"),
        plot.intervals({"a": ([0.1, 0.2], 0.3)}, "accuracy", "t"),
        plot.bands(rows, "t"),
        plot.image_row([points], ["a\nb"], "t"),
        plot.heat_maps([("x", points, ["a", "b"], ["c", "d"])], "t", "weight"),
        plot.histogram({"N(0, 1)": np.arange(3.0)}, "t", "density"),
        plot.network([("pixels", 2), ("class", 1)], "t"),
        plot.decision_regions({"net": lambda X: X[:, 0]}, {"test": (points, np.array([0, 1]))}, "t"),
    ]
    for figure in figures:
        plot.render(figure, "png")
        for text in texts_of(figure):
            assert text.get_fontsize() * 96 / 72 >= 11, text


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


def test_overview_names_what_it_counts_and_marks_what_differs_with_gluon_alone():
    def row(impl, step, verdict):
        names = {"run": f"{impl} one-sided ReLU", "metric": f"step_{step}_loss", "stream": ""}
        value = {400: 0.0037713188, 450: 0.0033036477}[step]  # as in published.csv
        return {**names, "value": value, "verdict": verdict, "z": 3.0, "z_ours": 0.0}

    rows = [
        row("scratch", 400, "differs, unexplained"),
        row("gluon", 400, "differs, unexplained"),
        row("scratch", 450, "agrees"),
        row("gluon", 450, "differs, unexplained"),
    ]
    figure = plot.overview({"xor": {"published": rows, "parity": 0.0}}, rows[::2])
    assert figure.axes[0].get_title() == "1 of 2 published numbers agree"
    named = " ".join(" ".join(text.get_text().split()) for text in figure.axes[0].texts)
    assert "differ: one-sided ReLU: step 400 loss; one-sided ReLU (Gluon): step 450 loss" in named


def test_overview_shows_paths_that_part_without_end_as_an_arrow():
    figure = plot.overview({"mlp": {"published": [], "parity": 1e251}}, [])
    (marker,) = (line for line in figure.axes[1].lines if line.get_marker() == ">")
    assert marker.get_xdata() == figure.axes[1].get_xlim()[1]


def test_render_keeps_the_title_in_the_file():
    figure = plot.functions({"f": ([0, 1], {"f": [0, 1]})}, "x", "One & two")
    assert b"<dc:title>One &amp; two</dc:title>" in plot.render(figure, "svg")


def test_render_gives_the_same_file_for_the_same_figure():
    assert len({plot.render(plot.training_curves(BOTH, "t"), "svg") for _ in range(2)}) == 1


def test_render_lays_a_figure_out_once_so_that_nothing_overlaps():
    figure = plot.training_curves(BOTH, "t")
    engine = figure.get_layout_engine()
    calls = []
    execute = engine.execute
    engine.execute = lambda fig: (calls.append(fig), execute(fig))
    before = [ax.get_position().bounds for ax in figure.axes]
    plot.render(figure, "svg")
    laid_out = [ax.get_position().bounds for ax in figure.axes]
    assert laid_out != before
    plot.render(figure, "png")
    assert [ax.get_position().bounds for ax in figure.axes] == laid_out
    assert calls == [figure]
    left, right = (ax.get_tightbbox() for ax in figure.axes)
    assert left.x1 < right.x0  # labels included


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


@pytest.mark.parametrize(
    ("rows", "legend"),
    [
        ({"a": ([0.1, 0.2], None)}, ["each draw", "mean"]),
        ({"a": ([0.1, 0.2], 0.3)}, ["ours, each draw", "ours, mean", "published"]),
        ({"a": ([0.1], 0.3)}, ["ours", "published"]),
        ({"a": ([0.1], None), "b": ([0.2], None)}, []),
    ],
)
def test_legend_of_intervals_has_what_there_is(rows, legend):
    figure = plot.intervals(rows, "accuracy", "t", each="draw")
    assert [text.get_text() for legend in figure.legends for text in legend.get_texts()] == legend


@pytest.mark.parametrize(("end", "marked"), [(0.55, True), (0.8, False)])
@pytest.mark.parametrize("count", [2, 6])
def test_chance_is_marked_beside_accuracies_near_it(count, end, marked):
    runs = {str(i): run(train_loss=[0.5, 0.1], test_acc=[0.7, end + 0.02 * i]) for i in range(count)}
    chances = [
        [text.get_text() for text in ax.texts].count("chance")
        for figure in (
            plot.comparison(runs, "t", ("train_loss", "test_acc"), chance=0.5),
            plot.intervals({"a": ([0.9, end], None)}, "accuracy", "t", chance=0.5),
            plot.lines({"a": ([1, 2], [0.9, end])}, "x", "y", "t", chance=0.5),
        )
        for ax in figure.axes[:2]
    ]
    assert chances == ([0, 1, 1, 1] if marked else [0, 0, 0, 0])


def test_fold_curves_of_a_single_fold_name_no_mean():
    history = History.from_columns({"epoch": [1, 2], "train_log_rmse": [1.0, 0.5]})
    assert plot.fold_curves({"fold 1": history}, "t").axes[0].get_ylabel() == "log rmse"


def test_comparison_has_two_panels_side_by_side_and_names_lines_at_the_end_of_each_row():
    runs = {
        name: run(train_loss=[3, 2, end], train_acc=[0, 0.5, end], test_acc=[0, 0, end])
        for name, end in (("a", 1), ("b", 0.5))
    }
    figure = plot.comparison(runs, "t", xlabel="step", every=50)
    plot.render(figure, "svg")
    left, right, below = figure.axes
    assert left.get_position().y0 == right.get_position().y0 > below.get_position().y1
    assert left.get_position().x0 == below.get_position().x0 < right.get_position().x0
    assert [{text.get_text() for text in ax.texts} for ax in figure.axes] == [set(), {"a", "b"}, {"a", "b"}]
    assert list(left.get_lines()[0].get_xdata()) == [50, 100, 150]


def test_panels_of_a_comparison_above_each_other_name_their_own_lines():
    runs = {
        name: run(train_loss=[0.7, 0.7, 0.7], valid_acc=[0.5, 0.5, end])
        for name, end in (("a", 1), ("b", 0.5))
    }
    figure = plot.comparison(runs, "t", ("train_loss", "valid_acc"), winner=False, side_by_side=1)
    plot.render(figure, "svg")
    above, below = figure.axes
    assert above.get_position().y0 > below.get_position().y1
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes] == [["a, b"], ["b", "a"]]


def test_small_differences_of_ranked_accuracies_look_small():
    runs = {str(i): run(test_acc=[0.97 + i / 1000]) for i in range(6)}
    low, high = plot.comparison(runs, "t", ("test_acc",)).axes[0].get_xlim()
    assert high - low == pytest.approx(LEAST_SPAN)
    assert low < 0.97 < 0.975 < high
    runs["low"] = run(test_acc=[0.5])
    low, high = plot.comparison(runs, "t", ("test_acc",)).axes[0].get_xlim()
    assert low < 0.5 < 0.975 < high


def test_comparison_draws_what_its_title_is_about_in_another_colour():
    runs = {str(i): run(test_acc=[i / 10]) for i in range(6)}
    ax = plot.comparison(runs, "t", ("test_acc",), winner=False, accent=("2", "5")).axes[0]
    (marks,) = (line for line in ax.get_lines() if line.get_marker() == "D")
    assert sorted(marks.get_xdata()) == [0.2, 0.5]


def test_lines_mark_where_runs_diverged_instead_of_a_value():
    curves = {"a": ([0.1, 1.0], [0.5, 1.0]), "b": ([0.1, 1.0], [0.5, math.nan])}
    ax = plot.lines(curves, "x", "y", "t", logx=True, failed={"b": [1.0]}).axes[0]
    (cross,) = (line for line in ax.get_lines() if line.get_marker() == "x")
    assert list(cross.get_xdata()) == [1.0]
    assert [text.get_text() for text in ax.texts if text.get_text() == "diverged"] == ["diverged"]


@pytest.mark.parametrize(("logx", "spread"), [(False, True), (True, False)])
def test_histograms_of_one_kind_of_values_share_their_axes(logx, spread):
    panels = {"narrow": np.linspace(10, 11, 500), "wide": np.linspace(1, 100, 500)}
    figure = plot.histogram(panels, "t", "n", 20, xlabel="words", logx=logx, spread=spread)
    plot.render(figure, "svg")
    narrow, wide = figure.axes
    assert narrow.get_xlim() == wide.get_xlim()
    assert narrow.get_ylim() == wide.get_ylim()
    few, many = (sum(bar.get_height() > 0 for bar in ax.patches) for ax in (narrow, wide))
    assert few < many
    word = "standard deviation" if spread else "mean"
    assert [text.get_text() for text in wide.texts] == [
        f"{word} {(panels['wide'].std() if spread else panels['wide'].mean()):.4g}"
    ]


def test_weights_as_images_have_one_scale_with_0_in_the_middle_and_darker_the_larger():
    small, large = np.linspace(-0.1, 0.1, 25).reshape(5, 5), np.linspace(-0.5, 1, 25).reshape(5, 5)
    figure = plot.weight_images([small, large], ["a", "b"], "t", "weight")
    drawn = [image for ax in figure.axes for image in ax.images]
    (ends,) = {image.get_clim() for image in drawn}
    assert ends[0] == -ends[1]
    shades = [np.dot((0.3, 0.59, 0.11), drawn[0].to_rgba(value)[:3]) for value in np.linspace(*ends, 9)]
    assert (np.diff(shades) < -0.03).all()
