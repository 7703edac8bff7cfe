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
# # Where a gradient goes on its way back
#
# In a net of five layers, the first layer's gradient can be ten powers of ten smaller than the last one's, or
# exactly 0, or too large. The notebook measures the norm layer by layer, takes the factor apart, and tries
# the usual remedies.
#
# It follows the second part of a reader's article on two moons, initialization and vanishing gradients. The
# code is that of `chapters/vanishing_gradients.py`. It needs no data files and takes some ten seconds.

# %%
# %matplotlib inline
import inspect

from chapters import vanishing_gradients
from d2l_repro.results import plot
from d2l_repro.results.run import RunResult
from d2l_repro.results.walkthrough import published_table, table

hp = vanishing_gradients.HParams()
hp

# %% [markdown]
# ## A product of factors
#
# Layer $l$ computes $z_l = h_{l-1} W_l + b_l$ and $h_l = \sigma(z_l)$. The gradient of the loss travels the
# other way. With $\delta_l = \partial \ell / \partial z_l$,
#
# $$\delta_{l-1} = \big( \delta_l W_l^\top \big) \odot \sigma'(z_{l-1}), \qquad
# \nabla W_l = h_{l-1}^\top \delta_l.$$
#
# Each layer multiplies by its weights and by the slope of the activation. Four such factors lie between the
# last layer and the first. Two things can make a factor small, and the net of this chapter has both at once:
# weights from N(0, 0.01), and the sigmoid, whose slope is at most $1/4$. It has layers of 2-3-3-3-3-1 units,
# and all biases start at 1.

# %%
print(inspect.getsource(vanishing_gradients.from_scratch))

# %% [markdown]
# ## One step, eight activations
#
# One gradient step on all training examples, and the norm of the gradient of each weight matrix:

# %%
tables = vanishing_gradients.comparisons(hp)


def norms_of(title):
    runs = [run for run in tables[title] if run.impl == "scratch"]
    return {run.variant: vanishing_gradients.chapter.train_run(run) for run in runs}


def draw(runs, title):
    return vanishing_gradients.norms_figure(title, vanishing_gradients.norms_of(runs))


small = norms_of("Small weights")
draw(small, "Weights from N(0, 0.01), biases of 1")

# %% [markdown]
# The lines are straight on a logarithmic axis, so each layer has about the same factor. Which part of it is
# whose? With ReLU and biases of 1 nearly every unit is on, and the slope is 1. What is left is the factor of
# the weights: each $\delta$ is a sum over three units with weights of about 0.01. The sigmoid at 1 has a
# slope of 0.197, so it adds another factor of five per layer.

# %%
factors = {
    name: [run.metrics[f"norm_{i + 1}"] / run.metrics[f"norm_{i}"] for i in range(1, 5)]
    for name, run in small.items()
    if name in ("sigmoid", "relu")
}
table(
    {
        "factor between layers": f"{i} and {i + 1}",
        "sigmoid": factors["sigmoid"][i - 1],
        "relu": factors["relu"][i - 1],
    }
    for i in range(1, 5)
)

# %% [markdown]
# Replacing the sigmoid by ReLU is the advice that everybody knows. Here it is the smaller part of the cure:
# the weights are to blame for most of it.
#
# ## Dead units
#
# With biases of -8 every sum $z$ is negative. A ReLU then gives 0 for every example, and its slope is 0. No
# gradient passes, not even a small one, and nothing but the last bias can ever change. Leaky ReLU has a slope
# of 0.01 below 0, so something passes. ELU, $e^x - 1$ below 0, has the slope $e^{-8}$ there, which is next to
# nothing.

# %%
dead = norms_of("Biases of -8")
draw(dead, "Biases of -8")

# %% [markdown]
# The article calls the gradient of leaky ReLU normal. Compare it with that of the sigmoid above, which it
# calls vanished.
#
# ## Remedies
#
# Weights of a suitable size come first. Xavier's and He's variances are made so that the product of weights
# and slope is about 1. Batch normalization works on $z$ itself: whatever the weights, it brings $z$ to mean 0
# and variance 1, and its backward pass divides by the same deviation by which the forward pass does.

# %%
uncured = {vanishing_gradients.UNCURED.format("sigmoid"): small["sigmoid"]}
draw({**norms_of("Remedies"), **uncured}, "Biases of 0, and larger weights or batch normalization")

# %% [markdown]
# A healthy gradient is no proof that a net learns. So some of them are trained for a thousand steps.

# %%
import numpy as np

