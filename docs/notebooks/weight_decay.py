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
# # Weight decay against memorizing
#
# A linear model with 200 weights memorizes 20 examples and predicts nothing; a penalty on its weights gives
# the predictions back. The notebook shows what the penalty does to a single step, why from scratch it stands
# in the loss and with Gluon in the optimizer, and where a small test loss can deceive.
#
# *Dive into Deep Learning*, first edition, section 3.12. The code is that of `chapters/weight_decay.py`. It
# needs no data files and takes some ten seconds.

# %%
# %matplotlib inline
import inspect

from chapters import weight_decay
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = weight_decay.HParams()
hp

# %% [markdown]
# ## More weights than examples
#
# The labels depend on 200 features, on each of them very little:
#
# $$y = 0.05 + \sum_{i=1}^{200} 0.01\, x_i + \epsilon, \qquad \epsilon \sim \mathcal N(0, 0.01^2).$$
#
# There are only 20 training examples. Twenty equations do not determine 200 weights. The weights that fit all
# examples exactly form a space of 180 dimensions, and almost all of them are far from the truth.

# %%
seed_everything(0)
data = weight_decay.data(hp, Options())
(X, y), (X_test, y_test) = data.source
X.shape, X_test.shape

# %% [markdown]
# The true weights have a norm of $\sqrt{200 \cdot 0.01^2} \approx 0.14$. The model starts from weights with a
# standard deviation of 1, whose norm is about $\sqrt{200} \approx 14$, a hundred times too large. Each step
# of SGD moves $w$ by a multiple of some $x_i$. So $w$ never leaves the 20-dimensional space that the training
# examples span, shifted to where it began. In the other 180 directions the initial weights stay as they are,
# and spoil every prediction.
#
# ## The penalty
#
# Weight decay adds the squared norm of the weights to the loss:
#
# $$L(w, b) + \frac{\lambda}{2} \lVert w \rVert^2, \qquad
# \nabla_w \Big( \frac{\lambda}{2} \lVert w \rVert^2 \Big) = \lambda w.$$
#
# A step of SGD becomes
#
# $$w \leftarrow w - \eta\, (\nabla_w L + \lambda w) = (1 - \eta \lambda)\, w - \eta\, \nabla_w L.$$
#
# Before the usual step, all weights shrink by the same factor, here $1 - 0.003 \cdot 3 = 0.991$. In 77 steps
# they halve, unless the data hold against it. The bias is left alone: it shifts all predictions, and does not
# make the model more complex.
#
# From scratch, the penalty is a term of the loss, and autograd does the rest:

# %%
from d2l_repro.scratch import l2_penalty

print(inspect.getsource(l2_penalty))
print(inspect.getsource(weight_decay.from_scratch))

# %% [markdown]
# Gluon's trainer has the shrinking built in. `wd` applies to every parameter, so the bias gets a multiplier
# of 0:

# %%
print(inspect.getsource(weight_decay.with_gluon))

# %% [markdown]
# For plain SGD both are the same step. For optimizers that rescale the gradient, such as Adam, they are not.
# There the two ways have different names, L2 regularization and decoupled weight decay.

# %%
from d2l_repro.verify.parity import same_path

pair = (weight_decay.from_scratch(hp, data), weight_decay.with_gluon(hp, data))
print(same_path(*pair, data.train_iter, hp.batch_size))

# %% [markdown]
# ## Training without and with decay
#
# The batch size is 1, so that an epoch has 20 steps. The losses that are measured do not contain the penalty;
# otherwise the two runs could not be compared.

# %%
runs = [weight_decay.chapter.train_run(run) for run in weight_decay.runs(hp)]
table(
    {"run": run.name, **{name: run.metrics[name] for name in ("train_loss", "test_loss", "l2_norm_w")}}
    for run in runs
)

# %%
weight_decay.draw_losses(runs)

# %% [markdown]
# Without decay the training loss falls to almost nothing while the test loss hardly moves. That is
# overfitting in its purest form. With decay the training loss stops much earlier, since the penalty pulls the
# other way, and the test loss falls by several powers of ten.
#
# Is the model with decay good, then? Compare its test loss with that of a model that has learned nothing at
# all: all weights 0, and the mean label as bias.

# %%
nothing = ((y_test - y.mean()) ** 2).mean().asscalar().item() / 2
table(
    [
        {"model": "lambda=3", "test_loss": runs[1].metrics["test_loss"]},
        {"model": "constant", "test_loss": nothing},
    ]
)

# %% [markdown]
# Most of the gain comes from weights that were drawn much too large and are now gone. That is worth knowing
# before one praises the penalty: it repairs the initial weights as much as it prevents overfitting.
#
# The norm has a second use: a model without decay that was never trained has a norm of about 14 as well. A
# published norm of 11 to 15 therefore says little unless the random stream is the same. On Linux it is, and
# the first row below is compared to seven digits.
#
# ## What was published

# %%
published_table("weight_decay", {run.name: run.metrics for run in runs})

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Smaller initial weights.** Leave the decay out and start from weights with a standard deviation of 0.01
# instead of 1. Will the test loss be closer to that of no decay, or closer to that of $\lambda = 3$?

# %% tags=["skip-execution"]
small = weight_decay.run(weight_decay.HParams(sigma=0.01), impl="scratch", only=("lambda=0",))
small.find("scratch", "lambda=0").metrics

# %% [markdown]
# **2. Too much decay.** With $\lambda = 300$ the factor before each step is $1 - \eta\lambda = 0.1$. With 700
# it is -1.1. What does each of the two runs do? Think of the factor alone before you run it.

# %% tags=["skip-execution"]
for strength in (300.0, 700.0):
    strong = weight_decay.run(
        weight_decay.HParams(wd=strength), impl="scratch", only=(f"lambda={strength:g}",)
    )
    run = strong.find("scratch", f"lambda={strength:g}")
    print(strength, run.status.value, run.message or run.metrics)

# %% [markdown]
# ## Exercise
#
# `l2_penalty` asks for the penalty and its gradient.
#
# ```
# d2l-repro exercise start l2_penalty
# d2l-repro exercise check l2_penalty
# ```
