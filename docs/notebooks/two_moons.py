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
# # Two moons: what a seed decides
#
# A net with five hidden units separates two interleaved half circles, or stays at a straight line between
# them, and chance decides which. The notebook derives the gradients by hand, trains with a validation set,
# and then trains twenty nets at once to see how much a single run says.
#
# It follows the first part of a reader's article on two moons, initialization and vanishing gradients, whose
# printed log is compared at the end. The code is that of `chapters/two_moons.py`. It needs no data files and
# takes about ten seconds.

# %%
# %matplotlib inline
import inspect

from chapters import two_moons
from d2l_repro.experiment.chapter import Run
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = two_moons.Setting()
hp

# %% [markdown]
# ## Data that no line separates
#
# A thousand points lie on two half circles, with a little noise: 640 for training, 160 for validation, 200
# for testing. The training set is a single batch, so that each epoch is one step of plain gradient descent.

# %%
data = two_moons.data(hp, Options())
{part: getattr(data.source, part)[0].shape for part in ("train", "valid", "test")}

# %% [markdown]
# ## The net and its loss
#
# Two inputs, five hidden units, one output. With $\sigma(x) = 1 / (1 + e^{-x})$,
#
# $$H = \sigma(X W_1 + b_1), \qquad o = H W_2 + b_2, \qquad \hat p = \sigma(o).$$
#
# The output $o$ is a logit, the logarithm of the odds of class 1. The loss is the cross-entropy of two
# classes,
#
# $$\ell = -y \log \hat p - (1 - y) \log (1 - \hat p) = \log (1 + e^{o}) - y\,o.$$
#
# The second form follows by inserting $\hat p$. It never takes the logarithm of a number that was rounded to
# 0, so it is the one to compute with.

# %%
print(inspect.getsource(two_moons.one_hidden_layer))

# %% [markdown]
# ## The gradients, layer by layer
#
# The chain rule turns a net around. Each layer receives the gradient of the loss with respect to its output,
# and passes on the gradient with respect to its input. With $\mathrm dY$ for the gradient with respect to
# $Y$:
#
# | layer | forward | backward |
# |---|---|---|
# | affine, $X$ | $Y = X W + b$ | $\mathrm dX = \mathrm dY\, W^\top$ |
# | affine, $W$ and $b$ | | $\mathrm dW = X^\top \mathrm dY$, $\mathrm db = \sum_i \mathrm dY_i$ |
# | sigmoid | $Y = \sigma(X)$ | $\mathrm dX = Y \odot (1 - Y) \odot \mathrm dY$ |
# | loss | $\ell(o, y)$ | $\mathrm do = \hat p - y$ |
#
# The last line is worth checking on paper: the derivative of $\log(1 + e^o)$ is $\sigma(o)$. In code, the
# first one is

# %%
from d2l_repro.scratch.layers import Affine

print(inspect.getsource(Affine.backward))

# %% [markdown]
# A derivation can be wrong and still train. Central differences know nothing of the derivation: they move one
# parameter a little, up and down, and see what the loss does. `check_model` returns the largest disagreement,
# relative to the largest gradient.

# %%
from d2l_repro.verify.gradcheck import check_model

seed_everything(0)
check_model(two_moons.from_scratch(hp, data), *data.source.train, hp.batch_size)

# %% [markdown]
# ## Training with validation
#
# The runner measures loss and accuracy on the validation set after each epoch, and keeps the parameters of
# the epoch with the best validation accuracy. The test set is used once, with those parameters. Choosing the
# epoch by the test set would make the test score look better than it is.

# %%
print(inspect.getsource(two_moons.train_with_validation))

# %%
settings = {
    "no hidden layer, lr 5": two_moons.search_setting(two_moons.HParams(), ()),
    "5 hidden units, lr 0.2": hp,
    "5 hidden units, lr 5": hp.replace(lr=5.0, num_epochs=1000),
}
runs = {
    name: two_moons.chapter.train_run(Run("scratch", name, two_moons.from_scratch, setting))
    for name, setting in settings.items()
}
columns = ("train_loss", "best_epoch", "best_valid_acc", "test_acc")
table({"net": name, **{m: run.metrics[m] for m in columns}} for name, run in runs.items())

# %%
plot.comparison(runs, "Three nets on two moons", ("train_loss", "valid_acc"), chance=0.5)

# %% [markdown]
# Look at the loss of the net at a learning rate of 0.2. It falls quickly to about 0.25, and then crawls for
# more than a thousand epochs. A loss of 0.25 is what the net without a hidden layer has, that is the best
# straight line. The net first finds that line, since it is the largest gain and the easiest to find. Only
# then it begins to bend it.

# %%
from mxnet import nd


def scores_of(net):
    """Return a net as a function of NumPy arrays."""
    return lambda points: net(nd.array(points)).asnumpy().ravel()


nets = {name: scores_of(run.model.net) for name, run in runs.items()}
sets = {part: tuple(a.asnumpy() for a in getattr(data.source, part)) for part in ("train", "valid", "test")}
plot.decision_regions(nets, sets, "What each net says of every point of the plane", square=two_moons.SQUARE)

