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
# # Dropout in training and in testing
#
# Units that are dropped at random while a net is trained keep the others from relying on them. The notebook
# looks at what happens to a single activation, at why testing needs no correction, and at what five epochs on
# Fashion-MNIST can show of it.
#
# *Dive into Deep Learning*, first edition, section 3.13. The code is that of `chapters/dropout.py`. With
# Fashion-MNIST it takes about a minute on two cores. Without it, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import dropout
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = dropout.HParams()
hp

# %% [markdown]
# ## A mask and a factor
#
# Let $h$ be an activation and $p$ the probability of dropping it. In training, dropout replaces it by
#
# $$h' = \frac{m}{1 - p}\, h, \qquad m = \begin{cases} 0 & \text{with probability } p \\
# 1 & \text{with probability } 1 - p. \end{cases}$$
#
# The expectation of $m$ is $1 - p$, so that of $h'$ is $h$. The next layer gets, on average, what it would
# get without dropout. That is the reason for the factor, and the reason why in testing nothing has to be
# done: $h' = h$. The variance does change,
#
# $$\operatorname{Var}(h') = \frac{p}{1 - p}\, h^2,$$
#
# and this noise is what a net has to cope with. A unit cannot count on any particular other unit.

# %%
from d2l_repro.scratch import dropout as drop

print(inspect.getsource(drop))

# %% [markdown]
# `autograd.is_training()` is true inside `autograd.record()`. So the function knows by itself whether it is
# used in training or in testing.

# %%
from mxnet import autograd, nd

seed_everything(0)
h = nd.ones((1000, 1000))
rows = [{"p": 0.5, "mode": "testing", "mean": h.mean().asscalar().item(), "variance": 0.0, "zeros": 0.0}]
for p in (0.2, 0.5, 0.8):
    with autograd.train_mode():
        dropped = drop(h, p)
    mean = dropped.mean().asscalar().item()
    variance = ((dropped - mean) ** 2).mean().asscalar().item()
    zeros = (dropped == 0).mean().asscalar().item()
    rows.append({"p": p, "mode": "training", "mean": mean, "variance": variance, "zeros": zeros})
table(rows)

# %% [markdown]
# The means stay at 1, and the variances are those of the formula: 0.25, 1 and 4.
#
# The gradient passes through the same mask, with the same factor: a dropped unit gets no gradient in that
# step.
#
# ## The net
#
# Two hidden layers of 256 units, and dropout after each. The book drops few units near the input, 20 %, and
# many near the output, 50 %.

# %%
print(inspect.getsource(dropout.from_scratch))

# %% [markdown]
# With Gluon, dropout is a layer:

# %%
print(inspect.getsource(dropout.with_gluon))

# %% [markdown]
# ## Training
#
# Nothing is new in the training call: the net brings its dropout along. Four runs are trained for five epochs
# each: the book's net in both implementations, and from Gluon the same net without dropout and with the two
# probabilities exchanged.

# %%
wanted = ("scratch", "gluon", "gluon no dropout", "gluon exchanged")
runs = {run.label: dropout.chapter.train_run(run) for run in dropout.runs(hp) if run.label in wanted}
data = dropout.data(hp, Options())
print(runs["scratch"].history)

# %%
dropout.draw_gaps({run.variant: run for name, run in runs.items() if name != "scratch"}, "with Gluon")

# %% [markdown]
# The training accuracy with dropout is the lower one, and often below the test accuracy. That is not a
# mistake. The training accuracy is measured while units are dropped, the test accuracy with all of them. A
# gap between the two that is negative is the mark of a net that is trained with one hand tied.

# %%
table(
    {
        "run": name,
        "train_acc": run.metrics["train_acc"],
        "test_acc": run.metrics["test_acc"],
        "gap": run.metrics["train_acc"] - run.metrics["test_acc"],
    }
    for name, run in runs.items()
)

# %% [markdown]
# Is the net with dropout better in testing? After five epochs it is not, and it should not be expected to be.
# Dropout is a remedy for overfitting, and nothing overfits in five epochs of 60,000 images. The gap is what
# to look at: it would have to grow first.
#
# The two implementations draw different masks, so they cannot take the same steps. What can be compared
# exactly is the net without dropout, and the outputs in testing:

# %%
from d2l_repro.verify.parity import same_in_testing, same_path

none = hp.replace(drop_prob1=0.0, drop_prob2=0.0)
pair = (dropout.from_scratch(none, data), dropout.with_gluon(none, data))
print(same_path(*pair, data.train_iter, hp.batch_size, steps=5))
pair = (dropout.from_scratch(hp, data), dropout.with_gluon(hp, data))
print(same_in_testing(*pair, data.train_iter))

# %% [markdown]
# ## What was published

# %%
published_table("dropout", {name: run.metrics for name, run in runs.items()}, on=data.name)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Dropout in testing, too.** A common mistake is a mask that is drawn in testing as well. What does it
# cost? Guess how many points of test accuracy, and whether the answer is the same each time you run the cell.

# %% tags=["skip-execution"]
from d2l_repro.scratch import accuracy

model = runs["scratch"].model
X, y = next(iter(data.test_iter))
with autograd.train_mode():
    masked = model.net(X)
print(f"{accuracy(model.net(X), y):.3f} as it should be, {accuracy(masked, y):.3f} with a mask in testing")

# %% [markdown]
# **2. Little data.** Overfitting comes with few examples. Train both nets on the first 1,000 images only, 60
# times as long. Which of the two has the higher training accuracy now, and which the higher test accuracy?

# %% tags=["skip-execution"]
from d2l_repro.data.loader import Minibatches

X, y = data.source.train
for name, settings in {"dropout": hp, "none": none}.items():
    seed_everything(0)
    small = dropout.data(settings, Options())
    small.train_iter = Minibatches(X[:1000], y[:1000], 256, seed=0)
    net = dropout.with_gluon(settings, small)
    print(name, dropout.train(net, small, settings.replace(num_epochs=60)).last_numbers())

# %% [markdown]
# ## Exercise
#
# `dropout` asks for the function above, mask, factor and mode.
#
# ```
# d2l-repro exercise start dropout
# d2l-repro exercise check dropout
# ```
