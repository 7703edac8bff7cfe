"""Exercises on recurrent nets (sections 6.2 to 6.8)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from mxnet import nd

from ..scratch import lstm_cell
from .checks import as_nd, call, gradient, observed, parts_of, path, shapes, values
from .compare import as_array
from .exercise import VALUES, Exercise, Seen
from .texts import phrase

STATE = ("H", "C")


def _cell_cases(*sizes):
    def cases(rng):
        for batch, inputs, hiddens in sizes:
            yield {
                "X": rng.normal(size=(batch, inputs)),
                "H": rng.normal(size=(batch, hiddens)),
                "C": rng.normal(size=(batch, hiddens)),
                "W_x": rng.normal(size=(inputs, 4 * hiddens)),
                "W_h": rng.normal(size=(hiddens, 4 * hiddens)),
                "b": rng.normal(size=4 * hiddens),
            }

    return cases


def _cell(order=(0, 1, 2, 3), out=nd.tanh, candidate=nd.tanh, memory=lambda f, C: f * C, old=False):
    """Return an LSTM cell with mistakes in it."""

    def lstm_cell(X, H, C, W_x, W_h, b):
        gates = (nd.dot(X, W_x) + nd.dot(H, W_h) + b).split(4, axis=1)
        i, f, g, o = (gates[k] for k in order)
        new = memory(f.sigmoid(), C) + i.sigmoid() * candidate(g)
        return o.sigmoid() * out(C if old else new), new

    return lstm_cell


def _exchanged(X, H, C, W_x, W_h, b):
    return lstm_cell(X, H, C, W_x, W_h, b)[::-1]


def _sequence(f, rng):
    """Yield the state on the way through a sequence of 50 steps."""
    case = next(_cell_cases((2, 3, 4))(rng))
    weights = [as_nd(case[name] * 0.5) for name in ("W_x", "W_h", "b")]
    H, C = as_nd(case["H"]), as_nd(case["C"])
    yield {"H": H, "C": C}
    for _ in range(50):
        state = call(f.lstm_cell, as_nd(rng.normal(size=(2, 3))), H, C, *weights)
        H, C = (as_nd(as_array(part, "lstm_cell")) for part in parts_of(state, STATE, "lstm_cell"))
        yield {"H": H, "C": C}


def _interleaved(X, H, C, W_x, W_h, b):
    # column 4 k + gate is taken for that of unit k, instead of column gate hiddens + k
    order = nd.arange(W_x.shape[1]).reshape((-1, 4)).T.reshape(-1)
    return lstm_cell(X, H, C, W_x.take(order, axis=1), W_h.take(order, axis=1), b.take(order))


ARGUMENTS = ("X", "H", "C", "W_x", "W_h", "b")
LSTM_CELL = Exercise(
    "lstm_cell",
    {"lstm_cell": lstm_cell},
    [
        shapes("lstm_cell", _cell_cases((2, 3, 4), (1, 2, 2)), STATE),
        values("lstm_cell", _cell_cases((2, 3, 4), (1, 2, 2)), STATE),
        gradient("lstm_cell", _cell_cases((2, 3, 4)), ARGUMENTS, STATE),
        path(_sequence),
    ],
    {
        "gates in another order": _cell(order=(0, 1, 3, 2)),
        "gates exchanged": _cell(order=(1, 0, 2, 3)),
        "no tanh": _cell(out=lambda C: C),
        "candidate": _cell(candidate=nd.sigmoid),
        "never forgets": _cell(memory=lambda f, C: C),
        "share forgotten": _cell(memory=lambda f, C: (1 - f) * C),
        "old memory": _cell(old=True),
        "exchanged": _exchanged,
        "bias twice": lambda X, H, C, W_x, W_h, b: lstm_cell(X, H, C, W_x, W_h, 2 * b),
        "interleaved": _interleaved,
    },
)


def perplexity(net, batches, state):
    """Return the perplexity of a text that is cut into batches, carrying the state from each to the next."""
    total, count = 0.0, 0
    for X, y in batches:
        losses, state = net(X, y, state)
        total += losses.sum().asscalar()
        count += losses.size
    # exp of the mean loss of all words, however they are cut into batches
    return math.exp(total / count)


def _perplexity(carry=True, finish=lambda totals, counts: math.exp(sum(totals) / sum(counts))):
    def perplexity(net, batches, state):
        first, totals, counts = state, [], []
        for X, y in batches:
            losses, state = net(X, y, state if carry else first)
            totals.append(losses.sum().asscalar())
            counts.append(losses.size)
        return finish(totals, counts)

    return perplexity


def _means(totals, counts):
    return [total / count for total, count in zip(totals, counts)]


def _text(*lengths):
    def observe(f, rng) -> Iterator[Seen]:
        batches = [(as_nd(rng.uniform(size=(n, 2))), as_nd(rng.uniform(size=(n, 2)))) for n in lengths]

        def net(X, y, state):
            # The loss of a word grows with the state, so that it shows whether the state is carried over.
            return 0.5 + (X - y).abs() + 0.3 * state.mean(), state + X.mean()

        what = phrase("perplexity", "call", lengths=", ".join(map(str, lengths)))
        yield Seen(what, call(f.perplexity, net, batches, as_nd(np.zeros((2, 3)))))

    return observed(VALUES, observe)


PERPLEXITY = Exercise(
    "perplexity",
    {"perplexity": perplexity},
    [_text(6), _text(5, 5, 5), _text(8, 8, 3)],
    {
        "state begins anew": _perplexity(carry=False),
        "mean of perplexities": _perplexity(finish=lambda t, c: float(np.mean(np.exp(_means(t, c))))),
        "mean of means": _perplexity(finish=lambda t, c: math.exp(np.mean(_means(t, c)))),
        "no exp": _perplexity(finish=lambda t, c: sum(t) / sum(c)),
        "exp of the sum": _perplexity(finish=lambda t, c: math.exp(sum(t))),
        "power of 2": _perplexity(finish=lambda t, c: 2 ** (sum(t) / sum(c))),
        "last batch": _perplexity(finish=lambda t, c: math.exp(t[-1] / c[-1])),
    },
)
EXERCISES = (LSTM_CELL, PERPLEXITY)
