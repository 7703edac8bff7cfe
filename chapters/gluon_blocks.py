# %% [markdown]
"""Gluon's Blocks: a notebook that is its own test.

A reader's notes on MXNet, after sections 4.1 to 4.5 of *Dive into Deep Learning*.

How to build nets from custom Blocks, how to access, initialize, share, save and load their parameters, and
when these parameters come into being.

Nothing is trained here. Each statement is run, and what it shows is compared with the comment that starts
with `->`, in which `...` matches anything. All of them should hold, with every seed; among them that a net
from scratch loads what Gluon saves, and the other way round.
"""

# %% tags=["active-py"]
# This cell makes the script a chapter. It is not part of the notebook; skip it in an interactive window.
from d2l_repro.experiment.notebook import notebook_chapter

chapter = notebook_chapter(__file__)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)  # runs the cells below, note by note, and exits

# %%
from d2l_repro.experiment.notebook import raises  # first, as it makes MXNet work with today's NumPy

# isort: split
import tempfile
import warnings

from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

# %% [markdown]
# ## Custom Blocks
# Every section stands on its own and needs only the imports `from mxnet import autograd, gluon, init, nd`
# and `from mxnet.gluon import nn`.
#
# A Block creates its layers in `__init__` and computes its output in `forward`. Autograd takes care of
# `backward`.


# %%
class MLP(nn.Block):
    """One hidden layer with ReLU, and an output layer."""

    def __init__(self, num_hiddens, num_outputs, **kwargs):
        super().__init__(**kwargs)
        self.hidden = nn.Dense(num_hiddens, activation="relu")
        self.output = nn.Dense(num_outputs)

    def forward(self, X):
        return self.output(self.hidden(X))


net = MLP(num_hiddens=4, num_outputs=2)
net.initialize()
X = nd.random.uniform(shape=(3, 5))
net(X).shape  # -> (3, 2)

# The net computes what its layers compute.
hidden = nd.relu(nd.dot(X, net.hidden.weight.data().T) + net.hidden.bias.data())
y = nd.dot(hidden, net.output.weight.data().T) + net.output.bias.data()
(net(X) - y).abs().max().asscalar() < 1e-6  # -> True
net
# -> MLP(
#      (hidden): Dense(5 -> 4, Activation(relu))
#      (output): Dense(4 -> 2, linear)
#    )


# %%
# A simple `Sequential` applies Blocks in the order in which they were added.
class MySequential(nn.Block):
    """Blocks that are applied one after the other."""

    def add(self, block):
        """Append a Block."""
        self.register_child(block)

    def forward(self, X):
        for block in self._children.values():
            X = block(X)
        return X


net = MySequential()
net.add(nn.Dense(4, activation="relu"))
net.add(nn.Dense(2))
net.initialize()
net(X).shape  # -> (3, 2)

# With the same two layers, Gluon's own gives the same result.
sequential = nn.Sequential()
sequential.add(*net._children.values())
(sequential(X) == net(X)).asnumpy().all()  # -> True


# %%
# Blocks can be nested, and `forward` is ordinary Python, with loops and branches.
class Repeated(nn.Block):
    """A Block that is applied to its own output until the output is small."""

    def __init__(self, block, **kwargs):
        super().__init__(**kwargs)
        self.block = block

    def forward(self, X):
        while X.norm().asscalar() > 1:
            X = self.block(X)
        return X


net = nn.Sequential()
net.add(MLP(num_hiddens=4, num_outputs=8), Repeated(nn.Dense(8, in_units=8)))
net.initialize(init.Normal(0.1))
X = 1000 * nd.random.normal(shape=(3, 5))
with autograd.record():
    y = net(X)
y.shape, y.norm().asscalar() <= 1 < net[0](X).norm().asscalar()  # -> ((3, 8), True)

# The gradient flows through every iteration of the loop.
y.backward()
weights = net[1].block.weight, net[0].hidden.weight
[weight.grad().norm().asscalar() > 0 for weight in weights]  # -> [True, True]

