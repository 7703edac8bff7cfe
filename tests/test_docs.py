"""What the documents say, as far as a machine can check it."""

import dataclasses
import fnmatch
import importlib
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import readme
import translations

import chapters
import d2l_repro
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.description import Execution
from d2l_repro.experiment.runs import Run
from d2l_repro.results import catalogue, sources, speed
from d2l_repro.results.formatting import published_text, verdict_text
from d2l_repro.results.printed import published_values
from d2l_repro.results.published import compare_row, numbers_of, source_row, stream_name
from d2l_repro.results.verdicts import Sample, Verdict, tally
from d2l_repro.train.callbacks import seed_everything

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READMES = ("README.md", "README.zh-CN.md")
GUIDE = "docs/adding_a_chapter.md"
TUTORIAL = "docs/first_steps.md"  # whose programs are parts of a chapter
# Terms that the glossary of CONTRIBUTING.md replaces.
NOT_OUR_CHINESE = r"重现|迭代周期|(?<![单双])精度"
NOT_OUR_TERMS = {
    "*.md": r"\b(?:witness|twins?|made up|made-up|take of|go on with|learn(?:ed)? by heart|left to itself)\b",
    "*.zh-CN.md": NOT_OUR_CHINESE,
    "notebooks/zh/*.md": NOT_OUR_CHINESE,
}
# Those whose programs need nothing but small data.
WITH_PROGRAMS = (
    *READMES,
    "docs/your_own_net.md",
    "docs/migrating.md",
    "docs/scaling.md",
    "docs/house_prices.md",
    "docs/first_submission.md",
)
COMPLETE = (*READMES, "docs/your_own_net.md")  # where each program runs without those before it
by_name = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def programs_of(name):
    return re.findall(r"```python\n(.*?)```", text_of(name), flags=re.DOTALL)


def readme_script(*args):
    return subprocess.run(
        [sys.executable, "scripts/readme.py", *args], cwd=ROOT, capture_output=True, text=True
    )


# Generated content


def test_readme_script_finds_the_committed_values_in_every_document():
    process = readme_script("--check")
    assert process.returncode == 0, process.stderr


def test_chinese_tables_of_house_prices_have_no_english_but_names():
    blocks = re.findall(r"<!-- generated .*?<!-- end -->", text_of("docs/house_prices.zh-CN.md"), re.DOTALL)
    words = re.findall(r"[A-Za-z]\w+", "".join(re.sub("<!--.*?-->", "", block) for block in blocks))
    names = {"blend", "tuned", "lasso", "random_state", "gamma", "epsilon", "Huber", "MSSubClass"}
    assert set(words) == names


def test_readme_script_refuses_values_that_are_not_a_full_run(tmp_path):
    (tmp_path / "summary.json").write_text('{"chapters": {"mlp": {"published": []}}}')
    before = (ROOT / "README.md").read_bytes()
    process = readme_script(tmp_path)
    assert process.returncode == 2
    assert "no full run on the published data of mlp" in process.stderr
    assert readme_script(tmp_path / "nothing").returncode == 2
    assert (ROOT / "README.md").read_bytes() == before


def test_figures_show_every_chapter_with_values():
    committed = catalogue.reproduced()["chapters"]
    for edition in ("svg", "zh.svg"):
        figures = {name: text_of(f"docs/figures/{name}.{edition}") for name in ("reproduced", "bands")}
        for name, chapter in committed.items():
            if chapter["published"]:
                assert f">{name}<" in figures["reproduced"]
                values = [row for row in chapter["published"] if row["z"] is not None]
                assert figures["bands"].count(f">{name}, ") == len(values)


FIGURES = {path.stem: path for path in sorted((ROOT / "docs" / "figures").glob("*.svg"))}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_colours_for_dark_pages(name):
    assert "@media(prefers-color-scheme:dark){svg{fill:" in FIGURES[name].read_text(encoding="utf-8")


def test_chinese_figures_say_in_chinese_what_english_ones_say_in_english():
    names = {*catalogue.entries(), *speed.committed().contests, "Gluon", "PyTorch"}
    # The rows of the one are names of mistakes, and the other breaks names into lines.
    pairs = [(path, FIGURES[f"{name}.zh"]) for name, path in FIGURES.items() if f"{name}.zh" in FIGURES]
    pairs = [pair for pair in pairs if pair[0].stem not in ("mistakes", "reproduced_narrow")]
    assert len(pairs) >= 8
    for pair in pairs:
        english, chinese = (
            re.findall(r"<text[^>]*>([^<]+)", path.read_text(encoding="utf-8")) for path in pair
        )
        same = {text for text in set(english) & set(chinese) if re.search("[A-Za-z]", text)}
        assert [text for text in same if text.partition(",")[0] not in names] == [], pair[1].name


