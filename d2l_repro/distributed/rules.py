"""What the servers do with what the workers push.

The workers send a `Rule` to each server as a pickle, so every server needs this package.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mxnet import gluon, nd, optimizer


class Rule(optimizer.Optimizer):
    """Update parameters by an optimizer; any other key holds the sum of what the workers pushed last.

    Args:
        parameters: the optimizer's parameters, by the key that the servers have them under; none by default.
        gluon_optimizer: what updates them.
    """

    def __init__(
        self,
        parameters: Mapping[int, gluon.Parameter] | None = None,
        gluon_optimizer: optimizer.Optimizer | None = None,
    ):
        super().__init__()
        self.keys = frozenset(parameters or ())
        self.optimizer = copy.copy(gluon_optimizer)
        if self.optimizer is not None:
            # The optimizer leaves its parameters behind when it is pickled, and the factors that they have
            # for the learning rate and for weight decay with them: biases would decay.
            self.optimizer.lr_mult = {key: param.lr_mult for key, param in (parameters or {}).items()}
            self.optimizer.wd_mult = {key: param.wd_mult for key, param in (parameters or {}).items()}

    def create_state_multi_precision(self, index: int, weight: nd.NDArray) -> Any:
        """Return the optimizer's state for a parameter."""
        if index not in self.keys or self.optimizer is None:
            return None
        return self.optimizer.create_state_multi_precision(index, weight)

    def update_multi_precision(self, index: int, weight: nd.NDArray, grad: nd.NDArray, state: Any) -> None:
        """Update what the servers have under a key by the sum of what all workers have pushed."""
        if index in self.keys and self.optimizer is not None:
            self.optimizer.update_multi_precision(index, weight, grad, state)
        else:
            weight[:] = grad
