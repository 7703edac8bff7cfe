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
# # Arrays, broadcasting and gradients
#
# The three things that every later chapter takes for granted: how arrays of different shapes are combined,
# why computing in place matters, and how a program is differentiated. Each rule is stated, used, and checked.
#
# It follows a reader's notes on MXNet, after sections 2.2 to 2.3 of *Dive into Deep Learning*, first edition.
# The notes themselves are in `chapters/ndarray_autograd.py`, where every statement is a test. This notebook
# takes a few seconds and needs no data.

# %%
# %matplotlib inline

from chapters import ndarray_autograd
from d2l_repro.results import plot

result = ndarray_autograd.run()
result.statements(), list(result.notes)

# %% [markdown]
# The chapter has just been run: each of its statements was executed, and its output compared with the one
# that the notes give. Here is one of the notes as the chapter stores it:

# %%
from d2l_repro.results.formatting import note_sections

for prose, session in note_sections(result.notes["Broadcasting"])[:2]:
    print(f"{prose}\n\n{session}\n")

# %% [markdown]
# ## Two rules of broadcasting
#
# Elementwise operations need equal shapes. If they are not equal, MXNet makes them so, by two rules:
#
# 1. The array with fewer axes gets axes of length 1 in front. 2. An axis of length 1 is repeated until it has
# the length of the other one.
#
# The result has the longer of both lengths in each axis. Any other difference is an error. So $(2, 3)$ and
# $(3,)$ fit, since the vector becomes a row; $(2, 3)$ and $(2,)$ do not, though one might wish that the
# vector were a column.

# %%
from mxnet import autograd, nd

column, row = nd.arange(4).reshape((4, 1)), nd.arange(3)
shapes = {"(4, 1) and (3,)": (column + row).shape, "(2, 3) and (3,)": (nd.ones((2, 3)) + row).shape}
try:
    nd.ones((2, 3)) + nd.ones(2)
except Exception as error:
    shapes["(2, 3) and (2,)"] = str(error).strip().splitlines()[-1][-60:]
shapes

# %% [markdown]
# A mistake that costs hours: predictions of shape $(n, 1)$ minus labels of shape $(n,)$. Both rules apply,
# and the result is a table of all $n^2$ differences. Its mean is a number, training runs, and learns
# nonsense. The loop of this project refuses such a loss.

# %%
y_hat, y = nd.ones((100, 1)), nd.ones(100)
(y_hat - y).shape

# %% [markdown]
# ## In place or not
#
# `y = y + x` makes a new array and gives it the old name. `y[:] = y + x` writes the sum into the old array.
# For an optimizer the difference is everything: the net refers to the array of its parameters, and would
# never see a new one.

# %%
W = nd.ones(3)
net = lambda X: nd.dot(X, W)  # noqa: E731
W_before = W
W = W - 0.5  # a new array: the function below uses the global name, so it sees it
print(net(nd.ones((1, 3))).asscalar(), W_before.asnumpy())
W_before -= 0.25  # the old array, in place
print(W_before.asnumpy(), W.asnumpy())

# %% [markdown]
# ## Differentiating a program
#
# Under `autograd.record()`, MXNet writes down every operation. `backward` goes through that list in reverse,
# and multiplies derivatives, as the chain rule says. For $y = f(g(x))$,
#
# $$\frac{\mathrm dy}{\mathrm dx} = f'(g(x))\, g'(x).$$
#
# It needs no formula of the whole, only the derivative of each single operation. The gradient of $y = 2\,
# x^\top x$ is $4x$:

# %%
x = nd.arange(4)
x.attach_grad()
with autograd.record():
    y = 2 * nd.dot(x, x)
y.backward()
x.grad.asnumpy(), (4 * x).asnumpy()

# %% [markdown]
# What is recorded is what was *executed*. A loop whose length depends on the data is no problem. This
# function of the notes doubles a number until it is large, and triples it if it is negative. Its graph
# consists of straight pieces through the origin. On each piece the derivative is $f(x)/x$:

# %%


