"""A chapter's command line: flags from its settings, progress, files, and exit codes."""

import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import NoReturn, Optional

import tyro

from .. import channel
from ..errors import DONE, FAILED, INTERRUPTED, InputError, one_line_errors
from ..experiment.chapter import Chapter, Execution
from ..files import writable_folder
from ..results.result import FILE_NAME, Result
from ..settings import DataOptions, EditionOptions, RunOptions, SeedOptions, StudyOptions


@dataclass(frozen=True)
class OutputOptions:
    """What becomes of the results."""

    out: Optional[Path] = None  # folder for result.json and the figures (else runs/ and the chapter's name)
    show: bool = False  # open the figures when done
    strict: bool = False  # exit with 1 when a value is outside its published band


@dataclass(frozen=True)
class ResumableOptions(OutputOptions):
    """What becomes of the results."""

    resume: bool = False  # continue after the last epoch that was finished in the same folder


def run_chapter(chapter: Chapter, argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run a chapter as the flags say, write its results, print its tables, and exit.

    Args:
        chapter: to run.
        argv: the flags; the process's own by default.
    """
    argv = sys.argv[1:] if argv is None else argv
    prog = f"python -m chapters.{chapter.name}"
    with one_line_errors(prog):
        channel.remember_ctrl_c()
        args = _parse(chapter, argv, prog)
        folder = writable_folder(args.output.out or Path("runs", chapter.name))
        options = {name: value for group in (args.run, args.data) for name, value in vars(group).items()}
        resume = getattr(args.output, "resume", False)
        result = chapter.run(args.settings, progress=True, folder=folder, resume=resume, **options)
        saved = _save(result, folder)
        print(
            f"\n{result}\n\nresults and figures: {folder}"
            if saved
            else f"\ninterrupted; what was in {folder} before is left as it was"
        )
    for label, error in result.errors.items():
        print(f"{prog}: error: {label}: {error}", file=sys.stderr)
    if args.output.show:
        opened = [webbrowser.open((folder / f"{name}.svg").resolve().as_uri()) for name in result.figures]
        if not all(opened):
            print(f"{prog}: no program here opens figures; they are in {folder}", file=sys.stderr)
    sys.exit(_exit_code(result, args.output.strict))


def _save(result, folder):
    """Write the result, unless it was interrupted before it had anything, or would replace a finished one."""
    if result.interrupted:
        path = folder / FILE_NAME
        if not any(run.history for run in result.runs) or (path.is_file() and _is_whole(path)):
            return False
    result.save(folder)
    return True


def _is_whole(path):
    try:
        return not Result.load(path).interrupted
    except InputError:
        return False


def _parse(chapter, argv, prog):
    # The quick values are the defaults that explicit flags then override, in whatever order they are given.
    run = _run_options(chapter)
    output = ResumableOptions if chapter.execution is Execution.RESUMABLE else OutputOptions
    groups = [
        ("settings", chapter.HParams, chapter.defaults(quick="--quick" in argv)),
        ("run", run, run()),
        ("output", output, output()),
    ]
    about = chapter.doc
    if chapter.datasets:
        groups.insert(2, ("data", DataOptions, DataOptions()))
        about += f"\nData sets: {', '.join(chapter.datasets)}; auto takes {chapter.datasets[0]}."
    arguments = make_dataclass(
        "Arguments", groups, namespace={} if chapter.datasets else {"data": DataOptions()}
    )
    return tyro.cli(
        arguments,
        args=argv,
        prog=prog,
        description=about,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )


def _run_options(chapter):
    """The class of options that the chapter has a use for."""
    if chapter.execution is Execution.IN_PROCESSES:
        return StudyOptions
    if "d2l" in chapter.implementations:
        return EditionOptions
    return RunOptions if chapter.runs else SeedOptions


def _exit_code(result, strict):
    if result.interrupted:
        return INTERRUPTED
    return FAILED if result.errors or (strict and result.outside) else DONE
