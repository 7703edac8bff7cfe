"""Gluon's Blocks: notes that are run.

A reader's article of notes on MXNet, after sections 4.1 to 4.5 of *Dive into Deep Learning*.

How a net is put together from Blocks of one's own, how its parameters are found, initialised, shared, saved
and loaded, and when they come to be.

Nothing is trained here. Every statement is run and held to the output below it. Expect all to hold, with
every seed; among them that what Gluon saves loads into a net from scratch, and back.
"""

from mxnet import autograd, gluon, init, nd  # noqa: F401  (the notes use autograd and gluon)
from mxnet.gluon import nn

from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.notes import showing
from d2l_repro.scratch import relu
from d2l_repro.train.parameters import Parameter, parameters


class MLP(nn.Block):
    """One hidden layer, with ReLU behind it."""

    def __init__(self, num_hiddens, num_outputs, **kwargs):
        super().__init__(**kwargs)
        self.hidden = nn.Dense(num_hiddens, activation="relu")
        self.output = nn.Dense(num_outputs)

    def forward(self, X):
        return self.output(self.hidden(X))


class MySequential(nn.Block):
    """Blocks one behind the other."""

    def add(self, block):
        """Put a Block behind those that are there."""
        self.register_child(block)

    def forward(self, X):
        for block in self._children.values():
            X = block(X)
        return X


class Repeated(nn.Block):
    """One Block, applied to its own output until that is small."""

    def __init__(self, block, **kwargs):
        super().__init__(**kwargs)
        self.block = block

    def forward(self, X):
        while X.norm().asscalar() > 1:
            X = self.block(X)
        return X


class MyInit(init.Initializer):
    """Uniform numbers from -10 to 10, of which those nearer to 0 than 5 become 0."""

    def _init_weight(self, name, data):
        data[:] = nd.random.uniform(-10, 10, shape=data.shape)
        data *= data.abs() >= 5


class TellingInit(init.Initializer):
    """Ones, and a line that tells which weight they are for."""

    def _init_weight(self, name, data):
        print(name, data.shape)
        data[:] = 1


class CenteredLayer(nn.Block):
    """Takes the mean away. It has nothing to learn."""

    def forward(self, X):
        return X - X.mean()


class MyDense(nn.Block):
    """A Dense layer with ReLU, whose matrix is (inputs, outputs), as the book writes it."""

    def __init__(self, units, in_units, **kwargs):
        super().__init__(**kwargs)
        self.weight = self.params.get("weight", shape=(in_units, units))
        self.bias = self.params.get("bias", shape=(units,), init="zeros")

    def forward(self, X):
        return nd.relu(nd.dot(X, self.weight.data()) + self.bias.data())


def scratch_mlp(W1, b1, W2, b2):
    """The MLP as a function of its parameters."""
    return lambda X: nd.dot(relu(nd.dot(X, W1) + b1), W2) + b2


def load_from_gluon(path, params):
    """Fill [W1, b1, W2, b2] with what `MLP.save_parameters` wrote, where a matrix is (outputs, inputs)."""
    saved = nd.load(path)
    for param, name in zip(params, ("hidden.weight", "hidden.bias", "output.weight", "output.bias")):
        param[:] = Parameter(saved[name], transposed=name.endswith("weight")).get()


def load_from_scratch(path, net):
    """Fill a Gluon net with what `nd.save` wrote of [W1, b1, W2, b2]."""
    model = Model(net, loss=None, params=net.collect_params(), trainer=None)
    for param, array in zip(parameters(model), nd.load(path)):
        param.set(array.asnumpy())


