# %% [markdown]
"""NDArray and automatic differentiation: a notebook that is its own test.

A reader's notes on MXNet, after sections 2.2 to 2.3 of *Dive into Deep Learning*.

How arrays of different shapes are combined, how they are converted to NumPy and back, how random numbers are
drawn, and how MXNet differentiates whatever is computed while it is recording.

Nothing is trained here. Each statement is run, and what it shows is compared with the comment that starts
with `->`, in which `...` matches anything. All of them should hold, with every seed.
"""

# %% tags=["active-py"]
# This cell makes the script a chapter. It is not part of the notebook; skip it in an interactive window.
from d2l_repro.experiment.notebook import notebook_chapter

chapter = notebook_chapter(__file__)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)  # runs the cells below, note by note, and exits

# %%
from d2l_repro.experiment.notebook import raises  # first, as it makes MXNet work with today's NumPy

# isort: split
import mxnet as mx
import numpy as np
from mxnet import autograd, nd

# %% [markdown]
# ## Arrays and arithmetic
# Every section stands on its own and needs only the imports `import mxnet as mx`, `import numpy as np`
# and `from mxnet import autograd, nd`.
#
# `arange` counts like Python's `range`, but in 32-bit floats, MXNet's default type.

# %%
x = nd.arange(12)
x.shape, x.size  # -> ((12,), 12)
x.dtype  # -> <class 'numpy.float32'>

# `reshape` arranges the same numbers in a new shape, row by row. One length may be -1: it is inferred.
x.reshape((-1, 6)).shape  # -> (2, 6)
x.reshape((3, 4))
# -> [[ 0.  1.  2.  3.]
#     [ 4.  5.  6.  7.]
#     [ 8.  9. 10. 11.]]
#    <NDArray 3x4 @cpu(0)>

# %%
# Operators and mathematical functions work elementwise. So do comparisons, which give 1 for true and 0 for
# false.
x, y = nd.array([1, 2, 4]), nd.array([4, 2, 1])
x * y  # -> [4. 4. 4.] <NDArray 3 @cpu(0)>
x > y  # -> [0. 0. 1.] <NDArray 3 @cpu(0)>

# `dot` is the matrix product, or the inner product of two vectors. `sum` returns an array with one element,
# which `asscalar` converts to a Python number.
nd.dot(x, y).asscalar() == (x * y).sum().asscalar() == 12  # -> True
nd.dot(nd.ones((2, 3)), nd.ones((3, 4))).shape  # -> (2, 4)

# %% [markdown]
# ## Broadcasting
# First rule: the array with fewer axes gets axes of length 1 in front of its own. A vector is therefore
# treated as a row.

# %%
A, x = nd.zeros((2, 3)), nd.arange(3)
(A + x == A + x.reshape((1, 3))).asnumpy().all()  # -> True
A + x
# -> [[0. 1. 2.]
#     [0. 1. 2.]]
#    <NDArray 2x3 @cpu(0)>

# A vector never becomes a column by itself; it has to be reshaped.
with raises() as error:
    A + nd.arange(2)
error  # -> MXNetError: ... operands could not be broadcast together with shapes [2,3] [2]
A + nd.arange(2).reshape((2, 1))
# -> [[0. 0. 0.]
#     [1. 1. 1.]]
#    <NDArray 2x3 @cpu(0)>

# %% [markdown]
# Second rule: an axis of length 1 is repeated to match the other array. This can happen to both arrays: a
# column and a row make a table.

# %%
column, row = nd.arange(3).reshape((3, 1)), nd.arange(2).reshape((1, 2))
column + row
# -> [[0. 1.]
#     [1. 2.]
#     [2. 3.]]
#    <NDArray 3x2 @cpu(0)>

# `broadcast_to` does explicitly what the operator does implicitly.
(column + row == column.broadcast_to((3, 2)) + row.broadcast_to((3, 2))).asnumpy().all()  # -> True