def until_large(x):
    y = x
    while y.abs().asscalar() < 100:
        y = 2 * y
    return 3 * y if y.asscalar() < 0 else y


xs = [i / 10 for i in range(-100, 101) if i]
values, slopes = [], []
for number in xs:
    x = nd.array([number])
    x.attach_grad()
    with autograd.record():
        y = until_large(x)
    y.backward()
    values.append(y.asscalar().item())
    slopes.append(x.grad.asscalar().item())
# where the loop turns once more or less often, a gap in place of a line: there the function jumps
breaks = [i for i in range(1, len(xs)) if slopes[i] != slopes[i - 1]]
pieces = [[*part] for part in (xs, values, slopes)]
for i in reversed(breaks):
    for part in pieces:
        part.insert(i, float("nan"))
xs, values, slopes = pieces
panels = {"value": (xs, {"f(x)": values}), "gradient": (xs, {"f'(x)": slopes})}
plot.functions(panels, "x", f"A program with a loop is linear in pieces, {len(breaks) + 1} of them here")

# %% [markdown]
# Autograd reports the slope of the piece that was executed. It does not see the jumps between the pieces,
# where there is no derivative.
#
# ## A check that needs no autograd
#
# Central differences approximate any derivative by two values,
#
# $$f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}, \qquad \text{error} \approx \frac{h^2}{6} f'''(x) +
# \frac{\varepsilon\, |f(x)|}{h}.$$
#
# The first part of the error falls with $h$, the second, from rounding, grows. So there is a best $h$, and it
# depends on the precision. Here for $f = \tanh$ at 0.5:

# %%
import numpy as np

steps = np.geomspace(1e-12, 1e-1, 45)
errors = {}
for dtype in ("float32", "float64"):
    x, exact = np.array(0.5, dtype), 1 - np.tanh(0.5) ** 2
    h = steps.astype(dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (np.tanh(x + h) - np.tanh(x - h)) / ((x + h) - (x - h))
    error = np.abs(slope - exact)
    seen = np.isfinite(error) & (error > 0)
    errors[dtype] = (steps[seen], error[seen])
best = {dtype: (h[error.argmin()], error.min()) for dtype, (h, error) in errors.items()}
title = "The error of central differences of tanh at 0.5 is least near h = "
title += " and ".join(f"{h:.0e} in {dtype}" for dtype, (h, _) in best.items())
best_points = {dtype: ([h], [error]) for dtype, (h, error) in best.items()}
plot.lines(
    errors, "h (hollow: the best)", "error of the derivative", title, logx=True, logy=True, points=best_points
)

# %% [markdown]
# This is why all checks of gradients in this project are made in double precision.
#
# ## What was published
#
# The notes are statements, not numbers. The chapter checks all of them, and the count is at the top.
#
# ## Two things to try
#
# These cells are yours to run. Write your answer down first.
#
# **1. Gradients that add up.** `backward` normally replaces the gradient. With `grad_req="add"` it adds to
# it. What is the gradient of $x^2$ at 3 after three calls, in each of the two modes?

# %% tags=["skip-execution"]
for mode in ("write", "add"):
    x = nd.array([3.0])
    x.attach_grad(grad_req=mode)
    for _ in range(3):
        with autograd.record():
            y = x**2
        y.backward()
    print(mode, x.grad.asscalar())

# %% [markdown]
# **2. A constant in disguise.** `detach` cuts the history of an array. What is the gradient of $x \cdot x^2$
# at 2, and what is it if the square is detached? One of them is $3x^2$.

# %% tags=["skip-execution"]
for cut in (False, True):
    x = nd.array([2.0])
    x.attach_grad()
    with autograd.record():
        square = x**2
        y = x * (square.detach() if cut else square)
    y.backward()
    print("detached" if cut else "recorded", x.grad.asscalar())

# %% [markdown]
# ## Exercise
#
# `linreg` asks for a first function of arrays, `squared_loss` for one in which shapes matter.
#
# ```
# d2l-repro exercise start squared_loss
# d2l-repro exercise check squared_loss
# ```
