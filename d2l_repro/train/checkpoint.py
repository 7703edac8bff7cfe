"""Training that can be gone on with after an interruption, with the numbers of one that was not
interrupted."""

import io
import json
import zipfile
import zlib

import numpy as np

from ..errors import InputError
from ..files import write_atomically
from ..results.history import History
from .callbacks import seed_everything
from .loop import Callback


class SeedEachEpoch(Callback):
    """Begins the random streams anew before each epoch, from the seed and the epoch's number.

    An epoch's random numbers, the masks of dropout say, then do not depend on how many were drawn before,
    which no checkpoint could keep: MXNet does not tell the state of its generators.
    """

    def __init__(self, seed):
        self.seed = seed

    def before_training(self, loop):
        self.after_epoch(loop)

    def after_epoch(self, loop):
        words = np.random.SeedSequence([self.seed, loop.epoch]).generate_state(1)
        seed_everything(int(words[0]) % 2**31)


class Checkpoint(Callback):
    """Keeps parameters and history in a file after each epoch; goes on from there if asked to.

    An optimizer's own arrays are not kept: use it with plain SGD.

    Args:
        path: of the file. It is replaced in one go, so there is always a whole one.
        params: `parameters.Parameter`s.
        run: what makes a run the one it is, as JSON knows it; a file of another run is not gone on with.
        resume: whether to begin where the file ends, if there is one.
    """

    def __init__(self, path, params, run, resume=False):
        self.path, self.params, self.run, self.resume = path, params, run, resume

    def before_training(self, loop):
        if self.resume and self.path.is_file():
            arrays, history = self._read()
            for param, array in zip(self.params, arrays):
                param.set(array)
            loop.history[:] = history
            loop.epoch = len(history)
            loop.step = loop.epoch * (loop.num_batches or 0)
            loop.first_loss = history[0]["train_loss"]

    def after_epoch(self, loop):
        arrays = {str(i): param.get() for i, param in enumerate(self.params)}
        file = io.BytesIO()
        np.savez(file, about=json.dumps({"run": self.run, "history": loop.history}), **arrays)
        write_atomically(self.path, file.getvalue())

    def _read(self):
        try:
            with np.load(io.BytesIO(self.path.read_bytes()), allow_pickle=False) as content:
                about = json.loads(content["about"].item())
                arrays = [content[str(i)] for i in range(len(self.params))]
                run, history = about["run"], History(about["history"])
                history[0]["train_loss"]
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
            EOFError,
            RuntimeError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise InputError(
                f"{self.path}: not a readable checkpoint ({error}); remove it, or leave --resume out"
            ) from error
        ours = json.loads(json.dumps(self.run))
        if run != ours:
            other = (
                [name for name in ours if ours[name] != run.get(name)] if isinstance(run, dict) else ["run"]
            )
            raise InputError(
                f"{self.path}: is of a run with another {', '.join(other) or 'form'}; leave --resume out, "
                "or name another --out"
            )
        if [array.shape for array in arrays] != [param.get().shape for param in self.params]:
            raise InputError(
                f"{self.path}: its parameters have other shapes; remove it, or leave --resume out"
            )
        return arrays, history
