"""Chinese in figures: a font that has it, titles, and the words of axes, panels and legends."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from ...columns import balanced
from ...language import language, mark, retell, tr
from .axes import AXES
from .titles import PARTS, TITLES

# The first that is installed is used. Matplotlib may know a collection by its first font alone.
FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Arial Unicode MS",
)
# How the names of their files begin, without spaces, in lower case.
FILES = ("notosanscjk", "notosanssc", "sourcehansans", "wqy-", "pingfang", "hiraginosansgb", "msyh", "simhei")
WORDS = (
    mark("epoch"),
    mark("step"),
    mark("loss"),
    mark("accuracy"),
    mark("log rmse"),
    mark("perplexity"),
    mark("training"),
    mark("validation"),
    mark("test"),
    mark("from scratch"),
    mark("with Gluon"),
    mark("published"),
    mark("mean"),
    mark("chance"),
    mark("training loss"),
    mark("training accuracy"),
    mark("training, from scratch"),
    mark("training, with Gluon"),
    mark("validation, from scratch"),
    mark("validation, with Gluon"),
    mark("test, from scratch"),
    mark("test, with Gluon"),
    mark("test loss"),
    mark("test accuracy"),
    mark("validation accuracy"),
    mark("{name}, training"),
    mark("{name}, validation"),
    mark("{name}, test"),
    # of cross-validations
    mark("log rmse, mean of {count} folds; each fold thin"),
    mark("log rmse, mean of {count} repeats; each repeat thin"),
    mark("true price"),
    mark("predicted price"),
    mark("predicted price, compared with the true one (logarithmic axis)"),
    mark("houses"),
    mark("{share} of the {what} within ±{bound}"),
    mark("{count} farther off, in the outermost bars"),
    mark("Learning curves of the folds"),
    mark("Houses predicted by models that did not see them"),
    mark("How far off predictions are"),
    mark("Mean over the folds by repeat"),
    mark("Which columns matter"),
    mark("rise of the log rmse if the column is shuffled"),
    mark("What the strongest columns do"),
    mark("change of the price"),
    mark("What more houses bring"),
    mark("houses trained on"),
    mark("log rmse of the validation houses"),
    mark("{title} (generated houses, not the competition's)"),
    mark("Cross-validated and returned scores of {count} submissions"),
)
log = logging.getLogger(__name__)


@lru_cache
def font() -> str | None:
    """Return the name of an installed font with Chinese characters; warn once and return None without any."""
    found = _known()
    if found is None:  # perhaps it was installed after Matplotlib had made its list
        for path in map(Path, font_manager.findSystemFonts()):
            if path.name.lower().replace(" ", "").startswith(FILES):
                font_manager.fontManager.addfont(path)
        found = _known()
    if found is None:
        log.warning(
            tr(
                "no font with Chinese characters was found, so that figures stay in English; install one, "
                "such as the package fonts-noto-cjk"
            )
        )
    return found


def has_chinese_font() -> bool:
    """Return whether figures can be in Chinese here; the first time, warn if not."""
    return font() is not None


def _known() -> str | None:
    """Return the first of the fonts that Matplotlib knows."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in FONTS if name in known), None)


def families(current: list[str]) -> list[str]:
    """Return the fonts of figures: the current ones and, for a reader of Chinese, one that has it.

    Args:
        current: as matplotlib's setting font.family has them.
    """
    chinese = font() if language() != "en" else None
    return [*current, *([chinese] if chinese else [])]


def figure_text(text: str) -> str:
    """Return a text of a figure in the reader's language, if it is a known one."""
    return _retold(text, *WORDS, *AXES)


def title_text(title: str) -> str:
    """Return the title of a figure in the reader's language, if it is a known one."""
    return _retold(title, *WORDS, *TITLES, *PARTS)


def _retold(text: str, *templates: str) -> str:
    if language() == "en" or font() is None:
        return text
    return retell(text, *templates, parts=(*WORDS, *PARTS, *TITLES, *AXES))


def translate(figure: Figure, columns: int) -> None:
    """Put title and words of a figure into the reader's language, before it is laid out.

    Args:
        figure: with its title as label, too.
        columns: of a terminal that are as wide as a line of the title.
    """
    if language() == "en":
        return
    title = figure.get_label()
    for text in figure.findobj(Text):
        shown = text.get_text()
        if title and "".join(shown.split()) == "".join(title.split()):  # it is broken to fit the figure
            told = balanced(title_text(title), columns)
        else:
            told = "\n".join(map(figure_text, shown.split("\n")))
            if told == shown:  # perhaps it is broken where the panel ends
                told = figure_text(shown.replace("\n", " "))
                told = shown if told == shown.replace("\n", " ") else told
        text.set_text(told)
        if told != shown and "$" in told:  # for words beside a formula, Matplotlib has the first font alone
            text.set_fontfamily(font())
