"""Numbers -> matplotlib figures. No pyplot: a function returns a Figure, and whoever called shows or saves
it."""

import functools
import io
import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from ..files import write_atomically

# Okabe and Ito's palette, told apart by colour-blind readers; its order alternates dark and light for print
# in grey.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.size": 10,
    "grid.color": "#dddddd",
    "savefig.dpi": 160,
    "svg.hashsalt": "d2l_repro",  # the same figure gives the same file
}
LABEL_GAP = 0.055  # least distance of two direct labels, as a share of the height of the axes


def styled(function):
    """Draw in our style, and leave matplotlib's settings as they were."""

    @functools.wraps(function)
    def drawn(*args, **kwargs):
        with mpl.rc_context(STYLE):
            return function(*args, **kwargs)

    return drawn


def _titled(title, width, height):
    figure = Figure(figsize=(width, height), label=title)
    figure.suptitle(title)
    return figure


@styled
def rendered(figure, kind):
    """The figure as the bytes of an "svg" or "png" file."""
    file = io.BytesIO()
    # The title is what stands for the figure where it cannot be seen; without a date equal figures are equal
    # files.
    metadata = {"Title": figure.get_label(), **({"Date": None} if kind == "svg" else {})}
    figure.savefig(file, format=kind, metadata=metadata)
    return file.getvalue()


def save(figures, folder):
    """Write every figure of `figures`, name -> Figure, as NAME.svg and NAME.png."""
    for name, figure in figures.items():
        for kind in ("svg", "png"):
            write_atomically(Path(folder) / f"{name}.{kind}", rendered(figure, kind))


@styled
def training_curves(runs, title, log=False):
    """Loss, accuracy and log rmse by epoch, one panel for each that the runs have.

    Args:
        runs: label -> `RunResult`. Runs are told apart by colour and width, so that of two or
            three that coincide all are seen; training is drawn solid, anything else dashed.
        title: of the figure.
        log: whether losses have a logarithmic axis.
    """
    runs = {label: run.history for label, run in runs.items() if run.history}
    names = dict.fromkeys(name for history in runs.values() for name in history[0])
    panels = {
        ylabel: [name for name in names if name.endswith(suffix)]
        for ylabel, suffix in (("loss", "_loss"), ("accuracy", "_acc"), ("log rmse", "_log_rmse"))
    }
    panels = {ylabel: columns for ylabel, columns in panels.items() if columns} or {
        "no epoch was finished": []
    }
    figure = _titled(title, 4.6 * len(panels), 3.4)
    widths = {0: (), 1: (), 3: (6.5, 3.6)}.get(len(runs), (4.5,))  # of what lies beneath others
    for ax, (ylabel, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        ends = {}
        for i, (label, history) in enumerate(runs.items()):
            width = widths[i] if i < len(widths) else 1.6
            for name in columns:
                part = name.partition("_")[0]
                ax.plot(
                    history["epoch"],
                    history[name],
                    color=COLORS[i % len(COLORS)],
                    lw=width,
                    alpha=0.5 if i == 0 and widths else 1,
                    ls="-" if part == "train" else "--",
                    marker="o" if len(history) == 1 else None,
                    label=f"{label} {part}",
                )
                ends[f"{label} {part}"] = (history[name][-1], COLORS[i % len(COLORS)])
        ax.set(xlabel="epoch", ylabel=ylabel)
        if log and ylabel != "accuracy":
            _logarithmic(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        _label_ends(ax, ends)
    return figure


@styled
def comparison(runs, title, columns=("train_loss", "train_acc", "test_acc"), xlabel="epoch"):
    """Runs of one comparison, a panel for each column of their histories, a line a run.

    Args:
        runs: name -> `RunResult`.
        title: of the figure.
        columns: names as in the history.
        xlabel: what the loop counted.
    """
    figure = _titled(title, 2.2 + 3.1 * len(columns), max(3.6, 0.9 + 0.21 * len(runs)))
    axes = figure.subplots(1, len(columns), squeeze=False)[0]
    for ax, column in zip(axes, columns):
        for i, (name, run) in enumerate(runs.items()):
            history = run.history
            ax.plot(
                history["epoch"],
                history[column],
                **_line(i),
                lw=1.4,
                marker="o" if len(history) == 1 else None,
                label=name if history else f"{name} (diverged at once)",
            )
        ax.set(xlabel=xlabel, ylabel=_in_words(column))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        values = [row[column] for run in runs.values() for row in run.history]
        if column.endswith("loss") and values and 0 < 100 * min(values) < max(values):
            _logarithmic(ax)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside right center",
        frameon=False,
        fontsize="small",
        handlelength=3,
    )
    return figure


def _in_words(column):
    """`test_acc` as "test accuracy"."""
    words = {"train": "training", "valid": "validation", "acc": "accuracy"}
    return " ".join(words.get(word, word) for word in column.split("_"))


@styled
def lines(curves, xlabel, ylabel, title, logx=False, logy=False):
    """Lines in one pair of axes, with their points.

    Args:
        curves: name -> (x, y).
        xlabel, ylabel: what they are.
        title: of the figure.
        logx, logy: whether an axis is logarithmic.
    """
    figure = _titled(title, 7.0, max(3.6, 0.9 + 0.21 * len(curves)))
    ax = figure.subplots()
    for i, (name, (x, y)) in enumerate(curves.items()):
        # Of lines that coincide the lower ones are broader, so that all are seen.
        ax.plot(
            x,
            y,
            **_line(i),
            marker="o" if len(x) <= 20 else None,
            ms=3.5,
            lw=1.4 + 0.5 * max(0, len(curves) - 1 - i),
            label=name,
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if logx else "linear")
    if logy:
        _logarithmic(ax)
    if all(float(value).is_integer() for x, _ in curves.values() for value in x):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside right center",
        frameon=False,
        fontsize="small",
        handlelength=3,
    )
    return figure


