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
# # Optimizers, side by side
#
# From plain SGD to Adam, each optimizer adds one idea to the one before it, and each idea is one line of
# code. The notebook follows them down a valley and off a saddle, trains softmax regression with six of them,
# and looks at what a published ranking depends on.
#
# It follows a reader's article on hand-written optimizers in MXNet, with the optimizers of sections 7.2 to
# 7.8 of *Dive into Deep Learning*, first edition. The code is that of `chapters/optimizers.py`. With
# Fashion-MNIST it takes less than a minute on two cores. Without it, scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import optimizers
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.scratch import optim
from d2l_repro.settings import Options

hp = optimizers.HParams(num_epochs=5)
hp

# %% [markdown]
# The chapter trains for 20 and 30 epochs. Five are enough to see the differences.
#
# ## The ideas, one at a time
#
# In all formulas $g$ is the gradient of a batch and $\eta$ the learning rate. **SGD** takes $p \leftarrow p -
# \eta g$. Its trouble is a long valley. Across the valley the gradient is large and changes its sign, along
# the valley it is small and keeps it. A learning rate that is safe across is slow along.
#
# **Momentum** adds up gradients in a velocity:
#
# $$v \leftarrow \rho v + \eta g, \qquad p \leftarrow p - v.$$
#
# Across, they cancel. Along, they add up to $1 / (1 - \rho)$ times a step, ten times with $\rho = 0.9$.

# %%
print(inspect.getsource(optim.Momentum.update))

# %% [markdown]
# **AdaGrad** gives each parameter a learning rate of its own. It divides by the root of the sum of all
# squared gradients so far:
#
# $$s \leftarrow s + g^2, \qquad p \leftarrow p - \frac{\eta}{\sqrt{s + \epsilon}}\, g.$$
#
# Now a step along the valley is as long as one across. But $s$ only grows, so all steps shrink for ever.
# **RMSProp** forgets: it replaces the sum by a moving average,
#
# $$s \leftarrow \gamma s + (1 - \gamma)\, g^2.$$

# %%
print(inspect.getsource(optim.AdaGrad.update))
print(inspect.getsource(optim.RMSProp.update))

# %% [markdown]
# **AdaDelta** also replaces $\eta$, by a moving average of the steps themselves. **Adam** is momentum and
# RMSProp at once:
#
# $$v \leftarrow \beta_1 v + (1 - \beta_1)\, g, \qquad s \leftarrow \beta_2 s + (1 - \beta_2)\, g^2, \qquad
# p \leftarrow p - \eta\, \frac{v / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}.$$
#
# Both averages start at 0 and are too small at first. After $t$ steps of equal gradients $g$, the first one
# is $(1 - \beta_1^t)\, g$. The denominators $1 - \beta^t$ correct exactly that; here $t$ counts steps.

# %%
print(inspect.getsource(optim.Adam))

# %% [markdown]
# ## Two surfaces
#
# Twenty steps each, down a valley whose floor is twenty times flatter than its walls, and along a saddle,
# from a point where the gradient leads almost straight into the saddle point.

# %%
optimizers.draw_surfaces()  # behind each name, its learning rate

# %% [markdown]
# In the valley plain SGD does well across and needs long for the last bit along it. On the saddle the
# downward direction has a tiny gradient at first. The optimizers that divide by its size notice it at once
# and leave; the others stay on the ridge.
#
# ## Softmax regression with six of them
#
# All share a cosine learning rate, which falls from its initial value to 0 along half a cosine. The initial
# values differ, since what they mean differs: for Adam it is the length of a step, for SGD a factor of the
# gradient.

# %%
wanted = ("sgd", "momentum", "adagrad", "rmsprop", "adadelta", "adam")
chosen = [
    run for run in optimizers.comparisons(hp)["Optimizers"] if run.impl == "scratch" and run.variant in wanted
]
seeds = {run.variant: [optimizers.chapter.train_run(run, seed=i) for i in range(3)] for run in chosen}
runs = {name: runs[0] for name, runs in seeds.items()}
data = optimizers.data(chosen[0].hp, Options())


# %%
def draw(runs, title, columns, seeds=None):
    names = {
        run.variant: f"{optimizers.NAMES.get(run.variant, run.variant)} ({run.hp.lr:g})" for run in chosen
    }
    named = {names.get(name, name): run for name, run in runs.items()}
    seeds = {names[name]: runs for name, runs in seeds.items()} if seeds else None
    return plot.comparison(named, title, columns, seeds=seeds, winner=False)