# %% [markdown]
# ## Accessing parameters
# Gluon numbers the layers of a session, `dense0`, `dense1` and so on, unless they are given a `prefix`. An
# index selects a layer of a Sequential, a name one of the layer's parameters.

# %%
nn.Dense(2).name, nn.Dense(2).name  # -> ('dense0', 'dense1')
net = nn.Sequential(prefix="net_")
net.add(nn.Dense(4, activation="relu", prefix="hidden_"), nn.Dense(2, prefix="output_"))
net.initialize()
y = net(nd.random.uniform(shape=(3, 5)))
net[0].weight  # -> Parameter hidden_weight (shape=(4, 5), dtype=float32)
net[0].params["hidden_weight"] is net[0].weight  # -> True
net[1].bias.data()  # -> [0. 0.] <NDArray 2 @cpu(0)>

# The weight matrix of a Dense layer has the shape (outputs, inputs). So does its gradient, which is 0 before
# the first `backward`.
net[0].weight.data().shape, net[0].weight.grad().shape  # -> ((4, 5), (4, 5))
net[0].weight.grad().norm().asscalar()  # -> 0.0

# %%
# `collect_params` finds the parameters of all layers, however deeply nested.
net.collect_params()
# -> net_ (
#      Parameter hidden_weight (shape=(4, 5), dtype=float32)
#      Parameter hidden_bias (shape=(4,), dtype=float32)
#      Parameter output_weight (shape=(2, 4), dtype=float32)
#      Parameter output_bias (shape=(2,), dtype=float32)
#    )

# %%
# A regular expression selects some of them, to exclude the biases from weight decay for example.
list(net.collect_params(".*weight"))  # -> ['hidden_weight', 'output_weight']
net.collect_params(".*bias").setattr("wd_mult", 0)
[param.wd_mult for param in net.collect_params().values()]  # -> [1.0, 0, 1.0, 0]

# %%
# A layer from four features, as of an image of 2 x 2 pixels, to three classes has a weight for each pair of
# them, and a bias for each class.
layer = nn.Dense(3, in_units=4)
layer.initialize()
layer.weight.data().size, layer.bias.data().size  # -> (12, 3)

# %% [markdown]
# ## Cross-entropy and likelihood
# Softmax gives each class a probability. An example's cross-entropy is minus the logarithm of its class's. A
# sum of logarithms is the logarithm of a product: the parameters with the smallest mean loss are those that
# make all labels together most probable.

# %%
scores, labels = nd.random.normal(shape=(5, 3)), nd.array([0, 2, 1, 1, 0])
losses = gluon.loss.SoftmaxCrossEntropyLoss()(scores, labels)
probabilities = nd.softmax(scores).pick(labels)
joint = probabilities.asnumpy().prod()
abs((-losses.mean() * 5).exp().asscalar() / joint - 1) < 1e-5  # -> True

# %% [markdown]
# ## Initializers
# By default, weights are uniform between -0.07 and 0.07, and biases are 0.

# %%
net = nn.Sequential()
net.add(nn.Dense(100, in_units=100), nn.Dense(1, in_units=100))
net.initialize()
0.06 < net[0].weight.data().abs().max().asscalar() <= 0.07  # -> True

# The initializer of a net applies to parameters without one of their own; a Dense layer gives its bias zeros.
# `force_reinit` replaces existing values.
net.initialize(init.Normal(sigma=0.01), force_reinit=True)
0.0095 < net[0].weight.data().norm().asscalar() / 100 < 0.0105  # -> True
net[0].bias.data().norm().asscalar()  # -> 0.0

# A single parameter can be initialized too. Xavier's bound is the square root of 6 / (inputs + outputs).
net[0].weight.initialize(init.Xavier(), force_reinit=True)
bound = (6 / (100 + 100)) ** 0.5
0.9 * bound < net[0].weight.data().abs().max().asscalar() <= bound  # -> True
net[1].bias.initialize(init.Constant(3), force_reinit=True)
net[1].bias.data()  # -> [3.] <NDArray 1 @cpu(0)>


