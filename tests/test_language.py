"""The language of messages: which one it is, that all have their Chinese, and that files never change."""

import ast
import gettext
import importlib
import importlib.util
import json
import logging
import os
import re
import string
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from chapters import linear_regression
from d2l_repro import d2lzh, language
from d2l_repro.cli import main as cli
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.columns import drawn_together, spread_out, unbroken, width, wrapped
from d2l_repro.language import retell, tr, trn
from d2l_repro.results import card, catalogue, plot, summary
from d2l_repro.results.formatting import in_words, metric_name
from d2l_repro.results.history import History
from d2l_repro.results.plot import chinese
from d2l_repro.results.printed import published_values
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult, Status, message_text
from d2l_repro.results.table_text import aligned, cell_text, head_text, title_text
from d2l_repro.settings import choose_language
from d2l_repro.train.loop import TrainingDiverged
from kaggle_house import cli as house_cli
from kaggle_house import reading
from kaggle_house.model_card import format_card

ROOT = Path(__file__).parents[1]
FOLDER = Path(language.FOLDER, "zh", "LC_MESSAGES")
PACKAGES = ("d2l_repro", "chapters", "kaggle_house", "scripts")
SOURCES = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
HAN = r"\u4e00-\u9fff"
NO_FONT = (
    "no font with Chinese characters was found, so that figures stay in English; install one, such as the "
    "package fonts-noto-cjk"
)


@pytest.fixture
def zh(monkeypatch):
    """Speak Chinese."""
    monkeypatch.setenv(language.VARIABLE, "zh")


