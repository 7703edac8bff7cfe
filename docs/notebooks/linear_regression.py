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
# # Linear regression, step by step
#
# A model with three parameters learns the line that synthetic data were drawn from, once from scratch and
# once with Gluon. It is the smallest example that has all parts of deep learning: data, a model, a loss, an
# optimizer and a training loop. Every later notebook has the same parts, only larger ones.
#
# *Dive into Deep Learning*, first edition, sections 3.1 to 3.3. The code is that of
# `chapters/linear_regression.py`. Running everything takes a few seconds and needs no data files.

# %%
# %matplotlib inline
import inspect

from chapters import linear_regression
from d2l_repro.results import plot
from d2l_repro.results.run import RunResult
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = linear_regression.HParams()
hp

# %% [markdown]
# These are the book's settings. Each is also a flag: `python -m chapters.linear_regression --lr 0.1`.
#
# ## Data whose truth is known
#
# Each example has two features $x_1, x_2$, drawn from a standard normal distribution, and a label
#
# $$y = 2\,x_1 - 3.4\,x_2 + 4.2 + \epsilon, \qquad \epsilon \sim \mathcal N(0, 0.01^2).$$
#
# The weights $2$ and $-3.4$ and the bias $4.2$ are the truth. Training sees only $x$ and $y$, and should find
# them. With real data nobody knows the truth, so a synthetic example is the best place to see whether a
# method works at all. The noise $\epsilon$ stands for everything that the features do not explain.

# %%
seed_everything(0)
data = linear_regression.data(hp, Options())
features, labels = data.source
features.shape, labels.shape, labels[0].asscalar().item()

# %% [markdown]
# On Linux, the first label is the very one that the book's author printed, since MXNet starts with seed 0.
# Each feature alone shows its slope, blurred by the other feature:

# %%
x, y = features.asnumpy(), labels.asnumpy()
plot.scatter({"$x_1$": (x[:, 0], y), "$x_2$": (x[:, 1], y)}, "y", "Labels by each of the features")

# %% [markdown]
# ## The model
#
# For a minibatch of $n$ examples, the features form a matrix $X$ of $n$ rows and two columns. The predictions
# are
#
# $$\hat y = X w + b,$$
#
# one product of matrices for all examples at once. The bias is a single number; adding it to a column of $n$
# numbers adds it to each of them, which is called broadcasting.

# %%
from d2l_repro.scratch import linreg, squared_loss

print(inspect.getsource(linreg))

# %% [markdown]
# A loop over the elements would give the same numbers. It is slow for a reason worth knowing: each turn of
# the loop is Python code that hands one addition to MXNet, and the handing over takes far longer than the
# addition. The chapter measures this for two vectors of 1,000 numbers:

# %%
loop = linear_regression.seconds_to_add(linear_regression.one_by_one)
vectors = linear_regression.seconds_to_add(linear_regression.nd.add)
f"element by element, the addition takes {loop / vectors:,.0f} times as long"

# %% [markdown]
# ## The loss
#
# The loss of one example is half its squared error, and the loss of the model is the mean over the examples:
#
# $$\ell_i = \tfrac12 (\hat y_i - y_i)^2, \qquad L(w, b) = \frac1n \sum_{i=1}^n \ell_i.$$
#
# Squaring makes a large error count more than two small ones. The half is there for the derivative: $\partial
# \ell_i / \partial \hat y_i = \hat y_i - y_i$, without a factor 2. There is a deeper reason for the square.
# If the noise is normal, the probability of the labels is largest where the sum of squares is smallest.
#
# The labels have the shape `(n,)` and the predictions `(n, 1)`. Subtracting one from the other would
# broadcast to an `(n, n)` table of all differences, and training would quietly go wrong. So the loss gives
# both one shape first:

# %%
print(inspect.getsource(squared_loss))

# %% [markdown]
# ## One step of gradient descent
#
# By the chain rule, the gradient of the mean loss is
#
# $$\nabla_w L = \frac1n X^\top (\hat y - y), \qquad
# \frac{\partial L}{\partial b} = \frac1n \sum_i (\hat y_i - y_i).$$
#
# A step of minibatch stochastic gradient descent, SGD, moves each parameter against its gradient, which is
# computed on a small random batch $\mathcal B$ instead of all examples:
#
# $$w \leftarrow w - \eta\, \nabla_w L_{\mathcal B}, \qquad
# b \leftarrow b - \eta\, \frac{\partial L_{\mathcal B}}{\partial b}.$$
#
# The learning rate $\eta$ is 0.03 here. A batch of ten gives a noisy gradient, but a hundred noisy steps lead
# further than one exact step of the same cost.
#
# The model from scratch has all of this in a few lines. `attach_grad` reserves the memory for the gradients:

# %%
print(inspect.getsource(linear_regression.from_scratch))

# %% [markdown]
# Autograd records what is computed, and goes backwards through it. On one batch, its gradient is that of the
# formula. It is the gradient of the *sum* of the losses, so the formula is taken without $1/n$; the optimizer
# divides by the batch size later.

# %%
from mxnet import autograd, nd

seed_everything(0)
model = linear_regression.from_scratch(hp, data)
X, y = next(iter(data.train_iter))
with autograd.record():
    losses = model.loss(model.net(X), y)
