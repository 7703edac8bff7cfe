"""Gluon's trainer, whose steps the servers take."""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet import gluon, optimizer

from ..errors import InputError
from ..language import tr
from .job import num_servers
from .store import Store, checksum

# Their steps depend on norms of whole parameters, and several servers each have a part of a large one.
OF_WHOLE_PARAMETERS = (optimizer.LAMB, optimizer.LARS, optimizer.LBSGD)


class ServerTrainer(gluon.Trainer):
    """Let the servers take the steps of a gluon.Trainer that has not taken one.

    Args:
        trainer: the trainer of one process.
        store: the workers.

    Raises:
        InputError: the trainer asks for what leads elsewhere than in one process.
    """

    def __init__(self, trainer: gluon.Trainer, store: Store):
        _check_trainer(trainer)
        trainer._has_steps_on_servers = True
        super().__init__(
            list(trainer._params),
            trainer.optimizer,
            kvstore=_ServerKVStore(store, self),
            update_on_kvstore=True,
        )
        self._sent: dict[str, Any] = {}  # settings that the servers have; empty before the first step
        self._pulled: int | None = None  # checksum of the parameters, if they were set since the last step

    def step(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Push the gradients, and pull the parameters that the servers have updated by their sum.

        Raises:
            InputError: the parameters are others than the last ones pulled, or the optimizer's settings
                others than at the first step.
        """
        if self._sent:
            self._check_settings()
        if self._pulled is not None and self._pulled != self._checksum():
            raise InputError(
                tr(
                    "parameters were changed in training, which the servers would not notice; train from "
                    "scratch, or in one process"
                )
            )
        self._pulled = None
        super().step(batch_size, ignore_stale_grad)
        if not self._sent:
            self._sent = self._settings()

    def _settings(self) -> dict[str, Any]:
        """Return what decides about the optimizer's steps, its parameters' factors included."""
        found = {name: value for name, value in vars(self.optimizer).items() if not isinstance(value, dict)}
        for param in self._params:
            found[f"{param.name}.lr_mult"], found[f"{param.name}.wd_mult"] = param.lr_mult, param.wd_mult
        return found

    def _check_settings(self) -> None:
        for name, new in self._settings().items():
            old = self._sent.get(name)
            if new is not old and new != old:
                raise InputError(
                    tr(
                        "{name} of the optimizer was changed in training from {old} to {new}, which the "
                        "servers would not notice; train from scratch, or, for the learning rate, give the "
                        "optimizer an lr_scheduler",
                        name=name,
                        old=old,
                        new=new,
                    )
                )

    def _reset_kvstore(self) -> None:
        # Gluon calls it before a parameter is set, to send it to the servers at the next step, or to fail.
        # But setting is harmless when training is over, or for a look at other parameters meanwhile.
        if not getattr(self, "_kv_initialized", False):
            super()._reset_kvstore()
        elif self._pulled is None:
            self._pulled = self._checksum()

    def _checksum(self) -> int:
        return checksum([param.data() for param in self._params])


class _ServerKVStore(mx.kvstore.KVStoreBase):
    """What a gluon.Trainer sees of the store: parameters that are numbered from 0.

    On the servers each training has keys of its own.
    """

    type = "dist_sync"

    def __init__(self, store: Store, trainer: gluon.Trainer):
        self.store, self.trainer = store, trainer
        self.keys: dict[int, int] = {}

    @staticmethod
    def is_capable(capability: str) -> bool:
        return capability == mx.kvstore.KVStoreBase.OPTIMIZER

    @property
    def rank(self) -> int:
        return self.store.number

    @property
    def num_workers(self) -> int:
        return self.store.num_workers

    def set_optimizer(self, optimizer: mx.optimizer.Optimizer) -> None:
        params = self.trainer._params
        keys = self.store.new_keys([param.data() for param in params])
        self.keys = dict(enumerate(keys))
        self.store.set_rule(dict(zip(keys, params)), optimizer)

    def broadcast(self, key: int, value: Any, out: Any, priority: int = 0) -> None:
        """Do nothing: `set_optimizer` has given the servers the weights, which all workers have."""

    def pushpull(self, key: int, value: Any, out: Any = None, priority: int = 0) -> None:
        self.store.exchange([self.keys[key]], [value], [value if out is None else out])


def _check_trainer(trainer: gluon.Trainer) -> None:
    settings = trainer._kvstore_params
    kind = settings["kvstore"]
    kind = getattr(kind, "type", kind) or ""
    if trainer._kv_initialized or getattr(trainer, "_has_steps_on_servers", False):
        raise InputError(tr("the trainer has taken steps already; give `train_ch3` a new gluon.Trainer"))
    if "async" in kind:
        raise InputError(
            tr(
                "kvstore={kind}: the servers would apply each worker's gradient as it comes, to parameters "
                "that others have moved; leave kvstore out",
                kind=repr(kind),
            )
        )
    if settings["update_on_kvstore"] is False:
        raise InputError(
            tr(
                "update_on_kvstore=False: MXNet lets the first gradients overtake the initial weights; leave "
                "it out"
            )
        )
    if trainer._compression_params:
        raise InputError(
            tr(
                "compression_params: compressed gradients lead elsewhere than those of one process; "
                "leave it out"
            )
        )
    if isinstance(trainer.optimizer, OF_WHOLE_PARAMETERS) and num_servers() > 1:
        raise InputError(
            tr(
                "{optimizer} needs the norms of whole parameters, of which several servers each have a part; "
                "use one server (-s 1)",
                optimizer=type(trainer.optimizer).__name__,
            )
        )
    if trainer._contains_sparse_weight or trainer._contains_sparse_grad:
        raise InputError(
            tr(
                "sparse parameters or gradients are not shared among workers; make them dense "
                "(stype='default')"
            )
        )
