"""Save the parameters of a trained model to a file, which is no pickle, and put them into a net again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mxnet import gluon

from ..errors import InputError
from ..language import tr
from .arrays import check_finite, one_line, read_arrays, write_arrays
from .parameters import Parameter, parameters, state_arrays


def save_model(model: Any, path: str | Path, about: Any) -> None:
    """Write a model's parameters, and running averages if there are any.

    Weights are written in the book's layout, (inputs, outputs): a net from scratch can read what one with
    Gluon has written.

    Args:
        model: an `experiment.model.Model`.
        path: of the file.
        about: what else to keep, as JSON values.

    Raises:
        InputError: the file cannot be written.
    """
    write_arrays(Path(path), {name: param.get() for name, param in _states(model).items()}, about)


def read_model(path: str | Path, kind: type, writer: str) -> tuple[dict[str, np.ndarray], Any]:
    """Return the arrays and the plain data that `save_model` has written.

    Args:
        path: of the file.
        kind: type that the plain data must have.
        writer: who writes such files, for the message.

    Raises:
        InputError: the file is missing or damaged, or its plain data are others.
    """
    try:
        found, about = read_arrays(Path(path))
        if type(about) is not kind:
            raise ValueError(f"it was not written by {writer}")
        check_finite(found)
    except (ValueError, KeyError, TypeError) as error:
        text = tr("{path}: no readable model ({error}); name another file", path=path, error=one_line(error))
        raise InputError(text) from error
    return found, about


def load_model(model: Any, found: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Overwrite a model's parameters. A Gluon net need not have seen a batch before.

    Args:
        model: an `experiment.model.Model`.
        found: the arrays of `read_model`.
        path: where they are from, for messages.

    Raises:
        InputError: they are the parameters of another net; then none is overwritten.
    """
    states = _states(model)
    if found.keys() != states.keys():
        raise InputError(
            tr(
                "{path}: has {count} arrays, not {wanted} as the net; build the net that was saved",
                path=path,
                count=len(found),
                wanted=len(states),
            )
        )
    for name, param in states.items():
        if not _fits(param, found[name]):
            raise InputError(
                tr(
                    "{path}: {name} has shape {shape}, which is not that of the net's; build the net that "
                    "was saved",
                    path=path,
                    name=name.replace("_", " "),
                    shape=found[name].shape,
                )
            )
    for name, param in states.items():
        param.set(found[name])


def _states(model: Any) -> dict[str, Parameter]:
    """Return name -> parameter or running average, in the order of the layers."""
    learned = parameters(model)
    known = [id(param.source) for param in learned]
    running = [Parameter(array) for array in state_arrays(model) if id(array) not in known]
    return {
        **{f"parameter_{i}": param for i, param in enumerate(learned)},
        **{f"average_{i}": param for i, param in enumerate(running)},
    }


def _fits(param: Parameter, array: np.ndarray) -> bool:
    """Return whether an array has a parameter's shape, as far as Gluon knows it before the first batch."""
    known, shape = param.source.shape, (array.T if param.transposed else array).shape
    if known is None:
        return True
    is_deferred = isinstance(param.source, gluon.Parameter)
    return len(known) == len(shape) and all(n == m or (is_deferred and n <= 0) for n, m in zip(known, shape))
