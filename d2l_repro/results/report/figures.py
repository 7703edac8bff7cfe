"""Figures of the page: read from files that may come from anyone, and described in words."""

from __future__ import annotations

import html
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ...language import sentences, tr
from ..formatting import in_words
from ..schema import printable
from .svg import HEAD_SIZE, data_url, rewritten
from .words import words

MAX_FIGURE, MAX_TITLE = 2**24, 500  # bytes
MAX_NAMES = 12  # of lines or pictures that a description lists
TITLE, DESCRIPTION = (b"<dc:title>", b"</dc:title>"), (b"<dc:description>", b"</dc:description>")
PIXELS = 4 / 3  # in a point
SIZE = re.compile(rb'<svg [^<>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
# What matplotlib calls its parts, indented by their depth; in comments is the text that it draws as outlines.
PART = re.compile(
    rb'\n( *)<g id="(axes|matplotlib\.axis|legend|text|[xy]tick)_\d+">'
    rb"|<!-- ([^<>]*) -->|<(image) |<text [^<>]*>([^<>]*)"
)


@dataclass
class Figure:
    """A figure: where its data are, and what it shows, or in `problem` why it cannot be shown.

    Attributes:
        name: of its file, without the suffix.
        alt: alternative text.
        title: the one that is drawn in the figure, formulas as plain text.
        source: data URL; None if there is a problem.
        width, height: in pixels; 0 if the file does not say.
    """

    name: str
    alt: str
    source: str | None = None
    problem: str | None = None
    width: int = 0
    height: int = 0
    title: str = ""
    recolored: bool = False  # whether it has colours for a dark page
    is_first: bool = False  # of two that belong side by side
    is_second: bool = False


@dataclass
class _Panel:
    """One pair of axes: its axis labels with the first and last number at their ticks, and all other text."""

    axes: list[tuple[str, list[str]]] = field(default_factory=list)  # x, y: label, numbers
    texts: list[str] = field(default_factory=list)
    images: int = 0


def read_figure(path: Path) -> Figure:
    """Return a figure, or one with the reason why there is none."""
    title = in_words(path.stem)
    try:
        content = _read_svg(path)
    except OSError:
        return Figure(path.stem, title, problem=words.plain("figure_missing"))
    except ValueError as error:
        return Figure(path.stem, title, problem=words.plain("figure_unreadable", reason=error))
    shown = rewritten(content)
    size = SIZE.search(content[:HEAD_SIZE])
    width, height = (min(round(PIXELS * float(part)), 10_000) for part in size.groups()) if size else (0, 0)
    title = _between(content, *TITLE) or title
    described = _between(content, *DESCRIPTION) or _description(content, title)
    alt = sentences([_sentence(title.rstrip(".")), described]) if described else title
    plain = re.sub(r"\\(,|[a-z]+)|[$\\{}]", " ", title)
    return Figure(path.stem, alt, data_url(shown), None, width, height, plain, shown is not content)


def _between(content: bytes, start: bytes, end: bytes) -> str:
    """Return the text between two marks; empty if there is none."""
    first, last = content.find(start), content.find(end)
    if not 0 <= first < last:
        return ""
    return printable(html.unescape(content[first + len(start) : last][:MAX_TITLE].decode(errors="replace")))


def _description(content: bytes, title: str) -> str:
    """Say what the axes, lines and pictures of a figure are, from the text that is drawn in it."""
    panels, legend = _panels(content)
    charts = [text for panel in panels if (text := _chart(panel))]
    images = sum(panel.images for panel in panels)
    texts = [text for panel in panels for text in panel.texts if text not in (*charts, title)]
    names = list(dict.fromkeys(legend or texts))
    parts = []
    if charts:
        listed = words.plain("and").join(dict.fromkeys(charts))
        parts.append(
            words.plain("alt_panels", count=len(charts), panels=listed) if len(charts) > 1 else listed
        )
    elif images:
        parts.append(words.plain("alt_images", count=images))
    if names:
        listed_names = names[:MAX_NAMES]
        if len(names) > MAX_NAMES:
            listed_names.append(words.plain("alt_more", count=len(names) - MAX_NAMES))
        key = "alt_names" if legend or charts else "alt_lines"
        parts.append(words.plain(key, names=words.plain("and").join(listed_names)))
    # A word begins with a capital letter, a symbol does not.
    begun = (f"{part[0].upper()}{part[1:]}" if part[1:2].islower() else part for part in parts)
    return sentences(map(_sentence, begun))[: 2 * MAX_TITLE]


def _sentence(text: str) -> str:
    return tr("{text}.", text=text)


def _chart(panel: _Panel) -> str:
    """Return "loss (0.2 to 0.8) against epoch (1 to 5)", or nothing if no axis has a name."""
    named = []
    for label, numbers in panel.axes[:2]:
        ends = [numbers[0], numbers[-1]] if len(numbers) > 1 and numbers[0] != numbers[-1] else []
        key = words.plain("alt_axis", name=label, low=ends[0], high=ends[1]) if label and ends else label
        named.append(key)
    if len(named) == 2 and all(named):
        return words.plain("alt_axes", x=named[0], y=named[1])
    return next(filter(None, named), panel.texts[0] if panel.texts and not panel.images else "")


def _panels(content: bytes) -> tuple[list[_Panel], list[str]]:
    """Return the panels of matplotlib's file, and the names in its legends."""
    panels: list[_Panel] = []
    legend: list[str] = []
    place, depths = b"", {}
    for indent, part, comment, image, drawn in PART.findall(content):
        if part:
            place, depths[part] = part if part != b"text" else place, len(indent)
        if part == b"axes":
            panels.append(_Panel())
        elif part == b"matplotlib.axis" and panels:
            panels[-1].axes.append(("", []))
        elif image and panels:
            panels[-1].images += 1
        line = printable(html.unescape((comment or drawn).decode(errors="replace"))).strip()
        depth = depths.get(b"text", 0)
        in_legend = place == b"legend" and depth > depths[place]
        if not line or not panels or (depth <= depths[b"axes"] and not in_legend):
            continue  # above all panels stands the title
        axes = panels[-1].axes
        if in_legend:
            legend.append(line)
        elif depth == depths[b"axes"] + 1 or not axes:
            panels[-1].texts.append(line)
        elif depth == depths.get(b"matplotlib.axis", 0) + 1:
            axes[-1] = (line, axes[-1][1])
        else:
            axes[-1][1].append(_without_mathematics(line))
    return panels, legend


def _without_mathematics(text: str) -> str:
    """Return "1e-3" for ten to the power of minus three as matplotlib writes it."""
    power = re.fullmatch(r"\$\\mathdefault\{(-?)10\^\{(-?\d+)\}\}\$", text)
    return f"{power[1]}1e{power[2]}" if power else text


def _read_svg(path: Path) -> bytes:
    """Return the content of a figure's file.

    Raises:
        OSError: there is no such file.
        ValueError: it is a link, which may lead to any file, no SVG image, or too large for a page.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(tr("it is a link or no file"))
    if status.st_size > MAX_FIGURE:
        raise ValueError(tr("it has more than {size} bytes", size=f"{MAX_FIGURE:,}"))
    with path.open("rb") as file:
        content = file.read(MAX_FIGURE)
    if b"<svg" not in content[:HEAD_SIZE]:
        raise ValueError(tr("it is no SVG image"))
    return content