from d2l_repro.results.history import History


def running_median(run, steps=25):
    """Return a run with the medians of every 25 steps, without which jumps would hide the other lines."""
    columns = ("epoch", "train_loss", "valid_acc")
    rows = [run.history[i : i + steps] for i in range(0, len(run.history), steps)]
    history = [{name: float(np.median([row[name] for row in part])) for name in columns} for part in rows]
    return RunResult(run.impl, run.variant, run.seed, History(history))


remedies = {
    "sigmoid, trained": "no remedy",
    "sigmoid, xavier, trained": "Xavier's weights",
    "sigmoid, batch norm, trained": "batch normalization",
    "relu, he, trained": "ReLU with He's weights",
}
trained = {
    remedies[run.variant]: vanishing_gradients.chapter.train_run(run)
    for run in tables["Trained"]
    if run.impl == "gluon" and run.variant in remedies
}
last = {name: run.history[-1]["train_loss"] for name, run in trained.items()}
learned = [f"{name} ({loss:.2f})" for name, loss in last.items() if loss < np.log(2) / 2]
found = f"only {' and '.join(learned)}" if learned else "no net"
calm = {name: running_median(run) for name, run in trained.items()}
plot.comparison(
    calm,
    f"In {hp.num_epochs} steps {found} brought the loss down; "
    f"others stayed at the {np.log(2):.2f} of guessing",
    ("train_loss", "valid_acc"),
    "step (medians of 25)",
    chance=0.5,
    winner=False,
    side_by_side=1,
)

# %% [markdown]
# Small weights and sigmoids stay at a loss of $\log 2$, that of guessing. Xavier's weights make the gradient
# of the first layer millions of times larger, and still the loss hardly moves in a thousand steps. Batch
# normalization and He's weights with ReLU do learn.
#
# ## Too large is a problem, too
#
# With weights from N(0, 5), the factors are above 1, and the gradient explodes instead. Clipping scales it
# back to a norm of at most 1,
#
# $$g \leftarrow \min\Big( 1, \frac{1}{\lVert g \rVert} \Big)\, g,$$
#
# over all parameters together, so that the direction stays. It cures the step, not the weights that made it.

# %%
large = norms_of("Large weights")
draw(large, "Weights from N(0, 5)")

# %% [markdown]
# ## What was published
#
# The article prints gradients of single runs. Random weights differ from run to run, and with five layers the
# norms of the first one differ by powers of ten. That is why the intervals of our seeds are so wide.

# %%
own = {f"scratch {name}": run.metrics for name, run in {**small, **dead}.items()}
shown = ("scratch sigmoid", "scratch relu", "scratch leaky relu, bias -8")
norms = [f"norm_{i}" for i in vanishing_gradients.LAYERS]
published_table("vanishing_gradients", own, runs=shown, metrics=norms)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Larger weights for the sigmoid.** The factor per layer is that of the weights times at most $1/4$. Can
# weights from N(0, 1) make it close to 1? And from N(0, 3)? A larger weight also makes $z$ larger.

# %% tags=["skip-execution"]
from d2l_repro.experiment.chapter import Run

base = next(run.hp for run in tables["Small weights"] if run.variant == "sigmoid").replace(bias=0.0)
wider = {
    f"sigmoid, N(0, {sigma:g})": vanishing_gradients.chapter.train_run(
        Run("scratch", f"sigma {sigma:g}", vanishing_gradients.from_scratch, base.replace(sigma=sigma))
    )
    for sigma in (0.01, 1.0, 3.0, 10.0)
}
draw(wider, "The sigmoid with larger and larger weights")

# %% [markdown]
# **2. Adam against small gradients.** Adam divides each gradient by its own recent size. So a gradient of
# $10^{-11}$ should be as good as one of 1. Does the net of sigmoids with small weights learn with Adam? What
# does the loss say?

# %% tags=["skip-execution"]
adam = {
    run.variant: vanishing_gradients.chapter.train_run(run)
    for run in tables["Trained"]
    if run.impl == "gluon" and run.variant.endswith("Adam, trained")
}
plot.comparison(adam, "Small weights, with Adam", ("train_loss", "valid_acc"), "step", chance=0.5)

# %% [markdown]
# ## Exercise
#
# `mlp_backward` asks for the gradients of a net with one hidden layer, and `batch_norm_backward` for those of
# batch normalization.
#
# ```
# d2l-repro exercise start mlp_backward
# d2l-repro exercise check mlp_backward
# ```
