"""The command `d2l-repro`: what chapters there are, and several of them in one go. It never imports MXNet itself."""
import ast
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

import chapters

from .errors import DONE, FAILED, INTERRUPTED, InputError, one_line_errors
from .files import writable_folder
from .result import FILE_NAME, Result, shown
from .settings import Seed, Settings

PROG = "d2l-repro"
TEXTBOOK = ("linear_regression", "softmax_regression", "mlp", "polynomial_fitting", "weight_decay", "dropout",
            "house_prices")


@dataclass(frozen=True)
class List:
    """List the chapters, the textbook's in its order."""


@dataclass(frozen=True)
class Run(Settings):
    """Run chapters, each in a process of its own; one that fails does not keep the others from running."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional]  # chapters, or textbook, or all
    seed: Seed = 0  # of all random numbers; 0 gives the book's own data
    quick: bool = False  # less data and fewer epochs: a look in seconds, compared with nothing
    strict: bool = False  # exit with 1 when a value is outside its published band
    out: Path = Path("runs")  # folder for results, one folder a chapter in it


def main(argv=None):
    """Entry point; exits with 0 done, 1 a chapter failed, 2 usage, 130 interrupted."""
    with one_line_errors(PROG):
        command = tyro.extras.subcommand_cli_from_dict({"list": List, "run": Run}, prog=PROG, args=argv,
                                                       description=__doc__.split(".")[0] + ".",
                                                       config=(tyro.conf.FlagCreatePairsOff,))
        sys.exit(_list() if isinstance(command, List) else _run(command))


def chapter_titles():
    """Name -> first line of the docstring, of every chapter; the textbook's first."""
    modules = {path.stem: path for path in Path(chapters.__path__[0]).glob("[!_]*.py")}
    names = [*TEXTBOOK, *sorted(modules.keys() - set(TEXTBOOK))]
    return {name: ast.get_docstring(ast.parse(modules[name].read_text(encoding="utf-8"))).split("\n")[0]
            for name in names}


def _list():
    for name, title in chapter_titles().items():
        print(f"{name:20} {title}")
    return DONE


def _chosen(names):
    """The chapters that `names` mean, each once, in the order given."""
    titles = chapter_titles()
    groups = {"textbook": TEXTBOOK, "all": tuple(titles)}
    chosen = dict.fromkeys(chapter for name in names for chapter in groups.get(name, (name,)))
    unknown = [name for name in chosen if name not in titles]
    if unknown or not chosen:
        raise InputError(f"no chapter is called {', '.join(unknown) or 'nothing'}: "
                         f"take textbook, all, or of {', '.join(titles)}")
    return list(chosen)


def _run(command):
    folder = writable_folder(command.out)
    names = _chosen(command.names)
    flags = ["--seed", str(command.seed), *(f"--{flag}" for flag in ("quick", "strict") if getattr(command, flag))]
    codes, begun = {}, time.time()
    for i, name in enumerate(names, 1):
        print(f"\n[{i}/{len(names)}] {name}", flush=True)
        codes[name] = _run_chapter([sys.executable, "-m", f"chapters.{name}", "--out", str(folder / name), *flags])
        if codes[name] == INTERRUPTED:
            break
    print(f"\n{_overview(folder, codes, begun)}\n\nresults and figures: {folder}")
    failed = [name for name, code in codes.items() if code != DONE]
    if failed:
        print(f"{PROG}: failed: {', '.join(f'{name} (exit code {codes[name]})' for name in failed)}", file=sys.stderr)
    return INTERRUPTED if INTERRUPTED in codes.values() else FAILED if failed else DONE


def _run_chapter(command):
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # Ctrl-C reaches the chapter too; it still has to write what it finished.
        process.wait()
        return INTERRUPTED


def _overview(folder, names, begun):
    """A line a chapter, from the results that were written since `begun`: a crashed one may have left older ones."""
    import pandas as pd

    rows = []
    for name in names:
        row = {"chapter": name, "data": "-", "published values within their bands": "-", "scratch = Gluon": "-"}
        path = folder / name / FILE_NAME
        if path.is_file() and path.stat().st_mtime >= begun:
            result = Result.load(path)
            row["data"] = f"{result.dataset} (stand-in)" if result.stand_in_for else result.dataset
            if result.published:
                within = len(result.published) - len(result.outside)
                row["published values within their bands"] = f"{within} of {len(result.published)}"
            if result.parity:
                parted = [pair for pair in result.parity["pairs"] if pair["left_at"]]
                row["scratch = Gluon"] = (f"NO: {parted[0]['ours']}" if parted else
                                          f"within {shown(result.parity['max_abs_diff'], '.1g')}")
        rows.append(row)
    return pd.DataFrame(rows).to_string(index=False)
