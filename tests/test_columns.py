"""Text in columns of a terminal, in which a Chinese character takes two."""

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.columns import CLOSING, OPENING, balanced, padded, width, wrapped
from d2l_repro.results.table_text import aligned

# Words of English and code, Chinese, and marks. No piece of them is wider than the narrowest line.
PIECES = ["softmax(X) ", "a ", "小批量", "梯度，", "（见下）", "“行”的", " "]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)


def test_width_counts_chinese_characters_twice():
    assert [width(text) for text in ("", "abc", "权重", "w 的值，")] == [0, 3, 4, 8]
    assert [padded("权重", 6), padded("权重", 6, on_left=True), padded("权重", 3)] == [
        "权重  ",
        "  权重",
        "权重",
    ]


@given(TEXTS, st.integers(14, 40))
def test_wrapped_keeps_the_width_and_the_text(text, columns):
    lines = wrapped(text, columns).split("\n")
    assert max(map(width, lines)) <= columns
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert [line for line in lines[1:] if line != line.strip()] == []


@given(TEXTS, st.integers(14, 40))
def test_balanced_takes_no_more_lines_than_wrapped_and_none_that_is_longer_than_needed(text, columns):
    lines, longest = balanced(text, columns).split("\n"), max(map(width, wrapped(text, columns).split("\n")))
    assert len(lines) == wrapped(text, columns).count("\n") + 1
    assert max(map(width, lines)) <= longest
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_balanced_leaves_no_word_alone():
    text = "one two three four five six seven"
    assert wrapped(text, 28) == "one two three four five six\nseven"
    assert balanced(text, 28) == "one two three four\nfive six seven"


@given(TEXTS, st.integers(14, 40))
def test_wrapped_breaks_no_word_and_begins_no_line_with_a_closing_mark(text, columns):
    lines = wrapped(text, columns).split("\n")
    assert sum(line.count("softmax(X)") for line in lines) == text.count("softmax(X)")
    assert [line for line in lines[1:] if line[:1] and line[0] in CLOSING] == []
    assert [line for line in lines[:-1] if line and line[-1] in OPENING] == []


def test_wrapped_in_english_is_what_the_standard_library_does():
    text = "A well-known  sentence with `code` in it, " * 5
    assert wrapped(text, 40) == textwrap.fill(text, 40, break_on_hyphens=False)


def test_aligned_columns_begin_at_the_same_column_of_the_terminal():
    rows = [{"练习": "softmax", "标题": "不会溢出"}, {"练习": "k_fold", "标题": "划分"}]
    assert aligned(rows).splitlines() == ["练习     标题", "softmax  不会溢出", "k_fold   划分"]
    assert aligned(rows, right=["标题"]).splitlines()[2] == "k_fold       划分"
