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
# # Gated recurrent units
#
# Two gates decide what a recurrent net keeps of its state and what it replaces. The notebook opens and closes
# them by hand, follows the gradient back through time with and without them, and compares the two places
# where the reset gate can stand.
#
# *Dive into Deep Learning*, first edition, section 6.7. The code is that of `chapters/gru.py`. It learns from
# the 10,000 characters that the book takes, in six passes in place of 160. Without that file, generated
# verses stand in.

# %%
# %matplotlib inline
import inspect

from chapters import gru
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = gru.HParams(num_epochs=6)
hp

# %% [markdown]
# ## Two gates
#
# $$r = \sigma( X W_{xr} + H W_{hr} + b_r ), \qquad z = \sigma( X W_{xz} + H W_{hz} + b_z ),$$
#
# $$n = \tanh\big( X W_{xn} + (r \odot H) W_{hn} + b_n \big), \qquad
# H \leftarrow z \odot H + (1 - z) \odot n.$$
#
# With an update gate $z$ of 1 the state stays as it is, whatever is read. With $z = 0$ it is replaced by the
# candidate $n$, and if the reset gate $r$ is 0 as well, all that was before is forgotten.

# %%
from d2l_repro.scratch import gru_reset_first

print(inspect.getsource(gru_reset_first))

# %% [markdown]
# The biases can hold a gate open or shut. Two states that begin 2 apart read the same ten characters:

# %%
from mxnet import nd

seed_everything(0)
hiddens = 4
W_x, W_h = (nd.random.normal(scale=0.5, shape=(n, 3 * hiddens)) for n in (5, hiddens))
X = nd.array([[i % 5] for i in range(10)])  # (steps, batch)
rows = []
for name, reset, update in (("both half open", 0, 0), ("z = 1", 0, 50), ("z = 0, r = 0", -50, -50)):
    b = nd.concat(nd.full(hiddens, reset), nd.full(hiddens, update), nd.zeros(hiddens), dim=0)
    last = {start: gru_reset_first(X, nd.full((1, hiddens), start), W_x, W_h, b)[-1] for start in (1, -1)}
    far = (last[1] - last[-1]).abs().max().asscalar().item()
    rows.append({"gates": name, "distance after ten steps of states that began 2 apart": far})
table(rows)

# %% [markdown]
# ## The way back
#
# How much does the first state matter after $t$ steps? Its gradient says so. Without gates it shrinks step by
# step; a gate that is nearly open lets it pass.

# %%
from mxnet import autograd

from d2l_repro.scratch import plain_rnn


def gradient_norms(apply, steps=30):
    norms = []
    for t in range(1, steps + 1):
        H = nd.zeros((1, hiddens))
        H.attach_grad()
        with autograd.record():
            last = apply(nd.array([[i % 5] for i in range(t)]), H)[-1].sum()
        last.backward()
        norms.append(H.grad.norm().asscalar().item())
    return range(1, steps + 1), norms


def gated(bias):
    b = nd.concat(nd.zeros(hiddens), nd.full(hiddens, bias), nd.zeros(hiddens), dim=0)
    return lambda X, H: gru_reset_first(X, H, W_x, W_h, b)


weights = W_x[:, :hiddens], W_h[:, :hiddens], nd.zeros(hiddens)
kinds = {"no gates": lambda X, H: plain_rnn(X, H, *weights)}
for bias in (0, 3):
    kinds[f"GRU, update gate near {nd.array([bias]).sigmoid().asscalar():.2f}"] = gated(bias)
curves = {name: gradient_norms(apply) for name, apply in kinds.items()}
*others, kept = (norms[-1] / norms[0] for _, norms in curves.values())
plot.lines(
    curves,
    "steps between the first state and the output",
    "norm of the gradient of the output\nw.r.t. the first state",
    f"After 30 steps a GRU that keeps its state has {kept:.1g} of the gradient left, "
    f"others at most {max(others):.0e}",
    logy=True,
)

# %% [markdown]
# ## Where the reset gate stands
#
# The book's gate multiplies the state before its product with $W_{hn}$. In Gluon's layer, and in NVIDIA's
# library, which it calls on a GPU, it multiplies the product:
#
# $$n = \tanh\big( X W_{xn} + b_{xn} + r \odot (H W_{hn} + b_{hn}) \big).$$
#
# One product with $H$ then serves both gates and the candidate. The nets are not the same, and neither are
# the book's two perplexities.

# %%
print(inspect.getsource(gru.from_scratch))

# %%
data = gru.characters.load_data(hp, Options())
runs = {
    run.label: gru.chapter.train_run(run)
    for run in gru.runs(hp)
    if run.label in ("scratch reset first", "gluon reset last")
}
table(
    {"epoch": i + 1, **{name: run.history[i]["train_perplexity"] for name, run in runs.items()}}
    for i in range(6)
)

# %% [markdown]
# With the gate in the same place, both implementations take the same steps:

# %%
from d2l_repro.verify.parity import same_path

run = next(run for run in gru.runs(hp) if run.variant == "reset last").shortened()
small = gru.characters.load_data(run.hp, Options(quick=True))
pair = (gru.from_scratch(run.hp, small), gru.with_gluon(run.hp, small))
print(same_path(*pair, small.train_iter, run.hp.batch_size, steps=5))

# %% [markdown]
# ## What was published
#
# The book prints a perplexity after every 40 epochs, and two lines that the net writes. Of these, the longest
# copy is what this project counts: characters in a row that stand in the text.

# %%
published_table("gru")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A gate that begins open.** Start the update gate's bias at 2, so that the state is kept at first. Will
# the net learn faster in the first passes?

# %% tags=["skip-execution"]
setting = gru.Setting(num_epochs=6)
for start in (-2, 0, 2):
    seed_everything(0)
    model = gru.from_scratch(setting, data)
    model.params[2][hp.num_hiddens : 2 * hp.num_hiddens] = start
    print(start, gru.train(model, data, setting)[-1]["train_perplexity"])

# %% [markdown]
# **2. Without a gate.** The net of section 6.4 has half as many parameters. At which perplexity is it after
# as many passes, and which of the two is ahead?

# %% tags=["skip-execution"]
from chapters import rnn

plain = next(run for run in rnn.runs(rnn.HParams(num_epochs=6)) if run.label == "gluon adjacent sampling")
print(rnn.chapter.train_run(plain).metrics["train_perplexity"])
