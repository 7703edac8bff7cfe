"""Nets that go on from batch to batch where they were."""

from mxnet import autograd, gluon

from .loop import Callback


class Carried(gluon.Block, Callback):
    """A recurrent net as the loop takes it, X -> y_hat; while it is trained, its state goes from batch to
    batch.

    Handed to the loop as a callback too, it begins each epoch anew. Whoever asks it something outside of
    training leaves its state alone. It is a Block, so that a net's layers are found in it.

    Args:
        net: (X, state) -> y_hat, state after X; a function or a Gluon block. A state is a list of NDArrays.
        begin_state: X -> the state before any X.
    """

    def __init__(self, net, begin_state):
        super().__init__()
        self.net, self.begin_state, self.state = net, begin_state, None

    def forward(self, X):
        if not autograd.is_training():
            return self.reader()(X)
        y_hat, state = self.net(X, self.state or self.begin_state(X))
        self._carry(state)
        return y_hat

    def _carry(self, state):
        # Else the graph would reach back to the first batch of the epoch.
        self.state = [array.detach() for array in state]

    def gradients_of(self, loss):
        """For the loop's `gradients`: net and loss as one graph, where both are Gluon's HybridBlocks.

        It gives no y_hat. The scores of 10,000 words at 700 places and their gradient, 28 MB each, then stay
        within the graph, in memory of its own; to have as much from the system at every step takes a tenth of
        the step's time.

        Args:
            loss: (y_hat, y) -> losses.
        """
        net_and_loss = _WithLoss(self.net, loss)
        net_and_loss.hybridize(static_alloc=True, static_shape=True)

        def gradients(X, y):
            with autograd.record():
                losses, state = net_and_loss(X, y, self.state or self.begin_state(X))
            losses.backward()
            self._carry(state)
            return None, losses

        return gradients

    def reader(self):
        """X -> y_hat with a state of its own, for what is to be read from its beginning: another text, a
        sample."""
        state = None

        def read(X):
            nonlocal state
            y_hat, state = self.net(X, state or self.begin_state(X))
            return y_hat

        return read

    def after_epoch(self, loop):
        self.state = None


class _WithLoss(gluon.HybridBlock):
    def __init__(self, net, loss):
        super().__init__()
        self.net, self.loss = net, loss

    def hybrid_forward(self, F, X, y, state):
        y_hat, state = self.net(X, state)
        return self.loss(y_hat, y), state
