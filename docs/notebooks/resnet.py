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
# # Residual nets, and how deep is too deep
#
# More layers can do more, and yet they may be harder to train. The notebook builds a block with a shortcut,
# follows the gradient through nets of several depths, and trains them with and without shortcuts.
#
# *Dive into Deep Learning*, first edition, section 5.11. The code is that of `chapters/resnet.py`. It trains
# on the first 6,000 images of Fashion-MNIST. Without these files, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import resnet
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = resnet.HParams(study_channels=4, study_blocks=4)
hp

# %% [markdown]
# ## A shortcut
#
# Two convolutions compute $f(x)$, and the block returns
#
# $$y = \operatorname{ReLU}( f(x) + x ).$$
#
# If the best that a block can do is nothing, it has to learn $f = 0$, which is easy, and not the identity,
# which is hard for two convolutions. And on the way back,
#
# $$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial (f + x)}\, (1 + f'(x)),$$
#
# the 1 is there however small $f'$ is. Where the number of channels changes, a convolution of 1 x 1 pixel
# changes $x$ too.

# %%
from d2l_repro.scratch.layers import Residual

print(inspect.getsource(Residual.forward))
print(inspect.getsource(Residual.backward))
print(inspect.getsource(resnet.block))

# %% [markdown]
# ## The net
#
# Four stages of blocks. Each but the first halves height and width and doubles the channels. At the end the
# mean over all pixels is left of each channel, and one dense layer reads it.

# %%
from mxnet import nd

setting = resnet.Setting(num_channels=4)
data = resnet.data(setting, Options(quick=True))
net = resnet.from_scratch(setting, data).net
X, _ = next(iter(data.train_iter))
X, shapes = X[:2], []
for layer in net.layers:
    X = layer.forward(X)
    if type(layer).__name__ not in ("Activation", "BatchNorm"):
        shapes.append({"layer": type(layer).__name__, "output": str(X.shape)})
table(shapes)

# %% [markdown]
# ## The gradient by depth
#
# The norm of the gradient of the first convolution's weights, before any training, in nets of several depths.

# %%
from d2l_repro.train.loop import gradients_by_autograd

X, y = (array[:64] for array in next(iter(data.train_iter)))
norms = {"with shortcuts": [], "without shortcuts": []}
for net in resnet.study(hp).values():
    seed_everything(0)
    model = resnet.with_gluon(net, data)
    gradients_by_autograd(model.net, model.loss)(X, y)
    first = next(iter(model.params.values())).grad().norm().asscalar().item() / len(X)
    norms["with shortcuts" if net.shortcuts else "without shortcuts"].append((net.num_layers, first))
lines = {name: list(zip(*points)) for name, points in norms.items()}
(layers, first), (_, second) = (points[-1] for points in norms.values())
plot.lines(
    lines,
    "layers",
    "norm of the gradient\nw.r.t. the first weights",
    f"Before training, at {layers} layers: a gradient of {first:.2g} with shortcuts, {second:.2g} without",
    logx=True,
    logy=True,
)

# %% [markdown]
# Batch normalization keeps the signal at the same size, so that the gradient does not vanish even without
# shortcuts. If plain nets are hard to train, then not for that reason alone.
#
# ## Training
#
# One pass over 6,000 images each, which is far too little to learn much and enough to see who begins to.

# %%
studied = {
    run.variant: resnet.chapter.train_run(run, quick=True)
    for run in resnet.runs(hp)
    if run.variant in resnet.study(hp)
}
table(
    {"net": name, **{column.replace("_", " "): run.metrics[column] for column in ("train_loss", "train_acc")}}
    for name, run in studied.items()
)

# %% [markdown]
# Scratch and Gluon take the same steps, which a small net can show:

# %%
from d2l_repro.verify.parity import same_path

run = resnet.runs(hp)[0].shortened()
small = resnet.data(run.hp, Options(quick=True))
pair = (resnet.from_scratch(run.hp, small), resnet.with_gluon(run.hp, small))
print(same_path(*pair, small.train_iter, run.hp.batch_size, steps=3))

# %% [markdown]
# ## What was published
#
# The book trains ResNet-18 on images of 96 pixels and ends at a training accuracy of 0.962 after five
# epochs. The net here has a quarter of the channels and a twelfth of the pixels, so its numbers are not
# compared with the book's. What can be is the statement that more layers without shortcuts are worse at
# training.

# %%
published_table("resnet")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Blocks that begin as the identity.** Set the last $\gamma$ of every block to 0 before training, so that
# $f = 0$. Is the deepest net then as easy to train as the shallowest?

# %% tags=["skip-execution"]
deepest = [net for net in resnet.study(hp).values() if net.shortcuts][-1]
for start in (1, 0):
    seed_everything(0)
    model = resnet.with_gluon(deepest, data)
    model.net(X)
    for child in model.net:
        if isinstance(child, resnet.Block):
            child.layers[-1].gamma.set_data(nd.full(child.layers[-1].gamma.shape, start))
    print(start, resnet.train(model, data, deepest)[-1]["train_loss"])

# %% [markdown]
# **2. A larger learning rate.** The book takes 0.05. With which of 0.05, 0.2 and 0.8 does the deepest plain
# net learn at all?

# %% tags=["skip-execution"]
plain = [net for net in resnet.study(hp).values() if not net.shortcuts][-1]
for lr in (0.05, 0.2, 0.8):
    seed_everything(0)
    tried = plain.replace(lr=lr)
    print(lr, resnet.train(resnet.with_gluon(tried, data), data, tried)[-1]["train_loss"])
