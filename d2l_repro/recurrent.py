"""Nets that go on from batch to batch where they were."""
from mxnet import autograd, gluon

from .train import Callback


class Carried(gluon.Block, Callback):
    """A recurrent net as the loop takes it, X -> y_hat; while it is trained, its state goes from batch to batch.

    Handed to the loop as a callback too, it begins each epoch anew. Whoever asks it something outside of training
    leaves its state alone. It is a Block, so that a net's layers are found in it.

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
        # Else the graph would reach back to the first batch of the epoch.
        self.state = [array.detach() for array in state]
        return y_hat

    def reader(self):
        """X -> y_hat with a state of its own, for what is to be read from its beginning: another text, a sample."""
        state = None

        def read(X):
            nonlocal state
            y_hat, state = self.net(X, state or self.begin_state(X))
            return y_hat

        return read

    def after_epoch(self, loop):
        self.state = None
