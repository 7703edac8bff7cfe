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
# # Batch normalization
#
# The outputs of a layer are shifted and scaled to mean 0 and variance 1 over the batch, before the
# activation. The notebook normalizes a batch by hand, derives the gradient, trains a LeNet with sigmoids
# that hardly learns without, and shows why a net can be good in training and poor in testing.
#
# *Dive into Deep Learning*, first edition, section 5.10. The code is that of `chapters/batch_norm.py`. It
# trains on the first 6,000 images of Fashion-MNIST. Without these files, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import batch_norm
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = batch_norm.HParams(num_epochs=3)
hp

# %% [markdown]
# ## By hand
#
# For each unit, or for each channel of a convolution, mean $\mu$ and variance $\sigma^2$ are taken over the
# batch, of a channel over all pixels too:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat x + \beta.$$
#
# Scale $\gamma$ and shift $\beta$ are learned. If normalizing were harmful, they could undo it.

# %%
from mxnet import autograd, nd

from d2l_repro.scratch.layers import BatchNorm

seed_everything(0)
layer = BatchNorm(nd.ones(2), nd.zeros(2))
X = nd.random.normal(loc=3, scale=2, shape=(16, 2, 4, 4))
with autograd.train_mode():
    Y = layer.forward(X)
for name, array in (("before", X), ("after", Y)):
    flat = array.transpose((1, 0, 2, 3)).reshape((2, -1)).asnumpy()
    print(name, "mean", flat.mean(axis=1).round(3), "std", flat.std(axis=1).round(3))

# %% [markdown]
# In testing there may be a single image. So running averages of $\mu$ and $\sigma^2$ are kept while training,
# and used then. The gradient has three terms, since $\mu$ and $\sigma$ depend on $x$ too:
#
# $$\frac{\partial L}{\partial x} = \frac{1}{\sigma} \Big( \hat d - \overline{\hat d} -
# \hat x\, \overline{\hat x \hat d} \Big), \qquad \hat d = \gamma \frac{\partial L}{\partial y}.$$

# %%
print(inspect.getsource(BatchNorm.forward))
print(inspect.getsource(BatchNorm.__mro__[1].backward))

# %% [markdown]
# Is it right? Central differences say so:

# %%
from d2l_repro.verify.gradcheck import check_layer

seed_everything(0)
drawn = [nd.random.normal(shape=shape, dtype="float64") for shape in ((2,), (2,), (3, 2, 2, 2))]
check_layer(BatchNorm(*drawn[:2]), drawn[2])

# %% [markdown]
# ## LeNet with and without
#
# Two convolutions and three dense layers with sigmoids, whose slope is at most 1/4. Without normalization the
# signal that arrives at the last layer is nearly the same for all images, and the loss stays at $\log 10$ for
# hundreds of steps.

# %%
print(inspect.getsource(batch_norm.from_scratch))

# %%
runs = {
    run.variant: batch_norm.chapter.train_run(run, quick=True)
    for run in batch_norm.runs(hp)
    if run.impl == "gluon"
}
data = batch_norm.data(hp, Options(quick=True))
named = {"with batch normalization": runs["batch norm"], "without": runs["no batch norm"]}
ends = [run.history[-1] for run in named.values()]
right = [
    f"{end['train_acc']:.0%} of the training and {end['test_acc']:.0%} of the test images" for end in ends
]
plot.comparison(
    named,
    f"After {hp.num_epochs} epochs with batch normalization, {right[0]} are right; without, {right[1]}",
    ("train_acc", "test_acc"),
    chance=0.1,
    winner=False,
)

# %% [markdown]
# Both implementations take the same steps:

# %%
from d2l_repro.verify.parity import same_path

run = batch_norm.runs(hp)[0].shortened()
small = batch_norm.data(run.hp, Options(quick=True))
pair = (batch_norm.from_scratch(run.hp, small), batch_norm.with_gluon(run.hp, small))
print(same_path(*pair, small.train_iter, run.hp.batch_size, steps=3))

# %% [markdown]
# ## Training mode and testing mode
#
# The running averages are those of the last some ten steps, in which the weights have moved. Of the same
# images, the net may therefore be right more often in training mode than in testing mode:

# %%
net = runs["batch norm"].model.net
X, y = (array[:1000] for array in data.source.train)
with autograd.train_mode():
    training = (net(X).argmax(axis=1) == y).mean().asscalar().item()
testing = (net(X).argmax(axis=1) == y).mean().asscalar().item()
table([{"mode": "training", "accuracy": training}, {"mode": "testing", "accuracy": testing}])

# %% [markdown]
# ## What was published
#
# The book prints loss and accuracies after each epoch. Its net from scratch ends at a test accuracy of 0.678,
# ten points below what it had two epochs before: at a learning rate of 1, that is a matter of chance.

# %%
published_table("batch_norm", metrics=["train_loss", "train_acc", "test_acc"])

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A batch of two.** With how many images in a batch does normalization stop being of use, and why?

# %% tags=["skip-execution"]
from dataclasses import replace

own = batch_norm.runs(batch_norm.HParams(num_epochs=1))[1]
for batch_size in (2, 8, 64, 256):
    lr = batch_size / 256
    run = replace(own, hp=own.hp.replace(batch_size=batch_size, lr=lr))
    print(batch_size, batch_norm.chapter.train_run(run, quick=True).metrics["test_acc"])

# %% [markdown]
# **2. A smaller learning rate.** Does the test accuracy still swing at 0.1, and how far does the net get?

# %% tags=["skip-execution"]
for lr in (0.1, 1.0):
    run = next(run for run in batch_norm.runs(hp.replace(lr=lr)) if run.label == "gluon batch norm")
    print(lr, batch_norm.chapter.train_run(run, quick=True).history["test_acc"])
