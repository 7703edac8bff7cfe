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
# # Underfitting and overfitting a polynomial
#
# One and the same method fits a cubic well, too little or too much, depending on the features and on the
# number of examples that it is given. What tells the three cases apart is a second set of examples that
# training never sees.
#
# *Dive into Deep Learning*, first edition, section 3.11. The code is that of
# `chapters/polynomial_fitting.py`. It needs no data files and takes a few seconds.

# %%
# %matplotlib inline
import inspect
from functools import partial

from chapters import polynomial_fitting
from d2l_repro.experiment.chapter import Run
from d2l_repro.results import plot
from d2l_repro.results.walkthrough import published_table, table
from d2l_repro.settings import Options
from d2l_repro.train.callbacks import seed_everything

hp = polynomial_fitting.HParams()
hp

# %% [markdown]
# ## Two kinds of error
#
# What a model is good for is its *generalization error*: the mean loss over examples from the same source
# that it has not seen. Nobody can compute that mean. The *test loss* estimates it from examples that were put
# aside. The *training loss* does not, since the parameters were chosen to make it small.
#
# The examples come from a polynomial of degree three, with noise:
#
# $$y = 1.2\,x - 3.4\,x^2 + 5.6\,x^3 + 5 + \epsilon, \qquad x \sim \mathcal N(0, 1), \quad
# \epsilon \sim \mathcal N(0, 0.1^2).$$
#
# There are a hundred for training and a hundred for testing. A linear model can fit a cubic, as long as it is
# given the powers of $x$ as features. It is linear in the weights, and that is what counts:
#
# $$\hat y = w_1 x + w_2 x^2 + w_3 x^3 + b.$$

# %%
seed_everything(0)
data = polynomial_fitting.data(hp, Options())
(X, y), (X_test, y_test) = data.source
X.shape, X_test.shape

# %% [markdown]
# The features differ a lot in size. With $x = 2$, the third feature is 8, and its gradient is eight times as
# large as it would be at 1. That is why the learning rate is as small as 0.01, and why a hundred epochs are
# needed.
#
# ## Model and training
#
# Model, loss and optimizer are those of linear regression, with as many weights as there are features. The
# initial weights are drawn as Gluon does by default, uniformly from -0.07 to 0.07.

# %%
print(inspect.getsource(polynomial_fitting.from_scratch))

# %% [markdown]
# What is new is in `train`: after each epoch, the loss is measured over the whole training set and over the
# whole test set. Both are measured with the same parameters, so they can be compared.

# %%
print(inspect.getsource(polynomial_fitting.train))

# %% [markdown]
# Three variants, which differ only in their settings: all three powers; $x$ alone; and all powers, but the
# first two examples only. `train_run` seeds everything, draws the data, and builds and trains the model, as
# the chapter's own run does.

# %%
variants = {run.variant: run for run in polynomial_fitting.runs(hp) if run.impl == "scratch"}
table(
    {"variant": name, "powers": run.hp.degree, "examples": run.hp.num_train, "batch": run.hp.batch_size}
    for name, run in variants.items()
)


# %%
def draw(result, given, num_examples=100):
    examples = (X[:num_examples], y[:num_examples])
    beside = partial(polynomial_fitting.draw_fits, {"scratch": result}, examples, (X_test, y_test))
    title = polynomial_fitting.fit_title(given, [result], hp.noise)
    return plot.training_curves({"scratch": result}, title, log=True, beside=beside)


# %% [markdown]
# ## A model that fits
#
# With all powers, both losses fall together and end close to the floor, half the variance of the noise:
# $0.1^2 / 2 = 0.005$.

# %%
cubic = polynomial_fitting.chapter.train_run(variants["cubic"])
draw(cubic, "all powers of x")

# %% [markdown]
# ## Underfitting
#
# Given $x$ alone, the model can only draw a line. Both losses stay high, however long it is trained, and the
# gap between them says little. A high *training* loss is the sign: the model cannot even describe what it
# sees. More examples would not help; more features would.

# %%
linear = polynomial_fitting.chapter.train_run(variants["linear"])
draw(linear, "x alone")

# %% [markdown]
# ## Overfitting
#
# Given two examples and four parameters, infinitely many cubics go through both points, and training finds
# one of them. The training loss goes towards 0, and the test loss stays ten thousand times the floor. The gap
# *between* the losses is the sign. More features would make it worse; more examples would help.

# %%
two = polynomial_fitting.chapter.train_run(variants["two examples"])
draw(two, "two examples", 2)

# %% [markdown]
# The same three cases as numbers. Only the first one has found the truth.

# %%
from d2l_repro.train.parameters import book_arrays

weights = {}
for run in (cubic, linear, two):
    w, b = book_arrays(run.model)
    weights[run.variant] = [*w[:, 0].tolist(), *[float("nan")] * (3 - len(w)), b.item()]
truth = {"true": [*polynomial_fitting.TRUE_W, float(polynomial_fitting.TRUE_B)]}
table(
    {"weights": name, **dict(zip(("x", "x^2", "x^3", "b"), values))}
    for name, values in {**truth, **weights}.items()
)

# %% [markdown]
# ## With Gluon
#
# `Dense(1)` on the powers, and the same steps:

# %%
from d2l_repro.verify.parity import same_path

pair = (polynomial_fitting.from_scratch(hp, data), polynomial_fitting.with_gluon(hp, data))
print(same_path(*pair, data.train_iter, hp.batch_size))

# %% [markdown]
# ## What was published
#
# The book's numbers were drawn on a Mac, from another random stream than Linux has, so that examples and
# losses differ. The chapter can draw that stream as well (`--stream macos`), and the verdict is about those
# runs.

# %%
own = {run.name: run.metrics for run in (cubic, linear, two)}
published_table("polynomial_fitting", own)

# %% [markdown]
# The losses of the line differ by a factor of three between the platforms. Nothing is wrong with either. They
# depend on a few examples far out, where the cubic is in the hundreds, and which set these fall into is
# chance. In this run the test set got more of them, so the test loss is the larger one; in the book's run it
# was the other way round.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. The square instead of the cube.** With a degree of 2, the model has $x$ and $x^2$. Is that half way to
# a good fit? Guess the training loss before you look, between 44 for the line and 0.007 for the cubic.

# %% tags=["skip-execution"]
square = Run("scratch", "square", polynomial_fitting.from_scratch, hp.replace(degree=2))
draw(polynomial_fitting.chapter.train_run(square), "x and its square")

# %% [markdown]
# **2. How many examples does a cubic need?** Four parameters can be computed from four points without noise.
# Do four noisy examples suffice for gradient descent? Do twelve? Look at both losses.

# %% tags=["skip-execution"]
for count in (4, 12, 50):
    few = polynomial_fitting.run(
        polynomial_fitting.HParams(num_train=count, batch_size=min(10, count)),
        impl="scratch",
        only=("cubic",),
    )
    print(count, few.find("scratch", "cubic").metrics)

# %% [markdown]
# ## Exercise
#
# `polynomial_features` asks for the powers of $x$, and `training_loss` for what the training loss can and
# cannot be.
#
# ```
# d2l-repro exercise start polynomial_features
# d2l-repro exercise check polynomial_features
# ```