@by_name
def test_documents_show_the_figures_of_their_language(document):
    for name in re.findall(r"figures/([\w.]+)\.svg", document.read_text(encoding="utf-8")):
        is_chinese = document.name.endswith(".zh-CN.md") and f"{name.removesuffix('.zh')}.zh" in FIGURES
        assert name.endswith(".zh") == is_chinese, name


def test_results_show_every_published_number_once_with_its_verdict():
    committed = catalogue.reproduced()["chapters"]
    lines = [line for line in text_of("docs/results.md").splitlines() if line.startswith("| `")]
    for name in dict.fromkeys(row["chapter"] for row in published_values()):
        numbers = numbers_of(name, committed[name]["published"] if name in committed else [])
        for row in numbers:
            start = (
                f"| `{name}` | {row['run']} | {row['metric'].replace('_', ' ')} | {published_text(row)} | "
            )
            (line,) = (line for line in lines if line.startswith(start))
            assert line.endswith(f" | {verdict_text(row)} |")


def test_committed_values_are_judged_by_the_committed_bands():
    for name, chapter in catalogue.reproduced()["chapters"].items():
        for row in chapter["published"]:
            sample = Sample([row["ours"]], stream_name(chapter["seeds"][0]), chapter["dataset"])
            judged = compare_row(source_row(name, row), row["run"], sample)
            assert (judged["verdict"], judged["within"]) == (row["verdict"], row["within"]), (name, row)
        verdicts = tally(row["verdict"] for row in numbers_of(name, chapter["published"]))
        assert chapter["verdicts"] == verdicts, name


@by_name
def test_generated_blocks_of_a_document_are_those_that_the_script_renews(document):
    name = document.relative_to(ROOT).as_posix()
    blocks = re.findall(r"^<!-- generated by scripts/readme\.py: (\w+) -->$", text_of(name), re.MULTILINE)
    assert sorted(blocks) == sorted(readme.BLOCKS.get(name, ()))


# What the documents name


@by_name
def test_document_links_to_existing_files_and_headings(document):
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not target_exists(document, link)] == []


def target_exists(document, link):
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    return target.exists() and (not anchor or anchor in anchors(target.read_text(encoding="utf-8")))


