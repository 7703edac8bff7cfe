"""Images side by side, and matrices as images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import PANEL_TITLE_WIDTH, panels_of, styled, titled_figure, wrapped_title

SIGNED = "cividis_r"  # from yellow over grey to dark blue: ever darker, and safe for colour-blind readers
LARGE = 0.995  # of all weights are within the ends of the scale
NARROW, WIDE = 0.85, 1.25  # inches of an image, below a short text or a longer one


def as_images(weights: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the weights of units as images.

    Args:
        weights: (units, inputs).
        shape: of an input, (channels, height, width).

    Returns:
        (units, height, width, channels), each image from 0, its smallest weight, to 1, its largest.
    """
    images = weights.reshape(-1, *shape).transpose(0, 2, 3, 1)
    low, high = images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)
    return (images - low) / (high - low)


@styled
def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    title: str,
    columns: int = 5,
) -> Figure:
    """Draw images side by side, as small as the text above them allows.

    Args:
        images: arrays (height, width), drawn dark on white, or (height, width, 3), colours from 0 to 1.
        titles: text above each image, or none.
        title: title of the figure.
        columns: number of images in a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure, axes = _grid(titles, title, columns, rows)
    for ax, image in zip(axes, images):
        ax.imshow(image, cmap="gray_r")
    return figure


@styled
def weight_images(
    weights: Sequence[np.ndarray], titles: Sequence[str], title: str, meaning: str, columns: int = 5
) -> Figure:
    """Draw weights as images, all on one scale of colours with 0 in the middle, and a key below.

    The larger a weight the darker it is, so that prints in grey show the sign as well. The few weights that
    are much larger than all others have the colours of the ends.

    Args:
        weights: arrays (height, width).
        titles: text above each image.
        title: title of the figure.
        meaning: what a weight is, below the key.
        columns: number of images in a row.
    """
    columns = min(columns, len(weights))
    figure, axes = _grid(titles, title, columns, -(-len(weights) // columns), key=0.7)
    end = float(np.quantile(np.abs(np.stack(weights)), LARGE)) or 1.0
    for ax, image in zip(axes, weights):
        drawn = ax.imshow(image, cmap=SIGNED, vmin=-end, vmax=end)
    key = figure.colorbar(
        drawn, ax=axes, location="bottom", label=meaning, extend="both", shrink=0.7, aspect=30, pad=0.03
    )
    key.set_ticks([-end, 0, end], labels=[f"\N{MINUS SIGN}{end:.2g}", "0", f"+{end:.2g}"])
    return figure


def _grid(
    titles: Sequence[str], title: str, columns: int, rows: int, key: float = 0
) -> tuple[Figure, list[Axes]]:
    """Return a figure of images with its panels, and with room for a key of so many inches."""
    longest = max((len(line) for text in titles for line in text.split("\n")), default=0)
    width = NARROW if longest <= PANEL_TITLE_WIDTH * NARROW else WIDE
    texts = [wrapped_title(text, width - 0.05) for text in titles]
    num_lines = 1 + max((text.count("\n") for text in texts), default=0) if any(titles) else 0
    figure = titled_figure(title, max(width * columns, 4.2), 0.5 + (width + 0.18 * num_lines) * rows + key)
    axes = panels_of(figure, columns, rows)
    for ax in axes:
        ax.set_axis_off()
    for ax, text in zip(axes, texts):
        ax.set_title(text)
    return figure, axes


@styled
def heat_maps(
    panels: Sequence[tuple[str, np.ndarray, Sequence[str], Sequence[str]]],
    title: str,
    meaning: str,
    columns: int = 3,
    xlabel: str = "",
    ylabel: str = "",
) -> Figure:
    """Draw matrices with values from 0 on, the larger the darker, and a name at each row and column.

    Args:
        panels: name, matrix (rows, columns), names of the rows and of the columns of each.
        title: title of the figure.
        meaning: what a value is, beside the scale of colours.
        columns: number of matrices side by side.
        xlabel: what the columns of a matrix are.
        ylabel: what its rows are.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = titled_figure(title, 2.9 * columns + 0.6, 2.7 * rows + 0.4)
    axes = panels_of(figure, columns, rows)
    largest = max(matrix.max() for _, matrix, *_ in panels)
    for ax, (name, matrix, row_names, column_names) in zip(axes, panels):
        image = ax.imshow(matrix, cmap="Greys", vmin=0, vmax=largest)
        ax.set_yticks(range(len(row_names)), row_names)
        ax.set_xticks(range(len(column_names)), column_names, rotation=60)
        ax.set_title(wrapped_title(name, 2.7))
        ax.grid(visible=False)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.colorbar(image, ax=axes, label=meaning, shrink=0.6)
    figure.supxlabel(xlabel, fontsize="medium")
    figure.supylabel(ylabel, fontsize="medium")
    return figure
