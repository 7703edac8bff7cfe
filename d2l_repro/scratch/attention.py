"""Attention from scratch (section 10.11; D. Bahdanau, K. Cho and Y. Bengio, 2015)."""

from __future__ import annotations

from mxnet import nd

from .functional import softmax

FAR_BELOW = -1e9  # score of a masked step: e to its difference from any other score is exactly 0


def additive_attention(
    query: nd.NDArray, states: nd.NDArray, mask: nd.NDArray, W: nd.NDArray, v: nd.NDArray
) -> tuple[nd.NDArray, nd.NDArray]:
    """Return the mean of the encoder's states, weighted by how well each answers the decoder's query.

    Args:
        query: state of the decoder, (batch, hiddens).
        states: outputs of the encoder, (steps, batch, hiddens).
        mask: 1 for steps that may be attended to, 0 for others, (batch, steps); at least one 1 in each row.
        W: weights of a state and of the query below it, (2 hiddens, attention).
        v: weights of the score, (attention, 1).

    Returns:
        context, (batch, hiddens), and the weights of the steps, (batch, steps), which add up to 1.
    """
    steps, batch, hiddens = states.shape
    # e_t = v' tanh(W_h' h_t + W_s' s), a net with one hidden layer that reads h_t and s side by side
    from_states = nd.dot(states.reshape((-1, hiddens)), W[:hiddens]).reshape((steps, batch, -1))
    hidden = (from_states + nd.dot(query, W[hiddens:]).expand_dims(0)).tanh()  # (steps, batch, attention)
    scores = nd.dot(hidden.reshape((steps * batch, -1)), v).reshape((steps, batch)).T  # (batch, steps)
    # alpha = softmax(e) over the steps that are not masked
    weights = softmax(nd.where(mask, scores, nd.full(scores.shape, FAR_BELOW, dtype=scores.dtype)))
    # c = sum over t of alpha_t h_t
    context = (weights.T.expand_dims(2) * states).sum(axis=0)
    return context, weights
