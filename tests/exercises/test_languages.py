"""What a learner reads in Chinese says what the English says, and checks speak the reader's language."""

import ast
import re
import string
from pathlib import Path

import pytest
from mxnet import nd

import d2l_repro
from d2l_repro.columns import width
from d2l_repro.exercises import check, grade, texts
from d2l_repro.exercises.checker import check_functions
from d2l_repro.exercises.chinese import wording as chinese
from d2l_repro.exercises.english import wording as english
from d2l_repro.exercises.exercise import exercise_of
from d2l_repro.exercises.sandbox import check_file
from d2l_repro.language import LANGUAGES, VARIABLE

NAMES = texts.names()
by_name = pytest.mark.parametrize("name", NAMES)
by_language = pytest.mark.parametrize("language", LANGUAGES)
CHINESE = "[\u4e00-\u9fff]"
# Three words in a row, or one that no code contains.
ENGLISH = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}|\b(?:the|of|and|are|is|to|this|that|by)\b")


@pytest.fixture
def in_chinese(monkeypatch):
    monkeypatch.setenv(VARIABLE, "zh")


def text_in(language, name, monkeypatch):
    monkeypatch.setenv(VARIABLE, language)
    return texts.text_of(name)


def sentences_of(module):
    return {name: value for name, value in vars(module).items() if name.isupper()}


def fields_of(text):
    """Return the fields of a format string, with what says how they are shown."""
    return sorted((field, spec) for _, field, spec, _ in string.Formatter().parse(text) if field)


def prose_of(text):
    """Return what people read of a text, with an x for code, shapes and commands."""
    return re.sub(r"`[^`]*`|\w*\([^()]*\)|d2l-repro exercise \w+", "x", text)


# Translations


@by_name
def test_texts_have_the_same_parts(name, monkeypatch):
    ours, theirs = (text_in(language, name, monkeypatch) for language in LANGUAGES)
    assert ours.section == theirs.section
    assert [len(text.steps) for text in (ours, theirs)] == [len(exercise_of(name).steps)] * 2
    assert len(ours.hints) == len(theirs.hints)
    assert list(ours.mistakes) == list(theirs.mistakes)
    assert {key: fields_of(text) for key, text in ours.phrases.items()} == {
        key: fields_of(text) for key, text in theirs.phrases.items()
    }


@by_name
def test_formulas_have_the_same_symbols(name, monkeypatch):
    ours, theirs = (text_in(language, name, monkeypatch).formula for language in LANGUAGES)
    if re.search(CHINESE, theirs):  # in which words are translated
        ours, theirs = map(symbols_of, (ours, theirs))
        words = {symbol for symbol in ours if symbol.isalpha()}
        assert ours - words <= theirs <= ours
    else:
        assert ours == theirs


def symbols_of(formula):
    return set(re.findall(r"[A-Za-z0-9_']+|[-+*/<>=^|()]", formula))


@by_name
def test_templates_have_the_same_code(name, monkeypatch):
    def code_in(language):
        tree = ast.parse(text_in(language, name, monkeypatch).template)
        for function in tree.body:
            assert ast.get_docstring(function)
            del function.body[0]
        return ast.dump(tree)

    assert len({code_in(language) for language in LANGUAGES}) == 1


@by_language
@by_name
def test_started_file_stays_within_its_width(name, language, monkeypatch):
    monkeypatch.setenv(VARIABLE, language)
    lines = texts.template_of(name).splitlines()
    assert [line for line in lines if width(line) > texts.WIDTH] == []


@by_name
def test_texts_are_chinese_throughout(name, in_chinese):
    text = texts.text_of(name)
    prose = [text.title, text.task, text.commentary, *text.mistakes.values(), *text.phrases.values()]
    assert [part for part in prose if not re.search(CHINESE, part)] == []
    docstrings = [ast.get_docstring(function) for function in ast.parse(text.template).body]
    assert [part for part in docstrings if not re.search(CHINESE, part)] == []
    check_form([*prose, *docstrings, *text.steps, *text.hints])
    assert [part for part in text.mistakes.values() if part[-1] not in "。？"] == []


def check_form(parts):
    """Check that texts have no English in them, the marks of Chinese, and spaces where they belong."""
    prose = [prose_of(part) for part in parts]
    assert [part for part in prose if ENGLISH.search(part)] == []
    assert [part for part in prose if re.search(rf"{CHINESE}[,;:?!]|{CHINESE}\.(?!\w)", part)] == []
    assert [part for part in prose if re.search(rf"{CHINESE} +{CHINESE}", part)] == []
    # a space stands between Chinese and what is not, except for marks
    assert [part for part in prose if re.search(rf"{CHINESE}[A-Za-z0-9]|[A-Za-z0-9]{CHINESE}", part)] == []


def test_wording_has_the_same_names_and_fields():
    ours, theirs = sentences_of(english), sentences_of(chinese)
    assert {name: set(fields_of(text)) for name, text in ours.items()} == {
        name: set(fields_of(text)) for name, text in theirs.items()
    }
    same = {name for name in ours if ours[name] == theirs[name]}
    assert same <= {"OPEN"}
    check_form(text for name, text in theirs.items() if name not in ("HTML_LANG", "HEADER"))