# An axis of any other length is not repeated, even if it would fit several times.
with raises() as error:
    nd.ones((4, 3)) + nd.ones((2, 3))
error  # -> MXNetError: ... operands could not be broadcast together with shapes [4,3] [2,3]

# Both rules together: the shape (3, 1) first becomes (1, 3, 1) and then (2, 3, 4).
X, y = nd.random.normal(shape=(2, 3, 4)), nd.random.normal(shape=(3, 1))
(X * y).shape  # -> (2, 3, 4)
by_hand = nd.stack(*(nd.stack(*(X[i, j] * y[j] for j in range(3))) for i in range(2)))
(X * y == by_hand).asnumpy().all()  # -> True

# %% [markdown]
# ## Indexing, views and computing in place
# An index selects one row, a slice several. Assigning to them changes the array.

# %%
X = nd.arange(6).reshape((3, 2))
X[1:3] = 9
X[0, 1] = 7
X
# -> [[0. 7.]
#     [9. 9.]
#     [9. 9.]]
#    <NDArray 3x2 @cpu(0)>

# A slice along the first axis is a view, which shares memory with the array. Along any other axis it is a
# copy.
rows, column = X[:2], X[:, 0]
rows[:] = 1
column[:] = 5
X
# -> [[1. 1.]
#     [1. 1.]
#     [9. 9.]]
#    <NDArray 3x2 @cpu(0)>

# %% [markdown]
# `y = y + x` creates a new array. `y[:] = ...` and `y += x` overwrite the existing one in place. The
# difference matters if the array is large, or if something else refers to it, as a net to its parameters.

# %%
x, y = nd.ones(3), nd.ones(3)
original = y
y = y + x
y is original  # -> False
y = original
y[:] = y + x
y += x
y is original  # -> True
original  # -> [3. 3. 3.] <NDArray 3 @cpu(0)>

# `y[:] = y + x` still allocates memory for the sum and then copies it. `out` avoids that.
nd.elemwise_add(x, y, out=y) is original  # -> True
original.sum().asscalar()  # -> 12.0

# %% [markdown]
# ## From NDArray to NumPy and back
# `asnumpy` waits until MXNet has computed the array, and returns a copy.

# %%
x = nd.ones((2, 3))
a = x.asnumpy()
type(a)  # -> <class 'numpy.ndarray'>
a[:] = 100
x.sum().asscalar()  # -> 6.0

# `nd.array` copies too. By default it converts to 32-bit floats, whereas NumPy's own default is 64 bits.
y = nd.array(a.astype("float64") / 3)
y.dtype, nd.array(a, dtype="int32").dtype  # -> (<class 'numpy.float32'>, <class 'numpy.int32'>)

# On the way to NumPy and back, 32-bit floats keep every bit.
(nd.array(y.asnumpy()) == y).asnumpy().all()  # -> True

# `from_numpy` does not copy: the two arrays share memory, and NumPy's becomes read-only. MXNet computes in
# the background while Python goes on, so wait for it before reading that memory through NumPy.
shared = nd.from_numpy(a)
shared[0] = 5
shared.wait_to_read()
a[0]  # -> array([5., 5., 5.], dtype=float32)
with raises() as error:
    a[0] = 6
error  # -> ValueError: assignment destination is read-only

# %% [markdown]
# ## Random numbers
# The digits of a sample depend on the seed. Its mean, however, practically always lies within five standard
# errors of the distribution's mean.


# %%
def standard_errors(sample, mean, variance):
    """Return the distance of a sample's mean from the distribution's, in standard errors."""
    return abs(sample.mean().asscalar() - mean) / (variance / sample.size) ** 0.5


# Uniform numbers between -1 and 3 have mean 1 and variance 4 * 4 / 12. A quarter of them are negative.
x = nd.random.uniform(-1, 3, shape=(100, 100))
-1 <= x.min().asscalar() < -0.9, 2.9 < x.max().asscalar() <= 3  # -> (True, True)
standard_errors(x, 1, 16 / 12) < 5  # -> True
standard_errors(x < 0, 1 / 4, 1 / 4 * 3 / 4) < 5  # -> True

