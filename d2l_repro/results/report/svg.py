"""Rewrite the SVG files that matplotlib wrote: a tenth of the size, and with colours for a dark page.

Anything that does not look like matplotlib's stays as it is. The patterns match no more than one element
each, or elements in a row, so that the time grows no faster than the file.
"""

from __future__ import annotations

import base64
import colorsys
import html
import itertools
import re
import unicodedata
from functools import lru_cache

HEAD_SIZE = 4096  # characters in which a file names itself
MATPLOTLIB = "<dc:title>Matplotlib v"
NUMBER = r"-?[\d.]+(?:e-?\d+)?"
COMMENT = re.compile(r"<!--[^<>]*-->")
HEAD = re.compile(r'<svg [^<>]*?width="[^"<>]*" height="[^"<>]*" viewBox="([^"<>]*)"[^<>]*>')
# A line of text: its words in a comment, and its letters as glyphs, which an earlier line may define.
TEXT = re.compile(
    r'<!-- ([^<>]*) --><g((?: style="[^"<>]*")?) transform="([^"<>]*?) ?scale\(([\d.]+) -[\d.]+\)">'
    r"((?:<(?:use|path|defs|/defs)\b[^<>]*>)*)</g>"
)
GLYPH = re.compile(rf'<use xlink:href="#([\w-]+)"(?: transform="translate\(({NUMBER}) 0\)")?/>')
GLYPH_SHAPE = re.compile(r'<path id="([\w-]+)"[^<>]*>')
UPRIGHT = re.compile(rf"translate\(({NUMBER}) ({NUMBER})\)")
POINT = re.compile(rf' x="({NUMBER})" y="({NUMBER})"')
# Marks of one shape and style in a row, such as the points of a scatter plot.
MARKS = re.compile(
    rf'<use xlink:href="#([\w-]+)" x="{NUMBER}" y="{NUMBER}" style="([^"<>]*)"/>'
    rf'(?:<use xlink:href="#\1" x="{NUMBER}" y="{NUMBER}" style="\2"/>){{2,}}'
)
OUTLINE = re.compile(r' d="([^"<>]*)"')
PLACE = re.compile(r'( [xy]="-?\d*\.\d\d)\d+')
GROUP = re.compile(r"(<g(?:/?>| [^<>]*>)|</g>)")
STYLE = re.compile(r' style="([^"<>]*)"')
COLOR = re.compile(r"\b(fill|stroke):#([0-9a-f]{6})")
LINES = re.compile(r"[MLz\s\d.-]*")  # an outline without curves
LONG = 4000  # characters of an outline that is cut to a tenth of a point, not a hundredth
SHORT = 6  # characters of a text whose length differs little from one font to another
FONT = "DejaVu Sans,Verdana,sans-serif"  # matplotlib's own font, and one of the same widths
# Widths of the letters from the space to the tilde in that font, in hundredths of their size.
WIDTHS = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 "
    "68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 "
    "63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84"
).split()
# In a URL between double quotes. Elements are escaped, too: tools that search a page for them find its own.
URL_ESCAPES = {"%": "%25", '"': "'", "#": "%23", "<": "%3C", ">": "%3E", "&": "%26", "\n": " "}  # % first
DARK_PAPER, DARK_INK = (0x1D, 0x23, 0x28), (0xE6, 0xE9, 0xEC)  # as --panel and --ink of the page's style
GREY = 0.12  # saturation below which a colour counts as grey


def rewritten(content: bytes) -> bytes:
    """Return a figure's file with short paths, real text, and colours for dark mode.

    A file that matplotlib did not write, or that is damaged, is returned as it is.
    """
    text = content.decode("utf-8", errors="replace")
    head = HEAD.search(text[:HEAD_SIZE])
    if MATPLOTLIB not in text[:HEAD_SIZE] or not head:
        return content
    try:
        return _rewritten(text, head)
    except (ValueError, OverflowError):  # something in the place of a number
        return content


