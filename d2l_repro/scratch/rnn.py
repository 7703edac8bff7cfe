"""Recurrent layers from scratch: without gates, gated recurrent units, and long short-term memory.

The layer without gates is that of section 6.4, the GRU that of section 6.7 (K. Cho et al., 2014), the LSTM
that of section 6.8 (S. Hochreiter and J. Schmidhuber, 1997). The weights of all gates are columns of the same
matrix, in Gluon's order: for the GRU reset gate, update gate, candidate; for the LSTM input gate, forget
gate, candidate, output gate. A single product then serves them all, and parameters correspond to those of
gluon.rnn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from mxnet import nd

Draw = Callable[[tuple[int, int]], nd.NDArray]  # shape -> initial weights, such as `init.xavier`


def plain_rnn_parameters(num_inputs: int, num_hiddens: int, draw: Draw) -> list[nd.NDArray]:
    """Return initial parameters of a recurrent layer without gates.

    Args:
        num_inputs: features of each step.
        num_hiddens: hidden units.
        draw: shape -> initial weights.

    Returns:
        W_x (inputs, hiddens), W_h (hiddens, hiddens), and b (hiddens,), which is 0.
    """
    return [draw((num_inputs, num_hiddens)), draw((num_hiddens, num_hiddens)), nd.zeros(num_hiddens)]


def plain_rnn(
    X: nd.NDArray,
    H: nd.NDArray,
    W_x: nd.NDArray,
    W_h: nd.NDArray,
    b: nd.NDArray,
    activation: Callable[[nd.NDArray], nd.NDArray] = nd.tanh,
) -> nd.NDArray:
    """Apply a recurrent layer without gates to all steps of a sequence.

    Args:
        X: inputs, (steps, batch, inputs); or (steps, batch), the numbers of one-hot vectors.
        H: hidden state before the first step, (batch, hiddens).
        W_x: weights of the inputs, (inputs, hiddens).
        W_h: weights of the hidden state, (hiddens, hiddens).
        b: bias, (hiddens,).
        activation: applied to each element.

    Returns:
        outputs, which are the H of every step, (steps, batch, hiddens).
    """
    outputs = []
    for from_X in _gates_by_step(X, W_x, b):
        # H <- activation(X W_x + H W_h + b)
        H = activation(from_X + nd.dot(H, W_h))
        outputs.append(H)
    return nd.stack(*outputs)


def gru_parameters(num_inputs: int, num_hiddens: int, draw: Draw) -> list[nd.NDArray]:
    """Return initial parameters of a GRU layer.

    Args:
        num_inputs: features of each step.
        num_hiddens: hidden units.
        draw: shape -> initial weights.

    Returns:
        W_x (inputs, 3 hiddens), W_h (hiddens, 3 hiddens), and b_x and b_h (3 hiddens,), which are 0.
    """
    return [
        draw((num_inputs, 3 * num_hiddens)),
        draw((num_hiddens, 3 * num_hiddens)),
        nd.zeros(3 * num_hiddens),
        nd.zeros(3 * num_hiddens),
    ]


def gru_cell(
    X: nd.NDArray, H: nd.NDArray, W_x: nd.NDArray, W_h: nd.NDArray, b_x: nd.NDArray, b_h: nd.NDArray
) -> nd.NDArray:
    """Compute one step of a GRU layer, with Gluon's formula for the candidate.

    The reset gate multiplies H W_hn + b_hn, so that one product with H serves all gates. In section 6.7 it
    multiplies H before that product; see `gru_reset_first`. b_hn, which the gate multiplies too, is why there
    are two biases.

    Args:
        X: inputs, (batch, inputs).
        H: hidden state after the previous step, (batch, hiddens).
        W_x: weights of the inputs, (inputs, 3 hiddens).
        W_h: weights of the hidden state, (hiddens, 3 hiddens).
        b_x: bias beside the inputs, (3 hiddens,).
        b_h: bias beside the hidden state, (3 hiddens,).

    Returns:
        H after this step.
    """
    return _gru_step(nd.dot(X, W_x) + b_x, H, W_h, b_h)


def _gru_step(gates_from_X: nd.NDArray, H: nd.NDArray, W_h: nd.NDArray, b_h: nd.NDArray) -> nd.NDArray:
    """Compute one step from X W_x + b_x, (batch, 3 hiddens)."""
    x_r, x_z, x_n = gates_from_X.split(3, axis=1)
    h_r, h_z, h_n = (nd.dot(H, W_h) + b_h).split(3, axis=1)
    # r = sigmoid(X W_xr + b_xr + H W_hr + b_hr), likewise z with its own weights
    r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    # n = tanh(X W_xn + b_xn + r (H W_hn + b_hn)): r is the share of the old state that the candidate sees
    n = (x_n + r * h_n).tanh()
    # H <- z H + (1 - z) n: z is the share of the old state to keep
    return z * H + (1 - z) * n


def gru(
    X: nd.NDArray,
    H: nd.NDArray,
    W_x: nd.NDArray,
    W_h: nd.NDArray,
    b_x: nd.NDArray,
    b_h: nd.NDArray,
) -> nd.NDArray:
    """Apply a GRU layer to all steps of a sequence.

    Args:
        X: inputs, (steps, batch, inputs); or (steps, batch), the numbers of one-hot vectors.
        H: hidden state before the first step, (batch, hiddens).
        W_x: weights of the inputs, (inputs, 3 hiddens).
        W_h: weights of the hidden state, (hiddens, 3 hiddens).
        b_x: bias beside the inputs, (3 hiddens,).
        b_h: bias beside the hidden state, (3 hiddens,).

    Returns:
        outputs, which are the H of every step, (steps, batch, hiddens).
    """
    outputs = []
    for gates in _gates_by_step(X, W_x, b_x):
        H = _gru_step(gates, H, W_h, b_h)
        outputs.append(H)
    return nd.stack(*outputs)


def gru_reset_first(
    X: nd.NDArray, H: nd.NDArray, W_x: nd.NDArray, W_h: nd.NDArray, b: nd.NDArray
) -> nd.NDArray:
    """Apply a GRU layer with the candidate of section 6.7, where the reset gate comes before the product.

    Args:
        X: inputs, as for `gru`.
        H: hidden state before the first step, (batch, hiddens).
        W_x: weights of the inputs, (inputs, 3 hiddens).
        W_h: weights of the hidden state, (hiddens, 3 hiddens).
        b: bias, (3 hiddens,).

    Returns:
        outputs, which are the H of every step, (steps, batch, hiddens).
    """
    gates_end = 2 * H.shape[1]
    W_gates = W_h.slice_axis(axis=1, begin=0, end=gates_end)
    W_candidate = W_h.slice_axis(axis=1, begin=gates_end, end=None)
    outputs = []
    for from_X in _gates_by_step(X, W_x, b):
        x_r, x_z, x_n = from_X.split(3, axis=1)
        h_r, h_z = nd.dot(H, W_gates).split(2, axis=1)
        # r = sigmoid(X W_xr + H W_hr + b_r), likewise z with its own weights
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        # n = tanh(X W_xn + (r H) W_hn + b_n)
        n = (x_n + nd.dot(r * H, W_candidate)).tanh()
        # H <- z H + (1 - z) n
        H = z * H + (1 - z) * n
        outputs.append(H)
    return nd.stack(*outputs)


def _gates_by_step(X: nd.NDArray, W_x: nd.NDArray, b: nd.NDArray) -> list[nd.NDArray]:
    """Return X W_x + b of every step, (batch, gates), for inputs as described for `gru`."""
    steps = len(X)
    # The inputs of all steps are known in advance, so a single product is enough for all of them. The product
    # with H must wait for the previous step.
    if X.ndim == 2:
        # A row of W_x is its product with a one-hot vector, without the zeros.
        gates = W_x.take(X.reshape((-1,))) + b
    else:
        gates = nd.dot(X.reshape((steps * X.shape[1], -1)), W_x) + b
    # Split into steps at once: the gradient of a slice is as large as the whole array, and there would be one
    # for each step.
    return gates.split(steps, axis=0) if steps > 1 else [gates]


def lstm_parameters(num_inputs: int, num_hiddens: int, draw: Draw) -> list[nd.NDArray]:
    """Return initial parameters of an LSTM layer.

    Args:
        num_inputs: features of each step.
        num_hiddens: hidden units.
        draw: shape -> initial weights.

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
        X: inputs, as for `gru`.
        state: [H, C] before the first step, each (batch, hiddens).
        W_x: weights of the inputs, (inputs, 4 hiddens).
        W_h: weights of the hidden state, (hiddens, 4 hiddens).
        b: bias, (4 hiddens,).

    Returns:
        outputs, which are the H of every step, (steps, batch, hiddens), and [H, C] after the last step.
    """
    H, C = state
    outputs = []
    for gates in _gates_by_step(X, W_x, b):
        H, C = _step(gates, H, C, W_h)
        outputs.append(H)
    return nd.stack(*outputs), [H, C]