NOTES = {
    "A Block of one's own": [
        """
        Every note begins with these imports.

        >>> from mxnet import autograd, gluon, init, nd
        >>> from mxnet.gluon import nn

        A Block makes its layers when it is made, and says in `forward` what becomes of its input. `backward` is
        autograd's.
        """,
        MLP,
        """
        >>> net = MLP(num_hiddens=4, num_outputs=2)
        >>> net.initialize()
        >>> X = nd.random.uniform(shape=(3, 5))
        >>> net(X).shape
        (3, 2)
        >>> net
        MLP(
          (hidden): Dense(5 -> 4, Activation(relu))
          (output): Dense(4 -> 2, linear)
        )

        It computes what its layers compute.

        >>> hidden = nd.relu(nd.dot(X, net.hidden.weight.data().T) + net.hidden.bias.data())
        >>> y = nd.dot(hidden, net.output.weight.data().T) + net.output.bias.data()
        >>> (net(X) - y).abs().max().asscalar() < 1e-6
        True
        """,
    ],
    "A Sequential of one's own": [
        """
        A Block keeps the Blocks that it was given in the order in which they came.
        """,
        MySequential,
        """
        >>> net = MySequential()
        >>> net.add(nn.Dense(4, activation="relu"))
        >>> net.add(nn.Dense(2))
        >>> net.initialize()
        >>> X = nd.random.uniform(shape=(3, 5))
        >>> net(X).shape
        (3, 2)

        Gluon's own, of the same two layers, gives the same.

        >>> gluons = nn.Sequential()
        >>> gluons.add(*net._children.values())
        >>> (gluons(X) == net(X)).asnumpy().all()
        True
        """,
    ],
    "Blocks in Blocks, and Python in forward": [
        """
        A Block may contain any other, and its `forward` is Python: loops and branches included.
        """,
        Repeated,
        """
        >>> net = nn.Sequential()
        >>> net.add(MLP(num_hiddens=4, num_outputs=8), Repeated(nn.Dense(8, in_units=8)))
        >>> net.initialize(init.Normal(0.1))
        >>> X = 1000 * nd.random.normal(shape=(3, 5))
        >>> with autograd.record():
        ...     y = net(X)
        >>> y.shape, y.norm().asscalar() <= 1 < net[0](X).norm().asscalar()
        ((3, 8), True)

        The gradient goes through every turn of the loop.

        >>> y.backward()
        >>> net[1].block.weight.grad().norm().asscalar() > 0, net[0].hidden.weight.grad().norm().asscalar() > 0
        (True, True)
        """,
    ],
    "Parameters by index and by name": [
        """
        A layer of a Sequential is found by its index, a parameter of a layer by its name.

        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4, activation="relu"), nn.Dense(2))
        >>> net.initialize()
        >>> X = nd.random.uniform(shape=(3, 5))
        >>> y = net(X)
        >>> net[0].weight
        Parameter dense0_weight (shape=(4, 5), dtype=float32)
        >>> net[0].params["dense0_weight"] is net[0].weight
        True
        >>> net[1].bias.data()
        [0. 0.]
        <NDArray 2 @cpu(0)>

        A Dense layer keeps its matrix as (outputs, inputs). Its gradient, of the same shape, is 0 before the first
        `backward`.

        >>> net[0].weight.data().shape, net[0].weight.grad().norm().asscalar()
        ((4, 5), 0.0)
        """
    ],
    "All parameters, and some of them": """
        `collect_params` goes through all the layers, however deep they lie. A regular expression says which are meant.

        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4, in_units=5, activation="relu"), nn.Dense(2, in_units=4))
        >>> net.collect_params()
        sequential0_ (
          Parameter dense0_weight (shape=(4, 5), dtype=float32)
          Parameter dense0_bias (shape=(4,), dtype=float32)
          Parameter dense1_weight (shape=(2, 4), dtype=float32)
          Parameter dense1_bias (shape=(2,), dtype=float32)
        )
        >>> list(net.collect_params(".*weight"))
        ['dense0_weight', 'dense1_weight']

        So a setting is given to the weights alone: no decay of the biases, for one.

        >>> net.collect_params(".*bias").setattr("wd_mult", 0)
        >>> [param.wd_mult for param in net.collect_params().values()]
        [1.0, 0, 1.0, 0]
        """,
    "Initializers": """
        Without any, weights are uniform from -0.07 to 0.07 and biases 0.

        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(100, in_units=100), nn.Dense(1, in_units=100))
        >>> net.initialize()
        >>> 0.06 < net[0].weight.data().abs().max().asscalar() <= 0.07
        True

        An initializer is for the parameters that have none of their own, and a Dense layer gives its bias one, zeros.
        `force_reinit` replaces values that are there.

        >>> net.initialize(init.Normal(sigma=0.01), force_reinit=True)
        >>> 0.0095 < net[0].weight.data().norm().asscalar() / 100 < 0.0105
        True
        >>> net[0].bias.data().norm().asscalar()
        0.0

        A single parameter may have its own: Xavier's is uniform up to the root of 6 / (inputs + outputs).

        >>> net[0].weight.initialize(init.Xavier(), force_reinit=True)
        >>> bound = (6 / (100 + 100)) ** 0.5
        >>> 0.9 * bound < net[0].weight.data().abs().max().asscalar() <= bound
        True
        >>> net[1].bias.initialize(init.Constant(3), force_reinit=True)
        >>> net[1].bias.data()
        [3.]
        <NDArray 1 @cpu(0)>
        """,
    "An initializer of one's own": [
        """
        An initializer is handed the name of a parameter and the array to be filled.
        """,
        MyInit,
        """
        >>> net = nn.Dense(100, in_units=100)
        >>> net.initialize(MyInit())
        >>> size = net.weight.data().abs()
        >>> ((size == 0) + (size >= 5) * (size <= 10) == 1).asnumpy().all()
        True

        Half of the uniform numbers are nearer to 0 than 5: five standard errors of that share are 0.025.

        >>> abs((size == 0).mean().asscalar() - 0.5) < 0.025
        True

        Values can be set by hand too.

        >>> net.weight.set_data(net.weight.data() + 1)
        >>> net.weight.data()[0] = 42
        >>> net.weight.data()[0].sum().asscalar() == 42 * 100
        True
        """,
    ],
    "Shared parameters": """
        A layer that is given another's `params` has no parameters of its own.

        >>> net = nn.Sequential()
        >>> first = nn.Dense(4, in_units=4, activation="relu")
        >>> net.add(first, nn.Dense(4, in_units=4, activation="relu", params=first.params))
        >>> net.initialize(init.Uniform(1))
        >>> net[1].weight is net[0].weight
        True
        >>> list(net.collect_params())
        ['dense0_weight', 'dense0_bias']
        >>> net[0].weight.data()[:] = 7
        >>> (net[1].weight.data() == 7).asnumpy().all()
        True
        """,
    "Gradients of shared parameters add up": """
        Two nets compute the same: one shares its weight between its layers, the other has a copy in each.

        >>> def dense(**kwargs):
        ...     return nn.Dense(4, in_units=4, activation="sigmoid", **kwargs)
        >>> shared, copied = nn.Sequential(), nn.Sequential()
        >>> shared.add(dense())
        >>> shared.add(dense(params=shared[0].params))
        >>> copied.add(dense(), dense())
        >>> for net in (shared, copied):
        ...     net.initialize(init.Uniform(1))
        >>> for layer in copied:
        ...     layer.weight.set_data(shared[0].weight.data())
        >>> X = nd.random.uniform(shape=(3, 4))
        >>> with autograd.record():
        ...     y, y_copied = shared(X), copied(X)
        >>> autograd.backward([y, y_copied])
        >>> (y == y_copied).asnumpy().all()
        True

        The gradient of the shared weight is the sum of the two that the copies have, each of which is not 0.

        >>> parts = [layer.weight.grad() for layer in copied]
        >>> (shared[0].weight.grad() - (parts[0] + parts[1])).abs().max().asscalar() < 1e-6
        True
        >>> all(part.norm().asscalar() > 0.001 for part in parts)
        True
        """,
    "Deferred initialisation": [
        """
        A Dense layer need not be told how many inputs it has. Until it has seen some, its weight has a length that is
        not known, 0, and `initialize` only makes a note of what is to be done: no initializer is called.
        """,
        TellingInit,
        """
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4, activation="relu"), nn.Dense(2))
        >>> net.initialize(TellingInit())
        >>> net[0].weight
        Parameter dense0_weight (shape=(4, 0), dtype=float32)
        >>> net[0].weight.data()
        DeferredInitializationError: Parameter 'dense0_weight' has not been initialized yet because...

        The first input settles the shapes of all layers, and from then on no other shape fits.

        >>> y = net(nd.ones((3, 5)))
        dense0_weight (4, 5)
        dense1_weight (2, 4)
        >>> net[0].weight.data().sum().asscalar()
        20.0
        >>> y = net(nd.ones((3, 5)))
        >>> net(nd.ones((3, 6)))
        MXNetError: Shape inconsistent, Provided = [4,5], inferred shape=(4,6)

        A net that was not initialised at all does not compute.

        >>> nn.Dense(2)(nd.ones((3, 5)))
        RuntimeError: Parameter 'dense2_weight' has not been initialized...
        """,
    ],
    "Round deferred initialisation: say how many inputs there are": """
        With `in_units` nothing is left to be found out: the initializer is called and the parameters are there at once.

        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4, in_units=5, activation="relu"), nn.Dense(2, in_units=4))
        >>> net.initialize(TellingInit())
        dense0_weight (4, 5)
        dense1_weight (2, 4)
        >>> net[0].weight.data().shape
        (4, 5)
        """,
    "Round deferred initialisation: initialise a second time": """
        Once an input has settled the shapes, `force_reinit` initialises at once.

        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4, activation="relu"), nn.Dense(2))
        >>> net.initialize()
        >>> y = net(nd.ones((3, 5)))
        >>> net.initialize(TellingInit(), force_reinit=True)
        dense0_weight (4, 5)
        dense1_weight (2, 4)

        Without `force_reinit` Gluon keeps the values that are there, and warns.

        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     net.initialize(init.Constant(2))
        >>> print(caught[0].message)
        Parameter 'dense0_weight' is already initialized, ignoring. Set force_reinit=True to re-initialize.
        >>> net[0].weight.data().sum().asscalar()
        20.0
        """,
    "A layer of one's own without parameters": [
        """
        Such a layer is a Block that has nothing but `forward`, and stands in a net like any other.
        """,
        CenteredLayer,
        """
        >>> CenteredLayer()(nd.array([1, 2, 3, 6]))
        [-2. -1.  0.  3.]
        <NDArray 4 @cpu(0)>
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(128), CenteredLayer())
        >>> net.initialize()
        >>> abs(net(nd.random.uniform(shape=(4, 8))).mean().asscalar()) < 1e-6
        True
        >>> list(net.collect_params())
        ['dense0_weight', 'dense0_bias']
        """,
    ],
    "A layer of one's own with parameters": [
        """
        What `self.params.get` makes is found, initialised and saved with the net's other parameters. The bias brings an
        initializer of its own: the net's would draw random numbers for it too.
        """,
        MyDense,
        """
        >>> net = nn.Sequential()
        >>> net.add(MyDense(8, in_units=64), MyDense(1, in_units=8))
        >>> net.initialize(init.Uniform(1))
        >>> [param.shape for param in net.collect_params().values()]
        [(64, 8), (8,), (8, 1), (1,)]
        >>> net[0].bias.data().norm().asscalar()
        0.0

        It computes what Gluon's own does with the transpose of its matrix.

        >>> X = nd.random.uniform(shape=(3, 64))
        >>> theirs = nn.Dense(8, in_units=64, activation="relu")
        >>> theirs.initialize()
        >>> theirs.weight.set_data(net[0].weight.data().T)
        >>> (net[0](X) - theirs(X)).abs().max().asscalar() < 1e-4
        True

        A Trainer finds its parameters too.

        >>> trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1})
        >>> before = net[0].bias.data().copy()
        >>> with autograd.record():
        ...     y = net[0](X)
        >>> y.backward()
        >>> gradient = net[0].bias.grad()
        >>> trainer.step(batch_size=1, ignore_stale_grad=True)
        >>> (net[0].bias.data() == before - gradient).asnumpy().all()
        True
        """,
    ],
    "Saving and loading arrays": """
        `nd.save` writes an array, a list of arrays, or a dict of arrays under their names, and `nd.load` gives them
        back as they were: a list, even of one, or a dict.

        >>> import os, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = os.path.join(folder.name, "arrays")
        >>> x, y = nd.random.normal(shape=3), nd.arange(4).reshape((2, 2))
        >>> nd.save(path, [x, y])
        >>> loaded = nd.load(path)
        >>> (loaded[0] == x).asnumpy().all(), (loaded[1] == y).asnumpy().all()
        (True, True)
        >>> nd.save(path, {"x": x, "y": y})
        >>> sorted(nd.load(path))
        ['x', 'y']
        >>> (nd.load(path)["x"] == x).asnumpy().all()
        True
        >>> folder.cleanup()
        """,
    "Saving and loading a net's parameters": """
        The file has the parameters, not the net: to load them the same net has to be built first. It need not be
        initialised, and its shapes come from the file.

        >>> import os, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = os.path.join(folder.name, "mlp.params")
        >>> net, X = MLP(4, 2), nd.random.uniform(shape=(3, 5))
        >>> net.initialize(init.Normal(1))
        >>> y = net(X)
        >>> net.save_parameters(path)
        >>> clone = MLP(4, 2)
        >>> clone.load_parameters(path)
        >>> (clone(X) == y).asnumpy().all()
        True

        Another net does not take them.

        >>> MLP(6, 2).load_parameters(path)
        AssertionError: ...
        >>> folder.cleanup()
        """,
    "From Gluon to the net from scratch": [
        """
        In the file each parameter has the name of its place in the net. A matrix is (outputs, inputs) there and
        (inputs, outputs) in the net from scratch, so that it is transposed.

        >>> from d2l_repro.train.parameters import Parameter
        >>> from d2l_repro.scratch import relu
        """,
        scratch_mlp,
        load_from_gluon,
        """
        >>> import os, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = os.path.join(folder.name, "mlp.params")
        >>> net, X = MLP(4, 2), nd.random.uniform(shape=(3, 5))
        >>> net.initialize(init.Normal(1))
        >>> y = net(X)
        >>> net.save_parameters(path)
        >>> {name: array.shape for name, array in nd.load(path).items()}
        {'hidden.weight': (4, 5), 'hidden.bias': (4,), 'output.weight': (2, 4), 'output.bias': (2,)}
        >>> params = [nd.zeros((5, 4)), nd.zeros(4), nd.zeros((4, 2)), nd.zeros(2)]
        >>> load_from_gluon(path, params)
        >>> (scratch_mlp(*params)(X) - y).abs().max().asscalar() < 1e-5
        True
        >>> folder.cleanup()
        """,
    ],
    "From the net from scratch to Gluon, and back": [
        """
        The arrays of the net from scratch are saved as a list, in the book's order.

        >>> from d2l_repro.experiment.chapter import Model
        >>> from d2l_repro.train.parameters import parameters
        """,
        load_from_scratch,
        """
        >>> import os, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = os.path.join(folder.name, "scratch.params")
        >>> params = [nd.random.normal(shape=shape) for shape in ((5, 4), 4, (4, 2), 2)]
        >>> nd.save(path, params)
        >>> net, X = MLP(4, 2), nd.random.uniform(shape=(3, 5))
        >>> net.initialize()
        >>> load_from_scratch(path, net)
        >>> (net(X) - scratch_mlp(*params)(X)).abs().max().asscalar() < 1e-5
        True

        Saved by Gluon and loaded once more, every number is what it was.

        >>> net.save_parameters(path)
        >>> again = [nd.zeros(param.shape) for param in params]
        >>> load_from_gluon(path, again)
        >>> all((a == b).asnumpy().all() for a, b in zip(again, params))
        True
        >>> folder.cleanup()
        """,
    ],
}

chapter = Chapter(name="gluon_blocks", doc=__doc__, show=showing(NOTES, globals()))
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