def _rewritten(text: str, head: re.Match[str]) -> bytes:
    text = re.sub(r">\s+<", "><", text[head.start() :])
    start, end = text.find("<metadata>"), text.find("</metadata>")
    text = text[:start] + text[end + len("</metadata>") :] if 0 <= start < end else text
    text = COMMENT.sub("", _text_as_text(text))
    text = _marks_as_paths(text)
    text = OUTLINE.sub(_short_outline, text)
    text = PLACE.sub(r"\1", text)
    text = re.sub(r'<g id="[^"<>]*"', "<g", text).replace("xlink:href", "href")
    return _with_short_names(_without_groups(_with_classes(text))).encode()


def _cut(numbers: str, digits: int) -> str:
    """Return text with no more than that many digits after a decimal point."""
    return re.sub(rf"(\.\d{{{digits}}})\d+", r"\1", numbers)


def _short_outline(match: re.Match[str]) -> str:
    """Return an outline in relative coordinates, rounded; curves stay absolute."""
    outline = match[1]
    if not LINES.fullmatch(outline):
        return ' d="' + re.sub(r"\s*([A-Za-z])\s*", r"\1", " ".join(_cut(outline, 2).split())) + '"'
    # In units of a hundredth of a point or, if there are many, a tenth: integers add up without drift.
    digits = 1 if len(outline) > LONG else 2
    scale = 10**digits
    parts, x, y = [], 0, 0
    for piece in outline.split("M")[1:]:
        closed = "z" in piece
        numbers = [
            round(scale * float(number)) for number in piece.replace("L", " ").replace("z", " ").split()
        ]
        start = numbers[:2]
        moves: list[int] = []
        for new_x, new_y in zip(numbers[::2], numbers[1::2]):
            if (new_x, new_y) != (x, y) or not moves:
                moves += [new_x - x, new_y - y]
                x, y = new_x, new_y
        shown = "".join([_number(move, digits) for move in moves])
        parts.append("m" + shown.lstrip() + ("z" if closed else ""))
        if closed and start:
            x, y = start
    return ' d="' + "".join(parts) + '"'


@lru_cache(2**14)
def _number(move: int, digits: int) -> str:
    """Return a whole number of tenths or hundredths, after a space if it has no sign to set it apart."""
    text = f"{move / 10**digits:.{digits}f}".rstrip("0").rstrip(".") if move else "0"
    return text.replace("-0.", "-.") if text[0] == "-" else f" {text}".replace(" 0.", " .")


def _text_as_text(text: str) -> str:
    """Return the file with <text> in place of the outlines of letters, formulas excepted."""
    shapes: dict[str, str] = {}

    def element(match: re.Match[str]) -> str:
        words, style, place, scale, body = match.groups()
        glyphs, letters = GLYPH.findall(body), html.unescape(words)
        if not letters or "$" in words or len(glyphs) != len(letters):
            return match[0]
        shapes.update((shape[1], shape[0]) for shape in GLYPH_SHAPE.finditer(body))
        upright = UPRIGHT.fullmatch(place)
        where = f'x="{upright[1]}" y="{upright[2]}"' if upright else f'transform="{_cut(place, 2)}"'
        size = 100 * float(scale)
        width = float(glyphs[-1][1] or 0) + _width(letters[-1])
        length = f' textLength="{width * size / 100:.4g}"' if len(letters) > SHORT else ""
        font = "" if size == 10 else f' font-size="{size:.3g}"'
        bold = ' font-weight="bold"' if "Bold" in glyphs[0][0] else ""
        return f"<text{style} {where}{length}{font}{bold}>{words}</text>".replace("'", "&#39;")

    text = TEXT.sub(element, text)
    needed = dict.fromkeys(re.findall(r'"#([\w-]+)"', text))
    defined = set(re.findall(r' id="([\w-]+)"', text))
    missing = "".join(shapes[name] for name in needed if name in shapes and name not in defined)
    return text.replace("<defs>", f"<defs>{missing}", 1) if missing else text


def _width(letter: str) -> float:
    """Return the width of a letter in hundredths of its size: Chinese characters are squares."""
    i = ord(letter) - ord(" ")
    if 0 <= i < len(WIDTHS):
        return float(WIDTHS[i])
    return 100.0 if unicodedata.east_asian_width(letter) in "WF" else 60.0


