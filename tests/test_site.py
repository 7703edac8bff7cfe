"""The documentation site: which pages it has, that its links lead somewhere, and that it needs no network."""

import fcntl
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from d2l_repro.errors import InputError
from d2l_repro.results.report import svg

ROOT = Path(__file__).parents[1]
PHONE = 390
# An address in a page, and what the check has to say of it.
FAULTS = {
    '<a href="missing.html">': "no such file",
    '<a href="other.html#missing">': "no such anchor",
    '<a href="#missing">': "no such anchor",
    '<a href="/other.html">': "root of a server",
    '<a href="../index.html">': "leaves the site",
    '<a href="javascript:alert(1)">': "unknown kind of link",
    '<script src="https://example.org/a.js"></script>': "another host",
    '<link rel="stylesheet" href="//example.org/a.css">': "another host",
    '<img srcset="picture.svg 1x, http://example.org/a.svg 2x">': "another host",
    '<iframe src="https://example.org"></iframe>': "another host",
    '<style>@import "https://example.org/a.css";</style>': "another host",
    "<style>p { background: url('https://example.org/a.png') }</style>": "another host",
    '<p style="background: url(missing.png)">': "no such file",
}
GOOD = """<p id="here"><a href="#here">x</a> <a href="other.html#there">x</a> <a href="https://example.org">x</a>
<a href="mailto:a@example.org">x</a> <img src="picture.svg"> <img src="data:image/png;base64,AA==">"""


def script(name):
    """Import a module of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_site = script("check_site")


@pytest.fixture(scope="module")
def build_site():
    pytest.importorskip("yaml", reason="no PyYAML, which MkDocs brings: pip install 'd2l_repro[site]'")
    return script("build_site")


# Pages


def test_navigation_has_every_document_once_and_nothing_else(build_site):
    pages = build_site.nav_pages()
    others = [page for page in pages if not build_site.MODULE_PAGE.fullmatch(page)]
    assert sorted(others) == sorted([*build_site.documents(), *build_site.GENERATED])
    assert len(pages) == len(set(pages))


def test_navigation_names_modules_that_exist(build_site):
    modules = [match[1] for match in map(build_site.MODULE_PAGE.fullmatch, build_site.nav_pages()) if match]
    paths = [ROOT / module.replace(".", "/") for module in modules]
    missing = [
        path for path in paths if not path.with_suffix(".py").exists() and not (path / "__init__.py").exists()
    ]
    assert len(modules) > 20
    assert missing == []


def test_every_title_of_the_navigation_has_a_chinese_one():
    source = (ROOT / "scripts" / "site_hooks.py").read_text(encoding="utf-8")
    translated = set(re.findall(r'^    "(.+?)": "', source, flags=re.MULTILINE))
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = config.partition("\nnav:\n")[2]
    titles = set(re.findall(r"^ *- ([^:\n]+):(?: |$)", navigation, flags=re.MULTILINE))
    assert titles | set(re.findall(r"name: (.+?)}", config)) == translated


def test_translations_are_those_of_a_document(build_site):
    translations = list((ROOT / "docs").rglob("*.zh-CN.md"))
    assert len(translations) >= 2
    assert [path for path in translations if not build_site.original(path).exists()] == []
    assert build_site.translation(ROOT / "README.md").exists()


def test_links_of_documents_lead_to_pages(build_site):
    documents = {page: path for page, path in build_site.documents().items() if path.suffix == ".md"}
    there = {*build_site.nav_pages(), *(f"figures/{path.name}" for path in (ROOT / "docs/figures").iterdir())}
    for page, source in documents.items():
        for path in filter(Path.exists, (source, build_site.translation(source))):
            text = build_site.as_page(path, page)
            for target in re.findall(r"\]\((?!\w+:)([^)#\s]+\.(?:md|svg))", text):
                assert (Path(page).parent / target).as_posix() in there, (path.name, target)


def test_link_to_the_other_language_is_left_to_the_switch(build_site):
    for name in ("README.md", "README.zh-CN.md"):
        text = build_site.as_page(ROOT / name, "index.md")
        assert "README" not in re.sub(r"`[^`]*`|notebooks/README", "", text)
        assert "docs/figures" not in text


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("甲，\n`乙`；\n丙\n丁。\n", "甲，`乙`；丙\n丁。\n"),
        ("- 甲，\n  **乙**：\n- 丙。\n\n丁。\n", "- 甲，**乙**：\n- 丙。\n\n丁。\n"),
        ("```\na  # 甲，\nb\n```\n", "```\na  # 甲，\nb\n```\n"),
        ("甲：\n\n| 乙。\n| - |\n", "甲：\n\n| 乙。\n| - |\n"),
    ],
    ids=["paragraph", "list", "code", "table"],
)
def test_lines_are_joined_after_chinese_punctuation(text, page, build_site):
    assert build_site.joined(text) == page


@pytest.mark.parametrize(("scheme", "of_system"), [("dark", "light"), ("light", "dark")])
def test_figures_have_the_colours_of_the_scheme_that_the_switch_sets(browser, scheme, of_system):
    """The theme's switch sets `color-scheme`, whatever the system prefers."""
    page = browser.new_page(viewport={"width": 600, "height": 400}, color_scheme=of_system)
    figure = svg.data_url((ROOT / "docs" / "figures" / "growth_depth.zh.svg").read_bytes())
    page.set_content(f'<style>* {{ margin: 0 }}</style><img style="color-scheme: {scheme}" src="{figure}">')
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    page.close()
    paper, inks = picture.getpixel((2, 2)), picture.crop((80, 20, 300, 90)).getextrema()  # the legend
    assert paper < 50 if scheme == "dark" else paper == 255
    assert inks[1] - inks[0] > 150


