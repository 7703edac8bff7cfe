"""Exercises on optimizers and a learning-rate schedule (chapter 7)."""

from __future__ import annotations

import math

import numpy as np

from .checks import as_nd, path, values
from .exercise import Exercise

SCALE = np.array([[1.0, 20.0], [0.2, 5.0]])  # curvature in each direction


def _descent(function, states, options, steps=50):
    """Return a step that follows an optimizer down a quadratic function, whose gradient is SCALE (p - 1)."""

    def run(f, rng):
        param = as_nd(rng.normal(size=SCALE.shape) * 3)
        kept = [as_nd(np.zeros(SCALE.shape)) for _ in states]
        yield {"param": param, **dict(zip(states, kept))}
        for t in range(1, steps + 1):
            arguments = {**options, "t": t} if "beta1" in options else options
            grad = as_nd(SCALE) * (param - 1)
            getattr(f, function)(param, grad, *kept, **arguments)
            yield {"param": param, **dict(zip(states, kept))}

    return path(run)


def momentum(param, grad, v, lr, rho):
    """Take a step of SGD with momentum, in place."""
    # v <- rho v + lr g, p <- p - v
    v[:] = rho * v + lr * grad
    param -= v


def _momentum(decay=lambda rho: rho, rate=lambda lr, rho: lr, step=lambda v, g, lr, rho: v):
    def momentum(param, grad, v, lr, rho):
        v[:] = decay(rho) * v + rate(lr, rho) * grad
        param -= step(v, grad, lr, rho)

    return momentum


def _momentum_rebinds(param, grad, v, lr, rho):
    v = rho * v + lr * grad
    param -= v


def _param_rebinds(param, grad, v, lr, rho):
    v[:] = rho * v + lr * grad
    param = param - v


def _momentum_late(param, grad, v, lr, rho):
    param -= v
    v[:] = rho * v + lr * grad


def _unscaled_velocity(param, grad, v, lr, rho):
    v[:] = rho * v + grad
    param -= lr * v


def _added_velocity(param, grad, v, lr, rho):
    v[:] = rho * v - lr * grad
    param += v


MOMENTUM_OPTIONS = {"lr": 0.02, "rho": 0.9}
MOMENTUM = Exercise(
    "momentum",
    {"momentum": momentum},
    [_descent("momentum", ["v"], MOMENTUM_OPTIONS, steps=n) for n in (1, 3, 50)],
    {
        "average": _momentum(rate=lambda lr, rho: (1 - rho) * lr),
        "forgets": _momentum_rebinds,
        "rebinds": _param_rebinds,
        "nesterov": _momentum(step=lambda v, g, lr, rho: rho * v + lr * g),
        "rate twice": _momentum(step=lambda v, g, lr, rho: lr * v),
        "late": _momentum_late,
        "climbs": _momentum(step=lambda v, g, lr, rho: -v),
        "unscaled": _unscaled_velocity,
        "added": _added_velocity,
        "1 - rho": _momentum(decay=lambda rho: 1 - rho),
    },
)


def rmsprop(param, grad, s, lr, rho, epsilon):
    """Take a step of RMSProp, in place."""
    # s <- rho s + (1 - rho) g^2, p <- p - lr g / sqrt(s + epsilon)
    s[:] = rho * s + (1 - rho) * grad**2
    param -= lr * grad / (s + epsilon).sqrt()


def _rmsprop(
    old=lambda rho: rho, new=lambda rho: 1 - rho, square=lambda g: g**2, root=lambda s, e: (s + e).sqrt()
):
    def rmsprop(param, grad, s, lr, rho, epsilon):
        s[:] = old(rho) * s + new(rho) * square(grad)
        param -= lr * grad / root(s, epsilon)

    return rmsprop


def _rmsprop_forgets(param, grad, s, lr, rho, epsilon):
    rmsprop(param, grad, s.copy(), lr, rho, epsilon)


RMSPROP_OPTIONS = {"lr": 0.05, "rho": 0.9, "epsilon": 1e-2}
RMSPROP = Exercise(
    "rmsprop",
    {"rmsprop": rmsprop},
    [_descent("rmsprop", ["s"], RMSPROP_OPTIONS, steps=n) for n in (1, 3, 50)],
    {
        "no root": _rmsprop(root=lambda s, e: s + e),
        "adagrad": _rmsprop(old=lambda rho: 1, new=lambda rho: 1),
        "exchanged": _rmsprop(old=lambda rho: 1 - rho, new=lambda rho: rho),
        "absolute": _rmsprop(square=lambda g: g.abs()),
        "outside": _rmsprop(root=lambda s, e: s.sqrt() + e),
        "no average": _rmsprop(new=lambda rho: 1),
        "forgets": _rmsprop_forgets,
    },
)


