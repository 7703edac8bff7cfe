"""The notebooks of docs/notebooks: what their scripts contain, and what the published ones show."""

import ast
import dataclasses
import html
import importlib
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from d2l_repro.exercises import texts
from d2l_repro.results import catalogue
from d2l_repro.results.walkthrough import published_table
from kaggle_house.schema import FEATURES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
MAX_BYTES = 4_000_000  # of all published notebooks
STAND_INS = ("digits", "colour_digits", "generated", "grammar", "numbers")
# To replace in a notebook's code when it is tried: the same steps, but fewer of them.
SHORTER = {
    "fully_connected_nets": {
        "hp = chapter.HParams()": "hp = chapter.HParams(num_epochs=1, num_epochs_fifty=1)"
    },
    "house_prices": {"HParams()": "HParams(num_epochs=10)"},
    "kaggle_house": {"num_epochs=10": "num_epochs=2"},
    "language_model": {"num_epochs=12": "num_epochs=2"},
    "lenet": {"HParams(num_steps=200": "HParams(num_steps=200, batch_size=10, num_hiddens=64"},
    "lstm_sine": {"book_steps=1000": "book_steps=50"},
    "machine_translation": {"num_epochs=10": "num_epochs=2", "num_epochs=15": "num_epochs=2"},
    "mnist_regularization": {"steps=600": "steps=60"},
    "rbf_network": {"hp = rbf_network.HParams()": "hp = rbf_network.HParams(num_epochs=10)"},
    "transfer_learning": {"source_steps=200, steps=60": "source_steps=20, steps=6", "=600": "=60"},
    "two_moons": {
        "hp = two_moons.Setting()": "hp = two_moons.Setting(num_epochs=300)",
        "lr=5.0, num_epochs=1000": "lr=5.0, num_epochs=100",
        "short = hp.replace(num_epochs=1000)": "short = hp.replace(num_epochs=100)",
    },
    "vanishing_gradients": {"HParams()": "HParams(num_epochs=100)"},
    "xor": {"hp = xor.HParams()": "hp = xor.HParams(steps=5)"},
}
ROWS_OF = ("house_prices", "kaggle_house", "language_model")  # whose data are shown as aggregates only
by_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
published = pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def publisher():
    """Return scripts/notebooks.py as a module."""
    pytest.importorskip("jupytext", reason="no jupytext: pip install 'd2l_repro[docs]'")
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "scripts" / "notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells_of(script):
    """Return the cells of a percent script: (what follows `# %%`, content)."""
    _, *parts = re.split(r"^# %%(.*)\n", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [(header.strip(), body.strip("\n")) for header, body in zip(parts[::2], parts[1::2])]


def prose_of(script):
    """Return the markdown of a script, cell by cell."""
    return [
        re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        for header, body in cells_of(script)
        if header == "[markdown]"
    ]


def code_of(script):
    """Return the code of a script, cell by cell, as (is left to the reader, code)."""
    return [("skip-execution" in header, body) for header, body in cells_of(script) if header != "[markdown]"]


def section(script, title):
    """Return what stands below a heading, or None."""
    found = re.search(
        rf"^## {title}\n(.*?)(?=^## |\Z)", "\n".join(prose_of(script)), re.MULTILINE | re.DOTALL
    )
    return found and found[1]


def outputs_of(path):
    """Return what the cells of a published notebook show, as text; figures are left out."""
    shown = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = {"text/plain": output.get("text", "")} | output.get("data", {})
            shown += [
                "".join(content) for kind, content in data.items() if kind.startswith("text/") and content
            ]
    return shown


# The scripts


def test_every_chapter_has_a_notebook_and_so_have_the_house_prices():
    assert {path.stem for path in SCRIPTS} == {*catalogue.entries(), "kaggle_house"}


@by_script
def test_script_has_prose_in_markdown_cells_only(script):
    headers = [header for header, _ in cells_of(script)]
    assert set(headers) == {"", "[markdown]", 'tags=["skip-execution"]'}
    for _, code in code_of(script):  # a comment beside code is no sentence of the text
        assert not re.search(r"^# [A-Z]", code, flags=re.MULTILINE)


@by_script
def test_script_names_its_source_as_the_chapter_does(script):
    entry = catalogue.entries().get(script.stem) or catalogue.entries()["house_prices"]
    begin = " ".join(prose_of(script)[0].split())
    if entry.section == "article":
        assert "article" in begin
    else:
        assert f"section {entry.section}" in begin or f"sections {entry.section}" in begin


@by_script
def test_script_ends_with_what_was_published_two_things_to_try_and_exercises(script):
    headings = re.findall(r"^## (.*)", "\n".join(prose_of(script)), flags=re.MULTILINE)
    has_exercise = headings[-1] == "Exercise"
    assert headings[-3 if has_exercise else -2 :][:2] == ["What was published", "Two things to try"]
    assert [left for left, _ in code_of(script)].count(True) == 2
    tries = re.split(r"^\*\*\d\. ", section(script, "Two things to try"), flags=re.MULTILINE)[1:]
    assert [text.count("?") > 0 for text in tries] == [True, True]


@by_script
def test_script_goes_through_the_code_of_its_chapter(script):
    code = "\n".join(code for _, code in code_of(script))
    module = f"chapters import {script.stem}" if script.stem != "kaggle_house" else "kaggle_house import"
    assert f"from {module}" in code
    assert "inspect.getsource(" in code or script.stem == "ndarray_autograd"


@by_script
def test_exercises_that_a_script_names_exist(script):
    names = re.findall(r"`(\w+)`", section(script, "Exercise") or "")
    assert set(names) <= set(texts.names())
    calls = re.findall(r"^d2l-repro exercise (start|check) (\w+)$", "\n".join(prose_of(script)), re.MULTILINE)
    assert len(calls) == 2 * bool(names)
    assert {name for _, name in calls} <= set(names)


def test_every_exercise_belongs_to_a_notebook():
    named = {name for script in SCRIPTS for name in re.findall(r"`(\w+)`", section(script, "Exercise") or "")}
    assert set(texts.names()) == named


@by_script
def test_formulas_of_a_script_are_closed(script):
    for cell in prose_of(script):
        text = re.sub(r"```.*?```|`[^`]*`", "", cell, flags=re.DOTALL).replace(r"\$", "")
        text = re.sub(r"\$(?=\d[\d,]*(?!.*?\$))", "", text)  # an amount of dollars
        assert text.count("$$") % 2 == 0
        for formula in re.findall(r"\$\$(.*?)\$\$", text, flags=re.DOTALL):
            bare = re.sub(r"\\[{}]", "", formula)
            assert bare.count("{") == bare.count("}"), formula
            assert formula.count(r"\begin") == formula.count(r"\end"), formula


@by_script
def test_script_uses_only_names_that_exist(script):
    tree = ast.parse("\n".join(code for _, code in code_of(script)))
    bound, missing = imported_names(tree)
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound = {name: value for name, value in bound.items() if name not in stored}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and resolve(node.value, bound) is not None:
            owner = resolve(node.value, bound)
            if not hasattr(owner, node.attr) and not in_instances(owner, node.attr):
                missing.append(ast.unparse(node))
        if isinstance(node, ast.Call) and dataclasses.is_dataclass(resolve(node.func, bound)):
            fields = {field.name for field in dataclasses.fields(resolve(node.func, bound))}
            missing += [
                f"{ast.unparse(node.func)}({k.arg}=)" for k in node.keywords if k.arg not in {*fields, None}
            ]
    assert missing == []


def imported_names(tree):
    """Return the names that imports bind, with their values, and what cannot be imported."""
    bound, missing = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.split(".")[0]] = importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name) and not importlib.util.find_spec(
                    f"{node.module}.{alias.name}"
                ):
                    missing.append(f"{node.module}.{alias.name}")
                    continue
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                bound[alias.asname or alias.name] = getattr(module, alias.name)
    return bound, missing


