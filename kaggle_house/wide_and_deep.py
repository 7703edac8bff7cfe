"""Define the net with hidden units for house prices, and its loss, as Gluon blocks."""

from mxnet import gluon, init
from mxnet.gluon import nn


class WideAndDeep(gluon.HybridBlock):
    """Compute several nets in one graph, each a linear layer plus a hidden layer of its own.

    (batch, inputs) -> (batch, nets): net_m(x) = x w_m + b_m + sum_h v_mh dropout(swish(x W_m + c_m))_h
    """

    def __init__(self, num_inputs: int, num_hiddens: int, num_nets: int, drop_prob: float):
        super().__init__()
        self.shape = (0, num_nets, num_hiddens)
        # Start at zero: the L1 penalty would take long to remove other initial weights from useless columns.
        self.wide = nn.Dense(num_nets, weight_initializer=init.Zero(), in_units=num_inputs)
        # Glorot's bound for a single net, however many share the layer.
        bound = (6 / (num_inputs + num_hiddens)) ** 0.5
        self.hidden = nn.Dense(
            num_nets * num_hiddens, weight_initializer=init.Uniform(bound), in_units=num_inputs
        )
        self.swish, self.dropout = nn.Swish(), nn.Dropout(drop_prob)
        he = init.Normal((2 / num_hiddens) ** 0.5)
        self.v = self.params.get("v", shape=(1, num_nets, num_hiddens), init=he)

    def hybrid_forward(self, F, x, v):
        """Return the outputs of all nets, (batch, nets)."""
        H = self.dropout(self.swish(self.hidden(x))).reshape(self.shape)  # (batch, nets, hiddens)
        return self.wide(x) + F.broadcast_mul(H, v).sum(axis=2)


class SummedHuberLoss(gluon.HybridBlock):
    """Sum the Huber losses of all nets, so that no net's gradients depend on another net."""

    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def hybrid_forward(self, F, y_hat, y):
        """Return one loss per example, (batch,), from y_hat (batch, nets) and y (batch,)."""
        error = F.broadcast_sub(y_hat, y.reshape((-1, 1)))
        # e^2 / (2 delta) up to delta, |e| - delta / 2 beyond: the gradient of an outlier is bounded
        loss = F.where(
            error.abs() > self.delta, error.abs() - self.delta / 2, error.square() / (2 * self.delta)
        )
        return loss.sum(axis=1)
