"""Figures from numbers.

Each function returns a matplotlib Figure, which its caller shows or saves; none uses pyplot.
"""

from .chinese import has_chinese_font
from .comparisons import comparison, first_place
from .curves import IMPLS, fold_curves, lines, training_curves
from .distributions import histogram, predicted_against_true, residuals, returned_scores, scatter
from .explanations import dependences, importances, scores_by_size
from .functions import draw_fit, functions, sums_of_bases
from .growth import growth_curve
from .images import as_images, heat_maps, image_row, weight_images
from .intervals import AXIS_END, BAND, BAND_END, bands, intervals, on_axis
from .mistakes import mistakes_matrix
from .networks import network
from .overview import overview
from .planes import decision_regions, descents
from .scaling import workers_curves
from .sequences import sampling
from .speed import speeds
from .style import COLORS, SMALL, STYLE, render, save, styled

__all__ = [
    "AXIS_END",
    "BAND",
    "BAND_END",
    "COLORS",
    "IMPLS",
    "SMALL",
    "STYLE",
    "as_images",
    "bands",
    "comparison",
    "decision_regions",
    "dependences",
    "descents",
    "draw_fit",
    "first_place",
    "fold_curves",
    "functions",
    "growth_curve",
    "has_chinese_font",
    "heat_maps",
    "histogram",
    "image_row",
    "importances",
    "intervals",
    "lines",
    "mistakes_matrix",
    "network",
    "on_axis",
    "overview",
    "predicted_against_true",
    "render",
    "residuals",
    "returned_scores",
    "sampling",
    "save",
    "scatter",
    "scores_by_size",
    "speeds",
    "styled",
    "sums_of_bases",
    "training_curves",
    "weight_images",
    "workers_curves",
]