# %% [markdown]
# ## Twenty nets at once
#
# Is a learning rate of 5 better, or was seed 0 lucky? A single run cannot tell. The chapter trains many nets
# side by side: with one more axis in every array, the calls that train one net train twenty, and each takes
# the steps that it would take alone. Points and weights differ from net to net. A net counts as beyond the
# straight line if its loss is below 0.2. Nets without a hidden layer, which draw straight lines, show that no
# line gets there.

# %%
short = hp.replace(num_epochs=1000)
seeds = two_moons.trial_seeds(0, 20)
found = {f"lr={lr:g}": two_moons.train_trials(short.replace(lr=lr), seeds, 0) for lr in (0.2, 1.0, 5.0)}
table({"20 nets, 1000 epochs": name, **two_moons.trials_row(trials)} for name, trials in found.items())

# %%
lines = two_moons.train_trials(short.replace(widths=(), lr=5.0), seeds, 0)
named = {name.replace("lr=", "learning rate "): trials for name, trials in found.items()}
losses = {
    name: ([trial["train_loss"] for trial in trials], None)
    for name, trials in {"straight line": lines, **named}.items()
}
beyond = [
    f"{sum(trial['train_loss'] < two_moons.STRAIGHT for trial in trials)} at {name.removeprefix('lr=')}"
    for name, trials in found.items()
]
plot.intervals(
    losses,
    f"training loss after {short.num_epochs} epochs",
    f"Nets that learn more than a straight line (shaded), of {len(seeds)} at each learning rate: "
    f"{', '.join(beyond)}",
    base="straight line",
    each="net",
    accent=("beyond a straight line", lambda loss: loss < two_moons.STRAIGHT),
)

# %% [markdown]
# The nets do not scatter around a mean. They fall into two groups, those at the line and those beyond it, and
# the learning rate moves nets from one group to the other. An average over such runs describes none of them.
# This is why the chapter counts.
#
# ## A start from zero
#
# If all weights begin at 0, the five hidden units compute the same, get the same gradient, and stay equal
# forever. The column `units_apart` is the largest difference between any two of them. The article prints the
# weights of the first epochs and concludes that such a net learns nothing. Look at the weights, and at the
# loss:

# %%
zero = two_moons.chapter.train_run(two_moons.comparisons(two_moons.HParams())["All weights 0"][0])
columns = ("train_loss", "hidden_w1", "hidden_w2", "output_w", "output_b", "units_apart")
table({"epoch": row["epoch"], **{name: row[name] for name in columns}} for row in zero.history)

# %% [markdown]
# The output moves first, because the hidden units all give $\sigma(0) = 0.5$ and the output's weights have a
# gradient at once. The hidden weights have none as long as the output's weights are 0, since their gradient
# contains these as a factor. From the second step on they move, too, all alike. Five equal units are worth
# one, and one unit can draw a line: given 2,000 epochs, this net finds it.
#
# ## What was published
#
# The article's log of the net at a learning rate of 0.2 beside our run. The interval says where one more of
# our runs lies, and shows how wide two groups of outcomes make it.

# %%
own = {
    "scratch 1 hidden lr=0.2": runs["5 hidden units, lr 0.2"].metrics,
    "scratch zero": zero.metrics,
}
logged = [f"after_{epochs}_train_loss" for epochs in (50, 200, 1000, 2000, 2950)]
published_table("two_moons", own, runs=["1 hidden lr=0.2"], metrics=["test_acc", "test_loss", *logged])

# %% [markdown]
# The start from zero depends on no random weights. Its numbers must agree to the last printed digit, and do:

# %%
weights = ["hidden_b_after_2", "output_w_after_1", "output_w_after_4", "output_b_after_4", "units_apart"]
published_table("two_moons", own, runs=["scratch zero"], metrics=weights)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. How many units does it take?** Rules of thumb for two inputs and one output allow one or two hidden
# units. Twenty nets of each width are trained at a learning rate of 5. A curve between the moons has two
# bends. From how many units on do most nets get beyond a straight line?

# %% tags=["skip-execution"]
wide = {
    units: two_moons.train_trials(two_moons.search_setting(two_moons.HParams(), (units,)), seeds, 0)
    for units in (1, 2, 3, 5)
}
table({"hidden units": units, **two_moons.trials_row(trials)} for units, trials in wide.items())

# %% [markdown]
# **2. Smaller initial weights.** The weights start as N(0, 1). With a standard deviation of 0.45, nothing
# else changed, how many of the twenty nets at a learning rate of 1 get beyond the line within 1,000 epochs?
# Above it was the row `lr=1`.

# %% tags=["skip-execution"]
small = two_moons.train_trials(short.replace(lr=1.0, sigma=0.45), seeds, 0)
two_moons.trials_row(small)

# %% [markdown]
# ## Exercise
#
# `distinct_units` asks for initial weights from which units do not stay alike, and `mlp_backward` for the
# gradients of a net with one hidden layer by hand.
#
# ```
# d2l-repro exercise start distinct_units
# d2l-repro exercise check distinct_units
# ```
