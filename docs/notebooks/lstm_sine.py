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
# # An LSTM reads a sine wave
#
# A recurrent net reads ten points one by one and predicts the eleventh. The notebook looks at the gates of an
# LSTM, lets the net run freely on its own predictions, and shows that a published net with an LSTM never uses
# its memory.
#
# It follows a reader's article on TensorFlow experiments, redone in Gluon. The code is that of
# `chapters/lstm_sine.py`. It needs no data files and takes about ten seconds.

# %%
# %matplotlib inline
import inspect
import math

from chapters import lstm_sine
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = lstm_sine.Setting()
hp

# %% [markdown]
# ## The data
#
# A window has ten points of $\sin$, 0.2 apart. The label is the point after the window. The test windows
# follow the training windows in time; random ones would be too similar to those of training.

# %%
X, y = lstm_sine.examples(0, hp.num_train, hp)
X.shape, y.shape

# %% [markdown]
# One thing to know before using a net for it: a sine does not need one. For any step $h$,
#
# $$\sin(t + h) = 2 \cos(h) \sin(t) - \sin(t - h).$$
#
# Two points determine the next one, and a linear formula is exact. So a small error is no feat. The sine is
# here because every mistake can be seen.

# %%
exact = 2 * math.cos(hp.gap) * X[:, -1] - X[:, -2]
((exact - y) ** 2).mean().asscalar().item()

# %% [markdown]
# ## The cell
#
# The state has two parts. $C$ is the memory, and $H$ is what is let out of it. Three gates, numbers between 0
# and 1, decide:
#
# $$i = \sigma(X W_{xi} + H W_{hi} + b_i), \quad f = \sigma(X W_{xf} + H W_{hf} + b_f), \quad
# o = \sigma(X W_{xo} + H W_{ho} + b_o),$$
#
# $$g = \tanh(X W_{xg} + H W_{hg} + b_g), \qquad C \leftarrow f \odot C + i \odot g, \qquad
# H \leftarrow o \odot \tanh(C).$$
#
# The *forget* gate $f$ is the share of the old memory to keep, the *input* gate $i$ the share of the
# candidate $g$ to add, the *output* gate $o$ the share to show. The update of $C$ is a sum. With $f = 1$ the
# gradient passes back through it unchanged, over any number of steps. This is what the LSTM was invented for.
#
# The weights of all four are columns of one matrix, so that a step takes one product:

# %%
from d2l_repro.scratch import rnn

print(inspect.getsource(rnn._step))

# %%
print(inspect.getsource(lstm_sine.from_scratch))

# %% [markdown]
# With Gluon, a layer over all steps is one operator. It is the faster one by far, because the operators of a
# small cell cost more time to call than to compute.

# %%
print(inspect.getsource(lstm_sine.LastOutput))

# %% [markdown]
# ## Training
#
# Half the squared error, Adam, five passes over 2,000 windows.

# %%
by_label = {run.label: run for run in lstm_sine.runs(lstm_sine.HParams())}
gluon = lstm_sine.chapter.train_run(by_label["gluon LSTM"])
print(gluon.history)

# %% [markdown]
# Is that small? Repeating the last point of the window is the simplest prediction there is:

# %%
X_test, y_test = lstm_sine.examples(hp.num_train, hp.num_test, hp)
repeated = lstm_sine.squared_error(X_test[:, -1], y_test).mean().asscalar().item()
table(
    [
        {"prediction": "the last point again", "test MSE": repeated},
        {"prediction": "LSTM", "test MSE": gluon.metrics["test_mse"]},
    ]
)

# %% [markdown]
# From scratch the steps are the same ones, which fifty of them show faster than a whole training:

# %%
from d2l_repro.verify.parity import same_path

seed_everything(0)
data = lstm_sine.data(hp, Options())
pair = (lstm_sine.from_scratch(hp, data), lstm_sine.with_gluon(hp, data))
print(same_path(*pair, data.train_iter, hp.batch_size, steps=20))

# %% [markdown]
# ## Free-running
#
# A prediction of one step is easy, since the true points before it are given. The harder test feeds the
# predictions back in: after ten steps, the net reads nothing but its own output.

# %%
print(inspect.getsource(lstm_sine.free_run))

# %%
lstm_sine.predictions({"LSTM": gluon.model}, hp)

# %% [markdown]
# The period is right for a long time. The amplitude drifts, since small errors are fed back in, and nothing
# pulls the net back to the true curve: any amplitude is a sine as well.
#
# ## The book's net
#
# The article follows a TensorFlow book, with two layers and points 0.01 apart. Its code gives the net all ten
# points at once, as ten features of a *single* step. Then $C$ and $H$ start at 0, are updated once, and are
# thrown away. The forget gate multiplies a memory of 0. It is an LSTM in name; in fact it is a small
# feed-forward net. Here both are trained for a tenth of the book's 10,000 steps: all at once, and one by one.

# %%
short = {
    run.variant: run for run in lstm_sine.runs(lstm_sine.HParams(book_steps=1000)) if run.impl == "gluon"
}
book = {name: lstm_sine.chapter.train_run(short[name]) for name in (lstm_sine.BOOK, lstm_sine.ONE_BY_ONE)}
table(
    {"net": name, "test MSE": run.metrics["test_mse"], "its root": run.metrics["test_rmse"]}
    for name, run in book.items()
)

# %% [markdown]
# On a sine, ten points at once are the easier input: the linear formula above needs two of them side by side.
# A good score is no evidence that a recurrent net was needed.
#
# ## What was published
#
# Book and article print 0.00204 as "mean square error". Their code takes the root first. The square of that
# number is 4.2e-6, about as large as the last training loss that they print, which would otherwise be hard to
# explain. The full run takes all 10,000 steps.

# %%
published_table("lstm_sine")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A shorter memory.** Let the net read two points instead of ten. By the formula above two are enough.
# Will the test error be larger, and the free-running prediction better or worse?

# %% tags=["skip-execution"]
two = next(run for run in lstm_sine.runs(lstm_sine.HParams(num_steps=2)) if run.label == "gluon LSTM")
run = lstm_sine.chapter.train_run(two)
print(run.metrics["test_mse"])
lstm_sine.predictions({"two points": run.model}, two.hp)

# %% [markdown]
# **2. Start on the wrong foot.** Let the trained net run freely from a window with half the amplitude, which
# it has never seen. Does it go back to the amplitude of 1, keep the half, or fade away?

# %% tags=["skip-execution"]
half = lstm_sine.free_run(gluon.model.net, 0.5 * X_test[0], 200)
plot.lines({"free-running": (range(200), half)}, "point", "prediction", "From half the amplitude")

# %% [markdown]
# ## Exercise
#
# `lstm_cell` asks for one step of the cell.
#
# ```
# d2l-repro exercise start lstm_cell
# d2l-repro exercise check lstm_cell
# ```