losses.backward()
w, b = model.params
by_formula = nd.dot(X.T, model.net(X) - y.reshape((-1, 1)))
w.grad.asnumpy().ravel(), by_formula.asnumpy().ravel()

# %% [markdown]
# ## Training
#
# An epoch is one pass over the 1,000 examples in random order, that is a hundred steps. The chapter calls the
# project's one loop, `train_ch3`, under which each batch goes through the same four stages: predictions,
# losses, `backward`, `step`. After each epoch the loss over all examples is measured, as the book does.

# %%
print(inspect.getsource(linear_regression.train))

# %% [markdown]
# The seeds are set again, so that data and initial weights are those of the chapter's own run.

# %%
seed_everything(0)
data = linear_regression.data(hp, Options())
scratch = linear_regression.from_scratch(hp, data)
history = linear_regression.train(scratch, data, hp)
print(history)

# %% [markdown]
# The second epoch divides the loss by some two hundred and sixty, the third only by three: it has come to a
# floor. The floor is not 0. Even the true weights leave the noise, whose mean half square is $0.01^2 / 2 =
# 0.00005$. A loss far below it would mean that the model has learned the noise of these examples.
#
# ## The same with Gluon
#
# `Dense(1)` is the product and the bias, `L2Loss` the half square, `Trainer` the step.

# %%
print(inspect.getsource(linear_regression.with_gluon))

# %%
seed_everything(0)
data = linear_regression.data(hp, Options())
gluon = linear_regression.with_gluon(hp, data)
gluon_history = linear_regression.train(gluon, data, hp)
runs = {
    "scratch": RunResult("scratch", "", 0, history),
    "gluon": RunResult("gluon", "", 0, gluon_history),
}
title = f"The loss over all examples falls to {{train_loss:.2g}}, noise alone gives {hp.noise**2 / 2:.2g}"
plot.training_curves(runs, title, log=True)

# %% [markdown]
# Similar curves prove little: a wrong factor can hide in them. `same_path` starts both models from the same
# parameters, trains them on the same batches in double precision, and compares every parameter after every
# step.

# %%
from d2l_repro.verify.parity import same_path

pair = (linear_regression.from_scratch(hp, data), linear_regression.with_gluon(hp, data))
print(same_path(*pair, data.train_iter, hp.batch_size))

# %% [markdown]
# ## Learned, true, and exact
#
# Linear regression is one of the few models with a closed form. Where the loss is smallest its gradient is
# zero, and with a column of ones for the bias that gives the normal equations
#
# $$X^\top X\, w = X^\top y.$$

# %%
print(inspect.getsource(linear_regression.closed_form))

# %%
exact_w, exact_b = linear_regression.closed_form(x, labels.asnumpy())
learned = linear_regression.learned_weights(scratch, data, history)
exact = {"w[0]": exact_w[0], "w[1]": exact_w[1], "b": exact_b}
truth = {"w[0]": 2, "w[1]": -3.4, "b": 4.2}
table(
    {"weight": name, "true": truth[name], "SGD": learned[name], "closed form": exact[name]} for name in truth
)

# %% [markdown]
# SGD is close to the closed form, and the closed form is close to the truth. What is left between them has
# two different causes. The closed form misses the truth because 1,000 noisy examples do not determine it
# better, about $0.01/\sqrt{1000}$ for each weight. SGD misses the closed form because its last steps are
# still noisy. Why use SGD at all? Because no later model has a closed form.
#
# ## What was published
#
# The table has every number of this chapter that was printed somewhere, the values of this notebook, those of
# the project's full run, and the interval in which one more run of ours lies by our own seeds. The verdict
# says whether the published number lies in it, too.

# %%
own = {
    "scratch": {**history.last_numbers(), "epoch1_loss": history[0]["train_loss"]},
    "gluon": {**gluon_history.last_numbers(), "epoch1_loss": gluon_history[0]["train_loss"]},
    "data": {"first_label": labels[0].asscalar().item()},
}
published_table("linear_regression", own)

# %% [markdown]
# Some numbers come from a Mac, whose MXNet draws another random stream. They are judged by our runs on those
# data.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. A larger learning rate.** At 0.03 the loss reaches its floor in the third epoch. One of 0.3 and 3 gets
# there in the first. Which one, and what becomes of the other? And is the floor of the faster one as low as
# it was?

# %% tags=["skip-execution"]
for lr in (0.3, 3.0):
    run = linear_regression.run(linear_regression.HParams(lr=lr), impl="scratch").find("scratch")
    print(f"lr {lr}: {run.status.value}. {run.message}\n{run.history}")

# %% [markdown]
# **2. More noise.** Make the noise ten times as large. By which factor does the floor of the loss rise, and
# by which factor does the error of the weights? Only one of them is 10.

# %% tags=["skip-execution"]
noisy = linear_regression.run(linear_regression.HParams(noise=0.1))
print(noisy.find("scratch").metrics["train_loss"] / history[-1]["train_loss"])
table(noisy.tables["True and learned weights"])

# %% [markdown]
# ## Exercise
#
# Write the parts yourself: `linreg` (the model), `squared_loss`, `sgd` (the step), `data_iter` (minibatches
# in random order) and `mean_step` (what changes if the loss is a mean). The checker says what is wrong and
# where.
#
# ```
# d2l-repro exercise start linreg
# d2l-repro exercise check linreg
# ```