# Notebooks


@pytest.fixture(scope="module")
def notebook_pages():
    pytest.importorskip("latex2mathml", reason="no latex2mathml: pip install 'd2l_repro[site]'")
    return script("notebook_pages")


def test_formulas_become_mathml_while_code_keeps_its_dollars(notebook_pages):
    text = notebook_pages.with_formulas("`$a$`: $x^2$\n\n$$y = \\frac12$$\n\n```\n$PATH\n```")
    assert "`$a$`: <span><math" in text
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in text
    assert 'display="block"' in text
    assert text.endswith("```\n$PATH\n```")


def test_page_of_a_notebook_has_its_code_its_outputs_and_its_figures(notebook_pages, tmp_path):
    outputs = [
        {"name": "stdout", "text": ["def f():\n", "    pass\n"]},
        {
            "data": {
                "text/html": ['<table border="1" class="dataframe"></table>'],
                "text/plain": ["1"],
            }
        },
        {"data": {"image/png": "AAEC", "text/plain": ["<Figure>"]}},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# 标题\n", "\n", "一句话。"]},
        {"cell_type": "code", "source": ["print(inspect.getsource(f))"], "outputs": outputs},
    ]
    path = tmp_path / "name.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    first, sentence, download, *rest = notebook_pages.page(path, "zh").strip().split("\n\n")
    assert (first, sentence) == ("# 标题", "一句话。")
    assert "](name.ipynb)" in download
    assert rest == [
        "````python\nprint(inspect.getsource(f))\n````",
        "````python\ndef f():\n    pass\n````",
        "<table></table>",
        "![标题](figures/name-1.png)",
    ]
    assert notebook_pages.figures(path) == {"name-1.png": b"\x00\x01\x02"}


def test_every_formula_of_the_notebooks_can_be_shown(notebook_pages, build_site):
    for path in [*build_site.NOTEBOOKS.glob("*.ipynb"), *build_site.NOTEBOOKS.glob("zh/*.ipynb")]:
        prose = re.sub(r"````.*?````|`[^`]*`", "", notebook_pages.page(path), flags=re.DOTALL)
        assert "$" not in prose
        assert re.findall(r"<m\w+>\\\w+</m\w+>", prose) == []  # a command that is not known


def test_notebooks_have_pages_in_both_languages(build_site):
    notebooks = [path for path in build_site.documents().values() if path.suffix == ".ipynb"]
    assert len(notebooks) == len(list(build_site.NOTEBOOKS.glob("*.ipynb")))
    assert [path for path in notebooks if not build_site.translation(path).exists()] == []
    assert [path for path in notebooks if build_site.original(build_site.translation(path)) != path] == []


