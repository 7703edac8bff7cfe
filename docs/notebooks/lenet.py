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
# # LeNet-5: a convolution is one matrix product
#
# Two convolutions, two pools and two dense layers tell handwritten digits apart. The notebook writes a
# convolution as a product of matrices, derives its gradient from that, and finds out why a published loss is
# ten times as large as the accuracy suggests.
#
# It follows a reader's article on TensorFlow experiments, redone in Gluon. The code is that of
# `chapters/lenet.py`. It trains for 200 steps instead of the article's 2,000, which takes less than a minute
# on two cores. Without MNIST, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import lenet
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = lenet.HParams(num_steps=200)
hp

# %% [markdown]
# ## Why not a dense layer?
#
# A dense layer has a weight for each pair of pixel and unit. It does not know which pixels are neighbours:
# shuffle all pixels, the same way in all images, and it learns just as well. A convolution looks at windows
# of 5 x 5 pixels and uses *the same* 25 weights at every place. It needs few weights, and what it has learned
# in one corner it knows in all.
#
# For a window at the place $(r, c)$ and the filter $k$,
#
# $$Y_{k, r, c} = b_k + \sum_{i, j} W_{k, i, j}\, X_{r + i,\, c + j}.$$
#
# The sum is an inner product of the weights and of the window. So lay every window out as a column, and every
# filter as a row. One product of matrices computes all filters at all places:
#
# $$\underbrace{(32 \times 25)}_{\text{filters}} \cdot \underbrace{(25 \times 784)}_{\text{windows}} =
# (32 \times 784).$$

# %%
from d2l_repro.scratch.conv import Conv2D, MaxPool2D

print(inspect.getsource(Conv2D))

# %% [markdown]
# Backward there is nothing new: it is an affine layer. The gradient of the filters is that of the output
# times the windows, transposed. The gradient of the windows is added up into the image, since each pixel is
# part of up to 25 windows.
#
# Max pooling keeps the largest of four pixels. Its gradient goes to the pixel that won.

# %%
print(inspect.getsource(MaxPool2D))

# %% [markdown]
# How does our convolution compare with a loop over all windows, and its gradients with central differences?

# %%
from mxnet import nd

from d2l_repro.scratch import normal
from d2l_repro.verify.gradcheck import check_layer

seed_everything(0)
W, b = normal((2, 1, 5, 5), 1).astype("float64"), nd.array([0.5, -0.5], dtype="float64")
image = nd.random.normal(shape=(1, 1, 6, 6), dtype="float64")
padded = nd.pad(image, mode="constant", pad_width=(0, 0, 0, 0, 2, 2, 2, 2), constant_value=0)[0, 0]
Y = Conv2D(W, b).forward(image)
window = (padded[1:6, 3:8] * W[1, 0]).sum() + b[1]  # filter 1 at row 1, column 3
print(Y[0, 1, 1, 3].asscalar(), window.asscalar())
check_layer(Conv2D(W, b), image)

# %% [markdown]
# ## The net
#
# 28 x 28 pixels, after two pools 7 x 7. Most of the weights are not in the convolutions:

# %%
print(inspect.getsource(lenet.from_scratch))

# %%
runs = {run.label: run for run in lenet.comparisons(hp)["Optimizers"]}
setting = runs["gluon Adam 200 steps, L2"].hp
data = lenet.chapter.data(setting, Options())
model = lenet.from_scratch(setting, data)
names = ("conv 1", "conv 2", "dense", "output")
table({"layer": name, "weights": W.size, "shape": str(W.shape)} for name, W in zip(names, model.params[::2]))

# %% [markdown]
# ## Training
#
# 200 steps of Adam on batches of 100 images, with and without the penalty, and SGD for comparison.