def anchors(text):
    """Return the anchors that GitHub gives to the headings of a text."""
    headings = re.findall(r"^#+ (.*)", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


@by_name
def test_document_names_existing_files(document):
    folders = "d2l_repro|chapters|kaggle_house|scripts|docs|tests|requirements"
    names = re.findall(rf"`((?:{folders})/[\w/.-]*)`", document.read_text(encoding="utf-8"))
    examples = {"chapters/huber_regression.py", "kaggle_house/kaggle_house_pred_train.csv"}
    assert [name for name in names if name not in examples and not (ROOT / name).exists()] == []


@by_name
def test_document_names_existing_modules(document):
    if document.name in ("CHANGELOG.md", "migrating.md", "migrating.zh-CN.md"):
        pytest.skip("names what has moved, too; its names have tests of their own")
    names = re.findall(
        r"`((?:d2l_repro|chapters|kaggle_house)(?:\.\w+)+)`", document.read_text(encoding="utf-8")
    )
    assert [name for name in names if not is_defined(name)] == []


def is_defined(name):
    """Return whether a dotted name is a module, or an attribute of one."""
    try:
        if importlib.util.find_spec(name):
            return True
    except ModuleNotFoundError:
        pass
    module, _, attribute = name.rpartition(".")
    return hasattr(importlib.import_module(module), attribute)


def test_reliability_names_tests_that_exist():
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    tests = re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    named = re.findall(r"`([\w*]*test_\w[\w*]*|\*_\w+)`", text_of("docs/reliability.md"))
    assert len(named) > 20
    assert [name for name in named if not fnmatch.filter(tests, name)] == []


@by_name
def test_document_names_existing_chapters_and_targets(document):
    text = document.read_text(encoding="utf-8")
    modules = set(re.findall(r"python -m chapters\.(\w+)", text)) - {"NAME", "huber_regression"}
    assert modules <= set(catalogue.entries())
    targets = set(re.findall(r"^make (\w+)", text, flags=re.MULTILINE))
    assert targets <= set(re.findall(r"^(\w+):", text_of("Makefile"), flags=re.MULTILINE))


def test_chapters_document_lists_every_chapter():
    listed = set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`)? \|", text_of("docs/chapters.md"), flags=re.MULTILINE))
    assert {name for names in listed for name in names if name} == set(catalogue.entries())


# Form


@pytest.mark.parametrize("name", READMES)
def test_readme_is_short(name):
    assert 100 <= len(text_of(name).splitlines()) <= 130


@pytest.mark.parametrize("name", READMES)
def test_readme_says_what_is_supported(name):
    assert re.search("MXNet (?:is retired|已停止维护)", text_of(name))
    assert re.search("Python 3.9 (?:to|至) 3.13", text_of(name))


def test_readmes_have_the_same_content():
    english, chinese = (text_of(name) for name in READMES)
    chinese = chinese.replace(".zh-CN.md)", ".md)")  # a document that has a Chinese edition
    links, commands, paths = (
        r"\]\((?!README|https)([^)]+)\)",
        r"^(?:\.venv|make|docker)[^#\n]*",
        r"^\| (`[\w/.]+`) \|",
    )
    for pattern in (links, commands, paths):
        found = [re.findall(pattern, text, flags=re.MULTILINE) for text in (english, chinese)]
        assert [item.strip() for item in found[1]] == [item.strip() for item in found[0]]
    assert without_comments("README.zh-CN.md") == without_comments("README.md")


def without_comments(name):
    return [re.sub(r"  #.*", "", program) for program in programs_of(name)]


@by_name
def test_document_uses_the_terms_of_the_glossary(document):
    if document.name != "CONTRIBUTING.md":
        text = document.read_text(encoding="utf-8")
        terms = [pattern for kind, pattern in NOT_OUR_TERMS.items() if document.match(kind)]
        assert [re.findall(pattern, text, flags=re.IGNORECASE) for pattern in terms] == [[]] * len(terms)


@by_name
def test_bold_type_of_a_document_ends_where_it_should(document):
    """Between a sign and a character, GitHub takes ** for stars."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    bold = re.findall(r"\*\*[^*\n]+\*\*.?", text)
    assert [words for words in bold if re.search(r"[^\w\s*%)]\*\*\w$", words)] == []


def test_citation_has_the_version_of_the_package():
    assert f"\nversion: {d2l_repro.__version__}\n" in text_of("CITATION.cff")
    assert f"\n## {d2l_repro.__version__}" in text_of("CHANGELOG.md")


def test_report_of_the_last_run_counts_the_numbers_that_the_readme_counts():
    """The README also counts the numbers of chapters that nobody has run in full, as not run."""
    numbers = [row for item in sources.read(sources.REPRODUCED).summaries for row in item.numbers()]
    counts = Counter(row["verdict"] for row in numbers if row["verdict"] != Verdict.NOT_RUN)
    line = re.search(r"^(\d+) published numbers: (.*?)\. If", text_of("README.md"), flags=re.MULTILINE)
    listed = [(int(number), words) for number, words in re.findall(r"(\d+) (\D+?)(?:; |$)", line[2])]
    assert sum(number for number, _ in listed) == int(line[1])
    assert sorted(number for number, words in listed if words != "not run") == sorted(counts.values())
    assert listed[0] == (counts[Verdict.AGREES], "agree")


# Programs


@pytest.mark.parametrize("name", WITH_PROGRAMS)
def test_document_has_programs_that_run(name, small_fashion, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("D2L_REPRO_DATA", str(small_fashion))
    monkeypatch.setenv("HOME", str(tmp_path))
    if name == "docs/house_prices.md":
        shorten_house_prices(monkeypatch)
    namespace = {}
    for program in programs_of(name):
        namespace = {} if name in COMPLETE else namespace
        exec(program, namespace)
        output = capsys.readouterr().out
        assert len(program.splitlines()) == 1 or re.search(r"\d\.\d", output)
        assert ("not the same path" in output) == ("diagnose(" in program)


def test_your_own_net_shows_the_diagnosis_that_its_program_prints(capsys):
    *_, program = programs_of("docs/your_own_net.md")
    shown = re.findall(r"```\n(not the same path: .*?)```", text_of("docs/your_own_net.md"), flags=re.DOTALL)
    seed_everything(0)  # what a fresh process starts with
    exec(program, {})
    # The weights are drawn from a stream that differs from platform to platform.
    printed, shown = (re.sub(r"differs by \S+", "", text) for text in (capsys.readouterr().out, *shown))
    assert printed == shown


def shorten_house_prices(monkeypatch):
    """Train the document's recipe for two epochs."""
    recipes = importlib.import_module("kaggle_house.recipes")
    monkeypatch.setattr(recipes, "TUNED", recipes.TUNED.replace(num_epochs=2))


def test_every_document_with_programs_is_tested():
    found = {
        path.relative_to(ROOT).as_posix() for path in DOCUMENTS if "```python" in path.read_text("utf-8")
    }
    # The translations in docs/ have the same programs.
    translated = {path.relative_to(ROOT).as_posix() for path in translations.translations()}
    assert found - translated == {*WITH_PROGRAMS, TUTORIAL, GUIDE}


