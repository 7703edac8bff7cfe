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
# # Radial basis functions
#
# A hidden unit that measures the distance from a centre of its own, instead of weighting its inputs. The
# notebook compares ways to choose the centres, solves the last layer exactly, and tests two claims that are
# often made for such nets.
#
# It follows a reader's article on TensorFlow experiments, redone in Gluon. The code is that of
# `chapters/rbf_network.py`. It needs no data files and takes some ten seconds.

# %%
# %matplotlib inline
import inspect

from chapters import rbf_network
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import table
from d2l_repro.settings import Options

hp = rbf_network.HParams()
hp

# %% [markdown]
# ## Bumps instead of half-planes
#
# A unit of a perceptron computes $\tanh(x \cdot w + b)$. It is nearly constant on either side of a line and
# acts on half of the space. A radial basis function depends on the distance from a centre $c$ only:
#
# $$\hat y = \sum_{k=1}^{8} w_k\, \varphi\big( \lVert x - c_k \rVert \big) + b.$$
#
# Three usual shapes, each with a width $s$:
#
# $$\varphi(r) = e^{-r^2 / 2 s^2}, \qquad \varphi(r) = \frac{1}{1 + e^{r^2 / s^2}}, \qquad
# \varphi(r) = \frac{1}{\sqrt{r^2 + s^2}}.$$

# %%
import numpy as np
from mxnet import nd

from d2l_repro.scratch.rbf import BASES

r = np.linspace(0, 5, 201)
shapes = {name: (r, basis(nd, nd.array(r**2), nd.ones(1)).asnumpy()) for name, basis in BASES.items()}
plot.lines(shapes, "distance from the centre", "output", rbf_network.BASES_TITLE)

# %%
from d2l_repro.scratch.rbf import rbf

print(inspect.getsource(rbf))
print(inspect.getsource(rbf_network.from_scratch))

# %% [markdown]
# Widths are learned as logarithms. A width must be positive, and $e^u$ is positive for any $u$, so no step
# can leave the allowed range.
#
# ## Where should the centres be?
#
# Four ways, in order of effort. *Random*: eight training examples. *k-means*: the means of eight clusters of
# the inputs, found without looking at a label. *OLS*, orthogonal least squares: the examples that explain
# most of the labels, one by one. *Learned*: from the random ones, by gradient descent, the widths as well.
#
# OLS deserves a closer look. Let $\Phi$ be the outputs of all candidates, a column for each. The first choice
# is the column $q$ that explains most of the labels, by the largest
#
# $$\frac{(q^\top y)^2}{q^\top q}.$$
#
# Then all other columns are made orthogonal to it, $v \leftarrow v - q\, (q^\top v) / (q^\top q)$, and the
# next choice is made among what is left. What two columns have in common is thus counted once.

# %%
from d2l_repro.scratch.rbf import orthogonal_least_squares

print(inspect.getsource(orthogonal_least_squares))

# %% [markdown]
# ## A curve
#
# The curve is $y = \sin x + x/3$ from -6 to 6, with a little noise, and 160 examples. Gaussians are trained
# with all four choices of centres, and a perceptron of as many parameters beside them.

# %%
chosen = [
    run
    for run in rbf_network.runs(hp)
    if run.impl == "gluon" and run.variant in [f"sine gaussian {how}" for how in rbf_network.CENTRES]
]
runs = {run.hp.centres: rbf_network.chapter.train_run(run) for run in chosen}
perceptron = next(run for run in rbf_network.runs(hp) if run.impl == "gluon" and run.variant == "sine mlp")
runs["perceptron"] = rbf_network.chapter.train_run(perceptron)
losses = {how: (run.history["epoch"], run.history["test_loss"]) for how, run in runs.items()}
bound = losses["perceptron"][1][-1]
ahead = [how for how, (_, loss) in losses.items() if loss[-1] < bound / 2]
title = f"Centres by {', '.join(ahead)}: a test loss below half the perceptron's {bound:.2g}"
plot.lines(losses, f"epoch of {hp.steps} steps", "test loss", title, logy=True)

# %%
sets = rbf_network.points("sine", hp.noise, 0)
nets = {("gaussian", how): run for how, run in runs.items() if how != "perceptron"}
rbf_network.fits(nets, sets, "A curve")

