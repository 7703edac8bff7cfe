"""That readers of Chinese have all that benchmarks record in Chinese, and readers of English as it is."""

import re
from pathlib import Path

import pytest

from d2l_repro import language
from d2l_repro.bench import contests, growth, operators
from d2l_repro.results import costs, speed
from d2l_repro.results.bench_words import contestant_text, in_language

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {"Gluon", "PyTorch", "scikit-learn", "--jobs 1", "--jobs 2"}  # the same in every language


def recorded():
    """Return the texts of the committed records, and of what would be measured today."""
    measured = [*speed.committed().contests.values(), *contests.CONTESTS.values()]
    sweeps = [*costs.committed().growth.values(), *growth.SWEEPS.values()]
    demanded = [contest.limit for contest in contests.CONTESTS.values() if contest.limit]
    return {
        *(one.title for one in (*measured, *sweeps)),
        *(sweep.axis for sweep in sweeps),
        *(f"one {sweep.unit}" for sweep in sweeps),
        *(f"1 s per {contest.unit}" for contest in measured),
        *(f"time per {contest.unit}" for contest in measured),
        *(row["operator"] for contest in speed.committed().contests.values() for row in contest.operators),
        *(str(operator) for found in demanded for operator in operators.collected(found())),
        *(
            text
            for one in speed.committed().contests.values()
            for text in " ; ".join(one.kernels.values()).split("; ")
        ),
    }


def contestants():
    growing = [name for sweep in costs.committed().growth.values() for name in sweep.seconds]
    return {name for one in speed.committed().contests.values() for name in one.seconds}.union(
        growing, *(contest.contestants for contest in contests.CONTESTS.values())
    )


def test_every_text_of_a_record_has_its_chinese(monkeypatch):
    texts, names = recorded(), contestants() - NAMES
    assert len(texts) > 60
    assert {text: in_language(text) for text in texts} == {text: text for text in texts}
    monkeypatch.setenv(language.VARIABLE, "zh")
    told = [*map(in_language, texts), *map(contestant_text, names)]
    assert [text for text in told if not re.search("[\u4e00-\u9fff\uff08]", text)] == []
    assert contestant_text("limit") == "极限"
    assert in_language("torch.mm, transposed") == "torch.mm\uff08转置\uff09"


@pytest.mark.parametrize("name", ["performance", "results"])
def test_tables_of_chinese_documents_have_chinese_heads(name):
    text = (DOCS / f"{name}.zh-CN.md").read_text(encoding="utf-8")
    heads = re.findall(r"^\| (.*) \|\n\| ---", text, flags=re.MULTILINE)
    assert len(heads) >= 4
    assert [
        head for line in heads for head in line.split(" | ") if not re.search("[\u4e00-\u9fff]", head)
    ] == []


def test_growth_and_goals_are_told_in_chinese(monkeypatch):
    monkeypatch.setenv(language.VARIABLE, "zh")
    for sweep in costs.committed().growth.values():
        assert not re.search("theory|grows|power", sweep.text())
    goals = filter(None, map(speed.goal_text, speed.committed().contests.values()))
    assert all("极限" in text for text in goals)
