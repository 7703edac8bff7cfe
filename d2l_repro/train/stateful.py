"""Train recurrent nets whose state is carried over from batch to batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from .loop import Callback, Gradients, Loop

State = Sequence[nd.NDArray]


class StatefulNet(gluon.Block, Callback):
    """Wrap a recurrent net as X -> y_hat for the loop, carrying its state over from batch to batch.

    Pass it to the loop as a callback too: then each epoch begins with a fresh state. Outside of training a
    call leaves the carried state alone. It is a Block, so that the layers inside can be found.

    Args:
        net: (X, state) -> y_hat, state after X; a function or a Gluon block.
        begin_state: X -> the state before any X.
        carried: whether the state is carried over; otherwise each batch begins with a fresh one, as those of
            random sampling must.
    """

    def __init__(
        self,
        net: Callable[[nd.NDArray, State], tuple[nd.NDArray, State]],
        begin_state: Callable[[nd.NDArray], State],
        carried: bool = True,
    ):
        super().__init__()
        self.net, self.begin_state, self.carried = net, begin_state, carried
        self.state: State | None = None

    def forward(self, X: nd.NDArray) -> nd.NDArray:
        if not autograd.is_training():
            return self.reader()(X)
        y_hat, state = self.net(X, self.state or self.begin_state(X))
        self._carry(state)
        return y_hat

    def _carry(self, state: State) -> None:
        # Without detaching, the graph would reach back to the first batch of the epoch.
        self.state = [array.detach() for array in state] if self.carried else None

    def gradients_of(self, loss: gluon.loss.Loss) -> Gradients:
        """Return `gradients` for the loop with net and loss as one graph; both must be HybridBlocks.

        They return None for y_hat: the scores of 10,000 words at 700 positions and their gradient, 28 MB
        each, stay inside the graph, whose memory is reused. Allocating as much at every step takes a tenth of
        its time.

        Args:
            loss: (y_hat, y) -> losses.
        """
        net_and_loss = _WithLoss(self.net, loss)
        net_and_loss.hybridize(static_alloc=True, static_shape=True)

        def gradients(X: nd.NDArray, y: nd.NDArray) -> tuple[None, nd.NDArray]:
            with autograd.record():
                losses, state = net_and_loss(X, y, self.state or self.begin_state(X))
            losses.backward()
            self._carry(state)
            return None, losses

        return gradients

    def reader(self) -> Callable[[nd.NDArray], nd.NDArray]:
        """Return X -> y_hat with a state of its own, to read another text or a sample from its beginning."""
        state = None

        def read(X: nd.NDArray) -> nd.NDArray:
            nonlocal state
            y_hat, state = self.net(X, state or self.begin_state(X))
            return y_hat

        return read

    def after_epoch(self, loop: Loop) -> None:
        self.state = None


class RNNModel(nn.Block):
    """A recurrent layer of Gluon's between one-hot vectors and a dense output layer (section 6.5).

    It is (X, state) -> scores, state, as `StatefulNet` needs it.

    Args:
        rnn_layer: such as gluon.rnn.RNN.
        vocab_size: number of different characters.
        **kwargs: options of gluon.nn.Block.
    """

    def __init__(self, rnn_layer: gluon.Block, vocab_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.rnn, self.vocab_size = rnn_layer, vocab_size
        self.dense = nn.Dense(vocab_size, flatten=False)

    def forward(self, inputs: nd.NDArray, state: State) -> tuple[nd.NDArray, State]:
        X = nd.one_hot(inputs.T, self.vocab_size, dtype=state[0].dtype)
        H, state = self.rnn(X, state)  # (steps, batch, hiddens)
        return self.dense(H).reshape((-1, self.vocab_size)), state  # (steps * batch, vocab_size)

    def begin_state(self, *args: Any, **kwargs: Any) -> State:
        """Return the state before the first character; arguments as for Gluon's layer."""
        return self.rnn.begin_state(*args, **kwargs)


class _WithLoss(gluon.HybridBlock):
    def __init__(self, net, loss):
        super().__init__()
        self.net, self.loss = net, loss

    def hybrid_forward(self, F, X, y, state):
        y_hat, state = self.net(X, state)
        return self.loss(y_hat, y), state