def _marks_as_paths(text: str) -> str:
    """Return the file with one path, whose corners are marked, for each row of equal marks."""
    markers: dict[tuple[str, str], str] = {}

    def element(match: re.Match[str]) -> str:
        points = " ".join(itertools.chain.from_iterable(POINT.findall(match[0])))
        name = markers.setdefault((match[1], match[2]), f"mark{len(markers)}")
        return f'<path style="fill:none;stroke:none;marker:url(#{name})" d="M{points}"/>'

    text = MARKS.sub(element, text)
    defined = "".join(
        f'<marker id="{name}" overflow="visible" markerUnits="userSpaceOnUse">'
        f'<use xlink:href="#{shape}" style="{style}"/></marker>'
        for (shape, style), name in markers.items()
    )
    return text.replace("<defs>", f"<defs>{defined}", 1)


def _with_classes(text: str) -> str:
    """Return the file with each style once, and once more where a dark page needs other colours."""
    classes: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        style = match[1].replace(": ", ":").replace("; ", ";")
        return f' class="{classes.setdefault(style, f"s{len(classes)}")}"'

    text = STYLE.sub(name, text)
    light = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    dark = "".join(
        f".{name}{{{colors}}}"
        for style, name in classes.items()
        if (colors := ";".join(f"{what}:{dark_color(color)}" for what, color in COLOR.findall(style)))
    )
    head = HEAD.search(text)
    assert head is not None  # as rewritten() has seen
    _, _, width, height = (head[1].split() + ["0"] * 4)[:4]
    ink = "#{:02x}{:02x}{:02x}".format(*DARK_INK)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" viewBox="{head[1]}" '
        f'font-family="{FONT}" font-size="10"><style>*{{stroke-linejoin:round;stroke-linecap:butt}}{light}'
        f"@media(prefers-color-scheme:dark){{svg{{fill:{ink}}}{dark}}}</style>{text[head.end() :]}"
    )


def _without_groups(text: str) -> str:
    """Return the file without groups that have no attribute, or nothing in them."""
    parts: list[str] = []
    kept: list[bool] = []  # of each open group, whether it stays
    for part in GROUP.split(text):
        if part == "</g>":
            if kept and not kept.pop():
                continue
        elif part.startswith("<g") and part.endswith("/>"):
            continue  # a line without points, or a panel without axes
        elif part.startswith("<g"):
            kept.append(part != "<g>")
            if not kept[-1]:
                continue
        parts.append(part)
    return "".join(parts)


def _with_short_names(text: str) -> str:
    """Return the file with short names of what is referred to, and without the others."""
    used = dict.fromkeys(re.findall(r'(?:"|url\()#([\w-]+)', text))
    short = {name: f"n{i}" for name, i in zip(used, itertools.count())}
    text = re.sub(r' id="([^"<>]*)"', lambda m: f' id="{short[m[1]]}"' if m[1] in short else "", text)
    return re.sub(r'("|url\()#([\w-]+)', lambda m: f"{m[1]}#{short[m[2]]}", text)


def data_url(content: bytes) -> str:
    """Return a file as a data URL, which needs no escaping in an attribute between double quotes."""
    text = content.decode("utf-8", errors="replace")
    if text.encode() != content or "'" in text or not text.startswith("<svg"):
        return "data:image/svg+xml;base64," + base64.b64encode(content).decode()
    for character, escape in URL_ESCAPES.items():  # ten times as fast as `str.translate`
        text = text.replace(character, escape)
    return "data:image/svg+xml;charset=utf-8," + text


def dark_color(color: str) -> str:
    """Return the colour, RRGGBB, that stands for a colour of a light page on a dark one.

    Greys run from the dark page's paper, for white, to its ink. Other colours keep their hue; none is darker
    than it is far from white, and pale ones become dark.
    """
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < GREY or light in (0, 1):
        parts = [ink + light * (paper - ink) for paper, ink in zip(DARK_PAPER, DARK_INK)]
    else:
        turned = 1 - light if light > 0.8 or light < 0.5 else light
        parts = [255 * part for part in colorsys.hls_to_rgb(hue, turned, saturation)]
    return "#{:02x}{:02x}{:02x}".format(*map(round, parts))
