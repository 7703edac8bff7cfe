"""One training that several workers share: what `train_ch3` does differently there.

Each worker computes the gradients of its part of a batch. From scratch, the servers add them up, and each
worker takes the optimizer's step by the sum. With Gluon, the servers have the parameters too, and take the
step. Either way all workers have the parameters that a single process would have, apart from rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, TypeVar

import mxnet as mx
import numpy as np
from mxnet import autograd, base, gluon, nd
from mxnet.gluon import nn

from ..errors import InputError
from ..language import tr
from .job import shared_by
from .server_trainer import ServerTrainer
from .shards import Pairs, Shards
from .store import Store, checksum
from .workers import sharing

LEAD = 4  # steps that may wait for the servers; Python then waits too, and sees if nothing comes
TOLERANCE = 1e-3  # of the sum of the parts' gradients, relative to the largest
DOUBLE_TOLERANCE = 1e-9  # the same in double precision, which a server may not keep: see compat

Gradients = TypeVar("Gradients", bound=Callable[[Any, Any], tuple[Any, Any]])


class Alone:
    """All of a training: what a process does that shares no batches.

    Attributes:
        batches: to train on.
        trainer: that takes the steps.
    """

    def __init__(self, batches: Any, trainer: Any):
        self.batches, self.trainer = batches, trainer

    def summed(self, gradients: Gradients) -> Gradients:
        """Return `gradients` of this process's batches, which become those of the whole batches."""
        return gradients

    def add_up(self, sums: dict[str, nd.NDArray], counts: dict[str, int]) -> None:
        """Replace the sums and counts of an epoch by those of all workers."""


def own_part(net: Any, train_iter: Any, pairs: Pairs, trainer: Any, *others: Any) -> Alone:
    """Return this process's part of a training; the arguments are those of `Shared`, without the store."""
    store = sharing()
    if store is None:
        return Alone(train_iter, trainer)
    return Shared(store, net, train_iter, pairs, trainer, *others)


class Shared(Alone):
    """Share the batches of one training.

    Args:
        store: the workers.
        net: as for `train_ch3`.
        train_iter: batches of all workers, as for `train_ch3`.
        pairs: train_iter -> its batches as pairs of NDArrays.
        trainer: as for `train_ch3`.
        meddling: callbacks that may use or change gradients or parameters at each step.
        num_epochs: as for `train_ch3`.
        batch_size: as for `train_ch3`.

    Raises:
        InputError: with several workers the model would not be the one that a single process trains.
    """

    def __init__(
        self,
        store: Store,
        net: Any,
        train_iter: Any,
        pairs: Pairs,
        trainer: Any,
        meddling: Sequence[Any],
        num_epochs: int,
        batch_size: float,
    ):
        _check_net(net)
        self.store = store
        self.shards = Shards(train_iter, store.number, store.num_workers, pairs)
        self._on_servers = isinstance(trainer, gluon.Trainer)
        if self._on_servers:
            _check_callbacks(meddling)
            trainer = ServerTrainer(trainer, store)
        elif not hasattr(trainer, "params"):
            raise InputError(
                tr(
                    "a {trainer} does not name its parameters, whose gradients the workers would add up; "
                    "give it an attribute params, or use a gluon.Trainer",
                    trainer=type(trainer).__name__,
                )
            )
        super().__init__(self.shards, trainer)
        self._keys: list[int] = []
        self._steps = 0
        store.check_equal(
            {
                tr("the number of batches"): len(self.shards),
                tr("the number of epochs"): num_epochs,
                tr("the batch size"): batch_size,
                tr("the learning rate"): trainer.learning_rate,
            }
        )

    def summed(self, gradients: Gradients) -> Gradients:
        """Return `gradients`, which the servers add up; with Gluon they do not come back from there."""

        def of_part(X: nd.NDArray, y: nd.NDArray) -> tuple[Any, Any]:
            if self._steps == 0:
                self._check_first(gradients)
            self._steps += 1
            y_hat, losses = gradients(X, y)
            if not self._on_servers:
                grads = self._grads()
                self.store.exchange(self._keys, grads, grads)
            if self._steps % LEAD == 0:
                self.store.wait(self._pulled())
            return y_hat, losses

        return of_part  # type: ignore[return-value]

    def add_up(self, sums: dict[str, nd.NDArray], counts: dict[str, int]) -> None:
        self.store.wait(self._pulled())  # before the sums, which need them, are read without a time-out
        numbers = [*(array.asscalar().item() for array in sums.values()), *counts.values()]
        totals = self.store.total(numbers)
        for name, total in zip(sums, totals):
            sums[name] = nd.array([total], dtype="float64")
        for name, total in zip(counts, totals[len(sums) :]):
            counts[name] = round(total)

    def _arrays(self) -> list[nd.NDArray]:
        params = self.trainer._params if self._on_servers else self.trainer.params
        return [param.data() if self._on_servers else param for param in params if _is_learned(param)]

    def _grads(self) -> list[nd.NDArray]:
        params = self.trainer._params if self._on_servers else self.trainer.params
        return [param.grad() if self._on_servers else param.grad for param in params if _is_learned(param)]

    def _pulled(self) -> list[nd.NDArray]:
        return self._arrays() if self._on_servers else self._grads()

    def _check_first(self, gradients: Gradients) -> None:
        """Check, before the first step, that the workers begin alike and their gradients add up.

        The sum must be what one process would have: that is asked of the first batch, whatever net, loss and
        penalty are.
        """
        X, y = self.shards.whole or ((), ())

        def of_whole() -> list[nd.NDArray]:
            with shared_by(1):
                gradients(X, y)
            return [grad.copy() for grad in self._grads()]

        of_whole()  # with which Gluon may draw the initial weights
        seed = int(nd.random.randint(0, 2**31 - 1024, shape=1).asscalar())
        arrays = self._arrays()
        self.store.check_equal(
            {tr("the first batch"): checksum([X, y]), tr("the initial weights"): checksum(arrays)}
        )
        self._keys = self.store.new_keys([array.zeros_like() for array in arrays])
        whole, is_random = self._twice(of_whole, seed)
        if not is_random:
            self._check_sum(gradients, whole)
            return
        self._say(
            tr(
                "the net draws random numbers in training, such as dropout's masks: each worker draws its "
                "own, so that the result is as good as that of one process, but another one"
            )
        )
        with in_prediction():
            whole, is_random = self._twice(of_whole, seed)
            if is_random:
                self._say(
                    tr(
                        "it draws them in prediction, too: whether the gradients of the parts of a batch add "
                        "up to those of the batch could not be checked; they do not if the loss is a mean "
                        "over its batch, or if gradients of your own have a penalty"
                    )
                )
            else:
                self._check_sum(gradients, whole)
        mx.random.seed(seed + self.store.number)

    def _twice(self, compute: Callable[[], list[nd.NDArray]], seed: int) -> tuple[list[nd.NDArray], bool]:
        """Return gradients, and whether, for any of the workers, other random numbers lead to others."""
        mx.random.seed(seed)
        first = compute()
        mx.random.seed(seed + 1)
        return first, self.store.total([_differ(first, compute(), 0)])[0] > 0

    def _say(self, text: str) -> None:
        if self.store.is_first:
            print(text, flush=True)

    def _check_sum(self, gradients: Gradients, whole: list[nd.NDArray]) -> None:
        gradients(*self.shards.own(*(self.shards.whole or ())))
        parts = [grad.copy() for grad in self._grads()]
        self.store.exchange(self._keys, parts, parts)
        self.store.wait(parts)
        if _differ(whole, parts, TOLERANCE):
            raise InputError(
                tr(
                    "the gradients of the parts of a batch do not add up to those of the batch: the loss is "
                    "a mean over its batch, each worker adds a penalty of the net's own, or examples depend "
                    "on each other; train this net in one process"
                )
            )
        doubles = [pair for pair in zip(whole, parts) if pair[0].dtype == np.float64]
        if doubles and _differ([a for a, _ in doubles], [b for _, b in doubles], DOUBLE_TOLERANCE):
            raise InputError(
                tr(
                    "a server keeps doubles in single precision, by a fault of MXNet's; start it with this "
                    "version of the package, or train in single precision"
                )
            )