# %%
# `normal` takes the standard deviation, not the variance. The squared distances from the mean confirm it:
# their mean is the variance, and their variance twice its square.
x = nd.random.normal(2, 3, shape=(100, 100))
standard_errors(x, 2, 9) < 5  # -> True
standard_errors((x - 2) ** 2, 9, 2 * 81) < 5  # -> True

# About two thirds, 0.6827, lie within one standard deviation of the mean.
standard_errors((x - 2).abs() < 3, 0.6827, 0.6827 * (1 - 0.6827)) < 5  # -> True

# %%
# A Poisson variable counts events, here 4 on average. Its mean and variance are equal. MXNet returns the
# counts as floats.
x = nd.random.poisson(4, shape=(100, 100))
x.dtype  # -> <class 'numpy.float32'>
(x == x.floor()).asnumpy().all(), x.min().asscalar() >= 0  # -> (True, True)
standard_errors(x, 4, 4) < 5, standard_errors((x - 4) ** 2, 4, 4 + 2 * 4**2) < 5  # -> (True, True)

# For an array of means, each row holds the sample of one of them.
x = nd.random.poisson(nd.array([1, 100]), shape=1000)
x.shape  # -> (2, 1000)
standard_errors(x[0], 1, 1) < 5, standard_errors(x[1], 100, 100) < 5  # -> (True, True)

# %%
# Drawn side by side, one distribution is flat, one has the shape of a bell, and the counts are whole numbers.
from d2l_repro.results import plot

samples = {
    "uniform from -1 to 3": nd.random.uniform(-1, 3, shape=10000),
    "normal, mean 2, standard deviation 3": nd.random.normal(2, 3, shape=10000),
    "Poisson, mean 4": nd.random.poisson(4, shape=10000),
}
random_numbers = plot.histogram(
    {name: sample.asnumpy() for name, sample in samples.items()},
    "10,000 random numbers from each of three distributions",
    "numbers",
)
random_numbers  # -> <Figure size ... with 3 Axes>

# %% [markdown]
# ## Seeds
# The same seed gives the same numbers, provided that they are drawn in the same order.

# %%
mx.random.seed(7)
first = nd.random.uniform(shape=5)
mx.random.seed(7)
(nd.random.uniform(shape=5) == first).asnumpy().all()  # -> True
(nd.random.uniform(shape=5) == first).asnumpy().any()  # -> False

# NumPy has a generator of its own, which MXNet's seed does not affect.
np.random.seed(7)
other = np.random.rand()
mx.random.seed(7)
np.random.rand() == other  # -> False

# %% [markdown]
# ## Gradients
# `attach_grad` allocates memory for the gradient. Operations under `record` are remembered, and `backward`
# goes through them in reverse. The gradient of 2 x'x with respect to x is 4 x.

# %%
x = nd.arange(4).reshape((4, 1))
x.attach_grad()
with autograd.record():
    y = 2 * nd.dot(x.T, x)
y  # -> [[28.]] <NDArray 1x1 @cpu(0)>
y.backward()
x.grad
# -> [[ 0.]
#     [ 4.]
#     [ 8.]
#     [12.]]
#    <NDArray 4x1 @cpu(0)>


# %%
# It is 4 x at any x, and central differences, which do not use autograd, agree.
def f(x):
    """Return 2 x'x."""
    return 2 * nd.dot(x.T, x)


def gradient(f, x):
    """Return the gradient of f at x."""
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    return x.grad


x = nd.random.normal(shape=(4, 1))
(gradient(f, x) - 4 * x).abs().max().asscalar() < 1e-5  # -> True
e = nd.array([[0], [0.1], [0], [0]])
slope = (f(x + e) - f(x - e)) / 0.2
(slope - 4 * x[1]).abs().max().asscalar() < 1e-3  # -> True

