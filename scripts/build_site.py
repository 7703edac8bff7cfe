"""Build the documentation site from README.md, docs/ and the docstrings, and check it.

The notebooks become pages with their outputs. The documents link to one another as files of the repository.
In build/docs they are collected as files of the site, with the generated pages, and their links led there. A
page without a Chinese version is in English.

python scripts/build_site.py [FOLDER]    build it in FOLDER, by default site/
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from translations import FENCE, original, translation

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NOTEBOOKS = DOCS / "notebooks"
CONFIG = ROOT / "mkdocs.yml"
STAGES = ROOT / "build" / "docs"  # a folder for each language
THEME = "theme"  # folder in docs/ that has no pages
ROOT_PAGES = {
    "index.md": ROOT / "README.md",
    "changelog.md": ROOT / "CHANGELOG.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "security.md": ROOT / "SECURITY.md",
}
GENERATED = ("reference/commands.md", "reference/chapters.md", "reference/result_json.md", "last_run.md")
MODULE_PAGE = re.compile(r"reference/((?:d2l_repro|kaggle_house)[\w.]*)\.md")
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>(?!\w+:)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
# Within a paragraph or an item of a list, after Chinese punctuation; the group is a block of code.
BREAK = re.compile(
    rf"({FENCE.pattern})|(?<=[、。，；：！？）”])\n *(?!\s|\Z|[-#|<>] ?|```|\d+\. )", re.DOTALL | re.MULTILINE
)


def nav_pages() -> list[str]:
    """Return the pages that the navigation names, in its order."""

    class Loader(yaml.SafeLoader):
        """Passes over what MkDocs has its tags for."""

    Loader.add_multi_constructor("", lambda loader, suffix, node: None)

    def pages(item):
        if isinstance(item, str):
            return [item]
        children = item.values() if isinstance(item, dict) else item
        return [page for child in children for page in pages(child)]

    return pages(yaml.load(CONFIG.read_text(encoding="utf-8"), Loader)["nav"])


def documents() -> dict[str, Path]:
    """Return page of the site -> the document or notebook that it is made of, without translations."""
    paths = (
        path for path in sorted([*DOCS.rglob("*.md"), *NOTEBOOKS.glob("*.ipynb")]) if path == original(path)
    )
    names = {path.relative_to(DOCS).with_suffix(".md").as_posix(): path for path in paths}
    return {**ROOT_PAGES, **{name: path for name, path in names.items() if not name.startswith(f"{THEME}/")}}


def stage() -> None:
    """Collect what the site is built from: build/docs/en and build/docs/zh."""
    import notebook_pages  # takes a package that tests of this file can do without
    import site_pages  # takes the whole project, while the names of the pages take nothing

    def content(source: Path, page: str, language: str = "en") -> str:
        is_notebook = source.suffix == ".ipynb"
        return notebook_pages.page(source, language) if is_notebook else as_page(source, page, language)

    shutil.rmtree(STAGES, ignore_errors=True)
    english, chinese = STAGES / "en", STAGES / "zh"
    shutil.copytree(DOCS, english, ignore=shutil.ignore_patterns(THEME, "zh", "*.md", "*.py"))
    pages = documents()
    for page, source in pages.items():
        _write(english / page, content(source, page))
        if source.suffix == ".ipynb":
            for name, figure in notebook_pages.figures(source).items():
                path = english / "notebooks" / notebook_pages.FIGURES / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(figure)
    for page in nav_pages():
        module = MODULE_PAGE.fullmatch(page)
        if module:
            title = module[1].partition("d2l_repro.")[2] or module[1]
            _write(english / page, f"---\ntitle: {title}\n---\n\n# `{module[1]}`\n\n::: {module[1]}\n")
    site_pages.write_reference(english)
    shutil.copytree(english, chinese)
    for path in chinese.rglob("*.md"):
        page = path.relative_to(chinese).as_posix()
        source = pages.get(page, path)
        if translation(source).exists():
            _write(path, content(translation(source), page, "zh"))
        else:
            text = path.read_text(encoding="utf-8") if source == path else as_page(source, page, "zh")
            _write(path, with_remark(text))
    for notebook in (NOTEBOOKS / "zh").glob("*.ipynb"):
        shutil.copy(notebook, chinese / "notebooks")
    site_pages.write_last_run(english, "en")
    site_pages.write_last_run(chinese, "zh")


def with_remark(text: str) -> str:
    """Return a page whose front matter says that it is not translated."""
    head, body = text.split("---\n", 2)[1:] if text.startswith("---\n") else ("", text)
    return f"---\nuntranslated: true\n{head}---\n{body}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def as_page(source: Path, page: str, language: str = "en") -> str:
    """Return the text of a document with links as they have to be in the site.

    Args:
        source: the document, or its translation.
        page: the page that it becomes.
        language: of the site. Where its page is a translation, the anchors are others.
    """
    pages = {path: name for name, path in documents().items()}

    def moved(match: re.Match) -> str:
        target = Path(os.path.normpath(source.parent / match["target"]))
        if not target.exists():  # an example in code
            return match[0]
        if original(target) == original(source):
            return ""  # to the other language, for which the site has a switch
        name = pages.get(original(target))
        if name is None:
            if not target.is_relative_to(DOCS):
                return match["text"]  # a file that is not in the site
            name = target.relative_to(DOCS).as_posix()
        is_there = language == "en" or target != original(target) or not translation(target).exists()
        anchor = match["anchor"] if match["anchor"] and is_there else ""
        return f"[{match['text']}]({os.path.relpath(name, Path(page).parent)}{anchor})"

    text = LINK.sub(moved, joined(source.read_text(encoding="utf-8")))
    return re.sub(r'\b(src|srcset)="docs/', r'\1="', text)


def joined(text: str) -> str:
    """Return a text without line breaks after Chinese punctuation, where a browser would show a space."""
    return BREAK.sub(lambda match: match[1] or "", text)


def build(language: str, site: Path) -> int:
    """Build the site in a language, where a warning is an error, and return the exit code."""
    command = ["mkdocs", "build", "--strict", "--quiet", "--config-file", CONFIG]
    environment = {
        "D2L_REPRO_SITE_LANGUAGE": language,
        "D2L_REPRO_SITE_DOCS": str(STAGES / language),
        "NO_MKDOCS_2_WARNING": "1",  # the theme advertises its successor
    }
    command += ["--site-dir", site if language == "en" else site / language]
    return subprocess.run([sys.executable, "-m", *command], env={**os.environ, **environment}).returncode


def main(argv: list[str]) -> int:
    """Build the site, check it, and return the exit code."""
    import check_site

    site = Path(*argv or ["site"]).resolve()
    stage()
    return build("en", site) or build("zh", site) or check_site.main([str(site)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