@contextmanager
def in_prediction() -> Iterator[None]:
    """Let gradients in this context be those of the net as it predicts, most of all without dropout.

    What computes them asks for training, by `autograd.record()` and `backward()`: all such ways lead through
    the two functions that are replaced.
    """
    set_training, backward = autograd.set_training, base._LIB.MXAutogradBackwardEx
    autograd.set_training = lambda is_training: set_training(False)
    base._LIB.MXAutogradBackwardEx = lambda *args: backward(*args[:7], 0, *args[8:])  # train_mode
    try:
        yield
    finally:
        autograd.set_training, base._LIB.MXAutogradBackwardEx = set_training, backward


def _check_net(net: Any) -> None:
    if hasattr(net, "begin_state"):
        raise InputError(
            tr(
                "the net carries a state from batch to batch, which workers cannot share; train it in one "
                "process"
            )
        )
    found = list(getattr(net, "running", ()))
    if isinstance(net, gluon.Block):
        net.apply(lambda block: found.append(block) if isinstance(block, nn.BatchNorm) else None)
    if found:
        raise InputError(
            tr(
                "the net normalizes each batch, and each worker would normalize its part by the part's own "
                "statistics; train it in one process"
            )
        )


def _check_callbacks(meddling: Sequence[Any]) -> None:
    if meddling:
        raise InputError(
            tr(
                "{callback} sees or changes a worker's gradients or parameters at each step, but with Gluon "
                "those that count are on the servers; train from scratch, or in one process",
                callback=type(meddling[0]).__name__,
            )
        )


def _is_learned(param: Any) -> bool:
    return not isinstance(param, gluon.Parameter) or param.grad_req != "null"


def _differ(ours: list[nd.NDArray], theirs: list[nd.NDArray], tolerance: float) -> bool:
    """Return whether gradients differ by more than a share of the largest of them."""
    largest = max(array.abs().max().asscalar().item() for array in ours)
    diff = max((a - b).abs().max().asscalar().item() for a, b in zip(ours, theirs))
    return not diff <= tolerance * largest  # nan is not
