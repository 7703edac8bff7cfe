"""The flags of chapters that `d2l-repro run` passes on to them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Optional, get_type_hints

import tyro

from ..errors import InputError
from ..language import listed, mark, tr
from ..results.catalogue import entries
from ..settings import (
    DataOptions,
    EditionOption,
    ImplOption,
    OnlyOption,
    Settings,
    VariantOptions,
    check_dataset,
)
from .flags import Outline, config_of, data_sets_line
from .outline import read_outline
from .refusals import flags_of
from .runner import GROUPS, select_chapters


@dataclass(frozen=True)
class PassedOutput(Settings):
    """What else the chapters are told."""

    # TOML file with settings, such as `lr = 0.1`; flags win over it
    config: Annotated[Optional[Path], tyro.conf.arg(metavar="FILE.toml")] = None
    show: bool = False  # open the figures of each chapter when it is done


def with_flags_of_chapters(command: type, argv: Sequence[str]) -> type:
    """Return the class of a command with the flags that all named chapters have.

    Args:
        command: dataclass of the command. It is called with a function: name of a chapter -> fields of `Task`
            that hold what is passed on to the chapter.
        argv: the arguments after the command's name.

    Raises:
        InputError: a chapter is unknown, or the file of --config cannot be used.
    """
    names = _named(argv)
    if not names:
        return command
    outlines = {name: read_outline(name) for name in select_chapters(names)}
    quick = "--quick" in argv
    defaults = {name: outline.defaults(quick, config_of(argv)) for name, outline in outlines.items()}
    parts = _parts(list(outlines.values()))
    fields: list[tuple[str, Any, Any]] = [
        ("run", command, dataclasses.field()),
        ("settings", *_settings(list(defaults.values()))),
        ("parts", parts, parts()),
        ("output", PassedOutput, PassedOutput()),
    ]
    if all(outline.datasets for outline in outlines.values()):
        fields.insert(2, ("data", DataOptions, DataOptions()))

    def passed(self: Any, name: str) -> dict[str, Any]:
        if name not in outlines:
            raise InputError(tr("{name}: name the chapters before the flags", name=name))
        hp, given = defaults[name], vars(self.settings)
        if type(self.settings) is type(hp):  # of a single chapter
            hp = self.settings
        else:
            hp = dataclasses.replace(hp, **{key: value for key, value in given.items() if value is not None})
        data = getattr(self, "data", DataOptions())
        check_dataset(name, data.dataset, outlines[name].datasets)
        return {
            "settings": _changed(hp, outlines[name].defaults(quick)),
            "show": self.output.show,
            **vars(self.parts),
            **vars(data),
        }

    def call(self: Any) -> int:
        return self.run(lambda name: passed(self, name))

    namespace = {
        "__call__": call,
        "__doc__": _doc(list(outlines.values())),
        "hints": _not_shared(list(outlines.values())),
    }
    return make_dataclass("Run", fields, frozen=True, namespace=namespace)


def _named(argv: Sequence[str]) -> list[str]:
    """Return the names of chapters and groups in the arguments: those before the flags, else any."""
    first = next((i for i, word in enumerate(argv) if word.startswith("-")), len(argv))
    return list(argv[:first]) or [word for word in argv if word in GROUPS or word in entries()]


def _settings(defaults: Sequence[Any]) -> tuple[type, Any]:
    """Return the class of the settings that can be given, and the defaults.

    They are a chapter's own, or the settings that all chapters have; where none is given, each keeps its own.
    """
    if len(defaults) == 1:
        return type(defaults[0]), defaults[0]
    hints = [get_type_hints(type(hp), include_extras=True) for hp in defaults]
    shared = [name for name, hint in hints[0].items() if all(name in h and h[name] == hint for h in hints)]
    about = tyro.conf.arg(
        help=mark("of every chapter named"), help_behavior_hint=mark("(default: each chapter's own)")
    )
    fields: list[Any] = [(name, Annotated[Optional[hints[0][name]], about], None) for name in shared]
    cls = make_dataclass(
        "Settings", fields, frozen=True, namespace={"__doc__": mark("Settings of all chapters.")}
    )
    return cls, cls()


def _parts(outlines: Sequence[Outline]) -> type[Settings]:
    """Return the class of those options of all chapters that `run` has not itself."""
    if all(issubclass(outline.run_options, VariantOptions) for outline in outlines):
        return OnlyOption
    if all(outline.with_d2l for outline in outlines):
        return EditionOption
    return ImplOption if all(outline.trains for outline in outlines) else Settings


def _changed(hp: Any, own: Any) -> tuple[tuple[str, Any], ...]:
    """Return name and value of the settings that differ from a chapter's own."""
    return tuple((name, value) for name, value in vars(hp).items() if value != getattr(own, name))


def _doc(outlines: Sequence[Outline]) -> str:
    """Return what the help begins with."""
    if len(outlines) > 1:
        names = listed(outline.name for outline in outlines)
        return tr("Run {names}, with flags that all of them have.", names=names)
    name, datasets = outlines[0].name, outlines[0].datasets
    title = tr("Run {name}: {title}.", name=name, title=tr(entries()[name].title))
    return f"{title}{data_sets_line(datasets) if datasets else ''}"


def _not_shared(outlines: Sequence[Outline]) -> dict[str, str]:
    """Return flag -> why it cannot be given, for those that some of the chapters lack."""
    flags = {
        outline.name: {*flags_of(outline.settings), *flags_of(outline.run_options)}
        | set(flags_of(DataOptions) if outline.datasets else ())
        for outline in outlines
    }
    reasons = {}
    for flag in sorted(set().union(*flags.values())):
        having = [name for name in flags if flag in flags[name]]
        if len(having) < len(outlines):
            lacking = next(name for name in flags if name not in having)
            reasons[flag] = tr(
                "{name} has no such flag; run {others} without {name}", name=lacking, others=listed(having)
            )
    return reasons