@styled
def decision_regions(panels, sets, title, marks=None):
    """Which class a model gives to each point of the plane, a panel a model, with the examples on top.

    Args:
        panels: name -> function (points (n, 2)) -> scores (n,), above 0 for class 1; takes and gives NumPy
            arrays.
        sets: name -> (points (n, 2), classes (n,)), NumPy arrays; told apart by their marks.
        title: of the figure.
        marks: what they are -> {name of a panel: points (n, 2) that are to stand out in it}.
    """
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = _titled(title, 3.4 * columns + 1.2, 2.9 * rows + 0.4)
    marks = marks or {}
    points = np.concatenate(
        [
            *(points for points, _ in sets.values()),
            *(points for of_panels in marks.values() for points in of_panels.values()),
        ]
    )
    low, high = points.min(axis=0) - 0.3, points.max(axis=0) + 0.3
    x1, x2 = np.meshgrid(*(np.linspace(*ends, 150) for ends in zip(low, high)))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, (name, score) in zip(axes, panels.items()):
        scores = score(np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(x1.shape)
        ax.contourf(x1, x2, scores > 0, levels=[-0.5, 0.5, 1.5], colors=[COLORS[1], COLORS[5]], alpha=0.35)
        for marker, (label, (points, classes)) in zip("ox^", sets.items()):
            for k in (0, 1):
                ax.scatter(
                    *points[classes == k].T,
                    s=9,
                    marker=marker,
                    lw=0.7,
                    color=_readable(COLORS[(1, 0)[k]]),
                    label=f"{label}, class {k}",
                )
        ax.set(title=name)
        for marker, (label, of_panels) in zip("PX*", marks.items()):
            ax.plot(*of_panels[name].T, marker, ms=8, color="black", mec="white", label=label)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize="small"
    )
    return figure


