"""Figures from numbers.

Each function returns a matplotlib Figure, which its caller shows or saves; none uses pyplot.
"""

from .curves import comparison, lines, training_curves
from .distributions import histogram, predicted_against_true, scatter
from .functions import functions
from .images import as_images, heat_maps, image_row
from .intervals import AXIS_END, BAND_END, bands, intervals, on_axis
from .mistakes import mistakes_matrix
from .networks import network
from .planes import decision_regions, descents
from .style import COLORS, STYLE, render, save, styled

__all__ = [
    "AXIS_END",
    "BAND_END",
    "COLORS",
    "STYLE",
    "as_images",
    "bands",
    "comparison",
    "decision_regions",
    "descents",
    "functions",
    "heat_maps",
    "histogram",
    "image_row",
    "intervals",
    "lines",
    "mistakes_matrix",
    "network",
    "on_axis",
    "predicted_against_true",
    "render",
    "save",
    "scatter",
    "styled",
    "training_curves",
]
