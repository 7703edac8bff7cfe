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
# # Raw bytes or floats from 0 to 1
#
# Dividing the pixels by 255 is one line, and without it the same net with the same settings overshoots by
# whole percentage points from epoch to epoch. The notebook shows where the factor enters the gradient, and
# finds the settings with which bytes behave like floats.
#
# It follows a reader's article on hand-written optimizers in MXNet. The code is that of
# `chapters/data_preprocessing.py`. With Fashion-MNIST it takes less than a minute on two cores. Without it,
# scikit-learn's digits stand in.

# %%
# %matplotlib inline
import inspect

from chapters import data_preprocessing
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options

hp = data_preprocessing.HParams()
hp

# %% [markdown]
# ## Where the factor goes
#
# Pixels are stored as bytes from 0 to 255. Softmax regression computes the scores $o = x W + b$, and the
# gradient of its loss with respect to the weights is
#
# $$\nabla_W \ell = x^\top (\hat y - e_y).$$
#
# With $x' = 255\,x$ in place of $x$ two things happen at once. The scores are 255 times as large, so the
# probabilities are nearly 0 or 1 from the start. And the gradient has a factor 255, so a step changes the
# weights 255 times as much, and the scores by $255^2 = 65{,}025$ times as much. A learning rate of 0.1 acts
# like one of 6,500.

# %%
floats = data_preprocessing.data(data_preprocessing.Setting(1, hp.batch_size, hp.lr), Options())
raw = data_preprocessing.data(data_preprocessing.Setting(1, hp.batch_size, hp.lr, pixels="bytes"), Options())
rows = []
for name, data in {"floats": floats, "bytes": raw}.items():
    X, y = next(iter(data.train_iter))
    rows.append({"pixels": name, "mean": X.mean().asscalar().item(), "largest": X.max().asscalar().item()})
table(rows)

# %% [markdown]
# ## Two losses, two ways to fail
#
# The chapter trains the net in two forms. In the first one the net ends with the softmax, and the loss takes
# probabilities:

# %%
print(inspect.getsource(data_preprocessing.softmax_in_net))

# %% [markdown]
# With scores in the hundreds, a probability is rounded to 0, its logarithm is infinite, and training stops.
# In the second form the loss contains the softmax, $\ell = \log \sum_k e^{o_k} - o_y$. It never rounds, so it
# carries on, and shows what the steps really do.

# %%
print(inspect.getsource(data_preprocessing.softmax_in_loss))

# %% [markdown]
# ## Which settings would suit bytes?
#
# Write the weights for bytes as $W' = W / 255$. Then $x' W' = x W$, and the scores are those of floats. Does
# a step keep that relation? The gradient with respect to $W'$ is $255\, \nabla_W$. With a learning rate
# $\eta'$,
#
# $$W' - \eta' \cdot 255\, \nabla_W = \frac{1}{255} \big( W - \eta' \cdot 255^2\, \nabla_W \big),$$
#
# and this is $1/255$ of the step on floats if $\eta' = \eta / 255^2$. So initial weights divided by 255 and a
# learning rate divided by 65,025 take the very same steps. All but one: the bias is multiplied by 1 and not
# by a pixel. Its gradient does not grow, and with that learning rate it hardly moves.

# %%
runs = {
    run.variant: data_preprocessing.chapter.train_run(run)
    for run in data_preprocessing.comparisons(hp)["Pixels"]
    if run.impl == "scratch"
}
for name, run in runs.items():
    print(f"{name}: {run.message or run.history[-1]}")

# %%
words = data_preprocessing.WORDS
finished = {words[name]: run for name, run in runs.items() if run.history}
floats, unscaled, scaled = (run.metrics for run in finished.values())
title = (
    f"Pixels 0 to 255 end at a training loss of {unscaled['train_loss']:,.0f}, scaled at "
    f"{scaled['train_loss']:.2f}, pixels 0 to 1 at {floats['train_loss']:.2f}"
)
plot.comparison(finished, title, ("train_loss", "test_acc"), winner=False)

# %% [markdown]
# The run on bytes without any correction stops in its first epoch. With the softmax in the loss it survives,
# and its accuracy jumps up and down: each step overshoots, and the next one corrects too much. The scaled run
# follows that on floats closely, and ends a little below it, as it does without a bias.
#
# ## Momentum and a schedule
#
# The article shows its own optimizers on both kinds of pixels. Here is its SGD with momentum and a cosine
# learning rate. The *swing* is the mean change of the test accuracy from epoch to epoch, over the first five
# epochs.

# %%
momentum = {
    run.variant: data_preprocessing.chapter.train_run(run)
    for run in data_preprocessing.article_runs(hp)
    if run.impl == "scratch" and run.variant.startswith(data_preprocessing.MOMENTUM)
}
table(
    {"run": name, "swing": run.metrics["swing"], "last train_loss": run.metrics["train_loss"]}
    for name, run in momentum.items()
)

# %%
drawn = {words[name.rpartition(" ")[2]]: run for name, run in momentum.items()}
swings = [100 * run.metrics["swing"] for run in drawn.values()]
title = (
    "With momentum the test accuracy moves by {:.1f} points an epoch at first, by {:.1f} with pixels 0 to 255"
)
plot.comparison(drawn, title.format(*swings), ("train_loss", "test_acc"), winner=False)

# %% [markdown]
# The accuracy on bytes settles as the cosine brings the learning rate down to 0. The *loss* does not: scores
# in the hundreds give a loss in the hundreds for every wrong image. An accuracy hides how wrong a net is; a
# loss does not.
#
# ## What was published
#
# The article concludes from its figures that bytes make training swing, and that the loss is larger. Both are
# tested as differences.

# %%
floats_run, bytes_run = (
    momentum[f"{data_preprocessing.MOMENTUM}, floats"],
    momentum[f"{data_preprocessing.MOMENTUM}, bytes"],
)
differences = {
    "swing_bytes_minus_floats": bytes_run.metrics["swing"] - floats_run.metrics["swing"],
    "loss_bytes_minus_floats": bytes_run.metrics["train_loss"] - floats_run.metrics["train_loss"],
}
published_table("data_preprocessing", {"scratch conclusions": differences}, on=raw.name)

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Half of the correction.** Keep the initial weights and divide only the learning rate by $255^2$. The
# scores are too large at the start, but the steps are right. Will the run recover within ten epochs?

# %% tags=["skip-execution"]
from d2l_repro.experiment.chapter import Run

half = data_preprocessing.Setting(hp.num_epochs, hp.batch_size, hp.lr / 255**2, pixels="bytes")
run = Run("scratch", "half", data_preprocessing.softmax_in_loss, half)
print(data_preprocessing.chapter.train_run(run).history)

# %% [markdown]
# **2. An optimizer that does not care.** Adam divides each step by the size of recent gradients. Multiply all
# pixels by 255, and what happens to its steps? Compare the two losses of the article's Adam with those of
# momentum above.

# %% tags=["skip-execution"]
for run in data_preprocessing.article_runs(hp):
    if run.impl == "scratch" and run.variant.startswith("article adam,"):
        print(run.variant, data_preprocessing.chapter.train_run(run).metrics)

# %% [markdown]
# ## Exercise
#
# `standardize` asks for features of mean 0 and deviation 1, and warns of a leak.
#
# ```
# d2l-repro exercise start standardize
# d2l-repro exercise check standardize
# ```
