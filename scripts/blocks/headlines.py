"""The table of the READMEs, a line for each chapter of the textbook."""

from __future__ import annotations

from typing import Any

from d2l_repro.language import language, mark, tr
from d2l_repro.results.catalogue import entries
from d2l_repro.results.formatting import PLATFORMS, format_number, section_text

from .common import markdown
from .results import difference, interval_text, run_line, verdict_line
from .values import committed_values

# One row a chapter of the textbook: its test metric if it has one, else its training loss.
HEADLINES = (  # chapter, label from scratch, label with Gluon, metric, and what that is called
    ("linear_regression", "scratch", "gluon", "train_loss", mark("training loss")),
    ("softmax_regression", "scratch", "gluon", "test_acc", mark("test accuracy")),
    ("mlp", "scratch", "gluon", "test_acc", mark("test accuracy")),
    ("polynomial_fitting", "scratch cubic", "gluon cubic", "test_loss", mark("test loss, cubic")),
    ("weight_decay", "scratch lambda=0", "gluon wd=0", "l2_norm_w", mark("norm of w, λ = 0")),
    ("dropout", "scratch", "gluon", "test_acc", mark("test accuracy")),
    ("house_prices", "scratch book", "gluon book", "valid_log_rmse", mark("validation log RMSE")),
)
# In Chinese, two of them say more than such heads do elsewhere.
HEAD = {
    "en": (
        *("section", "chapter", "metric", "published", "scratch", "Gluon", "our seeds", "verdict"),
        "largest difference",
    ),
    "zh": (
        *("小节", "章节", "指标", "公布值", "从零开始", "Gluon", "本项目各种子的区间", "结论"),
        "参数最大差值",
    ),
}


def headlines() -> str:
    """Return the README's table, a line for each chapter of the textbook."""
    chapters, lines = committed_values(), []
    for name, *labels, metric, described in HEADLINES:
        # The first row of a run: others may be about the random data of another platform.
        found = [row for row in chapters[name]["published"] if row["metric"] == metric]
        rows = {row["run"]: row for row in reversed(found)}
        scratch, gluon = (rows[label] for label in labels)
        verdicts = dict.fromkeys(_verdict(row) for row in (scratch, gluon))
        lines.append(
            (
                section_text(entries()[name].section),
                f"`{name}`",
                tr(described),
                " / ".join(dict.fromkeys(format_number(row["value"], ".5g") for row in (scratch, gluon))),
                *(format_number(row["ours"], ".4g") for row in (scratch, gluon)),
                " / ".join(dict.fromkeys(interval_text(name, row) for row in (scratch, gluon))),
                # Chinese verdicts have commas of their own.
                (", " if language() == "en" else tr("; ")).join(verdicts),
                difference(chapters[name]),
            )
        )
    return f"{verdict_line()}\n\n{markdown(HEAD[language()], lines)}\n\n{run_line()}"


def _verdict(row: dict[str, Any]) -> str:
    text = tr(row["verdict"])
    on_macos = row["stream"] == "macos"
    return tr("{text} ({platform})", text=text, platform=PLATFORMS["macos"]) if on_macos else text


BLOCKS = {"headlines": headlines}
