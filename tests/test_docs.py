"""What the documents say, where a machine can tell."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chapters
from d2l_repro.results import catalogue

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.py"))
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def readme(*args):
    return subprocess.run(
        [sys.executable, "scripts/readme.py", *args], cwd=ROOT, capture_output=True, text=True
    )


def test_the_readmes_tables_are_those_of_the_committed_values():
    made = readme("--check")
    assert made.returncode == 0, made.stderr


def test_values_that_are_no_full_run_are_refused(tmp_path):
    (tmp_path / "summary.json").write_text('{"chapters": {"mlp": {"published": []}}}')
    before = (ROOT / "README.md").read_bytes()
    made = readme(tmp_path)
    assert made.returncode == 2
    assert "no full run on the published data of linear_regression, " in made.stderr
    assert readme(tmp_path / "nothing").returncode == 2
    assert (ROOT / "README.md").read_bytes() == before


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_links_to_is_there(document):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_module_a_document_names_is_there(document):
    names = re.findall(
        r"`((?:d2l_repro|chapters|kaggle_house|scripts)/(?:[\w/]+\.py|[a-z]*/?))`",
        document.read_text(encoding="utf-8"),
    )
    examples = {"chapters/huber_regression.py"}
    assert [name for name in names if name not in examples and not (ROOT / name).exists()] == []


def test_the_chapter_of_the_document_runs_and_follows_gluons_path(tmp_path, monkeypatch):
    document = (ROOT / "docs" / "adding_a_chapter.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", document, flags=re.DOTALL)
    (tmp_path / "huber_regression.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(chapters, "__path__", [str(tmp_path), *chapters.__path__])
    result = importlib.import_module("chapters.huber_regression").run()
    assert result.parity["max_abs_diff"] < 1e-12
    assert result.find("gluon").metrics["train_loss"] < 1e-3
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    assert catalogue._entry("huber_regression").section == "3.2"


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_cells_of_its_script(script):
    jupytext = pytest.importorskip("jupytext", reason="no jupytext: pip install 'd2l_repro[docs]'")
    made, committed = (jupytext.read(path) for path in (script, script.with_suffix(".ipynb")))
    assert [cell.source for cell in committed.cells] == [cell.source for cell in made.cells]


@pytest.mark.slow
@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(script, tmp_path):
    pytest.importorskip("nbconvert", reason="no nbconvert: pip install 'd2l_repro[docs]'")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "--output-dir",
            tmp_path,
            script.with_suffix(".ipynb"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


MIGRATING = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^\| `(\w+)` \| (.*?) \| `([\w.]+)`", MIGRATING, flags=re.MULTILINE)


@pytest.mark.parametrize("ours", sorted({ours for *_, ours in NAMES}))
def test_a_name_to_migrate_to_is_there(ours):
    module, _, name = ours.rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_a_name_to_migrate_from_is_of_that_edition():
    first = [name for name, editions, _ in NAMES if "1st" in editions]
    assert sorted(first) == sorted(importlib.import_module("d2l_repro.d2lzh").__all__)
    try:
        package = importlib.util.find_spec("d2l").submodule_search_locations[0]
    except AttributeError:
        pytest.skip("no d2l")
    source = Path(package, "mxnet.py").read_text(encoding="utf-8")
    defined = set(re.findall(r"^(?:def|class) (\w+)|import pyplot as (plt)", source, flags=re.MULTILINE))
    assert {name for name, editions, _ in NAMES if "1.0" in editions} <= {"".join(names) for names in defined}


@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", MIGRATING, flags=re.DOTALL))
def test_a_program_of_the_document_runs(program, small_fashion, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("D2L_REPRO_DATA", str(small_fashion))
    monkeypatch.setenv("HOME", str(tmp_path))
    exec(program, {})
    numbers = [float(number) for number in re.findall(r"(?:loss )?(\d+\.\d+)", capsys.readouterr().out)]
    assert len(program.splitlines()) == 1 or numbers
