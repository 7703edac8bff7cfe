"""Long short-term memory (LSTM) from scratch (section 6.8; S. Hochreiter and J. Schmidhuber, 1997).

The weights of the four gates are columns of the same matrix, in Gluon's order: input gate, forget gate,
candidate, output gate. A single product then serves all four, and parameters correspond to those of
gluon.rnn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from mxnet import nd


def lstm_parameters(
    num_inputs: int, num_hiddens: int, draw: Callable[[tuple[int, int]], nd.NDArray]
) -> list[nd.NDArray]:
    """Return initial parameters of an LSTM layer.

    Args:
        num_inputs: features of each step.
        num_hiddens: hidden units.
        draw: shape -> initial weights, such as `init.xavier`.

    Returns:
        W_x (inputs, 4 hiddens), W_h (hiddens, 4 hiddens), and b (4 hiddens,), which is 0.
    """
    return [
        draw((num_inputs, 4 * num_hiddens)),
        draw((num_hiddens, 4 * num_hiddens)),
        nd.zeros(4 * num_hiddens),
    ]


def lstm_cell(
    X: nd.NDArray, H: nd.NDArray, C: nd.NDArray, W_x: nd.NDArray, W_h: nd.NDArray, b: nd.NDArray
) -> tuple[nd.NDArray, nd.NDArray]:
    """Compute one step of an LSTM layer.

    Args:
        X: inputs, (batch, inputs).
        H: hidden state after the previous step, (batch, hiddens).
        C: memory after the previous step, (batch, hiddens).
        W_x: weights of the inputs, (inputs, 4 hiddens).
        W_h: weights of the hidden state, (hiddens, 4 hiddens).
        b: bias, (4 hiddens,).

    Returns:
        H and C after this step.
    """
    return _step(nd.dot(X, W_x) + b, H, C, W_h)


def _step(
    gates_from_X: nd.NDArray, H: nd.NDArray, C: nd.NDArray, W_h: nd.NDArray
) -> tuple[nd.NDArray, nd.NDArray]:
    """Compute one step from X W_x + b, (batch, 4 hiddens)."""
    # i = sigmoid(X W_xi + H W_hi + b_i), likewise f and o with their own weights, and
    # g = tanh(X W_xg + H W_hg + b_g)
    gates = gates_from_X + nd.dot(H, W_h)
    i, f, g, o = gates.split(4, axis=1)
    # C <- f C + i g: f is the share of the old memory to keep, i the share of the candidate to add
    C = f.sigmoid() * C + i.sigmoid() * g.tanh()
    # H = o tanh(C): o is the share of the memory that is output
    return o.sigmoid() * C.tanh(), C


def lstm(
    X: nd.NDArray, state: Sequence[nd.NDArray], W_x: nd.NDArray, W_h: nd.NDArray, b: nd.NDArray
) -> tuple[nd.NDArray, list[nd.NDArray]]:
    """Apply an LSTM layer to all steps of a sequence.

    Args:
        X: inputs, (steps, batch, inputs).
        state: [H, C] before the first step, each (batch, hiddens).
        W_x: weights of the inputs, (inputs, 4 hiddens).
        W_h: weights of the hidden state, (hiddens, 4 hiddens).
        b: bias, (4 hiddens,).

    Returns:
        outputs, which are the H of every step, (steps, batch, hiddens), and [H, C] after the last step.
    """
    steps, batch, _ = X.shape
    # The inputs of all steps are known in advance, so a single product is enough for all of them. The product
    # with H must wait for the previous step.
    gates_from_X = nd.dot(X.reshape((steps * batch, -1)), W_x) + b
    # Split into steps at once: the gradient of a slice is as large as the whole array, and there would be one
    # for each step.
    gates_by_step = gates_from_X.split(steps, axis=0) if steps > 1 else [gates_from_X]
    H, C = state
    outputs = []
    for gates in gates_by_step:
        H, C = _step(gates, H, C, W_h)
        outputs.append(H)
    return nd.stack(*outputs), [H, C]