# %%
# For an array, `backward` differentiates the sum of its elements, or a weighted sum if it is given weights.
x = nd.array([1, 2, 3])
gradient(lambda x: x**2, x)  # -> [2. 4. 6.] <NDArray 3 @cpu(0)>
with autograd.record():
    y = x**2
y.backward(nd.array([1, 10, 100]))

# The new gradient has replaced the old one. With `grad_req="add"` gradients accumulate.
x.grad  # -> [  2.  40. 600.] <NDArray 3 @cpu(0)>
x.attach_grad(grad_req="add")
for _ in range(3):
    with autograd.record():
        y = x**2
    y.backward()
x.grad  # -> [ 6. 12. 18.] <NDArray 3 @cpu(0)>

# If broadcasting used an element several times, its gradient is the sum over these uses.
X, y = nd.random.normal(shape=(2, 3)), nd.random.normal(shape=(2, 1))
(gradient(lambda y: X * y, y) - X.sum(axis=1, keepdims=True)).abs().max().asscalar() < 1e-5  # -> True

# %%
# What is computed outside `record` cannot be differentiated.
x = nd.array([3])
x.attach_grad()
y = x**2
with raises() as error:
    y.backward()
error  # -> MXNetError: ... Cannot differentiate node because it is not in a computational graph...

# `detach` returns the value without its history. It counts as a constant, so the gradient of x * x**2 is x**2
# here, not 3 x**2.
with autograd.record():
    y = x**2
    z = x * y.detach()
z.backward()
x.grad  # -> [9.] <NDArray 1 @cpu(0)>


# %%
# With control flow, the operations that were actually executed are differentiated.
def until_large(x):
    """Double a number until its absolute value is at least 100, then triple it if it is negative."""
    y = x
    while y.abs().asscalar() < 100:
        y = 2 * y
    return 3 * y if y.asscalar() < 0 else y


# Starting from 3, six doublings lead to 192, and the slope is 2 to the power of 6. From -3, the result is
# tripled as well.
until_large(nd.array([3])).asscalar(), gradient(until_large, nd.array([3])).asscalar()  # -> (192.0, 64.0)
until_large(nd.array([-3])).asscalar(), gradient(until_large, nd.array([-3])).asscalar()  # -> (-576.0, 192.0)

# Each piece of the function is a line through 0, so its slope is y / x at any x.
x = nd.random.normal(shape=1)
(gradient(until_large, x) * x == until_large(x)).asnumpy().all()  # -> True

# %% [markdown]
# ## Training mode and predict mode
# `record` also switches to training mode and `predict_mode` back; `pause` leaves both recording and training,
# to measure something in between.


# %%
def modes():
    """Return whether MXNet is recording and whether it is in training mode."""
    return autograd.is_recording(), autograd.is_training()


modes()  # -> (False, False)
with autograd.record():
    seen = [modes()]
    with autograd.predict_mode():
        seen.append(modes())
    with autograd.pause():
        seen.append(modes())
with autograd.train_mode():
    seen.append(modes())
seen  # -> [(True, True), (True, False), (False, False), (False, True)]

# %%
# Dropout depends on the mode. In predict mode it changes nothing.
x = nd.ones((100, 100))
(nd.Dropout(x, p=0.5) == x).asnumpy().all()  # -> True

# In training mode it sets half of the elements to 0 and doubles the others, so that the mean stays the same:
# five standard errors are 0.05.
with autograd.train_mode():
    y = nd.Dropout(x, p=0.5)
sorted(set(y.asnumpy().ravel().tolist()))  # -> [0.0, 2.0]
abs(y.mean().asscalar() - 1) < 0.05  # -> True

# The gradient passes through the elements that were kept, scaled by the same factor.
x.attach_grad()
with autograd.record():
    y = nd.Dropout(x, p=0.5)
y.backward()
(x.grad == y).asnumpy().all()  # -> True
