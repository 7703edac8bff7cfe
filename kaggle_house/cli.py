"""Predict house prices: cross-validate a recipe, write a submission, check it."""

import sys
from collections.abc import Sequence
from typing import Any, Optional

import tyro

from d2l_repro import stopping
from d2l_repro.cli import helptext
from d2l_repro.cli.flags import language_below_help
from d2l_repro.distributed.job import refuse_workers
from d2l_repro.errors import FAILED, InputError, one_line_errors
from d2l_repro.language import mark, tr
from d2l_repro.settings import choose_language

from .options import Check, Explain, KFold, Log, Predict, Submit, Sweep, TrainingCommand
from .recipes import RECIPES, REPEATS
from .settings import PROG, FoldOptions

# The functions that run them are in `commands`, which is imported when the flags are known to be right.
COMMANDS = {
    "kfold": KFold,
    "explain": Explain,
    "submit": Submit,
    "predict": Predict,
    "check": Check,
    "sweep": Sweep,
    "log": Log,
}
DESCRIPTION = mark("Predict house prices: cross-validate a recipe, write a submission, check it.")


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command line; exit with 0 done, 1 check failed, 2 usage or input error, 130 interrupted."""
    with one_line_errors(PROG):
        argv = choose_language(sys.argv[1:] if argv is None else argv)
        refuse_workers(PROG)
        with language_below_help(argv):
            command = parse(argv)
        sys.exit(_execute(argv[0], command))


def _execute(name: str, command: Any) -> int:
    with stopping.importing():
        from d2l_repro.train.loop import TrainingDiverged

        from . import commands

    try:
        return getattr(commands, f"run_{name}")(command)
    except TrainingDiverged as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return FAILED


def parse(argv: list[str]) -> Any:
    """Parse the flags into an instance of the command's class.

    The values of --recipe become the defaults, which explicit flags override and --help shows.
    """
    if not argv or argv[0] not in COMMANDS:
        return helptext.subcommands_cli(COMMANDS, argv, PROG, description=tr(DESCRIPTION))
    command_cls, default = COMMANDS[argv[0]], None
    if issubclass(command_cls, TrainingCommand):
        recipe = _find_recipe(argv)
        folds = FoldOptions(repeats=REPEATS[recipe])
        default = command_cls(recipe=recipe, settings=RECIPES[recipe], folds=folds)
    flags = ["--no-shuffle" if flag == "--contiguous" else flag for flag in argv[1:]]
    return helptext.cli(
        command_cls,
        flags,
        f"{PROG} {argv[0]}",
        default=default,
        config=(tyro.conf.OmitArgPrefixes,),
    )


def _find_recipe(argv):
    """Return the value of --recipe, or "tuned"; tyro reports an unknown value later."""
    values = [value for flag, value in zip(argv, argv[1:]) if flag == "--recipe"]
    values += [flag.partition("=")[2] for flag in argv if flag.startswith("--recipe=")]
    if len(values) > 1:
        raise InputError(tr("--recipe: given more than once; choose one recipe"))
    return values[0] if values and values[0] in RECIPES else "tuned"
