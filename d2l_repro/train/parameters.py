"""A model's parameters in the book's layout, whichever library holds them.

Gluon's Dense and LSTM layers keep the transposes of the book's matrices; everything else is kept as the book
writes it, an embedding too, whose rows belong to words.
"""

from dataclasses import dataclass

from mxnet import gluon, nd
from mxnet.gluon import nn, rnn


@dataclass
class Parameter:
    """One parameter: `get` and `set` NumPy arrays in the book's layout."""

    held: object  # NDArray or gluon.Parameter
    transposed: bool = False

    @property
    def name(self):
        return self.held.name if isinstance(self.held, gluon.Parameter) else ""

    @property
    def array(self):
        """The values, a NDArray, in the layout of the library."""
        return self.held.data() if isinstance(self.held, gluon.Parameter) else self.held

    @property
    def grad(self):
        """The gradient, a NDArray, in the layout of the library."""
        return self.held.grad() if isinstance(self.held, gluon.Parameter) else self.held.grad

    def get(self):
        array = self.array.asnumpy()
        return array.T if self.transposed else array

    def set(self, array):
        array = nd.array(array.T if self.transposed else array, dtype=array.dtype)
        if isinstance(self.held, gluon.Parameter):
            try:
                self.held.set_data(array)
            except (
                TypeError
            ):  # one that was made with NumPy's semantics on, as d2l's are, takes only arrays of those
                self.held.set_data(array.as_np_ndarray())
        else:
            self.held[:] = array

    def cast(self, dtype):
        """Turn the parameter to another precision in place; its gradient begins anew."""
        if isinstance(self.held, gluon.Parameter):
            self.held.cast(dtype)
            return
        # A net's functions hold this very array, so it stays and what it refers to is exchanged.
        turned = self.held.astype(dtype)
        self.held.handle, turned.handle = turned.handle, self.held.handle
        self.held.attach_grad()


def book_arrays(model):
    """A model's parameters as NumPy arrays in the book's layout: the weight of a layer is (inputs,
    outputs)."""
    return [param.get() for param in parameters(model)]


def state_arrays(model):
    """Return everything that a trained model consists of, to keep and restore it.

    These are its parameters and, with batch normalization, its running averages: NDArrays, or a Gluon net's
    gluon.Parameters.
    """
    if hasattr(model.params, "values"):  # Gluon's running averages are among its parameters
        return list(model.params.values())
    return [*model.params, *getattr(model.net, "running", ())]


def parameters(model):
    """The model's `Parameter`s in order: what is learned, not what a normalisation averages by the way."""
    params = model.params.values() if hasattr(model.params, "values") else model.params
    params = [p for p in params if not isinstance(p, gluon.Parameter) or p.grad_req != "null"]
    transposed = _transposed(model.net)
    # Asked of the layer, never guessed from the shape: 256 x 256 looks the same both ways.
    return [Parameter(p, isinstance(p, gluon.Parameter) and p.name in transposed) for p in params]


def _transposed(net):
    """Names of the parameters that are the transposes of the book's."""
    names, embeddings = set(), set()

    def look(block):
        if isinstance(block, nn.Dense):
            names.add(block.weight.name)
        elif isinstance(block, rnn.LSTM):
            names.update(name for name in block.params if name.endswith("_weight"))
        elif isinstance(block, nn.Embedding):
            embeddings.add(block.weight.name)

    if isinstance(net, gluon.Block):
        net.apply(look)
    return names - embeddings  # a Dense layer may share an embedding's weight, which is the embedding's then
