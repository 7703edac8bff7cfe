"""The classes of the book's second edition, from the package d2l 1.0, trained beside ours on the same data.

d2l is written in MXNet's other interface, `mx.np`, which needs NumPy semantics switched on; our `nd` code
needs them off. `use_np` switches them on for the duration of a call into d2l, and arrays change from one kind
to the other without being copied. The gradient is taken inside as well: a mean loss is an array without
dimensions, which has no known shape outside.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from mxnet import autograd, gluon, nd, np
from mxnet.util import use_np

from ..errors import InputError
from ..language import mark, tr
from .model import Model

INSTALL = mark("to install it: pip install ipython, then pip install --no-deps d2l==1.0.3")
EDITIONS = "Where the two editions differ"
COLUMNS = ("what", "scratch and gluon", "d2l's class, as trained here", "d2l's edition")


def package() -> ModuleType:
    """Return the module `d2l.mxnet`.

    Raises:
        InputError: it cannot be imported, or belongs to an earlier edition, which has no such classes.
    """
    try:
        from d2l import mxnet as d2l
    except ImportError as error:
        text = tr("--impl d2l: the package d2l cannot be imported ({error})", error=error)
        raise InputError(f"{text}{tr('; ')}{tr(INSTALL)}") from error
    if not hasattr(d2l, "LinearRegression"):
        text = tr("--impl d2l: the installed package d2l does not belong to the book's second edition")
        raise InputError(f"{text}{tr('; ')}{tr(INSTALL)}")
    return d2l


@use_np
def model(build: Callable[[ModuleType], Any]) -> Model:
    """Return a module of d2l's as a `Model`, with its own loss, accuracy, initialization and optimizer.

    The one loop trains it as d2l's own Trainer does (section 3.4 there): by the gradient of the batch's mean
    loss and `step(1)`. So the gradient of a short last batch is divided by its own size, not by the nominal
    one.

    Args:
        build: (package d2l) -> d2l.Module.
    """
    module = build(package())

    def per_example(mean, y):
        # The loop expects one loss per example, so each example is given the batch's mean.
        return np.broadcast_to(mean, (len(y),))  # (batch,)

    @use_np
    def gradients(X, y):
        X, y = X.as_np_ndarray(), y.as_np_ndarray()
        with autograd.record():
            y_hat = module(X)
            mean = module.loss(y_hat, y)
        mean.backward()
        return y_hat.as_nd_ndarray(), per_example(mean, y).as_nd_ndarray()

    return Model(
        _Net(module),
        _on_nd(lambda y_hat, y: per_example(module.loss(y_hat, y), y)),
        module.collect_params(),
        _Trainer(module.configure_optimizers()),
        gradients=gradients,
        accuracy=_on_nd(lambda y_hat, y: module.accuracy(y_hat, y, averaged=False)),
    )


def _on_nd(function: Callable) -> Callable[[nd.NDArray, nd.NDArray], nd.NDArray]:
    """Return a function (y_hat, y) of `mx.np` arrays as one of NDArrays."""

    @use_np
    def converted(y_hat, y):
        return function(y_hat.as_np_ndarray(), y.as_np_ndarray()).as_nd_ndarray()

    return converted


class _Net(gluon.Block):
    """A module of d2l's that takes and returns NDArrays."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    @use_np
    def forward(self, X):
        return self.module(X.as_np_ndarray()).as_nd_ndarray()


class _Trainer:
    """Step the Gluon trainer of a d2l module as d2l does, under the loop's three names."""

    def __init__(self, trainer: gluon.Trainer):
        self.trainer, self.optimizer = trainer, trainer.optimizer
        self.set_learning_rate = trainer.set_learning_rate

    @property
    def learning_rate(self) -> float:
        return self.trainer.learning_rate

    @use_np
    def step(self, batch_size: int) -> None:
        self.trainer.step(1)  # the loss is a mean already


def default(name: str, argument: str) -> Any:
    """Return an argument's default value in a class of the installed package.

    Args:
        name: name of the class.
        argument: name of the constructor's argument.
    """
    return inspect.signature(getattr(package(), name)).parameters[argument].default


def editions(num_examples: int, batch_size: int, rows: Mapping[str, tuple]) -> list[dict[str, str]]:
    """Return a table of where the editions differ: ours, d2l's class as trained here, and what its book does.

    Args:
        num_examples: examples per epoch here, which determine the size of the last batch.
        batch_size: the nominal batch size here.
        rows: what -> (scratch and gluon, d2l's class here, d2l's edition).
    """
    last = num_examples % batch_size or batch_size
    common = {
        "loss of a batch": ("sum; step(batch size) divides it", "mean; step(1)", "mean; step(1)"),
        "gradient of the last batch": (
            f"{last} examples' sum, divided by {batch_size}",
            f"{last} examples' sum, divided by {last}",
            "divided by its own size",
        ),
    }
    return [dict(zip(COLUMNS, (what, *map(str, row)))) for what, row in {**common, **rows}.items()]
