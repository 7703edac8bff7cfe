"""Images side by side, and matrices as images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import panels_of, styled, titled_figure, wrapped_title


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
    columns: int = 10,
) -> Figure:
    """Draw images side by side.

    Args:
        images: arrays (height, width), drawn dark on white, or (height, width, 3), colours from 0 to 1.
        titles: text above each image, or none.
        title: title of the figure.
        columns: number of images in a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = titled_figure(title, 1.25 * columns, 0.5 + (1.6 if any(titles) else 1.25) * rows)
    axes = panels_of(figure, columns, rows)
    for ax in axes:
        ax.set_axis_off()
    for ax, image, text in zip(axes, images, titles):
        ax.imshow(image, cmap="gray_r")
        ax.set_title(wrapped_title(text, 1.2))
    return figure


@styled
def heat_maps(
    panels: Sequence[tuple[str, np.ndarray, Sequence[str], Sequence[str]]],
    title: str,
    meaning: str,
    columns: int = 3,
) -> Figure:
    """Draw matrices with values from 0 on, the larger the darker, and a name at each row and column.

    Args:
        panels: name, matrix (rows, columns), names of the rows and of the columns of each.
        title: title of the figure.
        meaning: what a value is, beside the scale of colours.
        columns: number of matrices side by side.
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
    return figure