def resolve(node, bound):
    """Return the module or class that an expression of names and attributes stands for, else None."""
    if isinstance(node, ast.Name):
        value = bound.get(node.id)
    elif isinstance(node, ast.Attribute):
        value = getattr(resolve(node.value, bound), node.attr, None)
    else:
        value = None
    return value if inspect.ismodule(value) or inspect.isclass(value) else None


def in_instances(owner, name):
    """Return whether a class has annotated a name that only its instances have."""
    return inspect.isclass(owner) and name in getattr(owner, "__annotations__", {})


# What is published


def test_published_notebooks_and_the_index_are_those_of_the_scripts(publisher, capsys):
    assert publisher.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "folder", "end", "to", "article"),
    [("en", "", ".", "to", "article"), ("zh", "zh/", "。", "至", "文章")],
)
def test_index_lists_every_notebook_once_with_a_sentence_the_book_first(
    language, folder, end, to, article, publisher
):
    rows = re.findall(
        rf"^\| (.*?) \| \[.*?\]\({folder}(\w+)\.ipynb\) \| (.*?) \|$",
        publisher.index(SCRIPTS, language),
        re.MULTILINE,
    )
    assert sorted(name for _, name, _ in rows) == [path.stem for path in SCRIPTS]
    assert all(sentence.endswith(end) for *_, sentence in rows)
    sections = [place for place, *_ in rows]
    assert sections == sorted(sections, key=lambda place: place == article)
    assert sections.index(f"3.4 {to} 3.7") < sections.index("3.11") < sections.index(f"7.2 {to} 7.8")


