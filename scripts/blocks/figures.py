"""The figures in docs/figures/, drawn from what is committed."""

from __future__ import annotations

import matplotlib as mpl

from d2l_repro.files import write_atomically
from d2l_repro.language import LANGUAGES
from d2l_repro.results import caught, costs, plot, speed, workers_model
from d2l_repro.results.report.svg import rewritten

from .common import FIGURES, figure_name, reader_of
from .scaling import models_on
from .values import all_numbers, committed_values, published_rows


def draw() -> None:
    """Write the documents' figures in both languages, with colours for dark pages, too.

    The Chinese ones need a font that has Chinese; without one they stay as they are, with a warning. A figure
    of matplotlib's that was put into the folder gets its colours here.
    """
    for name in LANGUAGES if plot.has_chinese_font() else ("en",):
        with reader_of(name):
            write_figures()
    for path in FIGURES.glob("*.svg"):
        write_atomically(path, rewritten(path.read_bytes()))


def write_figures() -> None:
    """Write the figures of committed numbers, in the reader's language."""
    chapters, numbers = committed_values(), all_numbers()
    with mpl.rc_context({"svg.fonttype": "none"}):  # text stays text, in the reader's own fonts
        figures = {
            "reproduced": plot.overview(chapters, numbers),
            "reproduced_narrow": plot.overview(chapters, numbers, narrow=True),
            "bands": plot.bands(
                [row for row in published_rows() if row["z"] is not None],
                "Every published value and ours, among the runs of our seeds",
            ),
        }
        if any(caught.committed().mistakes()):
            figures["mistakes"] = plot.mistakes_matrix(caught.committed())
        figures["performance"] = plot.speeds(speed.committed())
        for name, sweep in costs.committed().growth.items():
            figures[f"growth_{name}"] = plot.growth_curve(sweep)
        figures["scaling"] = plot.workers_curves(
            models_on(workers_model.Network()),
            "What workers would gain on a network of 1 Gbit/s, by the model",
        )
        for name, figure in figures.items():
            write_atomically(FIGURES / figure_name(name), plot.render(figure, "svg"))
