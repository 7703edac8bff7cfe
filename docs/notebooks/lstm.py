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
# # Long short-term memory, gate by gate
#
# An LSTM has a memory beside its state, and three gates that decide what is written to it, what is kept and
# what is shown. The notebook opens and shuts the gates by hand, looks at those of a trained net, and finds
# out what a second bias changes.
#
# *Dive into Deep Learning*, first edition, section 6.8. The code is that of `chapters/lstm.py`. It learns
# from the 10,000 characters that the book takes, in six passes in place of 160. Without that file, generated
# verses stand in.

# %%
# %matplotlib inline
import inspect

from chapters import lstm
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = lstm.HParams(num_epochs=6)
hp

# %% [markdown]
# ## Memory and gates
#
# The input gate $i$, the forget gate $f$, the output gate $o$ and the candidate $g$ are computed from the
# character and the state, each with weights of its own:
#
# $$i, f, o = \sigma( X W_x + H W_h + b ), \qquad g = \tanh( X W_x + H W_h + b ),$$
#
# $$C \leftarrow f \odot C + i \odot g, \qquad H = o \odot \tanh(C).$$

# %%
from d2l_repro.scratch import rnn

print(inspect.getsource(rnn._step))

# %% [markdown]
# The memory is only ever multiplied by $f$ and added to. With $f = 1$ and $i = 0$ it stays as it is for any
# number of steps, and so does its gradient. Here the forget gate is set by its bias:

# %%
from mxnet import autograd, nd

seed_everything(0)
hiddens, steps = 4, 30
W_x, W_h = (nd.random.normal(scale=0.1, shape=(n, 4 * hiddens)) for n in (5, hiddens))
curves = {}
for forget in (0, 2, 5):
    b = nd.concat(nd.full(hiddens, -5), nd.full(hiddens, forget), nd.zeros(2 * hiddens), dim=0)
    norms = []
    for t in range(1, steps + 1):
        H, C = nd.zeros((1, hiddens)), nd.ones((1, hiddens))
        C.attach_grad()
        with autograd.record():
            _, (_, last) = rnn.lstm(nd.array([[i % 5] for i in range(t)]), [H, C], W_x, W_h, b)
        last.backward()
        norms.append(C.grad.mean().asscalar().item())
    curves[f"forget gate at {nd.array([forget]).sigmoid().asscalar():.2f}"] = (range(1, steps + 1), norms)
ends = [f"{norms[-1]:.1g} ({name.split()[-1]})" for name, (_, norms) in curves.items()]
plot.lines(
    curves,
    "steps of the LSTM",
    "gradient w.r.t. the first memory",
    f"An LSTM's gradient after {steps} steps by its forget gate: {', '.join(ends)}",
    logy=True,
)

# %% [markdown]
# ## Training

# %%
print(inspect.getsource(lstm.from_scratch))

# %%
data = lstm.characters.load_data(hp, Options())
runs = {run.variant: lstm.chapter.train_run(run) for run in lstm.runs(hp) if run.impl == "gluon"}
table(
    {"epoch": i + 1, **{name: run.history[i]["train_perplexity"] for name, run in runs.items()}}
    for i in range(6)
)

# %% [markdown]
# Gluon's layer has a bias beside the input and another one beside the state. They are only ever added up, so
# the net computes the same. But both have the same gradient, and both take a step, so their sum moves twice
# as far. The book's net from scratch has one, its net of Gluon's layer two. With as many biases, both
# implementations take the same steps:

# %%
from d2l_repro.verify.parity import same_path

for run in lstm.runs(hp):
    if run.impl == "scratch":
        small_hp = run.shortened().hp
        small = lstm.characters.load_data(small_hp, Options(quick=True))
        pair = (lstm.from_scratch(small_hp, small), lstm.with_gluon(small_hp, small))
        print(f"{run.variant}: {same_path(*pair, small.train_iter, small_hp.batch_size, steps=5)}")

# %% [markdown]
# ## Do the gates open and close?
#
# The mean of the forget gate over all units, at the first characters of the text. After six passes it has
# hardly moved from a half; a net that knows the text closes some gates and opens others.

# %%
from d2l_repro.train.parameters import book_arrays

W_x, W_h, b = (nd.array(array) for array in book_arrays(runs["one bias"].model)[:3])
X, _ = next(iter(data.train_iter))
H = C = nd.zeros((len(X), hp.num_hiddens))
means, spreads = [], []
for x in X.T:
    gates = W_x.take(x) + b + nd.dot(H, W_h)
    forget = gates[:, hp.num_hiddens : 2 * hp.num_hiddens].sigmoid()
    means.append(forget.mean().asscalar().item())
    spreads.append(forget.asnumpy().std().item())
    H, C = rnn._step(W_x.take(x) + b, H, C, W_h)
table(
    [
        {"forget gate": "at first", "mean": means[0], "std": spreads[0]},
        {"forget gate": "after 35 steps", "mean": means[-1], "std": spreads[-1]},
    ]
)

# %% [markdown]
# ## What was published
#
# The book prints a perplexity after every 40 epochs, and two lines that the net writes. Of these, the longest
# copy is what this project counts: characters in a row that stand in the text.

# %%
published_table("lstm")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Remember from the start.** Many set the forget gate's bias to 1 before training, so that the memory is
# kept at first. What does it change in six passes?

# %% tags=["skip-execution"]
setting = lstm.Setting(num_epochs=6)
for start in (0, 1, 3):
    seed_everything(0)
    model = lstm.from_scratch(setting, data)
    model.params[2][hp.num_hiddens : 2 * hp.num_hiddens] = start
    print(start, lstm.train(model, data, setting)[-1]["train_perplexity"])

# %% [markdown]
# **2. Larger first weights.** The book draws weights with a standard deviation of 0.01, and the first forty
# epochs hardly lower the perplexity. Will 0.1 be faster?

# %% tags=["skip-execution"]
for sigma in (0.01, 0.1):
    seed_everything(0)
    wide = setting.replace(sigma=sigma)
    print(sigma, lstm.train(lstm.with_gluon(wide, data), data, wide)[-1]["train_perplexity"])

# %% [markdown]
# ## Exercise
#
# `lstm_cell` asks for one step of the layer.
#
# ```
# d2l-repro exercise start lstm_cell
# d2l-repro exercise check lstm_cell
# ```