# The check


@pytest.fixture
def site(tmp_path):
    """A folder of a good site, with a subfolder that has none of its links."""
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "other.html").write_text('<h1 id="there">x</h1>')
    (tmp_path / "picture.svg").write_text("<svg/>")
    return tmp_path


def test_check_finds_nothing_wrong_with_a_good_site(site):
    assert list(check_site.problems(site)) == []


@pytest.mark.parametrize(("fault", "problem"), FAULTS.items(), ids=FAULTS)
def test_check_finds_a_fault(fault, problem, site):
    (site / "index.html").write_text(f"{GOOD}\n{fault}")
    check_site.read_page.cache_clear()
    (line,) = check_site.problems(site)
    assert line.startswith("index.html:3: ")
    assert problem in line


def test_check_finds_what_a_style_sheet_loads(site):
    (site / "style.css").write_text("a { background: url(picture.svg) } @import 'https://example.org/a.css';")
    (line,) = check_site.problems(site)
    assert line == "style.css: is loaded from another host: https://example.org/a.css"


@pytest.mark.parametrize(("fault", "code"), [("", 0), ('<a href="missing.html">', 1)])
def test_check_exits_with_what_it_found(fault, code, site, capsys):
    (site / "index.html").write_text(GOOD + fault)
    check_site.read_page.cache_clear()
    assert check_site.main([str(site)]) == code
    assert ("missing.html" in capsys.readouterr().err) == (code == 1)


def test_check_refuses_a_folder_without_pages(tmp_path):
    with pytest.raises(InputError, match="make site"):
        check_site.main([str(tmp_path)])


# The built site


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the site, which fails at a warning of MkDocs and at a link that leads nowhere."""
    for package in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(package, reason=f"no {package}: pip install 'd2l_repro[site]'")
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # common to all workers
    folder = base / "site"
    with open(base / "site.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the first worker builds, and the others wait
        if not folder.exists():
            process = subprocess.run(
                [sys.executable, "scripts/build_site.py", folder], cwd=ROOT, capture_output=True, text=True
            )
            assert process.returncode == 0, process.stdout + process.stderr
    return folder


@pytest.fixture
def opened(browser, built):
    """Return a function that opens a page from its folder; the test fails if that takes any other place."""
    contexts, elsewhere = [], []

    def open_page(name, width=1280):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, offline=True))
        page = contexts[-1].new_page()
        page.on("request", lambda request: elsewhere.append(request.url))
        page.on("pageerror", lambda error: elsewhere.append(str(error)))
        page.goto((built / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    here = (built.as_uri(), "data:", "about:", "blob:")
    assert [address for address in elsewhere if not address.startswith(here)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "words", "found"),
    [
        ("index.html", "cross-validation house", "house_prices.html"),
        ("reference/result_json.html", "train_ch3", "reference/d2l_repro.train.loop.html"),
        ("zh/index.html", "安装", "zh/first_steps.html"),
    ],
)
def test_search_works_from_a_folder(start, words, found, opened, built):
    page = opened(start)
    page.keyboard.press("/")
    page.keyboard.type(words)
    page.wait_for_selector(".md-search-result__link")
    links = page.eval_on_selector_all(".md-search-result__link", "links => links.map(link => link.href)")
    assert any(link.startswith((built / found).as_uri()) for link in links)


@pytest.mark.slow
def test_switch_leads_to_the_same_page_in_the_other_language(opened, built):
    page = opened("house_prices.html")
    for language, name in (("zh", "zh/house_prices.html"), ("en", "house_prices.html")):
        page.hover(".md-select button")
        page.click(f".md-select__link[hreflang={language}]")
        assert page.url.partition("?")[0] == (built / name).as_uri()
        assert page.get_attribute("html", "lang") == language


@pytest.mark.slow
def test_pages_are_no_wider_than_a_phone(opened, built):
    page = opened("index.html", PHONE)
    wide = []
    for path in [*built.glob("*.html"), *built.glob("reference/*.html"), *built.glob("zh/*.html")]:
        page.goto(path.as_uri())
        if page.evaluate("document.documentElement.scrollWidth") > PHONE:
            wide.append(path.name)
    assert wide == []
