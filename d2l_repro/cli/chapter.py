"""A chapter's command line: flags from its settings, progress, files, and exit codes."""

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, Optional

from .. import stopping
from ..distributed import workers
from ..errors import DONE, FAILED, InputError, error_line, one_line_errors
from ..experiment.chapter import Chapter
from ..experiment.description import Execution
from ..files import locked_folder, writable_folder
from ..language import tr
from ..results.result import FILE_NAME, Result
from ..results.run import message_text
from ..results.verdicts import failures
from ..settings import choose_language
from .flags import Outline, parse
from .runner import default_folder


def run_chapter(chapter: Chapter, argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run a chapter with the settings of its flags, write its results, print its tables, and exit.

    Args:
        chapter: the chapter to run.
        argv: the flags; by default the command line's.
    """
    prog = f"python -m chapters.{chapter.name}"
    with one_line_errors(prog):
        argv = choose_language(sys.argv[1:] if argv is None else argv)
        args = parse(outline_of(chapter), argv, prog)
        store = workers.join()
        if store is not None and not store.is_first:
            sys.exit(_help_the_first(chapter, args, prog))
        with locked_folder(args.output.out or _default_folder(chapter, args.run.quick)) as folder:
            options = _options(args)
            resume = getattr(args.output, "resume", False)
            save = getattr(args.output, "save", None)
            if save is not None:
                writable_folder(save.parent, "--save")
            result = chapter.run(
                args.settings, progress=True, folder=folder, resume=resume, save=save, **options
            )
            _save_and_print(result, folder)
        _print_errors(result, prog)
        if args.output.show:
            _open_figures(result, folder, prog)
        sys.exit(_exit_code(result, args.output.strict))


def _options(args: Any) -> dict[str, Any]:
    return {**vars(args.run), **vars(args.data), **vars(args.stream)}


def _help_the_first(chapter: Chapter, args: Any, prog: str) -> int:
    """Train with the first worker of a job, which alone prints and writes results; return the exit code."""
    result = chapter.run(args.settings, **_options(args))
    _print_errors(result, prog)
    return _exit_code(result, strict=False)


def _print_errors(result: Result, prog: str) -> None:
    for label, error in result.errors.items():
        print(error_line(prog, f"{label}: {message_text(error)}"), file=sys.stderr)


def _default_folder(chapter: Chapter, quick: bool) -> Path:
    return default_folder(quick, [chapter.name]) / chapter.name


def _save_and_print(result: Result, folder: Path) -> None:
    """Write the result if that is worth it, and print its tables even if writing fails."""
    reason = _why_not_to_save(result, folder)
    if reason:
        print(f"\n{tr('interrupted; {reason}', reason=reason)}")
        return
    try:
        result.save(folder)
    finally:
        print(f"\n{result}")
    print(f"\n{tr('results and figures: {folder}', folder=folder)}")


def _why_not_to_save(result: Result, folder: Path) -> str:
    """Return why an interrupted result is not written; empty if the result is to be written."""
    if result.interrupted and _has_finished_result(folder):
        return tr("the earlier results in {folder} are unchanged", folder=folder)
    if result.interrupted and not any(run.history for run in result.runs):
        return tr("nothing is finished, so nothing is written")
    return ""


def _has_finished_result(folder: Path) -> bool:
    try:
        return not Result.load(folder / FILE_NAME).interrupted
    except InputError:
        return False


def _open_figures(result: Result, folder: Path, prog: str) -> None:
    opened = [webbrowser.open((folder / f"{name}.svg").resolve().as_uri()) for name in result.figures]
    if not all(opened):
        text = tr("no program on this machine opens figures; they are in {folder}", folder=folder)
        print(f"{prog}: {text}", file=sys.stderr)


def outline_of(chapter: Chapter) -> Outline:
    """Return what the command line has to know of a chapter."""
    return Outline(
        chapter.name,
        chapter.doc,
        chapter.HParams,
        chapter.quick,
        chapter.datasets,
        trains=chapter.runs is not None,
        compares=len(chapter.variants) > 1,
        with_d2l="d2l" in chapter.implementations,
        in_processes=chapter.execution is Execution.IN_PROCESSES,
        resumable=chapter.execution is Execution.RESUMABLE,
        depends_on_stream=chapter.depends_on_stream,
    )


def _exit_code(result: Result, strict: bool) -> int:
    if result.interrupted:
        return stopping.exit_code()
    return FAILED if result.errors or (strict and failures(result.published)) else DONE
