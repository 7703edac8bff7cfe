"""Exercises on layers: batch normalization (section 5.10) and convolution (sections 5.1 and 5.3)."""

from __future__ import annotations

from mxnet import nd

from .checks import as_nd, call, gradient, observed, rows_of, shapes, values
from .exercise import GRADIENT, PATH, VALUES, Exercise, Seen
from .texts import phrase


def batch_norm(X, gamma, beta, running_mean, running_var, training, momentum, epsilon):
    """Normalize each unit: by the batch in training, by the running averages in testing."""
    mean, var = running_mean, running_var
    if training:
        mean = X.mean(axis=0)
        var = ((X - mean) ** 2).mean(axis=0)
        # average <- momentum average + (1 - momentum) new, in place
        running_mean[:] = momentum * running_mean + (1 - momentum) * mean
        running_var[:] = momentum * running_var + (1 - momentum) * var
    # Y = gamma (X - mean) / sqrt(var + epsilon) + beta
    return gamma * (X - mean) / (var + epsilon).sqrt() + beta


def _batch_norm(
    axis=0,
    ddof=0,
    root=lambda v, e: (v + e).sqrt(),
    share=lambda m: m,
    kept=True,
    testing=True,
    normalize_by_average=False,
    moves_in_testing=False,
    scale=lambda Y, gamma, beta: gamma * Y + beta,
):
    """Return batch normalization with mistakes in it."""

    def batch_norm(X, gamma, beta, running_mean, running_var, training, momentum, epsilon):
        mean, var = running_mean, running_var
        if training or not testing or moves_in_testing:
            batch_mean = X.mean(axis=axis, keepdims=True)
            squares = ((X - batch_mean) ** 2).sum(axis=axis, keepdims=True)
            batch_var = squares / (X.size // squares.size - ddof)
            if training or not testing:
                mean, var = batch_mean, batch_var
            if kept and (training or moves_in_testing):
                m = share(momentum)
                for average, new in ((running_mean, batch_mean), (running_var, batch_var)):
                    average[:] = m * average + (1 - m) * new.reshape(-1)[: len(average)]
        if normalize_by_average:
            mean, var = running_mean, running_var
        return scale((X - mean) / root(var, epsilon), gamma, beta)

    return batch_norm


def _units(rng, examples=8, units=4):
    return {
        "X": rng.normal(2, 3, size=(examples, units)),
        "gamma": rng.uniform(0.5, 2, size=units),
        "beta": rng.normal(size=units),
    }


def _running(rng, units=4):
    return {"running_mean": rng.normal(size=units), "running_var": rng.uniform(1, 4, size=units)}


def _norm_cases(training, epsilon=0.1, **sizes):
    def cases(rng):
        options = {"training": training, "momentum": 0.9, "epsilon": epsilon}
        yield {**_units(rng, **sizes), **_running(rng, sizes.get("units", 4)), **options}

    return cases


def _averages(f, rng):
    running = {name: as_nd(value) for name, value in _running(rng).items()}
    for i in range(1, 4):
        units = map(as_nd, _units(rng).values())
        call(f.batch_norm, *units, *running.values(), True, 0.8, 0.1)
        for name, value in running.items():
            yield Seen(phrase("batch_norm", "after batch", name=name, number=i), value.copy())


def _in_testing(f, rng):
    """Yield what is returned in testing, and the running averages, which have to stay as they were."""
    case = _units(rng)
    units, running = map(as_nd, case.values()), {name: as_nd(value) for name, value in _running(rng).items()}
    result = call(f.batch_norm, *units, *running.values(), False, 0.9, 0.1)
    yield Seen(phrase("batch_norm", "in testing"), result, given=rows_of(case))
    for name, value in running.items():
        yield Seen(phrase("batch_norm", "after testing", name=name), value)


BATCH_NORM = Exercise(
    "batch_norm",
    {"batch_norm": batch_norm},
    [
        shapes("batch_norm", _norm_cases(True)),
        values("batch_norm", _norm_cases(True)),
        observed(PATH, _averages),
        observed(VALUES, _in_testing),
        gradient("batch_norm", _norm_cases(True), ["X", "gamma", "beta"]),
    ],
    {
        "by example": _batch_norm(axis=1),
        "n - 1": _batch_norm(ddof=1),
        "no epsilon": _batch_norm(root=lambda v, e: v.sqrt()),
        "epsilon outside": _batch_norm(root=lambda v, e: v.sqrt() + e),
        "no root": _batch_norm(root=lambda v, e: v + e),
        "shares exchanged": _batch_norm(share=lambda m: 1 - m),
        "not kept": _batch_norm(kept=False),
        "batch in testing": _batch_norm(testing=False),
        "no scale": _batch_norm(scale=lambda Y, gamma, beta: Y),
        "shifted first": _batch_norm(scale=lambda Y, gamma, beta: gamma * (Y + beta)),
        "all units": _batch_norm(axis=(0, 1)),
        "by averages": _batch_norm(normalize_by_average=True),
        "moves in testing": _batch_norm(moves_in_testing=True),
    },
)


def batch_norm_backward(dY, X, gamma, epsilon):
    """Return the gradients of batch normalization in training w.r.t. X, gamma and beta."""
    mean = X.mean(axis=0)
    std = (((X - mean) ** 2).mean(axis=0) + epsilon).sqrt()
    X_hat = (X - mean) / std
    # Y = gamma X^ + beta, with the same gamma and beta for every example
    dgamma, dbeta = (dY * X_hat).sum(axis=0), dY.sum(axis=0)
    dX_hat = gamma * dY
    # dX = (dX^ - mean(dX^) - X^ mean(X^ dX^)) / std: mean and std depend on X, too
    dX = (dX_hat - dX_hat.mean(axis=0) - X_hat * (X_hat * dX_hat).mean(axis=0)) / std
    return dX, dgamma, dbeta


def _norm_backward(shift=1, stretch=1, scaled=True, divided=True, hat=True, reduce="sum"):
    """Return the backward pass with mistakes in it."""

    def batch_norm_backward(dY, X, gamma, epsilon):
        mean = X.mean(axis=0)
        std = (((X - mean) ** 2).mean(axis=0) + epsilon).sqrt()
        X_hat = (X - mean) / std
        dgamma = getattr(dY * (X_hat if hat else X), reduce)(axis=0)
        dbeta = getattr(dY, reduce)(axis=0)
        d = gamma * dY if scaled else dY
        dX = d - shift * d.mean(axis=0) - stretch * X_hat * (X_hat * d).mean(axis=0)
        return dX / std if divided else dX, dgamma, dbeta

    return batch_norm_backward


def _norm_gradient_cases(rng):
    for examples, units in ((6, 3), (4, 4)):
        case = _units(rng, examples, units)
        yield {
            "dY": rng.normal(size=(examples, units)),
            "X": case["X"],
            "gamma": case["gamma"],
            "epsilon": 0.1,
        }


NORM_GRADIENTS = ("dX", "dgamma", "dbeta")
BATCH_NORM_BACKWARD = Exercise(
    "batch_norm_backward",
    {"batch_norm_backward": batch_norm_backward},
    [
        shapes("batch_norm_backward", _norm_gradient_cases, NORM_GRADIENTS),
        values("batch_norm_backward", _norm_gradient_cases, NORM_GRADIENTS, GRADIENT, rtol=1e-3),
    ],
    {
        "statistics constant": _norm_backward(shift=0, stretch=0),
        "variance constant": _norm_backward(stretch=0),
        "mean constant": _norm_backward(shift=0),
        "no gamma": _norm_backward(scaled=False),
        "not divided": _norm_backward(divided=False),
        "X for X^": _norm_backward(hat=False),
        "means": _norm_backward(reduce="mean"),
    },
)


def conv2d(X, K):
    """Return the cross-correlation of images with a kernel for each output channel, as one product."""
    outputs, inputs, height, width = K.shape
    rows, columns = X.shape[2] - height + 1, X.shape[3] - width + 1
    # A window is a column of inputs * height * width numbers: for each number of the kernel, cut out all the
    # pixels that it meets, then stack.
    shifted = [X[:, :, i : i + rows, j : j + columns] for i in range(height) for j in range(width)]
    windows = nd.stack(*shifted, axis=2).reshape((len(X), inputs * height * width, rows * columns))
    # Y = K windows, with the kernels of an output channel as a row
    Y = nd.batch_dot(
        nd.broadcast_to(K.reshape((1, outputs, -1)), (len(X), outputs, windows.shape[1])), windows
    )
    return Y.reshape((len(X), outputs, rows, columns))


def _images(*sizes):
    def cases(rng):
        for batch, inputs, outputs, image, kernel in sizes:
            yield {
                "X": rng.normal(size=(batch, inputs, *image)),
                "K": rng.normal(size=(outputs, inputs, *kernel)),
            }

    return cases


def _numbers_exchanged(X, K):
    outputs, inputs, height, width = K.shape
    return conv2d(X, K.reshape((outputs, height, width, inputs)).transpose((0, 3, 1, 2)))


def _positions_exchanged(X, K):
    Y = conv2d(X, K)
    return Y.transpose((0, 1, 3, 2)).reshape(Y.shape)


ONE_CHANNEL = _images((1, 1, 1, (5, 5), (3, 3)), (2, 1, 1, (4, 4), (2, 2)))
CHANNELS = _images((2, 3, 4, (6, 5), (3, 2)), (1, 2, 2, (3, 3), (1, 1)))
CONV2D = Exercise(
    "conv2d",
    {"conv2d": conv2d},
    [
        shapes("conv2d", ONE_CHANNEL),
        values("conv2d", ONE_CHANNEL),
        shapes("conv2d", CHANNELS),
        values("conv2d", CHANNELS),
        gradient("conv2d", CHANNELS, ["X", "K"]),
    ],
    {
        "flipped": lambda X, K: conv2d(X, nd.flip(nd.flip(K, 2), 3)),
        "transposed kernel": lambda X, K: conv2d(X, K.transpose((0, 1, 3, 2))),
        "padded": lambda X, K: nd.Convolution(
            X, K, no_bias=True, kernel=K.shape[2:], num_filter=len(K), pad=tuple(k // 2 for k in K.shape[2:])
        ),
        "mean of window": lambda X, K: conv2d(X, K) / (K.shape[2] * K.shape[3]),
        "first channel": lambda X, K: conv2d(X[:, :1], K[:, :1]),
        "channels apart": lambda X, K: conv2d(X, K.sum(axis=1, keepdims=True).broadcast_to(K.shape)),
        "mean of channels": lambda X, K: conv2d(X, K) / K.shape[1],
        "numbers of a window": _numbers_exchanged,
        "kernels as columns": lambda X, K: conv2d(X, K.reshape((-1, len(K))).T.reshape(K.shape)),
        "positions": _positions_exchanged,
        "one less": lambda X, K: conv2d(X, K)[:, :, :-1, :-1],
    },
)
EXERCISES = (BATCH_NORM, BATCH_NORM_BACKWARD, CONV2D)
