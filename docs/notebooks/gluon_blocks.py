# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Gluon's Blocks: nets as objects
#
# How a net is put together from Blocks, when its parameters come into being, who owns them, and how they are
# saved. Each answer is a few lines that can be run, beside the same net written from scratch.
#
# It follows a reader's notes on MXNet, after sections 4.1 to 4.5 of *Dive into Deep Learning*, first edition.
# The notes themselves are in `chapters/gluon_blocks.py`, where every statement is a test. This notebook takes
# a few seconds and needs no data.

# %%
import inspect

from chapters import gluon_blocks
from d2l_repro.results.walkthrough import table

result = gluon_blocks.run()
result.statements(), list(result.notes)

# %% [markdown]
# The chapter has just been run: each of its statements was executed, and its output compared with the one
# that the notes give.
#
# ## A Block is a function with parameters
#
# A net $f_\theta(x)$ is a function of its input, and of parameters $\theta$ that are learned. From scratch,
# the parameters are arrays that the function refers to. In Gluon both are one object: layers are created in
# `__init__`, and `forward` says what happens to the input. The gradient needs no code.

# %%
print(inspect.getsource(gluon_blocks.MLP))

# %%
from mxnet import autograd, init, nd
from mxnet.gluon import nn

net = gluon_blocks.MLP(num_hiddens=4, num_outputs=2)
net.initialize()
X = nd.random.uniform(shape=(3, 5))
net(X).shape

# %% [markdown]
# `Sequential` is the special case in which the layers are applied one after the other. How does it know its
# layers? Assigning a Block to an attribute registers it as a child. The notes write a `Sequential` of their
# own in a few lines:

# %%
print(inspect.getsource(gluon_blocks.MySequential))

# %% [markdown]
# `forward` is ordinary Python. A loop may run until a condition holds, and the gradient goes back through as
# many turns as there were:

# %%
print(inspect.getsource(gluon_blocks.Repeated))

# %% [markdown]
# ## Shapes that are not known yet
#
# A dense layer with $m$ units and $n$ inputs has a matrix of $m \times n$ weights. Gluon does not ask for
# $n$: it learns it from the first input. Until then the length is 0, and `initialize` only remembers what to
# do.

# %%
lazy = nn.Dense(4)
lazy.initialize(init.Normal(0.1))
before = lazy.weight.shape
lazy(nd.ones((1, 7)))
before, lazy.weight.shape

# %% [markdown]
# The matrix is $m \times n$, where the book's is $n \times m$: Gluon computes $X W^\top + b$. When a net from
# scratch and one of Gluon are compared, one of the two has to be transposed.
#
# ## Whose parameters?
#
# A layer created with the `params` of another has none of its own. Both *are* the same matrix $W$, used
# twice:
#
# $$y = W\, \sigma(W x), \qquad \nabla_W = \nabla_{W, \text{first use}} + \nabla_{W, \text{second use}}.$$
#
# The gradient is the sum over the uses, as for any variable that occurs twice.

# %%
shared = nn.Sequential()
shared.add(nn.Dense(4, in_units=4, activation="sigmoid", use_bias=False))
shared.add(nn.Dense(4, in_units=4, use_bias=False, params=shared[0].params))
copied = nn.Sequential()
copied.add(
    nn.Dense(4, in_units=4, activation="sigmoid", use_bias=False), nn.Dense(4, in_units=4, use_bias=False)
)
for one in (shared, copied):
    one.initialize(init.Uniform(1))
for layer in copied:
    layer.weight.set_data(shared[0].weight.data())
X = nd.random.uniform(shape=(3, 4))
with autograd.record():
    outputs = [shared(X), copied(X)]
autograd.backward(outputs)
added = copied[0].weight.grad() + copied[1].weight.grad()
(shared[0].weight.grad() - added).abs().max().asscalar() < 1e-6

# %% [markdown]
# ## Initial values
#
# An initializer is an object with a method that fills an array. One's own is a class of three lines:

# %%
print(inspect.getsource(gluon_blocks.MyInit))

# %%
drawn = {}
for name, how in {
    "default": init.Uniform(0.07),
    "Xavier": init.Xavier(),
    "its own": gluon_blocks.MyInit(),
}.items():
    layer = nn.Dense(100, in_units=100)
    layer.initialize(how)
    W = layer.weight.data()
    drawn[name] = {"mean": W.mean().asscalar().item(), "std": (W**2).mean().sqrt().asscalar().item()}
table({"initializer": name, **row} for name, row in drawn.items())

# %% [markdown]
# ## A layer of one's own
#
# Parameters that are created through `self.params.get` are found by `collect_params`, initialized, trained
# and saved like those of Gluon's own layers.

# %%
print(inspect.getsource(gluon_blocks.MyDense))

# %% [markdown]
# ## Between Gluon and scratch
#
# `save_parameters` writes the arrays, by the position of their layer. It does not write the net: whoever
# loads them must build it first. So a net from scratch can load them as well, transposed:

# %%
print(inspect.getsource(gluon_blocks.load_from_gluon))

# %%
import tempfile
from pathlib import Path

net = gluon_blocks.mlp(4, 2)
net.initialize(init.Normal(1))
X = nd.random.uniform(shape=(3, 5))
y = net(X)
params = [nd.zeros((5, 4)), nd.zeros(4), nd.zeros((4, 2)), nd.zeros(2)]
with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder, "mlp.params"))
    net.save_parameters(path)
    gluon_blocks.load_from_gluon(path, params)
(gluon_blocks.scratch_mlp(*params)(X) - y).abs().max().asscalar() < 1e-5

# %% [markdown]
# ## What was published
#
# The notes are statements, not numbers. The chapter checks all of them, and the count is at the top.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A layer that is hidden in a list.** The net below keeps its layers in a Python list. How many
# parameters does `collect_params` find, and what would a trainer do with this net?

# %% tags=["skip-execution"]


class Hidden(nn.Block):
    """Keep layers where Gluon does not look for them."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Dense(4, in_units=5), nn.Dense(2, in_units=4)]

    def forward(self, X):
        for layer in self.layers:
            X = layer(X)
        return X


import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = Hidden().collect_params()
print(len(found.keys()), "parameters;", *[str(warning.message)[:90] for warning in caught])

# %% [markdown]
# **2. Hybridize.** A hybrid net can be compiled to one graph. Its outputs should not change. Do they, in the
# last digit? And is the second call as fast as you would expect?

# %% tags=["skip-execution"]
import time

hybrid = nn.HybridSequential()
hybrid.add(nn.Dense(64, activation="relu"), nn.Dense(64, activation="relu"), nn.Dense(10))
hybrid.initialize()
X = nd.random.normal(shape=(8, 20))
outputs, seconds = [hybrid(X)], []
for compiled in (False, True):
    hybrid.hybridize(compiled)
    outputs.append(hybrid(X))
    nd.waitall()
    start = time.perf_counter()
    for _ in range(200):
        hybrid(X)
    nd.waitall()
    seconds.append(time.perf_counter() - start)
print("largest difference", (outputs[1] - outputs[2]).abs().max().asscalar())
print(f"200 calls: {seconds[0]:.3f} s, compiled {seconds[1]:.3f} s")

# %% [markdown]
# ## Exercise
#
# `mlp_forward` asks for the net of this notebook from scratch, `collapse` for what becomes of it without
# activation.
#
# ```
# d2l-repro exercise start mlp_forward
# d2l-repro exercise check mlp_forward
# ```
