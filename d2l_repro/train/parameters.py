"""A model's parameters in the book's layout, whichever library holds them.

Gluon's Dense and recurrent layers store the transposes of the book's matrices. Everything else is stored as
the book writes it, an embedding too: each of its rows belongs to a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import nn, rnn


@dataclass
class Parameter:
    """One parameter, whose values `get` and `set` as NumPy arrays in the book's layout.

    Attributes:
        source: the NDArray or gluon.Parameter.
        transposed: whether the library stores the transpose of the book's matrix.
    """

    source: nd.NDArray | gluon.Parameter
    transposed: bool = False

    @property
    def name(self) -> str:
        """Gluon's name of the parameter; empty from scratch."""
        return self.source.name if isinstance(self.source, gluon.Parameter) else ""

    @property
    def array(self) -> nd.NDArray:
        """The values in the library's layout."""
        return self.source.data() if isinstance(self.source, gluon.Parameter) else self.source

    @property
    def grad(self) -> nd.NDArray:
        """The gradient in the library's layout."""
        return self.source.grad() if isinstance(self.source, gluon.Parameter) else self.source.grad

    def get(self) -> np.ndarray:
        """Return the values in the book's layout; waits for the engine."""
        array = self.array.asnumpy()
        return array.T if self.transposed else array

    def get_grad(self) -> np.ndarray:
        """Return the gradient, summed over the batch, in the book's layout; waits for the engine."""
        grad = self.grad.asnumpy()
        return grad.T if self.transposed else grad

    def set(self, array: np.ndarray) -> None:
        """Overwrite the values in place with an array in the book's layout.

        A Gluon parameter whose shape waits for the first batch takes that of the array.
        """
        values = nd.array(array.T if self.transposed else array, dtype=self.source.dtype)
        if not isinstance(self.source, gluon.Parameter):
            self.source[:] = values
            return
        try:
            self.source.set_data(values)
        except TypeError:  # created with NumPy semantics, as d2l's are, it accepts only such arrays
            self.source.set_data(values.as_np_ndarray())

    def cast(self, dtype: str) -> None:
        """Convert the parameter to another precision in place; its gradient starts at zero."""
        if isinstance(self.source, gluon.Parameter):
            self.source.cast(dtype)
            return
        # The net's functions refer to this very array, so the array stays and its content is exchanged.
        converted = self.source.astype(dtype)
        self.source.handle, converted.handle = converted.handle, self.source.handle
        self.source.attach_grad()


def book_arrays(model: Any) -> list[np.ndarray]:
    """Return a model's parameters as NumPy arrays in the book's layout: weights are (inputs, outputs)."""
    return [param.get() for param in parameters(model)]


def state_arrays(model: Any) -> list[Any]:
    """Return everything that a trained model consists of, to keep and restore it.

    These are its parameters and, with batch normalization, its running averages: NDArrays, or a Gluon net's
    gluon.Parameters.
    """
    if hasattr(model.params, "values"):  # Gluon's running averages are among its parameters
        return list(model.params.values())
    return [*model.params, *getattr(model.net, "running", ())]


def parameters(model: Any) -> list[Parameter]:
    """Return the learned `Parameter`s of a model in order, without the running averages of a normalization.

    Args:
        model: an `experiment.model.Model`.
    """
    params = model.params.values() if hasattr(model.params, "values") else model.params
    params = [p for p in params if not isinstance(p, gluon.Parameter) or p.grad_req != "null"]
    transposed = _transposed(model.net)
    # The layer is asked, never the shape: 256 x 256 looks the same both ways.
    return [Parameter(p, isinstance(p, gluon.Parameter) and p.name in transposed) for p in params]


def _transposed(net: Any) -> set[str]:
    """Return the names of the parameters that are transposes of the book's."""
    names, embeddings = set(), set()

    def visit(block: gluon.Block) -> None:
        if isinstance(block, nn.Dense):
            names.add(block.weight.name)
        elif isinstance(block, (rnn.RNN, rnn.LSTM, rnn.GRU)):
            names.update(name for name in block.params if name.endswith("_weight"))
        elif isinstance(block, nn.Embedding):
            embeddings.add(block.weight.name)

    if isinstance(net, gluon.Block):
        net.apply(visit)
    return names - embeddings  # a Dense layer that shares an embedding's weight stores the embedding's layout
