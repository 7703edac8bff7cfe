"""Draw curves, images and bounding boxes as the book's first edition does."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
from matplotlib import pyplot as plt
from mxnet import nd

__all__ = [
    "bbox_to_rect",
    "plt",
    "semilogy",
    "set_figsize",
    "show_bboxes",
    "show_fashion_mnist",
    "show_images",
    "show_trace_2d",
    "use_svg_display",
]

FIGSIZE = (3.5, 2.5)  # inches
BOX_COLORS = ("b", "g", "r", "m", "k")


def use_svg_display() -> None:
    """Make Jupyter show figures as SVG; do nothing elsewhere (section 3.2)."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        ipython.display.set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = FIGSIZE) -> None:
    """Set the size of the following figures, (width, height) in inches (section 3.2)."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def begin_figure(figsize: tuple[float, float] = FIGSIZE) -> None:
    """Begin a new figure if the current one already contains data.

    In a notebook, each cell begins a new figure anyway; in a script, curves would be drawn over each other.
    """
    set_figsize(figsize)
    if plt.get_fignums() and plt.gcf().axes and plt.gca().has_data():
        plt.figure()


def semilogy(
    x_vals: Sequence[float],
    y_vals: Sequence[float],
    x_label: str,
    y_label: str,
    x2_vals: Sequence[float] | None = None,
    y2_vals: Sequence[float] | None = None,
    legend: Sequence[str] | None = None,
    figsize: tuple[float, float] = FIGSIZE,
) -> None:
    """Plot y over x, and y2 over x2 with a dotted line, with a logarithmic y axis (section 3.11).

    Without a display, the figure remains the current one, so that `plt.savefig` can save it.

    Args:
        x_vals: x of the curve.
        y_vals: y of the curve.
        x_label: label of the x axis.
        y_label: label of the y axis.
        x2_vals: x of a second curve.
        y2_vals: y of the second curve.
        legend: names of both curves; shown only if there is a second curve.
        figsize: (width, height) in inches.
    """
    begin_figure(figsize)
    plt.xlabel(x_label)
    plt.ylabel(y_label)
    plt.semilogy(x_vals, y_vals)
    if x2_vals is not None and y2_vals is not None:
        plt.semilogy(x2_vals, y2_vals, linestyle=":")
        if legend:
            plt.legend(legend)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*(non-interactive|non-GUI)", UserWarning)
        plt.show()


def show_fashion_mnist(images: Sequence[nd.NDArray], labels: Sequence[str]) -> None:
    """Show images in a row, with their labels as titles (section 3.5).

    Args:
        images: NDArrays of 28 x 28 pixels, or of another square size.
        labels: a title for each image.
    """
    use_svg_display()
    _, (axes,) = plt.subplots(1, len(images), figsize=(12, 12), squeeze=False)
    for ax, image, label in zip(axes, images, labels):
        _show_image(ax, image.asnumpy().squeeze())
        ax.set_title(label)


def show_images(imgs: Sequence[Any], num_rows: int, num_cols: int, scale: float = 2) -> np.ndarray:
    """Show images in rows (section 9.1).

    Args:
        imgs: NDArrays, (height, width, channels) or (height, width), row by row; at least
            `num_rows * num_cols` of them.
        num_rows: rows of images.
        num_cols: images in a row.
        scale: width and height of each image, in inches.

    Returns:
        the axes of the images, an array (num_rows, num_cols).
    """
    use_svg_display()
    _, axes = plt.subplots(num_rows, num_cols, figsize=(num_cols * scale, num_rows * scale), squeeze=False)
    for ax, image in zip(axes.flat, imgs):
        _show_image(ax, _as_numpy(image))
    return axes


def _show_image(ax: Any, image: np.ndarray) -> None:
    ax.imshow(image)
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)


def _as_numpy(array: Any) -> np.ndarray:
    return array.asnumpy() if isinstance(array, nd.NDArray) else np.asarray(array)


def bbox_to_rect(bbox: Sequence[float], color: str) -> Any:
    """Return a bounding box as a rectangle of matplotlib (section 9.3).

    Args:
        bbox: x and y of the upper left corner, then of the lower right one.
        color: of the edges.

    Returns:
        matplotlib.patches.Rectangle, for `axes.add_patch`.
    """
    left, top, right, bottom = _as_numpy(bbox).tolist()
    return plt.Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=2)


def show_bboxes(axes: Any, bboxes: Sequence[Any], labels: Any = None, colors: Any = None) -> None:
    """Draw bounding boxes over an image, each with its label (section 9.4).

    Args:
        axes: axes of matplotlib, which show the image.
        bboxes: NDArray (boxes, 4), or a list of four numbers each, as for `bbox_to_rect`.
        labels: a text for each of the first boxes, or one for the first box alone.
        colors: of the boxes; after the last, the first follows again. Five colors by default.
    """
    labels = _as_list(labels) if labels is not None else []
    colors = _as_list(colors) if colors is not None else BOX_COLORS
    for i, bbox in enumerate(bboxes):
        color = colors[i % len(colors)]
        rectangle = axes.add_patch(bbox_to_rect(bbox, color))
        if i < len(labels):
            axes.text(
                *rectangle.get_xy(),
                labels[i],
                va="center",
                ha="center",
                fontsize=9,
                color="k" if color == "w" else "w",
                bbox={"facecolor": color, "lw": 0},
            )


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def show_trace_2d(
    f: Callable[[np.ndarray, np.ndarray], np.ndarray], res: Sequence[tuple[float, float]]
) -> None:
    """Draw the points that `train_2d` returned, over contour lines (section 7.2).

    Args:
        f: the function that was minimized; it must accept arrays.
        res: the points.
    """
    begin_figure()
    x1, x2 = np.array(res, dtype=float).T
    plt.plot(x1, x2, "-o", color="#ff7f0e")
    grid = np.meshgrid(
        np.arange(-5.5, 1.0, 0.1), np.arange(min(-3.0, x2.min() - 1), max(1.0, x2.max() + 1), 0.1)
    )
    plt.contour(*grid, f(*grid), colors="#1f77b4")
    plt.xlabel("x1")
    plt.ylabel("x2")
