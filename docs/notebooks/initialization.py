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
# # Three ways to draw initial weights
#
# Weights of N(0, 0.01), Xavier's and He's are compared on one layer and on two, and on ten layers where it
# becomes clear what the formulas are for. The answer for one layer can be foreseen: its loss has a single
# minimum.
#
# It follows a reader's article on hand-written optimizers in MXNet. The code is that of
# `chapters/initialization.py`. With Fashion-MNIST it takes less than a minute on two cores. Without it,
# scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import initialization
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = initialization.HParams()
hp

# %% [markdown]
# ## How large should a weight be?
#
# Take a linear layer with $n$ inputs, $y_j = \sum_{i=1}^n x_i w_{ij}$. If the weights are independent with
# mean 0 and variance $\sigma^2$, and the inputs have the mean square $q$, then
#
# $$\mathbb E\, y_j^2 = n\, \sigma^2\, q.$$
#
# Each layer multiplies the mean square of the signal by $n \sigma^2$. Behind ten layers that is
# $(n\sigma^2)^{10}$: the signal vanishes or explodes unless $n \sigma^2$ is close to 1. The same holds for
# the gradient on its way back, with the number of outputs $m$ in place of $n$. Both cannot be 1 at once
# unless $n = m$. The usual choices:
#
# | name | variance | reason |
# |---|---|---|
# | the book's | $0.01^2$ | small, and good enough for one or two layers |
# | Xavier | $2 / (n + m)$ | a compromise between forward and backward |
# | He (Kaiming) | $2 / n$ | forward only; the 2 makes up for ReLU, which halves the mean square |

# %%
from d2l_repro.scratch import kaiming, xavier

print(inspect.getsource(xavier))
print(inspect.getsource(kaiming))

# %% [markdown]
# Xavier's are drawn uniformly from $[-a, a]$. The variance of that is $a^2 / 3$, hence $a = \sqrt{6 / (n +
# m)}$.

# %%
seed_everything(0)
from d2l_repro.scratch import normal

shape = (784, 256)
drawn = {"N(0, 0.01)": normal(shape), "Xavier": xavier(shape), "He": kaiming(shape)}
stds = ", ".join(f"{W.asnumpy().std():.2g} for {name}" for name, W in drawn.items())
plot.histogram(
    {name: W.asnumpy().ravel() for name, W in drawn.items()},
    f"Standard deviations of the weights of a layer 784-256: {stds}",
    "number of weights",
    xlabel="weight",
    spread=True,
)

# %% [markdown]
# ## Ten layers
#
# Let a batch of random numbers pass through ten layers of 256 units with ReLU, for each of the three. This is
# no part of the chapter, but it is what the formulas were made for.

# %%
from mxnet import nd

seed_everything(0)
signals = {}
for name, draw in {"N(0, 0.01)": normal, "Xavier": xavier, "He": kaiming}.items():
    H, sizes = nd.random.normal(shape=(500, 256)), []
    for _ in range(10):
        H = nd.maximum(nd.dot(H, draw((256, 256))), 0)
        sizes.append((H**2).mean().sqrt().asscalar().item())
    signals[name] = (range(1, 11), sizes)
left = ", ".join(f"{sizes[-1]:.1g} with {name}" for name, (_, sizes) in signals.items())
plot.lines(
    signals, "layer", "root mean square of the outputs", f"Behind ten layers the signal is {left}", logy=True
)

# %% [markdown]
# With N(0, 0.01) each layer shrinks the signal by the same factor, $\sqrt{256 \cdot 0.01^2 / 2} \approx
# 0.11$. Xavier's, made for activations that pass everything on, loses $\sqrt{1/2}$ at each ReLU. Only He's
# keeps the size.
#
# ## One layer
#
# Softmax regression has one layer, and its loss is convex in the weights: there is one minimum, and gradient
# descent goes there from anywhere. The initial weights can only decide how far the way is.

# %%
print(inspect.getsource(initialization.softmax_from_scratch))