# %% [markdown]
# Below the curves are the centres. Where random centres leave a gap, the net cannot follow the curve. k-means
# spreads them. OLS picks them where the curve needs them.
#
# With fixed centres, the last layer is a linear regression, and its best weights are known exactly. How close
# does gradient descent come?

# %%
table(
    {
        "centres": how,
        "train_loss": run.metrics["train_loss"],
        "least squares": "-"
        if how in ("learned", "perceptron")
        else rbf_network.least_squares(run, "gaussian", sets[0]),
        "test_loss": run.metrics["test_loss"],
    }
    for how, run in runs.items()
)

# %% [markdown]
# Where centres crowd, their columns are nearly the same. The best weights are then large numbers of opposite
# signs, and gradient descent needs very long to find them. That is what *ill-conditioned* means.
#
# ## Two moons
#
# The same nets as classifiers, on two interleaved half circles:

# %%
moons = {
    run.hp.centres: rbf_network.chapter.train_run(run)
    for run in rbf_network.runs(hp)
    if run.impl == "gluon" and run.variant in [f"moons gaussian {how}" for how in rbf_network.CENTRES]
}
moon_sets = rbf_network.points("moons", hp.noise, 0)
shares = [run.metrics["test_acc"] for run in moons.values()]
rbf_network.regions(
    {("gaussian", how): run for how, run in moons.items()},
    moon_sets,
    f"Two moons by gaussians: wherever the centres are, {min(shares):.0%} to {max(shares):.0%} are right",
)

# %% [markdown]
# ## Two claims
#
# The article says that such nets learn better than perceptrons, since they do not start at random. And it
# says that only few parameters move an output, since each bump is local. Both can be measured. The table has
# the share of outputs that a small change of one parameter moves, on average over all parameters.

# %%
X = sets[0][0]
table(
    {
        "net": name,
        "test_loss": runs[name].metrics["test_loss"],
        "moved": f"{100 * rbf_network.moved_share(runs[name].model, X):.0f} %",
    }
    for name in ("learned", "k-means", "random", "perceptron")
)

# %% [markdown]
# With widths as large as the distance between neighbours, bumps overlap a lot, and a parameter moves about as
# many outputs as one of a perceptron does. Local they would be with narrow bumps, and then eight of them
# would not cover the curve. As for the first claim, the centres matter more than the kind of unit.
#
# From scratch and with Gluon, the steps are the same:

# %%
from d2l_repro.verify.parity import same_path

setting = next(run.hp for run in chosen if run.hp.centres == "learned")
data = rbf_network.data(setting, Options())
pair = (rbf_network.from_scratch(setting, data), rbf_network.with_gluon(setting, data))
print(same_path(*pair, data.train_iter, setting.batch_size))

# %% [markdown]
# ## What was published
#
# The article describes these nets and prints no numbers, so there is nothing to compare. Its two claims are
# all that can be tested, and that was done above.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Narrow bumps.** Take widths of a fifth of the spacing. The claim about few moved outputs should then be
# true. What becomes of the loss between the centres?

# %% tags=["skip-execution"]
narrow = rbf_network.chapter.train_run(
    next(run for run in rbf_network.runs(hp.replace(width=0.2)) if run.label == "gluon sine gaussian k-means")
)
moved = rbf_network.moved_share(narrow.model, X)
print(f"moved: {100 * moved:.0f} %, test loss {narrow.metrics['test_loss']:.4f}")
rbf_network.fits({("gaussian", "k-means"): narrow}, sets, "Narrow bumps")

# %% [markdown]
# **2. Is k-means better than luck?** Eight seeds draw other examples and other centres. In how many of them
# does k-means end with a smaller test loss than random centres?

# %% tags=["skip-execution"]
by_name = {run.label: run for run in rbf_network.runs(hp)}
wins = 0
for seed in range(8):
    random, means = (
        rbf_network.chapter.train_run(by_name[f"gluon sine gaussian {how}"], seed=seed).metrics["test_loss"]
        for how in ("random", "k-means")
    )
    wins += means < random
print(f"k-means is better in {wins} of 8")