@published
def test_published_notebook_is_executed_but_for_what_is_left_to_the_reader(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            left = "skip-execution" in cell["metadata"].get("tags", [])
            assert (cell["execution_count"] is None) == left
            assert not (left and cell["outputs"])
            assert [output for output in cell["outputs"] if output.get("name") == "stderr"] == []


@published
def test_published_notebook_holds_neither_times_nor_paths_of_its_execution(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert all("execution" not in cell["metadata"] for cell in notebook["cells"])
    for text in outputs_of(path):
        assert not re.search(r"(?<![\w./])/(?:home|root|tmp|work|usr|Users)/", text), text


@published
def test_published_notebook_was_executed_on_the_published_data(path):
    shown = html.unescape("\n".join(outputs_of(path)))
    assert not re.search(rf"here, on (?:{'|'.join(STAND_INS)})\b", shown)
    assert "scikit-learn's digits" not in shown


@published
def test_published_notebook_compares_paths_that_are_the_same(path):
    assert [text for text in outputs_of(path) if "not the same path" in text] == []


def test_published_notebooks_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.ipynb")) < MAX_BYTES


@pytest.mark.parametrize("name", ROWS_OF[:2])
def test_published_notebook_shows_no_columns_of_houses(name):
    for text in outputs_of(FOLDER / f"{name}.ipynb"):
        headings = re.findall(r"<th>(.*?)</th>", text)
        assert not {*FEATURES, "Id", "SalePrice"} & set(headings)


def test_published_notebooks_show_no_row_of_the_house_prices(real_data):
    rows = (real_data / "kaggle_house" / "kaggle_house_pred_train.csv").read_text().splitlines()[1:]
    prices = {row.rsplit(",", 1)[1] for row in rows}
    starts = {",".join(row.split(",")[:6]) for row in rows}
    for name in ROWS_OF[:2]:
        for text in outputs_of(FOLDER / f"{name}.ipynb"):
            assert len(prices & set(re.findall(r"\b\d{5,6}\b", text))) < 2
            assert not any(start in text for start in starts)


def test_published_notebooks_show_no_sentence_of_the_texts(real_data):
    with zipfile.ZipFile(real_data / "ptb" / "ptb.zip") as archive:
        lines = [
            archive.read(name).decode().splitlines() for name in archive.namelist() if name.endswith(".txt")
        ]
    with zipfile.ZipFile(real_data / "lyrics" / "jaychou_lyrics.txt.zip") as archive:
        lyrics = [archive.read(name).decode().splitlines() for name in archive.namelist()]
    sentences = {" ".join(line.split()) for part in lines for line in part if len(line.split()) > 4}
    sentences |= {line.strip() for part in lyrics for line in part if len(line.strip()) > 5}
    shown = " ".join(" ".join("\n".join(outputs_of(path)).split()) for path in FOLDER.glob("*.ipynb"))
    assert [sentence for sentence in sentences if sentence in shown] == []


# In Chinese


ENGLISH = (
    "# %% [markdown]\n# # Title\n#\n# See `mlp`: $x^2$ and 0.5.\n\n# %%\n1 + 1\n\n# %% [markdown]\n# End.\n"
)


@pytest.fixture
def translated(publisher, tmp_path):
    """A script of two cells of prose whose Chinese is right, and the file that has it."""
    script, chinese = tmp_path / "name.py", tmp_path / "zh" / "name.md"
    script.write_text(ENGLISH)
    chinese.parent.mkdir()
    marks = [publisher.mark_of(text) for text in ("# Title\n\nSee `mlp`: $x^2$ and 0.5.", "End.")]
    chinese.write_text(
        f"<!-- {marks[0]} -->\n# 标题\n\n见 `mlp`：0.5 与 $x^2$。\n\n<!-- {marks[1]} -->\n完。\n"
    )
    return script, chinese


def test_chinese_prose_is_put_in_place_of_the_english(publisher, translated):
    script, _ = translated
    notebook = publisher.unexecuted(script)
    script.with_suffix(".ipynb").write_text(json.dumps(notebook))
    cells = json.loads(publisher.in_chinese(script))["cells"]
    assert ["".join(cell["source"]) for cell in cells] == [
        "# 标题\n\n见 `mlp`：0.5 与 $x^2$。",
        "1 + 1",
        "完。",
    ]
    assert list(publisher.faults(script)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("0.5", "0.6", "cell 1: only in English: 0.5"),
        ("0.5", "0.6", "cell 1: only in Chinese: 0.6"),
        ("`mlp`", "mlp", "cell 1: only in English: `mlp`"),
        ("x^2", "x^3", "cell 1: only in English: $x^2$"),
        ("完", "见[这里](a.md)", "cell 2: only in Chinese: ](a.md)"),
        ("# 标", "## 标", "cell 1: only in Chinese: ##"),
        ("<!--", "", "0 cells of prose, in English 2"),
    ],
)
def test_fault_of_the_chinese_is_named(old, new, fault, publisher, translated):
    script, chinese = translated
    chinese.write_text(chinese.read_text().replace(old, new))
    assert fault in list(publisher.faults(script))


def test_chinese_is_looked_at_again_when_the_english_changes(publisher, translated):
    script, chinese = translated
    script.write_text(ENGLISH.replace("End.", "The end."))
    (fault,) = publisher.faults(script)
    mark = publisher.mark_of("The end.")
    assert fault == f"cell 2: the English changed; once the Chinese says the same, mark it {mark}"
    chinese.write_text(chinese.read_text().replace(publisher.mark_of("End."), mark))
    assert list(publisher.faults(script)) == []


@by_script
def test_chinese_prose_is_chinese(script, publisher):
    for _, text in publisher.chinese_of(script):
        words = re.sub(publisher.TERM, "", text)
        assert len(re.findall(r"[\u4e00-\u9fff]", words)) > len(re.findall(r"[A-Za-z]+", words)), text


# How they are made


def test_broken_notebook_is_named_and_the_others_are_written(publisher, tmp_path, monkeypatch, capsys):
    def execute(script):
        if script.stem == "broken":
            raise publisher.CellExecutionError("1 / 0", "ZeroDivisionError", "division by zero")
        return publisher.unexecuted(script)

    for name in ("broken", "sound"):
        (tmp_path / f"{name}.py").write_text(
            f"# %% [markdown]\n# # {name}\n#\n# It is {name}.\n\n# %%\n1 + 1\n"
        )
    (tmp_path / "broken.ipynb").write_text("as before")
    for name in ("FOLDER", "ROOT"):
        monkeypatch.setattr(publisher, name, tmp_path)
    monkeypatch.setattr(publisher, "execute", execute)
    monkeypatch.setenv(publisher.ENVIRONMENT, str(tmp_path))
    monkeypatch.setenv(publisher.VARIABLE, "zh")
    assert publisher.main([]) == 1
    assert capsys.readouterr().err == "broken.py: ZeroDivisionError: division by zero\nnot written: broken\n"
    assert (tmp_path / "broken.ipynb").read_text() == "as before"
    assert "".join(json.loads((tmp_path / "sound.ipynb").read_text())["cells"][1]["source"]) == "1 + 1"
    assert "[sound](sound.ipynb)" in (tmp_path / "README.md").read_text()
    with pytest.raises(
        publisher.InputError, match=r"no script docs/notebooks/sounds\.py; did you mean sound\?"
    ):
        publisher.main(["sounds"])


def test_published_table_has_the_numbers_here_and_of_the_full_run():
    rows = catalogue.reproduced()["chapters"]["mlp"]["published"]
    full = published_table("mlp", {"gluon": {"test_acc": 0.5}}, on="digits", metrics=["test_acc"])
    assert list(full.index) == ["scratch", "gluon"]
    assert list(full["here, on digits"]) == ["-", "0.5"]
    assert [float(value) for value in full["full run"]] == [
        r["ours"] for r in rows if r["metric"] == "test_acc"
    ]
    assert list(published_table("mlp", runs=["gluon"]).index) == ["gluon"] * 3


@pytest.mark.slow
@by_script
def test_notebook_runs_on_stand_in_data_with_what_is_left_to_the_reader(script, offline, capsys):
    shorter, names = SHORTER.get(script.stem, {}), {"__name__": "__main__"}
    cells = [re.sub("^%.*", "", code, flags=re.MULTILINE) for _, code in code_of(script)]
    assert [full for full in shorter if "\n".join(cells).count(full) != 1] == []
    for cell in cells:
        for full, short in shorter.items():
            cell = cell.replace(full, short)
        show(execute(cell, names))
    assert capsys.readouterr().err == ""


def execute(cell, names):
    """Run a cell as Jupyter does, which shows the value of its last line; return that value, else None."""
    *statements, last = ast.parse(cell).body
    value = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
    exec(compile(ast.Module(statements if value else [*statements, last], []), "cell", "exec"), names)
    return value and eval(compile(value, "cell", "eval"), names)


def show(value):
    """Make of a value what Jupyter would show."""
    if isinstance(value, Figure):
        value.draw_without_rendering()
    elif hasattr(value, "_repr_html_"):
        value._repr_html_()
    else:
        repr(value)


@pytest.mark.slow
def test_notebook_runs_in_jupyter(publisher, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = publisher.execute(FOLDER / "gluon_blocks.py").cells
    executed = [cell.execution_count for cell in cells if cell.cell_type == "code"]
    assert executed == [*range(1, len(executed) - 1), None, None]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ndarray_autograd", "gluon_blocks"])
def test_chapter_that_is_a_notebook_runs_in_jupyter(name, tmp_path):
    jupytext = pytest.importorskip("jupytext", reason="no jupytext: pip install 'd2l_repro[docs]'")
    pytest.importorskip("nbconvert", reason="no nbconvert: pip install 'd2l_repro[docs]'")
    notebook, script = tmp_path / f"{name}.ipynb", ROOT / "chapters" / f"{name}.py"
    to_notebook = ["--to", "ipynb", "--set-kernel", "python3", "--execute"]
    command = ["-m", "jupytext", *to_notebook, "--output", notebook, script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)
    assert process.returncode == 0, process.stderr
    first, script_only, *cells = jupytext.read(notebook).cells
    assert (first.cell_type, script_only.cell_type) == ("markdown", "raw")
    titles = [cell.source.splitlines()[0] for cell in cells if cell.source.startswith("## ")]
    chapter = importlib.import_module(f"chapters.{name}")
    assert titles == [f"## {title}" for title in chapter.run().notes]