@pytest.fixture
def undecided(monkeypatch):
    """Leave the language to the locale, which a test sets; a command may choose another one."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(language.VARIABLE, "")
    return monkeypatch.setenv


def messages():
    """Return every message with its Chinese, as gettext reads them; of a plural its first form."""
    with open(FOLDER / "d2l_repro.mo", "rb") as file:
        catalogue = gettext.GNUTranslations(file)._catalog
    return {key if isinstance(key, str) else key[0]: text for key, text in catalogue.items() if key}


# The catalogue


@pytest.fixture(scope="module")
def script():
    """Return scripts/catalogue.py as a module."""
    pytest.importorskip("babel", reason="no Babel, which is for development")
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / "scripts" / "catalogue.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_catalogue_has_every_message_of_the_code_and_is_compiled(script, capsys):
    assert script.main(["--check"]) == 0, capsys.readouterr().err
    with script.PO.open("rb") as file:
        committed = script.read_po(file)
    assert not committed.obsolete
    assert [message.id for message in committed if message.fuzzy and message.id] == []
    assert len(messages()) == len(committed) > 800


def test_catalogue_notices_what_is_missing_left_over_or_not_compiled(script, tmp_path, monkeypatch, capsys):
    po, mo = tmp_path / "a.po", tmp_path / "a.mo"
    text = script.PO.read_text(encoding="utf-8")
    po.write_text(text.replace('msgid "accuracy"', 'msgid "accuracies"'), encoding="utf-8")
    mo.write_bytes(script.MO.read_bytes())
    monkeypatch.setattr(script, "PO", po)
    monkeypatch.setattr(script, "MO", mo)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(
        script, "messages", lambda: iter([("accuracy", "x"), (("a {count}", "{count}"), "x")])
    )
    assert script.main([]) == 1
    assert "no Chinese of 'accuracy'" in capsys.readouterr().err
    assert "accuracies" not in po.read_text(encoding="utf-8")
    po.write_text(po.read_text(encoding="utf-8").replace('accuracy"\nmsgstr ""', 'accuracy"\nmsgstr "x"'))
    assert script.main(["--check"]) == 1
    assert capsys.readouterr().err.count("run: make catalogue") == 1  # the other is compiled from it


def test_catalogue_reads_messages_of_calls_also_in_f_strings(script):
    source = 'f"{tr(\'a\')}"; trn("one", "many", 2); mark("b" "c"); tr(name); tr("")'
    assert list(script.messages_in(source)) == [("one", "many"), "bc", "a"]


def fields(text):
    return Counter(re.findall(r"\{[^{}\s]*\}", text.replace("{{", "").replace("}}", "")))


def test_chinese_has_the_placeholders_of_its_message():
    assert [key for key, text in messages().items() if set(fields(key)) != set(fields(text))] == []


def test_chinese_is_written_as_chinese():
    every = messages()
    bare = {key: re.sub(r"`[^`]*`|\{\w*\}|\([\w.\[\], =-]*\)", "", text) for key, text in every.items()}
    same = [key for key, text in every.items() if not re.search(f"[{HAN}，。；：、（）]", text)]
    # A name, and what the Chinese has no words for.
    assert sorted(same) == ["Gluon", "a net {what}", "en", "gluon", "{agree} of {count}", "{part} of {whole}"]
    halfwidth = rf"[{HAN}][,;:!?]|[,;:!?][{HAN}]|[{HAN}] ?\(|\) ?[{HAN}]"
    assert [text for text in bare.values() if re.search(halfwidth, text)] == []
    # Simplified characters, and none of the terms that the documents in Chinese avoid.
    avoided = "[這們與學習說對數據損測試訓練準確權網]|迭代周期|重现"
    assert [text for text in every.values() if re.search(avoided, text)] == []


def calls():
    """Yield (file, function, its arguments) of every call that looks a message up."""
    sources = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    for path in [path for path in sources if re.search(r"\b(tr|trn|mark)\(", sources[path])]:
        for node in ast.walk(ast.parse(sources[path])):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("tr", "trn", "mark"):
                yield path.name, node.func.id, node


def test_messages_are_written_out_and_given_what_they_name():
    for name, function, node in calls():
        texts = node.args[:2] if function == "trn" else node.args[:1]
        assert not any(isinstance(text, (ast.JoinedStr, ast.BinOp)) for text in texts), (name, node.lineno)
        given = {keyword.arg for keyword in node.keywords} | ({"count"} if function == "trn" else set())
        for text in texts:
            if isinstance(text, ast.Constant) and given:
                named = {
                    field for _, field, _, _ in string.Formatter().parse(text.value) if field is not None
                }
                assert named <= given, (name, text.value)
                assert function == "trn" or named == given, (name, text.value)


# Which language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_SG.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", language.VARIABLE: "en"}, "en"),
        ({"LANG": "de_DE.UTF-8", language.VARIABLE: "xx"}, "en"),
    ],
)
def test_language_is_that_of_the_variable_or_else_of_the_locale(undecided, environment, expected):
    for name, value in environment.items():
        undecided(name, value)
    assert language.language() == expected


def test_flag_is_taken_out_wherever_it_stands():
    assert language.without_flag(["a", "--lang", "zh", "-b"]) == (["a", "-b"], "zh")
    assert language.without_flag(["--lang=en", "a"]) == (["a"], "en")
    assert language.without_flag(["a", "--lang"]) == (["a"], "")
    assert language.without_flag(["a", "--langs"]) == (["a", "--langs"], None)


@pytest.mark.parametrize(
    ("main", "prog"),
    [
        (lambda argv: cli.main(["list", *argv]), "d2l-repro"),
        (lambda argv: cli.main([*argv, "run", "mlp"]), "d2l-repro"),
        (lambda argv: run_chapter(linear_regression.chapter, argv), "python -m chapters.linear_regression"),
        (lambda argv: house_cli.main(["kfold", *argv]), "python -m kaggle_house"),
    ],
)
@pytest.mark.parametrize("argv", [["--lang", "xx"], ["--lang=xx"]])
def test_unknown_language_is_one_line(undecided, main, prog, argv, capsys):
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output == ("", f"{prog}: error: --lang: unknown language 'xx'; choose from en, zh\n")


def test_flag_without_a_language_says_what_there_is(undecided, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["list", "--lang"])
    assert capsys.readouterr().err.endswith("--lang: no language given; choose from en, zh\n")


def test_list_in_chinese_has_a_line_for_each_chapter(undecided, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--lang", "zh", "list"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["章节", "小节", "用时", "标题", "数据"]
    (softmax,) = (line for line in lines if line.startswith("softmax_regression "))
    assert "3.4 至 3.7" in softmax
    assert "Fashion-MNIST 上的 softmax 回归  " in softmax
    assert "from scratch" not in "".join(lines)
    places = {width(line[: line.index("  ", 30)]) // 100 for line in lines}
    assert places == {0}


def run(*argv, **environment):
    own = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", language.VARIABLE: "", **environment}
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env={**os.environ, **own}, capture_output=True, encoding="utf-8"
    )


def test_flag_reaches_what_is_said_before_a_chapter_is_imported():
    process = run("-m", "chapters.mpl", "--lang", "zh")
    assert process.returncode == 2
    assert process.stderr.startswith("python -m chapters: 错误：未知的章节 'mpl'；是不是想用 mlp？可选：")
    assert process.stderr.count("\n") == 1


def test_terminal_without_chinese_gets_english_or_one_line():
    latin = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    asked = run("-m", "chapters.mpl", "--lang", "zh", **latin)
    assert asked.returncode == 2
    assert "which lacks Chinese; set PYTHONIOENCODING=utf-8\n" in asked.stderr
    by_locale = run("-m", "chapters.mpl", LANG="zh_CN.UTF-8", LC_ALL="", **latin)
    assert by_locale.stderr.startswith("python -m chapters: error: unknown chapter 'mpl'; did you mean mlp?")


def test_commands_need_neither_babel_nor_in_english_the_catalogue(monkeypatch):
    code = (
        "import sys; from d2l_repro import language; from d2l_repro.cli import main; "
        "assert language._catalogue.cache_info().currsize == 0; language.set_language('zh'); "
        "assert language.tr('accuracy') != 'accuracy'; assert 'babel' not in sys.modules"
    )
    process = run("-c", code)
    assert (process.returncode, process.stderr) == (0, "")


# In a line of a help: names of flags, choices, code and files, and names with a capital.
NAMES = r"--?[\w-]+|\{[^}]*\}|`[^`]*`|\$\w+|[\w./]*[./]\w*|[A-Z]\w*"
TYRO = "show this help message and exit"


@pytest.mark.parametrize(
    "argv",
    [
        ["-m", "d2l_repro", "run", "mlp", "dropout"],
        ["-m", "d2l_repro", "compare"],
        ["-m", "chapters.linear_regression"],
        ["-m", "kaggle_house", "sweep"],
    ],
)
def test_help_in_chinese_has_no_english_sentence_and_straight_frames(argv):
    lines = run(*argv, "--help", "--lang", "zh", COLUMNS="80").stdout.splitlines()
    framed = [line for line in lines if line[:1] in tuple("│╭╰")]
    assert len(framed) > 5
    assert len({width(line) for line in framed}) == 1
    rest = [re.sub(NAMES, "", line) for line in lines if TYRO not in line]
    assert [line for line in rest if re.search("[a-z]{2,} [a-z]{2,} [a-z]{2,}", line)] == []


def test_help_without_chinese_is_that_of_the_classes_themselves(undecided, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["run", "mlp", "--help", "--lang", "en"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "units of the hidden layer (default: 256)" in text
    assert "Run mlp: " in text


TEXTS = ("", "a", "中文", "用 Adam 训练", "（默认：无）", "训练集，测试集", "x的y")


@pytest.mark.parametrize("text", TEXTS)
def test_spread_out_text_has_a_character_for_each_column_and_comes_back(text):
    assert len(spread_out(text)) == width(text)
    assert drawn_together(spread_out(text)) == text
    assert drawn_together(unbroken(text)) == text
    assert " " not in unbroken(text.replace(" ", ""))


@pytest.mark.parametrize(
    ("name", "chinese"),
    [
        ("Depth and width", "深度"),
        ("Depth and width: 20 nets of each shape at a learning rate of 5", "学习率为 5"),
        ("Test accuracy of the variants, scratch", "各变体的测试准确率，从零开始"),
        ("of someone's own", "of someone's own"),
    ],
)
def test_titles_of_tables_are_retold(zh, name, chinese):
    assert chinese in title_text(name)


def test_heads_and_cells_of_tables_are_retold_with_their_values(zh):
    assert head_text("10 epochs, train") == "10 轮，训练"
    assert head_text("published test acc").startswith("公布的测试准确率")
    assert cell_text("1e-4 to 1e-3", "estimated") == "1e-4 至 1e-3"
    assert cell_text("L1 1e-5", "variant") == "L1 1e-5"


def test_help_names_the_flag_in_its_last_line(undecided, capsys):
    for main in (cli.main, house_cli.main):
        with pytest.raises(SystemExit, match="0"):
            main(["check" if main is house_cli.main else "report", "--help", "--lang", "zh"])
        assert capsys.readouterr().out.splitlines()[-1].startswith("--lang {en,zh}：消息和报告的语言")


def test_misspelt_flag_for_the_language_is_answered(undecided, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["report", "--langage", "zh"])
    assert "did you mean --lang?" in capsys.readouterr().err


# What is said


def test_english_is_the_message_itself():
    assert tr("{path}: is empty", path="{a}") == "{a}: is empty"
    assert [trn("{count} core", "{count} cores", n) for n in (0, 1, 2)] == ["0 cores", "1 core", "2 cores"]
    assert retell("epoch", "epoch") == "epoch"


def test_chinese_has_one_form_for_any_number(zh):
    assert [trn("{count} core", "{count} cores", n) for n in (1, 2)] == ["1 个核", "2 个核"]
    assert tr("a text that nobody has translated, of {n}", n=3) == "a text that nobody has translated, of 3"
    assert tr("") == ""


def test_recorded_messages_are_retold(zh):
    error = TrainingDiverged(
        "training diverged in epoch 3: mean loss nan (0.5 in the first) at learning rate 9; try a smaller "
        "learning rate, scaled features or clipped gradients",
        History(),
    )
    assert error.message.startswith("training diverged in epoch 3")
    assert str(error) == message_text(error.message)
    assert str(error).startswith("训练在第 3 轮发散：学习率为 9 时平均损失为 nan（第一轮为 0.5）；")
    assert message_text("something else {x}") == "something else {x}"


def test_values_of_a_recorded_message_are_retold_where_they_are_messages(zh):
    title = "Which columns matter (generated houses, not the competition's)"
    assert retell(title, *chinese.WORDS) == "Which columns matter（生成的房屋，不是比赛的数据）"
    assert retell(title, *chinese.WORDS, parts=chinese.WORDS) == "哪些列重要（生成的房屋，不是比赛的数据）"


def test_model_card_is_in_chinese_while_its_file_is_in_english(zh):
    recorded = [
        ("Data", card.HOUSES.format(houses=120, others=20, data=card.GENERATED, data_hash="0a")),
        ("Folds", card.REPEATED_FOLDS.format(k=5, kind="random", repeats=3, seed=0)),
        (card.MINUS.format(baseline="ridge regression"), card.DIFFERENCE.format(difference=1, low=2, high=3)),
        ("Recipe", "tuned: lr 0.1"),
    ]
    text = format_card(recorded)
    assert text.startswith(
        "# 模型卡：房价预测\n\n**数据**：120 座有价格的房屋，20 座待预测的房屋：生成的房屋"
    )
    assert "**各折**：5 折，随机划分，重复 3 次，随机种子为 0；" in text
    assert "**对数均方根误差与岭回归之差**：各折平均为 1；" in text
    assert text.endswith("**方案**：tuned: lr 0.1\n")


def test_result_json_is_the_same_in_every_language(undecided, tmp_path):
    contents, texts = {}, {}
    for name in language.LANGUAGES:
        undecided(language.VARIABLE, name)
        result = linear_regression.run(quick=True, impl="gluon")
        contents[name], texts[name] = result.as_json(), str(result)
    assert "True and learned weights\n" in texts["en"]
    assert "真实的与学到的权重\n" in texts["zh"]
    assert "没有与公布值比较：数据或设置不是本章自己的" in texts["zh"]
    for content in contents.values():
        for run_content in content["runs"].values():
            run_content["history"].pop("seconds", None)
        for title in [title for title in content["tables"] if title.startswith("Time")]:
            del content["tables"][title]
    times = ("finished", "seconds")
    english, chinese_content = (
        {name: value for name, value in contents[code].items() if name not in times} for code in ("en", "zh")
    )
    assert chinese_content == english


def test_result_shows_chinese_tables_of_what_it_recorded(zh):
    result = Result("mlp", 0, {}, dataset="digits", stand_in_for="fashion_mnist", environment={})
    history = History([{"epoch": 1, "train_loss": 0.5, "test_acc": 0.75, "seconds": 0.1}])
    result.runs = [
        RunResult("scratch", "", 0, history, history.last_numbers()),
        RunResult("gluon", "", 0, status=Status.FAILED, message="interrupted after 2 finished epochs"),
    ]
    pair = {"ours": "scratch", "theirs": "gluon", "steps": 50, "max_abs_diff": 1.0, "tolerance": 1e-6}
    result.parity = {"steps": 50, "max_abs_diff": 1.0, "pairs": [{**pair, "left_at": {"step": 7}}]}
    text = str(result)
    for part in (
        "失败\n",
        "完成 2 轮后被中断",
        "训练损失",
        "测试准确率",
        "否，从第 7 步起",
        "用 digits 代替了 fashion_mnist",
    ):
        assert part in text, part
    assert "<h3>mlp，数据集 digits</h3>" in result._repr_html_()
    json_text = json.dumps(summary.Summary(Path(), [result]).as_json())
    assert "interrupted after 2 finished epochs" in json_text


def test_house_tables_name_line_and_column_in_chinese(zh, tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("Id;SalePrice\n1;2\n")
    with pytest.raises(ValueError, match="各列以 ';' 分隔；请保存为以逗号分隔的文件"):
        reading.read_table(path, has_price=False)


def test_drop_in_prints_the_books_lines_and_warns_in_chinese(zh, offline, caplog, capsys):
    d2lzh.train_2d(lambda x1, x2, s1, s2: (x1, x2, s1, s2))
    assert capsys.readouterr().out == "epoch 20, x1 -5.000000, x2 -2.000000\n"
    with caplog.at_level(logging.WARNING):
        d2lzh.get_data_ch7()
    assert "也无法下载；改用生成的表格，结果会与书中不同" in caplog.text
    with pytest.raises(AttributeError, match=r"没有 'resnet1818'.*docs/migrating\.zh-CN\.md"):
        d2lzh.resnet1818  # noqa: B018


# Terminals and figures


def test_tables_are_aligned_by_what_a_terminal_shows(zh):
    table = aligned([{"run": "甲乙", "value": "1"}, {"run": "abcde", "value": "22"}], right=("value",))
    lines = table.splitlines()
    assert lines[0].startswith("运行 ")
    assert {width(line) for line in lines} == {max(map(width, lines))}


@pytest.mark.parametrize("columns", [12, 30])
def test_chinese_is_wrapped_at_any_character_but_not_before_a_stop(zh, columns):
    text = "只在一方有：mlp、softmax_regression，另有 3 项（共 12 项）。"
    lines = wrapped(text, columns, "  ", "    ").splitlines()
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= columns or " " not in line.strip() for line in lines)
    assert not any(line.strip()[0] in "，。；：、）" for line in lines)


def drawn(monkeypatch, names):
    """Return the texts of a figure, and its file, on a system with fonts of these names."""
    manager = chinese.font_manager.fontManager
    known = [font for font in manager.ttflist if font.name in ("DejaVu Sans", *names)]
    monkeypatch.setattr(manager, "ttflist", known)
    monkeypatch.setattr(chinese.font_manager, "findSystemFonts", lambda: [])
    chinese.font.cache_clear()
    history = History([{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.4}])
    runs = {"scratch": RunResult("scratch", "", 0, history, {})}
    figure = plot.training_curves(runs, "Learning curves of the folds")
    svg = plot.render(figure, "svg").decode()
    chinese.font.cache_clear()
    return re.findall(r"<!-- (.*?) -->", svg), svg


def test_figures_stay_in_english_with_one_warning_where_no_font_has_chinese(zh, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING):
        texts, _ = drawn(monkeypatch, ())
    assert {"epoch", "loss", "training"} <= set(texts)
    assert [record.getMessage() for record in caplog.records] == [tr(NO_FONT)]


def test_figures_have_chinese_words_in_a_font_that_has_them(zh, monkeypatch, recwarn):
    installed = {font.name for font in chinese.font_manager.fontManager.ttflist} & set(chinese.FONTS)
    if not installed:
        pytest.skip("no font with Chinese characters on this machine")
    texts, svg = drawn(monkeypatch, installed)
    assert {"轮次", "损失", "训练"} <= set(texts)
    assert "<dc:title>各折的学习曲线</dc:title>" in svg
    assert [str(warning.message) for warning in recwarn if "missing" in str(warning.message)] == []


def titles_in(path):
    """Return the titles that a chapter's code gives its figures, with 7 in place of what it fills in."""
    values = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("plot."):
            values += node.args
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).lower().endswith("title"):
            values.append(node.value)
    for value in values:
        parts = value.values if isinstance(value, ast.JoinedStr) else [value]
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)
        if re.match(r"[A-Z].* ", text):
            yield text