def adam(param, grad, v, s, t, lr, beta1, beta2, epsilon):
    """Take step t of Adam, in place; t begins at 1."""
    # v <- beta1 v + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2
    v[:] = beta1 * v + (1 - beta1) * grad
    s[:] = beta2 * s + (1 - beta2) * grad**2
    # Both averages start at 0 and are too small by these factors; v and s themselves stay uncorrected.
    v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
    # p <- p - lr v_hat / (sqrt(s_hat) + epsilon)
    param -= lr * v_hat / (s_hat.sqrt() + epsilon)


def _adam(
    correct_v=True,
    correct_s=True,
    swap=False,
    root=lambda s, e: s.sqrt() + e,
    later=0,
    store=False,
    square=True,
):
    def adam(param, grad, v, s, t, lr, beta1, beta2, epsilon):
        beta1, beta2 = (beta2, beta1) if swap else (beta1, beta2)
        t = t + later
        v[:] = beta1 * v + (1 - beta1) * grad
        s[:] = beta2 * s + (1 - beta2) * (grad**2 if square else grad)
        v_hat = v / (1 - beta1**t) if correct_v else v
        s_hat = s / (1 - beta2**t) if correct_s else s
        if store:
            v[:], s[:] = v_hat, s_hat
        param -= lr * v_hat / root(s_hat, epsilon)

    return adam


def _adam_forgets(param, grad, v, s, *options, **named):
    adam(param, grad, v.copy(), s.copy(), *options, **named)


ADAM_OPTIONS = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-2}
ADAM = Exercise(
    "adam",
    {"adam": adam},
    [_descent("adam", ["v", "s"], ADAM_OPTIONS, steps=n) for n in (1, 3, 50)],
    {
        "not corrected": _adam(correct_v=False, correct_s=False),
        "s not corrected": _adam(correct_s=False),
        "v not corrected": _adam(correct_v=False),
        "betas exchanged": _adam(swap=True),
        "no root": _adam(root=lambda s, e: s + e),
        "inside": _adam(root=lambda s, e: (s + e).sqrt()),
        "t late": _adam(later=1),
        "correction kept": _adam(store=True),
        "forgets": _adam_forgets,
    },
)


def schedule(t, lr, warmup, total):
    """Return the learning rate of step t, from 0: a linear warm-up, then half a cosine down to 0."""
    if t < warmup:
        # lr (t + 1) / warmup: the first step is not lost, and the last of them has lr
        return lr * (t + 1) / warmup
    # lr (1 + cos(pi progress)) / 2, with progress from 0 to 1 over the steps after the warm-up
    return lr * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


def _schedule(first=1, progress=lambda t, warmup, total: (t - warmup) / (total - warmup), decay=None):
    decay = decay or (lambda x: (1 + math.cos(math.pi * x)) / 2)

    def schedule(t, lr, warmup, total):
        return lr * (t + first) / warmup if t < warmup else lr * decay(progress(t, warmup, total))

    return schedule


def _schedule_cases(*steps):
    return lambda rng: [{"t": t, "lr": 0.4, "warmup": 5, "total": 20} for t in steps]


SCHEDULE = Exercise(
    "schedule",
    {"schedule": schedule},
    [
        values("schedule", _schedule_cases(*range(5))),
        values("schedule", _schedule_cases(*range(5, 20))),
        values("schedule", lambda rng: [{"t": t, "lr": 1.0, "warmup": 0, "total": 10} for t in range(10)]),
    ],
    {
        "from 0": _schedule(first=0),
        "no warm-up": lambda t, lr, warmup, total: schedule(t, lr, 0, total),
        "over all": _schedule(progress=lambda t, warmup, total: t / total),
        "linear": _schedule(decay=lambda x: 1 - x),
        "whole wave": _schedule(decay=lambda x: (1 + math.cos(2 * math.pi * x)) / 2),
        "no half": _schedule(decay=lambda x: 1 + math.cos(math.pi * x)),
        "degrees": _schedule(decay=lambda x: (1 + math.cos(180 * x)) / 2),
        "not from lr": _schedule(decay=lambda x: math.cos(math.pi * x / 2)),
    },
)
EXERCISES = (MOMENTUM, RMSPROP, ADAM, SCHEDULE)