def _line(i):
    """Colour and dashes of the i-th line: the palette repeats, the two together do not, so they can be told
    in grey."""
    return {"color": COLORS[i % len(COLORS)], "ls": ("-", "--", ":")[i // len(COLORS) % 3]}


@styled
def descents(panels, title):
    """Paths over surfaces of two variables, drawn over the surface's lines of equal height, one panel each.

    Args:
        panels: name -> (f, ((low, high) of x1, (low, high) of x2), {name: points (steps, 2)}); f takes
            arrays.
        title: of the figure.
    """
    figure = _titled(title, 5.6 * len(panels), 4.4)
    for ax, (name, (f, ranges, paths)) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        x1, x2 = np.meshgrid(*(np.linspace(low, high, 120) for low, high in ranges))
        ax.contour(x1, x2, f(x1, x2), levels=18, colors="#bbbbbb", linewidths=0.7)
        for i, (label, points) in enumerate(paths.items()):
            ax.plot(*points.T, **_line(i), marker="o", ms=2.5, lw=1.2, label=label)
        ax.set(title=name, xlabel="x1", ylabel="x2", xlim=ranges[0], ylim=ranges[1])
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(),
        loc="outside right center",
        frameon=False,
        fontsize="small",
    )
    return figure


def _logarithmic(ax):
    """A logarithmic y axis with numbers on it also where it spans less than two powers of ten."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,), numticks=9))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _readable(color):
    """The colour, darkened for letters: the palette's light ones are too faint on white for anything thin."""
    return tuple(0.68 * part for part in mpl.colors.to_rgb(color))


def _label_ends(ax, ends):
    """Write each line's name beside its right end, moved up or down as far as names would overlap."""
    lines = sorted((end for end in ends.items() if math.isfinite(end[1][0])), key=lambda end: end[1][0])
    ax.autoscale_view()
    to_axes = ax.transData + ax.transAxes.inverted()
    heights = [to_axes.transform((1, value))[1] for _, (value, _) in lines]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + LABEL_GAP)
    for i, room in enumerate(reversed(range(len(heights)))):
        heights[i] = min(heights[i], 1 - room * LABEL_GAP)
    for (name, (_, color)), height in zip(lines, heights):
        ax.annotate(
            name,
            (1, height),
            xycoords="axes fraction",
            xytext=(4, 0),
            textcoords="offset points",
            color=_readable(color),
            va="center",
            fontsize="small",
            annotation_clip=False,
        )


@styled
def functions(panels, xlabel, title, points=None, width=3.2):
    """Functions of one variable, one panel each.

    Args:
        panels: title -> (x, {name: values at x}).
        xlabel: what x is.
        title: of the figure.
        points: title of a panel -> {name: (x, y)}, drawn beside the lines, in the colour of the line of that
            name. The legend then stands beside the panels, also where this is an empty dict.
        width: of a panel, inches.
    """
    figure = _titled(title, width * len(panels) + (0 if points is None else 1.8), 3.0)
    for ax, (name, (x, lines)) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        colors = {}
        for style, (line, values) in zip(("-", "--", ":", "-."), lines.items()):
            colors[line] = ax.plot(x, values, style, label=line)[0].get_color()
        for marker, (label, place) in zip(".o^s", (points or {}).get(name, {}).items()):
            ax.plot(
                *place,
                marker,
                ms=4,
                color=colors.get(label, "#aaaaaa"),
                zorder=1,
                label=None if label in colors else label,
            )
        ax.set(title=name, xlabel=xlabel)
        if points is None:
            ax.legend(frameon=False, fontsize="small")
    if points is not None:  # which leave no room in the panels
        figure.legend(
            *ax.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize="small"
        )
    return figure


@styled
def scatter(panels, ylabel, title):
    """Points, one panel for each x against the same y.

    Args:
        panels: name of x -> (x, y).
        ylabel: what y is.
        title: of the figure.
    """
    figure = _titled(title, 3.8 * len(panels), 3.2)
    for ax, (xlabel, (x, y)) in zip(
        figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels.items()
    ):
        ax.scatter(x, y, s=4, alpha=0.6)
        ax.set_xlabel(xlabel)
    figure.axes[0].set_ylabel(ylabel)
    return figure


@styled
def predicted_against_true(true, predicted, title, unit):
    """Predictions over the true values, both on logarithmic axes; on the diagonal they are equal."""
    figure = _titled(title, 4.4, 4.0)
    ax = figure.subplots()
    ax.scatter(true, predicted, s=5, alpha=0.4)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    ax.plot(ends, ends, color="black", lw=1)
    ax.set(xscale="log", yscale="log", xlabel=f"true {unit}", ylabel=f"predicted {unit}")
    return figure


@styled
def histogram(panels, title, ylabel):
    """How often values occur, with their mean marked, one panel each.

    Args:
        panels: what the values are -> values.
        title: of the figure.
        ylabel: what is counted.
    """
    figure = _titled(title, 1.2 + 3.2 * len(panels), 3.2)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (xlabel, values) in zip(axes, panels.items()):
        ax.hist(values, bins=60)
        ax.axvline(values.mean(), color=COLORS[4], ls="--", label=f"mean {values.mean():+.3f}")
        ax.set_xlabel(xlabel)
        ax.legend(frameon=False, fontsize="small")
    axes[0].set_ylabel(ylabel)
    return figure