def test_titles_of_figures_have_their_chinese(zh, monkeypatch):
    monkeypatch.setattr(chinese, "font", lambda: "a font")
    tables = {"The first lines of three submissions, SalePrice by model, 77", "Every variant, the best first"}
    found = {title for path in (ROOT / "chapters").glob("*.py") for title in titles_in(path)} - tables
    assert len(found) > 30
    found = {title.replace("All 7", "All draws") for title in found}
    assert [title for title in found if not re.search(f"[{HAN}]", chinese.title_text(title))] == []
    modules = [importlib.import_module(f"chapters.{name}") for name in catalogue.entries()]
    compared = [title for m in modules if hasattr(m, "comparisons") for title in m.comparisons(m.HParams())]
    untold = [title for title in compared if chinese.title_text(f"{title} on MNIST, with Gluon").count(title)]
    assert set(untold) <= {"MLP"}


@pytest.mark.parametrize(
    ("title", "chinese_title"),
    [
        (
            "Softmax regression on MNIST: 72.4% of the test images right, from scratch",
            "MNIST 上的 softmax 回归，从零开始实现：测试图像分对 72.4%",
        ),
        (
            "Weight decay brings the test loss from 55.6 to 1.6, from scratch",
            "权重衰减使测试损失从 55.6 降到 1.6，从零开始实现",
        ),
        (
            "Linear regression: the loss falls to 0.04, noise alone gives 5e-05, with Gluon",
            "线性回归，Gluon 实现：损失降到 0.04，仅噪声就有 5e-05",
        ),
    ],
)
def test_titles_say_in_chinese_whose_value_they_have(zh, monkeypatch, title, chinese_title):
    monkeypatch.setattr(chinese, "font", lambda: "a font")
    assert chinese.title_text(title) == chinese_title


def test_choosing_a_language_twice_keeps_the_last(undecided):
    assert choose_language(["a", "--lang", "zh"]) == ["a"]
    assert language.language() == "zh"
    assert choose_language(["--lang", "en"]) == []
    assert language.language() == "en"


def test_every_published_metric_has_a_chinese_name(monkeypatch):
    names = {row["metric"] for row in published_values()}
    monkeypatch.setenv(language.VARIABLE, "zh")
    assert [name for name in names if head_text(in_words(name)) == in_words(name)] == []
    assert metric_name("step_500_valid_acc") == "第 500 步的验证准确率"
    assert metric_name("norm_bias_3") == "第 3 层的偏差的范数"
    assert metric_name("perplexity_after_1193") == "1193 个小批量之后的困惑度"
    assert metric_name("of_a_plugin_7") == "of a plugin 7"
