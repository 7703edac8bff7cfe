"""The flags of a chapter's command line, made from its settings; no chapter need be imported for them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Optional, TypeVar

import tyro

from ..language import FLAG, LANGUAGES, VARIABLE, tr
from ..settings import (
    DataOptions,
    EditionOptions,
    EditionVariantOptions,
    HParams,
    RunOptions,
    SeedOptions,
    StreamOptions,
    StudyOptions,
    VariantOptions,
)
from . import helptext
from .config import read_config

T = TypeVar("T")


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
    # TOML file with settings, such as `lr = 0.1`; flags win over it
    config: Annotated[Optional[Path], tyro.conf.arg(metavar="FILE.toml")] = None


@dataclass(frozen=True)
class ResumableOptions(OutputOptions):
    """Where results go, and what is done with them."""

    resume: bool = False  # continue after the last epoch that was finished in the same folder


@dataclass(frozen=True)
class KeepingOptions(OutputOptions):
    """Where results go, and what is done with them."""

    resume: bool = False  # keep the runs with the same settings that were finished in the same folder


@dataclass(frozen=True)
class SavingOptions(OutputOptions):
    """Where results go, and what is done with them."""

    # file for the model of the first run, for `d2l-repro predict`
    save: Optional[Path] = None


@dataclass(frozen=True)
class Outline:
    """What the command line has to know of a chapter; its class HParams needs no MXNet.

    Attributes:
        name: of the chapter.
        doc: its docstring.
        settings: its class HParams.
        quick: settings that --quick changes.
        datasets: names that --dataset offers.
        trains: False for a chapter of notes.
        compares: whether it has several variants.
        with_d2l: whether one of them is a class of d2l 1.0.
        in_processes: whether it is a study, whose runs are trained in processes.
        resumable: whether it keeps checkpoints.
        depends_on_stream: whether it offers --stream.
    """

    name: str
    doc: str
    settings: type = HParams
    quick: dict[str, Any] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    trains: bool = True
    compares: bool = False
    with_d2l: bool = False
    in_processes: bool = False
    resumable: bool = False
    depends_on_stream: bool = False

    def defaults(self, quick: bool = False, config: Optional[Path] = None) -> Any:
        """Return the settings that hold where no flag is given.

        Raises:
            InputError: the file `config` cannot be read, or has a key or value that does not fit.
        """
        hp = self.settings(**(self.quick if quick else {}))
        return hp if config is None else read_config(config, hp, f"chapters.{self.name}")

    @property
    def run_options(self) -> type[SeedOptions]:
        """The class of options that mean something to the chapter."""
        if self.in_processes:
            return StudyOptions
        if self.with_d2l:
            return EditionVariantOptions if self.compares else EditionOptions
        if self.compares:
            return VariantOptions
        return RunOptions if self.trains else SeedOptions

    @property
    def output_options(self) -> type[OutputOptions]:
        """The class of options about the results."""
        classifies = {"mnist", "fashion_mnist"} & set(self.datasets)
        if self.in_processes:
            return KeepingOptions
        if self.resumable:
            return ResumableOptions
        return SavingOptions if classifies else OutputOptions


def parse(outline: Outline, argv: Sequence[str], prog: str) -> Any:
    """Parse a chapter's flags into `settings`, `run`, `data`, `stream` and `output`.

    Exits with code 0 after --help.

    Raises:
        InputError: a flag is refused, or the file of --config cannot be used.
    """
    # The quick values are the defaults; explicit flags override them wherever --quick stands.
    hp = outline.defaults("--quick" in argv, config_of(argv))
    run, output = outline.run_options, outline.output_options
    groups: list[tuple[str, Any, Any]] = [
        ("settings", outline.settings, hp),
        ("run", run, run()),
        ("output", output, output()),
    ]
    description = helptext.chapter_text(outline.doc)
    constants: dict[str, Any] = {"data": DataOptions(), "stream": StreamOptions()}
    if outline.datasets:
        groups.insert(2, ("data", DataOptions, constants.pop("data")))
        description += data_sets_line(outline.datasets)
    if outline.depends_on_stream:
        groups.insert(2, ("stream", StreamOptions, constants.pop("stream")))
    arguments = make_dataclass("Arguments", groups, namespace=constants)
    with language_below_help(argv):
        return helptext.cli(
            arguments,
            argv,
            prog,
            description=description,
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
        )


def data_sets_line(names: Sequence[str]) -> str:
    """Return what the help says of the data sets that a chapter can use."""
    text = tr("Data sets: {names}; auto uses {first}.", names=", ".join(names), first=names[0])
    return f"\n\n{text}"


def config_of(argv: Sequence[str]) -> Optional[Path]:
    """Return the value of --config: its settings are defaults, so they are needed before flags are parsed."""
    for i, word in enumerate(argv):
        if word == "--config" and i + 1 < len(argv):
            return Path(argv[i + 1])
        if word.startswith("--config="):
            return Path(word.partition("=")[2])
    return None


@contextmanager
def language_below_help(argv: Sequence[str]) -> Iterator[None]:
    """Print, below the help, the flag for the language: no parser sees it, as it is taken out before.

    Args:
        argv: what is parsed in the `with` block.
    """
    try:
        yield
    except SystemExit as end:
        if not end.code and {"-h", "--help"} & set(argv):
            print(
                tr(
                    "{flag} {names}: language of messages and reports; by default {variable} or the locale "
                    "decides",
                    flag=FLAG,
                    names="{" + ",".join(LANGUAGES) + "}",
                    variable=f"${VARIABLE}",
                )
            )
        raise


def parse_command(
    commands: Mapping[str, Any], argv: Sequence[str], prog: str, description: str, config: Sequence[Any]
) -> Any:
    """Parse the name of a command and its flags.

    Exits with code 0 after --help.

    Args:
        commands: name -> dataclass.
        argv: the command's name and its flags.
        prog: name of the program.
        description: of the program.
        config: of tyro.

    Raises:
        InputError: they are refused.
    """
    name = next(iter(argv), "")
    command = commands.get(name)
    with language_below_help(argv):
        if command:  # by itself, so that messages and help speak of no other
            return helptext.cli(command, argv[1:], f"{prog} {name}", config=config)
        return helptext.subcommands_cli(commands, argv, prog, config=config, description=tr(description))