# %%
# A custom initializer receives the name of a parameter and the array to fill.
class MyInit(init.Initializer):
    """Draw uniform numbers between -10 and 10, and set those between -5 and 5 to 0."""

    def _init_weight(self, name, data):
        data[:] = nd.random.uniform(-10, 10, shape=data.shape)
        data *= data.abs() >= 5


net = nn.Dense(100, in_units=100)
net.initialize(MyInit())
size = net.weight.data().abs()
((size == 0) + (size >= 5) * (size <= 10) == 1).asnumpy().all()  # -> True

# About half of the numbers are set to 0; five standard errors of that share are 0.025.
abs((size == 0).mean().asscalar() - 0.5) < 0.025  # -> True

# Values can also be set by hand.
net.weight.set_data(net.weight.data() + 1)
net.weight.data()[0] = 42
net.weight.data()[0].sum().asscalar() == 42 * 100  # -> True

# %% [markdown]
# ## Shared parameters
# A layer that is created with the `params` of another one has no parameters of its own.

# %%
net = nn.Sequential()
net.add(nn.Dense(4, in_units=4, activation="relu", prefix="shared_"))
net.add(nn.Dense(4, in_units=4, activation="relu", params=net[0].params))
net.initialize(init.Uniform(1))
net[1].weight is net[0].weight  # -> True
list(net.collect_params())  # -> ['shared_weight', 'shared_bias']
net[0].weight.data()[:] = 7
(net[1].weight.data() == 7).asnumpy().all()  # -> True


# %%
# Two nets compute the same: in one the layers share their weight, in the other each has a copy.
def dense(**kwargs):
    """Return a layer with a weight that can be shared or copied."""
    return nn.Dense(4, in_units=4, activation="sigmoid", **kwargs)


shared, copied = nn.Sequential(), nn.Sequential()
shared.add(dense())
shared.add(dense(params=shared[0].params))
copied.add(dense(), dense())
shared.initialize(init.Uniform(1))
copied.initialize(init.Uniform(1))
for layer in copied:
    layer.weight.set_data(shared[0].weight.data())
X = nd.random.uniform(shape=(3, 4))
with autograd.record():
    y, y_copied = shared(X), copied(X)
autograd.backward([y, y_copied])
(y == y_copied).asnumpy().all()  # -> True

# The gradient w.r.t. the shared weight is the sum of those w.r.t. the copies, neither of which is 0.
first, second = (layer.weight.grad() for layer in copied)
(shared[0].weight.grad() - (first + second)).abs().max().asscalar() < 1e-6  # -> True
first.norm().asscalar() > 0.001, second.norm().asscalar() > 0.001  # -> (True, True)

# %% [markdown]
# ## Deferred initialization
# A Dense layer can infer its number of inputs. Until it sees the first input, that length of its weight is
# unknown and given as 0, and `initialize` only remembers the initializer, without calling it.


# %%
class RecordingInit(init.Initializer):
    """Fill weights with ones, and record their names and shapes in `initialized`."""

    def _init_weight(self, name, data):
        initialized.append((name, data.shape))
        data[:] = 1


initialized = []
net = nn.Sequential()
net.add(nn.Dense(4, activation="relu", prefix="hidden_"), nn.Dense(2, prefix="output_"))
net.initialize(RecordingInit())
initialized  # -> []
net[0].weight  # -> Parameter hidden_weight (shape=(4, 0), dtype=float32)
with raises() as error:
    net[0].weight.data()
error  # -> DeferredInitializationError: Parameter 'hidden_weight' has not been initialized yet because...

