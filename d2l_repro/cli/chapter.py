"""A chapter's command line: flags from its settings, progress, files, and exit codes."""

import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import tyro

from .. import stopping
from ..errors import DONE, FAILED, InputError, one_line_errors
from ..experiment.chapter import Chapter, Execution
from ..files import locked_folder
from ..results.result import FILE_NAME, Result
from ..results.verdicts import failures
from ..settings import (
    DataOptions,
    EditionOptions,
    RunOptions,
    SeedOptions,
    StreamOptions,
    StudyOptions,
    VariantOptions,
)
from .runner import default_folder


@dataclass(frozen=True)
class OutputOptions:
    """Where results go, and what is done with them."""

    # folder for result.json and the figures
    out: Annotated[
        Optional[Path],
        tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: runs/ and the chapter's name)"),
    ] = None
    show: bool = False  # open the figures when done
    strict: bool = False  # exit with code 1 if a value differs by more than chance allows


@dataclass(frozen=True)
class ResumableOptions(OutputOptions):
    """Where results go, and what is done with them."""

    resume: bool = False  # continue after the last epoch that was finished in the same folder


def run_chapter(chapter: Chapter, argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run a chapter with the settings of its flags, write its results, print its tables, and exit.

    Args:
        chapter: the chapter to run.
        argv: the flags; by default the command line's.
    """
    argv = sys.argv[1:] if argv is None else argv
    prog = f"python -m chapters.{chapter.name}"
    with one_line_errors(prog):
        args = _parse(chapter, argv, prog)
        with locked_folder(args.output.out or _default_folder(chapter, args.run.quick)) as folder:
            options = {**vars(args.run), **vars(args.data), **vars(args.stream)}
            resume = getattr(args.output, "resume", False)
            result = chapter.run(args.settings, progress=True, folder=folder, resume=resume, **options)
            _save_and_print(result, folder)
        for label, error in result.errors.items():
            print(f"{prog}: error: {label}: {error}", file=sys.stderr)
        if args.output.show:
            _open_figures(result, folder, prog)
        sys.exit(_exit_code(result, args.output.strict))


def _default_folder(chapter: Chapter, quick: bool) -> Path:
    return default_folder(quick, [chapter.name]) / chapter.name


def _save_and_print(result: Result, folder: Path) -> None:
    """Write the result if that is worth it, and print its tables even if writing fails."""
    reason = _why_not_to_save(result, folder)
    if reason:
        print(f"\ninterrupted; {reason}")
        return
    try:
        result.save(folder)
    finally:
        print(f"\n{result}")
    print(f"\nresults and figures: {folder}")


def _why_not_to_save(result: Result, folder: Path) -> str:
    """Return why an interrupted result is not written; empty if the result is to be written."""
    if result.interrupted and _has_finished_result(folder):
        return f"the earlier results in {folder} are unchanged"
    if result.interrupted and not any(run.history for run in result.runs):
        return "nothing is finished, so nothing is written"
    return ""


def _has_finished_result(folder: Path) -> bool:
    try:
        return not Result.load(folder / FILE_NAME).interrupted
    except InputError:
        return False


def _open_figures(result: Result, folder: Path, prog: str) -> None:
    opened = [webbrowser.open((folder / f"{name}.svg").resolve().as_uri()) for name in result.figures]
    if not all(opened):
        print(f"{prog}: no program on this machine opens figures; they are in {folder}", file=sys.stderr)


def _parse(chapter: Chapter, argv: Sequence[str], prog: str) -> Any:
    """Parse the flags into `settings`, `run`, `data`, `stream` and `output`."""
    run = _run_options(chapter)
    output = ResumableOptions if chapter.execution is Execution.RESUMABLE else OutputOptions
    groups = [
        # The quick values are the defaults; explicit flags override them wherever --quick stands.
        ("settings", chapter.HParams, chapter.defaults(quick="--quick" in argv)),
        ("run", run, run()),
        ("output", output, output()),
    ]
    description, constants = chapter.doc, {"data": DataOptions(), "stream": StreamOptions()}
    if chapter.datasets:
        groups.insert(2, ("data", DataOptions, constants.pop("data")))
        description += f"\nData sets: {', '.join(chapter.datasets)}; auto uses {chapter.datasets[0]}."
    if chapter.depends_on_stream:
        groups.insert(2, ("stream", StreamOptions, constants.pop("stream")))
    return tyro.cli(
        make_dataclass("Arguments", groups, namespace=constants),
        args=argv,
        prog=prog,
        description=description,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )


def _run_options(chapter: Chapter) -> type[SeedOptions]:
    """Return the class of options that mean something to the chapter."""
    if chapter.execution is Execution.IN_PROCESSES:
        return StudyOptions
    if "d2l" in chapter.implementations:
        return EditionOptions
    if len(chapter.variants) > 1:
        return VariantOptions
    return RunOptions if chapter.runs else SeedOptions


def _exit_code(result: Result, strict: bool) -> int:
    if result.interrupted:
        return stopping.exit_code()
    return FAILED if result.errors or (strict and failures(result.published)) else DONE
