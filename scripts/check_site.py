"""Check a built site without a network.

Every link within the site leads to a file that is there and, where it names one, to an anchor in it. Nothing
is loaded from another host, and no address starts from a server's root, so that the site works from a folder.

python scripts/check_site.py site    exit with 1 if something is wrong
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from d2l_repro.errors import DONE, FAILED, InputError, one_line_errors

ADDRESSES = {"href", "src", "srcset", "data", "poster", "action", "xlink:href"}  # attributes that hold some
URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
ELSEWHERE = {"http", "https", "mailto"}  # where a reader may be sent, by a link


class Page(HTMLParser):
    """The anchors of a page, and the addresses in it as (line, whether it is a link to follow, address)."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.addresses: list[tuple[int, bool, str]] = []
        self.in_style = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif name == "style":
                self._add_style(value or "")
            elif name == "srcset":
                for source in (value or "").split(","):
                    self._add(tag, source.split()[0])
            elif name in ADDRESSES and value is not None:
                self._add(tag, value)

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self._add_style(data)

    def _add(self, tag: str, address: str) -> None:
        self.addresses.append((self.getpos()[0], tag == "a", address))

    def _add_style(self, text: str) -> None:
        for address in addresses_of_style(text):
            self._add("style", address)


def addresses_of_style(text: str) -> list[str]:
    """Return the addresses in a style sheet."""
    return [first or second for first, second in URL.findall(text)]


read_page = lru_cache(maxsize=None)(Page)


def problems(site: Path) -> Iterator[str]:
    """Yield a line for each address that leads nowhere, or out of the site where it must not."""
    for path in sorted(site.rglob("*.html")):
        for line, is_link, address in read_page(path).addresses:
            problem = problem_of(address, path, site, is_link)
            if problem:
                yield f"{path.relative_to(site)}:{line}: {problem}: {address}"
    for path in sorted(site.rglob("*.css")):
        for address in addresses_of_style(path.read_text(encoding="utf-8")):
            problem = problem_of(address, path, site, is_link=False)
            if problem:
                yield f"{path.relative_to(site)}: {problem}: {address}"


def problem_of(address: str, path: Path, site: Path, is_link: bool) -> str:
    """Return what is wrong with an address in a file; empty if nothing is."""
    parts = urlsplit(address)
    if parts.scheme == "data":
        return ""
    if parts.scheme or parts.netloc:
        if is_link and parts.scheme in ELSEWHERE:
            return ""
        return "unknown kind of link" if is_link else "is loaded from another host"
    if parts.path.startswith("/"):
        return "starts from the root of a server"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if not target.is_relative_to(site):
        return "leaves the site"
    if not target.is_file():
        return "no such file"
    if (
        parts.fragment
        and target.suffix == ".html"
        and unquote(parts.fragment) not in read_page(target).anchors
    ):
        return "no such anchor"
    return ""


def main(argv: list[str]) -> int:
    """Check the site in a folder, print what is wrong, and return the exit code."""
    if len(argv) != 1 or not any(Path(argv[0]).glob("*.html")):
        raise InputError("name a folder of a built site, such as site; `make site` builds it")
    site = Path(argv[0]).resolve()
    found = list(problems(site))
    for problem in found:
        print(problem, file=sys.stderr)
    pages = len(list(site.rglob("*.html")))
    print(f"{argv[0]}: {pages} pages, {f'{len(found)} problems' if found else 'all links lead somewhere'}")
    return FAILED if found else DONE


if __name__ == "__main__":
    with one_line_errors("scripts/check_site.py"):
        sys.exit(main(sys.argv[1:]))