# The first input determines all shapes. The initializer is called once, and no other shape fits from then on.
y = net(nd.ones((3, 5)))
initialized  # -> [('hidden_weight', (4, 5)), ('output_weight', (2, 4))]
net[0].weight.data().sum().asscalar()  # -> 20.0
y = net(nd.ones((3, 5)))
len(initialized)  # -> 2
with raises() as error:
    net(nd.ones((3, 6)))
error  # -> MXNetError: Shape inconsistent, Provided = [4,5], inferred shape=(4,6)

# Without `initialize` a net cannot compute.
with raises() as error:
    nn.Dense(2, prefix="output_")(nd.ones((3, 5)))
error  # -> RuntimeError: Parameter 'output_weight' has not been initialized...

# %%
# There are two ways to avoid the delay. With `in_units` nothing is left to infer, and parameters are
# initialized at once.
initialized = []
net = nn.Sequential()
net.add(nn.Dense(4, in_units=5, prefix="hidden_"), nn.Dense(2, in_units=4, prefix="output_"))
net.initialize(RecordingInit())
initialized  # -> [('hidden_weight', (4, 5)), ('output_weight', (2, 4))]
net[0].weight.data().shape  # -> (4, 5)

# %%
# If an input has already determined the shapes, `force_reinit` initializes at once as well.
initialized = []
net = nn.Sequential()
net.add(nn.Dense(4, activation="relu", prefix="hidden_"), nn.Dense(2, prefix="output_"))
net.initialize()
y = net(nd.ones((3, 5)))
net.initialize(RecordingInit(), force_reinit=True)
initialized  # -> [('hidden_weight', (4, 5)), ('output_weight', (2, 4))]

# Without `force_reinit`, Gluon keeps the existing values and warns.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    net.initialize(init.Constant(2))
str(caught[0].message)
# -> "Parameter 'hidden_weight' is already initialized, ignoring. Set force_reinit=True to re-initialize."
net[0].weight.data().sum().asscalar()  # -> 20.0

# %% [markdown]
# ## Custom layers
# A layer without parameters is a Block that only has `forward`. It fits into a net like any other layer.


# %%
class CenteredLayer(nn.Block):
    """Subtract the mean."""

    def forward(self, X):
        return X - X.mean()


CenteredLayer()(nd.array([1, 2, 3, 6]))  # -> [-2. -1. 0. 3.] <NDArray 4 @cpu(0)>
net = nn.Sequential()
net.add(nn.Dense(128, prefix="hidden_"), CenteredLayer())
net.initialize()
abs(net(nd.random.uniform(shape=(4, 8))).mean().asscalar()) < 1e-6  # -> True
list(net.collect_params())  # -> ['hidden_weight', 'hidden_bias']


# %%
# Parameters from `self.params.get` are found, initialized and saved together with those of the other layers.
# The bias has an initializer of its own; otherwise the net's would fill it with random numbers too.
class MyDense(nn.Block):
    """A Dense layer with ReLU, whose weight matrix has the book's shape (inputs, outputs)."""

    def __init__(self, units, in_units, **kwargs):
        super().__init__(**kwargs)
        self.weight = self.params.get("weight", shape=(in_units, units))
        self.bias = self.params.get("bias", shape=(units,), init="zeros")

    def forward(self, X):
        return nd.relu(nd.dot(X, self.weight.data()) + self.bias.data())


net = nn.Sequential()
net.add(MyDense(8, in_units=64), MyDense(1, in_units=8))
net.initialize(init.Uniform(1))
[param.shape for param in net.collect_params().values()]  # -> [(64, 8), (8,), (8, 1), (1,)]
net[0].bias.data().norm().asscalar()  # -> 0.0

# It computes the same as Gluon's Dense layer with the transposed matrix.
X = nd.random.uniform(shape=(3, 64))
gluon_dense = nn.Dense(8, in_units=64, activation="relu")
gluon_dense.initialize()
gluon_dense.weight.set_data(net[0].weight.data().T)
(net[0](X) - gluon_dense(X)).abs().max().asscalar() < 1e-4  # -> True

