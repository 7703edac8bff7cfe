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
# # What helps against overfitting on MNIST, and how one would know
#
# Penalties, dropout, a moving average of the weights: each is explained, switched on, and measured by a
# number that can tell. On this data set, the test accuracy is not such a number.
#
# It follows a reader's article on TensorFlow experiments, redone in Gluon. The code is that of
# `chapters/mnist_regularization.py`. Each run takes 600 steps in place of the article's 30,000, all together
# less than a minute on two cores. Without MNIST, scikit-learn's digits stand in. The full run's numbers are
# at the end.

# %%
# %matplotlib inline
import inspect

from chapters import mnist_regularization as study
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options

hp = study.HParams(steps=600, num_evaluations=6)
hp

# %% [markdown]
# ## The baseline
#
# One hidden layer of 500 ReLUs has $784 \cdot 500 + 500 \cdot 10$ weights, 397,000, for 55,000 training
# images. It could memorize many of them. The article's net begins with four measures at once: an L2 penalty,
# a learning rate that falls by 1 % in each epoch, and a moving average of the parameters with which it is
# tested.

# %%
print(inspect.getsource(study.from_scratch))

# %% [markdown]
# ## Penalties
#
# The loss gets a term that grows with the weights:
#
# $$L + \frac{\lambda_2}{2} \sum_i w_i^2 + \lambda_1 \sum_i |w_i|.$$
#
# Their gradients are $\lambda_2 w$ and $\lambda_1 \operatorname{sign}(w)$. The first one pulls large weights
# strongly and small ones hardly at all, so it shrinks all of them and makes none 0. The second pulls each
# weight with the same force, until it is 0. The figure shows one weight that no data need, under each of the
# two, in steps of SGD.

# %%
lr, w2, w1 = 0.1, [1.0], [1.0]
for _ in range(60):
    w2.append(w2[-1] - lr * 0.5 * w2[-1])
    w1.append(w1[-1] - lr * 0.25 * (1 if w1[-1] > 0 else -1))
zero = next(step for step, w in enumerate(w1) if abs(w) < 1e-9)
plot.lines(
    {"L2": (range(61), w2), "L1": (range(61), w1)},
    "step",
    "weight",
    f"L1 takes a weight to 0 in {zero} steps; L2 shrinks it ever more slowly, after 60 to {w2[-1]:.2f}",
)

# %% [markdown]
# L1 reaches 0 and then jumps to and fro around it, by a step of $\eta \lambda_1$. That is why SGD with L1
# hardly ever leaves a weight at *exactly* 0. The chapter counts those below $10^{-4}$ as well, which is what
# one means by sparse.
#
# ## A moving average
#
# Late in training, SGD wanders around a minimum. The mean of its recent positions is closer to it than each
# of them:
#
# $$\bar p \leftarrow 0.99\, \bar p + 0.01\, p.$$
#
# It reaches back about a hundred steps, and costs a copy of the parameters.

# %%
from d2l_repro.train.callbacks import MovingAverage

print(inspect.getsource(MovingAverage))

# %% [markdown]
# ## Five variants

# %%
wanted = (study.BASELINE, "no regularizer", "L2 1e-3", "L1 1e-4", "dropout only")
chosen = [
    run
    for runs in study.comparisons(hp).values()
    for run in runs
    if run.impl == "gluon" and run.variant in wanted
]
runs = {run.variant: study.chapter.train_run(run) for run in chosen}
data = study.chapter.data(chosen[0].hp, Options())
columns = ("train_loss", "batch_loss", "test_acc", "mean_weight", "tiny_share")
table({"variant": name, **{m: run.metrics[m] for m in columns}} for name, run in runs.items())

# %%
labels = {
    study.BASELINE: "L2 1e-4 (baseline)",
    "no regularizer": "no penalty",
    "dropout only": "dropout, no penalty",
}
last = {column: [run.history[-1][column] for run in runs.values()] for column in ("batch_loss", "valid_acc")}
plot.comparison(
    {labels.get(name, name): run for name, run in runs.items()},
    f"Five variants after {hp.steps} steps: losses with penalty differ by a factor of "
    f"{max(last['batch_loss']) / min(last['batch_loss']):.0f}, validation accuracies by "
    f"{100 * (max(last['valid_acc']) - min(last['valid_acc'])):.1f} points",
    tuple(last),
    winner=False,
    has_curves=False,
)

# %% [markdown]
# The test accuracies are close together. The other columns are not. `batch_loss` is the loss of the last
# batch with the penalty, `mean_weight` the mean absolute weight, `tiny_share` the share of weights below
# $10^{-4}$. A flag that is ignored, a penalty without its half, a mask in the wrong layer would all show
# there, and not in the accuracy.
#
# ## Is 0.1 points a difference?
#
# With 10,000 test images and an accuracy of 0.98, the accuracy of one and the same net on another test set
# would differ by
#
# $$\sqrt{\frac{0.98 \cdot 0.02}{10{,}000}} = 0.0014,$$
#
# 0.14 points in the standard deviation. Other initial weights add to that. The article compares single runs
# that differ by 0.1 to 0.3 points. The chapter can repeat each variant with several seeds (`--seeds 5`),
# compares seed by seed, and gives an interval. Four of eleven of the article's conclusions held in this way.
#
# Here are three seeds of two variants after 600 steps, to see how much a seed decides:

# %%
by_name = {run.variant: run for run in chosen}
seeds = {
    name: [study.chapter.train_run(by_name[name], seed=seed).metrics["test_acc"] for seed in range(3)]
    for name in (study.BASELINE, "no regularizer")
}
base, bare = seeds.values()
between = 100 * abs(sum(base) - sum(bare)) / len(base)
within = 100 * max(max(values) - min(values) for values in seeds.values())
plot.intervals(
    {labels[name]: (values, None) for name, values in seeds.items()},
    "test accuracy",
    f"The means of the variants are {between:.2f} points apart, seeds of one variant up to {within:.2f}",
    least=0.02,
)

# %% [markdown]
# ## What was published
#
# The full run has 30,000 steps. The losses tell the variants apart by powers of ten.

# %%
published_table("mnist_regularization", runs=[f"gluon {name}" for name in wanted])

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Orders of magnitude.** The article estimates that half the sum of the squared weights is 1,000 to
# 10,000, and chooses $\lambda_2$ accordingly. The initial weights are N(0, 0.1), and there are 397,000. What
# is half of the sum of their squares at the start? And after 600 steps?

# %% tags=["skip-execution"]
setting = by_name[study.BASELINE].hp
fresh = study.from_scratch(setting, data)
print("before:", study.penalty(fresh, 1, 0).asscalar(), "after:", runs[study.BASELINE].metrics["half_square"])

# %% [markdown]
# **2. Sigmoids instead of ReLUs.** The slope of the sigmoid is at most $1/4$. Is the net with sigmoids behind
# after 600 steps? And is its loss larger for that reason, or because of the penalty?

# %% tags=["skip-execution"]
for run in study.comparisons(hp)["Activations"]:
    if run.impl == "gluon" and run.variant in ("sigmoid", "tanh"):
        found = study.chapter.train_run(run).metrics
        print(run.variant, {name: found[name] for name in ("train_loss", "batch_loss", "test_acc")})

# %% [markdown]
# ## Exercise
#
# `l2_penalty` asks for the penalty, `dropout` for the masks, `schedule` for a learning rate that changes.
#
# ```
# d2l-repro exercise start l2_penalty
# d2l-repro exercise check l2_penalty
# ```
