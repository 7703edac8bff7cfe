"""NDArray and automatic differentiation: notes that are run.

A reader's article of notes on MXNet, after sections 2.2 to 2.3 of *Dive into Deep Learning*.

How arrays of different shapes meet, how they go to NumPy and come back, how random numbers are drawn, and how
MXNet finds the gradient of whatever was computed while it was recording.

Nothing is trained here. Every statement is run and held to the output below it. Expect all to hold, with
every seed.
"""

from mxnet import autograd, nd  # noqa: F401  (the notes use nd)

from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.notes import showing


def standard_errors(sample, mean, variance):
    """How many standard errors a sample's mean lies from the mean of its distribution; hardly ever more than
    5."""
    return abs(sample.mean().asscalar() - mean) / (variance / sample.size) ** 0.5


def until_large(x):
    """Double a number until it is 100 or more in size, and triple what is negative then."""
    y = x
    while y.abs().asscalar() < 100:
        y = 2 * y
    if y.asscalar() < 0:
        y = 3 * y
    return y


def gradient(f, x):
    """The gradient of f at x, by autograd."""
    x.attach_grad()
    with autograd.record():
        y = f(x)
    y.backward()
    return x.grad


NOTES = {
    "An NDArray has a shape, a size and a type": """
        Every note begins with this import, and with random numbers of its own.

        >>> from mxnet import autograd, nd

        `arange` counts like Python's range, but in 32-bit floats, MXNet's usual type.

        >>> x = nd.arange(12)
        >>> x.shape, x.size
        ((12,), 12)
        >>> x.dtype
        <class 'numpy.float32'>

        `reshape` lays the same numbers out anew, row by row. One length may be left to be found: -1.

        >>> x.reshape((3, 4))
        [[ 0.  1.  2.  3.]
         [ 4.  5.  6.  7.]
         [ 8.  9. 10. 11.]]
        <NDArray 3x4 @cpu(0)>
        >>> x.reshape((-1, 6)).shape
        (2, 6)
        """,
    "Arithmetic goes element by element": """
        The operators and functions of mathematics take each element with its counterpart; so does a comparison, which
        gives 1 for true and 0 for false.

        >>> x, y = nd.array([1, 2, 4]), nd.array([4, 2, 1])
        >>> x * y
        [4. 4. 4.]
        <NDArray 3 @cpu(0)>
        >>> x > y
        [0. 0. 1.]
        <NDArray 3 @cpu(0)>

        `dot` is the product of matrices instead, and of two vectors their inner product. `sum` gives an array of one
        element, which `asscalar` makes a number of Python's.

        >>> nd.dot(x, y).asscalar() == (x * y).sum().asscalar() == 12
        True
        >>> nd.dot(nd.ones((2, 3)), nd.ones((3, 4))).shape
        (2, 4)
        """,
    "Broadcasting, first rule: an axis of length 1 is put in front": """
        Where one array has fewer axes than the other, axes of length 1 are put in front of its own: a vector is taken
        for a row.

        >>> A, x = nd.zeros((2, 3)), nd.arange(3)
        >>> A + x
        [[0. 1. 2.]
         [0. 1. 2.]]
        <NDArray 2x3 @cpu(0)>
        >>> (A + x == A + x.reshape((1, 3))).asnumpy().all()
        True

        In front only. A vector of length 2 does not become a column by itself; it has to be reshaped to be one.

        >>> A + nd.arange(2)
        MXNetError: ... operands could not be broadcast together with shapes [2,3] [2]
        >>> A + nd.arange(2).reshape((2, 1))
        [[0. 0. 0.]
         [1. 1. 1.]]
        <NDArray 2x3 @cpu(0)>
        """,
    "Broadcasting, second rule: an axis of length 1 is stretched": """
        An axis of length 1 is repeated until it is as long as the other array's. Both may be stretched: a column
        and a row make a table.

        >>> column, row = nd.arange(3).reshape((3, 1)), nd.arange(2).reshape((1, 2))
        >>> column + row
        [[0. 1.]
         [1. 2.]
         [2. 3.]]
        <NDArray 3x2 @cpu(0)>

        `broadcast_to` does by name what the operator does silently.

        >>> (column + row == column.broadcast_to((3, 2)) + row.broadcast_to((3, 2))).asnumpy().all()
        True

        Any other length is left as it is, even where it would fit several times.

        >>> nd.ones((4, 3)) + nd.ones((2, 3))
        MXNetError: ... operands could not be broadcast together with shapes [4,3] [2,3]
        """,
    "Broadcasting by both rules": """
        First the axes, then the lengths: (3, 1) becomes (1, 3, 1), and then it is stretched to (2, 3, 4).

        >>> X, y = nd.random.normal(shape=(2, 3, 4)), nd.random.normal(shape=(3, 1))
        >>> (X * y).shape
        (2, 3, 4)
        >>> by_hand = nd.stack(*(nd.stack(*(X[i, j] * y[j] for j in range(3))) for i in range(2)))
        >>> (X * y == by_hand).asnumpy().all()
        True
        """,
    "Parts of an array": """
        An index takes a row, a slice several; what is written there is written into the array.

        >>> X = nd.arange(6).reshape((3, 2))
        >>> X[1:3] = 9
        >>> X[0, 1] = 7
        >>> X
        [[0. 7.]
         [9. 9.]
         [9. 9.]]
        <NDArray 3x2 @cpu(0)>

        A slice of the first axis is a view: there is one memory behind the two names. What is taken of another axis is
        a copy.

        >>> rows, column = X[:2], X[:, 0]
        >>> rows[:] = 1
        >>> column[:] = 5
        >>> X
        [[1. 1.]
         [1. 1.]
         [9. 9.]]
        <NDArray 3x2 @cpu(0)>
        """,
    "What is computed in place, and what is not": """
        `y = y + x` makes a new array. `y[:] = ...` and `y += x` write into the one that is there, which matters where
        it is large, or where somebody else holds it: a net holds its parameters.

        >>> x, y = nd.ones(3), nd.ones(3)
        >>> held = y
        >>> y = y + x
        >>> y is held
        False
        >>> y = held
        >>> y[:] = y + x
        >>> y += x
        >>> y is held
        True
        >>> held
        [3. 3. 3.]
        <NDArray 3 @cpu(0)>

        `y[:] = y + x` still keeps the sum somewhere before it is copied. With `out` it is written where it belongs.

        >>> nd.elemwise_add(x, y, out=y) is held
        True
        >>> held.sum().asscalar()
        12.0
        """,
    "From NDArray to NumPy and back": """
        `asnumpy` waits until MXNet has computed the array, and gives a copy.

        >>> x = nd.ones((2, 3))
        >>> a = x.asnumpy()
        >>> type(a)
        <class 'numpy.ndarray'>
        >>> a[:] = 100
        >>> x.sum().asscalar()
        6.0

        `nd.array` copies too. It makes 32-bit floats of all there is, unless it is told otherwise; NumPy's own are of
        64 bits.

        >>> y = nd.array(a.astype("float64") / 3)
        >>> y.dtype, nd.array(a, dtype="int32").dtype
        (<class 'numpy.float32'>, <class 'numpy.int32'>)

        There and back an array of 32-bit floats stays as it is, every bit.

        >>> (nd.array(y.asnumpy()) == y).asnumpy().all()
        True

        `from_numpy` copies nothing: both then have one memory, and NumPy may not write into it any more. NumPy does not
        wait either: MXNet computes while Python goes on, and has to be waited for before its memory is looked at.

        >>> shared = nd.from_numpy(a)
        >>> shared[0] = 5
        >>> shared.wait_to_read()
        >>> a[0]
        array([5., 5., 5.], dtype=float32)
        >>> a[0] = 6
        ValueError: assignment destination is read-only
        """,
    "A seed begins the random numbers anew": """
        From one seed come the same numbers again and again, as long as they are asked for in the same order.

        >>> import mxnet as mx
        >>> mx.random.seed(7)
        >>> first = nd.random.uniform(shape=5)
        >>> mx.random.seed(7)
        >>> (nd.random.uniform(shape=5) == first).asnumpy().all()
        True
        >>> (nd.random.uniform(shape=5) == first).asnumpy().any()
        False

        NumPy's numbers are NumPy's: MXNet's seed says nothing of them.

        >>> import numpy as np
        >>> np.random.seed(7)
        >>> other = np.random.rand()
        >>> mx.random.seed(7)
        >>> np.random.rand() == other
        False
        """,
    "Uniform random numbers": [
        """
        A sample's mean differs from its distribution's by a few standard errors. That, unlike the digits, is the same
        with every seed.
        """,
        standard_errors,
        """
        Uniform numbers from -1 to 3 have the mean 1 and the variance 4 * 4 / 12.

        >>> x = nd.random.uniform(-1, 3, shape=(100, 100))
        >>> -1 <= x.min().asscalar() < -0.9, 2.9 < x.max().asscalar() <= 3
        (True, True)
        >>> standard_errors(x, 1, 16 / 12) < 5
        True

        As many of them lie below 0 as the interval says: a quarter.

        >>> standard_errors(x < 0, 1 / 4, 1 / 4 * 3 / 4) < 5
        True
        """,
    ],
    "Normal random numbers": """
        `normal` is given the standard deviation, not the variance. Their squared distances from the mean tell: those
        have the variance for mean, and twice its square for variance.
        >>> x = nd.random.normal(2, 3, shape=(100, 100))
        >>> standard_errors(x, 2, 9) < 5
        True
        >>> standard_errors((x - 2) ** 2, 9, 2 * 81) < 5
        True

        Two of three, 0.6827, are nearer to the mean than one standard deviation.

        >>> standard_errors((x - 2).abs() < 3, 0.6827, 0.6827 * (1 - 0.6827)) < 5
        True
        """,
    "Poisson random numbers": """
        How often something happens that happens 4 times on average: whole numbers from 0, with a variance that equals
        the mean. MXNet gives them as floats.
        >>> x = nd.random.poisson(4, shape=(100, 100))
        >>> x.dtype
        <class 'numpy.float32'>
        >>> (x == x.floor()).asnumpy().all(), x.min().asscalar() >= 0
        (True, True)
        >>> standard_errors(x, 4, 4) < 5, standard_errors((x - 4) ** 2, 4, 4 + 2 * 4**2) < 5
        (True, True)

        An array of means gives a row of samples for each.

        >>> x = nd.random.poisson(nd.array([1, 100]), shape=1000)
        >>> x.shape
        (2, 1000)
        >>> standard_errors(x[0], 1, 1) < 5, standard_errors(x[1], 100, 100) < 5
        (True, True)
        """,
    "The gradient of 2 x'x is 4 x": [
        """
        `attach_grad` makes room for the gradient. What is computed under `record` is remembered, and `backward` goes
        through it in reverse.

        >>> x = nd.arange(4).reshape((4, 1))
        >>> x.attach_grad()
        >>> with autograd.record():
        ...     y = 2 * nd.dot(x.T, x)
        >>> y
        [[28.]]
        <NDArray 1x1 @cpu(0)>
        >>> y.backward()
        >>> x.grad
        [[ 0.]
         [ 4.]
         [ 8.]
         [12.]]
        <NDArray 4x1 @cpu(0)>

        The same for any function:
        """,
        gradient,
        """
        The gradient is 4 x for any x, and central differences, which know nothing of autograd, agree.

        >>> f = lambda x: 2 * nd.dot(x.T, x)
        >>> x = nd.random.normal(shape=(4, 1))
        >>> (gradient(f, x) - 4 * x).abs().max().asscalar() < 1e-5
        True
        >>> e = nd.array([[0], [0.1], [0], [0]])
        >>> slope = (f(x + e) - f(x - e)) / 0.2
        >>> (slope - 4 * x[1]).abs().max().asscalar() < 1e-3
        True
        """,
    ],
    "What backward does with an array, and with what was there": """
        An array has no gradient, its sum has: `backward` of an array is that of its sum. Weights for the sum can be
        given.

        >>> x = nd.array([1, 2, 3])
        >>> gradient(lambda x: x**2, x)
        [2. 4. 6.]
        <NDArray 3 @cpu(0)>
        >>> with autograd.record():
        ...     y = x**2
        >>> y.backward(nd.array([1, 10, 100]))

        The new gradient took the place of the old one. With `grad_req="add"` it is added.

        >>> x.grad
        [  2.  40. 600.]
        <NDArray 3 @cpu(0)>
        >>> x.attach_grad(grad_req="add")
        >>> for _ in range(3):
        ...     with autograd.record():
        ...         y = x**2
        ...     y.backward()
        >>> x.grad
        [ 6. 12. 18.]
        <NDArray 3 @cpu(0)>

        Where an element was used several times because its axis was stretched, it gets the sum over its uses.

        >>> X, y = nd.random.normal(shape=(2, 3)), nd.random.normal(shape=(2, 1))
        >>> (gradient(lambda y: X * y, y) - X.sum(axis=1, keepdims=True)).abs().max().asscalar() < 1e-5
        True
        """,
    "What is not recorded has no gradient": """
        Outside `record` nothing is remembered.

        >>> x = nd.array([3])
        >>> x.attach_grad()
        >>> y = x**2
        >>> y.backward()
        MXNetError: ... Cannot differentiate node because it is not in a computational graph...

        `detach` gives the number without its history: it counts as a constant, so that x * x**2 has the gradient x**2
        and not 3 x**2.

        >>> with autograd.record():
        ...     y = x**2
        ...     z = x * y.detach()
        >>> z.backward()
        >>> x.grad
        [9.]
        <NDArray 1 @cpu(0)>
        """,
    "Gradients of control flow": [
        """
        What is recorded is what was really done, however many turns a loop took and whichever branch was chosen.
        """,
        until_large,
        """
        From 3 it takes six turns to 192: the slope is 2 to the sixth. From -3 the result is tripled too.

        >>> until_large(nd.array([3])).asscalar(), gradient(until_large, nd.array([3])).asscalar()
        (192.0, 64.0)
        >>> until_large(nd.array([-3])).asscalar(), gradient(until_large, nd.array([-3])).asscalar()
        (-576.0, 192.0)

        The function is a line through 0 on each of its pieces, so that its slope is y / x, wherever x is.

        >>> x = nd.random.normal(shape=1)
        >>> (gradient(until_large, x) * x == until_large(x)).asnumpy().all()
        True
        """,
    ],
    "Training mode and predict mode": """
        `record` also says that this is training, `predict_mode` that it is not; `pause` stops both, for a measurement
        in the midst of it.

        >>> def modes():
        ...     return f"recording {autograd.is_recording()}, training {autograd.is_training()}"
        >>> modes()
        'recording False, training False'
        >>> with autograd.record():
        ...     print(modes())
        ...     with autograd.predict_mode():
        ...         print(modes())
        ...     with autograd.pause():
        ...         print(modes())
        recording True, training True
        recording True, training False
        recording False, training False
        >>> with autograd.train_mode():
        ...     print(modes())
        recording False, training True
        """,
    "A layer that the mode changes: dropout": """
        In predict mode dropout leaves everything as it is.

        >>> x = nd.ones((100, 100))
        >>> (nd.Dropout(x, p=0.5) == x).asnumpy().all()
        True

        In training mode it drops half of the elements, and doubles the others, so that the mean stays.

        >>> with autograd.train_mode():
        ...     y = nd.Dropout(x, p=0.5)
        >>> sorted(set(y.asnumpy().ravel().tolist()))
        [0.0, 2.0]
        >>> standard_errors(y, 1, 1) < 5
        True

        The gradient goes through the elements that were kept, with the same factor.

        >>> x.attach_grad()
        >>> with autograd.record():
        ...     y = nd.Dropout(x, p=0.5)
        >>> y.backward()
        >>> (x.grad == y).asnumpy().all()
        True
        """,
}

chapter = Chapter(name="ndarray_autograd", doc=__doc__, show=showing(NOTES, globals()))
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
