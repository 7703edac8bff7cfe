"""Try the packages that the doctor reports on, in a process of its own, which a broken one may end.

Each step prints a line of JSON as soon as it is done, so that the steps before a crash are known.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from .. import compat, installation


def probe() -> None:
    """Import every package, draw a figure, compute with MXNet, and print what came of it."""
    for module, package in installation.PACKAGES.items():
        if package != "mxnet":
            _import(module, package)
    with _step("figure") as outcome:
        outcome["font"] = _draw()
    # Last, because it imports others, and because Python ends if its library does not fit the processor.
    _import("mxnet", "mxnet")
    with _step("first label") as outcome:
        outcome["value"] = _first_label()
    with _step("openblas") as outcome:
        outcome["cores"] = compat.openblas_cores()


def _import(module: str, package: str) -> None:
    with _step(package) as outcome:
        start = time.perf_counter()
        imported = importlib.import_module(module)
        outcome["seconds"] = time.perf_counter() - start
        outcome["version"] = getattr(imported, "__version__", "")


@contextlib.contextmanager
def _step(name: str) -> Iterator[dict[str, Any]]:
    outcome: dict[str, Any] = {"step": name}
    try:
        yield outcome
    except Exception as error:
        outcome["error"] = installation.explain(error) or f"{type(error).__name__}: {error}"
    print(json.dumps(outcome), file=sys.__stdout__, flush=True)


def _first_label() -> float:
    """Return the first label of the synthetic data of section 3.2, which the book prints."""
    import mxnet as mx

    from ..data.synthetic import linear_data

    mx.random.seed(0)
    _, labels = linear_data([2, -3.4], 4.2, 1000)
    return float(labels[0].asscalar())


def _draw() -> str:
    """Draw a figure as chapters do, and return the name of its font.

    Raises:
        ValueError: none of the fonts in matplotlib's settings is there.
    """
    from matplotlib.font_manager import FontProperties, findfont

    from ..results.plot import style

    figure = style.titled_figure("A title", 4, 3)
    style.panels_of(figure, 1)[0].plot([0, 1])
    for kind in ("svg", "png"):
        style.render(figure, kind)
    font = findfont(FontProperties(), fallback_to_default=False)
    return FontProperties(fname=font).get_name()


if __name__ == "__main__":
    probe()
