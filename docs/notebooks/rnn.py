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
# # A recurrent net that writes
#
# A recurrent net reads a text character by character and predicts the next one. The notebook draws the two
# ways to cut a text into batches, takes a step of the net by hand, clips a gradient, and finds out why two
# implementations of the book end at different perplexities.
#
# *Dive into Deep Learning*, first edition, sections 6.3 to 6.5. The code is that of `chapters/rnn.py`. It
# learns from the 10,000 characters that the book takes, in eight passes in place of 250. Without that file,
# generated verses stand in.

# %%
# %matplotlib inline
import inspect

from chapters import rnn
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = rnn.HParams(num_epochs=8)
hp

# %% [markdown]
# ## Two ways to cut a text
#
# A batch consists of rows of the text. Either they are drawn at random, or every row goes on where the same
# row of the batch before has ended. A line between two bars says that the state at the end of one is the
# state at the beginning of the next.

# %%
plot.sampling(rnn.sampled_positions(), "Where in a text the rows of a batch lie")

# %% [markdown]
# With random sampling each row begins with a state of zeros, as if nothing came before it. With adjacent
# sampling the net knows more of the past, but neighboring batches are alike.

# %%
from d2l_repro.data.characters import CharacterBatches

print(inspect.getsource(CharacterBatches.__iter__))
setting = rnn.Setting(num_epochs=8)
data = rnn.data(setting, Options())
size = len(data.source.idx_to_char)
print(f"{len(data.source.chars):,} characters, {size:,} different ones, {len(data.train_iter)} batches")

# %% [markdown]
# ## One step
#
# The hidden state $H$ is computed from the character $x_t$ and from the state of the step before,
#
# $$H_t = \tanh( X_t W_{xh} + H_{t-1} W_{hh} + b_h ), \qquad O_t = H_t W_{hq} + b_q.$$
#
# $X_t$ is a one-hot vector, so the product with $W_{xh}$ is nothing but a row of $W_{xh}$: it is looked up
# and not multiplied.

# %%
from d2l_repro.scratch import plain_rnn

print(inspect.getsource(plain_rnn))
print(inspect.getsource(rnn.from_scratch))

# %% [markdown]
# ## A gradient that explodes
#
# Going back through 35 steps multiplies the gradient 35 times by $W_{hh}$ and the slopes of tanh. With small
# weights it vanishes, with large ones it explodes. Clipping leaves its direction and limits its norm,
#
# $$g \leftarrow \min\Big( 1, \frac{\theta}{\lVert g \rVert} \Big)\, g.$$
#
# With the book's $\theta$ of 0.01 and a learning rate of 100, a step is never longer than 1. And nearly every
# gradient is clipped: what the learning rate sets is the length of the steps.

# %%
from d2l_repro.train.loop import gradients_by_autograd
from d2l_repro.train.parameters import parameters

rows = []
for sigma in (0.01, 0.05, 0.1):
    seed_everything(0)
    model = rnn.from_scratch(setting.replace(sigma=sigma), data)
    gradients_by_autograd(model.net, model.loss)(*next(iter(data.train_iter)))
    norm = sum(float((param.grad**2).sum().asscalar()) for param in parameters(model)) ** 0.5
    rows.append({"std of the weights": sigma, "norm of the gradient": norm / data.train_iter.num_chars})
table(rows)

# %% [markdown]
# ## Training
#
# Perplexity is $e$ to the mean loss: the number of characters that the net hesitates between.

# %%
runs = {
    run.variant: rnn.chapter.train_run(run)
    for run in rnn.runs(hp)
    if run.impl == "gluon" and run.variant != "random sampling"
}
labels = {
    "adjacent sampling": "tanh, one bias (section 6.4)",
    "ReLU, two biases": "ReLU, two biases (section 6.5)",
}
curves = {labels[name]: (run.history["epoch"], run.history["train_perplexity"]) for name, run in runs.items()}
ends = "; ".join(f"{values[-1]:.0f} with {name.partition(' (')[0]}" for name, (_, values) in curves.items())
plot.lines(curves, "epoch", "perplexity", f"Perplexity after {hp.num_epochs} epochs: {ends}", logy=True)

# %% [markdown]
# Section 6.5 does with Gluon what section 6.4 does from scratch, and prints a higher perplexity, 1.74 in
# place of 1.21. It is another net: `rnn.RNN` has ReLU as its default, and two biases. If all is equal, both
# implementations take the same steps:

# %%
from d2l_repro.verify.parity import same_path

run = next(run for run in rnn.runs(hp) if run.variant == "adjacent sampling").shortened()
small = rnn.data(run.hp, Options(quick=True))
pair = (rnn.from_scratch(run.hp, small), rnn.with_gluon(run.hp, small))
print(same_path(*pair, small.train_iter, run.hp.batch_size, steps=5))

# %% [markdown]
# ## What it writes
#
# The net goes on from a prefix with the character that it finds most probable, reads that, and so on. After
# eight passes it has learned which characters are frequent, and little else. Here are the first few.

# %%
from d2l_repro.experiment.characters import write_lines

for name, run in runs.items():
    for line in write_lines(run.model.net, data.source).values():
        print(f"{name}: {line[:7]}")

# %% [markdown]
# ## What was published
#
# The book prints a perplexity after every 50 epochs. The longest copy is a number that this project takes
# from the printed lines: how many characters in a row stand in the text that the net was trained on. At a
# perplexity near 1 the net does not write, it recites.

# %%
published_table("rnn")

# %% [markdown]
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Forget.** Train with adjacent sampling, but begin each row from a fresh state. Does the perplexity
# fall faster or more slowly, and would that be so after 250 passes as well?

# %% tags=["skip-execution"]
for carried in (True, False):
    seed_everything(0)
    model = rnn.with_gluon(setting, data)
    model.net.carried = carried
    print(carried, rnn.train(model, data, setting)[-1]["train_perplexity"])

# %% [markdown]
# **2. Without clipping.** Which learning rate is the largest with which training does not diverge if nothing
# is clipped?

# %% tags=["skip-execution"]
from d2l_repro.train.loop import TrainingDiverged

for lr in (0.1, 1, 10, 100):
    seed_everything(0)
    free = setting.replace(lr=lr, clip=1e9, num_epochs=4)
    try:
        print(lr, rnn.train(rnn.with_gluon(free, data), data, free)[-1]["train_perplexity"])
    except TrainingDiverged as error:
        print(lr, error)
