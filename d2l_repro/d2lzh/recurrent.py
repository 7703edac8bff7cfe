"""Predict a text character by character with recurrent nets (chapter 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Callable

from mxnet import Context, nd

from ..data.characters import (
    Characters,
    continue_text,
    data_iter_consecutive,
    data_iter_random,
    load_characters,
)
from ..scratch.optim import clip_gradients
from ..train.stateful import RNNModel
from .data import warn_of_stand_in

__all__ = [
    "RNNModel",
    "data_iter_consecutive",
    "data_iter_random",
    "grad_clipping",
    "load_data_jay_lyrics",
    "load_data_time_machine",
    "predict_rnn",
    "predict_rnn_gluon",
    "to_onehot",
]

Corpus = tuple[list[int], dict[str, int], list[str], int]
States = Sequence[nd.NDArray]  # [H], or [H, C] of an LSTM
# (inputs, state, params) -> outputs, state; inputs and outputs are lists with an array for each step
Rnn = Callable[[list[nd.NDArray], States, list[nd.NDArray]], tuple[Sequence[nd.NDArray], States]]
InitState = Callable[[int, int, Context], States]  # (batch_size, num_hiddens, ctx) -> state


def load_data_jay_lyrics() -> Corpus:
    """Load the first 10,000 characters of the lyrics (section 6.3).

    The file is searched for in $D2L_REPRO_DATA and the cache, and then downloaded. If that fails, generated
    verses are used as stand-in data, with a warning.

    Returns:
        the text as a list of numbers, a dict from characters to numbers, the list of characters in the order
        of their numbers, and how many there are.

    Raises:
        InputError: the file exists but cannot be read.
    """
    return _corpus(load_characters("lyrics"))


def load_data_time_machine() -> Corpus:
    """Load the first 10,000 characters of *The Time Machine*, as `load_data_jay_lyrics` does the lyrics."""
    return _corpus(load_characters("time_machine"))


def _corpus(text: Characters) -> Corpus:
    warn_of_stand_in(text.stand_in_for, text.name)
    return text.indices, text.char_to_idx, text.idx_to_char, len(text.idx_to_char)


def to_onehot(X: nd.NDArray, size: int) -> list[nd.NDArray]:
    """Return characters as one-hot vectors, step by step (section 6.4).

    Args:
        X: numbers of characters, (batch, steps), or (steps,) for a single row.
        size: number of different characters.

    Returns:
        a list with an array (batch, size) for each step.
    """
    steps = X.T
    return list(nd.one_hot(steps, size).reshape((len(steps), -1, size)))


def grad_clipping(params: Iterable[nd.NDArray], theta: float | None, ctx: Context) -> None:
    """Scale gradients in place so that their joint norm is at most `theta` (section 6.4).

    Args:
        params: arrays with gradients attached.
        theta: largest norm; None leaves the gradients as they are.
        ctx: device of the parameters. It is not needed, as they are known to be there.
    """
    if theta is not None:
        clip_gradients([param.grad for param in params], theta)


def predict_rnn(
    prefix: str,
    num_chars: int,
    rnn: Rnn,
    params: list[nd.NDArray],
    init_rnn_state: InitState,
    num_hiddens: int,
    vocab_size: int,
    ctx: Context,
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
) -> str:
    """Let a recurrent net from scratch go on from a prefix (section 6.4).

    Args:
        prefix: the first characters.
        num_chars: characters to add.
        rnn: (inputs, state, params) -> outputs, state.
        params: of the net.
        init_rnn_state: (batch_size, num_hiddens, ctx) -> state before the first character.
        num_hiddens: hidden units.
        vocab_size: number of different characters.
        ctx: device of the parameters.
        idx_to_char: the different characters in the order of their numbers.
        char_to_idx: character -> number.

    Returns:
        the prefix, and the characters that the net finds most probable after it, one after the other.

    Raises:
        InputError: the prefix is empty, or contains a character that the text does not.
    """
    net = step_by_step(rnn, params, vocab_size)
    state = init_rnn_state(1, num_hiddens, ctx)
    return _predict(prefix, num_chars, net, state, ctx, idx_to_char, char_to_idx)


def predict_rnn_gluon(
    prefix: str,
    num_chars: int,
    model: RNNModel,
    vocab_size: int,
    ctx: Context,
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
) -> str:
    """Let a recurrent net of Gluon's go on from a prefix, as `predict_rnn` does (section 6.5)."""
    state = model.begin_state(batch_size=1, ctx=ctx)
    return _predict(prefix, num_chars, model, state, ctx, idx_to_char, char_to_idx)


def step_by_step(rnn: Rnn, params: list[nd.NDArray], vocab_size: int) -> Callable:
    """Return a net from scratch as (X, state) -> scores (steps * batch, vocab_size), state."""

    def net(X: nd.NDArray, state: States) -> tuple[nd.NDArray, States]:
        outputs, state = rnn(to_onehot(X, vocab_size), state, params)
        return nd.concat(*outputs, dim=0), state

    return net


def _predict(
    prefix: str,
    num_chars: int,
    net: Callable,
    state: States,
    ctx: Context,
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
) -> str:
    def read(X: nd.NDArray) -> nd.NDArray:
        nonlocal state
        scores, state = net(X, state)
        return scores

    return continue_text(prefix, num_chars, read, idx_to_char, char_to_idx, ctx)
