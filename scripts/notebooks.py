"""Execute the notebooks of docs/notebooks, and list them in the index beside them.

python scripts/notebooks.py              execute all of them on the published data, and write the index
python scripts/notebooks.py mlp dropout  execute only these
python scripts/notebooks.py --chinese    execute none: write the Chinese ones and the indexes anew
python scripts/notebooks.py --check      exit with 1 if a notebook or an index is not that of the scripts

The scripts NAME.py, in jupytext's percent format, are the source of NAME.ipynb. Cells with the tag
skip-execution are left to the reader. A notebook in which a cell fails, or writes to stderr, is named and
stays as it was; the others are written. Stand-in data are never used: set D2L_REPRO_DATA, or download the
data before.

zh/NAME.md has the Chinese of each cell of prose below a mark of its English, which changes with that. Code
and outputs of zh/NAME.ipynb are those of NAME.ipynb.
"""

from __future__ import annotations

import base64
import copy
import io
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from PIL import Image
from translations import mark_of

from d2l_repro.data.download import ENVIRONMENT, cache_dir
from d2l_repro.errors import DONE, FAILED, InputError, one_line_errors
from d2l_repro.files import write_atomically
from d2l_repro.language import VARIABLE
from d2l_repro.results.catalogue import entries
from d2l_repro.suggestions import did_you_mean

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "notebooks"
SECONDS = 600  # that a cell may take
LEFT = "skip-execution"  # tag of a cell that the reader executes
COLORS = 128  # of a figure: lines and regions need few, and the file is a third of the size
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
MARK = re.compile(r"^<!-- ([0-9a-f]{8}) -->\n", re.MULTILINE)  # of an English cell, above its Chinese
# What is the same in both languages: code, formulas, targets of links, levels of headings, numbers.
TERM = re.compile(
    r"```.*?```|`[^`]+`|\$\$.*?\$\$|\$[^$]+\$|\]\([^)]*\)|^#+ |\d+(?:[.,]\d+)*", re.DOTALL | re.MULTILINE
)
INDEXES = {"en": "README.md", "zh": "README.zh-CN.md"}
INDEX_HEADS = {
    "en": """# Notebooks

A notebook for each chapter, and one for the house prices from cross-validation to a submission. Each goes
through the chapter's own code, explains its formulas, compares its results with what was published, and
ends with two things to try. They were executed on the published data. Where these are missing, they run on
stand-in data, and say so. Their source are the scripts beside them: `jupytext --to ipynb
docs/notebooks/mlp.py` writes a notebook without outputs. [中文](README.zh-CN.md)

| section | notebook | what it shows |
|---|---|---|
""",
    "zh": """# 笔记本

每一章都有一个笔记本，另有一个关于房价预测，从交叉验证一直到提交结果。它们逐段讲解这一章的代码和公式，把结果与公布的数值比较，最后是两件可以试一试的事。笔记本是在公布的数据上执行的；没有这些数据时改用内置数据，并给出提示。代码和输出与英文版相同，插图和表格中的文字是英文。[English](README.md)

| 小节 | 笔记本 | 内容 |
|---|---|---|
""",
}


def main(argv: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    scripts = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}
    if argv == ["--check"]:
        return check(list(scripts.values()))
    if argv == ["--chinese"]:
        write_derived(list(scripts.values()))
        return DONE
    for name in argv:
        if name not in scripts:
            raise InputError(
                f"no script docs/notebooks/{name}.py; {did_you_mean(name, scripts)}"
                f"choose from {', '.join(scripts)}"
            )
    # With a folder named, what it lacks is an error: stand-in data never take its place.
    os.environ.setdefault(ENVIRONMENT, str(cache_dir()))
    os.environ[VARIABLE] = "en"
    failed = [name for name in argv or scripts if not publish(scripts[name])]
    write_derived(list(scripts.values()))
    if failed:
        print(f"not written: {', '.join(failed)}", file=sys.stderr)
    return FAILED if failed else DONE


def publish(script: Path) -> bool:
    """Execute a script's notebook and write it; if that fails, name it and return False."""
    name, start = script.relative_to(ROOT), time.perf_counter()
    try:
        content = nbformat.writes(execute(script)) + "\n"
    except (CellControlSignal, DeadKernelError, InputError) as error:
        what = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
        print(f"{name}: {what.strip().splitlines()[0]}", file=sys.stderr)
        return False
    write_atomically(script.with_suffix(".ipynb"), content)
    print(f"{name}: {time.perf_counter() - start:.0f} s, {len(content) / 1e3:.0f} kB", flush=True)
    return True


def execute(script: Path) -> nbformat.NotebookNode:
    """Return a script's notebook with its outputs, without the times and paths of this execution.

    Raises:
        CellExecutionError: a cell failed.
        InputError: a cell wrote to stderr.
    """
    notebook = unexecuted(script)
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(ROOT)}},
        kernel_name="python3",
        record_timing=False,
        timeout=SECONDS,
        startup_timeout=SECONDS,
        skip_cells_with_tag=LEFT,
    )
    client.execute(stderr=subprocess.DEVNULL)  # the kernel's own: what cells write there is an output
    notebook.metadata = nbformat.from_dict(KERNEL)
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise InputError(f"cell {i} wrote to stderr: {output.text.strip()}")
            shrink(output.get("data", {}))
    return notebook


def unexecuted(script: Path) -> nbformat.NotebookNode:
    """Return a script's notebook, its cells numbered."""
    notebook = jupytext.read(script)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(KERNEL)
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
    return notebook


