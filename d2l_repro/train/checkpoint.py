"""Save checkpoints, from which interrupted training resumes to the numbers of an uninterrupted one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..language import listed, tr
from ..results.history import History
from .arrays import check_finite, one_line, parse_history, read_arrays, write_arrays
from .callbacks import seed_everything
from .loop import Callback, Loop
from .parameters import Parameter


class SeedEachEpoch(Callback):
    """Seed the random streams before each epoch from the seed and the epoch's number.

    An epoch's random numbers, such as dropout's masks, then do not depend on how many were drawn before. No
    checkpoint could store that: MXNet does not reveal the state of its generators.

    Args:
        seed: the run's seed.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def before_training(self, loop: Loop) -> None:
        self.after_epoch(loop)

    def after_epoch(self, loop: Loop) -> None:
        words = np.random.SeedSequence([self.seed, loop.epoch]).generate_state(1)
        seed_everything(int(words[0]) % 2**31)


class Checkpoint(Callback):
    """Save parameters and history to a file after each epoch, and resume from it if asked to.

    An optimizer's own arrays are not saved: use it with plain SGD.

    Args:
        path: the file, which is replaced atomically.
        params: parameters to save.
        identity: what distinguishes this run from others, as JSON values; the file of another run is refused.
        resume: whether to continue where the file ends, if there is one.
    """

    def __init__(
        self, path: Path, params: Sequence[Parameter], identity: dict[str, Any], resume: bool = False
    ):
        self.path, self.params, self.identity, self.resume = path, params, identity, resume

    def before_training(self, loop: Loop) -> None:
        if self.resume and self.path.is_file():
            arrays, history = self._read(loop.num_epochs)
            for param, array in zip(self.params, arrays):
                param.set(array)
            loop.history[:] = history
            loop.epoch = len(history)
            loop.step = loop.epoch * (loop.num_batches or 0)
            loop.first_loss = history[0]["train_loss"]

    def after_epoch(self, loop: Loop) -> None:
        arrays = {str(i): param.get() for i, param in enumerate(self.params)}
        write_arrays(self.path, arrays, {"run": self.identity, "history": loop.history})

    def _read(self, num_epochs: int) -> tuple[list[np.ndarray], History]:
        """Return the saved parameters and history.

        Raises:
            InputError: the file is damaged, or was written by another run.
        """
        try:
            found, about = read_arrays(self.path)
            arrays = {i: found[str(i)] for i in range(len(self.params))}
            identity, history = about["run"], parse_history(about["history"])
            check_finite(arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                tr(
                    "{path}: not a readable checkpoint ({error}); remove it, or leave --resume out",
                    path=self.path,
                    error=one_line(error),
                )
            ) from error
        self._check_identity(identity)
        if [array.shape for array in arrays.values()] != [param.get().shape for param in self.params]:
            raise InputError(
                tr(
                    "{path}: its parameters have other shapes; remove it, or leave --resume out",
                    path=self.path,
                )
            )
        if len(history) > num_epochs:
            raise InputError(
                tr(
                    "{path}: has {count} epochs, more than the {wanted} to train; remove it, or leave "
                    "--resume out",
                    path=self.path,
                    count=len(history),
                    wanted=num_epochs,
                )
            )
        return list(arrays.values()), history

    def _check_identity(self, identity: Any) -> None:
        ours = json.loads(json.dumps(self.identity))
        if identity != ours:
            known = identity if isinstance(identity, dict) else {}
            different = listed(name for name in ours if ours[name] != known.get(name)) or tr("more of them")
            raise InputError(
                tr(
                    "{path}: checkpoint was written with other settings ({names}); leave --resume out, or "
                    "name another --out",
                    path=self.path,
                    names=different,
                )
            )