def test_wording_has_every_name_that_is_used():
    package = Path(d2l_repro.__file__).parent
    sources = [*package.glob("exercises/*.py"), package / "cli" / "exercise.py"]
    used = {
        name for path in sources for name in re.findall(r"[^`]wording\.([A-Z_]+)", path.read_text("utf-8"))
    }
    assert used == sentences_of(english).keys()


# Checks


SEEN = {  # exercise, mistake -> what a message says of it
    ("softmax", "overflow"): "softmax(X)：[0, 0] 处的值为 nan，正确值为 0.244728。此处的输入为 X[0] = [1000",
    ("linreg", "flat"): "linreg(X, w, b)：形状为 (4,)，应为 (4, 1)。",
    ("data_iter", "drops the rest"): "10 个样本中没有出现过的个数：值为 2，正确值为 0。",
    ("sgd", "rebinds"): "这次迭代什么也没有改变。",
    ("dropout", "never"): "drop_prob 为 0.3 时，20000 个 1 中变成 0 的比例：值为 0，正确值为 0.",
    ("k_fold", "rest in last"): "k_fold(14, 4) 中最大与最小的折的大小之差超过 1 的部分：值为 1，正确值为 0。",
    ("batch_norm", "not kept"): "第 1 个小批量之后的 running_mean：[0] 处的值为 ",
    ("perplexity", "no exp"): "各批长度依次为 6 时的 perplexity(net, batches, state)：值为 ",
    ("train_ch3", "sum"): "第 1 轮的训练损失：值为 ",
}


@pytest.mark.parametrize(("name", "key"), SEEN)
def test_mistake_is_named_in_chinese(name, key, in_chinese):
    report = check_functions(name, exercise_of(name).with_mistake(key))
    assert report.mistakes == [key]
    assert SEEN[name, key] in report.message
    assert report.message.endswith(texts.text_of(name).mistakes[key])
    check_form([report.message, report.head])


def test_document_shows_what_a_check_says(in_chinese):
    report = check_functions("softmax", exercise_of("softmax").with_mistake("overflow"))
    document = Path(__file__).parents[2] / "docs" / "exercises.zh-CN.md"
    text = document.read_text(encoding="utf-8").replace("\n", "")
    assert report.head in text
    assert report.message in text


ANSWERS = [
    ("softmax", lambda X: None, "softmax(X)：得到的是 None。函数末尾是不是漏写了 `return`？"),
    ("softmax", lambda X: "text", "softmax(X)：得到的是 str 类型，应为数值数组。"),
    ("softmax", lambda X: undefined, "抛出 NameError: name 'undefined' is not defined。请查看这一行"),  # noqa: F821
    ("relu", lambda X: 3 * nd.relu(X), "所有的值都是正确值的 3.00 倍。"),
    ("relu", lambda X: 3 * nd.relu(X), "这道练习已知的 6 种错误都得不到这样的值。"),
    ("collapse", lambda *params: params[0], "得到的是 NDArray 类型，应为 2 个值：W, b。"),
    ("k_fold", lambda n, k: 3, "k_fold(12, 3)：得到的是 int 类型，无法迭代。"),
    ("data_iter", lambda *data: ["ab"], "产出的是 str 类型，应为一对 (X, y)。"),
]


@pytest.mark.parametrize(("name", "answer", "message"), ANSWERS, ids=range(len(ANSWERS)))
def test_answer_that_is_on_no_list_is_described_in_chinese(name, answer, message, in_chinese):
    assert message in check(name, answer).message


def test_report_is_shown_inline_in_chinese(in_chinese):
    page = check("relu", lambda X: X.abs())._repr_html_()
    assert "relu：第 2/3 步（数值）未通过" in page
    assert "&#10007; 数值" in page


def test_process_that_checks_speaks_the_readers_language(in_chinese, tmp_path):
    file = tmp_path / "relu.py"
    file.write_text("print('hello')\n\n\ndef relu(X):\n    open('/elsewhere', 'w')\n", encoding="utf-8")
    report = check_file("relu", file)
    assert report.message.startswith("程序在第 5 行（`open('/elsewhere', 'w')`）写入了 /elsewhere，")
    assert report.notes == ["代码打印了 1 行内容，检查时不予理会。开头为：hello"]
    assert report.titles == ["形状", "数值", "梯度"]


def test_file_started_in_one_language_is_checked_in_the_other(monkeypatch):
    monkeypatch.setenv(VARIABLE, "zh")
    functions = {}
    exec(compile(texts.template_of("relu"), "relu.py", "exec"), functions)
    monkeypatch.setenv(VARIABLE, "en")
    report = check_functions("relu", functions, file="relu.py")
    assert "relu still raises NotImplementedError in line 18." in report.message
    assert report.titles == ["shape", "values", "gradient"]


def test_grades_are_a_page_in_chinese_and_a_table_for_programs(in_chinese):
    reports = {"ada": {"relu": check("relu", lambda X: X.abs())}}
    page = grade.page(reports)
    assert '<html lang="zh-CN">' in page
    assert "<th>学生</th><th>完成</th>" in page
    assert grade.table(reports).startswith(
        "student,exercise,passed,steps,done,failed_step,mistakes,message\n"
    )