def shrink(data: dict[str, Any]) -> None:
    """Give a figure in the outputs of a cell a palette, if that makes it smaller."""
    if "image/png" not in data:
        return
    image, file = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))), io.BytesIO()
    image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(file, "png", optimize=True)
    smaller = base64.b64encode(file.getvalue()).decode()
    data["image/png"] = min(smaller, data["image/png"], key=len)


# In Chinese


def chinese_of(script: Path) -> list[tuple[str, str]]:
    """Return the Chinese prose of a script's notebook, a cell each: (mark of the English cell, text)."""
    path = script.parent / "zh" / f"{script.stem}.md"
    _, *parts = MARK.split(path.read_text(encoding="utf-8") if path.is_file() else "")
    return [(mark, text.strip()) for mark, text in zip(parts[::2], parts[1::2])]


def in_chinese(script: Path) -> str:
    """Return the text of the Chinese notebook: the executed English one with other prose.

    Prose for which there is no Chinese stays as it is.
    """
    notebook = copy.deepcopy(nbformat.read(script.with_suffix(".ipynb"), as_version=4))
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    for cell, (_, text) in zip(prose, chinese_of(script)):
        cell.source = text
    return nbformat.writes(notebook) + "\n"


def faults(script: Path) -> Iterator[str]:
    """Yield what is wrong with the Chinese prose of a script's notebook."""
    english = [cell.source for cell in unexecuted(script).cells if cell.cell_type == "markdown"]
    chinese = chinese_of(script)
    if len(english) != len(chinese):
        yield f"{len(chinese)} cells of prose, in English {len(english)}"
    for i, (text, (mark, ours)) in enumerate(zip(english, chinese), 1):
        if mark != mark_of(text):
            yield f"cell {i}: the English changed; once the Chinese says the same, mark it {mark_of(text)}"
        for only, side in ((terms(text) - terms(ours), "English"), (terms(ours) - terms(text), "Chinese")):
            if only:
                yield f"cell {i}: only in {side}: {', '.join(sorted(only))}"


def terms(text: str) -> Counter[str]:
    """Return how often each term that no language changes is in a cell; words in formulas are left out."""
    return Counter(re.sub(r"\s|\\text\{[^}]*\}", "", term) for term in TERM.findall(text))


# What is made of the notebooks


def derived(scripts: list[Path]) -> dict[Path, str]:
    """Return what is made without executing anything: path -> content of Chinese notebooks and indexes."""
    files = {
        script.parent / "zh" / f"{script.stem}.ipynb": in_chinese(script)
        for script in scripts
        if script.with_suffix(".ipynb").is_file() and chinese_of(script)
    }
    return {**files, **{FOLDER / name: index(scripts, language) for language, name in INDEXES.items()}}


def write_derived(scripts: list[Path]) -> None:
    """Write the Chinese notebooks and the indexes."""
    for path, content in derived(scripts).items():
        write_atomically(path, content)


def index(scripts: list[Path], language: str = "en") -> str:
    """Return the text of an index: a line for each notebook, the book's sections first, in their order."""
    rows = []
    for (_, section), name, script in sorted((section_of(path.stem), path.stem, path) for path in scripts):
        title, sentence = title_and_sentence(script, language)
        link = f"zh/{name}.ipynb" if language == "zh" else f"{name}.ipynb"
        where = section.replace(" to ", " 至 ").replace("article", "文章") if language == "zh" else section
        rows.append(f"| {where} | [{title}]({link}) | {sentence} |\n")
    return INDEX_HEADS[language] + "".join(rows)


def section_of(name: str) -> tuple[tuple[bool, list[int]], str]:
    """Return where the section of a notebook stands among others, and its number or "article"."""
    chapter = entries().get(name) or entries()["house_prices"]
    numbers = re.findall(r"\d+", chapter.section)
    return (not numbers, [int(number) for number in numbers]), chapter.section


def title_and_sentence(script: Path, language: str = "en") -> tuple[str, str]:
    """Return the title of a notebook and the first sentence below it."""
    cells = chinese_of(script) if language == "zh" else []
    first = cells[0][1] if cells else jupytext.read(script).cells[0].source
    title, paragraph = first.split("\n\n")[:2]
    sentence = re.match(r".*?(?:\.(?=\s|$)|。)", " ".join(paragraph.split()))
    if not title.startswith("# ") or sentence is None:
        raise InputError(
            f"{script.relative_to(ROOT)}: begin with a title and a sentence that says what it shows"
        )
    return title[2:], sentence[0]


def check(scripts: list[Path]) -> int:
    """Name what is not up to date, and return the exit code."""
    stale = [path.name for path in scripts if not is_executed(path)]
    stale += [
        path.relative_to(FOLDER).as_posix()
        for path in [*FOLDER.glob("*.ipynb"), *FOLDER.glob("zh/*")]
        if not (FOLDER / f"{path.stem}.py").is_file()
    ]
    for path, content in derived(scripts).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            stale.append(path.relative_to(FOLDER).as_posix())
    for name in stale:
        print(f"docs/notebooks/{name}: not up to date; run: python scripts/notebooks.py", file=sys.stderr)
    wrong = [(script.stem, fault) for script in scripts for fault in faults(script)]
    for name, fault in wrong:
        print(f"docs/notebooks/zh/{name}.md: {fault}", file=sys.stderr)
    return FAILED if stale or wrong else DONE


def is_executed(script: Path) -> bool:
    """Return whether there is a notebook with the cells of a script."""
    path = script.with_suffix(".ipynb")
    if not path.is_file():
        return False
    committed, ours = nbformat.read(path, as_version=4).cells, unexecuted(script).cells
    return [(cell.id, cell.source) for cell in committed] == [(cell.id, cell.source) for cell in ours]


if __name__ == "__main__":
    with one_line_errors("scripts/notebooks.py"):
        sys.exit(main(sys.argv[1:]))