# %%
tables = initialization.comparisons(hp)
one_layer = {
    run.variant: initialization.chapter.train_run(run)
    for run in tables["Softmax regression"]
    if run.impl == "scratch"
}
data = initialization.data(hp, Options())
ends = [run.history[-1]["test_acc"] for run in one_layer.values()]
plot.comparison(
    {initialization.LABELS[name]: run for name, run in one_layer.items()},
    f"One layer: after {hp.num_epochs} epochs the test accuracies lie within "
    f"{100 * (max(ends) - min(ends)):.1f} points",
    ("train_loss", "test_acc"),
    winner=False,
)

# %% [markdown]
# ## Two layers
#
# The loss of a net with a hidden layer is not convex. Still, two layers are few: a signal that is too small
# at the start is amplified within the first epoch.

# %%
two_layers = {
    run.variant: initialization.chapter.train_run(run) for run in tables["MLP"] if run.impl == "gluon"
}
losses = {initialization.LABELS[name]: run.history["train_loss"] for name, run in two_layers.items()}
first, last = ({name: loss[row] for name, loss in losses.items()} for row in (0, -1))
plot.comparison(
    {initialization.LABELS[name]: run for name, run in two_layers.items()},
    f"Two layers: training losses are {max(first.values()) - min(first.values()):.2f} apart after the first "
    f"epoch, highest with {max(first, key=first.get)}, and {max(last.values()) - min(last.values()):.2f} "
    "after the last",
    ("train_loss", "test_acc"),
    winner=False,
)

# %%
table(
    {"net": name, "train_acc": run.metrics["train_acc"], "test_acc": run.metrics["test_acc"]}
    for name, run in {**one_layer, **two_layers}.items()
)

# %% [markdown]
# Look at the training losses after the first epoch and after the last. Where the initial weights are small,
# the first epoch is the one that costs. After that the curves are nearly parallel.
#
# Weights from scratch and Gluon's are drawn by different functions. What is compared step by step is the net,
# from equal weights:

# %%
from d2l_repro.verify.parity import same_path

setting = tables["MLP"][0].hp
pair = (initialization.mlp_from_scratch(setting, data), initialization.mlp_with_gluon(setting, data))
print(same_path(*pair, data.train_iter, hp.batch_size, steps=10))

# %% [markdown]
# ## What was published
#
# The article finds little difference for one layer and gives no number. Its conclusion is tested with a
# margin of 0.8 points, which the same article calls no big difference elsewhere.

# %%
difference = (
    one_layer["softmax kaiming"].metrics["test_acc"] - one_layer["softmax normal"].metrics["test_acc"]
)
published_table("initialization", {"scratch conclusions": {"kaiming_minus_normal": difference}}, on=data.name)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Zeros.** For one layer, weights that all begin at 0 are as good as any. For two layers they are not.
# How will the accuracy of each develop? What do the rows of the second layer's weights look like afterwards?

# %% tags=["skip-execution"]
for build in (initialization.softmax_from_scratch, initialization.mlp_from_scratch):
    model = build(setting, data)
    for param in model.params:
        param[:] = 0
    print(build.__name__, initialization.train(model, data, setting.replace(num_epochs=1)).last_numbers())
model.params[2][:3].asnumpy()

# %% [markdown]
# **2. A hundred times too large.** Draw the weights of the MLP from N(0, 1). By which factor does the first
# layer multiply the root mean square of a signal of 784 inputs? Will the training loss start high, stay high,
# or both?

# %% tags=["skip-execution"]
seed_everything(0)
large = initialization.mlp_from_scratch(setting, data)
for param in large.params:
    param *= 100
print(initialization.train(large, data, setting.replace(lr=0.1)))

# %% [markdown]
# ## Exercise
#
# `distinct_units` asks for initial weights from which the units of a layer do not stay alike.
#
# ```
# d2l-repro exercise start distinct_units
# d2l-repro exercise check distinct_units
# ```
