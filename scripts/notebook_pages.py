"""Turn the executed notebooks into pages of the documentation site, in English and in Chinese.

Formulas become MathML, which browsers show by themselves: a site that is read from a folder, and without
scripts, has them as well. Figures become files beside the pages.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

FIGURES = "figures"  # folder beside the pages
# Code, which may contain dollars, and formulas.
CODE_OR_FORMULA = re.compile(r"```.*?```|`[^`]*`|\$\$(?P<display>.*?)\$\$|\$(?P<inline>[^$]+)\$", re.DOTALL)
STYLE = re.compile(r"<style.*?</style>|</?div[^>]*>|\s+(?:border|class|style)=\"[^\"]*\"", re.DOTALL)
SHOWS_SOURCE = "inspect.getsource("
DOWNLOAD = {
    "en": "[Download this notebook]({name}), to run it and to change it.",
    "zh": "[下载本笔记本]({name})，可以运行和修改。",
}


def page(path: Path, language: str = "en") -> str:
    """Return a notebook as Markdown, with a link to the file below its first cell.

    Args:
        path: an executed .ipynb.
        language: of its prose.
    """
    parts: list[str] = []
    heading = ""
    for i, cell in enumerate(_cells(path)):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(with_formulas(source))
            heading = (re.findall(r"^#+ (.*)", source, flags=re.MULTILINE) or [heading])[-1]
        else:
            parts += [_fence(source, "python"), *_outputs(cell, f"{path.stem}-{i}.png", heading)]
    parts.insert(1, DOWNLOAD[language].format(name=path.name))
    return "\n\n".join(parts) + "\n"


def figures(path: Path) -> dict[str, bytes]:
    """Return the figures of a notebook: name of the file -> its content."""
    return {
        f"{path.stem}-{i}.png": base64.b64decode("".join(output["data"]["image/png"]))
        for i, cell in enumerate(_cells(path))
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    }


def _cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def with_formulas(text: str) -> str:
    """Return Markdown with MathML in place of TeX."""

    def converted(match: re.Match[str]) -> str:
        if match["display"]:
            return convert(" ".join(match["display"].split()), display="block")
        # Without the span, Markdown would take one at the beginning of a line for a paragraph.
        return f"<span>{convert(match['inline'])}</span>" if match["inline"] else match[0]

    return CODE_OR_FORMULA.sub(converted, text)


def _outputs(cell: dict[str, Any], figure: str, heading: str) -> Iterator[str]:
    """Yield what a cell shows, the richest form of each output."""
    for output in cell["outputs"]:
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "image/png" in data:
            yield f"![{heading}]({FIGURES}/{figure})"
        elif "text/html" in data:
            yield STYLE.sub("", "".join(data["text/html"])).strip()
        else:
            text = "".join(data["text/plain"])
            is_source = SHOWS_SOURCE in "".join(cell["source"]) and re.match(r"\s*(?:@|class |def )", text)
            yield _fence(text, "python" if is_source else "text")


def _fence(text: str, language: str) -> str:
    return f"````{language}\n{text.rstrip()}\n````"