def as_images(weights, shape):
    """Return the weights of units as images.

    Args:
        weights: (units, inputs), NumPy array.
        shape: of an input, (channels, height, width).

    Returns:
        (units, height, width, channels), each image from 0, its smallest weight, to 1, its largest.
    """
    images = weights.reshape(-1, *shape).transpose(0, 2, 3, 1)
    low, high = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return (images - low) / (high - low)


@styled
def image_row(images, titles, title, wrong=(), columns=10):
    """Images side by side.

    Args:
        images: arrays (height, width), drawn dark on white, or (height, width, 3), colours from 0 to 1.
        titles: a text above each image.
        title: of the figure.
        wrong: numbers of the images whose text is to stand out.
        columns: after how many images a new row begins.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = _titled(title, 1.25 * columns, 0.5 + 1.5 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for i, (ax, image, text) in enumerate(zip(axes, images, titles)):
        ax.imshow(image, cmap="gray_r")
        ax.set_title(
            text,
            fontsize="small",
            color=COLORS[4] if i in wrong else "black",
            fontweight="bold" if i in wrong else "normal",
        )
    return figure


@styled
def intervals(rows, xlabel, title, base=None):
    """Values of several runs of one thing, a line each: every value a dot, and their mean, with what was
    published.

    Args:
        rows: name -> (values, published value or None).
        xlabel: what the values are.
        title: of the figure.
        base: name of the line whose smallest and largest value are drawn through all lines.
    """
    figure = _titled(title, 7.0, 1.2 + 0.21 * len(rows))
    ax = figure.subplots()
    values, _ = rows.get(base, ([], None))
    if values:
        ax.axvspan(min(values), max(values), color=COLORS[5], alpha=0.25, lw=0)
        ax.axvline(sum(values) / len(values), color=COLORS[5], lw=1)
    dots = [(value, i) for i, (values, _) in enumerate(rows.values()) for value in values]
    means = [(sum(values) / len(values), i) for i, (values, _) in enumerate(rows.values()) if values]
    published = [(value, i) for i, (_, value) in enumerate(rows.values()) if value is not None]
    for points, marker, color, size, label in (
        (dots, "o", COLORS[0], 3, "ours, each seed"),
        (means, "|", COLORS[0], 11, "ours, mean"),
        (published, "x", COLORS[4], 5, "published"),
    ):
        if points:
            ax.plot(
                *zip(*points), marker, color=color, ms=size, label=label, alpha=0.6 if marker == "o" else 1
            )
    ax.set_yticks(range(len(rows)), rows, fontsize="small")
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel=xlabel)
    ax.grid(axis="y", lw=0.4)
    figure.legend(
        *ax.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize="small"
    )
    return figure


@styled
def bands(rows, title):
    """Where ours and the published values lie in their bands, a line each, every band drawn from 0 to 1.

    Args:
        rows: as `published.compare` gives them, each with its "chapter" too; more than fifty take two
            columns.
        title: of the figure.
    """
    columns = 2 if len(rows) > 50 else 1
    height = -(-len(rows) // columns)
    figure = _titled(title, 7.4 * columns, 1.1 + 0.165 * height)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for ax, part in zip(axes, (rows[:height], rows[height:])):
        ax.axvspan(0, 1, color=COLORS[5], alpha=0.25, lw=0)
        for name, marker, color in (("value", "|", "black"), ("ours", "o", COLORS[0])):
            places = [(row[name] - row["low"]) / ((row["high"] - row["low"]) or 1) for row in part]
            ax.plot(
                places,
                range(len(part)),
                marker,
                color=color,
                ms=9 if marker == "|" else 4.5,
                label="published" if name == "value" else "ours",
            )
        ax.set_yticks(
            range(len(part)),
            [f"{row['chapter']}, {row['run']}, {row['metric'].replace('_', ' ')}" for row in part],
            fontsize="x-small",
        )
        ax.set(ylim=(height - 0.4, -0.6), xlabel="place in the band: 0 its lower end, 1 its upper end")
        ax.grid(axis="y", lw=0.4)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper right",
        ncols=2,
        frameon=False,
        fontsize="small",
    )
    return figure
