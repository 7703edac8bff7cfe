"""Train recurrent nets on a text, and print what they predict (chapter 6)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Callable

from mxnet import Context, gluon, init, nd

from ..data.characters import CharacterBatches
from ..train.callbacks import Clip, perplexity
from ..train.loop import Callback, Loop
from ..train.loop import train_ch3 as run_loop
from ..train.stateful import StatefulNet
from .recurrent import InitState, Rnn, RNNModel, States, predict_rnn, predict_rnn_gluon, step_by_step

__all__ = ["train_and_predict_rnn", "train_and_predict_rnn_gluon"]


def train_and_predict_rnn(
    rnn: Rnn,
    get_params: Callable[[], list[nd.NDArray]],
    init_rnn_state: InitState,
    num_hiddens: int,
    vocab_size: int,
    ctx: Context,
    corpus_indices: Sequence[int],
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
    is_random_iter: bool,
    num_epochs: int,
    num_steps: int,
    lr: float,
    clipping_theta: float | None,
    batch_size: int,
    pred_period: int,
    pred_len: int,
    prefixes: Sequence[str],
) -> None:
    """Train a recurrent net from scratch; print its perplexity and what it predicts (section 6.4).

    Args:
        rnn: (inputs, state, params) -> outputs, state.
        get_params: () -> parameters with gradients attached.
        init_rnn_state: (batch_size, num_hiddens, ctx) -> state before the first character.
        num_hiddens: hidden units.
        vocab_size: number of different characters.
        ctx: device of the parameters.
        corpus_indices: the text as numbers.
        idx_to_char: the different characters in the order of their numbers.
        char_to_idx: character -> number.
        is_random_iter: whether to read the text by random sampling, with a new state for each batch, or by
            adjacent sampling, with a state that is carried over.
        num_epochs: passes over the text.
        num_steps: characters of a row in a batch; the gradient flows back through these.
        lr: learning rate of SGD, for the gradient of the mean loss per character.
        clipping_theta: norm to which a larger gradient is scaled down; None scales none.
        batch_size: rows of a batch.
        pred_period: epochs from one print to the next.
        pred_len: characters to add to each prefix.
        prefixes: texts from which the net goes on.

    Raises:
        InputError: the text is too short for a batch.
        TrainingDiverged: the loss is not finite.
    """
    params = get_params()
    net = step_by_step(rnn, params, vocab_size)

    def begin_state(X: nd.NDArray) -> States:
        return init_rnn_state(len(X), num_hiddens, ctx)

    predict = partial(
        predict_rnn,
        num_chars=pred_len,
        rnn=rnn,
        params=params,
        init_rnn_state=init_rnn_state,
        num_hiddens=num_hiddens,
        vocab_size=vocab_size,
        ctx=ctx,
        idx_to_char=idx_to_char,
        char_to_idx=char_to_idx,
    )
    _train(
        StatefulNet(net, begin_state, carried=not is_random_iter),
        CharacterBatches(corpus_indices, batch_size, num_steps, not is_random_iter, ctx=ctx),
        params,
        {"params": params, "lr": lr},
        clipping_theta,
        num_epochs,
        _PrintPredictions(predict, prefixes, pred_period),
    )


def train_and_predict_rnn_gluon(
    model: RNNModel,
    num_hiddens: int,
    vocab_size: int,
    ctx: Context,
    corpus_indices: Sequence[int],
    idx_to_char: Sequence[str],
    char_to_idx: dict[str, int],
    num_epochs: int,
    num_steps: int,
    lr: float,
    clipping_theta: float | None,
    batch_size: int,
    pred_period: int,
    pred_len: int,
    prefixes: Sequence[str],
) -> None:
    """Train a recurrent net of Gluon's from new weights, as `train_and_predict_rnn` does (section 6.5).

    The text is read by adjacent sampling. `model` is (X, state) -> scores (steps * batch, vocab_size), state,
    and has `begin_state`, like `RNNModel`; it knows its `num_hiddens`. The other arguments are those of
    `train_and_predict_rnn`.
    """
    model.initialize(ctx=ctx, force_reinit=True, init=init.Normal(0.01))
    options = {"learning_rate": lr, "momentum": 0, "wd": 0}
    predict = partial(
        predict_rnn_gluon,
        num_chars=pred_len,
        model=model,
        vocab_size=vocab_size,
        ctx=ctx,
        idx_to_char=idx_to_char,
        char_to_idx=char_to_idx,
    )
    _train(
        StatefulNet(model, lambda X: model.begin_state(batch_size=len(X), ctx=ctx)),
        CharacterBatches(corpus_indices, batch_size, num_steps, ctx=ctx),
        model.collect_params().values(),
        {"trainer": gluon.Trainer(model.collect_params(), "sgd", options)},
        clipping_theta,
        num_epochs,
        _PrintPredictions(predict, prefixes, pred_period),
    )


class _PrintPredictions(Callback):
    """Print the book's lines after every `period` epochs."""

    def __init__(self, predict: Callable[[str], str], prefixes: Sequence[str], period: int):
        self.predict, self.prefixes, self.period = predict, prefixes, period

    def after_epoch(self, loop: Loop) -> None:
        row = loop.history[-1]
        if row["epoch"] % self.period == 0:
            print(
                f"epoch {row['epoch']}, perplexity {perplexity(row['train_loss']):f}, "
                f"time {row['seconds']:.2f} sec"
            )
            for prefix in self.prefixes:
                print(" -", self.predict(prefix), flush=True)


def _train(net, text, params, trained, clipping_theta, num_epochs, printing) -> None:
    """Train on the mean loss per character."""
    callbacks = [net, printing]
    if clipping_theta is not None:
        callbacks.append(Clip(params, clipping_theta, text.num_chars))
    run_loop(
        net,
        text,
        None,
        gluon.loss.SoftmaxCrossEntropyLoss(),
        num_epochs,
        text.num_chars,
        **trained,
        metrics={},
        callbacks=callbacks,
    )