def test_tutorial_shows_the_chapter_as_it_is():
    programs = programs_of(TUTORIAL)
    assert len(programs) == 2
    assert [program for program in programs if program not in text_of("chapters/softmax_regression.py")] == []


@pytest.mark.slow
def test_readme_prints_what_its_program_prints(real_data, capsys):
    seed_everything(0)  # what a fresh process starts with
    exec(programs_of("README.md")[0], {})
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"`{last.rpartition(', ')[0]}`" in text_of("README.md")


def test_guide_builds_a_chapter_that_runs_and_follows_gluons_path(tmp_path, monkeypatch):
    (code,) = programs_of(GUIDE)
    (tmp_path / "huber_regression.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(chapters, "__path__", [str(tmp_path), *chapters.__path__])
    result = importlib.import_module("chapters.huber_regression").run()
    assert result.parity["max_abs_diff"] < 1e-12
    assert result.find("gluon").metrics["train_loss"] < 1e-3
    assert list(result.figures) == ["training_curves"]
    monkeypatch.setattr(catalogue, "folder", lambda: tmp_path)
    assert catalogue._entry("huber_regression").section == "3.2"


def test_guide_names_fields_that_exist():
    known = {field.name for kind in (Run, Chapter) for field in dataclasses.fields(kind)}
    named = re.findall(r"`(\w+)=", text_of(GUIDE))
    assert named
    assert set(named) <= known
    assert set(re.findall(r"Execution\.(\w+)", text_of(GUIDE))) <= set(Execution.__members__)


# Migrating

MIGRATING = text_of("docs/migrating.md")
NAMES = re.findall(r"^\| `(\w+)` \| (.*?) \| `([\w.]+)`", MIGRATING, flags=re.MULTILINE)
MOVED = re.findall(r"^\| `(d2l_repro[\w.]+)` \| `(d2l_repro[\w.]+)` \|", MIGRATING, flags=re.MULTILINE)


@pytest.mark.parametrize("name", sorted({ours for *_, ours in NAMES}))
def test_migrating_names_what_exists(name):
    assert is_defined(name)


def test_migrating_lists_the_names_of_each_edition():
    first = [name for name, editions, _ in NAMES if "1st" in editions]
    assert sorted(first) == sorted(importlib.import_module("d2l_repro.d2lzh").__all__)
    try:
        package = importlib.util.find_spec("d2l").submodule_search_locations[0]
    except AttributeError:
        pytest.skip("no d2l")
    source = Path(package, "mxnet.py").read_text(encoding="utf-8")
    defined = set(re.findall(r"^(?:def|class) (\w+)|import pyplot as (plt)", source, flags=re.MULTILINE))
    assert {name for name, editions, _ in NAMES if "1.0" in editions} <= {"".join(names) for names in defined}


def test_migrating_names_old_imports_that_warn():
    program = "import importlib, sys\n" + "".join(
        f"assert {loaded(before)} is {loaded(now)}, {before!r}\n" for before, now in MOVED
    )
    process = subprocess.run(
        [sys.executable, "-W", "always::DeprecationWarning", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    warned = [line for line in process.stderr.splitlines() if "DeprecationWarning" in line]
    silent = [now for _, now in MOVED if not any(now.rpartition(".")[0] in line for line in warned)]
    assert silent == []


def loaded(name):
    """Return the expression that imports a dotted name."""
    module, _, attribute = name.rpartition(".")
    return f"getattr(importlib.import_module({module!r}), {attribute!r})"
