"""Give the documentation site its language, English in site/ and Chinese in site/zh/; MkDocs calls this."""

from __future__ import annotations

import os
import re
from typing import Any

from mkdocs.plugins import event_priority

LANGUAGE = os.environ.get("D2L_REPRO_SITE_LANGUAGE", "en")
FOLDERS = {"en": "", "zh": "zh/"}  # of each language in the site
MARK = "#root-of-the-site:"  # of an address that MkDocs leaves as it is
NAMES = {"en": "English", "zh": "中文"}
CHINESE = {
    "Start": "首页",
    "Tutorials": "教程",
    "Notebooks": "笔记本",
    "How-to guides": "操作指南",
    "Reference": "参考",
    "Explanation": "原理",
    "Results": "复现结果",
    "Project": "项目",
    "Commands and files": "命令与文件",
    "Training": "训练",
    "Chapters and models": "章节与模型",
    "Checks": "检验",
    "Data": "数据",
    "From scratch": "从零开始的实现",
    "The first edition's package": "第一版的 d2lzh 包",
    "House prices": "房价预测",
    "Switch to light": "切换到浅色",
    "Switch to dark": "切换到深色",
    "Follow the system": "跟随系统",
}


@event_priority(100)
def on_config(config: Any) -> Any:
    """Choose the language of the theme, and translate the titles that mkdocs.yml has."""
    config.theme["language"] = LANGUAGE
    config.theme.static_templates.discard("404.html")  # only a server shows it
    if LANGUAGE == "zh":
        config.nav = _translated(config.nav)
        for palette in config.theme["palette"]:
            palette["toggle"]["name"] = CHINESE[palette["toggle"]["name"]]
    return config


def _translated(item: Any) -> Any:
    if isinstance(item, list):
        return [_translated(child) for child in item]
    if isinstance(item, dict):
        return {CHINESE[title]: _translated(child) for title, child in item.items()}
    return item


def on_page_context(context: Any, page: Any, config: Any, nav: Any) -> Any:
    """Name the page in each language, for the theme's switch between them."""
    config.extra["alternate"] = [
        {"name": NAMES[language], "link": f"{MARK}{folder}{page.url}", "lang": language}
        for language, folder in FOLDERS.items()
    ]
    return context


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Lead the switch to the same page in the other language, from whichever folder.

    MkDocs knows no way out of the folder of a language. In the head of a page, where search engines read such
    links, the theme's script takes them as addresses to load from, which no page in a folder may do.
    """
    root = "../" * (page.url.count("/") + FOLDERS[LANGUAGE].count("/"))
    return re.sub('<link rel="alternate"[^>]*>', "", output).replace(MARK, root)