ends = {name: [run.metrics["test_acc"] for run in runs] for name, runs in seeds.items()}
means = [sum(values) / len(values) for values in ends.values()]
between = max(means) - min(means)
within = max(max(values) - min(values) for values in ends.values())
title = (
    f"{data.source.title}, three seeds: the means of six optimizers differ by {100 * between:.1f} points, "
    f"seeds of one by up to {100 * within:.1f}"
)
draw(runs, title, ("train_loss", "test_acc"), seeds)

# %%
table(
    {
        "optimizer": run.variant,
        "lr": run.hp.lr,
        **{m: runs[run.variant].metrics[m] for m in ("train_loss", "test_acc")},
    }
    for run in chosen
)

# %% [markdown]
# The differences are small, because softmax regression is a mild problem, and each optimizer got a learning
# rate that suits it. This is the honest way to compare. With one rate for all, the ranking would be one of
# rates.
#
# Gluon has these optimizers, too. Where it keeps its state in double precision, every step can be compared:

# %%
from d2l_repro.verify.parity import same_path

for run in chosen:
    if run.variant in ("momentum", "adam"):
        pair = (optimizers.softmax_from_scratch(run.hp, data), optimizers.softmax_with_gluon(run.hp, data))
        print(f"{run.variant}: {same_path(*pair, data.train_iter, hp.batch_size, steps=20)}")

# %% [markdown]
# ## What "Adam" means
#
# The article reports that momentum ends 1.3 points above Adam. Its Adam differs from the one above in two
# ways. It averages the *sum* of the gradients over the batch and divides the step by the batch size
# afterwards. For a method that divides by the size of the gradient this divides the learning rate: 0.1
# becomes $0.1 / 256 = 0.0004$. And the $t$ of its corrections counts epochs, not steps, so that the
# corrections go on for much too long.

# %%
from d2l_repro.scratch import summed_optim

print(inspect.getsource(summed_optim.SummedAdam))

# %%
article = {
    run.variant: optimizers.chapter.train_run(run)
    for run in optimizers.comparisons(hp)["Optimizers of the article"]
    if run.impl == "scratch" and run.variant in ("summed adam", "summed adam, no correction")
}
compared = {
    "momentum": runs["momentum"],
    "Adam of the literature": runs["adam"],
    "Adam of the article": article["summed adam"],
    "Adam of the article, uncorrected": article["summed adam, no correction"],
}
behind = [
    100 * (runs["momentum"].metrics["test_acc"] - compared[name].metrics["test_acc"])
    for name in ("Adam of the article", "Adam of the literature")
]
title = "The article's Adam ends {:.1f} points of test accuracy below momentum, the literature's {:.1f}"
draw(compared, title.format(*behind), ("train_loss", "test_acc"))

# %% [markdown]
# With the article's formulas, its conclusion holds, and by about as much as it prints. With the literature's
# Adam at a suitable rate there is nothing left of it. A ranking of optimizers is a ranking of settings, and
# of formulas that go by the same name.
#
# ## What was published
#
# The full run has 20 and 30 epochs, so that only its numbers are comparable, not those above. Each conclusion
# is a difference between two runs from one seed.

# %%
published_table("optimizers")

# %% [markdown]
# The accuracies of `momentum best` for one layer differ and are not fully explained. Most of it is probably
# the test set: the article used the first version of Fashion-MNIST, which was easier.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. One rate for all.** Train SGD and Adam with a learning rate of 0.2, which suits SGD. What does one step
# of Adam do to a weight, compared with the initial weights of about 0.01?

# %% tags=["skip-execution"]
from dataclasses import replace

for run in chosen:
    if run.variant in ("sgd", "adam"):
        same = replace(run, hp=run.hp.replace(lr=0.2), may_diverge=True)
        print(run.variant, optimizers.chapter.train_run(same).history)

# %% [markdown]
# **2. Momentum without its gain.** A velocity with $\rho = 0.9$ makes steps ten times as long. So give plain
# SGD ten times the learning rate of `momentum` in the table. Do the two curves become the same? If not, what
# else does momentum do?

# %% tags=["skip-execution"]
momentum = next(run for run in chosen if run.variant == "momentum")
fast = replace(
    momentum, variant="sgd, ten times", hp=momentum.hp.replace(optimizer="sgd", lr=10 * momentum.hp.lr)
)
pair = {"momentum": runs["momentum"], "SGD, ten times the rate": optimizers.chapter.train_run(fast)}
draw(pair, "Momentum, and SGD with ten times its rate", ("train_loss", "test_acc"))

# %% [markdown]
# ## Exercise
#
# `momentum`, `rmsprop` and `adam` ask for one step each, `schedule` for a learning rate that warms up and
# cools down.
#
# ```
# d2l-repro exercise start momentum
# d2l-repro exercise check momentum
# ```
