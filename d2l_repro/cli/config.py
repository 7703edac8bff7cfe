"""Read a chapter's settings from a TOML file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import InputError
from ..language import listed, tr
from ..results.schema import printable, shorten
from ..suggestions import closest_flag

MAX_SIZE = 2**16  # bytes


def read_config(path: Path, hp: Any, owner: str) -> Any:
    """Return a chapter's settings with those that a file changes.

    Args:
        path: a TOML file of settings, such as `num_epochs = 10`; dashes may stand for underscores.
        hp: the chapter's settings, of class HParams.
        owner: whose settings these are, for messages.

    Raises:
        InputError: the file cannot be read, a key is no setting, or a value has the wrong type or is out of
            range; the line names file and key.
    """
    values = {}
    known = [item.name for item in dataclasses.fields(hp)]
    hints = get_type_hints(type(hp))
    for key, value in _read(path).items():
        name = key.replace("-", "_")
        if name not in known:
            raise InputError(f"{path}: {_shown(key)}: {_unknown(key, value, known, owner)}")
        if name in values:
            raise InputError(
                tr("{path}: {key}: is there twice; remove one of the lines", path=path, key=_shown(key))
            )
        values[name] = _converted(value, hints[name])
        if values[name] is _MISFIT:
            raise InputError(
                tr(
                    "{path}: {key}: must be {type}, not {value}; correct the line",
                    path=path,
                    key=_shown(key),
                    type=_type_name(hints[name]),
                    value=_shown(repr(value)),
                )
            )
    try:
        return dataclasses.replace(hp, **values)
    except InputError as error:  # "--lr: must be ..."
        raise InputError(f"{path}: {str(error)[2:]}") from error


def _read(path: Path) -> dict[str, Any]:
    parser = _parser()
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_SIZE + 1)
        if len(content) > MAX_SIZE:
            raise ValueError(tr("it is larger than {size} bytes", size=f"{MAX_SIZE:,}"))
        return parser.loads(content.decode("utf-8"))
    except OSError as error:
        raise InputError(
            tr(
                "--config: {path} cannot be read ({error}); name a TOML file of settings",
                path=path,
                error=error.strerror,
            )
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            tr(
                "--config: {path} is not valid TOML ({error}); write one setting per line, such as: lr = 0.1",
                path=path,
                error=shorten(str(error)),
            )
        ) from error


def _parser() -> Any:
    try:
        import tomllib

        return tomllib
    except ImportError:  # before Python 3.11
        try:
            import tomli  # the same parser as a package

            return tomli
        except ImportError:
            raise InputError(
                tr(
                    "--config: Python reads TOML from 3.11 on; use that, run: pip install tomli, or give the "
                    "settings as flags"
                )
            ) from None


def _unknown(key: str, value: Any, known: list[str], owner: str) -> str:
    if isinstance(value, dict):
        return tr("tables have no meaning here; write the settings without one")
    meant = closest_flag(key, [name.replace("_", "-") for name in known])
    hint = tr("did you mean {name}? ", name=meant.replace("-", "_")) if meant else ""
    names = listed(known) or tr("none: it has no settings")
    return tr("no setting of {owner}; {hint}choose from {names}", owner=owner, hint=hint, names=names)


_MISFIT = object()


def _converted(value: Any, hint: Any) -> Any:
    """Return a TOML value as one of the type that a setting has; `_MISFIT` if it is of another."""
    if get_origin(hint) is Union:  # Optional: TOML has no null, and a setting that is left out keeps its own
        found = [_converted(value, part) for part in get_args(hint) if part is not type(None)]
        return next((item for item in found if item is not _MISFIT), _MISFIT)
    if get_origin(hint) is tuple:
        items = (
            [_converted(item, get_args(hint)[0]) for item in value] if isinstance(value, list) else [_MISFIT]
        )
        return _MISFIT if _MISFIT in items else tuple(items)
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type):
        return value if type(value) is hint else _MISFIT  # True is no number
    return value  # a Literal, whose choices the settings check themselves


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Union:
        return tr(" or ").join(_type_name(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        return tr("a list, each item {type}", type=_type_name(get_args(hint)[0]))
    names = {
        int: tr("a whole number"),
        float: tr("a number"),
        bool: tr("true or false"),
        str: tr("a text in quotes"),
    }
    return names.get(hint, str(hint))


def _shown(text: str) -> str:
    return shorten(printable(text))