# %%
wanted = ("gluon Adam 200 steps, L2", "gluon Adam 200 steps", "gluon SGD 0.01")
trained = {label.removeprefix("gluon "): lenet.chapter.train_run(runs[label]) for label in wanted}
named = {name.replace(" 200 steps", "").replace("SGD", "SGD, lr"): run for name, run in trained.items()}
ends = ", ".join(f"{run.history[-1]['valid_acc']:.3f} ({name})" for name, run in named.items())
plot.comparison(
    named,
    f"Validation accuracy after {hp.num_steps} steps: {ends}",
    ("train_loss", "batch_loss", "valid_acc"),
    "step",
    every=setting.plan["steps"],
    winner=False,
)

# %% [markdown]
# Compare the two upper panels. On the left is the cross-entropy, on the right that of the last batch with
# the penalty added. The penalty is $\frac{10^{-4}}{2} \lVert W \rVert^2$ over the dense layers. It depends
# only on the weights, so it can be computed before a single step:

# %%
seed_everything(0)
fresh = lenet.with_gluon(setting, data)
fresh.net(next(iter(data.train_iter))[0])
lenet.penalty(fresh, setting.reg).asscalar().item()

# %% [markdown]
# More than half a unit, before anything is learned. The article prints a loss of 0.21 beside an accuracy of
# 0.99, which looks odd for a cross-entropy: at such an accuracy it is about 0.03. The printed loss is mostly
# penalty.
#
# From scratch and with Gluon, step by step:

# %%
from d2l_repro.verify.parity import same_path

small = setting.replace(num_hiddens=16, batch_size=8)  # by which the hand-derived penalty is multiplied
pair = (lenet.from_scratch(small, data), lenet.with_gluon(small, data))
few = [(X[:8], y[:8]) for _, (X, y) in zip(range(5), data.train_iter)]
print(same_path(*pair, few, batch_size=8, steps=5))

# %% [markdown]
# ## The first filters
#
# Each filter of the first layer is an image of 5 x 5. If it becomes an edge of a direction, neighbouring
# weights are alike. After 200 steps hardly more of the filters are smooth in this sense than random ones
# would be, though the net is right nearly always.

# %%
penalized = trained["Adam 200 steps, L2"]
lenet.filters(penalized.model, int(penalized.metrics["best_epoch"]) * data.train_iter.steps)

# %% [markdown]
# ## What was published
#
# The article prints losses and accuracies after 500, 1,000 and 2,000 steps, more than the 200 of this
# notebook.

# %%
published_table("lenet", {run.name: run.metrics for run in trained.values()}, on=data.name)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Shuffled pixels.** Put the pixels of all images into one and the same random order. A dense net would
# not notice. How many points of accuracy does LeNet lose?

# %% tags=["skip-execution"]
order = nd.random.shuffle(nd.arange(28 * 28))


def shuffled(examples):
    X, y = examples
    return X.reshape((len(X), -1)).take(order, axis=1).reshape(X.shape), y


mixed = lenet.chapter.data(setting, Options())
mixed.source.valid = shuffled(mixed.source.valid)
mixed.train_iter = [shuffled(next(iter(data.train_iter))) for _ in range(100)]
seed_everything(0)
net = lenet.with_gluon(setting, mixed)
trainer_hp = setting.replace(num_steps=200, num_evaluations=2)
print(
    lenet.train(net, mixed, trainer_hp)["valid_acc"],
    "instead of",
    trained["Adam 200 steps"].history["valid_acc"],
)

# %% [markdown]
# **2. How many weights does it need?** Reduce the dense layer from 512 to 32 units. Of 1.6 million weights
# about 120,000 are left. What does it cost in accuracy?

# %% tags=["skip-execution"]
thin = next(
    run for run in lenet.comparisons(hp.replace(num_hiddens=32))["Optimizers"] if run.label == wanted[1]
)
print(lenet.chapter.train_run(thin).metrics["best_valid_acc"])

# %% [markdown]
# ## Exercise
#
# `conv2d` asks for a convolution as one product of matrices.
#
# ```
# d2l-repro exercise start conv2d
# d2l-repro exercise check conv2d
# ```