# A Trainer updates its parameters.
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1})
before = net[0].bias.data().copy()
with autograd.record():
    y = net[0](X)
y.backward()
gradient = net[0].bias.grad()
trainer.step(batch_size=1, ignore_stale_grad=True)
(net[0].bias.data() == before - gradient).asnumpy().all()  # -> True

# %% [markdown]
# ## Saving and loading
# `nd.save` writes an array, a list of arrays, or a dict of named arrays. `nd.load` returns a list, even for a
# single array, or a dict.

# %%
folder = tempfile.TemporaryDirectory()
path = f"{folder.name}/arrays"
x, y = nd.random.normal(shape=3), nd.arange(4).reshape((2, 2))
nd.save(path, [x, y])
loaded = nd.load(path)
(loaded[0] == x).asnumpy().all(), (loaded[1] == y).asnumpy().all()  # -> (True, True)
nd.save(path, {"x": x, "y": y})
sorted(nd.load(path))  # -> ['x', 'y']
(nd.load(path)["x"] == x).asnumpy().all()  # -> True


# %%
# `save_parameters` stores the parameters, not the net: to load them, build the same net again. It need not be
# initialized, as the file contains the shapes.
def mlp(num_hiddens, num_outputs):
    """Return a net with one hidden layer, without values."""
    net = nn.Sequential()
    net.add(nn.Dense(num_hiddens, activation="relu"), nn.Dense(num_outputs))
    return net


net, X = mlp(4, 2), nd.random.uniform(shape=(3, 5))
net.initialize(init.Normal(1))
y = net(X)
net.save_parameters(path)
clone = mlp(4, 2)
clone.load_parameters(path)
(clone(X) == y).asnumpy().all()  # -> True

# They do not fit into a different net.
with raises() as error:
    mlp(6, 2).load_parameters(path)
error  # -> AssertionError: ...

# %%
# In the file, each parameter is named after its position in the net.
{name: array.shape for name, array in nd.load(path).items()}
# -> {'0.weight': (4, 5), '0.bias': (4,), '1.weight': (2, 4), '1.bias': (2,)}


# %%
# A net from scratch has matrices of shape (inputs, outputs), so those from Gluon have to be transposed. The
# transpose of a vector is the vector itself.
def scratch_mlp(W1, b1, W2, b2):
    """Return the same net as a function of its parameters."""
    return lambda X: nd.dot(nd.maximum(nd.dot(X, W1) + b1, 0), W2) + b2


def load_from_gluon(path, params):
    """Fill [W1, b1, W2, b2] from a file of `save_parameters`."""
    saved = nd.load(path)
    for param, name in zip(params, ["0.weight", "0.bias", "1.weight", "1.bias"]):
        param[:] = saved[name].T


params = [nd.zeros((5, 4)), nd.zeros(4), nd.zeros((4, 2)), nd.zeros(2)]
load_from_gluon(path, params)
(scratch_mlp(*params)(X) - y).abs().max().asscalar() < 1e-5  # -> True


# %%
# The other way round, the arrays of the net from scratch are saved as a list, in the book's order.
def load_from_scratch(path, net):
    """Fill a net of Gluon from a file that `nd.save` wrote of [W1, b1, W2, b2]."""
    for param, array in zip(net.collect_params().values(), nd.load(path)):
        param.set_data(array.T)


params = [nd.random.normal(shape=shape) for shape in ((5, 4), 4, (4, 2), 2)]
nd.save(path, params)
net = mlp(4, 2)
net.initialize()
load_from_scratch(path, net)
(net(X) - scratch_mlp(*params)(X)).abs().max().asscalar() < 1e-5  # -> True

# After saving with Gluon and loading into arrays again, every number is the same as before.
net.save_parameters(path)
again = [nd.zeros(param.shape) for param in params]
load_from_gluon(path, again)
all((a == b).asnumpy().all() for a, b in zip(again, params))  # -> True
folder.cleanup()
