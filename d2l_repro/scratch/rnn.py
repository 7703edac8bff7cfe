"""Recurrent nets from scratch: long short-term memory (section 6.8; S. Hochreiter and J. Schmidhuber, 1997).

The four gates are columns of one matrix, in Gluon's order: input gate, forget gate, candidate, output gate.
So one product serves all four, and parameters correspond to those of gluon.rnn.
"""

from mxnet import nd


def lstm_parameters(num_inputs, num_hiddens, draw):
    """Parameters of a layer: W_x (inputs, 4 hiddens), W_h (hiddens, 4 hiddens), b (4 hiddens,) of zeros.

    Args:
        num_inputs, num_hiddens: sizes.
        draw: shape -> initial weights, such as `init.xavier`.
    """
    return [
        draw((num_inputs, 4 * num_hiddens)),
        draw((num_hiddens, 4 * num_hiddens)),
        nd.zeros(4 * num_hiddens),
    ]


def lstm_cell(X, H, C, W_x, W_h, b):
    """One step of a layer.

    Args:
        X: inputs, (batch, inputs).
        H, C: hidden state and memory after the step before, (batch, hiddens).
        W_x, W_h, b: as of `lstm_parameters`.

    Returns:
        H and C after this step.
    """
    return _step(nd.dot(X, W_x) + b, H, C, W_h)


def _step(from_input, H, C, W_h):
    gates = from_input + nd.dot(H, W_h)
    # i = sigmoid(X W_xi + H W_hi + b_i), f and o likewise with weights of their own, g = tanh(X W_xg + H W_hg
    # + b_g)
    i, f, g, o = gates.split(4, axis=1)
    # C <- f C + i g: what of the memory is kept, and what is put in
    C = f.sigmoid() * C + i.sigmoid() * g.tanh()
    # H = o tanh(C): how much of it is shown
    return o.sigmoid() * C.tanh(), C


def lstm(X, state, W_x, W_h, b):
    """A layer over all steps.

    Args:
        X: inputs, (steps, batch, inputs).
        state: [H, C] before the first step, each (batch, hiddens).
        W_x, W_h, b: as of `lstm_parameters`.

    Returns:
        outputs, the H of every step, (steps, batch, hiddens), and [H, C] after the last.
    """
    steps, batch, _ = X.shape
    # The inputs of all steps are known, so their product is one; that with H has to wait for each step's H.
    from_input = nd.dot(X.reshape((steps * batch, -1)), W_x) + b
    # Cut apart in one go: a slice for each step would have a gradient of the whole's size for each step.
    from_inputs = from_input.split(steps, axis=0) if steps > 1 else [from_input]
    H, C = state
    outputs = []
    for one in from_inputs:
        H, C = _step(one, H, C, W_h)
        outputs.append(H)
    return nd.stack(*outputs), [H, C]
